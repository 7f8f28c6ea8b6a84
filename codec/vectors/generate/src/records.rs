//! Which records, facts, events and schemas are accepted, and which refused? Each limit at its value and one beyond.

use purple_sector_codec::{
    ClockOffset, Coding, Event, Fact, Facts, Header, LapSummary, MAX_RECORD_LEN, OtherCar, Pace, Schema,
    SchemaHash, SessionId,
};

use super::Case;
use super::cases::{EPOCH, events};
use super::hand::{First, Hand, first, record, sealed};
use super::schemas::{channel, fixed, own};

/// Vectors of records that are written by hand.
pub(crate) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "frames",
            about: "Shortest and longest records, other magics, versions and kinds; which refusal comes first.",
            records: frames(),
        },
        Case {
            name: "headers",
            about: "Headers that end early, numbers that are longer than they need to be or than they may be.",
            records: headers(),
        },
        Case {
            name: "session-ids",
            about: "Every character of a session id and its neighbours, lengths of 0 to 300 bytes.",
            records: session_ids(),
        },
        Case { name: "facts", about: "Facts at their limits and beyond.", records: facts() },
        Case {
            name: "events",
            about: "Events at their limits and beyond, and unknown ones.",
            records: told_events(),
        },
        Case {
            name: "schemas",
            about: "Schemas at the limits of what is allowed, and a block of each.",
            records: schemas(),
        },
        Case { name: "schema-errors", about: "Schemas that are not allowed.", records: schema_errors() },
    ]
}

const TIME_LIMIT_US: u64 = 1 << 53;

fn session() -> SessionId {
    SessionId::parse("golden-1").expect("a valid session id")
}

/// A record of any kind whose header and body are these bytes.
fn raw(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut made = record(EPOCH, Header::Unknown(kind), content);
    made[1] = kind;
    sealed(made)
}

fn frames() -> Vec<Vec<u8>> {
    let with_first = |first: u8, kind: u8| {
        let mut made = raw(kind, b"body");
        made[0] = first;
        sealed(made)
    };
    let mut records: Vec<Vec<u8>> = [0, 7, 8, 127, 128, 255].map(|kind| raw(kind, &[])).into();
    records.push(raw(7, &[])[..9].to_vec());
    records.push(raw(99, &vec![0x5A; MAX_RECORD_LEN - 10]));
    let mut long = raw(99, &vec![0x5A; MAX_RECORD_LEN - 10]);
    long.push(0);
    records.push(sealed(long));
    records.extend([0xA1, 0xC1, 0x31, 0xB0, 0xB2, 0xBF].map(|first| with_first(first, 99)));
    // One bit of each byte of a checksum, and of each field before it.
    for at in 1..14 {
        let mut damaged = raw(99, b"body");
        damaged[at] ^= 1 << (at % 8);
        records.push(damaged);
    }
    // Wrong in two ways: what is checked first is said.
    let mut newer = with_first(0xB2, 3);
    newer[7] ^= 1;
    records.push(newer.clone());
    newer[0] = 0xC2;
    records.push(newer);
    records.push(with_first(0xB2, 6));
    records.push(vec![0xC1; 9]);
    records.push(vec![0xC1; 10]);
    records.push(vec![0xC1; MAX_RECORD_LEN + 1]);
    records
}

/// A varint with this many bytes, more than it needs.
fn over_long(number: u64, n_bytes: u32) -> Vec<u8> {
    let byte = |at: u32| (number.checked_shr(7 * at).unwrap_or(0) & 0x7F) as u8;
    (0..n_bytes).map(|at| byte(at) | if at + 1 < n_bytes { 0x80 } else { 0 }).collect()
}

fn varint(number: u64) -> Vec<u8> {
    over_long(number, (64 - number.leading_zeros()).div_ceil(7).max(1))
}

