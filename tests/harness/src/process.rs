//! How does a test run a real program? Started with its output captured, waited for by a line or an exit code, and
//! never left behind: it ends with this value, and with this process even if that crashes.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// Lines kept in memory; the log file has all of them.
const LINES_KEPT: usize = 10_000;
/// Lines shown when a wait fails.
const LINES_SHOWN: usize = 40;
/// How long [`Process::stop`] waits for an orderly end before it kills.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A TCP port on 127.0.0.1 that was free a moment ago. Prefer port 0 where the program says which one it got.
///
/// # Errors
/// Where the system has no port left.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// What to start: program, arguments, environment, folder, log file.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: Command,
    log: Option<PathBuf>,
}

impl Program {
    /// `name` is used in messages; `program` is a path, or a name on `PATH`.
    pub fn new(name: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        Self { name: name.into(), command: Command::new(program), log: None }
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Sets one environment variable. The rest is inherited, unless [`Program::env_clear`] was called before.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts without inherited environment, except `PATH` and `HOME`.
    pub fn env_clear(mut self) -> Self {
        let kept: Vec<(&str, OsString)> =
            ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
        self.command.env_clear().envs(kept);
        self
    }

    /// Starts in `folder`.
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Also writes every line of its output to `file`.
    pub fn log_to(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// Starts it, in a process group of its own so that a terminal's Ctrl-C reaches only this process.
    ///
    /// # Errors
    /// Where the program or its log file cannot be opened.
    pub fn start(mut self) -> Result<Process> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        end_with_parent(&mut self.command);
        let log = self.log.as_deref().map(create_log).transpose()?.map(|file| Arc::new(Mutex::new(file)));
        let mut child = spawn(self.command).with_context(|| format!("cannot start {}", self.name))?;
        let output = Arc::new(Output::default());
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ];
        output.locked().open_pipes = pipes.iter().flatten().count();
        for pipe in pipes.into_iter().flatten() {
            let (output, log) = (output.clone(), log.clone());
            thread::spawn(move || output.read(pipe, log.as_deref()));
        }
        Ok(Process { name: self.name, child, output, status: None })
    }
}

/// A running program. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    status: Option<ExitStatus>,
}

impl Process {
    /// The name given to [`Program::new`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines of standard output and standard error so far (the last 10,000), in the order they arrived.
    pub fn lines(&self) -> Vec<String> {
        self.output.locked().lines.iter().cloned().collect()
    }

    /// The last `n_lines` lines, joined.
    pub fn last_lines(&self, n_lines: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(n_lines)..].join("\n")
    }

    /// Waits until a line, past or future, contains `text`, and returns that line.
    ///
    /// # Errors
    /// With its last lines, when it ends or `limit` passes before such a line.
    pub fn wait_for_line(&mut self, text: &str, limit: Duration) -> Result<String> {
        self.wait_for_line_after(0, text, limit).map(|(_, line)| line)
    }

    /// As [`Process::wait_for_line`], looking only at lines from number `first` on (0 is the program's first line).
    /// Also returns the number to go on from.
    ///
    /// # Errors
    /// As [`Process::wait_for_line`].
    pub fn wait_for_line_after(&mut self, first: u64, text: &str, limit: Duration) -> Result<(u64, String)> {
        let deadline = Instant::now() + limit;
        let mut next = first;
        let mut state = self.output.locked();
        loop {
            next = next.max(state.n_dropped);
            let unread = usize::try_from(next - state.n_dropped).unwrap_or(usize::MAX);
            for line in state.lines.iter().skip(unread) {
                next += 1;
                if line.contains(text) {
                    return Ok((next, line.clone()));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.open_pipes == 0 {
                break;
            }
            state = self.output.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let why = if state.open_pipes == 0 { "ended before it said" } else { "did not say in time" };
        drop(state);
        bail!("{} {why} {text:?}; its last lines:\n{}", self.name, self.last_lines(LINES_SHOWN))
    }

    /// Its exit status if it has ended.
    ///
    /// # Errors
    /// Where the system cannot tell.
    pub fn try_status(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for its end by itself; all of its output has been read then.
    ///
    /// # Errors
    /// With its last lines, when it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.try_status()? {
                self.output.wait_until_closed(Duration::from_secs(1));
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("{} still runs; its last lines:\n{}", self.name, self.last_lines(LINES_SHOWN));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end and returns its exit code; 128 + n for an end by signal n, as shells say it.
    ///
    /// # Errors
    /// As [`Process::wait`].
    pub fn exit_code(&mut self, limit: Duration) -> Result<i32> {
        let status = self.wait(limit)?;
        Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
    }

    /// Sends a signal, such as `libc::SIGSTOP`. Does nothing once it has ended.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn signal(&mut self, signal: i32) -> Result<()> {
        if self.try_status()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.child.id())?;
        // SAFETY: kill takes two integers; the child was not waited for yet, so its id cannot belong to another.
        if unsafe { libc::kill(pid, signal) } == 0 {
            Ok(())
        } else {
            Err(anyhow!(std::io::Error::last_os_error())).context(format!("cannot signal {}", self.name))
        }
    }

    /// Asks it to end (SIGTERM) and waits; kills it after 20 s.
    ///
    /// # Errors
    /// Where it had to be killed.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(libc::SIGTERM)?;
        let ended = self.wait(STOP_LIMIT);
        if ended.is_err() {
            self.kill()?;
        }
        ended.with_context(|| format!("{} did not end on SIGTERM", self.name))
    }

    /// Ends it at once (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(libc::SIGKILL)?;
        self.status = Some(self.child.wait()?);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the kernel ends the child with us at the latest.
        let _ = self.kill();
    }
}

