//! Which records are in the bytes that a Fetch brings?
//!
//! Batches (magic 2) are read in place, up to the one that a Fetch cut off at its end. Markers of transactions are
//! skipped. What cannot be read is reported and skipped too, so that no batch stops a topic.

use std::borrow::Cow;

use crate::fields::Fields;
use crate::inflate::{self, Allowance, Compression};
use crate::response::Malformed;

/// From a batch's first offset to its length: what comes before the bytes that the length counts.
const PREFIX_LEN: usize = 12;
/// The fields after the length, before the records.
const HEADER_LEN: usize = 49;
/// Where the checksum's bytes begin, counted from the length's end.
const CHECKED_FROM: usize = 9;

/// Why a batch, or a record in it, is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Written in a format from before Kafka 0.11.
    #[error("a batch of format {0}, which only clients from before Kafka 0.11 write")]
    Format(i8),
    /// Its bytes changed after they were written.
    #[error("a batch with a wrong checksum")]
    Checksum,
    /// Compressed in a way that is not read here.
    #[error("a batch compressed with {0}; telemetry is compressed already: compression.type=none")]
    Compression(&'static str),
    /// It inflates to more than is allowed.
    #[error("a compressed batch that is broken or inflates to more than {} KiB", inflate::MAX_LEN / 1024)]
    TooLarge,
    /// Its user has lately written more compressed data than is inflated for one user.
    #[error("a compressed batch beyond the limit for one user")]
    TooMuch,
    /// Its records do not fit their lengths.
    #[error("a batch whose records cannot be read")]
    Records,
    /// It does not fit its length, or is too long for an answer.
    #[error("a batch that is longer than {} KiB or broken", crate::MAX_ANSWER_LEN / 1024)]
    TooLong,
}

/// A record, in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchRecord<'a> {
    pub(crate) offset: i64,
    /// Milliseconds since 1970 on the broker's clock, where topics have our settings.
    pub(crate) time_ms: i64,
    pub(crate) value: &'a [u8],
}

/// One batch, its header read.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    first_offset: i64,
    /// The offset after its last record.
    pub(crate) next_offset: i64,
    contents: Result<Contents<'a>, Unreadable>,
}

#[derive(Debug)]
struct Contents<'a> {
    first_time_ms: i64,
    /// For all records, where the broker stamps them.
    append_time_ms: Option<i64>,
    compression: Compression,
    is_control: bool,
    records: &'a [u8],
}

/// Takes the next batch off `bytes`; `None` at their end, or where the rest is only part of a batch.
pub(crate) fn next<'a>(bytes: &mut &'a [u8]) -> Option<Batch<'a>> {
    let mut fields = Fields::new(bytes);
    let first_offset = fields.i64().ok()?;
    let length = usize::try_from(fields.i32().ok()?).ok()?;
    let body = fields.bytes(length).ok()?;
    *bytes = &bytes[PREFIX_LEN + length..];
    Some(read(first_offset, body))
}

fn read(first_offset: i64, body: &[u8]) -> Batch<'_> {
    // Before magic 2 a batch is one message, or messages of which only the last one's offset is known here.
    let unreadable =
        |why| Batch { first_offset, next_offset: first_offset.saturating_add(1), contents: Err(why) };
    let Some(&magic) = body.get(4) else { return unreadable(Unreadable::Records) };
    if magic != 2 {
        return unreadable(Unreadable::Format(magic as i8));
    }
    let Ok((last_offset_delta, contents)) = header(body) else { return unreadable(Unreadable::Records) };
    let next_offset = first_offset.saturating_add(i64::from(last_offset_delta.max(0))).saturating_add(1);
    Batch { first_offset, next_offset, contents }
}

fn header(body: &[u8]) -> Result<(i32, Result<Contents<'_>, Unreadable>), Malformed> {
    if body.len() < HEADER_LEN {
        return Err(Malformed);
    }
    let mut fields = Fields::new(body);
    fields.bytes(5)?; // leader epoch, magic
    let checksum = fields.u32()?;
    let attributes = fields.i16()?;
    let last_offset_delta = fields.i32()?;
    let (first_time_ms, last_time_ms) = (fields.i64()?, fields.i64()?);
    fields.bytes(8 + 2 + 4 + 4)?; // producer, its epoch and sequence; the number of records, which they show themselves
    if crc32c::crc32c(&body[CHECKED_FROM..]) != checksum {
        return Ok((last_offset_delta, Err(Unreadable::Checksum)));
    }
    let contents = Compression::from_attributes(attributes).map(|compression| Contents {
        first_time_ms,
        append_time_ms: (attributes & 0x08 != 0).then_some(last_time_ms),
        compression,
        is_control: attributes & 0x20 != 0,
        records: fields.rest(),
    });
    Ok((last_offset_delta, contents))
}

impl Batch<'_> {
    /// Gives every record from offset `from` on.
    ///
    /// # Errors
    /// [`Unreadable`] for what has to be skipped; records before the fault were given.
    pub(crate) fn records(
        &self,
        from: i64,
        allowance: &mut Allowance,
        mut give: impl FnMut(BatchRecord<'_>),
    ) -> Result<(), Unreadable> {
        let contents = self.contents.as_ref().map_err(|why| *why)?;
        if contents.is_control {
            return Ok(());
        }
        let records = match contents.compression {
            Compression::None => Cow::Borrowed(contents.records),
            compression => Cow::Owned(inflate::inflate(compression, contents.records, allowance)?),
        };
        let mut fields = Fields::new(&records);
        while !fields.is_empty() {
            let record = self.record(contents, &mut fields).map_err(|Malformed| Unreadable::Records)?;
            if record.offset >= self.next_offset {
                return Err(Unreadable::Records);
            }
            if record.offset >= from {
                give(record);
            }
        }
        Ok(())
    }

    fn record<'b>(
        &self,
        contents: &Contents<'_>,
        fields: &mut Fields<'b>,
    ) -> Result<BatchRecord<'b>, Malformed> {
        let length = usize::try_from(fields.zigzag()?).map_err(|_| Malformed)?;
        let mut record = Fields::new(fields.bytes(length)?);
        record.i8()?; // attributes
        let time_delta_ms = record.zigzag()?;
        let offset_delta = u32::try_from(record.zigzag()?).map_err(|_| Malformed)?;
        take(&mut record)?; // key
        let value = take(&mut record)?;
        Ok(BatchRecord {
            offset: self.first_offset.checked_add(i64::from(offset_delta)).ok_or(Malformed)?,
            time_ms: contents
                .append_time_ms
                .unwrap_or_else(|| contents.first_time_ms.saturating_add(time_delta_ms)),
            value,
        })
    }
}

/// Bytes with their length before them; −1 means none.
fn take<'a>(fields: &mut Fields<'a>) -> Result<&'a [u8], Malformed> {
    match fields.zigzag()? {
        -1 => Ok(&[]),
        length => fields.bytes(usize::try_from(length).map_err(|_| Malformed)?),
    }
}

#[cfg(test)]
mod tests;
