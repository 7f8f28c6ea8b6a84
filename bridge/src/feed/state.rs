//! What does a feed do next? Its life, its viewers and its streams, as a pure state machine: an event and the time go
//! in, actions come out, and the task around it carries them out in order.
//!
//! ```text
//! Finding ──found──▶ Reading ──topic changed, position lost──▶ Finding (next generation)
//!    └──try again──▶ Waiting ──time──▶ Finding
//! any of them ──no viewer for as long as the linger, or refused──▶ Ended
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use purple_sector_codec::bridge_protocol::FeedState;
use purple_sector_codec::{Envelope, Kind};
use tracing::{debug, warn};

use super::audience::{Audience, JoinOptions, ViewerId};
use super::gop::GopBudget;
use super::message;
use super::queue::{Closed, Item, Role};
use super::stream::{Meaning, SILENT_AFTER, Streams};
use crate::kafka::{FromKafka, Record, Start, StartError, Wanted};
use crate::stats::{Stats, UserStats};

/// Without a block for this long a feed is stale.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// What lies before "now" is read within this, or viewers get what there is.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(3);
/// Between attempts to start while Kafka is not there.
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) enum Event {
    Join {
        viewer: ViewerId,
        options: JoinOptions,
    },
    Subscribe {
        viewer: ViewerId,
        options: JoinOptions,
    },
    Leave {
        viewer: ViewerId,
    },
    Found {
        generation: u64,
        result: Result<Vec<Start>, StartError>,
    },
    Kafka {
        from_kafka: FromKafka,
        wall_ms: u64,
    },
    /// The time given at [`Feed::deadline`] has come.
    Time,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Look up where to start; the answer is [`Event::Found`] with this generation.
    Find {
        generation: u64,
    },
    Assign {
        generation: u64,
        partitions: Vec<Wanted>,
    },
    /// End all assignments up to this generation.
    Release {
        generation: u64,
    },
    Send {
        viewer: ViewerId,
        item: Item,
    },
    /// The feed is over: tell its viewers why, if there are any.
    End {
        reason: Closed,
    },
}

/// One user's feed.
pub(crate) struct Feed {
    topic: Arc<str>,
    linger: Duration,
    stats: Arc<Stats>,
    user_stats: Arc<UserStats>,
    life: Life,
    /// Goes up with each start, so that answers to an older one are recognised.
    generation: u64,
    partitions: Vec<Partition>,
    viewers: Audience,
    empty_since: Option<Instant>,
    streams: Streams,
    /// When the last block came.
    last_block_at: Option<Instant>,
    /// What viewers were told last.
    told: FeedState,
    n_unreadable: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Finding,
    Waiting { until: Instant },
    Reading { history_until: Instant },
    Ended,
}

/// One partition of the topic: what lies before `end` was there before the feed.
#[derive(Clone, Copy, Debug)]
struct Partition {
    end: u64,
    caught_up: bool,
}

impl Feed {
    /// A feed without viewers yet, which starts at once.
    pub(crate) fn new(
        topic: Arc<str>,
        linger: Duration,
        budget: Arc<GopBudget>,
        stats: Arc<Stats>,
        user_stats: Arc<UserStats>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) -> Self {
        actions.push(Action::Find { generation: 1 });
        Self {
            topic,
            linger,
            stats,
            user_stats,
            life: Life::Finding,
            generation: 1,
            partitions: Vec::new(),
            viewers: Audience::default(),
            empty_since: Some(now),
            streams: Streams::new(budget),
            last_block_at: None,
            told: FeedState::Waiting,
            n_unreadable: 0,
        }
    }

    pub(crate) fn on(&mut self, event: Event, now: Instant, actions: &mut Vec<Action>) {
        if self.life == Life::Ended {
            return;
        }
        match event {
            Event::Join { viewer, options } => {
                self.empty_since = None;
                let message = message::state(self.told, self.age(now));
                actions.push(Action::Send { viewer, item: Item::aside(message) });
                self.serve(viewer, options, now, actions);
            }
            Event::Subscribe { viewer, options } => {
                if self.viewers.contains(viewer) {
                    self.serve(viewer, options, now, actions);
                }
            }
            Event::Leave { viewer } => {
                self.viewers.remove(viewer);
                if self.viewers.is_empty() && self.empty_since.is_none() {
                    self.empty_since = Some(now);
                }
            }
            Event::Found { generation, result } => {
                if self.life == Life::Finding && generation == self.generation {
                    self.found(result, now, actions);
                }
            }
            Event::Kafka { from_kafka, wall_ms } => self.kafka(from_kafka, wall_ms, now, actions),
            Event::Time => self.time(now, actions),
        }
        self.tell_state(now, actions);
    }

