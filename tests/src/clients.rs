//! How do real clients log in to a secured Kafka, and what are they told?

mod acls;
mod handles;
mod token;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use purple_sector_codec::{Topic, UserId};
use rdkafka::ClientContext;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, Producer};

pub use self::acls::{allow, forbid};
pub use self::token::set_token;
use crate::publisher::create_topic_by;
use crate::secure::acl::Acl;
use crate::secure::principal::ADMIN;
use crate::secure::{IdentityFiles, SecureKafka};

/// For the broker's word on a log-in; on an idle machine it comes after 0.3 s.
const LIMIT: Duration = Duration::from_secs(30);

/// How long a fetch of a [`consumer`] waits at the broker for records.
pub const FETCH_WAIT: Duration = Duration::from_millis(200);

/// More than librdkafka queues while [`log_in`] waits for an answer.
const EVENTS_AT_ONCE: usize = 20;

/// What librdkafka reports beside the answers to a client's calls, such as that it was not let in.
#[derive(Debug, Clone, Default)]
pub struct Reports(Arc<Mutex<Vec<String>>>);

impl Reports {
    /// All so far, oldest first.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{error}: {reason}"));
    }

    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {
        // It repeats the reports.
    }
}

impl ConsumerContext for Reports {}

/// The settings with which a service logs in.
pub fn service_config(kafka: &SecureKafka, identity: &IdentityFiles) -> ClientConfig {
    let mut config = config(kafka, &kafka.services(), "SSL");
    config
        .set("ssl.certificate.location", identity.certificate.to_string_lossy())
        .set("ssl.key.location", identity.key.to_string_lossy());
    config
}

/// The settings with which a user logs in; the token comes later, by [`set_token`].
pub fn user_config(kafka: &SecureKafka) -> ClientConfig {
    let mut config = config(kafka, &kafka.users(), "SASL_SSL");
    // A lost connection is tried again soon, so that tests of lasting connections are short.
    config.set("sasl.mechanism", "OAUTHBEARER").set("reconnect.backoff.max.ms", "1000");
    config
}

fn config(kafka: &SecureKafka, brokers: &str, protocol: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("security.protocol", protocol)
        .set("ssl.ca.location", kafka.ca().to_string_lossy())
        .set("allow.auto.create.topics", "false");
    config
}

/// A client for admin calls as `svc-admin`, who may do everything.
///
/// # Errors
/// Where it cannot be made.
pub fn admin(kafka: &SecureKafka) -> Result<AdminClient<DefaultClientContext>> {
    service_config(kafka, &kafka.service(ADMIN)?).create().context("no admin client")
}

/// A client for admin calls with a user's token.
///
/// # Errors
/// Where it cannot be made.
pub fn user_admin(kafka: &SecureKafka, token: &str) -> Result<AdminClient<Reports>> {
    let admin: AdminClient<Reports> = user_config(kafka).create_with_context(Reports::default())?;
    set_token(admin.inner(), token)?;
    Ok(admin)
}

/// A producer with a user's token, and what is reported to it; idempotent, as a collector's is. `settings` are further ones.
///
/// # Errors
/// Where it cannot be made.
pub fn producer(
    kafka: &SecureKafka,
    token: &str,
    settings: &[(&str, &str)],
) -> Result<(FutureProducer<Reports>, Reports)> {
    let mut config = user_config(kafka);
    config.set("enable.idempotence", "true").set("linger.ms", "0").set("message.timeout.ms", "20000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let reports = Reports::default();
    let producer: FutureProducer<Reports> = config.create_with_context(reports.clone())?;
    set_token(producer.client(), token)?;
    Ok((producer, reports))
}

/// A consumer with a user's token, which knows of `group` but has not joined it. Its fetches wait for [`FETCH_WAIT`].
///
/// # Errors
/// Where it cannot be made.
pub fn consumer(kafka: &SecureKafka, token: &str, group: &str) -> Result<BaseConsumer<Reports>> {
    let mut config = user_config(kafka);
    config.set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    // A fetch that waits is answered even where its right goes meanwhile; no test should have to wait for that.
    config.set("fetch.wait.max.ms", FETCH_WAIT.as_millis().to_string());
    let consumer: BaseConsumer<Reports> = config.create_with_context(Reports::default())?;
    set_token(consumer.client(), token)?;
    Ok(consumer)
}

/// Makes the topic of `user` and grants what a user may do.
///
/// # Errors
/// Where Kafka refuses.
pub async fn provision(kafka: &SecureKafka, user: &UserId) -> Result<()> {
    let admin = admin(kafka)?;
    create_topic_by(&admin, user, &Topic::SETTINGS).await?;
    allow(&admin, &Acl::of_user(user))
}

/// The broker's word on a log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It answered a first question.
    Admitted,
    /// It refused, in these words.
    Refused(String),
}

/// Logs in with these settings, and with `token` where they want one.
///
/// # Errors
/// Where the client cannot be made, or hears nothing within 30 s.
pub fn log_in(config: &ClientConfig, token: Option<&str>) -> Result<Verdict> {
    let consumer: BaseConsumer<Reports> = config.create_with_context(Reports::default())?;
    if let Some(token) = token {
        set_token(consumer.client(), token)?;
    }
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if consumer.fetch_metadata(None, Duration::from_millis(200)).is_ok() {
            return Ok(Verdict::Admitted);
        }
        // One call handles one event, and most are lines of librdkafka's log.
        for _ in 0..EVENTS_AT_ONCE {
            drop(consumer.poll(Duration::ZERO));
        }
        if let Some(reason) = consumer.context().all().into_iter().next() {
            return Ok(Verdict::Refused(reason));
        }
    }
    bail!("the broker said nothing within {} s", LIMIT.as_secs())
}
