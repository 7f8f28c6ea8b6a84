//! What would a collector send of ten seconds on a straight? Writes the records to standard output, as a recording.
//!
//! `cargo run -p purple-sector-codec-wasm --example drive > drive.bin`

use std::error::Error;
use std::io::{self, Write};

use purple_sector_codec::{
    Facts, RowBuffer, Sample, Schema, SessionId, StreamEncoder, StreamSettings, ch, recording,
};

const N_SAMPLES: u64 = 600;
const STEP_US: u64 = 16_667;

fn main() -> Result<(), Box<dyn Error>> {
    let schema = Schema::assetto_corsa();
    let mut encoder = StreamEncoder::new(StreamSettings {
        session: SessionId::parse("straight")?,
        epoch: 1,
        schema: schema.clone(),
        samples_per_block: 2,
        key_interval_us: StreamSettings::KEY_INTERVAL_US,
    })?;
    let facts = Facts {
        game: Some("Assetto Corsa".into()),
        track: Some("drag strip".into()),
        nominal_rate_hz: Some(60.0),
        ..Facts::default()
    };
    let mut out = io::stdout().lock();
    out.write_all(&recording::MAGIC)?;
    write(&mut out, encoder.schema_record())?;
    write(&mut out, encoder.facts_record(&facts)?)?;
    let mut row = RowBuffer::new(&schema);
    for i in 0..N_SAMPLES {
        let mut sample = Sample::absent(1_764_000_000_000_000 + i * STEP_US);
        sample[ch::SPEED_MPS] = i as f32 * 0.1;
        sample[ch::THROTTLE] = 1.0;
        sample[ch::BRAKE] = 0.0;
        sample[ch::GEAR] = 1 + (i / 100) as i32;
        schema.project(&sample, &mut row);
        if let Some(record) = encoder.push(row.row())? {
            write(&mut out, &record)?;
        }
    }
    write(&mut out, encoder.end_record())?;
    Ok(())
}

/// A record after its length, as recordings have it.
fn write(out: &mut impl Write, record: &[u8]) -> io::Result<()> {
    out.write_all(&recording::length_of(record))?;
    out.write_all(record)
}
