//! What happened at one moment of a session? Laps, marks, lost samples, and where the other cars are.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use crate::take::Take;
use crate::{DecodeError, EncodeError, TIME_LIMIT_US, wire};

/// Something that happened. New kinds get new numbers on the wire; readers skip those that they don't know.
///
/// Every event has `at_us`, when it happened: Unix µs on the driver's clock, below 2^53 as all times. The log may repeat
/// an event.
// The order of the variants is the wire format: add at the end only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Event {
    /// The driver's car crossed the finish line.
    LapFinished {
        /// When, in Unix µs on the driver's clock.
        at_us: u64,
        /// What is known of the lap.
        lap: LapSummary,
    },
    /// The driver or a tool marked this moment.
    Mark {
        /// When, in Unix µs on the driver's clock.
        at_us: u64,
        /// What to remember, at most 256 bytes.
        label: String,
    },
    /// The game made steps that the collector did not see.
    StepsMissed {
        /// When it was noticed, in Unix µs on the driver's clock.
        at_us: u64,
        /// How many steps since the last such event.
        n_steps: u32,
    },
    /// Samples were dropped before they reached Kafka.
    Gap {
        /// When it was noticed, in Unix µs on the driver's clock.
        at_us: u64,
        /// Time of the first dropped sample.
        from_us: u64,
        /// Time of the last dropped sample.
        to_us: u64,
        /// How many samples were dropped.
        n_samples: u64,
    },
    /// Where the other cars are.
    OtherCars {
        /// When, in Unix µs on the driver's clock.
        at_us: u64,
        /// At most 128 cars.
        cars: Vec<OtherCar>,
    },
}

/// One finished lap.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LapSummary {
    /// Which lap of the session, from 1.
    pub number: u32,
    /// Lap time, in ms.
    pub time_ms: u32,
    /// Sector times in order, in ms; at most 16, empty where the source gives none.
    pub sector_ms: Vec<u32>,
    /// Whether the game counts it.
    pub valid: bool,
    /// Whether the car went into or came out of the pits on it.
    pub pit: bool,
    /// Fuel used, in litres.
    pub fuel_used_l: Option<f32>,
    /// Highest speed, in m/s.
    pub top_speed_mps: Option<f32>,
}

/// One other car at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OtherCar {
    /// The game's number for the car; stays the same through a session.
    pub car_index: u16,
    /// Place in the race, from 1.
    pub place: Option<u16>,
    /// Laps completed.
    pub laps: u16,
    /// Way around the lap, 0 to 1.
    pub lap_fraction: f32,
    /// Speed, in m/s.
    pub speed_mps: Option<f32>,
}

impl Event {
    /// Most sectors of a lap.
    pub const MAX_SECTORS: usize = 16;
    /// Most other cars.
    pub const MAX_CARS: usize = 128;

    /// When it happened, in Unix µs on the driver's clock.
    pub const fn at_us(&self) -> u64 {
        match self {
            Self::LapFinished { at_us, .. }
            | Self::Mark { at_us, .. }
            | Self::StepsMissed { at_us, .. }
            | Self::Gap { at_us, .. }
            | Self::OtherCars { at_us, .. } => *at_us,
        }
    }

    /// The same event with `shift` of each of its times.
    #[must_use]
    pub fn shifted(mut self, shift: impl Fn(u64) -> u64) -> Self {
        self.times_mut().into_iter().flatten().for_each(|time_us| *time_us = shift(*time_us));
        self
    }

    /// All times of the event, so that a new kind cannot be forgotten by those that check or change them.
    fn times_mut(&mut self) -> [Option<&mut u64>; 3] {
        match self {
            Self::LapFinished { at_us, .. }
            | Self::Mark { at_us, .. }
            | Self::StepsMissed { at_us, .. }
            | Self::OtherCars { at_us, .. } => [Some(at_us), None, None],
            Self::Gap { at_us, from_us, to_us, .. } => [Some(at_us), Some(from_us), Some(to_us)],
        }
    }

    /// Writes the body of an event record to the start of `out` and gives its length.
    ///
    /// # Errors
    /// `Limit` if a text or list is too long, `TimeRange` for a time of 2^53 or more, `OutputTooShort`.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        match self {
            Self::LapFinished { lap, .. } => {
                wire::check_count("sectors", lap.sector_ms.len(), Self::MAX_SECTORS)?;
            }
            Self::Mark { label, .. } => wire::check_text(label)?,
            Self::OtherCars { cars, .. } => wire::check_count("cars", cars.len(), Self::MAX_CARS)?,
            Self::StepsMissed { .. } | Self::Gap { .. } => {}
        }
        if let Some(found_us) = self.time_out_of_range() {
            return Err(EncodeError::TimeRange { found_us });
        }
        wire::put(self, out)
    }

    /// Reads an event from the whole of an event record's body; `None` is a kind of event that this build does
    /// not know.
    ///
    /// # Errors
    /// `Body`, `Limit`, `TrailingBytes` or `TimeRange`. No input panics or makes this allocate more than a few times its length.
    pub fn decode(body: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut take = Take::new(body);
        let event = match take.u32() {
            0 => Self::LapFinished { at_us: take.u64(), lap: LapSummary::take(&mut take) },
            1 => Self::Mark { at_us: take.u64(), label: take.short_text().into() },
            2 => Self::StepsMissed { at_us: take.u64(), n_steps: take.u32() },
            3 => {
                Self::Gap { at_us: take.u64(), from_us: take.u64(), to_us: take.u64(), n_samples: take.u64() }
            }
            4 => Self::OtherCars { at_us: take.u64(), cars: take.list(Self::MAX_CARS, OtherCar::take) },
            _ => return Ok(None),
        };
        take.finish("event")?;
        match event.time_out_of_range() {
            Some(_) => Err(DecodeError::TimeRange),
            None => Ok(Some(event)),
        }
    }

    /// A time that JavaScript could not hold, if there is one.
    fn time_out_of_range(&self) -> Option<u64> {
        let (from_us, to_us) = match self {
            Self::Gap { from_us, to_us, .. } => (*from_us, *to_us),
            _ => (0, 0),
        };
        [self.at_us(), from_us, to_us].into_iter().find(|time_us| *time_us >= TIME_LIMIT_US)
    }
}

