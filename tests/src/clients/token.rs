//! How does a client get its token? By hand: rdkafka's own way asks for one only where a client is polled, and never for
//! admin calls.

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use rdkafka::ClientContext;
use rdkafka::bindings::{rd_kafka_oauthbearer_set_token, rd_kafka_resp_err_t};
use rdkafka::client::Client;

/// What librdkafka is told of a token's life. The broker believes the token only, and bad ones must reach it.
const LIFE: Duration = Duration::from_secs(60 * 60);

/// Gives `client` the token for its next log-in, which is at once where it has none yet.
///
/// # Errors
/// Where librdkafka does not take it, such as an empty one.
pub fn set_token<C: ClientContext>(client: &Client<C>, token: &str) -> Result<()> {
    let token = CString::new(token)?;
    let ends_at = SystemTime::now().duration_since(UNIX_EPOCH)? + LIFE;
    let mut said = [0 as c_char; 512];
    // SAFETY: the client outlives the call; token, name and buffer are valid for it, and the lengths are theirs; there are no
    // extensions.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            token.as_ptr(),
            i64::try_from(ends_at.as_millis())?,
            // The broker takes the name from the token.
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
    bail!("librdkafka does not take the token: {}", said.to_string_lossy())
}
