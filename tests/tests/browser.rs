//! A real browser sees numbers and pictures move, its own driver only, and why a wrong token is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::process::{Process, Program, free_port};

/// Longer than either half of it should take.
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn a_browser_sees_the_dashboard_live() -> Result<()> {
    let kafka = Kafka::shared()?;
    let dashboard = root().join("web-demo/dist");
    ensure!(dashboard.join("index.html").is_file(), "the page is not built: run `cargo xtask test`");
    // By another name the bridge is another origin.
    let port = free_port()?;
    let settings = [
        ("DASHBOARD_DIR", &*dashboard.to_string_lossy()),
        ("DASHBOARD_BRIDGES", &format!("http://localhost:{port}")),
        ("ALLOWED_ORIGINS", &format!("http://127.0.0.1:{port}")),
    ];
    let bridge = Bridge::start_at(port, &kafka.brokers(), &settings)?;
    // Eight times as fast, a lap of the recording takes some 12 s.
    let imola = ["replay", "tests/recordings/ac-imola-36c.csv.gz", "--loop", "--speed", "8"];
    let _drivers = [
        drive(kafka, "alice", &["simulator"])?,
        drive(kafka, "bob", &["simulator", "--seed", "2"])?,
        drive(kafka, "carol", &imola)?,
    ];
    let link = |token: &str| format!("{}/#token={token}", bridge.origin());
    let mut browser = Program::new("tests/browser/run.mjs", "node")
        .current_dir(root())
        .args(["tests/browser/run.mjs"])
        .env("DASHBOARD_URL", link(&token("alice")?))
        .env("DASHBOARD_URL_OTHER", link(&token("bob")?))
        .env("DASHBOARD_URL_LAPS", link(&token("carol")?))
        .env("DASHBOARD_URL_REFUSED", link("a.wrong.token"))
        .env("ALLOWED_BRIDGE", format!("ws://localhost:{port}"))
        .start()?;
    browser.wait_for_line("start another session", LIMIT)?;
    let _another = drive(kafka, "carol", &["simulator"])?;
    let code = browser.exit_code(LIMIT)?;
    let said = browser.lines().join("\n");
    ensure!(code == 0, "the browser test ended with {code}:\n{said}");
    println!("{said}");
    Ok(())
}

fn drive(kafka: &Kafka, user: &str, source: &[&str]) -> Result<Process> {
    Program::new(format!("collector of {user}"), path_of("collector")?)
        .env_clear()
        .current_dir(root())
        .args(source)
        .args(["--user", user, "--brokers", &kafka.brokers()])
        .start()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
