//! How is the dashboard built? As any frontend is: npm packages, then its own build, unless nothing has changed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::toolchain::node;
use crate::{fingerprint, paths, step};

/// The folder with the built page, for the bridge to serve.
pub(crate) fn folder() -> PathBuf {
    paths::root().join("web-demo/dist")
}

/// Builds the page; the npm package must have been built.
///
/// # Errors
/// Where npm or the build fails.
pub(crate) fn build() -> Result<()> {
    let page = paths::root().join("web-demo");
    node::packages(&page)?;
    let stamp = paths::target().join("xtask/page.fingerprint");
    let fingerprint = fingerprint::of(&inputs(&paths::root()), &[])?;
    if fingerprint::unchanged(&stamp, &fingerprint) && folder().join("index.html").is_file() {
        println!("▸ page: nothing has changed");
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["run", "build"]).current_dir(&page);
    step::run("building the page", "15 s", &mut npm)?;
    fingerprint::store(&stamp, &fingerprint)
}

/// What the built page depends on. The package's folders have names of outputs, which are read only when they are named here.
fn inputs(root: &Path) -> [PathBuf; 3] {
    ["web-demo", "codec-wasm/pkg", "codec-wasm/pkg/dist"].map(|folder| root.join(folder))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_package_makes_another_page() {
        let root = std::env::temp_dir().join(format!("purple-sector-page-{}", std::process::id()));
        let code = root.join("codec-wasm/pkg/dist/index.js");
        fs::create_dir_all(code.parent().unwrap()).unwrap();
        fs::create_dir_all(root.join("web-demo")).unwrap();
        let print = |content: &str| {
            fs::write(&code, content).unwrap();
            fingerprint::of(&inputs(&root), &[]).unwrap()
        };
        let before = print("before");
        assert_ne!(before, print("after"));
        assert_eq!(before, print("before"));
        fs::remove_dir_all(root).unwrap();
    }
}
