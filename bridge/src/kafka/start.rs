//! Where does a feed begin to read?
//!
//! A little in the past where there is something, so that its first viewer draws at once; otherwise exactly at the end
//! that was looked up first, so that no record between the look-up and the assignment is lost. Feeds that start
//! together share one call.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::debug;

use super::lookup::{At, Lookup, Partition, Topic};
use super::topics::Topics;
use super::{KafkaError, topics};
use crate::stats::now_ms;

/// How far back a feed starts: some key intervals, and the schema and facts that are repeated every 10 s.
const LOOK_BACK: Duration = Duration::from_secs(15);
/// How many records back it starts on the embedded broker, which cannot look up times.
const EMBEDDED_LOOK_BACK: i64 = 2_048;
/// How long a new topic may take to have leaders.
const LEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long its leaders may take to answer then.
const READY_WITHIN: Duration = Duration::from_secs(3);
/// Starts that share one call.
const MAX_BATCH: usize = 256;

/// Where to start in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) partition: i32,
    /// First offset to read.
    pub(crate) from: i64,
    /// First offset that is new; what lies before it is history.
    pub(crate) end: i64,
}

/// Why a feed cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the topic does not exist and may not be made")]
    NoTopic,
    #[error("Kafka refuses: {0}")]
    Refused(String),
    #[error("{0}")]
    TryAgain(String),
}

impl From<KafkaError> for StartError {
    fn from(error: KafkaError) -> Self {
        Self::TryAgain(error.to_string())
    }
}

type Reply = oneshot::Sender<Result<Vec<Start>, StartError>>;
type Request = (Arc<str>, Reply);

/// The thread that looks up, by a channel.
pub(crate) struct Starter {
    /// Dropped to end the thread.
    requests: std::sync::Mutex<Option<Sender<Request>>>,
}

impl Starter {
    pub(super) fn start(
        lookup: Arc<Lookup>,
        topics: Topics,
        embedded: bool,
    ) -> Result<(Self, JoinHandle<()>), KafkaError> {
        let (requests, received) = std::sync::mpsc::channel();
        // librdkafka's questions block until they are answered.
        let thread = std::thread::Builder::new()
            .name("kafka-start".into())
            .spawn(move || run(&lookup, &topics, embedded, &received))
            .map_err(KafkaError::Thread)?;
        Ok((Self { requests: std::sync::Mutex::new(Some(requests)) }, thread))
    }

    /// Ends the thread after what it is doing.
    pub(super) fn stop(&self) {
        self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    }

    /// The starts of all partitions of a topic.
    pub(crate) async fn find(&self, topic: Arc<str>) -> Result<Vec<Start>, StartError> {
        let (reply, answer) = oneshot::channel();
        let requests = {
            let requests = self.requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            requests.clone()
        };
        let asked = requests.is_some_and(|requests| requests.send((topic, reply)).is_ok());
        let stopping = || StartError::TryAgain("the bridge is stopping".into());
        if !asked {
            return Err(stopping());
        }
        answer.await.map_err(|_| stopping())?
    }
}

fn run(lookup: &Lookup, topics: &Topics, embedded: bool, requests: &Receiver<Request>) {
    // The sender is dropped when the bridge stops.
    while let Ok(first) = requests.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(requests.try_iter()).take(MAX_BATCH).collect();
        answer(lookup, topics, embedded, batch);
    }
}

