//! Kafka's protocol as far as the bridge speaks it, without I/O, clock or threads.
//!
//! [`Reader`] is the heart: the reader of one user's topic as a state machine. What happens on its connections goes in,
//! with the time; what to connect and to send comes out, and so do records and news. [`LogIn`] shows brokers who asks,
//! and [`admin`] has the few requests that are not reading. Brokers are not trusted: no declared length is allocated, and
//! no answer makes anything panic.

pub mod admin;
mod batch;
mod error_code;
mod fields;
mod inflate;
mod partition;
mod reader;
mod request;
mod response;
mod sasl;
mod session;
mod version;

pub use self::batch::Unreadable;
pub use self::error_code::ErrorCode;
pub use self::reader::{
    Action, Address, CloseReason, Event, LinkId, Login, LookBack, News, Now, Output, Reader, ReaderSettings,
    Record,
};
pub use self::request::Request;
pub use self::response::{Malformed, body};
pub use self::sasl::{BadToken, Identity, LogIn, LogInError, Mechanism, Offered, Refusal, ScramHash, Step};
pub use self::version::{UnusableBroker, Versions};

use std::fmt;

/// The longest answer that is taken from a broker, in bytes. A Fetch asks for much less; a broker goes beyond that only
/// for a first batch that is longer, which topics with our settings do not have.
pub const MAX_ANSWER_LEN: usize = 2 * 1024 * 1024;

/// Kafka's id of a topic; one that was deleted and created again has another. All zeros: not known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TopicId(pub [u8; 16]);

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
