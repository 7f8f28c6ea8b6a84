//! Can any records, rightly sealed, break the stream reader?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::stream(data));
