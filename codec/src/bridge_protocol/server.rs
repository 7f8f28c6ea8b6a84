//! What does the bridge say to a viewer?

use alloc::vec::Vec;

use serde::Serialize;

use super::{MAX_SERVER_MESSAGE_LEN, split};
use crate::{DecodeError, take::Take};

/// A message from the bridge.
///
/// ```
/// use purple_sector_codec::bridge_protocol::{DataHeader, FeedState, ServerMessage};
///
/// let header = DataHeader { partition: 3, offset: 42, broker_time_ms: 1_764_000_000_000, snapshot: false };
/// let from_bridge = [
///     ServerMessage::State { state: FeedState::Live, age_ms: Some(16) }.to_bytes(),
///     ServerMessage::Data { header, record: b"a record, as the collector wrote it" }.to_bytes(),
///     vec![250, 1, 2, 3], // a kind from a newer bridge
/// ];
/// let mut read = Vec::new();
/// for bytes in &from_bridge {
///     match ServerMessage::parse(bytes)? {
///         // This goes to a `StreamReader`.
///         ServerMessage::Data { header, record } => read.push((header.offset, record.len())),
///         ServerMessage::State { state, .. } => assert_eq!(state, FeedState::Live),
///         other => assert_eq!(other, ServerMessage::Unknown(250)),
///     }
/// }
/// assert_eq!(read, [(42, 35)]);
/// # Ok::<(), purple_sector_codec::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerMessage<'a> {
    /// The first message, and again when something in it changes.
    Hello {
        /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION) of the bridge.
        version: u8,
        /// Whose data this is.
        user: &'a str,
        /// The bridge's clock, in Unix µs.
        server_time_us: u64,
        /// The bridge pings this often, in ms; two missed ones mean that the connection is dead.
        heartbeat_ms: u32,
        /// Messages that wait for a slow viewer before it skips ahead.
        queue_messages: u32,
        /// Kafka's id of the user's topic, for a [`Cursor`](super::Cursor); all zero while it is unknown.
        topic_id: [u8; 16],
        /// What this bridge can do beyond serving live: bits of [`capability`](super::capability). Ignore those that
        /// you do not know.
        capabilities: u32,
    },
    /// A record of the user's topic, untouched.
    Data {
        /// Where it comes from.
        header: DataHeader,
        /// The record as the collector wrote it.
        record: &'a [u8],
    },
    /// Records that this viewer does not get.
    Gap {
        /// The partition they are missing from.
        partition: u16,
        /// First missing offset, where it is known.
        from_offset: Option<u64>,
        /// Last missing offset, where it is known.
        to_offset: Option<u64>,
        /// Why they are missing.
        reason: GapReason,
        /// How many records, 0 where it is unknown.
        n_records: u64,
    },
    /// The feed's state changed, or stays stale.
    State {
        /// The state.
        state: FeedState,
        /// Time since the last record, in ms, where there was one.
        age_ms: Option<u64>,
    },
    /// Answer to [`ClientMessage::Time`](super::ClientMessage::Time).
    Time {
        /// The viewer's time, as it was sent.
        client_us: u64,
        /// The bridge's clock when the question came, in Unix µs.
        received_us: u64,
        /// The bridge's clock when the answer left, in Unix µs.
        sent_us: u64,
    },
    /// The token ends soon: send [`ClientMessage::Refresh`](super::ClientMessage::Refresh). Also answers one.
    TokenExpiring {
        /// Seconds until it ends.
        in_s: u32,
    },
    /// The bridge closes the connection with this code.
    Bye {
        /// One of [`close`](super::close).
        code: u16,
        /// The reason for a person, at most 256 bytes.
        reason: &'a str,
    },
    /// A kind from a newer bridge; skip it.
    Unknown(u8),
}

/// What comes before the record in a [`ServerMessage::Data`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DataHeader {
    /// Partition of the user's topic.
    pub partition: u16,
    /// Offset of the record in it.
    pub offset: u64,
    /// When the broker took the record, in Unix ms on its clock.
    pub broker_time_ms: u64,
    /// Whether the record was kept for viewers who join, or comes from history, instead of being live.
    pub snapshot: bool,
}

impl DataHeader {
    /// The most bytes before the record in a data message.
    pub const MAX_LEN: usize = 1 + 3 + 10 + 10 + 1;

    /// The bytes before the record in a data message, kind byte included. Written once per record, for
    /// all viewers.
    pub fn encode<'a>(&self, out: &'a mut [u8; Self::MAX_LEN]) -> &'a [u8] {
        // `out` has room for the longest header, so this never is the empty slice.
        postcard::to_slice(&(DATA, self), out).map_or(&[], |written| written)
    }
}

/// Declares an enum that keeps numbers which this build does not know.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(into = "u8")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A number from a newer bridge.
            Unknown(u8),
        }

        impl From<u8> for $name {
            fn from(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    _ => Self::Unknown(number),
                }
            }
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> u8 {
                match value {
                    $($name::$variant => $number,)+
                    $name::Unknown(number) => number,
                }
            }
        }
    };
}

