//! What are the bytes of a schema? The record that is sent in the stream, and the hash that names it.
//!
//! A record is the number of channels and then each channel in postcard: id, name, unit, coding, pace, and the
//! labels as one text with a line per label. Lists are never sized by a declared length: a reader takes one
//! channel after the other until the bytes end.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::build::check;
use super::{Channel, Coding, MAX_CHANNELS, MAX_SCHEMA_LEN, Schema, SchemaError};
use crate::SchemaHash;
use crate::channels::{ChannelId, Pace};

impl Schema {
    /// The record that tells readers of this schema; at most [`MAX_SCHEMA_LEN`] bytes.
    pub fn to_record(&self) -> Vec<u8> {
        write(&self.channels)
    }

    /// Reads a schema from the whole of `bytes`.
    ///
    /// # Errors
    /// [`SchemaError::BadRecord`] if the bytes are no record, else what [`Schema::new`] says of its channels.
    /// No input panics.
    pub fn from_record(bytes: &[u8]) -> Result<Self, SchemaError> {
        if bytes.len() > MAX_SCHEMA_LEN {
            return Err(SchemaError::RecordTooLong { len: bytes.len() });
        }
        let bad = |_| SchemaError::BadRecord;
        let (n_channels, mut rest) = postcard::take_from_bytes::<u32>(bytes).map_err(bad)?;
        if n_channels as usize > MAX_CHANNELS {
            return Err(SchemaError::ChannelCount { found: n_channels as usize });
        }
        let mut channels = Vec::new();
        for _ in 0..n_channels {
            let (channel, after) = postcard::take_from_bytes::<WireChannel<'_>>(rest).map_err(bad)?;
            channels.push(Channel::from(channel));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(SchemaError::BadRecord);
        }
        check(&channels)?;
        // Not through `new`, which writes the record anew: readers need no writer, and modules are smaller without.
        Ok(Self::with_hash(channels, SchemaHash::of_record(bytes)))
    }
}

/// A channel as postcard writes it. The order of the fields is the wire format.
#[derive(Serialize, Deserialize)]
struct WireChannel<'a> {
    id: ChannelId,
    name: &'a str,
    unit: &'a str,
    coding: Coding,
    pace: Pace,
    labels: &'a str,
}

impl From<WireChannel<'_>> for Channel {
    fn from(wire: WireChannel<'_>) -> Self {
        Self {
            id: wire.id,
            name: wire.name.to_string(),
            unit: wire.unit.to_string(),
            coding: wire.coding,
            pace: wire.pace,
            labels: wire.labels.lines().map(String::from).collect(),
        }
    }
}

pub(super) fn write(channels: &[Channel]) -> Vec<u8> {
    let mut record = append(Vec::new(), &(channels.len() as u32));
    for channel in channels {
        let labels = channel.labels.join("\n");
        record = append(
            record,
            &WireChannel {
                id: channel.id,
                name: &channel.name,
                unit: &channel.unit,
                coding: channel.coding,
                pace: channel.pace,
                labels: &labels,
            },
        );
    }
    record
}

fn append(mut record: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    match postcard::to_allocvec(value) {
        Ok(bytes) => record.extend_from_slice(&bytes),
        Err(_) => unreachable!("postcard writes these types to a growing buffer without fail"),
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_schema_survives_its_record() {
        for schema in [Schema::full(), Schema::assetto_corsa(), Schema::acc(), Schema::acc().lossless()] {
            let record = schema.to_record();
            assert!(record.len() < MAX_SCHEMA_LEN / 4, "{} bytes", record.len());
            assert_eq!(Schema::from_record(&record), Ok(schema));
        }
    }

    #[test]
    fn a_record_must_end_where_its_channels_end() {
        let mut record = Schema::acc().to_record();
        record.push(0);
        assert_eq!(Schema::from_record(&record), Err(SchemaError::BadRecord));
        for len in 0..record.len() - 1 {
            assert_eq!(
                Schema::from_record(&record[..len]),
                Err(SchemaError::BadRecord),
                "cut to {len} bytes"
            );
        }
    }

    #[test]
    fn a_declared_length_alone_costs_nothing() {
        assert_eq!(Schema::from_record(&[0x81, 0x08]), Err(SchemaError::ChannelCount { found: 1025 }));
        assert_eq!(Schema::from_record(&[0x80, 0x08]), Err(SchemaError::BadRecord));
    }

    #[test]
    fn any_change_of_a_channel_changes_the_hash() {
        let schema = Schema::acc();
        assert_ne!(schema.hash(), schema.lossless().hash());
        assert_ne!(schema.hash(), Schema::full().hash());
    }
}
