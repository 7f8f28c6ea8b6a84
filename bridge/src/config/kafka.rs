//! Do the settings for Kafka fit together?

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use purple_sector_kafka::{Identity, ScramHash};

use super::args::{KafkaKind, KafkaLogin, KafkaSecurityArgs, SaslMechanism, SecurityProtocol, ServeArgs};
use crate::auth::Secret;
use crate::control::ClientProperties;
use crate::kafka::{KafkaSettings, KafkaSource, ReaderLogin, Security, Tls};

/// Kafka that is used when no other is named.
const DEFAULT_BROKERS: &str = "localhost:9092";

pub(super) fn settings(args: &ServeArgs) -> anyhow::Result<KafkaSettings> {
    let brokers = given(args.brokers.as_deref());
    let source = match (args.kafka, brokers) {
        (KafkaKind::Embedded, Some(_)) => {
            bail!(
                "--kafka embedded (KAFKA) and --brokers (KAFKA_BROKERS) exclude each other; leave one of them out"
            )
        }
        (KafkaKind::Embedded, None) => KafkaSource::Embedded {
            port: args.kafka_embedded_port,
            users: args.kafka_embedded_users.iter().flatten().cloned().collect(),
        },
        (KafkaKind::Apache, brokers) => {
            let brokers = brokers.unwrap_or(DEFAULT_BROKERS);
            check_brokers(brokers, "--brokers, KAFKA_BROKERS")?;
            KafkaSource::Brokers(brokers.to_owned())
        }
    };
    Ok(KafkaSettings {
        source,
        security: security(args)?,
        auto_create_topics: args.kafka_auto_create_topics,
        partitions: args.kafka_topic_partitions,
        replication_factor: args.kafka_topic_replication,
    })
}

/// The audience that tokens need for Kafka, where users' readers log in with them.
pub(super) fn audience(args: &ServeArgs, kafka: &KafkaSettings) -> Option<String> {
    matches!(kafka.security.readers, ReaderLogin::User { .. }).then(|| args.kafka_audience.clone())
}

fn security(args: &ServeArgs) -> anyhow::Result<Security> {
    let connection = &args.kafka_security;
    let protocol = connection.protocol;
    let (has_tls, has_sasl) = match protocol {
        SecurityProtocol::Plaintext => (false, false),
        SecurityProtocol::Ssl => (true, false),
        SecurityProtocol::SaslPlaintext => (false, true),
        SecurityProtocol::SaslSsl => (true, true),
    };
    ensure!(
        protocol == SecurityProtocol::Plaintext || args.kafka == KafkaKind::Apache,
        "the embedded Kafka knows no security; leave KAFKA_SECURITY_PROTOCOL out"
    );
    let (tls, users_tls) =
        if has_tls { tls(connection)? } else { no_tls(connection).map(|()| (None, None))? };
    let identity = if has_sasl { Some(identity(connection)?) } else { no_sasl(connection).map(|()| None)? };
    let users = given(args.kafka_user_brokers.as_deref());
    if let Some(brokers) = users {
        check_brokers(brokers, "KAFKA_USER_BROKERS")?;
    }
    let readers = match (args.kafka_login, protocol) {
        (None, SecurityProtocol::Plaintext) => ReaderLogin::Bridge,
        (None, _) => bail!(
            "as whom do readers log in to Kafka? State --kafka-login user (each with its user's own token, so that Kafka \
             itself keeps users apart) or --kafka-login bridge (KAFKA_LOGIN)"
        ),
        (Some(KafkaLogin::User), SecurityProtocol::Plaintext) => bail!(
            "--kafka-login user (KAFKA_LOGIN) needs a Kafka that asks for a log-in; set KAFKA_SECURITY_PROTOCOL"
        ),
        (Some(KafkaLogin::User), SecurityProtocol::Ssl) if users.is_none() => bail!(
            "--kafka-login user (KAFKA_LOGIN) needs KAFKA_USER_BROKERS: a listener where users log in with a token \
             (SASL_SSL, OAUTHBEARER) is another one than the bridge's, which asks for a certificate"
        ),
        (Some(KafkaLogin::User), _) => {
            ensure!(!args.kafka_audience.is_empty(), "KAFKA_AUDIENCE is empty; leave it out for its default");
            ReaderLogin::User { brokers: users.map(str::to_owned), tls: users_tls }
        }
        (Some(KafkaLogin::Bridge), _) => ReaderLogin::Bridge,
    };
    ensure!(
        users.is_none() || matches!(readers, ReaderLogin::User { .. }),
        "KAFKA_USER_BROKERS is of use with --kafka-login user (KAFKA_LOGIN) only; leave it out"
    );
    Ok(Security { tls, identity, readers })
}

