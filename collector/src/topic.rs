//! Does each user's topic exist, and how many partitions does it have?

use std::time::Duration;

use anyhow::{Context, anyhow};
use purple_sector_codec::Topic;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::asker::{Asker, REACH_WITHIN};
use crate::login::Access;

/// How often a missing topic is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same for one that Kafka does not show, because it may log each of these looks.
const LOOK_FOR_HIDDEN_EVERY: Duration = Duration::from_secs(1);

/// Finds the number of partitions of each topic, in order; creates missing topics where the broker allows that, otherwise waits
/// until someone creates them, and says once what it waits for. `None` if it was stopped before.
///
/// # Errors
/// If Kafka cannot be reached within [`REACH_WITHIN`], or refuses the log-in and no other can be expected.
pub fn partition_counts(
    asker: &Asker,
    brokers: &str,
    topics: &[Topic],
    stop: &CancellationToken,
) -> anyhow::Result<Option<Vec<u32>>> {
    if !asker.reach(brokers, stop)? {
        return Ok(None);
    }
    let mut counts = vec![None; topics.len()];
    let mut creating = None;
    let mut is_refusal_told = false;
    while !stop.is_cancelled() {
        let (mut missing, mut refused) = (Vec::new(), Vec::new());
        for (topic, count) in topics.iter().zip(&mut counts).filter(|(_, count)| count.is_none()) {
            match look(asker, topic) {
                Found::Ready { n_partitions } => *count = Some(n_partitions),
                Found::Missing => missing.push(topic.clone()),
                Found::Refused => refused.push(topic),
                Found::Unknown => {}
            }
        }
        if let Some(counts) = counts.iter().copied().collect() {
            return Ok(Some(counts));
        }
        if let Some(first) = refused.first().filter(|_| !is_refusal_told) {
            is_refusal_told = true;
            warn!(topics = refused.len(), %first, "waiting for the topic: {NOT_SHOWN}");
        }
        if !missing.is_empty() && creating.is_none() {
            let access = asker.access().clone();
            // While looking: the embedded broker does not answer this request, but has the topic soon after.
            creating = Some(Some(std::thread::spawn(move || create(&access, &missing))));
        }
        if let Some(done) =
            creating.as_mut().and_then(|creating| creating.take_if(|thread| thread.is_finished()))
        {
            let created =
                done.join().map_err(|_| anyhow!("the thread that creates topics ended with a panic"))??;
            created.report();
        }
        std::thread::sleep(if refused.is_empty() { LOOK_EVERY } else { LOOK_FOR_HIDDEN_EVERY });
    }
    Ok(None)
}

/// A topic that a user may not see looks like one that does not exist.
const NOT_SHOWN: &str = "it does not exist yet, or this user may not write to it; the bridge makes it when its first \
                         viewer comes, and whoever runs Kafka grants the right";

/// What became of a request to create topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// They exist now.
    Yes,
    /// This broker cannot (the embedded one).
    Impossible,
    /// This user may not.
    Refused,
}

impl Created {
    /// Says what is waited for, if the topics were not created.
    pub(crate) fn report(self) {
        match self {
            Self::Yes => {}
            Self::Impossible => info!(
                "waiting for the topic: this broker makes none on request, the bridge makes it (is it running?)"
            ),
            Self::Refused => warn!(
                "waiting for the topic: this user may not create it; the bridge makes it when its first viewer comes, or \
                 whoever runs Kafka does"
            ),
        }
    }
}

/// What a look at a topic found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The topic is there, and each of its partitions has a leader.
    Ready { n_partitions: u32 },
    /// There is no such topic.
    Missing,
    /// Kafka does not let this user see it.
    Refused,
    /// Kafka does not answer, or cannot say now.
    Unknown,
}

/// Looks for a topic; takes [`REACH_WITHIN`] where Kafka does not answer.
pub(crate) fn look(asker: &Asker, topic: &Topic) -> Found {
    match asker.ask(topic, REACH_WITHIN) {
        Ok(metadata) => found(&metadata, topic),
        Err(error) => {
            debug!(%error, %topic, "no metadata yet");
            Found::Unknown
        }
    }
}

fn found(metadata: &Metadata, topic: &Topic) -> Found {
    let Some(found) = metadata.topics().iter().find(|found| *found.name() == **topic) else {
        return Found::Missing;
    };
    match found.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => return Found::Refused,
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            return Found::Missing;
        }
        Some(_) => return Found::Unknown,
        None => {}
    }
    let ready = found.partitions().iter().all(|partition| partition.leader() >= 0);
    match u32::try_from(found.partitions().len()) {
        Ok(n_partitions) if ready && n_partitions > 0 => Found::Ready { n_partitions },
        _ => Found::Unknown,
    }
}

/// Asks the broker to create the topics.
///
/// # Errors
/// If librdkafka does not accept the settings.
pub(crate) fn create(access: &Access, topics: &[Topic]) -> anyhow::Result<Created> {
    let admin: AdminClient<DefaultClientContext> =
        access.settings.create().context("Kafka's client does not accept the settings")?;
    access.login.begin().renew(admin.inner());
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|topic| {
            // Minus one: as many replicas as the broker's own default says.
            let topic = NewTopic::new(topic, i32::from(Topic::PARTITIONS), TopicReplication::Fixed(-1));
            Topic::SETTINGS.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(REACH_WITHIN));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let results = match runtime.block_on(admin.create_topics(&new, &options)) {
        Ok(results) => results,
        Err(error) => {
            debug!(%error, "the broker creates no topics");
            return Ok(Created::Impossible);
        }
    };
    let mut created = Created::Yes;
    for result in results {
        match result {
            Ok(topic) => info!(topic, partitions = Topic::PARTITIONS, "created the topic"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((
                _,
                RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
            )) => {
                created = Created::Refused;
            }
            Err((topic, error)) => {
                debug!(%error, topic, "the topic was not created");
                if created == Created::Yes {
                    created = Created::Impossible;
                }
            }
        }
    }
    Ok(created)
}
