//! The split pattern of GPT-2, r50k_base and p50k_base (tiktoken's `openai_public.r50k_pat_str`).
//!
//! Runs of letters, of numbers and of signs, each with one blank in front; lower-case contractions.

use super::block::{CharMasks, Context, Starts};
use super::contractions::lower_contraction;
use super::runs::{Characters, Set, set};
use super::{ByRuns, Family};
use crate::classes::{Class, decode_before};

/// `DIGITS_APART`: a split at every digit comes before the pattern, which sees the text between them.
pub(crate) struct Gpt2<const DIGITS_APART: bool>;

/// What runs are made of: letters, numbers, signs, white space.
const KINDS: [Set; 4] = [
    set(&[Class::Upper, Class::Lower, Class::Caseless]),
    set(&[Class::Number]),
    set(&[Class::Punctuation, Class::Mark]),
    WHITE,
];
const WHITE: Set = set(&[Class::Space, Class::Newline]);

/// The number of the run's kind.
fn kind(class: Class) -> usize {
    match class {
        Class::Upper | Class::Lower | Class::Caseless => 0,
        Class::Number => 1,
        Class::Punctuation | Class::Mark => 2,
        Class::Space | Class::Newline => 3,
    }
}

#[inline(always)]
fn piece_end<const DIGITS_APART: bool>(characters: impl Characters, start: usize) -> usize {
    let text = characters.bytes();
    if DIGITS_APART && let Some((Class::Number, len)) = characters.class_at(start) {
        return start + len;
    }
    if text[start] == b'\'' && start + 1 < text.len() {
        let ending = lower_contraction(text, start + 1);
        if ending > 0 {
            return start + 1 + ending;
        }
    }
    let run_from = |at: usize| {
        characters
            .class_at(at)
            .map(|(class, _)| kind(class))
            .filter(|&k| k != 3 && !(DIGITS_APART && k == 1))
            .map(|k| characters.run_end(at, KINDS[k]))
    };
    let after_blank = if text[start] == b' ' { run_from(start + 1) } else { None };
    if let Some(end) = after_blank.or_else(|| run_from(start)) {
        return end;
    }
    let at = characters.run_end(start, WHITE);
    let last = at - decode_before(text, at).1;
    let whole = DIGITS_APART && characters.class_at(at).is_some_and(|(c, _)| c == Class::Number);
    if at == text.len() || last == start || whole { at } else { last }
}

impl<const DIGITS_APART: bool> Family for Gpt2<DIGITS_APART> {
    fn piece_end(text: &[u8], start: usize) -> usize {
        piece_end::<DIGITS_APART>(text, start)
    }

    const BY_RUNS: Option<ByRuns> = Some(ByRuns {
        sets: &KINDS,
        piece_end: |text, start| piece_end::<DIGITS_APART>(text, start),
    });

    fn starts(m: &CharMasks, context: &Context) -> Starts {
        let letter = m.upper | m.lower | m.caseless;
        let sign = m.punctuation | m.mark;
        let white = m.space | m.newline;
        let mut limit = m.len.saturating_sub(2);

        let run_start = letter & !(letter << 1) | sign & !(sign << 1);
        let number_start = m.number & !(m.number << 1);
        let mut starts = 1 | run_start & !(m.blank << 1) | white & !(white << 1);
        // The last character of white space goes with what follows, or stands alone.
        starts |= if DIGITS_APART {
            m.number | white & !((white | m.number) >> 1)
        } else {
            number_start & !(m.blank << 1) | white & !(white >> 1)
        };

        let mut apostrophes = m.apostrophe & sign & !(sign << 1) & !(m.blank << 1) & (letter >> 1);
        while apostrophes != 0 {
            let at = apostrophes.trailing_zeros();
            apostrophes &= apostrophes - 1;
            let len = context.lower_contraction(at);
            if len != 0 {
                let end = at + 1 + len;
                if end > limit {
                    limit = limit.min(at);
                    break;
                }
                starts &= !(1 << (at + 1));
                starts |= 1 << end;
            }
        }
        Starts { mask: starts, limit, run: m.caseless }
    }
}
