//! Are the golden vectors what today's codec writes? `codec/vectors/generate` writes or compares them.

use std::process::Command;

use anyhow::Result;

use crate::{paths, step};

/// Options of `cargo xtask vectors`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Compare with the stored vectors instead of writing them
    #[arg(long)]
    check: bool,
}

/// Writes `codec/vectors/v1`, or compares it.
///
/// # Errors
/// Where a vector differs from what is stored.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check {
        check()
    } else {
        step::run_shown("writing the golden vectors", "20 s", &mut generator())
    }
}

/// Compares the stored vectors with what the codec writes.
///
/// # Errors
/// Where one differs.
pub(crate) fn check() -> Result<()> {
    step::run_shown("comparing the golden vectors", "20 s", generator().arg("--check"))
}

fn generator() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--locked", "-p", "purple-sector-vectors", "--"]);
    cargo.current_dir(paths::root());
    cargo
}
