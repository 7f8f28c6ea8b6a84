//! Does Kafka answer?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use purple_sector_kafka::Request;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::client::{AskError, Client, Services};

/// How often Kafka is asked, and how long its answer may take.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// What the last look found.
#[derive(Debug, Default)]
pub(crate) struct Reachable(AtomicBool);

impl Reachable {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says in the log when it changes.
    pub(crate) fn set(&self, found: Result<(), AskError>) {
        let before = self.0.swap(found.is_ok(), Ordering::Relaxed);
        match (before, found) {
            (true, Err(error)) => warn!(%error, "Kafka does not answer"),
            (false, Ok(())) => info!("Kafka answers"),
            _ => {}
        }
    }
}

/// Looks now and then; never ends.
pub(crate) async fn run(reachable: Arc<Reachable>, services: Services) {
    let mut client = None;
    loop {
        let found = look(&mut client, &services).await;
        if found.is_err() {
            client = None;
        }
        reachable.set(found);
        sleep(CHECK_EVERY).await;
    }
}

/// Asks once, on a connection that is kept as long as it is good.
pub(crate) async fn look(client: &mut Option<Client>, services: &Services) -> Result<(), AskError> {
    let asked = async {
        let client = match client {
            Some(client) if client.is_good() => client,
            _ => client.insert(services.connect().await?),
        };
        client.ask(Request::ping, |_| Ok(()), CHECK_EVERY).await
    };
    timeout(CHECK_EVERY, asked).await.unwrap_or(Err(AskError::Silent(CHECK_EVERY)))
}
