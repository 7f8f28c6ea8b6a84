//! What does one consumer hold, and which of the records it gives are wanted?
//!
//! A slot knows the next offset it wants. Whatever a consumer still gives for a partition that was released, and
//! whatever lies before the next offset, is ignored: so a partition can move between consumers, from the noted
//! offset on, and nothing is lost or repeated.

use std::collections::HashMap;
use std::sync::Arc;

use super::placement::SlotId;

/// One partition that a consumer holds; `T` is where its records go.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    pub(crate) id: SlotId,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
    /// The smallest offset not seen yet.
    pub(crate) next: i64,
    /// Records came since this was last asked.
    pub(crate) has_data: bool,
    pub(crate) to: T,
}

/// The slots of one consumer, by topic and partition.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    topics: HashMap<Arc<str>, Vec<Slot<T>>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { topics: HashMap::new() }
    }
}

impl<T> Slots<T> {
    /// Adds a slot. What another slot held for the same partition ends: there is one reader of a partition.
    pub(crate) fn insert(&mut self, slot: Slot<T>) {
        let slots = self.topics.entry(slot.topic.clone()).or_default();
        slots.retain(|other| other.partition != slot.partition);
        slots.push(slot);
    }

    /// Removes a slot and gives it back, with the offset to go on from.
    pub(crate) fn remove(&mut self, id: SlotId, topic: &str) -> Option<Slot<T>> {
        let slots = self.topics.get_mut(topic)?;
        let index = slots.iter().position(|slot| slot.id == id)?;
        let slot = slots.swap_remove(index);
        if slots.is_empty() {
            self.topics.remove(topic);
        }
        Some(slot)
    }

    /// The slot that wants the record at `offset`, if any; it is then taken as seen.
    pub(crate) fn accept(&mut self, topic: &str, partition: i32, offset: i64) -> Option<&mut Slot<T>> {
        let slot = self.topics.get_mut(topic)?.iter_mut().find(|slot| slot.partition == partition)?;
        if offset < slot.next {
            return None;
        }
        slot.next = offset + 1;
        Some(slot)
    }

    /// Whether any partition of the topic is held.
    pub(crate) fn holds(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot<T>> {
        self.topics.values_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::placement::{Action, Event, Kind, Placement};
    use super::*;

    fn slot(id: u64, next: i64) -> Slot<()> {
        Slot { id: SlotId(id), topic: "t".into(), partition: 3, next, has_data: false, to: () }
    }

    #[test]
    fn records_before_the_next_offset_are_ignored() {
        let mut slots = Slots::default();
        slots.insert(slot(1, 10));
        assert!(slots.accept("t", 3, 9).is_none());
        assert!(slots.accept("t", 3, 10).is_some());
        assert!(slots.accept("t", 3, 10).is_none());
        assert!(slots.accept("t", 3, 14).is_some(), "holes in the offsets are no error");
        assert_eq!(slots.remove(SlotId(1), "t").map(|slot| slot.next), Some(15));
    }

    #[test]
    fn other_partitions_topics_and_released_slots_want_nothing() {
        let mut slots = Slots::default();
        slots.insert(slot(1, 0));
        assert!(slots.accept("t", 4, 0).is_none());
        assert!(slots.accept("u", 3, 0).is_none());
        assert!(slots.remove(SlotId(2), "t").is_none());
        assert!(slots.remove(SlotId(1), "t").is_some());
        assert!(slots.accept("t", 3, 0).is_none());
    }

    /// A consumer as librdkafka's may be at worst: it fetches ahead, and after a release it still gives what it had.
    #[derive(Default)]
    struct FakeConsumer {
        slots: Slots<()>,
        position: Option<i64>,
        fetched: VecDeque<i64>,
    }

    proptest! {
        #[test]
        fn moves_lose_and_repeat_nothing(steps in prop::collection::vec((0u8..6, 0usize..8, 1u64..40), 1..400)) {
            let id = SlotId(1);
            let mut placement = Placement::new(Duration::from_secs(30));
            placement.add_consumer(Kind::Cold);
            placement.add_consumer(Kind::Hot);
            let mut consumers = [FakeConsumer::default(), FakeConsumer::default()];
            let mut actions = Vec::new();
            let mut now = Instant::now();
            let (mut log_end, mut seen) = (0i64, Vec::new());
            placement.on(Event::Add { slot: id, live: false }, now, &mut actions);
            for (what, which, n) in steps {
                let consumer = &mut consumers[which % 2];
                match what {
                    0 => log_end += n as i64,
                    1 => if let Some(position) = &mut consumer.position {
                        let end = log_end.min(*position + n as i64);
                        consumer.fetched.extend(*position..end);
                        *position = end;
                    },
                    2 | 3 => for _ in 0..n {
                        let Some(offset) = consumer.fetched.pop_front() else { break };
                        if consumer.slots.accept("t", 3, offset).is_some() {
                            seen.push(offset);
                            placement.on(Event::Data { slot: id }, now, &mut actions);
                        }
                    },
                    _ => {
                        now += Duration::from_secs(n);
                        placement.on(Event::Tick, now, &mut actions);
                    }
                }
                for action in actions.drain(..) {
                    match action {
                        Action::Assign { consumer, .. } => {
                            consumers[consumer].slots.insert(slot(1, 0));
                            consumers[consumer].position = Some(0);
                        }
                        Action::Move { from, to, .. } => {
                            let moved = consumers[from].slots.remove(id, "t").expect("held where it is moved from");
                            consumers[from].position = None;
                            // librdkafka marks what it had fetched as outdated once it is assigned anew.
                            consumers[to].fetched.clear();
                            consumers[to].position = Some(moved.next);
                            consumers[to].slots.insert(moved);
                        }
                        other => prop_assert!(false, "unexpected {other:?}"),
                    }
                }
            }
            prop_assert_eq!(&seen, &(0..seen.len() as i64).collect::<Vec<_>>());
        }
    }
}
