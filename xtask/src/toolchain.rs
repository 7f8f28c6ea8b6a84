//! What do the tasks need that Cargo does not bring? Each part is looked for, and installed where it is missing.

pub(crate) mod browser;
pub(crate) mod cargo_tool;
pub(crate) mod kafka;
pub(crate) mod node;
pub(crate) mod system;
pub(crate) mod version;
pub(crate) mod wasm_opt;
pub(crate) mod wasm_target;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use purple_sector_harness::cache;

/// Makes `folder` in the cache by `install`, unless it is there. `install` works in a folder next to it, which takes
/// the name only when it is complete; two tasks at once wait for each other.
///
/// # Errors
/// Where the cache cannot be written or `install` fails.
fn cached(folder: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = cache::folder()?;
    let complete = cache.join(folder);
    if complete.is_dir() {
        return Ok(complete);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let lock =
        File::create(cache.join("lock")).with_context(|| format!("cannot write in {}", cache.display()))?;
    lock.lock().context("cannot lock the cache")?;
    if complete.is_dir() {
        return Ok(complete);
    }
    let partial = cache.join(format!("{folder}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    install(&partial)?;
    fs::rename(&partial, &complete)?;
    Ok(complete)
}
