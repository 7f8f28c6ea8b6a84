//! Does the stored fuzz corpus still pass?

#[expect(unreachable_pub, reason = "it is the library of the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

purple_sector_harness::replay_corpus! {
    targets: block client_message envelope event facts round_trip schema server_message stream user_id
}
