//! How does each of librdkafka's clients get the user's token? By hand: rdkafka's own way asks for one only where a client is
//! polled, and never for admin calls.

use std::ffi::{CStr, CString, c_char};
use std::path::PathBuf;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rdkafka::bindings::{rd_kafka_oauthbearer_set_token, rd_kafka_resp_err_t};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::ClientConfig;
use tokio::sync::watch;
use tracing::error;

use crate::token::Token;

/// What librdkafka is told of a token's life. When it ends is up to Kafka, whose clock may differ from the driver's; and
/// librdkafka need not ask for the next one, because it gets that from the file.
const LIFE: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How long before its end a token may be refused for that reason: a log-in on an open connection has to last a moment, and
/// clocks differ.
const END_MARGIN: Duration = Duration::from_secs(5);

/// What a client is made from: its settings, and the log-in.
#[derive(Debug, Clone)]
pub struct Access {
    /// Settings by librdkafka's names.
    pub settings: ClientConfig,
    /// With what it logs in.
    pub login: Login,
}

/// With what the clients of this process log in.
#[derive(Debug, Clone)]
pub enum Login {
    /// They do not, or their settings say it all: a certificate, or a name and a password.
    Settings,
    /// With a token, which is replaced from time to time.
    Token {
        /// The newest token.
        newest: watch::Receiver<Token>,
        /// Where it comes from.
        file: PathBuf,
    },
}

/// Which token a client has.
#[derive(Debug)]
pub struct ShownToken(Option<Mutex<watch::Receiver<Token>>>);

impl Login {
    /// For a client that has no token yet.
    pub fn begin(&self) -> ShownToken {
        ShownToken(match self {
            Self::Settings => None,
            Self::Token { newest, .. } => {
                let mut newest = newest.clone();
                newest.mark_changed();
                Some(Mutex::new(newest))
            }
        })
    }

    /// Why Kafka may have refused the log-in, and what to do about it; one sentence.
    pub fn advice(&self) -> String {
        let Self::Token { newest, file } = self else {
            return "check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE".to_owned();
        };
        let file = file.display();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let has_ended =
            newest.borrow().ends_at_s().is_some_and(|s| Duration::from_secs(s) <= now + END_MARGIN);
        let cause = if has_ended {
            format!("the token in {file} has come to its end; put a new one there")
        } else {
            format!("is the token in {file} meant for this Kafka? Its log says why; put another one there")
        };
        format!("{cause}, and this goes on by itself (KAFKA_TOKEN_FILE)")
    }
}

impl ShownToken {
    /// Gives `client` the newest token for its next log-in, unless it has that already. A client that waits for one logs in
    /// at once.
    pub fn renew<C: ClientContext>(&self, client: &Client<C>) {
        let Some(newest) = &self.0 else { return };
        let mut newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
        let token = newest.borrow_and_update();
        if token.has_changed()
            && let Err(reason) = set_token(client, token.expose())
        {
            error!(reason, "Kafka's client does not take the token");
        }
    }
}

/// Gives `client` a token for its next log-in, which is at once where it has none yet. Kafka alone judges the token.
///
/// # Errors
/// librdkafka's reason for not taking it, such as that it is empty.
pub fn set_token<C: ClientContext>(client: &Client<C>, token: &str) -> Result<(), String> {
    let token = CString::new(token).map_err(|error| error.to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ends_at_ms = i64::try_from((now + LIFE).as_millis()).unwrap_or(i64::MAX);
    let mut said = [0 as c_char; 512];
    // SAFETY: the client lives as long as its reference. Token, name and buffer outlive the call, which copies what it keeps;
    // the buffer's length is its own; no extensions are passed.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            token.as_ptr(),
            ends_at_ms,
            // Kafka takes the name from the token.
            c"user".as_ptr(),
            ptr::null_mut(),
            0,
            said.as_mut_ptr(),
            said.len(),
        )
    };
    if code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: librdkafka ends what it writes there with a zero; without its word the buffer is all zeros.
    let said = unsafe { CStr::from_ptr(said.as_ptr()) };
    Err(said.to_string_lossy().into_owned())
}
