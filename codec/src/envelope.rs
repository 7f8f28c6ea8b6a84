//! What surrounds every record: version, kind, place in its stream, checksum.
//!
//! Whoever only passes records on (the bridge) reads this and never a body. `docs/wire-format.md` has the bytes.

use serde::Serialize;

use crate::{DecodeError, EncodeError, SchemaHash, SessionId, TIME_LIMIT_US, crc::crc32c, take::Take};

/// The wire version that this build writes and reads.
pub const WIRE_VERSION: u8 = 1;
/// The longest record, in bytes, checksum included.
pub const MAX_RECORD_LEN: usize = 64 * 1024;
/// The most bytes that a record has besides its body, checksum included.
pub const MAX_ENVELOPE_LEN: usize = PREFIX_LEN + 5 + 1 + SessionId::MAX_LEN + 8 + 8 + CRC_LEN;

/// High half of the first byte; the low half is the version. No text starts with such a byte.
const MAGIC: u8 = 0xB0;
/// Kind and epoch follow the first byte in every kind of record, now and later.
const PREFIX_LEN: usize = 6;
const CRC_LEN: usize = 4;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The channels of the records that name this schema's hash.
    Schema,
    /// Game, car, track and other facts of a session.
    Facts,
    /// A block of samples that is decodable on its own.
    Key,
    /// A block of samples that follows on the block before it.
    Block,
    /// Something that happened: a lap finished, steps missed.
    Event,
    /// The stream is over.
    End,
    /// A kind from a newer encoder; readers skip it.
    Unknown(u8),
}

impl Kind {
    /// The kind's number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Schema => 1,
            Self::Facts => 2,
            Self::Key => 3,
            Self::Block => 4,
            Self::Event => 5,
            Self::End => 6,
            Self::Unknown(number) => number,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Schema,
            2 => Self::Facts,
            3 => Self::Key,
            4 => Self::Block,
            5 => Self::Event,
            6 => Self::End,
            _ => Self::Unknown(number),
        }
    }
}

/// What a record's header says, by kind. The fields are on the wire in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Of a [`Kind::Key`] record.
    Key {
        /// Number of this block in its stream, from 0.
        seq: u32,
        /// The run of the game.
        session: SessionId,
        /// Names the schema of this and the following blocks.
        schema_hash: SchemaHash,
        /// Time of the block's first sample, in Unix µs on the driver's clock, below 2^53.
        origin_us: u64,
    },
    /// Of a [`Kind::Block`] record.
    Block {
        /// Number of this block in its stream.
        seq: u32,
        /// [`Envelope::link_to_this`] of the block before it.
        link: u16,
    },
    /// Of a [`Kind::Schema`] record.
    Schema {
        /// The run of the game.
        session: SessionId,
        /// Hash of the schema in the body.
        schema_hash: SchemaHash,
    },
    /// Of a [`Kind::Facts`] record.
    Facts {
        /// The run of the game.
        session: SessionId,
    },
    /// Of a [`Kind::Event`] record.
    Event {
        /// The run of the game.
        session: SessionId,
    },
    /// Of a [`Kind::End`] record.
    End {
        /// The run of the game.
        session: SessionId,
        /// The number that the next block would have had: how many blocks the stream has.
        next_seq: u32,
    },
    /// Of a [`Kind::Unknown`] record; what its header says is in the body.
    Unknown(u8),
}

/// One record, checked: its header, and the body as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// What the record holds.
    pub kind: Kind,
    /// Random number drawn at every start of an encoder. With the session it names the stream.
    pub epoch: u32,
    /// What the header says beyond that.
    pub header: Header,
    /// What is between header and checksum.
    pub body: &'a [u8],
    /// CRC-32C of everything before it.
    pub checksum: u32,
}

