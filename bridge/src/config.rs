//! Which settings are there, and do they fit together?
//!
//! Each can be given as a flag or in the environment. They are read once, here; nothing below reads the environment.

pub(crate) mod values;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::auth::{Access, KeyFile, KeySet, KeyStore, Rules, Secret};
use crate::commands::{keys, token};
use crate::kafka::{KafkaSettings, KafkaSource};
use crate::origin::{Origin, Origins};

/// Kafka that is used when no other is named.
const DEFAULT_BROKERS: &str = "localhost:9092";

/// Serves each driver's live telemetry from Kafka to that driver's browsers, and to nobody else's.
#[derive(Debug, Parser)]
#[command(name = "bridge", version, subcommand_help_heading = "Commands")]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of the service.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What else the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes tokens for trying things out.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Makes keys that sign tokens.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
}

/// Which kind of Kafka to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KafkaKind {
    /// Apache Kafka, at --brokers.
    Apache,
    /// A broker inside this process for trying things out: for this machine only, and nothing is kept.
    Embedded,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings as given, before [`Config::check`].
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Kafka's addresses, comma-separated [default: localhost:9092].
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    pub brokers: Option<String>,

    /// Which Kafka to use; `embedded` needs no installation and excludes --brokers.
    #[arg(long, env = "KAFKA", value_enum, default_value_t = KafkaKind::Apache)]
    pub kafka: KafkaKind,

    /// Port at 127.0.0.1 where collectors reach the embedded Kafka; 0 takes a free one.
    #[arg(long, env = "KAFKA_EMBEDDED_PORT", default_value_t = 9092, value_name = "PORT")]
    pub kafka_embedded_port: u16,

    /// Makes a user's topic when its first viewer comes, if it does not exist yet.
    #[arg(long, env = "KAFKA_AUTO_CREATE_TOPICS", default_value = "true", action = ArgAction::Set,
          value_parser = BoolishValueParser::new(), value_name = "true|false")]
    pub kafka_auto_create_topics: bool,

    /// Partitions of a topic that the bridge makes.
    #[arg(long, env = "KAFKA_TOPIC_PARTITIONS", default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub kafka_topic_partitions: u16,

    /// Copies of each partition of a topic that the bridge makes [default: the broker's].
    #[arg(long, env = "KAFKA_TOPIC_REPLICATION", value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub kafka_topic_replication: Option<u16>,

    /// Port for browsers; 0 takes a free one.
    #[arg(long, env = "WS_PORT", default_value_t = 8080)]
    pub port: u16,

    /// Address to listen on; 0.0.0.0 for all.
    #[arg(long, env = "BIND", default_value = "127.0.0.1", value_name = "IP")]
    pub bind: IpAddr,

    /// Address of the operators' listener: figures of all users, no tokens. Keep it private [default: off].
    #[arg(long, env = "OPS_ADDR", value_name = "IP:PORT")]
    pub ops_addr: Option<SocketAddr>,

    /// Key that signs access tokens (HS256, at least 32 bytes). Prefer the environment: flags show in process lists.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_name = "KEY")]
    pub jwt_secret: Option<Secret>,

    /// File with the public keys that sign access tokens (JWKS: ES256, RS256, EdDSA); read again when it changes.
    #[arg(long, env = "JWKS_FILE", value_name = "FILE")]
    pub jwks_file: Option<PathBuf>,

    /// Value that a token's `iss` must have.
    #[arg(long, env = "JWT_ISSUER", default_value = token::DEFAULT_ISSUER, value_name = "TEXT")]
    pub jwt_issuer: String,

    /// Value that a token's `aud` must have or hold.
    #[arg(long, env = "JWT_AUDIENCE", default_value = token::DEFAULT_AUDIENCE, value_name = "TEXT")]
    pub jwt_audience: String,

    /// Claim of a token that names the user.
    #[arg(long, env = "JWT_USER_CLAIM", default_value = "sub", value_name = "NAME")]
    pub jwt_user_claim: String,

    /// No tokens: whoever reaches the port sees whom they name. For trying things out.
    #[arg(long, env = "OPEN", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub open: bool,

    /// Origins of pages that may connect besides the bridge's own, comma-separated, such as https://app.example.com.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',', value_parser = values::origin, value_name = "ORIGIN")]
    pub allowed_origins: Vec<Origin>,

    /// Folder with the dashboard's files to serve [default: none].
    #[arg(long, env = "DASHBOARD_DIR", value_name = "DIR")]
    pub dashboard_dir: Option<PathBuf>,

    /// Blocks kept per viewer; beyond this it skips ahead to the newest key block, and that is counted.
    #[arg(long, env = "VIEWER_QUEUE_BLOCKS", default_value_t = 256, value_name = "BLOCKS",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub viewer_queue_blocks: u32,

    /// How long a user's feed outlives its last viewer, so that a reload finds it warm.
    #[arg(long, env = "FEED_LINGER", default_value = "15s", value_parser = values::duration, value_name = "TIME")]
    pub feed_linger: Duration,

    /// Viewers that one user may have at once.
    #[arg(long, env = "MAX_VIEWERS_PER_USER", default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_viewers_per_user: u32,

    /// Connections from one address at once. Behind a proxy all come from one: set it as --max-connections.
    #[arg(long, env = "MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 256, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,

    /// Connections at once, viewers included.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// How long viewers may take to leave when the bridge stops.
    #[arg(long, env = "DRAIN_TIMEOUT", default_value = "10s", value_parser = values::duration, value_name = "TIME")]
    pub drain_timeout: Duration,

    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, also per module (info,purple_sector_bridge::auth=debug).
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
}

