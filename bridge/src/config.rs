//! Do the settings fit together?

mod args;
pub(crate) mod values;

pub use self::args::{KafkaKind, LogFormat, ServeArgs};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::auth::{
    Access, Endpoint, KeyFile, KeySet, KeyStore, RemoteKeys, Reserved, RevocationStore, Rules, Secret,
};
use crate::control::ControlSettings;
use crate::dashboard::Dashboard;
use crate::host::Hosts;
use crate::http::Tls;
use crate::kafka::{KafkaSettings, KafkaSource};
use crate::origin::Origins;

/// Fewest bytes of the operators' secret.
const MIN_OPS_SECRET_BYTES: usize = 16;
/// Kafka that is used when no other is named.
const DEFAULT_BROKERS: &str = "localhost:9092";

/// Settings that fit together.
#[derive(Debug)]
pub struct Config {
    /// Which Kafka, and how topics are made there.
    pub kafka: KafkaSettings,
    /// Where browsers connect.
    pub listen: SocketAddr,
    /// The listener's certificate, where it speaks TLS.
    pub tls: Option<Tls>,
    /// Where and how operators connect.
    pub operators: Operators,
    /// How callers are checked.
    pub access: Access,
    /// What all bridges share, where tokens are checked and Kafka keeps it.
    pub control: Option<ControlSettings>,
    /// What keeps the keys current that tokens are checked with.
    pub key_source: KeySource,
    /// Which pages may connect.
    pub origins: Origins,
    /// The dashboard, where it is served.
    pub dashboard: Option<Dashboard>,
    /// Blocks kept per viewer.
    pub viewer_queue_blocks: usize,
    /// How long a feed outlives its last viewer.
    pub feed_linger: Duration,
    /// How many of what at once.
    pub limits: Limits,
    /// How long viewers may take to leave.
    pub drain: Duration,
}

/// Where the keys come from that tokens are checked with.
#[derive(Debug)]
pub enum KeySource {
    /// They do not change while the bridge runs, or there are none.
    Fixed,
    /// A file.
    File(KeyFile),
    /// An address.
    Remote(RemoteKeys),
}

/// How operators connect.
#[derive(Debug, Clone)]
pub struct Operators {
    /// Where, if at all.
    pub address: Option<SocketAddr>,
    /// Names that they may use for it.
    pub hosts: Hosts,
    /// What they must send as a bearer token.
    pub secret: Option<Secret>,
}

/// How many of what at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Viewers of one user.
    pub viewers_per_user: usize,
    /// Connections from one address.
    pub connections_per_address: usize,
    /// Connections in all.
    pub connections: usize,
}

impl Config {
    /// Checks that the settings fit together, and reads the key file and the dashboard.
    ///
    /// # Errors
    /// One sentence that names the settings to change.
    pub fn check(args: ServeArgs) -> anyhow::Result<Self> {
        let kafka = kafka_settings(&args)?;
        let (access, key_source) = access(&args)?;
        let open = matches!(access, Access::Open);
        let control = if open { None } else { control_settings(&kafka, &args.kafka_control_topic)? };
        let tls = tls(&args)?;
        let operators = operators(&args)?;
        let dashboard_dir = args.dashboard_dir.filter(|dir| !dir.as_os_str().is_empty());
        let bridges: Vec<_> = args.dashboard_bridges.into_iter().flatten().collect();
        let dashboard = dashboard_dir.map(|dir| Dashboard::load(&dir, &bridges)).transpose()?;
        Ok(Self {
            kafka,
            listen: SocketAddr::new(args.bind, args.port),
            tls,
            operators,
            access,
            control,
            key_source,
            origins: Origins { allowed: args.allowed_origins.into_iter().flatten().collect(), open },
            dashboard,
            viewer_queue_blocks: args.viewer_queue_blocks as usize,
            feed_linger: args.feed_linger,
            limits: Limits {
                viewers_per_user: args.max_viewers_per_user as usize,
                connections_per_address: args.max_connections_per_address as usize,
                connections: args.max_connections as usize,
            },
            drain: args.drain_timeout,
        })
    }
}

