//! Assetto Corsa Competizione, whole laps at 6.4 to 6.6 Hz: which column is which channel?
//!
//! The recorder stored no time: a sample's time is its share of the lap's official time. Laps follow each other here even
//! if they were not driven one after the other.

use std::collections::VecDeque;

use purple_sector_codec::{ABSENT, ChannelId, Event, Facts, LapSummary, Sample, ch};

use super::csv::{CsvFormat, Fields, Item, lap_clock_ms, names};
use crate::source::{LineError, LineFault};

const HEADER: &str = "lap_row,track,session,lap_time_text,lap_counter,sample,speed[km/h],steerAngle[-1..1],\
                      gear[-1=R 0=N],gas[0..1],brake[0..1]";
const LAP_ROW: usize = 0;
const TRACK: usize = 1;
const SESSION: usize = 2;
const LAP_TIME: usize = 3;
const SPEED: usize = 6;
const STEER: usize = 7;
const GEAR: usize = 8;
const GAS: usize = 9;
const BRAKE: usize = 10;

/// Reads such a file, a lap at a time.
pub(super) struct AccLaps {
    columns: Vec<String>,
    lap: Option<Lap>,
    begin_us: u64,
    n_completed: u32,
    last_ms: Option<u32>,
    best_ms: Option<u32>,
}

/// The rows of one lap so far.
struct Lap {
    row: String,
    track: String,
    session: i32,
    time_ms: u32,
    samples: Vec<Sample>,
}

impl AccLaps {
    pub(super) fn recognise(header: &str) -> Option<Self> {
        (header == HEADER).then(|| Self {
            columns: names(header),
            lap: None,
            begin_us: 0,
            n_completed: 0,
            last_ms: None,
            best_ms: None,
        })
    }

    /// The lap is complete: now its samples' times are known.
    fn give(&mut self, lap: Lap, items: &mut VecDeque<Item>) {
        let lap_us = u64::from(lap.time_ms) * 1_000;
        let n_samples = lap.samples.len() as u64;
        items.push_back(Item::Facts(Facts { track: Some(lap.track), ..self.facts() }));
        // A lap's end and its last time show in the sample after it, as in a game.
        for (index, mut sample) in lap.samples.into_iter().enumerate() {
            let into_lap_us = lap_us * index as u64 / n_samples;
            sample[ch::CURRENT_LAP_MS] = (into_lap_us / 1_000) as i32;
            sample[ch::LAPS_COMPLETED] = self.n_completed as i32;
            sample[ch::LAST_LAP_MS] = self.last_ms.map_or(ABSENT, |ms| ms as i32);
            sample[ch::BEST_LAP_MS] = self.best_ms.map_or(ABSENT, |ms| ms as i32);
            sample[ch::SESSION_KIND] = lap.session;
            items.push_back(Item::Sample {
                elapsed_us: self.begin_us + into_lap_us,
                sample: Box::new(sample),
            });
        }
        self.begin_us += lap_us;
        self.n_completed += 1;
        self.last_ms = Some(lap.time_ms);
        self.best_ms = Some(self.best_ms.map_or(lap.time_ms, |best| best.min(lap.time_ms)));
        let number = self.n_completed;
        let summary = LapSummary { number, time_ms: lap.time_ms, valid: true, ..LapSummary::default() };
        items.push_back(Item::Event(Event::LapFinished { at_us: self.begin_us, lap: summary }));
    }
}

impl CsvFormat for AccLaps {
    fn channels(&self) -> Vec<ChannelId> {
        let floats = [ch::SPEED_MPS, ch::THROTTLE, ch::BRAKE, ch::STEER].map(|channel| channel.id());
        let laps = [ch::LAPS_COMPLETED, ch::CURRENT_LAP_MS, ch::LAST_LAP_MS, ch::BEST_LAP_MS]
            .map(|channel| channel.id());
        floats.into_iter().chain([ch::GEAR.id(), ch::SESSION_KIND.id()]).chain(laps).collect()
    }

    fn facts(&self) -> Facts {
        let game = Some("Assetto Corsa Competizione".to_owned());
        Facts { game, nominal_rate_hz: Some(6.5), ..Facts::default() }
    }

    fn take(&mut self, line: &str, items: &mut VecDeque<Item>) -> Result<(), LineError> {
        let fields = Fields::split(&self.columns, line)?;
        let mut sample = Sample::absent(0);
        sample[ch::SPEED_MPS] = (fields.number(SPEED)? / 3.6) as f32;
        sample[ch::STEER] = fields.number(STEER)? as f32;
        sample[ch::GEAR] = fields.number(GEAR)? as i32;
        sample[ch::THROTTLE] = fields.number(GAS)? as f32;
        sample[ch::BRAKE] = fields.number(BRAKE)? as f32;
        let text = fields.text(LAP_TIME);
        let time_ms = lap_clock_ms(text)
            .filter(|&ms| ms > 0)
            .ok_or_else(|| fields.wrong(LAP_TIME, LineFault::LapTime { text: text.to_owned() }))?;
        let (row, track) = (fields.text(LAP_ROW).to_owned(), fields.text(TRACK).to_owned());
        let session = match fields.text(SESSION) {
            "PRACTICE" => 0,
            "QUALIFY" => 1,
            "RACE" => 2,
            _ => ABSENT,
        };
        if let Some(lap) = self.lap.take_if(|lap| lap.row != row) {
            self.give(lap, items);
        }
        let lap = self.lap.get_or_insert_with(|| Lap { row, track, session, time_ms, samples: Vec::new() });
        lap.samples.push(sample);
        Ok(())
    }

    fn finish(&mut self, items: &mut VecDeque<Item>) {
        if let Some(lap) = self.lap.take() {
            self.give(lap, items);
        }
    }
}
