//! Which topic holds a user's records, and how is it set up?
//!
//! Collector and bridge make and read topics by this page alone, so they cannot disagree.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use crate::tenant::UserId;

/// The name of the Kafka topic that holds one user's records, and no one else's.
///
/// Only [`UserId::topic`] makes one, so nothing that takes a `Topic` can be handed any other topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Partitions of a new topic.
    pub const PARTITIONS: u16 = 10;

    /// The longest batch of records that the topic takes, in bytes: a backlog is sent in pieces of this size, and what
    /// one user writes can never take much memory of those who read it.
    pub const MAX_BATCH_BYTES: u32 = 128 * 1024;

    /// The settings of a topic, by Kafka's names. It keeps an hour, in segments short enough that the hour is not much
    /// longer than that and that 10,000 partitions fit on one broker. Records carry the broker's time. Blocks are
    /// compressed already: a batch that inflates has no place here.
    pub const SETTINGS: [(&'static str, &'static str); 8] = [
        ("cleanup.policy", "delete"),
        ("retention.ms", "3600000"),
        ("segment.ms", "600000"),
        ("segment.bytes", "16777216"),
        ("segment.index.bytes", "65536"),
        ("message.timestamp.type", "LogAppendTime"),
        ("max.message.bytes", "131072"),
        ("compression.type", "uncompressed"),
    ];

    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The topic's name in Kafka.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user whose topic this is.
    pub fn user(&self) -> Option<UserId> {
        UserId::from_topic(self.as_str()).ok()
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_batch_is_the_same_in_both_places() {
        let setting = Topic::SETTINGS.iter().find(|(name, _)| *name == "max.message.bytes").unwrap().1;
        assert_eq!(setting.parse(), Ok(Topic::MAX_BATCH_BYTES));
        assert!(crate::MAX_RECORD_LEN < Topic::MAX_BATCH_BYTES as usize, "one record fits");
    }

    #[test]
    fn a_topic_knows_its_user() {
        for id in ["alice", "auth0|5f7c"] {
            let user = UserId::parse(id).unwrap();
            assert_eq!(user.topic().user(), Some(user));
        }
    }
}
