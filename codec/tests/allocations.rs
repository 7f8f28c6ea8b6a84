//! Do encoder and reader allocate once they are set up? A counting allocator says: not once per message. And how much may
//! a short record make a reader do? As much as `docs/wire-format.md` says, and not more.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use purple_sector_codec::{
    Channel, ChannelId, Coding, Envelope, Header, Pace, Received, Row, Schema, SessionId, StreamEncoder,
    StreamReader, StreamSettings, write_record,
};

struct Counting;

thread_local! {
    // Per thread, so that the test runner's own threads do not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static ALLOCATED_BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(size: usize) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = ALLOCATED_BYTES.try_with(|bytes| bytes.set(bytes.get() + size));
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// Rows of a made-up drive with something in every channel.
struct Drive {
    floats: Vec<f32>,
    ints: Vec<i32>,
    row: u64,
}

impl Drive {
    fn new(schema: &Schema) -> Self {
        Self { floats: vec![0.0; schema.n_floats()], ints: vec![0; schema.n_ints()], row: 0 }
    }

    fn next(&mut self) -> Row<'_> {
        self.row += 1;
        for (i, value) in (self.row..).zip(&mut self.floats) {
            *value = (i * i % 1009) as f32 * 0.01;
        }
        for (i, value) in (self.row / 50..).zip(&mut self.ints) {
            *value = (i % 7) as i32;
        }
        let captured_at_us = self.row * 16_667;
        Row { captured_at_us, floats: &self.floats, ints: &self.ints }
    }
}

#[track_caller]
fn check(schema: Schema, samples_per_block: usize) {
    let mut drive = Drive::new(&schema);
    let settings = StreamSettings {
        session: SessionId::parse("allocations").unwrap(),
        epoch: 1,
        schema,
        samples_per_block,
        key_interval_us: StreamSettings::KEY_INTERVAL_US,
    };
    let mut encoder = StreamEncoder::new(settings).unwrap();
    let mut reader = StreamReader::new();
    let (mut n_samples, mut before) = (0, 0);
    // 130 samples are a little more than the two seconds from one key block to the next.
    for row in 0..1200 {
        if row == 130 {
            before = allocations();
        }
        if let Some(record) = encoder.push(drive.next()).unwrap() {
            match reader.push(&record).unwrap() {
                Received::Samples(samples) => n_samples += samples.captured_at_us().len(),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(allocations() - before, 0, "allocations in 1070 samples, {samples_per_block} per block");
    assert_eq!(n_samples, 1200 - 1200 % samples_per_block);
    assert!(encoder.counts().keys >= 9);
}

#[test]
fn neither_encoder_nor_reader_allocates_per_message() {
    for samples_per_block in [1, 2, 6, 12, 60] {
        check(Schema::full(), samples_per_block);
    }
    check(Schema::full().lossless(), 6);
}

#[test]
fn the_counter_counts() {
    let before = allocations();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(allocations() - before, 1);
}

/// A schema of this many int channels.
fn ints(n_channels: u16, name: &str) -> Schema {
    let channel = |at| Channel {
        id: ChannelId(at),
        name: format!("{name}_{at}"),
        unit: "1".into(),
        coding: Coding::Int { min: 0, max: 9 },
        pace: Pace::Fast,
        labels: vec![],
    };
    Schema::new((0..n_channels).map(channel).collect()).unwrap()
}

fn record(header: Header, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 64 * 1024];
    let length = write_record(7, &header, &mut out, |out| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    });
    out.truncate(length.unwrap());
    out
}

/// The records of a schema, of a key block of one sample, and of the shortest block of `n_samples` samples after it.
fn shortest(schema: &Schema, n_samples: usize) -> [Vec<u8>; 3] {
    let session = SessionId::parse("s").unwrap();
    let (schema_hash, n_slots) = (schema.hash(), schema.channels().len() + 1);
    let key = Header::Key { seq: 0, session, schema_hash, origin_us: 0 };
    let key = record(key, &vec![0; 1 + (5 * n_slots).div_ceil(8)]);
    let link = Envelope::parse(&key).unwrap().link_to_this();
    let mut body = vec![0; 1 + n_slots.div_ceil(8).div_ceil(8)];
    body[0] = (n_samples - 1) as u8;
    let block = record(Header::Block { seq: 1, link }, &body);
    [record(Header::Schema { session, schema_hash }, &schema.to_record()), key, block]
}

#[test]
fn a_short_record_becomes_at_most_16384_numbers_and_1100_for_each_of_its_bytes() {
    let mut most = (0, 0.0_f64);
    for n_channels in [1, 2, 7, 8, 62, 63, 64, 112, 500, 1023, 1024] {
        let schema = ints(n_channels, "n");
        for n_samples in 1..=256 {
            let [told, key, block] = shortest(&schema, n_samples);
            let mut reader = StreamReader::new();
            let _ = reader.push(&told).unwrap();
            let _ = reader.push(&key).unwrap();
            let n_numbers = n_samples * (usize::from(n_channels) + 1);
            match reader.push(&block) {
                Ok(Received::Samples(samples)) => {
                    assert_eq!(samples.len(), n_samples);
                    let per_byte = n_numbers as f64 / block.len() as f64;
                    most = (most.0.max(n_numbers), most.1.max(per_byte));
                }
                Err(error) => {
                    assert_eq!(error.code(), "limit");
                    assert!(n_numbers > 16_384);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(most.0, 16_384);
    assert!((1000.0..1100.0).contains(&most.1), "{} numbers for a byte", most.1);
}

#[test]
fn a_short_record_makes_a_reader_allocate_little_whatever_came_before() {
    // The columns grow with the longest block and with the largest schema; two large schemas in turn need other memory
    // with each key block. Each key is refused once its one byte has been read.
    let schemas = [ints(1024, "one"), ints(1024, "two")];
    let told = schemas.each_ref().map(|schema| shortest(schema, 1)[0].clone());
    let mut reader = StreamReader::new();
    for record in shortest(&ints(63, "long"), 256).iter().chain(&told) {
        let _ = reader.push(record).unwrap();
    }
    let session = SessionId::parse("s").unwrap();
    let (mut first, mut most) = (0, 0);
    for seq in 2..100 {
        let schema_hash = schemas[seq as usize % 2].hash();
        let key = record(Header::Key { seq, session, schema_hash, origin_us: 0 }, &[0]);
        assert!(key.len() < 30);
        let before = ALLOCATED_BYTES.get();
        assert_eq!(reader.push(&key).unwrap_err().code(), "truncated");
        let allocated = ALLOCATED_BYTES.get() - before;
        if seq == 2 { first = allocated } else { most = most.max(allocated) }
    }
    assert!(first < 1200 * 1024, "{first} bytes once");
    assert!(most < 64 * 1024, "{most} bytes for a record");
}
