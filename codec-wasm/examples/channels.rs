//! Which channels does the TypeScript side document? Prints the codec's table as JSON, for `npm/build.mjs`.

use std::fmt::Write as _;

use purple_sector_codec::channels::{FLOAT_CHANNELS, INT_CHANNELS};

fn main() {
    let floats = FLOAT_CHANNELS.iter().map(|info| {
        let rest = format!(
            "\"kind\":\"float\",\"resolution\":{},\"min\":{},\"max\":{}",
            info.resolution, info.min, info.max
        );
        (info.name, info.unit, rest, info.meaning, &[][..])
    });
    let ints = INT_CHANNELS.iter().map(|info| {
        let rest = format!("\"kind\":\"int\",\"resolution\":1,\"min\":{},\"max\":{}", info.min, info.max);
        (info.name, info.unit, rest, info.meaning, info.labels)
    });
    let rows: Vec<String> = floats
        .chain(ints)
        .map(|(name, unit, rest, meaning, labels)| {
            let labels: Vec<String> = labels.iter().map(|label| text(label)).collect();
            let (name, unit, meaning, labels) = (text(name), text(unit), text(meaning), labels.join(","));
            format!("{{\"name\":{name},\"unit\":{unit},{rest},\"meaning\":{meaning},\"labels\":[{labels}]}}")
        })
        .collect();
    println!("[\n{}\n]", rows.join(",\n"));
}

/// `value` as a JSON string.
fn text(value: &str) -> String {
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
