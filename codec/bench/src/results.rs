//! Where do the figures go? Into a JSON list, a table for people, and the check of the budgets.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) samples_per_block: usize,
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    figures: Vec<Figure>,
}

/// The columns of the table: metric, heading, decimals.
const COLUMNS: [(&str, &str, usize); 9] = [
    ("bytes_per_sample", "B/sample", 2),
    ("envelope_bytes_per_sample", "whole", 2),
    ("encode_ns_per_sample", "encode", 0),
    ("encode_ns_per_sample_median", "median", 0),
    ("decode_ns_per_sample", "decode", 0),
    ("decode_ns_per_sample_median", "median", 0),
    ("decode_read_ns_per_sample", "+ read", 0),
    ("message_encode_ns_per_sample", "whole e", 0),
    ("message_decode_ns_per_sample", "whole d", 0),
];

impl Results {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn get(&self, name: &str, trace: &str, samples_per_block: usize, metric: &str) -> Option<f64> {
        let found = self.figures.iter().find(|figure| {
            figure.name == name
                && figure.trace == trace
                && figure.samples_per_block == samples_per_block
                && figure.metric == metric
        });
        found.map(|figure| figure.value)
    }

    /// Prints one table per block size of `trace`.
    pub(crate) fn print(&self, trace: &str, samples_per_block: usize) {
        println!(
            "\n{trace}, {samples_per_block} samples per block (ns per sample; minimum and median over the passes)"
        );
        print!("  {:24}", "");
        COLUMNS.iter().for_each(|(_, heading, _)| print!("{heading:>10}"));
        println!("{:>10}", "allocs");
        let mut names: Vec<&str> = Vec::new();
        for figure in &self.figures {
            let here = figure.trace == trace && figure.samples_per_block == samples_per_block;
            if here && !names.contains(&figure.name.as_str()) {
                names.push(&figure.name);
            }
        }
        for name in names {
            print!("  {name:24}");
            for (metric, _, decimals) in COLUMNS.iter().chain([&("allocations_per_message", "", 1)]) {
                match self.get(name, trace, samples_per_block, metric) {
                    Some(value) => print!("{value:>10.decimals$}"),
                    None => print!("{:>10}", "-"),
                }
            }
            println!();
        }
    }

    /// Writes all figures as a JSON list.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let json = serde_json::to_string_pretty(&self.figures)?;
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
    }
}
