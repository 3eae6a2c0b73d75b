//! Text to counts: exact BPE token counting. Knows no file, no thread and no Python.
//!
//! An [`Encoding`] is a tokenizer: immutable and shared. A [`Counter`] is what one worker counts with.
//!
//! ```
//! use fasttok_engine::{Counter, Encoding, Special};
//!
//! let encoding = Encoding::embedded("o200k_base")?;
//! let mut counter = Counter::new(encoding.clone());
//! assert_eq!(counter.count("Grüße", Special::Text)?, 3);
//!
//! let (mut ids, mut bytes) = (Vec::new(), Vec::new());
//! encoding.encode("Grüße", Special::Text, &mut ids)?;
//! assert_eq!(ids, [3193, 572, 13153]);
//! encoding.decode(&ids, &mut bytes)?;
//! assert_eq!(bytes, "Grüße".as_bytes());
//! # Ok::<(), fasttok_engine::Error>(())
//! ```

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
mod vocab;

pub use added::AddedToken;
pub use classes::CLASSES_UNICODE_VERSION;
pub use counter::{CountBatch, Counter};
pub use encoding::Encoding;
pub use error::Error;
pub use fasttok_simd::{Level, LevelError};
pub use interrupt::{interruptible, is_interrupted};
pub use load::{FileOptions, Known};
pub use normalize::NORMALIZATION_UNICODE_VERSION;
pub use options::{Special, Utf8Errors, decode_utf8};
pub use pretokenize::Pretokenizer;
