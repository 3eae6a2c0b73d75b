//! The merging of one short piece, with the keys of its merges in registers.
//!
//! The lowest key is searched for, its merge done, and the two neighbours of what came about are looked up, until nothing
//! merges. A comparison is of 16 keys at once, so being quadratic is cheaper than any heap.
//!
//! `Grüße` (47 72 C3 BC C3 9F 65) in o200k_base, merge by merge:
//!
//! ```text
//! 47 72 C3 BC C3 9F 65     C3 BC is token 572, the lowest
//! 47 72 C3BC  C3 9F 65     C3 9F is 2819
//! 47 72 C3BC  C39F  65     47 72 is 3193
//! 4772  C3BC  C39F  65     C39F 65 is 13153
//! 4772  C3BC  C39F65       nothing merges: three tokens
//! ```
//!
//! Here ü and ß are known to become one token before anything else happens ([`WholeChars`](super::whole_chars::WholeChars)),
//! so it begins with five parts and does the last two of these merges.

use fasttok_simd::Simd;

use super::merge_keys::{NO_MERGE, POSITION_BITS, key};
use super::merge_table::Merges;
use super::model::BpeModel;
use super::pairs::NONE;
use super::scripts::{ASCII, Scripts};

/// Longest piece that may be merged in registers.
pub(crate) const SHORT: usize = 62;

/// Pieces that are merged by turns.
pub(crate) const TURNS: usize = 2;

/// The tokens that merging of a piece of up to [`SHORT`] bytes begins with: part i is at i + 1, between two
/// that merge with nothing.
pub(super) type Tokens = [u32; 64];

/// The parts of a piece of up to [`SHORT`] bytes.
pub(super) struct InitialTokens {
    pub len: usize,
    pub scripts: Scripts,
}

impl InitialTokens {
    /// Splits `bytes` into what merging may begin with.
    #[inline(always)]
    pub fn new(pairs: &BpeModel, bytes: &[u8], tokens: &mut Tokens) -> InitialTokens {
        let (len, scripts) = if bytes.is_ascii() {
            for (part, &byte) in tokens[1..].iter_mut().zip(bytes) {
                *part = pairs.single(byte);
            }
            (bytes.len(), ASCII)
        } else {
            pairs.whole_chars().split(pairs, bytes, &mut tokens[1..])
        };
        tokens[0] = NONE;
        tokens[(len + 1) & 63] = NONE;
        InitialTokens { len, scripts }
    }

    /// The number of tokens that up to 16 `V` parts merge into; where there are as many parts as bytes,
    /// `bytes` are they.
    #[inline(always)]
    fn merge<S: Simd, const V: usize>(
        self,
        simd: S,
        pairs: &BpeModel,
        bytes: &[u8],
        tokens: Tokens,
    ) -> usize {
        let mut count = self.len;
        let merges = pairs.merges(self.scripts);
        let keys = first_keys::<S, V>(simd, pairs, merges, self.len, bytes, &tokens);
        let mut word = Word { simd, keys, tokens, next: NEXT, previous: PREVIOUS };
        while word.step(pairs, merges) {
            count -= 1;
        }
        count
    }
}

/// Positions of the neighbours of 64 parts.
const NEXT: [u8; 64] = positions(1);
const PREVIOUS: [u8; 64] = positions(63);

const fn positions(distance: u8) -> [u8; 64] {
    let mut positions = [0; 64];
    let mut at = 0;
    while at < 64 {
        positions[at] = (at as u8 + distance) & 63;
        at += 1;
    }
    positions
}

/// The keys of up to 16 `V` parts of `bytes`.
#[inline(always)]
pub(super) fn first_keys<S: Simd, const V: usize>(
    simd: S,
    pairs: &BpeModel,
    merges: &Merges,
    parts: usize,
    bytes: &[u8],
    tokens: &Tokens,
) -> [S::Keys; V] {
    let mut ranks = [[NO_MERGE; 16]; V];
    let len = parts.min(16 * V);
    if len == bytes.len() {
        for at in 0..len - 1 {
            ranks[at / 16][at % 16] = key(pairs.of_bytes(bytes[at], bytes[at + 1]), at);
        }
    } else {
        for at in 0..len - 1 {
            let merged = merges.probe(tokens[at + 1], tokens[at + 2]);
            pairs.prefetch(merged);
            ranks[at / 16][at % 16] = key(merged, at);
        }
    }
    let mut keys = [simd.keys(&ranks[0]); V];
    for (keys, ranks) in keys.iter_mut().zip(&ranks) {
        *keys = simd.keys(ranks);
    }
    keys
}

/// The lowest of all keys.
#[inline(always)]
pub(super) fn lowest_of<S: Simd, const V: usize>(simd: S, keys: &[S::Keys; V]) -> u32 {
    let mut lowest = keys[0];
    for &keys in &keys[1..] {
        lowest = simd.min(lowest, keys);
    }
    simd.lowest(lowest)
}

