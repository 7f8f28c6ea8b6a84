//! What holds for any samples and any bytes? Properties over random ones; `PROPTEST_CASES=100000` looks longer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use purple_sector_codec::{
    ABSENT, Channel, ChannelId, ClockOffset, Coding, Envelope, Event, Fact, Facts, Kind, LapSummary,
    MAX_RECORD_LEN, Pace, Position, Received, Row, Schema, SessionId, StreamEncoder, StreamReader,
    StreamSettings, UserId,
    bridge_protocol::{ClientMessage, ServerMessage},
    write_record,
};

/// Short, unless `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked_for = std::env::var("PROPTEST_CASES").is_ok();
    let default = ProptestConfig::default();
    ProptestConfig { cases: if asked_for { default.cases } else { 96 }, failure_persistence: None, ..default }
}

/// Rows of one schema: the time since the row before, and a value for each channel (floats as bits).
#[derive(Debug, Clone)]
struct Drive {
    schema: Schema,
    rows: Vec<(u64, Vec<u32>)>,
    samples_per_block: usize,
}

fn coding() -> impl Strategy<Value = Coding> {
    let fixed = (prop::sample::select(vec![0.0005, 0.01, 0.5, 1.0]), -1000.0..0.0f32, 1.0..1000.0f32)
        .prop_map(|(resolution, min, max)| Coding::Fixed { resolution, min, max });
    prop_oneof![
        4 => fixed,
        2 => Just(Coding::Lossless { min: 0.0, max: 1.0 }),
        3 => Just(Coding::Int { min: 0, max: 100 }),
    ]
}

fn schema() -> impl Strategy<Value = Schema> {
    let pace = prop::bool::ANY.prop_map(|fast| if fast { Pace::Fast } else { Pace::Slow });
    prop::collection::vec((coding(), pace), 1..40).prop_map(|channels| {
        let channel = |(at, (coding, pace)): (u16, (Coding, Pace))| Channel {
            id: ChannelId(at),
            name: format!("channel_{at}"),
            unit: "1".into(),
            coding,
            pace,
            labels: vec![],
        };
        Schema::new((0..).zip(channels).map(channel).collect()).unwrap()
    })
}

/// Bits of a float or int: near its neighbours, anywhere, or special.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => (0..2000u32).prop_map(|n| (n as f32 * 0.37 - 300.0).to_bits()),
        4 => 0..50u32,
        1 => any::<u32>(),
        1 => prop::sample::select(vec![
            ABSENT as u32, i32::MAX as u32, f32::NAN.to_bits(), f32::INFINITY.to_bits(),
            f32::NEG_INFINITY.to_bits(), (-0.0f32).to_bits(),
        ]),
    ]
}

fn drive() -> impl Strategy<Value = Drive> {
    (schema(), 1..20usize).prop_flat_map(|(schema, samples_per_block)| {
        let step =
            prop_oneof![8 => 16_000..17_000u64, 2 => 0..3_000u64, 1 => 0..5_000_000u64, 1 => 0..1u64 << 32];
        let channels = schema.channels().len();
        prop::collection::vec((step, prop::collection::vec(value(), channels)), 1..60)
            .prop_map(move |rows| Drive { schema: schema.clone(), rows, samples_per_block })
    })
}

impl Drive {
    /// The rows' times and values, in schema order.
    fn rows(&self) -> Vec<(u64, Vec<f32>, Vec<i32>)> {
        let mut time_us = 1_764_000_000_000_000;
        let row = |(step, values): &(u64, Vec<u32>)| {
            time_us += step;
            let (mut floats, mut ints) = (vec![], vec![]);
            for (position, &bits) in self.schema.positions().iter().zip(values) {
                match position {
                    Position::Float(_) => floats.push(f32::from_bits(bits)),
                    Position::Int(_) => ints.push(bits as i32),
                }
            }
            (time_us, floats, ints)
        };
        self.rows.iter().map(row).collect()
    }

    /// The stream's records, its schema first.
    fn records(&self) -> Vec<Vec<u8>> {
        let mut encoder = StreamEncoder::new(StreamSettings {
            session: SessionId::parse("property").unwrap(),
            epoch: 7,
            schema: self.schema.clone(),
            samples_per_block: self.samples_per_block,
            key_interval_us: 300_000,
        })
        .unwrap();
        let mut records = vec![encoder.schema_record().to_vec()];
        for (captured_at_us, floats, ints) in &self.rows() {
            let row = Row { captured_at_us: *captured_at_us, floats, ints };
            records.extend(encoder.push(row).unwrap().map(|block| block.to_vec()));
        }
        records.extend(encoder.flush().unwrap().map(|block| block.to_vec()));
        records
    }
}

/// Distance from the value or what it became, whichever is larger, to the float beyond it.
fn unit_in_the_last_place(value: f32, decoded: f32) -> f64 {
    let larger = value.abs().max(decoded.abs());
    f64::from(larger.next_up()) - f64::from(larger)
}

