//! Which channels does a stream carry, in which order and how coded? The schema, and its record on the wire.
//!
//! Decoding is driven by the schema alone, never by the built-in table: one decoder reads every schema, of
//! older and newer builds, and with your own channels. A schema is named by the hash of its record; the
//! built-in ones are known by their hash, all others are read from the stream.

mod build;
mod record;

pub use self::build::RowBuffer;
pub use crate::block::{Coding, MAX_CHANNELS};
pub use crate::schema_hash::SchemaHash;

use alloc::string::String;
use alloc::vec::Vec;

use crate::block::Slot;
use crate::channels::{ChannelId, Pace};

/// Longest name, unit or label, in bytes of UTF-8.
pub const MAX_STRING_LEN: usize = 256;

/// Longest schema record, in bytes.
pub const MAX_SCHEMA_LEN: usize = 64 * 1024;

/// One channel of a schema: everything a reader needs to show its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Stable id; own channels take ids from [`ChannelId::FIRST_FREE`] on.
    pub id: ChannelId,
    /// Name in snake_case with its unit: `speed_mps`.
    pub name: String,
    /// Unit as people write it: `m/s`.
    pub unit: String,
    /// How values become bytes, and the range to expect.
    pub coding: Coding,
    /// How often the value moves.
    pub pace: Pace,
    /// Names of the values from the minimum on (enumerations) or of the bits; empty for quantities.
    pub labels: Vec<String>,
}

/// Where a channel's values are in a [`Row`](crate::Row) and in decoded columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Among the float channels.
    Float(usize),
    /// Among the int channels.
    Int(usize),
}

/// An ordered list of channels, checked against all limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    channels: Vec<Channel>,
    positions: Vec<Position>,
    n_floats: usize,
    hash: SchemaHash,
}

impl Schema {
    /// A schema of these channels, in this order.
    ///
    /// # Errors
    /// [`SchemaError`] names the first channel that breaks a limit, repeats an id or a name, or has a resolution
    /// or range that cannot be coded.
    pub fn new(channels: Vec<Channel>) -> Result<Self, SchemaError> {
        build::check(&channels)?;
        let record = record::write(&channels);
        if record.len() > MAX_SCHEMA_LEN {
            return Err(SchemaError::RecordTooLong { len: record.len() });
        }
        Ok(Self::with_hash(channels, SchemaHash::of_record(&record)))
    }

    /// The schema of channels that have been checked, and whose record has this hash.
    fn with_hash(channels: Vec<Channel>, hash: SchemaHash) -> Self {
        let (mut n_floats, mut n_ints) = (0, 0);
        let positions = channels
            .iter()
            .map(|channel| match channel.coding {
                Coding::Fixed { .. } | Coding::Lossless { .. } => {
                    Position::Float(post_increment(&mut n_floats))
                }
                Coding::Int { .. } => Position::Int(post_increment(&mut n_ints)),
            })
            .collect();
        Self { channels, positions, n_floats, hash }
    }

    /// Names this schema: equal hashes mean equal records.
    pub fn hash(&self) -> SchemaHash {
        self.hash
    }

    /// The channels in order.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Where the values of each of [`Schema::channels`] are.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Where the values of the channel with this name are, if the schema has it.
    pub fn position(&self, name: &str) -> Option<Position> {
        let at = self.channels.iter().position(|channel| channel.name == name)?;
        Some(self.positions[at])
    }

    /// Number of float channels: the length of [`Row::floats`](crate::Row::floats).
    pub fn n_floats(&self) -> usize {
        self.n_floats
    }

    /// Number of int channels: the length of [`Row::ints`](crate::Row::ints).
    pub fn n_ints(&self) -> usize {
        self.channels.len() - self.n_floats
    }

    /// What the block kernel must know: the float channels in order, then the int channels in order.
    pub fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::with_capacity(self.channels.len());
        for floats in [true, false] {
            let channels = self.channels.iter().filter(|channel| channel.coding.is_float() == floats);
            slots.extend(channels.map(|channel| Slot { coding: channel.coding, pace: channel.pace }));
        }
        slots
    }
}

/// Why a list of channels, or a record, is not a schema.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// More channels than a schema may have, or none at all.
    #[error("a schema has 1 to {MAX_CHANNELS} channels, this one has {found}")]
    ChannelCount {
        /// Number of channels found.
        found: usize,
    },
    /// Two channels share an id.
    #[error("two channels have the id {id}")]
    RepeatedId {
        /// The id that appears twice.
        id: u16,
    },
    /// Two channels share a name.
    #[error("two channels have the name {name}")]
    RepeatedName {
        /// The name that appears twice.
        name: String,
    },
    /// A name, unit or label is empty, too long, or holds a control character.
    #[error(
        "the name, unit and labels of channel {id} must have 1 to {MAX_STRING_LEN} bytes and no control characters"
    )]
    BadText {
        /// The channel's id.
        id: u16,
    },
    /// The resolution is not above zero, the range is empty or infinite, or has more than 2^30 steps.
    #[error("channel {id} has a resolution or range that cannot be coded")]
    BadRange {
        /// The channel's id.
        id: u16,
    },
    /// The record would be longer than a reader accepts.
    #[error("the schema record has {len} bytes, at most {MAX_SCHEMA_LEN} are allowed")]
    RecordTooLong {
        /// Length of the record in bytes.
        len: usize,
    },
    /// The bytes end early, go on after the end, or hold a value that this build does not know.
    #[error("the bytes are not a schema record of this version")]
    BadRecord,
    /// A subset names a channel that the table does not have.
    #[error("the channel table has no id {id}")]
    UnknownId {
        /// The id asked for.
        id: u16,
    },
}

fn post_increment(counter: &mut usize) -> usize {
    let value = *counter;
    *counter += 1;
    value
}
