//! What is this run called if nobody named it, and how is it distinguished from the one before?

use std::hash::{BuildHasher, RandomState};

use purple_sector_codec::{SessionId, SessionIdError};

use crate::clock::Clock;

/// Number of the encoder's start: random, so that two starts in one session can be distinguished.
pub fn draw_epoch() -> u32 {
    // The standard library keys its hash maps with the system's randomness; that is enough here.
    RandomState::new().hash_one(std::process::id()) as u32
}

/// A new session id: day and time in UTC, and four random digits: `20260401-120000-7f3a`.
///
/// # Errors
/// Never in practice: the text is a valid id.
pub fn new_session(clock: Clock) -> Result<SessionId, SessionIdError> {
    let now_s = clock.now_us() / 1_000_000;
    let (year, month, day) = civil(now_s / 86_400);
    let (hour, minute, second) = (now_s / 3_600 % 24, now_s / 60 % 60, now_s % 60);
    let digits = draw_epoch() & 0xFFFF;
    SessionId::parse(&format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{digits:04x}"))
}

/// Year, month and day of a day since 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day is a year's last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_544), (2026, 4, 1));
        assert_eq!(civil(20_543), (2026, 3, 31));
    }

    #[test]
    fn sessions_are_valid_and_differ() {
        let clock = Clock::start();
        let [first, second] =
            [new_session(clock), new_session(clock)].map(|id| id.expect("valid").to_string());
        assert_eq!(first.len(), "20260401-120000-7f3a".len());
        assert!(first != second || new_session(clock).expect("valid").to_string() != first);
    }
}
