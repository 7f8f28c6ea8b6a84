//! What does the bridge ask Kafka for besides reading? Topics with our settings, and the positions that an operator's
//! view of the lag needs.
//!
//! Each function pair is one request and its answer: `create_topics` and [`created`], and so on.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    CreateTopicsRequest, DescribeConfigsRequest, FindCoordinatorRequest, GroupId,
    IncrementalAlterConfigsRequest, OffsetCommitRequest,
};
use purple_sector_codec::Topic;

use crate::ErrorCode;
use crate::fields::Fields;
use crate::request::{Request, name, text};
use crate::response::Malformed;

/// Kafka's number for a topic as the owner of settings.
const TOPIC: i8 = 2;

/// How topics are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTopics {
    /// Partitions of each.
    pub partitions: u16,
    /// Copies of each partition; `None` leaves it to the broker.
    pub replication_factor: Option<u16>,
    /// How long Kafka may take, in milliseconds.
    pub timeout_ms: i32,
}

/// What Kafka says of one name in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The topic.
    pub name: String,
    /// Whether it worked.
    pub error: ErrorCode,
    /// Kafka's own words for it; may be empty.
    pub message: String,
}

/// Asks for topics with our settings.
pub fn create_topics(topics: &[Topic], how: NewTopics, number: i32) -> Request {
    let settings: Vec<_> = Topic::SETTINGS
        .iter()
        .map(|(key, value)| {
            CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
        })
        .collect();
    let new = |topic| {
        CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(i32::from(how.partitions))
            .with_replication_factor(
                how.replication_factor.map_or(-1, |n| i16::try_from(n).unwrap_or(i16::MAX)),
            )
            .with_configs(settings.clone())
    };
    let request = CreateTopicsRequest::default()
        .with_topics(topics.iter().map(new).collect())
        .with_timeout_ms(how.timeout_ms);
    Request::new(&request, 7, number)
}

/// What became of each topic that was asked for.
///
/// # Errors
/// [`Malformed`]
pub fn created(body: &[u8]) -> Result<Vec<Outcome>, Malformed> {
    let mut fields = Fields::new(body);
    fields.i32()?; // throttled
    let mut outcomes = Vec::new();
    for _ in 0..fields.compact_len()? {
        let name = fields.compact_str()?.to_owned();
        fields.uuid()?;
        let (error, message) = (ErrorCode(fields.i16()?), fields.compact_str()?.to_owned());
        fields.i32()?; // partitions
        fields.i16()?; // replication factor
        for _ in 0..fields.compact_len()? {
            fields.compact_bytes()?; // a setting's name
            fields.compact_bytes()?; // and its value
            fields.bytes(3)?; // read-only, where it comes from, sensitive
            fields.skip_tags()?;
        }
        fields.skip_tags()?;
        outcomes.push(Outcome { name, error, message });
    }
    Ok(outcomes)
}

/// A topic's settings, as far as they differ from ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSettings {
    /// The topic.
    pub name: String,
    /// Whether Kafka gave them.
    pub error: ErrorCode,
    /// Name, value, and the value that we want.
    pub settings: Vec<(&'static str, String, &'static str)>,
}

/// Asks for the settings of topics.
pub fn describe_topics(topics: &[Topic], number: i32) -> Request {
    let keys: Vec<_> = Topic::SETTINGS.iter().map(|(key, _)| text(key)).collect();
    let resource = |topic: &Topic| {
        DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configuration_keys(Some(keys.clone()))
    };
    let request = DescribeConfigsRequest::default().with_resources(topics.iter().map(resource).collect());
    Request::new(&request, 4, number)
}

