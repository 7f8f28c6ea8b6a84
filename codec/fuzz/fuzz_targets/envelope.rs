//! Can any bytes break the reading of a record?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::envelope(data));
