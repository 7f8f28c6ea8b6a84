//! Do encoder and reader allocate once they are set up? A counting allocator says: not once per message.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use purple_sector_codec::{Received, Row, Schema, SessionId, StreamEncoder, StreamReader, StreamSettings};

struct Counting;

thread_local! {
    // Per thread, so that the test runner's own threads do not count.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
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
            match reader.push(record).unwrap() {
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
