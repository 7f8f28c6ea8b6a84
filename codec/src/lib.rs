#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod block;
#[cfg(feature = "alloc")]
pub mod bridge_protocol;
pub mod channels;
mod crc;
mod envelope;
mod error;
#[cfg(feature = "alloc")]
mod event;
#[cfg(feature = "alloc")]
mod facts;
mod sample;
#[cfg(feature = "alloc")]
pub mod schema;
mod schema_hash;
mod session;
mod stream;
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "without alloc only headers are read"))]
mod take;
#[cfg(feature = "alloc")]
mod tenant;
#[cfg(feature = "alloc")]
mod topic;
#[cfg(feature = "alloc")]
mod wire;

pub use block::{BlockDecoder, BlockEncoder, Coding, Columns, Slot};
pub use channels::{ABSENT, ChannelId, FloatChannel, IntChannel, Pace, ch};
pub use envelope::{Envelope, Header, Kind, MAX_ENVELOPE_LEN, MAX_RECORD_LEN, WIRE_VERSION, write_record};
pub use error::{DecodeError, EncodeError};
#[cfg(feature = "alloc")]
pub use event::{Event, LapSummary, OtherCar};
#[cfg(feature = "alloc")]
pub use facts::{ClockOffset, Fact, Facts};
pub use sample::{Row, SOURCE_GAP_US, Sample, TIME_LIMIT_US};
#[cfg(feature = "alloc")]
pub use schema::{Channel, Position, RowBuffer, Schema, SchemaError};
pub use schema_hash::SchemaHash;
pub use session::{SessionId, SessionIdError, partition_for};
pub use stream::{Chain, Gap, Link};
#[cfg(feature = "alloc")]
pub use stream::{
    EncodedBlock, EncoderCounts, Received, Samples, StreamEncoder, StreamId, StreamReader, StreamSettings,
    WaitingFor,
};
#[cfg(feature = "alloc")]
pub use tenant::{UserId, UserIdError};
#[cfg(feature = "alloc")]
pub use topic::Topic;
