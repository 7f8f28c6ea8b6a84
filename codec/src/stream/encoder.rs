//! How does one run of a game become records? Rows in, whole records out, key blocks where the rules demand them.

use alloc::vec::Vec;
use core::ops::Deref;

use crate::block::{BlockEncoder, EncoderGroup, max_encoded_len};
use crate::envelope::{Header, MAX_ENVELOPE_LEN, MAX_RECORD_LEN, write_record};
use crate::{EncodeError, Event, Facts, Row, SOURCE_GAP_US, Schema, SessionId, TIME_LIMIT_US};

/// A key block is due after this many blocks, whatever the time.
const MAX_BLOCKS_PER_KEY: u32 = 256;

/// The record of a block, in the encoder's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodedBlock<'a> {
    /// The whole record; also by dereferencing.
    pub bytes: &'a [u8],
    /// Whether it is a key block.
    pub is_key: bool,
}

impl Deref for EncodedBlock<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

/// A block that was just written to the encoder's output.
#[derive(Clone, Copy)]
struct Written {
    length: usize,
    is_key: bool,
}

/// What an encoder must know.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSettings {
    /// The run of the game.
    pub session: SessionId,
    /// A random number, drawn at every start.
    pub epoch: u32,
    /// The channels of every row.
    pub schema: Schema,
    /// Samples in a full block, 1 to 256.
    pub samples_per_block: usize,
    /// A key block is due when this much sample time has passed since the last one; 2,000,000 is usual.
    pub key_interval_us: u64,
}

impl StreamSettings {
    /// The usual time between key blocks, in µs.
    pub const KEY_INTERVAL_US: u64 = 2_000_000;
}

/// What an encoder has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncoderCounts {
    /// Rows taken.
    pub samples: u64,
    /// Blocks made, key blocks included.
    pub blocks: u64,
    /// Key blocks made.
    pub keys: u64,
    /// Values outside their channel's range, which were sent as its nearer end.
    pub saturated: u64,
}

/// Makes the records of one stream.
///
/// Every record that it returns is complete and stays in the encoder's own memory until the next call. After
/// [`new`](Self::new) only [`facts_record`](Self::facts_record) and [`event_record`](Self::event_record) may allocate.
///
/// ```
/// use purple_sector_codec::{Envelope, Kind, RowBuffer, Sample, Schema, SessionId, StreamEncoder, StreamSettings, ch};
///
/// let schema = Schema::full();
/// let mut row = RowBuffer::new(&schema);
/// let mut encoder = StreamEncoder::new(StreamSettings {
///     session: SessionId::parse("monza-evening")?,
///     epoch: 0x5eed_f00d, // a random number at every start
///     schema: schema.clone(),
///     samples_per_block: 2,
///     key_interval_us: StreamSettings::KEY_INTERVAL_US,
/// })?;
/// // Readers need the channels first: publish this at the start, and again every few seconds for those who join.
/// assert_eq!(Envelope::parse(encoder.schema_record())?.kind, Kind::Schema);
///
/// let mut kinds = Vec::new();
/// for tick in 0..5 {
///     let mut sample = Sample::absent(1_764_000_000_000_000 + tick * 16_667);
///     sample[ch::SPEED_MPS] = 61.5;
///     schema.project(&sample, &mut row);
///     // Every second sample fills a block.
///     if let Some(record) = encoder.push(row.row())? {
///         kinds.push(Envelope::parse(&record)?.kind);
///     }
/// }
/// // The fifth sample still waits; at the end of the run it becomes a block of its own.
/// if let Some(record) = encoder.flush()? {
///     kinds.push(Envelope::parse(&record)?.kind);
/// }
/// kinds.push(Envelope::parse(encoder.end_record())?.kind);
/// assert_eq!(kinds, [Kind::Key, Kind::Block, Kind::Block, Kind::End]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct StreamEncoder {
    settings: StreamSettings,
    kernel: BlockEncoder<Vec<EncoderGroup>, Vec<[i32; 8]>>,
    schema_record: Vec<u8>,
    out: Vec<u8>,
    /// Number of the next block; beyond 32 bits the epoch is used up.
    next_seq: u64,
    /// Link to the block before.
    link: u16,
    key_forced: bool,
    key_origin_us: u64,
    blocks_since_key: u32,
    last_us: Option<u64>,
    counts: EncoderCounts,
}

