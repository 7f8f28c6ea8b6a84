//! Which samples are new? Records of any number of streams in, samples out once and in order.

use alloc::{sync::Arc, vec::Vec};

use super::samples::ColumnMemory;
use super::{Chain, Gap, Link, Samples};
use crate::block::{BlockDecoder, DecoderSlot};
use crate::{DecodeError, Envelope, Event, Facts, Header, Schema, SchemaHash, SessionId};

/// Most streams that a reader follows; the one that was quiet for longest is forgotten first.
const MAX_STREAMS: usize = 8;
/// Most schemas that a reader keeps; the oldest is forgotten first.
const MAX_SCHEMAS: usize = 16;

/// Names a stream: one encoder start of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The run of the game.
    pub session: SessionId,
    /// The encoder's start.
    pub epoch: u32,
}

/// What a record was.
#[derive(Debug)]
pub enum Received<'a> {
    /// New samples.
    Samples(Samples<'a>),
    /// The channels of a stream.
    Schema {
        /// The stream.
        stream: StreamId,
        /// Its channels.
        schema: &'a Schema,
    },
    /// The facts of a stream's session.
    Facts {
        /// The stream.
        stream: StreamId,
        /// Its facts.
        facts: Facts,
    },
    /// Something that happened in a stream's session. The log may repeat it.
    Event {
        /// The stream.
        stream: StreamId,
        /// What happened.
        event: Event,
    },
    /// A stream is over.
    End {
        /// The stream.
        stream: StreamId,
        /// Blocks missing between the last samples and the end.
        missing: Option<Gap>,
    },
    /// A block whose samples came before.
    Repeat {
        /// The block's epoch.
        epoch: u32,
    },
    /// A block that cannot be decoded yet.
    Waiting {
        /// The block's epoch.
        epoch: u32,
        /// What must come first.
        reason: WaitingFor,
        /// Blocks missing so far, this one included, where earlier ones were decoded.
        missing: Option<Gap>,
    },
    /// A record or event of a kind that this build does not know.
    Skipped {
        /// The record's kind.
        kind: u8,
    },
}

/// What must come before a block can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingFor {
    /// The stream's next key block.
    Key,
    /// The record of this schema, and then the next key block.
    Schema(SchemaHash),
}

/// Reads the records of one source: all streams of a user's topic, of one of its partitions, or of a file.
#[derive(Debug)]
pub struct StreamReader {
    streams: Vec<Stream>,
    schemas: Vec<Arc<Schema>>,
    columns: ColumnMemory,
    known: fn(SchemaHash) -> Option<Schema>,
    /// The last hash that was not known, so that it is looked up once and not with every key block.
    unknown: Option<SchemaHash>,
    /// Counts records, to tell which stream was quiet for longest.
    tick: u64,
}

/// One stream that has had a key block.
#[derive(Debug)]
struct Stream {
    id: StreamId,
    chain: Chain,
    schema: Arc<Schema>,
    decoder: BlockDecoder<Vec<DecoderSlot>>,
    last_tick: u64,
}

impl Default for StreamReader {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamReader {
    /// A reader that has seen nothing, and knows the built-in schemas by their hashes.
    pub fn new() -> Self {
        Self::with_known_schemas(Schema::known)
    }

    /// A reader that asks `known` for schemas that no record has told it. With `|_| None` the built-in schemas, and
    /// the table they are made from, are left out of the program.
    pub fn with_known_schemas(known: fn(SchemaHash) -> Option<Schema>) -> Self {
        Self {
            streams: Vec::with_capacity(MAX_STREAMS),
            schemas: Vec::with_capacity(MAX_SCHEMAS),
            columns: ColumnMemory::default(),
            known,
            unknown: None,
            tick: 0,
        }
    }

