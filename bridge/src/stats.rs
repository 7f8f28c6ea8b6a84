//! How much went through this bridge, for whom, and what went wrong?
//!
//! Every counter of feeds, viewers and consumption is here. Figures of users are kept for the most recent
//! [`MAX_USERS`], so that strangers cannot make the bridge grow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use purple_sector_codec::UserId;

/// Users whose figures are kept; beyond this the one that was active longest ago goes.
pub const MAX_USERS: usize = 10_000;

/// A number that only this module's readers and the owner of the event touch.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Subtracts `n`, for counters that say how many there are now.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Replaces the number.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One user's figures since this bridge started (or since they were dropped as the oldest).
#[derive(Debug, Default)]
pub struct UserStats {
    /// Records read from the user's topic.
    pub messages_received: Counter,
    /// Bytes of those records.
    pub bytes_received: Counter,
    /// When the last of them came, in milliseconds since 1970; 0 = never.
    pub last_seen_ms: Counter,
    /// Viewers attached now.
    pub viewers: Counter,
    /// Blocks that slow viewers skipped.
    pub skipped: Counter,
    /// Holes in the user's streams that were announced.
    pub gaps: Counter,
    /// Records that are not a readable envelope.
    pub decode_errors: Counter,
}

/// Figures of the whole bridge.
#[derive(Debug, Default)]
pub struct Stats {
    /// Feeds alive now, those that linger included.
    pub feeds: Counter,
    /// Viewers attached now.
    pub viewers: Counter,
    /// Viewers attached since the start.
    pub viewers_joined: Counter,
    /// Records read from Kafka.
    pub messages_received: Counter,
    /// Bytes of those records.
    pub bytes_received: Counter,
    /// Blocks that slow viewers skipped.
    pub skipped: Counter,
    /// Holes in streams that were announced.
    pub gaps: Counter,
    /// Records that were seen before and dropped.
    pub repeats: Counter,
    /// Records that are not a readable envelope.
    pub decode_errors: Counter,
    /// Records that came to a feed from another topic than its own and were dropped: must stay 0.
    pub foreign: Counter,
    /// Bytes of blocks, schemas and facts that are kept for viewers who join.
    pub gop_bytes: Arc<Counter>,
    /// Bytes that wait for viewers.
    pub queue_bytes: Arc<Counter>,
    /// Partitions that are read now.
    pub partitions: Counter,
    /// Tasks that ended by themselves and threads that were stuck, neither of which should happen; others took their place.
    pub restarts: Counter,
    /// Positions that Kafka no longer had (deleted by retention, or a topic that was created again).
    pub positions_lost: Counter,
    /// Consumed positions that could not be published to a user's consumer group.
    pub group_offset_errors: Counter,
    users: Mutex<HashMap<UserId, Arc<UserStats>>>,
}

impl Stats {
    /// The figures of one user; they start now if there are none yet.
    pub fn user(&self, user: &UserId) -> Arc<UserStats> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stats) = users.get(user) {
            return stats.clone();
        }
        if users.len() >= MAX_USERS {
            forget_oldest(&mut users);
        }
        users.entry(user.clone()).or_default().clone()
    }

    /// The figures of one user if there are any; looking creates none.
    pub fn known_user(&self, user: &UserId) -> Option<Arc<UserStats>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).get(user).cloned()
    }

    /// The figures of all users.
    pub fn users(&self) -> Vec<(UserId, Arc<UserStats>)> {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        users.iter().map(|(user, stats)| (user.clone(), stats.clone())).collect()
    }
}

/// Drops the user without viewers whose last record is oldest. A feed that still holds figures goes on counting there.
fn forget_oldest(users: &mut HashMap<UserId, Arc<UserStats>>) {
    let oldest = users.iter().min_by_key(|(_, stats)| (stats.viewers.get() > 0, stats.last_seen_ms.get()));
    if let Some(user) = oldest.map(|(user, _)| user.clone()) {
        users.remove(&user);
    }
}

/// The time on this machine's clock, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_per_user() {
        let stats = Stats::default();
        let (alice, bob) = (UserId::parse("alice").unwrap(), UserId::parse("bob").unwrap());
        stats.user(&alice).messages_received.add(2);
        assert_eq!(stats.user(&alice).messages_received.get(), 2);
        assert!(stats.known_user(&bob).is_none());
        assert_eq!(stats.users().len(), 1);
    }

    #[test]
    fn the_user_silent_for_longest_goes_first_and_watched_users_stay() {
        let mut users = HashMap::new();
        for (name, last_seen_ms, viewers) in [("watched", 1, 1), ("old", 2, 0), ("new", 3, 0)] {
            let stats = UserStats::default();
            stats.last_seen_ms.set(last_seen_ms);
            stats.viewers.set(viewers);
            users.insert(UserId::parse(name).unwrap(), Arc::new(stats));
        }
        forget_oldest(&mut users);
        assert!(!users.contains_key(&UserId::parse("old").unwrap()));
        assert_eq!(users.len(), 2);
    }

    #[test]
    fn however_many_users_come_the_figures_of_ten_thousand_are_kept() {
        let stats = Stats::default();
        let user = |i: usize| UserId::parse(&format!("stranger-{i}")).unwrap();
        stats.user(&user(0)).viewers.add(1);
        for i in 0..MAX_USERS {
            stats.user(&user(i)).last_seen_ms.set(1);
        }
        for i in MAX_USERS..MAX_USERS + 200 {
            stats.user(&user(i)).last_seen_ms.set(2);
        }
        assert_eq!(stats.users().len(), MAX_USERS);
        assert!(stats.known_user(&user(0)).is_some());
    }
}
