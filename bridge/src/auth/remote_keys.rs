//! How do keys come from where the issuer publishes them, and stay current?
//!
//! They are fetched every few minutes, and again when a token names a key that is not known, but not more often than every
//! 30 s, whatever tokens come. A source that is down or answers garbage changes nothing: the last keys stay in use.

mod fetch;
mod schedule;

use std::fmt;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::fetch::{Endpoint, EndpointError, FetchError};
use self::fetch::{Fetched, Fetcher};
use self::schedule::{Pace, Schedule};
use super::key_store::Waiter;
use super::{KeySet, KeyStore};

/// Keys at an address, and those last fetched from there.
pub struct RemoteKeys {
    fetcher: Fetcher,
    store: KeyStore,
    waiters: mpsc::Receiver<Waiter>,
    schedule: Schedule,
    last: Option<Fetched>,
}

impl RemoteKeys {
    /// Prepares to follow `endpoint`; until the first fetch no token is good.
    ///
    /// # Errors
    /// [`FetchError::Client`] if this machine has no certificates to check others with.
    pub fn new(endpoint: Endpoint) -> Result<Self, FetchError> {
        Self::at_pace(endpoint, Pace::USUAL)
    }

    fn at_pace(endpoint: Endpoint, pace: Pace) -> Result<Self, FetchError> {
        let (store, waiters) = KeyStore::with_source(KeySet::default());
        let fetcher = Fetcher::new(endpoint)?;
        let schedule = Schedule::new(pace, Instant::now().into_std());
        Ok(Self { fetcher, store, waiters, schedule, last: None })
    }

    /// The keys in use, which follow their source while [`watch`](Self::watch) runs.
    pub fn store(&self) -> KeyStore {
        self.store.clone()
    }

    /// Fetches for the first time. A source that is down for now is waited for by [`watch`](Self::watch), and no one gets in
    /// meanwhile.
    ///
    /// # Errors
    /// A [`FetchError`] that waiting cannot heal: the address answers, but not with an issuer's keys.
    pub async fn start(&mut self) -> Result<(), FetchError> {
        match self.look().await {
            Err(error) if !error.may_pass() => Err(error),
            _ => Ok(()),
        }
    }

    /// Follows the source until `stop`.
    pub async fn watch(mut self, stop: CancellationToken) {
        loop {
            let waiter = tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(self.schedule.next_at().into()) => None,
                Some(waiter) = self.waiters.recv() => Some(waiter),
            };
            if waiter.is_some() && !self.schedule.may_fetch_now(Instant::now().into_std()) {
                continue; // dropping the waiter tells it
            }
            if stop.run_until_cancelled(self.look()).await.is_none() {
                return;
            }
            // Those who came meanwhile are answered by the same fetch.
            let others = std::iter::from_fn(|| self.waiters.try_recv().ok());
            for waiter in waiter.into_iter().chain(others) {
                let _ = waiter.send(());
            }
        }
    }

    /// Fetches, and takes the keys if they have changed.
    async fn look(&mut self) -> Result<(), FetchError> {
        let result = self.fetcher.fetch().await;
        let now = Instant::now().into_std();
        match result {
            Ok(fetched) => {
                self.schedule.succeeded(now);
                if self.last.as_ref() != Some(&fetched) {
                    // Read before it is kept: what cannot be used is told each time.
                    match KeySet::from_jwks(&fetched.jwks) {
                        Ok(keys) => {
                            info!(n_keys = keys.n_keys(), source = %self.fetcher, "keys fetched, they are in use");
                            self.store.replace(keys);
                            self.last = Some(fetched);
                        }
                        Err(error) => return self.failed(error.into()),
                    }
                }
                Ok(())
            }
            Err(error) => {
                self.schedule.failed(now);
                self.failed(error)
            }
        }
    }

    fn failed(&self, error: FetchError) -> Result<(), FetchError> {
        let kept =
            if self.last.is_some() { "the last keys stay in use" } else { "no token is good until then" };
        warn!(%error, source = %self.fetcher, kept, "cannot fetch the keys that tokens are checked with");
        Err(error)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKeys({})", self.fetcher)
    }
}

#[cfg(test)]
mod tests;