impl LapSummary {
    fn take(take: &mut Take<'_>) -> Self {
        Self {
            number: take.u32(),
            time_ms: take.u32(),
            sector_ms: take.list(Event::MAX_SECTORS, Take::u32),
            valid: take.bool(),
            pit: take.bool(),
            fuel_used_l: take.option(Take::f32),
            top_speed_mps: take.option(Take::f32),
        }
    }
}

impl OtherCar {
    fn take(take: &mut Take<'_>) -> Self {
        Self {
            car_index: take.u16(),
            place: take.option(Take::u16),
            laps: take.u16(),
            lap_fraction: take.f32(),
            speed_mps: take.option(Take::f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn events() -> [Event; 5] {
        let lap = LapSummary {
            number: 3,
            time_ms: 107_123,
            sector_ms: vec![30_100, 40_020, 37_003],
            valid: true,
            fuel_used_l: Some(2.75),
            ..LapSummary::default()
        };
        let car =
            OtherCar { car_index: 7, place: Some(2), laps: 4, lap_fraction: 0.25, speed_mps: Some(51.5) };
        [
            Event::LapFinished { at_us: 1, lap },
            Event::Mark { at_us: 2, label: "understeer".into() },
            Event::StepsMissed { at_us: 3, n_steps: 9 },
            Event::Gap { at_us: 4, from_us: 1, to_us: 3, n_samples: 400 },
            Event::OtherCars { at_us: 5, cars: vec![car; 128] },
        ]
    }

    #[test]
    fn every_event_round_trips_and_ends_where_it_ends() {
        for (number, event) in (1..).zip(events()) {
            let mut out = [0; 4096];
            let length = event.encode(&mut out).unwrap();
            assert_eq!(event.at_us(), number);
            assert_eq!(Event::decode(&out[..length]), Ok(Some(event)));
            assert_eq!(Event::decode(&out[..=length]), Err(DecodeError::TrailingBytes { extra: 1 }));
            for cut in 0..length {
                assert_eq!(Event::decode(&out[..cut]), Err(DecodeError::Body { what: "event" }));
            }
        }
    }

    #[test]
    fn unknown_events_are_skipped_whatever_they_hold() {
        assert_eq!(Event::decode(&[5, 1, 2, 3]), Ok(None));
        assert_eq!(Event::decode(&[0xFF, 0xFF, 3]), Ok(None));
        assert_eq!(Event::decode(&[]), Err(DecodeError::Body { what: "event" }));
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let long = Event::Mark { at_us: 0, label: "x".repeat(257) };
        let refused = EncodeError::Limit { what: "bytes of text", found: 257, limit: 256 };
        assert_eq!(long.encode(&mut [0; 4096]), Err(refused));
        let bytes = postcard::to_allocvec(&long).unwrap();
        let refused = DecodeError::Limit { what: "bytes of text", found: 257, limit: 256 };
        assert_eq!(Event::decode(&bytes), Err(refused));

        let lap = LapSummary { sector_ms: vec![1; 17], ..LapSummary::default() };
        let many = Event::LapFinished { at_us: 0, lap };
        let refused = EncodeError::Limit { what: "sectors", found: 17, limit: 16 };
        assert_eq!(many.encode(&mut [0; 4096]), Err(refused));
        let bytes = postcard::to_allocvec(&many).unwrap();
        assert_eq!(Event::decode(&bytes), Err(DecodeError::Body { what: "event" }));
    }

    #[track_caller]
    fn check_time(event: &Event, fits: bool) {
        let bytes = postcard::to_allocvec(event).unwrap();
        assert_eq!(event.encode(&mut [0; 64]).is_ok(), fits, "{event:?}");
        assert_eq!(Event::decode(&bytes).err(), (!fits).then_some(DecodeError::TimeRange), "{event:?}");
    }

    #[test]
    fn every_time_of_an_event_is_shifted() {
        let gap = Event::Gap { at_us: 1, from_us: 2, to_us: 3, n_samples: 4 };
        let later = Event::Gap { at_us: 11, from_us: 12, to_us: 13, n_samples: 4 };
        assert_eq!(gap.shifted(|us| us + 10), later);
        let mark = Event::StepsMissed { at_us: 1, n_steps: 4 };
        assert_eq!(mark.shifted(|us| us + 10), Event::StepsMissed { at_us: 11, n_steps: 4 });
    }

    #[test]
    fn times_stay_below_their_limit() {
        let gap = |from_us, to_us| Event::Gap { at_us: 1, from_us, to_us, n_samples: u64::MAX };
        let last = TIME_LIMIT_US - 1;
        check_time(&Event::StepsMissed { at_us: last, n_steps: 1 }, true);
        check_time(&Event::StepsMissed { at_us: last + 1, n_steps: 1 }, false);
        check_time(&gap(last, last), true);
        check_time(&gap(last + 1, 0), false);
        check_time(&gap(0, last + 1), false);
    }
}
