//! How does a connection to Kafka begin?

use std::io;
use std::time::Duration;

use purple_sector_kafka::{
    Address, CloseReason, Identity, LogIn, LogInError, Malformed, Refusal, Request, Step, UnusableBroker,
    Versions, body,
};
use tokio::time::timeout;

use super::connection::{Connection, LongAnswers};
use super::security::Tls;
use super::turns::Turns;

/// How long a connection may take until it can be used, once it has its turn.
const LOG_IN_WITHIN: Duration = Duration::from_secs(5);

/// A way into Kafka: where brokers listen, and how connections there are secured.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    /// Brokers to ask first.
    pub(crate) seeds: Vec<Address>,
    pub(crate) tls: Option<Tls>,
    pub(crate) long_answers: LongAnswers,
    pub(crate) turns: Turns,
}

/// A connection that is ready for requests.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    pub(crate) versions: Versions,
    /// After which the broker takes no more requests, if it does not do so for ever.
    pub(crate) lifetime: Option<Duration>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    #[error("no answer within {}s", LOG_IN_WITHIN.as_secs())]
    Silent,
    #[error("the broker closed the connection")]
    Closed,
    #[error("not let in: {0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Unusable(#[from] UnusableBroker),
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl LoginError {
    /// What a reader makes of it.
    pub(crate) fn reason(&self) -> CloseReason {
        match self {
            Self::Refused(refusal) => CloseReason::Refused(*refusal),
            _ => CloseReason::Lost,
        }
    }
}

impl From<LogInError> for LoginError {
    fn from(error: LogInError) -> Self {
        match error {
            LogInError::Refused(refusal) => Self::Refused(refusal),
            LogInError::Malformed(_) => Self::Unusable(UnusableBroker::NotKafka),
            LogInError::NoRandomness => Self::NoRandomness,
        }
    }
}

impl Listener {
    /// Opens a connection that is ready for requests: the one place that knows how the bridge shows who it is. Settles
    /// which versions both sides speak, and logs in as `identity` where there is one.
    pub(crate) async fn log_in(
        &self,
        address: &str,
        identity: Option<Identity>,
    ) -> Result<Opened, LoginError> {
        let is_costly = self.tls.is_some() || identity.is_some();
        let _turn = if is_costly { self.turns.take(address).await } else { None };
        timeout(LOG_IN_WITHIN, self.open(address, identity)).await.unwrap_or(Err(LoginError::Silent))
    }

    async fn open(&self, address: &str, identity: Option<Identity>) -> Result<Opened, LoginError> {
        let mut connection =
            Connection::connect(address, self.tls.as_ref(), self.long_answers.clone()).await?;
        // The numbers of these requests; those that follow count from elsewhere.
        let mut number = 0;
        let request = Request::api_versions(number);
        let versions = Versions::parse(&ask(&mut connection, request).await?)?;
        let mut lifetime = None;
        if let Some(identity) = identity {
            number += 1;
            let (mut log_in, mut request) = LogIn::begin(identity, number);
            loop {
                let answer = ask(&mut connection, request).await?;
                number += 1;
                match log_in.take(&answer, number)? {
                    Step::Ask(next) => request = next,
                    Step::Done { lifetime: told } => {
                        lifetime = told;
                        break;
                    }
                }
            }
        }
        Ok(Opened { connection, versions, lifetime })
    }
}

/// The body of the answer to a request.
async fn ask(connection: &mut Connection, request: Request) -> Result<Vec<u8>, LoginError> {
    connection.send(request.bytes);
    let Ok(answer) = connection.answer().await else {
        return Err(connection.take_failure().map_or(LoginError::Closed, LoginError::Unreachable));
    };
    let body = body(&answer.bytes, request.number, request.flexible);
    Ok(body.map_err(|Malformed| UnusableBroker::NotKafka)?.to_vec())
}
