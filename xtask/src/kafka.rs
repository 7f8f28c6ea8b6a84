//! How does one get a Kafka to try things out with? A program of the harness starts it; this builds that program and becomes it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, anyhow};
use purple_sector_harness::kafka::LIBS_VARIABLE;

use crate::toolchain::{kafka, system};
use crate::{paths, step};

/// The program, with its arguments.
const PROGRAM: &str = "kafka-by-hand";

/// Options of `cargo xtask kafka`: those of the program, which explains them.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "start ...")]
    args: Vec<String>,
}

/// Builds the program and runs it in the place of this one, so that Ctrl-C is its own.
///
/// # Errors
/// Where a tool is missing, the build fails, or the program does not start.
pub(crate) fn run(options: &Options) -> Result<()> {
    system::ensure(&system::BUILD)?;
    let mut build = Command::new("cargo");
    build.args([
        "build",
        "--locked",
        "-p",
        "purple-sector-harness",
        "--features",
        "secure",
        "--bin",
        PROGRAM,
    ]);
    step::run("building what starts Kafka", "1 min the first time", build.current_dir(paths::root()))?;
    let mut program = Command::new(paths::target().join("debug").join(PROGRAM));
    program.args(&options.args);
    if !options.args.iter().any(|arg| matches!(arg.as_str(), "-h" | "--help" | "help")) {
        program.env(LIBS_VARIABLE, kafka::ensure()?);
    }
    let error = program.exec();
    Err(anyhow!(error).context(format!("cannot start {}", step::shown(&program))))
}
