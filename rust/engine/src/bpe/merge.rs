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
use crate::pretokenize::simd::{Portable, Simd};
use crate::vocab::Vocab;

/// Bytes merged at once: several times the longest tokens.
pub(crate) const WINDOW: usize = 512;
/// Bytes at the end of a window whose tokens are left for the next one.
const OVERLAP: usize = 160;

/// Bits of a key that hold the position.
const POSITION_BITS: u32 = WINDOW.trailing_zeros();

/// What merging works on. Kept between pieces: nothing has to be cleared.
pub(crate) struct Window {
    /// The rank of the merge of each part with the next one, and its position: the lowest key is the
    /// leftmost of the lowest ranks. [`NONE`] where nothing merges, and behind the last part.
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
            keys: [NONE; WINDOW],
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
        let key = |rank: u32, at: usize| {
            if rank == NONE {
                NONE
            } else {
                rank << POSITION_BITS | at as u32
            }
        };
        for (at, two) in bytes.windows(2).enumerate() {
            keys[at] = key(pairs.of_bytes(two[0], two[1]), at);
        }
        keys[len - 1..].fill(NONE);
        for (at, &byte) in bytes.iter().enumerate() {
            self.tokens[at] = pairs.single(byte);
            self.next[at] = at as u16 + 1;
            self.previous[at] = (at as u16).wrapping_sub(1);
        }
        let mut count = len;
        loop {
            let lowest = S::lowest(keys);
            if lowest == NONE {
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
            keys[gone] = NONE;
            keys[at] = NONE;
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
    Window::new().merge::<Portable>(pairs, bytes)
}

/// Merges a piece of any length; `emit` is given the tokens in order, some at a time.
pub(crate) fn merge(
    pairs: &Pairs,
    vocab: &Vocab,
    window: &mut Window,
    bytes: &[u8],
    mut emit: impl FnMut(&[u32]),
) {
    let mut at = 0;
    let mut size = WINDOW.min(bytes.len());
    let mut tokens = merge_any(pairs, window, &bytes[..size]);
    while at + size < bytes.len() {
        match next_window(pairs, vocab, window, bytes, at, size, &tokens) {
            Some((keep, end, next)) => {
                emit(&tokens[..keep]);
                tokens = next;
                at = end;
                size = WINDOW.min(bytes.len() - at);
            }
            // No token end of this window can be left: take a larger one.
            None => {
                size = (2 * size).min(bytes.len() - at);
                tokens = merge_any(pairs, window, &bytes[at..at + size]);
            }
        }
    }
    emit(&tokens);
}

/// Finds an end among `tokens`, which start at `at` and cover `size` bytes, where a next window can
/// begin: the number of tokens before it, its offset, and the next window's tokens.
fn next_window(
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
        if end > at + size - OVERLAP || tries == 0 {
            continue;
        }
        tries -= 1;
        let next = merge_any(pairs, window, &bytes[end..bytes.len().min(end + WINDOW)]);
        if stay_apart(pairs, vocab, window, tokens[keep - 1], next[0]) {
            return Some((keep, end, next));
        }
    }
    None
}

/// Whether merging the bytes of `left` and `right` gives these two tokens.
fn stay_apart(pairs: &Pairs, vocab: &Vocab, window: &mut Window, left: u32, right: u32) -> bool {
    let bytes = [vocab.token(left), vocab.token(right)].concat();
    merge_any(pairs, window, &bytes) == [left, right]
}

/// Merges any number of bytes at once; quadratic where they are more than a window.
fn merge_any(pairs: &Pairs, window: &mut Window, bytes: &[u8]) -> Vec<u32> {
    if bytes.is_empty() {
        return Vec::new();
    }
    if bytes.len() <= WINDOW {
        window.merge::<Portable>(pairs, bytes);
        return window.tokens(bytes.len()).collect();
    }
    let mut tokens: Vec<u32> = bytes.iter().map(|&b| pairs.single(b)).collect();
    let mut ranks: Vec<u32> = tokens
        .windows(2)
        .map(|two| pairs.get(two[0], two[1]))
        .chain([NONE])
        .collect();
    while let Some((at, &lowest)) = ranks
        .iter()
        .enumerate()
        .min_by_key(|&(_, &rank)| rank)
        .filter(|&(_, &rank)| rank != NONE)
    {
        tokens[at] = lowest;
        tokens.remove(at + 1);
        ranks.remove(at);
        if at > 0 {
            ranks[at - 1] = pairs.get(tokens[at - 1], lowest);
        }
        ranks[at] = tokens
            .get(at + 1)
            .map_or(NONE, |&right| pairs.get(lowest, right));
    }
    tokens
}
