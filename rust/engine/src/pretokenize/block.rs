//! Up to 64 characters as class bitmasks, and the arithmetic that the families share.
//!
//! A block begins at a piece start, or where what is after ends as if a piece began there ([`BlockStarts::cuts`]), so
//! nothing has to be carried from the one before. Bit i of a
//! mask is character i (not byte i): multi-byte characters are one bit each, and the rules of the
//! patterns, which speak of characters, become shifts.
//!
//! `one  two` with the rules of white space that cl100k and o200k share, bit 0 on the left:
//!
//! ```text
//! characters               o n e     t w o
//! space                    0 0 0 1 1 0 0 0
//! space & !(space << 1)    0 0 0 1 0 0 0 0   where white space begins
//! space & !(space >> 1)    0 0 0 0 1 0 0 0   the last space goes with what follows
//! starts                   1 0 0 1 1 0 0 0   "one", " ", " two"
//! ```

use std::ops::RangeInclusive;

use fasttok_simd::{ByteMasks, Simd, prefetch};

use super::{Pretokenizer, Scanner};
use crate::bits::low_bits;
use crate::classes::{
    CJK, CLASS, Class, HAN, OTHER, class_index, class_row, decode, decode_before, properties_of,
};
use crate::interrupt::{STRIDE, Watch};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;
/// Readable bytes that a block needs after its end (a character or a contraction may reach over it).
pub(crate) const SLACK: usize = 32;

/// A text is asked for so many bytes ahead: the processor itself does so within a page only, and not where a text begins.
const AHEAD: usize = 1024;

/// Who takes the pieces of a text: see [`for_each_block`].
pub(crate) trait Blocks {
    /// Takes the pieces that begin in the `len` bytes at `at` and are certain to end there; at least
    /// one. Returns their bytes. The text ends at `end`, but more can be read: two blanks, if `len` goes over it.
    fn block<S: Simd>(&mut self, simd: S, text: &[u8], at: usize, len: usize, end: usize) -> usize;
}

/// Hands `text`, UTF-8, on block by block. Returns whether that came to an end and was not interrupted.
#[inline(always)]
pub(crate) fn for_each_block<S: Simd>(
    simd: S,
    pretokenizer: &Pretokenizer,
    text: &[u8],
    blocks: &mut impl Blocks,
) -> bool {
    let mut at = 0;
    let mut watch = Watch::new();
    if text.len() > AHEAD {
        for line in 1..AHEAD / BLOCK {
            prefetch(text, line * BLOCK);
        }
    }
    while at + BLOCK + SLACK <= text.len() {
        let start = at;
        let stride = text.len().min(start + STRIDE);
        while at + BLOCK + SLACK <= stride || at == start {
            prefetch(text, at + AHEAD);
            at += blocks.block(simd, text, at, BLOCK, text.len());
        }
        if watch.stops(at - start) {
            return false;
        }
    }
    // The rest, where blocks and keys may be read beyond the end. With two blanks in sight the last piece is certain,
    // and most short texts are one block; without them it takes another one, or two, and the scalar scanner.
    let mut rest = [b' '; 2 * (BLOCK + SLACK)];
    let len = text.len().saturating_sub(at);
    rest[..len].copy_from_slice(&text[text.len() - len..]);
    // Not asked before, for the end of a text that was not read yet is far away.
    let ends = len > 0 && pretokenizer.ends_before_blank(decode_before(text, text.len()).0);
    let in_sight = if ends { len + 2 } else { len };
    let mut at = 0;
    while at < len {
        at += blocks.block(simd, &rest, at, BLOCK.min(in_sight - at), len);
    }
    true
}

/// The classes of the characters of a block, a bit a character.
pub(crate) struct CharMasks {
    /// Number of characters.
    pub len: u32,
    pub upper: u64,
    pub lower: u64,
    pub caseless: u64,
    pub mark: u64,
    pub number: u64,
    /// White space other than newlines.
    pub space: u64,
    pub newline: u64,
    pub punctuation: u64,
    /// U+0020; also in `space`.
    pub blank: u64,
    /// `'`; also in `punctuation`.
    pub apostrophe: u64,
    /// `/`; also in `punctuation`.
    pub slash: u64,
    /// ASCII characters.
    pub ascii: u64,
    /// Characters with the properties of these names, where the family asks for them; each is in a class, too.
    pub han: u64,
    pub cjk: u64,
    pub other: u64,
    /// The bits of [`Family::EXTRA`](super::Family::EXTRA).
    pub extra: [u64; 3],
}

