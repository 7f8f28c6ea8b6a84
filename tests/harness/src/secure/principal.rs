//! What does Kafka call those who log in? Services `svc-…`, users `u-<id>` to write and `v-<id>` to read.
//!
//! All listeners share one name space: whoever has a token that says `svc-admin` *is* `svc-admin`. So certificates are made
//! for `svc-…` only, and the issuer writes nothing but what [`of_user`] gives, which no service can be called.

use purple_sector_codec::UserId;

/// The broker itself; it may do everything.
pub const BROKER: &str = "svc-broker";
/// The operator; it may do everything too.
pub const ADMIN: &str = "svc-admin";
/// The bridge.
pub const BRIDGE: &str = "svc-bridge";

/// What a user's token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A collector: it writes to the user's topic.
    Write,
    /// A viewer's bridge: it reads the user's topic.
    Read,
}

/// The principal of `user`, such as `u-alice`. No two users have the same one, and no service has it.
pub fn of_user(user: &UserId, access: Access) -> String {
    let prefix = match access {
        Access::Write => "u-",
        Access::Read => "v-",
    };
    format!("{prefix}{user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_is_called_like_a_service_or_another_user() {
        let names = ["alice", "u-alice", "v-alice", BROKER, ADMIN, "User:svc-broker", "svc-", "*", "zoë"];
        let mut principals = Vec::new();
        for name in names {
            let user = UserId::parse(name).unwrap();
            principals.extend([Access::Write, Access::Read].map(|access| of_user(&user, access)));
        }
        assert!(!principals.iter().any(|principal| principal.starts_with("svc-")));
        let n_principals = principals.len();
        principals.sort();
        principals.dedup();
        assert_eq!(principals.len(), n_principals);
    }
}
