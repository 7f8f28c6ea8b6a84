//! Which versions of each request do both sides speak?

use kafka_protocol::messages::ApiKey;

use crate::fields::Fields;
use crate::response::Malformed;

/// The oldest and the newest version of Fetch that is spoken here: with topic ids, without anything for replicas.
const FETCH: (i16, i16) = (13, 17);
/// The one version of everything else; every Kafka from 3.1 to today's has them.
const METADATA: i16 = 12;
const LIST_OFFSETS: i16 = 7;

/// What was agreed on with one broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Version of Fetch.
    pub fetch: i16,
}

/// Why a broker cannot be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableBroker {
    /// It does not speak as Kafka does.
    #[error("whatever answers there does not speak Kafka's protocol")]
    NotKafka,
    /// It lacks a version that is needed.
    #[error(
        "this Kafka is too old or too new for this bridge: {api:?} has versions {min} to {max}; 3.1 to 4.x will do"
    )]
    Versions {
        /// The request.
        api: Api,
        /// The oldest version that the broker has.
        min: i16,
        /// The newest.
        max: i16,
    },
}

/// A request whose version matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Kafka's")]
pub enum Api {
    Fetch,
    Metadata,
    ListOffsets,
}

impl Versions {
    /// Reads the answer to ApiVersions (version 2).
    ///
    /// # Errors
    /// [`UnusableBroker`] if this is not Kafka, or has no version that is spoken here.
    pub fn parse(body: &[u8]) -> Result<Self, UnusableBroker> {
        let ranges = ranges(body).map_err(|_| UnusableBroker::NotKafka)?;
        let range = |api: Api, key: ApiKey, (oldest, newest): (i16, i16)| {
            let found = ranges.iter().find(|range| range.0 == key as i16);
            let &(_, min, max) = found.ok_or(UnusableBroker::NotKafka)?;
            if min <= newest && oldest <= max {
                Ok(newest.min(max))
            } else {
                Err(UnusableBroker::Versions { api, min, max })
            }
        };
        range(Api::Metadata, ApiKey::Metadata, (METADATA, METADATA))?;
        range(Api::ListOffsets, ApiKey::ListOffsets, (LIST_OFFSETS, LIST_OFFSETS))?;
        Ok(Self { fetch: range(Api::Fetch, ApiKey::Fetch, FETCH)? })
    }
}

/// Key, oldest and newest version of each request.
fn ranges(body: &[u8]) -> Result<Vec<(i16, i16, i16)>, Malformed> {
    let mut fields = Fields::new(body);
    if fields.i16()? != 0 {
        return Err(Malformed);
    }
    let mut ranges = Vec::new();
    for _ in 0..fields.i32()? {
        ranges.push((fields.i16()?, fields.i16()?, fields.i16()?));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fetch: (i16, i16), metadata: (i16, i16), expected: Result<i16, &str>) {
        let mut body = vec![0, 0, 0, 0, 0, 3];
        for (key, (min, max)) in [(1i16, fetch), (3, metadata), (2, (1, 9))] {
            for field in [key, min, max] {
                body.extend(field.to_be_bytes());
            }
        }
        body.extend([0; 4]);
        let found = Versions::parse(&body).map(|versions| versions.fetch).map_err(|error| error.to_string());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn the_newest_version_that_both_speak() {
        check((4, 18), (0, 13), Ok(17));
        check((0, 15), (0, 12), Ok(15));
        check((0, 13), (0, 12), Ok(13));
    }

    #[test]
    fn a_broker_without_a_common_version_is_named() {
        check((0, 12), (0, 12), Err("Fetch has versions 0 to 12"));
        check((18, 20), (0, 12), Err("Fetch has versions 18 to 20"));
        check((4, 18), (0, 11), Err("Metadata has versions 0 to 11"));
    }

    #[test]
    fn anything_else_is_not_kafka() {
        for body in [&b""[..], b"HTTP/1.1 400 Bad Request", &[0, 0, 0xFF, 0xFF, 0xFF], &[0, 35, 0, 0, 0, 0]] {
            assert_eq!(Versions::parse(body), Err(UnusableBroker::NotKafka));
        }
    }
}
