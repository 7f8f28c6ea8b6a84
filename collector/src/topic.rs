//! Does each user's topic exist, and how many partitions does it have?

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use purple_sector_codec::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

/// How long Kafka may take to answer at the start.
pub const REACH_WITHIN: Duration = Duration::from_secs(5);
/// How often a missing topic is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A client that only asks; what librdkafka says about it goes to the debug log.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", ?level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "Kafka client reports");
    }
}

impl ConsumerContext for Quiet {}

/// A client that asks about topics.
pub(crate) type Client = BaseConsumer<Quiet>;

/// A client that asks about topics, and has not connected yet.
///
/// # Errors
/// If librdkafka does not accept the settings.
pub(crate) fn client(kafka: &ClientConfig) -> anyhow::Result<Client> {
    let client = kafka.clone().set("group.id", "collector-asks").create_with_context(Quiet);
    client.context("Kafka's client does not accept the settings")
}

/// Finds the number of partitions of each topic, in order; creates missing topics where the broker allows that, otherwise waits
/// until someone creates them, and says once what it waits for. `None` if it was stopped before.
///
/// # Errors
/// If Kafka cannot be reached within [`REACH_WITHIN`], or refuses.
pub fn partition_counts(
    kafka: &ClientConfig,
    brokers: &str,
    topics: &[Topic],
    stop: &CancellationToken,
) -> anyhow::Result<Option<Vec<u32>>> {
    let client = client(kafka)?;
    reach(&client, brokers)?;
    let mut missing = missing_topics(&client, topics)?;
    let mut creating = (!missing.is_empty()).then(|| {
        let (kafka, topics) = (kafka.clone(), missing.iter().map(|&topic| topic.clone()).collect::<Vec<_>>());
        // While looking: the embedded broker does not answer this request, but has the topic soon after.
        std::thread::spawn(move || create(&kafka, &topics))
    });
    while !missing.is_empty() {
        if stop.is_cancelled() {
            return Ok(None);
        }
        if let Some(done) = creating.take_if(|creating| creating.is_finished()) {
            let created =
                done.join().map_err(|_| anyhow!("the thread that creates topics ended with a panic"))??;
            if !created {
                info!(
                    topics = missing.len(),
                    first = %missing[0],
                    "waiting for the topic: this broker makes none on request, the bridge makes it (is it running?)"
                );
            }
        }
        std::thread::sleep(LOOK_EVERY);
        missing = missing_topics(&client, topics)?;
    }
    topics.iter().map(|topic| ready_partitions(&client, topic)).collect::<anyhow::Result<Option<Vec<_>>>>()
}

/// Waits for the first answer from any broker.
fn reach(client: &Client, brokers: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < REACH_WITHIN {
        let left = REACH_WITHIN.saturating_sub(started.elapsed());
        // No topic has this name: all topics of a large cluster would be a long answer.
        match client.fetch_metadata(Some("telemetry-user-"), left) {
            Ok(_) => return Ok(()),
            Err(error) => debug!(%error, "no answer from Kafka yet"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let seconds = REACH_WITHIN.as_secs();
    bail!("cannot reach Kafka at {brokers} within {seconds}s; is it running? (--brokers, KAFKA_BROKERS)");
}

fn missing_topics<'a>(client: &Client, topics: &'a [Topic]) -> anyhow::Result<Vec<&'a Topic>> {
    let mut missing = Vec::new();
    for topic in topics {
        if ready_partitions(client, topic)?.is_none() {
            missing.push(topic);
        }
    }
    Ok(missing)
}

/// The topic's number of partitions, once every one of them has a leader.
fn ready_partitions(client: &Client, topic: &Topic) -> anyhow::Result<Option<u32>> {
    match look(client, topic) {
        Found::Ready { n_partitions } => Ok(Some(n_partitions)),
        Found::Missing | Found::Unknown => Ok(None),
        Found::Refused => {
            bail!("Kafka does not allow this user to see {topic}; ask whoever runs it for access")
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

/// Looks for a topic; takes [`REACH_WITHIN`] where Kafka does not answer.
pub(crate) fn look(client: &Client, topic: &Topic) -> Found {
    let metadata = match client.fetch_metadata(Some(topic), REACH_WITHIN) {
        Ok(metadata) => metadata,
        Err(error) => {
            debug!(%error, %topic, "no metadata yet");
            return Found::Unknown;
        }
    };
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

/// Asks the broker to create the topics. `false` where it cannot (the embedded broker).
pub(crate) fn create(kafka: &ClientConfig, topics: &[Topic]) -> anyhow::Result<bool> {
    let admin: AdminClient<DefaultClientContext> =
        kafka.create().context("Kafka's client does not accept the settings")?;
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
            return Ok(false);
        }
    };
    let mut created = true;
    for result in results {
        match result {
            Ok(topic) => info!(topic, partitions = Topic::PARTITIONS, "created the topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, RDKafkaErrorCode::TopicAuthorizationFailed)) => {
                bail!("Kafka does not allow this user to create {topic}; ask whoever runs it to create it")
            }
            Err((topic, error)) => {
                debug!(%error, topic, "the topic was not created");
                created = false;
            }
        }
    }
    Ok(created)
}
