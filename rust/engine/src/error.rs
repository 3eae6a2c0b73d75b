//! What can go wrong between text and counts.

use std::fmt;

use fasttok_simd::LevelError;

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
    /// The caller had it end, by [`interruptible`](crate::interruptible).
    Interrupted,
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
    /// An instruction set was chosen that there is not.
    SimdLevel(LevelError),
    /// A tokenizer file that is damaged.
    TokenizerFile {
        /// What is wrong.
        reason: String,
    },
    /// A text in which a regular expression of the tokenizer goes back too often: its engine gives up, in the
    /// reference as here.
    PatternLimit {
        /// The step of the tokenizer and its regular expression.
        component: String,
        /// What the engine says.
        reason: String,
    },
    /// A text that the tokenizer's normalizer multiplies.
    NormalizedTooLarge {
        /// Bytes of the text.
        bytes: usize,
        /// The most bytes that it may become.
        limit: usize,
    },
    /// A text in which no offset is known where counts add up, so that parts of it cannot be told by their counts in any time
    /// that is worth it.
    NoCut {
        /// The byte offset from which on there is none.
        offset: usize,
        /// Bytes in which one is looked for.
        limit: usize,
    },
    /// A character that has more tokens than a part of a text may have.
    CharacterTooLong {
        /// The byte offset of the character.
        offset: usize,
        /// Its tokens.
        tokens: u64,
    },
    /// A tokenizer that cannot be followed exactly.
    UnsupportedTokenizer {
        /// The component, as the file names it.
        component: String,
        /// What about it.
        reason: String,
    },
}

impl Error {
    /// The regular expression `pattern` of the step `step` cannot be run on a text.
    pub(crate) fn gave_up(step: &str, pattern: &str, reason: &str) -> Error {
        Error::PatternLimit { component: format!("{step} {pattern:?}"), reason: reason.to_owned() }
    }

    /// The byte of the text that the error is about, where it is about one.
    ///
    /// ```
    /// use fasttok_engine::{Utf8Errors, decode_utf8};
    ///
    /// let error = decode_utf8(b"ab\xFF", Utf8Errors::Strict).unwrap_err();
    /// assert_eq!(error.offset(), Some(2));
    /// ```
    pub fn offset(&self) -> Option<usize> {
        match self {
            Error::SpecialToken { offset, .. } | Error::InvalidUtf8 { offset } => Some(*offset),
            _ => None,
        }
    }
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
            Error::Interrupted => f.write_str("interrupted"),
            Error::UnknownToken { id } => write!(f, "the encoding has no token with id {id}"),
            Error::InvalidOption { reason } => f.write_str(reason),
            Error::SimdLevel(error) => error.fmt(f),
            Error::TokenizerFile { reason } => write!(f, "damaged tokenizer file: {reason}"),
            Error::PatternLimit { component, reason } => write!(
                f,
                "{component} of the tokenizer gives this text up ({reason}), as it does in the reference: \
                 leave the text out, or break up its longest runs of one kind of character"
            ),
            Error::NormalizedTooLarge { bytes, limit } => write!(
                f,
                "the normalizer of the tokenizer makes more than {limit} bytes of this text of {bytes}: \
                 leave the text out, or cut it"
            ),
            Error::NoCut { offset, limit } => write!(
                f,
                "no offset where counts add up is known in the {limit} bytes from offset {offset} on, so the parts of this text \
                 cannot be told by this tokenizer: break the text up, or count its parts by themselves"
            ),
            Error::CharacterTooLong { offset, tokens } => write!(
                f,
                "the character at offset {offset} has {tokens} tokens by itself, more than a part may have: allow more"
            ),
            Error::UnsupportedTokenizer { component, reason } => {
                write!(f, "{component} cannot be counted exactly: {reason}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<LevelError> for Error {
    fn from(error: LevelError) -> Error {
        Error::SimdLevel(error)
    }
}
