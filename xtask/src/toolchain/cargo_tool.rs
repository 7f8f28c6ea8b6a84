//! Where do the programs come from that `cargo install` builds? From `PATH` if it has the pinned version, else from the
//! cache, where they are built once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use purple_sector_harness::cache;

use super::{cached, version};
use crate::{paths, step};

const BINDGEN: &str = "wasm-bindgen";
const BINDGEN_PACKAGE: &str = "wasm-bindgen-cli";

/// A program that `cargo install` builds.
pub(crate) struct Tool {
    package: &'static str,
    program: &'static str,
    version: &'static str,
    options: &'static [&'static str],
    usual: &'static str,
}

/// Builds a crate for WebAssembly and runs wasm-bindgen on it.
pub(crate) const WASM_PACK: Tool = Tool {
    package: "wasm-pack",
    program: "wasm-pack",
    version: "0.15.1",
    options: &["--debug"],
    usual: "1 min",
};
/// Runs the fuzz targets.
pub(crate) const CARGO_FUZZ: Tool = Tool {
    package: "cargo-fuzz",
    program: "cargo-fuzz",
    version: "0.13.2",
    options: &["--debug"],
    usual: "1 min",
};
/// Checks licences and advisories.
pub(crate) const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: "0.20.2",
    options: &["--debug"],
    usual: "5 min",
};

impl Tool {
    /// The folder that holds the program, after building it where it is missing.
    ///
    /// # Errors
    /// Where it cannot be built.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        ensure(self.package, self.program, self.version, self.options, self.usual)
    }

    /// The folder that holds the program, if it is there.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        find(self.package, self.program, self.version)
    }
}

/// The folder that holds `wasm-bindgen`, in exactly the version of the library in `Cargo.lock`.
///
/// # Errors
/// Where `Cargo.lock` has no wasm-bindgen or the program cannot be built.
pub(crate) fn wasm_bindgen() -> Result<PathBuf> {
    let options = ["--debug", "--no-default-features"];
    ensure(BINDGEN_PACKAGE, BINDGEN, &locked_bindgen()?, &options, "1 min")
}

/// The folder that holds `wasm-bindgen`, if it is there.
pub(crate) fn find_wasm_bindgen() -> Option<PathBuf> {
    find(BINDGEN_PACKAGE, BINDGEN, &locked_bindgen().ok()?)
}

fn locked_bindgen() -> Result<String> {
    let lock = fs::read_to_string(paths::root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    version::locked(&lock, BINDGEN).map(str::to_owned).context("Cargo.lock has no wasm-bindgen")
}

fn ensure(package: &str, program: &str, wanted: &str, options: &[&str], usual: &str) -> Result<PathBuf> {
    if let Some(folder) = find(package, program, wanted) {
        return Ok(folder);
    }
    let installed = cached(&format!("{package}-{wanted}"), |folder| {
        let build = cache::folder()?.join("build");
        let mut cargo = Command::new("cargo");
        // Without --locked: some of these packages' own lockfiles name versions that were withdrawn.
        cargo.args(["install", package, "--version", wanted, "--root"]).arg(folder).args(options);
        // Workspace settings for compiler flags are not meant for these programs.
        cargo.env("CARGO_TARGET_DIR", &build).env_remove("RUSTFLAGS").current_dir(paths::root());
        step::run(&format!("building {package} {wanted}"), usual, &mut cargo)?;
        fs::remove_dir_all(build).context("cannot remove the build folder in the cache")
    })?;
    Ok(installed.join("bin"))
}

fn find(package: &str, program: &str, wanted: &str) -> Option<PathBuf> {
    let cached = cache::folder().ok()?.join(format!("{package}-{wanted}/bin"));
    if cached.join(program).is_file() {
        return Some(cached);
    }
    let found = paths::program(program)?;
    let printed = step::output_of(Command::new(&found).arg("--version"))?;
    version::says(&printed, wanted).then(|| found.parent().map(PathBuf::from))?
}
