//! What is asked of brokers, as bytes?

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiVersionsRequest, BrokerId, FetchRequest, ListOffsetsRequest, MetadataRequest, RequestHeader,
    SaslAuthenticateRequest, SaslHandshakeRequest, TopicName,
};
use kafka_protocol::protocol::{Encodable, HeaderVersion, Request as Message, StrBytes};
use purple_sector_codec::Topic;

use crate::TopicId;
use crate::sasl::Mechanism;
use crate::session::Ask;

/// What brokers see in their logs and quotas.
const CLIENT_ID: &str = "purple-sector-bridge";

/// A request as it goes out, and how its answer is to be read. It prints without its bytes: a log-in's hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Length, header and body.
    pub bytes: Bytes,
    /// The number that the answer carries.
    pub number: i32,
    /// Whether the answer's header has tagged fields.
    pub flexible: bool,
}

impl Request {
    /// Asks a broker which versions it speaks, before anything else.
    pub fn api_versions(number: i32) -> Self {
        Self::new(&ApiVersionsRequest::default(), 2, number)
    }

    /// Asks to log in by a mechanism.
    pub(crate) fn sasl_handshake(mechanism: Mechanism, number: i32) -> Self {
        let request = SaslHandshakeRequest::default().with_mechanism(text(mechanism.name()));
        Self::new(&request, 1, number)
    }

    /// One message of a log-in.
    pub(crate) fn sasl_authenticate(message: Bytes, number: i32) -> Self {
        Self::new(&SaslAuthenticateRequest::default().with_auth_bytes(message), 2, number)
    }

    /// Asks which brokers there are: the smallest question there is.
    pub fn ping(number: i32) -> Self {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        Self::new(&request.with_allow_auto_topic_creation(false), 12, number)
    }

    /// Asks about one topic, without creating it.
    pub(crate) fn metadata(topic: &Topic, number: i32) -> Self {
        let topic = MetadataRequestTopic::default().with_name(Some(name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        Self::new(&request.with_allow_auto_topic_creation(false), 12, number)
    }

    /// Asks for the first offset at or after `at_ms` (or −1: the end, −2: the oldest) of partitions, which are given
    /// with the epoch of their leader.
    pub(crate) fn list_offsets(
        topic: &Topic,
        partitions: impl Iterator<Item = (u16, i32)>,
        at_ms: i64,
        number: i32,
    ) -> Self {
        let partition = |(partition, leader_epoch)| {
            ListOffsetsPartition::default()
                .with_partition_index(i32::from(partition))
                .with_current_leader_epoch(leader_epoch)
                .with_timestamp(at_ms)
        };
        let topic = ListOffsetsTopic::default()
            .with_name(name(topic))
            .with_partitions(partitions.map(partition).collect());
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        Self::new(&request, 7, number)
    }

    /// Asks for records.
    pub(crate) fn fetch(topic: TopicId, ask: &Ask, version: i16, number: i32) -> Self {
        let topic_id = kafka_protocol_uuid(topic);
        let partitions = ask.partitions.iter().map(|wanted| {
            FetchPartition::default()
                .with_partition(i32::from(wanted.partition))
                .with_current_leader_epoch(wanted.leader_epoch)
                .with_fetch_offset(wanted.offset)
                .with_partition_max_bytes(ask.max_bytes)
        });
        let partitions: Vec<_> = partitions.collect();
        let mut request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(ask.max_wait_ms)
            .with_min_bytes(1)
            .with_max_bytes(ask.max_bytes)
            .with_session_id(ask.session_id)
            .with_session_epoch(ask.session_epoch);
        if !partitions.is_empty() {
            request = request
                .with_topics(vec![FetchTopic::default().with_topic_id(topic_id).with_partitions(partitions)]);
        }
        if !ask.forgotten.is_empty() {
            let forgotten = ask.forgotten.iter().map(|partition| i32::from(*partition)).collect();
            let forgotten = ForgottenTopic::default().with_topic_id(topic_id).with_partitions(forgotten);
            request = request.with_forgotten_topics_data(vec![forgotten]);
        }
        Self::new(&request, version, number)
    }

    pub(crate) fn new<M: Message>(message: &M, version: i16, number: i32) -> Self {
        let header = RequestHeader::default()
            .with_request_api_key(M::KEY)
            .with_request_api_version(version)
            .with_correlation_id(number)
            .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
        let mut bytes = BytesMut::with_capacity(256);
        bytes.put_u32(0);
        // Only a version that the message does not have can fail, and versions are fixed here: a test encodes each.
        let encoded = header
            .encode(&mut bytes, M::header_version(version))
            .and_then(|()| message.encode(&mut bytes, version));
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        Self { bytes: bytes.freeze(), number, flexible: M::Response::header_version(version) > 0 }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request {} ({} bytes)", self.number, self.bytes.len())
    }
}

pub(crate) fn name(topic: &Topic) -> TopicName {
    TopicName(text(topic))
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn kafka_protocol_uuid(topic: TopicId) -> uuid::Uuid {
    uuid::Uuid::from_bytes(topic.0)
}
