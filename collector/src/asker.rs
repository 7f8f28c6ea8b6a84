//! Is Kafka there, and does it let the collector in? A client that only asks, and what it hears about its connections.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::login::{Access, Login, ShownToken};

/// How long Kafka may take to answer at the start.
pub const REACH_WITHIN: Duration = Duration::from_secs(5);
/// How long one question waits at the start, before the log-in is looked at.
const ASK_WITHIN: Duration = Duration::from_millis(500);
/// Most events that one look at what librdkafka has reported takes.
const EVENTS_AT_ONCE: usize = 32;

/// What a client that only asks has heard about its connections, beside what goes to the debug log.
#[derive(Default)]
struct Heard(Mutex<Option<Trouble>>);

/// Why there is no answer, where that can be told from a broker that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// Kafka does not let the client in.
    LoginRefused(String),
    /// This way of logging in is not Kafka's.
    NoMechanism(String),
    /// One side does not take the other's TLS.
    Tls(String),
    /// The broker hangs up before it has answered anything.
    HangsUp,
}

impl Trouble {
    fn of_error(code: RDKafkaErrorCode, reason: &str) -> Option<Self> {
        if is_login_refusal(code) && reason.contains("Unsupported SASL mechanism") {
            return Some(Self::NoMechanism(reason.to_owned()));
        }
        if is_login_refusal(code) {
            return Some(Self::LoginRefused(reason.to_owned()));
        }
        // A broker that does not take a certificate says so in the middle of the first answer.
        let is_tls = code == RDKafkaErrorCode::SSL || reason.contains("SSL routines");
        is_tls.then(|| Self::Tls(reason.to_owned()))
    }

    /// A broker that hangs up is not an error to librdkafka; only its log says so.
    fn of_log(facility: &str, message: &str) -> Option<Self> {
        let hangs_up = message.contains("Disconnected")
            && (message.contains("in state APIVERSION_QUERY") || message.contains("security.protocol"));
        (facility == "FAIL" && hangs_up).then_some(Self::HangsUp)
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", ?level, facility, message);
        self.note(Trouble::of_log(facility, message));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "Kafka client reports");
        self.note(error.rdkafka_error_code().and_then(|code| Trouble::of_error(code, reason)));
    }
}

