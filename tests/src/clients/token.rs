//! How does a client of a test get its token? As the collector's clients do.

use anyhow::{Result, anyhow};
use purple_sector_collector::login;
use rdkafka::ClientContext;
use rdkafka::client::Client;

/// Gives `client` the token for its next log-in, which is at once where it has none yet.
///
/// # Errors
/// Where librdkafka does not take it, such as an empty one.
pub fn set_token<C: ClientContext>(client: &Client<C>, token: &str) -> Result<()> {
    login::set_token(client, token).map_err(|reason| anyhow!("librdkafka does not take the token: {reason}"))
}
