//! What does a feed count, and what does it log?

use std::sync::Arc;

use purple_sector_codec::Topic;
use purple_sector_kafka::{ErrorCode, Refusal, TopicId};
use tracing::{debug, error, warn};

use crate::stats::{Stats, UserStats};

/// Something worth counting or logging.
#[derive(Debug)]
pub(crate) enum Note {
    /// The topic cannot be created yet; this will be tried again.
    CannotMakeYet { why: String },
    /// The topic was deleted and created again.
    MadeAgain { id: TopicId },
    /// The topic was deleted.
    Deleted,
    /// Kafka does not let the bridge read the topic.
    Refused { error: ErrorCode },
    /// Kafka does not let the reader in.
    LoginRefused { refusal: Refusal },
    /// Kafka no longer has the records from offset `from` up to but not including `to`.
    PositionLost { partition: u16, from: i64, to: i64 },
    /// Something was skipped; why, where that is worth logging.
    Unreadable { partition: u16, offset: u64, why: Option<String> },
    /// Kafka cannot read a partition now.
    PartitionFails { partition: u16, error: ErrorCode },
    /// Something of another topic came, and was dropped.
    Foreign,
    /// A block came a second time, and was dropped.
    Repeat,
    /// Viewers were told that something is missing.
    Gap,
    /// This many partitions are read from now on.
    Partitions { n_read: usize },
}

/// The figures of one feed, in those of its user and of the bridge.
pub(super) struct Ledger {
    topic: Topic,
    stats: Arc<Stats>,
    user_stats: Arc<UserStats>,
    n_partitions: u64,
}

impl Ledger {
    pub(super) fn new(topic: Topic, stats: Arc<Stats>, user_stats: Arc<UserStats>) -> Self {
        Self { topic, stats, user_stats, n_partitions: 0 }
    }

    /// Counts a record that came from Kafka.
    pub(super) fn count_received(&self, n_bytes: u64, wall_ms: u64) {
        self.stats.messages_received.add(1);
        self.stats.bytes_received.add(n_bytes);
        self.user_stats.messages_received.add(1);
        self.user_stats.bytes_received.add(n_bytes);
        self.user_stats.last_seen_ms.set(wall_ms);
    }

    pub(super) fn take(&mut self, note: Note) {
        let topic = &self.topic;
        match note {
            Note::CannotMakeYet { why } => warn!(%topic, why, "cannot create the topic yet, trying again"),
            Note::MadeAgain { id } => warn!(%topic, %id, "the topic was deleted and created again"),
            Note::Deleted => warn!(%topic, "the topic was deleted"),
            Note::Refused { error } => warn!(%topic, %error, "Kafka refuses the topic's reader"),
            Note::LoginRefused { refusal } => {
                warn!(%topic, %refusal, "Kafka does not let the topic's reader log in; its own log says why");
            }
            Note::PositionLost { partition, from, to } => {
                self.stats.positions_lost.add(1);
                warn!(%topic, partition, from, to, "Kafka no longer has the next record");
            }
            Note::Unreadable { partition, offset, why } => {
                self.stats.decode_errors.add(1);
                self.user_stats.decode_errors.add(1);
                if let Some(why) = why {
                    warn!(%topic, partition, offset, why, "dropped something that cannot be read");
                }
            }
            Note::PartitionFails { partition, error } => {
                debug!(%topic, partition, %error, "Kafka cannot read a partition now");
            }
            Note::Foreign => {
                self.stats.foreign.add(1);
                error!(%topic, "dropped something that belongs to another topic");
            }
            Note::Repeat => self.stats.repeats.add(1),
            Note::Gap => {
                self.stats.gaps.add(1);
                self.user_stats.gaps.add(1);
            }
            Note::Partitions { n_read } => self.read_partitions(n_read as u64),
        }
    }

    fn read_partitions(&mut self, n_read: u64) {
        self.stats.partitions.add(n_read);
        self.stats.partitions.sub(self.n_partitions);
        self.n_partitions = n_read;
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.read_partitions(0);
    }
}