/// Which settings of each topic differ from ours.
///
/// # Errors
/// [`Malformed`]
pub fn described(body: &[u8]) -> Result<Vec<OtherSettings>, Malformed> {
    let mut fields = Fields::new(body);
    fields.i32()?; // throttled
    let mut topics = Vec::new();
    for _ in 0..fields.compact_len()? {
        let error = ErrorCode(fields.i16()?);
        fields.compact_bytes()?; // message
        fields.i8()?; // kind of resource
        let name = fields.compact_str()?.to_owned();
        let mut settings = Vec::new();
        for _ in 0..fields.compact_len()? {
            let (key, value) = (fields.compact_str()?, fields.compact_str()?);
            fields.bytes(3)?; // read-only, where it comes from, sensitive
            for _ in 0..fields.compact_len()? {
                fields.compact_bytes()?; // a synonym's name
                fields.compact_bytes()?; // and its value
                fields.i8()?; // where it comes from
                fields.skip_tags()?;
            }
            fields.i8()?; // type
            fields.compact_bytes()?; // documentation
            fields.skip_tags()?;
            let ours = Topic::SETTINGS.iter().find(|(ours, _)| *ours == key);
            if let Some((key, wanted)) = ours.filter(|(_, wanted)| *wanted != value) {
                settings.push((*key, value.to_owned(), *wanted));
            }
        }
        fields.skip_tags()?;
        topics.push(OtherSettings { name, error, settings });
    }
    Ok(topics)
}

/// Asks Kafka to change settings of one topic.
pub fn alter_topic(topic: &str, settings: &[(&str, &str)], number: i32) -> Request {
    let set = |(key, value): &(&str, &str)| {
        AlterableConfig::default().with_name(text(key)).with_config_operation(0).with_value(Some(text(value)))
    };
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(topic))
        .with_configs(settings.iter().map(set).collect());
    Request::new(&IncrementalAlterConfigsRequest::default().with_resources(vec![resource]), 1, number)
}

/// Whether each topic's settings were changed.
///
/// # Errors
/// [`Malformed`]
pub fn altered(body: &[u8]) -> Result<Vec<Outcome>, Malformed> {
    let mut fields = Fields::new(body);
    fields.i32()?; // throttled
    let mut outcomes = Vec::new();
    for _ in 0..fields.compact_len()? {
        let (error, message) = (ErrorCode(fields.i16()?), fields.compact_str()?.to_owned());
        fields.i8()?; // kind of resource
        outcomes.push(Outcome { name: fields.compact_str()?.to_owned(), error, message });
        fields.skip_tags()?;
    }
    Ok(outcomes)
}

/// Which broker keeps a group's positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    /// The group.
    pub group: String,
    /// Its broker's `host:port`, or why there is none.
    pub address: Result<String, ErrorCode>,
}

/// Asks which brokers keep these groups' positions.
pub fn find_coordinators<'a>(groups: impl Iterator<Item = &'a str>, number: i32) -> Request {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(groups.map(text).collect());
    Request::new(&request, 4, number)
}

/// The brokers that were asked for.
///
/// # Errors
/// [`Malformed`]
pub fn coordinators(body: &[u8]) -> Result<Vec<Coordinator>, Malformed> {
    let mut fields = Fields::new(body);
    fields.i32()?; // throttled
    let mut found = Vec::new();
    for _ in 0..fields.compact_len()? {
        let group = fields.compact_str()?.to_owned();
        fields.i32()?; // node
        let (host, port) = (fields.compact_str()?, fields.i32()?);
        let error = ErrorCode(fields.i16()?);
        let address = if error == ErrorCode::NONE { Ok(format!("{host}:{port}")) } else { Err(error) };
        fields.compact_bytes()?; // message
        fields.skip_tags()?;
        found.push(Coordinator { group, address });
    }
    Ok(found)
}

/// Writes positions of a group that nobody is a member of.
pub fn commit_offsets(group: &str, topic: &Topic, positions: &[(u16, i64)], number: i32) -> Request {
    let position = |(partition, offset): &(u16, i64)| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(i32::from(*partition))
            .with_committed_offset(*offset)
            .with_committed_leader_epoch(-1)
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(name(topic))
        .with_partitions(positions.iter().map(position).collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    Request::new(&request, 8, number)
}

/// The first error of a commit, or none.
///
/// # Errors
/// [`Malformed`]
pub fn committed(body: &[u8]) -> Result<ErrorCode, Malformed> {
    let mut fields = Fields::new(body);
    fields.i32()?; // throttled
    let mut first = ErrorCode::NONE;
    for _ in 0..fields.compact_len()? {
        fields.compact_bytes()?; // topic
        for _ in 0..fields.compact_len()? {
            fields.i32()?; // partition
            let error = ErrorCode(fields.i16()?);
            if first == ErrorCode::NONE {
                first = error;
            }
            fields.skip_tags()?;
        }
        fields.skip_tags()?;
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
