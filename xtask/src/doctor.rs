//! What is installed, and what is missing? Names the command for what is missing; only looks, installs nothing.

use std::process::{Command, ExitCode};

use purple_sector_harness::{cache, kafka};

use crate::step;
use crate::toolchain::cargo_tool::{self, CARGO_DENY, CARGO_FUZZ, WASM_PACK};
use crate::toolchain::system::{self, Need};
use crate::toolchain::wasm_target::{TARGET, WasmTarget};
use crate::toolchain::{node, wasm_opt};

/// One line: what it is, whether it is there, what to do if not.
struct Finding {
    name: String,
    present: bool,
    /// Where it is or which version; for something missing what gets it.
    note: String,
}

/// Prints the list; the exit code is 1 where something is missing that no task gets by itself.
pub(crate) fn run() -> ExitCode {
    let mut findings = vec![rust()];
    let needs: Vec<&Need> = system::BUILD.iter().chain(&system::KAFKA).chain(&system::BROWSER).collect();
    findings.extend(needs.iter().map(|need| package(need)));
    findings.push(match node::ensure() {
        Ok(version) => found("Node.js and npm", version),
        Err(error) => missing("Node.js and npm", error.to_string()),
    });
    let must: usize = findings.iter().filter(|finding| !finding.present).count();
    findings.extend(fetched());
    for Finding { name, present, note } in &findings {
        println!("{} {name:24} {note}", if *present { "✓" } else { "✗" });
    }
    let packages: Vec<_> =
        needs.iter().filter(|need| !(need.present)()).flat_map(|need| need.packages).copied().collect();
    if !packages.is_empty() {
        println!("\nall missing packages in one command:\n  {}", system::command_line(&packages));
    }
    if must == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rust() -> Finding {
    match step::output_of(Command::new("rustc").arg("--version")) {
        Some(version) => found("Rust", version),
        None => missing("Rust", "get it from https://rustup.rs".to_owned()),
    }
}

fn package(need: &Need) -> Finding {
    if (need.present)() {
        found(need.name, String::new())
    } else {
        missing(need.name, system::command_line(need.packages))
    }
}

/// What the tasks fetch or build by themselves when they first need it.
fn fetched() -> Vec<Finding> {
    let by_itself = |command: &str| format!("made by `cargo xtask {command}`");
    let target = match WasmTarget::find() {
        Some(WasmTarget::Active) => found(TARGET, "of the active toolchain".to_owned()),
        Some(WasmTarget::Debian { sysroot }) => found(TARGET, format!("Debian's, {}", sysroot.display())),
        None => missing(TARGET, format!("rustup target add {TARGET} (or {})", by_itself("wasm"))),
    };
    let tool = |name: &str, folder: Option<std::path::PathBuf>, task: &str| match folder {
        Some(folder) => found(name, folder.display().to_string()),
        None => missing(name, by_itself(task)),
    };
    let cached =
        |folder: String| cache::folder().ok().map(|cache| cache.join(folder)).filter(|path| path.is_dir());
    vec![
        target,
        tool("wasm-pack", WASM_PACK.find(), "wasm"),
        tool("wasm-bindgen", cargo_tool::find_wasm_bindgen(), "wasm"),
        tool("wasm-opt", cached(wasm_opt::folder()), "wasm"),
        tool("Apache Kafka", cached(kafka::folder(kafka::VERSION)), "test"),
        tool("cargo-fuzz", CARGO_FUZZ.find(), "fuzz"),
        tool("cargo-deny", CARGO_DENY.find(), "ci"),
    ]
}

fn found(name: &str, note: String) -> Finding {
    Finding { name: name.to_owned(), present: true, note }
}

fn missing(name: &str, note: String) -> Finding {
    Finding { name: name.to_owned(), present: false, note }
}
