//! The text of a JSON string, from the string as it is written.
//!
//! Our own because texts are full of `\n`, so that this and not the parser decides how fast JSONL is read, and
//! because a lone surrogate must be told apart from broken JSON and must be replaceable: parsers offer neither.
//! It relies on the grammar having been checked.

use std::borrow::Cow;

use fasttok_engine::{Utf8Errors, decode_utf8};

/// Half of a surrogate pair in the string.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LoneSurrogate {
    /// Byte offset in the string as written, without the quotes.
    pub offset: usize,
}

/// Bytes looked at and copied at a time. Escapes come often enough that more would be looked at twice.
const BLOCK: usize = 16;

/// What stands for itself or for a control character after a backslash. 0 for `u`, which needs more.
pub(super) const SHORT: [u8; 256] = {
    let mut short = [0; 256];
    short[b'"' as usize] = b'"';
    short[b'\\' as usize] = b'\\';
    short[b'/' as usize] = b'/';
    short[b'b' as usize] = 0x08;
    short[b'f' as usize] = 0x0c;
    short[b'n' as usize] = b'\n';
    short[b'r' as usize] = b'\r';
    short[b't' as usize] = b'\t';
    short
};

/// The text of the string `raw` (given without its quotes), in `buffer` or, where nothing is escaped, `raw` itself.
pub(crate) fn unescape<'a>(
    raw: &'a str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, LoneSurrogate> {
    let from = raw.as_bytes();
    let Some(first) = memchr::memchr(b'\\', from) else {
        return Ok(raw);
    };
    // No escape is shorter than what it stands for; a block may be written past the end of the text.
    if buffer.len() < from.len() + BLOCK {
        buffer.resize(from.len() + BLOCK, 0);
    }
    let to = buffer.as_mut_slice();
    to[..first].copy_from_slice(&from[..first]);
    let (mut i, mut o) = (first, first);
    // Here `from[i]` is a backslash.
    loop {
        let short = SHORT[usize::from(from[i + 1])];
        if short != 0 {
            to[o] = short;
            i += 2;
            o += 1;
        } else {
            let (c, len) = match hex_escape(&from[i..]) {
                Ok(found) => found,
                Err(()) if errors == Utf8Errors::Replace => (char::REPLACEMENT_CHARACTER, 6),
                Err(()) => return Err(LoneSurrogate { offset: i }),
            };
            o += c.encode_utf8(&mut to[o..]).len();
            i += len;
        }
        // On to the next one, a block at a time.
        while let (Some(block), Some(out)) = (
            from.get(i..).and_then(<[u8]>::first_chunk::<BLOCK>),
            to.get_mut(o..).and_then(<[u8]>::first_chunk_mut::<BLOCK>),
        ) {
            *out = *block;
            let plain = before_backslash(block);
            i += plain;
            o += plain;
            if plain < BLOCK {
                break;
            }
        }
        if from.len() - i < BLOCK {
            while i < from.len() && from[i] != b'\\' {
                to[o] = from[i];
                i += 1;
                o += 1;
            }
            if i == from.len() {
                break;
            }
        }
    }
    // Cannot fail, for escapes are ASCII and what they stand for is written as UTF-8; checking is cheap.
    match decode_utf8(&buffer[..o], Utf8Errors::Strict) {
        Ok(Cow::Borrowed(text)) => Ok(text),
        _ => unreachable!("an unescaped string stays UTF-8"),
    }
}

/// How many bytes of the block are before its first backslash.
fn before_backslash(block: &[u8; BLOCK]) -> usize {
    let found = backslashes(u128::from_le_bytes(*block));
    (found.trailing_zeros() / 8) as usize
}

/// A bit for the first byte that is a backslash; those above it may be wrong.
fn backslashes(block: u128) -> u128 {
    const LOW: u128 = u128::from_le_bytes([0x01; BLOCK]);
    const HIGH: u128 = u128::from_le_bytes([0x80; BLOCK]);
    let zeros = block ^ u128::from_le_bytes([b'\\'; BLOCK]);
    zeros.wrapping_sub(LOW) & !zeros & HIGH
}

/// The character of the `\u` escape (or of the pair) at the start of `from`, and the length of the escape.
fn hex_escape(from: &[u8]) -> Result<(char, usize), ()> {
    let unit = hex4(from).ok_or(())?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Ok((char::from_u32(unit).ok_or(())?, 6));
    }
    match from.get(6..).and_then(hex4) {
        Some(low) if (0xdc00..0xe000).contains(&low) => {
            let c = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Ok((char::from_u32(c).ok_or(())?, 12))
        }
        _ => Err(()),
    }
}

/// The value of `\uXXXX` at the start of `from`.
fn hex4(from: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = from.first_chunk::<6>()? else {
        return None;
    };
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | (digit as char).to_digit(16)?))
}
