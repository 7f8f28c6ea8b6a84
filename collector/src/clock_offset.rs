//! How far is the broker's clock ahead of the driver's, and how sure is that?
//!
//! A delivery report says when the broker appended a record (`LogAppendTime`, whole ms). The append happens between sending
//! and acknowledgement, so each report gives an interval that holds the true offset: `[append - acknowledged,
//! append + 1 ms - sent]`. Intervals of several reports are intersected, as NTP does with its round trips; old ones
//! grow with the drift that two clocks may have against each other.

use std::collections::VecDeque;

use purple_sector_codec::ClockOffset;

/// Reports of one period are merged into one interval; this many µs make a period.
const PERIOD_US: u64 = 10_000_000;
/// Periods remembered.
const N_PERIODS: usize = 12;
/// How far two ordinary clocks may drift apart, µs per s.
const DRIFT_US_PER_S: i64 = 100;
/// A broker's clock that is before this (2020, Unix ms) is not set.
const PLAUSIBLE_MS: i64 = 1_577_836_800_000;

/// An interval that holds the offset (broker minus driver), µs, as it was at `at_us`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bound {
    at_us: u64,
    low_us: i64,
    high_us: i64,
}

impl Bound {
    /// The same bound later: wider by what the clocks may have drifted.
    fn grown_until(self, now_us: u64) -> Self {
        let age_s = (now_us.saturating_sub(self.at_us) / 1_000_000) as i64;
        let grown_us = DRIFT_US_PER_S * age_s;
        Self { at_us: now_us, low_us: self.low_us - grown_us, high_us: self.high_us + grown_us }
    }

    /// What both allow; `None` if they contradict each other.
    fn and(self, other: Self) -> Option<Self> {
        let (low_us, high_us) = (self.low_us.max(other.low_us), self.high_us.min(other.high_us));
        (low_us <= high_us).then_some(Self { at_us: self.at_us, low_us, high_us })
    }
}

/// Collects delivery reports and estimates the offset.
#[derive(Debug, Clone, Default)]
pub struct OffsetEstimate {
    periods: VecDeque<Bound>,
}

impl OffsetEstimate {
    /// Takes one report: when the record was sent and acknowledged on the driver's clock (µs), and when the broker
    /// appended it (ms). Impossible times are ignored.
    pub fn report(&mut self, sent_us: u64, acknowledged_us: u64, appended_ms: i64) {
        if acknowledged_us < sent_us || appended_ms < PLAUSIBLE_MS {
            return;
        }
        let appended_us = appended_ms.saturating_mul(1_000);
        let bound = Bound {
            at_us: acknowledged_us,
            low_us: appended_us - acknowledged_us as i64,
            high_us: appended_us + 1_000 - sent_us as i64,
        };
        match self.periods.back_mut() {
            Some(last) if acknowledged_us < last.at_us + PERIOD_US => match last.and(bound) {
                Some(both) => *last = both,
                // One of the clocks was set: what was learnt before is void.
                None => self.periods = VecDeque::from([bound]),
            },
            _ => {
                self.periods.push_back(bound);
                if self.periods.len() > N_PERIODS {
                    self.periods.pop_front();
                }
            }
        }
    }

    /// The offset now, or `None` before the first report.
    pub fn now(&self, now_us: u64) -> Option<ClockOffset> {
        let newest = self.periods.back()?.grown_until(now_us);
        let bound = self
            .periods
            .iter()
            .rev()
            .skip(1)
            .try_fold(newest, |bound, period| bound.and(period.grown_until(now_us)).ok_or(bound));
        let (Ok(bound) | Err(bound)) = bound;
        Some(ClockOffset {
            offset_us: bound.low_us + (bound.high_us - bound.low_us) / 2,
            uncertainty_us: (bound.high_us - bound.low_us).unsigned_abs().div_ceil(2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: u64 = 1_790_000_000_000_000;

    /// Reports of a broker whose clock is `offset_us` ahead, one every `every_us`, with a varying way there and back.
    fn estimate(offset_us: i64, n_reports: u64, every_us: u64) -> (OffsetEstimate, u64) {
        let mut estimate = OffsetEstimate::default();
        let mut now_us = START_US;
        for i in 0..n_reports {
            let (there_us, back_us) = (300 + i * 7_919 % 4_000, 200 + i * 104_729 % 3_000);
            let append_us = (now_us + there_us) as i64 + offset_us;
            estimate.report(now_us, now_us + there_us + back_us, append_us.div_euclid(1_000));
            now_us += every_us;
        }
        (estimate, now_us)
    }

    #[track_caller]
    fn check(offset_us: i64, n_reports: u64, worst_uncertainty_us: u64) {
        let (estimate, now_us) = estimate(offset_us, n_reports, 33_333);
        let found = estimate.now(now_us).expect("there were reports");
        let error_us = (found.offset_us - offset_us).unsigned_abs();
        assert!(error_us <= found.uncertainty_us, "{found:?} does not hold {offset_us}");
        assert!(found.uncertainty_us <= worst_uncertainty_us, "{found:?}");
    }

    #[test]
    fn the_bound_always_holds_the_true_offset() {
        for offset_us in [0, 1_234_567, -987_654, 86_400_000_000] {
            check(offset_us, 1, 4_500);
            check(offset_us, 600, 1_500);
            check(offset_us, 6_000, 1_500);
        }
    }

    #[test]
    fn nothing_is_known_before_the_first_report_and_from_nonsense() {
        let mut estimate = OffsetEstimate::default();
        assert_eq!(estimate.now(START_US), None);
        estimate.report(START_US, START_US - 1, (START_US / 1_000) as i64);
        estimate.report(START_US, START_US + 500, 1_234);
        estimate.report(START_US, START_US + 500, -1);
        assert_eq!(estimate.now(START_US), None);
    }

    #[test]
    fn a_clock_that_is_set_is_followed() {
        let (mut estimate, now_us) = estimate(0, 600, 33_333);
        let jumped_ms = ((now_us + 60_000_000) / 1_000) as i64;
        estimate.report(now_us, now_us + 600, jumped_ms);
        let found = estimate.now(now_us).expect("known");
        assert!((found.offset_us - 60_000_000).unsigned_abs() <= found.uncertainty_us, "{found:?}");
    }

    #[test]
    fn an_old_bound_grows() {
        let (estimate, now_us) = estimate(0, 600, 33_333);
        let soon = estimate.now(now_us).expect("known");
        let later = estimate.now(now_us + 600_000_000).expect("known");
        assert!(later.uncertainty_us > soon.uncertainty_us + 50_000, "{soon:?} {later:?}");
    }
}
