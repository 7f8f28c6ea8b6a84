//! What did the person ask for? Settings by flag and environment, checked, and turned into Kafka's client settings.

mod property;
mod security;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use purple_sector_codec::{SessionId, Topic, UserId, UserIdError};
use rdkafka::config::ClientConfig;

pub use self::property::{Property, PropertyError};
pub use self::security::{SaslMechanism, Security, SecurityConfig, SecurityError, SecurityProtocol};
use crate::pipeline::BlockSize;
use crate::pump::Pace;
use crate::source::simulator::{RATES_HZ, Track};
use crate::token_file::TokenFile;

/// Most users that one process simulates.
const MAX_USERS: i64 = 2_000;

/// Publishes a driver's telemetry to that driver's own Kafka topic.
#[derive(Debug, Clone, Parser)]
#[command(name = "collector", version, arg_required_else_help = true, subcommand_required = true)]
pub struct Config {
    /// Where samples come from.
    #[command(subcommand)]
    pub source: SourceConfig,
    /// Settings of every source.
    #[command(flatten)]
    pub common: CommonConfig,
}

/// Where samples come from.
#[derive(Debug, Clone, Subcommand)]
pub enum SourceConfig {
    /// Drives plausible laps; no game needed.
    Simulator(SimulatorConfig),
    /// Plays a recording: one of `--record`, or one of the known CSV files, plain or gzip.
    Replay(ReplayConfig),
}

/// Settings of the simulator.
#[derive(Debug, Clone, Args)]
pub struct SimulatorConfig {
    /// Samples per second; games give 60 to 333.
    #[arg(long, env = "SIMULATOR_RATE", default_value_t = 60, value_name = "HZ",
        value_parser = clap::value_parser!(u32).range(*RATES_HZ.start() as i64..=*RATES_HZ.end() as i64))]
    pub rate: u32,
    /// Same seed, same laps. Users of `--users` have this seed and the ones after it.
    #[arg(long, env = "SIMULATOR_SEED", default_value_t = 1, value_name = "NUMBER")]
    pub seed: u64,
    /// Circuit to drive on.
    #[arg(long, env = "SIMULATOR_TRACK", default_value = Track::NAMES[0], value_name = "NAME",
        value_parser = clap::builder::PossibleValuesParser::new(Track::NAMES))]
    pub track: String,
    /// Laps from one pit stop to the next; 0 for never.
    #[arg(long, env = "SIMULATOR_PIT_EVERY", default_value_t = 8, value_name = "LAPS")]
    pub pit_every: u32,
    /// Simulates this many users at once, with the ids `<user>-0001`, `<user>-0002` …
    #[arg(long, env = "SIMULATOR_USERS", value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=MAX_USERS))]
    pub users: Option<u32>,
}

/// Settings of a replay.
#[derive(Debug, Clone, Args)]
pub struct ReplayConfig {
    /// The recording.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How fast: 1 is as recorded, 4 is four times as fast, `max` is as fast as Kafka takes it.
    #[arg(long, env = "REPLAY_SPEED", default_value = "1", value_name = "TIMES|max", value_parser = parse_speed)]
    pub speed: Pace,
    /// Starts again whenever it has come to the end.
    #[arg(long = "loop", env = "REPLAY_LOOP")]
    pub repeat: bool,
}

