//! Prints a recording, or one captured record, for a person: `cargo run -p purple-sector-codec --example inspect -- FILE`

use std::{env, error::Error, fs};

use purple_sector_codec::{Envelope, Position, Received, Samples, StreamReader, recording};

fn main() -> Result<(), Box<dyn Error>> {
    let file = fs::read(env::args().nth(1).ok_or("usage: inspect FILE")?)?;
    let mut reader = StreamReader::new();
    match recording::records(&file) {
        Ok(records) => {
            for record in records {
                show(&mut reader, record?);
            }
        }
        Err(_) => show(&mut reader, &file),
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
