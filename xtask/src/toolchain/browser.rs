//! Which browser do the tests drive?

use std::env;
use std::path::PathBuf;

use crate::paths;

/// Names the browser's program; set for the tests, and read first.
pub(crate) const VARIABLE: &str = "PURPLE_SECTOR_CHROMIUM";

/// The variable's browser, or a Chromium or Chrome on `PATH`.
pub(crate) fn find() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let set = env::var_os(VARIABLE).map(PathBuf::from).filter(|program| program.is_file());
    set.or_else(|| names.iter().find_map(|name| paths::program(name)))
}
