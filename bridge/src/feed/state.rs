//! What does a feed do next? Its life, its viewers and its streams, as a pure state machine: an event and the time go
//! in, actions come out, and the task around it carries them out in order.
//!
//! ```text
//! Reading ──no topic──▶ Making ──made──▶ Reading
//!    ▲                    └──try later──▶ Waiting
//!    └───────────────time─────────────────────┘
//! any of them ──no viewer for as long as the linger, or refused──▶ Ended
//! ```

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use purple_sector_codec::bridge_protocol::FeedState;
use purple_sector_codec::{Envelope, Kind};
use purple_sector_kafka::{News, TopicId};

use super::action::{Action, Event};
use super::audience::{Audience, JoinOptions, ViewerId};
use super::gop::GopBudget;
use super::ledger::Note;
use super::message;
use super::queue::{Closed, Item, Role};
use super::record::Record;
use super::stream::{Meaning, SILENT_AFTER, Streams};
use super::tokens::Tokens;
use crate::kafka::MakeError;

/// Without a block for this long a feed is stale.
const STALE_AFTER: Duration = Duration::from_secs(2);
/// History is read within this, or viewers get what there is.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(3);
/// Between attempts to make the topic: the first wait, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// A topic that was just made may take this long until every broker knows it, and is looked for this often.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One user's feed.
pub(crate) struct Feed {
    linger: Duration,
    life: Life,
    topic_id: Option<TopicId>,
    /// When the topic was made, until it is found.
    made_at: Option<Instant>,
    n_vain_attempts: u32,
    partitions: Vec<Partition>,
    /// Until when history is waited for.
    history_until: Instant,
    viewers: Audience,
    /// With what its reader logs in, where that is as the user.
    tokens: Tokens,
    empty_since: Option<Instant>,
    streams: Streams,
    /// When the last block came.
    last_block_at: Option<Instant>,
    /// What viewers were told last.
    told: FeedState,
    n_unreadable: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Reading,
    Making,
    Waiting { until: Instant },
    Ended,
}

/// One partition of the topic: records before `end` were there before the feed.
#[derive(Debug, Clone, Copy, Default)]
struct Partition {
    end: u64,
    caught_up: bool,
}

impl Feed {
    /// A feed without viewers yet, whose reader begins.
    pub(crate) fn new(linger: Duration, budget: Arc<GopBudget>, now: Instant) -> Self {
        Self {
            linger,
            life: Life::Reading,
            topic_id: None,
            made_at: None,
            n_vain_attempts: 0,
            partitions: Vec::new(),
            history_until: now,
            viewers: Audience::default(),
            tokens: Tokens::default(),
            empty_since: Some(now),
            streams: Streams::new(budget),
            last_block_at: None,
            told: FeedState::Waiting,
            n_unreadable: 0,
        }
    }

    pub(crate) fn on(&mut self, event: Event<'_>, now: Instant, actions: &mut Vec<Action>) {
        if self.life == Life::Ended {
            return;
        }
        match event {
            Event::Join { viewer, options, token } => {
                self.empty_since = None;
                if let Some(token) = token {
                    self.tokens.put(viewer, token);
                }
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
                self.tokens.remove(viewer);
                self.leave(viewer, now);
            }
            Event::Renew { viewer, token } => {
                if self.viewers.contains(viewer) {
                    self.tokens.put(viewer, token);
                }
            }
            Event::Made(result) => self.take_outcome(result, now, actions),
            Event::Kafka { news, wall_ms } => self.take_news(news, wall_ms, now, actions),
            Event::Time => self.look_at_time(now, actions),
        }
        if let Some(token) = self.tokens.elect() {
            actions.push(Action::LogIn { token });
        }
        self.tell_state(now, actions);
    }

