//! The three splits of DeepSeek V3, R1 and V4, one after the other: numbers by threes; unified
//! ideographs and kana; and, in the text between those, a pattern that knows letters with marks, ASCII signs
//! in front of ASCII words, and runs of punctuation and symbols.
//!
//! For the last one the text ends wherever a number, an ideograph or kana begins.

use super::block::{CharMasks, Context, Starts, digit_groups, flood};
use super::runs::Characters;
use super::{Family, NEWLINE, class_at, properties_at, run_end};
use crate::classes::{CJK, Class, OTHER};
use crate::interrupt::Watch;

pub(crate) struct DeepSeekV3;

/// What a character is to the last pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `[\p{L}\p{M}]`
    Letter,
    /// `[\p{P}\p{S}]`
    Sign,
    Space,
    Newline,
    /// No alternative begins with it, but it may precede letters.
    Other,
    /// A number or a character of the second split: the text ends.
    End,
}

fn kind_at(text: &[u8], at: usize) -> (Kind, usize) {
    let Some((class, properties, len)) = properties_at(text, at) else { return (Kind::End, 0) };
    let kind = match class {
        _ if properties & CJK != 0 => Kind::End,
        Class::Number => Kind::End,
        Class::Upper | Class::Lower | Class::Caseless | Class::Mark => Kind::Letter,
        Class::Space => Kind::Space,
        Class::Newline => Kind::Newline,
        Class::Punctuation if properties & OTHER != 0 => Kind::Other,
        Class::Punctuation => Kind::Sign,
    };
    (kind, len)
}

fn end_of(text: &[u8], mut at: usize, kind: Kind) -> usize {
    let mut watch = Watch::new();
    while let (found, len) = kind_at(text, at)
        && found == kind
        && !watch.stops(len)
    {
        at += len;
    }
    at
}

impl Family for DeepSeekV3 {
    const PROPERTIES: u8 = CJK | OTHER;

    fn piece_end(text: &[u8], start: usize) -> usize {
        let (kind, len) = kind_at(text, start);
        let (next, _) = kind_at(text, start + len);
        match kind {
            Kind::End if class_at(text, start).is_some_and(|(c, _)| c == Class::Number) => {
                run_end(text, start, 3, |c| c == Class::Number)
            }
            Kind::End => {
                let mut at = start;
                let mut watch = Watch::new();
                while let Some((_, properties, len)) = properties_at(text, at)
                    && properties & CJK != 0
                    && !watch.stops(len)
                {
                    at += len;
                }
                at
            }
            Kind::Sign
                if text[start].is_ascii()
                    && text.get(start + 1).is_some_and(u8::is_ascii_alphabetic) =>
            {
                let word = text[start + 1..].iter().take_while(|b| b.is_ascii_alphabetic());
                start + 1 + word.count()
            }
            Kind::Letter => end_of(text, start, Kind::Letter),
            Kind::Space | Kind::Other if next == Kind::Letter => {
                end_of(text, start + len, Kind::Letter)
            }
            Kind::Space | Kind::Newline if text[start] != b' ' || next != Kind::Sign => {
                white_space_end(text, start)
            }
            Kind::Other => {
                // What matches nothing stays together, up to what is before a letter.
                let mut at = start + len;
                let mut watch = Watch::new();
                while let (Kind::Other, len) = kind_at(text, at)
                    && kind_at(text, at + len).0 != Kind::Letter
                    && !watch.stops(len)
                {
                    at += len;
                }
                at
            }
            _ => text.run_end(end_of(text, start + len, Kind::Sign), NEWLINE),
        }
    }

    fn starts(m: &CharMasks, _: &Context) -> Starts {
        let end = m.number | m.cjk;
        let letter = (m.upper | m.lower | m.caseless | m.mark) & !m.cjk;
        let other = m.other & !m.cjk;
        let sign = m.punctuation & !(m.cjk | other);
        let limit = m.len.saturating_sub(2);

        let tail = flood(m.newline & (sign << 1), m.newline);
        let sign_start = sign & !(sign << 1);
        let free_start = sign_start & !(m.blank << 1);
        // One ASCII sign and the ASCII letters after it.
        let ascii_letter = m.ascii & letter;
        let prefix = free_start & !(sign >> 1) & m.ascii & (ascii_letter >> 1);
        let word = flood(prefix << 1, ascii_letter);

        let mut starts = 1 | free_start | digit_groups::<3>(m.number) | m.cjk & !(m.cjk << 1);
        starts |= letter & !(letter << 1) & !((prefix | m.space | other) << 1);
        starts |= (word << 1) & letter & !ascii_letter;
        starts |= other & (!(other << 1) | letter >> 1);
        let at_cjk = m.cjk >> (m.len - 1) & 1 != 0;
        let run = if at_cjk { m.cjk } else { (m.caseless | m.mark) & !m.cjk };
        Starts::with_white_space(starts, m.newline & !tail, end, m, limit, run)
    }
}

/// The alternatives for white space, before a [`Kind::End`] as at the end of the text.
fn white_space_end(text: &[u8], start: usize) -> usize {
    let (mut at, mut last, mut after_newline) = (start, start, None);
    let mut watch = Watch::new();
    while let (kind @ (Kind::Space | Kind::Newline), len) = kind_at(text, at)
        && !watch.stops(len)
    {
        last = at;
        at += len;
        if kind == Kind::Newline {
            after_newline = Some(at);
        }
    }
    match after_newline {
        Some(end) => end,
        None if kind_at(text, at).0 == Kind::End || last == start => at,
        None => last,
    }
}
