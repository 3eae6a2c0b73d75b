//! The split pattern of cl100k_base (tiktoken's `openai_public.cl100k_base`) and those made from it.
//!
//! Contractions are pieces, a word takes one sign or space in front, digits go by threes, and
//! newlines belong to the punctuation before them.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::contractions::contraction;
use super::{Family, class_at, newlines_end, run_end, white_space_end};
use crate::classes::Class;

/// `DIGITS`: how many digits make a piece. `MARKS`: marks are letters. `WHOLE_AT_END`: white space that
/// ends the text is one piece even when it holds newlines.
pub(crate) struct Cl100k<const DIGITS: usize, const MARKS: bool, const WHOLE_AT_END: bool>;

fn is_letter<const MARKS: bool>(class: Class) -> bool {
    matches!(class, Class::Upper | Class::Lower | Class::Caseless) || MARKS && class == Class::Mark
}

fn is_sign<const MARKS: bool>(class: Class) -> bool {
    class == Class::Punctuation || !MARKS && class == Class::Mark
}

impl<const DIGITS: usize, const MARKS: bool, const WHOLE_AT_END: bool> Family
    for Cl100k<DIGITS, MARKS, WHOLE_AT_END>
{
    fn piece_end(text: &[u8], start: usize) -> usize {
        let (is_letter, is_sign) = (is_letter::<MARKS>, is_sign::<MARKS>);
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
            Class::Number => run_end(text, start, DIGITS, |c| c == Class::Number),
            class if class != Class::Newline && next.is_some_and(is_letter) => {
                run_end(text, start + len, usize::MAX, is_letter)
            }
            Class::Space | Class::Newline if text[start] != b' ' || !next.is_some_and(is_sign) => {
                white_space_end(text, start, WHOLE_AT_END)
            }
            _ => newlines_end(text, run_end(text, start + len, usize::MAX, is_sign)),
        }
    }

    fn starts(m: &CharMasks, context: &Context) -> Starts {
        let mut letter = m.upper | m.lower | m.caseless;
        let mut sign = m.punctuation;
        *(if MARKS { &mut letter } else { &mut sign }) |= m.mark;
        let mut limit = m.len.saturating_sub(2);

        let tail = flood(m.newline & (sign << 1), m.newline);
        let newline = m.newline & !tail;
        let sign_start = sign & !(sign << 1);
        let free_start = sign_start & !(m.blank << 1);
        // A single sign directly before letters belongs to them.
        let prefix = free_start & !(sign >> 1) & (letter >> 1);

        let mut starts = 1 | free_start | digit_groups::<DIGITS>(m.number);
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
        let run = if MARKS { m.caseless | m.mark } else { m.caseless };
        Starts::with_white_space(starts, newline, 0, m, limit, run)
    }
}
