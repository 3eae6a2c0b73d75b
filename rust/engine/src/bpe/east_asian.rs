//! Han, kana, Hangul and their punctuation: most neighbours never merge.
//!
//! The boundary between two characters is *safe* when no token holds the end of the one followed by
//! the beginning of the other: no merge can cross it, so both sides merge by themselves. In running
//! Chinese two of three boundaries are safe. What is between safe boundaries is a *segment*: one
//! character (its count is in a table), two (the table of pairs that are not safe says how many tokens
//! the joining saves), or more (merged like a piece).

use super::merge::count_short;
use super::pairs::Pairs;
use crate::pages::Table;
use crate::pretokenize::simd::Simd;
use crate::vocab::Vocab;

/// The table's characters: all others are never at a safe boundary.
fn is_east_asian(c: u32) -> bool {
    matches!(
        c,
        0x3000..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFF00..=0xFF3F
    )
}

/// Characters that have a known boundary with an East Asian neighbour.
fn is_neighbour(c: u32) -> bool {
    c < 0x80 || matches!(c, 0x2000..=0x206F) || is_east_asian(c)
}

/// Bits of an entry that hold its value; the others hold the hash's low bits. A bucket's index has at
/// least so many bits, so that both together are the whole hash, which is a permutation of the pairs.
const VALUE_BITS: u32 = 13;
const MIN_BITS: u32 = VALUE_BITS;

/// Bit of an entry: more pairs belong to this bucket than it holds.
const OVERFULL: u32 = 0x80;

/// The safe boundaries of a vocabulary.
pub(crate) struct EastAsian {
    /// Tokens of a character of the Basic Multilingual Plane by itself; the top bit marks East Asian
    /// characters, 0 those that the table does not know.
    singles: Table<u8>,
    /// A bit a hash: clear where no pair that is not safe has it. Small, so that most boundaries are
    /// known from the fastest memory.
    filter: Table<u64>,
    filter_shift: u32,
    /// Pairs that are not safe: four entries a bucket, each the rest of the pair's hash and 1 + tokens
    /// saved.
    buckets: Table<[u32; 4]>,
    shift: u32,
    /// By the last byte of the left character: the first bytes E0-EF that some token continues it with
    /// without completing the right character.
    leads: [u16; 256],
}

const EAST_ASIAN: u8 = 0x80;

impl EastAsian {
    /// Finds the safe boundaries of `vocab`.
    pub fn new(vocab: &Vocab, pairs: &Pairs) -> EastAsian {
        let mut singles = Table::new(1 << 16);
        let mut buffer = [0; 4];
        for c in (0..0x1_0000).filter(|&c| is_neighbour(c)) {
            let utf8 = char::from_u32(c).expect("no surrogate").encode_utf8(&mut buffer).as_bytes();
            let count = count_short(pairs, utf8) as u8;
            singles[c as usize] = count | if is_east_asian(c) { EAST_ASIAN } else { 0 };
        }
        let mut leads = [0u16; 256];
        let mut unsafe_pairs = Vec::new();
        for (_, token) in vocab.tokens() {
            // Without these there is no East Asian character, whole or in part.
            if !token.iter().any(|&byte| byte >= 0xE3) && token[0] & 0xC0 != 0x80 {
                continue;
            }
            for cut in 1..token.len() {
                if token[cut] & 0xC0 == 0x80 {
                    continue;
                }
                let mut from = cut - 1;
                while from > 0 && token[from] & 0xC0 == 0x80 {
                    from -= 1;
                }
                let mut to = cut + 1;
                while to < token.len() && token[to] & 0xC0 == 0x80 {
                    to += 1;
                }
                let (left, right) = (&token[from..cut], &token[cut..to]);
                if right.len() == 1 && right[0] >= 0xE0 {
                    leads[left[left.len() - 1] as usize] |= 1 << (right[0] & 15);
                    continue;
                }
                for r in candidates(right) {
                    for l in candidates(left) {
                        let (a, b) = (singles[usize::from(l)], singles[usize::from(r)]);
                        if a != 0 && b != 0 && (a | b) & EAST_ASIAN != 0 {
                            unsafe_pairs.push(u32::from(l) << 16 | u32::from(r));
                        }
                    }
                }
            }
        }
        unsafe_pairs.sort_unstable();
        unsafe_pairs.dedup();
        let bits =
            (unsafe_pairs.len() / 2).next_power_of_two().trailing_zeros().clamp(MIN_BITS, 22);
        let filter_bits =
            (unsafe_pairs.len() * 8).next_power_of_two().trailing_zeros().clamp(18, 26);
        let mut table = EastAsian {
            singles,
            filter: Table::new(1 << (filter_bits - 6)),
            filter_shift: 32 - filter_bits,
            buckets: Table::new(1 << bits),
            shift: 32 - bits,
            leads,
        };
        for pair in unsafe_pairs {
            let mut utf8 = String::with_capacity(6);
            for c in [pair >> 16, pair & 0xFFFF] {
                utf8.push(char::from_u32(c).expect("no surrogate"));
            }
            let apart: usize = [pair >> 16, pair & 0xFFFF]
                .iter()
                .map(|&c| usize::from(table.singles[c as usize] & !EAST_ASIAN))
                .sum();
            // Where a merge across the boundary spoils one inside, joining costs tokens.
            let joined = count_short(pairs, utf8.as_bytes());
            let saved = apart.checked_sub(joined).map_or(UNKNOWN, |saved| saved as u8);
            let hash = Self::hash(pair);
            let bit = hash >> table.filter_shift;
            table.filter[(bit >> 6) as usize] |= 1 << (bit & 63);
            let entry = hash << VALUE_BITS | (1 + u32::from(saved));
            let bucket = &mut table.buckets[(hash >> table.shift) as usize];
            match bucket.iter_mut().find(|entry| **entry == 0) {
                Some(free) => *free = entry,
                None => bucket[0] |= OVERFULL,
            }
        }
        table
    }

