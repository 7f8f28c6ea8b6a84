//! Can any events and answers break a log_in?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_kafka_fuzz::log_in(data));
