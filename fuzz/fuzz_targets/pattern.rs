#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rvp_fuzz::pattern(data));
