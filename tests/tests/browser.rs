//! A real browser sees numbers and pictures move, its own driver only, and why a wrong token is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::process::{Process, Program};

#[test]
fn a_browser_sees_the_dashboard_live() -> Result<()> {
    let kafka = Kafka::shared()?;
    let dashboard = root().join("web-demo/dist");
    ensure!(dashboard.join("index.html").is_file(), "the page is not built: run `cargo xtask test`");
    let bridge = Bridge::start_with(&kafka.brokers(), &[("DASHBOARD_DIR", &dashboard.to_string_lossy())])?;
    let _drivers = [drive(kafka, "alice", "1")?, drive(kafka, "bob", "2")?];
    let link = |token: &str| format!("{}/#token={token}", bridge.origin());
    let mut browser = Program::new("tests/browser/run.mjs", "node")
        .current_dir(root())
        .args(["tests/browser/run.mjs"])
        .env("DASHBOARD_URL", link(&token("alice")?))
        .env("DASHBOARD_URL_OTHER", link(&token("bob")?))
        .env("DASHBOARD_URL_REFUSED", link("a.wrong.token"))
        .start()?;
    let code = browser.exit_code(Duration::from_secs(240))?;
    let said = browser.lines().join("\n");
    ensure!(code == 0, "the browser test ended with {code}:\n{said}");
    println!("{said}");
    Ok(())
}

fn drive(kafka: &Kafka, user: &str, seed: &str) -> Result<Process> {
    Program::new(format!("collector of {user}"), path_of("collector")?)
        .env_clear()
        .args(["simulator", "--user", user, "--seed", seed, "--brokers", &kafka.brokers()])
        .start()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