    #[inline(always)]
    fn hash(pair: u32) -> u32 {
        pair.wrapping_mul(0x9E37_79B1)
    }

    /// Counts the characters that start at the bits of `chars` in the 64 bytes at `at`, whose pieces
    /// begin at the bits of `starts`. Returns the number of tokens and of bytes counted: all of them,
    /// or, where the last piece goes `on` behind them, up to the last boundary that is safe (none, if
    /// there is none). `segment` counts a segment of three characters or more, given its start and
    /// length. `text` has some bytes more than `chars` reach.
    #[inline(always)]
    pub fn count<S: Simd>(
        &self,
        text: &[u8],
        at: usize,
        chars: u64,
        starts: u64,
        on: bool,
        mut segment: impl FnMut(usize, usize) -> u64,
    ) -> (u64, usize) {
        let mut block = Block::new();
        // The characters, and what is known of each alone.
        let (mut total, mut unknown, mut east_asian) = (0u64, 0u64, 0u64);
        let (mut rest, mut len) = (chars, 0);
        while rest != 0 {
            let offset = rest.trailing_zeros();
            rest &= rest - 1;
            let from = at + offset as usize;
            let utf8: [u8; 4] = text[from..from + 4].try_into().expect("four bytes");
            let c = plane_zero(u32::from_le_bytes(utf8));
            let single = self.singles[usize::from(c)];
            block.offsets[len] = offset as u8;
            block.chars[len] = c;
            block.singles[len] = single & !EAST_ASIAN;
            unknown |= u64::from(single == 0) << len;
            east_asian |= u64::from(single >> 7) << len;
            total += u64::from(single & !EAST_ASIAN);
            len += 1;
        }
        // Boundary k is the one before character k.
        let mut maybe = 0u64;
        for k in 1..len {
            let (left, right) = (u32::from(block.chars[k - 1]), u32::from(block.chars[k]));
            let bit = Self::hash(left << 16 | right) >> self.filter_shift;
            let filter = self.filter[(bit >> 6) as usize] >> (bit & 63) & 1;
            let next = at + usize::from(block.offsets[k]);
            let lead = self.leads[usize::from(text[next - 1])] >> (text[next] & 15) & 1;
            maybe |= (filter | u64::from(lead)) << k;
        }
        let inner = !S::extract(starts, chars) & !1 & low_bits(len);
        let mut opaque = (unknown | unknown << 1 | !(east_asian | east_asian << 1)) & inner;
        let mut joined = opaque;
        let mut rest = maybe & inner & !opaque;
        while rest != 0 {
            let k = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            let next = at + usize::from(block.offsets[k]);
            let lead = self.runs_into(text[next - 1], text[next]);
            let saved = self.saved(block.chars[k - 1], block.chars[k]);
            block.saved[k] = saved;
            opaque |= u64::from(lead || saved == UNKNOWN) << k;
            joined |= u64::from(lead || saved != SAFE) << k;
        }
        let mut bytes = 0;
        if on {
            // The last segment is not complete.
            let end = 64 - (!joined & low_bits(len)).leading_zeros() as usize - 1;
            bytes = usize::from(block.offsets[end]) - chars.trailing_zeros() as usize;
            for k in end..len {
                total -= u64::from(block.singles[k]);
            }
            joined &= low_bits(end);
            opaque &= low_bits(end);
            unknown &= low_bits(end);
        }
        // Two characters between safe boundaries.
        let pairs = joined & !opaque & !(joined << 1) & !(joined >> 1);
        let mut rest = pairs;
        while rest != 0 {
            total -= u64::from(block.saved[rest.trailing_zeros() as usize]);
            rest &= rest - 1;
        }
        // More, or characters that the table does not know.
        let mut rest = (joined & !pairs) | unknown & !joined & !(joined >> 1);
        while rest != 0 {
            let first = rest.trailing_zeros();
            let (from, to) = if joined >> first & 1 == 0 {
                (first, first + 1)
            } else {
                (first - 1, first + (!(joined >> first)).trailing_zeros())
            };
            rest &= !low_bits(to as usize);
            for k in from..to {
                total -= u64::from(block.singles[k as usize]);
            }
            let last = at + usize::from(block.offsets[to as usize - 1]);
            let from = at + usize::from(block.offsets[from as usize]);
            total += segment(from, last + utf8_len(text[last]) - from);
        }
        (total, bytes)
    }

