//! Which of its viewers' tokens does a feed's reader show to Kafka?
//!
//! The one that ends last, of those who are there. Pure.

use std::collections::BTreeMap;

use super::audience::ViewerId;
use crate::auth::UserToken;

/// The tokens of a feed's viewers; none where the reader does not log in as the user.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    held: BTreeMap<ViewerId, UserToken>,
    shown: Option<UserToken>,
}

impl Tokens {
    pub(super) fn put(&mut self, viewer: ViewerId, token: UserToken) {
        self.held.insert(viewer, token);
    }

    pub(super) fn remove(&mut self, viewer: ViewerId) {
        self.held.remove(&viewer);
    }

    /// Whether there is none, and none was shown.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.shown.is_none()
    }

    /// The token to be shown from now on, if it is another one than before.
    pub(super) fn elect(&mut self) -> Option<Option<UserToken>> {
        let shown = self.shown.as_ref();
        // Of several that end at the same time the one that is shown already stays.
        let rank = |token: &&UserToken| (token.expires_at_s(), Some(*token) == shown);
        let best = self.held.values().max_by_key(rank);
        if best == shown {
            return None;
        }
        self.shown = best.cloned();
        Some(self.shown.clone())
    }

    /// Drops the token that was shown: who held it.
    pub(super) fn refuse(&mut self) -> Vec<ViewerId> {
        let Some(refused) = self.shown.take() else { return Vec::new() };
        let holders = self.held.iter().filter(|(_, token)| **token == refused);
        let holders: Vec<ViewerId> = holders.map(|(viewer, _)| *viewer).collect();
        self.held.retain(|viewer, _| !holders.contains(viewer));
        holders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str, expires_at_s: u64) -> UserToken {
        UserToken::for_test("alice", text, expires_at_s)
    }

    #[track_caller]
    fn elects(tokens: &mut Tokens, expected: Option<Option<&UserToken>>) {
        assert_eq!(tokens.elect().as_ref().map(Option::as_ref), expected);
        assert_eq!(tokens.elect(), None, "once");
    }

    const A: ViewerId = ViewerId(1);
    const B: ViewerId = ViewerId(2);
    const C: ViewerId = ViewerId(3);

    #[test]
    fn the_token_that_ends_last_is_shown_and_the_next_when_its_viewer_leaves() {
        let mut tokens = Tokens::default();
        elects(&mut tokens, None);
        let (early, late) = (token("early", 100), token("late", 200));
        tokens.put(A, early.clone());
        elects(&mut tokens, Some(Some(&early)));
        tokens.put(B, late.clone());
        elects(&mut tokens, Some(Some(&late)));
        tokens.put(C, token("same-end", 200));
        tokens.put(A, token("earlier", 50));
        elects(&mut tokens, None);
        tokens.remove(C);
        tokens.put(A, early.clone());
        tokens.remove(B);
        elects(&mut tokens, Some(Some(&early)));
        tokens.remove(A);
        elects(&mut tokens, Some(None));
        elects(&mut tokens, None);
    }

    #[test]
    fn a_refused_token_goes_with_all_who_hold_it_and_another_is_shown() {
        let mut tokens = Tokens::default();
        let (bad, good) = (token("bad", 200), token("good", 100));
        tokens.put(A, bad.clone());
        tokens.put(B, good.clone());
        tokens.put(C, bad.clone());
        elects(&mut tokens, Some(Some(&bad)));
        assert_eq!(tokens.refuse(), [A, C]);
        elects(&mut tokens, Some(Some(&good)));
        assert_eq!(tokens.refuse(), [B]);
        elects(&mut tokens, None);
        assert!(tokens.refuse().is_empty());
    }
}
