//! What do the module and its JavaScript both know by number or by name? Constants for the JavaScript side.

use purple_sector_codec::bridge_protocol::{
    FeedState, GapReason, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX, capability, close,
};
use purple_sector_codec::{StreamSettings, block};
use purple_sector_codec_wasm::shared;

use crate::key;

/// The content of `shared.ts`.
pub(crate) fn source() -> String {
    let feed_states = [
        ("WAITING", FeedState::Waiting),
        ("LIVE", FeedState::Live),
        ("STALE", FeedState::Stale),
        ("REPLAY", FeedState::Replay),
        ("ENDED", FeedState::Ended),
    ]
    .map(|(name, state)| (name, u32::from(u8::from(state))));
    let gap_reasons = [
        ("SLOW", GapReason::Slow),
        ("RETENTION", GapReason::Retention),
        ("TOPIC_REPLACED", GapReason::TopicReplaced),
        ("UNREADABLE", GapReason::Unreadable),
        ("MISSING", GapReason::Missing),
    ]
    .map(|(name, reason)| format!("  {}: '{}',\n", u8::from(reason), camel(name)));
    let capabilities = [("CURSOR", capability::CURSOR), ("LAST_SECONDS", capability::LAST_SECONDS)];

    let groups = [
        constants("FOUND", "What a push found.", shared::FOUND),
        constants("HEAD", "Positions in the head.", shared::HEAD),
        constants("EVENT", "The events, by their numbers in a note.", shared::EVENTS),
        constants("CODING", "How a channel's values are coded, by its number in a note.", shared::CODINGS),
        constants("FEED_STATE", "The bridge's view of a feed.", &feed_states),
        constants("CAPABILITY", "What a bridge can beyond serving live, as bits.", &capabilities),
    ];
    format!(
        "// What do the module and this code both know by number or by name? Generated from the codec and from
// codec-wasm/src/shared.rs.

{}
/** Why the bridge does not send records, by number. */
export const GAP_REASONS = {{
{}}} as const;

/** Closes a connection whose token expired. */
export const CLOSE_TOKEN_EXPIRED = {};

/** Most samples in a block. */
export const MAX_SAMPLES = {};

/** Streams whose descriptions the module takes as known here. */
export const MAX_STREAMS = {};

/** Key blocks come at least this often, in ms. */
export const KEY_INTERVAL_MS = {};

/** The WebSocket subprotocol that both ends must agree on. */
export const SUBPROTOCOL = '{SUBPROTOCOL}';

/** A token is offered as a second subprotocol: this and the token. */
export const TOKEN_SUBPROTOCOL_PREFIX = '{TOKEN_SUBPROTOCOL_PREFIX}';
",
        groups.join("\n"),
        gap_reasons.concat(),
        close::TOKEN_EXPIRED,
        block::MAX_SAMPLES,
        shared::MAX_STREAMS,
        StreamSettings::KEY_INTERVAL_US / 1000,
    )
}

/// A constant for each of these numbers. They do not make up an object, because bundlers put constants where they are used.
fn constants(prefix: &str, doc: &str, numbers: &[(&str, u32)]) -> String {
    let lines = numbers.iter().map(|(name, number)| format!("export const {prefix}_{name} = {number};\n"));
    format!("// {doc}\n{}", lines.collect::<String>())
}

/// The camelCase form of a constant's name.
fn camel(name: &str) -> String {
    key(&name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_names_that_rust_gives_them() {
        let expected = "// What.\nexport const CAN_ONE = 1;\nexport const CAN_LAST_SECONDS = 2;\n";
        assert_eq!(constants("CAN", "What.", &[("ONE", 1), ("LAST_SECONDS", 2)]), expected);
    }
}
