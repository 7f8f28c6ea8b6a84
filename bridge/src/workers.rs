//! On which thread does a user's work run?
//!
//! A few threads run all feeds and viewers, each with a Tokio runtime of its own. Everything of one user runs on one of
//! them, so that a record goes from Kafka's socket to the viewers' sockets without changing threads. A thread that stands
//! still is given up, and another takes its users.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use purple_sector_codec::UserId;
use tokio::runtime::{Builder, Handle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::stats::{Stats, now_ms};

/// How often each thread shows that it runs.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A thread that shows nothing for this long stands still.
const STILL_AFTER: Duration = Duration::from_secs(5);
/// A thread that stands still for this long is given up: no work of the bridge takes so long.
const GIVE_UP_AFTER: Duration = Duration::from_secs(15);
/// Threads given up in all. They still exist; after these, only a restart helps, and readiness says so.
const MAX_GIVEN_UP: usize = 8;

/// The threads.
#[derive(Clone)]
pub(crate) struct Workers {
    threads: Arc<RwLock<Vec<Worker>>>,
    hasher: RandomState,
    stats: Arc<Stats>,
    stop: CancellationToken,
}

/// One thread.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    handle: Handle,
    /// When it last showed that it runs, in milliseconds since 1970.
    beat: Arc<AtomicU64>,
    given_up: CancellationToken,
}

impl Worker {
    fn start(number: usize, stop: &CancellationToken) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let beat = Arc::new(AtomicU64::new(now_ms()));
        let given_up = stop.child_token();
        let (shown, ended) = (beat.clone(), given_up.clone());
        std::thread::Builder::new().name(format!("feeds-{number}")).spawn(move || {
            runtime.block_on(ended.run_until_cancelled(show(&shown)));
            // What still runs ends here; it was told before, unless the thread stood still.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, beat, given_up })
    }

    /// Where to run things.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether what runs here has been given up with its thread.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    fn still_for(&self) -> Duration {
        Duration::from_millis(now_ms().saturating_sub(self.beat.load(Ordering::Relaxed)))
    }
}

impl Workers {
    /// Starts as many as there are processors.
    pub(crate) fn start(stats: Arc<Stats>) -> std::io::Result<Self> {
        let n_workers = std::thread::available_parallelism().map_or(1, usize::from);
        let stop = CancellationToken::new();
        let threads: std::io::Result<Vec<Worker>> = (0..n_workers).map(|n| Worker::start(n, &stop)).collect();
        Ok(Self { threads: Arc::new(RwLock::new(threads?)), hasher: RandomState::new(), stats, stop })
    }

    /// The thread of a user.
    pub(crate) fn of(&self, user: &UserId) -> Worker {
        let threads = self.threads.read().unwrap_or_else(PoisonError::into_inner);
        threads[self.hasher.hash_one(user) as usize % threads.len()].clone()
    }

    /// Whether all of them run.
    pub(crate) fn all_run(&self) -> bool {
        let threads = self.threads.read().unwrap_or_else(PoisonError::into_inner);
        threads.iter().all(|worker| worker.still_for() < STILL_AFTER)
    }

    /// Replaces threads that stand still, until [`Workers::stop`]. Must run on another thread than these.
    pub(crate) async fn watch(self) {
        let mut n_given_up = 0;
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.stop.run_until_cancelled(ticks.tick()).await.is_some() && n_given_up < MAX_GIVEN_UP {
            n_given_up += self.replace_still();
        }
    }

    fn replace_still(&self) -> usize {
        let mut threads = self.threads.write().unwrap_or_else(PoisonError::into_inner);
        let mut n_replaced = 0;
        for (number, worker) in threads.iter_mut().enumerate() {
            if worker.still_for() < GIVE_UP_AFTER {
                continue;
            }
            match Worker::start(number, &self.stop) {
                Ok(new) => {
                    error!(
                        number,
                        "a thread stands still; another takes its users, whose viewers have to come back"
                    );
                    std::mem::replace(worker, new).given_up.cancel();
                    self.stats.restarts.add(1);
                    n_replaced += 1;
                }
                Err(error) => error!(number, %error, "a thread stands still, and none can take its place"),
            }
        }
        n_replaced
    }

    /// Ends all threads, and what runs on them.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

async fn show(beat: &AtomicU64) {
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

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thread_that_stands_still_is_seen_and_replaced() {
        let stats = Arc::new(Stats::default());
        let workers = Workers::start(stats.clone()).expect("threads");
        tokio::spawn(workers.clone().watch());
        let user = UserId::parse("alice").expect("a user");
        assert!(workers.all_run());
        let first = workers.of(&user);
        let (goes_on, ends) = std::sync::mpsc::channel::<()>();
        // Blocks its thread, as a loop without end would.
        first.handle().spawn(async move {
            let _ = ends.recv();
        });
        tokio::time::sleep(STILL_AFTER + 2 * BEAT_EVERY).await;
        assert!(!workers.all_run());
        tokio::time::sleep(GIVE_UP_AFTER - STILL_AFTER).await;
        assert!(workers.all_run() && first.is_given_up());
        assert_eq!(stats.restarts.get(), 1);
        let (sent, received) = tokio::sync::oneshot::channel();
        workers.of(&user).handle().spawn(async move { sent.send(()) });
        received.await.expect("the new thread works");
        drop(goes_on);
        workers.stop();
    }

    #[test]
    fn a_user_has_one_thread() {
        let workers = Workers::start(Arc::default()).expect("threads");
        for name in ["alice", "bob", "carol"] {
            let user = UserId::parse(name).expect("a user");
            let id = || {
                let (sent, received) = std::sync::mpsc::channel();
                workers.of(&user).handle().spawn(async move { sent.send(std::thread::current().id()) });
                received.recv().expect("it runs")
            };
            assert_eq!(id(), id());
        }
        workers.stop();
    }
}
