//! What do brokers know and keep? A few of them, with one topic.

mod answers;
mod door;

pub(super) use self::answers::{FETCH, LIST_OFFSETS, METADATA, Parked};
pub(super) use self::door::{Door, Guest, SASL_AUTHENTICATE, SASL_HANDSHAKE, token};

use std::collections::{BTreeMap, HashMap};

use bytes::BytesMut;
use kafka_protocol::records::{
    Compression, Record as Written, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// Brokers and the one topic.
pub(super) struct Cluster {
    pub(super) brokers: Vec<Broker>,
    pub(super) topic: Option<Topic>,
    pub(super) gives_sessions: bool,
    /// What every answer asks the client to wait.
    pub(super) throttle_ms: i32,
    /// The error that a request (by its key) is answered with for a partition.
    pub(super) errors: HashMap<(i16, i32), i16>,
    /// The error that metadata tells of the topic.
    pub(super) topic_error: i16,
    /// Who is let in; `None`: everybody, without asking.
    pub(super) door: Option<Door>,
    last_session: i32,
}

pub(super) struct Broker {
    pub(super) is_up: bool,
    /// The newest Fetch that it speaks.
    pub(super) fetch_version: i16,
    pub(super) sessions: HashMap<i32, Session>,
}

/// A fetch session: the epoch that comes next, and the offset and leader epoch wanted of each partition.
pub(super) struct Session {
    epoch: i32,
    wanted: BTreeMap<i32, (i64, i32)>,
}

pub(super) struct Topic {
    pub(super) id: u8,
    pub(super) partitions: Vec<Log>,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) leader: Option<i32>,
    pub(super) epoch: i32,
    pub(super) start: i64,
    batches: Vec<Batch>,
}

struct Batch {
    next: i64,
    time_ms: i64,
    bytes: Vec<u8>,
}

impl Log {
    pub(super) fn end(&self) -> i64 {
        self.batches.last().map_or(self.start, |batch| batch.next)
    }

    pub(super) fn first_batch(&self) -> &[u8] {
        &self.batches[0].bytes
    }
}

impl Cluster {
    /// `n_brokers` with the topic, whose partitions are led in turn.
    pub(super) fn new(n_brokers: usize, n_partitions: usize) -> Self {
        let broker = |n| Broker { is_up: true, fetch_version: 17 - (n % 5) as i16, sessions: HashMap::new() };
        let mut cluster = Self {
            brokers: (0..n_brokers).map(broker).collect(),
            topic: None,
            gives_sessions: true,
            throttle_ms: 0,
            errors: HashMap::new(),
            topic_error: 0,
            door: None,
            last_session: 100,
        };
        cluster.make_topic(9, n_partitions);
        cluster
    }

    pub(super) fn make_topic(&mut self, id: u8, n_partitions: usize) {
        self.topic = Some(Topic { id, partitions: Vec::new() });
        for _ in 0..n_partitions {
            self.add_partition();
        }
    }

    pub(super) fn add_partition(&mut self) {
        let n_brokers = self.brokers.len();
        let partitions = &mut self.topic.as_mut().unwrap().partitions;
        let leader = (partitions.len() % n_brokers) as i32;
        partitions.push(Log { leader: Some(leader), epoch: 1, ..Log::default() });
    }

    pub(super) fn log(&mut self, partition: usize) -> &mut Log {
        &mut self.topic.as_mut().unwrap().partitions[partition]
    }

    /// A new leader, or none; the epoch rises as it does in Kafka.
    pub(super) fn lead(&mut self, partition: usize, leader: Option<i32>) {
        let log = self.log(partition);
        log.leader = leader;
        log.epoch += 1;
    }

    /// Gives what has no leader that is up to a broker that is.
    pub(super) fn elect(&mut self) {
        let up: Vec<i32> = (0..self.brokers.len() as i32).filter(|node| self.is_up(*node)).collect();
        for partition in 0..self.topic.as_ref().map_or(0, |topic| topic.partitions.len()) {
            if !self.log(partition).leader.is_some_and(|node| up.contains(&node)) {
                let leader = (!up.is_empty()).then(|| up[partition % up.len()]);
                self.lead(partition, leader);
            }
        }
    }

    pub(super) fn is_up(&self, node: i32) -> bool {
        self.brokers.get(node as usize).is_some_and(|broker| broker.is_up)
    }

    /// Appends one batch of `n` records, which tell where they are and are `length` bytes longer than that.
    pub(super) fn append(&mut self, partition: usize, n: i64, length: usize, time_ms: u64) {
        let id = self.topic.as_ref().unwrap().id;
        let log = self.log(partition);
        let (first, time_ms) = (log.end(), time_ms as i64);
        let records: Vec<Written> = (first..first + n)
            .map(|offset| Written {
                transactional: false,
                control: false,
                partition_leader_epoch: log.epoch,
                producer_id: -1,
                producer_epoch: -1,
                timestamp_type: TimestampType::LogAppend,
                offset,
                sequence: (offset - first) as i32,
                timestamp: time_ms,
                key: None,
                value: Some((value(id, partition as u16, offset) + &".".repeat(length)).into()),
                headers: Default::default(),
                delete_horizon: false,
            })
            .collect();
        let mut bytes = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        log.batches.push(Batch { next: first + n, time_ms, bytes: bytes.to_vec() });
    }

    /// Removes the oldest batches, as retention does.
    pub(super) fn expire(&mut self, partition: usize, n_batches: usize) {
        let log = self.log(partition);
        let next = log.end();
        log.batches.drain(..n_batches);
        log.start = match log.batches.first() {
            Some(_) => first_offset(&log.batches[0].bytes),
            None => next,
        };
    }
}

/// How the value of each record begins.
pub(super) fn value(topic_id: u8, partition: u16, offset: i64) -> String {
    format!("{topic_id}/{partition}/{offset} ")
}

fn first_offset(batch: &[u8]) -> i64 {
    i64::from_be_bytes(batch[..8].try_into().unwrap())
}
