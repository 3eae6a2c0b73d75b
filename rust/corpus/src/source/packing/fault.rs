//! Why compressed data are not unpacked, or not to their end. Knows no compression.

use std::fmt;
use std::io;

use crate::skip_reason::{Reason, SkipReason};

/// What a decoder has against its input. The error of a reader that unpacks holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Unpacking takes more memory than it may have, in bytes.
    Window { window: u64, max: u64 },
    /// What the decoder does not know, and what to do with it.
    Unsupported(String),
    /// The file ends before the data do.
    Truncated,
    /// The data are not what they should be, in the words of the decoder.
    Damaged(String),
    /// The same, where no checksum vouches for the text from this byte on.
    Unchecked { why: String, from: u64 },
    /// After the data comes something that is none of this compression.
    Trailing(&'static str),
}

impl Fault {
    /// The fault after `text` bytes of text, of which the first `checked` were found to be right.
    pub fn unchecked_from(self, checked: u64, text: u64) -> Fault {
        match self {
            Fault::Damaged(why) if checked < text => Fault::Unchecked { why, from: checked },
            fault => fault,
        }
    }

    pub fn bad(&self) -> SkipReason {
        let reason = match self {
            Fault::Window { .. } => Reason::WindowTooLarge,
            Fault::Unsupported(_) => Reason::UnsupportedFormat,
            Fault::Truncated => Reason::Truncated,
            Fault::Damaged(_) | Fault::Unchecked { .. } | Fault::Trailing(_) => Reason::Corrupt,
        };
        SkipReason::new(reason, self.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Fault::Window { window, max } => write!(
                f,
                "unpacking takes a window of {window} bytes of memory, more than max_window_bytes allows \
                 ({max}); --max-window-bytes {window} reads it"
            ),
            Fault::Unsupported(what) => write!(f, "not supported yet: {what}"),
            Fault::Truncated => write!(f, "the compressed data end in the middle"),
            Fault::Damaged(why) => write!(f, "the compressed data are damaged ({why})"),
            Fault::Unchecked { why, from } => write!(
                f,
                "the compressed data are damaged ({why}; no checksum vouches for the text from byte {from} on)"
            ),
            Fault::Trailing(name) => write!(
                f,
                "bytes that are not {name} follow the compressed data, which end as they should"
            ),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        io::Error::other(fault)
    }
}
