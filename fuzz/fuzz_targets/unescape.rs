//! `cargo +nightly fuzz run --features libfuzzer unescape`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("unescape").check(data));
