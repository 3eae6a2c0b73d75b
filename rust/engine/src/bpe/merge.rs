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

use fasttok_simd::{Simd, Task};

use super::model::BpeModel;
use super::naive::{self, Naive};
use super::pairs::{ASCII, Merges, NONE, SCRIPTS, Scripts};
use crate::interrupt::Watch;
use crate::vocab::Vocab;

/// Bytes merged at once: several times the longest tokens.
pub(crate) const WINDOW: usize = 512;
/// Bytes at the end of a window whose tokens are left for the next one.
const OVERLAP: usize = 160;

/// Bits of a key that hold the position.
const POSITION_BITS: u32 = WINDOW.trailing_zeros();
/// Keys from here on are no merges.
pub(super) const NO_MERGE: u32 = NONE << POSITION_BITS;

/// The key of a merge: the lowest key is the leftmost merge of the lowest rank.
#[inline(always)]
pub(super) fn key(rank: u32, at: usize) -> u32 {
    rank << POSITION_BITS | at as u32
}

/// What a key was made of.
#[inline(always)]
pub(super) fn rank_and_position(key: u32) -> (u32, usize) {
    (key >> POSITION_BITS, key as usize % WINDOW)
}

/// Longest piece that may be merged in registers.
pub(crate) const SHORT: usize = 62;

/// The tokens that merging of a piece of up to [`SHORT`] bytes begins with: part i is at i + 1, between two
/// that merge with nothing.
pub(super) type Tokens = [u32; 64];

/// The parts of a piece of up to [`SHORT`] bytes.
pub(super) struct Parts {
    pub len: usize,
    pub scripts: Scripts,
}

impl Parts {
    /// Splits `bytes` into what merging may begin with.
    #[inline(always)]
    pub fn new(pairs: &BpeModel, bytes: &[u8], tokens: &mut Tokens) -> Parts {
        let (len, scripts) = if bytes.is_ascii() {
            for (part, &byte) in tokens[1..].iter_mut().zip(bytes) {
                *part = pairs.single(byte);
            }
            (bytes.len(), ASCII)
        } else {
            pairs.chars().split(pairs, bytes, &mut tokens[1..])
        };
        tokens[0] = NONE;
        tokens[(len + 1) & 63] = NONE;
        Parts { len, scripts }
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

/// The scripts of `text`.
fn scripts_of(text: &[u8]) -> Scripts {
    let mut ascii = 0;
    text.iter().fold(0, |scripts, &byte| {
        let script = SCRIPTS[usize::from(byte)];
        let with_company = script & (ascii | !ASCII);
        ascii = script & ASCII;
        scripts | with_company
    })
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
            let merged = merges.guess(tokens[at + 1], tokens[at + 2]);
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
            if !pairs.is_merge(self.tokens[at], self.tokens[gone], merged) {
                let rank = merges.get(pairs, self.tokens[at], self.tokens[gone]);
                self.set(at - 1, key(rank, at - 1));
                continue;
            }
            self.tokens[at] = merged;
            self.next[at] = right as u8;
            self.previous[right] = at as u8;
            let with_right = merges.guess(merged, self.tokens[right]);
            let with_left = merges.guess(self.tokens[left], merged);
            pairs.prefetch(with_right);
            pairs.prefetch(with_left);
            let with_right = key(with_right, at - 1);
            let with_left = key(with_left, left.wrapping_sub(1) & 31);
            self.set(gone - 1, u32::MAX);
            self.set(at - 1, with_right);
            // The first part has no key on its left.
            self.set(left.wrapping_sub(1), with_left);
            return true;
        }
    }
}

