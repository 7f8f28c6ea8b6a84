//! Which situations do the golden vectors hold? Each function makes one; together they show every kind of record,
//! every way to follow a stream, and every refusal.

use purple_sector_codec::{
    ABSENT, ClockOffset, Coding, Event, Fact, Facts, Header, LapSummary, MAX_RECORD_LEN, OtherCar, Pace, Row,
    Schema, SchemaHash, SessionId, StreamEncoder,
};

use super::Case;
use super::hand::{self, sealed};
use super::schemas::{channel, drive, encoder, fixed, fixed_row, lossless, push, time_us};

/// Every golden vector.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "fixed",
            about: "A short stream from its schema to its end, six samples per block.",
            records: fixed_case(),
        },
        Case {
            name: "lossless",
            about: "Floats bit for bit: signs of zero, smallest and largest values, infinities; any NaN is absent.",
            records: lossless_case(),
        },
        Case {
            name: "kinds",
            about: "Every kind of record and event, and kinds of the future.",
            records: kinds(),
        },
        Case {
            name: "absent",
            about: "Channels that come and go, and one that is never there.",
            records: absent(),
        },
        Case {
            name: "saturation",
            about: "Values outside a channel's range arrive as the range's nearer end.",
            records: saturation(),
        },
        Case {
            name: "extremes",
            about: "Int channels over their whole range, one sample per block, and 256 samples in one block.",
            records: extremes(),
        },
        Case {
            name: "extra-channels",
            about: "Channels that are not in the table, beside some that are.",
            records: extra_channels(),
        },
        Case {
            name: "known-schemas",
            about: "Built-in schemas are known by their hash, without a schema record.",
            records: known_schemas(),
        },
        Case {
            name: "gap",
            about: "Blocks are missing: wait for the next key block and report them, at the end of the stream too.",
            records: gap(),
        },
        Case {
            name: "source-gap",
            about: "More than a second without samples ends the block before and makes a key block.",
            records: source_gap(),
        },
        Case {
            name: "repeat",
            about: "A run of records comes twice; its samples come once.",
            records: repeat(),
        },
        Case {
            name: "foreign-link",
            about: "Two encoders with the same session and epoch: a block never goes on from the other's.",
            records: foreign_link(),
        },
        Case {
            name: "two-epochs",
            about: "Two starts of one session and another session, interleaved.",
            records: two_epochs(),
        },
        Case {
            name: "unknown-schema",
            about: "Blocks wait for the record of their schema, and then for a key block.",
            records: unknown_schema(),
        },
        Case {
            name: "errors",
            about: "Every refusal, between blocks that are none the worse for it.",
            records: errors(),
        },
    ]
}

pub(crate) const EPOCH: u32 = 0x0BAD_CAFE;

fn session() -> SessionId {
    SessionId::parse("golden-1").expect("a valid session id")
}

/// A stream of [`fixed`] that has told its schema, with this many samples per block.
fn started(samples_per_block: usize) -> (StreamEncoder, Vec<Vec<u8>>) {
    let encoder = encoder("golden-1", EPOCH, fixed(), samples_per_block);
    let records = vec![encoder.schema_record().to_vec()];
    (encoder, records)
}

fn fixed_case() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(6);
    let facts = Facts { game: Some("Golden Game".into()), track: Some("imola".into()), ..Facts::default() };
    records.push(encoder.facts_record(&facts).expect("facts within the limits").to_vec());
    records.extend(drive(&mut encoder, 0, 150));
    let _ = drive(&mut encoder, 150, 152);
    records.extend(encoder.flush().expect("a fresh epoch").map(|block| block.to_vec()));
    records.push(encoder.end_record().to_vec());
    records
}

fn lossless_case() -> Vec<Vec<u8>> {
    let mut encoder = encoder("golden-1", EPOCH, lossless(), 4);
    let mut records = vec![encoder.schema_record().to_vec()];
    let values = [
        0x0000_0000,
        0x8000_0000,
        0x3F80_0000,
        0x3F80_0001,
        0x0000_0001,
        0x8000_0001,
        0x7F7F_FFFF,
        0xFF7F_FFFF,
        0x7F80_0000,
        0xFF80_0000,
        0x7FC0_0000,
        0xFFC0_0001,
        0x7F80_0001,
        0x3DCC_CCCD,
        0x4049_0FDB,
        0xC02D_F854,
    ];
    for (i, bits) in (0..).zip(values) {
        records.extend(push(&mut encoder, i, &[f32::from_bits(bits)], &[i as i32 % 3]));
    }
    records
}

