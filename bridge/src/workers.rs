//! On which thread does a user's work run?
//!
//! A few threads run all feeds and viewers, each with a Tokio runtime of its own. Everything of one user runs on one of
//! them, so that a record goes from Kafka's socket to the viewers' sockets without changing threads. A thread that stands
//! still is given up, and another takes its users. Whether it does is counted in beats and not read off a clock: a bridge
//! that was suspended for an hour gives nobody up.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use purple_sector_codec::UserId;
use tokio::runtime::{Builder, Handle};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::stats::Stats;

/// How often each thread is asked to show that it runs.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// A thread that has left this many beats without an answer is stuck.
const STILL_AFTER_BEATS: u32 = 5;
/// A thread that has left this many beats without an answer is given up: no work of the bridge takes so long.
const GIVE_UP_AFTER_BEATS: u32 = 15;
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
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    handle: Handle,
    /// How many beats it has not answered.
    n_unanswered: Arc<AtomicU32>,
    given_up: CancellationToken,
}

impl Worker {
    fn start(number: usize, stop: &CancellationToken) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let given_up = stop.child_token();
        let ended = given_up.clone();
        std::thread::Builder::new().name(format!("feeds-{number}")).spawn(move || {
            runtime.block_on(ended.cancelled());
            // What still runs ends here; it was told before, unless the thread stood still.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, n_unanswered: Arc::default(), given_up })
    }

    /// Where to run things.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether what runs here has been given up with its thread.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.is_cancelled()
    }

    /// Asks the thread to show that it runs, unless it has not answered before.
    fn beat(&self) {
        if self.n_unanswered.fetch_add(1, Ordering::Relaxed) == 0 {
            let n_unanswered = self.n_unanswered.clone();
            self.handle.spawn(async move { n_unanswered.store(0, Ordering::Relaxed) });
        }
    }

    fn stands_still(&self, n_beats: u32) -> bool {
        self.n_unanswered.load(Ordering::Relaxed) >= n_beats
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
        threads.iter().all(|worker| !worker.stands_still(STILL_AFTER_BEATS))
    }

    /// Asks each thread once a second to show that it runs and replaces those that stand still, until
    /// [`Workers::stop`]. Must run on another thread than these.
    pub(crate) async fn watch(self) {
        let mut n_given_up = 0;
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            n_given_up += self.beat(MAX_GIVEN_UP - n_given_up);
        }
    }

    /// One beat, and how many threads it gave up, at most `max`.
    fn beat(&self, max: usize) -> usize {
        let mut threads = self.threads.write().unwrap_or_else(PoisonError::into_inner);
        let mut n_replaced = 0;
        for (number, worker) in threads.iter_mut().enumerate() {
            worker.beat();
            if n_replaced == max || !worker.stands_still(GIVE_UP_AFTER_BEATS) {
                continue;
            }
            match Worker::start(number, &self.stop) {
                Ok(new) => {
                    error!(
                        number,
                        "a thread is stuck; another takes over its users, whose viewers have to reconnect"
                    );
                    std::mem::replace(worker, new).given_up.cancel();
                    self.stats.restarts.add(1);
                    n_replaced += 1;
                }
                Err(error) => {
                    error!(number, %error, "a thread is stuck, and none can be started in its place")
                }
            }
        }
        n_replaced
    }

    /// Ends all threads, and what runs on them.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until each of these threads has done what it was asked for.
    fn catch_up(threads: &[Worker]) {
        for worker in threads {
            let (done, is_done) = std::sync::mpsc::channel();
            worker.handle().spawn(async move { done.send(()) });
            is_done.recv_timeout(Duration::from_secs(20)).expect("the thread runs");
        }
    }

    #[test]
    fn a_stuck_thread_is_noticed_and_replaced() {
        let stats = Arc::new(Stats::default());
        let workers = Workers::start(stats.clone()).expect("threads");
        let user = UserId::parse("alice").expect("a user");
        let first = workers.of(&user);
        let others: Vec<Worker> = {
            let threads = workers.threads.read().expect("nothing panics");
            let is_other = |worker: &&Worker| !Arc::ptr_eq(&worker.n_unanswered, &first.n_unanswered);
            threads.iter().filter(is_other).cloned().collect()
        };
        // Blocks its thread, as a loop without end would.
        let (goes_on, ends) = std::sync::mpsc::channel::<()>();
        first.handle().spawn(async move {
            let _ = ends.recv();
        });
        let beat = || {
            let n_replaced = workers.beat(MAX_GIVEN_UP);
            catch_up(&others);
            n_replaced
        };
        for n_beats in 1..GIVE_UP_AFTER_BEATS {
            assert_eq!(
                (beat(), workers.all_run()),
                (0, n_beats < STILL_AFTER_BEATS),
                "after {n_beats} beats"
            );
        }
        assert_eq!((beat(), workers.all_run(), first.is_given_up()), (1, true, true));
        assert_eq!((stats.restarts.get(), others.iter().any(Worker::is_given_up)), (1, false));
        catch_up(&[workers.of(&user)]);
        drop(goes_on);
        workers.stop();
    }

    #[test]
    fn a_thread_that_is_late_is_kept() {
        let workers = Workers::start(Arc::default()).expect("threads");
        let worker = workers.of(&UserId::parse("alice").expect("a user"));
        let (goes_on, ends) = std::sync::mpsc::channel::<()>();
        worker.handle().spawn(async move {
            let _ = ends.recv();
        });
        (1..GIVE_UP_AFTER_BEATS).for_each(|_| worker.beat());
        assert!(worker.stands_still(STILL_AFTER_BEATS));
        drop(goes_on);
        catch_up(std::slice::from_ref(&worker));
        assert!(!worker.stands_still(1));
        worker.beat();
        catch_up(std::slice::from_ref(&worker));
        assert!(!worker.stands_still(1), "and it answers again");
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
                received.recv_timeout(Duration::from_secs(20)).expect("it runs")
            };
            assert_eq!(id(), id());
        }
        workers.stop();
    }
}
