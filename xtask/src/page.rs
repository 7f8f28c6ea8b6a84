//! How is the dashboard built? As any frontend is: npm packages, then its own build, unless nothing has changed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::toolchain::node;
use crate::{fingerprint, paths, step};

/// The folder with the built page, for the bridge to serve.
pub(crate) fn folder() -> PathBuf {
    paths::root().join("web-demo/dist")
}

/// Builds the page; the npm package must have been built.
///
/// # Errors
/// Where npm or the build fails.
pub(crate) fn build() -> Result<()> {
    let page = paths::root().join("web-demo");
    node::packages(&page)?;
    let stamp = paths::target().join("xtask/page.fingerprint");
    // The package is an input too; its name keeps it out when its parent is read.
    let inputs = [page.clone(), paths::root().join("codec-wasm/pkg")];
    let fingerprint = fingerprint::of(&inputs, &[])?;
    if fingerprint::unchanged(&stamp, &fingerprint) && folder().join("index.html").is_file() {
        println!("▸ page: nothing has changed");
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["run", "build"]).current_dir(&page);
    step::run("building the page", "15 s", &mut npm)?;
    fingerprint::store(&stamp, &fingerprint)
}
