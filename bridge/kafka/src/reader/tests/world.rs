//! What happens to one reader, with time that passes only when a test says so?
//!
//! Whatever a test is about, each world also holds the reader to this: records are those of the log, each once and in
//! order; a connection has one request at a time; no event brings an endless stream of outputs or events.

mod time;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use purple_sector_codec::UserId;

use super::super::*;
use super::cluster::{Cluster, Guest, Parked, SASL_AUTHENTICATE, SASL_HANDSHAKE, value};
use crate::MAX_ANSWER_LEN;

/// How long a broker and the way to it take.
const LATENCY: Duration = Duration::from_millis(1);
/// The node of a connection that was cut and that the reader has not heard of yet; no address is this one.
const CUT: i32 = -2;
/// An event may close, connect and send on a few links; records are not counted.
const MAX_ACTIONS_PER_EVENT: usize = 40;

/// What a broker's answer (to which request, by its key) becomes on its way; none: it never arrives.
pub(super) type Tamper = Box<dyn FnMut(i16, Bytes) -> Option<Bytes>>;

pub(super) struct World {
    pub(super) reader: Reader,
    pub(super) cluster: Cluster,
    pub(super) now: Now,
    /// The first offset after what was given, of each partition that is read.
    pub(super) next: BTreeMap<u16, i64>,
    pub(super) n_records: usize,
    /// All other news, as they print.
    pub(super) news: Vec<String>,
    /// When, to which broker and with which key requests went out.
    pub(super) requests: Vec<(Instant, i32, i16)>,
    pub(super) n_connects: usize,
    /// Requests that came after the end of their session, which ends the connection.
    pub(super) n_late: usize,
    pub(super) tamper: Option<Tamper>,
    /// Whether what brokers answer can be held against the log.
    pub(super) is_trusted: bool,
    links: Vec<Connection>,
    last_link: u32,
    due: Vec<(Instant, LinkId, Due)>,
}

struct Connection {
    id: LinkId,
    node: i32,
    is_busy: bool,
    parked: Option<(Instant, Parked)>,
    /// Who it is, where that is asked.
    guest: Option<Guest>,
}

enum Due {
    Opened,
    Closed(CloseReason),
    Answer(Bytes),
}

impl World {
    pub(super) fn new(cluster: Cluster, change: impl FnOnce(&mut ReaderSettings)) -> Self {
        let mut settings = ReaderSettings {
            seeds: (0..cluster.brokers.len()).map(|node| format!("b:{node}").into()).collect(),
            look_back: LookBack::Time(Duration::from_secs(60)),
            max_wait: Duration::from_millis(500),
            max_bytes: 100_000,
        };
        change(&mut settings);
        let now = Now { at: Instant::now(), unix_ms: 1_764_000_000_000 };
        let topic = UserId::parse("alice").unwrap().topic();
        Self {
            reader: Reader::new(topic, Arc::new(settings), Login::ByConnection, 7, now.at),
            cluster,
            now,
            next: BTreeMap::new(),
            n_records: 0,
            news: Vec::new(),
            requests: Vec::new(),
            n_connects: 0,
            n_late: 0,
            tamper: None,
            is_trusted: true,
            links: Vec::new(),
            last_link: 0,
            due: Vec::new(),
        }
    }

    /// A world whose reader has read everything there is.
    pub(super) fn settled(n_brokers: usize, n_partitions: usize) -> Self {
        let mut world = Self::new(Cluster::new(n_brokers, n_partitions), |_| ());
        world.start();
        world.pass(1000);
        assert!(world.has_all());
        world.news.clear();
        world
    }

    pub(super) fn start(&mut self) {
        self.on(Event::Time);
    }

    pub(super) fn append(&mut self, partition: usize, n: i64) {
        self.cluster.append(partition, n, 0, self.now.unix_ms);
    }

    /// Gives the reader an event and does what it says.
    pub(super) fn on(&mut self, event: Event<'_>) {
        let (mut actions, now) = (Vec::new(), self.now);
        let Self { reader, cluster, next, news, n_records, is_trusted, .. } = self;
        reader.on(event, now, &mut |output| match output {
            Output::Act(action) => actions.push(action),
            Output::News(News::Record(_)) if !*is_trusted => *n_records += 1,
            Output::News(News::Record(record)) => {
                let expected = next.get_mut(&record.partition).expect("a partition that was begun");
                assert_eq!(record.offset as i64, *expected, "partition {}", record.partition);
                let id = cluster.topic.as_ref().map(|topic| topic.id);
                let text = id.map(|id| value(id, record.partition, *expected));
                assert!(text.is_none_or(|text| record.value.starts_with(text.as_bytes())));
                *expected += 1;
                *n_records += 1;
            }
            Output::News(other) => {
                match other {
                    _ if !*is_trusted => {}
                    News::Started { partition, from, .. } => {
                        assert_eq!(next.insert(partition, from), None, "begun once");
                    }
                    News::Lost { partition, from, to } => {
                        assert_eq!(next.insert(partition, to), Some(from), "what was lost was next");
                    }
                    News::Replaced { .. } => next.clear(),
                    _ => {}
                }
                news.push(format!("{other:?}"));
            }
        });
        assert!(actions.len() <= MAX_ACTIONS_PER_EVENT, "{actions:?}");
        actions.into_iter().for_each(|action| self.act(action));
        assert!(self.reader.deadline(self.now.at) > self.now.at);
        assert_eq!(self.reader.n_links(), self.links.len());
    }

