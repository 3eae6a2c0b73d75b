//! The split sequences of DeepSeek's older tokenizers. Each split cuts the pieces of the one before, so that the
//! pieces of the last are told by neighbours alone.

use super::Family;
use super::block::{CharMasks, Context, Starts};
use crate::classes::{Class, PUNCTUATION, class_of, decode, properties_of};
use crate::interrupt::Watch;

/// DeepSeek Coder: newlines; letters with the white space before them; punctuation likewise; the
/// "CJK" range, which begins at U+0800; digits.
pub(crate) struct DeepSeekCoder;

/// DeepSeek V2 and LLM: the same, with letters of alphabets with case only, another notion of punctuation,
/// which has the letters of ASCII in it, and white space apart that ends a piece.
pub(crate) struct DeepSeekV2;

/// `[一-龥ࠀ-一가-퟿]`
fn in_range(c: u32) -> bool {
    matches!(c, 0x800..=0x9FA5 | 0xAC00..=0xD7FF)
}

/// `[!-/:-~！-／：-～‘-‟　-。]`
fn is_sign(c: u32) -> bool {
    matches!(
        c,
        0x21..=0x2F | 0x3A..=0x7E | 0xFF01..=0xFF0F | 0xFF1A..=0xFF5E | 0x2018..=0x201F | 0x3000..=0x3002
    )
}

/// The letters with case, as DeepSeek V2 lists them: first and last of each range.
const CASED: [(u32, u32); 87] = [
    (0x41, 0x5A),
    (0x61, 0x7A),
    (0xB5, 0xB5),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0x1BA),
    (0x1BC, 0x1BF),
    (0x1C4, 0x293),
    (0x295, 0x2AF),
    (0x370, 0x373),
    (0x376, 0x376),
    (0x377, 0x377),
    (0x37B, 0x37D),
    (0x37F, 0x37F),
    (0x386, 0x386),
    (0x388, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3F5),
    (0x3F7, 0x481),
    (0x48A, 0x52F),
    (0x531, 0x556),
    (0x10A0, 0x10C5),
    (0x13A0, 0x13F5),
    (0x13F8, 0x13FD),
    (0x1C90, 0x1CBA),
    (0x1CBD, 0x1CBF),
    (0x1D00, 0x1D2B),
    (0x1D6B, 0x1D77),
    (0x1D79, 0x1D9A),
    (0x1E00, 0x1F15),
    (0x1F18, 0x1F1D),
    (0x1F20, 0x1F45),
    (0x1F48, 0x1F4D),
    (0x1F50, 0x1F57),
    (0x1F59, 0x1F59),
    (0x1F5B, 0x1F5B),
    (0x1F5D, 0x1F5D),
    (0x1F5F, 0x1F7D),
    (0x1F80, 0x1FB4),
    (0x1FB6, 0x1FBC),
    (0x1FBE, 0x1FBE),
    (0x1FC2, 0x1FC4),
    (0x1FC6, 0x1FCC),
    (0x1FD0, 0x1FD3),
    (0x1FD6, 0x1FDB),
    (0x1FE0, 0x1FEC),
    (0x1FF2, 0x1FF4),
    (0x1FF6, 0x1FFC),
    (0x2102, 0x2102),
    (0x2107, 0x2107),
    (0x210A, 0x2113),
    (0x2115, 0x2115),
    (0x2119, 0x211D),
    (0x2124, 0x2124),
    (0x2126, 0x2126),
    (0x2128, 0x2128),
    (0x212A, 0x212D),
    (0x212F, 0x2134),
    (0x2139, 0x2139),
    (0x213C, 0x213F),
    (0x2145, 0x2149),
    (0x214E, 0x214E),
    (0x2183, 0x2183),
    (0x2184, 0x2184),
    (0x2C00, 0x2C7B),
    (0x2C7E, 0x2CE4),
    (0x2CEB, 0x2CEE),
    (0x2CF2, 0x2CF2),
    (0x2CF3, 0x2CF3),
    (0xA640, 0xA66D),
    (0xA680, 0xA69B),
    (0xA722, 0xA76F),
    (0xA771, 0xA787),
    (0xA78B, 0xA78E),
    (0xAB70, 0xABBF),
    (0xFB00, 0xFB06),
    (0xFB13, 0xFB17),
    (0xFF21, 0xFF3A),
    (0xFF41, 0xFF5A),
    (0x10400, 0x1044F),
    (0x104B0, 0x104D3),
    (0x104D8, 0x104FB),
    (0x10C80, 0x10CB2),
    (0x10CC0, 0x10CF2),
    (0x118A0, 0x118DF),
    (0x1E900, 0x1E943),
];

