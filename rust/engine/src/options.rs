//! How a text is taken: what special tokens in it are, and what becomes of bytes that are not UTF-8.

use std::borrow::Cow;

use crate::Error;

/// How special tokens that are in the text are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Special {
    /// They are plain text. Never an error.
    #[default]
    Text,
    /// Each is one token.
    Token,
    /// They are refused with [`Error::SpecialToken`].
    Error,
}

/// What to do with bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Utf8Errors {
    /// Refuse them with [`Error::InvalidUtf8`].
    #[default]
    Strict,
    /// Replace each maximal invalid part by U+FFFD, as Python's `errors="replace"` does.
    Replace,
}

/// The text of `bytes` under the policy `errors`. Valid UTF-8 is borrowed.
///
/// ```
/// use fasttok_engine::{Error, Utf8Errors, decode_utf8};
///
/// assert_eq!(decode_utf8(b"ab\xFF", Utf8Errors::Replace)?, "ab\u{FFFD}");
/// let refused = decode_utf8(b"ab\xFF", Utf8Errors::Strict);
/// assert_eq!(refused, Err(Error::InvalidUtf8 { offset: 2 }));
/// # Ok::<(), Error>(())
/// ```
pub fn decode_utf8(bytes: &[u8], errors: Utf8Errors) -> Result<Cow<'_, str>, Error> {
    // The basic check is the faster one; only a failure needs to know where.
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    match (simdutf8::compat::from_utf8(bytes), errors) {
        (Ok(text), _) => Ok(Cow::Borrowed(text)),
        (Err(e), Utf8Errors::Strict) => Err(Error::InvalidUtf8 { offset: e.valid_up_to() }),
        (Err(_), Utf8Errors::Replace) => Ok(String::from_utf8_lossy(bytes)),
    }
}
