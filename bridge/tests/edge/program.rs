//! The program itself, as an operator starts and stops it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than the program needs to become ready or to stop, on a busy machine either.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bridge on the embedded Kafka and a free port.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it writes to standard error, all of it, once it has ended.
    errors: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts the program with these variables and no others.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_bridge")), environment)
    }

    /// As [`Self::start`], by a command that ends in the program.
    pub(crate) fn run(mut command: Command, environment: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_clear()
            .envs(environment.iter().copied())
            .args(["--kafka", "embedded", "--kafka-embedded-port", "0", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (said, ready) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().expect("piped above"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("ready on http://") {
                    let _ = said.send(address.parse().expect("an address"));
                }
            }
        });
        let mut errors = child.stderr.take().expect("piped above");
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("logs are text");
            text
        });
        let address = ready.recv_timeout(PATIENCE).expect("the program becomes ready");
        Self { child, address, errors: Some(errors) }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager does with `TERM` and a terminal with `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let asked = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()));
    }

    /// Waits until it has ended in order; returns what it logged.
    pub(crate) fn ended(mut self) -> String {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it stops");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(status.code(), Some(0));
        self.errors.take().and_then(|errors| errors.join().ok()).expect("the reader does not panic")
    }

    /// Stops it as a service manager does; returns what it logged.
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Program {
    /// A test that fails leaves no program behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
