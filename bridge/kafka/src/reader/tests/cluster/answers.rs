//! What does a broker answer to each request?

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest,
    MetadataResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request as Message};

use super::{Cluster, Session, first_offset};
use crate::request::text;

pub(in super::super) const FETCH: i16 = 1;
pub(in super::super) const LIST_OFFSETS: i16 = 2;
pub(in super::super) const METADATA: i16 = 3;
const TOPIC: &str = "telemetry-user-alice";

/// A Fetch that waits for records.
pub(in super::super) struct Parked {
    version: i16,
    number: i32,
    topic_id: u8,
    session_id: i32,
    is_full: bool,
    wanted: Vec<(i32, (i64, i32))>,
    max_bytes: usize,
    pub(in super::super) max_wait_ms: u64,
}

pub(super) fn decoded<M: Message>(mut bytes: Bytes) -> (i16, i32, M) {
    let version = i16::from_be_bytes([bytes[6], bytes[7]]);
    let _ = bytes.split_to(4);
    let header = RequestHeader::decode(&mut bytes, M::header_version(version)).unwrap();
    let request = M::decode(&mut bytes, version).unwrap();
    assert!(bytes.is_empty(), "a request ends where its length says");
    (version, header.correlation_id, request)
}

pub(super) fn encoded<M: Encodable + HeaderVersion>(message: &M, version: i16, number: i32) -> Bytes {
    let mut bytes = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(number);
    header.encode(&mut bytes, M::header_version(version)).unwrap();
    message.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

impl Cluster {
    /// The answer of `node`, or a Fetch that has to wait.
    pub(in super::super) fn answer(&mut self, node: i32, request: Bytes) -> Result<Bytes, Parked> {
        match i16::from_be_bytes([request[4], request[5]]) {
            METADATA => Ok(self.metadata(decoded(request))),
            LIST_OFFSETS => Ok(self.list_offsets(node, decoded(request))),
            FETCH => self.fetch(node, decoded(request)),
            key => panic!("a request with key {key}"),
        }
    }

    fn metadata(&self, (version, number, request): (i16, i32, MetadataRequest)) -> Bytes {
        assert!(!request.allow_auto_topic_creation);
        let asked = request.topics.unwrap();
        assert_eq!(asked[0].name.as_ref().unwrap().as_str(), TOPIC);
        let brokers = (0..self.brokers.len() as i32).filter(|node| self.is_up(*node)).map(|node| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(node))
                .with_host(text("b"))
                .with_port(node)
        });
        let topic = MetadataResponseTopic::default().with_name(Some(TopicName(text(TOPIC))));
        let topic = match &self.topic {
            _ if self.topic_error != 0 => topic.with_error_code(self.topic_error),
            None => topic.with_error_code(3),
            Some(state) => {
                let partitions = state.partitions.iter().enumerate().map(|(number, log)| {
                    MetadataResponsePartition::default()
                        .with_error_code(if log.leader.is_some() { 0 } else { 5 })
                        .with_partition_index(number as i32)
                        .with_leader_id(BrokerId(log.leader.unwrap_or(-1)))
                        .with_leader_epoch(log.epoch)
                });
                let id = uuid::Uuid::from_bytes([state.id; 16]);
                topic.with_topic_id(id).with_partitions(partitions.collect())
            }
        };
        let answer = MetadataResponse::default().with_throttle_time_ms(self.throttle_ms);
        let answer = answer.with_brokers(brokers.collect()).with_topics(vec![topic]);
        encoded(&answer, version, number)
    }

    /// The error that `node` has for a partition, given the epoch that its leader is thought to have.
    fn error(&self, key: i16, node: i32, partition: i32, epoch: i32) -> i16 {
        let missing = if key == FETCH { 100 } else { 3 };
        let Some(topic) = &self.topic else { return missing };
        let Some(log) = topic.partitions.get(partition as usize) else { return 3 };
        match self.errors.get(&(key, partition)) {
            Some(error) => *error,
            None if log.leader != Some(node) => 6,
            None if epoch != -1 && epoch < log.epoch => 74,
            None if epoch > log.epoch => 75,
            None => 0,
        }
    }

    fn list_offsets(&self, node: i32, (version, number, request): (i16, i32, ListOffsetsRequest)) -> Bytes {
        let partitions = request.topics[0].partitions.iter().map(|asked| {
            let partition = asked.partition_index;
            let error = self.error(LIST_OFFSETS, node, partition, asked.current_leader_epoch);
            let answer = ListOffsetsPartitionResponse::default().with_partition_index(partition);
            if error != 0 {
                return answer.with_error_code(error).with_offset(-1);
            }
            let log = &self.topic.as_ref().unwrap().partitions[partition as usize];
            let offset = match asked.timestamp {
                -1 => log.end(),
                -2 => log.start,
                time_ms => {
                    let found = log.batches.iter().find(|batch| batch.time_ms >= time_ms);
                    found.map_or(-1, |batch| first_offset(&batch.bytes))
                }
            };
            answer.with_offset(offset)
        });
        let topic = ListOffsetsTopicResponse::default()
            .with_name(request.topics[0].name.clone())
            .with_partitions(partitions.collect());
        let answer = ListOffsetsResponse::default().with_throttle_time_ms(self.throttle_ms);
        encoded(&answer.with_topics(vec![topic]), version, number)
    }

    fn fetch(
        &mut self,
        node: i32,
        (version, number, request): (i16, i32, FetchRequest),
    ) -> Result<Bytes, Parked> {
        let broker = &mut self.brokers[node as usize];
        assert!(version <= broker.fetch_version);
        let asked = request.topics.iter().flat_map(|topic| &topic.partitions);
        let asked = asked.map(|asked| (asked.partition, (asked.fetch_offset, asked.current_leader_epoch)));
        let topic_ids = request.topics.iter().map(|topic| topic.topic_id.as_bytes()[0]);
        let topic_id = topic_ids.last().or(self.topic.as_ref().map(|topic| topic.id)).unwrap_or(0);
        let is_full = request.session_epoch == 0;
        let (session_id, wanted) = if is_full {
            let wanted: Vec<_> = asked.collect();
            let mut session_id = 0;
            if self.gives_sessions {
                self.last_session += 1;
                session_id = self.last_session;
                let session = Session { epoch: 1, wanted: wanted.iter().copied().collect() };
                broker.sessions.insert(session_id, session);
            }
            (session_id, wanted)
        } else {
            let answer = FetchResponse::default().with_throttle_time_ms(self.throttle_ms);
            let Some(session) = broker.sessions.get_mut(&request.session_id) else {
                return Ok(encoded(&answer.with_error_code(70), version, number));
            };
            if session.epoch != request.session_epoch {
                return Ok(encoded(&answer.with_error_code(71), version, number));
            }
            session.epoch += 1;
            session.wanted.extend(asked);
            for partition in request.forgotten_topics_data.iter().flat_map(|topic| &topic.partitions) {
                session.wanted.remove(partition);
            }
            (request.session_id, session.wanted.iter().map(|(partition, at)| (*partition, *at)).collect())
        };
        let max_bytes = request.max_bytes as usize;
        let max_wait_ms = request.max_wait_ms as u64;
        let parked =
            Parked { version, number, topic_id, session_id, is_full, wanted, max_bytes, max_wait_ms };
        self.fetched(node, &parked, false).ok_or(parked)
    }

    /// The answer to a Fetch, if there is a record or an error, or if it `must` be answered.
    pub(in super::super) fn fetched(&self, node: i32, parked: &Parked, must: bool) -> Option<Bytes> {
        let mut left = parked.max_bytes;
        let mut is_ready = must;
        let mut partitions = Vec::new();
        for &(partition, (offset, epoch)) in &parked.wanted {
            let is_same = self.topic.as_ref().is_some_and(|topic| topic.id == parked.topic_id);
            let error = if is_same { self.error(FETCH, node, partition, epoch) } else { 100 };
            let answer = PartitionData::default().with_partition_index(partition);
            let log = self.topic.as_ref().and_then(|topic| topic.partitions.get(partition as usize));
            let (error, records) = match log {
                Some(log) if error == 0 && !(log.start..=log.end()).contains(&offset) => (1, Vec::new()),
                Some(log) if error == 0 => {
                    let rest = log.batches.iter().filter(|batch| batch.next > offset);
                    let mut records: Vec<u8> = rest.clone().flat_map(|batch| batch.bytes.clone()).collect();
                    let first_len = rest.clone().next().map_or(0, |batch| batch.bytes.len());
                    // The very first batch comes whole; then as many bytes as fit, if a batch begins them.
                    let is_first = left == parked.max_bytes;
                    records.truncate(if is_first { left.max(first_len) } else { left });
                    if records.len() < first_len {
                        records.clear();
                    }
                    (0, records)
                }
                _ => (error, Vec::new()),
            };
            left = left.saturating_sub(records.len());
            let is_news = error != 0 || !records.is_empty();
            is_ready |= is_news;
            if is_news || parked.is_full {
                partitions.push(answer.with_error_code(error).with_records(Some(records.into())));
            }
        }
        if !is_ready {
            return None;
        }
        let topic = FetchableTopicResponse::default()
            .with_topic_id(uuid::Uuid::from_bytes([parked.topic_id; 16]))
            .with_partitions(partitions);
        let topics = if topic.partitions.is_empty() { Vec::new() } else { vec![topic] };
        let answer = FetchResponse::default()
            .with_throttle_time_ms(self.throttle_ms)
            .with_session_id(parked.session_id)
            .with_responses(topics);
        Some(encoded(&answer, parked.version, parked.number))
    }
}
