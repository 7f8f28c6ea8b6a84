//! Which consumer holds which partition, and when does a partition move?
//!
//! Every Fetch lists all of a consumer's partitions, and a record waits for what its consumer does beside it. So
//! *hot* consumers hold the few partitions that have data and *cold* ones the many that have none. This is the pure
//! decision; `pool` carries it out, in order.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Partitions that one hot consumer holds at most.
pub(crate) const MAX_HOT: usize = 64;
/// Partitions that one cold consumer holds at most.
pub(crate) const MAX_COLD: usize = 2_500;

/// One assignment of one partition to one feed: its number is never used again, so that whatever still arrives for
/// an assignment that ended cannot be taken for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotId(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hot,
    Cold,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A feed wants a partition; `live` if records came within the last seconds.
    Add { slot: SlotId, live: bool },
    /// The feed ended.
    Remove { slot: SlotId },
    /// Records came since the last such event.
    Data { slot: SlotId },
    /// Time passed: partitions without data may cool down.
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// One more consumer is needed; it gets the next index.
    Start {
        kind: Kind,
    },
    Assign {
        slot: SlotId,
        consumer: usize,
    },
    /// Release from one, note the next offset, assign at exactly that offset to the other.
    Move {
        slot: SlotId,
        from: usize,
        to: usize,
    },
    Release {
        slot: SlotId,
        consumer: usize,
    },
}

pub(crate) struct Placement {
    /// A hot partition without a record for this long goes to a cold consumer.
    busy_for: Duration,
    consumers: Vec<(Kind, usize)>,
    places: HashMap<SlotId, Place>,
}

struct Place {
    consumer: usize,
    last_data: Instant,
}

impl Placement {
    pub(crate) fn new(busy_for: Duration) -> Self {
        Self { busy_for, consumers: Vec::new(), places: HashMap::new() }
    }

    pub(crate) fn on(&mut self, event: Event, now: Instant, actions: &mut Vec<Action>) {
        match event {
            Event::Add { slot, live } => {
                let consumer = self.roomiest(if live { Kind::Hot } else { Kind::Cold }, actions);
                self.consumers[consumer].1 += 1;
                self.places.insert(slot, Place { consumer, last_data: now });
                actions.push(Action::Assign { slot, consumer });
            }
            Event::Remove { slot } => {
                if let Some(place) = self.places.remove(&slot) {
                    self.consumers[place.consumer].1 -= 1;
                    actions.push(Action::Release { slot, consumer: place.consumer });
                }
            }
            Event::Data { slot } => {
                let Some(place) = self.places.get_mut(&slot) else { return };
                place.last_data = now;
                if self.consumers[place.consumer].0 == Kind::Cold {
                    self.move_to(slot, Kind::Hot, actions);
                }
            }
            Event::Tick => {
                let cooled = |place: &Place| {
                    self.consumers[place.consumer].0 == Kind::Hot && now - place.last_data > self.busy_for
                };
                let mut slots: Vec<SlotId> =
                    self.places.iter().filter(|(_, place)| cooled(place)).map(|(slot, _)| *slot).collect();
                slots.sort_unstable();
                for slot in slots {
                    self.move_to(slot, Kind::Cold, actions);
                }
            }
        }
    }

    /// How many partitions the consumers of one kind hold, and how many consumers there are.
    pub(crate) fn load(&self, kind: Kind) -> (usize, usize) {
        let of_kind = self.consumers.iter().filter(|consumer| consumer.0 == kind);
        of_kind.fold((0, 0), |(partitions, consumers), consumer| (partitions + consumer.1, consumers + 1))
    }

    fn move_to(&mut self, slot: SlotId, kind: Kind, actions: &mut Vec<Action>) {
        let to = self.roomiest(kind, actions);
        if let Some(place) = self.places.get_mut(&slot) {
            let from = std::mem::replace(&mut place.consumer, to);
            self.consumers[from].1 -= 1;
            self.consumers[to].1 += 1;
            actions.push(Action::Move { slot, from, to });
        }
    }

    /// The consumer of `kind` with the fewest partitions; a new one if all are full.
    fn roomiest(&mut self, kind: Kind, actions: &mut Vec<Action>) -> usize {
        let limit = if kind == Kind::Hot { MAX_HOT } else { MAX_COLD };
        let candidates = self.consumers.iter().enumerate();
        let fewest = candidates
            .filter(|(_, consumer)| consumer.0 == kind && consumer.1 < limit)
            .min_by_key(|(_, consumer)| consumer.1);
        if let Some((index, _)) = fewest {
            return index;
        }
        actions.push(Action::Start { kind });
        self.consumers.push((kind, 0));
        self.consumers.len() - 1
    }