impl<'a> Envelope<'a> {
    /// Reads a record that is the whole of `bytes`: first the checksum, then the header.
    ///
    /// # Errors
    /// `TooShort`, `TooLong`, `NotARecord`, `Checksum`, `UnknownVersion`, `Header`, `SessionId` or `TimeRange`;
    /// `TrailingBytes` for an End record with a body. The bodies of other kinds are not looked at.
    ///
    /// ```
    /// use purple_sector_codec::{DecodeError, Envelope, Header, Kind, SessionId, write_record};
    ///
    /// let session = SessionId::parse("monza-evening")?;
    /// let mut record = [0; 64];
    /// let length = write_record(7, &Header::End { session, next_seq: 1_800 }, &mut record, |_| Ok(0))?;
    /// let record = &mut record[..length];
    ///
    /// let envelope = Envelope::parse(record)?;
    /// assert_eq!((envelope.kind, envelope.epoch, envelope.body), (Kind::End, 7, &b""[..]));
    /// assert_eq!(envelope.header, Header::End { session, next_seq: 1_800 });
    ///
    /// // A byte that changed on the way is noticed.
    /// record[length / 2] ^= 1;
    /// assert!(matches!(Envelope::parse(record), Err(DecodeError::Checksum { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_RECORD_LEN {
            return Err(DecodeError::TooLong { found: bytes.len(), limit: MAX_RECORD_LEN });
        }
        let too_short = DecodeError::TooShort { needed: PREFIX_LEN + CRC_LEN, found: bytes.len() };
        let (content, stored) = bytes.split_last_chunk::<CRC_LEN>().ok_or(too_short)?;
        let (&[first, kind, e0, e1, e2, e3], rest) =
            content.split_first_chunk::<PREFIX_LEN>().ok_or(too_short)?;
        if first & 0xF0 != MAGIC {
            return Err(DecodeError::NotARecord { found: first });
        }
        let stored = u32::from_le_bytes(*stored);
        let computed = crc32c(content);
        if stored != computed {
            return Err(DecodeError::Checksum { stored, computed });
        }
        if first & 0x0F != WIRE_VERSION {
            return Err(DecodeError::UnknownVersion { found: first & 0x0F, supported: WIRE_VERSION });
        }
        let kind = Kind::from_number(kind);
        let epoch = u32::from_le_bytes([e0, e1, e2, e3]);
        let (header, body) = Header::parse(kind, rest)?;
        Ok(Self { kind, epoch, header, body, checksum: computed })
    }

    /// The session, which blocks and unknown kinds do not carry.
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.header {
            Header::Key { session, .. }
            | Header::Schema { session, .. }
            | Header::Facts { session }
            | Header::Event { session }
            | Header::End { session, .. } => Some(session),
            Header::Block { .. } | Header::Unknown(_) => None,
        }
    }

    /// The number of this block in its stream, for key blocks and blocks.
    pub const fn seq(&self) -> Option<u32> {
        match self.header {
            Header::Key { seq, .. } | Header::Block { seq, .. } => Some(seq),
            _ => None,
        }
    }

    /// The link that the block after this one carries: the low half of this one's checksum.
    pub const fn link_to_this(&self) -> u16 {
        self.checksum as u16
    }
}

impl Header {
    /// The kind of record with this header.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Key { .. } => Kind::Key,
            Self::Block { .. } => Kind::Block,
            Self::Schema { .. } => Kind::Schema,
            Self::Facts { .. } => Kind::Facts,
            Self::Event { .. } => Kind::Event,
            Self::End { .. } => Kind::End,
            Self::Unknown(number) => Kind::Unknown(*number),
        }
    }

    /// Reads the header of a record of `kind` from the start of `bytes`, and gives the body after it.
    fn parse(kind: Kind, bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut take = Take::new(bytes);
        let header = match kind {
            Kind::Block => Self::Block { seq: take.u32(), link: u16::from_le_bytes(take.array()) },
            Kind::Key => Self::Key {
                seq: take.u32(),
                session: session_id(&mut take)?,
                schema_hash: schema_hash(&mut take),
                origin_us: take.u64(),
            },
            Kind::Schema => {
                Self::Schema { session: session_id(&mut take)?, schema_hash: schema_hash(&mut take) }
            }
            Kind::Facts => Self::Facts { session: session_id(&mut take)? },
            Kind::Event => Self::Event { session: session_id(&mut take)? },
            Kind::End => Self::End { session: session_id(&mut take)?, next_seq: take.u32() },
            Kind::Unknown(number) => Self::Unknown(number),
        };
        let body = take.rest().ok_or(DecodeError::Header)?;
        match header {
            Self::Key { origin_us: TIME_LIMIT_US.., .. } => Err(DecodeError::TimeRange),
            Self::End { .. } if !body.is_empty() => Err(DecodeError::TrailingBytes { extra: body.len() }),
            _ => Ok((header, body)),
        }
    }
}

