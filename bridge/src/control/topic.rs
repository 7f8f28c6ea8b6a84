//! Is the control topic there, and as it has to be?

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use tracing::info;

use super::{ControlError, ControlSettings};

/// How long each question to Kafka may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The newest entry of each key stays, for a year at most: nothing that is written here lives longer.
const SETTINGS: [(&str, &str); 5] = [
    ("cleanup.policy", "compact,delete"),
    ("retention.ms", "31536000000"),
    ("segment.ms", "86400000"),
    ("message.timestamp.type", "LogAppendTime"),
    ("max.message.bytes", "65536"),
];

/// Makes the topic if it does not exist.
pub(super) async fn prepare(settings: &ControlSettings) -> Result<(), ControlError> {
    // A topic of a moment ago may not be known to the broker that is asked.
    for attempt in 0..20 {
        match count_partitions(settings).await? {
            1 => return Ok(()),
            0 if attempt > 0 => tokio::time::sleep(Duration::from_millis(100)).await,
            0 => make(settings).await?,
            n_partitions => {
                return Err(ControlError::Partitions { topic: settings.topic.clone(), n_partitions });
            }
        }
    }
    Err(ControlError::Missing { topic: settings.topic.clone() })
}

/// How many partitions the topic has; 0 if it does not exist.
async fn count_partitions(settings: &ControlSettings) -> Result<usize, ControlError> {
    let (config, topic) = (settings.client(), settings.topic.clone());
    // librdkafka's calls block.
    let asked = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = config.create()?;
        let metadata = client.fetch_metadata(Some(&topic), WITHIN)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map_or(0, |topic| topic.partitions().len()))
    });
    asked.await.unwrap_or(Ok(0))
}

async fn make(settings: &ControlSettings) -> Result<(), ControlError> {
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    let replication = settings.replication_factor.map_or(-1, i32::from);
    let mut new = NewTopic::new(&settings.topic, 1, TopicReplication::Fixed(replication));
    for (name, value) in SETTINGS {
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(WITHIN)).request_timeout(Some(WITHIN));
    for outcome in admin.create_topics(&[new], &options).await? {
        match outcome {
            Ok(topic) => info!(topic, "made the control topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => {
                return Err(ControlError::CannotMake { topic, error: error.to_string() });
            }
        }
    }
    Ok(())
}