    /// Adds a consumer that exists from the start.
    pub(crate) fn add_consumer(&mut self, kind: Kind) {
        self.consumers.push((kind, 0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUSY_FOR: Duration = Duration::from_secs(30);

    fn pool(kinds: &[Kind]) -> Placement {
        let mut placement = Placement::new(BUSY_FOR);
        kinds.iter().for_each(|kind| placement.add_consumer(*kind));
        placement
    }

    fn run(placement: &mut Placement, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        placement.on(event, now, &mut actions);
        actions
    }

    #[test]
    fn live_partitions_start_hot_and_idle_ones_on_the_emptiest_cold_consumer() {
        let mut placement = pool(&[Kind::Cold, Kind::Cold, Kind::Hot]);
        let now = Instant::now();
        let add = |n, live| Event::Add { slot: SlotId(n), live };
        assert_eq!(run(&mut placement, add(1, true), now), [Action::Assign { slot: SlotId(1), consumer: 2 }]);
        assert_eq!(
            run(&mut placement, add(2, false), now),
            [Action::Assign { slot: SlotId(2), consumer: 0 }]
        );
        assert_eq!(
            run(&mut placement, add(3, false), now),
            [Action::Assign { slot: SlotId(3), consumer: 1 }]
        );
    }

    #[test]
    fn the_first_record_makes_a_cold_partition_hot_and_silence_makes_it_cold_again() {
        let mut placement = pool(&[Kind::Cold, Kind::Hot]);
        let (slot, start) = (SlotId(1), Instant::now());
        run(&mut placement, Event::Add { slot, live: false }, start);
        assert_eq!(run(&mut placement, Event::Data { slot }, start), [Action::Move { slot, from: 0, to: 1 }]);
        assert_eq!(run(&mut placement, Event::Data { slot }, start), []);
        assert_eq!(run(&mut placement, Event::Tick, start + BUSY_FOR), []);
        let later = start + BUSY_FOR + Duration::from_millis(1);
        assert_eq!(run(&mut placement, Event::Tick, later), [Action::Move { slot, from: 1, to: 0 }]);
    }

    #[test]
    fn a_full_hot_consumer_brings_a_new_one() {
        let mut placement = pool(&[Kind::Hot]);
        let now = Instant::now();
        for n in 0..MAX_HOT as u64 {
            assert_eq!(run(&mut placement, Event::Add { slot: SlotId(n), live: true }, now).len(), 1);
        }
        let slot = SlotId(1000);
        assert_eq!(
            run(&mut placement, Event::Add { slot, live: true }, now),
            [Action::Start { kind: Kind::Hot }, Action::Assign { slot, consumer: 1 }]
        );
    }

    proptest! {
        /// Whatever happens in whatever order: a partition is held by exactly one consumer, is moved only from where
        /// it is, and no consumer holds more than it may.
        #[test]
        fn every_partition_is_in_exactly_one_place(
            events in prop::collection::vec((0u8..5, 0u64..200, 0u64..20), 1..600)
        ) {
            let mut placement = pool(&[Kind::Cold, Kind::Hot]);
            let mut kinds = vec![Kind::Cold, Kind::Hot];
            let mut held: HashMap<SlotId, usize> = HashMap::new();
            let mut now = Instant::now();
            for (what, slot, seconds) in events {
                let slot = SlotId(slot);
                let event = match what {
                    0 | 1 if held.contains_key(&slot) => Event::Data { slot },
                    0 => Event::Add { slot, live: true },
                    1 => Event::Add { slot, live: false },
                    2 => Event::Remove { slot },
                    3 => Event::Data { slot },
                    _ => { now += Duration::from_secs(seconds); Event::Tick }
                };
                for action in run(&mut placement, event, now) {
                    match action {
                        Action::Start { kind } => kinds.push(kind),
                        Action::Assign { slot, consumer } => {
                            prop_assert!(consumer < kinds.len());
                            prop_assert_eq!(held.insert(slot, consumer), None);
                        }
                        Action::Move { slot, from, to } => {
                            prop_assert!(kinds[from] != kinds[to]);
                            prop_assert_eq!(held.insert(slot, to), Some(from));
                        }
                        Action::Release { slot, consumer } => {
                            prop_assert_eq!(held.remove(&slot), Some(consumer));
                        }
                    }
                }
                for (index, kind) in kinds.iter().enumerate() {
                    let n = held.values().filter(|consumer| **consumer == index).count();
                    let limit = if *kind == Kind::Hot { MAX_HOT } else { MAX_COLD };
                    prop_assert!(n <= limit);
                    prop_assert_eq!(n, placement.consumers[index].1);
                }
            }
        }
    }
}
