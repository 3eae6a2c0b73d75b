//! Cuts text into pieces: what the split pattern of a tokenizer would match, without a regex engine.
//!
//! Each family of patterns is one file with the same rule written twice. `piece_end` is the plain
//! twin: one piece, character by character, in the order of the pattern's alternatives. `starts` finds
//! the piece starts of up to 64 characters at once by arithmetic on class bitmasks; it answers only
//! where the answer follows from the characters it was given and leaves the rest to the plain twin.

pub(crate) mod block;
pub(crate) mod cl100k;
pub(crate) mod classes;
pub(crate) mod gpt2;
pub(crate) mod o200k;
pub(crate) mod simd;

use block::{CharMasks, Context, Starts};
use classes::{Class, class_of, decode};

/// A family of split patterns.
pub(crate) trait Family {
    /// The end of the piece that starts at `start`. `text` is valid UTF-8, `start < text.len()` a
    /// piece start.
    fn piece_end(text: &[u8], start: usize) -> usize;

    /// The piece starts among the characters of `masks`, the first of which is one.
    fn starts(masks: &CharMasks, context: &Context) -> Starts;
}

/// The split patterns that have a scanner, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pretokenizer {
    /// r50k_base, p50k_base, GPT-2
    Gpt2,
    /// cl100k_base
    Cl100k,
    /// o200k_base, o200k_harmony
    O200k,
}

impl Pretokenizer {
    /// The name of the family.
    pub fn name(self) -> &'static str {
        match self {
            Pretokenizer::Gpt2 => "gpt2",
            Pretokenizer::Cl100k => "cl100k",
            Pretokenizer::O200k => "o200k",
        }
    }

    /// The end of the piece that starts at `start`, by the family's plain twin.
    pub(crate) fn piece_end(self, text: &[u8], start: usize) -> usize {
        match self {
            Pretokenizer::Gpt2 => gpt2::Gpt2::piece_end(text, start),
            Pretokenizer::Cl100k => cl100k::Cl100k::piece_end(text, start),
            Pretokenizer::O200k => o200k::O200k::piece_end(text, start),
        }
    }
}

/// The class and the length of the character at `at`; `None` at the end of the text.
#[inline(always)]
fn class_at(text: &[u8], at: usize) -> Option<(Class, usize)> {
    if at >= text.len() {
        return None;
    }
    let (c, len) = decode(text, at);
    Some((class_of(c), len))
}

/// The end of the run of characters from `at` on whose class `belongs`, at most `most` of them.
#[inline(always)]
fn run_end(text: &[u8], mut at: usize, most: usize, belongs: impl Fn(Class) -> bool) -> usize {
    for _ in 0..most {
        match class_at(text, at) {
            Some((class, len)) if belongs(class) => at += len,
            _ => break,
        }
    }
    at
}

/// The length in bytes of the ending of an English contraction at `at`, just after its apostrophe:
/// `s d m t ll ve re` in any case, where `ſ` is a case of `s`; 0 if there is none.
#[inline(always)]
pub(crate) fn contraction(text: &[u8], at: usize) -> usize {
    let Some(&first) = text.get(at) else { return 0 };
    match first | 0x20 {
        b's' | b'd' | b'm' | b't' => 1,
        first @ (b'l' | b'v' | b'r') => match (first, text.get(at + 1).map(|b| b | 0x20)) {
            (b'l', Some(b'l')) | (b'v' | b'r', Some(b'e')) => 2,
            _ => 0,
        },
        _ if text[at..].starts_with("ſ".as_bytes()) => 2,
        _ => 0,
    }
}

/// White space from `start` on, as the last alternatives of cl100k and o200k have it: up to the last
/// newline of the run; else the run up to, not including, its last character, which stays with what
/// follows; a single character, or a run at the end of the text, is a piece of its own.
/// `whole_at_end`: a run that ends the text is one piece even when it holds newlines.
fn white_space_end(text: &[u8], start: usize, whole_at_end: bool) -> usize {
    let (mut at, mut last, mut after_newline) = (start, start, None);
    while let Some((class @ (Class::Space | Class::Newline), len)) = class_at(text, at) {
        last = at;
        at += len;
        if class == Class::Newline {
            after_newline = Some(at);
        }
    }
    if at == text.len() && whole_at_end {
        return at;
    }
    match after_newline {
        Some(end) => end,
        None if at == text.len() || last == start => at,
        None => last,
    }
}
