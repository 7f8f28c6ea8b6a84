//! How do queued records get into Kafka? One idempotent producer for all users, on a thread of its own.
//!
//! A record counts as sent only with its delivery report. While Kafka is away librdkafka keeps trying with what is on its
//! way, and the rest waits in the queues. After a fatal producer error a new producer starts from the first
//! unacknowledged record of each queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Message, Timestamp};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig};
use tracing::{debug, error, warn};

use crate::health::{Connection, Health};
use crate::lane::Lane;
use crate::login::{Access, ShownToken};
use crate::outbox::{Note, Outcome, Receipt, Sent};

/// How long one round of the producer's thread serves reports before it looks at the queues again.
const ROUND: Duration = Duration::from_millis(100);
/// The same while a queue has more to send than may be on its way.
const BACKLOG_ROUND: Duration = Duration::from_millis(5);
/// Shortest time from one new producer to the next.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Which lane and which record a delivery report is about.
type Opaque = Box<(Arc<Lane>, Receipt)>;

/// What the producer reports, on whatever thread.
#[derive(Debug, Clone)]
struct Reports {
    health: Arc<Health>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(target: "librdkafka", ?level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "Kafka client reports");
        if let Some(code) = error.rdkafka_error_code() {
            self.health.note_error(code, reason);
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Opaque;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: Opaque) {
        let (lane, receipt) = *opaque;
        let (outcome, code) = match result {
            Ok(message) => {
                self.health.note_delivered();
                let appended_ms = match message.timestamp() {
                    Timestamp::LogAppendTime(ms) => Some(ms),
                    Timestamp::CreateTime(_) | Timestamp::NotAvailable => None,
                };
                (Outcome::Delivered { appended_ms }, None)
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                let outcome = match code {
                    Some(RDKafkaErrorCode::InvalidRecord) => Outcome::Refused,
                    Some(RDKafkaErrorCode::MessageSizeTooLarge) => Outcome::BatchTooLong,
                    _ => Outcome::Failed,
                };
                (outcome, code)
            }
        };
        let note = lane.report(receipt, outcome);
        // Purged: its producer was replaced, which has been logged already.
        let purged = matches!(code, Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight));
        if let Some(note) = note.filter(|_| !purged) {
            self.health.note_refused(lane.topic(), code, note);
        }
    }
}

/// The producer, and the thread that serves it.
pub struct Publisher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A producer, and the token that it has.
struct LoggedIn {
    producer: BaseProducer<Reports>,
    token: ShownToken,
}

struct Shared {
    access: Access,
    reports: Reports,
    lanes: Vec<Arc<Lane>>,
    producer: Mutex<Arc<LoggedIn>>,
    stopping: AtomicBool,
}

impl Publisher {
    /// Starts publishing what is and will be in these lanes.
    ///
    /// # Errors
    /// If librdkafka does not accept the settings, or no thread can be started.
    pub fn start(access: Access, lanes: Vec<Arc<Lane>>) -> anyhow::Result<Self> {
        let reports = Reports { health: Arc::new(Health::new(access.login.clone())) };
        let producer = Mutex::new(Arc::new(LoggedIn::new(&access, &reports)?));
        let stopping = AtomicBool::new(false);
        let shared = Arc::new(Shared { access, reports, lanes, producer, stopping });
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new().name("publish".into()).spawn(move || of_thread.serve())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Sends what waits in `lane`, as far as it may. Never waits; call it after pushing.
    pub fn send_waiting(&self, lane: &Arc<Lane>) {
        self.shared.send_waiting(lane);
    }

    /// Changes where records go by `change`: everything that was not acknowledged is sent again, to the new place. False
    /// if that cannot be done now.
    pub fn redirect(&self, change: impl FnOnce()) -> bool {
        self.shared.replace(change)
    }

    /// Times that Kafka was lost.
    pub fn n_losses(&self) -> u64 {
        self.shared.reports.health.n_losses()
    }

    /// How the connection is doing now.
    pub fn connection(&self) -> Connection {
        self.shared.reports.health.connection()
    }
}

impl Drop for Publisher {
    /// Ends the thread. What Kafka has not acknowledged is given up.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Without this, closing the client would wait for records that may never be acknowledged.
        self.shared.producer().producer.purge(PurgeConfig::default().queue().inflight());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the publishing thread ended with a panic");
        }
    }
}

impl Shared {
    fn producer(&self) -> Arc<LoggedIn> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves delivery reports and sends what they make room for, until it is told to stop.
    fn serve(&self) {
        let mut restart_at = Instant::now();
        while !self.stopping.load(Ordering::Relaxed) {
            let current = self.producer();
            let LoggedIn { producer, token } = &*current;
            token.renew(producer.client());
            let backlog = self.lanes.iter().any(|lane| lane.has_unsent());
            producer.poll(if backlog { BACKLOG_ROUND } else { ROUND });
            for lane in &self.lanes {
                self.send_waiting(lane);
            }
            if let Some((code, reason)) = producer.client().fatal_error() {
                self.reports.health.note_gave_up(code, &reason);
                if Instant::now() >= restart_at {
                    drop(current);
                    self.replace(|| ());
                    restart_at = Instant::now() + RESTART_PAUSE;
                }
            }
        }
    }

    fn send_waiting(&self, lane: &Arc<Lane>) {
        // Held while sending, so that nothing goes to a producer that was replaced: nobody would report it.
        let current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        lane.send_waiting(|address, bytes, receipt| {
            let record = BaseRecord::with_opaque_to(address.topic, Box::new((lane.clone(), receipt)))
                .partition(address.partition)
                .key(address.key)
                .payload(bytes);
            let Err((error, _)) = current.producer.send(record) else { return Sent::Taken };
            let code = error.rdkafka_error_code();
            if code == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
                self.reports.health.note_refused(lane.topic(), code, Note::LeftOut);
                return Sent::TooLong;
            }
            // Full, or fatal, or without a topic: what waits is looked at again in the next round.
            debug!(%error, "the producer takes no more now");
            Sent::NotNow
        });
    }

    /// A new producer, from the first unacknowledged record of each lane; `change` is made between the two.
    fn replace(&self, change: impl FnOnce()) -> bool {
        let producer = match LoggedIn::new(&self.access, &self.reports) {
            Ok(producer) => Arc::new(producer),
            Err(error) => {
                warn!(%error, "cannot start a new producer yet");
                std::thread::sleep(RESTART_PAUSE);
                return false;
            }
        };
        let old = {
            let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            change();
            self.lanes.iter().for_each(|lane| lane.restart());
            std::mem::replace(&mut *current, producer)
        };
        old.producer.purge(PurgeConfig::default().queue().inflight());
        old.producer.poll(Duration::ZERO);
        true
    }
}

impl LoggedIn {
    fn new(access: &Access, reports: &Reports) -> KafkaResult<Self> {
        let producer = BaseProducer::from_config_and_context(&access.settings, reports.clone())?;
        let token = access.login.begin();
        token.renew(producer.client());
        Ok(Self { producer, token })
    }
}
