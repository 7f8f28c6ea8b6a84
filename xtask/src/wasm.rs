//! How does codec-wasm become the npm package? wasm-pack builds it, wasm-opt shrinks it, and the package's own script
//! assembles it, compares its sizes with the budget and packs it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::toolchain::cargo_tool::{self, WASM_PACK};
use crate::toolchain::wasm_target::WasmTarget;
use crate::toolchain::{node, wasm_opt};
use crate::{fingerprint, paths, step};

/// Name of the files that wasm-pack makes.
const NAME: &str = "purple_sector_codec_wasm";

/// What the rustc of today puts into a module; named, because the module does not always say it itself.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-simd",
];

/// Options of `cargo xtask wasm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Cargo profile of the module.
    #[arg(long, default_value = "wasm", value_name = "NAME")]
    pub(crate) profile: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { profile: "wasm".to_owned() }
    }
}

/// Builds the npm package into `codec-wasm/pkg`, unless nothing has changed since the last time.
///
/// # Errors
/// Where a tool is missing, a build fails, or the package is over its size budget.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = paths::root();
    let stamp = paths::target().join("xtask/wasm.fingerprint");
    let inputs = [
        "codec/src",
        "codec/Cargo.toml",
        "codec-wasm/src",
        "codec-wasm/generate",
        "codec-wasm/npm",
        "codec-wasm/examples",
        "codec-wasm/Cargo.toml",
    ];
    let shared = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "xtask/src/wasm.rs",
        ".cargo/config.toml",
    ];
    let inputs: Vec<_> = inputs.iter().chain(&shared).map(|input| root.join(input)).collect();
    let fingerprint = fingerprint::of(&inputs, &[&options.profile])?;
    if fingerprint::unchanged(&stamp, &fingerprint) && root.join("codec-wasm/pkg/package.json").is_file() {
        println!("▸ npm package: nothing has changed");
        return Ok(());
    }
    let made = build(options)?;
    node::packages(&root.join("codec-wasm/npm"))?;
    let mut assemble = Command::new("node");
    assemble.arg("codec-wasm/npm/build.mjs").arg(&made).current_dir(&root);
    step::run_shown("assembling the npm package", "10 s", &mut assemble)?;
    fingerprint::store(&stamp, &fingerprint)
}

/// The folder with wasm-pack's output, the module shrunk by wasm-opt.
fn build(options: &Options) -> Result<PathBuf> {
    let optimizer = wasm_opt::ensure()?;
    let target = WasmTarget::ensure()?;
    let tools = [WASM_PACK.ensure()?, cargo_tool::wasm_bindgen()?];
    let made = paths::target().join("wasm-pack");

    let mut pack = Command::new("wasm-pack");
    target.apply(&mut pack, &tools)?;
    pack.args(["build", "codec-wasm", "--target", "web", "--mode", "no-install", "--no-opt", "--no-pack"]);
    pack.args(["--profile", &options.profile, "--out-name", NAME, "--out-dir"]).arg(&made);
    pack.env("CARGO_TARGET_DIR", paths::wasm_build()).current_dir(paths::root());
    step::run("building codec-wasm with wasm-pack", "30 s", &mut pack)?;

    let module = made.join(format!("{NAME}_bg.wasm"));
    let mut optimize = Command::new(optimizer);
    // For speed: 0.2 kB of brotli more than `-Oz` gives, and blocks are decoded 4 % faster. Nothing is in the first
    // kilobyte of memory, where the stack ends.
    optimize.args(FEATURES).args([
        "-O3",
        "--low-memory-unused",
        "--strip-producers",
        "--strip-target-features",
    ]);
    optimize.arg(&module).arg("-o").arg(&module);
    step::run("shrinking it with wasm-opt", "5 s", &mut optimize)?;
    Ok(made)
}
