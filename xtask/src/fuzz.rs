//! Does any input break a decoder? Each fuzz target runs for a while; what it learns is kept with the build.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::toolchain::cargo_tool::CARGO_FUZZ;
use crate::toolchain::system;
use crate::{paths, step};

/// Where fuzz targets are; no two have the same name.
const FOLDERS: [&str; 2] = ["codec/fuzz", "bridge/kafka/fuzz"];

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long each target runs, as in 60s, 10m or 1h
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = duration)]
    time: Duration,
    /// The one target to run; all of them otherwise
    target: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), target: None }
    }
}

/// Runs the fuzz targets one after the other.
///
/// # Errors
/// Where a target finds something; the input's file is named then.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    system::ensure(&system::BUILD)?;
    let known = FOLDERS.map(|folder| targets(&paths::root().join(folder)));
    let known = known.into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(target) = &options.target
        && !known.iter().flatten().any(|known| known == target)
    {
        eprintln!("xtask: no fuzz target {target:?}; there are {}", known.concat().join(", "));
        return Ok(ExitCode::from(2));
    }
    for (folder, known) in FOLDERS.iter().zip(known) {
        let is_chosen = |known: &String| options.target.as_ref().is_none_or(|target| known == target);
        let chosen: Vec<String> = known.into_iter().filter(is_chosen).collect();
        if !chosen.is_empty() {
            run_folder(&paths::root().join(folder), chosen, options)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run_folder(fuzz: &Path, chosen: Vec<String>, options: &Options) -> Result<()> {
    let path = paths::path_with(&[CARGO_FUZZ.ensure()?]);
    let cargo_fuzz = |task: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args(["fuzz", task, "--fuzz-dir"]).arg(fuzz).current_dir(paths::root());
        // The sanitizers are unstable options, and everyone develops on stable.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("PATH", &path);
        cargo
    };
    let mut build = cargo_fuzz("build");
    build.args(&options.target);
    step::run("building the fuzz targets", "2 min the first time", &mut build)?;
    for target in chosen {
        let learnt = paths::target().join("fuzz-corpus").join(&target);
        fs::create_dir_all(&learnt)?;
        let mut run = cargo_fuzz("run");
        // The first folder is where new inputs go; the stored ones are only read.
        run.arg(&target).arg(&learnt).arg(fuzz.join("corpus").join(&target));
        run.args(["--", &format!("-max_total_time={}", options.time.as_secs())]);
        let what = format!("fuzzing {target}");
        step::run(&what, &step::seconds(options.time), &mut run)?;
        if let Some(line) = step::log_of(&what)?.lines().rev().find(|line| line.starts_with("Done ")) {
            println!("  {line}");
        }
    }
    Ok(())
}

fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let folder = fuzz.join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "rs") {
            names.extend(file.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    if names.is_empty() {
        bail!("no fuzz targets in {}", folder.display());
    }
    names.sort();
    Ok(names)
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" | "" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err("a time is a number with s, m or h, as in 60s".to_owned()),
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)) {
        Some(0) | None => Err("a time is a number above 0 with s, m or h, as in 60s".to_owned()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Name and version of each dependency in a table of a manifest; those that only have a path are left out.
    fn versions(manifest: &str, table: &str) -> Result<BTreeMap<String, String>> {
        let path = paths::root().join(manifest).join("Cargo.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().skip_while(|line| *line != table).skip(1);
        let lines = lines.take_while(|line| !line.starts_with('['));
        let version = |line: &str| {
            let (name, value) = line.split_once(" = ")?;
            let (_, version) = match value.strip_prefix('"') {
                Some(version) => ("", version),
                None => value.split_once("version = \"")?,
            };
            Some((name.to_owned(), version.split('"').next()?.to_owned()))
        };
        Ok(lines.filter_map(version).collect())
    }

    /// Cargo cannot take versions from another workspace's table, and the fuzz targets are workspaces of their own.
    #[test]
    fn fuzz_targets_use_the_versions_of_the_workspace() -> Result<()> {
        let workspace = versions("", "[workspace.dependencies]")?;
        assert!(workspace.contains_key("serde") && workspace.contains_key("anyhow"), "{workspace:?}");
        let mut seen = BTreeMap::new();
        for folder in FOLDERS {
            let dependencies = versions(folder, "[dependencies]")?;
            assert!(!dependencies.is_empty(), "{folder} has no dependencies");
            for (name, version) in dependencies {
                let first = seen.entry(name.clone()).or_insert_with(|| version.clone()).clone();
                let expected = workspace.get(&name).unwrap_or(&first);
                assert_eq!(&version, expected, "{name} in {folder}/Cargo.toml has another version");
            }
        }
        Ok(())
    }

    #[test]
    fn times_have_a_unit() {
        let seconds = |text| duration(text).map(|time| time.as_secs());
        assert_eq!(seconds("60s"), Ok(60));
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("1h"), Ok(3600));
        for wrong in ["", "s", "0s", "-1s", "1.5m", "5d", "99999999999999999999s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
