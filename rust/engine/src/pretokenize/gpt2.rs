//! The split pattern of GPT-2, r50k_base and p50k_base (tiktoken's `openai_public.r50k_pat_str`).
//!
//! Runs of letters, of numbers and of signs, each with one blank in front; lower-case contractions.

use super::block::{CharMasks, Context, Starts};
use super::contractions::lower_contraction;
use super::{Family, class_at, run_end};
use crate::classes::Class;
use crate::interrupt::Watch;

/// `DIGITS_APART`: a split at every digit comes before the pattern, which sees the text between them.
pub(crate) struct Gpt2<const DIGITS_APART: bool>;

/// What a run is made of: classes that the pattern does not tell apart are equal.
fn kind(class: Class) -> u8 {
    match class {
        Class::Upper | Class::Lower | Class::Caseless => 0,
        Class::Number => 1,
        Class::Punctuation | Class::Mark => 2,
        Class::Space | Class::Newline => 3,
    }
}

impl<const DIGITS_APART: bool> Family for Gpt2<DIGITS_APART> {
    fn piece_end(text: &[u8], start: usize) -> usize {
        if DIGITS_APART && let Some((Class::Number, len)) = class_at(text, start) {
            return start + len;
        }
        if text[start] == b'\'' && start + 1 < text.len() {
            let ending = lower_contraction(text, start + 1);
            if ending > 0 {
                return start + 1 + ending;
            }
        }
        let run_from = |at: usize| {
            class_at(text, at)
                .map(|(class, _)| kind(class))
                .filter(|&k| k != 3 && !(DIGITS_APART && k == 1))
                .map(|k| run_end(text, at, usize::MAX, |c| kind(c) == k))
        };
        let after_blank = if text[start] == b' ' { run_from(start + 1) } else { None };
        if let Some(end) = after_blank.or_else(|| run_from(start)) {
            return end;
        }
        let (mut at, mut last) = (start, start);
        let mut watch = Watch::new();
        while let Some((class, len)) = class_at(text, at) {
            if kind(class) != 3 || watch.stops(len) {
                break;
            }
            last = at;
            at += len;
        }
        let whole = DIGITS_APART && class_at(text, at).is_some_and(|(c, _)| c == Class::Number);
        if at == text.len() || last == start || whole { at } else { last }
    }

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
