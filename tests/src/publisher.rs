//! A driver of whom a test knows every sample: encodes rows and publishes them as a collector does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use purple_sector_codec::{
    Event, Facts, Row, Schema, SessionId, StreamEncoder, StreamSettings, Topic, UserId, partition_for,
};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext};

/// Partitions of a topic made by [`create_topic`], as the bridge makes them.
pub const N_PARTITIONS: u32 = Topic::PARTITIONS as u32;

const LIMIT: Duration = Duration::from_secs(30);

/// A real encoder draws its epoch; here each has its own, so that a run can be made again.
static NEXT_EPOCH: AtomicU32 = AtomicU32::new(1);

/// One session of one user, on its way into Kafka.
pub struct Publisher {
    producer: BaseProducer,
    encoder: StreamEncoder,
    topic: Topic,
    session: SessionId,
    partition: i32,
    n_records: usize,
}

impl Publisher {
    /// A new stream of `session` in the user's topic, which must exist. The schema and facts records are published at once.
    ///
    /// # Errors
    /// Where Kafka cannot be reached.
    pub fn start(
        brokers: &str,
        user: &UserId,
        session: &str,
        schema: Schema,
        samples_per_block: usize,
    ) -> Result<Self> {
        Self::start_as(client(brokers), user, session, schema, samples_per_block)
    }

    /// As [`Publisher::start`], by a client that knows how to log in.
    ///
    /// # Errors
    /// As [`Publisher::start`].
    pub fn start_as(
        mut client: ClientConfig,
        user: &UserId,
        session: &str,
        schema: Schema,
        samples_per_block: usize,
    ) -> Result<Self> {
        let producer: BaseProducer = client
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.max.bytes", Topic::MAX_BATCH_BYTES.to_string())
            .create()
            .context("no producer")?;
        let session = SessionId::parse(session)?;
        let epoch = NEXT_EPOCH.fetch_add(1, Ordering::Relaxed);
        let settings = StreamSettings {
            session,
            epoch,
            schema,
            samples_per_block,
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        };
        let mut publisher = Self {
            producer,
            encoder: StreamEncoder::new(settings)?,
            topic: user.topic(),
            session,
            partition: i32::try_from(partition_for(&session, N_PARTITIONS))?,
            n_records: 0,
        };
        publisher.announce(&Facts::default())?;
        Ok(publisher)
    }

    /// Publishes the schema and `facts`, as a collector does every 10 s.
    ///
    /// # Errors
    /// Where the producer's queue does not take them.
    pub fn announce(&mut self, facts: &Facts) -> Result<()> {
        let schema = self.encoder.schema_record().to_vec();
        self.send(&schema)?;
        let facts = self.encoder.facts_record(facts)?.to_vec();
        self.send(&facts)
    }

    /// Encodes one sample, and publishes the block that it completes.
    ///
    /// # Errors
    /// Where the row does not fit the schema, or the producer's queue is full.
    pub fn push(&mut self, row: Row<'_>) -> Result<()> {
        if let Some(block) = self.encoder.push(row)? {
            let block = block.to_vec();
            self.send(&block)?;
        }
        Ok(())
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// As [`Publisher::push`].
    pub fn event(&mut self, event: &Event) -> Result<()> {
        let record = self.encoder.event_record(event)?.to_vec();
        self.send(&record)
    }

    /// Publishes what is left of the last block, and the end of the stream.
    ///
    /// # Errors
    /// As [`Publisher::push`].
    pub fn end(&mut self) -> Result<()> {
        if let Some(block) = self.encoder.flush()? {
            let block = block.to_vec();
            self.send(&block)?;
        }
        let end = self.encoder.end_record().to_vec();
        self.send(&end)?;
        self.flush()
    }

    /// Makes the next block a key block.
    pub fn force_key(&mut self) {
        self.encoder.force_key();
    }

    /// Publishes bytes as they are, good or bad, under this session's key.
    ///
    /// # Errors
    /// As [`Publisher::push`].
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let record =
            BaseRecord::to(&self.topic).key(self.session.as_str()).payload(bytes).partition(self.partition);
        self.producer.send(record).map_err(|(error, _)| anyhow!(error))?;
        self.producer.poll(Duration::ZERO);
        self.n_records += 1;
        Ok(())
    }

    /// Waits until Kafka has everything.
    ///
    /// # Errors
    /// Where it does not within 30 s.
    pub fn flush(&self) -> Result<()> {
        self.producer.flush(LIMIT).context("Kafka did not take everything")
    }

    /// Records published so far, blocks and others.
    pub fn n_records(&self) -> usize {
        self.n_records
    }

    /// The partition that holds this session.
    pub fn partition(&self) -> i32 {
        self.partition
    }
}

/// Makes the user's topic as the bridge would, if it is not there yet.
///
/// # Errors
/// Where Kafka refuses.
pub async fn create_topic(brokers: &str, user: &UserId) -> Result<()> {
    create_topic_with(brokers, user, &Topic::SETTINGS).await
}

/// As [`create_topic`], with these settings and no others, as someone else would make it.
///
/// # Errors
/// As [`create_topic`].
pub async fn create_topic_with(brokers: &str, user: &UserId, settings: &[(&str, &str)]) -> Result<()> {
    create_topic_by(&admin(brokers)?, user, settings).await
}

/// As [`create_topic_with`], by a client that has logged in.
///
/// # Errors
/// As [`create_topic`].
pub async fn create_topic_by<C: ClientContext>(
    admin: &AdminClient<C>,
    user: &UserId,
    settings: &[(&str, &str)],
) -> Result<()> {
    let (name, partitions) = (user.topic(), i32::try_from(N_PARTITIONS)?);
    let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    let results = admin.create_topics([&topic], &options).await?;
    match results.first() {
        Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        other => Err(anyhow!("topic {name} was not made: {other:?}")),
    }
}

/// A client for Kafka's admin calls.
///
/// # Errors
/// Where the client cannot be made.
pub fn admin(brokers: &str) -> Result<AdminClient<DefaultClientContext>> {
    client(brokers).create().context("no admin client")
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("allow.auto.create.topics", "false");
    config
}