fn answer(lookup: &Lookup, topics: &Topics, embedded: bool, batch: Vec<Request>) {
    let started = Instant::now();
    let counts = partition_counts(lookup, topics, &batch);
    let partitions: Vec<Partition> = std::iter::zip(&batch, &counts)
        .flat_map(|((topic, _), count)| (0..*count.as_ref().unwrap_or(&0)).map(|n| (topic.clone(), n)))
        .collect();
    let found = starts_when_ready(lookup, embedded, &partitions);
    debug!(n_topics = batch.len(), elapsed = ?started.elapsed(), "looked up where feeds start");
    for ((topic, reply), count) in std::iter::zip(batch, counts) {
        let of_topic = count.and_then(|n_partitions| {
            let found = found.as_ref().map_err(Clone::clone)?;
            let of_topic: Vec<Start> =
                found.iter().filter(|(name, _)| *name == topic).map(|(_, start)| *start).collect();
            if of_topic.len() == n_partitions as usize {
                return Ok(of_topic);
            }
            Err(StartError::TryAgain(format!("Kafka knows {} of {n_partitions} partitions", of_topic.len())))
        });
        // The feed may have ended meanwhile.
        let _ = reply.send(of_topic);
    }
}

/// How many partitions each topic has; topics that do not exist are made, all of them in one call.
fn partition_counts(lookup: &Lookup, topics: &Topics, batch: &[Request]) -> Vec<Result<i32, StartError>> {
    let known: Vec<Result<Topic, StartError>> =
        batch.iter().map(|(topic, _)| Ok(lookup.topic(topic)?)).collect();
    let missing = std::iter::zip(batch, &known).filter(|(_, known)| **known == Ok(Topic::Missing));
    let missing: Vec<Arc<str>> = missing.map(|((topic, _), _)| topic.clone()).collect();
    let mut made = if missing.is_empty() { Default::default() } else { topics.create(&missing) };
    std::iter::zip(batch, known)
        .map(|((topic, _), known)| match known? {
            Topic::Ready { n_partitions } => Ok(n_partitions),
            Topic::Refused => Err(StartError::Refused("reading the topic is not allowed".into())),
            Topic::Starting => wait_for_leaders(lookup, topic),
            Topic::Missing => match made.remove(topic) {
                Some(Ok(())) => wait_for_leaders(lookup, topic),
                Some(Err(topics::CreateError::Off)) | None => Err(StartError::NoTopic),
                Some(Err(topics::CreateError::Refused(why))) => Err(StartError::Refused(why)),
                Some(Err(topics::CreateError::Failed(why))) => Err(StartError::TryAgain(why)),
            },
        })
        .collect()
}

fn wait_for_leaders(lookup: &Lookup, topic: &str) -> Result<i32, StartError> {
    let deadline = Instant::now() + LEADERS_WITHIN;
    loop {
        if let Topic::Ready { n_partitions } = lookup.topic(topic)? {
            return Ok(n_partitions);
        }
        if Instant::now() > deadline {
            return Err(StartError::TryAgain("the topic's partitions have no leader yet".into()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The starts of all partitions; waits a moment for those that have a leader by their metadata, but whose leader does
/// not know it yet, which is so just after a topic was made.
fn starts_when_ready(
    lookup: &Lookup,
    embedded: bool,
    partitions: &[Partition],
) -> Result<Vec<(Arc<str>, Start)>, StartError> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let found = starts(lookup, embedded, partitions)?;
        if found.len() == partitions.len() || Instant::now() > deadline {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The end first, then what the look-back finds.
fn starts(
    lookup: &Lookup,
    embedded: bool,
    partitions: &[Partition],
) -> Result<Vec<(Arc<str>, Start)>, StartError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let ends = lookup.offsets(partitions, At::End)?;
    let back = if embedded {
        lookup.offsets(partitions, At::Oldest)?
    } else {
        let since_ms = now_ms().saturating_sub(LOOK_BACK.as_millis() as u64);
        lookup.offsets(partitions, At::Time(since_ms as i64))?
    };
    let found = partitions.iter().filter_map(|at| {
        let end = (*ends.get(at)?)?;
        let back = back.get(at).copied().flatten().unwrap_or(end);
        let from = if embedded { back.max(end - EMBEDDED_LOOK_BACK) } else { back };
        Some((at.0.clone(), Start { partition: at.1, from: from.min(end), end }))
    });
    Ok(found.collect())
}
