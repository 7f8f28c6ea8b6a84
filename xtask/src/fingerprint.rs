//! Has anything changed since the last time? One number over the names and contents of files.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that are made from the others, so never inputs.
const OUTPUTS: [&str; 7] = ["target", "node_modules", "pkg", "dist", "build", "out", "artifacts"];

/// The fingerprint of `inputs` (files, or folders with all below them) and of `settings`, as hex digits.
///
/// # Errors
/// Where an input cannot be read.
pub(crate) fn of(inputs: &[PathBuf], settings: &[&str]) -> Result<String> {
    let mut files = BTreeSet::new();
    for input in inputs {
        collect(input, &mut files)?;
    }
    let mut hasher = DefaultHasher::new();
    settings.hash(&mut hasher);
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether `stamp` holds `fingerprint`.
pub(crate) fn unchanged(stamp: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|stored| stored == fingerprint)
}

/// Remembers `fingerprint` in `stamp`.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn store(stamp: &Path, fingerprint: &str) -> Result<()> {
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(stamp, fingerprint).with_context(|| format!("cannot write {}", stamp.display()))
}

fn collect(input: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if !input.is_dir() {
        if input.is_file() {
            files.insert(input.to_path_buf());
        }
        return Ok(());
    }
    for entry in fs::read_dir(input).with_context(|| format!("cannot read {}", input.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let skipped = name.ends_with(".tgz") || OUTPUTS.contains(&name.as_ref());
        if !skipped {
            collect(&path, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_name_and_settings_count_but_outputs_do_not() {
        let folder = std::env::temp_dir().join(format!("purple-sector-fingerprint-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).unwrap();
        let print = |settings: &[&str]| of(std::slice::from_ref(&folder), settings).unwrap();
        fs::write(folder.join("src/a.rs"), "a").unwrap();
        let first = print(&[]);
        assert_eq!(first, print(&[]));
        assert_ne!(first, print(&["release"]));
        fs::create_dir_all(folder.join("target")).unwrap();
        fs::write(folder.join("target/x"), "x").unwrap();
        assert_eq!(first, print(&[]));
        fs::write(folder.join("src/a.rs"), "b").unwrap();
        let second = print(&[]);
        assert_ne!(first, second);
        fs::rename(folder.join("src/a.rs"), folder.join("src/b.rs")).unwrap();
        assert_ne!(second, print(&[]));
        let stamp = folder.join("target/stamp");
        assert!(!unchanged(&stamp, &second));
        store(&stamp, &second).unwrap();
        assert!(unchanged(&stamp, &second));
        fs::remove_dir_all(folder).unwrap();
    }
}