/// Settings that fit together.
#[derive(Debug)]
pub struct Config {
    /// Which Kafka, and how topics are made there.
    pub kafka: KafkaSettings,
    /// Where browsers connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub ops: Option<SocketAddr>,
    /// How callers are checked.
    pub access: Access,
    /// The key file to follow, where tokens are checked with one.
    pub key_file: Option<KeyFile>,
    /// Which pages may connect.
    pub origins: Origins,
    /// Folder of the dashboard.
    pub dashboard: Option<PathBuf>,
    /// Blocks kept per viewer.
    pub viewer_queue_blocks: usize,
    /// How long a feed outlives its last viewer.
    pub feed_linger: Duration,
    /// How many of what at once.
    pub limits: Limits,
    /// How long viewers may take to leave.
    pub drain: Duration,
}

/// How many of what at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Viewers of one user.
    pub viewers_per_user: usize,
    /// Connections from one address.
    pub connections_per_address: usize,
    /// Connections in all.
    pub connections: usize,
}

impl Config {
    /// Checks that the settings fit together, and reads the key file.
    ///
    /// # Errors
    /// One sentence that names the settings to change.
    pub fn check(args: ServeArgs) -> anyhow::Result<Self> {
        let kafka = kafka_settings(&args)?;
        let (access, key_file) = access(&args)?;
        let open = matches!(access, Access::Open);
        let dashboard = args.dashboard_dir.filter(|dir| !dir.as_os_str().is_empty());
        if let Some(dir) = &dashboard {
            let index = dir.join("index.html");
            ensure!(
                index.is_file(),
                "{} does not exist; build the dashboard, or name another folder (--dashboard-dir, DASHBOARD_DIR)",
                index.display()
            );
        }
        Ok(Self {
            kafka,
            listen: SocketAddr::new(args.bind, args.port),
            ops: args.ops_addr,
            access,
            key_file,
            origins: Origins { allowed: args.allowed_origins, open },
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
        (KafkaKind::Embedded, None) => KafkaSource::Embedded { port: args.kafka_embedded_port },
        (KafkaKind::Apache, brokers) => {
            let brokers = brokers.unwrap_or(DEFAULT_BROKERS);
            for broker in brokers.split(',') {
                check_broker(broker.trim()).with_context(|| {
                    format!(
                        "\"{}\" is no Kafka address; write host:port (--brokers, KAFKA_BROKERS)",
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

/// How callers are checked: exactly one of three ways, and never one that was not asked for.
fn access(args: &ServeArgs) -> anyhow::Result<(Access, Option<KeyFile>)> {
    // An empty variable, as a compose file leaves it, counts as none.
    let secret = args.jwt_secret.as_ref().filter(|secret| !secret.expose().is_empty());
    let file = args.jwks_file.as_ref().filter(|file| !file.as_os_str().is_empty());
    for (name, text) in [
        ("--jwt-issuer (JWT_ISSUER)", &args.jwt_issuer),
        ("--jwt-audience (JWT_AUDIENCE)", &args.jwt_audience),
        ("--jwt-user-claim (JWT_USER_CLAIM)", &args.jwt_user_claim),
    ] {
        ensure!(!text.is_empty(), "{name} is empty; leave it out for its default");
    }
    let rules = Rules {
        issuer: args.jwt_issuer.clone(),
        audience: args.jwt_audience.clone(),
        user_claim: args.jwt_user_claim.clone(),
    };
    match (secret, file, args.open) {
        (Some(secret), None, false) => {
            let keys = KeySet::from_secret(secret).context("--jwt-secret (JWT_SECRET)")?;
            Ok((Access::Tokens { keys: KeyStore::new(keys), rules }, None))
        }
        (None, Some(file), false) => {
            let file = KeyFile::load(file)?;
            Ok((Access::Tokens { keys: file.store(), rules }, Some(file)))
        }
        (None, None, true) => Ok((Access::Open, None)),
        (None, None, false) => bail!(
            "how are callers checked? Set JWT_SECRET (one shared secret), JWKS_FILE (public keys; see `bridge keys generate`), \
             or --open (no check at all, for trying things out)"
        ),
        _ => bail!("JWT_SECRET, JWKS_FILE and --open (OPEN) exclude each other; leave all but one out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_agreed_ones() {
        let config = check(&["--open"]).expect("--open is enough");
        assert_eq!(config.kafka.source, KafkaSource::Brokers("localhost:9092".into()));
        assert!(config.kafka.auto_create_topics);
        assert_eq!(config.listen, "127.0.0.1:8080".parse().expect("an address"));
        assert!(config.ops.is_none());
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
        assert_eq!(config.kafka.source, KafkaSource::Embedded { port: 0 });
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
        refused(&["--open", "--feed-linger", "15"], "a unit");
        refused(&["--open", "--viewer-queue-blocks", "0"], "--viewer-queue-blocks");
        refused(&["--open", "--dashboard-dir", "/does/not/exist"], "DASHBOARD_DIR");
        refused(&["--open", "--kafka-auto-create-topics", "perhaps"], "--kafka-auto-create-topics");
        refused(&["--open", "--jwt-issuer", ""], "JWT_ISSUER");
    }
}
