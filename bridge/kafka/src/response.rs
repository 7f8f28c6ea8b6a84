//! What do brokers answer?
//!
//! Read by hand and in place, in the versions that [`Versions`](crate::Versions) settles on; what nobody here needs is
//! skipped. The layouts are Apache Kafka's message definitions.

use purple_sector_codec::Topic;

use crate::TopicId;
use crate::error_code::ErrorCode;
use crate::fields::Fields;

/// The bytes are not the answer that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be read")]
pub struct Malformed;

/// Takes the header of an answer off: the rest, if it belongs to the request with this number.
///
/// # Errors
/// [`Malformed`] for another number, or no header.
pub fn body(answer: &[u8], number: i32, flexible: bool) -> Result<&[u8], Malformed> {
    let mut fields = Fields::new(answer);
    if fields.i32()? != number {
        return Err(Malformed);
    }
    if flexible {
        fields.skip_tags()?;
    }
    Ok(fields.rest())
}

/// A broker, as metadata names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broker<'a> {
    pub(crate) node: i32,
    pub(crate) host: &'a str,
    pub(crate) port: i32,
}

/// Metadata (version 12) about one topic.
#[derive(Debug)]
pub(crate) struct Metadata<'a> {
    pub(crate) throttle_ms: i32,
    pub(crate) brokers: Vec<Broker<'a>>,
    pub(crate) error: ErrorCode,
    pub(crate) topic_id: TopicId,
    pub(crate) partitions: Vec<Led>,
}

/// Who leads a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Led {
    pub(crate) partition: u16,
    /// None while there is none.
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
}

impl<'a> Metadata<'a> {
    /// Reads what is said of `topic`; a topic that is not in it counts as unknown.
    pub(crate) fn parse(body: &'a [u8], topic: &Topic) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let throttle_ms = fields.i32()?;
        let mut brokers = Vec::new();
        for _ in 0..fields.compact_len()? {
            brokers.push(Broker { node: fields.i32()?, host: fields.compact_str()?, port: fields.i32()? });
            fields.compact_bytes()?; // rack
            fields.skip_tags()?;
        }
        fields.compact_bytes()?; // cluster id
        fields.i32()?; // controller
        let mut metadata = Self {
            throttle_ms,
            brokers,
            error: ErrorCode::UNKNOWN_TOPIC,
            topic_id: TopicId::default(),
            partitions: Vec::new(),
        };
        for _ in 0..fields.compact_len()? {
            let error = ErrorCode(fields.i16()?);
            let name = fields.compact_str()?;
            let topic_id = TopicId(fields.uuid()?);
            fields.i8()?; // internal
            let partitions = partitions(&mut fields)?;
            fields.i32()?; // operations
            fields.skip_tags()?;
            if name == topic.as_str() {
                metadata = Self { error, topic_id, partitions, ..metadata };
            }
        }
        Ok(metadata)
    }
}

fn partitions(fields: &mut Fields<'_>) -> Result<Vec<Led>, Malformed> {
    let mut partitions = Vec::new();
    for _ in 0..fields.compact_len()? {
        fields.i16()?; // error: a leader that is missing says it better
        let partition = fields.i32()?;
        let leader = fields.i32()?;
        let leader_epoch = fields.i32()?;
        for _ in 0..3 {
            fields.skip_array(4)?; // replicas, those in sync, those offline
        }
        fields.skip_tags()?;
        let partition = u16::try_from(partition).map_err(|_| Malformed)?;
        partitions.push(Led { partition, leader: (leader >= 0).then_some(leader), leader_epoch });
    }
    Ok(partitions)
}

/// One partition's answer to ListOffsets (version 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListedOffset {
    pub(crate) partition: i32,
    pub(crate) error: ErrorCode,
    /// −1 where nothing is as new as was asked.
    pub(crate) offset: i64,
}