/// Writes a record into `out`: this header, the body that `write_body` puts into the bytes it is handed (it gives
/// how many it used), and the checksum. Returns the record's length.
///
/// # Errors
/// `OutputTooShort` if the record does not fit, `TimeRange` for a key block's time of 2^53 or more, or the error
/// of `write_body`.
pub fn write_record(
    epoch: u32,
    header: &Header,
    out: &mut [u8],
    write_body: impl FnOnce(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<usize, EncodeError> {
    let capacity = out.len();
    let too_short = EncodeError::OutputTooShort { capacity };
    let limit = capacity.min(MAX_RECORD_LEN).checked_sub(CRC_LEN).ok_or(too_short)?;
    let content = out.get_mut(..limit).ok_or(too_short)?;
    let header_len = header.write(epoch, content)?;
    let body_len = write_body(content.get_mut(header_len..).ok_or(too_short)?)?;
    let end = header_len + body_len;
    let checksum = crc32c(out.get(..end).ok_or(too_short)?);
    out.get_mut(end..end + CRC_LEN).ok_or(too_short)?.copy_from_slice(&checksum.to_le_bytes());
    Ok(end + CRC_LEN)
}

impl Header {
    /// Writes prefix and header to the start of `out` and gives their length.
    fn write(&self, epoch: u32, out: &mut [u8]) -> Result<usize, EncodeError> {
        let [e0, e1, e2, e3] = epoch.to_le_bytes();
        let prefix = [MAGIC | WIRE_VERSION, self.kind().number(), e0, e1, e2, e3];
        let capacity = out.len();
        let (start, rest) = out.split_first_chunk_mut().ok_or(EncodeError::OutputTooShort { capacity })?;
        *start = prefix;
        let written = match self {
            Self::Block { seq, link } => put(&BlockHeader { seq: *seq, link: *link }, rest),
            Self::Key { seq, session, schema_hash, origin_us } => {
                if *origin_us >= TIME_LIMIT_US {
                    return Err(EncodeError::TimeRange { found_us: *origin_us });
                }
                let session = session.as_str();
                put(
                    &KeyHeader { seq: *seq, session, schema_hash: schema_hash.0, origin_us: *origin_us },
                    rest,
                )
            }
            Self::Schema { session, schema_hash } => {
                put(&SchemaHeader { session: session.as_str(), schema_hash: schema_hash.0 }, rest)
            }
            Self::Facts { session } | Self::Event { session } => put(&session.as_str(), rest),
            Self::End { session, next_seq } => {
                put(&EndHeader { session: session.as_str(), next_seq: *next_seq }, rest)
            }
            Self::Unknown(_) => Some(0),
        };
        written.map(|length| PREFIX_LEN + length).ok_or(EncodeError::OutputTooShort { capacity })
    }
}

#[derive(Serialize)]
struct BlockHeader {
    seq: u32,
    #[serde(with = "postcard::fixint::le")]
    link: u16,
}

#[derive(Serialize)]
struct KeyHeader<'a> {
    seq: u32,
    session: &'a str,
    #[serde(with = "postcard::fixint::le")]
    schema_hash: u64,
    origin_us: u64,
}

#[derive(Serialize)]
struct SchemaHeader<'a> {
    session: &'a str,
    #[serde(with = "postcard::fixint::le")]
    schema_hash: u64,
}

#[derive(Serialize)]
struct EndHeader<'a> {
    session: &'a str,
    next_seq: u32,
}

fn put<T: Serialize>(value: &T, out: &mut [u8]) -> Option<usize> {
    postcard::to_slice(value, out).ok().map(|written| written.len())
}

fn schema_hash(take: &mut Take<'_>) -> SchemaHash {
    SchemaHash(u64::from_le_bytes(take.array()))
}

