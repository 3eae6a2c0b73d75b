//! Characters of one, two or four bytes each as UTF-8, as Python keeps its `str`.
//!
//! Text is written in blocks: ASCII as it is, other characters 16 at once, by what the machine has best
//! ([`Simd::write_utf8`]; the portable one says what it does). A block with surrogates, which are
//! rare, goes character by character.
//!
//! In ns a byte of UTF-8 (AVX-512; AVX2; portable; simdutf, which is C++; encoding_rs): Chinese 0.11, 0.17,
//! 0.66, 0.14, 0.79; Russian 0.15, 0.24, 0.43, 0.09, 1.2; Chinese with a third or more ASCII 0.15, 0.21, 0.77,
//! 0.18, 0.85.

use crate::{Level, Simd, Task};

/// What becomes of a surrogate that is in no pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoneSurrogates {
    /// An error.
    Refuse,
    /// U+FFFD.
    Replace,
}

/// Whether `code` is the first of a pair of surrogates.
pub fn is_high(code: u32) -> bool {
    code & 0xFFFF_FC00 == 0xD800
}

/// Whether `code` is the second of a pair of surrogates.
pub fn is_low(code: u32) -> bool {
    code & 0xFFFF_FC00 == 0xDC00
}

fn is_surrogate(code: u32) -> bool {
    code & 0xFFFF_F800 == 0xD800
}

/// A unit of a `str`: one character.
pub trait Unit: Copy + Default {
    /// The most bytes that one such character has in UTF-8.
    const MAX_UTF8: usize;
    /// Its code point.
    fn code(self) -> u32;
}

impl Unit for u8 {
    const MAX_UTF8: usize = 2;
    #[inline(always)]
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u16 {
    const MAX_UTF8: usize = 3;
    #[inline(always)]
    fn code(self) -> u32 {
        self.into()
    }
}

impl Unit for u32 {
    const MAX_UTF8: usize = 4;
    #[inline(always)]
    fn code(self) -> u32 {
        self
    }
}

/// Characters that are looked at together. So many that in text with a few characters beyond ASCII
/// hardly a block is ASCII: a branch that goes one way costs nothing.
const BLOCK: usize = 64;
/// Characters that are written together.
pub(crate) const FEW: usize = 16;

/// Writes `units` to `scratch` as UTF-8, with the instructions of `level`. Returns the bytes written; an error is the
/// index of the first surrogate that is in no pair, if that is one.
pub fn transcode<U: Unit>(
    level: Level,
    units: &[U],
    lone: LoneSurrogates,
    scratch: &mut Vec<u8>,
) -> Result<usize, usize> {
    level.run(Transcode { units, lone, scratch })
}

/// See [`transcode`].
struct Transcode<'a, U> {
    units: &'a [U],
    lone: LoneSurrogates,
    scratch: &'a mut Vec<u8>,
}

impl<U: Unit> Task for Transcode<'_, U> {
    type Output = Result<usize, usize>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Result<usize, usize> {
        let Transcode { units, lone, scratch } = self;
        // More is written than counts: four bytes a character, and whole blocks.
        let room = units.len() * U::MAX_UTF8 + BLOCK;
        if scratch.len() < room {
            // Zeros of the allocator, which become memory only where something is written.
            *scratch = Vec::new();
            *scratch = vec![0; room];
        }
        let (mut at, mut written) = (0, 0);
        while let Some(block) = units[at..].first_chunk() {
            let out = &mut scratch[written..];
            let (read, bytes) = if any_surrogate(block) {
                // One by one; what is after them is read by blocks again.
                transcode_surrogates(&units[at..], lone, out).map_err(|i| at + i)?
            } else {
                (BLOCK, write_block(simd, block, BLOCK, out))
            };
            (at, written) = (at + read, written + bytes);
        }
        let rest = &units[at..];
        let out = &mut scratch[written..];
        let mut block = [U::default(); BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let bytes = if any_surrogate(&block) {
            transcode_surrogates(rest, lone, out).map_err(|i| at + i)?.1
        } else {
            write_block(simd, &block, rest.len(), out)
        };
        Ok(written + bytes)
    }
}

