//! From ids to text as sentencepiece does it: what a `.model` file says of its pieces, and the blank in front that was
//! put there for encoding. Knows nothing of merging.

use std::borrow::Cow;

use super::rules::{META, Rules};
use crate::Error;

/// What an id stands for.
pub(crate) enum Written {
    /// This text, in which U+2581 is a blank.
    Text(String),
    /// This text as it is: what stands for the unknown.
    Surface(String),
    Byte(u8),
    /// Nothing.
    Control,
}

/// The pieces of a model, by id, and its rules.
pub(crate) struct Decoder {
    pub pieces: Vec<Written>,
    /// A blank in front belongs to the rules, not to the text.
    pub takes_prefix: bool,
    /// All blanks in front do.
    pub takes_all: bool,
    /// What is replaced in the text at last.
    pub denormalizer: Option<Rules>,
}

impl Decoder {
    /// Appends the text of `ids` to `text`, in bytes, for those of byte pieces need not be characters.
    pub fn decode(&self, ids: &[u32], text: &mut Vec<u8>) -> Result<(), Error> {
        let start = text.len();
        // The blank of the prefix is still to come.
        let mut at_start = self.takes_prefix;
        for &id in ids {
            let piece = usize::try_from(id).ok().and_then(|id| self.pieces.get(id));
            match piece.ok_or(Error::UnknownToken { id })? {
                Written::Byte(byte) => {
                    text.push(*byte);
                    continue;
                }
                Written::Control => {}
                Written::Surface(surface) => text.extend_from_slice(surface.as_bytes()),
                Written::Text(piece) => {
                    at_start &= text.len() == start;
                    let rest = piece.strip_prefix(META).filter(|_| at_start);
                    at_start &= rest.is_none() || self.takes_all;
                    text.extend_from_slice(rest.unwrap_or(piece).replace(META, " ").as_bytes());
                }
            }
        }
        if let Some(rules) = &self.denormalizer {
            let all = String::from_utf8_lossy(&text[start..]);
            let done = match rules.apply(&all, true)? {
                Cow::Owned(done) => done,
                Cow::Borrowed(_) => return Ok(()),
            };
            text.truncate(start);
            text.extend_from_slice(done.as_bytes());
        }
        Ok(())
    }

    /// The largest id plus one.
    pub fn id_end(&self) -> u32 {
        self.pieces.len() as u32
    }
}
