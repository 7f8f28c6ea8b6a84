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
    let kafka = Kafka::shared()?.brokers();
    let bridge = Bridge::start_with(&kafka, &[("DASHBOARD_DIR", &dashboard()?)])?;
    let _drivers = [drive(&kafka, "alice", "1")?, drive(&kafka, "bob", "2")?];
    let browser = script("run.mjs")
        .env("DASHBOARD_URL", link(&bridge, &token("alice")?))
        .env("DASHBOARD_URL_OTHER", link(&bridge, &token("bob")?))
        .env("DASHBOARD_URL_REFUSED", link(&bridge, "a.wrong.token"));
    passes(browser)
}

/// As in `cargo xtask demo`: collectors that came before any viewer, on the embedded broker. The limit is 2 s; twice that is
/// let pass, as other tests run beside this one.
#[test]
fn traces_move_soon_on_every_page_also_the_first() -> Result<()> {
    let (bridge, kafka) = Bridge::start_embedded(&["alice", "bob"], &[("DASHBOARD_DIR", &dashboard()?)])?;
    let mut drivers = [drive(&kafka, "alice", "1")?, drive(&kafka, "bob", "2")?];
    for driver in &mut drivers {
        driver.wait_for_line("publishing begins", Duration::from_secs(20))?;
    }
    let links = [link(&bridge, &token("alice")?), link(&bridge, &token("bob")?)].join(" ");
    passes(script("first.mjs").env("DASHBOARD_URLS", links).env("WITHIN_SECONDS", "4"))
}

fn drive(brokers: &str, user: &str, seed: &str) -> Result<Process> {
    Program::new(format!("collector of {user}"), path_of("collector")?)
        .env_clear()
        .args(["simulator", "--user", user, "--seed", seed, "--brokers", brokers])
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

fn passes(script: Program) -> Result<()> {
    let mut script = script.start()?;
    let code = script.exit_code(Duration::from_secs(240))?;
    let said = script.lines().join("\n");
    ensure!(code == 0, "the browser test ended with {code}:\n{said}");
    println!("{said}");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
