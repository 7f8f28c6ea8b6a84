//! Do the tasks that must never end still run?
//!
//! One that ends, by a panic most likely, is logged, counted, and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::stats::Stats;

/// Before a task that ended is started again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Keeps tasks running.
pub(crate) struct Supervisor {
    stop: CancellationToken,
    stats: Arc<Stats>,
    n_down: Arc<AtomicUsize>,
}

impl Supervisor {
    pub(crate) fn new(stats: Arc<Stats>) -> Self {
        Self { stop: CancellationToken::new(), stats, n_down: Arc::default() }
    }

    /// Runs what `begin` gives, again whenever it ends.
    pub(crate) fn keep<F>(&self, what: &'static str, begin: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stats, n_down) = (self.stop.clone(), self.stats.clone(), self.n_down.clone());
        tokio::spawn(async move {
            loop {
                let mut task = tokio::spawn(begin());
                tokio::select! {
                    () = stop.cancelled() => return task.abort(),
                    _ = &mut task => {}
                }
                error!(what, "a task ended that should never end; it is started again");
                stats.restarts.add(1);
                n_down.fetch_add(1, Ordering::Relaxed);
                let waited = stop.run_until_cancelled(tokio::time::sleep(RESTART_AFTER)).await;
                n_down.fetch_sub(1, Ordering::Relaxed);
                if waited.is_none() {
                    return;
                }
            }
        });
    }

    /// Whether none of them is down just now.
    pub(crate) fn all_run(&self) -> bool {
        self.n_down.load(Ordering::Relaxed) == 0
    }

    /// Ends all of them.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_seen_counted_and_started_again() {
        let stats = Arc::new(Stats::default());
        let supervisor = Supervisor::new(stats.clone());
        let n_begun = Arc::new(AtomicUsize::new(0));
        let counted = n_begun.clone();
        supervisor.keep("test", move || {
            let n_before = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(n_before > 0, "the first one panics");
                std::future::pending::<()>().await;
            }
        });
        tokio::time::sleep(RESTART_AFTER / 2).await;
        assert!(!supervisor.all_run());
        tokio::time::sleep(RESTART_AFTER).await;
        assert!(supervisor.all_run());
        assert_eq!((n_begun.load(Ordering::Relaxed), stats.restarts.get()), (2, 1));
    }
}
