//! What was asked for on the command line?

use std::path::PathBuf;

/// Measures the codec against general formats: sizes, times and allocations, on the same samples in the same run.
#[derive(Debug, clap::Parser)]
#[command(name = "purple-sector-codec-bench")]
pub(crate) struct Args {
    /// Also measure this CSV (or .csv.gz) with the columns of the reference trace
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Vec<PathBuf>,

    /// Measure only these traces, by name (reference-60hz, simulator-333hz, ac-imola …)
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// Where the results go, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench/codec.json")]
    pub(crate) out: PathBuf,

    /// Passes over every trace; codecs take turns in each
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) passes: u32,

    /// Only write inputs for the Node bench into this folder: messages.bin and samples.json per trace and block size
    #[arg(long, value_name = "DIR")]
    pub(crate) emit: Option<PathBuf>,

    /// Fail if a size or allocation budget of the design is broken (times are noisy: they are printed next to their budgets)
    #[arg(long)]
    pub(crate) check_budgets: bool,
}
