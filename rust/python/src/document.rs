//! A document as Python or Arrow keeps it, read as UTF-8 piece by piece.
//!
//! Positions are *units* of the storage: bytes of a `bytes` or an Arrow string, characters of
//! a `str`. This module knows neither Python objects nor tokens.

use std::borrow::Cow;
use std::ops::Range;

use fasttok_engine::Utf8Errors;
use fasttok_parallel::{Invalid, Latin1, StoredText};
use fasttok_simd::is_continuation;

/// What offsets in a document count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    /// Characters of a `str`.
    Characters,
    /// Bytes of a `bytes`.
    Bytes,
}

impl Offsets {
    /// What one is called.
    pub fn unit(self) -> &'static str {
        match self {
            Offsets::Characters => "character",
            Offsets::Bytes => "byte",
        }
    }
}

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
    Latin1(Latin1<'a>),
    /// A `str` of characters up to U+FFFF. Two surrogates in it may be a pair, which is one character.
    Ucs2(&'a [u16]),
    /// A `str` with characters above U+FFFF.
    Ucs4(&'a [u32]),
}

impl Document<'_> {
    /// Length in units.
    pub fn len(&self) -> usize {
        self.units()
    }

    /// What the offsets that its user is told count.
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

/// `$what` of whatever text a document is.
macro_rules! each {
    ($document:expr, $text:ident => $what:expr) => {
        match $document {
            Document::Bytes($text) | Document::Utf8($text) => $what,
            Document::Ascii($text) => $what,
            Document::Latin1($text) => $what,
            Document::Ucs2($text) => $what,
            Document::Ucs4($text) => $what,
        }
    };
}

impl StoredText for Document<'_> {
    fn units(&self) -> usize {
        each!(self, text => text.units())
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        each!(self, text => text.decode(range, errors, scratch))
    }

    fn reading_start(&self, unit: usize) -> usize {
        each!(self, text => text.reading_start(unit))
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        each!(self, text => text.units_of(start, bytes))
    }
}
