//! Prints a recording, or one captured record, for a person: `cargo run -p purple-sector-codec --example inspect -- FILE`

use purple_sector_codec::{Envelope, Position, Received, Samples, StreamReader};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let file = fs::read(env::args().nth(1).ok_or("usage: inspect FILE")?)?;
    let mut reader = StreamReader::new();
    let mut rest = file.strip_prefix(b"PSREC\x01").unwrap_or_default();
    if rest.is_empty() {
        show(&mut reader, &file);
    }
    while let Some((length, after)) = rest.split_first_chunk() {
        let end = after.split_at_checked(u32::from_le_bytes(*length) as usize);
        let (record, after) = end.ok_or("the last record ends early")?;
        show(&mut reader, record);
        rest = after;
    }
    Ok(())
}

fn show(reader: &mut StreamReader, record: &[u8]) {
    println!("{:6} B  {:?}", record.len(), Envelope::parse(record).map(|envelope| envelope.header));
    match reader.push(record) {
        Ok(Received::Samples(samples)) => show_samples(&samples),
        Ok(Received::Schema { schema, .. }) => println!("          {} channels", schema.channels().len()),
        other => println!("          {other:?}"),
    }
}

fn show_samples(samples: &Samples<'_>) {
    println!("          {} samples from {} us", samples.len(), samples.captured_at_us()[0]);
    for (channel, position) in samples.schema.channels().iter().zip(samples.schema.positions()) {
        match *position {
            Position::Float(at) => println!("{:>40} {:?}", channel.name, samples.float_column(at)),
            Position::Int(at) => println!("{:>40} {:?}", channel.name, samples.int_column(at)),
        }
    }
}
