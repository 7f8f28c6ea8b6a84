//! Which samples are new? Records of any number of streams in, samples out once and in order.

use alloc::{sync::Arc, vec::Vec};

use super::samples::ColumnMemory;
use super::{Chain, Gap, Link, Samples};
use crate::block::{BlockDecoder, DecoderQuad};
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
        stream: &'a StreamId,
        /// Its channels.
        schema: &'a Schema,
    },
    /// The facts of a stream's session.
    Facts {
        /// The stream.
        stream: &'a StreamId,
        /// Its facts.
        facts: Facts,
    },
    /// Something that happened in a stream's session. The log may repeat it.
    Event {
        /// The stream.
        stream: &'a StreamId,
        /// What happened.
        event: Event,
    },
    /// A stream is over.
    End {
        /// The stream.
        stream: &'a StreamId,
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
///
/// ```
/// use purple_sector_codec::{Received, RowBuffer, Sample, Schema, SessionId, StreamEncoder, StreamReader, StreamSettings};
///
/// # let schema = Schema::full();
/// # let mut row = RowBuffer::new(&schema);
/// # let mut encoder = StreamEncoder::new(StreamSettings {
/// #     session: SessionId::parse("monza-evening")?,
/// #     epoch: 1,
/// #     schema: schema.clone(),
/// #     samples_per_block: 2,
/// #     key_interval_us: 200_000,
/// # })?;
/// # let mut records = vec![encoder.schema_record().to_vec()];
/// # for tick in 0..60 {
/// #     schema.project(&Sample::absent(1_764_000_000_000_000 + tick * 16_667), &mut row);
/// #     records.extend(encoder.push(row.row())?.map(|block| block.to_vec()));
/// # }
/// # records.push(encoder.end_record().to_vec());
/// // One second of a stream, a key block every 0.2 s; a block in the middle is lost, and another comes twice.
/// records.remove(10);
/// records.insert(20, records[19].clone());
///
/// let mut reader = StreamReader::new();
/// let (mut n_samples, mut n_missing, mut n_repeats, mut ended) = (0, 0, 0, false);
/// for record in &records {
///     match reader.push(record)? {
///         Received::Samples(samples) => {
///             // Each sample once and in order; what is missing before this block is said with it.
///             n_missing += samples.missing.map_or(0, |gap| gap.n_blocks());
///             n_samples += samples.len();
///         }
///         Received::Repeat { .. } => n_repeats += 1,
///         Received::End { .. } => ended = true,
///         // Channels, facts, events, and blocks that wait for the next key block.
///         _ => {}
///     }
/// }
/// assert_eq!((n_samples as u64 + 2 * n_missing, n_repeats, ended), (60, 1, true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The stream of the record that is being read, so that answers can name it.
    current: StreamId,
    /// Streams that were opened.
    n_opened: u32,
}

/// One stream that has had a key block.
#[derive(Debug)]
struct Stream {
    id: StreamId,
    chain: Chain,
    schema: Arc<Schema>,
    decoder: BlockDecoder<Vec<DecoderQuad>>,
    last_tick: u64,
    /// Tells it from all others that the reader has followed.
    number: u32,
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

    /// A reader that asks `known` for schemas that no record has described. With `|_| None` the built-in schemas, and
    /// the table they are made from, are left out of the program.
    pub fn with_known_schemas(known: fn(SchemaHash) -> Option<Schema>) -> Self {
        Self {
            streams: Vec::with_capacity(MAX_STREAMS),
            schemas: Vec::with_capacity(MAX_SCHEMAS),
            columns: ColumnMemory::default(),
            known,
            unknown: None,
            tick: 0,
            current: StreamId { session: SessionId::NONE, epoch: 0 },
            n_opened: 0,
        }
    }

