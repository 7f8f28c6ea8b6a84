//! What does Kafka say about topics and offsets? One client for questions, apart from those that read records: a
//! consumer that holds thousands of partitions answers too late.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{IsError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tracing::{debug, info, warn};

use super::admin::{self, TopicIdentity};
use super::{KafkaError, client};

/// How long one question may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// A name that no user's topic has; asking about it only shows that Kafka answers.
const NO_TOPIC: &str = "telemetry-user-";

/// A topic's partition.
pub(super) type Partition = (Arc<str>, i32);

/// What metadata says about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Missing,
    /// Exists, but not every partition has a leader yet.
    Starting,
    Ready {
        n_partitions: i32,
    },
    Refused,
}

/// The client for questions.
pub(crate) struct Lookup {
    brokers: String,
    client: BaseConsumer<client::Context>,
    reachable: AtomicBool,
}

impl Lookup {
    pub(super) fn connect(brokers: &str) -> Result<Self, KafkaError> {
        let mut config = client::common(brokers);
        config.set("allow.auto.create.topics", "false");
        let client = config.create_with_context(client::Context).map_err(KafkaError::Client)?;
        Ok(Self { brokers: brokers.to_owned(), client, reachable: AtomicBool::new(false) })
    }

    /// Asks Kafka anything; says in the log when the answer to "is it there" changes.
    pub(super) fn check(&self, within: Duration) -> bool {
        // Serves the client's own events, which would pile up otherwise.
        let _ = self.client.poll(Duration::ZERO);
        let reached = self.client.fetch_metadata(Some(NO_TOPIC), within).is_ok();
        let before = self.reachable.swap(reached, Ordering::Relaxed);
        match (before, reached) {
            (true, false) => warn!(brokers = self.brokers, "Kafka does not answer"),
            (false, true) => info!(brokers = self.brokers, "Kafka answers"),
            _ => {}
        }
        reached
    }

    /// The result of the last check.
    pub(super) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// Looks one topic up.
    pub(super) fn topic(&self, name: &str) -> Result<Topic, KafkaError> {
        let metadata = self.client.fetch_metadata(Some(name), ANSWER_WITHIN).map_err(KafkaError::Request)?;
        let Some(topic) = metadata.topics().first() else { return Ok(Topic::Missing) };
        let error = topic.error().filter(|error| error.is_error());
        Ok(match error {
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) => Topic::Refused,
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) => Topic::Starting,
            Some(_) => Topic::Missing,
            None if topic.partitions().is_empty() => Topic::Missing,
            None if topic.partitions().iter().any(|partition| partition.leader() < 0) => Topic::Starting,
            None => Topic::Ready { n_partitions: topic.partitions().len() as i32 },
        })
    }

    /// For each partition the oldest offset, the end, or the first offset at or after a time in milliseconds since
    /// 1970, which is the end where nothing is as new. Partitions that Kafka cannot answer for now are missing.
    pub(super) fn offsets(
        &self,
        partitions: &[Partition],
        at: At,
    ) -> Result<HashMap<Partition, Option<i64>>, KafkaError> {
        match self.offsets_of_all(partitions, at) {
            Err(KafkaError::Request(error)) if !is_outage(&error) => {
                // One partition without a leader fails the whole call: ask for each topic alone.
                let mut found = HashMap::new();
                for of_topic in partitions.chunk_by(|a, b| a.0 == b.0) {
                    match self.offsets_of_all(of_topic, at) {
                        Err(KafkaError::Request(error)) if !is_outage(&error) => {
                            debug!(topic = %of_topic[0].0, %error, "cannot look a topic up now");
                        }
                        of_topic => found.extend(of_topic?),
                    }
                }
                Ok(found)
            }
            found => found,
        }
    }

    fn offsets_of_all(
        &self,
        partitions: &[Partition],
        at: At,
    ) -> Result<HashMap<Partition, Option<i64>>, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            // `offsets_for_times` takes times in the place of offsets, and these two names in the place of times.
            let at = match at {
                At::Oldest => Offset::Beginning,
                At::End => Offset::End,
                At::Time(ms) => Offset::Offset(ms),
            };
            list.add_partition_offset(topic, *partition, at).map_err(KafkaError::Request)?;
        }
        let answer = self.client.offsets_for_times(list, ANSWER_WITHIN).map_err(KafkaError::Request)?;
        let found = answer.elements().into_iter().filter(|element| element.error().is_ok());
        Ok(found
            .map(|element| {
                let offset = match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                ((Arc::from(element.topic()), element.partition()), offset)
            })
            .collect())
    }

    /// Which of these topics exist, and which they are.
    pub(super) fn describe(&self, names: &[&str]) -> Result<HashMap<String, TopicIdentity>, KafkaError> {
        admin::describe_topics(self.client.client(), names, ANSWER_WITHIN)
    }

    /// Writes how far a consumer group has read.
    pub(super) fn publish(&self, group: &str, positions: &TopicPartitionList) -> Result<(), KafkaError> {
        admin::publish_offsets(self.client.client(), group, positions, ANSWER_WITHIN)
    }

    /// The offsets that may be read next: from the oldest record to the end.
    pub(super) fn ranges(
        &self,
        partitions: &[Partition],
    ) -> Result<HashMap<Partition, std::ops::RangeInclusive<i64>>, KafkaError> {
        let oldest = self.offsets(partitions, At::Oldest)?;
        let ends = self.offsets(partitions, At::End)?;
        let ranges = oldest.into_iter().filter_map(|(partition, oldest)| {
            let end = (*ends.get(&partition)?)?;
            Some((partition, oldest?..=end))
        });
        Ok(ranges.collect())
    }
}

/// Which offset is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    Oldest,
    End,
    Time(i64),
}

/// Whether no broker answered, so that asking something else is of no use now.
fn is_outage(error: &rdkafka::error::KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        None | Some(
            RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::NetworkException
        )
    )
}
