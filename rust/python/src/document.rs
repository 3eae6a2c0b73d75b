//! A document as Python or Arrow keeps it, read as UTF-8 piece by piece.
//!
//! Positions are *units* of the storage: bytes of a `bytes` or an Arrow string, characters of
//! a `str`. This module knows neither Python objects nor tokens.

use std::borrow::Cow;
use std::ops::Range;

use fasttok_engine::{Utf8Errors, decode_utf8};
use fasttok_parallel::{Invalid, StoredText};
use fasttok_simd::Level;
use fasttok_simd::utf8::{self, LoneSurrogates, Unit, is_high, is_low, next_char};

use crate::errors::Offsets;

/// One document, borrowed from whoever owns it.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// Bytes that should be UTF-8; offsets are told in bytes.
    Bytes(&'a [u8]),
    /// Text in UTF-8; offsets are told in characters.
    Utf8(&'a [u8]),
    /// A `str` of characters up to U+007F: UTF-8 as it is.
    Ascii(&'a str),
    /// A `str` of characters up to U+00FF.
    Latin1(&'a [u8]),
    /// A `str` of characters up to U+FFFF. Two surrogates in it may be a pair, which is one character.
    Ucs2(&'a [u16]),
    /// A `str` with characters above U+FFFF.
    Ucs4(&'a [u32]),
}

impl Document<'_> {
    /// Length in units.
    pub fn len(&self) -> usize {
        match self {
            Document::Bytes(s) | Document::Utf8(s) | Document::Latin1(s) => s.len(),
            Document::Ascii(s) => s.len(),
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
}

impl StoredText for Document<'_> {
    fn units(&self) -> usize {
        self.len()
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        let start = range.start;
        let written = match self {
            Document::Ascii(s) => return s.decode(range, errors, scratch),
            Document::Bytes(s) | Document::Utf8(s) => return s.decode(range, errors, scratch),
            Document::Latin1(s) => transcode(&s[range], errors, scratch),
            Document::Ucs2(s) => transcode(&s[range], errors, scratch),
            Document::Ucs4(s) => transcode(&s[range], errors, scratch),
        }
        .map_err(|at| Invalid(start + at))?;
        // Checked once more, which is far cheaper than counting, so that no `unsafe` is needed.
        decode_utf8(&scratch[..written], errors).map_err(|_| Invalid(start))
    }

    fn reading_start(&self, unit: usize) -> usize {
        let at = unit.min(self.len());
        if at == 0 || at == self.len() {
            return at;
        }
        match self {
            Document::Bytes(s) | Document::Utf8(s) => s.reading_start(at),
            Document::Ascii(_) | Document::Latin1(_) => at,
            Document::Ucs2(s) => {
                at - usize::from(is_low(s[at].into()) && is_high(s[at - 1].into()))
            }
            Document::Ucs4(s) => at - usize::from(is_low(s[at]) && is_high(s[at - 1])),
        }
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        match self {
            Document::Ascii(_) => bytes,
            Document::Bytes(s) | Document::Utf8(s) => s.units_of(start, bytes),
            Document::Latin1(s) => count_units(&s[start..], bytes),
            Document::Ucs2(s) => count_units(&s[start..], bytes),
            Document::Ucs4(s) => count_units(&s[start..], bytes),
        }
    }
}

/// Writes the characters of a `str` to `scratch` as UTF-8: see [`utf8::transcode`].
fn transcode<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    scratch: &mut Vec<u8>,
) -> Result<usize, usize> {
    let lone = match errors {
        Utf8Errors::Strict => LoneSurrogates::Refuse,
        Utf8Errors::Replace => LoneSurrogates::Replace,
    };
    utf8::transcode(Level::chosen_or_portable(), units, lone, scratch)
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// The number of units at the start of `units` whose text is `bytes` long.
fn count_units<U: Unit>(units: &[U], bytes: usize) -> usize {
    let (mut at, mut text) = (0, 0);
    while text < bytes && at < units.len() {
        let (c, width) = next_char(&units[at..]);
        text += c.len_utf8();
        at += width;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

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
                    let cut = document.reading_start(at);
                    assert!(cut <= at && at - cut <= 3);
                    let left = document.decode(0..cut, Utf8Errors::Replace, &mut b).unwrap();
                    let right = document.decode(cut..len, Utf8Errors::Replace, &mut c).unwrap();
                    assert_eq!(format!("{left}{right}"), whole, "{document:x?} at {cut}");
                    assert_eq!(document.units_of(0, left.len()), cut);
                }
            }
        }
    }
}
