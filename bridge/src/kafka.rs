//! How do records of a user's topic reach that user's feed?
//!
//! Each feed has a `Source`: a reader of its own, which speaks Kafka's protocol over connections of its own (the pure
//! part is the crate `purple-sector-kafka`). `topics` makes topics, `offsets` publishes how far readers got, `watch`
//! asks whether Kafka is there, and `embedded` is a broker inside this process for trying things out.

mod client;
mod connection;
mod embedded;
mod links;
mod login;
mod offsets;
mod security;
mod source;
mod stream;
mod topics;
mod turns;
mod watch;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purple_sector_codec::{Topic, UserId};
use purple_sector_kafka::{Address, Login, LookBack, ReaderSettings, Refusal, UnusableBroker};
use tokio::time::{Instant, sleep};

use self::client::{AskError, Services};
use self::connection::LongAnswers;
use self::embedded::Embedded;
use self::login::{Listener, LoginError};
use self::offsets::Offsets;
pub(crate) use self::offsets::Positions;
pub use self::security::{ReaderLogin, Security, Tls, TlsError};
pub(crate) use self::source::Source;
pub(crate) use self::topics::MakeError;
use self::topics::{Maker, Told, Topics};
use self::turns::Turns;
use self::watch::Reachable;
use crate::stats::Stats;
use crate::supervisor::Supervisor;

/// How long a start waits for Kafka's first answer.
const REACH_WITHIN: Duration = Duration::from_secs(5);
/// How far back a feed starts: some key intervals, and the schema and facts that are repeated every 10 s.
const LOOK_BACK: Duration = Duration::from_secs(15);
/// How many records back it starts on the embedded broker, which cannot look up times.
const EMBEDDED_LOOK_BACK: u32 = 2_048;
/// How long a Fetch waits for a record, which ends the wait at once. The embedded broker does not wake a waiting Fetch.
const MAX_WAIT: Duration = Duration::from_secs(5);
const EMBEDDED_MAX_WAIT: Duration = Duration::from_millis(10);
/// What one Fetch asks for at most: a piece of a backlog, or the blocks of a second.
const MAX_BYTES: u32 = 64 * 1024;

/// Which Kafka, and how topics are made there.
#[derive(Debug, Clone)]
pub struct KafkaSettings {
    /// The brokers to use.
    pub source: KafkaSource,
    /// How connections are secured, and as whom they log in.
    pub security: Security,
    /// Makes a user's topic if it does not exist.
    pub auto_create_topics: bool,
    /// Partitions of topics that are made; 1 or more.
    pub partitions: u16,
    /// Copies of each partition of topics that are made; `None` leaves it to the broker.
    pub replication_factor: Option<u16>,
}

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KafkaSource {
    /// Apache Kafka at these bootstrap addresses (`host:port`, comma-separated).
    Brokers(String),
    /// A broker inside this process, reachable from this machine only, that keeps nothing.
    Embedded {
        /// Port at 127.0.0.1 for collectors; 0 takes a free one.
        port: u16,
        /// Users whose topics are there from the start; those of others are made when their first viewers come.
        users: Vec<UserId>,
    },
}

/// Why the bridge cannot use Kafka.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// No broker answered.
    #[error("cannot reach Kafka at {brokers} within {}s; is it running? (--brokers, KAFKA_BROKERS)", within.as_secs())]
    Unreachable {
        /// The addresses that were tried.
        brokers: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// Something answers that cannot be used.
    #[error("cannot use Kafka at {brokers}: {error} (--brokers, KAFKA_BROKERS)")]
    Unusable {
        /// The addresses that were tried.
        brokers: String,
        /// What is wrong.
        error: UnusableBroker,
    },
    /// A broker's certificate is not trusted, or what was shown is not.
    #[error(
        "cannot settle on TLS with Kafka at {brokers}: {error} (KAFKA_SECURITY_PROTOCOL, KAFKA_SSL_CA_LOCATION, \
         KAFKA_SSL_CERTIFICATE_LOCATION)"
    )]
    Tls {
        /// The addresses that were tried.
        brokers: String,
        /// What TLS says.
        error: std::io::Error,
    },
    /// Brokers close connections before they can be used.
    #[error(
        "Kafka at {brokers} closes connections of the kind {protocol}; is that what it expects there \
         (KAFKA_SECURITY_PROTOCOL), and does it accept the certificate (KAFKA_SSL_CERTIFICATE_LOCATION), if one is needed?"
    )]
    HangsUp {
        /// The addresses that were tried.
        brokers: String,
        /// How it was tried.
        protocol: &'static str,
    },
    /// Kafka does not let the bridge in.
    #[error(
        "Kafka at {brokers} does not let the bridge log in: {refusal} (KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, \
         KAFKA_SASL_PASSWORD_FILE)"
    )]
    Refused {
        /// The addresses that were tried.
        brokers: String,
        /// What it says.
        refusal: Refusal,
    },
    /// The embedded broker's port cannot be used.
    #[error(
        "cannot listen on 127.0.0.1:{port} for the embedded Kafka: {error}; choose another port or stop what uses it"
    )]
    EmbeddedPort {
        /// The port asked for.
        port: u16,
        /// What the system says.
        error: std::io::Error,
    },
    /// The embedded broker does not start.
    #[error("cannot start the embedded Kafka: {0}")]
    Embedded(String),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// The bridge's side of Kafka.
