//! What do the source's thread and the producer's share of one user? Its outbox, and where its records go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use purple_sector_codec::{ClockOffset, SessionId, Topic, partition_for};

use crate::clock::Clock;
use crate::outbox::{Counts, Note, Outbox, Outcome, Receipt, Sent};
use crate::queue::{Dropped, Record};

/// Where a record goes.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// Topic of the user.
    pub topic: &'a Topic,
    /// Partition of the session.
    pub partition: i32,
    /// Key of every record: the session id.
    pub key: &'a str,
}

/// One user's way to Kafka: the source's thread fills it, the producer's empties it.
#[derive(Debug)]
pub struct Lane {
    topic: Topic,
    session: SessionId,
    key: String,
    clock: Clock,
    state: Mutex<State>,
    /// The stream has to begin again for readers who start here.
    begins_again: AtomicBool,
}

#[derive(Debug)]
struct State {
    n_partitions: u32,
    partition: u32,
    outbox: Outbox,
    trouble: Option<Trouble>,
}

/// Why nothing of a lane reaches Kafka although Kafka is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The topic no longer exists.
    NoTopic,
    /// Kafka does not let this user see the topic.
    Refused,
}

impl Lane {
    /// A lane to the partition of `session` in a topic of `n_partitions`.
    pub fn new(topic: Topic, session: SessionId, n_partitions: u32, clock: Clock, outbox: Outbox) -> Self {
        let partition = partition_for(&session, n_partitions);
        Self {
            topic,
            session,
            key: session.to_string(),
            clock,
            state: Mutex::new(State { n_partitions, partition, outbox, trouble: None }),
            begins_again: AtomicBool::new(false),
        }
    }

    /// The user's topic.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The session's partition.
    pub fn partition(&self) -> u32 {
        self.lock().partition
    }

    /// Partitions of the topic, as far as is known.
    pub fn n_partitions(&self) -> u32 {
        self.lock().n_partitions
    }

    /// Takes over the topic's new number of partitions. Partitions that were added change nothing: the session stays
    /// where it began, so that its records stay in order.
    pub fn set_partitions(&self, n_partitions: u32) {
        self.lock().n_partitions = n_partitions;
    }

    /// Moves to a topic that was created again: the session gets its partition there, and the stream begins again.
    pub fn move_to_new_topic(&self, n_partitions: u32) {
        let mut state = self.lock();
        state.n_partitions = n_partitions;
        state.partition = partition_for(&self.session, n_partitions);
        self.begins_again.store(true, Ordering::Relaxed);
    }

    /// Whether the stream has to begin again with its schema, facts and a key block; asked once, answered once.
    pub fn take_begins_again(&self) -> bool {
        self.begins_again.load(Ordering::Relaxed) && self.begins_again.swap(false, Ordering::Relaxed)
    }

    /// What holds the records up now.
    pub fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble
    }

    /// Takes over what holds the records up; true if that is news.
    pub fn set_trouble(&self, trouble: Option<Trouble>) -> bool {
        std::mem::replace(&mut self.lock().trouble, trouble) != trouble
    }

    /// As [`Outbox::push`].
    pub fn push(&self, record: Record) -> Option<Dropped> {
        self.lock().outbox.push(record)
    }

    /// As [`Outbox::send_waiting`].
    pub fn send_waiting(&self, mut send: impl FnMut(Address<'_>, &[u8], Receipt) -> Sent) {
        let mut state = self.lock();
        let address = Address { topic: &self.topic, partition: state.partition as i32, key: &self.key };
        state.outbox.send_waiting(self.clock.now_us(), |bytes, receipt| send(address, bytes, receipt));
    }

    /// As [`Outbox::report`].
    pub fn report(&self, receipt: Receipt, outcome: Outcome) -> Option<Note> {
        self.lock().outbox.report(receipt, outcome, self.clock.now_us())
    }

    /// As [`Outbox::restart`].
    pub fn restart(&self) {
        self.lock().outbox.restart();
    }

    /// As [`Outbox::clock_offset`].
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.lock().outbox.clock_offset(self.clock.now_us())
    }

    /// As [`Outbox::count_missed`].
    pub fn count_missed(&self, n_samples: u64) {
        self.lock().outbox.count_missed(n_samples);
    }

    /// As [`Outbox::set_saturated`].
    pub fn set_saturated(&self, n_saturated: u64) {
        self.lock().outbox.set_saturated(n_saturated);
    }

    /// As [`Outbox::counts`].
    pub fn counts(&self) -> Counts {
        self.lock().outbox.counts()
    }

    /// As [`Outbox::n_waiting`].
    pub fn n_waiting(&self) -> usize {
        self.lock().outbox.n_waiting()
    }

    /// As [`Outbox::has_unsent`].
    pub fn has_unsent(&self) -> bool {
        self.lock().outbox.has_unsent()
    }

    /// As [`Outbox::is_half_full`].
    pub fn is_half_full(&self) -> bool {
        self.lock().outbox.is_half_full()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use purple_sector_codec::UserId;

    use super::*;

    #[test]
    fn a_session_stays_in_its_partition_while_that_exists() {
        let topic = UserId::parse("alice").expect("valid").topic();
        let session = SessionId::parse("s1").expect("valid");
        let lane = Lane::new(topic, session, 10, Clock::start(), Outbox::new(1 << 20, false));
        let first = lane.partition();
        lane.set_partitions(20);
        assert_eq!((lane.partition(), lane.n_partitions()), (first, 20));
        assert!(!lane.take_begins_again());
        lane.move_to_new_topic(20);
        assert_eq!(lane.partition(), partition_for(&session, 20));
        assert!(lane.take_begins_again() && !lane.take_begins_again());
    }
}
