//! How is a token ended before its time?

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use purple_sector_codec::UserId;

use crate::auth::{LEEWAY, TokenId};
use crate::config::{KafkaSecurityArgs, client_properties, values};
use crate::control::{self, ControlSettings, Entry};
use crate::time::unix_s;

/// Which tokens end, and where bridges read it.
#[derive(Debug, Args)]
#[group(skip)]
pub struct RevokeArgs {
    #[command(flatten)]
    what: What,

    /// Kafka's addresses, as the bridges have them.
    #[arg(long, env = "KAFKA_BROKERS", default_value = "localhost:9092", value_name = "HOST:PORT")]
    brokers: String,

    /// How to connect to them.
    #[command(flatten)]
    connection: KafkaSecurityArgs,

    /// Topic in which all bridges keep what they share, as they have it.
    #[arg(long, env = "KAFKA_CONTROL_TOPIC", default_value = control::DEFAULT_TOPIC, value_name = "TOPIC")]
    control_topic: String,

    /// Longest life of a token, as the bridges have it: the revocation is kept that long.
    #[arg(long, env = "JWT_MAX_LIFETIME", default_value = "24h", value_parser = values::duration, value_name = "TIME")]
    max_lifetime: Duration,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// The token with this `jti`.
    #[arg(long, value_name = "JTI")]
    id: Option<String>,

    /// All tokens of this user that were made up to now; newer ones are good.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
}

/// Writes the revocation where every bridge reads it, and says so when it is safe there.
pub(super) fn revoke(args: &RevokeArgs) -> Result<()> {
    let now_s = unix_s();
    let keep_until_s = now_s + args.max_lifetime.as_secs() + LEEWAY.as_secs();
    let (entry, said) = match (&args.what.id, &args.what.user) {
        (Some(id), _) => {
            let id = TokenId::parse(id)
                .ok_or_else(|| anyhow!("--id \"{}\" is not the jti of a token", id.escape_debug()))?;
            (Entry::TokenRevoked { id: id.to_string(), keep_until_s }, format!("the token {id} is revoked"))
        }
        (None, user) => {
            let user = user.as_deref().unwrap_or_default();
            let user = UserId::parse(user)
                .with_context(|| format!("--user \"{}\" is not a user id", user.escape_debug()))?;
            let said = format!("all tokens that {user} has are revoked");
            (Entry::UserRevoked { user: user.to_string(), issued_until_s: now_s, keep_until_s }, said)
        }
    };
    let topic =
        values::control_topic(&args.control_topic).context("--control-topic (KAFKA_CONTROL_TOPIC)")?;
    let settings = ControlSettings {
        brokers: args.brokers.clone(),
        connection: client_properties(&args.connection)?,
        topic,
        replication_factor: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(control::write(&settings, &entry)).context("nothing is revoked")?;
    writeln!(io::stdout(), "{said}").context("it is revoked, but this cannot be printed")
}
