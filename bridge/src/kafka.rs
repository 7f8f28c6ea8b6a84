//! How do records of a user's topic reach that user's feed?
//!
//! A feed asks where to start (`Kafka::find`), then has partitions assigned (`Kafka::assign`); records come to its
//! `Sink`. Behind it: `start` looks offsets up, `pool` holds the consumers, `topics` makes topics, `watch` asks whether
//! Kafka is there, and `embedded` is a broker inside this process for trying things out.

mod admin;
mod client;
mod consumer;
mod embedded;
mod lookup;
mod placement;
mod pool;
mod slots;
mod start;
#[cfg(test)]
mod tests;
mod topics;
mod upkeep;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use self::embedded::Embedded;
use self::lookup::Lookup;
pub(crate) use self::pool::Wanted;
use self::pool::{Command, Pool, PoolSettings};
use self::start::Starter;
pub(crate) use self::start::{Start, StartError};
use self::topics::Topics;
use crate::stats::Stats;

/// How long a start waits for Kafka's first answer.
const REACH_WITHIN: Duration = Duration::from_secs(5);

/// Which Kafka, and how topics are made there.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// The brokers to use.
    pub source: KafkaSource,
    /// Makes a user's topic if it does not exist.
    pub auto_create_topics: bool,
    /// Partitions of topics that are made; 1 or more.
    pub partitions: u16,
    /// Copies of each partition of topics that are made; `None` leaves it to the broker.
    pub replication_factor: Option<u16>,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaSource {
    /// Apache Kafka at these bootstrap addresses (`host:port`, comma-separated).
    Brokers(String),
    /// A broker inside this process, reachable from this machine only, that keeps nothing.
    Embedded {
        /// Port at 127.0.0.1 for collectors; 0 takes a free one.
        port: u16,
    },
}

/// Why the bridge cannot use Kafka.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// No broker answered.
    #[error("cannot reach Kafka at {brokers} within {}s; is it running? (--brokers, KAFKA_BROKERS)", within.as_secs())]
    Unreachable {
        /// The addresses that were tried.
        brokers: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// librdkafka refuses the settings.
    #[error("cannot use these Kafka settings: {0}")]
    Client(#[source] rdkafka::error::KafkaError),
    /// A request to Kafka failed.
    #[error("Kafka answers with an error: {0}")]
    Request(#[source] rdkafka::error::KafkaError),
    /// The embedded broker's port cannot be used.
    #[error(
        "cannot listen on 127.0.0.1:{port} for the embedded Kafka: {error}; choose another port or stop what uses it"
    )]
    EmbeddedPort {
        /// The port asked for.
        port: u16,
        /// What the system says.
        error: std::io::Error,
    },
    /// The embedded broker does not start.
    #[error("cannot start the embedded Kafka: {0}")]
    Embedded(String),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// Where the records of one feed go, and which of its assignments they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pub(crate) inbox: tokio::sync::mpsc::Sender<FromKafka>,
    /// Goes up with each new assignment of the feed, so that leftovers of an older one are recognised.
    pub(crate) generation: u64,
}

/// What comes to a feed.
#[derive(Debug)]
pub(crate) enum FromKafka {
    Record(Record),
    /// Kafka no longer has the record at `from`; the oldest it has is `to`. The partition is no longer read.
    PositionLost {
        generation: u64,
        partition: u16,
        from: i64,
        to: i64,
    },
    /// The topic is not as it was assigned: it was made anew (`replaced`), or has more partitions.
    TopicChanged {
        generation: u64,
        replaced: bool,
    },
}

/// One record, encoded as the message that viewers get.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) generation: u64,
    /// The topic that it came from, for the feed to compare with its own.
    pub(crate) topic: Arc<str>,
    pub(crate) partition: u16,
    pub(crate) offset: u64,
    /// Milliseconds since 1970 on the broker's clock.
    pub(crate) broker_time_ms: u64,
    /// The record inside its message; the record is the last `record_len` bytes.
    pub(crate) message: Bytes,
    pub(crate) record_len: usize,
}

impl Record {
    /// The record as it is in Kafka.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.message[self.message.len() - self.record_len..]
    }
}

/// The bridge's connection to Kafka.
pub(crate) struct Kafka {
    lookup: Arc<Lookup>,
    starter: Starter,
    pool: mpsc::Sender<Command>,
    /// Dropped to end the threads that look now and then: `upkeep` and `watch`.
    lookers: std::sync::Mutex<Vec<mpsc::Sender<()>>>,
    threads: std::sync::Mutex<Vec<JoinHandle<()>>>,
    embedded: Option<Arc<Embedded>>,
}

