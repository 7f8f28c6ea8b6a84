//! Who takes part in the demo? The bridge, the drivers with their collectors, and the tokens of their links.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use purple_sector_harness::process::{Process, Program};

use crate::{page, paths, step};

/// The demo shows one working day; real tokens live shorter.
const TOKEN_LIFE: &str = "24h";
const START_LIMIT: Duration = Duration::from_secs(30);

/// One driver of the demo.
pub(super) struct Driver {
    /// User id.
    pub(super) user: &'static str,
    /// What the link shows.
    pub(super) what: &'static str,
    /// Arguments that choose the collector's source.
    source: &'static [&'static str],
}

/// The drivers, in the order in which their links are printed.
pub(super) const DRIVERS: [Driver; 3] = [
    Driver { user: "alice", what: "simulated, 60 samples a second", source: &["simulator", "--rate", "60"] },
    Driver {
        user: "bob",
        what: "simulated, 333 samples a second",
        source: &["simulator", "--rate", "333", "--seed", "2"],
    },
    Driver {
        user: "carol",
        what: "a real recording: Assetto Corsa, Imola",
        source: &["replay", "tests/recordings/ac-imola-36c.csv.gz", "--loop"],
    },
];

/// The programs, with a fresh pair of keys.
pub(super) struct Cast {
    programs: PathBuf,
    folder: PathBuf,
}

impl Cast {
    /// Makes the keys that sign and check this demo's tokens.
    ///
    /// # Errors
    /// Where the bridge cannot make them.
    pub(super) fn new() -> Result<Self> {
        let folder = paths::target().join("demo");
        let keys = folder.join("keys");
        if keys.exists() {
            fs::remove_dir_all(&keys)?;
        }
        let cast = Self { programs: paths::target().join("debug"), folder };
        let mut generate = Command::new(cast.programs.join("bridge"));
        generate.args(["keys", "generate", "--out"]).arg(keys);
        step::output_of(&mut generate).with_context(|| format!("failed: {}", step::shown(&generate)))?;
        Ok(cast)
    }

    /// Starts the bridge and waits until it serves.
    ///
    /// # Errors
    /// With its last lines, where it does not.
    pub(super) fn start_bridge(&self, port: u16, brokers: &str, external: bool) -> Result<Process> {
        let program = self.program("bridge", "bridge");
        let program = if external {
            program.args(["--brokers", brokers])
        } else {
            let port = brokers.rsplit(':').next().unwrap_or_default();
            // With their topics there from the start, the collectors need not wait for a viewer.
            let users = DRIVERS.map(|driver| driver.user).join(",");
            program.args([
                "--kafka",
                "embedded",
                "--kafka-embedded-port",
                port,
                "--kafka-embedded-users",
                &users,
            ])
        };
        let mut bridge = program
            .args(["--port", &port.to_string(), "--jwks-file"])
            .args([self.folder.join("keys/jwks.json")])
            .args(["--dashboard-dir".into(), page::folder()])
            .start()?;
        bridge.wait_for_line("ready on", START_LIMIT)?;
        Ok(bridge)
    }

    /// Starts the collector of `driver`.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub(super) fn start_collector(&self, driver: &Driver, brokers: &str) -> Result<Process> {
        let name = format!("collector of {}", driver.user);
        let program = self.program(&name, "collector").args(driver.source);
        program.args(["--user", driver.user, "--brokers", brokers, "--local-broker"]).start()
    }

    /// The link that shows `user`'s data. The token is behind the `#`, which browsers never send to a server.
    ///
    /// # Errors
    /// Where the bridge cannot make the token.
    pub(super) fn link(&self, port: u16, user: &str) -> Result<String> {
        let mut mint = Command::new(self.programs.join("bridge"));
        mint.args(["token", "mint", "--user", user, "--ttl", TOKEN_LIFE, "--key"]);
        mint.arg(self.folder.join("keys/private.pem"));
        let token = step::output_of(&mut mint).with_context(|| format!("failed: {}", step::shown(&mint)))?;
        Ok(format!("http://127.0.0.1:{port}/#token={token}"))
    }

    /// A program without the caller's settings, which are meant for others, logging to the demo's folder.
    fn program(&self, name: &str, binary: &str) -> Program {
        let log = self.folder.join(format!("{}.log", name.replace(' ', "-")));
        Program::new(name, self.programs.join(binary)).env_clear().current_dir(paths::root()).log_to(log)
    }
}
