//! The split pattern of o200k_base (tiktoken's `openai_public.o200k_base`).
//!
//! Words end where an upper-case letter follows a lower-case one, letters without case and marks count
//! as either, an English contraction stays with its word, digits go by threes, and `/` belongs to the
//! newlines that follow punctuation.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::classes::Class;
use super::{Family, class_at, contraction, run_end, white_space_end};

pub(crate) struct O200k;

fn is_word(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Caseless | Class::Mark)
}

/// The end of the word that starts at `start`, without contraction.
fn word_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut after_either) = (start, None);
    while let Some((class, len)) = class_at(text, at) {
        match class {
            Class::Upper => {}
            Class::Caseless | Class::Mark => after_either = Some(at + len),
            Class::Lower => {
                return run_end(text, at, usize::MAX, |c| is_word(c) && c != Class::Upper);
            }
            _ => break,
        }
        at += len;
    }
    // No lower-case letter ends the word: the first alternative gives trailing capitals back.
    after_either.unwrap_or(at)
}

impl Family for O200k {
    fn piece_end(text: &[u8], start: usize) -> usize {
        let (class, len) = class_at(text, start).expect("start is inside the text");
        let next = class_at(text, start + len).map(|(class, _)| class);
        let word = match class {
            class if is_word(class) => Some(start),
            Class::Space | Class::Punctuation if next.is_some_and(is_word) => Some(start + len),
            _ => None,
        };
        if let Some(word) = word {
            let end = word_end(text, word);
            return match text.get(end) {
                Some(b'\'') => match contraction(text, end + 1) {
                    0 => end,
                    len => end + 1 + len,
                },
                _ => end,
            };
        }
        match class {
            Class::Number => run_end(text, start, 3, |c| c == Class::Number),
            Class::Space | Class::Newline
                if text[start] != b' ' || next != Some(Class::Punctuation) =>
            {
                white_space_end(text, start, false)
            }
            _ => {
                let mut end = run_end(text, start + len, usize::MAX, |c| {
                    matches!(c, Class::Punctuation | Class::Mark)
                });
                while let Some(b'\r' | b'\n' | b'/') = text.get(end) {
                    end += 1;
                }
                end
            }
        }
    }

    #[inline(always)]
    fn starts(m: &CharMasks, context: &Context) -> Starts {
        let either = m.caseless | m.mark;
        let word = m.upper | m.lower | either;
        let space = m.space;
        let mut limit = m.len.saturating_sub(2);

        // A mark that does not follow a letter takes part in rules of its own.
        if m.mark & !(word << 1) != 0 {
            return Starts::UNKNOWN;
        }

        // `[\r\n/]*` behind punctuation.
        let tail = flood(m.newline & (m.punctuation << 1), m.newline | m.slash);
        let newline = m.newline & !tail;
        let punctuation = m.punctuation & !tail;
        let punctuation_start = punctuation & !(punctuation << 1);
        let free_start = punctuation_start & !(m.blank << 1);
        // A single sign directly before a word belongs to it.
        let prefix = free_start & !(punctuation >> 1) & (word >> 1);

        let mut starts = 1 | free_start;
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
        let mut apostrophes = m.apostrophe & (word << 1);
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

        starts |= word_start | digit_groups(m.number);
        Starts::with_white_space(starts, space, newline, m, limit)
    }
}