fn headers() -> Vec<Vec<u8>> {
    let schema = fixed();
    let mut hand = Hand::new("golden-1", EPOCH, schema.clone());
    let mut records = vec![hand.schema_record()];
    let name = |n_bytes| [over_long(8, n_bytes), b"golden-1".to_vec()].concat();
    let hash = schema.hash().0.to_le_bytes();
    let origin = varint(hand.origin_us);
    let body = hand.clone().key_body(1, &[], &[], &[]);
    // Each header, cut after each of its bytes.
    let key = [varint(300), name(1), hash.to_vec(), origin.clone()].concat();
    let whole: [(u8, Vec<u8>); 6] = [
        (1, [name(1), hash.to_vec()].concat()),
        (2, name(1)),
        (3, key),
        (4, [varint(300), vec![0; 2]].concat()),
        (5, name(1)),
        (6, [name(1), varint(300)].concat()),
    ];
    for (kind, header) in &whole {
        records.extend((0..header.len()).map(|length| raw(*kind, &header[..length])));
    }
    // Numbers with more bytes than they need, up to as many as their type may have.
    for (seq_bytes, name_bytes, origin_bytes) in [(1, 1, 8), (2, 2, 9), (5, 5, 10)] {
        let header = [
            over_long(hand.seq.into(), seq_bytes),
            name(name_bytes),
            hash.to_vec(),
            over_long(hand.origin_us, origin_bytes),
        ];
        records.push(raw(3, &[header.concat(), body.clone()].concat()));
        hand.seq += 1;
    }
    records.push(raw(6, &[name(3), over_long(3, 5)].concat()));
    // And one byte, or one bit, more.
    let u32s = [
        over_long(9, 6),
        vec![0xFF, 0xFF, 0xFF, 0xFF, 0x1F],
        vec![0x80, 0x80, 0x80, 0x80, 0x10],
        vec![0xFF; 5],
    ];
    for number in u32s {
        records
            .push(raw(3, &[number.clone(), name(1), hash.to_vec(), origin.clone(), body.clone()].concat()));
        records.push(raw(4, &[number.clone(), vec![0; 4]].concat()));
        records.push(raw(6, &[name(1), number.clone()].concat()));
        records.push(raw(5, &[number, vec![b'a'; 400]].concat()));
    }
    records.push(raw(6, &[name(1), vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F]].concat()));
    let u64s = [
        over_long(9, 11),
        varint(TIME_LIMIT_US - 1),
        varint(TIME_LIMIT_US),
        over_long(TIME_LIMIT_US, 10),
        varint(u64::MAX),
        [vec![0xFF; 9], vec![0x02]].concat(),
        vec![0x80; 10],
    ];
    for (at, number) in (100..).zip(u64s) {
        records.push(raw(3, &[varint(at), name(1), hash.to_vec(), number, body.clone()].concat()));
    }
    // An origin beyond the limit is refused even if the samples lie before it.
    let early =
        hand.clone().key_body(1, &[first(0), first(0), first(0), first(0), first(0), first(-1)], &[], &[]);
    records.push(raw(3, &[varint(150), name(1), hash.to_vec(), varint(TIME_LIMIT_US), early].concat()));
    // The session is refused before the rest of the header is read, and the rest before the time.
    records.push(raw(3, &[varint(200), vec![1, b' ']].concat()));
    records.push(raw(3, &[varint(200), vec![1, b' '], hash.to_vec(), varint(TIME_LIMIT_US)].concat()));
    records.push(raw(6, &[name(1), varint(3), vec![0]].concat()));
    records.push(raw(6, &[name(1), varint(3), vec![0; 300]].concat()));
    records
}

fn session_ids() -> Vec<Vec<u8>> {
    let told = |name: &[u8]| raw(2, &[varint(name.len() as u64), name.to_vec(), vec![0; 10]].concat());
    let mut records = Vec::new();
    let allowed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    records.extend(allowed.chunks(33).map(told));
    records.extend((0..=127_u8).filter(|byte| !allowed.contains(byte)).map(|byte| told(&[b'a', byte])));
    records.push(told("é".as_bytes()));
    records.push(told("²".as_bytes()));
    records.push(told("٣".as_bytes()));
    records.push(told(&[b'a', 0xFF]));
    records.push(told(&[0xC3]));
    for length in [0, 1, 63, 64, 65, 128, 256, 257, 300] {
        records.push(told(&vec![b's'; length]));
    }
    // A length that goes on behind the record, and one that no record could have.
    records.push(raw(2, &[10, b'a', b'b']));
    records.push(raw(2, &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, b'a', b'b']));
    records
}

