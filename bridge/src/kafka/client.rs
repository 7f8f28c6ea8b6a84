//! Questions to Kafka that are not reading: one connection, one question after the other.

use std::time::Duration;

use purple_sector_kafka::{Address, CloseReason, Malformed, Request, body};
use tokio::time::timeout;

use super::connection::{Connection, LongAnswers};
use super::login::{LoginError, log_in};

/// A connection for questions.
pub(crate) struct Client {
    connection: Connection,
    last_number: i32,
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

impl Client {
    /// Connects to the first of `addresses` that can be reached, each in turn.
    pub(crate) async fn connect(addresses: &[Address], long_answers: &LongAnswers) -> Result<Self, AskError> {
        let mut failed = AskError::Lost;
        for address in addresses {
            match log_in(address, long_answers.clone()).await {
                Ok((connection, _)) => return Ok(Self { connection, last_number: 0 }),
                Err(error) => failed = AskError::NoConnection { address: address.clone(), error },
            }
        }
        Err(failed)
    }

    /// Asks and waits for the answer. After an error the connection cannot be used.
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
