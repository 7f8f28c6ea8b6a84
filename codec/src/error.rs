//! What can go wrong when samples become bytes, and when bytes become samples?

/// Why samples could not be encoded. Nothing was written, and the encoder continues as if it had not been called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A row does not have one value for each channel of the schema.
    #[error(
        "row has {found_floats} float and {found_ints} integer values, the schema has {floats} and {ints}"
    )]
    RowShape {
        /// Float channels of the schema.
        floats: usize,
        /// Integer channels of the schema.
        ints: usize,
        /// Float values in the row.
        found_floats: usize,
        /// Integer values in the row.
        found_ints: usize,
    },
    /// A sample's time is 2^53 µs or more, which JavaScript could not hold.
    #[error("time {found_us} us is not below 2^53")]
    TimeRange {
        /// The refused time, in Unix µs.
        found_us: u64,
    },
    /// More of something than the wire format allows.
    #[error("{found} {what}, the limit is {limit}")]
    Limit {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The given output is too short for the message.
    #[error("output of {capacity} bytes is too short")]
    OutputTooShort {
        /// Bytes that were given.
        capacity: usize,
    },
}

/// Why bytes were refused. The same bytes are refused with the same [code](DecodeError::code) everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than the shortest possible record has.
    #[error("{found} bytes are not a record, the shortest has {needed}")]
    TooShort {
        /// Bytes that a record needs at least.
        needed: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// More bytes than a record may have.
    #[error("record of {found} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes that were given.
        found: usize,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The first byte is not that of a Purple Sector record.
    #[error("not a Purple Sector record: it starts with {found:#04x}")]
    NotARecord {
        /// The first byte.
        found: u8,
    },
    /// A byte changed on the way.
    #[error("checksum mismatch: record says {stored:#010x}, bytes give {computed:#010x}")]
    Checksum {
        /// The checksum at the record's end.
        stored: u32,
        /// The checksum of the bytes before it.
        computed: u32,
    },
    /// Written by a newer encoder.
    #[error("unknown wire version {found}, this build reads version {supported}")]
    UnknownVersion {
        /// Version of the record.
        found: u8,
        /// Version that this build reads.
        supported: u8,
    },
    /// The header ends early or holds an impossible number.
    #[error("malformed record header")]
    Header,
    /// The session id has characters or a length that [`SessionId`](crate::SessionId) does not allow.
    #[error("invalid session id in the record header")]
    SessionId,
    /// The body ends before what it announces.
    #[error("body of {found} bytes ends early, {needed} are needed")]
    Truncated {
        /// Bytes that the body's first part announces.
        needed: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// Bytes are left after the end of what the record announces.
    #[error("{extra} bytes after the end")]
    TrailingBytes {
        /// How many bytes are left.
        extra: usize,
    },
    /// More of something than the wire format allows.
    #[error("{found} {what}, the limit is {limit}")]
    Limit {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many the bytes announce.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// No encoder writes such a body.
    #[error("malformed body: {what}")]
    Body {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A sample's time leaves the range 0 to 2^53 µs.
    #[error("sample time is not below 2^53 us")]
    TimeRange,
    /// A schema record's content does not give the hash that its records name.
    #[error("schema hash mismatch: record says {stated:#018x}, content gives {computed:#018x}")]
    SchemaHash {
        /// The hash that the record states.
        stated: u64,
        /// The hash of its content.
        computed: u64,
    },
}

impl DecodeError {
    /// A stable name for this kind of error, the same in Rust, JavaScript, logs and golden vectors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::NotARecord { .. } => "not_a_record",
            Self::Checksum { .. } => "checksum",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::Header => "header",
            Self::SessionId => "session_id",
            Self::Truncated { .. } => "truncated",
            Self::TrailingBytes { .. } => "trailing_bytes",
            Self::Limit { .. } => "limit",
            Self::Body { .. } => "body",
            Self::TimeRange => "time_range",
            Self::SchemaHash { .. } => "schema_hash",
        }
    }
}
