//! Does each user's topic exist, and how many partitions does it have?

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use purple_sector_codec::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
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
/// How often a missing topic is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most events that one look at what librdkafka has reported takes.
const EVENTS_AT_ONCE: usize = 32;

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
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "Kafka client reports");
        // That all brokers are down follows from what was reported before.
        if let Some(code) =
            error.rdkafka_error_code().filter(|code| *code != RDKafkaErrorCode::AllBrokersDown)
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Report { code, reason: reason.to_owned() });
        }
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
        // Without a group: one that has a group asks for its coordinator again and again, which a user may not.
        let client: BaseConsumer<Heard> = access.settings.create_with_context(Heard::default())?;
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

    fn ask(&self, topic: &str, within: Duration) -> KafkaResult<Metadata> {
        self.keep_up();
        self.client.fetch_metadata(Some(topic), within)
    }

    /// Waits for the first answer from any broker. A log-in with a token that is refused is said once, and waits for another
    /// token. False if it was stopped before.
    fn reach(&self, brokers: &str, stop: &CancellationToken) -> anyhow::Result<bool> {
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
            let news = self.client.context().0.lock().unwrap_or_else(PoisonError::into_inner).take();
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

    /// Looks for a topic; takes [`REACH_WITHIN`] where Kafka does not answer.
    pub(crate) fn look(&self, topic: &Topic) -> Found {
        match self.ask(topic, REACH_WITHIN) {
            Ok(metadata) => found(&metadata, topic),
            Err(error) => {
                debug!(%error, %topic, "no metadata yet");
                Found::Unknown
            }
        }
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
            // librdkafka's word where a broker hangs up before it was asked anything.
            Some(Report { reason, .. }) if reason.contains("security.protocol") => {
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

/// Finds the number of partitions of each topic, in order; creates missing topics where the broker allows that, otherwise waits
/// until someone creates them, and says once what it waits for. `None` if it was stopped before.
///
/// # Errors
/// If Kafka cannot be reached within [`REACH_WITHIN`], or refuses the log-in and no other can be expected.
pub fn partition_counts(
    asker: &Asker,
    brokers: &str,
    topics: &[Topic],
    stop: &CancellationToken,
) -> anyhow::Result<Option<Vec<u32>>> {
    if !asker.reach(brokers, stop)? {
        return Ok(None);
    }
    let mut counts = vec![None; topics.len()];
    let mut creating = None;
    let mut is_refusal_told = false;
    while !stop.is_cancelled() {
        let (mut missing, mut refused) = (Vec::new(), Vec::new());
        for (topic, count) in topics.iter().zip(&mut counts).filter(|(_, count)| count.is_none()) {
            match asker.look(topic) {
                Found::Ready { n_partitions } => *count = Some(n_partitions),
                Found::Missing => missing.push(topic.clone()),
                Found::Refused => refused.push(topic),
                Found::Unknown => {}
            }
        }
        if let Some(counts) = counts.iter().copied().collect() {
            return Ok(Some(counts));
        }
        if let Some(first) = refused.first().filter(|_| !is_refusal_told) {
            is_refusal_told = true;
            warn!(topics = refused.len(), %first, "waiting for the topic: {NOT_SHOWN}");
        }
        if !missing.is_empty() && creating.is_none() {
            let access = asker.access.clone();
            // While looking: the embedded broker does not answer this request, but has the topic soon after.
            creating = Some(Some(std::thread::spawn(move || create(&access, &missing))));
        }
        if let Some(done) =
            creating.as_mut().and_then(|creating| creating.take_if(|thread| thread.is_finished()))
        {
            let created =
                done.join().map_err(|_| anyhow!("the thread that creates topics ended with a panic"))??;
            created.report();
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(None)
}

/// A topic that a user may not see looks like one that does not exist.
const NOT_SHOWN: &str = "it does not exist yet, or this user may not write to it; the bridge makes it when its first \
                         viewer comes, and whoever runs Kafka grants the right";

/// What became of a request to create topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// They exist now.
    Yes,
    /// This broker cannot (the embedded one).
    Impossible,
    /// This user may not.
    Refused,
}

impl Created {
    /// Says what is waited for, if the topics were not created.
    pub(crate) fn report(self) {
        match self {
            Self::Yes => {}
            Self::Impossible => info!(
                "waiting for the topic: this broker makes none on request, the bridge makes it (is it running?)"
            ),
            Self::Refused => warn!(
                "waiting for the topic: this user may not create it; the bridge makes it when its first viewer comes, or \
                 whoever runs Kafka does"
            ),
        }
    }
}

/// What a look at a topic found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The topic is there, and each of its partitions has a leader.
    Ready { n_partitions: u32 },
    /// There is no such topic.
    Missing,
    /// Kafka does not let this user see it.
    Refused,
    /// Kafka does not answer, or cannot say now.
    Unknown,
}

fn found(metadata: &Metadata, topic: &Topic) -> Found {
    let Some(found) = metadata.topics().iter().find(|found| *found.name() == **topic) else {
        return Found::Missing;
    };
    match found.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => return Found::Refused,
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            return Found::Missing;
        }
        Some(_) => return Found::Unknown,
        None => {}
    }
    let ready = found.partitions().iter().all(|partition| partition.leader() >= 0);
    match u32::try_from(found.partitions().len()) {
        Ok(n_partitions) if ready && n_partitions > 0 => Found::Ready { n_partitions },
        _ => Found::Unknown,
    }
}

/// Asks the broker to create the topics.
///
/// # Errors
/// If librdkafka does not accept the settings.
pub(crate) fn create(access: &Access, topics: &[Topic]) -> anyhow::Result<Created> {
    let admin: AdminClient<DefaultClientContext> =
        access.settings.create().context("Kafka's client does not accept the settings")?;
    access.login.begin().renew(admin.inner());
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|topic| {
            // Minus one: as many replicas as the broker's own default says.
            let topic = NewTopic::new(topic, i32::from(Topic::PARTITIONS), TopicReplication::Fixed(-1));
            Topic::SETTINGS.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(REACH_WITHIN));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let results = match runtime.block_on(admin.create_topics(&new, &options)) {
        Ok(results) => results,
        Err(error) => {
            debug!(%error, "the broker creates no topics");
            return Ok(Created::Impossible);
        }
    };
    let mut created = Created::Yes;
    for result in results {
        match result {
            Ok(topic) => info!(topic, partitions = Topic::PARTITIONS, "created the topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((
                _,
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
            )) => {
                created = Created::Refused;
            }
            Err((topic, error)) => {
                debug!(%error, topic, "the topic was not created");
                if created == Created::Yes {
                    created = Created::Impossible;
                }
            }
        }
    }
    Ok(created)
}
