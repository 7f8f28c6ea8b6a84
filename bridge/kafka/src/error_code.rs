//! What does an error that a broker answers mean for a reader?

use std::fmt;

/// An error by Kafka's number; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i16);

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// There is nothing to do.
    None,
    /// Ask who leads the partition, and which topic has the name.
    AskMetadata,
    /// The position is not in the log.
    LookUpOffset,
    /// Kafka does not let this reader read.
    GiveUp,
    /// Begin the fetch session again.
    NewSession,
    /// Try the same again after a while.
    TryLater,
}

impl ErrorCode {
    /// None.
    pub const NONE: Self = Self(0);
    /// UNKNOWN_TOPIC_OR_PARTITION.
    pub const UNKNOWN_TOPIC: Self = Self(3);
    /// TOPIC_AUTHORIZATION_FAILED.
    pub const TOPIC_REFUSED: Self = Self(29);
    /// CLUSTER_AUTHORIZATION_FAILED.
    pub const CLUSTER_REFUSED: Self = Self(31);

    pub(crate) fn remedy(self) -> Remedy {
        match self.0 {
            0 => Remedy::None,
            1 => Remedy::LookUpOffset,
            // Unknown topic, no leader, not the leader, no such replica, storage failed, epochs, offsets not there yet,
            // unknown and inconsistent topic id.
            3 | 5 | 6 | 8 | 9 | 56 | 74 | 75 | 78 | 100 | 103 => Remedy::AskMetadata,
            29..=31 => Remedy::GiveUp,
            // Not found, wrong epoch, another topic id than the session's.
            70 | 71 | 106 => Remedy::NewSession,
            _ => Remedy::TryLater,
        }
    }

    /// Kafka's name of it, where an operator is likely to meet it.
    fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            2 => "CORRUPT_MESSAGE",
            3 => "UNKNOWN_TOPIC_OR_PARTITION",
            5 => "LEADER_NOT_AVAILABLE",
            6 => "NOT_LEADER_OR_FOLLOWER",
            7 => "REQUEST_TIMED_OUT",
            14 => "COORDINATOR_LOAD_IN_PROGRESS",
            15 => "COORDINATOR_NOT_AVAILABLE",
            16 => "NOT_COORDINATOR",
            17 => "INVALID_TOPIC_EXCEPTION",
            29 => "TOPIC_AUTHORIZATION_FAILED",
            30 => "GROUP_AUTHORIZATION_FAILED",
            31 => "CLUSTER_AUTHORIZATION_FAILED",
            33 => "UNSUPPORTED_SASL_MECHANISM",
            34 => "ILLEGAL_SASL_STATE",
            35 => "UNSUPPORTED_VERSION",
            36 => "TOPIC_ALREADY_EXISTS",
            37 => "INVALID_PARTITIONS",
            38 => "INVALID_REPLICATION_FACTOR",
            40 => "INVALID_CONFIG",
            41 => "NOT_CONTROLLER",
            44 => "POLICY_VIOLATION",
            58 => "SASL_AUTHENTICATION_FAILED",
            89 => "THROTTLING_QUOTA_EXCEEDED",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error {}", self.0),
        }
    }
}
