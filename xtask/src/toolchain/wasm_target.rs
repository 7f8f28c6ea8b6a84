//! Which compiler builds for wasm32-unknown-unknown? The active toolchain if it has the target or rustup can add it;
//! else Debian's, which comes with the sources of the standard library.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use purple_sector_harness::cache;

use super::{cached, system, version};
use crate::{paths, step};

/// The target's name.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The machine that builds, for which procedural macros are compiled.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// Set by the `cargo xtask` that runs this, for the compiler that built it.
const OTHER_COMPILER: [&str; 2] = ["CARGO", "RUSTUP_TOOLCHAIN"];
/// rustup gives up by itself in seconds without a network, and needs less than this on a slow one.
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// A compiler that has the target.
#[derive(Debug, PartialEq)]
pub(crate) enum WasmTarget {
    /// The toolchain that builds everything else.
    Active,
    /// Debian's compiler with a standard library that was built into this folder of the cache.
    Debian { sysroot: PathBuf },
}

impl WasmTarget {
    /// Finds a compiler with the target, and adds the target to one where none has it.
    ///
    /// # Errors
    /// With the command that helps, where there is no way here.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if paths::program("rustup").is_some() {
            let mut rustup = Command::new("rustup");
            rustup.args(["target", "add", TARGET]).current_dir(paths::root());
            let added = step::attempt(&format!("adding {TARGET}"), "10 s", RUSTUP_LIMIT, &mut rustup)?;
            if added && active_has_target() {
                return Ok(Self::Active);
            }
            println!("  rustup cannot download it here; going on with Debian's compiler");
        }
        debian()
    }

    /// A compiler with the target, without installing anything.
    pub(crate) fn find() -> Option<Self> {
        if active_has_target() {
            return Some(Self::Active);
        }
        let sysroot = cache::folder().ok()?.join(sysroot_name()?);
        sysroot.is_dir().then_some(Self::Debian { sysroot })
    }

    /// Folders that belong first on `PATH`, so that `cargo` and `rustc` are the right ones.
    pub(crate) fn path(&self) -> Vec<PathBuf> {
        match self {
            Self::Active => Vec::new(),
            Self::Debian { sysroot } => vec![sysroot.join("bin")],
        }
    }

    /// Sets `command`'s environment: `PATH` beginning with `tools`, and compiler and linker for the target.
    ///
    /// # Errors
    /// Where Debian's way lacks a linker.
    pub(crate) fn apply(&self, command: &mut Command, tools: &[PathBuf]) -> Result<()> {
        command.env("PATH", paths::path_with(&[self.path(), tools.to_vec()].concat()));
        if let Self::Debian { .. } = self {
            for name in OTHER_COMPILER.iter().chain(&["RUSTC"]) {
                command.env_remove(name);
            }
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
        }
        Ok(())
    }

    /// This compiler's `cargo`, left free to be given another sysroot.
    pub(crate) fn cargo(&self) -> Command {
        match self {
            Self::Active => Command::new("cargo"),
            Self::Debian { .. } => debian_cargo(),
        }
    }

    /// The folder of the target's compiled standard library.
    ///
    /// # Errors
    /// Where the compiler cannot run.
    pub(crate) fn libraries(&self) -> Result<PathBuf> {
        match self {
            Self::Active => Ok(PathBuf::from(
                rustc(&["--print", "target-libdir", "--target", TARGET]).context("rustc cannot run")?,
            )),
            Self::Debian { sysroot } => Ok(libraries_in(sysroot)),
        }
    }
}

fn active_has_target() -> bool {
    let printed = rustc(&["--print", "target-libdir", "--target", TARGET]);
    printed.is_some_and(|folder| Path::new(&folder).is_dir())
}

fn rustc(args: &[&str]) -> Option<String> {
    step::output_of(Command::new("rustc").args(args).current_dir(paths::root()))
}

