//! Does the demo keep running while somebody watches? The demo, with a viewer on each link that judges what it sees.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::demo::{self, Demo};
use crate::{fuzz, paths, step};

/// Options of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
// Those of the demo are a group of this name too.
#[group(skip)]
pub(crate) struct Options {
    /// How long, such as `30m` or `90s`
    #[arg(long = "for", default_value = "30m", value_name = "TIME", value_parser = fuzz::duration)]
    duration: Duration,
    #[command(flatten)]
    demo: demo::Options,
}

/// Starts the demo and watches all of its links; fails on a stall, a gap, a lost connection, or growing memory.
///
/// # Errors
/// Where the demo does not start, or what it shows is not whole.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let demo = Demo::start(&options.demo)?;
    let mut build = Command::new("cargo");
    build
        .args(["build", "--locked", "-p", "purple-sector-tests", "--bin", "watch"])
        .current_dir(paths::root());
    step::run("building the watcher", "2 min the first time", &mut build)?;
    let mut watch = Command::new(paths::target().join("debug/watch"));
    watch.args(["--seconds", &options.duration.as_secs().to_string()]);
    for (name, id) in demo.programs() {
        watch.args(["--program", &format!("{name}={id}")]);
    }
    watch.args(demo.links());
    let status = watch.status().context("cannot start the watcher")?;
    let stopped = demo.stop()?;
    Ok(if status.success() { stopped } else { ExitCode::FAILURE })
}
