#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;

mod error;
mod session;
#[cfg(feature = "alloc")]
mod tenant;
#[allow(dead_code, reason = "until envelope.rs uses it")]
mod crc;

pub use error::{DecodeError, EncodeError};
pub use session::{SessionId, SessionIdError, partition_for};
#[cfg(feature = "alloc")]
pub use tenant::{UserId, UserIdError};
