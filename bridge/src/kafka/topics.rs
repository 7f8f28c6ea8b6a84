//! How is a user's topic created if it does not exist, and given the right settings if it does?
//!
//! Requests that come together share a call, and no call waits for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use purple_sector_codec::Topic;
use purple_sector_kafka::ErrorCode;
use purple_sector_kafka::admin::{self, NewTopics, OtherSettings, Outcome};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::client::{AskError, Services};
use super::embedded::Embedded;

/// How long making topics may take.
const CREATE_WITHIN: Duration = Duration::from_secs(10);
/// How long Kafka may take to tell or to change settings.
const SETTINGS_WITHIN: Duration = Duration::from_secs(5);
/// Topics that share a call.
const MAX_BATCH: usize = 256;
/// Requests that may wait; feeds wait with them.
const MAX_WAITING: usize = 1_024;
/// Calls at the same time.
const MAX_CALLS: usize = 4;
/// The same trouble is logged at most once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Settings that keep one user from hurting those who read the topic: they are changed where they differ.
const PROTECTIVE: [&str; 2] = ["max.message.bytes", "compression.type"];

/// Why a topic was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MakeError {
    /// The setting says that topics are not to be made.
    #[error("KAFKA_AUTO_CREATE_TOPICS is off")]
    Off,
    /// Kafka does not let the bridge make topics.
    #[error("Kafka does not let the bridge make the topic: {0}")]
    Refused(String),
    /// Trying again gives the same.
    #[error("the topic cannot be made: {0}")]
    Impossible(String),
    /// It may work later.
    #[error("{0}")]
    TryLater(String),
}

enum Request {
    Make { topic: Topic, made: oneshot::Sender<Result<(), MakeError>> },
    Check { topic: Topic },
}

/// Makes and checks topics, as the bridge itself.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    requests: mpsc::Sender<Request>,
}

/// The other end of [`Topics`].
pub(crate) struct Requests(mpsc::Receiver<Request>);

/// How topics are made.
#[derive(Clone)]
pub(crate) struct Maker {
    pub(crate) services: Services,
    pub(crate) may_create: bool,
    pub(crate) partitions: u16,
    pub(crate) replication_factor: Option<u16>,
    pub(crate) embedded: Option<Arc<Embedded>>,
    pub(crate) told: Arc<Told>,
}

/// When which trouble was last logged; a few kinds at most.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<String, Instant>>);

impl Told {
    /// Whether it is time to log this again.
    fn is_due(&self, what: &str) -> bool {
        let now = Instant::now();
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now - *at < WARN_EVERY);
        if told.contains_key(what) || told.len() >= MAX_BATCH {
            return false;
        }
        told.insert(what.to_owned(), now);
        true
    }
}

impl Topics {
    pub(crate) fn new() -> (Self, Requests) {
        let (requests, received) = mpsc::channel(MAX_WAITING);
        (Self { requests }, Requests(received))
    }

    /// Makes the topic; one that exists already is fine.
    pub(crate) async fn make(&self, topic: Topic) -> Result<(), MakeError> {
        let (made, is_made) = oneshot::channel();
        let stopping = || MakeError::TryLater("the bridge is stopping".to_owned());
        self.requests.send(Request::Make { topic, made }).await.map_err(|_| stopping())?;
        is_made.await.map_err(|_| stopping())?
    }

    /// Has a topic that exists set up as it has to be; never waits, and is left out when too many ask.
    pub(crate) fn check(&self, topic: Topic) {
        let _ = self.requests.try_send(Request::Check { topic });
    }
}

/// Does what is asked for; never ends.
pub(crate) async fn run(requests: Arc<tokio::sync::Mutex<Requests>>, maker: Maker) {
    let mut requests = requests.lock().await;
    let mut calls = JoinSet::new();
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            n = requests.0.recv_many(&mut batch, MAX_BATCH), if calls.len() < MAX_CALLS => {
                if n == 0 {
                    return;
                }
                let (maker, batch) = (maker.clone(), std::mem::take(&mut batch));
                calls.spawn(async move { maker.serve(batch).await });
            }
            Some(_) = calls.join_next() => {}
        }
    }
}

impl Maker {
    async fn serve(&self, batch: Vec<Request>) {
        let (mut wanted, mut existing) = (Vec::new(), Vec::new());
        for request in batch {
            match request {
                Request::Make { topic, made } => wanted.push((topic, made)),
                Request::Check { topic } => existing.push(topic),
            }
        }
        if !wanted.is_empty() {
            let topics: Vec<Topic> = wanted.iter().map(|(topic, _)| topic.clone()).collect();
            let mut results = self.create(&topics).await;
            for (topic, made) in wanted {
                let missing = || Err(MakeError::TryLater("Kafka says nothing about the topic".to_owned()));
                let result = results.remove(topic.as_str()).unwrap_or_else(missing);
                if let Err(error @ (MakeError::Refused(_) | MakeError::Impossible(_))) = &result
                    && self.told.is_due(&error.to_string())
                {
                    warn!(%topic, %error, "viewers wait for a topic that is not there; the reason may hold for others as well");
                }
                // The feed may have ended meanwhile.
                let _ = made.send(result);
            }
        }
        if !existing.is_empty()
            && self.embedded.is_none()
            && let Err(error) = self.set_up(&existing).await
        {
            debug!(%error, "cannot check the settings of topics");
        }
    }