    /// When [`Event::Time`] is wanted at the latest.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        let life = match self.life {
            Life::Waiting { until } => Some(until),
            Life::Reading { history_until }
                if !self.partitions.iter().all(|partition| partition.caught_up) =>
            {
                Some(history_until)
            }
            _ => None,
        };
        let stale = (self.told == FeedState::Live).then_some(self.last_block_at).flatten();
        let oldest =
            self.streams.iter().filter(|stream| stream.keeps_gop()).map(|stream| stream.last_at).min();
        [
            life,
            self.empty_since.map(|since| since + self.linger),
            stale.map(|at| at + STALE_AFTER),
            // Past the limit, not at it.
            oldest.map(|at| at + SILENT_AFTER + Duration::from_millis(1)),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(now + Duration::from_secs(3600))
    }

    /// Registers what a viewer wants from now on, and gives it what it needs to draw. Both are one step.
    fn serve(&mut self, viewer: ViewerId, options: JoinOptions, now: Instant, actions: &mut Vec<Action>) {
        for stream in self.streams.iter().filter(|stream| stream.announced && stream.is_live(now)) {
            options.give(viewer, stream, actions);
        }
        self.viewers.insert(viewer, options);
    }

    fn found(&mut self, result: Result<Vec<Start>, StartError>, now: Instant, actions: &mut Vec<Action>) {
        let starts = match result {
            Ok(starts) => starts,
            Err(StartError::TryAgain(why)) => {
                debug!(topic = %self.topic, why, "cannot start the feed yet");
                self.life = Life::Waiting { until: now + RETRY_AFTER };
                return;
            }
            Err(error @ StartError::NoTopic) => return self.refuse(&error, Closed::NoTopic, actions),
            Err(error @ StartError::Refused(_)) => return self.refuse(&error, Closed::Refused, actions),
        };
        self.life = Life::Reading { history_until: now + CATCH_UP_WITHIN };
        self.partitions = vec![Partition { end: 0, caught_up: true }; starts.len()];
        for start in &starts {
            if let Some(partition) = self.partitions.get_mut(start.partition as usize) {
                *partition = Partition { end: start.end.max(0) as u64, caught_up: start.from >= start.end };
            }
        }
        let wanted = |start: Start| Wanted {
            partition: start.partition,
            from: start.from,
            live: start.from < start.end,
        };
        let partitions = starts.into_iter().map(wanted).collect();
        actions.push(Action::Assign { generation: self.generation, partitions });
    }

    fn refuse(&mut self, error: &StartError, reason: Closed, actions: &mut Vec<Action>) {
        warn!(topic = %self.topic, %error, "cannot serve the feed");
        self.end(reason, actions);
    }

    fn end(&mut self, reason: Closed, actions: &mut Vec<Action>) {
        self.life = Life::Ended;
        actions.push(Action::Release { generation: self.generation });
        actions.push(Action::End { reason });
    }

    /// Gives the present assignments up and looks again where to start. Streams keep their place, so that what was
    /// seen before is recognised.
    fn start_again(&mut self, actions: &mut Vec<Action>) {
        actions.push(Action::Release { generation: self.generation });
        self.generation += 1;
        self.life = Life::Finding;
        actions.push(Action::Find { generation: self.generation });
    }

    fn kafka(&mut self, from_kafka: FromKafka, wall_ms: u64, now: Instant, actions: &mut Vec<Action>) {
        let reading = matches!(self.life, Life::Reading { .. });
        match from_kafka {
            FromKafka::Record(record) => {
                if reading && record.generation == self.generation {
                    self.record(&record, wall_ms, now, actions);
                }
            }
            FromKafka::PositionLost { generation, partition, from, to } => {
                let (from, to) = (from.max(0) as u64, to.max(0) as u64);
                self.tell_gap(message::position_lost(partition, from, to), actions);
                if reading && generation == self.generation {
                    self.start_again(actions);
                }
            }
            FromKafka::TopicChanged { generation, replaced } => {
                if reading && generation == self.generation {
                    if replaced {
                        self.tell_gap(message::topic_replaced(0), actions);
                    }
                    self.start_again(actions);
                }
            }
        }
    }

    fn record(&mut self, record: &Record, wall_ms: u64, now: Instant, actions: &mut Vec<Action>) {
        if record.topic != self.topic {
            self.stats.foreign.add(1);
            tracing::error!(feed = %self.topic, record = %record.topic, "a record of another topic came, dropped it");
            return;
        }
        let n_bytes = record.record_len as u64;
        self.stats.messages_received.add(1);
        self.stats.bytes_received.add(n_bytes);
        self.user_stats.messages_received.add(1);
        self.user_stats.bytes_received.add(n_bytes);
        self.user_stats.last_seen_ms.set(wall_ms);

        let Some(partition) = self.partitions.get_mut(usize::from(record.partition)) else { return };
        let was_caught_up = partition.caught_up;
        partition.caught_up |= record.offset + 1 >= partition.end;
        let is_history = record.offset < partition.end;
        let caught_up_now = partition.caught_up && !was_caught_up;
        match Envelope::parse(record.bytes()) {
            Ok(envelope) => {
                // The broker's clock may be off; a live record is as old as its arrival.
                let age = Duration::from_millis(wall_ms.saturating_sub(record.broker_time_ms));
                let at = if is_history { now.checked_sub(age).unwrap_or(now) } else { now };
                self.envelope(record, &envelope, at, now, actions);
            }
            Err(error) => {
                self.stats.decode_errors.add(1);
                self.user_stats.decode_errors.add(1);
                if self.n_unreadable.is_power_of_two() || self.n_unreadable == 0 {
                    let (partition, offset) = (record.partition, record.offset);
                    warn!(topic = %self.topic, partition, offset, %error, "a record is unreadable, dropped it");
                }
                self.n_unreadable += 1;
            }
        }
        if caught_up_now {
            self.announce(Some(record.partition), now, actions);
        }
    }

    fn envelope(
        &mut self,
        record: &Record,
        envelope: &Envelope<'_>,
        at: Instant,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let caught_up = self.partitions[usize::from(record.partition)].caught_up;
        let stream = match envelope.session() {
            Some(session) if envelope.kind != Kind::End && !matches!(envelope.kind, Kind::Event) => {
                Some(self.streams.find_or_add(record.partition, envelope.epoch, *session, at))
            }
            _ => self.streams.find(record.partition, envelope.epoch),
        };
        let Some(stream) = stream else {
            // A block before the first key block of its stream, or something without a stream.
            if caught_up && envelope.kind != Kind::Block {
                self.viewers.forward(envelope.session().copied(), Role::Aside, record, actions);
            }
            return;
        };
        stream.last_at = stream.last_at.max(at);
        let (no, session) = (stream.no, stream.session);
        let role = match envelope.kind {
            Kind::Key => Role::Key(no),
            Kind::Block => Role::Block(no),
            _ => Role::Aside,
        };
        let mut hole = None;
        match envelope.kind {
            Kind::Schema => stream.keep_schema(record),
            Kind::Facts => stream.keep_facts(record),
            Kind::Key | Kind::Block => {
                self.last_block_at = self.last_block_at.max(Some(at));
                match stream.take_block(record, envelope, at) {
                    Meaning::Next => {}
                    Meaning::AfterHole { n_blocks } => hole = Some(n_blocks),
                    Meaning::NeedsKey => return,
                    Meaning::Repeat => {
                        self.stats.repeats.add(1);
                        return;
                    }
                }
            }
            _ => {}
        }
        if stream.announced {
            if let Some(n_blocks) = hole {
                self.tell_gap(message::hole(record.partition, n_blocks), actions);
            }
            self.viewers.forward(Some(session), role, record, actions);
        } else if caught_up && envelope.kind != Kind::End {
            self.announce(Some(record.partition), now, actions);
        }
        if envelope.kind == Kind::End {
            self.streams.remove(no);
        }
    }

    /// Gives viewers the live streams that they do not know yet, of one partition or of all.
    fn announce(&mut self, partition: Option<u16>, now: Instant, actions: &mut Vec<Action>) {
        for stream in self.streams.iter_mut() {
            if !stream.announced
                && stream.is_live(now)
                && partition.is_none_or(|partition| partition == stream.partition)
            {
                stream.announced = true;
                self.viewers.give_all(stream, actions);
            }
        }
    }

    fn time(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.streams.drop_silent(now);
        match self.life {
            Life::Waiting { until } if now >= until => {
                self.life = Life::Finding;
                actions.push(Action::Find { generation: self.generation });
            }
            Life::Reading { history_until }
                if now >= history_until && self.partitions.iter().any(|partition| !partition.caught_up) =>
            {
                self.partitions.iter_mut().for_each(|partition| partition.caught_up = true);
                self.announce(None, now, actions);
            }
            _ => {}
        }
        if self.empty_since.is_some_and(|since| now >= since + self.linger) {
            self.end(Closed::Stopping, actions);
        }
    }

    /// Tells viewers when what the feed is doing changes.
    fn tell_state(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let state = match self.age(now) {
            None => FeedState::Waiting,
            Some(age) if age < STALE_AFTER => FeedState::Live,
            Some(_) if self.streams.iter().next().is_none() => FeedState::Ended,
            Some(_) => FeedState::Stale,
        };
        if state != self.told {
            self.told = state;
            self.viewers.tell(message::state(state, self.age(now)), actions);
        }
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        self.last_block_at.map(|at| now.saturating_duration_since(at))
    }

    fn tell_gap(&mut self, message: Bytes, actions: &mut Vec<Action>) {
        self.stats.gaps.add(1);
        self.user_stats.gaps.add(1);
        self.viewers.tell(message, actions);
    }
}

#[cfg(test)]
mod tests;
