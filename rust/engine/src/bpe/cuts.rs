//! Cuts in long pieces of alphabets and abugidas (U+0080-U+1FFF): Thai and its like run on for many
//! words.
//!
//! Here nearly every two letters stand together in some token, so two characters alone say little.
//! A token that spans the boundary between b and c in …a b c d… either is just "b c", or holds "a b c" or
//! "b c d". Two sets of hashes, of tokens of two characters and of three characters that stand together in
//! a token, decide; a hash that collides only leaves a cut out. Tokens that begin or end inside a
//! character count as tokens of two characters at each of their boundaries.

use crate::pages::Table;
use crate::pretokenize::classes::decode;
use crate::vocab::Vocab;

const PAIR_BITS: u32 = 18;
const TRIPLE_BITS: u32 = 20;

pub(crate) struct Cuts {
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

fn first_byte(c: char) -> u8 {
    c.encode_utf8(&mut [0; 4]).as_bytes()[0]
}

impl Cuts {
    pub fn new(vocab: &Vocab) -> Cuts {
        let mut cuts = Cuts {
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
            // Only neighbours out of the same 256 are ever cut.
            for page in 0..0x20u32 {
                let lead = |c: u32| char::from_u32(c).map_or(0, first_byte);
                let leads = lead(page << 8)..=lead(page << 8 | 0xFF);
                if !leads.contains(&right[0]) {
                    continue;
                }
                let page = || (page << 8..(page + 1) << 8).filter_map(char::from_u32);
                let mut buffer = [0; 4];
                let lefts: Vec<u32> = page()
                    .filter(|c| {
                        let utf8 = c.encode_utf8(&mut buffer).as_bytes();
                        utf8.last() == left.last() && utf8.ends_with(left)
                    })
                    .map(u32::from)
                    .collect();
                if lefts.is_empty() {
                    continue;
                }
                let mut buffer = [0; 4];
                for right in
                    page().filter(|c| c.encode_utf8(&mut buffer).as_bytes().starts_with(right))
                {
                    for &left in &lefts {
                        set(&mut self.pairs, pair_hash(left, u32::from(right)));
                    }
                }
            }
        }
    }

    /// The end of the segment of `piece` that starts at `start`: a boundary that no token spans.
    #[inline]
    pub fn segment_end(&self, piece: &[u8], start: usize) -> usize {
        const NO_CHAR: u32 = 0x1F_FFFF;
        let mut before = NO_CHAR;
        let (mut left, len) = decode(piece, start);
        let mut at = start + len;
        if at >= piece.len() {
            return at;
        }
        let (mut right, mut right_len) = decode(piece, at);
        loop {
            let next = at + right_len;
            let (after, after_len) =
                if next < piece.len() { decode(piece, next) } else { (NO_CHAR, 0) };
            let covered = is_covered(left) && left >> 8 == right >> 8;
            let spanned = bit(&self.pairs, pair_hash(left, right))
                | bit(&self.triples, triple_hash(before, left, right))
                | bit(&self.triples, triple_hash(left, right, after));
            if covered && !spanned {
                return at;
            }
            if next >= piece.len() {
                return next;
            }
            (before, left, right, at, right_len) = (left, right, after, next, after_len);
        }
    }
}
