//! The pieces of a text that may go on, or that is cut anywhere: where one ends whatever comes, and which grow evenly.
//!
//! Only for the families of patterns of which [`Pretokenizer::looks_ahead_little`] holds.
//!
//! [`Pretokenizer::looks_ahead_little`]: crate::pretokenize::Pretokenizer::looks_ahead_little

use crate::classes::{Class, class_of, decode, decode_before};
use crate::pretokenize::Scanner;

/// Bytes after a piece of which its end may depend, where the piece does not end with white space: a contraction.
const CONTRACTION: usize = 16;
/// A piece of so many bytes is long.
pub(super) const LONG: usize = 256;

/// The end of a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Where it is.
    pub at: usize,
    /// The piece ends there in every text that has the first `settled` bytes of this one; `usize::MAX` where that is not known.
    pub settled: usize,
}

/// The end of the piece of `text` that begins at `start`.
pub(super) fn piece_end(scanner: Scanner, text: &[u8], start: usize) -> End {
    let at = (scanner.piece_end)(text, start);
    if !is_blank(decode_before(text, at).0) {
        // At the end of the text it could go on.
        let settled = if at == text.len() { usize::MAX } else { at + CONTRACTION };
        return End { at, settled };
    }
    // The whole run of white space was looked at, and what comes after it.
    let mut end = at;
    while end < text.len() {
        let (c, len) = decode(text, end);
        end += len;
        if !is_blank(c) {
            return End { at, settled: end };
        }
    }
    End { at, settled: usize::MAX }
}

fn is_blank(c: u32) -> bool {
    matches!(class_of(c), Class::Space | Class::Newline)
}

/// The class of all characters of a long piece but the first two, if there is one: then all that begins it, but for the
/// shortest, is one piece as well, and so is the piece with more characters of this class.
pub(super) fn even_class(piece: &[u8]) -> Option<Class> {
    if piece.len() < LONG {
        return None;
    }
    let first = decode(piece, 0).1;
    let mut at = first + decode(piece, first).1;
    let class = class_of(decode(piece, at).0);
    while at < piece.len() {
        let (c, len) = decode(piece, at);
        if class_of(c) != class {
            return None;
        }
        at += len;
    }
    // Numbers are cut by how many they are.
    (class != Class::Number).then_some(class)
}
