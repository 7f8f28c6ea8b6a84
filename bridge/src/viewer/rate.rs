//! Does a viewer say too much?

use std::time::{Duration, Instant};

/// A bucket that fills steadily and is emptied by what comes in.
#[derive(Debug)]
pub(super) struct Rate {
    burst: Duration,
    /// Time that one unit takes to come back.
    per_unit: Duration,
    /// When the bucket is full again.
    full_at: Instant,
}

impl Rate {
    /// Allows `burst` units at once, and `per_second` in the long run.
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let per_unit = Duration::from_secs(1) / per_second;
        Self { burst: per_unit * burst, per_unit, full_at: now }
    }

    /// Takes `n` units; false if that is too much.
    pub(super) fn take(&mut self, n: u32, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.per_unit * n;
        let fits = full_at <= now + self.burst;
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_just_fits_and_comes_back_over_time() {
        let start = Instant::now();
        let mut rate = Rate::new(10, 30, start);
        assert!((0..30).all(|_| rate.take(1, start)));
        assert!(!rate.take(1, start));
        assert!(!rate.take(1, start + Duration::from_millis(99)));
        assert!(rate.take(1, start + Duration::from_millis(100)));
        assert!(!rate.take(1, start + Duration::from_millis(100)));
        let later = start + Duration::from_secs(60);
        assert!(rate.take(30, later) && !rate.take(1, later));
    }

    #[test]
    fn ten_a_second_is_always_fine() {
        let start = Instant::now();
        let mut rate = Rate::new(10, 30, start);
        assert!((0..10_000).all(|i| rate.take(1, start + Duration::from_millis(100 * i))));
    }
}
