//! Which settings are there?
//!
//! Each can be given as a flag or in the environment. They are read once, here; nothing below reads the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use purple_sector_codec::UserId;

use super::values;
use crate::auth::{ReservedName, Rules, Secret};
use crate::control;
use crate::host::HostName;
use crate::origin::Origin;

/// Which kind of Kafka to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KafkaKind {
    /// Apache Kafka, at --brokers.
    Apache,
    /// A broker inside this process for trying things out: for this machine only, and nothing is kept.
    Embedded,
}

/// How a connection to Kafka is secured, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecurityProtocol {
    /// Not at all.
    #[value(name = "PLAINTEXT")]
    Plaintext,
    /// TLS; the bridge's certificate is its log-in.
    #[value(name = "SSL")]
    Ssl,
    /// A log-in without encryption.
    #[value(name = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// TLS and a log-in.
    #[value(name = "SASL_SSL")]
    SaslSsl,
}

/// How the bridge itself logs in, by SASL's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SaslMechanism {
    /// The password is sent.
    #[value(name = "PLAIN")]
    Plain,
    /// The password is proved.
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password is proved.
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

/// As whom readers of users' topics log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KafkaLogin {
    /// Each as its user, with the token of one of that user's viewers: Kafka itself refuses it any other topic.
    User,
    /// All as the bridge: that a user gets nothing but her own topic is up to the bridge alone.
    Bridge,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How the bridge itself connects to Kafka, in its services and in its commands.
#[derive(Debug, Args)]
pub struct KafkaSecurityArgs {
    /// How the bridge connects to Kafka.
    #[arg(long = "kafka-security-protocol", env = "KAFKA_SECURITY_PROTOCOL", value_enum, ignore_case = true,
          default_value_t = SecurityProtocol::Plaintext)]
    pub protocol: SecurityProtocol,

    /// How the bridge itself logs in, with SASL_PLAINTEXT and SASL_SSL.
    #[arg(long = "kafka-sasl-mechanism", env = "KAFKA_SASL_MECHANISM", value_enum, ignore_case = true)]
    pub sasl_mechanism: Option<SaslMechanism>,

    /// Name with which the bridge itself logs in.
    #[arg(long = "kafka-sasl-username", env = "KAFKA_SASL_USERNAME", value_name = "NAME")]
    pub sasl_username: Option<String>,

    /// File with the password that belongs to it.
    #[arg(long = "kafka-sasl-password-file", env = "KAFKA_SASL_PASSWORD_FILE", value_name = "FILE")]
    pub sasl_password_file: Option<PathBuf>,

    /// File with the certificates of the authorities that Kafka's certificates must come from (PEM).
    #[arg(long = "kafka-ssl-ca-location", env = "KAFKA_SSL_CA_LOCATION", value_name = "FILE")]
    pub ssl_ca_location: Option<PathBuf>,

    /// File with the bridge's own certificate and its chain (PEM).
    #[arg(
        long = "kafka-ssl-certificate-location",
        env = "KAFKA_SSL_CERTIFICATE_LOCATION",
        value_name = "FILE"
    )]
    pub ssl_certificate_location: Option<PathBuf>,

    /// File with the private key that belongs to it (PEM).
    #[arg(long = "kafka-ssl-key-location", env = "KAFKA_SSL_KEY_LOCATION", value_name = "FILE")]
    pub ssl_key_location: Option<PathBuf>,
}

