//! How does the simulator become a source? Its samples in the full schema's order, its laps as events.

use purple_sector_codec::{Event, Facts, Row, RowBuffer, Schema};

use super::simulator::{Simulator, SimulatorError, SimulatorSettings};
use super::{Source, SourceError, Step};

/// A simulated driver.
#[derive(Debug)]
pub struct Simulated {
    simulator: Simulator,
    schema: Schema,
    facts: Facts,
    row: RowBuffer,
    /// An event of the sample given last.
    event: Option<Event>,
}

impl Simulated {
    /// A driver called `driver` on a fresh track; with `lossless` every value is sent bit for bit.
    ///
    /// # Errors
    /// [`SimulatorError`] for settings that cannot be simulated.
    pub fn new(settings: SimulatorSettings, driver: &str, lossless: bool) -> Result<Self, SimulatorError> {
        let simulator = Simulator::new(SimulatorSettings { start_us: 0, ..settings })?;
        let schema = if lossless { Schema::full().lossless() } else { Schema::full() };
        let facts = Facts {
            game: Some("Simulator".to_owned()),
            car: Some("Purple GT".to_owned()),
            track: Some(simulator.track().name().to_owned()),
            track_length_m: Some(simulator.track().length_m() as f32),
            driver: Some(driver.to_owned()),
            tyre_compound: Some("slick medium".to_owned()),
            nominal_rate_hz: Some(simulator.settings().rate_hz as f32),
            ..Facts::default()
        };
        Ok(Self { row: RowBuffer::new(&schema), simulator, schema, facts, event: None })
    }
}

impl Source for Simulated {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn advance(&mut self) -> Result<Step, SourceError> {
        if let Some(event) = self.event.take() {
            return Ok(Step::Event(event));
        }
        let sample = self.simulator.advance();
        let elapsed_us = sample.captured_at_us;
        self.schema.project(sample, &mut self.row);
        let lap = self.simulator.finished_lap().cloned();
        self.event = lap.map(|lap| Event::LapFinished { at_us: elapsed_us, lap });
        if self.simulator.ended_pit_stop() {
            self.event = Some(Event::Mark { at_us: elapsed_us, label: "pit stop".to_owned() });
        }
        Ok(Step::Sample { elapsed_us })
    }

    fn row(&self) -> Row<'_> {
        self.row.row()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_evenly_spaced_samples_and_each_lap_once_after_its_sample() {
        let mut source = Simulated::new(SimulatorSettings::default(), "alice", false).expect("valid");
        let (mut last_us, mut laps) = (None, 0);
        for n in 0..60 * 300 {
            match source.advance() {
                Ok(Step::Sample { elapsed_us }) => {
                    assert!(
                        last_us.is_none_or(|last| elapsed_us - last == 16_666 || elapsed_us - last == 16_667)
                    );
                    last_us = Some(elapsed_us);
                }
                Ok(Step::Event(Event::LapFinished { at_us, lap })) => {
                    laps += 1;
                    assert_eq!((Some(at_us), lap.number), (last_us, laps));
                }
                other => panic!("step {n}: {other:?}"),
            }
        }
        assert_eq!(laps, 2);
        assert_eq!(source.row().floats.len(), source.schema().n_floats());
    }
}
