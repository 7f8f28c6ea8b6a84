//! How does a connection to Kafka begin?

use std::time::Duration;

use purple_sector_kafka::{CloseReason, Request, UnusableBroker, Versions, body};
use tokio::time::timeout;

use super::connection::{Connection, LongAnswers};

/// How long a connection may take until it can be used.
const LOG_IN_WITHIN: Duration = Duration::from_secs(5);
/// The first request of a connection; those that follow count from elsewhere.
const NUMBER: i32 = 0;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("{0}")]
    Unreachable(#[from] std::io::Error),
    #[error("no answer within {}s", LOG_IN_WITHIN.as_secs())]
    Silent,
    #[error("the connection was closed")]
    Closed,
    #[error(transparent)]
    Unusable(#[from] UnusableBroker),
}

impl From<CloseReason> for LoginError {
    fn from(_: CloseReason) -> Self {
        Self::Closed
    }
}

/// Opens a connection that is ready for requests: the one place that knows how the bridge shows who it is. Without
/// security, as here, it only settles which versions both sides speak.
pub(crate) async fn log_in(
    address: &str,
    long_answers: LongAnswers,
) -> Result<(Connection, Versions), LoginError> {
    let opened = async {
        let mut connection = Connection::connect(address, long_answers).await?;
        let request = Request::api_versions(NUMBER);
        connection.send(request.bytes);
        let answer = connection.answer().await?;
        let body = body(&answer.bytes, NUMBER, request.flexible).map_err(|_| UnusableBroker::NotKafka)?;
        let versions = Versions::parse(body)?;
        Ok((connection, versions))
    };
    timeout(LOG_IN_WITHIN, opened).await.unwrap_or(Err(LoginError::Silent))
}
