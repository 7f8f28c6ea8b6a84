//! How do the blocks get into Kafka? One lean producer on a thread of its own sends each driver's blocks at an even rate,
//! the drivers one after another, as drivers do not start at the same instant.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::blocks::Session;

const FLUSH_LIMIT: Duration = Duration::from_secs(30);

/// Sends `rate` blocks a second of each session until all are sent; the thread ends when Kafka has everything.
pub(crate) fn start(brokers: &str, sessions: Vec<Session>, rate: u32) -> JoinHandle<Result<()>> {
    let brokers = brokers.to_owned();
    thread::spawn(move || send(&brokers, &sessions, rate))
}

fn send(brokers: &str, sessions: &[Session], rate: u32) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("allow.auto.create.topics", "false")
        // As the collector's: no waiting for a batch to fill, and never a repeat.
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("socket.nagle.disable", "true")
        .create()
        .context("no producer")?;
    for session in sessions {
        session.start.iter().try_for_each(|record| publish(&producer, session, record))?;
    }
    producer.flush(FLUSH_LIMIT).context("Kafka did not take the first records")?;
    let n_blocks = sessions.iter().map(|session| session.blocks.len()).max().unwrap_or_default();
    let n_sessions = u32::try_from(sessions.len())?;
    let mut due = Instant::now();
    for n in 0..n_blocks {
        for session in sessions {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if let Some(block) = session.blocks.get(n) {
                publish(&producer, session, block)?;
            }
            producer.poll(Duration::ZERO);
            due += Duration::from_secs(1) / (rate * n_sessions);
        }
    }
    for session in sessions {
        publish(&producer, session, &session.end)?;
    }
    producer.flush(FLUSH_LIMIT).context("Kafka did not take everything")
}

fn publish(producer: &BaseProducer, session: &Session, bytes: &[u8]) -> Result<()> {
    let record = BaseRecord::to(&session.topic).key(&session.key).payload(bytes).partition(session.partition);
    producer.send(record).map_err(|(error, _)| anyhow!(error).context(session.topic.clone()))
}
