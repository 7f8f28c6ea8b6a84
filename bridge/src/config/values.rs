//! How are durations, origins and names of hosts written in settings?

use std::time::Duration;

use purple_sector_codec::{UserId, UserIdError};
use thiserror::Error;

use crate::auth::{NotAName, ReservedName};
use crate::host::HostName;
use crate::origin::Origin;

/// Longest duration in a setting: 10 years, so that adding it to a time never overflows.
const MAX_S: u64 = 10 * 365 * 24 * 3600;

/// A duration that cannot be read.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("write it as a whole number and a unit: 500ms, 15s, 10m, 1h or 7d")]
pub(crate) struct DurationError;

/// Reads `500ms`, `15s`, `10m`, `1h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, DurationError> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(DurationError)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| DurationError)?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.saturating_mul(60)),
        "h" => Duration::from_secs(number.saturating_mul(3600)),
        "d" => Duration::from_secs(number.saturating_mul(24 * 3600)),
        _ => return Err(DurationError),
    };
    if duration.as_secs() > MAX_S { Err(DurationError) } else { Ok(duration) }
}

/// Reads one origin, as browsers send it. Nothing, as a compose file leaves a variable, is none.
pub(crate) fn origin(text: &str) -> Result<Option<Origin>, &'static str> {
    unless_empty(text, Origin::parse).ok_or(
        "write it as the browser sends it: https://app.example.com, without a path or a slash at the end",
    )
}

/// Reads one origin of a bridge, or none. It must be one that a Content-Security-Policy can name.
pub(crate) fn bridge(text: &str) -> Result<Option<Origin>, &'static str> {
    match unless_empty(text, Origin::parse) {
        Some(Some(origin)) if origin.authority().contains('[') => {
            Err("a page's policy cannot name an IPv6 address: give the bridge a name")
        }
        Some(origin) => Ok(origin),
        None => Err("write it as an origin: https://eu.example.com, without a path or a slash at the end"),
    }
}

/// Reads one name of a host, or none.
pub(crate) fn host_name(text: &str) -> Result<Option<HostName>, &'static str> {
    unless_empty(text, HostName::parse)
        .ok_or("write the name alone: ops.example.com, without a scheme, a port or a path")
}

/// Reads one user's id, or none.
pub(crate) fn user(text: &str) -> Result<Option<UserId>, UserIdError> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { UserId::parse(text).map(Some) }
}

/// Reads the beginning of names that no user may have, or none.
pub(crate) fn reserved_name(text: &str) -> Result<Option<ReservedName>, NotAName> {
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// Not a topic for what bridges share.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "write a Kafka topic's name (1 to 249 of A-Z a-z 0-9 . _ -) that is neither a user's topic nor Kafka's own"
)]
pub(crate) struct ControlTopicError;

/// Reads the name of a topic for what bridges share.
pub(crate) fn control_topic(text: &str) -> Result<String, ControlTopicError> {
    let is_name = (1..=249).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && text != "."
        && text != "..";
    let is_taken = text.starts_with("telemetry") || text.starts_with("__");
    if is_name && !is_taken { Ok(text.to_owned()) } else { Err(ControlTopicError) }
}

/// What `parse` makes of `text`; `None` if that is empty.
fn unless_empty<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    let text = text.trim();
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected_ms: Option<u64>) {
        assert_eq!(duration(text).ok(), expected_ms.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn an_empty_variable_is_none() {
        assert!(matches!(origin(" "), Ok(None)));
        assert!(matches!(host_name(""), Ok(None)));
        assert_eq!(host_name(" ops.example.com "), Ok(HostName::parse("ops.example.com")));
        assert!(host_name("a b").is_err());
        assert!(matches!(bridge(" "), Ok(None)));
        assert_eq!(bridge("https://eu.example.com"), Ok(Origin::parse("https://eu.example.com")));
        assert!(bridge("wss://eu.example.com").is_err() && bridge("https://[::1]:8080").is_err());
    }

    #[test]
    fn durations_have_a_unit() {
        check("500ms", Some(500));
        check("0s", Some(0));
        check("15s", Some(15_000));
        check("10m", Some(600_000));
        check("1h", Some(3_600_000));
        check("7d", Some(604_800_000));
        check("3650d", Some(315_360_000_000));
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 s",
            "3651d",
            "99999999999999999999s",
            "18446744073709551615d",
            "1w",
            "1sä",
        ] {
            check(text, None);
        }
    }
}
