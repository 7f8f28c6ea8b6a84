//! On which thread does a user's work run?
//!
//! A few threads run all feeds and viewers, each with a Tokio runtime of its own. Everything of one user runs on one of
//! them, so that a record goes from Kafka's socket to the viewers' sockets without changing threads.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purple_sector_codec::UserId;
use tokio::runtime::{Builder, Handle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::stats::now_ms;

/// How often each thread shows that it runs.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A thread that shows nothing for this long stands still.
const STILL_AFTER: Duration = Duration::from_secs(5);

/// The threads.
pub(crate) struct Workers {
    handles: Vec<Handle>,
    beats: Arc<[AtomicU64]>,
    hasher: RandomState,
    stop: CancellationToken,
}

impl Workers {
    /// Starts as many as there are processors.
    pub(crate) fn start() -> std::io::Result<Self> {
        let n_workers = std::thread::available_parallelism().map_or(1, usize::from);
        let beats: Arc<[AtomicU64]> = (0..n_workers).map(|_| AtomicU64::new(now_ms())).collect();
        let stop = CancellationToken::new();
        let mut handles = Vec::with_capacity(n_workers);
        for n in 0..n_workers {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let (beats, stop) = (beats.clone(), stop.clone());
            std::thread::Builder::new().name(format!("feeds-{n}")).spawn(move || {
                runtime.block_on(stop.run_until_cancelled(beat(&beats[n])));
                // What still runs ends here; it was told before.
                runtime.shutdown_background();
            })?;
        }
        Ok(Self { handles, beats, hasher: RandomState::new(), stop })
    }

    /// The thread of a user.
    pub(crate) fn of(&self, user: &UserId) -> &Handle {
        let hash = self.hasher.hash_one(user) as usize;
        &self.handles[hash % self.handles.len()]
    }

    /// Whether all of them run.
    pub(crate) fn all_run(&self) -> bool {
        let still_ms = STILL_AFTER.as_millis() as u64;
        self.beats.iter().all(|beat| now_ms().saturating_sub(beat.load(Ordering::Relaxed)) < still_ms)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn beat(beat: &AtomicU64) {
    let mut ticks = interval(BEAT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        beat.store(now_ms(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stands_still_is_seen() {
        let workers = Workers::start().expect("threads");
        let user = UserId::parse("alice").expect("a user");
        assert!(workers.all_run());
        // Blocks its thread, as a loop without end would.
        workers.of(&user).spawn(async { std::thread::sleep(STILL_AFTER + 2 * BEAT_EVERY) });
        std::thread::sleep(STILL_AFTER + BEAT_EVERY);
        assert!(!workers.all_run());
        std::thread::sleep(3 * BEAT_EVERY);
        assert!(workers.all_run());
    }

    #[test]
    fn a_user_has_one_thread() {
        let workers = Workers::start().expect("threads");
        for name in ["alice", "bob", "carol"] {
            let user = UserId::parse(name).expect("a user");
            let id = || {
                let (sent, received) = std::sync::mpsc::channel();
                workers.of(&user).spawn(async move { sent.send(std::thread::current().id()) });
                received.recv().expect("it runs")
            };
            assert_eq!(id(), id());
        }
    }
}
