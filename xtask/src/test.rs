//! Does everything work? Every test in its short form: Rust with a real Apache Kafka, the codec without a standard
//! library, the format by its document, the npm package, the page, a real browser.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use purple_sector_harness::kafka::{LIBS_VARIABLE, VERSION};

use crate::checks::{self, Check};
use crate::toolchain::{browser, kafka, node, system};
use crate::{cargo_test, conformance, fuzz, no_std, page, paths, step, wasm};

/// Set for tests that have a long form.
const LONG_VARIABLE: &str = "PURPLE_SECTOR_LONG";

/// Options of `cargo xtask test`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Also run what takes longer: the tests' long forms, and every fuzz target for a minute
    #[arg(long)]
    long: bool,
    /// Use this version of Apache Kafka instead of the usual one
    #[arg(long, value_name = "VERSION")]
    kafka: Option<String>,
    /// Run only the steps whose name contains this, or else the Rust tests whose name does
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
}

/// Runs the tests; the exit code says whether all of them passed.
pub(crate) fn run(options: &Options) -> ExitCode {
    checks::run_all(tools(), choose(steps(options), options))
}

/// Installs what the tests need, or names the one command that does.
pub(crate) fn tools() -> Check {
    Check::new("tools", || {
        let needs = system::BUILD.iter().chain(&system::KAFKA).chain(&system::BROWSER).chain(&system::PYTHON);
        system::ensure(needs)?;
        node::ensure().map(drop)
    })
}

/// Every step in the order in which they build on each other.
pub(crate) fn steps(options: &Options) -> Vec<Check> {
    let long = options.long;
    let kafka = options.kafka.clone();
    let mut steps = vec![
        Check::new("npm package", || wasm::run(&wasm::Options::default())),
        Check::new("npm package tests", || npm_test("codec-wasm/tests", "3 min")),
        Check::new("page build", page::build),
        Check::new("page tests", || npm_test("web-demo", "30 s")),
        Check::new("codec without std", no_std::run),
        Check::new("format by its document", conformance::run),
        Check::new("rust tests", move || rust_tests(long, kafka.as_deref(), None)),
    ];
    if long {
        steps.push(Check::new("fuzz", || fuzz::run(&fuzz::Options::default()).map(drop)));
    }
    steps
}

fn choose(steps: Vec<Check>, options: &Options) -> Vec<Check> {
    let Some(filter) = options.filter.clone() else { return steps };
    let (chosen, _): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.name().contains(&filter));
    if chosen.is_empty() {
        let (long, kafka) = (options.long, options.kafka.clone());
        vec![
            Check::new("npm package", || wasm::run(&wasm::Options::default())),
            Check::new("rust tests", move || rust_tests(long, kafka.as_deref(), Some(&filter))),
        ]
    } else {
        chosen
    }
}

fn rust_tests(long: bool, kafka: Option<&str>, filter: Option<&str>) -> Result<()> {
    let root = paths::root();
    // The end-to-end tests run the programs, Node clients with the packages of these folders, and the page.
    node::packages(&root.join("tests/node"))?;
    node::packages(&root.join("tests/browser"))?;
    page::build()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--workspace", "--locked", "--bins"]).current_dir(&root);
    step::run("building the programs", "6 min the first time", &mut build)?;
    let mut compile = Command::new("cargo");
    compile.args(["test", "--workspace", "--locked", "--no-run"]).current_dir(&root);
    step::run("building the tests", "6 min the first time", &mut compile)?;

    let mut test = Command::new("cargo");
    test.args(["test", "--workspace", "--locked", "--no-fail-fast"]).args(filter).current_dir(&root);
    environment(&mut test, long, kafka.unwrap_or(VERSION))?;
    cargo_test::run("running the Rust tests", "4 min", &mut test)
}

fn npm_test(folder: &str, usual: &str) -> Result<()> {
    let folder = paths::root().join(folder);
    node::packages(&folder)?;
    let mut npm = Command::new("npm");
    npm.args(["test"]).current_dir(&folder);
    environment(&mut npm, false, VERSION)?;
    step::run(&format!("running the tests of {}", name_of(&folder)), usual, &mut npm)
}

/// What the tests read from their environment; set here and nowhere else.
fn environment(command: &mut Command, long: bool, kafka: &str) -> Result<()> {
    let chromium = browser::find().context("no Chromium: run `cargo xtask doctor`")?;
    command.env(LIBS_VARIABLE, kafka::ensure_version(kafka)?).env(browser::VARIABLE, chromium);
    if long {
        command.env(LONG_VARIABLE, "1");
    }
    Ok(())
}

fn name_of(folder: &Path) -> String {
    folder.strip_prefix(paths::root()).unwrap_or(folder).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(filter: &str) -> Vec<&'static str> {
        let options = Options { filter: Some(filter.to_owned()), ..Options::default() };
        choose(steps(&options), &options).iter().map(Check::name).collect()
    }

    #[test]
    fn filter_chooses_steps_and_otherwise_rust_tests() {
        assert_eq!(chosen("without std"), ["codec without std"]);
        assert_eq!(chosen("page"), ["page build", "page tests"]);
        assert_eq!(chosen("expired_token"), ["npm package", "rust tests"]);
    }
}