fn kafka_settings(args: &ServeArgs) -> anyhow::Result<KafkaSettings> {
    let brokers = args.brokers.as_deref().map(str::trim).filter(|brokers| !brokers.is_empty());
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
            for broker in brokers.split(',') {
                check_broker(broker.trim()).with_context(|| {
                    format!(
                        "\"{}\" is not a Kafka address; write host:port (--brokers, KAFKA_BROKERS)",
                        broker.escape_debug()
                    )
                })?;
            }
            KafkaSource::Brokers(brokers.to_owned())
        }
    };
    Ok(KafkaSettings {
        source,
        auto_create_topics: args.kafka_auto_create_topics,
        partitions: args.kafka_topic_partitions,
        replication_factor: args.kafka_topic_replication,
    })
}

/// The listener's certificate: both files, or none.
fn tls(args: &ServeArgs) -> anyhow::Result<Option<Tls>> {
    let given = |path: &'_ Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    match (given(&args.tls_cert), given(&args.tls_key)) {
        (Some(chain), Some(key)) => Tls::load(&chain, &key).map(Some),
        (None, None) => Ok(None),
        _ => bail!("--tls-cert (TLS_CERT) and --tls-key (TLS_KEY) belong together; set both or none"),
    }
}

/// How operators connect. What other machines can reach asks for a secret.
fn operators(args: &ServeArgs) -> anyhow::Result<Operators> {
    let secret = args.ops_secret.clone().filter(|secret| !secret.expose().is_empty());
    if let Some(secret) = &secret {
        let n_bytes = secret.expose().len();
        ensure!(
            n_bytes >= MIN_OPS_SECRET_BYTES,
            "--ops-secret (OPS_SECRET) has {n_bytes} bytes, at least {MIN_OPS_SECRET_BYTES} are needed (for example: openssl rand -hex 16)"
        );
    }
    if let Some(address) = args.ops_addr {
        ensure!(
            address.ip().is_loopback() || secret.is_some(),
            "--ops-addr (OPS_ADDR) {address} can be reached from other machines; set OPS_SECRET as well, which operators then send \
             as a bearer token"
        );
    }
    let hosts = Hosts { allowed: args.ops_hosts.iter().flatten().cloned().collect() };
    Ok(Operators { address: args.ops_addr, hosts, secret })
}

