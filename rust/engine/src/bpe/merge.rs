//! The merging of one piece.
//!
//! Up to [`WINDOW`] bytes: the lowest rank is searched for, merged, and its two neighbours looked up,
//! until nothing merges. The search compares 16 ranks an instruction, so that being quadratic is
//! cheaper than any heap.
//!
//! Longer pieces are merged window by window: time stays linear and memory constant. A sequence of
//! tokens is what merging gives if and only if each two neighbours of it stay apart when merged by
//! themselves (a merge across two tokens would happen first between neighbours that have come about
//! exactly as they do alone). So a window may be left at a token end as soon as that token and the
//! first one of the next window stay apart.

use super::pairs::{NONE, Pairs};
use crate::pretokenize::simd::{Portable, Simd, Task};
use crate::vocab::Vocab;

/// Bytes merged at once: several times the longest tokens.
pub(crate) const WINDOW: usize = 512;
/// Bytes at the end of a window whose tokens are left for the next one.
const OVERLAP: usize = 160;

/// Bits of a key that hold the position.
const POSITION_BITS: u32 = WINDOW.trailing_zeros();
/// Keys from here on are no merges.
const NO_MERGE: u32 = NONE << POSITION_BITS;

/// The key of a merge: the lowest key is the leftmost merge of the lowest rank.
#[inline(always)]
fn key(rank: u32, at: usize) -> u32 {
    rank << POSITION_BITS | at as u32
}

/// A piece of 1 to 16 `V` bytes being merged, with its keys in registers. A step has no branch.
struct Word<S: Simd, const V: usize> {
    keys: [S::Keys; V],
    /// Part i is at i + 1, between two parts that merge with nothing.
    tokens: [u32; 64],
    next: [u8; 64],
    previous: [u8; 64],
}

impl<S: Simd, const V: usize> Word<S, V> {
    #[inline(always)]
    fn new(pairs: &Pairs, bytes: &[u8]) -> Self {
        let mut tokens = [NONE; 64];
        let mut next = [0u8; 64];
        let mut previous = [0u8; 64];
        let mut ranks = [[NO_MERGE; 16]; V];
        let len = bytes.len();
        for at in 0..len {
            tokens[at + 1] = pairs.single(bytes[at]);
            next[at + 1] = at as u8 + 2;
            previous[at + 1] = at as u8;
        }
        previous[len + 1] = len as u8;
        for at in 0..len - 1 {
            ranks[at / 16][at % 16] = key(pairs.of_bytes(bytes[at], bytes[at + 1]), at);
        }
        Word { keys: ranks.map(|ranks| S::keys(&ranks)), tokens, next, previous }
    }

    #[inline(always)]
    fn set(&mut self, at: usize, value: u32) {
        for (i, keys) in self.keys.iter_mut().enumerate() {
            *keys = S::set(*keys, at.wrapping_sub(16 * i), value);
        }
    }

    /// Does the lowest merge, if there is one.
    #[inline(always)]
    fn step(&mut self, pairs: &Pairs) -> bool {
        let lowest = S::lowest(self.keys.into_iter().reduce(S::min).expect("one or more"));
        if lowest >= NO_MERGE {
            return false;
        }
        let merged = lowest >> POSITION_BITS;
        let at = (lowest as usize & 31) + 1;
        let left = self.previous[at] as usize & 63;
        let gone = self.next[at] as usize & 63;
        let right = self.next[gone] as usize & 63;
        self.tokens[at] = merged;
        self.next[at] = right as u8;
        self.previous[right] = at as u8;
        let with_right = key(pairs.get(merged, self.tokens[right]), at - 1);
        let with_left = key(pairs.get(self.tokens[left], merged), left.wrapping_sub(1) & 31);
        self.set(gone - 1, u32::MAX);
        self.set(at - 1, with_right);
        // The first part has no key on its left.
        self.set(left.wrapping_sub(1), with_left);
        true
    }
}

/// The number of tokens of a piece of 1 to 16 `V` bytes.
#[inline(always)]
pub(crate) fn count_in_registers<S: Simd, const V: usize>(pairs: &Pairs, bytes: &[u8]) -> usize {
    let mut word = Word::<S, V>::new(pairs, bytes);
    let mut count = bytes.len();
    while word.step(pairs) {
        count -= 1;
    }
    count
}

/// What merging works on. Kept between pieces: nothing has to be cleared.
pub(crate) struct Window {
    /// The key of each part with the next one; not below [`NO_MERGE`] where nothing merges, and
    /// behind the last part.
    keys: [u32; WINDOW],
    /// The token of the part that starts here.
    tokens: [u32; WINDOW],
    /// Where the next part starts, and the one before.
    next: [u16; WINDOW],
    previous: [u16; WINDOW],
}

impl Window {
    pub fn new() -> Window {
        Window {
            keys: [NO_MERGE; WINDOW],
            tokens: [0; WINDOW],
            next: [0; WINDOW],
            previous: [0; WINDOW],
        }
    }