impl Kafka {
    /// Starts the embedded broker if asked for, the look-ups and the pool, and checks that Kafka answers.
    pub(crate) async fn start(settings: &KafkaSettings, stats: Arc<Stats>) -> Result<Self, KafkaError> {
        Self::start_with(settings, None, stats).await
    }

    /// As [`Kafka::start`], with another pool than the usual one.
    async fn start_with(
        settings: &KafkaSettings,
        pool: Option<PoolSettings>,
        stats: Arc<Stats>,
    ) -> Result<Self, KafkaError> {
        let embedded = match settings.source {
            KafkaSource::Embedded { port } => Some(Arc::new(Embedded::start(port).await?)),
            KafkaSource::Brokers(_) => None,
        };
        let brokers = match (&settings.source, &embedded) {
            (KafkaSource::Brokers(brokers), _) => brokers.clone(),
            (_, Some(embedded)) => embedded.brokers().to_owned(),
            (KafkaSource::Embedded { .. }, None) => String::new(),
        };
        let lookup = Arc::new(Lookup::connect(&brokers)?);
        let checked = lookup.clone();
        // The check blocks until Kafka answers.
        let reached = tokio::task::spawn_blocking(move || checked.check(REACH_WITHIN)).await.unwrap_or(false);
        if !reached {
            return Err(KafkaError::Unreachable { brokers, within: REACH_WITHIN });
        }
        let topics = Topics::new(&brokers, settings, embedded.clone())?;
        let (starter, starter_thread) = Starter::start(lookup.clone(), topics, embedded.is_some())?;
        let pool_settings = pool.unwrap_or(if embedded.is_some() { EMBEDDED_POOL } else { POOL });
        let (pool, pool_thread) = Pool::start(&brokers, pool_settings, lookup.clone(), stats.clone())?;
        let (upkeep, upkeep_thread) = upkeep::start(lookup.clone(), pool.clone(), stats)?;
        let (watch, watch_thread) = watch::start(lookup.clone())?;
        let lookers = std::sync::Mutex::new(vec![upkeep, watch]);
        let threads = std::sync::Mutex::new(vec![starter_thread, pool_thread, upkeep_thread, watch_thread]);
        Ok(Self { lookup, starter, pool, lookers, threads, embedded })
    }

    /// Whether Kafka answered lately.
    pub(crate) fn is_reachable(&self) -> bool {
        self.lookup.is_reachable()
    }

    /// Where collectors reach the embedded broker.
    pub(crate) fn embedded_address(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(|embedded| embedded.address())
    }

    /// Where to start reading each partition of a topic, which is made first if it has to be and may be.
    pub(crate) async fn find(&self, topic: Arc<str>) -> Result<Vec<Start>, StartError> {
        self.starter.find(topic).await
    }

    /// Begins to read; records come to `sink`.
    pub(crate) fn assign(&self, topic: Arc<str>, sink: Sink, partitions: Vec<Wanted>) {
        // The pool's thread is gone only after `shutdown`.
        let _ = self.pool.send(Command::Assign { topic, sink, partitions });
    }

    /// Ends what was assigned for the topic in generations up to this one.
    pub(crate) fn release(&self, topic: Arc<str>, generation: u64) {
        let _ = self.pool.send(Command::Release { topic, generation });
    }

    /// Ends all threads; waits for them no longer than `within`, because closing a client can hang.
    pub(crate) async fn shutdown(&self, within: Duration) {
        let _ = self.pool.send(Command::Stop);
        self.starter.stop();
        self.lookers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        let threads = {
            let mut threads = self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *threads)
        };
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A thread that panicked has said so.
                let _ = thread.join();
            }
        });
        if tokio::time::timeout(within, joined).await.is_err() {
            tracing::warn!("closing the Kafka clients takes too long, leaving them");
        }
    }
}

/// Four cold consumers hold 10,000 partitions; their Fetch waits long, because its cost is all they cost.
const POOL: PoolSettings = PoolSettings {
    busy_for: Duration::from_secs(30),
    tick: Duration::from_secs(1),
    n_cold: 4,
    cold_wait: Duration::from_millis(500),
    hot_wait: Duration::from_millis(100),
};

/// The embedded broker does not wake a waiting Fetch when a record comes, so Fetches wait only briefly.
const EMBEDDED_POOL: PoolSettings = PoolSettings {
    n_cold: 1,
    cold_wait: Duration::from_millis(10),
    hot_wait: Duration::from_millis(5),
    ..POOL
};
