//! Do any samples come back as they went in?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::round_trip(data));
