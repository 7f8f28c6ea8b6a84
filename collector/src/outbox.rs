//! How does one user's queue meet the producer? In order, at most so many records on their way, and nothing twice by itself.

use crate::clock::Clock;
use crate::clock_offset::OffsetEstimate;
use crate::queue::{Content, Dropped, Queue, Record};
use purple_sector_codec::{ClockOffset, Topic};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Records on their way at most; what lies behind them waits in the queue.
pub const MAX_IN_FLIGHT: usize = 256;
/// Pause after a refused record before everything from it on is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Where a user's records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Topic of the user.
    pub topic: Topic,
    /// Partition of the session.
    pub partition: i32,
    /// Key of every record: the session id.
    pub key: String,
}

/// What has happened to a user's records so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Samples and blocks that Kafka has acknowledged.
    pub n_samples: u64,
    /// See `n_samples`.
    pub n_blocks: u64,
    /// Bytes of acknowledged records of all kinds.
    pub n_bytes: u64,
    /// Samples dropped because the queue was full.
    pub n_dropped: u64,
    /// Samples that came too late to be taken.
    pub n_missed: u64,
    /// Records that Kafka will never take.
    pub n_refused: u64,
    /// Times that records were sent again from the first unacknowledged one.
    pub n_rewinds: u64,
    /// Values outside their channel's range, sent as its nearer end.
    pub n_saturated: u64,
}

impl Counts {
    /// The sums of both.
    pub fn plus(self, other: Self) -> Self {
        Self {
            n_samples: self.n_samples + other.n_samples,
            n_blocks: self.n_blocks + other.n_blocks,
            n_bytes: self.n_bytes + other.n_bytes,
            n_dropped: self.n_dropped + other.n_dropped,
            n_missed: self.n_missed + other.n_missed,
            n_refused: self.n_refused + other.n_refused,
            n_rewinds: self.n_rewinds + other.n_rewinds,
            n_saturated: self.n_saturated + other.n_saturated,
        }
    }
}

/// One user's queue, shared by the source's thread (which fills it) and the producer's (which empties it).
#[derive(Debug)]
pub struct Outbox {
    /// Where its records go.
    pub address: Address,
    clock: Clock,
    /// Whether the broker's clock is the driver's, as it runs on the same machine.
    shares_clock: bool,
    state: Mutex<State>,
}

/// How far the driver's clock here may be off the machine's, which a broker on it reads: it was read once, at the start.
const SHARED_CLOCK_UNCERTAINTY_US: u64 = 1_000;

#[derive(Debug)]
struct State {
    queue: Queue,
    /// Records sent by an earlier producer, or before a rewind, report under an older number and are ignored.
    generation: u64,
    failure: Option<Failure>,
    offset: OffsetEstimate,
    counts: Counts,
}

/// A record was refused: what is on its way comes in, then everything from it on is sent again.
#[derive(Debug, Clone, Copy)]
struct Failure {
    at: Instant,
    /// Reports that are still to come.
    n_to_come: usize,
    /// Kafka will never take the first undelivered record.
    hopeless: bool,
}

/// Comes back with a record's delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    position: u64,
    generation: u64,
    sent_us: u64,
}

/// How a record fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log; the broker's time of appending, Unix ms, where it tells.
    Delivered {
        /// See [`Outcome::Delivered`].
        appended_ms: Option<i64>,
    },
    /// It is not; another try may help.
    Failed,
    /// It is not, and never will be: too large, for instance.
    Refused,
}

impl Outbox {
    /// An empty outbox with room for about `max_bytes`.
    pub fn new(address: Address, clock: Clock, max_bytes: usize) -> Self {
        let state = State {
            queue: Queue::new(max_bytes),
            generation: 0,
            failure: None,
            offset: OffsetEstimate::default(),
            counts: Counts::default(),
        };
        Self { address, clock, shares_clock: false, state: Mutex::new(state) }
    }

    /// Says that the broker runs on this machine, so that its clock is known even where it does not tell its time.
    #[must_use]
    pub fn sharing_clock(self, shares_clock: bool) -> Self {
        Self { shares_clock, ..self }
    }

