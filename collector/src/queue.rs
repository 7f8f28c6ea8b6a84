//! Which records still have to reach Kafka, and in which order?
//!
//! One FIFO per user. A record leaves it on its delivery report and not before; what was sent but not reported can be
//! sent again ([`Queue::rewind`]), so the log can only repeat a contiguous run. The queue is bounded: when it is full the
//! oldest records that are not on their way are dropped up to the next key block, and counted.
//! It lives in memory.

use std::collections::VecDeque;
use std::sync::Arc;

/// What a record is to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Samples: a key block or one that follows it.
    Block {
        /// Whether it can be decoded on its own.
        key: bool,
        /// How many samples it holds.
        n_samples: u64,
        /// Times of its first and last sample, Unix µs.
        from_us: u64,
        /// See `from_us`.
        to_us: u64,
    },
    /// Schema, facts, an event, or the end.
    Other,
}

/// One encoded record, ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The bytes that go to Kafka.
    pub bytes: Arc<[u8]>,
    /// What they are.
    pub content: Content,
}

/// Samples that will not reach Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// How many samples, in how many blocks.
    pub n_samples: u64,
    /// See `n_samples`.
    pub n_blocks: u64,
    /// Times of the first and last of them, Unix µs.
    pub from_us: u64,
    /// See `from_us`.
    pub to_us: u64,
}

impl Dropped {
    /// The samples of a record, if it holds any.
    pub fn of(content: Content) -> Option<Self> {
        match content {
            Content::Block { n_samples, from_us, to_us, .. } => {
                Some(Self { n_samples, n_blocks: 1, from_us, to_us })
            }
            Content::Other => None,
        }
    }

    /// Both together.
    pub fn join(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        Some(Self {
            n_samples: one.n_samples + other.n_samples,
            n_blocks: one.n_blocks + other.n_blocks,
            from_us: one.from_us.min(other.from_us),
            to_us: one.to_us.max(other.to_us),
        })
    }
}

/// A bounded FIFO of records.
#[derive(Debug)]
pub struct Queue {
    entries: VecDeque<Entry>,
    /// Position of the first entry; positions number the records in the order in which they are sent.
    first: u64,
    /// Position of the next record to send.
    next: u64,
    n_in_flight: usize,
    n_bytes: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    delivered: bool,
}

/// What an entry costs besides its bytes.
const ENTRY_BYTES: usize = size_of::<Entry>() + 32;

