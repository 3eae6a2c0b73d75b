//! The split pattern of cl100k_base (tiktoken's `openai_public.cl100k_base`) and those made from it.
//!
//! Contractions are pieces, a word takes one sign or space in front, digits go by threes, and
//! newlines belong to the punctuation before them.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::contractions::contraction;
use super::runs::{Characters, Set, set};
use super::{ByRuns, Family, NEWLINE, WHITE, run_end, white_space_end};
use crate::classes::Class;

/// `DIGITS`: how many digits make a piece. `MARKS`: marks are letters. `WHOLE_AT_END`: white space that
/// ends the text is one piece even when it holds newlines.
pub(crate) struct Cl100k<const DIGITS: usize, const MARKS: bool, const WHOLE_AT_END: bool>;

const fn letters(marks: bool) -> Set {
    let letters = set(&[Class::Upper, Class::Lower, Class::Caseless]);
    if marks { letters | set(&[Class::Mark]) } else { letters }
}

const fn signs(marks: bool) -> Set {
    let signs = set(&[Class::Punctuation]);
    if marks { signs } else { signs | set(&[Class::Mark]) }
}

#[inline(always)]
fn piece_end<const DIGITS: usize, const MARKS: bool, const WHOLE_AT_END: bool>(
    characters: impl Characters,
    start: usize,
) -> usize {
    let text = characters.bytes();
    let (class, len) = characters.class_at(start).expect("start is inside the text");
    if text[start] == b'\'' {
        let ending = contraction(text, start + 1);
        if ending > 0 {
            return start + 1 + ending;
        }
    }
    let next = characters.class_at(start + len).map(|(class, _)| class);
    let is = |class: Class, of: Set| of >> class as u32 & 1 != 0;
    match class {
        class if is(class, letters(MARKS)) => characters.run_end(start, letters(MARKS)),
        Class::Number => run_end(characters, start, DIGITS, |c| c == Class::Number),
        class if class != Class::Newline && next.is_some_and(|next| is(next, letters(MARKS))) => {
            characters.run_end(start + len, letters(MARKS))
        }
        Class::Space | Class::Newline
            if text[start] != b' ' || !next.is_some_and(|next| is(next, signs(MARKS))) =>
        {
            white_space_end(characters, start, WHOLE_AT_END)
        }
        _ => characters.run_end(characters.run_end(start + len, signs(MARKS)), NEWLINE),
    }
}

impl<const DIGITS: usize, const MARKS: bool, const WHOLE_AT_END: bool> Family
    for Cl100k<DIGITS, MARKS, WHOLE_AT_END>
{
    fn piece_end(text: &[u8], start: usize) -> usize {
        piece_end::<DIGITS, MARKS, WHOLE_AT_END>(text, start)
    }

    const BY_RUNS: Option<ByRuns> = Some(ByRuns {
        sets: &[letters(MARKS), signs(MARKS), WHITE, NEWLINE],
        piece_end: |text, start| piece_end::<DIGITS, MARKS, WHOLE_AT_END>(text, start),
    });

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