/// Writes the first `len` units of `block`, in which there is no surrogate; after them there are only zeros.
/// Returns the bytes written.
#[inline(always)]
fn write_block<U: Unit, S: Simd>(simd: S, block: &[U; BLOCK], len: usize, out: &mut [u8]) -> usize {
    if is_ascii(block) {
        for (byte, unit) in out[..BLOCK].iter_mut().zip(block) {
            *byte = unit.code() as u8;
        }
        return len;
    }
    let mut n = 0;
    for few in &block.as_chunks().0[..len.div_ceil(FEW)] {
        n += simd.write_utf8(few, out[n..].first_chunk_mut().expect("room for more than is left"));
    }
    // The zeros are one byte each.
    n - (len.next_multiple_of(FEW) - len)
}

#[inline(always)]
fn is_ascii<U: Unit>(block: &[U; BLOCK]) -> bool {
    block.iter().fold(0, |all, unit| all | unit.code()) < 0x80
}

/// To the end, without a way out at the first one, which the compiler could not do many at once.
#[inline(always)]
fn any_surrogate<U: Unit>(block: &[U; BLOCK]) -> bool {
    U::MAX_UTF8 >= 3 && block.iter().fold(false, |any, unit| any | is_surrogate(unit.code()))
}

/// [`Simd::write_utf8`] for every machine.
#[inline(always)]
pub(crate) fn portable<U: Unit>(few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
    let mut n = 0;
    for unit in few {
        let (bytes, len) = utf8_word::<U>(unit.code());
        out[n..n + 4].copy_from_slice(&bytes.to_le_bytes());
        n += len;
    }
    n
}

#[inline(always)]
fn three_bytes(code: u32) -> u32 {
    0xE0 | (code >> 12) | (0x80 | (code >> 6 & 0x3F)) << 8 | (0x80 | (code & 0x3F)) << 16
}

/// Characters up to U+07FF as UTF-8, first byte lowest; their length in the highest byte.
static SHORT: [u32; 0x800] = {
    let mut table = [0; 0x800];
    let mut code = 0;
    while code < 0x800 {
        table[code as usize] = if code < 0x80 {
            code | 1 << 24
        } else {
            0xC0 | (code >> 6) | (0x80 | (code & 0x3F)) << 8 | 2 << 24
        };
        code += 1;
    }
    table
};

/// A character that is no surrogate as UTF-8, first byte lowest, and its length.
#[inline(always)]
fn utf8_word<U: Unit>(code: u32) -> (u32, usize) {
    let short = SHORT[code as usize & 0x7FF];
    let (mut word, mut len) = (short, (short >> 24) as usize);
    // Likely to be the same as for the character before, so that a branch is better than work.
    if U::MAX_UTF8 >= 3 && code >= 0x800 {
        (word, len) = (three_bytes(code), 3);
    }
    if U::MAX_UTF8 >= 4 && code >= 0x1_0000 {
        let three_last = three_bytes(code & 0xFFF) & 0xFFFF_FF00;
        word =
            0xF0 | (code >> 18) | (0x80 | (code >> 12 & 0x3F)) << 8 | (three_last & 0xFFFF00) << 8;
        len = 4;
    }
    (word, len)
}

/// Writes a few characters that may be surrogates, one by one. Returns how many units it has read
/// and how many bytes it has written.
///
/// As `text.encode("utf-16", "surrogatepass").decode("utf-16", errors)`: a pair becomes the character it stands
/// for in UTF-16, any other surrogate U+FFFD or an error.
#[cold]
fn transcode_surrogates<U: Unit>(
    units: &[U],
    lone: LoneSurrogates,
    out: &mut [u8],
) -> Result<(usize, usize), usize> {
    let (mut at, mut written) = (0, 0);
    while at < units.len().min(BLOCK) {
        let (c, width) = next_char(&units[at..]);
        if lone == LoneSurrogates::Refuse && width == 1 && is_surrogate(units[at].code()) {
            return Err(at);
        }
        written += c.encode_utf8(&mut out[written..]).len();
        at += width;
    }
    Ok((at, written))
}

