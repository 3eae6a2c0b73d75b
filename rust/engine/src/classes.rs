//! The class of every character, as the reference's Unicode version has it.

include!(concat!(env!("OUT_DIR"), "/classes.rs"));

/// What the split patterns ask of a character. Every character has exactly one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// `\p{Lu}`, `\p{Lt}`
    Upper,
    /// `\p{Ll}`
    Lower,
    /// `\p{Lm}`, `\p{Lo}`: letters without case
    Caseless,
    /// `\p{M}`
    Mark,
    /// `\p{N}`
    Number,
    /// `\s` without `\r` and `\n`
    Space,
    /// `\r`, `\n`
    Newline,
    /// everything else
    Punctuation,
}

const ALL: [Class; 8] = [
    Class::Upper,
    Class::Lower,
    Class::Caseless,
    Class::Mark,
    Class::Number,
    Class::Space,
    Class::Newline,
    Class::Punctuation,
];

/// The class of the character `c` (a Unicode scalar value).
#[inline(always)]
pub(crate) fn class_of(c: u32) -> Class {
    ALL[class_index(c)]
}

/// [`class_of`] as a number, for indexing.
#[inline(always)]
pub(crate) const fn class_index(c: u32) -> usize {
    let block = INDEX[(c >> 7) as usize];
    (BLOCKS[block as usize][(c & 127) as usize] & 7) as usize
}

/// Of the script Han.
pub(crate) const HAN: u8 = 1 << 3;
/// U+4E00-9FA5 or U+3040-30FF: what DeepSeek V3 cuts out.
pub(crate) const CJK: u8 = 1 << 4;
/// `\p{C}` other than white space: control, format, private use and unassigned characters.
pub(crate) const OTHER: u8 = 1 << 5;
/// `\p{P}`
pub(crate) const PUNCTUATION: u8 = 1 << 6;

/// The properties ([`HAN`], [`CJK`], [`OTHER`], [`PUNCTUATION`]) of the character `c`.
#[inline(always)]
pub(crate) fn properties_of(c: u32) -> u8 {
    let block = INDEX[(c >> 7) as usize];
    BLOCKS[block as usize][(c & 127) as usize] & !7
}

/// The [`class_index`] of `c`, and 8 more where it is of the script Han.
#[inline(always)]
pub(crate) fn kind_of(c: u32) -> u8 {
    let block = INDEX[(c >> 7) as usize];
    BLOCKS[block as usize][(c & 127) as usize] & 15
}

/// The [`class_index`] in an entry.
pub(crate) const CLASS: [u8; 64] = {
    let mut classes = [0; 64];
    let mut entry = 0;
    while entry < 64 {
        classes[entry] = entry as u8 & 7;
        entry += 1;
    }
    classes
};

/// The entries of `c` and the others of its 64: those that differ in the last byte only. [`CLASS`] has
/// the class of each.
#[inline(always)]
pub(crate) fn class_row(c: u32) -> &'static [u8; 64] {
    let (rows, _) = BLOCKS[INDEX[(c >> 7) as usize] as usize].as_chunks::<64>();
    &rows[(c >> 6 & 1) as usize]
}

/// Decodes the character that starts at `at` in valid UTF-8: its scalar value and its length in bytes.
#[inline(always)]
pub(crate) const fn decode(text: &[u8], at: usize) -> (u32, usize) {
    macro_rules! b {
        ($i:expr) => {
            text[at + $i] as u32
        };
    }
    let lead = b!(0);
    if lead < 0x80 {
        (lead, 1)
    } else if lead < 0xE0 {
        ((lead & 0x1F) << 6 | b!(1) & 0x3F, 2)
    } else if lead < 0xF0 {
        ((lead & 0x0F) << 12 | (b!(1) & 0x3F) << 6 | b!(2) & 0x3F, 3)
    } else {
        ((lead & 0x07) << 18 | (b!(1) & 0x3F) << 12 | (b!(2) & 0x3F) << 6 | b!(3) & 0x3F, 4)
    }
}

/// Decodes the character that ends before `end`: its scalar value and its length in bytes.
#[inline(always)]
pub(crate) fn decode_before(text: &[u8], end: usize) -> (u32, usize) {
    let mut at = end - 1;
    while fasttok_simd::is_continuation(text[at]) {
        at -= 1;
    }
    decode(text, at)
}
