//! What does CI run? Format, lints, docs, licences and the golden vectors, then every test.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::checks::{self, Check};
use crate::toolchain::cargo_tool::CARGO_DENY;
use crate::{paths, step, test, vectors};

/// Runs all checks; the exit code says whether all of them passed.
pub(crate) fn run() -> ExitCode {
    let mut all = vec![
        Check::new("format", format).fixed_by("cargo fmt --all"),
        Check::new("lints", lints).fixed_by("cargo clippy --workspace --all-targets --fix --allow-dirty"),
        Check::new("docs", docs),
        Check::new("licences and advisories", deny),
        Check::new("golden vectors", vectors::check).fixed_by("cargo xtask vectors"),
    ];
    all.extend(test::steps(&test::Options::default()));
    checks::run_all(test::tools(), all)
}

fn format() -> Result<()> {
    step::run("cargo fmt --check", "2 s", cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    let args = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    step::run("cargo clippy", "5 min the first time", cargo().args(args))
}

fn docs() -> Result<()> {
    let args = ["doc", "--workspace", "--no-deps", "--locked"];
    step::run("cargo doc", "2 min the first time", cargo().args(args).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Advisories need a database from the network; the rest does not, and is checked in any case.
fn deny() -> Result<()> {
    let tool = CARGO_DENY.ensure()?;
    let path = paths::path_with(&[tool]);
    let deny = |args: &[&str]| {
        let mut command = cargo();
        command.arg("deny").args(args).env("PATH", &path);
        command
    };
    step::run(
        "cargo deny: licences, bans, sources",
        "5 s",
        &mut deny(&["check", "licenses", "bans", "sources"]),
    )?;
    let fetched = step::output_of(&mut deny(&["fetch", "db"]));
    if fetched.is_none() {
        println!("  advisories NOT checked: their database cannot be reached from here");
        return Ok(());
    }
    step::run("cargo deny: advisories", "5 s", &mut deny(&["check", "--disable-fetch", "advisories"]))
}

fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root());
    command
}
