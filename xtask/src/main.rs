//! Which task was asked for? Names to functions, one file per task.

mod demo;

mod test;

mod ci;

mod wasm;

mod vectors;

mod bench;

mod fuzz;

mod soak;

mod kafka;

mod doctor;

mod cargo_test;
mod checks;
mod conformance;
mod fingerprint;
mod no_std;
mod page;
mod paths;
mod step;
mod toolchain;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Purple Sector's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// See it live: build everything, start it, and print a dashboard link for each of three drivers
    Demo(demo::Options),
    /// Run every test in its short form, with a real Apache Kafka and a real browser
    Test(test::Options),
    /// Run what CI runs: format, lints, docs, licences, golden vectors, then every test
    Ci,
    /// Build the npm package purple-sector-codec into codec-wasm/pkg
    Wasm(wasm::Options),
    /// Write the golden vectors, or compare them with what the codec writes today
    Vectors(vectors::Options),
    /// Measure sizes, speed and delay
    Bench(bench::Options),
    /// Feed the decoders with what no encoder writes
    Fuzz(fuzz::Options),
    /// Run the demo for half an hour and judge what its links show
    Soak(soak::Options),
    /// Start an Apache Kafka by hand, plain or secured: `cargo xtask kafka start --help`
    #[command(disable_help_flag = true)]
    Kafka(kafka::Options),
    /// Say what is installed, and what is missing with the command for it
    Doctor,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
    match task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => Ok(test::run(&options)),
        Task::Ci => Ok(ci::run()),
        Task::Wasm(options) => done(wasm::run(&options)),
        Task::Vectors(options) => done(vectors::run(&options)),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Kafka(options) => done(kafka::run(&options)),
        Task::Doctor => Ok(doctor::run()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn flags_of_all_tasks_are_well_formed() {
        Cli::command().debug_assert();
    }
}
