//! How do records, and the feed's own news, look on the way to a viewer?

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use purple_sector_codec::bridge_protocol::{DataHeader, FeedState, GapReason, ServerMessage};

/// A record: header and record are copied once, whoever gets it.
pub(crate) fn data(header: DataHeader, record: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(DataHeader::MAX_LEN + record.len());
    message.extend_from_slice(header.encode(&mut [0; DataHeader::MAX_LEN]));
    message.extend_from_slice(record);
    message.freeze()
}

/// Blocks that a slow viewer skipped.
pub(crate) fn skipped_ahead(partition: u16, n_blocks: usize) -> Bytes {
    gap(partition, None, GapReason::Slow, n_blocks as u64)
}

/// Blocks that are missing in the log.
pub(crate) fn hole(partition: u16, n_blocks: u64) -> Bytes {
    gap(partition, None, GapReason::Missing, n_blocks)
}

/// Records from offset `from` up to but not including `to` that Kafka no longer has; a topic that was created again has
/// other offsets, so its `to` is not beyond `from`.
pub(crate) fn position_lost(partition: u16, from: u64, to: u64) -> Bytes {
    if to > from {
        gap(partition, Some((from, to - 1)), GapReason::Retention, to - from)
    } else {
        topic_replaced(partition)
    }
}

/// The topic was deleted, and perhaps created again.
pub(crate) fn topic_replaced(partition: u16) -> Bytes {
    gap(partition, None, GapReason::TopicReplaced, 0)
}

/// What the feed is doing.
pub(crate) fn state(state: FeedState, age: Option<Duration>) -> Bytes {
    let age_ms = age.map(|age| age.as_millis() as u64);
    ServerMessage::State { state, age_ms }.to_bytes().into()
}

fn gap(partition: u16, offsets: Option<(u64, u64)>, reason: GapReason, n_records: u64) -> Bytes {
    let (from_offset, to_offset) = offsets.unzip();
    ServerMessage::Gap { partition, from_offset, to_offset, reason, n_records }.to_bytes().into()
}