fn kinds() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(1);
    let facts = Facts {
        game: Some("Golden Game".into()),
        car: Some("Formula Čapek".into()),
        track: Some("imola".into()),
        track_length_m: Some(4909.5),
        driver: Some("Alice".into()),
        tyre_compound: Some("soft".into()),
        collector_version: Some("0.1.0".into()),
        clock: Some(ClockOffset { offset_us: -1_234, uncertainty_us: 567 }),
        nominal_rate_hz: Some(60.0),
        more: vec![Fact { id: 40_000, text: "a fact by number".into() }],
    };
    for facts in [&Facts::default(), &facts] {
        records.push(encoder.facts_record(facts).expect("facts within the limits").to_vec());
    }
    records.extend(drive(&mut encoder, 0, 2));
    for event in events() {
        records.push(encoder.event_record(&event).expect("an event within the limits").to_vec());
    }
    records.push(record(Header::Event { session: session() }, &[200, 1, 2, 3]));
    records.push(record(Header::Unknown(99), b"of the future"));
    records.extend(drive(&mut encoder, 2, 3));
    records.push(encoder.end_record().to_vec());
    records
}

pub(crate) fn events() -> Vec<Event> {
    let at_us = time_us(2);
    let lap = LapSummary {
        number: 3,
        time_ms: 107_123,
        sector_ms: vec![30_100, 40_020, 37_003],
        valid: true,
        pit: false,
        fuel_used_l: Some(2.75),
        top_speed_mps: Some(81.5),
    };
    let car = |car_index, place| OtherCar {
        car_index,
        place,
        laps: 4,
        lap_fraction: 0.25,
        speed_mps: place.map(|_| 51.5),
    };
    vec![
        Event::LapFinished { at_us, lap },
        Event::LapFinished { at_us, lap: LapSummary { number: 4, pit: true, ..LapSummary::default() } },
        Event::Mark { at_us, label: "understeer".into() },
        Event::StepsMissed { at_us, n_steps: 9 },
        Event::Gap { at_us, from_us: time_us(0), to_us: time_us(1), n_samples: 400 },
        Event::OtherCars { at_us, cars: vec![car(7, Some(1)), car(300, None)] },
    ]
}

fn absent() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(3);
    for i in 0..18 {
        let (mut floats, mut ints) = fixed_row(i);
        floats[2] = f32::NAN;
        if i % 5 == 0 || i < 4 {
            floats[0] = f32::NAN;
            ints[0] = ABSENT;
        }
        records.extend(push(&mut encoder, i, &floats, &ints));
    }
    records
}

fn saturation() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(2);
    let speeds =
        [-50.0, -50.01, -1e30, f32::NEG_INFINITY, 150.0, 150.01, f32::MAX, f32::INFINITY, f32::NAN, 0.0];
    for (i, speed) in (0..).zip(speeds) {
        records.extend(push(&mut encoder, i, &[speed, 0.5, 10.0], &[0, 0]));
    }
    records
}

fn extremes() -> Vec<Vec<u8>> {
    let mut single = encoder("golden-1", EPOCH, lossless(), 1);
    let mut records = vec![single.schema_record().to_vec()];
    let counts = [0, i32::MAX, i32::MIN + 1, ABSENT, i32::MAX, -1, ABSENT, ABSENT, i32::MIN + 1, 0, 0, 0];
    for (i, count) in (0..).zip(counts) {
        records.extend(push(&mut single, i, &[0.5], &[count]));
    }
    let mut long = encoder("golden-1", EPOCH + 1, lossless(), 256);
    for i in 0..256 {
        let value = f32::from_bits(0x3F00_0000 + (i * 7_919) % 65_536);
        records.extend(push(&mut long, i, &[value], &[(i * i) as i32]));
    }
    records
}