/// Where all bridges keep what they share; nowhere on the embedded broker, which keeps nothing.
fn control_settings(kafka: &KafkaSettings, topic: &str) -> anyhow::Result<Option<ControlSettings>> {
    let KafkaSource::Brokers(brokers) = &kafka.source else { return Ok(None) };
    if topic.is_empty() {
        return Ok(None);
    }
    let topic = values::control_topic(topic).context("--kafka-control-topic (KAFKA_CONTROL_TOPIC)")?;
    Ok(Some(ControlSettings {
        brokers: brokers.clone(),
        topic,
        replication_factor: kafka.replication_factor,
    }))
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

/// How callers are checked: in exactly one way, and never in one that was not asked for.
fn access(args: &ServeArgs) -> anyhow::Result<(Access, KeySource)> {
    // An empty variable, as a compose file leaves it, counts as none.
    let given = |text: &Option<String>| {
        text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let secret = args.jwt_secret.as_ref().filter(|secret| !secret.expose().is_empty());
    let file = args.jwks_file.as_ref().filter(|file| !file.as_os_str().is_empty());
    let (jwks_url, issuer) = (given(&args.jwks_url), given(&args.oidc_issuer));
    let n_ways = [secret.is_some(), file.is_some(), jwks_url.is_some(), issuer.is_some(), args.open];
    match n_ways.into_iter().filter(|is_given| *is_given).count() {
        0 => bail!(
            "how are callers checked? Set OIDC_ISSUER (an OpenID provider), JWKS_URL or JWKS_FILE (public keys; see \
             `bridge keys generate`), JWT_SECRET (one shared secret), or --open (no check at all, for trying things out)"
        ),
        1 => {}
        _ => bail!(
            "OIDC_ISSUER, JWKS_URL, JWKS_FILE, JWT_SECRET and --open (OPEN) exclude each other; leave all but one out"
        ),
    }
    if args.open {
        return Ok((Access::Open, KeySource::Fixed));
    }
    let (keys, key_source) = if let Some(secret) = secret {
        let keys = KeySet::from_secret(secret).context("--jwt-secret (JWT_SECRET)")?;
        (KeyStore::new(keys), KeySource::Fixed)
    } else if let Some(file) = file {
        let file = KeyFile::load(file)?;
        (file.store(), KeySource::File(file))
    } else {
        let endpoint = match (&jwks_url, &issuer) {
            (Some(url), _) => Endpoint::jwks(url).context("--jwks-url (JWKS_URL)")?,
            (None, url) => {
                Endpoint::issuer(url.as_deref().unwrap_or_default()).context("--oidc-issuer (OIDC_ISSUER)")?
            }
        };
        let remote = RemoteKeys::new(endpoint)?;
        (remote.store(), KeySource::Remote(remote))
    };
    Ok((
        Access::Tokens { keys, rules: rules(args, issuer)?, revoked: RevocationStore::default() },
        key_source,
    ))
}

/// What tokens must say. An OpenID issuer's tokens carry its address.
fn rules(args: &ServeArgs, oidc_issuer: Option<String>) -> anyhow::Result<Rules> {
    for (name, text) in [
        ("--jwt-issuer (JWT_ISSUER)", &args.jwt_issuer),
        ("--jwt-audience (JWT_AUDIENCE)", &args.jwt_audience),
        ("--jwt-user-claim (JWT_USER_CLAIM)", &args.jwt_user_claim),
    ] {
        ensure!(!text.is_empty(), "{name} is empty; leave it out for its default");
    }
    ensure!(
        oidc_issuer.is_none() || args.jwt_issuer == Rules::DEFAULT_ISSUER,
        "--oidc-issuer (OIDC_ISSUER) is also what tokens' iss must be; leave --jwt-issuer (JWT_ISSUER) out"
    );
    ensure!(
        !args.jwt_max_lifetime.is_zero(),
        "--jwt-max-lifetime (JWT_MAX_LIFETIME) is zero; no token would be good"
    );
    Ok(Rules {
        issuer: oidc_issuer.unwrap_or_else(|| args.jwt_issuer.clone()),
        audience: args.jwt_audience.clone(),
        user_claim: args.jwt_user_claim.clone(),
        max_lifetime: args.jwt_max_lifetime,
        reserved: Reserved { names: args.reserved_users.iter().flatten().cloned().collect() },
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    /// What these flags end in; the environment must not hold the bridge's own variables.
    fn check(flags: &[&str]) -> Result<Config, String> {
        let flags = std::iter::once("bridge").chain(flags.iter().copied());
        let cli = Cli::try_parse_from(flags).map_err(|error| error.to_string())?;
        Config::check(cli.serve).map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn refused(flags: &[&str], part: &str) {
        let error = check(flags).err().unwrap_or_default();
        assert!(error.contains(part), "{flags:?}: {error:?}");
    }

    #[test]
    fn the_defaults_are_the_agreed_ones() {
        let config = check(&["--open"]).expect("--open is enough");
        assert_eq!(config.kafka.source, KafkaSource::Brokers("localhost:9092".into()));
        assert!(config.kafka.auto_create_topics);
        assert_eq!(config.listen, "127.0.0.1:8080".parse().expect("an address"));
        assert!(config.operators.address.is_none() && config.tls.is_none());
    }

    #[test]
    fn exactly_one_way_to_check_callers() {
        let secret = "0123456789abcdef0123456789abcdef";
        refused(&[], "JWT_SECRET");
        refused(&[], "JWKS_FILE");
        refused(&[], "--open");
        refused(&["--open", "--jwt-secret", secret], "exclude each other");
        refused(&["--jwt-secret", &secret[1..]], "31 bytes");
        assert!(check(&["--jwt-secret", secret]).is_ok());
        refused(&["--jwks-file", "/does/not/exist.json"], "/does/not/exist.json");
        let issuer = ["--oidc-issuer", "https://id.example"];
        assert!(check(&issuer).is_ok());
        assert!(check(&["--open", "--oidc-issuer", ""]).is_ok(), "an empty one is none");
        refused(&[&issuer[..], &["--jwks-url", "https://id.example/keys"]].concat(), "exclude each other");
        refused(&[&issuer[..], &["--jwt-issuer", "https://other.example"]].concat(), "leave --jwt-issuer");
        refused(&["--oidc-issuer", "http://id.example"], "OIDC_ISSUER): keys must come over https");
        refused(&["--jwks-url", "id.example"], "JWKS_URL): write a whole address");
    }

    #[test]
    fn a_secret_is_in_no_message() {
        let config = check(&["--jwt-secret", "0123456789abcdef0123456789abcdef"]);
        assert!(!format!("{config:?}").contains("0123456789"));
        let error = check(&["--jwt-secret", "hunter2"]).err().unwrap_or_default();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn kafka_is_one_or_the_other() {
        let config =
            check(&["--open", "--kafka", "embedded", "--kafka-embedded-port", "0"]).expect("good settings");
        assert_eq!(config.kafka.source, KafkaSource::Embedded { port: 0, users: Vec::new() });
        refused(&["--open", "--kafka", "embedded", "--brokers", "a:1"], "exclude each other");
        for brokers in
            ["localhost", "localhost:0", "localhost:99999", ":9092", "http://a:9092", "a:1,,b:2", "a b:1"]
        {
            refused(&["--open", "--brokers", brokers], "--brokers");
        }
        assert!(check(&["--open", "--brokers", "a:1,b.example:2, [::1]:3"]).is_ok());
    }

    #[test]
    fn other_bad_settings_are_named() {
        refused(&["--open", "--port", "70000"], "--port");
        refused(&["--open", "--bind", "localhost"], "--bind");
        refused(&["--open", "--allowed-origins", "https://a.example,*"], "--allowed-origins");
        refused(&["--open", "--allowed-origins", "https://a.example/"], "without a path");
        refused(&["--open", "--ops-hosts", "ops.example.com,https://a.example"], "without a scheme");
        refused(&["--open", "--feed-linger", "15"], "a unit");
        refused(&["--open", "--viewer-queue-blocks", "0"], "--viewer-queue-blocks");
        refused(&["--open", "--dashboard-dir", "/does/not/exist"], "DASHBOARD_DIR");
        refused(&["--open", "--kafka-auto-create-topics", "perhaps"], "--kafka-auto-create-topics");
        refused(&["--jwt-secret", "0123456789abcdef0123456789abcdef", "--jwt-issuer", ""], "JWT_ISSUER");
        refused(&["--open", "--tls-cert", "a.pem"], "TLS_KEY");
        refused(&["--open", "--tls-cert", "/does/not/exist", "--tls-key", "b.pem"], "/does/not/exist");
        refused(&["--open", "--ops-addr", "0.0.0.0:9100"], "set OPS_SECRET");
        refused(&["--open", "--ops-addr", "0.0.0.0:9100", "--ops-secret", "short"], "5 bytes");
        assert!(check(&["--open", "--ops-addr", "0.0.0.0:9100", "--ops-secret", "0123456789abcdef"]).is_ok());
        refused(&["--open", "--reserved-users", "svc-*,*"], "--reserved-users");
        let secret = ["--jwt-secret", "0123456789abcdef0123456789abcdef"];
        for topic in ["telemetry-user-alice", "__consumer_offsets", "a b", "..", &"x".repeat(250)] {
            refused(&[&secret[..], &["--kafka-control-topic", topic]].concat(), "KAFKA_CONTROL_TOPIC");
        }
    }
}
