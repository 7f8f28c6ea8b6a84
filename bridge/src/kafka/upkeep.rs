//! What has to be looked after while feeds read: is each topic still the one that was assigned, and how far did the
//! bridge get, for whoever looks at the lag?

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use purple_sector_codec::UserId;
use rdkafka::{Offset, TopicPartitionList};
use tracing::{debug, warn};

use super::admin::TopicIdentity;
use super::lookup::Lookup;
use super::pool::Command;
use super::{FromKafka, KafkaError, Sink};
use crate::stats::Stats;

/// How often topics are checked.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// Each group's offsets are published in one of so many rounds.
const PUBLISH_IN_ROUNDS: usize = 3;

/// One assigned partition, as the pool reports it.
pub(super) struct Held {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) next: i64,
    pub(super) to: Sink,
}

/// Starts the thread; it ends when the sender that comes with it is dropped.
pub(super) fn start(
    lookup: Arc<Lookup>,
    pool: Sender<Command>,
    stats: Arc<Stats>,
) -> Result<(Sender<()>, JoinHandle<()>), KafkaError> {
    let (stop, stopped) = channel();
    // Admin calls block.
    let thread = std::thread::Builder::new()
        .name("kafka-upkeep".into())
        .spawn(move || run(&lookup, &pool, &stats, &stopped))
        .map_err(KafkaError::Thread)?;
    Ok((stop, thread))
}

fn run(lookup: &Lookup, pool: &Sender<Command>, stats: &Stats, stopped: &Receiver<()>) {
    let mut known: HashMap<Arc<str>, TopicIdentity> = HashMap::new();
    let mut round = 0;
    while stopped.recv_timeout(CHECK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let (reply, answer) = channel();
        let Ok(held) =
            pool.send(Command::Held(reply)).map_err(|_| ()).and_then(|()| answer.recv().map_err(|_| ()))
        else {
            return;
        };
        let mut topics: HashMap<Arc<str>, Vec<Held>> = HashMap::new();
        for partition in held {
            topics.entry(partition.topic.clone()).or_default().push(partition);
        }
        check_topics(lookup, &topics, &mut known);
        round = (round + 1) % PUBLISH_IN_ROUNDS;
        let in_round =
            |topic: &str| topic.bytes().map(usize::from).sum::<usize>() % PUBLISH_IN_ROUNDS == round;
        for (topic, partitions) in topics.iter().filter(|(topic, _)| in_round(topic)) {
            if stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                return;
            }
            if let Err(error) = publish(lookup, topic, partitions) {
                stats.group_offset_errors.add(1);
                debug!(%topic, %error, "cannot publish how far the bridge has read");
            }
        }
    }
}

/// Tells the feeds whose topic is another one than before, or has another number of partitions.
fn check_topics(
    lookup: &Lookup,
    topics: &HashMap<Arc<str>, Vec<Held>>,
    known: &mut HashMap<Arc<str>, TopicIdentity>,
) {
    known.retain(|topic, _| topics.contains_key(topic));
    let names: Vec<&str> = topics.keys().map(AsRef::as_ref).collect();
    let described = match lookup.describe(&names) {
        Ok(described) => described,
        Err(error) => {
            debug!(%error, "cannot check topics");
            return;
        }
    };
    for (topic, partitions) in topics {
        let Some(now) = described.get(topic.as_ref()) else { continue };
        let Some(before) = known.insert(topic.clone(), *now) else { continue };
        if before == *now {
            continue;
        }
        warn!(%topic, ?before, ?now, "the topic changed, its feed starts again");
        let replaced = before.id != now.id;
        let mut told = HashSet::new();
        for Held { to: Sink { inbox, generation }, .. } in partitions {
            if told.insert(*generation) {
                // A feed that ended has no use for it.
                let _ = inbox.blocking_send(FromKafka::TopicChanged { generation: *generation, replaced });
            }
        }
    }
}

/// Publishes how far the bridge has read a user's topic, as the offsets of that user's group.
pub(super) fn publish(lookup: &Lookup, topic: &str, partitions: &[Held]) -> Result<(), KafkaError> {
    let Ok(user) = UserId::from_topic(topic) else { return Ok(()) };
    let mut positions = TopicPartitionList::with_capacity(partitions.len());
    for Held { partition, next, .. } in partitions {
        positions
            .add_partition_offset(topic, *partition, Offset::Offset(*next))
            .map_err(KafkaError::Request)?;
    }
    lookup.publish(&user.group(), &positions)
}