    /// Reads one record, which is the whole of `bytes`.
    ///
    /// # Errors
    /// Any [`DecodeError`]. The record is left out, and the reader continues as if it had not come; a block that is left
    /// out is a hole in its stream. No input panics, or makes this allocate more than a limited multiple of its
    /// length and of the channels of its schema.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Received<'_>, DecodeError> {
        let envelope = Envelope::parse(bytes)?;
        self.tick += 1;
        self.current.epoch = envelope.epoch;
        if let Some(session) = envelope.session() {
            self.current.session = *session;
        }
        match envelope.header {
            Header::Key { schema_hash, .. } => self.read_key(&envelope, schema_hash),
            Header::Block { .. } => self.read_block(&envelope),
            Header::Schema { schema_hash, .. } => {
                let at = self.read_schema(schema_hash, envelope.body)?;
                Ok(Received::Schema { stream: &self.current, schema: &self.schemas[at] })
            }
            Header::Facts { .. } => {
                Ok(Received::Facts { stream: &self.current, facts: Facts::decode(envelope.body)? })
            }
            Header::Event { .. } => Ok(match Event::decode(envelope.body)? {
                Some(event) => Received::Event { stream: &self.current, event },
                None => Received::Skipped { kind: envelope.kind.number() },
            }),
            Header::End { next_seq, .. } => {
                let missing = self.stream().and_then(|known| known.chain.missing_at_end(next_seq));
                Ok(Received::End { stream: &self.current, missing })
            }
            Header::Unknown(kind) => Ok(Received::Skipped { kind }),
        }
    }

    fn read_key(&mut self, envelope: &Envelope<'_>, hash: SchemaHash) -> Result<Received<'_>, DecodeError> {
        let (epoch, tick) = (envelope.epoch, self.tick);
        if let Some(stream) = self.stream() {
            let mut chain = stream.chain;
            if chain.check(envelope) == Link::Repeat {
                stream.last_tick = tick;
                return Ok(Received::Repeat { epoch });
            }
        }
        let Some(schema) = self.find_schema(hash) else {
            let missing = self.stream().and_then(|stream| {
                stream.last_tick = tick;
                stream.chain.lose();
                envelope.seq().and_then(|seq| stream.chain.missing_to(seq))
            });
            return Ok(Received::Waiting { epoch, reason: WaitingFor::Schema(hash), missing });
        };
        let at = self.stream_for_key(schema)?;
        self.read_at(at, envelope)
    }

    /// The stream of the record that is being read, if it has had a key block.
    fn stream(&mut self) -> Option<&mut Stream> {
        let current = &self.current;
        self.streams.iter_mut().find(|stream| stream.id == *current)
    }

    fn read_block(&mut self, envelope: &Envelope<'_>) -> Result<Received<'_>, DecodeError> {
        match self.streams.iter().position(|stream| stream.id.epoch == envelope.epoch) {
            Some(at) => self.read_at(at, envelope),
            None => Ok(Received::Waiting { epoch: envelope.epoch, reason: WaitingFor::Key, missing: None }),
        }
    }

    /// Places the block in the chain of stream `at` and decodes it if it continues the chain.
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
                stream: &stream.id,
                stream_number: stream.number,
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

    /// The place of the stream that a key block belongs to, made if it is new or has another schema now.
    fn stream_for_key(&mut self, schema: Arc<Schema>) -> Result<usize, DecodeError> {
        // An epoch names a stream to the blocks after the key, so it cannot stay with another session.
        let found = self.streams.iter().position(|stream| stream.id.epoch == self.current.epoch);
        let mut chain = Chain::default();
        if let Some(at) = found {
            let stream = &self.streams[at];
            if stream.id == self.current {
                if stream.schema.hash() == schema.hash() {
                    return Ok(at);
                }
                chain = stream.chain;
            }
        }
        let decoder = BlockDecoder::owned(&schema.slots())?;
        self.n_opened = self.n_opened.wrapping_add(1);
        let number = self.n_opened;
        let stream = Stream { id: self.current, chain, schema, decoder, last_tick: self.tick, number };
        let at = found.unwrap_or_else(|| self.free_place());
        match self.streams.get_mut(at) {
            Some(place) => *place = stream,
            None => self.streams.push(stream),
        }
        Ok(at)
    }

    /// Where a new stream goes: behind the others, or in the place of the one that was quiet for longest.
    fn free_place(&self) -> usize {
        if self.streams.len() < MAX_STREAMS {
            return self.streams.len();
        }
        let ticks = self.streams.iter().enumerate().map(|(at, stream)| (stream.last_tick, at));
        ticks.min().map_or(0, |(_, at)| at)
    }

    /// Keeps the schema of a schema record, unless it is there already, and gives its place.
    fn read_schema(&mut self, stated: SchemaHash, body: &[u8]) -> Result<usize, DecodeError> {
        // What a record is must not depend on what came before it, so only these very bytes need no reading.
        if SchemaHash::of_record(body) == stated
            && let Some(at) = self.schemas.iter().position(|schema| schema.hash() == stated)
        {
            return Ok(at);
        }
        let schema = Schema::from_record(body).map_err(|_| DecodeError::Body { what: "schema" })?;
        if schema.hash() != stated {
            return Err(DecodeError::SchemaHash { stated: stated.0, computed: schema.hash().0 });
        }
        self.keep_schema(schema);
        Ok(self.schemas.len() - 1)
    }

    fn find_schema(&mut self, hash: SchemaHash) -> Option<Arc<Schema>> {
        if let Some(schema) = self.schemas.iter().find(|schema| schema.hash() == hash) {
            return Some(schema.clone());
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
        self.schemas.push(schema.clone());
        schema
    }
}

#[cfg(test)]
mod tests;
