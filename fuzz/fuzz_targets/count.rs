//! `cargo +nightly fuzz run --features libfuzzer count`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("count").check(data));
