//! Which records may be sent now, and what follows from how they were delivered? In order, with a limit on how many are
//! on their way, and none twice unless Kafka asks for it.
//!
//! A pure state machine: records, delivery reports and the time go in; what to send, and what is worth reporting, comes out.

use purple_sector_codec::ClockOffset;

use crate::clock_offset::OffsetEstimate;
use crate::queue::{Content, Dropped, Queue, Record};

/// Most records on their way; those behind them wait in the queue.
pub const MAX_IN_FLIGHT: usize = 256;
/// Pause after a failed record before everything from it on is sent again, µs.
const RETRY_AFTER_US: u64 = 500_000;
/// How far our clock, which was read once at the start, may be off the machine's, which a broker on it reads.
const SHARED_CLOCK_UNCERTAINTY_US: u64 = 1_000;

/// What has happened to a user's records so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// Comes back with a record's delivery report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    position: u64,
    generation: u64,
    sent_us: u64,
}

/// What became of a record that was handed to the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way; its report follows.
    Taken,
    /// The producer takes no more now.
    NotNow,
    /// It is longer than any record may be.
    TooLong,
}

/// How the delivery of a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log; when the broker appended it, Unix ms, if the broker says so.
    Delivered {
        /// See [`Outcome::Delivered`].
        appended_ms: Option<i64>,
    },
    /// It is not; another try may help.
    Failed,
    /// It is not, and never will be.
    Refused,
    /// The batch that it was in is too long. Which record is to blame shows when each is sent alone.
    BatchTooLong,
}

/// What is worth reporting about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// Everything from the record on is sent again.
    SentAgain,
    /// The records of the batch are sent one by one.
    SentOneByOne,
    /// The record is left out.
    LeftOut,
}

/// One user's records on their way to Kafka.
#[derive(Debug)]
pub struct Outbox {
    queue: Queue,
    /// Records sent by an earlier producer, or before a rewind, report under an older number and are ignored.
    generation: u64,
    failure: Option<Failure>,
    /// Records before this position are sent one at a time, with nothing behind them.
    alone_until: u64,
    /// Samples in records that were left out, until they are reported.
    left_out: Option<Dropped>,
    offset: OffsetEstimate,
    /// Whether the broker runs on the driver's machine, so that their clocks are the same.
    shares_clock: bool,
    counts: Counts,
}

/// A record failed: what is on its way comes in, then everything from it on is sent again.
#[derive(Debug, Clone, Default)]
struct Failure {
    at_us: u64,
    /// Reports that are still to come.
    n_to_come: usize,
    /// Positions of records that Kafka will never take.
    refused: Vec<u64>,
}

impl Outbox {
    /// An empty outbox with room for about `max_bytes`. `shares_clock` says that the broker runs on this machine, so that
    /// its clock is known even if it does not say what time it is.
    pub fn new(max_bytes: usize, shares_clock: bool) -> Self {
        Self {
            queue: Queue::new(max_bytes),
            generation: 0,
            failure: None,
            alone_until: 0,
            left_out: None,
            offset: OffsetEstimate::default(),
            shares_clock,
            counts: Counts::default(),
        }
    }

    /// Queues a record. Returns which samples were lost since the last one, because they had to make room or were refused.
    pub fn push(&mut self, record: Record) -> Option<Dropped> {
        let dropped = self.queue.push(record);
        if let Some(dropped) = dropped {
            self.counts.n_dropped += dropped.n_samples;
        }
        Dropped::join(self.left_out.take(), dropped)
    }

    /// Sends with `send` as much as may be on its way.
    pub fn send_waiting(&mut self, now_us: u64, mut send: impl FnMut(&[u8], Receipt) -> Sent) {
        self.recover(now_us);
        while self.failure.is_none() {
            let Some((position, record)) = self.queue.next_to_send() else { return };
            let most = if self.queue.first_position() < self.alone_until { 1 } else { MAX_IN_FLIGHT };
            if self.queue.n_in_flight() >= most {
                return;
            }
            let receipt = Receipt { position, generation: self.generation, sent_us: now_us };
            match send(&record.bytes, receipt) {
                Sent::Taken => self.queue.mark_sent(),
                Sent::NotNow => return,
                Sent::TooLong => self.leave_out(position),
            }
        }
    }

    /// Takes a delivery report; returns what follows from it if it is bad news.
    pub fn report(&mut self, receipt: Receipt, outcome: Outcome, now_us: u64) -> Option<Note> {
        if receipt.generation != self.generation {
            return None;
        }
        let position = receipt.position;
        let n_others = self.queue.n_in_flight().saturating_sub(1);
        if let Some(failure) = &mut self.failure {
            failure.n_to_come = failure.n_to_come.saturating_sub(1);
        }
        if let Outcome::Delivered { appended_ms } = outcome {
            if let Some(appended_ms) = appended_ms {
                self.offset.report(receipt.sent_us, now_us, appended_ms);
            }
            self.count_delivered(position);
            return None;
        }
        let was_alone = position < self.alone_until;
        let failure = self.failure.get_or_insert_with(|| Failure {
            at_us: now_us,
            n_to_come: n_others,
            refused: Vec::new(),
        });
        Some(match outcome {
            Outcome::BatchTooLong if !was_alone => {
                self.alone_until = position + 1;
                Note::SentOneByOne
            }
            Outcome::Refused | Outcome::BatchTooLong => {
                failure.refused.push(position);
                Note::LeftOut
            }
            _ => Note::SentAgain,
        })
    }

