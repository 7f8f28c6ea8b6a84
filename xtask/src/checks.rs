//! How do many checks run one after the other? Each to its end, whatever the others found; then comes a table of all of
//! them, and as the last line how many passed.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::step;

/// One line of the table.
pub(crate) struct Check {
    name: &'static str,
    /// The command that fixes a failure, where there is one.
    fix: Option<&'static str>,
    run: Box<dyn FnOnce() -> Result<()>>,
}

impl Check {
    /// A check called `name`.
    pub(crate) fn new(name: &'static str, run: impl FnOnce() -> Result<()> + 'static) -> Self {
        Self { name, fix: None, run: Box::new(run) }
    }

    /// Names the command that fixes a failure of this check.
    pub(crate) fn fixed_by(self, command: &'static str) -> Self {
        Self { fix: Some(command), ..self }
    }

    /// What the table calls it.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

struct Outcome {
    name: &'static str,
    took: Duration,
    passed: bool,
}

/// Runs `tools` and then all of `checks`; the exit code says whether every one passed. Without its tools no check can
/// pass, so none runs then.
pub(crate) fn run_all(tools: Check, checks: Vec<Check>) -> ExitCode {
    let started = Instant::now();
    let mut outcomes = vec![run_one(tools)];
    if outcomes.iter().all(|outcome| outcome.passed) {
        outcomes.extend(checks.into_iter().map(run_one));
    }
    println!("\n{}", table(&outcomes));
    println!("all of it took {}", step::seconds(started.elapsed()));
    let n_failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    println!("{} passed, {n_failed} failed", outcomes.len() - n_failed);
    if n_failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_one(check: Check) -> Outcome {
    println!("\n── {} ──", check.name);
    let started = Instant::now();
    let result = (check.run)();
    if let Err(error) = &result {
        eprintln!("FAILED {}: {error:#}", check.name);
        if let Some(command) = check.fix {
            eprintln!("  to fix it: {command}");
        }
    }
    Outcome { name: check.name, took: started.elapsed(), passed: result.is_ok() }
}

fn table(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.name.chars().count()).max().unwrap_or(0);
    let line = |outcome: &Outcome| {
        let result = if outcome.passed { "passed" } else { "FAILED" };
        format!("{:width$}  {:>12}  {result}", outcome.name, step::seconds(outcome.took))
    };
    outcomes.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    /// A check that says in `ran` that it ran.
    fn seen(ran: &Rc<Cell<bool>>) -> Check {
        let ran = ran.clone();
        Check::new("good", move || {
            ran.set(true);
            Ok(())
        })
    }

    fn bad() -> Check {
        Check::new("bad", || anyhow::bail!("no")).fixed_by("cargo fmt")
    }

    fn is_success(code: ExitCode) -> bool {
        format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS)
    }

    #[test]
    fn checks_after_a_failing_one_still_run() {
        let ran = Rc::new(Cell::new(false));
        assert!(!is_success(run_all(Check::new("tools", || Ok(())), vec![bad(), seen(&ran)])));
        assert!(ran.get());
    }

    #[test]
    fn nothing_runs_without_tools() {
        let ran = Rc::new(Cell::new(false));
        assert!(!is_success(run_all(bad(), vec![seen(&ran)])));
        assert!(!ran.get());
    }

    #[test]
    fn all_passed_is_success() {
        let ran = Rc::new(Cell::new(false));
        assert!(is_success(run_all(seen(&ran), vec![seen(&ran)])));
    }

    #[test]
    fn table_is_aligned() {
        let outcome = |name, passed| Outcome { name, took: Duration::from_secs(61), passed };
        let text = table(&[outcome("a", true), outcome("long", false)]);
        assert_eq!(text, "a       1 min 01 s  passed\nlong    1 min 01 s  FAILED");
    }
}