impl StreamEncoder {
    /// An encoder at the start of its epoch. Everything it needs is allocated here.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] for more samples or channels than a block may have, or if the longest block of them
    /// would be longer than a record may be.
    pub fn new(settings: StreamSettings) -> Result<Self, EncodeError> {
        let schema = &settings.schema;
        let n_channels = schema.channels().len();
        let kernel = BlockEncoder::owned(&schema.slots(), settings.samples_per_block)?;
        let longest = MAX_ENVELOPE_LEN + max_encoded_len(n_channels, settings.samples_per_block);
        if longest > MAX_RECORD_LEN {
            return Err(EncodeError::Limit {
                what: "bytes in the longest possible block",
                found: longest,
                limit: MAX_RECORD_LEN,
            });
        }
        let mut out = alloc::vec![0; MAX_RECORD_LEN];
        let header = Header::Schema { session: settings.session, schema_hash: schema.hash() };
        let length =
            write_record(settings.epoch, &header, &mut out, |body| put_bytes(&schema.to_record(), body))?;
        let schema_record = out.get(..length).unwrap_or_default().into();
        Ok(Self {
            settings,
            kernel,
            schema_record,
            out,
            next_seq: 0,
            link: 0,
            key_forced: true,
            key_origin_us: 0,
            blocks_since_key: 0,
            last_us: None,
            counts: EncoderCounts::default(),
        })
    }

    /// Takes one row. Gives a record when that fills a block, or when a gap of more than 1 s before the row ends one.
    ///
    /// # Errors
    /// [`EncodeError::RowShape`] or [`EncodeError::TimeRange`]: the row is not taken. [`EncodeError::Limit`] when
    /// the epoch has used up its 2^32 block numbers.
    pub fn push(&mut self, row: Row<'_>) -> Result<Option<EncodedBlock<'_>>, EncodeError> {
        self.check(&row)?;
        let gap = self.last_us.is_some_and(|last| row.captured_at_us.abs_diff(last) > SOURCE_GAP_US);
        let mut written = None;
        if gap {
            written = self.write_waiting()?;
            self.key_forced = true;
        }
        self.kernel.push(row)?;
        self.last_us = Some(row.captured_at_us);
        self.counts.samples += 1;
        if written.is_none() && self.kernel.is_full() {
            written = self.write_waiting()?;
        }
        Ok(self.written(written))
    }

    /// Makes a block of the rows that wait, if any do.
    ///
    /// # Errors
    /// [`EncodeError::Limit`] when the epoch has used up its 2^32 block numbers.
    pub fn flush(&mut self) -> Result<Option<EncodedBlock<'_>>, EncodeError> {
        let written = self.write_waiting()?;
        Ok(self.written(written))
    }

    /// Makes the next block a key block: after anything was dropped behind this encoder.
    pub fn force_key(&mut self) {
        self.key_forced = true;
    }

    /// The record of this stream's schema. Send it at the start and every 10 s.
    pub fn schema_record(&self) -> &[u8] {
        &self.schema_record
    }

    /// A record of facts. Send it at the start, on change, and every 10 s.
    ///
    /// # Errors
    /// As [`Facts::encode`].
    pub fn facts_record(&mut self, facts: &Facts) -> Result<&[u8], EncodeError> {
        let header = Header::Facts { session: self.settings.session };
        self.write(&header, |body| facts.encode(body))
    }

    /// A record of something that happened.
    ///
    /// # Errors
    /// As [`Event::encode`].
    pub fn event_record(&mut self, event: &Event) -> Result<&[u8], EncodeError> {
        let header = Header::Event { session: self.settings.session };
        self.write(&header, |body| event.encode(body))
    }

    /// The stream's last record. [`flush`](Self::flush) first.
    pub fn end_record(&mut self) -> &[u8] {
        let next_seq = u32::try_from(self.next_seq).unwrap_or(u32::MAX);
        let header = Header::End { session: self.settings.session, next_seq };
        // The memory has room for the longest envelope, so this is never empty.
        self.write(&header, |_| Ok(0)).unwrap_or_default()
    }

    /// What the encoder has done so far.
    pub fn counts(&self) -> EncoderCounts {
        EncoderCounts { saturated: self.kernel.saturated(), ..self.counts }
    }

    /// What the encoder was made with.
    pub fn settings(&self) -> &StreamSettings {
        &self.settings
    }

    /// Refuses a row before anything is written because of it.
    fn check(&self, row: &Row<'_>) -> Result<(), EncodeError> {
        let (floats, ints) = (self.settings.schema.n_floats(), self.settings.schema.n_ints());
        let (found_floats, found_ints) = (row.floats.len(), row.ints.len());
        if (floats, ints) != (found_floats, found_ints) {
            return Err(EncodeError::RowShape { floats, ints, found_floats, found_ints });
        }
        if row.captured_at_us >= TIME_LIMIT_US {
            return Err(EncodeError::TimeRange { found_us: row.captured_at_us });
        }
        Ok(())
    }

