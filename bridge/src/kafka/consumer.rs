//! One consumer of the pool: a librdkafka client and the thread that polls it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use tracing::{debug, warn};

use super::placement::{Kind, SlotId};
use super::pool::Command;
use super::slots::{Slot, Slots};
use super::upkeep::Held;
use super::{FromKafka, KafkaError as Error, Record, Sink, client};
use crate::feed::message;

/// How long one poll waits: only how fast a stop is noticed depends on it.
const POLL: Duration = Duration::from_millis(250);

/// The shortest wait for an answer that nobody waits for.
const NUDGE: Duration = Duration::from_millis(1);

/// A consumer and what it holds. Its thread polls always, whatever becomes of the records.
pub(crate) struct Consumer {
    index: usize,
    kind: Kind,
    client: BaseConsumer<client::Context>,
    /// Locked while a record goes to its feed, so that after a release not one more comes.
    slots: Mutex<Slots<Sink>>,
    pool: Sender<Command>,
    stop: AtomicBool,
}

impl Consumer {
    pub(crate) fn start(
        index: usize,
        kind: Kind,
        config: &rdkafka::ClientConfig,
        pool: Sender<Command>,
    ) -> Result<(Arc<Self>, JoinHandle<()>), Error> {
        let client = config.create_with_context(client::Context).map_err(Error::Client)?;
        let consumer = Arc::new(Self {
            index,
            kind,
            client,
            slots: Mutex::default(),
            pool,
            stop: AtomicBool::new(false),
        });
        let polled = consumer.clone();
        // librdkafka's poll blocks, so each consumer has a thread of its own.
        let thread = std::thread::Builder::new()
            .name(format!("kafka-{}-{index}", if kind == Kind::Hot { "hot" } else { "cold" }))
            .spawn(move || polled.run())
            .map_err(Error::Thread)?;
        Ok((consumer, thread))
    }

    /// Makes the thread end after its present poll.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Starts reading each slot's partition at exactly its next offset.
    pub(crate) fn assign(&self, slots: Vec<Slot<Sink>>) {
        let mut list = TopicPartitionList::with_capacity(slots.len());
        let mut new_topics = Vec::new();
        {
            let mut held = self.slots();
            for slot in slots {
                if let Err(error) =
                    list.add_partition_offset(&slot.topic, slot.partition, Offset::Offset(slot.next))
                {
                    warn!(topic = %slot.topic, partition = slot.partition, %error, "cannot assign a partition");
                    continue;
                }
                if !held.holds(&slot.topic) {
                    new_topics.push(slot.topic.clone());
                }
                held.insert(slot);
            }
        }
        if let Err(error) = self.client.incremental_assign(&list) {
            warn!(consumer = self.index, n_partitions = list.count(), %error, "cannot assign partitions");
        }
        for topic in new_topics {
            // By itself librdkafka asks for the leaders of a topic that is new to this client within a second. Asking
            // makes it do so now; the answer serves the assignment, and is not waited for here.
            let _ = self.client.fetch_metadata(Some(&topic), NUDGE);
        }
    }

    /// Stops reading; what comes back knows the offset to go on from, and no record of it comes after this.
    pub(crate) fn release(&self, ids: &[(SlotId, Arc<str>)]) -> Vec<Slot<Sink>> {
        let released: Vec<_> = {
            let mut held = self.slots();
            ids.iter().filter_map(|(id, topic)| held.remove(*id, topic)).collect()
        };
        if released.is_empty() {
            return released;
        }
        let mut list = TopicPartitionList::with_capacity(released.len());
        for slot in &released {
            list.add_partition(&slot.topic, slot.partition);
        }
        if let Err(error) = self.client.incremental_unassign(&list) {
            warn!(consumer = self.index, n_partitions = list.count(), %error, "cannot release partitions");
        }
        released
    }

    /// Slots that had records since the last call.
    pub(crate) fn busy(&self) -> Vec<SlotId> {
        let mut slots = self.slots();
        let busy = slots.iter_mut().filter_map(|slot| std::mem::take(&mut slot.has_data).then_some(slot.id));
        busy.collect()
    }

    /// Every partition held, with its next offset.
    pub(crate) fn positions(&self) -> Vec<(SlotId, Held)> {
        let mut slots = self.slots();
        let held = |slot: &mut Slot<Sink>| Held {
            topic: slot.topic.clone(),
            partition: slot.partition,
            next: slot.next,
            to: slot.to.clone(),
        };
        slots.iter_mut().map(|slot| (slot.id, held(slot))).collect()
    }

    fn run(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            match self.client.poll(POLL) {
                Some(Ok(record)) => self.deliver(&record),
                Some(Err(error)) => self.failed(&error),
                None => {}
            }
        }
    }

    fn deliver(&self, record: &BorrowedMessage<'_>) {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        let mut slots = self.slots();
        let Some(slot) = slots.accept(topic, partition, offset) else { return };
        if self.kind == Kind::Cold && !slot.has_data {
            // The pool's thread makes it hot. It is gone only while the bridge stops.
            let _ = self.pool.send(Command::Busy(slot.id));
        }
        slot.has_data = true;
        let (Ok(partition), Ok(offset)) = (u16::try_from(partition), u64::try_from(offset)) else { return };
        let broker_time_ms = record.timestamp().to_millis().map_or(0, |ms| ms.max(0) as u64);
        let payload = record.payload().unwrap_or_default();
        let record = Record {
            generation: slot.to.generation,
            topic: slot.topic.clone(),
            partition,
            offset,
            broker_time_ms,
            message: message::live(partition, offset, broker_time_ms, payload),
            record_len: payload.len(),
        };
        // Waits only while the feed's task, which itself never waits, has not come to run; a feed that ended is gone.
        let _ = slot.to.inbox.blocking_send(FromKafka::Record(record));
    }

    fn failed(&self, error: &KafkaError) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let _ = self.pool.send(Command::PositionLost { consumer: self.index });
            }
            _ => debug!(consumer = self.index, %error, "consumer reports an error"),
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots<Sink>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
