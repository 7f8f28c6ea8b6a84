//! Users of this run: every test takes fresh ones, so that tests share a broker and nothing else.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use purple_sector_codec::UserId;
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;

/// A user with a token.
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) token: String,
}

impl User {
    pub(crate) fn new(name: &str) -> Result<Self> {
        Ok(Self { id: UserId::parse(name)?, token: token(name)? })
    }
}

/// The brokers that all tests share.
pub(crate) fn brokers() -> Result<String> {
    Ok(Kafka::shared()?.brokers())
}

/// The bridge that the tests share which need no settings of their own.
pub(crate) fn shared_bridge() -> Result<&'static Bridge> {
    static BRIDGE: OnceLock<Result<Bridge, String>> = OnceLock::new();
    let started = BRIDGE.get_or_init(|| {
        brokers().and_then(|brokers| Bridge::start(&brokers)).map_err(|error| format!("{error:#}"))
    });
    started.as_ref().map_err(|error| anyhow::anyhow!(error.clone()))
}

/// Unix µs now.
pub(crate) fn now_us() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(u64::try_from(now.as_micros())?)
}