#[inline(never)]
fn session_id(take: &mut Take<'_>) -> Result<SessionId, DecodeError> {
    let text = take.text();
    if take.has_failed() {
        return Err(DecodeError::Header);
    }
    SessionId::parse(text).map_err(|_| DecodeError::SessionId)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> SessionId {
        SessionId::parse("imola-1").unwrap()
    }

    fn record(header: Header, body: &[u8], out: &mut [u8]) -> usize {
        let write_body = |out: &mut [u8]| {
            out[..body.len()].copy_from_slice(body);
            Ok(body.len())
        };
        write_record(0x1234_5678, &header, out, write_body).unwrap()
    }

    #[track_caller]
    fn check(header: Header, body: &[u8]) {
        let mut out = [0; 256];
        let length = record(header, body, &mut out);
        let envelope = Envelope::parse(&out[..length]).unwrap();
        assert_eq!(envelope.header, header);
        assert_eq!(envelope.kind, header.kind());
        assert_eq!(envelope.epoch, 0x1234_5678);
        assert_eq!(envelope.body, body);
        assert!(length - body.len() <= MAX_ENVELOPE_LEN);
    }

    /// What a block record is read as after `damage`; the checksum is made right again unless `keep_checksum`.
    #[track_caller]
    fn check_refused(damage: impl FnOnce(&mut [u8]), keep_checksum: bool, code: &str) {
        let mut out = [0; 64];
        let key = Header::Key { seq: 0, session: session(), schema_hash: SchemaHash(7), origin_us: 1 };
        let length = record(key, b"", &mut out);
        damage(&mut out[..length]);
        if !keep_checksum {
            let checksum = crc32c(&out[..length - CRC_LEN]);
            out[length - CRC_LEN..length].copy_from_slice(&checksum.to_le_bytes());
        }
        assert_eq!(Envelope::parse(&out[..length]).unwrap_err().code(), code);
    }

    #[test]
    fn every_kind_round_trips() {
        let schema_hash = SchemaHash(0xFEDC_BA98_7654_3210);
        let long = SessionId::parse(&"s".repeat(64)).unwrap();
        check(Header::Block { seq: 0, link: 0 }, b"");
        check(Header::Block { seq: u32::MAX, link: u16::MAX }, b"body");
        check(
            Header::Key { seq: u32::MAX, session: long, schema_hash, origin_us: TIME_LIMIT_US - 1 },
            b"body",
        );
        check(Header::Schema { session: session(), schema_hash }, b"body");
        check(Header::Facts { session: session() }, b"body");
        check(Header::Event { session: session() }, b"");
        check(Header::End { session: session(), next_seq: 9 }, b"");
        check(Header::Unknown(200), b"whatever");
    }

    #[test]
    fn a_block_needs_at_most_17_bytes_around_its_body() {
        let mut out = [0; 64];
        assert_eq!(record(Header::Block { seq: 0, link: 1 }, b"", &mut out), 13);
        assert_eq!(record(Header::Block { seq: 1 << 20, link: 1 }, b"", &mut out), 15);
        assert_eq!(record(Header::Block { seq: u32::MAX, link: 1 }, b"", &mut out), 17);
    }

    #[test]
    fn damaged_records_are_refused() {
        check_refused(|bytes| bytes[9] ^= 1, true, "checksum");
        check_refused(|bytes| bytes[0] = b'{', false, "not_a_record");
        check_refused(|bytes| bytes[0] = MAGIC | 2, false, "unknown_version");
        check_refused(|bytes| bytes[6..11].fill(0xFF), false, "header"); // seq of more than 32 bits
        check_refused(|bytes| bytes[7] = 60, false, "header"); // session longer than the record
        check_refused(|bytes| bytes[8] = b' ', false, "session_id");
        check_refused(|bytes| bytes[1] = 2, false, "session_id"); // read as Facts, its session is empty
    }

    #[test]
    fn lengths_are_checked_before_anything_else() {
        assert_eq!(Envelope::parse(&[]).unwrap_err().code(), "too_short");
        assert_eq!(Envelope::parse(&[0xB1; 9]).unwrap_err().code(), "too_short");
        assert_eq!(Envelope::parse(&[0xB1; 10]).unwrap_err().code(), "checksum");
        assert_eq!(Envelope::parse(&[0xB1; MAX_RECORD_LEN]).unwrap_err().code(), "checksum");
        assert_eq!(Envelope::parse(&[0xB1; MAX_RECORD_LEN + 1]).unwrap_err().code(), "too_long");
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let block = Header::Block { seq: 0, link: 0 };
        for capacity in 0..13 {
            let result = write_record(1, &block, &mut [0; 13][..capacity], |_| Ok(0));
            assert!(matches!(result, Err(EncodeError::OutputTooShort { .. })), "{capacity} bytes");
        }
        assert_eq!(write_record(1, &block, &mut [0; 13], |_| Ok(0)), Ok(13));
        let key =
            Header::Key { seq: 0, session: session(), schema_hash: SchemaHash(0), origin_us: TIME_LIMIT_US };
        let refused = EncodeError::TimeRange { found_us: TIME_LIMIT_US };
        assert_eq!(write_record(1, &key, &mut [0; 99], |_| Ok(0)), Err(refused));
    }
}
