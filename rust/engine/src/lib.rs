//! Text to counts: exact BPE token counting. Knows no file, no thread and no Python.
//!
//! An [`Encoding`] is a tokenizer: immutable and shared. A [`Counter`] is what one worker counts with, an [`Encoder`] what
//! it encodes with.
//!
//! # Count, encode, decode
//!
//! Four encodings are inside ([`Encoding::embedded_names`]); nothing is downloaded.
//!
//! ```
//! use fasttok_engine::{Counter, Encoding, Special};
//!
//! let encoding = Encoding::embedded("o200k_base")?;
//! let mut counter = Counter::new(encoding.clone());
//! assert_eq!(counter.count("Grüße", Special::Text)?, 3);
//!
//! let mut ids = Vec::new();
//! encoding.encode("Grüße", Special::Text, &mut ids)?;
//! assert_eq!(ids, [3193, 572, 13153]);
//! assert_eq!(encoding.decode_text(&ids)?, "Grüße");
//! # Ok::<(), fasttok_engine::Error>(())
//! ```
//!
//! # A tokenizer of one's own
//!
//! [`Encoding::from_file_bytes`] takes a `tokenizer.json`, a rank file of tiktoken, a `tekken.json`, a sentencepiece
//! model or a compiled tokenizer, and refuses with a typed [`Error`] what cannot be followed exactly.
//!
//! ```
//! use std::sync::Arc;
//! use fasttok_engine::{Counter, Encoding, FileOptions, Special};
//!
//! let file = br#"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
//!     "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}}"#;
//! let options = FileOptions { name: "mine".into(), ..FileOptions::default() };
//! let encoding = Arc::new(Encoding::from_file_bytes(file, options)?);
//! let mut counter = Counter::new(encoding);
//! assert_eq!(counter.count("abab", Special::Text)?, 2);
//! # Ok::<(), fasttok_engine::Error>(())
//! ```
//!
//! # Many texts
//!
//! A [`Counter`] belongs to one thread and is worth keeping: it remembers the pieces that it has counted. To count on
//! all cores there is `fasttok_parallel::SharedCounter`, for files `fasttok_corpus::run`.

#![forbid(unsafe_code)]

mod added;
#[cfg(test)]
mod adversarial;
mod bits;
mod bpe;
mod character_bpe;
mod classes;
mod counter;
mod decode;
mod encoder;
mod encoding;
mod error;
mod interrupt;
mod literal;
mod load;
mod normalize;
mod oniguruma;
mod options;
mod pretokenize;
#[cfg(feature = "probe")]
pub mod probe;
mod slices;
mod vocab;

pub use added::AddedToken;
pub use classes::CLASSES_UNICODE_VERSION;
pub use counter::{CountBatch, Counter};
pub use encoder::Encoder;
pub use encoding::Encoding;
pub use error::Error;
pub use fasttok_simd::{Level, LevelError};
pub use interrupt::{interruptible, is_interrupted};
pub use load::{FileOptions, Known};
pub use normalize::NORMALIZATION_UNICODE_VERSION;
pub use options::{Special, Utf8Errors, decode_utf8};
pub use pretokenize::Pretokenizer;
pub use slices::{GrowingText, Part, Slices, TextIndex};
