//! Does the stored fuzz corpus still pass? The same checks as the fuzz targets, on stable and in a second.

#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::Path};

#[track_caller]
fn check(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut n_inputs = 0;
    for entry in fs::read_dir(&folder).expect("a stored corpus") {
        let path = entry.unwrap().path();
        // Shown only if the check fails: which input it was.
        println!("{}", path.display());
        target(&fs::read(&path).unwrap());
        n_inputs += 1;
    }
    assert!(n_inputs > 0, "{} is empty", folder.display());
}

macro_rules! targets {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                check(stringify!($name), targets::$name);
            }
        )+

        #[test]
        fn every_fuzz_target_is_replayed() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
                assert!([$(stringify!($name)),+].contains(&name.as_str()), "{name} is not");
            }
        }
    };
}

targets! {
    block client_message envelope event facts round_trip schema server_message stream user_id
}
