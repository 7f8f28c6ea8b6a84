//! A record on its way from Kafka to the viewers: copied once, into the message that they all share.

use bytes::Bytes;
use purple_sector_codec::bridge_protocol::DataHeader;

use super::message;

/// One record, encoded as the message that viewers get.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) partition: u16,
    pub(crate) offset: u64,
    /// Milliseconds since 1970 on the broker's clock.
    pub(crate) broker_time_ms: u64,
    /// The record inside its message; the record is the last `record_len` bytes.
    pub(crate) message: Bytes,
    pub(crate) record_len: usize,
}

impl Record {
    /// Copies a record, so that it does not hold the answer that it came in.
    pub(crate) fn new(record: &purple_sector_kafka::Record<'_>) -> Self {
        let purple_sector_kafka::Record { partition, offset, time_ms, value } = *record;
        let header = DataHeader { partition, offset, broker_time_ms: time_ms, snapshot: false };
        let message = message::data(header, value);
        Self { partition, offset, broker_time_ms: time_ms, message, record_len: value.len() }
    }

    /// The message of the same record as part of what a joining viewer is given.
    pub(crate) fn to_snapshot(&self) -> Bytes {
        let Self { partition, offset, broker_time_ms, .. } = *self;
        message::data(DataHeader { partition, offset, broker_time_ms, snapshot: true }, self.bytes())
    }

    /// The record as it is in Kafka.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.message[self.message.len() - self.record_len..]
    }
}