/// Settings of every source.
#[derive(Debug, Clone, Args)]
pub struct CommonConfig {
    /// Whose telemetry this is [default: the user of the token in --kafka-token-file].
    #[arg(long, env = "USER_ID", global = true, value_name = "ID", value_parser = UserId::parse)]
    pub user: Option<UserId>,
    /// Name of this run, 1 to 64 of A-Z a-z 0-9 . _ - [default: made from the time]
    #[arg(long, env = "SESSION_ID", global = true, value_name = "ID", value_parser = SessionId::parse)]
    pub session: Option<SessionId>,
    /// Kafka's addresses, host:port, separated by commas.
    #[arg(long, env = "KAFKA_BROKERS", global = true, default_value = "localhost:9092", value_name = "ADDRESSES",
        value_parser = parse_brokers)]
    pub brokers: String,
    /// How to connect and log in to Kafka.
    #[command(flatten)]
    pub security: SecurityConfig,
    /// Kafka runs on this machine and shares its clock; needed for the bridge's embedded Kafka, which does not say what time it is.
    #[arg(long, env = "LOCAL_BROKER", global = true)]
    pub local_broker: bool,
    /// Time that one block covers, 1ms to 1s.
    #[arg(long, env = "BLOCK_TIME", global = true, default_value = "33ms", value_name = "TIME",
        value_parser = parse_block_time)]
    pub block_time: Duration,
    /// Samples in one block, instead of `--block-time`; 1 is quickest.
    #[arg(long, env = "BLOCK_SAMPLES", global = true, value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=256))]
    pub block_samples: Option<u16>,
    /// Sends every value bit for bit, in about four times as many bytes.
    #[arg(long, env = "LOSSLESS", global = true)]
    pub lossless: bool,
    /// Also writes what is sent to this new file, for `replay`.
    #[arg(long, env = "RECORD", global = true, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Memory for what Kafka has not taken yet, in MiB per user; beyond it the oldest is dropped.
    #[arg(long, env = "QUEUE_MIB", global = true, default_value_t = 16, value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=4_096))]
    pub queue_mib: u64,
    /// How log lines look.
    #[arg(long, env = "LOG_FORMAT", global = true, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace; can be set per module (info,librdkafka=debug).
    #[arg(long, env = "LOG_LEVEL", global = true, default_value = "info", value_name = "LEVEL")]
    pub log_level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Settings that contradict each other or are missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No user is named.
    #[error("say whose telemetry this is, for instance --user alice (--user, USER_ID)")]
    NoUser,
    /// A token names another user than the settings do.
    #[error(
        "the token in {} is of {in_token:?}, but USER_ID says {user:?}; leave USER_ID out, or take this user's own token \
         (--user, KAFKA_TOKEN_FILE)", path.display()
    )]
    OtherUser {
        /// The token's file.
        path: PathBuf,
        /// Whose token it is.
        in_token: UserId,
        /// Who was named.
        user: UserId,
    },
    /// A token is to stand for several users.
    #[error("a token is of one user: leave out --users, or log in without KAFKA_TOKEN_FILE")]
    TokenOfMany,
    /// A recording of several users is asked for.
    #[error("a recording holds one user: use --record without --users")]
    RecordingOfMany,
    /// An id with a number appended is no longer a valid id.
    #[error("no user ids can be made from {user:?}: {error} (--user, USER_ID)")]
    Numbered {
        /// The user that was named.
        user: UserId,
        /// What is wrong with the id that was made from it.
        error: UserIdError,
    },
}