fn facts() -> Vec<Vec<u8>> {
    let of = |body: &[u8]| record(EPOCH, Header::Facts { session: session() }, body);
    let written = |facts: &Facts| {
        let mut body = vec![0; MAX_RECORD_LEN];
        let length = facts.encode(&mut body).expect("facts within the limits");
        body.truncate(length);
        body
    };
    let long = "ä".repeat(128);
    let most = Facts {
        game: Some(long.clone()),
        car: Some(String::new()),
        track: Some("\n\u{7f}\u{0}".into()),
        track_length_m: Some(f32::MAX),
        clock: Some(ClockOffset { offset_us: i64::MIN, uncertainty_us: u64::MAX }),
        nominal_rate_hz: Some(-0.5),
        more: (0..64_u16).map(|at| Fact { id: at * 1040, text: String::new() }).collect(),
        ..Facts::default()
    };
    let last = Facts {
        driver: Some(long.clone()),
        tyre_compound: Some(long.clone()),
        collector_version: Some(long.clone()),
        clock: Some(ClockOffset { offset_us: i64::MAX, uncertainty_us: 0 }),
        more: vec![Fact { id: u16::MAX, text: long.clone() }, Fact { id: u16::MAX, text: "twice".into() }],
        ..Facts::default()
    };
    let mut records = vec![of(&written(&most)), of(&written(&last))];
    // Texts of 257 bytes in every place, and a length that is not there.
    let too_long = [&[1, 0x81, 0x02][..], &[b'x'; 257]].concat();
    for place in [0, 1, 2, 4, 5, 6] {
        records.push(of(&[vec![0; place], too_long.clone(), vec![0; 9 - place]].concat()));
    }
    records.push(of(&[vec![0; 9], vec![1, 7], too_long[1..].to_vec()].concat()));
    records.push(of(&[1, 0x81, 0x02]));
    records.push(of(&[1, 0x80, 0x02, b'x']));
    records.push(of(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]));
    records.push(of(&[1, 0xFF, 0xFF, 0xFF, 0xFF, 0x1F]));
    // 65 more facts, and far more than that.
    records.push(of(&[vec![0; 9], varint(65), [1, 0].repeat(65)].concat()));
    records.push(of(&[vec![0; 9], varint(u32::MAX.into())].concat()));
    // Numbers with more bytes than they need, and with more than they may have.
    records.push(of(&[vec![0; 9], over_long(1, 5), over_long(7, 3), over_long(1, 5), vec![b'x']].concat()));
    records.push(of(&[vec![0; 9], vec![1], over_long(7, 4), vec![0]].concat()));
    records.push(of(&[vec![0; 9], vec![1], varint(65_536), vec![0]].concat()));
    let beyond_u64 = [vec![0xFF; 9], vec![0x02]].concat();
    records.push(of(&[vec![0; 7], vec![1], beyond_u64.clone(), vec![1, 0, 0]].concat()));
    records.push(of(&[vec![0; 7], vec![1, 1], beyond_u64, vec![0, 0]].concat()));
    // Neither no nor yes, in every place.
    for place in 0..9 {
        records.push(of(&[vec![0; place], vec![2], vec![0; 9 - place]].concat()));
        records.push(of(&[vec![0; place], vec![0x80, 0], vec![0; 9 - place]].concat()));
    }
    // Not UTF-8: a lone continuation, an over-long form, half of a pair, beyond the last character.
    for text in [&[0x80][..], &[0xC0, 0xAF], &[0xED, 0xA0, 0x80], &[0xF4, 0x90, 0x80, 0x80], &[0xC3]] {
        records.push(of(&[vec![1, text.len() as u8], text.to_vec(), vec![0; 9]].concat()));
    }
    // Cut at each byte, and a byte too many.
    let some = Facts {
        game: Some("g".into()),
        track_length_m: Some(1.5),
        clock: Some(ClockOffset { offset_us: -300, uncertainty_us: 300 }),
        more: vec![Fact { id: 300, text: "t".into() }],
        ..Facts::default()
    };
    let body = written(&some);
    records.extend((0..=body.len()).map(|length| of(&body[..length])));
    records.push(of(&[body, vec![0]].concat()));
    records
}

