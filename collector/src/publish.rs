//! How do queued records get into Kafka? One idempotent producer for all users, on a thread of its own.
//!
//! A record counts as sent only with its delivery report. While Kafka is away librdkafka keeps trying with what is on its
//! way, and the rest waits in the queues. After a fatal producer error a new producer starts from the first
//! unacknowledged record of each queue.

use crate::outbox::{Outbox, Outcome, Receipt};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// How long one round of the producer's thread serves reports before it looks at the queues again.
const ROUND: Duration = Duration::from_millis(100);
/// The same while a queue has more to send than may be on its way.
const BACKLOG_ROUND: Duration = Duration::from_millis(5);
/// How long a new producer may take to start before the next try.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Which outbox and which record a delivery report is about.
type Opaque = Box<(Arc<Outbox>, Receipt)>;

/// What the producer tells, on whatever thread.
#[derive(Debug, Clone, Default)]
struct Reports {
    health: Arc<Health>,
}

/// How the connection is doing; said once per change.
#[derive(Debug, Default)]
struct Health {
    is_lost: AtomicBool,
    n_losses: AtomicU64,
    /// The last refusal that was logged, so that each is said once.
    last_refusal: Mutex<Option<RDKafkaErrorCode>>,
}

impl Health {
    fn lost(&self, reason: &str) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            self.n_losses.fetch_add(1, Ordering::Relaxed);
            warn!(reason, "lost Kafka; keeping what the source gives and trying again");
        }
    }

    fn delivered(&self) {
        if self.is_lost.load(Ordering::Relaxed) && self.is_lost.swap(false, Ordering::Relaxed) {
            info!("Kafka takes records again");
        }
    }

    fn refused(&self, topic: &str, code: Option<RDKafkaErrorCode>, hopeless: bool) {
        let mut last = self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == code {
            return;
        }
        *last = code;
        let reason = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
        if hopeless {
            error!(topic, reason, "Kafka will never take this record; it is left out");
        } else {
            warn!(topic, reason, "Kafka refused a record; sending it again, with all behind it");
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", ?level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure) => {
                self.health.lost(reason);
            }
            _ => debug!(%error, reason, "Kafka client reports"),
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Opaque;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Opaque) {
        let (outbox, receipt) = *opaque;
        let outcome = match result {
            Ok(message) => {
                self.health.delivered();
                let appended_ms = match message.timestamp() {
                    Timestamp::LogAppendTime(ms) => Some(ms),
                    Timestamp::CreateTime(_) | Timestamp::NotAvailable => None,
                };
                Outcome::Delivered { appended_ms }
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                let hopeless = matches!(
                    code,
                    Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidRecord)
                );
                // Purged: its producer was replaced, which has been said already.
                if !matches!(code, Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)) {
                    self.health.refused(&outbox.address.topic, code, hopeless);
                }
                if hopeless { Outcome::Refused } else { Outcome::Failed }
            }
        };
        outbox.report(receipt, outcome);
    }
}

/// The producer, and the thread that serves it.
pub struct Publisher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    config: ClientConfig,
    reports: Reports,
    outboxes: Vec<Arc<Outbox>>,
    producer: Mutex<Arc<BaseProducer<Reports>>>,
    stopping: AtomicBool,
}

impl Publisher {
    /// Starts publishing what is and will be in these outboxes.
    ///
    /// # Errors
    /// If librdkafka does not accept the settings, or no thread can be started.
    pub fn start(config: ClientConfig, outboxes: Vec<Arc<Outbox>>) -> anyhow::Result<Self> {
        let reports = Reports::default();
        let producer = Mutex::new(Arc::new(new_producer(&config, &reports)?));
        let shared =
            Arc::new(Shared { config, reports, outboxes, producer, stopping: AtomicBool::new(false) });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("publish".into()).spawn(move || of_thread.serve())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Sends what waits in `outbox`, as far as it may. Never waits; call it after pushing.
    pub fn send_waiting(&self, outbox: &Arc<Outbox>) {
        self.shared.send_waiting(&self.shared.producer(), outbox);
    }

    /// Times that Kafka was lost.
    pub fn n_losses(&self) -> u64 {
        self.shared.reports.health.n_losses.load(Ordering::Relaxed)
    }

    /// Whether Kafka is lost now.
    pub fn is_lost(&self) -> bool {
        self.shared.reports.health.is_lost.load(Ordering::Relaxed)
    }
}

impl Drop for Publisher {
    /// Ends the thread. What Kafka has not acknowledged is given up.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Without this, closing the client would wait for records that may never be acknowledged.
        self.shared.producer().purge(PurgeConfig::default().queue().inflight());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the publishing thread ended with a panic");
        }
    }
}

impl Shared {
    fn producer(&self) -> Arc<BaseProducer<Reports>> {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves delivery reports and sends what they make room for, until it is told to stop.
    fn serve(&self) {
        while !self.stopping.load(Ordering::Relaxed) {
            let producer = self.producer();
            let backlog = self.outboxes.iter().any(|outbox| outbox.has_unsent());
            producer.poll(if backlog { BACKLOG_ROUND } else { ROUND });
            for outbox in &self.outboxes {
                self.send_waiting(&producer, outbox);
            }
            if let Some((code, reason)) = producer.client().fatal_error() {
                warn!(%code, reason, "Kafka's producer gave up; starting a new one");
                drop(producer);
                self.replace();
            }
        }
    }

    fn send_waiting(&self, producer: &BaseProducer<Reports>, outbox: &Arc<Outbox>) {
        outbox.send_waiting(|address, bytes, receipt| {
            let record = BaseRecord::with_opaque_to(&*address.topic, Box::new((Arc::clone(outbox), receipt)))
                .partition(address.partition)
                .key(&address.key)
                .payload(bytes);
            match producer.send(record) {
                Ok(()) => true,
                // Full, or fatal: what waits is looked at again in the next round.
                Err((error, _)) => {
                    debug!(%error, "the producer takes no more now");
                    false
                }
            }
        });
    }

    /// A new producer, from the first unacknowledged record of each outbox.
    fn replace(&self) {
        let producer = match new_producer(&self.config, &self.reports) {
            Ok(producer) => Arc::new(producer),
            Err(error) => {
                warn!(%error, "cannot start a new producer yet");
                std::thread::sleep(RESTART_PAUSE);
                return;
            }
        };
        let old = {
            let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            // Inside the lock: nothing may be sent to the old producer after its outboxes started anew.
            self.outboxes.iter().for_each(|outbox| outbox.restart());
            std::mem::replace(&mut *current, producer)
        };
        old.purge(PurgeConfig::default().queue().inflight());
        old.poll(Duration::ZERO);
    }
}

fn new_producer(config: &ClientConfig, reports: &Reports) -> KafkaResult<BaseProducer<Reports>> {
    BaseProducer::from_config_and_context(config, reports.clone())
}
