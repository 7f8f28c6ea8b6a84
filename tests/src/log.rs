//! What is in a user's topic? Read from its start, as any reader of the log would.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use purple_sector_codec::{Event, Received, StreamReader, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// A topic's records, decoded in the order in which they come.
pub struct Log {
    consumer: BaseConsumer,
    reader: StreamReader,
    /// Times of all samples so far, Unix µs.
    pub times_us: Vec<u64>,
    /// Partitions that samples came from.
    pub partitions: Vec<i32>,
    /// Holes in the stream.
    pub n_holes: usize,
    /// Events so far.
    pub events: Vec<Event>,
    /// How many schema records came.
    pub n_schemas: usize,
}

impl Log {
    /// Begins at the first record of each partition that the topic has now.
    ///
    /// # Errors
    /// If Kafka does not name the partitions, or there are none.
    pub fn open(brokers: &str, topic: &Topic) -> Result<Self> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", brokers);
        Self::open_as(client, topic)
    }

    /// As [`Log::open`], by a client that knows how to log in.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_as(mut client: ClientConfig, topic: &Topic) -> Result<Self> {
        let consumer: BaseConsumer = client.set("group.id", "test").create()?;
        let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
        let n_partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
        ensure!(n_partitions > 0, "{topic} is not there");
        let mut from_start = TopicPartitionList::new();
        for partition in 0..i32::try_from(n_partitions)? {
            from_start.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&from_start)?;
        Ok(Self {
            consumer,
            reader: StreamReader::new(),
            times_us: Vec::new(),
            partitions: Vec::new(),
            n_holes: 0,
            events: Vec::new(),
            n_schemas: 0,
        })
    }

    /// Reads until `enough`.
    ///
    /// # Errors
    /// Where that takes longer than `limit`, or a record is not one of ours.
    pub fn read_until(&mut self, limit: Duration, enough: impl Fn(&Self) -> bool) -> Result<()> {
        let end = Instant::now() + limit;
        while !enough(self) {
            let n_samples = self.times_us.len();
            ensure!(Instant::now() < end, "only {n_samples} samples came, and {:?}", self.events);
            // An error says that the broker is away; the consumer comes back by itself.
            let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) else { continue };
            let (partition, bytes) = (message.partition(), message.payload().context("a record")?.to_vec());
            drop(message);
            match self.reader.push(&bytes)? {
                Received::Samples(samples) => {
                    self.times_us.extend(samples.captured_at_us());
                    self.n_holes += usize::from(samples.missing.is_some());
                    if !self.partitions.contains(&partition) {
                        self.partitions.push(partition);
                    }
                }
                Received::Schema { .. } => self.n_schemas += 1,
                Received::Event { event, .. } => self.events.push(event),
                _ => {}
            }
        }
        Ok(())
    }
}
