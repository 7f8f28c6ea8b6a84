//! Assetto Corsa, laps recorded at about 8 Hz: which column is which channel?
//!
//! The recorder permuted the axes of the accelerations (x is along the car, y across it, z vertical), read the wind from
//! the wrong place (always 0, left out here), and stored no time except the lap clock, which the first crossing of the line
//! does not reset.

use std::collections::VecDeque;

use purple_sector_codec::{ABSENT, ChannelId, Event, Facts, FloatChannel, Sample, ch};

use super::csv::{CsvFormat, Fields, Item, lap_clock_ms, names};
use crate::lap::{LapClock, Moment};
use crate::source::{LineError, LineFault};

const HEADER_START: &str = "gas,brake,rpm,steer,speed,g_force_x,g_force_y,g_force_z,wheel_slip_front_left";
const G: f64 = 9.806_65;
const KPA_PER_PSI: f64 = 6.894_757;
/// Time between two rows where the lap clock does not show it, µs.
const USUAL_SPACING_US: u64 = 123_000;

/// Column, channel, and what one unit of the column is in the channel's unit.
const COLUMNS: [(usize, FloatChannel, f64); 23] = [
    (0, ch::THROTTLE, 1.0),
    (1, ch::BRAKE, 1.0),
    (2, ch::ENGINE_RPM, 1.0),
    (3, ch::STEER, 1.0),
    (4, ch::SPEED_MPS, 1.0 / 3.6),
    (5, ch::ACCEL_LONGITUDINAL_MPS2, G),
    (6, ch::ACCEL_LATERAL_MPS2, G),
    (7, ch::ACCEL_VERTICAL_MPS2, G),
    (8, ch::WHEEL_SLIP_FL, 1.0),
    (9, ch::WHEEL_SLIP_FR, 1.0),
    (10, ch::WHEEL_SLIP_RL, 1.0),
    (11, ch::WHEEL_SLIP_RR, 1.0),
    (12, ch::TYRE_PRESSURE_KPA_FL, KPA_PER_PSI),
    (13, ch::TYRE_PRESSURE_KPA_FR, KPA_PER_PSI),
    (14, ch::TYRE_PRESSURE_KPA_RL, KPA_PER_PSI),
    (15, ch::TYRE_PRESSURE_KPA_RR, KPA_PER_PSI),
    (16, ch::TYRE_CORE_TEMP_C_FL, 1.0),
    (17, ch::TYRE_CORE_TEMP_C_FR, 1.0),
    (18, ch::TYRE_CORE_TEMP_C_RL, 1.0),
    (19, ch::TYRE_CORE_TEMP_C_RR, 1.0),
    (20, ch::AIR_TEMP_C, 1.0),
    (21, ch::ROAD_TEMP_C, 1.0),
    (22, ch::YAW_RATE_RADPS, 1.0),
];
const CLOCK: usize = 23;
const LAP_FRACTION: usize = 24;

/// Reads such a file.
pub(super) struct AcCsv {
    columns: Vec<String>,
    laps: LapClock,
    elapsed_us: u64,
    clock_ms: Option<u32>,
}

impl AcCsv {
    pub(super) fn recognise(header: &str) -> Option<Self> {
        let columns = names(header);
        let known = header.starts_with(HEADER_START)
            && columns.get(CLOCK).is_some_and(|name| name == "current_time_str")
            && columns.get(LAP_FRACTION).is_some_and(|name| name == "normalized_car_position");
        known.then(|| Self { columns, laps: LapClock::default(), elapsed_us: 0, clock_ms: None })
    }
}

impl CsvFormat for AcCsv {
    fn channels(&self) -> Vec<ChannelId> {
        let floats = COLUMNS.iter().map(|(_, channel, _)| channel.id());
        let others = [ch::CURRENT_LAP_MS, ch::LAST_LAP_MS, ch::BEST_LAP_MS, ch::LAPS_COMPLETED]
            .map(|channel| channel.id());
        floats.chain([ch::LAP_FRACTION.id()]).chain(others).collect()
    }

    fn facts(&self) -> Facts {
        Facts { game: Some("Assetto Corsa".to_owned()), nominal_rate_hz: Some(8.1), ..Facts::default() }
    }

    fn take(&mut self, line: &str, items: &mut VecDeque<Item>) -> Result<(), LineError> {
        let fields = Fields::split(&self.columns, line)?;
        let text = fields.text(CLOCK);
        let clock_ms = lap_clock_ms(text)
            .ok_or_else(|| fields.wrong(CLOCK, LineFault::LapTime { text: text.to_owned() }))?;
        self.elapsed_us += match self.clock_ms {
            None => 0,
            // The clock began again, or stood still.
            Some(before) if clock_ms <= before => USUAL_SPACING_US,
            Some(before) => u64::from(clock_ms - before) * 1_000,
        };
        self.clock_ms = Some(clock_ms);
        let mut sample = Sample::absent(0);
        for (column, channel, factor) in COLUMNS {
            sample[channel] = (fields.number(column)? * factor) as f32;
        }
        sample[ch::LAP_FRACTION] = fields.number(LAP_FRACTION)?.clamp(0.0, 1.0) as f32;
        let moment = Moment { clock_ms, lap_fraction: Some(sample[ch::LAP_FRACTION]) };
        let finished = self.laps.step(moment);
        sample[ch::CURRENT_LAP_MS] = clock_ms as i32;
        sample[ch::LAPS_COMPLETED] = self.laps.n_completed as i32;
        sample[ch::LAST_LAP_MS] = self.laps.last_ms.map_or(ABSENT, |ms| ms as i32);
        sample[ch::BEST_LAP_MS] = self.laps.best_ms.map_or(ABSENT, |ms| ms as i32);
        let elapsed_us = self.elapsed_us;
        items.push_back(Item::Sample { elapsed_us, sample: Box::new(sample) });
        items.extend(finished.map(|lap| Item::Event(Event::LapFinished { at_us: elapsed_us, lap })));
        Ok(())
    }
}
