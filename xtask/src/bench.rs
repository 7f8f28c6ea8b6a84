//! How fast and how small is it? Four benches, each a program of its own that prints a table and writes
//! `target/bench/<name>.json`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use purple_sector_harness::kafka::LIBS_VARIABLE;

use crate::toolchain::{kafka, node, system};
use crate::{paths, step, wasm};

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which bench; all of them otherwise
    bench: Option<Bench>,
    /// Also measure this CSV (or .csv.gz) with the columns of the reference trace
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// bridge: a short form that shows that it works; its figures mean little
    #[arg(long)]
    quick: bool,
    /// bridge: only these scenarios, comma-separated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// bridge: how the Node bridge reads Kafka
    #[arg(long, value_enum, default_value_t = NodeLayout::PerUser)]
    node_layout: NodeLayout,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Bench {
    /// Sizes and native speed, against other formats
    Codec,
    /// Speed and size in Node, against other formats
    Wasm,
    /// Delay from encode to a decoding client, above a bare consumer, with Apache Kafka
    Pipeline,
    /// CPU, memory and delay of the bridge, compared with a plain Node bridge, with Apache Kafka
    Bridge,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Scenario {
    /// 50 active users alone
    Alone,
    /// 1,000 idle users, then 50 of them active
    Crowd,
    /// 5,000 different users, one wave after another
    Churn,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum NodeLayout {
    /// One consumer for all users
    Shared,
    /// A consumer and a group for each user with viewers
    PerUser,
}

/// Runs the chosen benches.
///
/// # Errors
/// Where a build or a bench fails, or the trace is not a file.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    system::ensure(&system::BUILD)?;
    let trace = options.trace.as_deref().map(absolute).transpose()?;
    let all = [Bench::Codec, Bench::Wasm, Bench::Pipeline, Bench::Bridge];
    for bench in all.into_iter().filter(|bench| options.bench.is_none_or(|chosen| chosen == *bench)) {
        match bench {
            Bench::Codec => codec(trace.as_deref())?,
            Bench::Wasm => in_node(trace.as_deref())?,
            Bench::Pipeline => pipeline()?,
            Bench::Bridge => bridge(options)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn codec(trace: Option<&Path>) -> Result<()> {
    let mut build = Command::new("cargo");
    build
        .args(["build", "--release", "--locked", "-p", "purple-sector-codec-bench"])
        .current_dir(paths::root());
    step::run("building the codec bench", "2 min the first time", &mut build)?;
    let mut bench = Command::new(paths::target().join("release/purple-sector-codec-bench"));
    with_trace(&mut bench, trace);
    watched("measuring the codec", bench)
}

fn in_node(trace: Option<&Path>) -> Result<()> {
    wasm::run(&wasm::Options::default())?;
    let folder = paths::root().join("codec-wasm/bench");
    node::packages(&folder)?;
    let mut bench = Command::new("node");
    bench.arg(folder.join("bench.mjs"));
    with_trace(&mut bench, trace);
    watched("measuring the npm package in Node", bench)
}

fn pipeline() -> Result<()> {
    let libs = kafka::ensure()?;
    wasm::run(&wasm::Options::default())?;
    node::packages(&paths::root().join("tests/node"))?;
    build_programs("building the pipeline bench")?;
    let mut bench = Command::new(paths::target().join("release/pipeline-bench"));
    bench.env(LIBS_VARIABLE, libs);
    watched("measuring the pipeline", bench)
}

fn bridge(options: &Options) -> Result<()> {
    let libs = kafka::ensure()?;
    node::ensure()?;
    node::packages(&paths::root().join("tests/bench/node-bridge"))?;
    build_programs("building the bridge bench")?;
    let mut bench = Command::new(paths::target().join("release/bridge-bench"));
    bench.env(LIBS_VARIABLE, libs).args(["--node-layout", &name_of(options.node_layout)]);
    if options.quick {
        bench.arg("--quick");
    }
    for scenario in &options.scenario {
        bench.args(["--scenario", &name_of(*scenario)]);
    }
    watched("measuring the bridge (25 min, a short form takes 5)", bench)
}

/// The name of a flag's value.
fn name_of(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The bridge, the collector, and the benches that run them.
fn build_programs(what: &str) -> Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked", "-p", "purple-sector-tests", "-p", "purple-sector-bridge"]);
    build.args(["-p", "purple-sector-collector", "--bins"]).current_dir(paths::root());
    step::run(what, "8 min the first time", &mut build)
}

fn with_trace(bench: &mut Command, trace: Option<&Path>) {
    if let Some(trace) = trace {
        bench.arg("--trace").arg(trace);
    }
}

/// Runs a bench that speaks for itself.
fn watched(what: &str, mut bench: Command) -> Result<()> {
    println!("▸ {what}");
    let status = bench.current_dir(paths::root()).status();
    let status = status.with_context(|| format!("cannot start {}", step::shown(&bench)))?;
    if !status.success() {
        bail!("{what} ended with {status}\n  to repeat it: {}", step::shown(&bench));
    }
    Ok(())
}

fn absolute(file: &Path) -> Result<PathBuf> {
    file.canonicalize().with_context(|| format!("cannot read the trace {}", file.display()))
}
