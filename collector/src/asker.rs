//! Is Kafka there, and does it let the collector in? A client that only asks, and what it hears about its connections.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
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

/// librdkafka's words where a broker hangs up instead of answering the first question.
const HANGS_UP: [&str; 2] = ["in state APIVERSION_QUERY", "security.protocol is correctly configured"];
const HANGS_UP_REASON: &str = "Kafka hangs up at once";

/// What a client that only asks has heard about its connections. All of it goes to the debug log.
#[derive(Default)]
struct Heard(Mutex<Option<Report>>);

/// The last thing that was reported about a connection.
struct Report {
    code: RDKafkaErrorCode,
    reason: String,
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", ?level, facility, message);
        // A broker that hangs up is no error to librdkafka, and stands in its log alone.
        if facility == "FAIL" && HANGS_UP.iter().any(|words| message.contains(words)) {
            self.note(RDKafkaErrorCode::BrokerTransportFailure, HANGS_UP_REASON);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "Kafka client reports");
        // That all brokers are down follows from what was reported before.
        if let Some(code) =
            error.rdkafka_error_code().filter(|code| *code != RDKafkaErrorCode::AllBrokersDown)
        {
            self.note(code, reason);
        }
    }
}

impl Heard {
    fn note(&self, code: RDKafkaErrorCode, reason: &str) {
        let report = Report { code, reason: reason.to_owned() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }

    fn take(&self) -> Option<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
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
        let (mut heard, mut is_refused) = (None, false);
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
            let news = self.client.context().take();
            heard = news.or(heard);
            let refusal = heard.as_ref().filter(|report| is_login_refusal(report.code));
            match (refusal, login) {
                (Some(Report { reason, .. }), Login::Token { .. }) if !is_refused => {
                    is_refused = true;
                    warn!(reason, "Kafka refuses the log-in; waiting: {}", login.advice());
                }
                (Some(Report { reason, .. }), Login::Settings) => {
                    bail!("Kafka at {brokers} refuses the log-in ({reason}): {}", login.advice())
                }
                _ => {}
            }
            if !is_refused && started.elapsed() >= REACH_WITHIN {
                bail!("{}", Unreachable { brokers, heard })
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

/// Why there was no answer, for the person who set the addresses.
struct Unreachable<'a> {
    brokers: &'a str,
    heard: Option<Report>,
}

impl fmt::Display for Unreachable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (brokers, seconds) = (self.brokers, REACH_WITHIN.as_secs());
        match &self.heard {
            Some(Report { code: RDKafkaErrorCode::SSL, reason }) => write!(
                f,
                "no TLS with Kafka at {brokers}: {reason} (KAFKA_SSL_CA_LOCATION, KAFKA_SSL_CERTIFICATE_LOCATION, \
                 KAFKA_SSL_KEY_LOCATION)"
            ),
            Some(Report { reason, .. }) if reason == HANGS_UP_REASON => {
                write!(
                    f,
                    "Kafka at {brokers} hangs up at once; does it want TLS or a log-in? (KAFKA_SECURITY_PROTOCOL)"
                )
            }
            _ => write!(
                f,
                "cannot reach Kafka at {brokers} within {seconds}s; is it running? (--brokers, KAFKA_BROKERS)"
            ),
        }
    }
}
