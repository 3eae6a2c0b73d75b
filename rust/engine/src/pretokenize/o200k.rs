//! The split pattern of o200k_base (tiktoken's `openai_public.o200k_base`) and those made from it.
//!
//! Words end where an upper-case letter follows a lower-case one, letters without case and marks count
//! as either, an English contraction stays with its word, digits go by threes, and `/` belongs to the
//! newlines that follow punctuation.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::contractions::contraction;
use super::runs::{self, Characters, HAN, SLASH, Set, set};
use super::{ByRuns, Family, NEWLINE, WHITE, properties_at, run_end, white_space_end};
use crate::classes::{self, Class};

/// `DIGITS`: how many digits make a piece. `CONTRACTIONS`: an English contraction stays with its word.
/// `SLASH`: `/` may be among the newlines after punctuation. `HAN`: runs of Han are pieces of their
/// own, and no part of words.
pub(crate) struct O200k<
    const DIGITS: usize,
    const CONTRACTIONS: bool,
    const SLASH: bool,
    const HAN: bool,
>;

/// The characters of these classes that words are made of.
const fn word(classes: &[Class], han: bool) -> Set {
    if han { set(classes) & !HAN } else { set(classes) }
}

/// Before the last lower-case letter of a word.
const OPEN: &[Class] = &[Class::Upper, Class::Caseless, Class::Mark];
/// From the first lower-case letter on.
const TAIL: &[Class] = &[Class::Lower, Class::Caseless, Class::Mark];
/// What counts as either.
const EITHER: &[Class] = &[Class::Caseless, Class::Mark];
const SIGN: Set = set(&[Class::Punctuation, Class::Mark]);

const fn newline_or_slash(slash: bool) -> Set {
    if slash { NEWLINE | SLASH } else { NEWLINE }
}

/// The end of the word that starts at `start`, without contraction.
#[inline(always)]
fn word_end<const HAN: bool>(characters: impl Characters, start: usize) -> usize {
    let end = characters.run_end(start, word(OPEN, HAN));
    if let Some((Class::Lower, _)) = characters.class_at(end) {
        return characters.run_end(end, word(TAIL, HAN));
    }
    // No lower-case letter ends the word: the first alternative gives trailing capitals back.
    characters.last_end(start, end, word(EITHER, HAN)).unwrap_or(end)
}

#[inline(always)]
fn piece_end<const DIGITS: usize, const CONTRACTIONS: bool, const SLASH: bool, const HAN: bool>(
    characters: impl Characters,
    start: usize,
) -> usize {
    let text = characters.bytes();
    let (class, len) = characters.class_at(start).expect("start is inside the text");
    let han_at = |at| HAN && properties_at(text, at).is_some_and(|(_, p, _)| p & classes::HAN != 0);
    if han_at(start) {
        return characters.run_end(start, runs::HAN);
    }
    let next = characters.class_at(start + len).map(|(class, _)| class);
    let is_word = |class: Class| OPEN.contains(&class) || class == Class::Lower;
    let from = match class {
        class if is_word(class) => Some(start),
        Class::Space | Class::Punctuation if next.is_some_and(is_word) && !han_at(start + len) => {
            Some(start + len)
        }
        _ => None,
    };
    if let Some(from) = from {
        let end = word_end::<HAN>(characters, from);
        return match text.get(end) {
            Some(b'\'') if CONTRACTIONS => match contraction(text, end + 1) {
                0 => end,
                len => end + 1 + len,
            },
            _ => end,
        };
    }
    let is_sign = |class| matches!(class, Class::Punctuation | Class::Mark);
    match class {
        Class::Number => run_end(characters, start, DIGITS, |c| c == Class::Number),
        Class::Space | Class::Newline if text[start] != b' ' || !next.is_some_and(is_sign) => {
            white_space_end(characters, start, false)
        }
        _ => {
            let end = characters.run_end(start + len, SIGN);
            characters.run_end(end, newline_or_slash(SLASH))
        }
    }
}