impl Heard {
    fn note(&self, trouble: Option<Trouble>) {
        if trouble.is_some() {
            *self.lock() = trouble;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsumerContext for Heard {}

/// A client that asks about topics.
pub struct Asker {
    access: Access,
    client: BaseConsumer<Heard>,
    token: ShownToken,
}

impl Asker {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// If librdkafka does not accept the settings.
    pub fn new(access: Access) -> KafkaResult<Self> {
        let mut settings = access.settings.clone();
        // What is not logged is not heard, whatever LOG_LEVEL shows of it.
        if (settings.log_level as i32) < RDKafkaLogLevel::Info as i32 {
            settings.set_log_level(RDKafkaLogLevel::Info);
        }
        // Without a group: one that has a group asks for its coordinator again and again, which a user may not.
        let client: BaseConsumer<Heard> = settings.create_with_context(Heard::default())?;
        let token = access.login.begin();
        token.renew(client.client());
        Ok(Self { access, client, token })
    }

    /// What it was made from.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Logs in with the newest token, and takes what librdkafka has reported; call it often.
    pub(crate) fn keep_up(&self) {
        self.token.renew(self.client.client());
        for _ in 0..EVENTS_AT_ONCE {
            if self.client.poll(Duration::from_millis(1)).is_none() {
                return;
            }
        }
    }

    /// What Kafka says about a topic.
    ///
    /// # Errors
    /// Where it does not answer in time.
    pub(crate) fn ask(&self, topic: &str, within: Duration) -> KafkaResult<Metadata> {
        self.keep_up();
        self.client.fetch_metadata(Some(topic), within)
    }

    /// Waits for the first answer from any broker. A log-in with a token that is refused is said once, and waits for another
    /// token. False if it was stopped before.
    ///
    /// # Errors
    /// If no broker answers within [`REACH_WITHIN`], or one refuses a log-in that no other token follows.
    pub(crate) fn reach(&self, brokers: &str, stop: &CancellationToken) -> anyhow::Result<bool> {
        let login = &self.access.login;
        let started = Instant::now();
        let mut is_refused = false;
        while !stop.is_cancelled() {
            // No topic has this name: all topics of a large cluster would be a long answer.
            match self.ask("telemetry-user-", ASK_WITHIN) {
                Ok(_) => {
                    if is_refused {
                        info!("Kafka takes the token");
                    }
                    return Ok(true);
                }
                Err(error) => debug!(%error, "no answer from Kafka yet"),
            }
            self.keep_up();
            let trouble = self.client.context().lock().clone();
            match (&trouble, login) {
                (Some(Trouble::LoginRefused(reason)), Login::Token { .. }) if !is_refused => {
                    is_refused = true;
                    warn!(reason, "Kafka refuses the log-in; waiting: {}", login.advice());
                }
                (Some(Trouble::LoginRefused(reason)), Login::Settings) => {
                    bail!("Kafka at {brokers} refuses the log-in ({reason}): {}", login.advice())
                }
                (Some(Trouble::NoMechanism(reason)), _) => {
                    bail!("Kafka at {brokers} knows no such log-in: {reason} (KAFKA_SASL_MECHANISM)")
                }
                _ => {}
            }
            if !is_refused && started.elapsed() >= REACH_WITHIN {
                return Err(unreachable(brokers, trouble));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(false)
    }
}

/// Whether Kafka says that it does not let this client in.
pub(crate) fn is_login_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::UnsupportedSASLMechanism
    )
}

/// One sentence for the person who set the addresses.
fn unreachable(brokers: &str, trouble: Option<Trouble>) -> anyhow::Error {
    let seconds = REACH_WITHIN.as_secs();
    match trouble {
        Some(Trouble::Tls(reason)) => anyhow!(
            "no TLS with Kafka at {brokers}: {reason} (KAFKA_SSL_CA_LOCATION, KAFKA_SSL_CERTIFICATE_LOCATION, \
             KAFKA_SSL_KEY_LOCATION)"
        ),
        Some(Trouble::HangsUp) => anyhow!(
            "Kafka at {brokers} hangs up at once; does it want TLS or a log-in? (KAFKA_SECURITY_PROTOCOL)"
        ),
        Some(Trouble::LoginRefused(_) | Trouble::NoMechanism(_)) | None => anyhow!(
            "cannot reach Kafka at {brokers} within {seconds}s; is it running? (--brokers, KAFKA_BROKERS)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_from_a_broker_that_is_not_there() {
        let tls = |reason: &str| Some(Trouble::Tls(reason.to_owned()));
        let alert = "Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required";
        let mechanism =
            "handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN";
        for (code, reason, trouble) in [
            (RDKafkaErrorCode::Authentication, "bad", Some(Trouble::LoginRefused("bad".to_owned()))),
            (RDKafkaErrorCode::Authentication, mechanism, Some(Trouble::NoMechanism(mechanism.to_owned()))),
            (RDKafkaErrorCode::SSL, "certificate verify failed", tls("certificate verify failed")),
            (RDKafkaErrorCode::BrokerTransportFailure, alert, tls(alert)),
            (RDKafkaErrorCode::BrokerTransportFailure, "Connection refused", None),
            (RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down", None),
        ] {
            assert_eq!(Trouble::of_error(code, reason), trouble, "{code:?} {reason}");
        }
        for (facility, message, trouble) in [
            (
                "FAIL",
                "Disconnected: closed by peer (after 0ms in state APIVERSION_QUERY)",
                Some(Trouble::HangsUp),
            ),
            (
                "FAIL",
                "Disconnected: verify that security.protocol is correctly configured",
                Some(Trouble::HangsUp),
            ),
            ("FAIL", "Disconnected (after 9000ms in state UP)", None),
            ("FAIL", "Connect failed: Connection refused", None),
        ] {
            assert_eq!(Trouble::of_log(facility, message), trouble, "{message}");
        }
    }
}