/// A piece of 1 to 16 `V` parts being merged, with its keys in registers. A step has no branch but those
/// that hardly ever go the other way.
#[derive(Clone, Copy)]
struct Word<S: Simd, const V: usize> {
    simd: S,
    keys: [S::Keys; V],
    tokens: Tokens,
    next: [u8; 64],
    previous: [u8; 64],
}

impl<S: Simd, const V: usize> Word<S, V> {
    #[inline(always)]
    fn set(&mut self, at: usize, value: u32) {
        for (i, keys) in self.keys.iter_mut().enumerate() {
            *keys = self.simd.set(*keys, at.wrapping_sub(16 * i), value);
        }
    }

    /// Does the lowest merge, if there is one.
    #[inline(always)]
    fn step(&mut self, pairs: &BpeModel, merges: &Merges) -> bool {
        loop {
            let lowest = lowest_of(self.simd, &self.keys);
            if lowest >= NO_MERGE {
                return false;
            }
            let merged = lowest >> POSITION_BITS;
            let at = (lowest as usize & 31) + 1;
            let left = self.previous[at] as usize & 63;
            let gone = self.next[at] as usize & 63;
            let right = self.next[gone] as usize & 63;
            if !pairs.verify(self.tokens[at], self.tokens[gone], merged) {
                let rank = pairs.exact(merges, self.tokens[at], self.tokens[gone]);
                self.set(at - 1, key(rank, at - 1));
                continue;
            }
            self.tokens[at] = merged;
            self.next[at] = right as u8;
            self.previous[right] = at as u8;
            let with_right = merges.probe(merged, self.tokens[right]);
            let with_left = merges.probe(self.tokens[left], merged);
            pairs.prefetch(with_right);
            pairs.prefetch(with_left);
            let with_right = key(with_right, at - 1);
            let with_left = key(with_left, left.wrapping_sub(1) & 31);
            self.set(gone - 1, NO_MERGE);
            self.set(at - 1, with_right);
            // The first part has no key on its left.
            self.set(left.wrapping_sub(1), with_left);
            return true;
        }
    }
}

/// The numbers of tokens of pieces of UTF-8 of 1 to [`SHORT`] bytes, of those that have up to 16 parts. They are merged by turns: a
/// step waits for the one before, but not for one of another piece.
#[inline(always)]
pub(crate) fn count_by_turns<S: Simd>(
    simd: S,
    pairs: &BpeModel,
    pieces: [&[u8]; TURNS],
) -> [Option<usize>; TURNS] {
    let keys = [simd.keys(&[NO_MERGE; 16])];
    let word = Word { simd, keys, tokens: [NONE; 64], next: NEXT, previous: PREVIOUS };
    let (mut words, mut merges, mut counts) = ([word; TURNS], [None; TURNS], [None; TURNS]);
    for i in 0..TURNS {
        let Word { keys, tokens, .. } = &mut words[i];
        let InitialTokens { len, scripts } = InitialTokens::new(pairs, pieces[i], tokens);
        if len <= 16 {
            let of_scripts = pairs.merges(scripts);
            *keys = first_keys::<S, 1>(simd, pairs, of_scripts, len, pieces[i], tokens);
            (merges[i], counts[i]) = (Some(of_scripts), Some(len));
        }
    }
    loop {
        let mut steps = 0;
        for i in 0..TURNS {
            if let (Some(merges), Some(count)) = (merges[i], &mut counts[i]) {
                let step = usize::from(words[i].step(pairs, merges));
                *count -= step;
                steps += step;
            }
        }
        if steps == 0 {
            return counts;
        }
    }
}

/// The number of tokens of a piece of UTF-8 of 1 to 16 bytes.
#[inline(always)]
pub(crate) fn count_in_registers<S: Simd>(simd: S, pairs: &BpeModel, bytes: &[u8]) -> usize {
    let mut tokens = [NONE; 64];
    InitialTokens::new(pairs, bytes, &mut tokens).merge::<_, 1>(simd, pairs, bytes, tokens)
}

/// The number of tokens of a piece of UTF-8 of 1 to [`SHORT`] bytes, if it has so few parts that
/// registers hold them; always, if it is no longer than 32 bytes.
#[inline(always)]
pub(crate) fn count_in_more_registers<S: Simd>(
    simd: S,
    pairs: &BpeModel,
    bytes: &[u8],
) -> Option<usize> {
    let mut tokens = [NONE; 64];
    let parts = InitialTokens::new(pairs, bytes, &mut tokens);
    match parts.len {
        0..=16 => Some(parts.merge::<_, 1>(simd, pairs, bytes, tokens)),
        17..=32 => Some(parts.merge::<_, 2>(simd, pairs, bytes, tokens)),
        _ => None,
    }
}
