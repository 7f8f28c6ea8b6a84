//! A few consumers for the partitions of all feeds: who starts them, and who moves partitions between them?
//!
//! One thread takes commands and does what [`Placement`] says, one thing after the other, so that a partition is
//! always released before it is assigned again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use tracing::{debug, warn};

use super::consumer::Consumer;
use super::lookup::{Lookup, Partition};
use super::placement::{Action, Event, Kind, Placement, SlotId};
use super::slots::Slot;
use super::upkeep::Held;
use super::{FromKafka, KafkaError, Sink, client};
use crate::stats::Stats;

/// How many consumers there are, and how they read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSettings {
    /// A partition without a record for this long is idle.
    pub(crate) busy_for: Duration,
    /// How often idle ones are looked for.
    pub(crate) tick: Duration,
    pub(crate) n_cold: usize,
    /// How long a Fetch waits at the broker for a first record.
    pub(crate) cold_wait: Duration,
    pub(crate) hot_wait: Duration,
}

/// What a feed wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) partition: i32,
    pub(crate) from: i64,
    pub(crate) live: bool,
}

pub(crate) enum Command {
    Assign {
        topic: Arc<str>,
        sink: Sink,
        partitions: Vec<Wanted>,
    },
    /// Ends what was assigned for a topic in generations up to this one.
    Release {
        topic: Arc<str>,
        generation: u64,
    },
    /// A cold partition has records.
    Busy(SlotId),
    /// Kafka no longer has the position of some partition of this consumer.
    PositionLost {
        consumer: usize,
    },
    /// Asks for all partitions and positions.
    Held(Sender<Vec<Held>>),
    Stop,
}

/// The pool's thread and all it owns.
pub(crate) struct Pool {
    brokers: String,
    settings: PoolSettings,
    lookup: Arc<Lookup>,
    stats: Arc<Stats>,
    commands: Sender<Command>,
    placement: Placement,
    consumers: Vec<Arc<Consumer>>,
    threads: Vec<JoinHandle<()>>,
    /// Where a slot belongs; a topic's slots are few.
    topics: HashMap<Arc<str>, Vec<(SlotId, u64)>>,
    topic_of: HashMap<SlotId, Arc<str>>,
    last_slot: u64,
    /// Consumers that reported a lost position.
    lost: HashSet<usize>,
}

impl Pool {
    /// Starts the first consumers, all cold ones and one hot; more come when these are full.
    pub(crate) fn start(
        brokers: &str,
        settings: PoolSettings,
        lookup: Arc<Lookup>,
        stats: Arc<Stats>,
    ) -> Result<(Sender<Command>, JoinHandle<()>), KafkaError> {
        let (commands, received) = std::sync::mpsc::channel();
        let mut pool = Self {
            brokers: brokers.to_owned(),
            settings,
            lookup,
            stats,
            commands: commands.clone(),
            placement: Placement::new(settings.busy_for),
            consumers: Vec::new(),
            threads: Vec::new(),
            topics: HashMap::new(),
            topic_of: HashMap::new(),
            last_slot: 0,
            lost: HashSet::new(),
        };
        let kinds = std::iter::repeat_n(Kind::Cold, settings.n_cold).chain([Kind::Hot]);
        for kind in kinds {
            pool.start_consumer(kind)?;
            pool.placement.add_consumer(kind);
        }
        pool.publish_load();
        let thread = std::thread::Builder::new()
            .name("kafka-pool".into())
            .spawn(move || pool.run(&received))
            .map_err(KafkaError::Thread)?;
        Ok((commands, thread))
    }