impl Config {
    /// Reads flags and environment; what cannot be read ends the program with exit code 2 and a sentence that says why.
    ///
    /// A variable that is set to nothing, as a compose file leaves it, counts as not set.
    pub fn load() -> Self {
        let command = Self::command().mut_args(without_empty_variable);
        let command = command.mut_subcommands(|command| command.mut_args(without_empty_variable));
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// The users to publish for, in order: the one that is named, or else the token's.
    ///
    /// # Errors
    /// If no user is named, or another than the token's; several are to be recorded, or to share a token; or an id with its
    /// number is no longer a valid id.
    pub fn users(&self, token: Option<&TokenFile>) -> Result<Vec<UserId>, ConfigError> {
        let in_token = token.and_then(|file| Some((file.token().user()?, file.path())));
        let user = match (&self.common.user, in_token) {
            (Some(user), Some((in_token, path))) if user != in_token => {
                let (path, in_token, user) = (path.to_owned(), in_token.clone(), user.clone());
                return Err(ConfigError::OtherUser { path, in_token, user });
            }
            (Some(user), _) | (None, Some((user, _))) => user,
            (None, None) => return Err(ConfigError::NoUser),
        };
        let SourceConfig::Simulator(SimulatorConfig { users: Some(n_users), .. }) = self.source else {
            return Ok(vec![user.clone()]);
        };
        if token.is_some() {
            return Err(ConfigError::TokenOfMany);
        }
        if n_users > 1 && self.common.record.is_some() {
            return Err(ConfigError::RecordingOfMany);
        }
        let ids = (1..=n_users).map(|n| UserId::parse(&format!("{user}-{n:04}")));
        let ids: Result<_, _> = ids.collect();
        ids.map_err(|error| ConfigError::Numbered { user: user.clone(), error })
    }

    /// How samples become blocks.
    pub fn block(&self) -> BlockSize {
        match self.common.block_samples {
            Some(n_samples) => BlockSize::Samples(usize::from(n_samples)),
            None => BlockSize::Time(self.common.block_time),
        }
    }

    /// How fast the source's time passes.
    pub fn pace(&self) -> Pace {
        match &self.source {
            SourceConfig::Simulator(_) => Pace::Times(1.0),
            SourceConfig::Replay(replay) => replay.speed,
        }
    }

    /// Settings of every Kafka client: addresses, the log-in, and time-outs that notice a dead connection.
    pub fn kafka(&self, security: &Security) -> ClientConfig {
        self.client(security, &[])
    }

    /// Settings of the producer: nothing lost, nothing duplicated, in order, and no waiting for a batch to fill.
    pub fn producer(&self, security: &Security) -> ClientConfig {
        let max_batch_bytes = Topic::MAX_BATCH_BYTES.to_string();
        let settings = [
            ("enable.idempotence", "true"),
            ("linger.ms", "0"),
            // A backlog goes out in batches that the topic takes.
            ("message.max.bytes", &max_batch_bytes),
            // librdkafka never gives up a record: what is too much is dropped by our queue, which counts and announces it.
            ("message.timeout.ms", "0"),
            ("queue.buffering.max.messages", "600000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("retry.backoff.ms", "50"),
        ];
        self.client(security, &settings)
    }

    /// A client with settings of its own. A person's come last, and so win.
    fn client(&self, security: &Security, settings: &[(&str, &str)]) -> ClientConfig {
        let of_all = [
            ("bootstrap.servers", self.common.brokers.as_str()),
            ("client.id", "purple-sector-collector"),
            // A topic that a broker creates on the side has the broker's settings, not ours.
            ("allow.auto.create.topics", "false"),
            ("socket.keepalive.enable", "true"),
            ("socket.timeout.ms", "10000"),
            ("reconnect.backoff.ms", "100"),
            ("reconnect.backoff.max.ms", "2000"),
        ];
        let mut kafka = ClientConfig::new();
        for (name, value) in of_all.into_iter().chain(settings.iter().copied()).chain(security.properties()) {
            kafka.set(name, value);
        }
        kafka
    }
}

fn without_empty_variable(arg: Arg) -> Arg {
    let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
    if arg.get_env().is_some_and(is_empty) { arg.env(None::<&str>) } else { arg }
}

/// As the bridge writes durations: a whole number and a unit.
fn parse_block_time(text: &str) -> Result<Duration, &'static str> {
    let time = match text.strip_suffix("ms") {
        Some(ms) => ms.parse().ok().map(Duration::from_millis),
        None => text.strip_suffix('s').and_then(|s| s.parse().ok()).map(Duration::from_secs),
    };
    let in_range = |time: &Duration| (Duration::from_millis(1)..=Duration::from_secs(1)).contains(time);
    time.filter(in_range).ok_or("write it as a whole number and a unit, from 1ms to 1s: 33ms")
}

fn parse_speed(text: &str) -> Result<Pace, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Pace::Max),
        Ok(times) if (0.01..=1_000.0).contains(&times) => Ok(Pace::Times(times)),
        _ => Err("a speed is a number from 0.01 to 1000, or max".to_owned()),
    }
}

