//! Does everything still run? Watches programs until one ends or a person wants them to, then stops all in order.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use purple_sector_harness::process::Process;

/// Lines shown of a program that ended.
const LINES_SHOWN: usize = 20;
/// How often the programs are looked at.
const BEAT: Duration = Duration::from_millis(100);

/// Running programs, in the order in which they were started.
pub(super) struct Supervisor {
    processes: Vec<Process>,
    stop: Arc<AtomicBool>,
}

impl Supervisor {
    /// Takes over Ctrl-C, SIGTERM and SIGHUP of this process.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn new() -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        ctrlc::set_handler(move || asked.store(true, Ordering::SeqCst)).context("cannot watch for Ctrl-C")?;
        Ok(Self { processes: Vec::new(), stop })
    }

    /// Watches over one more program.
    pub(super) fn add(&mut self, process: Process) {
        self.processes.push(process);
    }

    /// Name and process id of each program.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&str, u32)> {
        self.processes.iter().map(|process| (process.name(), process.id()))
    }

    /// Waits until a person or a program ends it all.
    pub(super) fn watch(&mut self) {
        while !self.stop.load(Ordering::SeqCst) && !self.processes.iter_mut().any(has_ended) {
            thread::sleep(BEAT);
        }
    }

    /// Stops what runs, the last started first. Fails where a program had ended by itself, and says how.
    pub(super) fn stop(mut self) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        if let Some(told) = self.processes.iter_mut().find_map(ended) {
            eprintln!("{told}");
            code = ExitCode::FAILURE;
        }
        println!("\nstopping");
        for mut process in self.processes.into_iter().rev() {
            if let Err(error) = process.stop() {
                eprintln!("{error:#}");
                code = ExitCode::FAILURE;
            }
        }
        code
    }
}

fn has_ended(process: &mut Process) -> bool {
    matches!(process.try_status(), Ok(Some(_)))
}

/// What to say of a program that has ended, which none should.
fn ended(process: &mut Process) -> Option<String> {
    let status = process.try_status().ok()??;
    let last = process.last_lines(LINES_SHOWN);
    Some(format!("{} ended by itself ({status}); its last lines:\n{last}", process.name()))
}

#[cfg(test)]
mod tests {
    use purple_sector_harness::process::Program;

    use super::*;

    #[test]
    fn one_program_that_ends_ends_all() {
        let shell = |script: &str| Program::new("script", "sh").args(["-c", script]).start().unwrap();
        let lasting = shell("sleep 60");
        let id = lasting.id();
        let mut supervisor = Supervisor { processes: vec![lasting], stop: Arc::default() };
        supervisor.add(shell("exit 1"));
        supervisor.watch();
        assert_eq!(format!("{:?}", supervisor.stop()), format!("{:?}", ExitCode::FAILURE));
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