    /// The producer is gone: its reports no longer count, and everything it had is sent again.
    pub fn restart(&mut self) {
        self.failure = None;
        self.rewind();
    }

    /// The estimate of the broker's clock against the driver's.
    pub fn clock_offset(&self, now_us: u64) -> Option<ClockOffset> {
        let shared = ClockOffset { offset_us: 0, uncertainty_us: SHARED_CLOCK_UNCERTAINTY_US };
        self.offset.now(now_us).or(self.shares_clock.then_some(shared))
    }

    /// Counts samples that came too late to be taken.
    pub fn count_missed(&mut self, n_samples: u64) {
        self.counts.n_missed += n_samples;
    }

    /// Takes over how many values the encoder has saturated so far.
    pub fn set_saturated(&mut self, n_saturated: u64) {
        self.counts.n_saturated = n_saturated;
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Records that have not reached Kafka yet.
    pub fn n_waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether records wait that are not on their way.
    pub fn has_unsent(&self) -> bool {
        self.queue.next_to_send().is_some()
    }

    /// Whether the queue is so full that a source that can wait should wait.
    pub fn is_half_full(&self) -> bool {
        self.queue.is_half_full()
    }

    fn count_delivered(&mut self, position: u64) {
        let Some(record) = self.queue.in_flight(position) else { return };
        self.counts.n_bytes += record.bytes.len() as u64;
        if let Content::Block { n_samples, .. } = record.content {
            self.counts.n_blocks += 1;
            self.counts.n_samples += n_samples;
        }
        self.queue.mark_delivered(position);
    }

    /// After a failure, once every report is in: goes back to the first undelivered record, without those that were
    /// refused. Where none was, the same would fail again at once, so a pause comes first.
    fn recover(&mut self, now_us: u64) {
        let over = |failure: &mut Failure| {
            let paused = now_us.saturating_sub(failure.at_us) >= RETRY_AFTER_US;
            failure.n_to_come == 0 && (paused || !failure.refused.is_empty())
        };
        let Some(Failure { mut refused, .. }) = self.failure.take_if(over) else { return };
        self.rewind();
        // From the last on, as the positions behind a record change with it.
        refused.sort_unstable();
        refused.into_iter().rev().for_each(|position| self.leave_out(position));
    }

    fn rewind(&mut self) {
        self.generation += 1;
        self.counts.n_rewinds += 1;
        self.queue.rewind();
    }

    fn leave_out(&mut self, position: u64) {
        let Some(record) = self.queue.remove_unsent(position) else { return };
        self.counts.n_refused += 1;
        self.left_out = Dropped::join(self.left_out, Dropped::of(record.content));
        if position < self.alone_until {
            self.alone_until -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const DELIVERED: Outcome = Outcome::Delivered { appended_ms: None };

    fn outbox(n_records: u8) -> Outbox {
        let mut outbox = Outbox::new(1 << 20, false);
        fill(&mut outbox, n_records);
        outbox
    }

    fn fill(outbox: &mut Outbox, n_records: u8) {
        for n in 0..n_records {
            let from_us = u64::from(n) * 10;
            let content = Content::Block { key: n == 0, n_samples: 2, from_us, to_us: from_us + 5 };
            assert_eq!(outbox.push(Record { bytes: Arc::from([n].as_slice()), content }), None);
        }
    }

    fn send(outbox: &mut Outbox, now_us: u64) -> Vec<(u8, Receipt)> {
        let mut sent = Vec::new();
        outbox.send_waiting(now_us, |bytes, receipt| {
            sent.push((bytes[0], receipt));
            Sent::Taken
        });
        sent
    }

    fn numbers(sent: &[(u8, Receipt)]) -> Vec<u8> {
        sent.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn a_shared_clock_is_known_until_it_is_measured() {
        assert_eq!(outbox(0).clock_offset(0), None);
        let mut outbox = Outbox::new(1 << 20, true);
        fill(&mut outbox, 1);
        assert_eq!(outbox.clock_offset(0).map(|clock| clock.offset_us), Some(0));
        let sent_us = 1_790_000_000_000_000;
        let (_, receipt) = send(&mut outbox, sent_us)[0];
        outbox.report(receipt, Outcome::Delivered { appended_ms: Some(1_790_000_005_000) }, sent_us + 500);
        let measured = outbox.clock_offset(sent_us + 1_000).unwrap();
        assert!(measured.offset_us > 4_000_000, "what the broker says wins: {measured:?}");
    }

    #[test]
    fn sends_in_order_and_counts_what_is_acknowledged() {
        let mut outbox = outbox(3);
        let sent = send(&mut outbox, 0);
        assert_eq!(numbers(&sent), [0, 1, 2]);
        for (_, receipt) in sent {
            assert_eq!(outbox.report(receipt, DELIVERED, 0), None);
        }
        let counts = outbox.counts();
        assert_eq!((counts.n_blocks, counts.n_samples, counts.n_bytes), (3, 6, 3));
        assert_eq!(outbox.n_waiting(), 0);
    }

    #[test]
    fn a_failed_record_is_sent_again_with_all_behind_it_once_their_reports_are_in() {
        let mut outbox = outbox(4);
        let sent = send(&mut outbox, 0);
        outbox.report(sent[0].1, DELIVERED, 0);
        assert_eq!(outbox.report(sent[1].1, Outcome::Failed, 0), Some(Note::SentAgain));
        assert!(send(&mut outbox, RETRY_AFTER_US).is_empty(), "two reports are still to come");
        outbox.report(sent[2].1, Outcome::Failed, 10);
        outbox.report(sent[3].1, DELIVERED, 10);
        assert!(send(&mut outbox, RETRY_AFTER_US - 1).is_empty(), "the pause is not over");
        assert_eq!(numbers(&send(&mut outbox, RETRY_AFTER_US)), [1, 2, 3]);
    }

    #[test]
    fn reports_of_an_earlier_producer_are_ignored() {
        let mut outbox = outbox(2);
        let old = send(&mut outbox, 0);
        outbox.restart();
        let new = send(&mut outbox, 0);
        assert_eq!(numbers(&new), [0, 1]);
        outbox.report(old[0].1, DELIVERED, 0);
        assert_eq!(outbox.n_waiting(), 2);
        outbox.report(new[0].1, DELIVERED, 0);
        assert_eq!(outbox.n_waiting(), 1);
    }

    #[test]
    fn the_record_that_was_refused_is_left_out_and_no_other() {
        let mut outbox = outbox(4);
        let sent = send(&mut outbox, 0);
        outbox.report(sent[0].1, Outcome::Failed, 0);
        outbox.report(sent[1].1, Outcome::Failed, 0);
        assert_eq!(outbox.report(sent[2].1, Outcome::Refused, 0), Some(Note::LeftOut));
        outbox.report(sent[3].1, Outcome::Failed, 0);
        assert_eq!(numbers(&send(&mut outbox, 0)), [0, 1, 3]);
        assert_eq!(outbox.counts().n_refused, 1);
        let schema = Record { bytes: Arc::from([9].as_slice()), content: Content::Other };
        let lost = Dropped { n_samples: 2, n_blocks: 1, from_us: 20, to_us: 25 };
        assert_eq!(outbox.push(schema.clone()), Some(lost), "what it held is told once");
        assert_eq!(outbox.push(schema), None);
    }

    #[test]
    fn the_records_of_a_batch_that_is_too_long_are_sent_one_by_one() {
        let mut outbox = outbox(4);
        let sent = send(&mut outbox, 0);
        for (_, receipt) in &sent[..3] {
            assert_eq!(outbox.report(*receipt, Outcome::BatchTooLong, 0), Some(Note::SentOneByOne));
        }
        outbox.report(sent[3].1, DELIVERED, 0);
        for (n, outcome) in [(0, DELIVERED), (1, Outcome::BatchTooLong), (2, DELIVERED)] {
            let sent = send(&mut outbox, RETRY_AFTER_US);
            assert_eq!(numbers(&sent), [n]);
            let note = outbox.report(sent[0].1, outcome, RETRY_AFTER_US);
            assert_eq!(note, (n == 1).then_some(Note::LeftOut));
        }
        assert_eq!(numbers(&send(&mut outbox, RETRY_AFTER_US)), [3]);
        assert_eq!(outbox.counts().n_refused, 1);
    }

    #[test]
    fn a_record_that_is_longer_than_any_may_be_is_left_out_at_once() {
        let mut outbox = outbox(3);
        let mut sent = Vec::new();
        outbox.send_waiting(0, |bytes, _| {
            sent.push(bytes[0]);
            if bytes[0] == 1 { Sent::TooLong } else { Sent::Taken }
        });
        assert_eq!(sent, [0, 1, 2]);
        assert_eq!((outbox.counts().n_refused, outbox.n_waiting()), (1, 2));
    }

    #[test]
    fn a_producer_that_takes_no_more_is_asked_again_later() {
        let mut outbox = outbox(2);
        outbox.send_waiting(0, |_, _| Sent::NotNow);
        assert_eq!(numbers(&send(&mut outbox, 0)), [0, 1]);
    }
}
