//! How far has the reader got in one partition, and what must it still learn there?

use std::time::{Duration, Instant};

use crate::response::Led;
use crate::session::Wanted;

/// One partition of the topic.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) number: u16,
    /// Its leader, once known.
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
    /// What its leader has to answer before anything can be read.
    pub(crate) question: Option<Question>,
    /// The first offset that was not read yet.
    pub(crate) next: i64,
    /// Left alone until then, after an error.
    pub(crate) not_before: Instant,
    n_failures: u32,
}

/// What is not known about the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Where the log ends: what comes before is history.
    End,
    /// Where to start reading, given the end.
    Start { end: i64 },
    /// What the oldest record is, as everything from there on is new.
    Oldest,
    /// What the oldest record is, as the position is not in the log.
    OldestAfter { lost: i64 },
    /// Where the log ends, as the position seems to be beyond it.
    EndBefore { lost: i64 },
    /// Where the log ends, as what is at the position cannot be read.
    EndAfter { lost: i64 },
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Learnt {
    /// There is one more question.
    More,
    /// Reading begins at `from`; records before `end` are history.
    Started { from: i64, end: i64 },
    /// Reading goes on at `to` instead of `from`.
    Lost { from: i64, to: i64 },
}

impl Partition {
    pub(crate) fn new(number: u16, question: Question, now: Instant) -> Self {
        Self {
            number,
            leader: None,
            leader_epoch: -1,
            question: Some(question),
            next: 0,
            not_before: now,
            n_failures: 0,
        }
    }

    /// Takes over what metadata says about its leader.
    pub(crate) fn set_leader(&mut self, led: &Led) {
        self.leader = led.leader;
        self.leader_epoch = led.leader_epoch;
    }

    /// Takes the offset that its question was answered with; −1 where there is none. At most `look_back` records lie
    /// between the start and the end.
    pub(crate) fn learn(&mut self, offset: i64, look_back: i64) -> Learnt {
        let question = self.question.take();
        match question {
            // An empty log has nothing to look back to.
            Some(Question::End) if offset > 0 => {
                self.question = Some(Question::Start { end: offset });
                Learnt::More
            }
            Some(Question::End) => self.start(0, 0),
            Some(Question::Start { end }) => {
                let from = if offset < 0 { end } else { offset.max(end.saturating_sub(look_back)).min(end) };
                self.start(from, end)
            }
            Some(Question::Oldest) => self.start(offset.max(0), offset.max(0)),
            Some(Question::OldestAfter { lost }) if offset <= lost => {
                self.question = Some(Question::EndBefore { lost });
                Learnt::More
            }
            // It is in the log after all: a broker that is starting says otherwise for a moment.
            Some(Question::EndBefore { lost }) if offset >= lost => Learnt::More,
            Some(
                Question::OldestAfter { lost } | Question::EndBefore { lost } | Question::EndAfter { lost },
            ) => {
                self.next = offset.max(0);
                Learnt::Lost { from: lost, to: self.next }
            }
            None => Learnt::More,
        }
    }

    fn start(&mut self, from: i64, end: i64) -> Learnt {
        self.next = from;
        Learnt::Started { from, end }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.leader.is_some() && self.question.is_none()
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { partition: self.number, offset: self.next, leader_epoch: self.leader_epoch }
    }

    /// Leaves it alone for a while, longer each time.
    pub(crate) fn pause(&mut self, now: Instant) {
        self.not_before = now + back_off(self.n_failures, Duration::from_millis(50), Duration::from_secs(2));
        self.n_failures = self.n_failures.saturating_add(1);
    }

    pub(crate) fn forget_failures(&mut self) {
        self.n_failures = 0;
    }
}

/// `first`, doubled with each failure, up to `longest`.
pub(crate) fn back_off(n_failures: u32, first: Duration, longest: Duration) -> Duration {
    first.saturating_mul(1 << n_failures.min(16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(question: Question, answers: &[i64], expected: Learnt, next: i64) {
        let mut partition = Partition::new(0, question, Instant::now());
        let learnt = answers.iter().map(|offset| partition.learn(*offset, 100)).last();
        assert_eq!((learnt, partition.next), (Some(expected), next));
        assert_eq!(partition.question, None);
    }

    #[test]
    fn a_start_is_between_the_look_back_and_the_end() {
        check(Question::End, &[0], Learnt::Started { from: 0, end: 0 }, 0);
        check(Question::End, &[50, 20], Learnt::Started { from: 20, end: 50 }, 20);
        check(Question::End, &[50, -1], Learnt::Started { from: 50, end: 50 }, 50);
        check(Question::End, &[50, 60], Learnt::Started { from: 50, end: 50 }, 50);
        check(Question::End, &[500, 20], Learnt::Started { from: 400, end: 500 }, 400);
    }

    #[test]
    fn a_new_partition_is_read_from_its_oldest_record() {
        check(Question::Oldest, &[0], Learnt::Started { from: 0, end: 0 }, 0);
        check(Question::Oldest, &[7], Learnt::Started { from: 7, end: 7 }, 7);
    }

    #[test]
    fn a_lost_position_goes_on_at_the_oldest_record_or_at_the_end_of_a_shorter_log() {
        check(Question::OldestAfter { lost: 5 }, &[9], Learnt::Lost { from: 5, to: 9 }, 9);
        check(Question::OldestAfter { lost: 50 }, &[0, 20], Learnt::Lost { from: 50, to: 20 }, 20);
        check(Question::OldestAfter { lost: 50 }, &[50, 20], Learnt::Lost { from: 50, to: 20 }, 20);
        check(Question::EndAfter { lost: 5 }, &[9], Learnt::Lost { from: 5, to: 9 }, 9);
    }

    #[test]
    fn a_position_that_is_in_the_log_after_all_is_not_lost() {
        for (oldest, end) in [(0, 50), (50, 50), (0, 90)] {
            let mut partition = Partition::new(0, Question::OldestAfter { lost: 50 }, Instant::now());
            partition.next = 50;
            assert_eq!([oldest, end].map(|offset| partition.learn(offset, 100)), [Learnt::More; 2]);
            assert_eq!((partition.next, partition.question), (50, None));
        }
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_secs(2));
        let waits: Vec<u128> = (0..8).map(|n| back_off(n, first, longest).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(back_off(u32::MAX, first, longest), longest);
    }
}