    /// The end of the segment that starts at `start`: the first safe boundary behind it.
    pub fn segment_end(&self, piece: &[u8], start: usize) -> usize {
        let mut left = plane_zero_at(piece, start);
        let mut at = start + utf8_len(piece[start]);
        while at < piece.len() {
            let right = plane_zero_at(piece, at);
            let (l, r) = (self.singles[usize::from(left)], self.singles[usize::from(right)]);
            let known = l != 0 && r != 0 && (l | r) & EAST_ASIAN != 0;
            let lead = self.runs_into(piece[at - 1], piece[at]);
            if known && !lead && self.saved(left, right) == SAFE {
                return at;
            }
            left = right;
            at += utf8_len(piece[at]);
        }
        at
    }

    /// Whether a token goes on from a character that ends with `last` into one that begins with `first`
    /// and ends there.
    #[inline(always)]
    fn runs_into(&self, last: u8, first: u8) -> bool {
        first >= 0xE0 && self.leads[usize::from(last)] >> (first & 15) & 1 != 0
    }

    /// Tokens saved by joining two characters, [`SAFE`] or [`UNKNOWN`].
    #[inline(always)]
    fn saved(&self, left: u16, right: u16) -> u8 {
        let hash = Self::hash(u32::from(left) << 16 | u32::from(right));
        let bucket = self.buckets[(hash >> self.shift) as usize];
        let mut saved = if bucket[0] & OVERFULL != 0 { UNKNOWN } else { SAFE };
        for entry in bucket {
            if entry != 0 && entry >> VALUE_BITS == hash << VALUE_BITS >> VALUE_BITS {
                saved = (entry & 0x7F) as u8 - 1;
            }
        }
        saved
    }
}

/// The characters of up to three bytes that `part` of a token can belong to: itself, if it is a whole
/// one; those that begin with it; or those that end with it.
fn candidates(part: &[u8]) -> impl Iterator<Item = u16> {
    let low = |at: usize| u32::from(part[at] & 0x3F);
    let (first, count, step) = match *part {
        [byte] if byte < 0x80 => (u32::from(byte), 1, 1),
        [0x80..=0xBF] => (low(0), 1024, 64),
        [0x80..=0xBF, 0x80..=0xBF] => (low(0) << 6 | low(1), 16, 4096),
        [lead @ 0xE0..=0xEF, _] => (u32::from(lead & 15) << 12 | low(1) << 6, 64, 1),
        [lead @ 0xE0..=0xEF, _, _] => (u32::from(lead & 15) << 12 | low(1) << 6 | low(2), 1, 1),
        // Two bytes are no character of the table, four are beyond it.
        _ => (0, 0, 1),
    };
    (0..count).map(move |i| (first + i * step) as u16)
}

/// What [`EastAsian::saved`] says of a boundary without a number of tokens.
const SAFE: u8 = 0xFF;
const UNKNOWN: u8 = 0x7E;

/// The characters of a block.
struct Block {
    offsets: [u8; 64],
    chars: [u16; 64],
    singles: [u8; 64],
    saved: [u8; 64],
}

impl Block {
    #[inline(always)]
    fn new() -> Block {
        Block { offsets: [0; 64], chars: [0; 64], singles: [0; 64], saved: [0; 64] }
    }
}

#[inline(always)]
pub(crate) fn low_bits(count: usize) -> u64 {
    if count >= 64 { u64::MAX } else { (1 << count) - 1 }
}

#[inline(always)]
fn utf8_len(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0x80..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

fn plane_zero_at(text: &[u8], at: usize) -> u16 {
    let mut utf8 = [0; 4];
    let len = utf8_len(text[at]);
    utf8[..len].copy_from_slice(&text[at..at + len]);
    plane_zero(u32::from_le_bytes(utf8))
}

/// The character that begins these four bytes (little-endian), if it is ASCII or three bytes long;
/// else U+FFFF, which is none.
#[inline(always)]
fn plane_zero(bytes: u32) -> u16 {
    let three = (bytes & 0x0F) << 12 | (bytes >> 8 & 0x3F) << 6 | (bytes >> 16 & 0x3F);
    let one = if bytes & 0x80 == 0 { bytes & 0x7F } else { 0xFFFF };
    (if bytes & 0xF0 == 0xE0 { three } else { one }) as u16
}
