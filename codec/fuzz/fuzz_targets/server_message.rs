//! Can any message of a bridge break a viewer?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::server_message(data));
