//! How is one topic read, whatever brokers answer and whenever connections break?
//!
//! A state machine: an [`Event`] and the time go in, [`Output`]s come out. It asks any broker who leads the partitions
//! (Metadata), each leader where to start (ListOffsets), and then for records (Fetch), over one connection to each
//! leader with one request at a time. A partition in error is left out of the requests until it is well again, because
//! with it every Fetch would return at once. Positions outlive connections: nothing is lost or repeated while
//! the log has it. Where a broker's sessions end, a connection logs in again before that, between two requests.

mod answer;
mod event;
mod link;
mod login;
#[cfg(test)]
mod tests;

pub use self::event::{Action, Address, CloseReason, Event, LinkId, News, Now, Output, Record};
pub use self::login::Login;

use std::sync::Arc;
use std::time::{Duration, Instant};

use purple_sector_codec::Topic;

use self::link::{Asked, Link, State};
use self::login::LoggedIn;
use crate::TopicId;
use crate::inflate::Allowance;
use crate::partition::{Partition, Question, back_off};
use crate::request::Request;

/// How long a connection may take to open, log-in included. Whoever opens it gives up much sooner, but may let it wait
/// for its turn when all readers log in at once.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How long an answer may take, beyond what a Fetch waits for records.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// How often the topic is looked at while all is well: it may have been created again, or have more partitions.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long a Fetch waits while some partition cannot be read yet, so that the others do not hold it up.
const SHORT_WAIT: Duration = Duration::from_millis(100);
/// Between two attempts for the same: the first wait, which doubles, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(2));

/// How readers read.
#[derive(Debug, Clone)]
pub struct ReaderSettings {
    /// Brokers to ask first.
    pub seeds: Vec<Address>,
    /// Where a reader starts.
    pub look_back: LookBack,
    /// How long a Fetch waits for a record.
    pub max_wait: Duration,
    /// What one Fetch asks for at most, in bytes.
    pub max_bytes: u32,
}

/// How far before the end of the log a reader starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookBack {
    /// At the first record that is not older.
    Time(Duration),
    /// At most this many records, for a broker that cannot look up times.
    Records(u32),
}

/// The reader of one topic.
#[derive(Debug)]
pub struct Reader {
    topic: Topic,
    settings: Arc<ReaderSettings>,
    login: Login,
    /// Rises with each [`Event::LogIn`].
    login_no: u32,
    condition: Condition,
    brokers: Vec<(i32, Address)>,
    partitions: Vec<Partition>,
    links: Vec<Link>,
    /// When metadata is to be asked for, and how often that was in vain.
    look_at: Instant,
    n_vain_looks: u32,
    /// Addresses that failed: not to be tried before, and how often they failed.
    failed: Vec<(Address, Instant, u32)>,
    /// Partitions whose answer was too long together are read one at a time.
    suspects: Vec<u16>,
    allowance: Allowance,
    last_link: u32,
    last_number: i32,
    next_candidate: usize,
    /// Spreads what many readers do after the same fault.
    jitter: u64,
}

/// What is known of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Unknown,
    /// It was there under this id.
    Known(TopicId),
    /// It is not there; this was its id, if there was one.
    Missing(Option<TopicId>),
    Refused,
}

impl Reader {
    /// A reader of `topic` that starts with the first event, which should be [`Event::Time`] at once. `seed` is any
    /// number that other readers do not have.
    pub fn new(topic: Topic, settings: Arc<ReaderSettings>, login: Login, seed: u64, now: Instant) -> Self {
        Self {
            topic,
            settings,
            login,
            login_no: 0,
            condition: Condition::Unknown,
            brokers: Vec::new(),
            partitions: Vec::new(),
            links: Vec::new(),
            look_at: now,
            n_vain_looks: 0,
            failed: Vec::new(),
            suspects: Vec::new(),
            allowance: Allowance::new(now),
            last_link: 0,
            last_number: 0,
            next_candidate: seed as usize,
            jitter: seed | 1,
        }
    }

