//! How is a user's topic made when it does not exist?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;
use tokio::runtime::Handle;
use tracing::info;

use super::embedded::Embedded;
use super::{KafkaError, KafkaSettings, client};

/// How long making topics may take.
const CREATE_WITHIN: Duration = Duration::from_secs(10);

/// Settings of a topic. It keeps an hour, in segments small enough that the hour is not much longer than that and that
/// 10,000 partitions fit on one broker; records carry the broker's time.
const TOPIC_SETTINGS: [(&str, &str); 5] = [
    ("retention.ms", "3600000"),
    ("segment.ms", "600000"),
    ("segment.bytes", "16777216"),
    ("segment.index.bytes", "65536"),
    ("message.timestamp.type", "LogAppendTime"),
];

/// Why a topic was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CreateError {
    /// The setting says that topics are not to be made.
    Off,
    /// Trying again gives the same.
    Refused(String),
    /// It may work later.
    Failed(String),
}

/// Makes topics, as the bridge itself.
pub(super) struct Topics {
    how: How,
    partitions: i32,
    replication: i32,
}

enum How {
    Off,
    Admin { client: AdminClient<client::Context>, runtime: Handle },
    Embedded(Arc<Embedded>),
}

impl Topics {
    /// Must be called inside a Tokio runtime.
    pub(super) fn new(
        brokers: &str,
        settings: &KafkaSettings,
        embedded: Option<Arc<Embedded>>,
    ) -> Result<Self, KafkaError> {
        let how = match embedded {
            Some(embedded) => How::Embedded(embedded),
            None if settings.auto_create_topics => How::Admin {
                client: client::common(brokers)
                    .create_with_context(client::Context)
                    .map_err(KafkaError::Client)?,
                runtime: Handle::current(),
            },
            None => How::Off,
        };
        let replication = settings.replication_factor.map_or(-1, i32::from);
        Ok(Self { how, partitions: i32::from(settings.partitions), replication })
    }

    /// Makes all these topics; one that exists already is fine. Blocks.
    pub(super) fn create(&self, names: &[Arc<str>]) -> HashMap<Arc<str>, Result<(), CreateError>> {
        match &self.how {
            How::Off => names.iter().map(|name| (name.clone(), Err(CreateError::Off))).collect(),
            How::Embedded(embedded) => names
                .iter()
                .map(|name| {
                    (name.clone(), embedded.create_topic(name, self.partitions).map_err(CreateError::Failed))
                })
                .collect(),
            How::Admin { client, runtime } => {
                let topics: Vec<NewTopic<'_>> = names.iter().map(|name| self.new_topic(name)).collect();
                let options = AdminOptions::new()
                    .request_timeout(Some(CREATE_WITHIN))
                    .operation_timeout(Some(CREATE_WITHIN));
                match runtime.block_on(client.create_topics(&topics, &options)) {
                    Ok(results) => std::iter::zip(names, results)
                        .map(|(name, result)| (name.clone(), created(name, result)))
                        .collect(),
                    Err(error) => {
                        let failed = CreateError::Failed(error.to_string());
                        names.iter().map(|name| (name.clone(), Err(failed.clone()))).collect()
                    }
                }
            }
        }
    }

    fn new_topic<'a>(&self, name: &'a str) -> NewTopic<'a> {
        let topic = NewTopic::new(name, self.partitions, TopicReplication::Fixed(self.replication));
        TOPIC_SETTINGS.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
    }
}

fn created(name: &str, result: Result<String, (String, RDKafkaErrorCode)>) -> Result<(), CreateError> {
    match result {
        Ok(_) => {
            info!(topic = name, "made the topic");
            Ok(())
        }
        Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(()),
        Err((_, code)) if is_refusal(code) => Err(CreateError::Refused(format!("making the topic: {code}"))),
        Err((_, code)) => Err(CreateError::Failed(format!("making the topic: {code}"))),
    }
}

/// Whether trying again gives the same.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::PolicyViolation
            | RDKafkaErrorCode::InvalidTopic
    )
}