/// The number of tokens of a piece of UTF-8 of 1 to 16 bytes.
#[inline(always)]
pub(crate) fn count_in_registers<S: Simd>(simd: S, pairs: &BpeModel, bytes: &[u8]) -> usize {
    let mut tokens = [NONE; 64];
    Parts::new(pairs, bytes, &mut tokens).merge::<_, 1>(simd, pairs, bytes, tokens)
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
    let parts = Parts::new(pairs, bytes, &mut tokens);
    match parts.len {
        0..=16 => Some(parts.merge::<_, 1>(simd, pairs, bytes, tokens)),
        17..=32 => Some(parts.merge::<_, 2>(simd, pairs, bytes, tokens)),
        _ => None,
    }
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
    pub fn merge<S: Simd>(&mut self, simd: S, pairs: &BpeModel, bytes: &[u8]) -> usize {
        let merges = pairs.merges(scripts_of(bytes));
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
            let mut lowest = simd.keys(&[NO_MERGE; 16]);
            for keys in keys.as_chunks().0 {
                lowest = simd.min(lowest, simd.keys(keys));
            }
            let lowest = simd.lowest(lowest);
            if lowest >= NO_MERGE {
                return count;
            }
            let (merged, mut at) = rank_and_position(lowest);
            // A run of the same pair, as of dashes, goes without another search, as long as nothing
            // lower comes about.
            loop {
                let gone = self.next[at] as usize;
                let right = self.next[gone] as usize;
                if !pairs.is_merge(self.tokens[at], self.tokens[gone], merged) {
                    keys[at] = key(merges.get(pairs, self.tokens[at], self.tokens[gone]), at);
                    break;
                }
                count -= 1;
                let left = self.previous[at] as usize;
                self.tokens[at] = merged;
                self.next[at] = right as u16;
                keys[gone] = NO_MERGE;
                keys[at] = NO_MERGE;
                let mut lower = false;
                if left < len {
                    let rank = merges.guess(self.tokens[left], merged);
                    keys[left] = key(rank, left);
                    lower |= rank <= merged;
                }
                if right >= len {
                    break;
                }
                self.previous[right] = at as u16;
                let rank = merges.guess(merged, self.tokens[right]);
                keys[at] = key(rank, at);
                lower |= rank <= merged;
                if lower || keys[right] >> POSITION_BITS != merged {
                    break;
                }
                at = right;
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

/// Merges a piece of any length; `emit` is given the tokens in order, some at a time. May be interrupted.
#[inline(always)]
pub(crate) fn merge<S: Simd>(
    simd: S,
    pairs: &BpeModel,
    vocab: &Vocab,
    window: &mut Window,
    bytes: &[u8],
    mut emit: impl FnMut(&[u32]),
) {
    let mut at = 0;
    let mut size = WINDOW.min(bytes.len());
    let mut tokens = merge_any(simd, pairs, window, &bytes[..size]);
    let mut watch = Watch::new();
    while at + size < bytes.len() {
        if watch.stops(size) {
            return;
        }
        match next_window(simd, pairs, vocab, window, bytes, at, size, &tokens) {
            Some((keep, end, next)) => {
                emit(&tokens[..keep]);
                tokens = next;
                at = end;
                size = WINDOW.min(bytes.len() - at);
            }
            // No token end of this window can be left: take a larger one.
            None => {
                size = (2 * size).min(bytes.len() - at);
                tokens = merge_any(simd, pairs, window, &bytes[at..at + size]);
            }
        }
    }
    emit(&tokens);
}

/// Finds an end among `tokens`, which start at `at` and cover `size` bytes, where a next window can
/// begin: the number of tokens before it, its offset, and the next window's tokens.
#[inline(always)]
fn next_window<S: Simd>(
    simd: S,
    pairs: &BpeModel,
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
        let next = merge_any(simd, pairs, window, &bytes[end..bytes.len().min(end + WINDOW)]);
        if stay_apart(simd, pairs, vocab, window, tokens[keep - 1], next[0]) {
            return Some((keep, end, next));
        }
    }
    None
}

/// Whether merging the bytes of `left` and `right` gives these two tokens.
#[inline(always)]
fn stay_apart<S: Simd>(
    simd: S,
    pairs: &BpeModel,
    vocab: &Vocab,
    window: &mut Window,
    left: u32,
    right: u32,
) -> bool {
    let bytes = [vocab.token(left), vocab.token(right)].concat();
    merge_any(simd, pairs, window, &bytes) == [left, right]
}

/// See [`Window::merge`].
struct MergeWindow<'a> {
    pairs: &'a BpeModel,
    window: &'a mut Window,
    bytes: &'a [u8],
}

impl Task for MergeWindow<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        self.window.merge(simd, self.pairs, self.bytes)
    }
}