fn is_cased(c: u32) -> bool {
    if c < 0x80 {
        return (c as u8).is_ascii_alphabetic();
    }
    let at = CASED.partition_point(|&(first, _)| first <= c);
    at > 0 && c <= CASED[at - 1].1
}

/// What the splits ask of a character.
#[derive(Clone, Copy)]
struct Char {
    newline: bool,
    space: bool,
    number: bool,
    letter: bool,
    sign: bool,
    in_range: bool,
    len: usize,
}

fn char_at(text: &[u8], at: usize, is: fn(u32) -> (bool, bool)) -> Option<Char> {
    if at >= text.len() {
        return None;
    }
    let (c, len) = decode(text, at);
    let class = class_of(c);
    let (letter, sign) = is(c);
    Some(Char {
        newline: class == Class::Newline,
        space: class == Class::Space,
        number: class == Class::Number,
        letter,
        sign,
        in_range: in_range(c),
        len,
    })
}

/// `\p{L}` and `\p{P}`
fn coder(c: u32) -> (bool, bool) {
    let letter = matches!(class_of(c), Class::Upper | Class::Lower | Class::Caseless);
    (letter, properties_of(c) & PUNCTUATION != 0)
}

fn v2(c: u32) -> (bool, bool) {
    (is_cased(c), is_sign(c))
}

/// Where a piece of DeepSeek V2 ends that goes on from `end` through the characters that belong `to_run`, up to one of the
/// other side of the range than `in_range` or one that `stands_apart`. White space that ends the run, which may be long after
/// the piece, is no part of it, unless the run is nothing else: `last` is the end of what is no white space so far.
///
/// Looks beyond the piece only through white space after something else. So each of it is looked at by one piece before it,
/// and a run of many pieces takes no longer than they do.
fn part_end(
    text: &[u8],
    mut end: usize,
    mut last: Option<usize>,
    in_range: bool,
    to_run: impl Fn(Char, usize) -> bool,
    stands_apart: fn(Char) -> bool,
) -> usize {
    let mut watch = Watch::new();
    let belongs = |at: usize| char_at(text, at, v2).filter(|&c| to_run(c, at));
    while let Some(c) = belongs(end)
        && c.in_range == in_range
        && !stands_apart(c)
        && !watch.stops(c.len)
    {
        end += c.len;
        if !c.space {
            last = Some(end);
        }
    }
    let Some(last) = last else { return end };
    let mut at = end;
    while let Some(c) = belongs(at)
        && !watch.stops(c.len)
    {
        if !c.space {
            return end;
        }
        at += c.len;
    }
    last
}

const LETTER: usize = 0;
const SIGN: usize = 1;
const RANGE: usize = 2;

fn extra_of(c: u32, (letter, sign): (bool, bool)) -> u8 {
    u8::from(letter) << LETTER | u8::from(sign) << SIGN | u8::from(in_range(c)) << RANGE
}

impl Family for DeepSeekCoder {
    const EXTRA: Option<fn(u32) -> u8> = Some(|c| extra_of(c, coder(c)));

    fn piece_end(text: &[u8], start: usize) -> usize {
        let at = |at: usize| char_at(text, at, coder);
        let first = at(start).expect("start is inside the text");
        let mut end = start + first.len;
        if first.newline || first.number {
            return end;
        }
        let next = at(end);
        let mut watch = Watch::new();
        // White space goes with the letters or the signs after it.
        let attached = first.space && next.is_some_and(|next| next.letter || next.sign);
        let kind = if attached { next.expect("is one") } else { first };
        while let Some(c) = at(end) {
            if c.newline || c.number || c.in_range != first.in_range || watch.stops(c.len) {
                break;
            }
            let same = match (kind.letter, kind.sign) {
                (true, _) => c.letter,
                (_, true) => c.sign,
                _ => {
                    let after = || at(end + c.len).is_some_and(|after| after.letter || after.sign);
                    !(c.letter || c.sign || c.space && after())
                }
            };
            if !same {
                break;
            }
            end += c.len;
        }
        end
    }

