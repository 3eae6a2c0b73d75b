//! Safe boundaries in long pieces of alphabets and abugidas (U+0080-U+1FFF): Thai and its like run on for many
//! words.
//!
//! Here nearly every two letters are neighbours in some token, so two characters alone say little.
//! A token that spans the boundary between b and c in …a b c d… either is just "b c", or holds "a b c" or
//! "b c d". Two sets of hashes, of tokens of two characters and of three characters that are neighbours in
//! a token, decide; a hash that collides only leaves a cut out. Tokens that begin or end inside a
//! character count as tokens of two characters at each of their boundaries, of all characters that the
//! parts can belong to.
//!
//! `ภาษาไทยไม่มีช่องว่าง` in o200k_base: no token is `าไ`, and none holds `ษาไ` or `าไท`, so the text is cut between `ภาษา`
//! and `ไทย`. It falls into ภาษา|ไทย|ไม่มี|ช่อง|ว่าง, of which the first four are one token each and the last is merged into
//! two: six tokens.
//!
//! A cut has a character from U+0080 on before it and one of the same 256 after it. So after it may be
//! ASCII, where Latin-1 is before it: the token `95 0A 0A` is entered as the pairs U+0095 0A and U+00D5 0A.
//! Before it there are one or two bytes of a character of two or three (of a page known by what is after),
//! and after it the first byte, the first two, or all.

use fasttok_simd::Table;

use crate::classes::decode;
use crate::interrupt::Watch;
use crate::vocab::Vocab;

const PAIR_BITS: u32 = 18;
const TRIPLE_BITS: u32 = 20;

pub(crate) struct Segmenter {
    /// A bit a hash of two characters.
    pairs: Table<u64>,
    /// A bit a hash of three characters.
    triples: Table<u64>,
}

/// A character of the tables: one that has neighbours of its own 256 to be cut from.
fn is_covered(c: u32) -> bool {
    (0x80..0x2000).contains(&c)
}

#[inline(always)]
fn pair_hash(a: u32, b: u32) -> u32 {
    (a << 13 ^ b).wrapping_mul(0x9E37_79B1) >> (32 - PAIR_BITS)
}

#[inline(always)]
fn triple_hash(a: u32, b: u32, c: u32) -> u32 {
    ((a << 13 ^ b).wrapping_mul(0x85EB_CA6B) ^ c.wrapping_mul(0xC2B2_AE35))
        .wrapping_mul(0x9E37_79B1)
        >> (32 - TRIPLE_BITS)
}

#[inline(always)]
fn bit(table: &[u64], hash: u32) -> bool {
    table[(hash >> 6) as usize] >> (hash & 63) & 1 != 0
}

fn set(table: &mut [u64], hash: u32) {
    table[(hash >> 6) as usize] |= 1 << (hash & 63);
}

impl Segmenter {
    pub fn new(vocab: &Vocab) -> Segmenter {
        let mut cuts = Segmenter {
            pairs: Table::new(1 << (PAIR_BITS - 6)),
            triples: Table::new(1 << (TRIPLE_BITS - 6)),
        };
        for (_, token) in vocab.tokens() {
            if token.is_ascii() {
                continue;
            }
            match std::str::from_utf8(token) {
                Ok(text) => {
                    let mut chars = text.chars().map(u32::from);
                    let (Some(mut a), Some(mut b)) = (chars.next(), chars.next()) else { continue };
                    let Some(mut c) = chars.next() else {
                        set(&mut cuts.pairs, pair_hash(a, b));
                        continue;
                    };
                    loop {
                        set(&mut cuts.triples, triple_hash(a, b, c));
                        (a, b) = (b, c);
                        let Some(next) = chars.next() else { break };
                        c = next;
                    }
                }
                Err(_) => cuts.add_partial(token),
            }
        }
        cuts
    }