    fn run(mut self, received: &Receiver<Command>) {
        let mut next_tick = Instant::now() + self.settings.tick;
        loop {
            let command = match received.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
            };
            if let Some(command) = command {
                self.obey(command);
            }
            if Instant::now() >= next_tick {
                self.tick();
                next_tick = Instant::now() + self.settings.tick;
            }
            self.publish_load();
        }
        for consumer in &self.consumers {
            consumer.stop();
        }
        for thread in self.threads {
            // A poll thread that panicked has said so; there is nothing left to do for it.
            let _ = thread.join();
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Assign { topic, sink, partitions } => self.add(&topic, &sink, partitions),
            Command::Release { topic, generation } => self.release(&topic, generation),
            Command::Busy(slot) => self.place(vec![Event::Data { slot }], HashMap::new()),
            // Several partitions of a topic lose theirs together: the next tick looks at all of them.
            Command::PositionLost { consumer } => {
                self.lost.insert(consumer);
            }
            Command::Held(reply) => {
                let held = self.consumers.iter().flat_map(|consumer| consumer.positions());
                // Who asked may have ended.
                let _ = reply.send(held.map(|(_, held)| held).collect());
            }
            Command::Stop => {}
        }
    }

    fn add(&mut self, topic: &Arc<str>, sink: &Sink, partitions: Vec<Wanted>) {
        let mut new = HashMap::new();
        let mut events = Vec::new();
        for wanted in partitions {
            self.last_slot += 1;
            let id = SlotId(self.last_slot);
            self.topics.entry(topic.clone()).or_default().push((id, sink.generation));
            self.topic_of.insert(id, topic.clone());
            events.push(Event::Add { slot: id, live: wanted.live });
            let slot = Slot {
                id,
                topic: topic.clone(),
                partition: wanted.partition,
                next: wanted.from,
                has_data: false,
                to: sink.clone(),
            };
            new.insert(id, slot);
        }
        self.place(events, new);
    }

    fn release(&mut self, topic: &Arc<str>, generation: u64) {
        let Some(slots) = self.topics.get_mut(topic) else { return };
        let ended: Vec<SlotId> = slots
            .extract_if(.., |(_, slot_generation)| *slot_generation <= generation)
            .map(|(id, _)| id)
            .collect();
        if slots.is_empty() {
            self.topics.remove(topic);
        }
        self.place(ended.iter().map(|slot| Event::Remove { slot: *slot }).collect(), HashMap::new());
        for slot in ended {
            self.topic_of.remove(&slot);
        }
    }

    fn tick(&mut self) {
        let busy = self.consumers.iter().flat_map(|consumer| consumer.busy());
        let events = busy.map(|slot| Event::Data { slot }).chain([Event::Tick]).collect();
        self.place(events, HashMap::new());
        self.check_positions();
    }

    /// Asks where to, and does it: all releases of one consumer in one call, then all its assignments in one call.
    fn place(&mut self, events: Vec<Event>, mut slots: HashMap<SlotId, Slot<Sink>>) {
        let now = Instant::now();
        let mut actions = Vec::new();
        for event in events {
            self.placement.on(event, now, &mut actions);
        }
        let mut releases: HashMap<usize, Vec<(SlotId, Arc<str>)>> = HashMap::new();
        let mut assignments: Vec<(usize, SlotId)> = Vec::new();
        for action in actions {
            match action {
                Action::Start { kind } => {
                    if let Err(error) = self.start_consumer(kind) {
                        warn!(%error, "cannot start one more consumer, using an existing one");
                        self.consumers.push(self.consumers[0].clone());
                    }
                }
                Action::Assign { slot, consumer } => assignments.push((consumer, slot)),
                Action::Move { slot, from, to } => {
                    self.stats.moves.add(1);
                    releases.entry(from).or_default().extend(self.named(slot));
                    assignments.push((to, slot));
                }
                Action::Release { slot, consumer } => {
                    releases.entry(consumer).or_default().extend(self.named(slot));
                }
            }
        }
        for (consumer, ids) in releases {
            slots.extend(self.consumers[consumer].release(&ids).into_iter().map(|slot| (slot.id, slot)));
        }
        let mut by_consumer: HashMap<usize, Vec<Slot<Sink>>> = HashMap::new();
        for (consumer, slot) in assignments {
            by_consumer.entry(consumer).or_default().extend(slots.remove(&slot));
        }
        for (consumer, mut assigned) in by_consumer {
            assigned.iter_mut().for_each(|slot| slot.has_data = false);
            self.consumers[consumer].assign(assigned);
        }
    }

    fn named(&self, slot: SlotId) -> Option<(SlotId, Arc<str>)> {
        self.topic_of.get(&slot).map(|topic| (slot, topic.clone()))
    }

    /// librdkafka says that a position is gone, but not of which partition: those that are out of range are told to
    /// their feeds, which start again; the others go on where they are, by a new assignment in case one is stuck.
    fn check_positions(&mut self) {
        for index in std::mem::take(&mut self.lost) {
            let consumer = self.consumers[index].clone();
            let positions = consumer.positions();
            let partitions: Vec<Partition> =
                positions.iter().map(|(_, held)| (held.topic.clone(), held.partition)).collect();
            let Ok(ranges) = self.lookup.ranges(&partitions) else {
                self.lost.insert(index);
                continue;
            };
            let mut again = Vec::new();
            for (id, Held { topic, partition, next, .. }) in positions {
                match ranges.get(&(topic.clone(), partition)) {
                    Some(range) if !range.contains(&next) => {
                        self.stats.positions_lost.add(1);
                        warn!(%topic, partition, next, ?range, "Kafka no longer has the next record");
                        self.tell_lost(&consumer, id, &topic, next, *range.start());
                    }
                    _ => again.push((id, topic)),
                }
            }
            let held = consumer.release(&again);
            debug!(consumer = index, n_partitions = held.len(), "assigning again after a lost position");
            consumer.assign(held);
        }
    }

    fn tell_lost(&self, consumer: &Consumer, id: SlotId, topic: &Arc<str>, next: i64, oldest: i64) {
        for slot in consumer.release(&[(id, topic.clone())]) {
            let partition = u16::try_from(slot.partition).unwrap_or_default();
            let lost =
                FromKafka::PositionLost { generation: slot.to.generation, partition, from: next, to: oldest };
            // A feed that ended has no use for it.
            let _ = slot.to.inbox.blocking_send(lost);
        }
    }

    fn start_consumer(&mut self, kind: Kind) -> Result<(), KafkaError> {
        let wait = if kind == Kind::Hot { self.settings.hot_wait } else { self.settings.cold_wait };
        let config: ClientConfig = client::consumer(&self.brokers, wait);
        let (consumer, thread) = Consumer::start(self.consumers.len(), kind, &config, self.commands.clone())?;
        self.consumers.push(consumer);
        self.threads.push(thread);
        Ok(())
    }

    fn publish_load(&self) {
        let (hot_partitions, hot_consumers) = self.placement.load(Kind::Hot);
        let (cold_partitions, cold_consumers) = self.placement.load(Kind::Cold);
        self.stats.hot_partitions.set(hot_partitions as u64);
        self.stats.hot_consumers.set(hot_consumers as u64);
        self.stats.cold_partitions.set(cold_partitions as u64);
        self.stats.cold_consumers.set(cold_consumers as u64);
    }
}
