//! Measures the codec against general formats on the same samples in the same run. README.md says what each side does.

mod allocations;
mod args;
mod budgets;
mod emit;
mod general;
mod layouts;
mod measure;
mod ours;
mod results;
mod trace;

// The simulator's source, compiled in here, so that measuring the codec needs no Kafka client.
#[allow(dead_code, unreachable_pub, reason = "the collector uses more of it, and as a library")]
#[path = "../../../collector/src/source"]
mod source {
    pub(crate) mod simulator;
}

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use self::args::Args;
use self::layouts::Plain;
use self::results::Results;
use self::trace::Trace;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            broken.iter().for_each(|sentence| eprintln!("codec bench: budget broken: {sentence}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("codec bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures all traces and returns the broken budgets, if they were to be checked.
fn run(args: &Args) -> Result<Vec<String>> {
    let mut run = Run { args, results: Results::default() };
    let recordings = trace::recordings();
    let at = |file: &str| recordings.join(file);
    run.trace("reference-60hz", |name| trace::reference(&at("reference-60hz.csv.gz"), name))?;
    run.trace("simulator-333hz", trace::simulated)?;
    run.trace("ac-imola", |name| trace::assetto_corsa(&at("ac-imola-36c.csv.gz"), name))?;
    run.trace("ac-yasmarina", |name| trace::assetto_corsa(&at("ac-yasmarina-36c.csv.gz"), name))?;
    run.trace("acc-laps", |name| trace::acc_laps(&at("acc-laps-6hz.csv.gz"), name))?;
    run.trace("acc-hungaroring", |name| trace::acc_fragment(&at("acc-hungaroring-fragment.csv.gz"), name))?;
    for path in &args.trace {
        run.trace(&name_of(path)?, |name| trace::reference(path, name))?;
    }
    if args.emit.is_some() {
        return Ok(Vec::new());
    }
    let broken = if run.is_asked_for("reference-60hz") { budgets::check(&run.results) } else { Vec::new() };
    run.results.write(&args.out)?;
    println!("\n{} holds all figures", args.out.display());
    Ok(if args.check_budgets { broken } else { Vec::new() })
}

struct Run<'a> {
    args: &'a Args,
    results: Results,
}

impl Run<'_> {
    fn is_asked_for(&self, name: &str) -> bool {
        self.args.only.is_empty() || self.args.only.iter().any(|asked| asked == name)
    }

    fn trace<P: Plain>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<Trace<P>>) -> Result<()> {
        if !self.is_asked_for(name) {
            return Ok(());
        }
        let trace = read(name)?;
        match &self.args.emit {
            Some(folder) => emit::emit(&trace, folder),
            None => measure::measure(&trace, self.args.passes, &mut self.results),
        }
    }
}

/// A file's name without its endings.
fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().with_context(|| format!("{} is not a file", path.display()))?;
    let name = name.to_string_lossy();
    Ok(name.trim_end_matches(".gz").trim_end_matches(".csv").to_string())
}
