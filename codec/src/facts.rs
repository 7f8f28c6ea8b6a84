//! What holds for a whole session? Game, car, track, driver, and how the driver's clock differs from the broker's.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use crate::take::Take;
use crate::{DecodeError, EncodeError, wire};

/// What a source knows about a session besides its samples; what it does not know is `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Facts {
    /// Name of the game: `Assetto Corsa`.
    pub game: Option<String>,
    /// Name of the car.
    pub car: Option<String>,
    /// Name of the track, with its layout.
    pub track: Option<String>,
    /// Length of one lap, in m.
    pub track_length_m: Option<f32>,
    /// What to call the driver.
    pub driver: Option<String>,
    /// Name of the fitted tyre compound.
    pub tyre_compound: Option<String>,
    /// Version of the collector that sends this.
    pub collector_version: Option<String>,
    /// How the driver's clock differs from the broker's.
    pub clock: Option<ClockOffset>,
    /// How many samples a second the source intends to give, in Hz.
    pub nominal_rate_hz: Option<f32>,
    /// Facts that have no field here. Ids below 32768 are given out by this project, the others are free.
    pub more: Vec<Fact>,
}

/// A fact by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What the fact is about; never reused.
    pub id: u16,
    /// The fact.
    pub text: String,
}

/// What to add to the driver's clock to get the broker's, and how far that may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClockOffset {
    /// Broker's time minus driver's time, in µs.
    pub offset_us: i64,
    /// The true offset lies within this many µs of `offset_us`.
    pub uncertainty_us: u64,
}

impl Facts {
    /// Most entries of [`more`](Self::more).
    pub const MAX_MORE: usize = 64;

    /// Writes the body of a facts record to the start of `out` and gives its length.
    ///
    /// # Errors
    /// `Limit` if a text has more than 256 bytes or `more` has too many entries, `OutputTooShort`.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        wire::check_count("facts", self.more.len(), Self::MAX_MORE)?;
        self.texts().try_for_each(wire::check_text)?;
        wire::put(self, out)
    }

    /// Reads facts from the whole of a facts record's body.
    ///
    /// # Errors
    /// `Body`, `Limit` or `TrailingBytes`. No input panics or makes this allocate more than a few times its length.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut take = Take::new(body);
        let text = |take: &mut Take<'_>| take.option(|take| take.short_text().into());
        let facts = Self {
            game: text(&mut take),
            car: text(&mut take),
            track: text(&mut take),
            track_length_m: take.option(Take::f32),
            driver: text(&mut take),
            tyre_compound: text(&mut take),
            collector_version: text(&mut take),
            clock: take.option(|take| ClockOffset { offset_us: take.i64(), uncertainty_us: take.u64() }),
            nominal_rate_hz: take.option(Take::f32),
            more: take.list(Self::MAX_MORE, |take| Fact { id: take.u16(), text: take.short_text().into() }),
        };
        take.finish("facts")?;
        Ok(facts)
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let named =
            [&self.game, &self.car, &self.track, &self.driver, &self.tyre_compound, &self.collector_version];
        named.into_iter().flatten().map(String::as_str).chain(self.more.iter().map(|fact| fact.text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn facts() -> Facts {
        Facts {
            game: Some("Assetto Corsa".into()),
            track: Some("imola".into()),
            track_length_m: Some(4909.0),
            clock: Some(ClockOffset { offset_us: -1_500, uncertainty_us: 400 }),
            more: vec![Fact { id: 40_000, text: "wet".into() }],
            ..Facts::default()
        }
    }

    #[track_caller]
    fn check_refused_by_both(facts: &Facts, what: &'static str, found: usize, limit: usize) {
        assert_eq!(facts.encode(&mut [0; 4096]), Err(EncodeError::Limit { what, found, limit }));
        let bytes = postcard::to_allocvec(facts).unwrap();
        assert!(matches!(Facts::decode(&bytes), Err(DecodeError::Limit { .. } | DecodeError::Body { .. })));
    }

    #[test]
    fn known_and_unknown_facts_round_trip() {
        for facts in [Facts::default(), facts()] {
            let mut out = [0; 512];
            let length = facts.encode(&mut out).unwrap();
            assert_eq!(Facts::decode(&out[..length]), Ok(facts.clone()));
            assert_eq!(Facts::decode(&out[..=length]), Err(DecodeError::TrailingBytes { extra: 1 }));
            for cut in 0..length {
                assert_eq!(Facts::decode(&out[..cut]), Err(DecodeError::Body { what: "facts" }));
            }
        }
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let long = "x".repeat(257);
        check_refused_by_both(&Facts { car: Some(long.clone()), ..facts() }, "bytes of text", 257, 256);
        let more = vec![Fact { id: 1, text: long }];
        check_refused_by_both(&Facts { more, ..facts() }, "bytes of text", 257, 256);
        let more = vec![Fact { id: 1, text: String::new() }; 65];
        check_refused_by_both(&Facts { more, ..facts() }, "facts", 65, 64);
    }
}
