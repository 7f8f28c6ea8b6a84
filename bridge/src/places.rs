//! Is there room for one more? Counts what is there now, in all and for each of those who may bring several.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Room for a number of things, of which each `K` may have some.
#[derive(Debug)]
pub(crate) struct Places<K: Eq + Hash> {
    max: usize,
    max_each: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

#[derive(Debug)]
struct Taken<K> {
    total: usize,
    by_key: HashMap<K, usize>,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places are taken.
    InAll,
    /// This one has as many as it may have.
    Each,
}

/// One place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    key: K,
    taken: Arc<Mutex<Taken<K>>>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// Room for `max` in all, and for `max_each` of each.
    pub(crate) fn new(max: usize, max_each: usize) -> Self {
        let taken = Taken { total: 0, by_key: HashMap::new() };
        Self { max, max_each, taken: Arc::new(Mutex::new(taken)) }
    }

    /// Takes a place for `key`.
    pub(crate) fn take(&self, key: K) -> Result<Place<K>, Full> {
        let mut taken = lock(&self.taken);
        if taken.total >= self.max {
            return Err(Full::InAll);
        }
        if taken.by_key.get(&key).copied().unwrap_or_default() >= self.max_each {
            return Err(Full::Each);
        }
        *taken.by_key.entry(key.clone()).or_default() += 1;
        taken.total += 1;
        Ok(Place { key, taken: self.taken.clone() })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.total -= 1;
        if let Some(of_key) = taken.by_key.get_mut(&self.key) {
            *of_key -= 1;
            if *of_key == 0 {
                taken.by_key.remove(&self.key);
            }
        }
    }
}

fn lock<K>(taken: &Mutex<Taken<K>>) -> MutexGuard<'_, Taken<K>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_for_each_and_in_all_and_come_back() {
        let places = Places::new(3, 2);
        let first = places.take("alice").expect("room");
        let second = places.take("alice").expect("room");
        assert_eq!(places.take("alice").err(), Some(Full::Each));
        let third = places.take("bob").expect("room");
        assert_eq!(places.take("carol").err(), Some(Full::InAll));
        drop(first);
        let fourth = places.take("alice").expect("room again");
        drop((second, third, fourth));
        let taken = lock(&places.taken);
        assert!(taken.by_key.is_empty() && taken.total == 0, "nothing is kept of who left");
    }

    #[test]
    fn one_that_may_have_none_leaves_nothing_behind() {
        let places = Places::new(3, 0);
        assert_eq!(places.take("alice").err(), Some(Full::Each));
        assert!(lock(&places.taken).by_key.is_empty());
    }
}