impl<const DIGITS: usize, const CONTRACTIONS: bool, const SLASH: bool, const HAN: bool> Family
    for O200k<DIGITS, CONTRACTIONS, SLASH, HAN>
{
    const PROPERTIES: u8 = if HAN { classes::HAN } else { 0 };

    fn piece_end(text: &[u8], start: usize) -> usize {
        piece_end::<DIGITS, CONTRACTIONS, SLASH, HAN>(text, start)
    }

    const BY_RUNS: Option<ByRuns> = Some(ByRuns {
        sets: &[
            word(OPEN, HAN),
            word(TAIL, HAN),
            word(EITHER, HAN),
            SIGN,
            newline_or_slash(SLASH),
            WHITE,
            NEWLINE,
            runs::HAN,
        ],
        piece_end: |text, start| piece_end::<DIGITS, CONTRACTIONS, SLASH, HAN>(text, start),
    });

    fn starts(m: &CharMasks, context: &Context) -> Starts {
        // Han numbers, marks and symbols are rare.
        if HAN && m.han & !m.caseless != 0 {
            return Starts::UNKNOWN;
        }
        let either = m.caseless & !m.han | m.mark;
        let word = m.upper | m.lower | either;
        let space = m.space;
        let mut limit = m.len.saturating_sub(2);

        // A mark that does not follow a letter takes part in rules of its own.
        if m.mark & !(word << 1) != 0 {
            return Starts::UNKNOWN;
        }

        // `[\r\n/]*` after punctuation.
        let newline_or_slash = if SLASH { m.newline | m.slash } else { m.newline };
        let tail = flood(m.newline & (m.punctuation << 1), newline_or_slash);
        let newline = m.newline & !tail;
        let punctuation = m.punctuation & !tail;
        let punctuation_start = punctuation & !(punctuation << 1);
        let free_start = punctuation_start & !(m.blank << 1);
        // A single sign directly before a word belongs to it.
        let prefix = free_start & !(punctuation >> 1) & (word >> 1);

        let mut starts = 1 | free_start | m.han & !(m.han << 1);
        let mut word_start = word & !(word << 1) & !((prefix | space) << 1);

        // Lower to upper case; capitals after caseless letters.
        if either == 0 {
            word_start |= m.upper & (m.lower << 1);
        } else {
            let after_lower = flood(either & (m.lower << 1), either);
            word_start |= m.upper & ((m.lower | after_lower) << 1);
            let mut open = m.upper & (either << 1) & !(after_lower << 1);
            while open != 0 {
                let at = open.trailing_zeros();
                let end = at + (!(m.upper >> at)).trailing_zeros();
                if end >= m.len {
                    limit = limit.min(at - 1);
                } else if word >> end & 1 == 0 {
                    word_start |= 1 << at;
                }
                open &= open - 1;
            }
        }

        // Contractions.
        let mut apostrophes = if CONTRACTIONS { m.apostrophe & (word << 1) } else { 0 };
        let mut previous_end = 0;
        while apostrophes != 0 {
            let at = apostrophes.trailing_zeros();
            apostrophes &= apostrophes - 1;
            // After a contraction an apostrophe starts a piece.
            if at == previous_end {
                continue;
            }
            let len = context.contraction(at);
            if len == 0 {
                continue;
            }
            let end = at + 1 + len;
            starts &= !(1 << at);
            if end > limit {
                limit = limit.min(at);
                break;
            }
            if either >> end & 1 != 0 {
                return Starts::UNKNOWN;
            }
            word_start &= !(((1 << end) - 1) & !((1 << at) - 1));
            starts |= 1 << end;
            previous_end = end;
        }

        starts |= word_start | digit_groups::<DIGITS>(m.number);
        let run = if m.han >> (m.len - 1) & 1 != 0 { m.han } else { either };
        Starts::with_white_space(starts, newline, 0, m, limit, run)
    }
}
