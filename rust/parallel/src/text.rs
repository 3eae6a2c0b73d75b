//! A text as its owner keeps it, read as UTF-8 part by part, so that a long one in another encoding need not be
//! transcoded as a whole. Knows no tokens.

use std::borrow::Cow;
use std::ops::Range;

use fasttok_engine::{Error, Level, Utf8Errors, decode_utf8};
use fasttok_simd::is_continuation;
use fasttok_simd::utf8::{self, LoneSurrogates, Unit, is_high, is_low, next_char};

/// The unit at which a text cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid(pub usize);

/// A text in whatever form it is kept. Positions are *units* of that form: bytes of UTF-8, `u16` of UTF-16, …
///
/// It is implemented for `str` (which is always valid), `[u8]` (which should be UTF-8), [`Latin1`], `[u16]` (which should
/// be UTF-16) and `[u32]` (which should be UTF-32; two surrogates in it may be a pair, as in Python).
///
/// ```
/// use fasttok_engine::{Encoding, Utf8Errors};
/// use fasttok_parallel::{Invalid, Options, SharedCounter, StoredText};
///
/// // Any of these is counted where it is, without being made a `String` first.
/// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
/// let (bytes, utf16) = ("Grüße".as_bytes().to_vec(), "Grüße".encode_utf16().collect::<Vec<u16>>());
/// assert_eq!(counter.count(&bytes, &Options::default())?, 3);
/// assert_eq!(counter.count(&&utf16[..], &Options::default())?, 3);
/// assert_eq!(utf16.units(), 5);
///
/// // A surrogate that is in no pair.
/// let refused = [0x61u16, 0xD800].decode(0..2, Utf8Errors::Strict, &mut Vec::new()).map(drop);
/// assert_eq!(refused, Err(Invalid(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait StoredText: Sync {
    /// Length in units.
    fn units(&self) -> usize;

    /// The text of `range`, borrowed from `self` where that keeps UTF-8, and from `scratch` where it does not. `range`
    /// begins and ends where [reading can begin](StoredText::reading_start).
    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid>;

    /// The last position `<= unit` at which reading can begin: what is before and what is after reads the same apart
    /// as together, invalid parts included. Never 0 for a text that is longer than a few units, unless `unit` is as
    /// small.
    fn reading_start(&self, unit: usize) -> usize;

    /// How many units from `start` on give the first `bytes` bytes of text.
    fn units_of(&self, start: usize, bytes: usize) -> usize;
}

impl StoredText for str {
    fn units(&self) -> usize {
        self.len()
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        _errors: Utf8Errors,
        _scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        Ok(Cow::Borrowed(&self[range]))
    }

    fn reading_start(&self, unit: usize) -> usize {
        let mut at = unit.min(self.len());
        while !self.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    fn units_of(&self, _start: usize, bytes: usize) -> usize {
        bytes
    }
}

impl StoredText for [u8] {
    fn units(&self) -> usize {
        self.len()
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        _scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        let start = range.start;
        decode_utf8(&self[range], errors).map_err(|e| match e {
            Error::InvalidUtf8 { offset } => Invalid(start + offset),
            _ => Invalid(start),
        })
    }

    fn reading_start(&self, unit: usize) -> usize {
        let mut at = unit.min(self.len());
        if at == self.len() {
            return at;
        }
        // No sequence has more than three continuation bytes: a fourth belongs to none.
        while at > 0
            && is_continuation(self[at])
            && !self[at.saturating_sub(3)..at].iter().all(|&b| is_continuation(b))
        {
            at -= 1;
        }
        at
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        let (mut units, mut text) = (0, 0);
        for chunk in self[start..].utf8_chunks() {
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
}

/// Characters up to U+00FF, a byte each.
///
/// ```
/// use fasttok_engine::Encoding;
/// use fasttok_parallel::{Latin1, Options, SharedCounter};
///
/// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
/// assert_eq!(counter.count(&Latin1(b"Gr\xFC\xDFe"), &Options::default())?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Latin1<'a>(pub &'a [u8]);

impl StoredText for Latin1<'_> {
    fn units(&self) -> usize {
        self.0.len()
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        transcode(self.0, range, errors, scratch)
    }

    fn reading_start(&self, unit: usize) -> usize {
        unit.min(self.0.len())
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        count_units(&self.0[start..], bytes)
    }
}

/// Units of which two that are surrogates may be a pair.
macro_rules! wide {
    ($($unit:ty),*) => {$(
        impl StoredText for [$unit] {
            fn units(&self) -> usize {
                self.len()
            }

            fn decode<'s>(
                &'s self,
                range: Range<usize>,
                errors: Utf8Errors,
                scratch: &'s mut Vec<u8>,
            ) -> Result<Cow<'s, str>, Invalid> {
                transcode(self, range, errors, scratch)
            }

            fn reading_start(&self, unit: usize) -> usize {
                let at = unit.min(self.len());
                if at == 0 || at == self.len() {
                    return at;
                }
                at - usize::from(is_low(self[at].code()) && is_high(self[at - 1].code()))
            }

            fn units_of(&self, start: usize, bytes: usize) -> usize {
                count_units(&self[start..], bytes)
            }
        }
    )*};
}

