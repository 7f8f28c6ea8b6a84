//! Do the settings fit together?

mod args;
mod kafka;
pub(crate) mod values;

pub use self::args::{
    KafkaKind, KafkaLogin, KafkaSecurityArgs, LogFormat, SaslMechanism, SecurityProtocol, ServeArgs,
};
pub(crate) use self::kafka::client_properties;

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
        let kafka = kafka::settings(&args)?;
        let (access, key_source) = access(&args, &kafka)?;
        let open = matches!(access, Access::Open);
        let control = if open { None } else { control_settings(&kafka, &args)? };
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
fn control_settings(kafka: &KafkaSettings, args: &ServeArgs) -> anyhow::Result<Option<ControlSettings>> {
    let topic = &args.kafka_control_topic;
    let KafkaSource::Brokers(brokers) = &kafka.source else { return Ok(None) };
    if topic.is_empty() {
        return Ok(None);
    }
    let topic = values::control_topic(topic).context("--kafka-control-topic (KAFKA_CONTROL_TOPIC)")?;
    Ok(Some(ControlSettings {
        brokers: brokers.clone(),
        connection: kafka::client_properties(&args.kafka_security)?,
        topic,
        replication_factor: kafka.replication_factor,
    }))
}

/// How callers are checked: in exactly one way, and never in one that was not asked for.
fn access(args: &ServeArgs, kafka: &KafkaSettings) -> anyhow::Result<(Access, KeySource)> {
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
    let kafka_audience = kafka::audience(args, kafka);
    ensure!(
        kafka_audience.is_none() || (secret.is_none() && !args.open),
        "--kafka-login user (KAFKA_LOGIN) needs tokens that Kafka can check as well: set OIDC_ISSUER, JWKS_URL or JWKS_FILE \
         instead of JWT_SECRET and --open"
    );
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
    let (rules, revoked) = (rules(args, issuer)?, RevocationStore::default());
    Ok((Access::Tokens { keys, rules, revoked, kafka_audience }, key_source))
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
    use crate::kafka::KafkaSource;

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

    /// A folder with a certificate and a key of its own, and a password.
    fn files() -> (std::path::PathBuf, impl Fn(&str) -> String) {
        use purple_sector_harness::secure::Authority;
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("bridge-config-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("the temporary folder is writable");
        let authority = Authority::new("tests").expect("a key");
        let identity = authority.service("svc-bridge").expect("a key");
        for (name, text) in [
            ("ca", authority.certificate()),
            ("crt", identity.certificate),
            ("key", identity.key),
            ("password", "correct horse\n".to_owned()),
            ("empty", "\n".to_owned()),
        ] {
            std::fs::write(dir.join(name), text).expect("the temporary folder is writable");
        }
        let of = dir.clone();
        (dir, move |name: &str| of.join(name).display().to_string())
    }

    #[test]
    fn security_of_kafka_fits_together_or_the_setting_is_named() {
        let (dir, file) = files();
        let (ca, crt, key, password) = (file("ca"), file("crt"), file("key"), file("password"));
        let with = |protocol: &'static str, more: &[&str]| {
            let flags = ["--open", "--kafka-security-protocol", protocol];
            let flags: Vec<String> = flags.iter().chain(more).map(|flag| (*flag).to_owned()).collect();
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            check(&flags).map(|config| config.kafka.security)
        };
        let refused = |protocol, more: &[&str], part: &str| {
            let error = with(protocol, more).err().unwrap_or_default();
            assert!(error.contains(part), "{protocol} {more:?}: {error:?}");
        };
        let bridge = ["--kafka-login", "bridge"];
        let tls = ["--kafka-ssl-ca-location", &ca];
        let shown = ["--kafka-ssl-certificate-location", &crt, "--kafka-ssl-key-location", &key];
        let sasl = [
            "--kafka-sasl-mechanism",
            "scram-sha-512",
            "--kafka-sasl-username",
            "svc-bridge",
            "--kafka-sasl-password-file",
            &password,
        ];

        assert!(with("PLAINTEXT", &[]).is_ok_and(|security| !security.is_secured()));
        assert!(
            with("ssl", &[&tls[..], &shown, &bridge].concat()).is_ok_and(|security| security.tls.is_some())
        );
        let both = with("SASL_SSL", &[&tls[..], &sasl, &bridge].concat());
        assert!(both.is_ok_and(|security| security.tls.is_some() && security.identity.is_some()));
        assert!(with("SASL_PLAINTEXT", &[&sasl[..], &bridge].concat()).is_ok());

        refused("SSL", &tls, "--kafka-login user");
        refused("SSL", &bridge, "KAFKA_SSL_CA_LOCATION");
        refused("SSL", &[&tls[..], &shown[..2], &bridge].concat(), "KAFKA_SSL_KEY_LOCATION belong together");
        refused("SSL", &[&["--kafka-ssl-ca-location", &key][..], &bridge].concat(), &key);
        refused(
            "SSL",
            &[&["--kafka-ssl-ca-location", "/does/not/exist"][..], &bridge].concat(),
            "/does/not/exist",
        );
        refused("SSL", &[&tls[..], &sasl, &bridge].concat(), "KAFKA_SASL_");
        refused("PLAINTEXT", &tls, "KAFKA_SSL_");
        refused("PLAINTEXT", &["--kafka-login", "user"], "KAFKA_SECURITY_PROTOCOL");
        refused("PLAINTEXT", &["--kafka-user-brokers", "a:1"], "KAFKA_USER_BROKERS");
        refused("SASL_PLAINTEXT", &bridge, "KAFKA_SASL_MECHANISM");
        refused("SASL_PLAINTEXT", &[&sasl[..2], &bridge].concat(), "KAFKA_SASL_USERNAME");
        refused("SASL_PLAINTEXT", &[&sasl[..4], &bridge].concat(), "KAFKA_SASL_PASSWORD_FILE");
        let empty = ["--kafka-sasl-password-file", &file("empty")];
        refused("SASL_PLAINTEXT", &[&sasl[..4], &empty, &bridge].concat(), "no password in");
        refused("SSL", &[&tls[..], &["--kafka-login", "user"]].concat(), "KAFKA_USER_BROKERS");
        let user = ["--kafka-login", "user", "--kafka-user-brokers", "a:1"];
        refused("SSL", &[&tls[..], &user].concat(), "JWKS_FILE");
        refused("SSL", &[&tls[..], &user[..3], &["a"]].concat(), "KAFKA_USER_BROKERS");
        let embedded = ["--kafka", "embedded", "--kafka-login", "bridge"];
        refused("SSL", &[&tls[..], &embedded].concat(), "KAFKA_SECURITY_PROTOCOL");
        std::fs::remove_dir_all(dir).expect("made above");
    }

    #[test]
    fn a_password_for_kafka_is_in_no_message() {
        let (dir, file) = files();
        let config = check(&[
            "--open",
            "--kafka-security-protocol",
            "SASL_PLAINTEXT",
            "--kafka-login",
            "bridge",
            "--kafka-sasl-mechanism",
            "PLAIN",
            "--kafka-sasl-username",
            "svc-bridge",
            "--kafka-sasl-password-file",
            &file("password"),
        ]);
        assert!(config.is_ok() && !format!("{config:?}").contains("horse"));
        std::fs::remove_dir_all(dir).expect("made above");
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
