//! Can any events and answers break a reader?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_kafka_fuzz::reader(data));
