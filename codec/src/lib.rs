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
pub mod recording;
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

/// Without an allocator, for a program that knows its channels: all memory is its own.
///
/// ```
/// use purple_sector_codec::block::{DecoderQuad, EncoderGroup, column_stride, max_encoded_len, n_groups, n_number_groups, n_quads};
/// use purple_sector_codec::{BlockDecoder, BlockEncoder, Coding, Columns, Pace, Row, Slot};
///
/// // Float channels first, then ints: speed in steps of 0.01 m/s, and the gear.
/// let speed = Coding::Fixed { resolution: 0.01, min: 0.0, max: 150.0 };
/// let gear = Coding::Int { min: -1, max: 10 };
/// let slots = [Slot { coding: speed, pace: Pace::Fast }, Slot { coding: gear, pace: Pace::Slow }];
/// const N: usize = 2; // samples in a block
///
/// // The driver's side.
/// let groups = [EncoderGroup::default(); n_groups(2)];
/// let mut encoder = BlockEncoder::new(&slots, N, groups, [[0; 8]; n_number_groups(2, N)])?;
/// encoder.push(Row { captured_at_us: 1_764_000_000_000_000, floats: &[61.5], ints: &[4] })?;
/// encoder.push(Row { captured_at_us: 1_764_000_000_016_667, floats: &[61.75], ints: &[5] })?;
/// let origin_us = encoder.first_us();
/// let mut body = [0; max_encoded_len(2, N)];
/// let length = encoder.encode_key(&mut body)?;
///
/// // The viewer's side: one column after the other.
/// let mut decoder = BlockDecoder::new(&slots, [DecoderQuad::default(); n_quads(2)])?;
/// const STRIDE: usize = column_stride(N);
/// let (mut captured_at_us, mut floats, mut ints) = ([0; STRIDE], [0.0; STRIDE], [0; STRIDE]);
/// let mut columns =
///     Columns { captured_at_us: &mut captured_at_us, floats: &mut floats, ints: &mut ints, stride: STRIDE };
/// let n = decoder.decode_key(origin_us, &body[..length], &mut columns)?;
/// assert_eq!((n, &floats[..n], &ints[..n]), (2, &[61.5, 61.75][..], &[4, 5][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(inline)]
pub use self::block::BlockDecoder;
pub use self::block::{BlockEncoder, Coding, Columns, Slot};
pub use self::channels::{ABSENT, ChannelId, FloatChannel, IntChannel, Pace, ch};
pub use self::envelope::{
    Envelope, Header, Kind, MAX_ENVELOPE_LEN, MAX_RECORD_LEN, WIRE_VERSION, write_record,
};
pub use self::error::{DecodeError, EncodeError};
#[cfg(feature = "alloc")]
pub use self::event::{Event, LapSummary, OtherCar};
#[cfg(feature = "alloc")]
pub use self::facts::{ClockOffset, Fact, Facts};
pub use self::sample::{Row, SOURCE_GAP_US, Sample, TIME_LIMIT_US};
#[cfg(feature = "alloc")]
pub use self::schema::{Channel, Position, RowBuffer, Schema, SchemaError};
pub use self::schema_hash::SchemaHash;
pub use self::session::{SessionId, SessionIdError, partition_for};
pub use self::stream::{Chain, Gap, Link};
#[cfg(feature = "alloc")]
pub use self::stream::{
    EncodedBlock, EncoderCounts, Received, Samples, StreamEncoder, StreamId, StreamReader, StreamSettings,
    WaitingFor,
};
#[cfg(feature = "alloc")]
pub use self::tenant::{UserId, UserIdError};
#[cfg(feature = "alloc")]
pub use self::topic::Topic;
