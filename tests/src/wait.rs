//! How does a test wait? For a condition, within a limit; never by sleeping and hoping.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Calls `condition` until it gives a value, at most for `limit`, and returns that value.
///
/// # Errors
/// Names `what` when the time is up; an error of the condition ends the wait at once.
pub async fn eventually<T>(
    what: impl Display,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("not within {} s: {what}", limit.as_secs_f32());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
