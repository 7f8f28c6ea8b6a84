//! Which settings of Kafka's client may a person change? All but those that the program relies on.

use crate::secret::Secret;

/// A setting of librdkafka's: its name and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    name: String,
    // It may be a password, which is refused, but by then it should not be printed either.
    value: Secret,
}

/// A setting of librdkafka's that is not a person's to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--kafka-property {name} is refused: {reason}")]
#[non_exhaustive]
pub struct PropertyError {
    /// Its name.
    pub name: String,
    /// Why, and what to do instead.
    pub reason: &'static str,
}

/// A collector that is told to lose or to repeat records, or to mix up their order, is not one.
const RECORDS: &str = "records have to reach Kafka once and in order, and this changes that; leave it out";
/// The queue is the collector's own.
const QUEUE: &str = "what waits for Kafka is bounded by QUEUE_MIB; set that";
const BATCH: &str = "topics take batches of at most 128 KiB; leave it out";
const SECRET: &str =
    "arguments show in process lists; secrets come from files (KAFKA_SASL_PASSWORD_FILE, KAFKA_TOKEN_FILE)";
const TRUST: &str = "anyone on the way could then pose as Kafka; leave it out, and name the authority to trust with KAFKA_SSL_CA_LOCATION";
const TOKEN: &str = "tokens come from KAFKA_TOKEN_FILE; set that";
const GROUP: &str = "the collector reads nothing, and joins no group; leave it out";
const MOCK: &str = "records would go to a broker inside this process; leave it out";

/// What is refused, each with the reason. Names that end with a dot stand for all that begin so.
const REFUSED: [(&str, &str); 47] = [
    ("bootstrap.servers", "it has a setting of its own, KAFKA_BROKERS"),
    ("metadata.broker.list", "it has a setting of its own, KAFKA_BROKERS"),
    ("security.protocol", "it has a setting of its own, KAFKA_SECURITY_PROTOCOL"),
    ("sasl.mechanism", "it has a setting of its own, KAFKA_SASL_MECHANISM"),
    ("sasl.mechanisms", "it has a setting of its own, KAFKA_SASL_MECHANISM"),
    ("sasl.username", "it has a setting of its own, KAFKA_SASL_USERNAME"),
    ("ssl.ca.location", "it has a setting of its own, KAFKA_SSL_CA_LOCATION"),
    ("ssl.certificate.location", "it has a setting of its own, KAFKA_SSL_CERTIFICATE_LOCATION"),
    ("ssl.key.location", "it has a setting of its own, KAFKA_SSL_KEY_LOCATION"),
    ("sasl.password", SECRET),
    ("ssl.key.password", SECRET),
    ("ssl.key.pem", SECRET),
    (
        "ssl.keystore.",
        "certificate and key come from KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION; set those",
    ),
    ("ssl.certificate.pem", "it has a setting of its own, KAFKA_SSL_CERTIFICATE_LOCATION"),
    ("ssl.ca.pem", "it has a setting of its own, KAFKA_SSL_CA_LOCATION"),
    ("ssl.ca.certificate.stores", "it has a setting of its own, KAFKA_SSL_CA_LOCATION"),
    ("enable.ssl.certificate.verification", TRUST),
    ("ssl.endpoint.identification.algorithm", TRUST),
    ("sasl.oauthbearer.", TOKEN),
    ("enable.sasl.oauthbearer.unsecure.jwt", TOKEN),
    (
        "allow.auto.create.topics",
        "a topic that a broker makes by the way has other settings than ours; leave it out",
    ),
    ("enable.idempotence", RECORDS),
    ("enable.gapless.guarantee", RECORDS),
    ("acks", RECORDS),
    ("request.required.acks", RECORDS),
    ("retries", RECORDS),
    ("message.send.max.retries", RECORDS),
    ("max.in.flight", RECORDS),
    ("max.in.flight.requests.per.connection", RECORDS),
    ("message.timeout.ms", RECORDS),
    ("delivery.timeout.ms", RECORDS),
    ("request.timeout.ms", RECORDS),
    ("transactional.id", RECORDS),
    ("transaction.timeout.ms", RECORDS),
    ("delivery.report.only.error", RECORDS),
    ("dr_cb", RECORDS),
    ("dr_msg_cb", RECORDS),
    ("queuing.strategy", RECORDS),
    ("queue.buffering.max.messages", QUEUE),
    ("queue.buffering.max.kbytes", QUEUE),
    ("message.max.bytes", BATCH),
    ("batch.size", BATCH),
    ("group.", GROUP),
    ("log.queue", "the log is the program's own; set LOG_LEVEL, such as info,librdkafka=debug"),
    ("enabled_events", "the program needs its events; leave it out"),
    ("plugin.library.paths", "code of others is not loaded; leave it out"),
    ("test.mock.", MOCK),
];

impl Property {
    /// Reads `name=value`. The value may have further equals signs.
    ///
    /// # Errors
    /// If there is no name, or no equals sign. The text is not repeated in the error.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if !name.is_empty() => {
                Ok(Self { name: name.to_owned(), value: Secret::new(value) })
            }
            _ => Err("write it as name=value: compression.type=zstd"),
        }
    }

    /// Name and value, if they are a person's to choose.
    ///
    /// # Errors
    /// [`PropertyError`], if the program relies on it.
    pub fn check(&self) -> Result<(&str, &str), PropertyError> {
        let is_meant = |refused: &str| {
            self.name == refused || (refused.ends_with('.') && self.name.starts_with(refused))
        };
        match REFUSED.iter().find(|(refused, _)| is_meant(refused)) {
            Some((_, reason)) => Err(PropertyError { name: self.name.clone(), reason }),
            None => Ok((&self.name, self.value.expose())),
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;

    use super::*;

    #[test]
    fn what_nobody_relies_on_is_passed_on() {
        for (text, expected) in [
            ("compression.type=zstd", ("compression.type", "zstd")),
            ("linger.ms = 20", ("linger.ms", "20")),
            ("ssl.cipher.suites=a=b", ("ssl.cipher.suites", "a=b")),
            ("client.rack=", ("client.rack", "")),
        ] {
            assert_eq!(Property::parse(text).expect(text).check(), Ok(expected));
        }
    }

    #[test]
    fn what_the_program_relies_on_is_refused_with_the_reason() {
        for (text, says) in [
            ("acks=0", "once and in order"),
            ("bootstrap.servers=b:1", "KAFKA_BROKERS"),
            ("sasl.password=x", "process lists"),
            ("sasl.oauthbearer.method=oidc", "KAFKA_TOKEN_FILE"),
            ("test.mock.num.brokers=3", "inside this process"),
            ("group.id=g", "no group"),
        ] {
            let error = Property::parse(text).expect(text).check().expect_err(text).to_string();
            assert!(error.contains(says) && !error.contains('='), "{error}");
        }
        assert!(Property::parse("acks").is_err() && Property::parse("=0").is_err());
    }

    /// A name that librdkafka does not have would protect from nothing.
    #[test]
    fn every_refused_name_is_one_of_librdkafkas() {
        for (name, _) in REFUSED.iter().filter(|(name, _)| !name.ends_with('.')) {
            let error = ClientConfig::new().set(*name, "?").create_native_config().map(drop);
            let said = error.err().map_or_else(String::new, |error| error.to_string());
            assert!(!said.contains("No such configuration property"), "{name}: {said}");
        }
    }

    #[test]
    fn no_value_is_printed() {
        assert!(!format!("{:?}", Property::parse("sasl.password=hunter2")).contains("hunter2"));
    }
}
