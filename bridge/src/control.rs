//! What must all bridges know, and how do they learn it?
//!
//! One compacted Kafka topic of one partition, which every bridge reads from its first record on: before it serves anyone,
//! and then for as long as it runs. Anyone who may write to that topic can end sessions, so only the bridges' own principal
//! may.

mod entry;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::{info, warn};

pub use self::entry::Entry;
use crate::auth::{RevocationStore, Secret};
use crate::time::unix_s;

/// The name of the topic, unless told otherwise.
pub const DEFAULT_TOPIC: &str = "purple-sector-control";
/// How long a start waits until everything written so far is read.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(10);
/// How long a record may take to be safe in Kafka.
const WRITE_WITHIN: Duration = Duration::from_secs(10);
/// How soon the thread notices that it is to end.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The same trouble is told once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// How librdkafka connects and logs in, by its own names. Values print as `***`: some of them are secret.
#[derive(Debug, Clone, Default)]
pub struct ClientProperties(pub Vec<(&'static str, Secret)>);

/// Where the topic is.
#[derive(Debug, Clone)]
pub struct ControlSettings {
    /// Bootstrap addresses, comma-separated.
    pub brokers: String,
    /// How to connect to them.
    pub connection: ClientProperties,
    /// Name of the topic.
    pub topic: String,
    /// Copies of its partition; `None` leaves it to the broker.
    pub replication_factor: Option<u16>,
}

/// Why the topic cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It was made, and is not there.
    #[error("the topic {topic} was made, but does not show up; start again")]
    Missing {
        /// Its name.
        topic: String,
    },
    /// It cannot be made.
    #[error(
        "the topic {topic} cannot be made: {error}; make it with one partition and cleanup.policy=compact,delete, or \
         do without revocations (an empty KAFKA_CONTROL_TOPIC)"
    )]
    CannotMake {
        /// Its name.
        topic: String,
        /// What Kafka says.
        error: String,
    },
    /// It has another number of partitions than one: the order of its records would be lost.
    #[error(
        "the topic {topic} has {n_partitions} partitions, it needs exactly one; name another (KAFKA_CONTROL_TOPIC)"
    )]
    Partitions {
        /// Its name.
        topic: String,
        /// How many it has.
        n_partitions: usize,
    },
    /// Not everything was read in time. Serving anyone now could let revoked tokens in.
    #[error("the topic {topic} could not be read to its end within {}s{reason}", CATCH_UP_WITHIN.as_secs())]
    Unread {
        /// Its name.
        topic: String,
        /// What Kafka says, if anything.
        reason: String,
    },
    /// A record was not taken.
    #[error("the topic {topic} does not take the entry: {error}")]
    Unwritten {
        /// Its name.
        topic: String,
        /// What Kafka says.
        error: String,
    },
    /// librdkafka does not start, or Kafka cannot be asked.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// Follows the topic until it is dropped.
#[derive(Debug)]
pub struct ControlLog {
    stop: Arc<AtomicBool>,
}

impl Drop for ControlLog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl ControlLog {
    /// Reads everything that was written so far into `revoked`, and follows what comes.
    ///
    /// # Errors
    /// A [`ControlError`], which says what to change.
    pub async fn follow(settings: &ControlSettings, revoked: RevocationStore) -> Result<Self, ControlError> {
        topic::prepare(settings).await?;
        let consumer: BaseConsumer = settings
            .client()
            // librdkafka wants a group even for partitions that are given to it. Nothing is ever committed.
            .set("group.id", &settings.topic)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            // A topic that is made again is read from its first record, too.
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "5000")
            .set("queued.max.messages.kbytes", "1024")
            .create()?;
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(&settings.topic, 0, Offset::Beginning)?;
        consumer.assign(&partitions)?;

        let log = Self { stop: Arc::default() };
        let (caught_up, is_caught_up) = oneshot::channel();
        let follower = Follower { consumer, revoked, stop: log.stop.clone(), last_warning: None };
        std::thread::Builder::new()
            .name("control".into())
            .spawn(move || follower.run(caught_up))
            .map_err(ControlError::Thread)?;
        match is_caught_up.await {
            Ok(None) => Ok(log),
            Ok(Some(reason)) => Err(ControlError::Unread { topic: settings.topic.clone(), reason }),
            Err(_) => Err(ControlError::Unread { topic: settings.topic.clone(), reason: String::new() }),
        }
    }
}

/// Writes an entry and waits until it is safe in Kafka, from where every bridge reads it.
///
/// # Errors
/// A [`ControlError`], which says what to change.
pub async fn write(settings: &ControlSettings, entry: &Entry) -> Result<(), ControlError> {
    topic::prepare(settings).await?;
    let producer: FutureProducer = settings
        .client()
        .set("acks", "all")
        .set("message.timeout.ms", WRITE_WITHIN.as_millis().to_string())
        .create()?;
    let (key, value) = (entry.key(), entry.to_bytes());
    let record = FutureRecord::to(&settings.topic).partition(0).key(&key).payload(&value);
    producer.send(record, Timeout::After(WRITE_WITHIN)).await.map(|_| ()).map_err(|(error, _)| {
        ControlError::Unwritten { topic: settings.topic.clone(), error: error.to_string() }
    })
}

impl ControlSettings {
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "purple-sector-bridge");
        for (name, value) in &self.connection.0 {
            config.set(*name, value.expose());
        }
        config
    }
}

/// Reads the topic on a thread of its own: librdkafka's calls block.
struct Follower {
    consumer: BaseConsumer,
    revoked: RevocationStore,
    stop: Arc<AtomicBool>,
    last_warning: Option<Instant>,
}

impl Follower {
    /// Runs until it is to stop. Says through `caught_up` when the end of what was there is reached, or why it is not.
    fn run(mut self, caught_up: oneshot::Sender<Option<String>>) {
        let deadline = Instant::now() + CATCH_UP_WITHIN;
        let mut caught_up = Some(caught_up);
        let mut last_error = None;
        while !self.stop.load(Ordering::Relaxed) {
            match self.consumer.poll(LOOK_EVERY) {
                Some(Ok(message)) => {
                    take(&self.revoked, message.offset(), message.payload().unwrap_or_default())
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    if let Some(caught_up) = caught_up.take() {
                        let _ = caught_up.send(None);
                    }
                }
                Some(Err(error)) => {
                    self.warn(&error);
                    last_error = Some(error);
                }
                None => {}
            }
            if Instant::now() >= deadline
                && let Some(caught_up) = caught_up.take()
            {
                let _ =
                    caught_up.send(Some(last_error.map(|error| format!(": {error}")).unwrap_or_default()));
                return;
            }
        }
    }

    fn warn(&mut self, error: &KafkaError) {
        if self.last_warning.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            self.last_warning = Some(Instant::now());
            warn!(%error, "cannot follow the control topic; revocations come late until then");
        }
    }
}

/// Does what one record says.
fn take(revoked: &RevocationStore, offset: i64, value: &[u8]) {
    // An entry that was deleted leaves an empty record.
    if value.is_empty() {
        return;
    }
    match Entry::parse(value).and_then(|entry| entry.revocation()) {
        Ok(revocation) => {
            info!(offset, ?revocation, "revoked");
            if !revoked.add(revocation, unix_s()) {
                warn!(
                    offset,
                    "no room for one more revocation: this one does not hold; change the keys instead"
                );
            }
        }
        Err(error) => warn!(offset, %error, "passing over a record of the control topic"),
    }
}
