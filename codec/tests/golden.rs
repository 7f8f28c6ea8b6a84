//! Do the golden vectors still read as they always did, and do they cover what can happen?

mod describe;

use std::{collections::BTreeSet, fs, path::PathBuf};

use purple_sector_codec::{StreamReader, recording};
use serde_json::Value;

/// Every golden vector: its name, its file, and what a reader must make of each record.
fn vectors() -> Vec<(String, Vec<u8>, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/v1");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).expect("the folder of vectors").map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    paths.sort();
    let read = |path: PathBuf| {
        let json = fs::read_to_string(path.with_extension("json")).expect("the expectation next to it");
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, fs::read(&path).unwrap(), serde_json::from_str(&json).expect("valid JSON"))
    };
    paths.into_iter().map(read).collect()
}

/// The records of a file, which is whole.
fn records(file: &[u8]) -> Vec<&[u8]> {
    recording::records(file).and_then(Iterator::collect).expect("a whole recording")
}

#[test]
fn every_vector_reads_as_it_always_did() {
    for (name, file, expected) in vectors() {
        let mut reader = StreamReader::new();
        let records = records(&file);
        let expected = expected["records"].as_array().expect("a list of records");
        assert_eq!(records.len(), expected.len(), "{name}: number of records");
        for (i, (record, expected)) in records.iter().zip(expected).enumerate() {
            assert_eq!(describe::describe(&reader.push(record)), *expected, "{name}: record {i}");
        }
    }
}

#[test]
fn the_vectors_show_everything_that_a_reader_can_say() {
    let vectors = vectors();
    let all = || vectors.iter().flat_map(|(_, _, expected)| expected["records"].as_array().unwrap());
    let said =
        |field: &str| -> BTreeSet<&str> { all().filter_map(|record| record[field].as_str()).collect() };
    let every = |values: &[&'static str]| BTreeSet::from_iter(values.iter().copied());
    let kinds = ["end", "error", "event", "facts", "repeat", "samples", "schema", "skipped", "waiting"];
    assert_eq!(said("kind"), every(&kinds));
    assert_eq!(said("for"), every(&["key", "schema"]));
    let codes = [
        "body",
        "checksum",
        "header",
        "limit",
        "not_a_record",
        "schema_hash",
        "session_id",
        "time_range",
        "too_long",
        "too_short",
        "trailing_bytes",
        "truncated",
        "unknown_version",
    ];
    assert_eq!(said("code"), every(&codes));
    let events: BTreeSet<&str> = all().filter_map(|record| record["event"]["type"].as_str()).collect();
    assert_eq!(events, every(&["gap", "lap_finished", "mark", "other_cars", "steps_missed"]));
}
