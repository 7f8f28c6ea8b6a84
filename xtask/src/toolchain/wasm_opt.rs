//! Where does `wasm-opt` come from? The npm package `binaryen` carries it for every system.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{cached, node};
use crate::step;

/// Pinned, because sizes are held to a budget.
const VERSION: &str = "132.0.0";

/// The program `wasm-opt`, installed into the cache where it is missing.
///
/// # Errors
/// Where Node.js is missing or npm cannot install the package.
pub(crate) fn ensure() -> Result<PathBuf> {
    node::ensure()?;
    let folder = cached(&folder(), |folder| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-fund", "--no-audit", "--prefix"]).arg(folder);
        npm.arg(format!("binaryen@{VERSION}"));
        step::run(&format!("installing wasm-opt (binaryen {VERSION})"), "30 s", &mut npm)
    })?;
    Ok(folder.join("node_modules/binaryen/bin/wasm-opt"))
}

/// Its folder in the cache.
pub(crate) fn folder() -> String {
    format!("binaryen-{VERSION}")
}
