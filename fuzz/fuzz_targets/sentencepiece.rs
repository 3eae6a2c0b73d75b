//! `cargo +nightly fuzz run --features libfuzzer sentencepiece`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fasttok_fuzz::target("sentencepiece").check(data));
