//! A Kafka broker inside this process, for trying things out: librdkafka's mock cluster.
//!
//! It keeps everything in memory and forgets it at the end, and listens on a random port of 127.0.0.1. A fixed port is
//! forwarded to it, which is enough for a client's first connection: it then learns the other port.
//!
//! Topics: those of the users that it is started with are there at once; this bridge makes another user's topic when the
//! first viewer asks for it, and a collector that comes before that waits.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use purple_sector_codec::{Topic, UserId};
use rdkafka::mocking::MockCluster;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tracing::debug;

use super::KafkaError;

/// How long the mock may take for one topic; it was seen to stall for a second.
const CREATE_WITHIN: Duration = Duration::from_secs(5);

struct CreateTopic {
    name: String,
    partitions: i32,
    reply: mpsc::Sender<Result<(), String>>,
}

/// The broker; it ends when this is dropped.
pub(super) struct Embedded {
    brokers: String,
    address: SocketAddr,
    requests: std::sync::Mutex<mpsc::Sender<CreateTopic>>,
    forwarder: JoinHandle<()>,
}

impl Embedded {
    /// Starts the broker with these users' topics, and forwards 127.0.0.1:`port` to it.
    pub(super) async fn start(port: u16, users: &[UserId], n_partitions: u16) -> Result<Self, KafkaError> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(|error| KafkaError::EmbeddedPort { port, error })?;
        let address = listener.local_addr().map_err(|error| KafkaError::EmbeddedPort { port, error })?;
        let (requests, received) = mpsc::channel();
        let topics: Vec<Topic> = users.iter().map(UserId::topic).collect();
        let (started, start) = tokio::sync::oneshot::channel();
        // The cluster may be used by one thread only.
        std::thread::Builder::new()
            .name("embedded-kafka".into())
            .spawn(move || {
                let cluster = match MockCluster::new(1) {
                    Ok(cluster) => cluster,
                    Err(error) => {
                        let _ = started.send(Err(error.to_string()));
                        return;
                    }
                };
                let made = topics
                    .iter()
                    .try_for_each(|topic| cluster.create_topic(topic, i32::from(n_partitions), 1));
                let _ = started.send(match made {
                    Ok(()) => Ok(cluster.bootstrap_servers()),
                    Err(error) => Err(error.to_string()),
                });
                while let Ok(CreateTopic { name, partitions, reply }) = received.recv() {
                    let made = cluster.create_topic(&name, partitions, 1);
                    let _ = reply.send(made.map_err(|error| error.to_string()));
                }
            })
            .map_err(KafkaError::Thread)?;
        let brokers = start
            .await
            .map_err(|_| KafkaError::Embedded("its thread ended".into()))?
            .map_err(KafkaError::Embedded)?;
        let forwarder = tokio::spawn(forward(listener, brokers.clone()));
        Ok(Self { brokers, address, requests: std::sync::Mutex::new(requests), forwarder })
    }

    /// Bootstrap address of the mock itself.
    pub(super) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// The forwarded address.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a topic. Blocks until the mock has it.
    pub(super) fn create_topic(&self, name: &str, partitions: i32) -> Result<(), String> {
        let (reply, answer) = mpsc::channel();
        let request = CreateTopic { name: name.to_owned(), partitions, reply };
        self.requests
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .send(request)
            .map_err(|_| "the embedded Kafka ended".to_owned())?;
        answer.recv_timeout(CREATE_WITHIN).map_err(|error| error.to_string())?
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

async fn forward(listener: TcpListener, brokers: String) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let mut from = match listener.accept().await {
            Ok((from, _)) => from,
            Err(error) => {
                debug!(%error, "cannot accept a connection to the embedded Kafka");
                // Out of file descriptors, most likely: it passes or it does not, but must not spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let brokers = brokers.clone();
        connections.spawn(async move {
            if let Ok(mut to) = TcpStream::connect(&brokers).await {
                // Either side may go at any time.
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
