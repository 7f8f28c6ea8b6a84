//! What does a viewer say to the bridge?

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{MAX_CLIENT_MESSAGE_LEN, split};
use crate::{DecodeError, wire, wire::take_all};

/// A message from a viewer. A viewer that sends nothing is served live, all sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage<'a> {
    /// What to serve from now on; a later one replaces it.
    Subscribe(Subscribe<'a>),
    /// A new token for the same user, before the old one ends.
    Refresh {
        /// The token as the issuer gave it.
        token: &'a str,
    },
    /// Asks for the bridge's time.
    Time {
        /// The viewer's clock, in any µs; comes back as it is.
        client_us: u64,
    },
    /// A kind from a newer viewer; skip it.
    Unknown(u8),
}

/// Which records a viewer wants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe<'a> {
    /// Only this session's; `None` for all.
    #[serde(borrow)]
    pub session: Option<&'a str>,
    /// First the records of this many seconds from the log.
    pub last_seconds: Option<u32>,
    /// Key blocks only, to save data.
    pub keys_only: bool,
    /// First all records of the log from here on; wins over `last_seconds`.
    pub cursor: Option<Cursor>,
}

/// How far a viewer has got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The topic that the offsets belong to, from [`ServerMessage::Hello`](super::ServerMessage::Hello).
    pub topic_id: [u8; 16],
    /// At most 1024 partitions. Those that are not here start at the bridge's look-back.
    #[serde(deserialize_with = "wire::list::<_, _, { Cursor::MAX_PARTITIONS }>")]
    pub next: Vec<NextOffset>,
}

/// The first offset of a partition that a viewer has not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextOffset {
    /// The partition.
    pub partition: u16,
    /// The offset.
    pub offset: u64,
}

impl Cursor {
    /// Most partitions in a cursor.
    pub const MAX_PARTITIONS: usize = 1024;
}

const SUBSCRIBE: u8 = 65;
const REFRESH: u8 = 66;
const TIME: u8 = 67;

impl<'a> ClientMessage<'a> {
    /// Reads a message that is the whole of `bytes`.
    ///
    /// # Errors
    /// `TooShort` or `TooLong`, `Body` if the body is none of its kind, `SessionId` for a session that cannot be,
    /// `TrailingBytes`. No input panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, body) = split(bytes, MAX_CLIENT_MESSAGE_LEN)?;
        Ok(match kind {
            SUBSCRIBE => {
                let subscribe: Subscribe<'_> = take_all(body, "subscribe")?;
                if subscribe.session.is_some_and(|session| crate::SessionId::parse(session).is_err()) {
                    return Err(DecodeError::SessionId);
                }
                Self::Subscribe(subscribe)
            }
            REFRESH => Self::Refresh { token: take_all(body, "refresh")? },
            TIME => Self::Time { client_us: take_all(body, "time")? },
            _ => Self::Unknown(kind),
        })
    }

    /// The message's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = match self {
            Self::Subscribe(subscribe) => postcard::to_allocvec(&(SUBSCRIBE, subscribe)),
            Self::Refresh { token } => postcard::to_allocvec(&(REFRESH, token)),
            Self::Time { client_us } => postcard::to_allocvec(&(TIME, client_us)),
            Self::Unknown(kind) => postcard::to_allocvec(kind),
        };
        // postcard cannot fail on these types in a growing buffer.
        bytes.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[track_caller]
    fn check(message: ClientMessage<'_>) {
        let mut bytes = message.to_bytes();
        assert_eq!(ClientMessage::parse(&bytes), Ok(message));
        for cut in 1..bytes.len() {
            assert_eq!(ClientMessage::parse(&bytes[..cut]).unwrap_err().code(), "body");
        }
        bytes.push(0);
        assert_eq!(ClientMessage::parse(&bytes).unwrap_err().code(), "trailing_bytes");
    }

    #[test]
    fn every_message_round_trips() {
        check(ClientMessage::Subscribe(Subscribe::default()));
        let next = vec![NextOffset { partition: u16::MAX, offset: u64::MAX }; Cursor::MAX_PARTITIONS];
        check(ClientMessage::Subscribe(Subscribe {
            session: Some("imola-1"),
            last_seconds: Some(600),
            keys_only: true,
            cursor: Some(Cursor { topic_id: [9; 16], next }),
        }));
        check(ClientMessage::Refresh { token: "a.b.c" });
        check(ClientMessage::Time { client_us: u64::MAX });
        assert_eq!(ClientMessage::parse(&[1, 2, 3]), Ok(ClientMessage::Unknown(1)));
    }

    #[test]
    fn the_bytes_are_those_of_the_document() {
        let cursor = Cursor { topic_id: [9; 16], next: vec![NextOffset { partition: 3, offset: 300 }] };
        let subscribe =
            Subscribe { session: Some("s"), last_seconds: Some(60), keys_only: true, cursor: Some(cursor) };
        let expected = [&[65, 1, 1, b's', 1, 60, 1, 1][..], &[9; 16], &[1, 3, 0xAC, 2]].concat();
        assert_eq!(ClientMessage::Subscribe(subscribe).to_bytes(), expected);
        assert_eq!(ClientMessage::Subscribe(Subscribe::default()).to_bytes(), [65, 0, 0, 0, 0]);
        assert_eq!(ClientMessage::Refresh { token: "a.b" }.to_bytes(), [66, 3, b'a', b'.', b'b']);
        assert_eq!(ClientMessage::Time { client_us: 300 }.to_bytes(), [67, 0xAC, 2]);
    }

    #[test]
    fn what_breaks_a_limit_is_refused() {
        assert_eq!(ClientMessage::parse(&[]).unwrap_err().code(), "too_short");
        assert_eq!(ClientMessage::parse(&[67; MAX_CLIENT_MESSAGE_LEN + 1]).unwrap_err().code(), "too_long");
        let session = Some("two words");
        let bytes = ClientMessage::Subscribe(Subscribe { session, ..Subscribe::default() }).to_bytes();
        assert_eq!(ClientMessage::parse(&bytes).unwrap_err().code(), "session_id");
        let next = vec![NextOffset { partition: 0, offset: 0 }; Cursor::MAX_PARTITIONS + 1];
        let cursor = Some(Cursor { topic_id: [9; 16], next });
        let bytes = ClientMessage::Subscribe(Subscribe { cursor, ..Subscribe::default() }).to_bytes();
        assert_eq!(ClientMessage::parse(&bytes).unwrap_err().code(), "body");
    }
}
