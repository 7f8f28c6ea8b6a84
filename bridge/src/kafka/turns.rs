//! How many log-ins does one broker get at the same time?
//!
//! A handshake and the check of a token cost a broker milliseconds of a few threads. When all readers come at once, as
//! after a restart, each waits for its turn instead of timing out in the broker's queue and beginning again. Brokers are
//! counted apart: those who wait for one that is frozen hold up nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Enough to keep a broker's threads busy.
const AT_ONCE: usize = 32;

/// The turns at all brokers; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Turns {
    /// Waits for a turn at a broker, which ends when it is dropped. Can be dropped half-way without loss.
    pub(crate) async fn take(&self, address: &str) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut brokers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A broker at which nobody logs in just now is forgotten.
            brokers.retain(|_, turns| Arc::strong_count(turns) > 1);
            brokers.entry(address.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        };
        // It is never closed.
        turns.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_broker_with_all_turns_taken_holds_up_no_other_and_is_forgotten_after() {
        let turns = Turns::default();
        let mut taken = Vec::new();
        for _ in 0..AT_ONCE {
            taken.push(turns.take("a:1").await);
        }
        let soon = Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, turns.take("a:1")).await.is_err());
        assert!(tokio::time::timeout(soon, turns.take("b:1")).await.is_ok());
        taken.pop();
        assert!(tokio::time::timeout(soon, turns.take("a:1")).await.is_ok());
        taken.clear();
        drop(turns.take("c:1").await);
        assert_eq!(turns.0.lock().expect("nothing panics").len(), 1);
    }
}
