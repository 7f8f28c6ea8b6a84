//! How is a stream written by hand? Any bits in its bodies, also such as no encoder chooses, behind right sequence
//! numbers, links and checksums.

use purple_sector_codec::{Envelope, Header, MAX_RECORD_LEN, Schema, SessionId, write_record};

use super::schemas::time_us;

/// How a number of a key block's first sample is written.
#[derive(Clone, Copy)]
pub(crate) struct First {
    /// The length code, 0 to 31.
    pub(crate) code: u32,
    /// The zigzag coded number, as long as the code says.
    pub(crate) zigzag: u64,
}

/// Written as an encoder does: as short as it can be.
pub(crate) fn first(number: i32) -> First {
    if number == i32::MIN {
        return First { code: 31, zigzag: 0 };
    }
    let zigzag = zigzag(number);
    let width = 32 - zigzag.leading_zeros();
    First { code: if width > 29 { 30 } else { width }, zigzag: zigzag.into() }
}

pub(crate) fn zigzag(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)) as u32
}

/// What a block says of one slot.
#[derive(Clone, Copy)]
pub(crate) enum Act {
    /// Nothing: no event.
    Rest,
    /// A sparse slot has residuals in this block.
    Move,
    /// The width grows or shrinks by one or two.
    Step(i32),
    /// A full change: mode, width.
    Full(u32, u32),
    /// In a key block, a change to linear of this width, with the difference of the first two numbers.
    Linear(u32, First),
}

pub(crate) const SPARSE: u32 = 0;
pub(crate) const DELTA: u32 = 1;
pub(crate) const LINEAR: u32 = 2;
pub(crate) const MEAN: u32 = 3;

/// Bits in the order in which they are written.
#[derive(Clone, Default)]
pub(crate) struct Bits(Vec<bool>);

impl Bits {
    pub(crate) fn put(&mut self, value: u64, width: u32) {
        self.0.extend((0..width).map(|at| value >> at & 1 == 1));
    }

    pub(crate) fn first(&mut self, first: First) {
        self.put(first.code.into(), 5);
        self.put(first.zigzag, if first.code == 30 { 32 } else { first.code % 31 });
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        self.0.chunks(8).map(byte).collect()
    }
}

/// A stream and what its reader has to know of each slot: mode and width.
#[derive(Clone)]
pub(crate) struct Hand {
    pub(crate) session: SessionId,
    pub(crate) epoch: u32,
    pub(crate) schema: Schema,
    pub(crate) origin_us: u64,
    pub(crate) seq: u32,
    pub(crate) link: u16,
    pub(crate) slots: Vec<(u32, u32)>,
}

impl Hand {
    pub(crate) fn new(session: &str, epoch: u32, schema: Schema) -> Self {
        let session = SessionId::parse(session).expect("a valid session id");
        let slots = vec![(SPARSE, 0); schema.channels().len() + 1];
        Self { session, epoch, schema, origin_us: time_us(0), seq: 0, link: 0, slots }
    }

    /// The record of the stream's schema.
    pub(crate) fn schema_record(&self) -> Vec<u8> {
        let header = Header::Schema { session: self.session, schema_hash: self.schema.hash() };
        record(self.epoch, header, &self.schema.to_record())
    }

    /// The end of the stream.
    pub(crate) fn end(&self, next_seq: u32) -> Vec<u8> {
        record(self.epoch, Header::End { session: self.session, next_seq }, &[])
    }

    /// A key block. Slots without an act rest; `residuals` has those of each slot that moves, in order.
    pub(crate) fn key(&mut self, n: usize, firsts: &[First], acts: &[Act], residuals: &[&[u32]]) -> Vec<u8> {
        let body = self.key_body(n, firsts, acts, residuals);
        self.key_of(&body)
    }

    /// A block that goes on from the one before.
    pub(crate) fn block(&mut self, n: usize, acts: &[Act], residuals: &[&[u32]]) -> Vec<u8> {
        let body = self.block_body(n, acts, residuals);
        self.block_of(&body)
    }

    /// A key block of this body.
    pub(crate) fn key_of(&mut self, body: &[u8]) -> Vec<u8> {
        let Self { seq, session, origin_us, .. } = *self;
        self.next(Header::Key { seq, session, schema_hash: self.schema.hash(), origin_us }, body)
    }

