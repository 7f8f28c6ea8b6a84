//! With which settings does the bridge speak to Kafka?

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use tracing::{debug, info, warn};

/// What every client of the bridge has in common.
pub(crate) fn common(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "purple-sector-bridge")
        .set("socket.keepalive.enable", "true")
        .set("socket.timeout.ms", "10000")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "2000");
    config
}

/// A consumer that is told by `assign` what to read and never joins a group; the group's name is only a name.
pub(crate) fn consumer(brokers: &str, fetch_wait: Duration) -> ClientConfig {
    let mut config = common(brokers);
    config
        .set("group.id", "purple-sector-bridge")
        .set("allow.auto.create.topics", "false")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that Kafka no longer has must be told to viewers, not silently replaced by another.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_uncommitted")
        .set("check.crcs", "true")
        .set("fetch.min.bytes", "1")
        .set("fetch.wait.max.ms", fetch_wait.as_millis().to_string())
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.error.backoff.ms", "100")
        // A partition's share of one answer, and what may wait in the client before it is polled.
        .set("max.partition.fetch.bytes", "262144")
        .set("queued.min.messages", "1000")
        .set("queued.max.messages.kbytes", "16384");
    config
}

/// Sends librdkafka's log and errors to ours. Its errors are told by the events that follow them, so they are quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                warn!(facility, "librdkafka: {message}");
            }
            // A broker that cannot be reached is logged here every second; `Lookup` says it once.
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => debug!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Notice => info!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => debug!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, "librdkafka: {reason}");
    }
}

impl ConsumerContext for Context {}
