//! Does the list of attacks say what is there? Each test that it names must exist, and each attack has a test or a reason.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Rows without a test say so with these words.
const NOT_YET: &str = "not yet";

#[test]
fn every_attack_names_tests_that_exist() -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let page = fs::read_to_string(workspace.join("tests/ATTACKS.md"))?;
    let sources = Sources::read(workspace)?;
    let rows: Vec<&str> = page.lines().filter(|line| is_row(line)).collect();
    ensure!(rows.len() > 40, "only {} attacks were found in the page", rows.len());
    for row in rows {
        let tests: Vec<&str> = test_names(row).collect();
        ensure!(
            !tests.is_empty() || row.contains(NOT_YET) || row.contains("`cargo xtask"),
            "neither a test nor \"{NOT_YET}\": {row}"
        );
    }
    for name in test_names(&page) {
        ensure!(sources.have(name), "tests/ATTACKS.md names `{name}`, and no such test exists");
    }
    Ok(())
}

#[test]
fn a_name_that_does_not_exist_is_found() -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let sources = Sources::read(workspace)?;
    ensure!(sources.have("attacks::a_name_that_does_not_exist_is_found"), "this very test");
    for name in ["attacks::no_such_test", "secure::a_name_that_does_not_exist_is_found", "attacks::is_row"] {
        ensure!(!sources.have(name), "{name}");
    }
    let row = "| 1 | a `--flag`, `sub` and `edge::logs::a_test` | 401 | `auth::token_tests::b_test` |";
    let names: Vec<&str> = test_names(row).collect();
    ensure!(names == ["edge::logs::a_test", "auth::token_tests::b_test"], "{names:?}");
    Ok(())
}

/// A row of a table whose first cell is a number such as `7` or `A7`.
fn is_row(line: &str) -> bool {
    let number = line.strip_prefix("| ").and_then(|line| line.split(' ').next()).unwrap_or_default();
    let digits = number.trim_start_matches(|c: char| c.is_ascii_uppercase());
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names in backticks with a path in front, as in `edge::handshake::bad_tokens_are_refused`.
fn test_names(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':';
        name.contains("::") && name.chars().all(is_word)
    })
}

/// The tests of the workspace's Rust files.
struct Sources {
    /// The file's path as a name of a module, `::bridge::tests::edge::logs`, and its tests.
    files: Vec<(String, Vec<String>)>,
}

impl Sources {
    fn read(workspace: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for folder in ["bridge", "codec", "collector", "tests", "xtask"] {
            read_folder(&workspace.join(folder), &mut |path, text| {
                let path = path.strip_prefix(workspace).unwrap_or(path).with_extension("");
                let module = path.iter().map(|part| format!("::{}", part.to_string_lossy())).collect();
                files.push((module, tests_in(text)));
            })?;
        }
        Ok(Self { files })
    }

    /// Whether there is a test of this name in a file whose path ends like the name's.
    fn have(&self, name: &str) -> bool {
        let (module, test) = name.rsplit_once("::").unwrap_or(("", name));
        self.files.iter().any(|(path, tests)| {
            path.ends_with(&format!("::{module}")) && tests.iter().any(|found| found == test)
        })
    }
}

fn read_folder(folder: &Path, take: &mut impl FnMut(&Path, &str)) -> Result<()> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            read_folder(&path, take)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            take(&path, &fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// Functions that come after an attribute which makes them tests.
fn tests_in(text: &str) -> Vec<String> {
    let (mut tests, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        is_test |= line.starts_with("#[test") || line.starts_with("#[tokio::test");
        let function =
            line.trim_start_matches("pub(crate) ").trim_start_matches("async ").strip_prefix("fn ");
        if let Some(name) = function.and_then(|rest| rest.split(['(', '<']).next())
            && std::mem::take(&mut is_test)
        {
            tests.push(name.to_owned());
        }
    }
    tests
}