/// TLS of the bridge itself, and that of users' readers, who show no certificate.
fn tls(args: &KafkaSecurityArgs) -> anyhow::Result<(Option<Tls>, Option<Tls>)> {
    let ca = args.ssl_ca_location.as_ref().context(
        "KAFKA_SECURITY_PROTOCOL asks for TLS: set KAFKA_SSL_CA_LOCATION to the authorities to trust, such as \
         /etc/ssl/certs/ca-certificates.crt",
    )?;
    let shown = match (&args.ssl_certificate_location, &args.ssl_key_location) {
        (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
        (None, None) => None,
        _ => bail!(
            "KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION belong together; set both or none"
        ),
    };
    let load = |shown: Option<(&Path, &Path)>| {
        Tls::load(ca, shown)
            .context("KAFKA_SSL_CA_LOCATION, KAFKA_SSL_CERTIFICATE_LOCATION, KAFKA_SSL_KEY_LOCATION")
    };
    Ok((Some(load(shown)?), Some(load(None)?)))
}

fn no_tls(args: &KafkaSecurityArgs) -> anyhow::Result<()> {
    let files = [&args.ssl_ca_location, &args.ssl_certificate_location, &args.ssl_key_location];
    ensure!(
        files.iter().all(|file| file.is_none()),
        "KAFKA_SSL_… settings are of use with KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL only; set that, or leave them out"
    );
    Ok(())
}

/// As whom the bridge logs in.
fn identity(args: &KafkaSecurityArgs) -> anyhow::Result<Identity> {
    let needed = "KAFKA_SECURITY_PROTOCOL asks for a log-in of the bridge: set";
    let mechanism = args
        .sasl_mechanism
        .with_context(|| format!("{needed} KAFKA_SASL_MECHANISM (SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN)"))?;
    let username = given(args.sasl_username.as_deref());
    let username = username.with_context(|| format!("{needed} KAFKA_SASL_USERNAME"))?;
    let file = args.sasl_password_file.as_ref();
    let password = password(file.with_context(|| format!("{needed} KAFKA_SASL_PASSWORD_FILE"))?)?;
    let password = password.as_str();
    Ok(match mechanism {
        SaslMechanism::Plain => Identity::plain(username, password),
        SaslMechanism::ScramSha256 => Identity::scram(ScramHash::Sha256, username, password),
        SaslMechanism::ScramSha512 => Identity::scram(ScramHash::Sha512, username, password),
    })
}

fn password(file: &Path) -> anyhow::Result<String> {
    let cannot_read = || format!("cannot read the password in {} (KAFKA_SASL_PASSWORD_FILE)", file.display());
    let password = fs::read_to_string(file).with_context(cannot_read)?;
    // Editors end a file with an empty line, passwords do not.
    let password = password.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty(), "there is no password in {} (KAFKA_SASL_PASSWORD_FILE)", file.display());
    Ok(password.to_owned())
}

/// The same for librdkafka, by its own names. That they fit together is checked by [`settings`].
///
/// # Errors
/// The password cannot be read.
pub(crate) fn client_properties(args: &KafkaSecurityArgs) -> anyhow::Result<ClientProperties> {
    let protocol = match args.protocol {
        SecurityProtocol::Plaintext => return Ok(ClientProperties::default()),
        SecurityProtocol::Ssl => "ssl",
        SecurityProtocol::SaslPlaintext => "sasl_plaintext",
        SecurityProtocol::SaslSsl => "sasl_ssl",
    };
    let mut properties = vec![("security.protocol", Secret::new(protocol))];
    let files = [
        ("ssl.ca.location", &args.ssl_ca_location),
        ("ssl.certificate.location", &args.ssl_certificate_location),
        ("ssl.key.location", &args.ssl_key_location),
    ];
    for (name, file) in files {
        properties.extend(file.as_ref().map(|file| (name, Secret::new(&file.to_string_lossy()))));
    }
    if let Some(mechanism) = args.sasl_mechanism {
        let mechanism = match mechanism {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        properties.push(("sasl.mechanisms", Secret::new(mechanism)));
    }
    if let Some(username) = given(args.sasl_username.as_deref()) {
        properties.push(("sasl.username", Secret::new(username)));
    }
    if let Some(file) = &args.sasl_password_file {
        properties.push(("sasl.password", Secret::new(&password(file)?)));
    }
    Ok(ClientProperties(properties))
}

fn no_sasl(args: &KafkaSecurityArgs) -> anyhow::Result<()> {
    let is_set = args.sasl_mechanism.is_some()
        || given(args.sasl_username.as_deref()).is_some()
        || args.sasl_password_file.is_some();
    ensure!(
        !is_set,
        "KAFKA_SASL_… settings are of use with KAFKA_SECURITY_PROTOCOL=SASL_SSL or SASL_PLAINTEXT only; set that, or \
         leave them out"
    );
    Ok(())
}

/// A setting that is there: an empty variable, as a compose file leaves it, counts as none.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn check_brokers(brokers: &str, settings: &str) -> anyhow::Result<()> {
    for broker in brokers.split(',') {
        check_broker(broker.trim()).with_context(|| {
            format!("\"{}\" is not a Kafka address; write host:port ({settings})", broker.escape_debug())
        })?;
    }
    Ok(())
}

/// Whether this is `host:port`, without what librdkafka would take for something else.
fn check_broker(broker: &str) -> anyhow::Result<()> {
    let (host, port) = broker.rsplit_once(':').context("there is no port")?;
    ensure!(!host.is_empty(), "there is no host");
    ensure!(
        !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/'),
        "the host has a character that hosts do not have"
    );
    ensure!(port.parse::<u16>().is_ok_and(|port| port > 0), "the port is not a number from 1 to 65535");
    Ok(())
}