/// The next compiler cannot use the objects of this one, so the folder is named by the version.
fn sysroot_name() -> Option<String> {
    let printed = step::output_of(Command::new(RUSTC).arg("--version"))?;
    let [major, minor, patch] = version::parse(&printed)?;
    Some(format!("wasm-sysroot-{major}.{minor}.{patch}"))
}

fn debian() -> Result<WasmTarget> {
    let missing = format!("missing: the Rust target {TARGET}. Add it with\n  rustup target add {TARGET}");
    if !system::is_debian() {
        bail!("{missing}");
    }
    let sources = Path::new("/usr/share/doc/rust-web-src").is_dir();
    if !(sources && Path::new(RUSTC).is_file() && Path::new(CARGO).is_file()) {
        let installed = system::install("a Rust compiler with WebAssembly (Debian's)", &PACKAGES);
        installed
            .with_context(|| format!("{missing}\nor, where that download cannot be reached, as follows"))?;
    }
    let name = sysroot_name().with_context(|| format!("{RUSTC} cannot run"))?;
    Ok(WasmTarget::Debian {
        sysroot: cached(&name, |folder| build_sysroot(folder, &cache::folder()?.join(&name)))?,
    })
}

/// Builds the standard library into `folder`, which becomes `home` when it is complete.
fn build_sysroot(folder: &Path, home: &Path) -> Result<()> {
    let stub = folder.join("stub");
    fs::create_dir_all(stub.join("src"))?;
    fs::write(stub.join("src/lib.rs"), "")?;
    fs::write(stub.join("Cargo.toml"), "[package]\nname = \"stub\"\nedition = \"2021\"\n[workspace]\n")?;
    let mut cargo = debian_cargo();
    cargo.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,panic_unwind"]);
    cargo.current_dir(&stub).env("RUSTC_BOOTSTRAP", "1");
    // Without the bitcode a later build with link-time optimisation fails.
    cargo.env("RUSTFLAGS", "-Cembed-bitcode=yes").env("CARGO_TARGET_DIR", stub.join("target"));
    step::run(&format!("building the standard library for {TARGET}"), "1 min", &mut cargo)?;

    let libraries = libraries_in(folder);
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(stub.join("target").join(TARGET).join("release/deps"))? {
        let file = entry?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libstub-") {
            fs::copy(&file, libraries.join(name))?;
        }
    }
    fs::remove_dir_all(stub)?;
    let own =
        step::output_of(Command::new(RUSTC).args(["--print", "sysroot"])).context("rustc has no sysroot")?;
    symlink(Path::new(&own).join("lib/rustlib").join(HOST), folder.join("lib/rustlib").join(HOST))?;

    let shims = folder.join("bin");
    fs::create_dir_all(&shims)?;
    let rustc = format!("exec {RUSTC} --sysroot '{}' \"$@\"", home.display());
    shim(&shims.join("rustc"), &rustc)?;
    shim(&shims.join("cargo"), &format!("RUSTC='{}' exec {CARGO} \"$@\"", home.join("bin/rustc").display()))
}

fn debian_cargo() -> Command {
    let mut cargo = Command::new(CARGO);
    cargo.env("RUSTC", RUSTC);
    for name in OTHER_COMPILER {
        cargo.env_remove(name);
    }
    cargo
}

fn libraries_in(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

fn shim(file: &Path, line: &str) -> Result<()> {
    fs::write(file, format!("#!/bin/sh\n{line}\n"))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The linker that came with the active toolchain, or LLVM's from Debian.
fn linker() -> Result<PathBuf> {
    let own = rustc(&["--print", "sysroot"])
        .map(|sysroot| Path::new(&sysroot).join("lib/rustlib").join(HOST).join("bin/rust-lld"));
    if let Some(linker) = own.filter(|linker| linker.is_file()) {
        return Ok(linker);
    }
    if paths::program("wasm-ld").is_none() {
        system::install("a linker for WebAssembly", &["lld"])?;
    }
    paths::program("wasm-ld").context("the Debian package lld has no wasm-ld on PATH")
}
