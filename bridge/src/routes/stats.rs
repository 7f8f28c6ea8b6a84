//! How do figures look in JSON?

use purple_sector_codec::UserId;
use serde_json::{Map, Value, json};

use crate::stats::{Stats, UserStats};

/// The figures of one user, in the same form as those of all.
pub(super) fn of_user(stats: &Stats, user: &UserId) -> Value {
    let figures = stats.known_user(user).map(|of_user| user_figures(&of_user));
    let figures = figures.unwrap_or_else(|| user_figures(&UserStats::default()));
    json!({ "userConsumers": { user.as_str(): figures } })
}

/// The figures of all users and of the bridge.
pub(super) fn of_all(stats: &Stats) -> Value {
    let users: Map<String, Value> = stats
        .users()
        .iter()
        .map(|(user, of_user)| (user.as_str().to_owned(), user_figures(of_user)))
        .collect();
    json!({
        "userConsumers": users,
        "feeds": stats.feeds.get(),
        "viewers": stats.viewers.get(),
        "viewersJoined": stats.viewers_joined.get(),
        "messagesReceived": stats.messages_received.get(),
        "bytesReceived": stats.bytes_received.get(),
        "skippedBlocks": stats.skipped.get(),
        "gaps": stats.gaps.get(),
        "repeats": stats.repeats.get(),
        "decodeErrors": stats.decode_errors.get(),
        "foreignRecords": stats.foreign.get(),
        "gopBytes": stats.gop_bytes.get(),
        "queueBytes": stats.queue_bytes.get(),
        "partitions": stats.partitions.get(),
        "restarts": stats.restarts.get(),
        "positionsLost": stats.positions_lost.get(),
        "groupOffsetErrors": stats.group_offset_errors.get(),
    })
}

/// `lastSeen` is in milliseconds since 1970, null for never.
fn user_figures(of_user: &UserStats) -> Value {
    let last_seen_ms = of_user.last_seen_ms.get();
    json!({
        "messagesReceived": of_user.messages_received.get(),
        "bytesReceived": of_user.bytes_received.get(),
        "lastSeen": (last_seen_ms > 0).then_some(last_seen_ms),
        "viewers": of_user.viewers.get(),
        "skippedBlocks": of_user.skipped.get(),
        "gaps": of_user.gaps.get(),
        "decodeErrors": of_user.decode_errors.get(),
    })
}
