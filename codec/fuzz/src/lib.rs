//! What must hold for any input? One function for each decoder entry; each panics where it does not hold.
//!
//! The fuzz targets call these with what libFuzzer makes up; `codec/tests/corpus.rs` calls them with the stored corpus.

use purple_sector_codec::{
    BlockDecoder, Channel, ChannelId, Coding, Columns, Envelope, Event, Facts, MAX_RECORD_LEN, Pace,
    Position, Received, Row, Schema, SessionId, StreamEncoder, StreamReader, StreamSettings, UserId,
    block::{MAX_SAMPLES, column_stride},
    bridge_protocol::{ClientMessage, ServerMessage},
    write_record,
};

/// Reads a record as it is, and as it would be with the right checksum; what was read is written again.
pub fn envelope(data: &[u8]) {
    let _ = Envelope::parse(data);
    let sealed = sealed(data);
    let Ok(envelope) = Envelope::parse(&sealed) else { return };
    let mut out = vec![0; MAX_RECORD_LEN];
    let length = write_record(envelope.epoch, &envelope.header, &mut out, |out| {
        out[..envelope.body.len()].copy_from_slice(envelope.body);
        Ok(envelope.body.len())
    });
    let again = Envelope::parse(&out[..length.expect("what was read fits again")]).expect("it reads again");
    assert_eq!((again.epoch, again.header, again.body), (envelope.epoch, envelope.header, envelope.body));
}

const STRIDE: usize = column_stride(MAX_SAMPLES);

/// Decodes a key block and its followers; each body has its length in two bytes before it.
pub fn block(data: &[u8]) {
    let schema = small_schema();
    let mut decoder = BlockDecoder::owned(&schema.slots()).expect("a small schema");
    let (mut times, mut floats, mut ints) = (vec![0; 256], vec![0.0; 4 * STRIDE], vec![0; 4 * STRIDE]);
    let mut is_first = true;
    for body in chunks(data) {
        let mut columns =
            Columns { captured_at_us: &mut times, floats: &mut floats, ints: &mut ints, stride: STRIDE };
        let decoded = match is_first || body.first() == Some(&0xFF) {
            true => decoder.decode_key(1_764_000_000_000_000, body, &mut columns),
            false => decoder.decode_block(body, &mut columns),
        };
        is_first = false;
        if let Ok(n) = decoded {
            assert!((1..=256).contains(&n));
            assert!(times[..n].iter().all(|&time_us| time_us < 1 << 53));
        }
    }
}

/// Reads records, each with its length in two bytes before it and without its checksum, which is added.
pub fn stream(data: &[u8]) {
    let mut reader = StreamReader::new();
    for content in chunks(data) {
        let _ = reader.push(content);
        let sealed = sealed(content);
        if let Ok(Received::Samples(samples)) = reader.push(&sealed) {
            let n = samples.len();
            assert_eq!(samples.captured_at_us().len(), n);
            for position in samples.schema.positions() {
                match *position {
                    Position::Float(at) => assert_eq!(samples.float_column(at).len(), n),
                    Position::Int(at) => assert_eq!(samples.int_column(at).len(), n),
                }
            }
            assert!(matches!(reader.push(&sealed), Ok(Received::Repeat { .. })), "samples come out once");
        }
    }
}

/// Reads a schema; what was read is written again and has the same channels.
pub fn schema(data: &[u8]) {
    if let Ok(schema) = Schema::from_record(data) {
        let again = Schema::from_record(&schema.to_record()).expect("a schema reads what it writes");
        // As text, in which NaN equals NaN.
        assert_eq!(format!("{:?}", again.channels()), format!("{:?}", schema.channels()));
    }
}

/// Reads facts; what was read is written again.
pub fn facts(data: &[u8]) {
    if let Ok(facts) = Facts::decode(data) {
        let mut out = vec![0; MAX_RECORD_LEN];
        let length = facts.encode(&mut out).expect("what was read is within the limits");
        Facts::decode(&out[..length]).expect("facts read what they write");
    }
}

/// Reads an event; what was read is written again.
pub fn event(data: &[u8]) {
    if let Ok(Some(event)) = Event::decode(data) {
        let mut out = vec![0; MAX_RECORD_LEN];
        let length = event.encode(&mut out).expect("what was read is within the limits");
        Event::decode(&out[..length]).expect("an event reads what it writes");
    }
}

