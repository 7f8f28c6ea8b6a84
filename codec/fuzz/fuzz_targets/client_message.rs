//! Can any message of a viewer break a bridge?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::client_message(data));