fn extra_channels() -> Vec<Vec<u8>> {
    let mark = channel(20, "user_mark", "1", Coding::Int { min: 0, max: i32::MAX }, Pace::Fast);
    let boost = Coding::Fixed { resolution: 0.5, min: 0.0, max: 10.0 };
    let schema = Schema::acc()
        .with_channel(mark)
        .and_then(|schema| schema.with_channel(channel(21, "own_boost", "bar", boost, Pace::Slow)))
        .expect("a schema within the limits");
    let mut encoder = encoder("golden-1", EPOCH, schema, 2);
    let mut records = vec![encoder.schema_record().to_vec()];
    records.extend(pattern(&mut encoder, 4));
    records
}

fn known_schemas() -> Vec<Vec<u8>> {
    let schemas = [Schema::full(), Schema::acc(), Schema::assetto_corsa().lossless()];
    let streams = (EPOCH..).zip(schemas).map(|(epoch, schema)| {
        let mut encoder = encoder("golden-1", epoch, schema, 2);
        pattern(&mut encoder, 4)
    });
    streams.flatten().collect()
}

/// Rows with something in most channels of any schema, within every channel's range.
pub(crate) fn pattern(encoder: &mut StreamEncoder, n_rows: u32) -> Vec<Vec<u8>> {
    let (n_floats, n_ints) = (encoder.settings().schema.n_floats(), encoder.settings().schema.n_ints());
    let float = |i: u32, at: u32| if at % 7 == 3 { f32::NAN } else { ((i + at) % 8) as f32 * 0.125 };
    (0..n_rows)
        .filter_map(|i| {
            let floats: Vec<f32> = (0..n_floats as u32).map(|at| float(i, at)).collect();
            let ints: Vec<i32> =
                (0..n_ints as i32).map(|at| if at % 5 == 4 { ABSENT } else { at + i as i32 }).collect();
            push(encoder, i, &floats, &ints)
        })
        .collect()
}

fn gap() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(2);
    let mut blocks = drive(&mut encoder, 0, 10);
    encoder.force_key();
    blocks.extend(drive(&mut encoder, 10, 20));
    // Block 2 is lost, 3 and 4 cannot be decoded, 5 is the key; 9 is lost at the end.
    for at in [0, 1, 3, 4, 5, 6, 7, 8] {
        records.push(blocks[at].clone());
    }
    records.push(encoder.end_record().to_vec());
    records
}

fn source_gap() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(2);
    records.extend(drive(&mut encoder, 0, 5));
    records.extend(drive(&mut encoder, 80, 84));
    records.extend(encoder.flush().expect("a fresh epoch").map(|block| block.to_vec()));
    records
}

fn repeat() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(2);
    let blocks = drive(&mut encoder, 0, 12);
    records.extend_from_slice(&blocks[..4]);
    records.extend_from_slice(&blocks[1..]);
    records
}

fn foreign_link() -> Vec<Vec<u8>> {
    let (mut ours, mut records) = started(2);
    let (mut other, _) = started(2);
    let ours_first = drive(&mut ours, 0, 4);
    let other_all = drive(&mut other, 100, 106);
    records.extend(ours_first);
    records.push(other_all[2].clone());
    records.extend(drive(&mut ours, 4, 6));
    ours.force_key();
    records.extend(drive(&mut ours, 6, 10));
    records
}

fn two_epochs() -> Vec<Vec<u8>> {
    let mut first = encoder("golden-1", EPOCH, fixed(), 2);
    let mut second = encoder("golden-1", EPOCH + 1, fixed(), 2);
    let mut other = encoder("golden-2", EPOCH + 2, fixed(), 2);
    let mut records = vec![first.schema_record().to_vec(), other.schema_record().to_vec()];
    for i in 0..4 {
        records.extend(drive(&mut first, 2 * i, 2 * i + 2));
        records.extend(drive(&mut second, 50 + 2 * i, 52 + 2 * i));
        records.extend(drive(&mut other, 100 + 2 * i, 102 + 2 * i));
    }
    records.extend([&mut first, &mut second, &mut other].map(|encoder| encoder.end_record().to_vec()));
    records
}

