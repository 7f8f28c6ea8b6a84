//! Is there room for one more connection?

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers to refused connections that are under way at once; beyond it they are closed without one.
const MAX_REFUSALS: usize = 64;

/// Counts connections, in all and by address.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    inner: Arc<Inner>,
    refusals: Arc<Semaphore>,
}

#[derive(Debug)]
struct Inner {
    max: usize,
    max_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Full {
    #[error("too many connections in all")]
    Total,
    #[error("too many connections from this address")]
    Address,
}

impl Full {
    /// The HTTP status to answer with.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Total => "503 Service Unavailable",
            Self::Address => "429 Too Many Requests",
        }
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    inner: Arc<Inner>,
    address: IpAddr,
}

impl Gate {
    /// Room for `max` connections, and `max_per_address` of one address.
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        let inner = Inner { max, max_per_address, counts: Mutex::default() };
        Self { inner: Arc::new(inner), refusals: Arc::new(Semaphore::new(MAX_REFUSALS)) }
    }

    /// Takes a place for a connection from `address`.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<Permit, Full> {
        let address = network(address);
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.inner.max {
            return Err(Full::Total);
        }
        let of_address = counts.by_address.entry(address).or_default();
        if *of_address >= self.inner.max_per_address {
            return Err(Full::Address);
        }
        *of_address += 1;
        counts.total += 1;
        Ok(Permit { inner: Arc::clone(&self.inner), address })
    }

    /// A slot for telling one caller that there is no room, while there are any.
    pub(crate) fn refusal(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.refusals).try_acquire_owned().ok()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(of_address) = counts.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

/// What one caller can choose freely counts as one address: for IPv6 a /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn places_are_limited_by_address_and_in_all() {
        let gate = Gate::new(3, 2);
        let first = gate.enter(ip("10.0.0.1")).expect("room");
        let _second = gate.enter(ip("::ffff:10.0.0.1")).expect("room");
        assert_eq!(gate.enter(ip("10.0.0.1")).err(), Some(Full::Address));
        let _third = gate.enter(ip("10.0.0.2")).expect("room");
        assert_eq!(gate.enter(ip("10.0.0.3")).err(), Some(Full::Total));
        drop(first);
        assert!(gate.enter(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let gate = Gate::new(9, 1);
        let _one = gate.enter(ip("2001:db8::1")).expect("room");
        assert_eq!(gate.enter(ip("2001:db8::ffff:2")).err(), Some(Full::Address));
        assert!(gate.enter(ip("2001:db8:0:1::1")).is_ok());
    }

    #[test]
    fn nothing_is_kept_of_who_left() {
        let gate = Gate::new(9, 9);
        drop(gate.enter(ip("10.0.0.1")));
        let counts = gate.inner.counts.lock().expect("not poisoned");
        assert!(counts.by_address.is_empty() && counts.total == 0);
    }
}