/// Merges any number of bytes at once; quadratic where they are more than a window.
#[inline(always)]
fn merge_any<S: Simd>(simd: S, pairs: &BpeModel, window: &mut Window, bytes: &[u8]) -> Vec<u32> {
    if bytes.is_empty() {
        return Vec::new();
    }
    if bytes.len() <= WINDOW {
        simd.outlined(MergeWindow { pairs, window, bytes });
        return window.tokens(bytes.len()).collect();
    }
    let join = |left: u32, right: u32| match pairs.get(left, right) {
        NONE => (naive::NONE, NONE),
        merged => (merged, merged),
    };
    Naive::new().merge(bytes.iter().map(|&byte| pairs.single(byte)), 1, join).to_vec()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::Encoding;
    use fasttok_simd::Portable;
    use fasttok_testing::Random;

    /// What byte pair encoding is: the neighbours whose bytes together are the token of the lowest
    /// rank become it, until there are none.
    pub(in crate::bpe) fn merge_plainly(vocab: &Vocab, bytes: &[u8]) -> Vec<u32> {
        let find = |(start, end): (usize, usize)| vocab.find(&bytes[start..end]);
        let join = |left: (usize, usize), right: (usize, usize)| {
            let both = (left.0, right.1);
            (find(both).unwrap_or(naive::NONE), both)
        };
        let parts = (0..bytes.len()).map(|at| (at, at + 1));
        let mut naive = Naive::new();
        let left = naive.merge(parts, 1, join);
        left.iter().map(|&part| find(part).expect("a token")).collect()
    }

    /// The tokens of fewer than 30 bytes that are text.
    pub(in crate::bpe) fn short_texts(vocab: &Vocab) -> Vec<&str> {
        vocab
            .tokens()
            .filter_map(|(_, token)| std::str::from_utf8(token).ok())
            .filter(|token| token.len() < 30)
            .collect()
    }

    /// Words of every script, put together from parts of tokens so that boundaries fall everywhere.
    #[test]
    fn merges_as_defined() {
        let mut random = Random::new(0x2545_F491_4F6C_DD1D);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
            let texts = short_texts(vocab);
            let strange: Vec<&str> =
                texts.iter().copied().filter(|text| !text.is_ascii()).collect();
            let mut window = Window::new();
            for round in 0..60_000 {
                let from = if round % 4 == 0 { &texts } else { &strange };
                let first = random.below(from.len());
                let mut word = String::new();
                for part in 0..1 + random.below(4) {
                    // Neighbours in the vocabulary are rarely of the same script: look for some.
                    let alike = |text: &&&str| {
                        text.as_bytes()[0] & 0xFC == from[first].as_bytes()[0] & 0xFC
                    };
                    let near = from[random.below(from.len())..].iter().take(50).find(alike);
                    let text = if part == 0 { from[first] } else { near.unwrap_or(&from[first]) };
                    let chars = 1 + random.below(text.chars().count());
                    word.extend(text.chars().take(chars));
                }
                if round % 3 == 0 {
                    word.insert(0, ' ');
                }
                let bytes = word.as_bytes();
                let expected = merge_plainly(vocab, bytes);
                let mut tokens = Vec::new();
                merge(Portable, pairs, vocab, &mut window, bytes, |t| tokens.extend_from_slice(t));
                assert_eq!(tokens, expected, "{name} {word:?}");
                if bytes.len() <= SHORT
                    && let Some(count) = count_in_more_registers(Portable, pairs, bytes)
                {
                    assert_eq!(count, expected.len(), "{name} {word:?}");
                }
            }
        }
    }

    /// Runs of a byte, as rules of tables are: a run of the same pair is merged without a search each.
    #[test]
    fn merges_runs() {
        let mut random = Random::new(0x9E37_79B9_7F4A_7C15);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
            let mut window = Window::new();
            for _ in 0..400 {
                let few = [b"-|", b"=+", b"-:", b"aA", b"01", b"*/", b"..", b"ab"][random.below(8)];
                let mut bytes = Vec::new();
                for _ in 0..1 + random.below(8) {
                    let len = 1 + random.below(120);
                    bytes.extend(std::iter::repeat_n(few[random.below(2)], len));
                }
                let mut tokens = Vec::new();
                merge(Portable, pairs, vocab, &mut window, &bytes, |t| tokens.extend_from_slice(t));
                assert_eq!(tokens, merge_plainly(vocab, &bytes), "{name} {bytes:?}");
            }
        }
    }

    /// Single characters, each behind ASCII and behind itself.
    #[test]
    fn merges_every_character() {
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
            for c in (0x80..0x1_0000).filter_map(char::from_u32) {
                for word in [format!(" {c}"), format!("{c}{c}a")] {
                    let expected = merge_plainly(vocab, word.as_bytes()).len();
                    let count = count_in_more_registers(Portable, pairs, word.as_bytes());
                    assert_eq!(count, Some(expected), "{name} {word:?}");
                }
            }
        }
    }
}