fn told_events() -> Vec<Vec<u8>> {
    let of = |body: &[u8]| record(EPOCH, Header::Event { session: session() }, body);
    let written = |event: &Event| {
        let mut body = vec![0; MAX_RECORD_LEN];
        let length = event.encode(&mut body).expect("an event within the limits");
        body.truncate(length);
        body
    };
    let last_us = TIME_LIMIT_US - 1;
    let lap = LapSummary {
        number: u32::MAX,
        time_ms: u32::MAX,
        sector_ms: (0..16).map(|at| u32::MAX >> (2 * at)).collect(),
        valid: true,
        pit: true,
        fuel_used_l: Some(f32::INFINITY),
        top_speed_mps: Some(-0.0),
    };
    let car = |at: u16| OtherCar {
        car_index: u16::MAX - at,
        place: at.is_multiple_of(2).then_some(u16::MAX),
        laps: u16::MAX,
        lap_fraction: f32::NEG_INFINITY,
        speed_mps: at.is_multiple_of(3).then_some(f32::MIN_POSITIVE / 2.0),
    };
    let mut records = vec![
        of(&written(&Event::LapFinished { at_us: last_us, lap })),
        of(&written(&Event::Mark { at_us: 0, label: "x".repeat(256) })),
        of(&written(&Event::Mark { at_us: 1, label: String::new() })),
        of(&written(&Event::StepsMissed { at_us: last_us, n_steps: u32::MAX })),
        of(&written(&Event::Gap { at_us: last_us, from_us: last_us, to_us: last_us, n_samples: u64::MAX })),
        of(&written(&Event::Gap { at_us: 5, from_us: 9, to_us: 3, n_samples: 0 })),
        of(&written(&Event::OtherCars { at_us: 0, cars: (0..128).map(car).collect() })),
        of(&written(&Event::OtherCars { at_us: 0, cars: vec![] })),
    ];
    // Times that are not below 2^53, whatever the event, and also if more is wrong behind them.
    let late = varint(TIME_LIMIT_US);
    let lap_after = |time: &[u8]| [&[0][..], time, &[1, 1, 0, 0, 0, 0, 0]].concat();
    records.push(of(&lap_after(&late)));
    records.push(of(&[&[1][..], &late, &[0]].concat()));
    records.push(of(&[&[2][..], &late, &[0]].concat()));
    records.push(of(&[&[2][..], &varint(u64::MAX), &[0]].concat()));
    for place in 0..3 {
        let mut times = [vec![1], vec![1], vec![1]];
        times[place] = late.clone();
        records.push(of(&[vec![3], times.concat(), vec![1]].concat()));
    }
    records.push(of(&[&[4][..], &late, &[0]].concat()));
    records.push(of(&[&[2][..], &late, &[0, 0]].concat()));
    records.push(of(&[&[2][..], &late].concat()));
    // Lists and texts that are too long.
    records.push(of(&[vec![0, 1, 1, 1, 17], vec![1; 17], vec![0; 4]].concat()));
    records.push(of(&[&[4, 1][..], &varint(129), &[0; 9].repeat(129)].concat()));
    records.push(of(&[&[1, 1][..], &varint(257), &[b'x'; 257]].concat()));
    // Numbers of every width, one bit too long; then longer than they need to be.
    let beyond_u32: [u8; 5] = [0x80, 0x80, 0x80, 0x80, 0x10];
    records.push(of(&[&[2, 1][..], &beyond_u32].concat()));
    records
        .push(of(&[&[3, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02][..]].concat()));
    records.push(of(&[&[4, 1, 1][..], &varint(65_536), &[0; 8]].concat()));
    let beyond_u64 = [vec![0xFF; 9], vec![0x02]].concat();
    let beyond_u16 = varint(65_536);
    for place in 0..3 {
        // Number and time of the lap, then its only sector.
        let mut numbers = [vec![1], vec![1], vec![1]];
        numbers[place] = beyond_u32.to_vec();
        let [number, time, sector] = numbers;
        records.push(of(&[vec![0, 1], number, time, vec![1], sector, vec![0; 4]].concat()));
    }
    for place in 0..4 {
        for beyond in [beyond_u64.clone(), varint(u64::MAX), varint(1 << 63)] {
            let mut numbers = [vec![1], vec![1], vec![1], vec![1]];
            numbers[place] = beyond;
            records.push(of(&[vec![3], numbers.concat()].concat()));
        }
    }
    records.push(of(&[&[4, 1, 1, 1, 1][..], &beyond_u16, &[1, 0, 0, 0, 0, 0]].concat()));
    records.push(of(&[&[4, 1, 1, 1, 0][..], &beyond_u16, &[0, 0, 0, 0, 0]].concat()));
    records.push(of(&[over_long(2, 5), over_long(7, 10), over_long(9, 5)].concat()));
    records.push(of(&[
        vec![4, 1, 1],
        over_long(9, 3),
        vec![1],
        over_long(8, 3),
        over_long(7, 3),
        vec![0; 5],
    ]
    .concat()));
    // Neither no nor yes.
    for place in 0..4 {
        let mut flags = [0, 0, 0, 0];
        flags[place] = 2;
        records.push(of(&[&[0, 1, 1, 1, 0][..], &flags].concat()));
    }
    records.push(of(&[4, 1, 1, 1, 2, 0, 0, 0, 0, 0, 0]));
    records.push(of(&[4, 1, 1, 1, 0, 0, 0, 0, 0, 0, 2]));
    // A NaN, which is not known.
    records.push(of(&[&[4, 1, 1, 1, 0, 0][..], &f32::NAN.to_le_bytes(), &[0]].concat()));
    // Events of the future, whatever they hold, and numbers that are not one.
    records.extend([of(&[5]), of(&[5, 0xFF]), of(&varint(127)), of(&varint(u32::MAX.into()))]);
    records.extend([of(&beyond_u32), of(&[0x80]), of(&over_long(5, 6))]);
    // Cut at each byte, and a byte too many.
    for event in events() {
        let body = written(&event);
        records.extend((0..body.len()).map(|length| of(&body[..length])));
        records.push(of(&[body, vec![0]].concat()));
    }
    records
}