/// Where the characters of a block are in the text.
pub(crate) struct Context<'a> {
    /// The text from the block's first byte on.
    text: &'a [u8],
    /// The bytes at which characters start.
    chars: u64,
    /// Whether every character is one byte.
    ascii: bool,
}

impl Context<'_> {
    #[inline(always)]
    fn byte_of(&self, char: u32) -> usize {
        if self.ascii {
            return char as usize;
        }
        let mut chars = self.chars;
        for _ in 0..char {
            chars &= chars - 1;
        }
        chars.trailing_zeros() as usize
    }

    /// The length in characters of the contraction ending after the apostrophe at `char`, or 0.
    #[inline(always)]
    pub fn contraction(&self, char: u32) -> u32 {
        let at = self.byte_of(char) + 1;
        let len = super::contractions::contraction(self.text, at);
        // `ſ` is two bytes and one character.
        if len == 2 && !self.text[at].is_ascii() { 1 } else { len as u32 }
    }

    /// [`Context::contraction`] for patterns that know only lower case ASCII.
    #[inline(always)]
    pub fn lower_contraction(&self, char: u32) -> u32 {
        super::contractions::lower_contraction(self.text, self.byte_of(char) + 1) as u32
    }
}

/// Piece starts among the characters of a block.
pub(crate) struct Starts {
    /// A bit a start; bit 0 is one.
    pub mask: u64,
    /// The last character for which `mask` is known to be right.
    pub limit: u32,
    /// Characters of which each stays in the piece of the one before, and after which the pattern
    /// knows no more than that such a piece goes on: where these are all that a piece has but one sign or
    /// space in front, it ends where one would end that begins inside of it, at a letter without case.
    pub run: u64,
}

impl Starts {
    /// Nothing is known beyond the first character.
    pub const UNKNOWN: Starts = Starts { mask: 1, limit: 0, run: 0 };

    /// Adds the starts in white space, by the rules of cl100k and o200k. `newline` are the newlines
    /// that punctuation before them has not taken. Before the characters `end` a text ends for the
    /// pattern: white space gives them nothing.
    #[inline(always)]
    pub fn with_white_space(
        mut mask: u64,
        newline: u64,
        end: u64,
        m: &CharMasks,
        mut limit: u32,
        run: u64,
    ) -> Starts {
        let space = m.space;
        let white = space | newline;
        mask |= white & !(white << 1);
        // The last space before something else goes with it, or stands alone.
        mask |= space & !((space | m.newline | end) >> 1);
        // Spaces after the last newline of a run start a piece; spaces between newlines do not.
        let after = space & (newline << 1);
        if after != 0 {
            let filled = flood(after, space);
            if (filled << 1) & newline != 0 {
                return Starts::UNKNOWN;
            }
            if filled >> (m.len - 1) & 1 != 0 {
                limit = limit.min(62 - after.leading_zeros());
            }
            mask |= after;
        }
        Starts { mask, limit, run }
    }

    /// The characters at which the piece that begins last may be cut: it ends where a piece that begins at one of
    /// them does. None where it does not reach the end of the block.
    #[inline(always)]
    fn cuts(&self, m: &CharMasks) -> u64 {
        let len = (!(self.run << (64 - m.len))).leading_zeros();
        let first = m.len - len;
        let last = 63 - (self.mask & up_to(self.limit)).leading_zeros();
        let alone = (m.upper | m.lower) >> last & 1 == 0;
        if len < 2 || first > self.limit || last + u32::from(alone) < first {
            return 0;
        }
        self.run & m.caseless & low_bits(m.len as usize) & (u64::MAX << 1 << first.max(last))
    }
}

/// The bits of `run` that a bit of `start` reaches upwards without leaving `run`. `start` is in `run`.
#[inline(always)]
pub(crate) fn flood(start: u64, run: u64) -> u64 {
    (run & !run.wrapping_add(start)) | start
}

