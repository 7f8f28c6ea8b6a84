//! Does this block follow on the one before it? One stream's position, without looking into any block.

use crate::{Envelope, Header};

/// Position in one stream (one session and epoch; the caller keeps one chain for each).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chain {
    /// Number of the last block that was part of the chain.
    last_seq: Option<u32>,
    /// What the next block must carry; `None` while only a key block can go on.
    link: Option<u16>,
}

/// How a record relates to the position in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The block that follows on the last one.
    Next,
    /// A key block, which can be decoded on its own.
    Key {
        /// The blocks missing before it, if any block was seen before.
        missing: Option<Gap>,
    },
    /// A block that was here before, or is older than one that was.
    Repeat,
    /// A block that cannot be decoded: it follows on one that is not here. Wait for the next key block.
    Broken {
        /// The blocks missing so far, this one included, if any block was seen before.
        missing: Option<Gap>,
    },
    /// A record that is not a block and has no place in the chain.
    Outside,
}

/// Blocks of a stream that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Number of the first missing block.
    pub first_seq: u32,
    /// Number of the last missing block.
    pub last_seq: u32,
}

impl Gap {
    /// How many blocks are missing.
    pub const fn n_blocks(&self) -> u64 {
        (self.last_seq as u64 + 1).saturating_sub(self.first_seq as u64)
    }
}

impl Chain {
    /// The position of a reader that has seen nothing yet.
    pub const fn new() -> Self {
        Self { last_seq: None, link: None }
    }

    /// Places a record of this stream, and moves on if it is the next block or a key block.
    pub fn check(&mut self, envelope: &Envelope<'_>) -> Link {
        match envelope.header {
            Header::Key { seq, .. } | Header::Block { seq, .. }
                if self.last_seq.is_some_and(|last| seq <= last) =>
            {
                Link::Repeat
            }
            Header::Key { seq, .. } => {
                let missing = seq.checked_sub(1).and_then(|before| self.missing_to(before));
                self.follow(seq, envelope);
                Link::Key { missing }
            }
            Header::Block { seq, link } => {
                let next = self.last_seq.and_then(|last| last.checked_add(1));
                if next == Some(seq) && self.link == Some(link) {
                    self.follow(seq, envelope);
                    return Link::Next;
                }
                self.lose();
                Link::Broken { missing: self.missing_to(seq) }
            }
            _ => Link::Outside,
        }
    }

    /// Only a key block can go on: for when a block turned out to be unusable. To count it as missing too, restore
    /// a copy from before its [`check`](Self::check) first.
    pub fn lose(&mut self) {
        self.link = None;
    }

    /// The blocks that are missing when the stream has `next_seq` blocks, as its End record says.
    pub fn missing_at_end(&self, next_seq: u32) -> Option<Gap> {
        next_seq.checked_sub(1).and_then(|last| self.missing_to(last))
    }

    /// The number of the last block of the chain.
    pub const fn last_seq(&self) -> Option<u32> {
        self.last_seq
    }

    pub(super) fn missing_to(&self, last_seq: u32) -> Option<Gap> {
        let first_seq = self.last_seq?.checked_add(1)?;
        (first_seq <= last_seq).then_some(Gap { first_seq, last_seq })
    }

    fn follow(&mut self, seq: u32, envelope: &Envelope<'_>) {
        self.last_seq = Some(seq);
        self.link = Some(envelope.link_to_this());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, SchemaHash, SessionId};

    fn key(seq: u32) -> Header {
        let session = SessionId::parse("s").unwrap();
        Header::Key { seq, session, schema_hash: SchemaHash(1), origin_us: 0 }
    }

    fn block(seq: u32, link: u16) -> Header {
        Header::Block { seq, link }
    }

    /// What each record is, when its checksum (and so the link to it) is the given number.
    #[track_caller]
    fn check(records: &[(Header, u32, Link)]) {
        let mut chain = Chain::new();
        for (i, &(header, checksum, expected)) in records.iter().enumerate() {
            let envelope = Envelope { kind: header.kind(), epoch: 1, header, body: &[], checksum };
            assert_eq!(chain.check(&envelope), expected, "record {i}: {header:?}");
        }
    }

    const START: Link = Link::Key { missing: None };

    fn missing(first_seq: u32, last_seq: u32) -> Option<Gap> {
        Some(Gap { first_seq, last_seq })
    }

    #[test]
    fn blocks_that_follow_are_next() {
        check(&[
            (key(0), 0xAAAA_0010, START),
            (block(1, 0x10), 0xBBBB_0011, Link::Next),
            (block(2, 0x11), 0x12, Link::Next),
            (key(3), 0x13, START),
            (block(4, 0x13), 0x14, Link::Next),
        ]);
    }

    #[test]
    fn what_was_here_before_is_a_repeat() {
        check(&[
            (key(5), 0x10, START),
            (block(6, 0x10), 0x11, Link::Next),
            (key(5), 0x10, Link::Repeat),
            (block(6, 0x10), 0x11, Link::Repeat),
            (block(2, 0x77), 0x11, Link::Repeat),
            (block(7, 0x11), 0x12, Link::Next),
        ]);
    }

    #[test]
    fn a_hole_waits_for_the_next_key_and_is_reported_whole() {
        check(&[
            (key(0), 0x10, START),
            (block(2, 0x11), 0x12, Link::Broken { missing: missing(1, 2) }),
            (block(3, 0x12), 0x13, Link::Broken { missing: missing(1, 3) }),
            (block(1, 0x10), 0x11, Link::Broken { missing: missing(1, 1) }),
            (key(6), 0x16, Link::Key { missing: missing(1, 5) }),
            (block(7, 0x16), 0x17, Link::Next),
        ]);
    }

    #[test]
    fn a_foreign_link_breaks_the_chain() {
        check(&[
            (key(0), 0x10, START),
            (block(1, 0x99), 0x11, Link::Broken { missing: missing(1, 1) }),
            (block(1, 0x10), 0x11, Link::Broken { missing: missing(1, 1) }),
            (key(2), 0x12, Link::Key { missing: missing(1, 1) }),
        ]);
    }

    #[test]
    fn who_joins_in_the_middle_waits_and_misses_nothing() {
        check(&[
            (block(7, 0x10), 0x11, Link::Broken { missing: None }),
            (key(8), 0x12, START),
            (block(9, 0x12), 0x13, Link::Next),
        ]);
    }

    #[test]
    fn other_records_stand_outside() {
        let session = SessionId::parse("s").unwrap();
        check(&[
            (key(0), 0x10, START),
            (Header::Facts { session }, 0x77, Link::Outside),
            (Header::Unknown(99), 0x78, Link::Outside),
            (block(1, 0x10), 0x11, Link::Next),
        ]);
        assert_eq!(Header::Unknown(99).kind(), Kind::Unknown(99));
    }

    #[test]
    fn the_last_number_causes_no_overflow() {
        check(&[
            (key(u32::MAX), 0x10, START),
            (block(0, 0x10), 0x11, Link::Repeat),
            (block(u32::MAX, 0x10), 0x11, Link::Repeat),
        ]);
        let whole = Gap { first_seq: 0, last_seq: u32::MAX };
        assert_eq!(whole.n_blocks(), 1 << 32);
    }

    #[test]
    fn the_end_says_what_is_missing_before_it() {
        let chain = Chain { last_seq: Some(7), link: None };
        assert_eq!(chain.missing_at_end(8), None);
        assert_eq!(chain.missing_at_end(0), None);
        assert_eq!(chain.missing_at_end(10), missing(8, 9));
        assert_eq!(Chain::new().missing_at_end(10), None);
    }
}
