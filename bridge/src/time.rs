//! What time is it?

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since 1970; zero on a machine whose clock is before that.
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time in whole Unix seconds.
pub(crate) fn unix_s() -> u64 {
    since_1970().as_secs()
}

/// The time in Unix microseconds.
pub(crate) fn unix_us() -> u64 {
    u64::try_from(since_1970().as_micros()).unwrap_or(u64::MAX)
}