open_enum! {
    /// What a feed is doing, as far as the bridge can tell.
    FeedState {
        /// No session yet.
        Waiting = 1,
        /// Records come.
        Live = 2,
        /// Records came, but none lately, or Kafka does not answer.
        Stale = 3,
        /// Records from the log, before the live ones.
        Replay = 4,
        /// Every session said that it is over.
        Ended = 5,
    }
}

open_enum! {
    /// Why records are missing.
    GapReason {
        /// The viewer read too slowly and skipped ahead to the newest key block.
        Slow = 1,
        /// The log no longer had them.
        Retention = 2,
        /// The topic was deleted and created again.
        TopicReplaced = 3,
        /// They were not Purple Sector records.
        Unreadable = 4,
        /// The log itself has a hole: they never got there.
        Missing = 5,
    }
}

const HELLO: u8 = 1;
const DATA: u8 = 2;
const GAP: u8 = 3;
const STATE: u8 = 4;
const TIME: u8 = 5;
const TOKEN_EXPIRING: u8 = 6;
const BYE: u8 = 7;

#[derive(Serialize)]
struct Hello<'a> {
    version: u8,
    user: &'a str,
    server_time_us: u64,
    heartbeat_ms: u32,
    queue_messages: u32,
    topic_id: [u8; 16],
    capabilities: u32,
}

#[derive(Serialize)]
struct Gap {
    partition: u16,
    from_offset: Option<u64>,
    to_offset: Option<u64>,
    reason: GapReason,
    n_records: u64,
}

