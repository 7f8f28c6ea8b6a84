//! Does the stored fuzz corpus of a crate still pass? The same checks as its fuzz targets, on stable and in a second.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs `target` on each input of the folder `corpus/<name>` below `fuzz`.
///
/// # Panics
/// Where a check fails, and where there is nothing to check. The last path printed is then the input.
#[track_caller]
pub fn replay(fuzz: &Path, name: &str, target: fn(&[u8])) {
    let inputs = files(&fuzz.join("corpus").join(name));
    assert!(!inputs.is_empty(), "{name} has no stored corpus");
    for input in inputs {
        println!("{}", input.display());
        target(&fs::read(&input).expect("an input"));
    }
}

/// Checks that the fuzz targets below `fuzz` are exactly `replayed`.
///
/// # Panics
/// Where they are not.
#[track_caller]
pub fn assert_all_replayed(fuzz: &Path, replayed: &[&str]) {
    let targets = files(&fuzz.join("fuzz_targets"));
    let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let targets: BTreeSet<String> = targets.iter().filter_map(stem).collect();
    assert_eq!(targets, replayed.iter().map(|name| (*name).to_owned()).collect());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// A test for each of these functions of a module, which are the fuzz targets of the folder `fuzz` of the calling crate.
#[macro_export]
macro_rules! replay_corpus {
    ($targets:ident: $($name:ident)+) => {
        fn fuzz() -> std::path::PathBuf {
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
        }

        $(
            #[test]
            fn $name() {
                $crate::corpus::replay(&fuzz(), stringify!($name), $targets::$name);
            }
        )+

        #[test]
        fn every_fuzz_target_is_replayed() {
            $crate::corpus::assert_all_replayed(&fuzz(), &[$(stringify!($name)),+]);
        }
    };
}
