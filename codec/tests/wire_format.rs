//! Is the worked example in `docs/wire-format.md` what the codec writes, byte for byte, and are the built-in schemas those
//! of its appendix?

use purple_sector_codec::{
    Channel, ChannelId, Coding, Envelope, Pace, Row, Schema, SessionId, StreamEncoder, StreamSettings,
};

/// The bytes or bits in the tables under a heading of the document: the first cell of each row.
fn first_cells(heading: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire-format.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let (_, section) = document.split_once(&format!("\n### {heading}\n")).expect("the heading");
    let section = section.split("\n### ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    rows.map(|cell| cell.replace('`', "")).collect()
}

/// The bytes of the example's record under a heading.
fn bytes(heading: &str) -> Vec<u8> {
    let cells = first_cells(heading);
    let is_bits = |cell: &String| cell.chars().all(|digit| matches!(digit, '0' | '1' | ' '));
    // The table of bytes starts with the magic; the one of bits, if there is one, with the count.
    let end = cells.iter().position(|cell| cell.starts_with("10000000")).unwrap_or(cells.len());
    assert!(cells[end..].iter().all(is_bits));
    let hex = cells[..end].iter().flat_map(|cell| cell.split(' '));
    hex.map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}

/// The bytes of the example's body under a heading, from its bits.
fn body_from_bits(heading: &str) -> Vec<u8> {
    let cells = first_cells(heading);
    let start = cells.iter().position(|cell| cell.starts_with("10000000")).expect("a table of bits");
    let bits: Vec<u8> = cells[start..].concat().bytes().filter(|bit| *bit != b' ').collect();
    assert_eq!(bits.len() % 8, 0);
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
    bits.chunks(8).map(byte).collect()
}

#[test]
fn the_appendix_has_the_built_in_schemas() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire-format.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let (_, appendix) = document.split_once("## Appendix: built-in schemas").expect("the appendix");
    let appendix = appendix.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = appendix.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/schemas/").to_owned() + cells[1];
        let schema = Schema::from_record(&std::fs::read(file).expect("the file")).expect("a schema");
        assert_eq!(schema.channels().len().to_string(), cells[2], "{row}");
        assert_eq!(schema.hash().to_string(), cells[3], "{row}");
        assert_eq!(Schema::known(schema.hash()), Some(schema), "{row}");
    }
}

fn encoder() -> StreamEncoder {
    let channel = |id, name: &str, unit: &str, coding| Channel {
        id: ChannelId(id),
        name: name.into(),
        unit: unit.into(),
        coding,
        pace: Pace::Fast,
        labels: vec![],
    };
    let speed = Coding::Fixed { resolution: 0.01, min: 0.0, max: 200.0 };
    let gear = Coding::Int { min: -1, max: 9 };
    let schema = Schema::new(vec![channel(1, "speed_mps", "m/s", speed), channel(40_000, "gear", "1", gear)]);
    StreamEncoder::new(StreamSettings {
        session: SessionId::parse("s1").unwrap(),
        epoch: 7,
        schema: schema.unwrap(),
        samples_per_block: 2,
        key_interval_us: StreamSettings::KEY_INTERVAL_US,
    })
    .unwrap()
}

#[test]
fn the_worked_example_is_what_the_codec_writes() {
    let mut encoder = encoder();
    assert_eq!(encoder.schema_record(), bytes("Its schema record"));
    let mut blocks = Vec::new();
    for (i, speed) in (0..).zip([61.50, 61.53, 61.56, 61.60]) {
        let row = Row { captured_at_us: 1_764_000_000_000_000 + i * 16_667, floats: &[speed], ints: &[4] };
        blocks.extend(encoder.push(row).unwrap().map(|block| block.to_vec()));
    }
    assert_eq!(blocks, [bytes("Its key block"), bytes("Its next block")]);
    for (block, heading) in blocks.iter().zip(["Its key block", "Its next block"]) {
        assert_eq!(Envelope::parse(block).unwrap().body, body_from_bits(heading), "the bits of: {heading}");
    }
}