    async fn create(&self, topics: &[Topic]) -> HashMap<String, Result<(), MakeError>> {
        let each = |result: Result<(), MakeError>| {
            topics.iter().map(|topic| (topic.to_string(), result.clone())).collect()
        };
        if let Some(embedded) = &self.embedded {
            let (embedded, partitions) = (embedded.clone(), i32::from(self.partitions));
            let topics = topics.to_vec();
            // The embedded broker is librdkafka's, whose calls block.
            let made = tokio::task::spawn_blocking(move || {
                let make = |topic: &Topic| {
                    let made = embedded.create_topic(topic, partitions);
                    (topic.to_string(), made.map_err(MakeError::TryLater))
                };
                topics.iter().map(make).collect()
            });
            return made.await.unwrap_or_default();
        }
        if !self.may_create {
            return each(Err(MakeError::Off));
        }
        match self.ask_to_create(topics).await {
            Ok(outcomes) => {
                outcomes.into_iter().map(|outcome| (outcome.name.clone(), made(&outcome))).collect()
            }
            Err(error) => each(Err(MakeError::TryLater(error.to_string()))),
        }
    }

    async fn ask_to_create(&self, topics: &[Topic]) -> Result<Vec<Outcome>, AskError> {
        let how = NewTopics {
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            timeout_ms: CREATE_WITHIN.as_millis() as i32,
        };
        let mut client = self.services.connect().await?;
        let ask = |number| admin::create_topics(topics, how, number);
        client.ask(ask, admin::created, CREATE_WITHIN + Duration::from_secs(1)).await
    }

    /// Brings the settings of topics to ours where they protect others, and names the rest.
    async fn set_up(&self, topics: &[Topic]) -> Result<(), AskError> {
        let mut client = self.services.connect().await?;
        let ask = |number| admin::describe_topics(topics, number);
        let described = client.ask(ask, admin::described, SETTINGS_WITHIN).await?;
        for OtherSettings { name: topic, error, settings } in described {
            if error != ErrorCode::NONE {
                debug!(topic, %error, "cannot check the topic's settings");
                continue;
            }
            let (protective, others): (Vec<_>, Vec<_>) =
                settings.into_iter().partition(|(key, ..)| PROTECTIVE.contains(key));
            self.name_others(&topic, &others);
            if protective.is_empty() {
                continue;
            }
            let changes: Vec<(&str, &str)> = protective.iter().map(|(key, _, ours)| (*key, *ours)).collect();
            if !self.may_create {
                self.name_others(&topic, &protective);
                continue;
            }
            let ask = |number| admin::alter_topic(&topic, &changes, number);
            let altered = client.ask(ask, admin::altered, SETTINGS_WITHIN).await?;
            for Outcome { error, message, .. } in altered {
                if error == ErrorCode::NONE {
                    info!(topic, ?protective, "set the topic up as it has to be (setting, before, now)");
                } else {
                    warn!(topic, ?protective, %error, message, "cannot set the topic up: its user may make the bridge read large or compressed batches");
                }
            }
        }
        Ok(())
    }

    fn name_others(&self, topic: &str, others: &[(&str, String, &str)]) {
        if !others.is_empty() && self.told.is_due(&format!("{others:?}")) {
            warn!(topic, ?others, "topic settings differ from ours (setting, now, ours); others may as well");
        }
    }
}

fn made(outcome: &Outcome) -> Result<(), MakeError> {
    const TOPIC_ALREADY_EXISTS: i16 = 36;
    let why = || match outcome.message.as_str() {
        "" => outcome.error.to_string(),
        message => format!("{} ({message})", outcome.error),
    };
    match outcome.error.0 {
        0 => {
            info!(topic = outcome.name, "made the topic");
            Ok(())
        }
        TOPIC_ALREADY_EXISTS => Ok(()),
        29 | 31 => Err(MakeError::Refused(why())),
        // Timed out, no controller, quota, network, unknown: the next attempt may do.
        -1 | 7 | 13 | 41 | 89 => Err(MakeError::TryLater(why())),
        _ => Err(MakeError::Impossible(why())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(error: i16, message: &str, expected: Result<(), MakeError>) {
        let outcome = Outcome { name: "t".to_owned(), error: ErrorCode(error), message: message.to_owned() };
        assert_eq!(made(&outcome), expected);
    }

    #[test]
    fn what_cannot_work_is_distinguished_from_what_may_work_later() {
        check(0, "", Ok(()));
        check(36, "exists", Ok(()));
        check(41, "", Err(MakeError::TryLater("NOT_CONTROLLER".to_owned())));
        check(29, "", Err(MakeError::Refused("TOPIC_AUTHORIZATION_FAILED".to_owned())));
        let why = "INVALID_REPLICATION_FACTOR (3 of 1)".to_owned();
        check(38, "3 of 1", Err(MakeError::Impossible(why)));
    }

    #[test]
    fn the_same_trouble_is_logged_once() {
        let told = Told::default();
        assert!(told.is_due("a"));
        assert!(!told.is_due("a"));
        assert!(told.is_due("b"));
    }
}
