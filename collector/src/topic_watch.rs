//! Is each user's topic still the one that records go to? Checked every few seconds; a topic that was deleted is created
//! again, and its lane continues there.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use purple_sector_codec::Topic;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, error, info, warn};

use crate::asker::Asker;
use crate::lane::{Lane, Trouble};
use crate::publish::Publisher;
use crate::topic::{self, Created, Found};

/// Time between two looks at all topics.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// The same while one is missing.
const LOOK_FOR_MISSING_EVERY: Duration = Duration::from_millis(250);
/// Time between two attempts to create a topic.
const MAKE_EVERY: Duration = Duration::from_secs(5);
/// Longest time without a look at whether to stop.
const NAP: Duration = Duration::from_millis(100);

/// What a look at a topic means for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The topic is not there: it has to be created.
    Gone,
    /// It is there again, with this many partitions.
    Back { n_partitions: u32 },
    /// It is there with another number of partitions.
    Resized { n_partitions: u32 },
    /// Kafka no longer lets this user see it.
    Refused,
    /// Kafka lets this user see it again. It is the same topic.
    Allowed,
}

/// What follows from a look, for a lane with this trouble and number of partitions.
fn judge(found: Found, trouble: Option<Trouble>, known_partitions: u32) -> Option<Change> {
    match (found, trouble) {
        (Found::Unknown, _) => None,
        (Found::Missing, _) => Some(Change::Gone),
        (Found::Refused, _) => Some(Change::Refused),
        (Found::Ready { n_partitions }, Some(Trouble::NoTopic)) => Some(Change::Back { n_partitions }),
        (Found::Ready { .. }, Some(Trouble::Refused)) => Some(Change::Allowed),
        (Found::Ready { n_partitions }, None) if n_partitions != known_partitions => {
            Some(Change::Resized { n_partitions })
        }
        (Found::Ready { .. }, None) => None,
    }
}

/// The thread that looks. Dropping it ends it.
pub(crate) struct TopicWatch {
    stop: Option<DropGuard>,
    thread: Option<JoinHandle<()>>,
}

impl TopicWatch {
    /// Watches the topics of these lanes until `stop`, which dropping it is too.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn start(
        asker: Asker,
        lanes: Vec<Arc<Lane>>,
        publisher: Arc<Publisher>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let looker = Looker { asker, lanes, publisher, making: None, make_at: Instant::now(), told: None };
        let of_thread = stop.clone();
        let thread =
            std::thread::Builder::new().name("topics".into()).spawn(move || looker.run(&of_thread))?;
        Ok(Self { stop: Some(stop.drop_guard()), thread: Some(thread) })
    }
}

impl Drop for TopicWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread that watches topics ended with a panic");
        }
    }
}

struct Looker {
    asker: Asker,
    lanes: Vec<Arc<Lane>>,
    publisher: Arc<Publisher>,
    /// The request that creates topics: some brokers never answer it, so the watch goes on meanwhile.
    making: Option<JoinHandle<anyhow::Result<Created>>>,
    make_at: Instant,
    /// What came of the last attempt, so that each is told of once for as long as a topic is missing.
    told: Option<Created>,
}

impl Looker {
    fn run(mut self, stop: &CancellationToken) {
        let mut look_at = Instant::now() + LOOK_EVERY;
        while !stop.is_cancelled() {
            std::thread::sleep(NAP);
            self.asker.keep_up();
            if Instant::now() < look_at {
                continue;
            }
            let lanes = self.lanes.clone();
            let mut missing = Vec::new();
            for lane in &lanes {
                if stop.is_cancelled() {
                    return;
                }
                let found = topic::look(&self.asker, lane.topic());
                let change = judge(found, lane.trouble(), lane.n_partitions());
                if let Some(change) = change {
                    self.follow(change, lane);
                }
                if change == Some(Change::Gone) {
                    missing.push(lane.topic().clone());
                }
            }
            look_at = Instant::now() + if missing.is_empty() { LOOK_EVERY } else { LOOK_FOR_MISSING_EVERY };
            self.make(missing);
        }
    }

    fn follow(&self, change: Change, lane: &Lane) {
        let topic = lane.topic();
        match change {
            Change::Gone => {
                if lane.set_trouble(Some(Trouble::NoTopic)) {
                    warn!(%topic, queued = lane.n_waiting(), "the topic was deleted; keeping what the source gives, and creating it again");
                }
            }
            Change::Refused => {
                if lane.set_trouble(Some(Trouble::Refused)) {
                    error!(%topic, "Kafka does not allow this user to see the topic any longer; ask whoever runs it for access");
                }
            }
            Change::Allowed => {
                lane.set_trouble(None);
                info!(%topic, "Kafka lets this user see the topic again; publishing goes on");
            }
            Change::Back { n_partitions } => {
                if self.publisher.redirect(|| lane.move_to_new_topic(n_partitions)) {
                    lane.set_trouble(None);
                    info!(%topic, partition = lane.partition(), "the topic is there again; publishing goes on in it");
                }
            }
            Change::Resized { n_partitions } if lane.partition() < n_partitions => {
                lane.set_partitions(n_partitions);
                info!(%topic, n_partitions, "the topic has another number of partitions; this session stays where it is");
            }
            // Created again between two looks, with fewer partitions.
            Change::Resized { n_partitions } => {
                if self.publisher.redirect(|| lane.move_to_new_topic(n_partitions)) {
                    warn!(%topic, partition = lane.partition(), "the topic was created again; publishing goes on in it");
                }
            }
        }
    }

    /// Has missing topics created, unless that is under way or was tried just now.
    fn make(&mut self, missing: Vec<Topic>) {
        if let Some(making) = self.making.take_if(|making| making.is_finished()) {
            match making.join() {
                Ok(Ok(created)) => {
                    if self.told.replace(created) != Some(created) {
                        created.report();
                    }
                }
                Ok(Err(error)) => warn!("{error:#}"),
                Err(_) => error!("the thread that creates topics ended with a panic"),
            }
        }
        if missing.is_empty() {
            self.told = None;
        }
        if missing.is_empty() || self.making.is_some() || Instant::now() < self.make_at {
            return;
        }
        self.make_at = Instant::now() + MAKE_EVERY;
        let access = self.asker.access().clone();
        debug!(n_topics = missing.len(), "making topics");
        self.making = Some(std::thread::spawn(move || topic::create(&access, &missing)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_look_means() {
        let ready = |n_partitions| Found::Ready { n_partitions };
        for (found, trouble, change) in [
            (ready(10), None, None),
            (ready(12), None, Some(Change::Resized { n_partitions: 12 })),
            (ready(4), None, Some(Change::Resized { n_partitions: 4 })),
            (Found::Missing, None, Some(Change::Gone)),
            (Found::Missing, Some(Trouble::NoTopic), Some(Change::Gone)),
            (ready(10), Some(Trouble::NoTopic), Some(Change::Back { n_partitions: 10 })),
            (Found::Unknown, None, None),
            (Found::Unknown, Some(Trouble::NoTopic), None),
            (Found::Refused, None, Some(Change::Refused)),
            (ready(12), Some(Trouble::Refused), Some(Change::Allowed)),
        ] {
            assert_eq!(judge(found, trouble, 10), change, "{found:?} with {trouble:?}");
        }
    }
}
