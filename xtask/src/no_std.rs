//! Does the codec really need no standard library, and no allocator? It is built where there is none: against a folder
//! of libraries that holds only `core`, then `core` and `alloc`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::toolchain::wasm_target::{HOST, TARGET, WasmTarget};
use crate::{paths, step};

/// Builds the codec without an allocator and without the standard library.
///
/// # Errors
/// Where the target is missing, or where the codec or one of its dependencies needs more than it may.
pub(crate) fn run() -> Result<()> {
    let target = WasmTarget::ensure()?;
    build(&target, "core only", &["core", "compiler_builtins"], &["--no-default-features"])?;
    let with_alloc = ["core", "compiler_builtins", "alloc"];
    build(&target, "core and alloc", &with_alloc, &["--no-default-features", "--features", "alloc"])
}

fn build(target: &WasmTarget, what: &str, libraries: &[&str], features: &[&str]) -> Result<()> {
    let sysroot = paths::target().join("no-std").join(what.replace(' ', "-"));
    make_sysroot(&sysroot, target, libraries)?;
    let mut cargo = target.cargo();
    // Profile and folder of the npm package's build, whose procedural macros are then there already.
    cargo
        .args(["build", "--profile", "wasm", "--locked", "-p", "purple-sector-codec", "--target", TARGET])
        .args(features);
    cargo.env("RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
    cargo.env("CARGO_TARGET_DIR", paths::wasm_build()).current_dir(paths::root());
    step::run(&format!("building the codec against {what}"), "20 s", &mut cargo)
}

/// Links `libraries` of the target into `sysroot`, and all that the host needs for procedural macros.
fn make_sysroot(sysroot: &Path, target: &WasmTarget, libraries: &[&str]) -> Result<()> {
    let here = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    if sysroot.exists() {
        fs::remove_dir_all(sysroot)?;
    }
    fs::create_dir_all(&here)?;
    let all = target.libraries()?;
    for entry in fs::read_dir(&all).with_context(|| format!("cannot read {}", all.display()))? {
        let file = entry?.path();
        if is_one_of(&file, libraries) {
            symlink(&file, here.join(file.file_name().unwrap_or_default()))?;
        }
    }
    ensure!(
        fs::read_dir(&here)?.count() >= libraries.len(),
        "{} lacks {}",
        all.display(),
        libraries.join(", ")
    );
    let host: PathBuf = all.ancestors().nth(2).unwrap_or(&all).join(HOST);
    symlink(host, sysroot.join("lib/rustlib").join(HOST))?;
    Ok(())
}

/// Whether `file` is `lib<name>-<hash>.rlib` (or its metadata) for one of `names`.
fn is_one_of(file: &Path, names: &[&str]) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.strip_prefix("lib").and_then(|rest| rest.rsplit_once('-')).map(|(name, _)| name);
    name.is_some_and(|name| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_libraries_are_linked() {
        let is_core = |file: &str| is_one_of(Path::new(file), &["core"]);
        assert!(is_core("libcore-497b1066d2ceb8c1.rlib") && is_core("libcore-497b1066d2ceb8c1.rmeta"));
        assert!(
            !is_core("librustc_std_workspace_core-1.rlib")
                && !is_core("liballoc-1.rlib")
                && !is_core("self-contained")
        );
    }
}