impl<'a> ServerMessage<'a> {
    /// Reads a message that is the whole of `bytes`.
    ///
    /// # Errors
    /// `TooShort` or `TooLong`, `Body` if the body is not one of its kind, `Limit` for a text of more than 256 bytes,
    /// `TrailingBytes`. No input panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, body) = split(bytes, MAX_SERVER_MESSAGE_LEN)?;
        let mut take = Take::new(body);
        let (message, what) = match kind {
            HELLO => {
                let hello = Self::Hello {
                    version: take.u8(),
                    user: take.short_text(),
                    server_time_us: take.u64(),
                    heartbeat_ms: take.u32(),
                    queue_messages: take.u32(),
                    topic_id: take.array(),
                    capabilities: take.u32(),
                };
                (hello, "hello")
            }
            DATA => {
                let header = DataHeader {
                    partition: take.u16(),
                    offset: take.u64(),
                    broker_time_ms: take.u64(),
                    snapshot: take.bool(),
                };
                let record = take.rest().ok_or(DecodeError::Body { what: "data" })?;
                return Ok(Self::Data { header, record });
            }
            GAP => {
                let gap = Self::Gap {
                    partition: take.u16(),
                    from_offset: take.option(Take::u64),
                    to_offset: take.option(Take::u64),
                    reason: take.u8().into(),
                    n_records: take.u64(),
                };
                (gap, "gap")
            }
            STATE => (Self::State { state: take.u8().into(), age_ms: take.option(Take::u64) }, "state"),
            TIME => {
                let time = Self::Time { client_us: take.u64(), received_us: take.u64(), sent_us: take.u64() };
                (time, "time")
            }
            TOKEN_EXPIRING => (Self::TokenExpiring { in_s: take.u32() }, "token expiring"),
            BYE => (Self::Bye { code: take.u16(), reason: take.short_text() }, "bye"),
            _ => return Ok(Self::Unknown(kind)),
        };
        take.finish(what)?;
        Ok(message)
    }

    /// The message's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = match *self {
            Self::Hello {
                version,
                user,
                server_time_us,
                heartbeat_ms,
                queue_messages,
                topic_id,
                capabilities,
            } => {
                let hello = Hello {
                    version,
                    user,
                    server_time_us,
                    heartbeat_ms,
                    queue_messages,
                    topic_id,
                    capabilities,
                };
                postcard::to_allocvec(&(HELLO, hello))
            }
            Self::Data { header, record } => {
                let mut bytes = Vec::with_capacity(DataHeader::MAX_LEN + record.len());
                bytes.extend_from_slice(header.encode(&mut [0; DataHeader::MAX_LEN]));
                bytes.extend_from_slice(record);
                Ok(bytes)
            }
            Self::Gap { partition, from_offset, to_offset, reason, n_records } => {
                postcard::to_allocvec(&(GAP, Gap { partition, from_offset, to_offset, reason, n_records }))
            }
            Self::State { state, age_ms } => postcard::to_allocvec(&(STATE, state, age_ms)),
            Self::Time { client_us, received_us, sent_us } => {
                postcard::to_allocvec(&(TIME, client_us, received_us, sent_us))
            }
            Self::TokenExpiring { in_s } => postcard::to_allocvec(&(TOKEN_EXPIRING, in_s)),
            Self::Bye { code, reason } => postcard::to_allocvec(&(BYE, code, reason)),
            Self::Unknown(kind) => postcard::to_allocvec(&kind),
        };
        // postcard cannot fail on these types in a growing buffer.
        bytes.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge_protocol::capability;

    #[track_caller]
    fn check(message: ServerMessage<'_>) {
        let mut bytes = message.to_bytes();
        assert_eq!(ServerMessage::parse(&bytes), Ok(message));
        if !matches!(message, ServerMessage::Data { .. } | ServerMessage::Unknown(_)) {
            for cut in 1..bytes.len() {
                assert_eq!(ServerMessage::parse(&bytes[..cut]).unwrap_err().code(), "body");
            }
            bytes.push(0);
            assert_eq!(ServerMessage::parse(&bytes).unwrap_err().code(), "trailing_bytes");
        }
    }

    #[test]
    fn every_message_round_trips() {
        let header =
            DataHeader { partition: u16::MAX, offset: u64::MAX, broker_time_ms: u64::MAX, snapshot: true };
        assert_eq!(header.encode(&mut [0; DataHeader::MAX_LEN]).len(), DataHeader::MAX_LEN);
        check(ServerMessage::Hello {
            version: 1,
            user: "alice@example.com",
            server_time_us: 1_700_000_000_000_000,
            heartbeat_ms: 20_000,
            queue_messages: 256,
            topic_id: [7; 16],
            capabilities: u32::MAX,
        });
        check(ServerMessage::Data { header, record: b"record" });
        check(ServerMessage::Data { header, record: b"" });
        let reason = GapReason::Slow;
        check(ServerMessage::Gap {
            partition: 3,
            from_offset: None,
            to_offset: Some(9),
            reason,
            n_records: 4,
        });
        check(ServerMessage::State { state: FeedState::Stale, age_ms: Some(12_000) });
        check(ServerMessage::State { state: FeedState::Unknown(77), age_ms: None });
        check(ServerMessage::Time { client_us: 1, received_us: 2, sent_us: 3 });
        check(ServerMessage::TokenExpiring { in_s: 60 });
        check(ServerMessage::Bye { code: 4401, reason: "token expired" });
        check(ServerMessage::Unknown(200));
    }

    #[test]
    fn the_bytes_are_those_of_the_document() {
        #[track_caller]
        fn check(message: ServerMessage<'_>, bytes: &[u8]) {
            assert_eq!(message.to_bytes(), bytes);
        }
        let hello = ServerMessage::Hello {
            version: 1,
            user: "al",
            server_time_us: 300,
            heartbeat_ms: 1,
            queue_messages: 2,
            topic_id: [9; 16],
            capabilities: capability::CURSOR | capability::LAST_SECONDS,
        };
        check(hello, &[&[1, 1, 2, b'a', b'l', 0xAC, 2, 1, 2][..], &[9; 16], &[3]].concat());
        let header = DataHeader { partition: 3, offset: 300, broker_time_ms: 5, snapshot: true };
        check(ServerMessage::Data { header, record: &[0xB1, 4] }, &[2, 3, 0xAC, 2, 5, 1, 0xB1, 4]);
        let reason = GapReason::Retention;
        let gap =
            ServerMessage::Gap { partition: 3, from_offset: None, to_offset: Some(9), reason, n_records: 4 };
        check(gap, &[3, 3, 0, 1, 9, 2, 4]);
        check(ServerMessage::State { state: FeedState::Live, age_ms: Some(300) }, &[4, 2, 1, 0xAC, 2]);
        check(ServerMessage::Time { client_us: 1, received_us: 2, sent_us: 300 }, &[5, 1, 2, 0xAC, 2]);
        check(ServerMessage::TokenExpiring { in_s: 45 }, &[6, 45]);
        check(ServerMessage::Bye { code: 300, reason: "no" }, &[7, 0xAC, 2, 2, b'n', b'o']);
    }

    #[test]
    fn the_header_of_a_usual_record_is_small() {
        let header =
            DataHeader { partition: 3, offset: 100_000, broker_time_ms: 1_764_000_000_000, snapshot: false };
        assert_eq!(header.encode(&mut [0; DataHeader::MAX_LEN]).len(), 12);
    }

    #[test]
    fn what_breaks_a_limit_is_refused() {
        assert_eq!(ServerMessage::parse(&[]).unwrap_err().code(), "too_short");
        assert_eq!(ServerMessage::parse(&[2; MAX_SERVER_MESSAGE_LEN + 1]).unwrap_err().code(), "too_long");
        let reason = "x".repeat(257);
        let bytes = ServerMessage::Bye { code: 1001, reason: &reason }.to_bytes();
        assert_eq!(ServerMessage::parse(&bytes).unwrap_err().code(), "limit");
    }
}
