//! Writes the golden vectors and the built-in schemas, or compares those on disk with what the codec writes today.
//!
//! `cargo run -p purple-sector-vectors -- [FOLDER] [--check]`; the usual folder is `codec/vectors`.

mod cases;
#[path = "../../../tests/describe/mod.rs"]
mod describe;
mod forms;
mod hand;
mod records;
mod schemas;
mod streams;

use std::{env, fs, path::Path, process::ExitCode};

use purple_sector_codec::{Schema, StreamReader, recording};

/// One golden vector: records, and what they show.
struct Case {
    name: &'static str,
    about: &'static str,
    records: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let (folder, check) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (Path::new(usual), false),
        ["--check"] => (Path::new(usual), true),
        [folder] => (Path::new(folder), false),
        [folder, "--check"] => (Path::new(folder), true),
        _ => {
            eprintln!("usage: vectors [FOLDER] [--check]");
            return ExitCode::from(2);
        }
    };
    let mut fine = true;
    for (name, schema) in built_in() {
        fine &= put(&folder.join("schemas").join(name).with_extension("bin"), &schema.to_record(), check);
    }
    let folder = folder.join("v1");
    let cases = [cases::all(), forms::all(), records::all(), streams::all()];
    for case in cases.into_iter().flatten() {
        let mut file = recording::MAGIC.to_vec();
        for record in &case.records {
            file.extend_from_slice(&recording::length_of(record));
            file.extend_from_slice(record);
        }
        fine &= put(&folder.join(case.name).with_extension("bin"), &file, check);
        fine &= put(&folder.join(case.name).with_extension("json"), expectation(&case).as_bytes(), check);
    }
    if fine {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "vectors: if this change of the wire format is meant, write them again with `cargo xtask vectors`"
    );
    ExitCode::FAILURE
}

/// The schemas that readers know without being told, by the names of their files.
fn built_in() -> [(&'static str, Schema); 6] {
    let (full, assetto_corsa, acc) = (Schema::full(), Schema::assetto_corsa(), Schema::acc());
    [
        ("full-lossless", full.lossless()),
        ("full", full),
        ("assetto-corsa-lossless", assetto_corsa.lossless()),
        ("assetto-corsa", assetto_corsa),
        ("acc-lossless", acc.lossless()),
        ("acc", acc),
    ]
}

/// What a reader makes of the case, one line per record.
fn expectation(case: &Case) -> String {
    let mut reader = StreamReader::new();
    let lines: Vec<String> =
        case.records.iter().map(|record| describe::describe(&reader.push(record)).to_string()).collect();
    let about = serde_json::Value::from(case.about);
    format!("{{\n\"about\": {about},\n\"records\": [\n{}\n]\n}}\n", lines.join(",\n"))
}

/// Writes a file, or says whether it already holds these bytes.
fn put(path: &Path, bytes: &[u8], check: bool) -> bool {
    if !check {
        let folder = path.parent().unwrap_or(path);
        return match fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes)) {
            Ok(()) => true,
            Err(error) => {
                eprintln!("vectors: cannot write {}: {error}", path.display());
                false
            }
        };
    }
    match fs::read(path) {
        Ok(found) if found == bytes => true,
        Ok(_) => {
            eprintln!("vectors: {} differs from what the codec writes now", path.display());
            false
        }
        Err(error) => {
            eprintln!("vectors: cannot read {}: {error}", path.display());
            false
        }
    }
}
