//! Bad settings end in one clear sentence that names what to change, and in a distinct exit code; nothing panics.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::process::{Program, free_port};

const SECRET: (&str, &str) = ("JWT_SECRET", "a secret of at least thirty-two bytes");
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn a_bridge_without_keys_names_the_choices() -> Result<()> {
    check("bridge", &[], &[], 2, &["JWT_SECRET", "JWKS_FILE", "--open"])
}

#[test]
fn a_bridge_with_bad_settings_names_them() -> Result<()> {
    check("bridge", &["--port", "99999"], &[SECRET], 2, &["99999", "--port"])?;
    check("bridge", &["--no-such-flag"], &[SECRET], 2, &["--no-such-flag"])?;
    check("bridge", &[], &[("JWT_SECRET", "short")], 2, &["JWT_SECRET", "32"])?;
    check("bridge", &["--jwks-file", "/no/such/file"], &[], 2, &["/no/such/file"])?;
    check("bridge", &["--kafka", "embedded", "--brokers", "localhost:1"], &[SECRET], 2, &["--brokers"])
}

#[test]
fn a_bridge_whose_port_is_taken_says_which_flag_to_change() -> Result<()> {
    let taken = TcpListener::bind(("127.0.0.1", 0))?;
    let port = taken.local_addr()?.port().to_string();
    check("bridge", &["--kafka", "embedded", "--port", &port], &[SECRET], 1, &[&port, "--port", "WS_PORT"])
}

#[test]
fn without_a_broker_both_programs_say_so() -> Result<()> {
    let nobody = format!("127.0.0.1:{}", free_port()?);
    check("bridge", &["--brokers", &nobody, "--port", "0"], &[SECRET], 1, &[&nobody, "KAFKA_BROKERS"])?;
    let collector = ["simulator", "--user", "alice", "--brokers", &nobody];
    check("collector", &collector, &[], 1, &[&nobody, "--brokers", "KAFKA_BROKERS"])
}

#[test]
fn a_collector_with_bad_settings_names_them() -> Result<()> {
    check("collector", &["simulator", "--user", "al ice\n"], &[], 2, &["user"])?;
    check("collector", &["simulator", "--user", "alice", "--rate", "9000"], &[], 2, &["9000"])?;
    check("collector", &["simulator"], &[], 2, &["--user", "USER_ID"])?;
    check("collector", &["replay", "--user", "alice", "/no/such/file.csv"], &[], 2, &["/no/such/file.csv"])?;
    check("collector", &[], &[], 2, &["simulator", "replay"])
}

/// Runs `name` with these flags and variables, and nothing else in its environment.
#[track_caller]
fn check(name: &str, flags: &[&str], variables: &[(&str, &str)], code: i32, words: &[&str]) -> Result<()> {
    let mut program = Program::new(name, path_of(name)?).env_clear().args(flags);
    for (variable, value) in variables {
        program = program.env(variable, value);
    }
    let mut process = program.start()?;
    let found = process.exit_code(LIMIT)?;
    let said = process.lines().join("\n");
    ensure!(found == code, "{name} {flags:?} ended with {found}, not {code}:\n{said}");
    for word in words {
        ensure!(said.contains(word), "{name} {flags:?} does not mention {word}:\n{said}");
    }
    ensure!(!said.contains("panicked"), "{name} {flags:?} panicked:\n{said}");
    ensure!(!said.contains("thirty-two"), "{name} {flags:?} shows a secret:\n{said}");
    Ok(())
}