/// The settings as given, before [`Config::check`](super::Config::check).
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Kafka's addresses, comma-separated [default: localhost:9092].
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT")]
    pub brokers: Option<String>,

    /// Which Kafka to use; `embedded` needs no installation and does not go with --brokers.
    #[arg(long, env = "KAFKA", value_enum, default_value_t = KafkaKind::Apache)]
    pub kafka: KafkaKind,

    /// Port on 127.0.0.1 where collectors reach the embedded Kafka; 0 takes a free one.
    #[arg(long, env = "KAFKA_EMBEDDED_PORT", default_value_t = 9092, value_name = "PORT")]
    pub kafka_embedded_port: u16,

    /// Users whose topics the embedded Kafka has from the start, comma-separated: their collectors need not wait for a viewer.
    #[arg(long, env = "KAFKA_EMBEDDED_USERS", value_delimiter = ',', value_parser = values::user, value_name = "ID")]
    pub kafka_embedded_users: Vec<Option<UserId>>,

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

    /// How the bridge connects to Kafka.
    #[command(flatten)]
    pub kafka_security: KafkaSecurityArgs,

    /// As whom the readers of users' topics log in to Kafka; must be stated unless the protocol is PLAINTEXT.
    #[arg(long, env = "KAFKA_LOGIN", value_enum)]
    pub kafka_login: Option<KafkaLogin>,

    /// Kafka's addresses for users, with --kafka-login user [default: those of --brokers].
    #[arg(long, env = "KAFKA_USER_BROKERS", value_name = "HOST:PORT")]
    pub kafka_user_brokers: Option<String>,

    /// Value that a token's `aud` must hold for Kafka, besides the bridge's, with --kafka-login user.
    #[arg(long, env = "KAFKA_AUDIENCE", default_value = "kafka", value_name = "TEXT")]
    pub kafka_audience: String,
    /// Topic where the bridges keep what each of them must know, such as revoked tokens; created if it does not exist. Empty for none.
    #[arg(long, env = "KAFKA_CONTROL_TOPIC", default_value = control::DEFAULT_TOPIC, value_name = "TOPIC")]
    pub kafka_control_topic: String,

    /// Port for browsers; 0 takes a free one.
    #[arg(long, env = "WS_PORT", default_value_t = 8080)]
    pub port: u16,

    /// Address to listen on; 0.0.0.0 for all.
    #[arg(long, env = "BIND", default_value = "127.0.0.1", value_name = "IP")]
    pub bind: IpAddr,

    /// Certificate and its chain (PEM) for the browsers' listener, which then speaks TLS 1.3 only; read again when it changes.
    #[arg(long, env = "TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of that certificate (PEM).
    #[arg(long, env = "TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Address of the operators' listener: figures of all users. Keep it private [default: off].
    #[arg(long, env = "OPS_ADDR", value_name = "IP:PORT")]
    pub ops_addr: Option<SocketAddr>,

    /// What operators must send as a bearer token to see figures (at least 16 bytes); needed where other machines reach OPS_ADDR.
    #[arg(long, env = "OPS_SECRET", hide_env_values = true, value_name = "KEY")]
    pub ops_secret: Option<Secret>,

    /// Names that the operators' listener answers to, comma-separated, besides addresses, names without a dot, and those in .localhost, .local and .internal.
    #[arg(long, env = "OPS_HOSTS", value_delimiter = ',', value_parser = values::host_name, value_name = "NAME")]
    pub ops_hosts: Vec<Option<HostName>>,

    /// Key that signs access tokens (HS256, at least 32 bytes). Prefer the environment: flags show in process lists.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, value_name = "KEY")]
    pub jwt_secret: Option<Secret>,

    /// File with the public keys that sign access tokens (JWKS: ES256, RS256, EdDSA); read again when it changes.
    #[arg(long, env = "JWKS_FILE", value_name = "FILE")]
    pub jwks_file: Option<PathBuf>,

    /// Address of the public keys (JWKS) instead of a file; fetched every few minutes, and when a token names an unknown key.
    #[arg(long, env = "JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,

    /// OpenID issuer whose tokens are accepted: its keys are found through its discovery document, and a token's `iss` must equal this address.
    #[arg(long, env = "OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<String>,

    /// Value that a token's `iss` must be.
    #[arg(long, env = "JWT_ISSUER", default_value = Rules::DEFAULT_ISSUER, value_name = "TEXT")]
    pub jwt_issuer: String,

    /// Value that a token's `aud` must be or contain.
    #[arg(long, env = "JWT_AUDIENCE", default_value = Rules::DEFAULT_AUDIENCE, value_name = "TEXT")]
    pub jwt_audience: String,

    /// Claim of a token that names the user.
    #[arg(long, env = "JWT_USER_CLAIM", default_value = "sub", value_name = "NAME")]
    pub jwt_user_claim: String,

    /// Longest time from a token's `iat` to its `exp`; tokens that are good for longer are refused.
    #[arg(long, env = "JWT_MAX_LIFETIME", default_value = "24h", value_parser = values::duration, value_name = "TIME")]
    pub jwt_max_lifetime: Duration,

    /// Names that no user may have, comma-separated, because they are principals of services or super users; end one with `*` for every name that begins with it.
    #[arg(long, env = "RESERVED_USERS", default_value = "svc-*", value_delimiter = ',',
          value_parser = values::reserved_name, value_name = "NAME")]
    pub reserved_users: Vec<Option<ReservedName>>,

    /// No tokens: anyone who reaches the port can see any user's data. For trying things out.
    #[arg(long, env = "OPEN", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub open: bool,

    /// Origins of pages that may connect besides the bridge's own, comma-separated, such as `https://app.example.com`.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',', value_parser = values::origin, value_name = "ORIGIN")]
    pub allowed_origins: Vec<Option<Origin>>,

    /// Folder with the dashboard's files to serve, read when the bridge starts [default: none].
    #[arg(long, env = "DASHBOARD_DIR", value_name = "DIR")]
    pub dashboard_dir: Option<PathBuf>,

    /// Bridges that the dashboard may connect to besides its own, comma-separated, such as `https://eu.example.com`.
    #[arg(long, env = "DASHBOARD_BRIDGES", value_delimiter = ',', value_parser = values::bridge, value_name = "ORIGIN")]
    pub dashboard_bridges: Vec<Option<Origin>>,

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

    /// Connections from one address at once. Behind a proxy they all come from one: make it as high as --max-connections.
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

    /// What is logged: error, warn, info, debug or trace; can be set per module (info,purple_sector_bridge::auth=debug).
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
}