    /// Queues a record; never waits. Tells which samples had to go to make room.
    pub fn push(&self, record: Record) -> Option<Dropped> {
        let mut state = self.lock();
        let dropped = state.queue.push(record);
        if let Some(dropped) = dropped {
            state.counts.n_dropped += dropped.n_samples;
        }
        dropped
    }

    /// Sends with `send` as much as may be on its way. `send` gives false when the producer takes no more now.
    pub fn send_waiting(&self, mut send: impl FnMut(&Address, &[u8], Receipt) -> bool) {
        let mut state = self.lock();
        state.recover();
        while state.failure.is_none() && state.queue.n_in_flight() < MAX_IN_FLIGHT {
            let Some((position, record)) = state.queue.next_to_send() else { return };
            let receipt = Receipt { position, generation: state.generation, sent_us: self.clock.now_us() };
            if !send(&self.address, &record.bytes, receipt) {
                return;
            }
            state.queue.sent();
        }
    }

    /// Takes a delivery report.
    pub fn report(&self, receipt: Receipt, outcome: Outcome) {
        let mut state = self.lock();
        if receipt.generation != state.generation {
            return;
        }
        if let Some(failure) = &mut state.failure {
            failure.n_to_come = failure.n_to_come.saturating_sub(1);
        }
        match outcome {
            Outcome::Delivered { appended_ms } => {
                if let Some(appended_ms) = appended_ms {
                    state.offset.report(receipt.sent_us, self.clock.now_us(), appended_ms);
                }
                state.delivered(receipt.position);
            }
            Outcome::Failed | Outcome::Refused => {
                let n_to_come = state.queue.n_in_flight().saturating_sub(1);
                let first = state.failure.is_none();
                let failure =
                    state.failure.get_or_insert(Failure { at: Instant::now(), n_to_come, hopeless: false });
                failure.hopeless |= first && outcome == Outcome::Refused;
            }
        }
    }

    /// The producer is gone: its reports no longer count, and everything it had is sent again.
    pub fn restart(&self) {
        self.lock().rewind();
    }

