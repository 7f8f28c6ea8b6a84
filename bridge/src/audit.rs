//! Who was let in, who was turned away, and why? One line of the log for each decision.
//!
//! The lines have the target `audit`, so that `LOG_LEVEL` can keep them and nothing else, and the same fields: `what`, `user`,
//! `address`, `allowed`, `why`, and the token's `jti` where it is known. No line holds a token.

use std::net::IpAddr;

use tracing::info;

use crate::auth::{Admission, Refused, VerifiedUser, Withdrawal};

/// What was decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Watching a user's telemetry.
    Watch,
    /// Reading a user's figures.
    Stats,
    /// A new token for someone who watches.
    Refresh,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Stats => "stats",
            Self::Refresh => "refresh",
        }
    }
}

/// A caller got in.
pub(crate) fn allowed(what: What, admission: &Admission, address: IpAddr) {
    let (user, jti) = (admission.user(), admission.token_id().map(tracing::field::display));
    info!(target: "audit", what = what.name(), %user, %address, allowed = true, jti);
}

/// A caller did not. `user` is set only where it is known, not where a bad token claims to be someone's.
pub(crate) fn refused(what: What, user: Option<&VerifiedUser>, address: IpAddr, refused: &Refused) {
    let user = user.map(tracing::field::display);
    info!(target: "audit", what = what.name(), user, %address, allowed = false, why = %refused.why);
}

/// What had let a viewer in is good no longer, so it is closed.
pub(crate) fn withdrawn(user: &VerifiedUser, address: IpAddr, why: Withdrawal) {
    info!(target: "audit", what = What::Watch.name(), %user, %address, allowed = false, %why);
}
