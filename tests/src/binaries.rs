//! Where are the programs under test? Next to the test itself: one build, one folder.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The path of `bridge` or `collector` as built with the same profile as this program.
///
/// # Errors
/// Where it was not built; the message names the command.
pub fn path_of(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    // Tests are in `target/debug/deps`, programs in `target/debug`.
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!("{name} is not built next to {}: run `cargo build --workspace --bins`", this.display()),
    }
}