    /// Reads one record, which is the whole of `bytes`.
    ///
    /// # Errors
    /// Any [`DecodeError`]. The record is left out, and the reader goes on as if it had not come; a block that is left
    /// out is a hole in its stream. No input panics, or makes this allocate more than a limited multiple of its
    /// length and of the channels of its schema.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Received<'_>, DecodeError> {
        let envelope = Envelope::parse(bytes)?;
        self.tick += 1;
        let epoch = envelope.epoch;
        match envelope.header {
            Header::Key { session, schema_hash, .. } => {
                self.read_key(&envelope, StreamId { session, epoch }, schema_hash)
            }
            Header::Block { .. } => self.read_block(&envelope),
            Header::Schema { session, schema_hash } => {
                let schema = self.read_schema(schema_hash, envelope.body)?;
                Ok(Received::Schema { stream: StreamId { session, epoch }, schema })
            }
            Header::Facts { session } => {
                let facts = Facts::decode(envelope.body)?;
                Ok(Received::Facts { stream: StreamId { session, epoch }, facts })
            }
            Header::Event { session } => Ok(match Event::decode(envelope.body)? {
                Some(event) => Received::Event { stream: StreamId { session, epoch }, event },
                None => Received::Skipped { kind: envelope.kind.number() },
            }),
            Header::End { session, next_seq } => {
                let stream = StreamId { session, epoch };
                let known = self.streams.iter().find(|known| known.id == stream);
                let missing = known.and_then(|known| known.chain.missing_at_end(next_seq));
                Ok(Received::End { stream, missing })
            }
            Header::Unknown(kind) => Ok(Received::Skipped { kind }),
        }
    }