    /// Makes a block of the waiting rows.
    fn write_waiting(&mut self) -> Result<Option<Written>, EncodeError> {
        if self.kernel.n_waiting() == 0 {
            return Ok(None);
        }
        let seq = u32::try_from(self.next_seq).map_err(|_| EncodeError::Limit {
            what: "blocks in an epoch",
            found: usize::MAX,
            limit: u32::MAX as usize,
        })?;
        let first_us = self.kernel.first_us();
        let is_key = self.key_forced
            || self.kernel.needs_key()
            || self.blocks_since_key >= MAX_BLOCKS_PER_KEY
            || first_us.abs_diff(self.key_origin_us) >= self.settings.key_interval_us;
        let StreamSettings { session, epoch, schema, .. } = &self.settings;
        let kernel = &mut self.kernel;
        let length = if is_key {
            let header =
                Header::Key { seq, session: *session, schema_hash: schema.hash(), origin_us: first_us };
            write_record(*epoch, &header, &mut self.out, |body| kernel.encode_key(body))?
        } else {
            let header = Header::Block { seq, link: self.link };
            write_record(*epoch, &header, &mut self.out, |body| kernel.encode_block(body))?
        };
        if is_key {
            self.key_forced = false;
            self.key_origin_us = first_us;
            self.blocks_since_key = 0;
            self.counts.keys += 1;
        }
        self.blocks_since_key += 1;
        self.counts.blocks += 1;
        self.next_seq += 1;
        self.link = link_to(self.out.get(..length).unwrap_or_default());
        Ok(Some(Written { length, is_key }))
    }

    fn write(
        &mut self,
        header: &Header,
        write_body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<&[u8], EncodeError> {
        let length = write_record(self.settings.epoch, header, &mut self.out, write_body)?;
        Ok(self.out.get(..length).unwrap_or_default())
    }

    fn written(&self, written: Option<Written>) -> Option<EncodedBlock<'_>> {
        let Written { length, is_key } = written?;
        Some(EncodedBlock { bytes: self.out.get(..length)?, is_key })
    }
}

/// The low half of the checksum that ends a record.
fn link_to(record: &[u8]) -> u16 {
    record.last_chunk::<4>().map_or(0, |checksum| u32::from_le_bytes(*checksum) as u16)
}

