//! Which connections are let in?

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::places::{Full, Place, Places};

/// Answers to refused connections that are under way at once; beyond it they are closed without one.
const MAX_REFUSALS: usize = 64;

/// Room for connections, in all and by address.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    places: Arc<Places<IpAddr>>,
    refusals: Arc<Semaphore>,
}

/// The place of one connection.
pub(crate) type Permit = Place<IpAddr>;

impl Gate {
    /// Room for `max` connections, and `max_per_address` of one address.
    pub(crate) fn new(max: usize, max_per_address: usize) -> Self {
        let places = Arc::new(Places::new(max, max_per_address));
        Self { places, refusals: Arc::new(Semaphore::new(MAX_REFUSALS)) }
    }

    /// Takes a place for a connection from `address`.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<Permit, Full> {
        self.places.take(network(address))
    }

    /// A slot for telling one caller that there is no room, if one is free.
    pub(crate) fn refusal(&self) -> Option<OwnedSemaphorePermit> {
        self.refusals.clone().try_acquire_owned().ok()
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

    #[track_caller]
    fn check(first: &str, second: &str, is_one: bool) {
        let gate = Gate::new(9, 1);
        let ip = |text: &str| text.parse().expect("an address");
        let _first = gate.enter(ip(first)).expect("room");
        assert_eq!(gate.enter(ip(second)).err(), is_one.then_some(Full::Each), "{first} and {second}");
    }

    #[test]
    fn what_one_caller_can_choose_counts_as_one_address() {
        check("2001:db8::1", "2001:db8::ffff:2", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("10.0.0.1", "::ffff:10.0.0.1", true);
        check("10.0.0.1", "10.0.0.2", false);
    }
}
