//! `cargo +nightly fuzz run --features libfuzzer load`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("load").check(data));
