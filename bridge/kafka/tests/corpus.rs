//! Does the stored fuzz corpus still pass?

#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

purple_sector_harness::replay_corpus! { targets: batch log_in reader }
