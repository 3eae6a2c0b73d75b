//! `cargo +nightly fuzz run --features libfuzzer compiled`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("compiled").check(data));