impl Queue {
    /// An empty queue that holds about `max_bytes` bytes.
    pub fn new(max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), first: 0, next: 0, n_in_flight: 0, n_bytes: 0, max_bytes }
    }

    /// Appends a record; returns what was dropped to make room for it.
    pub fn push(&mut self, record: Record) -> Option<Dropped> {
        self.n_bytes += record.bytes.len() + ENTRY_BYTES;
        self.entries.push_back(Entry { record, delivered: false });
        if self.n_bytes > self.max_bytes { self.drop_oldest() } else { None }
    }

    /// The next record to send and its position, if there is one.
    pub fn next_to_send(&self) -> Option<(u64, &Record)> {
        let entry = self.entries.get((self.next - self.first) as usize)?;
        Some((self.next, &entry.record))
    }

    /// Marks the record that [`Queue::next_to_send`] gave as on its way.
    pub fn mark_sent(&mut self) {
        self.next += 1;
        self.n_in_flight += 1;
    }

    /// The record at `position`, if it is on its way.
    pub fn in_flight(&self, position: u64) -> Option<&Record> {
        if position >= self.next {
            return None;
        }
        let entry = self.entries.get(position.checked_sub(self.first)? as usize)?;
        (!entry.delivered).then_some(&entry.record)
    }

    /// Marks the record at `position` as delivered. Positions that are unknown or not on their way are ignored.
    pub fn mark_delivered(&mut self, position: u64) {
        if position < self.first || position >= self.next {
            return;
        }
        let Some(entry) = self.entries.get_mut((position - self.first) as usize) else { return };
        if std::mem::replace(&mut entry.delivered, true) {
            return;
        }
        self.n_in_flight -= 1;
        while self.entries.front().is_some_and(|entry| entry.delivered) {
            self.remove_first();
        }
    }

    /// Marks everything that is not delivered as unsent, from the oldest on.
    pub fn rewind(&mut self) {
        self.next = self.first;
        self.n_in_flight = 0;
        self.entries.iter_mut().for_each(|entry| entry.delivered = false);
    }

    /// Gives up the record at `position`, which Kafka will never take, if it is not on its way. Those behind it move up.
    pub fn remove_unsent(&mut self, position: u64) -> Option<Record> {
        if position < self.next {
            return None;
        }
        let entry = self.entries.remove(position.checked_sub(self.first)? as usize)?;
        self.n_bytes -= entry.record.bytes.len() + ENTRY_BYTES;
        Some(entry.record)
    }

    /// Position of the oldest record that has not reached Kafka, or of the next one where there is none.
    pub fn first_position(&self) -> u64 {
        self.first
    }

    /// Records waiting or on their way.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Records on their way.
    pub fn n_in_flight(&self) -> usize {
        self.n_in_flight
    }

    /// Whether at least half of the room is taken: time for a source that can wait to wait.
    pub fn is_half_full(&self) -> bool {
        self.n_bytes * 2 > self.max_bytes
    }

    fn remove_first(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.n_bytes -= entry.record.bytes.len() + ENTRY_BYTES;
            self.first += 1;
        }
    }

    /// Drops the oldest records that are not on their way, up to the next key block; at least one block goes, and the
    /// newest record stays.
    fn drop_oldest(&mut self) -> Option<Dropped> {
        let start = (self.next - self.first) as usize;
        let waiting = self.entries.len().saturating_sub(1);
        let is_key = |entry: &Entry| matches!(entry.record.content, Content::Block { key: true, .. });
        let mut end = start;
        let mut over = self.n_bytes - self.max_bytes;
        let mut seen_block = false;
        // Schema and facts go with what follows them: they are repeated soon.
        while end < waiting && (over > 0 || !seen_block || !is_key(&self.entries[end])) {
            seen_block |= matches!(self.entries[end].record.content, Content::Block { .. });
            over = over.saturating_sub(self.entries[end].record.bytes.len() + ENTRY_BYTES);
            end += 1;
        }
        let mut dropped: Option<Dropped> = None;
        for entry in self.entries.drain(start..end) {
            self.n_bytes -= entry.record.bytes.len() + ENTRY_BYTES;
            dropped = Dropped::join(dropped, Dropped::of(entry.record.content));
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(n: u64, key: bool) -> Record {
        let content = Content::Block { key, n_samples: 2, from_us: n * 10, to_us: n * 10 + 5 };
        Record { bytes: Arc::from(n.to_be_bytes().as_slice()), content }
    }

    /// GOPs of four blocks; numbers are the blocks' bytes.
    fn filled(n_blocks: u64, max_records: usize) -> (Queue, Vec<Dropped>) {
        let mut queue = Queue::new(max_records * (8 + ENTRY_BYTES));
        let dropped = (0..n_blocks).filter_map(|n| queue.push(block(n, n % 4 == 0))).collect();
        (queue, dropped)
    }

    fn send_all(queue: &mut Queue) -> Vec<u64> {
        let mut sent = Vec::new();
        while let Some((_, record)) = queue.next_to_send() {
            sent.push(u64::from_be_bytes(record.bytes.as_ref().try_into().expect("8 bytes")));
            queue.mark_sent();
        }
        sent
    }

    #[test]
    fn records_leave_in_order_and_only_when_delivered() {
        let (mut queue, _) = filled(3, 10);
        assert_eq!(send_all(&mut queue), [0, 1, 2]);
        assert_eq!((queue.len(), queue.n_in_flight()), (3, 3));
        queue.mark_delivered(1);
        assert_eq!((queue.len(), queue.n_in_flight()), (3, 2));
        queue.mark_delivered(0);
        assert_eq!((queue.len(), queue.n_in_flight()), (1, 1));
        queue.mark_delivered(0);
        queue.mark_delivered(7);
        queue.mark_delivered(2);
        assert!(queue.is_empty());
        assert_eq!(queue.n_in_flight(), 0);
    }

    #[test]
    fn rewind_repeats_a_contiguous_run() {
        let (mut queue, _) = filled(5, 10);
        send_all(&mut queue);
        queue.mark_delivered(0);
        queue.mark_delivered(2);
        queue.rewind();
        assert_eq!(send_all(&mut queue), [1, 2, 3, 4]);
    }

    #[test]
    fn a_full_queue_keeps_everything_one_more_drops_the_oldest_gop() {
        assert_eq!(filled(8, 8).1, []);
        let (mut queue, dropped) = filled(9, 8);
        assert_eq!(dropped, [Dropped { n_samples: 8, n_blocks: 4, from_us: 0, to_us: 35 }]);
        assert_eq!(send_all(&mut queue), [4, 5, 6, 7, 8]);
    }

    #[test]
    fn what_is_on_its_way_is_never_dropped() {
        let (mut queue, _) = filled(8, 8);
        for _ in 0..2 {
            queue.mark_sent();
        }
        let dropped = queue.push(block(8, true)).expect("full");
        assert_eq!((dropped.n_blocks, dropped.from_us), (2, 20));
        assert_eq!(send_all(&mut queue), [4, 5, 6, 7, 8]);
        (0..7).for_each(|position| queue.mark_delivered(position));
        assert!(queue.is_empty());
    }

    #[test]
    fn schema_and_facts_go_with_the_gop_behind_them() {
        let mut queue = Queue::new(4 * (8 + ENTRY_BYTES));
        let other = Record { bytes: Arc::from([0_u8; 8].as_slice()), content: Content::Other };
        queue.push(other);
        (0..3).for_each(|n| assert_eq!(queue.push(block(n, n == 0)), None));
        let dropped = queue.push(block(3, true)).expect("full");
        assert_eq!(dropped.n_blocks, 3);
        assert_eq!(send_all(&mut queue), [3]);
    }

    #[test]
    fn a_record_that_kafka_never_takes_can_be_given_up() {
        let (mut queue, _) = filled(4, 10);
        send_all(&mut queue);
        assert_eq!(queue.remove_unsent(2), None, "it is on its way");
        queue.mark_delivered(0);
        queue.rewind();
        assert_eq!(queue.remove_unsent(2), Some(block(2, false)));
        assert_eq!(queue.remove_unsent(9), None);
        assert_eq!(send_all(&mut queue), [1, 3]);
        (1..3).for_each(|position| queue.mark_delivered(position));
        assert!(queue.is_empty());
    }
}