    /// Takes an event; what follows from it goes to `out`.
    pub fn on(&mut self, event: Event<'_>, now: Now, out: &mut dyn FnMut(Output<'_>)) {
        match event {
            Event::Opened { link, versions, lifetime } => self.open_link(link, versions, lifetime, now),
            Event::Answer { link, bytes } => self.take_answer(link, bytes, now, out),
            Event::Closed { link, reason } => self.forget_link(link, reason, now.at, out),
            Event::LookAgain => {
                if let Condition::Missing(id) = self.condition {
                    self.condition = id.map_or(Condition::Unknown, Condition::Known);
                    self.look_at = now.at;
                }
            }
            Event::LogIn(login) => self.log_in(login, now.at),
            Event::Time => self.time_out(now.at, out),
        }
        self.proceed(now, out);
    }

    /// When [`Event::Time`] is wanted at the latest; it is never in the past for long.
    pub fn deadline(&self, now: Instant) -> Instant {
        let links = self.links.iter().flat_map(Link::deadlines);
        let partitions = self.partitions.iter().map(|partition| partition.not_before);
        let doors = self.failed.iter().map(|(_, until, _)| *until);
        let later = links.chain(partitions).chain(doors).chain([self.look_at]).filter(|at| *at > now).min();
        later.unwrap_or(now + LOOK_EVERY)
    }

    /// The first offset of each partition that was not read yet, where reading has begun.
    pub fn positions(&self) -> impl Iterator<Item = (u16, i64)> {
        let started = self.partitions.iter().filter(|partition| partition.question.is_none());
        started.map(|partition| (partition.number, partition.next))
    }

    /// How many connections there are or are being opened.
    pub fn n_links(&self) -> usize {
        self.links.len()
    }

    fn is_stopped(&self) -> bool {
        matches!(self.condition, Condition::Missing(_) | Condition::Refused)
    }

    /// Does whatever can be done now.
    fn proceed(&mut self, now: Now, out: &mut dyn FnMut(Output<'_>)) {
        if self.is_stopped() {
            for link in self.links.drain(..) {
                out(Output::Act(Action::Close { link: link.id }));
            }
            return;
        }
        self.renew_logins(now, out);
        self.look(now, out);
        self.connect_to_leaders(now, out);
        self.close_the_unneeded(now.at, out);
        for index in 0..self.links.len() {
            self.use_link(index, now, out);
        }
    }

    /// Asks for metadata if it is time: on a connection that has nothing to do, or on one more if it cannot wait.
    fn look(&mut self, Now { at: now, unix_ms }: Now, out: &mut dyn FnMut(Output<'_>)) {
        let is_under_way = |link: &Link| match &link.state {
            State::Opening { .. } => link.is_extra,
            State::Busy { asked, .. } => matches!(asked, Asked::Metadata),
            State::Idle { .. } => false,
        };
        if now < self.look_at || self.links.iter().any(is_under_way) {
            return;
        }
        if let Some(index) = self.links.iter().position(|link| link.is_idle(now)) {
            self.ask_metadata(index, now, out);
        } else if self.login.is_good(unix_ms)
            && (self.partitions.is_empty()
                || (0..self.partitions.len()).any(|partition| self.leader_address(partition).is_none()))
        {
            let candidates: Vec<Address> = self
                .brokers
                .iter()
                .map(|(_, address)| address)
                .chain(&self.settings.seeds)
                .cloned()
                .collect();
            for _ in 0..candidates.len() {
                self.next_candidate = self.next_candidate.wrapping_add(1);
                let address = &candidates[self.next_candidate % candidates.len()];
                if self.may_try(address, now) {
                    self.connect(address.clone(), true, now, out);
                    return;
                }
            }
        }
    }

    fn ask_metadata(&mut self, index: usize, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let number = self.next_number();
        let request = Request::metadata(&self.topic, number);
        self.send(index, Asked::Metadata, request, Duration::ZERO, now, out);
    }

    fn connect_to_leaders(&mut self, Now { at: now, unix_ms }: Now, out: &mut dyn FnMut(Output<'_>)) {
        for index in 0..self.partitions.len() {
            let Some(address) = self.leader_address(index).cloned() else { continue };
            let connected = self.links.iter().any(|link| !link.is_extra && link.address == address);
            if !connected && self.may_try(&address, now) {
                match self.links.iter_mut().find(|link| link.address == address && link.is_idle(now)) {
                    // What was opened to ask who leads turns out to be the leader.
                    Some(link) => link.is_extra = false,
                    None if self.login.is_good(unix_ms) => self.connect(address, false, now, out),
                    None => {}
                }
            }
        }
    }

    /// Closes connections to brokers that lead nothing, and those that were opened only to ask and have their answer.
    fn close_the_unneeded(&mut self, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let leaders: Vec<Address> =
            (0..self.partitions.len()).filter_map(|index| self.leader_address(index).cloned()).collect();
        self.links.retain(|link| {
            let leads = !link.is_extra && (leaders.is_empty() || leaders.contains(&link.address));
            let is_needed = leads || link.is_extra && !link.is_idle(now);
            if !is_needed {
                out(Output::Act(Action::Close { link: link.id }));
            }
            is_needed
        });
    }

    /// Asks a leader the next question: where to read, or for records.
    fn use_link(&mut self, index: usize, now: Now, out: &mut dyn FnMut(Output<'_>)) {
        let link = &self.links[index];
        if link.is_extra || !link.is_idle(now.at) {
            return;
        }
        let led: Vec<usize> = (0..self.partitions.len())
            .filter(|partition| self.leader_address(*partition) == Some(&self.links[index].address))
            .filter(|partition| self.partitions[*partition].not_before <= now.at)
            .collect();
        let question = led.iter().find_map(|partition| self.partitions[*partition].question);
        match question {
            Some(question) => self.ask_offsets(index, &led, question, now, out),
            None => self.fetch(index, &led, now.at, out),
        }
    }

    fn ask_offsets(
        &mut self,
        index: usize,
        led: &[usize],
        question: Question,
        now: Now,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        const END: i64 = -1;
        const OLDEST: i64 = -2;
        let at_ms = |question: Question| match (question, self.settings.look_back) {
            (Question::End | Question::EndBefore { .. } | Question::EndAfter { .. }, _) => END,
            (Question::Start { .. }, LookBack::Time(time)) => {
                let back_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                i64::try_from(now.unix_ms.saturating_sub(back_ms)).unwrap_or(i64::MAX)
            }
            (Question::Start { .. }, LookBack::Records(_)) => OLDEST,
            (Question::Oldest | Question::OldestAfter { .. }, _) => OLDEST,
        };
        let same = led.iter().filter(|partition| {
            self.partitions[**partition].question.is_some_and(|other| at_ms(other) == at_ms(question))
        });
        let asked: Vec<(u16, Question)> = same
            .filter_map(|partition| {
                let partition = &self.partitions[*partition];
                Some((partition.number, partition.question?))
            })
            .collect();
        let epochs = asked.iter().map(|(number, _)| (*number, self.leader_epoch(*number)));
        let number = self.last_number.wrapping_add(1);
        let request = Request::list_offsets(&self.topic, epochs, at_ms(question), number);
        self.last_number = number;
        self.send(index, Asked::Offsets(asked), request, Duration::ZERO, now.at, out);
    }

    fn fetch(&mut self, index: usize, led: &[usize], now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let Condition::Known(topic_id) = self.condition else { return };
        let is_suspect = |partition: &&usize| self.suspects.contains(&self.partitions[**partition].number);
        let led = match led.iter().find(is_suspect) {
            Some(suspect) => std::slice::from_ref(suspect),
            None => led,
        };
        let wanted: Vec<_> = led.iter().map(|partition| self.partitions[*partition].wanted()).collect();
        if wanted.is_empty() {
            return;
        }
        let all_is_well = self.suspects.is_empty()
            && self.partitions.iter().all(|partition| partition.is_read() && partition.not_before <= now);
        let wait = if all_is_well { self.settings.max_wait } else { SHORT_WAIT.min(self.settings.max_wait) };
        let wait = self.links[index].login.not_beyond(now, wait);
        let partitions = wanted.iter().map(|wanted| wanted.partition).collect();
        let number = self.next_number();
        let max_bytes = i32::try_from(self.settings.max_bytes).unwrap_or(i32::MAX);
        let link = &mut self.links[index];
        let ask = link.session.ask(wanted, wait.as_millis() as i32, max_bytes);
        let request = Request::fetch(topic_id, &ask, link.versions.fetch, number);
        self.send(index, Asked::Records(partitions), request, wait, now, out);
    }

    fn send(
        &mut self,
        index: usize,
        asked: Asked,
        request: Request,
        wait: Duration,
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        let link = &mut self.links[index];
        let Request { bytes, number, flexible } = request;
        link.state = State::Busy { asked, number, flexible, until: now + wait + ANSWER_WITHIN };
        out(Output::Act(Action::Send { link: link.id, bytes }));
    }

    fn connect(&mut self, address: Address, is_extra: bool, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        self.last_link = self.last_link.wrapping_add(1);
        let login = LoggedIn::under_way(self.login_no, now);
        let link = Link::opening(LinkId(self.last_link), address.clone(), is_extra, now + OPEN_WITHIN, login);
        let identity = self.login.identity().cloned();
        out(Output::Act(Action::Connect { link: link.id, address, identity }));
        self.links.push(link);
    }

    /// A connection is gone: what it led has to be looked for again.
    fn forget_link(
        &mut self,
        link: LinkId,
        reason: CloseReason,
        now: Instant,
        out: &mut dyn FnMut(Output<'_>),
    ) {
        let Some(index) = self.links.iter().position(|other| other.id == link) else { return };
        let link = self.links.swap_remove(index);
        if let CloseReason::Refused(refusal) = reason {
            self.tell_refusal(&link, refusal, out);
        }
        let n_failures = self.failed.iter().find(|door| door.0 == link.address).map_or(0, |door| door.2);
        let wait = self.spread(back_off(n_failures, RETRY.0, RETRY.1));
        self.failed.retain(|door| door.0 != link.address);
        self.failed.push((link.address.clone(), now + wait, n_failures.saturating_add(1)));
        if let (CloseReason::TooLong, State::Busy { asked: Asked::Records(partitions), .. }) =
            (reason, &link.state)
        {
            self.skip_too_long(partitions);
        }
        if link.is_extra {
            return;
        }
        let led: Vec<usize> = (0..self.partitions.len())
            .filter(|partition| self.leader_address(*partition) == Some(&link.address))
            .collect();
        for partition in led {
            self.partitions[partition].leader = None;
        }
        self.look_at = self.look_at.min(now);
    }

    /// An answer was too long to be read. If it was about one partition, its next batch is skipped by continuing at the end;
    /// otherwise its partitions are asked one at a time.
    fn skip_too_long(&mut self, partitions: &[u16]) {
        if let [number] = *partitions
            && let Some(partition) = self.partitions.iter_mut().find(|partition| partition.number == number)
        {
            self.suspects.retain(|suspect| *suspect != number);
            partition.question = Some(Question::EndAfter { lost: partition.next });
        } else {
            self.suspects = partitions.to_vec();
        }
    }

    fn time_out(&mut self, now: Instant, out: &mut dyn FnMut(Output<'_>)) {
        let late: Vec<LinkId> =
            self.links.iter().filter(|link| link.is_late(now)).map(|link| link.id).collect();
        for link in late {
            out(Output::Act(Action::Close { link }));
            self.forget_link(link, CloseReason::Lost, now, out);
        }
    }

    fn leader_address(&self, partition: usize) -> Option<&Address> {
        let leader = self.partitions[partition].leader?;
        self.brokers.iter().find(|(node, _)| *node == leader).map(|(_, address)| address)
    }

    fn leader_epoch(&self, number: u16) -> i32 {
        let partition = self.partitions.iter().find(|partition| partition.number == number);
        partition.map_or(-1, |partition| partition.leader_epoch)
    }

    fn may_try(&self, address: &Address, now: Instant) -> bool {
        self.failed.iter().all(|(failed, until, _)| failed != address || *until <= now)
    }

    fn next_number(&mut self) -> i32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// Between a half and one and a half of `wait`.
    fn spread(&mut self, wait: Duration) -> Duration {
        wait / 2 + wait.mul_f64(self.fraction())
    }

    /// Anything from 0 to 1.
    fn fraction(&mut self) -> f64 {
        // Xorshift is random enough for this.
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        (self.jitter % 1024) as f64 / 1024.0
    }
}