/// The first of each `DIGITS` (1 or 3) characters of every run of `number`.
#[inline(always)]
pub(crate) fn digit_groups<const DIGITS: usize>(number: u64) -> u64 {
    if DIGITS == 1 {
        return number;
    }
    const { assert!(DIGITS == 1 || DIGITS == 3) };
    let mut next = number & !(number << 1);
    let mut starts = next;
    let inside = number & (number << 1) & (number << 2);
    loop {
        next = (next << 3) & inside;
        if next == 0 {
            return starts;
        }
        starts |= next;
    }
}

/// The starts, as a mask of bytes, of the pieces that begin in the first `len` of the 64 bytes at
/// `at`, up to the last one that is certain; `at` is a piece start and always in the mask. The piece
/// that begins at the highest bit is not finished. `text` has [`BLOCK`] + [`SLACK`] bytes from `at`
/// on; those after `len` are not looked at, or, where `len` is [`BLOCK`], are the text's.
#[inline(always)]
pub(crate) fn piece_starts<S: Simd>(
    simd: S,
    scanner: Scanner,
    text: &[u8],
    at: usize,
    len: usize,
) -> BlockStarts {
    let text = &text[at..];
    let block: &[u8; BLOCK] = text[..BLOCK].try_into().expect("a whole block");
    let bytes = simd.classify(block);
    let within = up_to(len as u32 - 1);
    if bytes.non_ascii & within == 0 {
        let signs = !(bytes.upper | bytes.lower | bytes.number | bytes.space | bytes.newline);
        let masks = CharMasks {
            len: len as u32,
            upper: bytes.upper & within,
            lower: bytes.lower & within,
            caseless: 0,
            mark: 0,
            number: bytes.number & within,
            space: bytes.space & within,
            newline: bytes.newline & within,
            punctuation: signs & within,
            blank: bytes.blank & within,
            apostrophe: bytes.apostrophe & within,
            slash: bytes.slash & within,
            ascii: within,
            han: 0,
            cjk: 0,
            other: if scanner.properties & OTHER != 0 { control(text, signs & within) } else { 0 },
            extra: extra(scanner, text, within),
        };
        let context = Context { text, chars: u64::MAX, ascii: true };
        let starts = (scanner.starts)(&masks, &context);
        let mask = starts.mask & up_to(starts.limit);
        return BlockStarts { mask, cuts: 0, east_asian: 0, chars: 0 };
    }
    mixed_starts(simd, scanner, text, &bytes, within)
}

/// What [`piece_starts`] finds.
pub(crate) struct BlockStarts {
    /// Bytes at which pieces start.
    pub mask: u64,
    /// Bytes after the last of them at which the piece that begins there may be cut: it ends where a piece that
    /// begins at one of them does. They reach up to the end of the block, or there are none.
    pub cuts: u64,
    /// First bytes of characters U+3000-U+DFFF and U+F000-U+FFFF.
    pub east_asian: u64,
    /// First bytes of all characters.
    pub chars: u64,
}

/// The bits of [`Family::EXTRA`](super::Family::EXTRA) of the characters that start at the bits of `chars`.
#[inline(always)]
fn extra(scanner: Scanner, text: &[u8], mut chars: u64) -> [u64; 3] {
    let mut masks = [0; 3];
    let Some(extra) = scanner.extra else { return masks };
    while chars != 0 {
        let at = chars.trailing_zeros();
        chars &= chars - 1;
        let found = u64::from(extra(decode(text, at as usize).0));
        for (bit, mask) in masks.iter_mut().enumerate() {
            *mask |= (found >> bit & 1) << at;
        }
    }
    masks
}

/// The control characters among the ASCII characters `signs`.
#[inline(always)]
fn control(text: &[u8], mut signs: u64) -> u64 {
    let mut control = 0;
    while signs != 0 {
        let at = signs.trailing_zeros();
        signs &= signs - 1;
        control |= u64::from(text[at as usize].is_ascii_control()) << at;
    }
    control
}

#[inline(always)]
fn up_to(limit: u32) -> u64 {
    u64::MAX >> (63 - limit)
}

