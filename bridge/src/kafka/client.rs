//! Questions to Kafka that are not reading, asked as the bridge itself: one connection, one question after the other.

use std::time::Duration;

use purple_sector_kafka::{Address, CloseReason, Identity, Malformed, Request, body};
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::login::{Listener, LoginError, Opened};

/// How long before the end of its session a connection is of no use any more: an answer must fit in.
const SESSION_MARGIN: Duration = Duration::from_secs(1);

/// Where the bridge asks, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) listener: Listener,
    pub(crate) identity: Option<Identity>,
}

/// A connection for questions.
pub(crate) struct Client {
    connection: Connection,
    last_number: i32,
    /// When its session is over.
    good_until: Option<Instant>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("cannot connect to {address}: {error}")]
    NoConnection { address: Address, error: LoginError },
    #[error("the connection was lost")]
    Lost,
    #[error("no answer within {}s", .0.as_secs())]
    Silent(Duration),
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl From<CloseReason> for AskError {
    fn from(_: CloseReason) -> Self {
        Self::Lost
    }
}

impl Services {
    /// Connects to the first broker that can be reached, each in turn.
    pub(crate) async fn connect(&self) -> Result<Client, AskError> {
        let mut failed = AskError::Lost;
        for address in &self.listener.seeds {
            match self.connect_to(address).await {
                Ok(client) => return Ok(client),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Connects to this broker.
    pub(crate) async fn connect_to(&self, address: &Address) -> Result<Client, AskError> {
        match self.listener.log_in(address, self.identity.clone()).await {
            Ok(Opened { connection, lifetime, .. }) => {
                let good_until =
                    lifetime.map(|lifetime| Instant::now() + lifetime.saturating_sub(SESSION_MARGIN));
                Ok(Client { connection, last_number: 100, good_until })
            }
            Err(error) => Err(AskError::NoConnection { address: address.clone(), error }),
        }
    }
}

impl Client {
    /// Whether its broker still takes questions.
    pub(crate) fn is_good(&self) -> bool {
        self.good_until.is_none_or(|until| Instant::now() < until)
    }

    /// Asks and waits for the answer. After an error the connection is of no use.
    pub(crate) async fn ask<T>(
        &mut self,
        ask: impl FnOnce(i32) -> Request,
        read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
        within: Duration,
    ) -> Result<T, AskError> {
        self.last_number = self.last_number.wrapping_add(1);
        let request = ask(self.last_number);
        self.connection.send(request.bytes);
        let answer =
            timeout(within, self.connection.answer()).await.map_err(|_| AskError::Silent(within))??;
        Ok(read(body(&answer.bytes, request.number, request.flexible)?)?)
    }
}