pub(crate) struct Kafka {
    readers: Arc<ReaderSettings>,
    reader_listener: Arc<Listener>,
    /// As whom readers log in until they are told otherwise.
    reader_login: Login,
    topics: Topics,
    offsets: Offsets,
    reachable: Arc<Reachable>,
    supervisor: Supervisor,
    embedded: Option<Arc<Embedded>>,
    last_source: AtomicU64,
    /// Two topics whose readers read each the other's: the mistake that Kafka itself is to catch.
    #[cfg(test)]
    swapped: std::sync::OnceLock<[Topic; 2]>,
}

impl Kafka {
    /// Starts the embedded broker if asked for, checks that Kafka answers, and starts what looks after topics.
    pub(crate) async fn start(settings: &KafkaSettings, stats: Arc<Stats>) -> Result<Self, KafkaError> {
        let embedded = match &settings.source {
            KafkaSource::Embedded { port, users } => {
                Some(Arc::new(Embedded::start(*port, users, settings.partitions).await?))
            }
            KafkaSource::Brokers(_) => None,
        };
        let brokers = match (&settings.source, &embedded) {
            (KafkaSource::Brokers(brokers), _) => brokers.clone(),
            (_, Some(embedded)) => embedded.brokers().to_owned(),
            (KafkaSource::Embedded { .. }, None) => String::new(),
        };
        let security = &settings.security;
        let long_answers = LongAnswers::default();
        let listener = |brokers: &str, tls: &Option<Tls>| Listener {
            seeds: brokers.split(',').map(|broker| Address::from(broker.trim())).collect(),
            tls: tls.clone(),
            long_answers: long_answers.clone(),
            // The bridge's own questions never wait behind a crowd of readers.
            turns: Turns::default(),
        };
        let services =
            Services { listener: listener(&brokers, &security.tls), identity: security.identity.clone() };
        reach(&brokers, &services, security.protocol()).await?;
        let (reader_listener, reader_login) = match &security.readers {
            ReaderLogin::Bridge => {
                let login = security.identity.clone().map_or(Login::ByConnection, Login::As);
                (listener(&brokers, &security.tls), login)
            }
            ReaderLogin::User { brokers: users, tls } => {
                (listener(users.as_ref().unwrap_or(&brokers), tls), Login::Nobody)
            }
        };

        let supervisor = Supervisor::new(stats.clone());
        let reachable = Arc::new(Reachable::default());
        reachable.set(Ok(()));
        let (seen, asking) = (reachable.clone(), services.clone());
        supervisor.keep("watch of Kafka", move || watch::run(seen.clone(), asking.clone()));
        let (topics, requests) = Topics::new();
        let requests = Arc::new(tokio::sync::Mutex::new(requests));
        let maker = Maker {
            services: services.clone(),
            may_create: settings.auto_create_topics,
            partitions: settings.partitions,
            replication_factor: settings.replication_factor,
            embedded: embedded.clone(),
            told: Arc::new(Told::default()),
        };
        supervisor.keep("making of topics", move || topics::run(requests.clone(), maker.clone()));
        // On the embedded broker nobody looks at them, and a bridge that cannot read a topic may not write its positions.
        let offsets = if embedded.is_some() || matches!(security.readers, ReaderLogin::User { .. }) {
            Offsets::none(stats)
        } else {
            let (offsets, reports) = Offsets::new(stats.clone());
            let reports = Arc::new(tokio::sync::Mutex::new(reports));
            supervisor.keep("publishing of positions", move || {
                offsets::run(reports.clone(), services.clone(), stats.clone())
            });
            offsets
        };
        let (look_back, max_wait) = if embedded.is_some() {
            (LookBack::Records(EMBEDDED_LOOK_BACK), EMBEDDED_MAX_WAIT)
        } else {
            (LookBack::Time(LOOK_BACK), MAX_WAIT)
        };
        let seeds = reader_listener.seeds.clone();
        Ok(Self {
            readers: Arc::new(ReaderSettings { seeds, look_back, max_wait, max_bytes: MAX_BYTES }),
            reader_listener: Arc::new(reader_listener),
            reader_login,
            topics,
            offsets,
            reachable,
            supervisor,
            embedded,
            last_source: AtomicU64::new(crate::stats::now_ms()),
            #[cfg(test)]
            swapped: std::sync::OnceLock::new(),
        })
    }

