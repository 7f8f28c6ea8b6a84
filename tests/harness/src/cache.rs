//! Where are downloaded and built tools kept? In the user's cache folder, each in a folder named by its version.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// `purple-sector/` in `$XDG_CACHE_HOME`, or in `~/.cache` where that is not set.
///
/// # Errors
/// Where neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    Ok(cache.context("no cache folder: set HOME or XDG_CACHE_HOME")?.join("purple-sector"))
}