/// A channel as it is written, with texts of any kind.
fn wire_channel(id: u16, name: &str, unit: &str, coding: &[u8], pace: &[u8], labels: &str) -> Vec<u8> {
    let text = |text: &str| [varint(text.len() as u64), text.as_bytes().to_vec()].concat();
    [varint(id.into()), text(name), text(unit), coding.to_vec(), pace.to_vec(), text(labels)].concat()
}

/// A schema record of this body, under the right hash.
fn told(body: &[u8]) -> Vec<u8> {
    record(EPOCH, Header::Schema { session: session(), schema_hash: SchemaHash::of_record(body) }, body)
}

/// A coding of fixed values.
fn fixed_bytes(resolution: f32, min: f32, max: f32) -> Vec<u8> {
    [vec![0], [resolution, min, max].map(f32::to_le_bytes).concat()].concat()
}

fn lossless_bytes(min: f32, max: f32) -> Vec<u8> {
    [vec![1], [min, max].map(f32::to_le_bytes).concat()].concat()
}

/// 0 to 9.
const INT: [u8; 3] = [2, 0, 18];

fn schemas() -> Vec<Vec<u8>> {
    let int = Coding::Int { min: 0, max: 1 };
    let fixed = |resolution, min, max| Coding::Fixed { resolution, min, max };
    let name = "n".repeat(256);
    let mut labelled = channel(3, "labelled", "enum", int, Pace::Slow);
    labelled.labels = vec!["l".repeat(256), "é".into(), "a b".into()];
    let steps = (1 << 30) as f32;
    let mut gears = channel(7, "ids_do_not_rise", "1", int, Pace::Fast);
    gears.id.0 = 0;
    let edge = own(vec![
        channel(32_767, &name, &name, int, Pace::Fast),
        labelled,
        channel(0, "a", "m/s²", fixed(1.0, -steps, steps), Pace::Slow),
        channel(1, "resolution_least", "1", fixed(f32::MIN_POSITIVE, 0.0, f32::MIN_POSITIVE), Pace::Fast),
        channel(2, "resolution_most", "1", fixed(f32::MAX, 0.0, f32::MAX), Pace::Fast),
        channel(9, "step_above_range", "1", fixed(1000.0, 0.0, 1.0), Pace::Fast),
        channel(4, "least_range", "1", fixed(1.0, 1.0, 1.0 + f32::EPSILON), Pace::Fast),
        channel(5, "any_float", "1", Coding::Lossless { min: f32::MIN, max: f32::MAX }, Pace::Fast),
        channel(6, "any_int", "1", Coding::Int { min: i32::MIN, max: i32::MAX }, Pace::Fast),
        gears,
    ]);
    let mut records = Vec::new();
    let of_each = |hand: &mut Hand, firsts: &[First]| {
        [hand.schema_record(), hand.key(1, firsts, &[], &[]), hand.block(1, &[], &[])]
    };
    let mut hand = Hand::new("golden-1", EPOCH, edge);
    // Slots: the six floats, then the ints: each has another number.
    records.extend(of_each(&mut hand, &[1, 2, 1, 1, 3, 4, 5, 6, 7, 8].map(first)));
    // A schema of one channel, and of as many as there may be.
    let one = own(vec![channel(0, "only", "1", int, Pace::Fast)]);
    records.extend(of_each(&mut Hand::new("golden-1", EPOCH + 1, one), &[first(1)]));
    let many = (0..1024_u16).rev().map(|at| channel(at, &format!("c{at}"), "1", int, Pace::Fast));
    let mut hand = Hand::new("golden-1", EPOCH + 2, own(many.collect()));
    let firsts: Vec<First> = (0..1024).map(first).collect();
    records.extend(of_each(&mut hand, &firsts));
    // Labels whose last line has an end, ones with many lines, numbers longer than they need to be.
    records.push(told(&[vec![1], wire_channel(1, "a", "1", &INT, &[0], "off\non\n")].concat()));
    let lines = (0..200).map(|at| format!("label {at}")).collect::<Vec<_>>().join("\n");
    records.push(told(&[vec![1], wire_channel(1, "a", "1", &INT, &[1], &lines)].concat()));
    records.push(told(
        &[
            vec![0x81, 0x80, 0x80, 0x80, 0],
            vec![0x81, 0x80, 0, 0x81, 0, b'a'],
            vec![0x81, 0, b'1'],
            vec![2, 0x80, 0, 0x92, 0],
            vec![0, 0x80, 0],
        ]
        .concat(),
    ));
    records
}