/// Checks host and port of each address, so that a typing error is not mistaken for a broker that is down.
fn parse_brokers(text: &str) -> Result<String, String> {
    let is_address = |address: &str| {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        !host.is_empty()
            && !host.contains(char::is_whitespace)
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match text.split(',').find(|address| !is_address(address)) {
        None => Ok(text.to_owned()),
        Some(address) => Err(format!("{address:?} is not host:port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::token_of;

    fn config(arguments: &str) -> Config {
        Config::try_parse_from(std::iter::once("collector").chain(arguments.split(' '))).expect("valid")
    }

    #[track_caller]
    fn check_users(arguments: &str, expected: &[&str]) {
        let users = config(arguments).users(None).expect("users");
        assert_eq!(users.iter().map(UserId::as_str).collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    fn check_refused(arguments: &str, names: &str) {
        let error = Config::try_parse_from(std::iter::once("collector").chain(arguments.split(' ')));
        let error = error.expect_err("refused").to_string();
        assert!(error.contains(names), "{error}");
    }

    #[test]
    fn one_user_or_as_many_as_asked_for() {
        check_users("simulator --user alice", &["alice"]);
        check_users("simulator --user load --users 2", &["load-0001", "load-0002"]);
        check_users("--user carol replay lap.csv", &["carol"]);
    }

    #[test]
    fn boundaries_hold() {
        check_refused("simulator --user alice --rate 9", "10..=1000");
        check_refused("simulator --user alice --rate 1001", "10..=1000");
        check_refused("simulator --user alice --users 0", "1..=2000");
        check_refused("simulator --user alice --block-samples 257", "1..=256");
        for time in ["0ms", "1001ms", "2s", "33", "ms", "1m"] {
            check_refused(&format!("simulator --user alice --block-time {time}"), "from 1ms to 1s");
        }
        check_refused("simulator --user alice --session a/b", "session id");
        check_refused("simulator --user alice --brokers nowhere", "\"nowhere\" is not host:port");
        check_refused("simulator --user alice --track moon", "lindenring");
        check_refused("replay lap.csv --speed 0", "0.01 to 1000");
        assert_eq!(config("simulator --rate 10").pace(), Pace::Times(1.0));
        assert_eq!(config("replay lap.csv --speed max").pace(), Pace::Max);
        assert_eq!(config("replay lap.csv --speed 2.5").pace(), Pace::Times(2.5));
    }

    #[test]
    fn a_block_is_33_ms_unless_told_otherwise() {
        let block = config("simulator --user alice").block();
        assert_eq!([6.5, 60.0, 333.0].map(|rate_hz| block.n_samples(rate_hz, 204)), [1, 2, 11]);
        let n_samples =
            |flags, rate_hz| config(&format!("simulator {flags}")).block().n_samples(rate_hz, 204);
        assert_eq!(n_samples("--block-time 100ms", 60.0), 6);
        assert_eq!(n_samples("--block-time 1s", 60.0), 60);
        assert_eq!(n_samples("--block-time 1s", 333.0), 79, "as many as a block of all channels may have");
        assert_eq!(n_samples("--block-samples 6", 60.0), 6);
    }

    #[test]
    fn a_missing_user_and_a_recording_of_many_are_refused() {
        let error = config("simulator").users(None).expect_err("no user").to_string();
        assert!(error.contains("--user") && error.contains("USER_ID"), "{error}");
        let many = config("simulator --user a --users 2 --record f").users(None);
        assert_eq!(many, Err(ConfigError::RecordingOfMany));
    }

    #[test]
    fn a_token_names_the_user_and_nobody_else_may() {
        let path = std::env::temp_dir().join(format!("collector-config-{}.jwt", std::process::id()));
        std::fs::write(&path, token_of(r#"{"sub":"alice"}"#)).expect("a temporary file");
        let token = TokenFile::read(&path).expect("a token");
        std::fs::remove_file(&path).expect("it is there");
        let users =
            |arguments: &str| config(arguments).users(Some(&token)).map_err(|error| error.to_string());
        let alice = Ok(vec![UserId::parse("alice").expect("valid")]);
        assert_eq!((users("simulator"), users("simulator --user alice")), (alice.clone(), alice));
        let other = users("simulator --user bob").expect_err("another user");
        let names = ["\"alice\"", "\"bob\"", "USER_ID", "KAFKA_TOKEN_FILE"];
        assert!(names.iter().all(|name| other.contains(name)), "{other}");
        let many = users("simulator --users 2").expect_err("many users");
        assert!(many.contains("--users"), "{many}");
    }
}
