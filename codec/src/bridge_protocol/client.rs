//! What does a viewer say to the bridge?

use alloc::vec::Vec;

use serde::Serialize;

use super::{MAX_CLIENT_MESSAGE_LEN, split};
use crate::{DecodeError, SessionId, take::Take};

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
        /// The viewer's clock, in µs since any moment; comes back unchanged.
        client_us: u64,
    },
    /// A kind from a newer viewer; skip it.
    Unknown(u8),
}

/// Which records a viewer wants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Subscribe<'a> {
    /// Only this session's; `None` for all.
    pub session: Option<&'a str>,
    /// First the records of this many seconds from the log.
    pub last_seconds: Option<u32>,
    /// Key blocks only, to save data.
    pub keys_only: bool,
    /// First all records of the log from here on; takes precedence over `last_seconds`.
    pub cursor: Option<Cursor>,
}

/// How far a viewer has got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cursor {
    /// The topic that the offsets belong to, from [`ServerMessage::Hello`](super::ServerMessage::Hello).
    pub topic_id: [u8; 16],
    /// At most 1024 partitions. Those that are not here start at the bridge's look-back.
    pub next: Vec<NextOffset>,
}

/// The first offset of a partition that a viewer has not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NextOffset {
    /// The partition.
    pub partition: u16,
    /// The offset.
    pub offset: u64,
}

impl<'a> Subscribe<'a> {
    fn take(take: &mut Take<'a>) -> Self {
        Self {
            session: take.option(Take::text),
            last_seconds: take.option(Take::u32),
            keys_only: take.bool(),
            cursor: take.option(|take| Cursor {
                topic_id: take.array(),
                next: take.list(Cursor::MAX_PARTITIONS, |take| NextOffset {
                    partition: take.u16(),
                    offset: take.u64(),
                }),
            }),
        }
    }
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
    /// `TooShort` or `TooLong`, `Body` if the body is not one of its kind, `SessionId` for an impossible session,
    /// `TrailingBytes`. No input panics.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, body) = split(bytes, MAX_CLIENT_MESSAGE_LEN)?;
        let mut take = Take::new(body);
        let (message, what) = match kind {
            SUBSCRIBE => (Self::Subscribe(Subscribe::take(&mut take)), "subscribe"),
            REFRESH => (Self::Refresh { token: take.text() }, "refresh"),
            TIME => (Self::Time { client_us: take.u64() }, "time"),
            _ => return Ok(Self::Unknown(kind)),
        };
        take.finish(what)?;
        match &message {
            Self::Subscribe(Subscribe { session: Some(session), .. })
                if SessionId::parse(session).is_err() =>
            {
                Err(DecodeError::SessionId)
            }
            _ => Ok(message),
        }
    }

    /// The message's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut put = Put(Vec::new());
        match self {
            Self::Subscribe(Subscribe { session, last_seconds, keys_only, cursor }) => {
                put.byte(SUBSCRIBE);
                put.option(*session, Put::text);
                put.option(*last_seconds, |put, seconds| put.varint(seconds.into()));
                put.byte((*keys_only).into());
                put.option(cursor.as_ref(), |put, Cursor { topic_id, next }| {
                    put.0.extend_from_slice(topic_id);
                    put.varint(next.len() as u64);
                    for NextOffset { partition, offset } in next {
                        put.varint((*partition).into());
                        put.varint(*offset);
                    }
                });
            }
            Self::Refresh { token } => {
                put.byte(REFRESH);
                put.text(token);
            }
            Self::Time { client_us } => {
                put.byte(TIME);
                put.varint(*client_us);
            }
            Self::Unknown(kind) => put.byte(*kind),
        }
        put.0
    }
}

/// Writes postcard's format, without the kilobyte that its serializer would add to a page's download.
struct Put(Vec<u8>);

impl Put {
    #[inline(never)]
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    #[inline(never)]
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.byte(value.is_some().into());
        if let Some(value) = value {
            put(self, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[track_caller]
    fn check(message: ClientMessage<'_>) {
        let mut bytes = message.to_bytes();
        if let ClientMessage::Subscribe(subscribe) = &message {
            assert_eq!(Ok(bytes.clone()), postcard::to_allocvec(&(SUBSCRIBE, subscribe)));
        }
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
