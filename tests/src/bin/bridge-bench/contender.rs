//! Who is measured? Our bridge and the Node bridge: how each is started, and how its messages are read.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use purple_sector_codec::bridge_protocol::ServerMessage;
use purple_sector_tests::bridge::{Bridge, secret};
use purple_sector_tests::process::{Process, Program};
use serde_json::json;

const START_LIMIT: Duration = Duration::from_secs(30);
/// Short, so that a bridge that nobody looks at does no work, and users who left are really gone.
pub(crate) const FEED_LINGER: Duration = Duration::from_secs(1);

/// A bridge by the name that the results use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    PurpleSector,
    Node,
}

impl Name {
    pub(crate) const BOTH: [Self; 2] = [Self::PurpleSector, Self::Node];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PurpleSector => "purple-sector",
            Self::Node => "node",
        }
    }
}

/// How the Node bridge reads Kafka.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NodeSettings {
    /// Consumers of the Node bridge
    #[arg(long = "node-layout", value_enum, default_value_t = Layout::PerUser)]
    layout: Layout,
    /// Bytes that the broker gathers before it answers the Node bridge; kafkajs's default
    #[arg(long = "node-min-bytes", default_value_t = 1, value_name = "BYTES")]
    min_bytes: u32,
    /// How long it gathers at most; kafkajs's default
    #[arg(long = "node-max-wait-ms", default_value_t = 5000, value_name = "MS")]
    max_wait_ms: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Layout {
    /// One consumer for all users
    Shared,
    /// A consumer and a group for each user with viewers
    PerUser,
}

/// A running bridge.
pub(crate) enum Contender {
    PurpleSector(Bridge),
    Node { process: Process, port: u16 },
}

impl Contender {
    /// Starts a bridge that takes thousands of connections from one address.
    ///
    /// # Errors
    /// Where it does not get ready.
    pub(crate) fn start(name: Name, brokers: &str, node: &NodeSettings) -> Result<Self> {
        match name {
            Name::PurpleSector => {
                let linger = format!("{}s", FEED_LINGER.as_secs());
                let settings = [
                    ("MAX_CONNECTIONS_PER_ADDRESS", "10000"),
                    ("FEED_LINGER", &linger),
                    ("LOG_LEVEL", "warn"),
                ];
                Ok(Self::PurpleSector(Bridge::start_with(brokers, &settings)?))
            }
            Name::Node => start_node(brokers, node),
        }
    }

    pub(crate) fn name(&self) -> Name {
        match self {
            Self::PurpleSector(_) => Name::PurpleSector,
            Self::Node { .. } => Name::Node,
        }
    }

    /// Its process id.
    pub(crate) fn pid(&mut self) -> u32 {
        match self {
            Self::PurpleSector(bridge) => bridge.process().id(),
            Self::Node { process, .. } => process.id(),
        }
    }

    /// Where viewers connect.
    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::PurpleSector(bridge) => bridge.port(),
            Self::Node { port, .. } => *port,
        }
    }

    /// Ends it in order; a bridge that cannot is an error.
    ///
    /// # Errors
    /// Where it had to be killed.
    pub(crate) fn stop(mut self) -> Result<()> {
        match &mut self {
            Self::PurpleSector(bridge) => bridge.process().stop().map(drop),
            Self::Node { process, .. } => process.stop().map(drop),
        }
    }
}

fn start_node(brokers: &str, settings: &NodeSettings) -> Result<Contender> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/node-bridge");
    if !folder.join("node_modules").is_dir() {
        bail!("the packages of tests/bench/node-bridge are not installed: run `cargo xtask bench bridge`");
    }
    let layout = match settings.layout {
        Layout::Shared => "shared",
        Layout::PerUser => "per-user",
    };
    let secret = std::str::from_utf8(secret())?;
    let mut process = Program::new("the Node bridge", "node")
        .current_dir(&folder)
        .env_clear()
        .env("NODE_ENV", "production")
        .env("KAFKA_BROKERS", brokers)
        .env("WS_PORT", "0")
        .env("JWT_SECRET", secret)
        .env("LAYOUT", layout)
        .env("FETCH_MIN_BYTES", settings.min_bytes.to_string())
        .env("FETCH_MAX_WAIT_MS", settings.max_wait_ms.to_string())
        .args(["server.mjs"])
        .start()?;
    let line = process.wait_for_line("ready on", START_LIMIT)?;
    let port = line.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.with_context(|| format!("no port in {line:?}"))?;
    Ok(Contender::Node { process, port })
}

/// A token for `user` that both take and that outlasts the bench.
///
/// # Errors
/// Where it cannot be signed.
pub(crate) fn token(user: &str) -> Result<String> {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": "purple-sector", "aud": "purple-sector-bridge", "sub": user, "iat": now_s, "exp": now_s + 7200,
    });
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret()))?)
}

/// What a binary message of a bridge says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Said<'a> {
    Record {
        bytes: &'a [u8],
        /// The broker's stamp, Unix ms.
        broker_time_ms: u64,
    },
    /// The feed's state: the viewer has joined.
    State,
    /// Something is missing.
    Gap,
    Other,
}

/// Reads a binary message.
///
/// # Errors
/// Where it is not one of that bridge.
pub(crate) fn read(name: Name, message: &[u8]) -> Result<Said<'_>> {
    match name {
        Name::PurpleSector => match ServerMessage::parse(message).map_err(|error| anyhow!("{error}"))? {
            ServerMessage::Data { header, record } => {
                Ok(Said::Record { bytes: record, broker_time_ms: header.broker_time_ms })
            }
            ServerMessage::State { .. } => Ok(Said::State),
            ServerMessage::Gap { .. } => Ok(Said::Gap),
            _ => Ok(Said::Other),
        },
        Name::Node => {
            let (stamp, bytes) = message.split_first_chunk::<8>().context("a message without a stamp")?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "Unix ms are whole and below 2^53"
            )]
            let broker_time_ms = f64::from_le_bytes(*stamp) as u64;
            Ok(Said::Record { bytes, broker_time_ms })
        }
    }
}
