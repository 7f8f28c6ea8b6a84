//! How does a long command run so that a person sees what happens? Its name, how long it usually takes, the time so
//! far with the last line of its output, and on failure the end of that output and the command itself.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::paths;

/// Time between two progress lines where the output is not a terminal.
const QUIET_BEAT: Duration = Duration::from_secs(20);
/// Lines of a failed command that are shown; the log file has all of them.
const LINES_SHOWN: usize = 60;

/// Runs `command` to its end. `usual` says how long that takes, as in "2 min".
///
/// # Errors
/// Where it cannot be started or ends with another code than 0; its last lines have been printed then.
pub(crate) fn run(what: &str, usual: &str, command: &mut Command) -> Result<()> {
    let ended = execute(what, usual, None, command)?;
    finish(what, command, ended)
}

/// As [`run`], for a command that could hang: it is ended after `limit`.
///
/// # Errors
/// As [`run`], and where it takes longer.
pub(crate) fn run_within(limit: Duration, what: &str, usual: &str, command: &mut Command) -> Result<()> {
    let ended = execute(what, usual, Some(limit), command)?;
    finish(what, command, ended)
}

fn finish(what: &str, command: &Command, ended: Ended) -> Result<()> {
    if let Ended { status: Some(status), .. } = ended
        && status.success()
    {
        return Ok(());
    }
    let (last, _) = tail(&ended.log, LINES_SHOWN)?;
    eprintln!("{last}");
    eprintln!("  whole output: {}", ended.log.display());
    bail!("{what}: {ended}\n  to repeat it: {}", shown(command))
}

/// As [`run`] for a command that may fail, because there is another way; it is ended after `limit`. Gives whether it
/// has succeeded.
///
/// # Errors
/// Where it cannot be started.
pub(crate) fn attempt(what: &str, usual: &str, limit: Duration, command: &mut Command) -> Result<bool> {
    let ended = execute(what, usual, Some(limit), command)?;
    let success = ended.status.is_some_and(|status| status.success());
    if !success {
        println!("  {ended}; its output: {}", ended.log.display());
    }
    Ok(success)
}

/// As [`run`], and prints the command's output when it is done.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_shown(what: &str, usual: &str, command: &mut Command) -> Result<()> {
    run(what, usual, command)?;
    print!("{}", log_of(what)?);
    Ok(())
}

