//! Does a claim come twice? Two parsers of such a token may believe different ones.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object in which no name comes twice.
#[derive(Debug, PartialEq)]
pub(super) struct Unique(pub(super) Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut found = Map::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if found.insert(name, value).is_some() {
                return Err(A::Error::custom("a name comes twice"));
            }
        }
        Ok(Unique(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_refused_however_it_is_written() {
        let check = |json: &str, is_good: bool| {
            assert_eq!(serde_json::from_str::<Unique>(json).is_ok(), is_good, "{json}");
        };
        check(r#"{"sub":"alice","aud":"bridge"}"#, true);
        check("{}", true);
        check(r#"{"sub":"alice","sub":"bob"}"#, false);
        check(r#"{"sub":"alice","sub":"alice"}"#, false);
        check(r#"{"sub":"alice","s\u0075b":"bob"}"#, false);
        check("[]", false);
    }
}