fn unknown_schema() -> Vec<Vec<u8>> {
    let (mut encoder, schema_record) = started(2);
    let mut records = drive(&mut encoder, 0, 4);
    records.extend(schema_record);
    records.extend(drive(&mut encoder, 4, 6));
    encoder.force_key();
    records.extend(drive(&mut encoder, 6, 10));
    records
}

fn errors() -> Vec<Vec<u8>> {
    let (mut encoder, mut records) = started(2);
    records.extend(drive(&mut encoder, 0, 4));
    let good = drive(&mut encoder, 4, 6).remove(0);
    let changed = |at: usize, to: u8| {
        let mut record = good.clone();
        record[at] = to;
        record
    };
    let key = |session, origin_us| Header::Key { seq: 9, session, schema_hash: fixed().hash(), origin_us };
    let mut newer = record(Header::Unknown(4), &[]);
    newer[0] += 1;
    let mut bad_session = record(key(session(), 1), &[]);
    bad_session[8] = b' ';
    let mut late = record(key(session(), (1 << 53) - 1), &[]);
    // The eight bytes before the checksum are the time, all sevens full: the last byte holds bits 49 to 55.
    let last = late.len() - 5;
    late[last] = 0x10;
    let long_text = {
        let mut body = vec![1, 0, 0x81, 0x02];
        body.extend([b'x'; 257]);
        body
    };
    let schema = Header::Schema { session: session(), schema_hash: SchemaHash(1) };
    let facts = Header::Facts { session: session() };
    let event = Header::Event { session: session() };
    records.extend([
        vec![],
        good[..9].to_vec(),
        vec![0xB1; MAX_RECORD_LEN + 1],
        b"{\"speed\": 61.5}".to_vec(),
        changed(9, good[9] ^ 1),
        changed(good.len() - 1, good[good.len() - 1] ^ 0x80),
        good[..good.len() - 1].to_vec(),
        sealed(newer),
        record(Header::Unknown(4), &[0xFF; 5]),
        record(Header::Unknown(3), &[0, 60, b'a']),
        sealed(bad_session),
        record(Header::Unknown(2), &[0]),
        sealed(late),
        record(event, &long_text),
        record(event, &[1, 0, 2, 0xC3, 0x28]),
        record(event, &[]),
        record(event, &[2, 1, 9, 0]),
        record(facts, &[2]),
        record(facts, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 7]),
        record(schema, &fixed().to_record()),
        record(schema, &[1, 2, 3]),
        record(Header::End { session: session(), next_seq: 1 }, &[0]),
        good,
    ]);
    records.extend(bad_bodies(&mut encoder));
    encoder.force_key();
    records.extend(drive(&mut encoder, 6, 8));
    records
}

/// Blocks whose envelope is right and whose body is not. Each breaks its stream, so each has one of its own.
fn bad_bodies(encoder: &mut StreamEncoder) -> Vec<Vec<u8>> {
    let (floats, ints) = fixed_row(0);
    let mut kernel = purple_sector_codec::BlockEncoder::owned(&fixed().slots(), 2).expect("a small block");
    for i in 0..2 {
        kernel
            .push(Row { captured_at_us: time_us(i), floats: &floats, ints: &ints })
            .expect("a row that fits");
    }
    let mut body = vec![0; 4096];
    let length = kernel.encode_key(&mut body).expect("room for the body");
    body.truncate(length);
    let mut longer = body.clone();
    longer.push(0);
    let mut unclean = body.clone();
    unclean[length - 1] |= 0x80;
    let key = |seq, origin_us| Header::Key {
        seq,
        session: encoder.settings().session,
        schema_hash: fixed().hash(),
        origin_us,
    };
    vec![
        record(key(50, 0), &[]),
        record(key(51, 0), &body[..length - 1]),
        record(key(52, 0), &longer),
        record(key(53, 0), &unclean),
        record(key(54, (1 << 53) - 1), &body),
    ]
}

/// A record of these parts in the epoch of most vectors.
fn record(header: Header, body: &[u8]) -> Vec<u8> {
    hand::record(EPOCH, header, body)
}
