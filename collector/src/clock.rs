//! What time is it on the driver's clock?

use std::time::{Duration, Instant, SystemTime};

/// Unix time that starts right and then only moves forward, at the pace of the computer's steady clock.
///
/// A correction of the computer's time during a session would otherwise tear a hole into it, or turn it back.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    unix_us: u64,
    at: Instant,
}

impl Clock {
    /// Reads the computer's time once.
    pub fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { unix_us: since_1970.as_micros() as u64, at: Instant::now() }
    }

    /// Unix time now, µs.
    pub fn now_us(&self) -> u64 {
        self.unix_us + self.at.elapsed().as_micros() as u64
    }

    /// How long it is until that Unix time (µs); zero when it has passed.
    pub fn until(&self, unix_us: u64) -> Duration {
        let due = self.at + Duration::from_micros(unix_us.saturating_sub(self.unix_us));
        due.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_forward_and_knows_how_long_to_wait() {
        let clock = Clock::start();
        let (first, second) = (clock.now_us(), clock.now_us());
        assert!(second >= first);
        assert!(first > 1_700_000_000_000_000, "after 2023: {first}");
        assert_eq!(clock.until(first), Duration::ZERO);
        let wait = clock.until(clock.now_us() + 500_000);
        assert!((400..=500).contains(&wait.as_millis()), "{wait:?}");
    }
}
