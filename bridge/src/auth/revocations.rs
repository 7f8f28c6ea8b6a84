//! Which tokens are good no longer, although they have not ended?

use std::collections::HashMap;
use std::sync::Arc;

use purple_sector_codec::UserId;
use tokio::sync::watch;

use super::{Claims, TokenId};

/// Most entries of each kind. Beyond that nothing more is taken: forgetting one would let its token in again.
const MAX_ENTRIES: usize = 200_000;

/// Fewest entries at which it is worth looking for those that have ended.
const FORGET_FROM: usize = 1_024;

/// What was revoked. Each entry is kept at least until no token can be good any more that it is about.
#[derive(Debug)]
pub(super) struct Revocations {
    /// When the token ends anyway, in Unix seconds.
    tokens: HashMap<TokenId, u64>,
    users: HashMap<UserId, Cut>,
    /// How many entries there are when it is looked for those that have ended: so that adding one costs the same however
    /// many there are.
    forget_at: usize,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { tokens: HashMap::new(), users: HashMap::new(), forget_at: FORGET_FROM }
    }
}

/// Tokens of a user that were made up to a moment.
#[derive(Debug, Clone, Copy)]
struct Cut {
    issued_until_s: u64,
    keep_until_s: u64,
}

/// Something to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// One token.
    Token {
        /// Its `jti`.
        id: TokenId,
        /// When it ends anyway, in Unix seconds.
        keep_until_s: u64,
    },
    /// All tokens of a user that were made up to a moment; newer ones are good.
    User {
        /// Whose.
        user: UserId,
        /// That moment, in Unix seconds.
        issued_until_s: u64,
        /// When the last of them ends anyway, in Unix seconds.
        keep_until_s: u64,
    },
}

impl Revocations {
    /// Takes a revocation at `now_s` (Unix seconds); whether there was room for it.
    pub(super) fn add(&mut self, revocation: Revocation, now_s: u64) -> bool {
        if self.n_entries() >= self.forget_at {
            self.forget_ended(now_s);
        }
        self.insert(revocation.clone()) || {
            self.forget_ended(now_s);
            self.insert(revocation)
        }
    }

    fn n_entries(&self) -> usize {
        self.tokens.len() + self.users.len()
    }

    fn insert(&mut self, revocation: Revocation) -> bool {
        match revocation {
            Revocation::Token { id, keep_until_s } => {
                let is_new = !self.tokens.contains_key(&id);
                if is_new && self.tokens.len() >= MAX_ENTRIES {
                    return false;
                }
                let kept = self.tokens.entry(id).or_default();
                *kept = keep_until_s.max(*kept);
            }
            Revocation::User { user, issued_until_s, keep_until_s } => {
                if !self.users.contains_key(&user) && self.users.len() >= MAX_ENTRIES {
                    return false;
                }
                let cut = self.users.entry(user).or_insert(Cut { issued_until_s, keep_until_s });
                // Revoking is never taken back by an entry that comes later, or again.
                cut.issued_until_s = cut.issued_until_s.max(issued_until_s);
                cut.keep_until_s = cut.keep_until_s.max(keep_until_s);
            }
        }
        true
    }

    /// Whether a token that says this is revoked.
    pub(super) fn revokes(&self, claims: &Claims) -> bool {
        claims.id.as_ref().is_some_and(|id| self.tokens.contains_key(id))
            || self.users.get(claims.user.id()).is_some_and(|cut| claims.issued_at_s <= cut.issued_until_s)
    }

    /// Forgets what is about tokens that have all ended.
    fn forget_ended(&mut self, now_s: u64) {
        self.tokens.retain(|_, keep_until_s| *keep_until_s >= now_s);
        self.users.retain(|_, cut| cut.keep_until_s >= now_s);
        self.forget_at = FORGET_FROM.max(2 * self.n_entries());
    }
}

/// The revocations that hold now, shared by all who check tokens.
#[derive(Debug, Clone, Default)]
pub struct RevocationStore(Arc<watch::Sender<Revocations>>);

