//! How does a viewer's connection end, and what is it told?

use std::borrow::Cow;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use purple_sector_codec::bridge_protocol::{ServerMessage, close};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::meter::Metered;
use crate::feed::{Closed, JoinError};

/// How long the last words may take, and then the peer's answer to them.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// Bytes that are read from a peer that is being closed, so that the close frame is not cut off by a reset.
const MAX_DISCARDED_BYTES: usize = 64 * 1024;

/// RFC 6455, section 7.4.1.
const PROTOCOL_ERROR: u16 = 1002;
const NOT_UTF8: u16 = 1007;
const TOO_BIG: u16 = 1009;
const TRY_AGAIN_LATER: u16 = 1013;

/// Why a viewer's connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The viewer closed it, or its connection.
    Left,
    /// The peer is gone; nobody would hear a goodbye.
    Gone(&'static str),
    /// The peer broke the WebSocket protocol; it gets a close frame and nothing else.
    Broken(u16),
    /// The bridge closes it, with a reason.
    Close { code: u16, reason: Cow<'static, str> },
}

impl End {
    pub(super) fn close(code: u16, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Close { code, reason: reason.into() }
    }

    pub(super) fn stopping() -> Self {
        Self::close(close::GOING_AWAY, "the bridge is stopping")
    }

    pub(super) fn token_expired() -> Self {
        Self::close(close::TOKEN_EXPIRED, "the token has expired")
    }

    pub(super) fn could_not_join(error: &JoinError) -> Self {
        match error {
            JoinError::TooManyFeeds { .. } => Self::close(close::TOO_MANY, error.to_string()),
            JoinError::Stopping => Self::stopping(),
        }
    }

    pub(super) fn feed_closed(closed: Closed) -> Self {
        match closed {
            // The collector may create the topic at any moment, so trying again makes sense.
            // So does it once the bridge's own log-in is put right.
            Closed::NoTopic | Closed::CannotMakeTopic | Closed::BridgeRefused | Closed::Broken => {
                Self::close(TRY_AGAIN_LATER, closed.to_string())
            }
            Closed::Refused | Closed::TokenRefused => Self::close(close::FORBIDDEN, closed.to_string()),
            Closed::Stopping => Self::stopping(),
        }
    }

    /// The end that a failed read or write means.
    pub(super) fn broken(error: &Error) -> Self {
        match error {
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Left,
            Error::Protocol(_) => Self::Broken(PROTOCOL_ERROR),
            Error::Utf8(_) => Self::Broken(NOT_UTF8),
            Error::Capacity(_) => Self::Broken(TOO_BIG),
            Error::Io(error) if error.kind() == ErrorKind::QuotaExceeded => {
                Self::close(close::TOO_MANY, "too many bytes")
            }
            Error::ConnectionClosed | Error::AlreadyClosed => Self::Left,
            _ => Self::Gone("the connection failed"),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("it left"),
            Self::Gone(why) => f.write_str(why),
            Self::Broken(code) => write!(f, "it broke the WebSocket protocol ({code})"),
            Self::Close { code, reason } => write!(f, "closed with {code}: {reason}"),
        }
    }
}

/// Says goodbye as far as the peer can hear it, and closes.
pub(super) async fn close<S>(mut socket: WebSocketStream<Metered<S>>, end: End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // Best effort throughout: whatever fails here, the connection is over.
    let _ = timeout(GOODBYE_WITHIN, async {
        match end {
            End::Gone(_) => return Ok(()),
            // Sends tungstenite's answer to the peer's close frame.
            End::Left => {}
            End::Broken(code) => socket.send(frame(code, "")).await?,
            End::Close { code, reason } => {
                let bye = ServerMessage::Bye { code, reason: &reason };
                socket.feed(Message::Binary(bye.to_bytes().into())).await?;
                socket.send(frame(code, &reason)).await?;
                // The peer's answer; what else it says no longer matters.
                while let Some(Ok(_)) = socket.next().await {}
            }
        }
        socket.flush().await
    })
    .await;
    let _ = timeout(GOODBYE_WITHIN, discard(socket)).await;
}

/// Closes our half, and reads what still comes: closing with unread bytes would reset the connection, and the peer
/// would lose the close frame.
async fn discard<S>(mut socket: WebSocketStream<Metered<S>>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = socket.get_mut();
    stream.shutdown().await?;
    let mut bytes = [0; 1024];
    let mut n_left = MAX_DISCARDED_BYTES;
    while n_left > 0 {
        match stream.read(&mut bytes).await? {
            0 => break,
            n => n_left = n_left.saturating_sub(n),
        }
    }
    Ok(())
}

/// A close frame; its reason may have 123 bytes.
fn frame(code: u16, reason: &str) -> Message {
    let end = reason.floor_char_boundary(123);
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason[..end].to_owned().into() }))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// Closes a connection as too slow; returns how long that took, and what the peer saw of it.
    async fn close_to(peer_answers: bool) -> (Duration, Vec<Message>) {
        let (near, far) = duplex(64 * 1024);
        let near = Metered::new(near, Instant::now().into_std());
        let near = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
        let mut far = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        let started = Instant::now();
        let closing = async {
            close(near, End::close(close::SLOW, "it does not read")).await;
            started.elapsed()
        };
        if peer_answers {
            let reading = async {
                let mut seen = Vec::new();
                while let Some(Ok(message)) = far.next().await {
                    seen.push(message);
                }
                drop(far);
                seen
            };
            return tokio::join!(closing, reading);
        }
        let took = closing.await;
        let mut seen = Vec::new();
        while let Some(Ok(message)) = far.next().await {
            seen.push(message);
        }
        (took, seen)
    }

    /// The goodbye of the bridge protocol, then the close frame.
    fn said() -> Vec<Message> {
        let bye = ServerMessage::Bye { code: close::SLOW, reason: "it does not read" };
        vec![Message::Binary(bye.to_bytes().into()), frame(close::SLOW, "it does not read")]
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_answers_the_goodbye_is_left_at_once() {
        let (took, seen) = close_to(true).await;
        assert_eq!(seen, said());
        assert!(took < Duration::from_millis(10), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answers_is_told_and_then_left() {
        let (took, seen) = close_to(false).await;
        assert_eq!(seen, said());
        let limit = 2 * GOODBYE_WITHIN;
        assert!((limit..limit + Duration::from_millis(10)).contains(&took), "{took:?}");
    }
}