    fn starts(m: &CharMasks, _: &Context) -> Starts {
        let [letter, sign, range] = m.extra;
        let rest = !(letter | sign | m.newline);
        let attached = m.space & ((letter | sign) >> 1);
        let mut starts = 1 | attached | rest & !(rest << 1);
        starts |= (letter & !(letter << 1) | sign & !(sign << 1)) & !(m.space << 1);
        for apart in [m.newline, m.number] {
            starts |= apart | apart << 1;
        }
        starts |= range ^ range << 1;
        Starts { mask: starts, limit: m.len.saturating_sub(2), run: 0 }
    }
}

impl Family for DeepSeekV2 {
    const EXTRA: Option<fn(u32) -> u8> = Some(|c| extra_of(c, v2(c)));

    fn piece_end(text: &[u8], start: usize) -> usize {
        let at = |at: usize| char_at(text, at, v2);
        let first = at(start).expect("start is inside the text");
        let mut end = start + first.len;
        if first.newline || first.number {
            return end;
        }
        let next = at(end);
        let mut watch = Watch::new();
        let attached = first.space && next.is_some_and(|next| next.letter);
        if first.letter || attached {
            // Letters that are signs are pieces of their own, with the white space before them.
            let kind =
                if first.letter || first.sign { first.sign } else { next.expect("is one").sign };
            while let Some(c) = at(end)
                && c.letter
                && c.sign == kind
                && c.in_range == first.in_range
                && !watch.stops(c.len)
            {
                end += c.len;
            }
            return end;
        }
        // Whether the character at `end` goes with letters after it.
        let goes_on = |c: Char, end: usize| c.space && at(end + c.len).is_some_and(|c| c.letter);
        let sign = |c: Char, end: usize| c.sign && !c.letter && !goes_on(c, end);
        if first.sign || first.space && next.is_some_and(|next| sign(next, end)) {
            let last = (!(first.space && first.sign)).then_some(end);
            return part_end(text, end, last, first.in_range, sign, |_| false);
        }
        // All else; white space that ends it is a piece of its own.
        let rest = |c: Char, end: usize| {
            let before_sign = || at(end + c.len).is_some_and(|next| sign(next, end + c.len));
            !(c.newline || c.letter || sign(c, end) || goes_on(c, end) || c.space && before_sign())
        };
        let last = (!first.space).then_some(end);
        part_end(text, end, last, first.in_range, rest, |c| c.number)
    }

    fn starts(m: &CharMasks, _: &Context) -> Starts {
        let [letter, sign, range] = m.extra;
        let mut limit = m.len.saturating_sub(2);
        let before_letter = m.space & (letter >> 1);
        let sign_only = sign & !(letter | before_letter);
        if sign & m.space != 0 {
            return Starts::UNKNOWN;
        }
        let before_sign = m.space & !before_letter & (sign_only >> 1);
        // Nothing is after the last character: white space that reaches it is not known to end there.
        let within = u64::MAX >> (64 - m.len);
        let rest = !(letter | sign_only | before_letter | before_sign | m.newline) & within;
        let mut starts = 1 | before_letter | before_sign | rest & !(rest << 1);
        starts |= (letter & !(letter << 1) | sign_only & !(sign_only << 1)) & !(m.space << 1);
        starts |= letter & (letter << 1) & (sign ^ sign << 1);
        for apart in [m.newline, m.number] {
            starts |= apart | apart << 1;
        }
        starts |= range ^ range << 1;
        // White space that ends what it is in.
        let space = m.space & rest;
        let mut ends = space & !(rest >> 1);
        while ends != 0 {
            let end = ends.trailing_zeros();
            ends &= ends - 1;
            let start = 64 - (!space & ((1 << end) - 1)).leading_zeros();
            if end + 1 >= m.len {
                // What follows is not known.
                match start.checked_sub(1) {
                    None => return Starts::UNKNOWN,
                    Some(last) => limit = limit.min(last),
                }
                break;
            }
            starts |= 1 << start;
        }
        Starts { mask: starts, limit, run: 0 }
    }
}
