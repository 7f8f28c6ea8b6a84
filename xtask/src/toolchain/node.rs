//! Is there a Node.js that is new enough, and are a folder's npm packages installed?

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::version;
use crate::{fingerprint, paths, step};

/// Oldest Node.js that runs the tests and builds the page (Vite asks for it).
const AT_LEAST: [u32; 3] = [20, 19, 0];

/// The version of Node.js, where it is new enough and npm is there as well.
///
/// # Errors
/// With where to get it.
pub(crate) fn ensure() -> Result<String> {
    let found = step::output_of(Command::new("node").arg("--version"));
    let new_enough = |text: &String| version::parse(text).is_some_and(|found| found >= AT_LEAST);
    let [major, minor, _] = AT_LEAST;
    let get = format!("get Node.js {major}.{minor} or newer with npm from https://nodejs.org/en/download");
    match found {
        Some(text) if new_enough(&text) && paths::program("npm").is_some() => Ok(text),
        Some(text) if new_enough(&text) => bail!("Node.js {text} is here, but npm is not: {get}"),
        Some(text) => bail!("Node.js {text} is too old: {get}"),
        None => bail!("missing: Node.js. {get}"),
    }
}

/// Installs the packages of `folder` as its lockfile says, unless nothing has changed since the last time.
///
/// # Errors
/// Where npm fails.
pub(crate) fn packages(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.purple-sector-installed");
    let inputs = [folder.join("package.json"), lock.clone(), folder.join(".npmrc")];
    let fingerprint = fingerprint::of(&inputs, &[])?;
    if fingerprint::unchanged(&stamp, &fingerprint) {
        return Ok(());
    }
    let inside = folder.strip_prefix(paths::root()).unwrap_or(folder).display().to_string();
    let how = if lock.is_file() { "ci" } else { "install" };
    let mut npm = Command::new("npm");
    npm.args([how, "--no-fund", "--no-audit"]).current_dir(folder);
    step::run(&format!("npm packages of {inside}"), "30 s", &mut npm)?;
    fingerprint::store(&stamp, &fingerprint)
}