impl RevocationStore {
    /// Takes a revocation, which holds for tokens that come and for those that are in use. Whether there was room for it.
    pub fn add(&self, revocation: Revocation, now_s: u64) -> bool {
        let mut is_taken = false;
        self.0.send_modify(|revocations| {
            is_taken = revocations.add(revocation, now_s);
        });
        is_taken
    }

    pub(super) fn revokes(&self, claims: &Claims) -> bool {
        self.0.borrow().revokes(claims)
    }

    /// Tells when there is one more.
    pub(super) fn changes(&self) -> watch::Receiver<Revocations> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{KeyId, VerifiedUser};

    fn token(user: &str, issued_at_s: u64, id: &str) -> Claims {
        let user = VerifiedUser::for_test(user);
        let id = TokenId::parse(id);
        Claims { user, issued_at_s, expires_at_s: issued_at_s + 100, key: KeyId::for_test(1), id }
    }

    fn user(id: &str) -> UserId {
        UserId::parse(id).expect("a user id")
    }

    #[test]
    fn one_token_is_revoked_by_its_id_and_no_other() {
        let mut revocations = Revocations::default();
        let id = TokenId::parse("a1").expect("an id");
        assert!(revocations.add(Revocation::Token { id, keep_until_s: 200 }, 100));
        assert!(revocations.revokes(&token("alice", 100, "a1")));
        assert!(!revocations.revokes(&token("alice", 100, "a2")));
        assert!(!revocations.revokes(&token("alice", 100, "")), "a token without an id");
    }

    #[test]
    fn a_users_tokens_are_revoked_up_to_a_moment() {
        let mut revocations = Revocations::default();
        let cut = |at| Revocation::User { user: user("alice"), issued_until_s: at, keep_until_s: at + 100 };
        assert!(revocations.add(cut(100), 100));
        assert!(revocations.revokes(&token("alice", 100, "")));
        assert!(!revocations.revokes(&token("alice", 101, "")));
        assert!(!revocations.revokes(&token("bob", 100, "")));
        // An older entry that is read again takes nothing back.
        assert!(revocations.add(cut(50), 100));
        assert!(revocations.revokes(&token("alice", 100, "")));
    }

    #[test]
    fn what_is_about_ended_tokens_is_forgotten() {
        let mut revocations = Revocations::default();
        let id = TokenId::parse("a1").expect("an id");
        revocations.add(Revocation::Token { id, keep_until_s: 200 }, 100);
        revocations
            .add(Revocation::User { user: user("alice"), issued_until_s: 100, keep_until_s: 300 }, 100);
        revocations.forget_ended(200);
        assert_eq!((revocations.tokens.len(), revocations.users.len()), (1, 1));
        revocations.forget_ended(201);
        assert_eq!((revocations.tokens.len(), revocations.users.len()), (0, 1));
        revocations.forget_ended(301);
        assert!(revocations.users.is_empty());
    }

    #[test]
    fn nothing_is_forgotten_to_make_room() {
        let mut revocations = Revocations::default();
        let entry = |i: usize| Revocation::Token {
            id: TokenId::parse(&format!("t{i}")).expect("an id"),
            keep_until_s: 1,
        };
        assert!((0..MAX_ENTRIES).all(|i| revocations.add(entry(i), 0)));
        assert!(!revocations.add(entry(MAX_ENTRIES), 1));
        assert!(revocations.add(entry(0), 1), "one that is there already");
        assert!(revocations.revokes(&token("alice", 1, "t0")));
    }

    #[test]
    fn what_has_ended_makes_room_by_itself() {
        let mut revocations = Revocations::default();
        for now_s in 0..100_000 {
            let id = TokenId::parse(&format!("t{now_s}")).expect("an id");
            assert!(revocations.add(Revocation::Token { id, keep_until_s: now_s + 100 }, now_s));
            assert!(revocations.n_entries() <= FORGET_FROM, "at {now_s}: {}", revocations.n_entries());
        }
    }
}