    /// A block of this body.
    pub(crate) fn block_of(&mut self, body: &[u8]) -> Vec<u8> {
        self.next(Header::Block { seq: self.seq, link: self.link }, body)
    }

    fn next(&mut self, header: Header, body: &[u8]) -> Vec<u8> {
        let record = record(self.epoch, header, body);
        self.link = Envelope::parse(&record).expect("a record that was just made").link_to_this();
        self.seq = self.seq.wrapping_add(1);
        record
    }

    pub(crate) fn key_body(
        &mut self,
        n: usize,
        firsts: &[First],
        acts: &[Act],
        residuals: &[&[u32]],
    ) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(n as u64 - 1, 8);
        self.slots.fill((SPARSE, 0));
        for at in 0..self.slots.len() {
            bits.first(firsts.get(at).copied().unwrap_or(first(0)));
        }
        if n > 1 {
            self.changes(&mut bits, acts, residuals);
        }
        bits.bytes()
    }

    pub(crate) fn block_body(&mut self, n: usize, acts: &[Act], residuals: &[&[u32]]) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(n as u64 - 1, 8);
        self.changes(&mut bits, acts, residuals);
        bits.bytes()
    }

    fn changes(&mut self, bits: &mut Bits, acts: &[Act], residuals: &[&[u32]]) {
        let acts: Vec<Act> =
            (0..self.slots.len()).map(|at| acts.get(at).copied().unwrap_or(Act::Rest)).collect();
        let mut moving = Vec::new();
        for (slots, acts) in self.slots.chunks_mut(8).zip(acts.chunks(8)) {
            let any = acts.iter().any(|act| !matches!(act, Act::Rest));
            bits.put(any.into(), 1);
            if any {
                acts.iter().for_each(|act| bits.put((!matches!(act, Act::Rest)).into(), 1));
            }
            for (slot, act) in slots.iter_mut().zip(acts) {
                let was_dense = slot.0 != SPARSE;
                put_act(bits, slot, *act);
                let rests = if was_dense { slot.0 == SPARSE } else { matches!(act, Act::Rest) };
                if !rests && slot.1 > 0 {
                    moving.push(slot.1);
                }
            }
        }
        assert_eq!(moving.len(), residuals.len(), "residuals for every slot that moves");
        for (width, residuals) in moving.into_iter().zip(residuals) {
            residuals.iter().for_each(|residual| bits.put((*residual).into(), width));
        }
    }
}

fn put_act(bits: &mut Bits, slot: &mut (u32, u32), act: Act) {
    let (mode, width) = match act {
        Act::Rest => return,
        Act::Move => return bits.put(0, 1),
        Act::Step(by) => (slot.0, slot.1.checked_add_signed(by).expect("a width above 0")),
        Act::Full(mode, width) => (mode, width),
        Act::Linear(width, _) => (LINEAR, width),
    };
    let is_new = *slot == (SPARSE, 0);
    if slot.0 == SPARSE && !is_new {
        bits.put(1, 1);
    }
    match act {
        Act::Step(by) if by.abs() == 1 => bits.put(if by < 0 { 0b10 } else { 0 }, 2),
        Act::Step(by) => bits.put(if by < 0 { 0b101 } else { 0b001 }, 3),
        _ => {
            if !is_new {
                bits.put(0b11, 2);
            }
            bits.put(u64::from(mode) | u64::from(width.min(31)) << 2, 7);
        }
    }
    if let Act::Linear(_, difference) = act {
        bits.first(difference);
    }
    *slot = (mode, width);
}

/// A record of these parts.
pub(crate) fn record(epoch: u32, header: Header, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; MAX_RECORD_LEN];
    let write_body = |out: &mut [u8]| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    };
    let length = write_record(epoch, &header, &mut out, write_body).expect("a record within the limits");
    out.truncate(length);
    out
}

/// The record with the checksum that its bytes give.
pub(crate) fn sealed(mut record: Vec<u8>) -> Vec<u8> {
    let content = record.len() - 4;
    let checksum = crc32c(&record[..content]).to_le_bytes();
    record[content..].copy_from_slice(&checksum);
    record
}

/// CRC-32C by its definition, so that the vectors do not rest on the codec's tables alone.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
