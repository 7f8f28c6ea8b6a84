//! Samples in and records out; records in and samples out, once and in order, or not at all.
//!
//! A stream is one session's blocks of one encoder start. The rules that make it safe to read from the middle,
//! twice, or with holes are in [`Chain`]; `docs/wire-format.md` states them.

mod chain;
#[cfg(feature = "alloc")]
mod encoder;
#[cfg(feature = "alloc")]
mod reader;
#[cfg(feature = "alloc")]
mod samples;

pub use self::chain::{Chain, Gap, Link};
#[cfg(feature = "alloc")]
pub use self::encoder::{EncodedBlock, EncoderCounts, StreamEncoder, StreamSettings};
#[cfg(feature = "alloc")]
pub use self::reader::{Received, StreamId, StreamReader, WaitingFor};
#[cfg(feature = "alloc")]
pub use self::samples::Samples;