/// ListOffsets: how long to wait, and what each partition of the one topic answers.
pub(crate) fn listed_offsets(body: &[u8]) -> Result<(i32, Vec<ListedOffset>), Malformed> {
    let mut fields = Fields::new(body);
    let throttle_ms = fields.i32()?;
    let mut listed = Vec::new();
    for _ in 0..fields.compact_len()? {
        fields.compact_str()?;
        for _ in 0..fields.compact_len()? {
            let (partition, error) = (fields.i32()?, ErrorCode(fields.i16()?));
            fields.i64()?; // time stamp
            listed.push(ListedOffset { partition, error, offset: fields.i64()? });
            fields.i32()?; // leader epoch
            fields.skip_tags()?;
        }
        fields.skip_tags()?;
    }
    Ok((throttle_ms, listed))
}

/// A Fetch answer (versions 13 to 17), whose partitions are read one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Fetched<'a> {
    pub(crate) throttle_ms: i32,
    pub(crate) error: ErrorCode,
    pub(crate) session_id: i32,
    fields: Fields<'a>,
    n_topics: usize,
    topic_id: TopicId,
    n_partitions: usize,
}

/// What a Fetch answer says of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchedPartition<'a> {
    pub(crate) topic_id: TopicId,
    pub(crate) partition: i32,
    pub(crate) error: ErrorCode,
    pub(crate) records: &'a [u8],
}

impl<'a> Fetched<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        let (throttle_ms, error) = (fields.i32()?, ErrorCode(fields.i16()?));
        let session_id = fields.i32()?;
        let n_topics = fields.compact_len()?;
        Ok(Self {
            throttle_ms,
            error,
            session_id,
            fields,
            n_topics,
            topic_id: TopicId::default(),
            n_partitions: 0,
        })
    }

    /// The next partition, if there is one more.
    pub(crate) fn next(&mut self) -> Result<Option<FetchedPartition<'a>>, Malformed> {
        let fields = &mut self.fields;
        while self.n_partitions == 0 {
            if self.n_topics == 0 {
                return Ok(None);
            }
            self.n_topics -= 1;
            self.topic_id = TopicId(fields.uuid()?);
            self.n_partitions = fields.compact_len()?;
            if self.n_partitions == 0 {
                fields.skip_tags()?;
            }
        }
        let (partition, error) = (fields.i32()?, ErrorCode(fields.i16()?));
        for _ in 0..3 {
            fields.i64()?; // high watermark, last stable offset, log start
        }
        for _ in 0..fields.compact_len()? {
            fields.bytes(16)?; // an aborted transaction: telemetry is read as it comes
            fields.skip_tags()?;
        }
        fields.i32()?; // a replica that is nearer
        let records = fields.compact_bytes()?;
        fields.skip_tags()?;
        self.n_partitions -= 1;
        if self.n_partitions == 0 {
            fields.skip_tags()?;
        }
        Ok(Some(FetchedPartition { topic_id: self.topic_id, partition, error, records }))
    }
}

/// SaslHandshake (version 1): the error, and each mechanism that the listener has.
pub(crate) fn sasl_handshake(body: &[u8], mut offered: impl FnMut(&str)) -> Result<ErrorCode, Malformed> {
    let mut fields = Fields::new(body);
    let error = ErrorCode(fields.i16()?);
    for _ in 0..fields.i32()? {
        let length = usize::try_from(fields.i16()?).map_err(|_| Malformed)?;
        offered(std::str::from_utf8(fields.bytes(length)?).map_err(|_| Malformed)?);
    }
    Ok(error)
}

/// SaslAuthenticate (version 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Authenticated<'a> {
    pub(crate) error: ErrorCode,
    /// The mechanism's own message.
    pub(crate) message: &'a [u8],
    /// How long the broker takes requests; 0 for as long as the connection lasts.
    pub(crate) lifetime_ms: i64,
}

pub(crate) fn authenticated(body: &[u8]) -> Result<Authenticated<'_>, Malformed> {
    let mut fields = Fields::new(body);
    let error = ErrorCode(fields.i16()?);
    fields.compact_bytes()?; // the broker's words
    let (message, lifetime_ms) = (fields.compact_bytes()?, fields.i64()?);
    Ok(Authenticated { error, message, lifetime_ms })
}

#[cfg(test)]
mod tests;