/// Characters of three bytes that East Asian texts are full of and of which the first byte does not tell the class: the first
/// bytes, the second ones, and the class that nearly all of them have that occur.
const FREQUENT: [([u8; 2], RangeInclusive<u8>, Class); 8] = [
    ([0xE2; 2], 0x80..=0x80, Class::Punctuation),
    ([0xE3; 2], 0x80..=0x80, Class::Punctuation),
    ([0xEF; 2], 0xBC..=0xBC, Class::Punctuation),
    ([0xE3; 2], 0x81..=0x81, Class::Caseless),
    ([0xE3; 2], 0x82..=0x82, Class::Caseless),
    ([0xE3; 2], 0x83..=0x83, Class::Caseless),
    ([0xE4, 0xEA], 0xB0..=0xBF, Class::Caseless),
    ([0xED; 2], 0x80..=0x9F, Class::Caseless),
];
/// The bits of those of [`FREQUENT`] that are punctuation, and of the others.
const FREQUENT_PUNCTUATION: u8 = 0b0000_0111;
const FREQUENT_CASELESS: u8 = !FREQUENT_PUNCTUATION;

/// By the low six bits of a character's first, second and last byte, which tell apart all bytes that each may be: a bit for each of
/// [`FREQUENT`]. A character of which all three have the bit has its class.
const FREQUENT_BYTES: [[u8; 64]; 3] = {
    let mut tables = [[0; 64]; 3];
    let mut row = 0;
    while row < FREQUENT.len() {
        let ([first, other], ref seconds, class) = FREQUENT[row];
        tables[0][(first & 63) as usize] |= 1 << row;
        tables[0][(other & 63) as usize] |= 1 << row;
        // Those of one second byte that have the class; all of some.
        let one = *seconds.start() == *seconds.end();
        let mut second = *seconds.start();
        while second <= *seconds.end() {
            if one || has_class(first, second, class) & has_class(other, second, class) == u64::MAX
            {
                tables[1][(second & 63) as usize] |= 1 << row;
            }
            second += 1;
        }
        let of_one = has_class(first, *seconds.start(), class);
        let mut last = 0;
        while last < 64 {
            if !one || of_one >> last & 1 != 0 {
                tables[2][last] |= 1 << row;
            }
            last += 1;
        }
        row += 1;
    }
    tables
};

/// The characters that begin with two bytes and have the class, a bit each by the low six bits of the last byte.
const fn has_class(first: u8, second: u8, class: Class) -> u64 {
    let (mut bits, mut last) = (0, 0);
    while last < 64 {
        let c = decode(&[first, second, 0x80 | last], 0).0;
        bits |= ((class_index(c) == class as usize) as u64) << last;
        last += 1;
    }
    bits
}

