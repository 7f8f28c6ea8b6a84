//! Records for tests of the feed: whole envelopes with bodies that nobody reads.

use bytes::Bytes;
use purple_sector_codec::{Envelope, Header, SchemaHash, SessionId, write_record};

use super::record::Record;

/// One stream's source, as a collector would write it.
pub(crate) struct Source {
    pub(crate) session: SessionId,
    epoch: u32,
    seq: u32,
    link: u16,
    body: usize,
}

impl Source {
    pub(crate) fn new(session: &str, epoch: u32) -> Self {
        let session = SessionId::parse(session).expect("a test names a valid session");
        Self { session, epoch, seq: 0, link: 0, body: 100 }
    }

    /// The same with bodies of another length.
    pub(crate) fn with_body(mut self, length: usize) -> Self {
        self.body = length;
        self
    }

    pub(crate) fn schema(&self) -> Bytes {
        self.write(&Header::Schema { session: self.session, schema_hash: SchemaHash(1) })
    }

    pub(crate) fn facts(&self) -> Bytes {
        self.write(&Header::Facts { session: self.session })
    }

    pub(crate) fn event(&self) -> Bytes {
        self.write(&Header::Event { session: self.session })
    }

    pub(crate) fn end(&self) -> Bytes {
        self.write(&Header::End { session: self.session, next_seq: self.seq })
    }

    pub(crate) fn key(&mut self) -> Bytes {
        let (seq, session) = (self.seq, self.session);
        let schema_hash = SchemaHash(1);
        self.follow(&Header::Key { seq, session, schema_hash, origin_us: u64::from(seq) })
    }

    pub(crate) fn block(&mut self) -> Bytes {
        self.follow(&Header::Block { seq: self.seq, link: self.link })
    }

    fn follow(&mut self, header: &Header) -> Bytes {
        let bytes = self.write(header);
        self.link = Envelope::parse(&bytes).expect("just written").link_to_this();
        self.seq += 1;
        bytes
    }

    fn write(&self, header: &Header) -> Bytes {
        let mut out = vec![0; 64 * 1024];
        let body = if matches!(header, Header::End { .. }) { 0 } else { self.body };
        let length = write_record(self.epoch, header, &mut out, |_| Ok(body)).expect("a record that fits");
        out.truncate(length);
        out.into()
    }
}

/// A record as a feed keeps it.
pub(crate) fn record(partition: u16, offset: u64, time_ms: u64, bytes: &[u8]) -> Record {
    Record::new(&purple_sector_kafka::Record { partition, offset, time_ms, value: bytes })
}