/// What a reader makes of one value must be what went in, as exactly as its coding promises.
fn assert_float(coding: Coding, value: f32, decoded: f32) -> Result<(), TestCaseError> {
    match coding {
        _ if value.is_nan() => prop_assert!(decoded.is_nan()),
        Coding::Lossless { .. } => prop_assert_eq!(value.to_bits(), decoded.to_bits()),
        Coding::Fixed { resolution, min, max } => {
            let limited = value.clamp(min, max);
            let bound = f64::from(resolution) / 2.0 + unit_in_the_last_place(limited, decoded);
            let error = (f64::from(limited) - f64::from(decoded)).abs();
            prop_assert!(error <= bound, "{value} became {decoded} in {coding:?}: {error} > {bound}");
        }
        Coding::Int { .. } => unreachable!("a float channel"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn samples_come_back_as_they_went_in(drive in drive()) {
        let mut reader = StreamReader::new();
        let mut rows = drive.rows().into_iter();
        for record in drive.records() {
            prop_assert!(record.len() <= MAX_RECORD_LEN);
            let Received::Samples(samples) = reader.push(&record).unwrap() else { continue };
            prop_assert_eq!(samples.missing, None);
            for (i, &time_us) in samples.captured_at_us().iter().enumerate() {
                let (captured_at_us, floats, ints) = rows.next().expect("no more samples than rows");
                prop_assert_eq!(time_us, captured_at_us);
                for (channel, position) in drive.schema.channels().iter().zip(drive.schema.positions()) {
                    match *position {
                        Position::Float(at) => assert_float(channel.coding, floats[at], samples.float_column(at)[i])?,
                        Position::Int(at) => prop_assert_eq!(ints[at], samples.int_column(at)[i]),
                    }
                }
            }
        }
        prop_assert!(rows.next().is_none(), "every row comes back");
    }

    #[test]
    fn fixed_values_are_off_by_half_a_step_and_one_unit_in_the_last_place(
        // Any resolution, and a range of as many steps as may be: most numbers are beyond what an f32 holds.
        resolution in (1.0..2.0f32, -90..60i32).prop_map(|(mantissa, exponent)| mantissa * 2f32.powi(exponent)),
        n_steps in prop_oneof![1..1u32 << 30, Just(1 << 30), Just(1 << 24), Just((1 << 24) + 1)],
        parts in prop::collection::vec(-1.0..1.0f64, 1..100),
    ) {
        let max = (f64::from(resolution) * f64::from(n_steps)) as f32;
        // The range must not have a step more because its end was rounded.
        let max = if f64::from(max) / f64::from(resolution) > f64::from(1 << 30) { max.next_down() } else { max };
        let coding = Coding::Fixed { resolution, min: -max, max };
        let channel = Channel {
            id: ChannelId(1),
            name: "value".into(),
            unit: "1".into(),
            coding,
            pace: Pace::Fast,
            labels: vec![],
        };
        let values: Vec<u32> = parts.iter().map(|part| ((part * f64::from(max)) as f32).to_bits()).collect();
        let rows = values.iter().map(|value| (16_667, vec![*value])).collect();
        let drive = Drive { schema: Schema::new(vec![channel]).unwrap(), rows, samples_per_block: 16 };
        let mut reader = StreamReader::new();
        let mut values = values.into_iter().map(f32::from_bits);
        for record in drive.records() {
            let Received::Samples(samples) = reader.push(&record).unwrap() else { continue };
            for (decoded, value) in samples.float_column(0).iter().zip(&mut values) {
                assert_float(coding, value, *decoded)?;
            }
        }
        prop_assert_eq!(values.next(), None);
    }

    #[test]
    fn lost_repeated_and_swapped_records_give_each_sample_once_and_in_order(
        drive in drive(),
        picks in prop::collection::vec(0..1000usize, 1..200),
        in_order in any::<bool>(),
    ) {
        let records = drive.records();
        let mut whole = BTreeMap::new();
        let mut reader = StreamReader::new();
        for record in &records {
            if let Received::Samples(samples) = reader.push(record).unwrap() {
                whole.insert(samples.seq, (samples.captured_at_us().to_vec(), samples.floats().len()));
            }
        }
        let mut picks: Vec<usize> = picks.into_iter().map(|pick| pick % records.len()).collect();
        if in_order {
            picks.sort_unstable();
        }
        let mut reader = StreamReader::new();
        let _ = reader.push(&records[0]).unwrap();
        let mut last = None;
        for pick in picks {
            let Received::Samples(samples) = reader.push(&records[pick]).unwrap() else { continue };
            prop_assert!(last < Some(samples.seq), "block {} after {last:?}", samples.seq);
            prop_assert_eq!(samples.captured_at_us(), &whole[&samples.seq].0);
            // Every block between two that came out is either there or reported.
            if let Some(last) = last {
                let missing = samples.missing.map_or(0, |gap| gap.n_blocks());
                prop_assert_eq!(u64::from(samples.seq - last), 1 + missing);
            }
            last = Some(samples.seq);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
        let mut reader = StreamReader::new();
        for record in records {
            let _ = reader.push(&record);
        }
    }

    #[test]
    fn no_damage_behind_a_right_checksum_makes_a_reader_panic(
        drive in drive(),
        damages in prop::collection::vec((0..1000usize, 0..1000usize, any::<u8>(), any::<bool>()), 1..40),
    ) {
        let mut reader = StreamReader::new();
        let records = drive.records();
        let mut out = vec![0; MAX_RECORD_LEN];
        for (which, at, to, cut) in damages {
            let envelope = Envelope::parse(&records[which % records.len()]).unwrap();
            let mut body = envelope.body.to_vec();
            if body.is_empty() {
                continue;
            }
            let at = at % body.len();
            if cut { body.truncate(at) } else { body[at] = to }
            let length = write_record(envelope.epoch, &envelope.header, &mut out, |out| {
                out[..body.len()].copy_from_slice(&body);
                Ok(body.len())
            }).unwrap();
            let _ = reader.push(&out[..length]);
            let _ = reader.push(&records[which % records.len()]);
        }
    }

    #[test]
    fn records_of_any_kind_are_sealed_by_their_checksum(drive in drive(), at in 0..10_000usize, flip in 1..=255u8) {
        for mut record in drive.records() {
            let at = at % record.len();
            record[at] ^= flip;
            let code = Envelope::parse(&record).unwrap_err().code();
            prop_assert!(matches!(code, "checksum" | "not_a_record"), "{code}");
        }
    }

    #[test]
    fn facts_come_back(
        texts in prop::collection::vec(prop::option::of(".{0,60}"), 6),
        numbers in (prop::option::of(any::<i32>()), prop::option::of(any::<(i64, u64)>())),
        more in prop::collection::vec((any::<u16>(), ".{0,60}"), 0..64),
    ) {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        let facts = Facts {
            game: text(),
            car: text(),
            track: text(),
            driver: text(),
            tyre_compound: text(),
            collector_version: text(),
            track_length_m: numbers.0.map(|n| n as f32),
            nominal_rate_hz: numbers.0.map(|n| n as f32 / 3.0),
            clock: numbers.1.map(|(offset_us, uncertainty_us)| ClockOffset { offset_us, uncertainty_us }),
            more: more.into_iter().map(|(id, text)| Fact { id, text }).collect(),
        };
        let mut out = vec![0; MAX_RECORD_LEN];
        let length = facts.encode(&mut out).unwrap();
        prop_assert_eq!(Facts::decode(&out[..length]).unwrap(), facts);
    }

    #[test]
    fn events_come_back(
        (at_us, number, time_ms) in (0..1u64 << 53, any::<u32>(), any::<u32>()),
        sector_ms in prop::collection::vec(any::<u32>(), 0..=16),
        (valid, pit) in any::<(bool, bool)>(),
    ) {
        let lap = LapSummary { number, time_ms, sector_ms, valid, pit, ..LapSummary::default() };
        let event = Event::LapFinished { at_us, lap };
        let mut out = [0; 512];
        let length = event.encode(&mut out).unwrap();
        prop_assert_eq!(Event::decode(&out[..length]).unwrap(), Some(event));
    }

    #[test]
    fn no_bytes_make_a_body_or_message_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Facts::decode(&bytes);
        let _ = Event::decode(&bytes);
        let _ = Schema::from_record(&bytes);
        if let Ok(message) = ServerMessage::parse(&bytes) {
            let again = message.to_bytes();
            prop_assert_eq!(ServerMessage::parse(&again), Ok(message));
        }
        if let Ok(message) = ClientMessage::parse(&bytes) {
            let again = message.to_bytes();
            prop_assert_eq!(ClientMessage::parse(&again), Ok(message));
        }
    }

    #[test]
    fn a_user_has_one_topic_and_a_topic_one_user(id in ".{1,40}|x-[a-z2-7]{1,12}|[A-Za-z0-9-]{1,70}") {
        if let Ok(user) = UserId::parse(&id) {
            let topic = user.topic();
            prop_assert!(topic.len() <= 249);
            prop_assert!(topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            prop_assert_eq!(UserId::from_topic(topic.as_str()), Ok(user));
        }
    }

    #[test]
    fn any_topic_name_that_is_read_is_one_that_is_made(name in "(telemetry-user-)?(x-)?[A-Za-z0-9._-]{0,20}") {
        if let Ok(user) = UserId::from_topic(&name) {
            let topic = user.topic();
            prop_assert_eq!(topic.as_str(), name.as_str());
        }
    }
}

#[test]
fn an_unknown_kind_is_skipped_whatever_it_holds() {
    let mut out = [0; 64];
    let header = purple_sector_codec::Header::Unknown(250);
    let length = write_record(1, &header, &mut out, |out| {
        out[..3].copy_from_slice(b"new");
        Ok(3)
    });
    let envelope = Envelope::parse(&out[..length.unwrap()]).unwrap();
    assert_eq!((envelope.kind, envelope.body), (Kind::Unknown(250), &b"new"[..]));
}
