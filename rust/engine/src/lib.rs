//! Text to counts: exact BPE token counting. Knows no file, no thread and no Python.

mod encoding;
mod error;

pub use encoding::{Counter, Encoding, Special, Utf8Errors, decode_utf8};
pub use error::Error;
