//! Which names belong to the operator's services, and so to no user?
//!
//! Kafka has one name space for all its listeners: a token whose subject is also the name of a service, or of a super
//! user, would have that service's rights wherever Kafka takes the subject for the principal.

use std::str::FromStr;

use thiserror::Error;

/// Names that no user may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    /// What they are, or, with a `*` at the end, how they begin.
    pub names: Vec<ReservedName>,
}

/// One name, or the beginning of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedName {
    text: String,
    is_prefix: bool,
}

/// Not a name to reserve.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("write a name such as admin, or how names begin, such as svc-*")]
pub struct NotAName;

impl FromStr for ReservedName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        // The principal as Kafka writes it is taken too.
        let text = text.strip_prefix("User:").unwrap_or(text);
        let (text, is_prefix) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, false),
        };
        let is_name =
            !text.is_empty() && !text.contains(|c: char| c == '*' || c.is_whitespace() || c.is_control());
        if is_name { Ok(Self { text: text.to_ascii_lowercase(), is_prefix }) } else { Err(NotAName) }
    }
}

impl Reserved {
    /// Whether this is such a name. Case counts for Kafka, but not for people who look at a list.
    pub(super) fn holds(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("user:").unwrap_or(&name);
        self.names.iter().any(|reserved| {
            if reserved.is_prefix { name.starts_with(&reserved.text) } else { name == reserved.text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_nobodys() {
        let parse = |text: &str| text.parse::<ReservedName>().expect("a name");
        let reserved = Reserved { names: vec![parse("svc-*"), parse("User:admin")] };
        for name in ["svc-broker", "svc-", "SVC-Bridge", "admin", "Admin", "User:admin", "user:svc-x"] {
            assert!(reserved.holds(name), "{name}");
        }
        for name in ["alice", "svc", "administrator", "my-svc-x", "u-svc-x", ""] {
            assert!(!reserved.holds(name), "{name}");
        }
    }

    #[test]
    fn what_would_reserve_everything_is_refused() {
        for text in ["", "*", "User:", "User:*", "a b", "*x", "a*b", "a\n"] {
            assert_eq!(text.parse::<ReservedName>(), Err(NotAName), "{text:?}");
        }
    }
}
