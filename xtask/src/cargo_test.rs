//! What did `cargo test` find? How many tests ran, and on a failure what each failing test said.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::step;

/// Six times what they take on two cores. A test that hangs must not hold up whoever waits for the others.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// Characters of failures that are shown; the log has all of them.
const SHOWN: usize = 12_000;

/// Runs `command`, a `cargo test`, and prints its counts.
///
/// # Errors
/// Where a test fails or does not end; what it said, or its name, has been printed then.
pub(crate) fn run(what: &str, usual: &str, command: &mut Command) -> Result<()> {
    let result = step::run_within(LIMIT, what, usual, command);
    let output = step::log_of(what)?;
    let Counts { passed, failed, ignored } = counts(&output);
    println!("  {passed} tests passed, {failed} failed, {ignored} ignored");
    if result.is_err() {
        let said: String = failures(&output).chars().take(SHOWN).collect();
        eprintln!("{said}");
        unfinished(&output).iter().for_each(|test| eprintln!("  did not end: {test}"));
    }
    result?;
    // A filter that fits nothing, or a build without tests, must not look like a success.
    if passed == 0 {
        bail!("{what}: no test ran");
    }
    Ok(())
}

#[derive(Debug, PartialEq, Default)]
struct Counts {
    passed: u32,
    failed: u32,
    ignored: u32,
}

fn counts(output: &str) -> Counts {
    let mut sum = Counts::default();
    for line in output.lines().filter(|line| line.starts_with("test result: ")) {
        let number = |word: &str| {
            let part = line.split([';', '.']).find_map(|part| part.trim().strip_suffix(word));
            part.and_then(|part| part.trim().parse::<u32>().ok()).unwrap_or(0)
        };
        sum.passed += number("passed");
        sum.failed += number("failed");
        sum.ignored += number("ignored");
    }
    sum
}

/// The parts of the output that describe failing tests: from `failures:` to the result.
fn failures(output: &str) -> String {
    let mut inside = false;
    let mut told = Vec::new();
    for line in output.lines() {
        match line {
            "failures:" => inside = true,
            line if line.starts_with("test result: ") => inside = false,
            _ => {}
        }
        if inside {
            told.push(line);
        }
    }
    told.join("\n")
}

/// Tests that had been running for long and were never reported as ended.
fn unfinished(output: &str) -> Vec<&str> {
    let tests = output.lines().filter_map(|line| line.strip_prefix("test "));
    let long: Vec<&str> =
        tests.clone().filter_map(|said| Some(said.split_once(" has been running for over ")?.0)).collect();
    let ended: Vec<&str> = tests.filter_map(|said| Some(said.split_once(" ... ")?.0)).collect();
    long.into_iter().filter(|test| !ended.contains(test)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 2 tests
test a ... ok
test b ... FAILED

failures:

---- b stdout ----
panicked at x.rs:1

failures:
    b

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 40 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn counts_are_summed_over_all_programs() {
        assert_eq!(counts(OUTPUT), Counts { passed: 41, failed: 1, ignored: 2 });
    }

    #[test]
    fn tests_that_did_not_end_are_named() {
        let long = |name| format!("test {name} has been running for over 60 seconds\n");
        let output = format!("test a ... ok\n{}{}test b ... ok\n", long("b"), long("c"));
        assert_eq!(unfinished(&output), ["c"]);
    }

    #[test]
    fn only_failing_tests_are_shown() {
        let told = failures(OUTPUT);
        assert!(told.contains("panicked at x.rs:1") && !told.contains("test a"), "{told}");
    }
}
