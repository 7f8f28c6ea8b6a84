//! How many viewers does a user have at once?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use purple_sector_codec::UserId;

use crate::auth::VerifiedUser;

/// Counts viewers by user, so that one user cannot take all places.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    max_per_user: usize,
    taken: Arc<Mutex<HashMap<UserId, usize>>>,
}

/// One viewer's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    user: UserId,
    seats: Seats,
}

impl Seats {
    /// Room for this many viewers of each user.
    pub(crate) fn new(max_per_user: usize) -> Self {
        Self { max_per_user, taken: Arc::default() }
    }

    /// A place, if the user has one left.
    pub(crate) fn take(&self, user: &VerifiedUser) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = taken.entry(user.id().clone()).or_default();
        if *of_user >= self.max_per_user {
            return None;
        }
        *of_user += 1;
        Some(Seat { user: user.id().clone(), seats: self.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_user) = taken.get_mut(&self.user) {
            *of_user -= 1;
            if *of_user == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_so_many_places() {
        let seats = Seats::new(2);
        let (alice, bob) = (VerifiedUser::for_test("alice"), VerifiedUser::for_test("bob"));
        let first = seats.take(&alice);
        let second = seats.take(&alice);
        assert!(first.is_some() && second.is_some() && seats.take(&alice).is_none());
        assert!(seats.take(&bob).is_some());
        drop(first);
        assert!(seats.take(&alice).is_some());
        drop(second);
        assert!(seats.taken.lock().expect("not poisoned").is_empty());
    }
}