    fn read_key(
        &mut self,
        envelope: &Envelope<'_>,
        id: StreamId,
        hash: SchemaHash,
    ) -> Result<Received<'_>, DecodeError> {
        let epoch = id.epoch;
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            let mut chain = stream.chain;
            if chain.check(envelope) == Link::Repeat {
                stream.last_tick = self.tick;
                return Ok(Received::Repeat { epoch });
            }
        }
        let Some(schema) = self.schema(hash) else {
            let stream = self.streams.iter_mut().find(|stream| stream.id == id);
            let missing = stream.and_then(|stream| {
                stream.chain.lose();
                envelope.seq().and_then(|seq| stream.chain.missing_to(seq))
            });
            return Ok(Received::Waiting { epoch, reason: WaitingFor::Schema(hash), missing });
        };
        let at = self.stream_for_key(id, schema)?;
        self.read_at(at, envelope)
    }

    fn read_block(&mut self, envelope: &Envelope<'_>) -> Result<Received<'_>, DecodeError> {
        match self.streams.iter().position(|stream| stream.id.epoch == envelope.epoch) {
            Some(at) => self.read_at(at, envelope),
            None => Ok(Received::Waiting { epoch: envelope.epoch, reason: WaitingFor::Key, missing: None }),
        }
    }

    /// Places the block in the chain of stream `at` and decodes it if it goes on there.
    fn read_at(&mut self, at: usize, envelope: &Envelope<'_>) -> Result<Received<'_>, DecodeError> {
        let epoch = envelope.epoch;
        let Some(stream) = self.streams.get_mut(at) else {
            return Ok(Received::Waiting { epoch, reason: WaitingFor::Key, missing: None });
        };
        stream.last_tick = self.tick;
        let before = stream.chain;
        let (seq, origin_us, missing) = match (stream.chain.check(envelope), envelope.header) {
            (Link::Next, Header::Block { seq, .. }) => (seq, None, None),
            (Link::Key { missing }, Header::Key { seq, origin_us, .. }) => (seq, Some(origin_us), missing),
            (Link::Broken { missing }, _) => {
                return Ok(Received::Waiting { epoch, reason: WaitingFor::Key, missing });
            }
            _ => return Ok(Received::Repeat { epoch }),
        };
        let n_samples = envelope.body.first().map_or(1, |&count| usize::from(count) + 1);
        let mut columns = self.columns.for_block(n_samples, &stream.schema);
        let decoded = match origin_us {
            Some(origin_us) => stream.decoder.decode_key(origin_us, envelope.body, &mut columns),
            None => stream.decoder.decode_block(envelope.body, &mut columns),
        };
        match decoded {
            Ok(length) => Ok(Received::Samples(Samples {
                stream: stream.id,
                seq,
                missing,
                schema: &stream.schema,
                columns: &self.columns,
                length,
            })),
            Err(error) => {
                stream.chain = before;
                stream.chain.lose();
                Err(error)
            }
        }
    }

    /// The stream that a key block belongs to, made if it is new or has another schema now.
    fn stream_for_key(&mut self, id: StreamId, schema: Arc<Schema>) -> Result<usize, DecodeError> {
        // An epoch names a stream to the blocks after the key, so it cannot stay with another session.
        let found = self.streams.iter().position(|stream| stream.id.epoch == id.epoch);
        if let Some(at) = found {
            let stream = &self.streams[at];
            if stream.id == id && stream.schema.hash() == schema.hash() {
                return Ok(at);
            }
        }
        let decoder = BlockDecoder::owned(&schema.slots())?;
        let chain = found.map(|at| &self.streams[at]).filter(|old| old.id == id).map(|old| old.chain);
        let stream = Stream { id, chain: chain.unwrap_or_default(), schema, decoder, last_tick: self.tick };
        let quietest = || {
            let ticks = self.streams.iter().enumerate().map(|(at, stream)| (stream.last_tick, at));
            ticks.min().map(|(_, at)| at)
        };
        let place = found.or_else(|| if self.streams.len() < MAX_STREAMS { None } else { quietest() });
        match place {
            Some(at) => {
                self.streams[at] = stream;
                Ok(at)
            }
            None => {
                self.streams.push(stream);
                Ok(self.streams.len() - 1)
            }
        }
    }

    /// Keeps the schema of a schema record, unless it is there already.
    fn read_schema(&mut self, stated: SchemaHash, body: &[u8]) -> Result<&Schema, DecodeError> {
        let at = match self.schemas.iter().position(|schema| schema.hash() == stated) {
            Some(at) => at,
            None => {
                let schema = Schema::from_record(body).map_err(|_| DecodeError::Body { what: "schema" })?;
                if schema.hash() != stated {
                    let computed = schema.hash().0;
                    return Err(DecodeError::SchemaHash { stated: stated.0, computed });
                }
                self.keep_schema(schema);
                self.schemas.len() - 1
            }
        };
        Ok(&self.schemas[at])
    }

    fn schema(&mut self, hash: SchemaHash) -> Option<Arc<Schema>> {
        if let Some(schema) = self.schemas.iter().find(|schema| schema.hash() == hash) {
            return Some(Arc::clone(schema));
        }
        if self.unknown == Some(hash) {
            return None;
        }
        let schema = (self.known)(hash);
        if schema.is_none() {
            self.unknown = Some(hash);
        }
        schema.map(|schema| self.keep_schema(schema))
    }

    fn keep_schema(&mut self, schema: Schema) -> Arc<Schema> {
        if self.schemas.len() == MAX_SCHEMAS {
            self.schemas.remove(0);
        }
        let schema = Arc::new(schema);
        self.schemas.push(Arc::clone(&schema));
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ABSENT, Channel, ChannelId, Coding, Pace, Row, StreamEncoder, StreamSettings};
    use alloc::vec;
    use core::sync::atomic::{AtomicU32, Ordering};

    fn schema(name: &str) -> Schema {
        let channel = |id, name: &str, coding| Channel {
            id: ChannelId(id),
            name: name.into(),
            unit: "m/s".into(),
            coding,
            pace: Pace::Fast,
            labels: vec![],
        };
        let speed = Coding::Fixed { resolution: 0.01, min: -100.0, max: 200.0 };
        let gear = Coding::Int { min: -1, max: 10 };
        Schema::new(vec![channel(40_000, name, speed), channel(40_001, "gear", gear)]).unwrap()
    }

    /// An encoder of one sample a block whose schema is told by its record.
    struct Source {
        encoder: StreamEncoder,
        time_us: u64,
    }

    impl Source {
        fn new(session: &str, epoch: u32) -> Self {
            let settings = StreamSettings {
                session: SessionId::parse(session).unwrap(),
                epoch,
                schema: schema("speed_mps"),
                samples_per_block: 1,
                key_interval_us: 1_000_000_000,
            };
            Self { encoder: StreamEncoder::new(settings).unwrap(), time_us: 1_000_000 }
        }

        /// The block of one sample whose gear is `gear`.
        fn block(&mut self, gear: i32) -> Vec<u8> {
            self.time_us += 16_667;
            let row = Row { captured_at_us: self.time_us, floats: &[gear as f32 * 10.0], ints: &[gear] };
            self.encoder.push(row).unwrap().unwrap().to_vec()
        }

        fn key(&mut self, gear: i32) -> Vec<u8> {
            self.encoder.force_key();
            self.block(gear)
        }
    }

    /// What a record was, short: the gear of its sample and the blocks missing before it, or another word.
    fn read(reader: &mut StreamReader, record: &[u8]) -> (&'static str, i32, Option<(u32, u32)>) {
        let range = |gap: Option<Gap>| gap.map(|gap| (gap.first_seq, gap.last_seq));
        match reader.push(record).unwrap() {
            Received::Samples(samples) => {
                let gear = samples.int_column(0)[0];
                assert_eq!(samples.len(), 1);
                assert_eq!(samples.float_column(0), [gear as f32 * 10.0]);
                assert!(samples.float_column(1).is_empty());
                ("samples", gear, range(samples.missing))
            }
            Received::Repeat { .. } => ("repeat", 0, None),
            Received::Waiting { reason: WaitingFor::Key, missing, .. } => ("waiting", 0, range(missing)),
            Received::Waiting { reason: WaitingFor::Schema(_), missing, .. } => ("schema", 0, range(missing)),
            Received::End { missing, .. } => ("end", 0, range(missing)),
            Received::Schema { .. } => ("told", 0, None),
            Received::Facts { .. } | Received::Event { .. } | Received::Skipped { .. } => ("other", 0, None),
        }
    }

    /// Reads the source's schema record and one block.
    fn started(source: &mut Source) -> StreamReader {
        let mut reader = StreamReader::new();
        assert_eq!(read(&mut reader, source.encoder.schema_record()).0, "told");
        assert_eq!(read(&mut reader, &source.block(1)), ("samples", 1, None));
        reader
    }

    #[test]
    fn samples_come_out_once_and_in_order() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        let records = [source.block(2), source.block(3), source.key(4), source.block(ABSENT + 1)];
        for record in &records[..3] {
            assert_eq!(read(&mut reader, record).0, "samples");
        }
        for record in &records[..3] {
            assert_eq!(read(&mut reader, record).0, "repeat");
        }
        assert_eq!(read(&mut reader, source.encoder.end_record()), ("end", 0, Some((4, 4))));
    }

    #[test]
    fn a_hole_waits_for_a_key_and_is_reported() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        let _lost = source.block(2);
        assert_eq!(read(&mut reader, &source.block(3)), ("waiting", 0, Some((1, 2))));
        assert_eq!(read(&mut reader, &source.block(4)), ("waiting", 0, Some((1, 3))));
        assert_eq!(read(&mut reader, &source.key(5)), ("samples", 5, Some((1, 3))));
        assert_eq!(read(&mut reader, &source.block(6)), ("samples", 6, None));
    }

    #[test]
    fn two_encoders_with_one_epoch_never_mix() {
        let mut source = Source::new("s", 7);
        let mut other = Source::new("s", 7);
        let mut reader = started(&mut source);
        let _ = other.block(9);
        assert_eq!(read(&mut reader, &other.block(8)), ("waiting", 0, Some((1, 1))));
    }

    #[test]
    fn an_unknown_schema_waits_for_its_record_and_a_key() {
        let mut source = Source::new("s", 7);
        let mut reader = StreamReader::new();
        assert_eq!(read(&mut reader, &source.block(1)), ("schema", 0, None));
        assert_eq!(read(&mut reader, &source.block(2)), ("waiting", 0, None));
        assert_eq!(read(&mut reader, source.encoder.schema_record()).0, "told");
        assert_eq!(read(&mut reader, &source.block(3)), ("waiting", 0, None));
        assert_eq!(read(&mut reader, &source.key(4)), ("samples", 4, None));
    }

    #[test]
    fn an_unknown_schema_is_looked_up_once() {
        static LOOK_UPS: AtomicU32 = AtomicU32::new(0);
        let mut source = Source::new("s", 7);
        let mut reader = StreamReader::with_known_schemas(|_| {
            LOOK_UPS.fetch_add(1, Ordering::Relaxed);
            None
        });
        for gear in 0..3 {
            assert_eq!(read(&mut reader, &source.key(gear)), ("schema", 0, None));
        }
        assert_eq!(LOOK_UPS.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_repeated_schema_record_changes_nothing() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        assert_eq!(read(&mut reader, source.encoder.schema_record()).0, "told");
        assert_eq!(read(&mut reader, &source.block(2)), ("samples", 2, None));
        assert_eq!(reader.schemas.len(), 1);
    }

    #[test]
    fn a_changed_schema_within_an_epoch_starts_with_its_key() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        let old_key = Source::new("s", 7).block(1);
        let settings =
            StreamSettings { schema: schema("wheel_speed_mps"), ..source.encoder.settings().clone() };
        let mut changed = Source { encoder: StreamEncoder::new(settings).unwrap(), time_us: 5_000_000 };
        let _ = changed.block(1);
        assert_eq!(read(&mut reader, changed.encoder.schema_record()).0, "told");
        assert_eq!(read(&mut reader, &changed.key(2)), ("samples", 2, None));
        assert_eq!(read(&mut reader, &old_key).0, "repeat");
        assert_eq!(read(&mut reader, &changed.block(3)), ("samples", 3, None));
    }

    #[test]
    fn live_streams_do_not_disturb_each_other() {
        let mut sources: Vec<Source> = (0..8).map(|epoch| Source::new("s", epoch)).collect();
        let mut reader = started(&mut sources[0]);
        for source in &mut sources[1..] {
            assert_eq!(read(&mut reader, &source.block(1)), ("samples", 1, None));
        }
        for gear in 2..5 {
            for source in &mut sources {
                assert_eq!(read(&mut reader, &source.block(gear)), ("samples", gear, None));
            }
        }
    }

    #[test]
    fn the_stream_that_was_quiet_for_longest_is_forgotten() {
        let mut sources: Vec<Source> = (0..9).map(|epoch| Source::new("s", epoch)).collect();
        let mut reader = started(&mut sources[0]);
        for source in &mut sources[1..8] {
            let _ = read(&mut reader, &source.block(1));
        }
        assert_eq!(read(&mut reader, &sources[0].block(2)).0, "samples");
        assert_eq!(read(&mut reader, &sources[8].block(1)).0, "samples");
        assert_eq!(read(&mut reader, &sources[0].block(3)).0, "samples");
        assert_eq!(read(&mut reader, &sources[1].block(2)), ("waiting", 0, None));
    }

    #[test]
    fn an_epoch_goes_over_to_a_new_session() {
        let mut reader = started(&mut Source::new("s", 7));
        let mut other = Source::new("other", 7);
        assert_eq!(read(&mut reader, &other.block(1)), ("samples", 1, None));
        assert_eq!(read(&mut reader, &other.block(2)), ("samples", 2, None));
        assert_eq!(reader.streams.len(), 1);
    }

    #[test]
    fn a_record_that_is_refused_changes_nothing() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        let next = source.block(2);
        let mut damaged = next.clone();
        damaged[8] ^= 1;
        assert_eq!(reader.push(&damaged).unwrap_err().code(), "checksum");
        assert_eq!(read(&mut reader, &next), ("samples", 2, None));
    }

    #[test]
    fn a_block_with_a_bad_body_is_a_hole() {
        let mut source = Source::new("s", 7);
        let mut reader = started(&mut source);
        let next = source.block(2);
        let envelope = Envelope::parse(&next).unwrap();
        let mut out = [0; 64];
        let length = crate::write_record(7, &envelope.header, &mut out, |_| Ok(0)).unwrap();
        assert_eq!(reader.push(&out[..length]).unwrap_err().code(), "truncated");
        assert_eq!(read(&mut reader, &next), ("waiting", 0, Some((1, 1))));
        assert_eq!(read(&mut reader, &source.key(3)), ("samples", 3, Some((1, 1))));
    }

    #[test]
    fn a_schema_record_must_have_the_hash_that_it_states() {
        let header = Header::Schema { session: SessionId::parse("s").unwrap(), schema_hash: SchemaHash(1) };
        let body = schema("speed_mps").to_record();
        let mut out = [0; 512];
        let length = crate::write_record(7, &header, &mut out, |out| {
            out[..body.len()].copy_from_slice(&body);
            Ok(body.len())
        });
        let error = StreamReader::new().push(&out[..length.unwrap()]).unwrap_err();
        assert_eq!(error.code(), "schema_hash");
    }
}