/// The first character of `units`, U+FFFD for a surrogate that is in no pair, and how many units it takes.
pub fn next_char<U: Unit>(units: &[U]) -> (char, usize) {
    let code = units[0].code();
    if is_high(code)
        && let Some(low) = units.get(1).map(|u| u.code())
        && is_low(low)
    {
        let code = 0x1_0000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 2);
    }
    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_testing::Random;

    /// What the standard library makes of `units`.
    fn reference(units: &[u32]) -> String {
        let utf16: Vec<u16> = units
            .iter()
            .flat_map(|&u| {
                let mut buf = [0; 2];
                match char::from_u32(u) {
                    Some(c) => c.encode_utf16(&mut buf).to_vec(),
                    None => vec![u as u16],
                }
            })
            .collect();
        String::from_utf16_lossy(&utf16)
    }

    /// Holds every instruction set of this machine against the standard library.
    fn check_units<U: Unit>(units: &[U], all: &[u32], expected: &str, scratch: &mut Vec<u8>) {
        let utf16 = all.iter().map(|&unit| u16::try_from(unit).unwrap_or(0));
        let mut at = 0;
        let lone = char::decode_utf16(utf16).find_map(|c| {
            at += c.as_ref().map_or(1, |c| c.len_utf16());
            c.is_err().then_some(at - 1)
        });
        for surrogates in [LoneSurrogates::Refuse, LoneSurrogates::Replace] {
            let expected = match (surrogates, lone) {
                (LoneSurrogates::Refuse, Some(at)) => Err(at),
                _ => Ok(expected.as_bytes()),
            };
            for level in Level::available() {
                // Nothing that one leaves behind may help the next.
                scratch.fill(0xFF);
                let result = transcode(level, units, surrogates, scratch);
                let text = result.map(|len| &scratch[..len]);
                assert_eq!(text, expected, "{level:?} {surrogates:?} {all:x?}");
            }
        }
    }

    /// In units of every size that holds them.
    fn check(units: &[u32], scratch: &mut Vec<u8>) {
        let expected = reference(units);
        check_units(units, units, &expected, scratch);
        let ucs2: Option<Vec<u16>> = units.iter().map(|&u| u16::try_from(u).ok()).collect();
        if let Some(ucs2) = ucs2 {
            check_units(&ucs2, units, &expected, scratch);
        }
        let latin1: Option<Vec<u8>> = units.iter().map(|&u| u8::try_from(u).ok()).collect();
        if let Some(latin1) = latin1 {
            check_units(&latin1, units, &expected, scratch);
        }
    }

    #[test]
    fn mixed_texts() {
        let mut random = Random::new(1);
        let ranges: [(u32, u32); 7] = [
            (0, 0x80),
            (0x80, 0x100),
            (0x80, 0x800),
            (0x800, 0xD800),
            (0x4E00, 0x9FFF),
            (0xD800, 0xE000),
            (0x1_0000, 0x11_0000),
        ];
        let mut scratch = Vec::new();
        for _ in 0..20_000 {
            let len = random.below(200);
            let kinds: Vec<usize> = (0..3).map(|_| random.below(ranges.len())).collect();
            let units: Vec<u32> = (0..len)
                .map(|_| {
                    let (low, high) = ranges[kinds[random.below(3)]];
                    low + random.below((high - low) as usize) as u32
                })
                .collect();
            check(&units, &mut scratch);
        }
    }

    /// Every code point, among its neighbours and among characters of every length.
    #[test]
    fn every_code_point() {
        let mut scratch = Vec::new();
        let all: Vec<u32> = (0..0x11_0000).collect();
        for units in all.chunks(2 * BLOCK) {
            check(units, &mut scratch);
        }
        for few in all.chunks(8) {
            let mixed = |others: &'static [u32]| {
                few.iter().zip(others.iter().cycle()).flat_map(|(&u, &other)| [other, u]).collect()
            };
            let texts: [Vec<u32>; 2] =
                [mixed(&[0x61, 0xE9, 0x4E2D]), mixed(&[0x4E2D, 0x1_F389, 0x416, 0x20])];
            for units in texts {
                check(&units, &mut scratch);
            }
        }
    }

    /// The smallest and the largest character of each length, and surrogates, alone and in pairs, at
    /// every position of texts of every length around those of blocks.
    #[test]
    fn every_position() {
        let odd: [&[u32]; 12] = [
            &[0],
            &[0x7F],
            &[0x80],
            &[0x7FF],
            &[0x800],
            &[0xD7FF],
            &[0xE000],
            &[0xFFFF],
            &[0x1_0000, 0x10_FFFF],
            &[0xD800],
            &[0xDFFF],
            &[0xDBFF, 0xDC00],
        ];
        let lengths = (0..=2 * FEW + 1)
            .chain(BLOCK - 2..=BLOCK + FEW + 1)
            .chain(2 * BLOCK - 1..=2 * BLOCK + 1);
        let mut scratch = Vec::new();
        for len in lengths {
            for filler in [0x61, 0xE9, 0x416, 0x4E2D, 0x1_F389] {
                for odd in odd {
                    for at in 0..=len {
                        let mut units = vec![filler; len];
                        units.splice(at..at, odd.iter().copied());
                        check(&units, &mut scratch);
                    }
                }
            }
        }
    }
}
