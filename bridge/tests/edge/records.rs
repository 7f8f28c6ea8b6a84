//! Records for a test, and the way into the embedded Kafka.

use std::time::Duration;

use purple_sector_codec::{Schema, SessionId, StreamEncoder, StreamSettings};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::server::Server;

pub(crate) struct Producer(FutureProducer);

impl Producer {
    pub(crate) fn new(server: &Server) -> Self {
        let kafka = server.kafka.expect("the server has an embedded Kafka");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", kafka.to_string())
            .set("allow.auto.create.topics", "false")
            .set("linger.ms", "0")
            .create();
        Self(producer.expect("the settings are good"))
    }

    /// Writes to the user's topic, which exists since the user's first viewer came.
    pub(crate) async fn send(&self, user: &str, record: &[u8]) {
        let topic = format!("telemetry-user-{user}");
        let record = FutureRecord::<str, [u8]>::to(&topic).payload(record).partition(0);
        self.0.send(record, Duration::from_secs(10)).await.expect("the embedded Kafka takes it");
    }
}

/// A record whose session is named like its user.
pub(crate) fn schema_record(user: &str) -> Vec<u8> {
    let settings = StreamSettings {
        session: SessionId::parse(user).expect("a user's name is a session's as well"),
        epoch: 1,
        schema: Schema::assetto_corsa(),
        samples_per_block: 1,
        key_interval_us: 2_000_000,
    };
    StreamEncoder::new(settings).expect("good settings").schema_record().to_vec()
}
