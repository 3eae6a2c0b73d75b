//! What can go wrong between text and counts.

use std::fmt;

/// An error of the engine. Each variant is one class of the Python hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No embedded encoding has this name; `nearest` lists the closest known names.
    UnknownEncoding {
        /// The name that was asked for.
        name: String,
        /// Known names, the most similar first.
        nearest: Vec<String>,
    },
    /// The text holds a special token and the mode is [`Special::Error`](crate::Special::Error).
    SpecialToken {
        /// The special token as it stands in the text.
        token: String,
        /// Byte offset of the token in the text.
        offset: usize,
    },
    /// The bytes are not UTF-8.
    InvalidUtf8 {
        /// Byte offset of the first byte that is not part of a valid character.
        offset: usize,
    },
    /// An id that the encoding does not have.
    UnknownToken {
        /// The id.
        id: u32,
    },
    /// An option that is missing, or that does not go with what it was given for.
    InvalidOption {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A tokenizer file that is damaged.
    TokenizerFile {
        /// What is wrong.
        reason: String,
    },
    /// A tokenizer that cannot be followed exactly.
    UnsupportedTokenizer {
        /// The component, as the file names it.
        component: String,
        /// What about it.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownEncoding { name, nearest } => {
                write!(f, "unknown encoding {name:?}")?;
                if !nearest.is_empty() {
                    write!(f, "; did you mean {}?", nearest.join(", "))?;
                }
                Ok(())
            }
            Error::SpecialToken { token, offset } => write!(
                f,
                "the text holds the special token {token:?} at byte {offset}; count it as plain \
                 text with special=\"text\" or as one token with special=\"token\""
            ),
            Error::InvalidUtf8 { offset } => write!(
                f,
                "the bytes are not UTF-8 at byte {offset}; count them with errors=\"replace\" \
                 or decode them first"
            ),
            Error::UnknownToken { id } => write!(f, "the encoding has no token with id {id}"),
            Error::InvalidOption { reason } => f.write_str(reason),
            Error::TokenizerFile { reason } => write!(f, "damaged tokenizer file: {reason}"),
            Error::UnsupportedTokenizer { component, reason } => {
                write!(f, "{component} cannot be counted exactly: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}
