//! Where is everything? The workspace, its build output, and programs on `PATH`.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Cargo's output folder: `CARGO_TARGET_DIR`, or `target/` in the workspace.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Cargo's output folder for WebAssembly: it may be another compiler's, and must not wait for a build that others run.
pub(crate) fn wasm_build() -> PathBuf {
    target().join("wasm-build")
}

/// The first program called `name` on `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// `PATH` with `folders` before everything else.
pub(crate) fn path_with(folders: &[PathBuf]) -> std::ffi::OsString {
    let old = env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(env::split_paths(&old));
    env::join_paths(all).unwrap_or(old)
}