fn put_bytes(bytes: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
    let capacity = out.len();
    let start = out.get_mut(..bytes.len()).ok_or(EncodeError::OutputTooShort { capacity })?;
    start.copy_from_slice(bytes);
    Ok(bytes.len())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{Channel, ChannelId, Coding, Envelope, Kind, Pace};

    fn encoder(samples_per_block: usize) -> StreamEncoder {
        let channel = Channel {
            id: ChannelId(40_000),
            name: "speed_mps".into(),
            unit: "m/s".into(),
            coding: Coding::Fixed { resolution: 0.01, min: 0.0, max: 100.0 },
            pace: Pace::Fast,
            labels: vec![],
        };
        let settings = StreamSettings {
            session: SessionId::parse("s").unwrap(),
            epoch: 7,
            schema: Schema::new(vec![channel]).unwrap(),
            samples_per_block,
            key_interval_us: StreamSettings::KEY_INTERVAL_US,
        };
        StreamEncoder::new(settings).unwrap()
    }

    /// The kind of the record that a sample at `time_us` gives.
    fn push(encoder: &mut StreamEncoder, time_us: u64) -> Option<Kind> {
        let record = encoder.push(Row { captured_at_us: time_us, floats: &[1.0], ints: &[] }).unwrap();
        record.map(|record| {
            let kind = Envelope::parse(&record).unwrap().kind;
            assert_eq!(record.is_key, kind == Kind::Key);
            kind
        })
    }

    #[test]
    fn a_block_comes_when_it_is_full_or_flushed() {
        let mut encoder = encoder(3);
        assert_eq!(push(&mut encoder, 0), None);
        assert_eq!(push(&mut encoder, 1), None);
        assert_eq!(push(&mut encoder, 2), Some(Kind::Key));
        assert_eq!(push(&mut encoder, 3), None);
        let flushed = encoder.flush().unwrap().map(|record| Envelope::parse(&record).unwrap().kind);
        assert_eq!(flushed, Some(Kind::Block));
        assert_eq!(encoder.flush(), Ok(None));
        assert_eq!(encoder.counts(), EncoderCounts { samples: 4, blocks: 2, keys: 1, saturated: 0 });
    }

    #[test]
    fn a_key_comes_every_two_seconds() {
        let mut encoder = encoder(1);
        let times = [0, 900_000, 1_800_000, 1_999_999, 2_000_000, 2_900_000, 3_900_000, 4_000_000];
        let kinds = times.map(|time_us| push(&mut encoder, time_us) == Some(Kind::Key));
        assert_eq!(kinds, [true, false, false, false, true, false, false, true]);
    }

    #[test]
    fn a_key_comes_every_256_blocks() {
        let mut encoder = encoder(1);
        for block in 0..600 {
            let expected = if block % 256 == 0 { Kind::Key } else { Kind::Block };
            assert_eq!(push(&mut encoder, block), Some(expected), "block {block}");
        }
    }

    #[test]
    fn a_source_gap_ends_the_block_and_forces_a_key() {
        let mut encoder = encoder(2);
        assert_eq!(push(&mut encoder, 0), None);
        assert_eq!(push(&mut encoder, 1_000_000), Some(Kind::Key));
        assert_eq!(push(&mut encoder, 1_100_000), None);
        assert_eq!(push(&mut encoder, 2_100_001), Some(Kind::Block));
        assert_eq!(push(&mut encoder, 2_100_002), Some(Kind::Key));
        // A clock that was set back is a gap as well.
        assert_eq!(push(&mut encoder, 1_000_000), None);
        assert_eq!(push(&mut encoder, 1_000_001), Some(Kind::Key));
    }

    #[test]
    fn a_forced_key_is_the_next_block_only() {
        let mut encoder = encoder(1);
        let _ = push(&mut encoder, 0);
        encoder.force_key();
        assert_eq!(push(&mut encoder, 1), Some(Kind::Key));
        assert_eq!(push(&mut encoder, 2), Some(Kind::Block));
    }

    #[test]
    fn a_refused_row_is_not_taken() {
        let mut encoder = encoder(2);
        let shape = EncodeError::RowShape { floats: 1, ints: 0, found_floats: 1, found_ints: 1 };
        assert_eq!(encoder.push(Row { captured_at_us: 0, floats: &[1.0], ints: &[1] }), Err(shape));
        let late = Row { captured_at_us: TIME_LIMIT_US, floats: &[1.0], ints: &[] };
        assert_eq!(encoder.push(late), Err(EncodeError::TimeRange { found_us: TIME_LIMIT_US }));
        assert_eq!(push(&mut encoder, 0), None);
        assert_eq!(push(&mut encoder, TIME_LIMIT_US - 1), Some(Kind::Key));
        assert_eq!(encoder.counts().samples, 2);
    }

    #[test]
    fn values_out_of_range_are_counted() {
        let mut encoder = encoder(1);
        for speed in [-0.02, 0.0, 100.0, 100.02, f32::NAN, f32::INFINITY] {
            let _ = encoder.push(Row { captured_at_us: 0, floats: &[speed], ints: &[] }).unwrap();
        }
        assert_eq!(encoder.counts().saturated, 3);
    }

    #[test]
    fn the_other_records_tell_session_and_epoch() {
        let mut encoder = encoder(1);
        let _ = push(&mut encoder, 0);
        let session = encoder.settings.session;
        let check = |record: &[u8], kind| {
            let envelope = Envelope::parse(record).unwrap();
            assert_eq!((envelope.kind, envelope.epoch, envelope.session()), (kind, 7, Some(&session)));
        };
        check(encoder.schema_record(), Kind::Schema);
        check(encoder.facts_record(&Facts::default()).unwrap(), Kind::Facts);
        check(encoder.event_record(&Event::StepsMissed { at_us: 1, n_steps: 1 }).unwrap(), Kind::Event);
        check(encoder.end_record(), Kind::End);
        let end = Envelope::parse(encoder.end_record()).unwrap().header;
        assert_eq!(end, Header::End { session, next_seq: 1 });
    }

    #[test]
    fn blocks_that_might_not_fit_a_record_are_refused_at_the_start() {
        let settings = |samples_per_block| StreamSettings {
            schema: Schema::full(),
            samples_per_block,
            ..encoder(1).settings
        };
        assert!(StreamEncoder::new(settings(60)).is_ok());
        for samples_per_block in [0, 256, 257] {
            assert!(matches!(
                StreamEncoder::new(settings(samples_per_block)),
                Err(EncodeError::Limit { .. })
            ));
        }
    }
}
