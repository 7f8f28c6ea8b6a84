//! When are keys fetched? Pure: it is told the time.

use std::time::{Duration, Instant};

/// How often keys are fetched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// While all is well.
    pub(super) every: Duration,
    /// The least time between two fetches, whoever asks.
    pub(super) not_within: Duration,
}

impl Pace {
    /// What issuers put up with, and drivers who wait for a new key as well.
    pub(super) const USUAL: Self =
        Self { every: Duration::from_secs(300), not_within: Duration::from_secs(30) };
}

/// When the next fetch is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    next_at: Instant,
    not_before: Instant,
}

impl Schedule {
    /// Due at once.
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, next_at: now, not_before: now }
    }

    /// When to fetch next.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Whether a fetch that a token asks for may be done now. Where not, the next one comes as soon as it may.
    pub(super) fn may_fetch_now(&mut self, now: Instant) -> bool {
        self.next_at = self.next_at.min(self.not_before);
        now >= self.not_before
    }

    /// The keys came.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.next_at = now + self.pace.every;
        self.not_before = now + self.pace.not_within;
    }

    /// They did not.
    pub(super) fn failed(&mut self, now: Instant) {
        self.next_at = now + self.pace.not_within;
        self.not_before = self.next_at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn keys_are_fetched_every_five_minutes_and_half_a_minute_after_a_failure() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::USUAL, start);
        assert_eq!(schedule.next_at(), start);
        schedule.succeeded(start);
        assert_eq!(schedule.next_at(), start + s(300));
        schedule.failed(start + s(300));
        assert_eq!(schedule.next_at(), start + s(330));
    }

    #[test]
    fn a_flood_of_unknown_keys_fetches_once_in_half_a_minute() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::USUAL, start);
        let mut n_fetches = 0;
        for tenth in 0..6_000 {
            let now = start + Duration::from_millis(100) * tenth;
            if schedule.may_fetch_now(now) {
                n_fetches += 1;
                schedule.succeeded(now);
            }
        }
        assert_eq!(n_fetches, 20, "in ten minutes");
    }

    #[test]
    fn a_key_that_is_asked_for_too_soon_comes_as_soon_as_it_may() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::USUAL, start);
        schedule.succeeded(start);
        assert!(!schedule.may_fetch_now(start + s(10)));
        assert_eq!(schedule.next_at(), start + s(30));
    }
}