    fn act(&mut self, action: Action) {
        let soon = self.now.at + LATENCY;
        match action {
            Action::Connect { link: id, address, identity } => {
                assert!(id.0 > self.last_link, "names of links are never used again");
                self.last_link = id.0;
                self.n_connects += 1;
                let node = address.strip_prefix("b:").and_then(|node| node.parse().ok()).unwrap_or(-1);
                self.links.push(Connection { id, node, is_busy: false, parked: None, guest: None });
                let mut due =
                    if self.cluster.is_up(node) { Due::Opened } else { Due::Closed(CloseReason::Lost) };
                if let (Due::Opened, Some(door)) = (&due, &self.cluster.door) {
                    let guest = door.let_in(identity.as_ref(), self.now);
                    let link = self.links.last_mut().expect("just added");
                    match guest {
                        Ok(guest) => link.guest = Some(guest),
                        Err(refusal) => due = Due::Closed(CloseReason::Refused(refusal)),
                    }
                }
                self.due.push((soon, id, due));
            }
            Action::Send { link: id, bytes } => {
                let link = self.links.iter_mut().find(|link| link.id == id).expect("a link that is open");
                // Cut at this moment, which the reader has not heard of yet: what it sends goes nowhere.
                if link.node == CUT {
                    return;
                }
                assert!(!link.is_busy, "one request at a time");
                link.is_busy = true;
                let (node, key) = (link.node, i16::from_be_bytes([bytes[4], bytes[5]]));
                self.requests.push((self.now.at, node, key));
                if let (SASL_HANDSHAKE | SASL_AUTHENTICATE, Some(door)) = (key, &self.cluster.door) {
                    let guest = link.guest.as_mut().expect("let in");
                    let answer = door.answer(guest, key, bytes, self.now);
                    return self.send(id, key, answer);
                }
                if link.guest.as_ref().is_some_and(|guest| guest.is_over(self.now.at)) {
                    self.n_late += 1;
                    self.due.push((soon, id, Due::Closed(CloseReason::Lost)));
                    return;
                }
                match self.cluster.answer(node, bytes) {
                    Ok(answer) => self.send(id, key, answer),
                    Err(parked) => {
                        let until = soon + Duration::from_millis(parked.max_wait_ms);
                        link.parked = Some((until, parked));
                    }
                }
            }
            Action::Close { link: id } => self.forget(id),
        }
    }

    fn send(&mut self, id: LinkId, key: i16, answer: Bytes) {
        let answer = match &mut self.tamper {
            Some(tamper) => tamper(key, answer),
            None => Some(answer),
        };
        let Some(answer) = answer else { return };
        let is_long = answer.len() > MAX_ANSWER_LEN;
        let due = if is_long { Due::Closed(CloseReason::TooLong) } else { Due::Answer(answer) };
        self.due.push((self.now.at + LATENCY, id, due));
    }

    fn forget(&mut self, id: LinkId) {
        self.links.retain(|link| link.id != id);
        self.due.retain(|due| due.1 != id);
    }

    /// Cuts every connection to a broker, or to all.
    pub(super) fn cut(&mut self, node: Option<i32>) {
        let hit = |link: &&Connection| node.is_none_or(|node| node == link.node);
        let ids: Vec<LinkId> = self.links.iter().filter(hit).map(|link| link.id).collect();
        for id in ids {
            self.forget(id);
            // In the model, too, it is gone before the reader hears of it: keep its place until then.
            self.links.push(Connection { id, node: CUT, is_busy: true, parked: None, guest: None });
            self.due.push((self.now.at, id, Due::Closed(CloseReason::Lost)));
        }
    }

    pub(super) fn stop_broker(&mut self, node: i32) {
        self.cluster.brokers[node as usize].is_up = false;
        self.cluster.brokers[node as usize].sessions.clear();
        self.cut(Some(node));
    }

    pub(super) fn start_broker(&mut self, node: i32) {
        self.cluster.brokers[node as usize].is_up = true;
    }

    /// Whether all of every log was given.
    pub(super) fn has_all(&self) -> bool {
        let partitions = &self.cluster.topic.as_ref().unwrap().partitions;
        let at_end = |(number, log): (usize, &_)| {
            self.next.get(&(number as u16)) == Some(&super::cluster::Log::end(log))
        };
        partitions.iter().enumerate().all(at_end)
    }

    /// How many requests go out within this many milliseconds.
    pub(super) fn requests_in(&mut self, ms: u64) -> usize {
        let before = self.requests.len();
        self.pass(ms);
        self.requests.len() - before
    }
}
