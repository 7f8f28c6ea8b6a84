//! What does a reader make of records in order, lost, repeated, foreign and damaged?

use alloc::vec;
use core::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{ABSENT, Channel, ChannelId, Coding, Pace, Row, StreamEncoder, StreamSettings};

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

/// An encoder of one sample a block whose schema is in its record.
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
    let settings = StreamSettings { schema: schema("wheel_speed_mps"), ..source.encoder.settings().clone() };
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
fn a_key_block_that_waits_for_its_schema_is_a_sign_of_life_too() {
    let mut sources: Vec<Source> = (0..9).map(|epoch| Source::new("s", epoch)).collect();
    let mut reader = started(&mut sources[0]);
    for source in &mut sources[1..8] {
        let _ = read(&mut reader, &source.block(1));
    }
    let settings =
        StreamSettings { schema: schema("wheel_speed_mps"), ..sources[0].encoder.settings().clone() };
    let mut changed = Source { encoder: StreamEncoder::new(settings).unwrap(), time_us: 5_000_000 };
    let _ = changed.block(1);
    assert_eq!(read(&mut reader, &changed.key(2)), ("schema", 0, Some((1, 1))));
    assert_eq!(read(&mut reader, &sources[8].block(1)).0, "samples");
    assert_eq!(read(&mut reader, &changed.block(3)), ("waiting", 0, Some((1, 2))));
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

#[test]
fn a_bad_schema_record_is_refused_by_a_reader_that_knows_the_schema_too() {
    let mut source = Source::new("s", 7);
    let mut reader = started(&mut source);
    let stated = Envelope::parse(source.encoder.schema_record()).unwrap().header;
    for (body, code) in [(schema("other_mps").to_record(), "schema_hash"), (vec![7, 7], "body")] {
        let mut out = [0; 512];
        let length = crate::write_record(7, &stated, &mut out, |out| {
            out[..body.len()].copy_from_slice(&body);
            Ok(body.len())
        });
        let length = length.unwrap();
        assert_eq!(reader.push(&out[..length]).unwrap_err().code(), code);
        assert_eq!(StreamReader::new().push(&out[..length]).unwrap_err().code(), code);
    }
}