wide!(u16, u32);

/// The text of `units[range]`, written to `scratch`.
fn transcode<'s, U: Unit>(
    units: &[U],
    range: Range<usize>,
    errors: Utf8Errors,
    scratch: &'s mut Vec<u8>,
) -> Result<Cow<'s, str>, Invalid> {
    let start = range.start;
    let lone = match errors {
        Utf8Errors::Strict => LoneSurrogates::Refuse,
        Utf8Errors::Replace => LoneSurrogates::Replace,
    };
    let level = Level::chosen_or_portable();
    let written =
        utf8::transcode(level, &units[range], lone, scratch).map_err(|at| Invalid(start + at))?;
    // Checked once more, which is far cheaper than counting, so that no `unsafe` is needed.
    decode_utf8(&scratch[..written], errors).map_err(|_| Invalid(start))
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

/// What holds a text, or refers to one, is one.
macro_rules! delegate {
    ($([$($T:ident)?] $type:ty),*) => {$(
        impl<$($T: StoredText + ?Sized)?> StoredText for $type {
            fn units(&self) -> usize {
                (**self).units()
            }

            fn decode<'s>(
                &'s self,
                range: Range<usize>,
                errors: Utf8Errors,
                scratch: &'s mut Vec<u8>,
            ) -> Result<Cow<'s, str>, Invalid> {
                (**self).decode(range, errors, scratch)
            }

            fn reading_start(&self, unit: usize) -> usize {
                (**self).reading_start(unit)
            }

            fn units_of(&self, start: usize, bytes: usize) -> usize {
                (**self).units_of(start, bytes)
            }
        }
    )*};
}

delegate!([T] &T, [] String, [] Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_testing::Random;

    /// Holds reading `text` in two parts, wherever it can be cut, against reading it at once.
    fn check(text: &impl StoredText) {
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        let len = text.units();
        let whole = text.decode(0..len, Utf8Errors::Replace, &mut a).unwrap();
        for unit in 0..=len {
            let at = text.reading_start(unit);
            assert!(at <= unit && unit - at <= 3);
            let left = text.decode(0..at, Utf8Errors::Replace, &mut b).unwrap();
            let right = text.decode(at..len, Utf8Errors::Replace, &mut c).unwrap();
            assert_eq!(format!("{left}{right}"), whole, "at {at}");
            assert_eq!(text.units_of(0, left.len()), at);
        }
    }

    #[test]
    fn reading_in_two_parts_equals_reading_at_once() {
        let mut random = Random::new(2);
        let alphabet: [u8; 12] =
            [b'a', 0x80, 0xBF, 0xC3, 0xE4, 0xBD, 0xA0, 0xF0, 0x9F, 0x98, 0xFF, 0xED];
        for _ in 0..50_000 {
            let len = 1 + random.below(12);
            let bytes: Vec<u8> = (0..len).map(|_| alphabet[random.below(12)]).collect();
            check(&bytes);
            check(&String::from_utf8_lossy(&bytes).into_owned());
            check(&Latin1(&bytes));
            let units: Vec<u16> =
                (0..len).map(|_| *random.pick(&[0x61, 0xD83D, 0xDE00, 0x4F60])).collect();
            check(&&units[..]);
            let units: Vec<u32> = units.into_iter().map(u32::from).collect();
            check(&&units[..]);
        }
    }
}
