//! Can any schema record break its reader?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::schema(data));
