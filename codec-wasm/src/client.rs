//! What does a viewer send to the bridge? Its three messages as bytes.

use alloc::string::String;
use alloc::vec::Vec;

use purple_sector_codec::bridge_protocol::{ClientMessage, Cursor, NextOffset, Subscribe};
use wasm_bindgen::prelude::wasm_bindgen;

/// What to serve from now on. The cursor is there if `topic_id` has its 16 bytes; `next` then holds partition and
/// next offset by turns.
#[wasm_bindgen(js_name = subscribeMessage)]
pub fn subscribe_message(
    session: Option<String>,
    last_seconds: Option<u32>,
    keys_only: bool,
    topic_id: &[u8],
    next: &[f64],
) -> Vec<u8> {
    let next_offset = |pair: &[f64]| NextOffset { partition: pair[0] as u16, offset: pair[1] as u64 };
    let cursor = <[u8; 16]>::try_from(topic_id)
        .ok()
        .map(|topic_id| Cursor { topic_id, next: next.chunks_exact(2).map(next_offset).collect() });
    ClientMessage::Subscribe(Subscribe { session: session.as_deref(), last_seconds, keys_only, cursor })
        .to_bytes()
}

/// A new token, before the old one ends.
#[wasm_bindgen(js_name = refreshMessage)]
pub fn refresh_message(token: &str) -> Vec<u8> {
    ClientMessage::Refresh { token }.to_bytes()
}

/// The question for the bridge's time; `client_us` is the viewer's clock in µs.
#[wasm_bindgen(js_name = timeMessage)]
pub fn time_message(client_us: f64) -> Vec<u8> {
    ClientMessage::Time { client_us: client_us as u64 }.to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_needs_the_topic_it_belongs_to() {
        let bytes = subscribe_message(Some("imola-1".into()), Some(60), true, &[7; 16], &[3.0, 1000.0]);
        let cursor =
            Some(Cursor { topic_id: [7; 16], next: vec![NextOffset { partition: 3, offset: 1000 }] });
        let expected =
            Subscribe { session: Some("imola-1"), last_seconds: Some(60), keys_only: true, cursor };
        assert_eq!(ClientMessage::parse(&bytes), Ok(ClientMessage::Subscribe(expected)));

        let bytes = subscribe_message(None, None, false, &[], &[3.0, 1000.0]);
        assert_eq!(ClientMessage::parse(&bytes), Ok(ClientMessage::Subscribe(Subscribe::default())));
    }
}
