//! `cargo +nightly fuzz run --features libfuzzer json_string`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("json_string").check(data));