/// Reads a bridge's message; what was read is written again.
pub fn server_message(data: &[u8]) {
    if let Ok(message) = ServerMessage::parse(data) {
        let again = message.to_bytes();
        assert_eq!(ServerMessage::parse(&again), Ok(message));
    }
}

/// Reads a viewer's message; what was read is written again.
pub fn client_message(data: &[u8]) {
    if let Ok(message) = ClientMessage::parse(data) {
        let again = message.to_bytes();
        assert_eq!(ClientMessage::parse(&again), Ok(message));
    }
}

/// Takes a text for a user id, and for a topic's name.
pub fn user_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(user) = UserId::parse(text) {
        let topic = user.topic();
        assert!(topic.len() <= 249 && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
        assert_eq!(UserId::from_topic(topic.as_str()), Ok(user));
    }
    for topic in [text.to_owned(), format!("telemetry-user-{text}")] {
        if let Ok(user) = UserId::from_topic(&topic) {
            assert_eq!(user.topic().as_str(), topic);
        }
    }
}

/// Encodes rows made of the input and decodes them: the same rows come back, as exactly as their coding promises.
pub fn round_trip(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    let schema = small_schema();
    let settings = StreamSettings {
        session: SessionId::parse("fuzz").expect("a plain id"),
        epoch: 7,
        schema: schema.clone(),
        samples_per_block: usize::from(first % 16) + 1,
        key_interval_us: 100_000,
    };
    let mut encoder = StreamEncoder::new(settings).expect("a small block");
    let mut records = vec![encoder.schema_record().to_vec()];
    let mut rows = Vec::new();
    let mut captured_at_us = 1_764_000_000_000_000;
    for chunk in data.chunks_exact(20) {
        let word = |at: usize| u32::from_le_bytes([chunk[at], chunk[at + 1], chunk[at + 2], chunk[at + 3]]);
        captured_at_us += u64::from(word(0) >> (first >> 4));
        let floats = [f32::from_bits(word(4)), word(8) as i32 as f32 * 0.001];
        let ints = [word(12) as i32, i32::from(chunk[16])];
        records.extend(
            encoder
                .push(Row { captured_at_us, floats: &floats, ints: &ints })
                .unwrap()
                .map(|block| block.to_vec()),
        );
        rows.push((captured_at_us, floats, ints));
    }
    records.extend(encoder.flush().unwrap().map(|block| block.to_vec()));

    let mut rows = rows.into_iter();
    let mut reader = StreamReader::new();
    for record in records {
        let Received::Samples(samples) = reader.push(&record).expect("what was encoded decodes") else {
            continue;
        };
        for (i, &time_us) in samples.captured_at_us().iter().enumerate() {
            let (captured_at_us, floats, ints) = rows.next().expect("no more samples than rows");
            assert_eq!(time_us, captured_at_us);
            assert_eq!([samples.int_column(0)[i], samples.int_column(1)[i]], ints);
            let [exact, rounded] = [samples.float_column(0)[i], samples.float_column(1)[i]];
            assert!(exact.to_bits() == floats[0].to_bits() || (exact.is_nan() && floats[0].is_nan()));
            let limited = floats[1].clamp(-1000.0, 1000.0);
            assert!((limited - rounded).abs() <= 0.0051, "{} became {rounded}", floats[1]);
        }
    }
    assert!(rows.next().is_none(), "every row comes back");
}

/// Two float channels, one lossless, and two int channels.
fn small_schema() -> Schema {
    let coding = [
        Coding::Lossless { min: 0.0, max: 1.0 },
        Coding::Fixed { resolution: 0.01, min: -1000.0, max: 1000.0 },
        Coding::Int { min: 0, max: 100 },
        Coding::Int { min: 0, max: 255 },
    ];
    let channel = |(at, coding)| Channel {
        id: ChannelId(at),
        name: format!("channel_{at}"),
        unit: "1".to_owned(),
        coding,
        pace: if at % 2 == 0 { Pace::Fast } else { Pace::Slow },
        labels: Vec::new(),
    };
    Schema::new((0..).zip(coding).map(channel).collect()).expect("a schema within the limits")
}

/// The parts of the input; each has its length in two bytes before it, and the last one may be short.
fn chunks(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (chunk, after) = after.split_at(length);
        rest = after;
        Some(chunk)
    })
}

/// The content with its CRC-32C behind it.
fn sealed(content: &[u8]) -> Vec<u8> {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
    let checksum = !content.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    [content, &checksum.to_le_bytes()].concat()
}