#[inline(always)]
fn mixed_starts<S: Simd>(
    simd: S,
    scanner: Scanner,
    text: &[u8],
    bytes: &ByteMasks,
    within: u64,
) -> BlockStarts {
    let chars = !bytes.continuation & within;
    let mut classes =
        [bytes.upper, bytes.lower, bytes.caseless, 0, bytes.number, bytes.space, bytes.newline, 0];
    let ascii_signs =
        !(bytes.non_ascii | bytes.upper | bytes.lower | bytes.number | bytes.space | bytes.newline);
    classes[7] = ascii_signs;
    let mut unknown = bytes.non_ascii & chars & !bytes.caseless;
    // All that hardly ever is another one by three look-ups: a loop over them would end with a branch that is predicted wrong.
    if S::ROWS_FROM <= BLOCK as u32 && unknown & bytes.east_asian != 0 {
        let after = |by: usize| text[by..].first_chunk().expect("a whole block");
        let byte = [simd.bytes(after(0)), simd.bytes(after(1)), simd.bytes(after(2))];
        let found = simd.common(&FREQUENT_BYTES, byte);
        let punctuation = unknown & simd.any(found, FREQUENT_PUNCTUATION);
        let caseless = unknown & simd.any(found, FREQUENT_CASELESS);
        classes[7] |= punctuation;
        classes[2] |= caseless;
        unknown &= !(punctuation | caseless);
    }
    if unknown.count_ones() < S::ROWS_FROM {
        let mut rest = unknown;
        while rest != 0 {
            let at = rest.trailing_zeros();
            rest &= rest - 1;
            classes[class_index(decode(text, at as usize).0)] |= 1 << at;
        }
    } else {
        // Characters with all bytes but the last in common take one look-up together: a row of 64
        // classes by the last byte.
        let after = |by: usize| text[by..].first_chunk().expect("a whole block");
        let byte = [simd.bytes(after(0)), simd.bytes(after(1)), simd.bytes(after(2))];
        let mut class = simd.bytes(&[0; BLOCK]);
        let mut rest = unknown;
        while rest != 0 {
            let at = rest.trailing_zeros() as usize;
            let (c, len) = decode(text, at);
            let mut alike = rest & simd.equal(byte[0], text[at]);
            if len > 2 {
                alike &= simd.equal(byte[1], text[at + 1]);
            }
            let last = if len == 4 {
                alike &= simd.equal(byte[2], text[at + 2]);
                simd.bytes(after(3))
            } else {
                byte[len - 1]
            };
            class = simd.look_up(class, alike, class_row(c), last);
            rest &= !alike;
        }
        class = simd.look_up(class, unknown, &CLASS, class);
        for (index, mask) in classes.iter_mut().enumerate() {
            *mask |= unknown & simd.equal(class, index as u8);
        }
    }
    let mut properties = [0; 3];
    if scanner.properties != 0 {
        let mut rest = bytes.non_ascii & chars;
        while rest != 0 {
            let at = rest.trailing_zeros();
            rest &= rest - 1;
            let found = properties_of(decode(text, at as usize).0);
            for (mask, property) in properties.iter_mut().zip([HAN, CJK, OTHER]) {
                *mask |= u64::from(found & property != 0) << at;
            }
        }
        if scanner.properties & OTHER != 0 {
            properties[2] |= control(text, ascii_signs & chars);
        }
    }
    let selection = simd.select(chars);
    // No closure: see `fasttok_simd`.
    macro_rules! pack {
        ($mask:expr) => {
            simd.extract($mask, &selection)
        };
    }
    let extra = extra(scanner, text, chars);
    let masks = CharMasks {
        len: chars.count_ones(),
        upper: pack!(classes[0]),
        lower: pack!(classes[1]),
        caseless: pack!(classes[2]),
        mark: pack!(classes[3]),
        number: pack!(classes[4]),
        space: pack!(classes[5]),
        newline: pack!(classes[6]),
        punctuation: pack!(classes[7]),
        blank: pack!(bytes.blank),
        apostrophe: pack!(bytes.apostrophe),
        slash: pack!(bytes.slash),
        ascii: pack!(!bytes.non_ascii),
        han: pack!(properties[0]),
        cjk: pack!(properties[1]),
        other: pack!(properties[2]),
        extra: [pack!(extra[0]), pack!(extra[1]), pack!(extra[2])],
    };
    let context = Context { text, chars, ascii: false };
    let starts = (scanner.starts)(&masks, &context);
    BlockStarts {
        mask: simd.deposit(starts.mask & up_to(starts.limit), &selection),
        cuts: simd.deposit(starts.cuts(&masks), &selection),
        east_asian: bytes.east_asian,
        chars,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_characters_have_their_class() {
        let mut number = [0; 2];
        for c in (0x80..=0x10_FFFF).filter_map(char::from_u32) {
            // Whatever comes after a character of two bytes.
            let mut utf8 = [0xBC; 4];
            c.encode_utf8(&mut utf8);
            let bits =
                (0..3).fold(u8::MAX, |bits, i| bits & FREQUENT_BYTES[i][usize::from(utf8[i] & 63)]);
            let class = class_index(u32::from(c));
            if bits & FREQUENT_PUNCTUATION != 0 {
                assert_eq!(
                    (class, bits & FREQUENT_CASELESS),
                    (Class::Punctuation as usize, 0),
                    "{c:?}"
                );
                number[0] += 1;
            } else if bits != 0 {
                assert_eq!(class, Class::Caseless as usize, "{c:?}");
                number[1] += 1;
            }
            let is_frequent = "，。“”、（）中不人あんアーン가기고하한".contains(c);
            assert!(!is_frequent || bits != 0, "{c:?}");
        }
        assert!(number[0] > 100 && number[1] > 4_000, "{number:?}");
    }
}