    /// Adds what a token that begins or ends inside a character can stand for.
    fn add_partial(&mut self, token: &[u8]) {
        let starts: Vec<usize> =
            (0..token.len()).filter(|&i| i == 0 || token[i] & 0xC0 != 0x80).collect();
        let parts: Vec<&[u8]> = starts
            .iter()
            .enumerate()
            .map(|(i, &start)| &token[start..*starts.get(i + 1).unwrap_or(&token.len())])
            .collect();
        for two in parts.windows(2) {
            let (left, right) = (two[0], two[1]);
            for right in completions(right) {
                // Only neighbours out of the same 256 are ever cut.
                let page = right & !0xFF;
                let low = |at: usize| u32::from(left[at] & 0x3F);
                let lefts: [Option<u32>; 4] = match *left {
                    [0x80..=0xBF] => [0, 1, 2, 3].map(|i| Some(page | i << 6 | low(0))),
                    [0x80..=0xBF, 0x80..=0xBF] => {
                        [Some(page & !0xFFF | low(0) << 6 | low(1)), None, None, None]
                    }
                    _ => [completions(left).next(), None, None, None],
                };
                for left in lefts.into_iter().flatten() {
                    set(&mut self.pairs, pair_hash(left, right));
                }
            }
        }
    }

    /// Calls `segment` with the start and the end of each segment of `piece`: it is cut at boundaries that
    /// no token spans. May be interrupted.
    #[inline(always)]
    pub fn for_each_segment(&self, piece: &[u8], mut segment: impl FnMut(usize, usize)) {
        let mut start = 0;
        let mut at = 0;
        // The two characters before, up to 32, and the one after.
        let mut chars = [NO_CHAR; BATCH + 3];
        let mut offsets = [0; BATCH];
        let mut watch = Watch::new();
        while at < piece.len() {
            if watch.stops(2 * BATCH) {
                return;
            }
            let mut len = 0;
            while len < BATCH && at < piece.len() {
                let (c, size) = decode(piece, at);
                chars[len + 2] = c;
                offsets[len] = at;
                at += size;
                len += 1;
            }
            chars[len + 2] = if at < piece.len() { decode(piece, at).0 } else { NO_CHAR };
            let (mut pairs, mut triples) = ([0; BATCH], [0; BATCH + 1]);
            for k in 0..BATCH {
                pairs[k] = pair_hash(chars[k + 1], chars[k + 2]);
            }
            for k in 0..BATCH + 1 {
                triples[k] = triple_hash(chars[k], chars[k + 1], chars[k + 2]);
            }
            // Bit k is the boundary before character k; a triple spans two.
            let mut spanned = u64::from(bit(&self.triples, triples[0]));
            for k in 0..len {
                let pair = u64::from(bit(&self.pairs, pairs[k]));
                let triple = u64::from(bit(&self.triples, triples[k + 1]));
                let (left, right) = (chars[k + 1], chars[k + 2]);
                let covered = is_covered(left) && left >> 8 == right >> 8;
                spanned |= (pair | (triple * 3) | u64::from(!covered)) << k;
            }
            let mut cuts = !spanned & ((1 << len) - 1);
            while cuts != 0 {
                let end = offsets[cuts.trailing_zeros() as usize % BATCH];
                cuts &= cuts - 1;
                segment(start, end);
                start = end;
            }
            chars[0] = chars[len];
            chars[1] = chars[len + 1];
        }
        segment(start, piece.len());
    }
}

/// No character; not covered.
const NO_CHAR: u32 = 0x1F_FFFF;
/// Characters that are looked up together.
const BATCH: usize = 32;

/// The characters below U+2000 that `part` of a token is or begins.
fn completions(part: &[u8]) -> impl Iterator<Item = u32> {
    let low = |at: usize| u32::from(part[at] & 0x3F);
    let (first, count) = match *part {
        // Never left of a cut, but right of one: Latin-1 and ASCII are of the same 256.
        [byte @ 0..0x80] => (u32::from(byte), 1),
        [lead @ 0xC2..=0xDF] => (u32::from(lead & 0x1F) << 6, 64),
        [lead @ 0xC2..=0xDF, _] => (u32::from(lead & 0x1F) << 6 | low(1), 1),
        [lead @ 0xE0..=0xE1] => (u32::from(lead & 15) << 12, 4096),
        [lead @ 0xE0..=0xE1, _] => (u32::from(lead & 15) << 12 | low(1) << 6, 64),
        [lead @ 0xE0..=0xE1, _, _] => (u32::from(lead & 15) << 12 | low(1) << 6 | low(2), 1),
        _ => (0, 0),
    };
    first..first + count
}