    /// Merges `bytes` (1 to [`WINDOW`]); returns the number of tokens.
    #[inline(always)]
    pub fn merge<S: Simd>(&mut self, pairs: &Pairs, bytes: &[u8]) -> usize {
        let len = bytes.len();
        let padded = len.next_multiple_of(16);
        let keys = &mut self.keys[..padded];
        for (at, two) in bytes.windows(2).enumerate() {
            keys[at] = key(pairs.of_bytes(two[0], two[1]), at);
        }
        keys[len - 1..].fill(NO_MERGE);
        for (at, &byte) in bytes.iter().enumerate() {
            self.tokens[at] = pairs.single(byte);
            self.next[at] = at as u16 + 1;
            self.previous[at] = (at as u16).wrapping_sub(1);
        }
        let mut count = len;
        loop {
            let lowest = keys
                .chunks_exact(16)
                .map(|keys| S::keys(keys.try_into().expect("16 keys")))
                .reduce(S::min)
                .map_or(NO_MERGE, S::lowest);
            if lowest >= NO_MERGE {
                return count;
            }
            count -= 1;
            let at = lowest as usize % WINDOW;
            let merged = lowest >> POSITION_BITS;
            let gone = self.next[at] as usize;
            let right = self.next[gone] as usize;
            let left = self.previous[at] as usize;
            self.tokens[at] = merged;
            self.next[at] = right as u16;
            keys[gone] = NO_MERGE;
            keys[at] = NO_MERGE;
            if right < len {
                self.previous[right] = at as u16;
                keys[at] = key(pairs.get(merged, self.tokens[right]), at);
            }
            if left < len {
                keys[left] = key(pairs.get(self.tokens[left], merged), left);
            }
        }
    }

    /// The tokens of the `len` bytes that were merged last.
    fn tokens(&self, len: usize) -> impl Iterator<Item = u32> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let token = (at < len).then(|| self.tokens[at])?;
            at = self.next[at] as usize;
            Some(token)
        })
    }
}

/// The number of tokens of a piece of at most [`WINDOW`] bytes.
pub(crate) fn count_short(pairs: &Pairs, bytes: &[u8]) -> usize {
    match bytes.len() {
        1..=16 => count_in_registers::<Portable, 1>(pairs, bytes),
        _ => Window::new().merge::<Portable>(pairs, bytes),
    }
}

/// Merges a piece of any length; `emit` is given the tokens in order, some at a time.
#[inline(always)]
pub(crate) fn merge<S: Simd>(
    pairs: &Pairs,
    vocab: &Vocab,
    window: &mut Window,
    bytes: &[u8],
    mut emit: impl FnMut(&[u32]),
) {
    let mut at = 0;
    let mut size = WINDOW.min(bytes.len());
    let mut tokens = merge_any::<S>(pairs, window, &bytes[..size]);
    while at + size < bytes.len() {
        match next_window::<S>(pairs, vocab, window, bytes, at, size, &tokens) {
            Some((keep, end, next)) => {
                emit(&tokens[..keep]);
                tokens = next;
                at = end;
                size = WINDOW.min(bytes.len() - at);
            }
            // No token end of this window can be left: take a larger one.
            None => {
                size = (2 * size).min(bytes.len() - at);
                tokens = merge_any::<S>(pairs, window, &bytes[at..at + size]);
            }
        }
    }
    emit(&tokens);
}

/// Finds an end among `tokens`, which start at `at` and cover `size` bytes, where a next window can
/// begin: the number of tokens before it, its offset, and the next window's tokens.
#[inline(always)]
fn next_window<S: Simd>(
    pairs: &Pairs,
    vocab: &Vocab,
    window: &mut Window,
    bytes: &[u8],
    at: usize,
    size: usize,
    tokens: &[u32],
) -> Option<(usize, usize, Vec<u32>)> {
    let mut end = at + size;
    let mut tries = 8;
    for keep in (1..tokens.len()).rev() {
        end -= vocab.token(tokens[keep]).len();
        if end > at + size - OVERLAP {
            continue;
        }
        if tries == 0 {
            break;
        }
        tries -= 1;
        let next = merge_any::<S>(pairs, window, &bytes[end..bytes.len().min(end + WINDOW)]);
        if stay_apart::<S>(pairs, vocab, window, tokens[keep - 1], next[0]) {
            return Some((keep, end, next));
        }
    }
    None
}

/// Whether merging the bytes of `left` and `right` gives these two tokens.
#[inline(always)]
fn stay_apart<S: Simd>(
    pairs: &Pairs,
    vocab: &Vocab,
    window: &mut Window,
    left: u32,
    right: u32,
) -> bool {
    let bytes = [vocab.token(left), vocab.token(right)].concat();
    merge_any::<S>(pairs, window, &bytes) == [left, right]
}

/// See [`Window::merge`].
struct MergeWindow<'a> {
    pairs: &'a Pairs,
    window: &'a mut Window,
    bytes: &'a [u8],
}

impl Task for MergeWindow<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self) -> usize {
        self.window.merge::<S>(self.pairs, self.bytes)
    }
}

/// Merges any number of bytes at once; quadratic where they are more than a window.
#[inline(always)]
fn merge_any<S: Simd>(pairs: &Pairs, window: &mut Window, bytes: &[u8]) -> Vec<u32> {
    if bytes.is_empty() {
        return Vec::new();
    }
    if bytes.len() <= WINDOW {
        S::outlined(MergeWindow { pairs, window, bytes });
        return window.tokens(bytes.len()).collect();
    }
    let mut tokens: Vec<u32> = bytes.iter().map(|&b| pairs.single(b)).collect();
    let mut ranks: Vec<u32> =
        tokens.windows(2).map(|two| pairs.get(two[0], two[1])).chain([NONE]).collect();
    while let Some((at, &lowest)) =
        ranks.iter().enumerate().min_by_key(|&(_, &rank)| rank).filter(|&(_, &rank)| rank != NONE)
    {
        tokens[at] = lowest;
        tokens.remove(at + 1);
        ranks.remove(at);
        if at > 0 {
            ranks[at - 1] = pairs.get(tokens[at - 1], lowest);
        }
        ranks[at] = tokens.get(at + 1).map_or(NONE, |&right| pairs.get(lowest, right));
    }
    tokens
}
