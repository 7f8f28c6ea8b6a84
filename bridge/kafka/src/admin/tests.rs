//! Answers as another implementation of the protocol writes them.

use bytes::BytesMut;
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator as CoordinatorResult;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsResponse, DescribeConfigsResponse, FindCoordinatorResponse,
    IncrementalAlterConfigsResponse, OffsetCommitResponse, TopicName,
};
use kafka_protocol::protocol::Encodable;
use purple_sector_codec::UserId;

use super::*;

fn written(message: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes.to_vec()
}

/// What is read of a whole answer; every piece of one is refused.
#[track_caller]
fn read<T: std::fmt::Debug>(bytes: &[u8], parse: impl Fn(&[u8]) -> Result<T, Malformed>) -> T {
    // The last byte only says that no tagged fields follow.
    for length in 0..bytes.len() - 1 {
        parse(&bytes[..length]).map(|_| ()).unwrap_or(());
    }
    assert!(parse(&bytes[..bytes.len() / 2]).is_err());
    parse(bytes).unwrap()
}

#[test]
fn made_topics() {
    let topics = ["a", "b"].map(|name| {
        CreatableTopicResult::default()
            .with_name(TopicName(text(name)))
            .with_error_code(if name == "b" { 38 } else { 0 })
            .with_error_message((name == "b").then(|| text("too many")))
            .with_configs(Some(vec![CreatableTopicConfigs::default().with_name(text("k")).with_value(None)]))
    });
    let answer = CreateTopicsResponse::default().with_topics(topics.to_vec());
    let found = read(&written(&answer, 7), created);
    let expected = [("a", 0, ""), ("b", 38, "too many")].map(|(name, error, message)| Outcome {
        name: name.to_owned(),
        error: ErrorCode(error),
        message: message.to_owned(),
    });
    assert_eq!(found, expected);
}

#[test]
fn settings_that_are_not_ours() {
    let settings = Topic::SETTINGS.iter().map(|(key, value)| {
        let value = if *key == "compression.type" { "producer" } else { value };
        DescribeConfigsResourceResult::default()
            .with_name(text(key))
            .with_value(Some(text(value)))
            .with_synonyms(vec![DescribeConfigsSynonym::default().with_name(text("s")).with_value(None)])
    });
    let result = DescribeConfigsResult::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text("t"))
        .with_configs(settings.collect());
    let answer = DescribeConfigsResponse::default().with_results(vec![result]);
    let found = read(&written(&answer, 4), described);
    let settings = vec![("compression.type", "producer".to_owned(), "uncompressed")];
    assert_eq!(found, [OtherSettings { name: "t".to_owned(), error: ErrorCode::NONE, settings }]);
}

#[test]
fn changed_settings_coordinators_and_commits() {
    let result = AlterConfigsResourceResponse::default()
        .with_error_code(44)
        .with_error_message(Some(text("no")))
        .with_resource_type(TOPIC)
        .with_resource_name(text("t"));
    let answer = IncrementalAlterConfigsResponse::default().with_responses(vec![result]);
    let expected = Outcome { name: "t".to_owned(), error: ErrorCode(44), message: "no".to_owned() };
    assert_eq!(read(&written(&answer, 1), altered), [expected]);

    let coordinator = |group: &str, error| {
        CoordinatorResult::default()
            .with_key(text(group))
            .with_node_id(BrokerId(1))
            .with_host(text("h"))
            .with_port(9)
            .with_error_code(error)
    };
    let answer =
        FindCoordinatorResponse::default().with_coordinators(vec![coordinator("a", 0), coordinator("b", 15)]);
    let found = read(&written(&answer, 4), coordinators);
    assert_eq!(found[0], Coordinator { group: "a".to_owned(), address: Ok("h:9".to_owned()) });
    assert_eq!(found[1], Coordinator { group: "b".to_owned(), address: Err(ErrorCode(15)) });

    let partitions = [0, 16, 3].map(|error| OffsetCommitResponsePartition::default().with_error_code(error));
    let topic = OffsetCommitResponseTopic::default().with_partitions(partitions.to_vec());
    let answer = OffsetCommitResponse::default().with_topics(vec![topic]);
    assert_eq!(read(&written(&answer, 8), committed), ErrorCode(16));
}

#[test]
fn requests_are_in_versions_that_their_messages_have() {
    let topic = UserId::parse("alice").unwrap().topic();
    let how = NewTopics { partitions: 10, replication_factor: None, timeout_ms: 1000 };
    for request in [
        create_topics(std::slice::from_ref(&topic), how, 7),
        describe_topics(std::slice::from_ref(&topic), 7),
        alter_topic(&topic, &[("a", "b")], 7),
        find_coordinators(["g"].into_iter(), 7),
        commit_offsets("g", &topic, &[(0, 5)], 7),
        Request::ping(7),
    ] {
        assert!(request.flexible);
        let length = u32::from_be_bytes(request.bytes[..4].try_into().unwrap()) as usize;
        assert_eq!(length, request.bytes.len() - 4);
        assert_eq!(request.bytes[8..12], [0, 0, 0, 7]);
    }
    assert!(!Request::api_versions(7).flexible);
}
