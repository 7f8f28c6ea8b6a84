//! What do bridge and viewer say to each other? Both ends use these messages; `docs/bridge-protocol.md` has the rest.
//!
//! Every message is one binary WebSocket message: a kind byte, then a postcard body. Kinds that an end does not
//! know are skipped, so new kinds need no new subprotocol; a changed body does.

mod client;
mod server;

pub use self::client::{ClientMessage, Cursor, NextOffset, Subscribe};
pub use self::server::{DataHeader, FeedState, GapReason, ServerMessage};

use crate::{DecodeError, MAX_RECORD_LEN};

/// The WebSocket subprotocol that both ends must agree on.
pub const SUBPROTOCOL: &str = "purple-sector.v1";
/// A browser, which cannot set headers, offers its token as a second subprotocol: this and the token.
/// The bridge never answers with it.
pub const TOKEN_SUBPROTOCOL_PREFIX: &str = "bearer.";
/// Version of the messages, as [`ServerMessage::Hello`] says it.
pub const PROTOCOL_VERSION: u8 = 1;
/// The longest message that a viewer may send, in bytes.
pub const MAX_CLIENT_MESSAGE_LEN: usize = 16 * 1024;
/// The longest message that a bridge sends, in bytes.
pub const MAX_SERVER_MESSAGE_LEN: usize = MAX_RECORD_LEN + DataHeader::MAX_LEN;

/// What a bridge can do beyond serving live, as bits of [`ServerMessage::Hello`]'s `capabilities`.
pub mod capability {
    /// It serves from a [`Cursor`](super::Cursor) on.
    pub const CURSOR: u32 = 1;
    /// It serves the last seconds first.
    pub const LAST_SECONDS: u32 = 1 << 1;
}

/// Why a connection was closed: WebSocket close codes.
pub mod close {
    /// The bridge stops; connect again, perhaps to another instance.
    pub const GOING_AWAY: u16 = 1001;
    /// The bridge is restarting; connect again after a moment.
    pub const RESTART: u16 = 1012;
    /// The token expired; connect again with a new one.
    pub const TOKEN_EXPIRED: u16 = 4401;
    /// The viewer read too slowly.
    pub const SLOW: u16 = 4408;
    /// Too many connections or messages; connect again later.
    pub const TOO_MANY: u16 = 4429;
    /// This bridge does not accept the token.
    pub const BAD_TOKEN: u16 = 4501;
    /// The token does not allow this.
    pub const FORBIDDEN: u16 = 4503;
    /// The viewer sent something that the protocol does not have.
    pub const PROTOCOL_ERROR: u16 = 4504;

    /// Whether it is useless to connect again.
    pub const fn is_final(code: u16) -> bool {
        matches!(code, 4500..=4999)
    }
}

/// The kind byte and the rest of a message that is within its limit.
fn split(bytes: &[u8], limit: usize) -> Result<(u8, &[u8]), DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { found: bytes.len(), limit });
    }
    let (&kind, body) = bytes.split_first().ok_or(DecodeError::TooShort { needed: 1, found: 0 })?;
    Ok((kind, body))
}
