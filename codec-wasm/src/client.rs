//! What does a viewer send to the bridge? Its three messages. Texts and lists come in the reader's input buffer.

use alloc::vec::Vec;

use js_sys::Uint8Array;
use purple_sector_codec::bridge_protocol::{ClientMessage, Cursor, NextOffset, Subscribe};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Reader;

#[wasm_bindgen]
impl Reader {
    /// What to serve from now on. The input holds the topic's id (16 bytes), partition and next offset of
    /// `n_partitions` partitions (pairs of f64), and the session's id. `NaN` seconds mean live records only.
    pub fn subscribe(
        &self,
        session_len: usize,
        last_seconds: f64,
        keys_only: bool,
        n_partitions: usize,
    ) -> Uint8Array {
        bytes(&subscribe_message(self.input(), session_len, last_seconds, keys_only, n_partitions))
    }

    /// A new token, before the old one ends: the first `token_len` bytes of the input.
    pub fn refresh(&self, token_len: usize) -> Uint8Array {
        bytes(&ClientMessage::Refresh { token: text(self.input(), 0, token_len) })
    }

    /// The question for the bridge's time; `client_us` is the viewer's clock in µs.
    pub fn time(client_us: f64) -> Uint8Array {
        bytes(&ClientMessage::Time { client_us: client_us as u64 })
    }
}

/// The message's bytes, as an array of the page's own.
fn bytes(message: &ClientMessage<'_>) -> Uint8Array {
    Uint8Array::from(&message.to_bytes()[..])
}

fn subscribe_message(
    input: &[u8],
    session_len: usize,
    last_seconds: f64,
    keys_only: bool,
    n_partitions: usize,
) -> ClientMessage<'_> {
    let (&topic_id, rest) = input.split_first_chunk().unwrap_or((&[0; 16], &[]));
    let number = |bytes: &[u8; 8]| f64::from_le_bytes(*bytes);
    let pairs = rest.as_chunks::<8>().0.as_chunks::<2>().0.iter().take(n_partitions);
    let next_offset = |[partition, offset]: &[[u8; 8]; 2]| NextOffset {
        partition: number(partition) as u16,
        offset: number(offset) as u64,
    };
    let next: Vec<_> = pairs.map(next_offset).collect();
    ClientMessage::Subscribe(Subscribe {
        session: (session_len > 0).then(|| text(rest, 16 * n_partitions, session_len)),
        last_seconds: (!last_seconds.is_nan()).then_some(last_seconds as u32),
        keys_only,
        cursor: (n_partitions > 0).then_some(Cursor { topic_id, next }),
    })
}

/// Text from the input; empty if the bytes are not UTF-8.
fn text(input: &[u8], at: usize, len: usize) -> &str {
    let bytes = input.get(at..).and_then(|input| input.get(..len));
    bytes.and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_holds_topic_partitions_and_session() {
        let next = [3.0_f64, 1000.0].map(f64::to_le_bytes).concat();
        let input = [&[7; 16][..], &next, b"imola-1 and more"].concat();
        let cursor =
            Some(Cursor { topic_id: [7; 16], next: vec![NextOffset { partition: 3, offset: 1000 }] });
        let expected =
            Subscribe { session: Some("imola-1"), last_seconds: Some(60), keys_only: true, cursor };
        assert_eq!(subscribe_message(&input, 7, 60.0, true, 1), ClientMessage::Subscribe(expected));
    }

    #[test]
    fn what_is_not_asked_for_is_left_out() {
        let expected = ClientMessage::Subscribe(Subscribe::default());
        assert_eq!(subscribe_message(&[0; 64], 0, f64::NAN, false, 0), expected);
        assert_eq!(subscribe_message(&[], 0, f64::NAN, false, 0), expected);
    }
}
