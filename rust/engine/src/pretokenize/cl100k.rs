//! The split pattern of cl100k_base (tiktoken's `openai_public.cl100k_base`).
//!
//! Contractions are pieces, a word takes one sign or space in front, digits go by threes, and
//! newlines belong to the punctuation before them.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::classes::Class;
use super::{Family, class_at, contraction, run_end, white_space_end};

pub(crate) struct Cl100k;

fn is_letter(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Caseless)
}

fn is_sign(class: Class) -> bool {
    matches!(class, Class::Punctuation | Class::Mark)
}

impl Family for Cl100k {
    fn piece_end(text: &[u8], start: usize) -> usize {
        let (class, len) = class_at(text, start).expect("start is inside the text");
        if text[start] == b'\'' {
            let ending = contraction(text, start + 1);
            if ending > 0 {
                return start + 1 + ending;
            }
        }
        let next = class_at(text, start + len).map(|(class, _)| class);
        match class {
            class if is_letter(class) => run_end(text, start, usize::MAX, is_letter),
            Class::Number => run_end(text, start, 3, |c| c == Class::Number),
            class if class != Class::Newline && next.is_some_and(is_letter) => {
                run_end(text, start + len, usize::MAX, is_letter)
            }
            Class::Space | Class::Newline if text[start] != b' ' || !next.is_some_and(is_sign) => {
                white_space_end(text, start, true)
            }
            _ => {
                let mut end = run_end(text, start + len, usize::MAX, is_sign);
                while let Some(b'\r' | b'\n') = text.get(end) {
                    end += 1;
                }
                end
            }
        }
    }

    #[inline(always)]
    fn starts(m: &CharMasks, context: &Context) -> Starts {
        let letter = m.upper | m.lower | m.caseless;
        let sign = m.punctuation | m.mark;
        let mut limit = m.len.saturating_sub(2);

        let tail = flood(m.newline & (sign << 1), m.newline);
        let newline = m.newline & !tail;
        let sign_start = sign & !(sign << 1);
        let free_start = sign_start & !(m.blank << 1);
        // A single sign directly before letters belongs to them.
        let prefix = free_start & !(sign >> 1) & (letter >> 1);

        let mut starts = 1 | free_start | digit_groups(m.number);
        starts |= letter & !(letter << 1) & !((prefix | m.space) << 1);

        let mut apostrophes = m.apostrophe & prefix;
        while apostrophes != 0 {
            let at = apostrophes.trailing_zeros();
            apostrophes &= apostrophes - 1;
            let len = context.contraction(at);
            if len != 0 {
                let end = at + 1 + len;
                if end > limit {
                    limit = limit.min(at);
                    break;
                }
                starts |= 1 << end;
            }
        }
        Starts::with_white_space(starts, m.space, newline, m, limit)
    }
}
