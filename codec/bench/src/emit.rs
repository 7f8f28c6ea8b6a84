//! What does the Node bench measure? The same samples: our records, and plain objects.
//!
//! `DIR/<trace>/samples.json` holds the samples as an array of objects; `DIR/<trace>/<n>/messages.bin` is a
//! recording of a stream with n samples per block: the schema record, then blocks; `messages-lossless.bin` is the same with
//! every float bit for bit.

use std::path::Path;

use anyhow::{Context, Result};
use purple_sector_codec::recording;

use crate::layouts::Plain;
use crate::measure::SAMPLES_PER_BLOCK;
use crate::ours::{Records, Rows};
use crate::trace::Trace;

/// Writes the inputs of one trace into `folder`.
pub(crate) fn emit<P: Plain>(trace: &Trace<P>, folder: &Path) -> Result<()> {
    let folder = folder.join(&trace.name);
    write(&folder.join("samples.json"), &serde_json::to_vec(&trace.samples)?)?;
    for (lossless, name) in [(false, "messages.bin"), (true, "messages-lossless.bin")] {
        let rows = Rows::of(&trace.samples, lossless)?;
        for samples_per_block in SAMPLES_PER_BLOCK {
            let mut bytes = recording::MAGIC.to_vec();
            for record in Records::of(&rows, samples_per_block)?.records {
                bytes.extend_from_slice(&recording::length_of(&record));
                bytes.extend_from_slice(&record);
            }
            write(&folder.join(samples_per_block.to_string()).join(name), &bytes)?;
        }
    }
    println!("{}: {} samples", folder.display(), trace.samples.len());
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
