//! What waits for one viewer, and what is left out when that viewer is too slow?
//!
//! The feed pushes, the viewer's socket task pops. A full queue never makes the feed wait: the viewer skips ahead to
//! the newest key block of each stream, and a gap message takes the place of missing blocks.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use purple_sector_kafka::TopicId;
use tokio::sync::Notify;

use super::message;
use super::stream::MAX_STREAMS;
use crate::stats::Counter;

/// What may wait for a viewer however much waits for all: a snapshot of a usual stream.
const FAIR_SHARE_BYTES: usize = 64 * 1024;
/// Room that an empty queue keeps.
const KEPT_ITEMS: usize = 16;

/// Names a stream within its feed; never used again for another stream of that feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamNo(pub(crate) u32);

/// What a message means for skipping ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A key block: a viewer may go on from here.
    Key(StreamNo),
    /// A block that can be decoded only after the one before it.
    Block(StreamNo),
    /// Schema, facts, event, end, gap or state: complete in itself, rare and small.
    Aside,
}

/// One encoded message for viewers; copies share the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) bytes: Bytes,
    /// Partition of the record inside, for the gap message; 0 for messages without one.
    pub(crate) partition: u16,
    pub(crate) role: Role,
    /// Part of what a joining viewer gets at once: it does not count as a block that waits.
    pub(crate) snapshot: bool,
}

impl Item {
    /// A message that is not a record.
    pub(crate) fn aside(bytes: Bytes) -> Self {
        Self { bytes, partition: 0, role: Role::Aside, snapshot: false }
    }
}

/// How much may wait for one viewer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    pub(crate) blocks: usize,
    pub(crate) bytes: usize,
}

/// What waits for all viewers together.
#[derive(Debug)]
pub(crate) struct QueueBudget {
    used: Arc<Counter>,
    limit: u64,
}

impl QueueBudget {
    /// A budget of `limit` bytes; `used` shows how many wait. Viewers share messages, so less memory may be in use.
    pub(crate) fn new(used: Arc<Counter>, limit: u64) -> Arc<Self> {
        Arc::new(Self { used, limit })
    }

    fn is_exceeded(&self) -> bool {
        self.used.get() > self.limit
    }
}

/// Why a viewer's messages end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Closed {
    /// The user's topic does not exist and the bridge may not create it.
    #[error("the topic does not exist, and KAFKA_AUTO_CREATE_TOPICS is off")]
    NoTopic,
    /// Kafka does not let the reader read the topic.
    #[error("Kafka refuses this topic")]
    Refused,
    /// Kafka does not let the viewer's token in.
    #[error("Kafka refuses this token")]
    TokenRefused,
    /// Kafka does not let the bridge in.
    #[error("Kafka refuses the bridge's own log-in; the bridge's log says why")]
    BridgeRefused,
    /// The user's topic does not exist, and Kafka does not create it with the bridge's settings.
    #[error("the topic cannot be created; the bridge's log says why")]
    CannotMakeTopic,
    /// The feed broke down; the next attempt gets a new one.
    #[error("the feed broke down; connect again")]
    Broken,
    /// The bridge is stopping.
    #[error("the bridge is stopping")]
    Stopping,
}

/// A bounded queue between one feed and one viewer.
pub(crate) struct ViewerQueue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

impl ViewerQueue {
    pub(crate) fn new(limits: QueueLimits, budget: Arc<QueueBudget>) -> Self {
        Self { waiting: Mutex::new(Waiting::new(limits, budget)), changed: Notify::new() }
    }

    /// Which topic this is, as far as the feed knows it.
    pub(crate) fn topic_id(&self) -> TopicId {
        self.lock().topic_id
    }

    pub(crate) fn set_topic_id(&self, id: TopicId) {
        self.lock().topic_id = id;
    }

    /// Adds one message; returns how many blocks the viewer misses because of it.
    pub(crate) fn push(&self, item: Item) -> usize {
        let n_skipped = self.lock().push(item);
        self.changed.notify_one();
        n_skipped
    }

