//! What do a reader and the program around it say to each other? Events and the time go in, actions and news come out.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::login::Login;
use crate::batch::Unreadable;
use crate::{ErrorCode, Identity, Refusal, TopicId, Versions};

/// A broker's `host:port`.
pub type Address = Arc<str>;

/// Names one connection attempt of a reader; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkId(pub u32);

/// The time now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For measuring time that passes.
    pub at: Instant,
    /// For looking up records by time: milliseconds since 1970.
    pub unix_ms: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A connection is open and logged in.
    Opened {
        /// Which.
        link: LinkId,
        /// What was agreed on with its broker.
        versions: Versions,
        /// After which the broker ends the session, if it does.
        lifetime: Option<Duration>,
    },
    /// A whole answer came, without its length.
    Answer {
        /// On which connection.
        link: LinkId,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A connection could not be opened, or is gone.
    Closed {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// A topic that was missing may be there now.
    LookAgain,
    /// Log in in this way from now on, on open connections as well.
    LogIn(Login),
    /// The time given by [`Reader::deadline`](super::Reader::deadline) has come.
    Time,
}

/// Why a connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// It could not be opened, or ended.
    Lost,
    /// An answer is longer than [`MAX_ANSWER_LEN`](crate::MAX_ANSWER_LEN).
    TooLong,
    /// Its broker did not let it in.
    Refused(Refusal),
}

/// What comes out.
#[derive(Debug)]
pub enum Output<'a> {
    /// Something to do.
    Act(Action),
    /// Something to know.
    News(News<'a>),
}

/// What to do with connections. It prints without the bytes that are sent: those of a log-in hold secrets.
#[derive(Clone)]
pub enum Action {
    /// Open one and log in.
    Connect {
        /// Its name from now on.
        link: LinkId,
        /// To where.
        address: Address,
        /// As whom, where that is to be shown.
        identity: Option<Identity>,
    },
    /// Send this.
    Send {
        /// On which.
        link: LinkId,
        /// The whole request.
        bytes: Bytes,
    },
    /// Close one; nothing more is wanted of it.
    Close {
        /// Which.
        link: LinkId,
    },
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { link, address, identity } => {
                write!(f, "Connect({link:?}, {address}, {identity:?})")
            }
            Self::Send { link, bytes } => write!(f, "Send({link:?}, {} bytes)", bytes.len()),
            Self::Close { link } => write!(f, "Close({link:?})"),
        }
    }
}

/// What a reader learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News<'a> {
    /// The topic exists.
    Topic {
        /// Its id.
        id: TopicId,
    },
    /// The topic was deleted and created again; reading starts over with its oldest records.
    Replaced {
        /// The new id.
        id: TopicId,
    },
    /// The topic does not exist, or no longer exists. The reader waits for [`Event::LookAgain`].
    Missing,
    /// Kafka does not let this reader read. The reader does nothing more.
    Refused {
        /// What Kafka says.
        error: ErrorCode,
    },
    /// Kafka does not let in whom [`Event::LogIn`] named last. The reader waits for another; what is open stays.
    LoginRefused {
        /// Why.
        refusal: Refusal,
    },
    /// Reading a partition begins.
    Started {
        /// Which.
        partition: u16,
        /// First offset to read.
        from: i64,
        /// First offset that is new; records before it are history.
        end: i64,
    },
    /// A record, in order within its partition.
    Record(Record<'a>),
    /// Records from offset `from` up to but not including `to` can no longer be read. If the log is shorter than it
    /// was, `to` is not beyond `from`.
    Lost {
        /// Where.
        partition: u16,
        /// The offset that was wanted.
        from: i64,
        /// The offset that is read next.
        to: i64,
    },
    /// Something was skipped because it cannot be read.
    Unreadable {
        /// Where.
        partition: u16,
        /// The first offset of it.
        offset: i64,
        /// Why.
        why: Unreadable,
    },
    /// Kafka answers with an error for a partition, which is tried again.
    Failed {
        /// Which.
        partition: u16,
        /// What Kafka says.
        error: ErrorCode,
    },
    /// Something of another topic came, and was dropped.
    Foreign,
}

/// A record as it is in Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The partition that it is in.
    pub partition: u16,
    /// Its offset in that partition.
    pub offset: u64,
    /// Milliseconds since 1970 on the broker's clock, where the topic has our settings.
    pub time_ms: u64,
    /// Its value.
    pub value: &'a [u8],
}