/// All that the step called `what` has printed.
///
/// # Errors
/// Where its log cannot be read.
pub(crate) fn log_of(what: &str) -> Result<String> {
    let bytes = fs::read(log_file(what)?).with_context(|| format!("no output of {what}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What `command` prints on its standard output, trimmed; `None` where it cannot run or fails.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `command` as a person would type it: folder, set variables, program and arguments.
pub(crate) fn shown(command: &Command) -> String {
    let folder = command.get_current_dir().map(|dir| format!("cd {} && ", dir.display()));
    let variables = command.get_envs().filter(|(name, _)| *name != "PATH").filter_map(|(name, value)| {
        Some(format!("{}={} ", name.to_string_lossy(), value?.to_string_lossy()))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    format!("{}{}{}", folder.unwrap_or_default(), variables.collect::<String>(), words.join(" "))
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How a command ended, `None` at its time limit.
struct Ended {
    status: Option<ExitStatus>,
    took: Duration,
    log: PathBuf,
}

impl Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = seconds(self.took);
        match self.status {
            Some(status) => write!(f, "{status} after {took}"),
            None => write!(f, "took too long, and was ended after {took}"),
        }
    }
}

fn execute(what: &str, usual: &str, limit: Option<Duration>, command: &mut Command) -> Result<Ended> {
    println!("▸ {what} (usually {usual})");
    let log = log_file(what)?;
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let started = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    let mut beat = Beat::new(started);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if limit.is_some_and(|limit| started.elapsed() > limit) {
            // What it started goes first: it would live on, and keep the output open.
            descendants(child.id()).into_iter().for_each(kill);
            child.kill()?;
            child.wait()?;
            break None;
        }
        beat.show(&log)?;
        thread::sleep(Duration::from_millis(50));
    };
    beat.end()?;
    let took = started.elapsed();
    if status.is_some_and(|status| status.success()) {
        println!("  done in {}", seconds(took));
    }
    Ok(Ended { status, took, log })
}

/// Processes that `root` started, and those that they started; none where there is no `/proc`.
fn descendants(root: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_string_lossy().parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before it may hold anything, so the last parenthesis counts; then comes the state.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((id, parent))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

fn kill(id: u32) {
    // One that has ended meanwhile is fine.
    let _ = Command::new("kill").args(["-KILL", &id.to_string()]).stderr(Stdio::null()).status();
}

fn log_file(what: &str) -> Result<PathBuf> {
    let folder = paths::target().join("xtask");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join(format!("{}.log", file_name(what))))
}

/// `what` as a file name: letters and digits, everything else a dash.
fn file_name(what: &str) -> String {
    let dashed: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// The last `n_lines` of a file, and its last line that says something.
fn tail(file: &Path, n_lines: usize) -> Result<(String, String)> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(32 * 1024)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rev().find(|line| !line.trim().is_empty()).copied().unwrap_or_default();
    Ok((lines[lines.len().saturating_sub(n_lines)..].join("\n"), last.trim().to_owned()))
}

/// The line that shows a running step: rewritten each second on a terminal, a new one now and then elsewhere.
struct Beat {
    started: Instant,
    next: Instant,
    terminal: bool,
}

impl Beat {
    fn new(started: Instant) -> Self {
        let terminal = io::stdout().is_terminal();
        let first = if terminal { Duration::from_secs(1) } else { QUIET_BEAT };
        Self { started, next: started + first, terminal }
    }

    fn show(&mut self, log: &Path) -> Result<()> {
        let now = Instant::now();
        if now < self.next {
            return Ok(());
        }
        let (_, line) = tail(log, 1)?;
        let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
        let elapsed = seconds(self.started.elapsed());
        if self.terminal {
            print!("\r\x1b[K  {elapsed}: {line}");
            io::stdout().flush()?;
        } else {
            println!("  {elapsed}: {line}");
        }
        self.next = now + if self.terminal { Duration::from_secs(1) } else { QUIET_BEAT };
        Ok(())
    }

    fn end(&self) -> io::Result<()> {
        if self.terminal {
            print!("\r\x1b[K");
        }
        io::stdout().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        assert_eq!(seconds(Duration::from_millis(440)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(59)), "59 s");
        assert_eq!(seconds(Duration::from_secs(60)), "1 min 00 s");
    }

    #[test]
    fn shown_command_can_be_pasted_into_a_shell() {
        let mut command = Command::new("cargo");
        command.args(["test", "it's"]).env("A", "1").env_remove("B").env("PATH", "x").current_dir("/w");
        assert_eq!(shown(&command), r"cd /w && A=1 cargo test 'it'\''s'");
    }

    #[test]
    fn log_names_are_plain() {
        assert_eq!(file_name("cargo test: the (whole) workspace"), "cargo-test-the-whole-workspace");
    }

    #[test]
    fn failing_command_is_an_error_that_names_it() {
        let error = run("step test false", "0 s", &mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("to repeat it: false"), "{error}");
    }

    #[test]
    fn slow_command_is_ended_at_its_limit() {
        let limit = Duration::from_millis(100);
        let started = Instant::now();
        assert!(!attempt("step test sleep", "0 s", limit, Command::new("sleep").arg("30")).unwrap());
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_a_slow_command_started_ends_with_it() {
        let limit = Duration::from_millis(300);
        // The shell waits for its child, whose odd length of sleep names it.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 31.4159 & wait"]);
        let error = run_within(limit, "step test child", "0 s", &mut command).unwrap_err().to_string();
        assert!(error.contains("took too long"), "{error}");
        let listed = output_of(Command::new("ps").args(["-eo", "stat,args"])).unwrap_or_default();
        let alive = |line: &&str| line.contains("sleep 31.4159") && !line.starts_with('Z');
        assert_eq!(listed.lines().find(alive), None);
    }

    #[test]
    fn attempt_distinguishes_success_from_failure() {
        let limit = Duration::from_secs(10);
        assert!(attempt("step test true", "0 s", limit, &mut Command::new("true")).unwrap());
        assert!(!attempt("step test no", "0 s", limit, &mut Command::new("false")).unwrap());
    }
}
