//! What can be simulated, and what cannot?

use std::ops::RangeInclusive;

use super::Track;

/// Samples per second that a simulator can be asked for.
pub const RATES_HZ: RangeInclusive<u32> = 10..=1_000;

/// What to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatorSettings {
    /// Same seed, rate and track: same samples.
    pub seed: u64,
    /// Samples per second, one of [`RATES_HZ`]; games give 60 to 333.
    pub rate_hz: u32,
    /// One of [`Track::NAMES`].
    pub track: String,
    /// Time of the first sample, Unix µs.
    pub start_us: u64,
    /// Laps from one pit stop to the next; 0 for never.
    pub pit_every_laps: u32,
}

impl Default for SimulatorSettings {
    /// Seed 1, 60 Hz, the first track, a stop every 8 laps, and a fixed start (2026-01-01, 00:00 UTC).
    fn default() -> Self {
        Self {
            seed: 1,
            rate_hz: 60,
            track: Track::NAMES[0].to_owned(),
            start_us: 1_767_225_600_000_000,
            pit_every_laps: 8,
        }
    }
}

/// Settings that cannot be simulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The rate is outside [`RATES_HZ`].
    #[error("cannot simulate {rate_hz} samples per second, only {} to {}", RATES_HZ.start(), RATES_HZ.end())]
    Rate {
        /// What was asked for.
        rate_hz: u32,
    },
    /// There is no such track.
    #[error("there is no track {track:?}; choose one of {}", Track::NAMES.join(", "))]
    Track {
        /// What was asked for.
        track: String,
    },
}
