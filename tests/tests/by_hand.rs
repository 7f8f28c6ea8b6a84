//! `cargo xtask kafka start`, as a person uses it: the program that it builds and becomes.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::process::{Process, Program};

/// A start, and Kafka's own tools for topic and rights.
const LIMIT: Duration = Duration::from_secs(120);

fn start(args: &[&str]) -> Result<Process> {
    Program::new("kafka-by-hand", path_of("kafka-by-hand")?).args(["start"]).args(args).start()
}

#[test]
fn a_secured_kafka_says_where_everything_is_and_ends_at_ctrl_c() -> Result<()> {
    let port = two_free_ports()?;
    let mut kafka = start(&["--secure", "--port", &port.to_string(), "--user", "alice"])?;
    kafka.wait_for_line("Ctrl-C stops it", LIMIT)?;
    let lines = kafka.lines();
    let after = |text: &str| {
        let line = lines.iter().find_map(|line| line.trim().strip_prefix(text));
        line.map(str::trim).with_context(|| format!("no {text:?} in {lines:#?}"))
    };
    ensure!(after("services, with a certificate (SSL)")? == format!("127.0.0.1:{port}"));
    ensure!(after("users, with a token (SASL_SSL, OAUTHBEARER)")? == format!("127.0.0.1:{}", port + 1));
    let ca = Path::new(after("authority that both must trust")?);
    ensure!(ca.is_file(), "{}", ca.display());
    for token in [after("writes")?, after("reads")?] {
        let mode = Path::new(token).metadata().with_context(|| token.to_owned())?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{token} has the mode {mode:o}");
    }
    // Another one at the same port is told what to do.
    let mut second = start(&["--secure", "--port", &port.to_string()])?;
    ensure!(second.exit_code(LIMIT)? == 1);
    let said = second.last_lines(1);
    ensure!(said.starts_with(&format!("kafka: port {port} is in use; name another one (--port)")), "{said}");

    kafka.signal(libc::SIGINT)?;
    ensure!(kafka.exit_code(LIMIT)? == 0, "{}", kafka.last_lines(20));
    ensure!(!ca.exists(), "its folder is still there");
    TcpListener::bind(("127.0.0.1", port)).context("its port is still in use")?;
    Ok(())
}

#[test]
fn a_plain_kafka_keeps_the_folder_that_was_named() -> Result<()> {
    let (port, folder) = (two_free_ports()?, tempfile::tempdir()?);
    let named = folder.path().join("kafka");
    let mut kafka = start(&["--plain", "--port", &port.to_string(), "--dir", &named.to_string_lossy()])?;
    let broker = kafka.wait_for_line("broker, for everybody", LIMIT)?;
    ensure!(broker.ends_with(&format!("127.0.0.1:{port}")), "{broker}");
    kafka.signal(libc::SIGINT)?;
    ensure!(kafka.exit_code(LIMIT)? == 0, "{}", kafka.last_lines(20));
    let log = std::fs::read_to_string(named.join("kafka.log"))?;
    ensure!(log.contains("Kafka Server started"), "no log was kept");
    Ok(())
}

/// The first of two neighbours that are free.
fn two_free_ports() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        if first.checked_add(1).is_some_and(|second| TcpListener::bind(("127.0.0.1", second)).is_ok()) {
            return Ok(first);
        }
    }
    anyhow::bail!("no two neighbouring ports are free")
}
