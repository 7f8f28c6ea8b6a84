//! Where do a bench's figures go? Into `target/bench/<name>.json`.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The value below which this share of `sorted` lies, by the nearest rank.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and last"
    )]
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// Writes the figures of the bench called `name`.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(name: &str, figures: &[Value]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, serde_json::to_string_pretty(figures)?).context("cannot write the figures")?;
    println!("wrote target/bench/{name}.json");
    Ok(())
}
