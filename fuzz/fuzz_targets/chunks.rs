//! `cargo +nightly fuzz run --features libfuzzer chunks`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("chunks").check(data));