fn schema_errors() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut one = |channel: Vec<u8>| bodies.push([vec![1], channel].concat());
    let coded = |coding: &[u8]| wire_channel(1, "a", "1", coding, &[0], "");
    // Texts.
    for text in [
        "",
        &"x".repeat(257),
        &"é".repeat(129),
        "a\u{1f}b",
        "a\u{7f}",
        "a\u{80}",
        "\u{9f}",
        "a\nb",
        "\u{0}",
        "\t",
    ] {
        one(wire_channel(1, text, "1", &INT, &[0], ""));
        one(wire_channel(1, "a", text, &INT, &[0], ""));
    }
    for labels in ["\n", "\na", "a\n\nb", "a\n\n", &"x".repeat(257), "a\tb", "a\nb\u{85}", "a\r\nb"] {
        one(wire_channel(1, "a", "1", &INT, &[0], labels));
    }
    // The neighbours of the control characters are not control characters.
    let fine = ["a b", "~", "\u{a0}", "\u{200b}", "\u{e000}"];
    // Codings.
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let steps = (1 << 30) as f32;
    let below_normal = f32::from_bits(f32::MIN_POSITIVE.to_bits() - 1);
    for (resolution, min, max) in [
        (0.0, 0.0, 1.0),
        (-0.0, 0.0, 1.0),
        (-0.5, 0.0, 1.0),
        (nan, 0.0, 1.0),
        (inf, 0.0, 1.0),
        (-inf, 0.0, 1.0),
        (below_normal, 0.0, f32::MIN_POSITIVE),
        (0.5, 1.0, 1.0),
        (0.5, 1.0, 0.0),
        (0.5, nan, 1.0),
        (0.5, 0.0, nan),
        (0.5, 0.0, inf),
        (0.5, -inf, 0.0),
        (1.0, 0.0, f32::from_bits(steps.to_bits() + 1)),
        (1.0, -f32::from_bits(steps.to_bits() + 1), 0.0),
        (0.5, -0.0, 0.0),
    ] {
        one(coded(&fixed_bytes(resolution, min, max)));
    }
    for (min, max) in [(1.0, 1.0), (1.0, 0.0), (nan, 1.0), (0.0, nan), (inf, inf)] {
        one(coded(&lossless_bytes(min, max)));
    }
    // Of 5 and 5, 5 and 4, beyond 32 bits; a coding and a pace that there is not, also as a longer number.
    for coding in
        [&[2, 10, 10][..], &[2, 10, 8], &[2, 0, 0x80, 0x80, 0x80, 0x80, 0x10], &[3, 0, 18], &[0x82, 0, 0, 18]]
    {
        one(coded(coding));
    }
    // A coding that there is not, before each range that there is.
    for mut coding in [fixed_bytes(0.5, 0.0, 1.0), lossless_bytes(0.0, 1.0), INT.to_vec()] {
        coding[0] = 3;
        one(coded(&coding));
    }
    one(wire_channel(1, "a", "1", &INT, &[2], ""));
    one(wire_channel(1, "a", "1", &INT, &[0x81, 0], ""));
    one([vec![0x80, 0x80, 0x04], wire_channel(1, "a", "1", &INT, &[0], "")[1..].to_vec()].concat());
    // Two channels of one id, or of one name; other cases of letters are other names.
    let pair = |first: (u16, &str), second: (u16, &str)| {
        let channel = |(id, name): (u16, &str)| wire_channel(id, name, "1", &INT, &[0], "");
        [vec![2], channel(first), channel(second)].concat()
    };
    bodies.push(pair((1, "a"), (1, "b")));
    bodies.push(pair((1, "a"), (2, "a")));
    bodies.push(pair((1, "a"), (2, "A")));
    // No channels, more than there may be, fewer and more than are announced.
    bodies.extend([vec![], vec![0], vec![0x80]]);
    let many = |n: u16| (0..n).map(|at| wire_channel(at, &format!("c{at}"), "1", &INT, &[0], ""));
    bodies.push([varint(1025), many(1025).collect::<Vec<_>>().concat()].concat());
    bodies.push([vec![3], many(2).collect::<Vec<_>>().concat()].concat());
    bodies.push([vec![1], many(2).collect::<Vec<_>>().concat()].concat());
    // Not UTF-8.
    bodies.push([&[1, 1, 1, 0xFF, 1, b'1'][..], &INT, &[0, 0]].concat());
    // Cut at each byte.
    let good =
        [vec![2], wire_channel(1, "a", "m", &fixed_bytes(0.5, 0.0, 1.0), &[1], ""), coded(&INT)].concat();
    bodies.extend((0..good.len()).map(|length| good[..length].to_vec()));
    let mut records: Vec<Vec<u8>> = bodies.iter().map(|body| told(body)).collect();
    records.extend(fine.map(|text| told(&[vec![1], wire_channel(1, "a", text, &INT, &[0], text)].concat())));
    // Another schema's hash; then a body and a hash that are both wrong.
    let stated = |hash: SchemaHash, body: &[u8]| {
        record(EPOCH, Header::Schema { session: session(), schema_hash: hash }, body)
    };
    let schema: Schema = fixed();
    records.push(stated(SchemaHash(schema.hash().0 ^ 1 << 63), &schema.to_record()));
    records.push(stated(SchemaHash(schema.hash().0.swap_bytes()), &schema.to_record()));
    records.push(stated(SchemaHash(7), &good[..9]));
    // A reader that knows the schema looks at the bytes all the same.
    records.push(told(&schema.to_record()));
    records.push(stated(schema.hash(), &[1, 2, 3]));
    records.push(stated(schema.hash(), &pair((1, "a"), (2, "b"))));
    records
}
