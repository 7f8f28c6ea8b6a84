//! A real browser sees numbers and pictures move, its own driver only, and why a wrong token is refused.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use purple_sector_tests::binaries::path_of;
use purple_sector_tests::bridge::{Bridge, token};
use purple_sector_tests::kafka::Kafka;
use purple_sector_tests::process::{Process, Program, free_port};

/// Longer than either half of it should take.
const LIMIT: Duration = Duration::from_secs(240);

/// Times are measured, so that one browser runs at a time.
static ONE_BROWSER: Mutex<()> = Mutex::new(());

#[test]
fn a_browser_sees_the_dashboard_live() -> Result<()> {
    let _alone = ONE_BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let kafka = Kafka::shared()?.brokers();
    // Under another name the bridge is another origin.
    let port = free_port()?;
    let settings = [
        ("DASHBOARD_DIR", &*dashboard()?),
        ("DASHBOARD_BRIDGES", &format!("http://localhost:{port}")),
        ("ALLOWED_ORIGINS", &format!("http://127.0.0.1:{port}")),
    ];
    let bridge = Bridge::start_at(port, &kafka, &settings)?;
    // Eight times as fast, a lap of the recording takes some 12 s.
    let imola = ["replay", "tests/recordings/ac-imola-36c.csv.gz", "--loop", "--speed", "8"];
    let _drivers = [
        drive(&kafka, "alice", &["simulator"])?,
        drive(&kafka, "bob", &["simulator", "--seed", "2"])?,
        drive(&kafka, "carol", &imola)?,
    ];
    let mut browser = script("run.mjs")
        .env("DASHBOARD_URL", link(&bridge, &token("alice")?))
        .env("DASHBOARD_URL_OTHER", link(&bridge, &token("bob")?))
        .env("DASHBOARD_URL_LAPS", link(&bridge, &token("carol")?))
        .env("DASHBOARD_URL_REFUSED", link(&bridge, "a.wrong.token"))
        .env("ALLOWED_BRIDGE", format!("ws://localhost:{port}"))
        .start()?;
    browser.wait_for_line("start another session", LIMIT)?;
    let _another = drive(&kafka, "carol", &["simulator"])?;
    passes(browser)
}

/// As in `cargo xtask demo`: collectors that came before any viewer, on the embedded broker.
#[test]
fn traces_move_within_2_s_on_every_page_also_the_first() -> Result<()> {
    let _alone = ONE_BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let (bridge, kafka) = Bridge::start_embedded(&["alice", "bob"], &[("DASHBOARD_DIR", &dashboard()?)])?;
    let mut drivers =
        [drive(&kafka, "alice", &["simulator"])?, drive(&kafka, "bob", &["simulator", "--seed", "2"])?];
    for driver in &mut drivers {
        driver.wait_for_line("publishing begins", Duration::from_secs(20))?;
    }
    let links = [link(&bridge, &token("alice")?), link(&bridge, &token("bob")?)].join(" ");
    passes(script("first.mjs").env("DASHBOARD_URLS", links).env("WITHIN_SECONDS", "2").start()?)
}

fn drive(brokers: &str, user: &str, source: &[&str]) -> Result<Process> {
    Program::new(format!("collector of {user}"), path_of("collector")?)
        .env_clear()
        .current_dir(root())
        .args(source)
        .args(["--user", user, "--brokers", brokers])
        .start()
}

fn link(bridge: &Bridge, token: &str) -> String {
    format!("{}/#token={token}", bridge.origin())
}

/// The folder of the built page.
fn dashboard() -> Result<String> {
    let dashboard = root().join("web-demo/dist");
    ensure!(dashboard.join("index.html").is_file(), "the page is not built: run `cargo xtask test`");
    Ok(dashboard.to_string_lossy().into_owned())
}

fn script(name: &str) -> Program {
    let path = format!("tests/browser/{name}");
    Program::new(path.clone(), "node").current_dir(root()).args([path])
}

fn passes(mut script: Process) -> Result<()> {
    let code = script.exit_code(LIMIT)?;
    let said = script.lines().join("\n");
    ensure!(code == 0, "the browser test ended with {code}:\n{said}");
    println!("{said}");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
