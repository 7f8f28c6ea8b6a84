//! Can any text break user ids, or two users share a topic?
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| purple_sector_codec_fuzz::user_id(data));
