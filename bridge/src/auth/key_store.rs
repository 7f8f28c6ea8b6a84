//! Which keys are in use now, and what if a token names another one?

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::KeySet;

/// How long a caller waits for keys that are being fetched.
const WAIT_FOR_KEYS: Duration = Duration::from_secs(3);
/// Callers that may wait for them at once; others are refused at once.
const MAX_WAITING: usize = 256;

/// The key set in use now: callers take a snapshot, and what follows its source replaces it.
#[derive(Debug, Clone)]
pub struct KeyStore {
    keys: Arc<watch::Sender<Arc<KeySet>>>,
    /// Where newer keys are asked for; none where they cannot be.
    source: Option<mpsc::Sender<Waiter>>,
}

/// Someone who waits until the keys were fetched again; dropped where they will not be.
pub(super) type Waiter = oneshot::Sender<()>;

impl KeyStore {
    /// Starts with `keys`, which are replaced when their source is read again.
    pub fn new(keys: KeySet) -> Self {
        Self { keys: Arc::new(watch::Sender::new(Arc::new(keys))), source: None }
    }

    /// Keys that can be asked for when a token names one that is not here. What holds the other end fetches them.
    pub(super) fn with_source(keys: KeySet) -> (Self, mpsc::Receiver<Waiter>) {
        let (source, waiters) = mpsc::channel(MAX_WAITING);
        (Self { source: Some(source), ..Self::new(keys) }, waiters)
    }

    /// The keys in use now.
    pub fn current(&self) -> Arc<KeySet> {
        self.keys.borrow().clone()
    }

    /// Uses `keys` for every token from now on.
    pub fn replace(&self, keys: KeySet) {
        self.keys.send_replace(Arc::new(keys));
    }

    /// Tells when the keys are replaced.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<KeySet>> {
        self.keys.subscribe()
    }

    /// Has the keys fetched again if that may be done now, and waits for it. Whether it was done.
    pub(super) async fn look_again(&self) -> bool {
        let Some(source) = &self.source else { return false };
        let (waiter, fetched) = oneshot::channel();
        source.try_send(waiter).is_ok() && matches!(timeout(WAIT_FOR_KEYS, fetched).await, Ok(Ok(())))
    }
}
