#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "alloc")]
pub mod bridge_protocol;
mod crc;
mod envelope;
mod error;
#[cfg(feature = "alloc")]
mod event;
#[cfg(feature = "alloc")]
mod facts;
mod session;
mod stream;
#[cfg(feature = "alloc")]
mod tenant;
#[cfg(feature = "alloc")]
mod wire;

pub use envelope::{Envelope, Header, Kind, MAX_ENVELOPE_LEN, MAX_RECORD_LEN, WIRE_VERSION, write_record};
pub use error::{DecodeError, EncodeError};
#[cfg(feature = "alloc")]
pub use event::{Event, LapSummary, OtherCar};
#[cfg(feature = "alloc")]
pub use facts::{ClockOffset, Fact, Facts};
pub use session::{SessionId, SessionIdError, partition_for};
pub use stream::{Chain, Gap, Link};
#[cfg(feature = "alloc")]
pub use tenant::{UserId, UserIdError};

// Stands here until schema.rs brings it.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SchemaHash(pub u64);
