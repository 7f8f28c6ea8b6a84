//! How does a key get into a file that nobody else may read?

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a file that anyone may read, and the folders above it.
///
/// # Errors
/// Where the system refuses.
pub(super) fn write(file: &Path, text: &str) -> Result<()> {
    write_with(file, text, 0o644)
}

/// Writes a file that only its owner may read, from the first byte on.
///
/// # Errors
/// Where the system refuses.
pub(super) fn write_secret(file: &Path, text: &str) -> Result<()> {
    write_with(file, text, 0o600)
}

/// Writes beside `file` and renames, so that whoever reads it meanwhile sees the old text or the new one.
fn write_with(file: &Path, text: &str, mode: u32) -> Result<()> {
    let context = || format!("cannot write {}", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    let beside = file.with_extension("new");
    // A left-over would keep its own mode.
    let _ = fs::remove_file(&beside);
    let mut options = OpenOptions::new();
    let open = options.write(true).create_new(true).mode(mode).open(&beside);
    open.and_then(|mut open| open.write_all(text.as_bytes())).with_context(context)?;
    fs::rename(&beside, file).with_context(context)
}