    /// Whether Kafka answered lately, and what looks after it runs.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.get() && self.supervisor.all_run()
    }

    /// Whether each reader logs in as its user, so that Kafka itself keeps users apart.
    pub(crate) fn reads_as_users(&self) -> bool {
        matches!(self.reader_login, Login::Nobody)
    }

    /// Where collectors reach the embedded broker.
    pub(crate) fn embedded_address(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(|embedded| embedded.address())
    }

    /// A reader of a topic, which begins as it is polled.
    pub(crate) fn source(&self, topic: Topic) -> Source {
        // Readers that start together must not do the same at the same time.
        let seed = self.last_source.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        #[cfg(test)]
        let topic = match self.swapped.get() {
            Some([first, second]) if topic == *first => second.clone(),
            Some([first, second]) if topic == *second => first.clone(),
            _ => topic,
        };
        let (settings, listener) = (self.readers.clone(), self.reader_listener.clone());
        Source::new(topic, settings, listener, self.reader_login.clone(), seed)
    }

    /// Has the readers of two topics read each the other's.
    #[cfg(test)]
    pub(crate) fn swap(&self, topics: [Topic; 2]) {
        self.swapped.set(topics).expect("swapped once");
    }

    /// Makes a topic; one that exists already is fine.
    pub(crate) async fn make(&self, topic: Topic) -> Result<(), MakeError> {
        self.topics.make(topic).await
    }

    /// Has a topic that exists set up as it has to be, some time soon.
    pub(crate) fn check(&self, topic: Topic) {
        self.topics.check(topic);
    }

    /// Publishes how far a reader got, some time soon.
    pub(crate) fn publish(&self, positions: Positions) {
        self.offsets.publish(positions);
    }

    /// Ends all of it at once: nothing here waits for Kafka.
    pub(crate) fn shutdown(&self) {
        self.supervisor.stop();
    }
}

/// Waits for the first answer from any broker. What waiting does not change is told at once.
async fn reach(brokers: &str, services: &Services, protocol: &'static str) -> Result<(), KafkaError> {
    let deadline = Instant::now() + REACH_WITHIN;
    let brokers = brokers.to_owned();
    loop {
        let error = match watch::look(&mut None, services).await {
            Ok(()) => return Ok(()),
            Err(AskError::NoConnection { error, .. }) => error,
            Err(_) => LoginError::Closed,
        };
        match error {
            LoginError::Unusable(error) => return Err(KafkaError::Unusable { brokers, error }),
            LoginError::Refused(refusal) => return Err(KafkaError::Refused { brokers, refusal }),
            // Such are errors of TLS.
            LoginError::Unreachable(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(KafkaError::Tls { brokers, error });
            }
            LoginError::Unreachable(error)
                if error.kind() == ErrorKind::UnexpectedEof && Instant::now() >= deadline =>
            {
                return Err(KafkaError::HangsUp { brokers, protocol });
            }
            LoginError::Closed if Instant::now() >= deadline => {
                return Err(KafkaError::HangsUp { brokers, protocol });
            }
            _ if Instant::now() >= deadline => {
                return Err(KafkaError::Unreachable { brokers, within: REACH_WITHIN });
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}