    /// The estimate of the broker's clock against the driver's.
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        let shared = ClockOffset { offset_us: 0, uncertainty_us: SHARED_CLOCK_UNCERTAINTY_US };
        let measured = self.lock().offset.now(self.clock.now_us());
        measured.or(self.shares_clock.then_some(shared))
    }

    /// Counts samples that came too late to be taken.
    pub fn count_missed(&self, n_samples: u64) {
        self.lock().counts.n_missed += n_samples;
    }

    /// Takes over how many values the encoder has saturated so far.
    pub fn note_saturated(&self, n_saturated: u64) {
        self.lock().counts.n_saturated = n_saturated;
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Records that have not reached Kafka yet.
    pub fn n_waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// Whether records wait that are not on their way.
    pub fn has_unsent(&self) -> bool {
        self.lock().queue.next_to_send().is_some()
    }

    /// Whether the queue has so much that a source that can wait should.
    pub fn is_half_full(&self) -> bool {
        self.lock().queue.is_half_full()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn delivered(&mut self, position: u64) {
        let Some(record) = self.queue.in_flight(position) else { return };
        self.counts.n_bytes += record.bytes.len() as u64;
        if let Content::Block { n_samples, .. } = record.content {
            self.counts.n_blocks += 1;
            self.counts.n_samples += n_samples;
        }
        self.queue.delivered(position);
    }

    /// After a failure, once every report is in and the pause is over: goes back to the first undelivered record.
    fn recover(&mut self) {
        if let Some(failure) = self.failure
            && failure.n_to_come == 0
            && failure.at.elapsed() >= RETRY_AFTER
        {
            self.rewind();
            if failure.hopeless {
                self.queue.discard_first();
                self.counts.n_refused += 1;
            }
        }
    }

    fn rewind(&mut self) {
        self.failure = None;
        self.generation += 1;
        self.counts.n_rewinds += 1;
        self.queue.rewind();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use purple_sector_codec::UserId;
    use std::sync::Arc;

    fn outbox(n_records: u8) -> Outbox {
        let address =
            Address { topic: UserId::parse("alice").expect("valid").topic(), partition: 3, key: "s1".into() };
        let outbox = Outbox::new(address, Clock::start(), 1 << 20);
        for n in 0..n_records {
            let content = Content::Block { key: n == 0, n_samples: 2, from_us: 0, to_us: 0 };
            assert_eq!(outbox.push(Record { bytes: Arc::from([n].as_slice()), content }), None);
        }
        outbox
    }

    #[test]
    fn a_shared_clock_is_known_until_it_is_measured() {
        assert_eq!(outbox(0).clock_offset(), None);
        let outbox = outbox(1).sharing_clock(true);
        assert_eq!(outbox.clock_offset().map(|clock| clock.offset_us), Some(0));
        let (_, receipt) = send(&outbox)[0];
        let ahead_ms = i64::try_from(receipt.sent_us / 1_000).unwrap() + 5_000;
        outbox.report(receipt, Outcome::Delivered { appended_ms: Some(ahead_ms) });
        let measured = outbox.clock_offset().unwrap();
        assert!(measured.offset_us > 4_000_000, "what the broker says wins: {measured:?}");
    }

    fn send(outbox: &Outbox) -> Vec<(u8, Receipt)> {
        let mut sent = Vec::new();
        outbox.send_waiting(|_, bytes, receipt| {
            sent.push((bytes[0], receipt));
            true
        });
        sent
    }

    fn numbers(sent: &[(u8, Receipt)]) -> Vec<u8> {
        sent.iter().map(|(number, _)| *number).collect()
    }

    const DELIVERED: Outcome = Outcome::Delivered { appended_ms: None };

    #[test]
    fn sends_in_order_and_counts_what_is_acknowledged() {
        let outbox = outbox(3);
        let sent = send(&outbox);
        assert_eq!(numbers(&sent), [0, 1, 2]);
        sent.iter().for_each(|(_, receipt)| outbox.report(*receipt, DELIVERED));
        let counts = outbox.counts();
        assert_eq!((counts.n_blocks, counts.n_samples, counts.n_bytes), (3, 6, 3));
        assert_eq!(outbox.n_waiting(), 0);
    }

    #[test]
    fn a_failed_record_is_sent_again_with_all_behind_it_once_their_reports_are_in() {
        let outbox = outbox(4);
        let sent = send(&outbox);
        outbox.report(sent[0].1, DELIVERED);
        outbox.report(sent[1].1, Outcome::Failed);
        assert!(send(&outbox).is_empty(), "two reports are still to come");
        outbox.report(sent[2].1, Outcome::Failed);
        outbox.report(sent[3].1, DELIVERED);
        assert!(send(&outbox).is_empty(), "the pause is not over");
        std::thread::sleep(RETRY_AFTER);
        assert_eq!(numbers(&send(&outbox)), [1, 2, 3]);
    }

    #[test]
    fn reports_of_an_earlier_producer_are_ignored() {
        let outbox = outbox(2);
        let old = send(&outbox);
        outbox.restart();
        let new = send(&outbox);
        assert_eq!(numbers(&new), [0, 1]);
        outbox.report(old[0].1, DELIVERED);
        assert_eq!(outbox.n_waiting(), 2);
        outbox.report(new[0].1, DELIVERED);
        assert_eq!(outbox.n_waiting(), 1);
    }

    #[test]
    fn a_record_that_kafka_never_takes_does_not_block_the_others() {
        let outbox = outbox(2);
        let sent = send(&outbox);
        outbox.report(sent[0].1, Outcome::Refused);
        outbox.report(sent[1].1, DELIVERED);
        std::thread::sleep(RETRY_AFTER);
        assert_eq!(numbers(&send(&outbox)), [1]);
        assert_eq!(outbox.counts().n_refused, 1);
    }

    #[test]
    fn a_producer_that_takes_no_more_is_asked_again_later() {
        let outbox = outbox(2);
        outbox.send_waiting(|_, _, _| false);
        assert_eq!(numbers(&send(&outbox)), [0, 1]);
    }
}