/// What a program has printed, shared with the threads that read its pipes.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<String>,
    n_dropped: u64,
    open_pipes: usize,
}

impl Output {
    fn locked(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, pipe: impl Read, log: Option<&Mutex<File>>) {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if let Some(log) = log {
                // A full disk must not stop the program under test; the lines in memory remain.
                let _ = writeln!(log.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
            }
            bytes.clear();
            let mut state = self.locked();
            if state.lines.len() == LINES_KEPT {
                state.lines.pop_front();
                state.n_dropped += 1;
            }
            state.lines.push_back(line);
            self.changed.notify_all();
        }
        self.locked().open_pipes -= 1;
        self.changed.notify_all();
    }

    /// Waits until both pipes are closed; a grandchild that holds one open must not hold us.
    fn wait_until_closed(&self, limit: Duration) {
        let open = |state: &mut Lines| state.open_pipes > 0;
        drop(self.changed.wait_timeout_while(self.locked(), limit, open));
    }
}

fn create_log(file: &Path) -> Result<File> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(file).with_context(|| format!("cannot write {}", file.display()))
}

/// Makes the kernel end the child when the thread that started it ends, however that happens.
fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe and touches no memory.
    unsafe {
        command.pre_exec(|| {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
}

/// Spawns on a thread that lives as long as this process: the kernel's "parent" is a thread, and a test's thread
/// ends before others have finished with a shared broker.
fn spawn(command: Command) -> Result<Child> {
    type Request = (Command, Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Request>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, inbox) = mpsc::channel::<Request>();
        thread::spawn(move || {
            for (mut command, answer) in inbox {
                // The asker is gone only if its thread panicked; its child is then dropped, and ends with us.
                let _ = answer.send(command.spawn());
            }
        });
        requests
    });
    let (answer, child) = mpsc::channel();
    spawner.send((command, answer)).map_err(|_| anyhow!("the thread that starts programs has ended"))?;
    Ok(child.recv().context("the thread that starts programs has ended")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> Process {
        Program::new("script", "sh").args(["-c", script]).start().unwrap()
    }

    #[test]
    fn output_and_exit_code_are_captured() {
        let mut process = shell("echo out; echo err >&2; exit 3");
        assert_eq!(process.exit_code(LIMIT).unwrap(), 3);
        let mut lines = process.lines();
        lines.sort();
        assert_eq!(lines, ["err", "out"]);
    }

    #[test]
    fn waiting_for_a_line_goes_on_where_it_stopped() {
        let mut process = shell("echo ready 1; echo other; echo ready 2; sleep 60");
        let (next, first) = process.wait_for_line_after(0, "ready", LIMIT).unwrap();
        assert_eq!(first, "ready 1");
        assert_eq!(process.wait_for_line_after(next, "ready", LIMIT).unwrap().1, "ready 2");
    }

    #[test]
    fn waiting_ends_with_the_program_and_shows_its_last_lines() {
        let error = shell("echo cannot bind").wait_for_line("ready", LIMIT).unwrap_err().to_string();
        assert!(error.contains("ended before it said \"ready\"") && error.contains("cannot bind"), "{error}");
    }

    #[test]
    fn stop_is_orderly_and_kill_is_not() {
        let mut orderly = shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done");
        orderly.wait_for_line("up", LIMIT).unwrap();
        assert_eq!(orderly.stop().unwrap().code(), Some(0));
        assert!(orderly.lines().contains(&"bye".to_owned()));
        let mut killed = shell("sleep 60");
        killed.kill().unwrap();
        assert_eq!(killed.exit_code(LIMIT).unwrap(), 128 + libc::SIGKILL);
    }

    #[test]
    fn outlives_the_thread_that_started_it_and_ends_when_dropped() {
        let mut process = thread::spawn(|| shell("sleep 60")).join().unwrap();
        thread::sleep(Duration::from_millis(100));
        assert!(process.try_status().unwrap().is_none());
        let proc = PathBuf::from(format!("/proc/{}", process.id()));
        drop(process);
        assert!(!proc.exists());
    }

    #[test]
    fn missing_program_is_an_error_that_names_it() {
        let error = Program::new("bridge", "/no/such/program").start().unwrap_err();
        assert!(error.to_string().contains("cannot start bridge"));
    }
}