    /// When [`Event::Time`] is wanted at the latest.
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        let life = match self.life {
            Life::Waiting { until } => Some(until),
            _ if !self.partitions.iter().all(|partition| partition.caught_up) => Some(self.history_until),
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
            options.give(viewer, stream, &mut send(actions));
        }
        self.viewers.insert(viewer, options);
    }

    /// The topic's id, once it is known.
    pub(crate) fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    fn take_outcome(&mut self, result: Result<(), MakeError>, now: Instant, actions: &mut Vec<Action>) {
        if self.life != Life::Making {
            return;
        }
        match result {
            Ok(()) => {
                self.life = Life::Reading;
                self.made_at = Some(now);
                actions.push(Action::LookAgain);
            }
            Err(MakeError::TryLater(why)) => {
                if self.n_vain_attempts == 0 {
                    actions.push(Action::Note(Note::CannotMakeYet { why }));
                }
                let wait = RETRY.0.saturating_mul(1 << self.n_vain_attempts.min(16)).min(RETRY.1);
                self.n_vain_attempts = self.n_vain_attempts.saturating_add(1);
                self.life = Life::Waiting { until: now + wait };
            }
            Err(MakeError::Off) => self.end(Closed::NoTopic, actions),
            Err(MakeError::Refused(_)) => self.end(Closed::Refused, actions),
            Err(MakeError::Impossible(_)) => self.end(Closed::CannotMakeTopic, actions),
        }
    }

    fn end(&mut self, reason: Closed, actions: &mut Vec<Action>) {
        self.life = Life::Ended;
        actions.push(Action::End { reason });
    }

    fn take_news(&mut self, news: News<'_>, wall_ms: u64, now: Instant, actions: &mut Vec<Action>) {
        match news {
            News::Record(record) => self.take_record(&Record::new(&record), wall_ms, now, actions),
            News::Topic { id } => self.learn_topic(id, actions),
            News::Replaced { id } => {
                if self.topic_id.is_some() {
                    actions.push(Action::Note(Note::MadeAgain { id }));
                    self.tell_gap(message::topic_replaced(0), actions);
                }
                self.learn_topic(id, actions);
            }
            News::Missing => self.lose_topic(now, actions),
            News::Refused { error } => {
                actions.push(Action::Note(Note::Refused { error }));
                self.end(Closed::Refused, actions);
            }
            News::LoginRefused { refusal } => {
                actions.push(Action::Note(Note::LoginRefused { refusal }));
                self.refuse_login(now, actions);
            }
            News::Started { partition, from, end } => {
                self.start_partition(partition, from, end, now, actions)
            }
            News::Lost { partition, from, to } => {
                actions.push(Action::Note(Note::PositionLost { partition, from, to }));
                let (from, to) = (from.max(0) as u64, to.max(0) as u64);
                self.tell_gap(message::position_lost(partition, from, to), actions);
            }
            News::Unreadable { partition, offset, why } => {
                self.skip_unreadable(partition, offset.max(0) as u64, &why, actions)
            }
            News::Failed { partition, error } => {
                actions.push(Action::Note(Note::PartitionFails { partition, error }));
            }
            News::Foreign => actions.push(Action::Note(Note::Foreign)),
        }
    }

    /// Anyone who holds the token that was refused goes; the token of another may do.
    fn refuse_login(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.tokens.is_empty() {
            return self.end(Closed::BridgeRefused, actions);
        }
        for viewer in self.tokens.refuse() {
            self.leave(viewer, now);
            actions.push(Action::Close { viewer, reason: Closed::TokenRefused });
        }
    }

    fn leave(&mut self, viewer: ViewerId, now: Instant) {
        self.viewers.remove(viewer);
        if self.viewers.is_empty() && self.empty_since.is_none() {
            self.empty_since = Some(now);
        }
    }

    fn learn_topic(&mut self, id: TopicId, actions: &mut Vec<Action>) {
        // One that was created just now already has the right settings.
        if self.made_at.take().is_none() {
            actions.push(Action::Check);
        }
        self.n_vain_attempts = 0;
        self.topic_id = Some(id);
        self.partitions.clear();
        actions.push(Action::Note(Note::Partitions { n_read: 0 }));
        actions.push(Action::Known { id });
    }

    fn lose_topic(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.made_at.is_some_and(|at| now < at + KNOWN_WITHIN) {
            self.life = Life::Waiting { until: now + LOOK_EVERY };
            return;
        }
        if self.topic_id.take().is_some() {
            actions.push(Action::Note(Note::Deleted));
            self.tell_gap(message::topic_replaced(0), actions);
        }
        self.life = Life::Making;
        actions.push(Action::Make);
    }

    fn start_partition(&mut self, number: u16, from: i64, end: i64, now: Instant, actions: &mut Vec<Action>) {
        let index = usize::from(number);
        if self.partitions.len() <= index {
            let caught_up = Partition { end: 0, caught_up: true };
            self.partitions.resize(index + 1, caught_up);
            actions.push(Action::Note(Note::Partitions { n_read: index + 1 }));
        }
        self.partitions[index] = Partition { end: end.max(0) as u64, caught_up: from >= end };
        self.history_until = now + CATCH_UP_WITHIN;
    }

    /// Counts it, and logs the reason less and less often: whoever writes to the topic chooses how many there are.
    fn skip_unreadable(&mut self, partition: u16, offset: u64, why: &dyn Display, actions: &mut Vec<Action>) {
        self.n_unreadable += 1;
        let why = self.n_unreadable.is_power_of_two().then(|| why.to_string());
        actions.push(Action::Note(Note::Unreadable { partition, offset, why }));
    }

    fn take_record(&mut self, record: &Record, wall_ms: u64, now: Instant, actions: &mut Vec<Action>) {
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
                self.take_envelope(record, &envelope, at, now, actions);
            }
            Err(error) => self.skip_unreadable(record.partition, record.offset, &error, actions),
        }
        if caught_up_now {
            self.announce(Some(record.partition), now, actions);
        }
    }

    fn take_envelope(
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
                self.viewers.forward(envelope.session().copied(), Role::Aside, record, &mut send(actions));
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
                        actions.push(Action::Note(Note::Repeat));
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
            self.viewers.forward(Some(session), role, record, &mut send(actions));
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
                self.viewers.give_all(stream, &mut send(actions));
            }
        }
    }

    fn look_at_time(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.streams.drop_silent(now);
        if matches!(self.life, Life::Waiting { until } if now >= until) {
            self.life = Life::Reading;
            actions.push(Action::LookAgain);
        }
        if now >= self.history_until && self.partitions.iter().any(|partition| !partition.caught_up) {
            self.partitions.iter_mut().for_each(|partition| partition.caught_up = true);
            self.announce(None, now, actions);
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
            self.viewers.tell(&message::state(state, self.age(now)), &mut send(actions));
        }
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        self.last_block_at.map(|at| now.saturating_duration_since(at))
    }

    fn tell_gap(&mut self, message: Bytes, actions: &mut Vec<Action>) {
        actions.push(Action::Note(Note::Gap));
        self.viewers.tell(&message, &mut send(actions));
    }
}

/// Where the audience puts what it has for a viewer.
fn send(actions: &mut Vec<Action>) -> impl FnMut(ViewerId, Item) {
    |viewer, item| actions.push(Action::Send { viewer, item })
}

#[cfg(test)]
mod tests;
