//! What are the bytes of a schema? The record that is sent in the stream, and the hash that names it.
//!
//! A record is the number of channels and then each channel in postcard: id, name, unit, coding, pace, and the
//! labels as one text with a line per label. Lists are never sized by a declared length: a reader takes one
//! channel after the other until the bytes end.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::build::check;
use super::{Channel, Coding, MAX_CHANNELS, MAX_SCHEMA_LEN, Schema, SchemaError};
use crate::SchemaHash;
use crate::channels::{ChannelId, Pace};
use crate::take::Take;

impl Schema {
    /// The record that describes this schema to readers; at most [`MAX_SCHEMA_LEN`] bytes.
    pub fn to_record(&self) -> Vec<u8> {
        write(&self.channels)
    }

    /// Reads a schema from the whole of `bytes`.
    ///
    /// # Errors
    /// [`SchemaError::BadRecord`] if the bytes are not a record, else what [`Schema::new`] says of its channels.
    /// No input panics.
    pub fn from_record(bytes: &[u8]) -> Result<Self, SchemaError> {
        if bytes.len() > MAX_SCHEMA_LEN {
            return Err(SchemaError::RecordTooLong { len: bytes.len() });
        }
        let mut take = Take::new(bytes);
        let n_channels = take.u32() as usize;
        if n_channels > MAX_CHANNELS {
            return Err(SchemaError::ChannelCount { found: n_channels });
        }
        let mut channels = Vec::new();
        while channels.len() < n_channels && !take.has_failed() {
            channels.push(Channel::take(&mut take));
        }
        take.finish("schema").map_err(|_| SchemaError::BadRecord)?;
        check(&channels)?;
        // Not through `new`, which writes the record again: readers need no writer, and modules are smaller without.
        Ok(Self::with_hash(channels, SchemaHash::of_record(bytes)))
    }
}

impl Channel {
    fn take(take: &mut Take<'_>) -> Self {
        Self {
            id: ChannelId(take.u16()),
            name: take.text().into(),
            unit: take.text().into(),
            coding: match take.number_below(3) {
                0 => Coding::Fixed { resolution: take.f32(), min: take.f32(), max: take.f32() },
                1 => Coding::Lossless { min: take.f32(), max: take.f32() },
                _ => Coding::Int { min: take.i32(), max: take.i32() },
            },
            pace: if take.bool() { Pace::Slow } else { Pace::Fast },
            labels: lines(take.text()),
        }
    }
}

/// The lines of a text without their ends. An empty text has none.
// By hand, because the standard library's search for a character is half a kilobyte of a page's download.
fn lines(mut text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    while !text.is_empty() {
        let end = text.bytes().position(|byte| byte == b'\n').unwrap_or(text.len());
        lines.push(text.get(..end).unwrap_or_default().into());
        text = text.get(end + 1..).unwrap_or_default();
    }
    lines
}

/// A channel as postcard writes it. The order of the fields is the wire format.
#[derive(Serialize)]
struct WireChannel<'a> {
    id: ChannelId,
    name: &'a str,
    unit: &'a str,
    coding: Coding,
    pace: Pace,
    labels: &'a str,
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
