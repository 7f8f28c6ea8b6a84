//! Answers as another implementation of the protocol writes them, cut everywhere, and with lengths that lie.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, FetchResponse, ListOffsetsResponse, MetadataResponse, TopicName};
use kafka_protocol::protocol::Encodable;
use proptest::prelude::*;
use purple_sector_codec::UserId;

use super::*;
use crate::request::text;

fn written(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes.to_vec()
}

fn topic() -> Topic {
    UserId::parse("alice").unwrap().topic()
}

fn metadata() -> Vec<u8> {
    let broker = |node| {
        MetadataResponseBroker::default().with_node_id(BrokerId(node)).with_host(text("h")).with_port(node)
    };
    let partition = |number, leader| {
        MetadataResponsePartition::default()
            .with_partition_index(number)
            .with_leader_id(BrokerId(leader))
            .with_leader_epoch(7)
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2)])
    };
    let topic = |name: &str| {
        MetadataResponseTopic::default()
            .with_name(Some(TopicName(text(name))))
            .with_topic_id(uuid::Uuid::from_bytes([9; 16]))
            .with_partitions(vec![partition(0, 1), partition(1, -1)])
    };
    let answer = MetadataResponse::default()
        .with_throttle_time_ms(3)
        .with_brokers(vec![broker(1), broker(2)])
        .with_cluster_id(Some(text("c")))
        .with_topics(vec![topic("telemetry-user-alice")]);
    written(&answer, 12)
}

fn fetched(records: &[&[u8]]) -> FetchResponse {
    let partitions = records.iter().enumerate().map(|(number, records)| {
        PartitionData::default()
            .with_partition_index(number as i32)
            .with_error_code(number as i16)
            .with_aborted_transactions(Some(vec![AbortedTransaction::default()]))
            .with_records(Some(Bytes::copy_from_slice(records)))
    });
    let topic = FetchableTopicResponse::default()
        .with_topic_id(uuid::Uuid::from_bytes([9; 16]))
        .with_partitions(partitions.collect());
    FetchResponse::default().with_session_id(5).with_responses(vec![topic])
}

fn all(body: &[u8]) -> Result<Vec<FetchedPartition<'_>>, Malformed> {
    let mut fetched = Fetched::parse(body)?;
    let mut partitions = Vec::new();
    while let Some(partition) = fetched.next()? {
        partitions.push(partition);
    }
    Ok(partitions)
}

#[test]
fn metadata_names_brokers_leaders_and_the_topics_id() {
    let body = metadata();
    let found = Metadata::parse(&body, &topic()).unwrap();
    assert_eq!((found.throttle_ms, found.error, found.topic_id), (3, ErrorCode::NONE, TopicId([9; 16])));
    assert_eq!(found.brokers, [1, 2].map(|node| Broker { node, host: "h", port: node }));
    let led = |partition, leader| Led { partition, leader, leader_epoch: 7 };
    assert_eq!(found.partitions, [led(0, Some(1)), led(1, None)]);
    let other = UserId::parse("bob").unwrap().topic();
    assert_eq!(Metadata::parse(&body, &other).unwrap().error, ErrorCode::UNKNOWN_TOPIC);
    for length in 0..body.len() - 2 {
        assert!(Metadata::parse(&body[..length], &topic()).is_err(), "{length}");
    }
}

#[test]
fn offsets_are_listed_by_partition() {
    let partition = |number, error, offset| {
        ListOffsetsPartitionResponse::default()
            .with_partition_index(number)
            .with_error_code(error)
            .with_offset(offset)
    };
    let topic = ListOffsetsTopicResponse::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition(0, 0, 5), partition(3, 6, -1)]);
    let body = written(&ListOffsetsResponse::default().with_topics(vec![topic]), 7);
    let listed = |partition, error, offset| ListedOffset { partition, error: ErrorCode(error), offset };
    assert_eq!(listed_offsets(&body), Ok((0, vec![listed(0, 0, 5), listed(3, 6, -1)])));
    for length in 0..body.len() - 2 {
        assert!(listed_offsets(&body[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_fetch_answer_is_read_in_every_version_and_refused_when_cut() {
    for version in 13..=17 {
        let body = written(&fetched(&[b"abc", b"", b"d"]), version);
        let partitions = all(&body).unwrap();
        let seen: Vec<_> = partitions.iter().map(|p| (p.partition, p.error.0, p.records)).collect();
        assert_eq!(seen, [(0, 0, &b"abc"[..]), (1, 1, b""), (2, 2, b"d")]);
        assert!(partitions.iter().all(|partition| partition.topic_id == TopicId([9; 16])));
        assert_eq!(Fetched::parse(&body).unwrap().session_id, 5);
        for length in 0..body.len() - 2 {
            assert!(all(&body[..length]).is_err(), "{length}");
        }
    }
    assert_eq!(all(&written(&FetchResponse::default(), 17)), Ok(Vec::new()));
}

#[test]
fn an_answer_belongs_to_its_request() {
    assert_eq!(body(&[0, 0, 0, 7, 1, 2], 7, false), Ok(&[1, 2][..]));
    assert_eq!(body(&[0, 0, 0, 7, 0, 2], 7, true), Ok(&[2][..]));
    assert_eq!(body(&[0, 0, 0, 8, 0], 7, false), Err(Malformed));
    assert_eq!(body(&[0, 0, 0], 7, false), Err(Malformed));
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (Metadata::parse(&bytes, &topic()), listed_offsets(&bytes), all(&bytes).is_ok());
    }

    #[test]
    fn no_changed_byte_makes_a_parser_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for mut bytes in [metadata(), written(&fetched(&[b"abc"]), 17)] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = (Metadata::parse(&bytes, &topic()), all(&bytes).is_ok());
        }
    }
}
