//! A document as Python or Arrow keeps it, read as UTF-8 piece by piece.
//!
//! Positions are *units* of the storage: bytes of a `bytes` or an Arrow string, characters of
//! a `str`. This module knows neither Python objects nor tokens.

use std::borrow::Cow;
use std::ops::Range;

use fasttok_engine::{Utf8Errors, decode_utf8};

use crate::errors::Offsets;

/// One document, borrowed from whoever owns it.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// Bytes that should be UTF-8; offsets are told in bytes.
    Bytes(&'a [u8]),
    /// Text in UTF-8; offsets are told in characters.
    Utf8(&'a [u8]),
    /// A `str` of characters up to U+007F.
    Ascii(&'a [u8]),
    /// A `str` of characters up to U+00FF.
    Latin1(&'a [u8]),
    /// A `str` of characters up to U+FFFF. A surrogate in it is always a lone one.
    Ucs2(&'a [u16]),
    /// A `str` with characters above U+FFFF.
    Ucs4(&'a [u32]),
}

/// The unit at which a document cannot be read as text.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid(pub usize);

impl Document<'_> {
    /// Length in units.
    pub fn len(&self) -> usize {
        match self {
            Document::Bytes(s) | Document::Utf8(s) | Document::Ascii(s) | Document::Latin1(s) => {
                s.len()
            }
            Document::Ucs2(s) => s.len(),
            Document::Ucs4(s) => s.len(),
        }
    }

    /// What [`Failure::offset`](crate::errors::Failure) counts for this document.
    pub fn offsets(&self) -> Offsets {
        match self {
            Document::Bytes(_) => Offsets::Bytes,
            _ => Offsets::Characters,
        }
    }

    /// The position `unit` as the user counts, see [`Document::offsets`].
    pub fn user_offset(&self, unit: usize) -> usize {
        match self {
            Document::Utf8(s) => s[..unit].iter().filter(|&&b| !is_continuation(b)).count(),
            _ => unit,
        }
    }

    /// The text of `range`. It is borrowed from the document where that keeps UTF-8, and from
    /// `scratch` where it does not. `range` must begin and end at positions that are [fresh](Self::fresh).
    pub fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        let start = range.start;
        let written = match self {
            Document::Bytes(s) | Document::Utf8(s) | Document::Ascii(s) => {
                return decode_utf8(&s[range], errors).map_err(|e| match e {
                    fasttok_engine::Error::InvalidUtf8 { offset } => Invalid(start + offset),
                    _ => Invalid(start),
                });
            }
            Document::Latin1(s) => transcode(&s[range], errors, scratch),
            Document::Ucs2(s) => transcode(&s[range], errors, scratch),
            Document::Ucs4(s) => transcode(&s[range], errors, scratch),
        }
        .map_err(|at| Invalid(start + at))?;
        // Checked once more, which is far cheaper than counting, so that no `unsafe` is needed.
        decode_utf8(&scratch[..written], errors).map_err(|_| Invalid(start))
    }

    /// The last position `<= unit` at which reading can begin anew: what stands before and after
    /// reads the same apart as together, invalid parts included.
    pub fn fresh(&self, unit: usize) -> usize {
        let mut at = unit.min(self.len());
        if at == 0 || at == self.len() {
            return at;
        }
        match self {
            Document::Bytes(s) | Document::Utf8(s) => {
                // No sequence has more than three continuation bytes: a fourth belongs to none.
                while at > 0
                    && is_continuation(s[at])
                    && !s[at.saturating_sub(3)..at].iter().all(|&b| is_continuation(b))
                {
                    at -= 1;
                }
                at
            }
            Document::Ascii(_) | Document::Latin1(_) => at,
            Document::Ucs2(s) => {
                at - usize::from(is_low(s[at].into()) && is_high(s[at - 1].into()))
            }
            Document::Ucs4(s) => at - usize::from(is_low(s[at]) && is_high(s[at - 1])),
        }
    }

    /// The number of units from `start` on whose text is `bytes` long.
    pub fn units(&self, start: usize, bytes: usize, errors: Utf8Errors) -> usize {
        match self {
            Document::Ascii(_) => bytes,
            Document::Bytes(s) | Document::Utf8(s) => {
                let (mut units, mut text) = (0, 0);
                for chunk in s[start..].utf8_chunks() {
                    let valid = chunk.valid().len();
                    if text + valid >= bytes {
                        return units + (bytes - text);
                    }
                    text += valid + char::REPLACEMENT_CHARACTER.len_utf8();
                    units += valid + chunk.invalid().len();
                    if text >= bytes {
                        return units;
                    }
                }
                units
            }
            Document::Latin1(s) => count_units(&s[start..], bytes, errors),
            Document::Ucs2(s) => count_units(&s[start..], bytes, errors),
            Document::Ucs4(s) => count_units(&s[start..], bytes, errors),
        }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

fn is_high(code: u32) -> bool {
    code & 0xFFFF_FC00 == 0xD800
}

fn is_low(code: u32) -> bool {
    code & 0xFFFF_FC00 == 0xDC00
}

fn is_surrogate(code: u32) -> bool {
    code & 0xFFFF_F800 == 0xD800
}

/// A unit of a `str`: one character.
trait Unit: Copy {
    /// The most bytes that one such character has in UTF-8.
    const MAX_UTF8: usize;
    fn code(self) -> u32;
}

impl Unit for u8 {
    const MAX_UTF8: usize = 2;
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u16 {
    const MAX_UTF8: usize = 3;
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u32 {
    const MAX_UTF8: usize = 4;
    fn code(self) -> u32 {
        self
    }
}

/// Characters handled at once.
const BLOCK: usize = 16;

/// Writes `units` to `scratch` as UTF-8. Returns the bytes written; an error is the index of the first
/// surrogate.
fn transcode<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    scratch: &mut Vec<u8>,
) -> Result<usize, usize> {
    // Each character is written as four bytes, of which only its own count.
    let room = units.len() * U::MAX_UTF8 + 4 * BLOCK;
    if scratch.len() < room {
        scratch.resize(room, 0);
    }
    let (mut at, mut written) = (0, 0);
    while let Some(block) = units[at..].first_chunk::<BLOCK>() {
        let out = &mut scratch[written..written + 4 * BLOCK];
        if block.iter().fold(0, |any, unit| any | unit.code()) < 0x80 {
            for (byte, unit) in out.iter_mut().zip(block) {
                *byte = unit.code() as u8;
            }
            written += BLOCK;
        } else if U::MAX_UTF8 >= 3 && block.iter().any(|unit| is_surrogate(unit.code())) {
            // With care; what is behind comes back to blocks.
            let (read, bytes) = transcode_surrogates(&units[at..], errors, &mut scratch[written..])
                .map_err(|i| at + i)?;
            written += bytes;
            at += read;
            continue;
        } else {
            written += transcode_block(block, out);
        }
        at += BLOCK;
    }
    let (_, bytes) =
        transcode_surrogates(&units[at..], errors, &mut scratch[written..]).map_err(|i| at + i)?;
    written += bytes;
    Ok(written)
}

/// Writes characters that are no surrogates; returns the bytes written.
#[inline(always)]
fn transcode_block<U: Unit>(block: &[U; BLOCK], out: &mut [u8]) -> usize {
    let mut n = 0;
    for four in block.as_chunks::<4>().0 {
        let codes = four.map(Unit::code);
        let three = |code: &u32| (0x800..0x1_0000).contains(code);
        if U::MAX_UTF8 >= 3 && codes.iter().all(three) {
            // East Asian text is made of these: twelve bytes at once.
            let [a, b, c, d] = codes.map(three_bytes);
            let bytes =
                u128::from(a) | u128::from(b) << 24 | u128::from(c) << 48 | u128::from(d) << 72;
            out[n..n + 16].copy_from_slice(&bytes.to_le_bytes());
            n += 12;
        } else {
            for code in codes {
                let (bytes, len) = utf8_word::<U>(code);
                out[n..n + 4].copy_from_slice(&bytes.to_le_bytes());
                n += len;
            }
        }
    }
    n
}

#[inline(always)]
fn three_bytes(code: u32) -> u32 {
    0xE0 | (code >> 12) | (0x80 | (code >> 6 & 0x3F)) << 8 | (0x80 | (code & 0x3F)) << 16
}

/// Characters up to U+07FF as UTF-8, first byte lowest; their length in the highest byte.
static SHORT: [u32; 0x800] = {
    let mut table = [0; 0x800];
    let mut code = 0;
    while code < 0x800 {
        table[code as usize] = if code < 0x80 {
            code | 1 << 24
        } else {
            0xC0 | (code >> 6) | (0x80 | (code & 0x3F)) << 8 | 2 << 24
        };
        code += 1;
    }
    table
};

/// A character that is no surrogate as UTF-8, first byte lowest, and its length.
#[inline(always)]
fn utf8_word<U: Unit>(code: u32) -> (u32, usize) {
    let short = SHORT[code as usize & 0x7FF];
    let (mut word, mut len) = (short, (short >> 24) as usize);
    // Likely to be the same as for the character before, so that a branch is better than work.
    if U::MAX_UTF8 >= 3 && code >= 0x800 {
        (word, len) = (three_bytes(code), 3);
    }
    if U::MAX_UTF8 >= 4 && code >= 0x1_0000 {
        let three_last = three_bytes(code & 0xFFF) & 0xFFFF_FF00;
        word =
            0xF0 | (code >> 18) | (0x80 | (code >> 12 & 0x3F)) << 8 | (three_last & 0xFFFF00) << 8;
        len = 4;
    }
    (word, len)
}

/// Writes a block that may hold surrogates, character by character. Returns how many units it has read
/// and how many bytes it has written.
///
/// Under [`Utf8Errors::Replace`], as `text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")`:
/// a pair becomes the character it stands for in UTF-16, any other surrogate U+FFFD.
#[cold]
fn transcode_surrogates<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    out: &mut [u8],
) -> Result<(usize, usize), usize> {
    let (mut at, mut written) = (0, 0);
    while at < units.len().min(BLOCK) {
        if errors == Utf8Errors::Strict && is_surrogate(units[at].code()) {
            return Err(at);
        }
        let (c, width) = next_char(&units[at..]);
        written += c.encode_utf8(&mut out[written..]).len();
        at += width;
    }
    Ok((at, written))
}

/// The first character of `units` under [`Utf8Errors::Replace`], and how many units it takes.
fn next_char<U: Unit>(units: &[U]) -> (char, usize) {
    let code = units[0].code();
    if is_high(code)
        && let Some(low) = units.get(1).map(|u| u.code())
        && is_low(low)
    {
        let code = 0x1_0000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 2);
    }
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 1)
}

/// The number of units at the start of `units` whose text is `bytes` long.
fn count_units<U: Unit>(units: &[U], bytes: usize, errors: Utf8Errors) -> usize {
    let (mut at, mut text) = (0, 0);
    while text < bytes && at < units.len() {
        let (c, width) = match errors {
            Utf8Errors::Strict => {
                (char::from_u32(units[at].code()).unwrap_or(char::REPLACEMENT_CHARACTER), 1)
            }
            Utf8Errors::Replace => next_char(&units[at..]),
        };
        text += c.len_utf8();
        at += width;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(units: &[u32]) -> String {
        let utf16: Vec<u16> = units
            .iter()
            .flat_map(|&u| {
                let mut buf = [0; 2];
                match char::from_u32(u) {
                    Some(c) => c.encode_utf16(&mut buf).to_vec(),
                    None => vec![u as u16],
                }
            })
            .collect();
        String::from_utf16_lossy(&utf16)
    }

    /// Deterministic numbers, good enough to mix characters.
    fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        }
    }

    #[test]
    fn transcoding_equals_the_standard_library() {
        let mut next = numbers(1);
        let ranges: [(u32, u32); 6] = [
            (0, 0x80),
            (0x80, 0x800),
            (0x800, 0xD800),
            (0x4E00, 0x9FFF),
            (0xD800, 0xE000),
            (0x1_0000, 0x11_0000),
        ];
        for round in 0..20_000 {
            let len = next() as usize % 70;
            let kinds: Vec<usize> = (0..3).map(|_| next() as usize % 6).collect();
            let units: Vec<u32> = (0..len)
                .map(|_| {
                    let (low, high) = ranges[kinds[next() as usize % 3]];
                    low + next() as u32 % (high - low)
                })
                .collect();
            let expected = reference(&units);
            let mut scratch = Vec::new();
            let ucs2: Option<Vec<u16>> = units.iter().map(|&u| u16::try_from(u).ok()).collect();
            let latin1: Option<Vec<u8>> = units.iter().map(|&u| u8::try_from(u).ok()).collect();
            let mut documents = vec![Document::Ucs4(&units)];
            documents.extend(ucs2.as_deref().map(Document::Ucs2));
            documents.extend(latin1.as_deref().map(Document::Latin1));
            let first_surrogate = units.iter().position(|&u| is_surrogate(u));
            for document in documents {
                let lossy = document.decode(0..len, Utf8Errors::Replace, &mut scratch).unwrap();
                assert_eq!(lossy, expected, "round {round}: {units:x?}");
                let strict = document.decode(0..len, Utf8Errors::Strict, &mut scratch);
                match first_surrogate {
                    Some(at) => assert_eq!(strict, Err(Invalid(at))),
                    None => assert_eq!(strict.unwrap(), expected),
                }
            }
        }
    }

    #[test]
    fn reading_in_two_parts_equals_reading_at_once() {
        let mut next = numbers(2);
        let alphabet: [u8; 12] =
            [b'a', 0x80, 0xBF, 0xC3, 0xE4, 0xBD, 0xA0, 0xF0, 0x9F, 0x98, 0xFF, 0xED];
        for _ in 0..50_000 {
            let len = 1 + next() as usize % 12;
            let bytes: Vec<u8> =
                (0..len).map(|_| alphabet[next() as usize % alphabet.len()]).collect();
            let units: Vec<u16> =
                (0..len).map(|_| [0x61, 0xD83D, 0xDE00, 0x4F60][next() as usize % 4]).collect();
            for document in [Document::Bytes(&bytes), Document::Ucs2(&units)] {
                let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
                let whole = document.decode(0..len, Utf8Errors::Replace, &mut a).unwrap();
                for at in 0..=len {
                    let cut = document.fresh(at);
                    assert!(cut <= at && at - cut <= 3);
                    let left = document.decode(0..cut, Utf8Errors::Replace, &mut b).unwrap();
                    let right = document.decode(cut..len, Utf8Errors::Replace, &mut c).unwrap();
                    assert_eq!(format!("{left}{right}"), whole, "{document:x?} at {cut}");
                    assert_eq!(document.units(0, left.len(), Utf8Errors::Replace), cut);
                }
            }
        }
    }
}