    /// Ends the queue: the viewer still gets what waits, then the reason.
    pub(crate) fn close(&self, reason: Closed) {
        self.lock().closed = Some(reason);
        self.changed.notify_one();
    }

    /// The next message, as soon as there is one.
    pub(crate) async fn pop(&self) -> Result<Bytes, Closed> {
        loop {
            let changed = self.changed.notified();
            if let Some(next) = self.take() {
                return next;
            }
            changed.await;
        }
    }

    /// The next message if one waits.
    pub(crate) fn take(&self) -> Option<Result<Bytes, Closed>> {
        let mut waiting = self.lock();
        match waiting.pop() {
            Some(item) => Some(Ok(item.bytes)),
            None => waiting.closed.map(Err),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held, and a poisoned queue would still be consistent.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue's contents and rules, without the waiting.
struct Waiting {
    limits: QueueLimits,
    budget: Arc<QueueBudget>,
    topic_id: TopicId,
    items: VecDeque<Item>,
    n_blocks: usize,
    n_bytes: usize,
    /// Streams without a key block to go on from, and how many of their blocks were left out so far.
    needs_key: HashMap<StreamNo, usize>,
    closed: Option<Closed>,
}

impl Waiting {
    fn new(limits: QueueLimits, budget: Arc<QueueBudget>) -> Self {
        Self {
            limits,
            budget,
            topic_id: TopicId::default(),
            items: VecDeque::new(),
            n_blocks: 0,
            n_bytes: 0,
            needs_key: HashMap::new(),
            closed: None,
        }
    }

    fn push(&mut self, item: Item) -> usize {
        match item.role {
            Role::Block(stream) => {
                if let Some(n_left_out) = self.needs_key.get_mut(&stream) {
                    *n_left_out += 1;
                    return 1;
                }
            }
            Role::Key(stream) => {
                if let Some(n_left_out) = self.needs_key.remove(&stream) {
                    self.append(gap(item.partition, n_left_out));
                }
            }
            Role::Aside => {}
        }
        self.append(item);
        // Beyond the total, those that have more than their share waiting make room.
        let has_too_much = self.n_bytes > FAIR_SHARE_BYTES && self.budget.is_exceeded();
        if self.n_blocks > self.limits.blocks || self.n_bytes > self.limits.bytes || has_too_much {
            return self.skip_ahead();
        }
        0
    }

    fn append(&mut self, item: Item) {
        self.count(&item, 1);
        self.items.push_back(item);
    }

    fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.count(&item, -1);
        if self.items.is_empty() && self.items.capacity() > KEPT_ITEMS {
            self.items = VecDeque::new();
        }
        Some(item)
    }

    fn count(&mut self, item: &Item, sign: isize) {
        let is_block = item.role != Role::Aside && !item.snapshot;
        self.n_blocks = self.n_blocks.saturating_add_signed(sign * isize::from(is_block));
        self.n_bytes = self.n_bytes.saturating_add_signed(sign * item.bytes.len() as isize);
        if sign > 0 {
            self.budget.used.add(item.bytes.len() as u64);
        } else {
            self.budget.used.sub(item.bytes.len() as u64);
        }
    }

    /// Leaves out what comes before the newest key block of each stream. Where that frees less than half, which
    /// would soon happen again, everything up to the next key block is left out as well.
    fn skip_ahead(&mut self) -> usize {
        let mut newest_key = HashMap::new();
        for (i, item) in self.items.iter().enumerate() {
            if let Role::Key(stream) = item.role {
                newest_key.insert(stream, i);
            }
        }
        let mut n_skipped = self.keep_from(&newest_key);
        if self.n_blocks > self.limits.blocks / 2 || self.n_bytes > self.limits.bytes / 2 {
            n_skipped += self.keep_from(&HashMap::new());
        }
        // Asides alone fill a queue only if the source sends nothing else; the oldest go.
        while self.n_bytes > self.limits.bytes && self.pop().is_some() {}
        n_skipped
    }

    /// Drops every block that is older than its stream's entry in `first_kept`; streams without an entry need a key.
    fn keep_from(&mut self, first_kept: &HashMap<StreamNo, usize>) -> usize {
        let mut kept = VecDeque::with_capacity(self.items.len());
        let mut left_out: HashMap<StreamNo, usize> = HashMap::new();
        for (i, item) in std::mem::take(&mut self.items).into_iter().enumerate() {
            let (Role::Key(stream) | Role::Block(stream)) = item.role else {
                kept.push_back(item);
                continue;
            };
            match first_kept.get(&stream) {
                Some(&first) if i >= first => {
                    if i == first
                        && let Some(n) = left_out.remove(&stream)
                    {
                        kept.push_back(gap(item.partition, n));
                    }
                    kept.push_back(item);
                }
                _ => *left_out.entry(stream).or_default() += 1,
            }
        }
        let n_before = self.n_blocks;
        self.budget.used.sub(self.n_bytes as u64);
        (self.n_blocks, self.n_bytes) = (0, 0);
        for item in kept {
            self.append(item);
        }
        for (stream, n) in left_out {
            *self.needs_key.entry(stream).or_default() += n;
        }
        // A feed has a limited number of streams; the stream of what is older is gone and never gets a key block.
        while self.needs_key.len() > MAX_STREAMS {
            let Some(oldest) = self.needs_key.keys().min().copied() else { break };
            self.needs_key.remove(&oldest);
        }
        n_before - self.n_blocks
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.budget.used.sub(self.n_bytes as u64);
    }
}

fn gap(partition: u16, n_blocks: usize) -> Item {
    Item { bytes: message::skipped_ahead(partition, n_blocks), partition, role: Role::Aside, snapshot: false }
}

#[cfg(test)]
mod tests {
    use purple_sector_codec::bridge_protocol::{GapReason, ServerMessage};

    use super::*;

    const A: StreamNo = StreamNo(1);
    const B: StreamNo = StreamNo(2);

    fn budget() -> Arc<QueueBudget> {
        QueueBudget::new(Arc::default(), 1 << 30)
    }

    fn item(role: Role, n: u8) -> Item {
        Item { bytes: Bytes::from(vec![n]), partition: 7, role, snapshot: false }
    }

    fn key(stream: StreamNo, n: u8) -> Item {
        item(Role::Key(stream), n)
    }

    fn block(stream: StreamNo, n: u8) -> Item {
        item(Role::Block(stream), n)
    }

    /// Pushes the items into a queue for `limit` blocks; what a viewer then reads: numbers, and `-n` for a gap of n.
    #[track_caller]
    fn check(limit: usize, items: &[Item], expected: &[i64]) -> usize {
        let mut waiting = Waiting::new(QueueLimits { blocks: limit, bytes: 1 << 20 }, budget());
        let n_skipped = items.iter().map(|item| waiting.push(item.clone())).sum();
        let read: Vec<i64> = std::iter::from_fn(|| waiting.pop())
            .map(|item| match item.bytes.as_ref() {
                [n] => i64::from(*n),
                bytes => match ServerMessage::parse(bytes) {
                    Ok(ServerMessage::Gap { partition: 7, reason: GapReason::Slow, n_records, .. }) => {
                        -(n_records as i64)
                    }
                    other => panic!("expected a gap, found {other:?}"),
                },
            })
            .collect();
        assert_eq!(read, expected);
        assert_eq!((waiting.n_blocks, waiting.n_bytes), (0, 0));
        n_skipped
    }

    #[test]
    fn a_queue_that_just_fits_keeps_everything() {
        let items = [key(A, 0), block(A, 1), block(A, 2), key(A, 3)];
        assert_eq!(check(4, &items, &[0, 1, 2, 3]), 0);
    }

    #[test]
    fn one_block_too_many_skips_to_the_newest_key() {
        let items = [key(A, 0), block(A, 1), block(A, 2), key(A, 3), block(A, 4)];
        assert_eq!(check(4, &items, &[-3, 3, 4]), 3);
    }

    #[test]
    fn without_a_newer_key_everything_waits_for_the_next_one() {
        let items = [key(A, 0), block(A, 1), block(A, 2), block(A, 3), block(A, 4), key(A, 5), block(A, 6)];
        assert_eq!(check(3, &items, &[-5, 5, 6]), 5);
    }

    #[test]
    fn each_stream_skips_to_its_own_newest_key() {
        let items = [key(A, 0), key(B, 1), block(A, 2), key(A, 3), block(B, 4), block(A, 5), key(B, 6)];
        assert_eq!(check(6, &items, &[-2, 3, 5, -2, 6]), 4);
    }

    #[test]
    fn asides_are_kept_when_blocks_are_skipped() {
        let items = [item(Role::Aside, 9), key(A, 0), block(A, 1), item(Role::Aside, 8), key(A, 2)];
        assert_eq!(check(2, &items, &[9, 8, -2, 2]), 2);
    }

    #[test]
    fn a_snapshot_does_not_count_as_waiting_blocks() {
        let snapshot = |mut item: Item| {
            item.snapshot = true;
            item
        };
        let items = [snapshot(key(A, 0)), snapshot(block(A, 1)), snapshot(block(A, 2)), block(A, 3)];
        assert_eq!(check(1, &items, &[0, 1, 2, 3]), 0);
    }

    #[test]
    fn bytes_are_bounded_even_when_blocks_are_few() {
        let mut waiting = Waiting::new(QueueLimits { blocks: 100, bytes: 1000 }, budget());
        let big = |role| Item { bytes: Bytes::from(vec![0; 400]), partition: 0, role, snapshot: true };
        waiting.push(big(Role::Key(A)));
        waiting.push(big(Role::Block(A)));
        waiting.push(big(Role::Block(A)));
        assert!(waiting.n_bytes <= 1000);
        for _ in 0..10 {
            waiting.push(big(Role::Aside));
        }
        assert!(waiting.n_bytes <= 1000);
    }

    #[test]
    fn beyond_the_total_those_with_more_than_their_share_skip_ahead() {
        let used: Arc<Counter> = Arc::default();
        let budget = QueueBudget::new(used.clone(), 300_000);
        let queue = || Waiting::new(QueueLimits { blocks: 1000, bytes: 1 << 20 }, budget.clone());
        let big = |role| Item { bytes: Bytes::from(vec![0; 20_000]), partition: 0, role, snapshot: false };
        let (mut slow, mut fast) = (queue(), queue());
        slow.push(big(Role::Key(A)));
        let n_skipped: usize = (0..30).map(|_| slow.push(big(Role::Block(A)))).sum();
        assert!(n_skipped > 0 && used.get() <= 300_000, "{n_skipped} skipped, {} bytes", used.get());
        // One that reads is left alone whatever the others do.
        used.add(300_000);
        assert_eq!(fast.push(big(Role::Key(A))) + fast.push(big(Role::Block(A))), 0);
        used.sub(300_000);
        drop((slow, fast));
        assert_eq!(used.get(), 0, "nothing stays behind");
    }

    #[test]
    fn streams_that_are_gone_are_forgotten() {
        let mut waiting = Waiting::new(QueueLimits { blocks: 1, bytes: 1 << 20 }, budget());
        for n in 0..1000 {
            waiting.push(key(StreamNo(n), 0));
            waiting.push(block(StreamNo(n), 1));
        }
        assert!(waiting.needs_key.len() <= MAX_STREAMS);
    }

    #[tokio::test]
    async fn a_closed_queue_gives_what_waits_and_then_the_reason() {
        let queue = ViewerQueue::new(QueueLimits { blocks: 4, bytes: 1000 }, budget());
        queue.push(key(A, 1));
        queue.close(Closed::Stopping);
        assert_eq!(queue.pop().await, Ok(Bytes::from_static(&[1])));
        assert_eq!(queue.pop().await, Err(Closed::Stopping));
    }
}
