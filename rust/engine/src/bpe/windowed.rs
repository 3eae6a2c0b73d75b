//! The merging of a piece of any length, window by window: time stays linear and memory constant.
//!
//! A sequence of tokens is what merging gives if and only if each two neighbours of it stay apart when merged by themselves
//! (a merge across two tokens would happen first between neighbours that have come about exactly as they do alone). So a
//! window may be left at the end of a token as soon as that token and the first one of the next window stay apart.
//!
//! With windows of 8 bytes instead of [`WINDOW`], `Grüße Grüße`: the first window is `Grüße` and a space, 4772 C3BC C39F65
//! 20. The space is too near the end to be kept, for it may merge with what follows. The next window begins after C39F65
//! and is ` Grüße`, one token, 204772C3BCC39F65: it and C39F65 stay apart by themselves, so three tokens are final.

use fasttok_simd::{Simd, Task};

use super::merge_keys::{NO_MERGE, POSITION_BITS, WINDOW, key, rank_and_position};
use super::model::BpeModel;
use super::naive::{self, Naive};
use super::pairs::NONE;
use super::repeated::merge_repeated;
use super::scripts::{ASCII, SCRIPTS, Scripts};
use crate::interrupt::Watch;
use crate::vocab::Vocab;

/// Bytes at the end of a window whose tokens are left for the next one.
const OVERLAP: usize = 160;

/// The scripts of `text`.
pub(super) fn scripts_of(text: &[u8]) -> Scripts {
    let mut ascii = 0;
    text.iter().fold(0, |scripts, &byte| {
        let script = SCRIPTS[usize::from(byte)];
        let with_company = script & (ascii | !ASCII);
        ascii = script & ASCII;
        scripts | with_company
    })
}

/// What merging works on. Kept between pieces: nothing has to be cleared.
pub(crate) struct Window {
    /// The key of each part with the next one; not below [`NO_MERGE`] where nothing merges, and
    /// after the last part.
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
                if !pairs.verify(self.tokens[at], self.tokens[gone], merged) {
                    keys[at] = key(pairs.exact(merges, self.tokens[at], self.tokens[gone]), at);
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
                    let rank = merges.probe(self.tokens[left], merged);
                    keys[left] = key(rank, left);
                    lower |= rank <= merged;
                }
                if right >= len {
                    break;
                }
                self.previous[right] = at as u16;
                let rank = merges.probe(merged, self.tokens[right]);
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
    let mut watch = Watch::new();
    if let Some(rows) = merge_repeated(pairs, bytes) {
        for (token, mut times) in rows {
            let tokens = [token; WINDOW];
            while times != 0 && !watch.stops(WINDOW) {
                let some = times.min(WINDOW);
                emit(&tokens[..some]);
                times -= some;
            }
        }
        return;
    }
    let mut at = 0;
    let mut size = WINDOW.min(bytes.len());
    let mut tokens = merge_any(simd, pairs, window, &bytes[..size]);
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
pub(crate) fn stay_apart<S: Simd>(
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
    use crate::bpe::registers::{SHORT, count_in_more_registers};
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
            let mut by_rows = 0;
            for round in 0..600 {
                let few = [b"-|", b"=+", b"-:", b"aA", b"01", b"*/", b"..", b"ab"][random.below(8)];
                let mut bytes = Vec::new();
                for _ in 0..1 + random.below(8) {
                    let len = 1 + random.below(if round % 8 == 0 { 800 } else { 120 });
                    bytes.extend(std::iter::repeat_n(few[random.below(2)], len));
                }
                by_rows += usize::from(merge_repeated(pairs, &bytes).is_some());
                let mut tokens = Vec::new();
                merge(Portable, pairs, vocab, &mut window, &bytes, |t| tokens.extend_from_slice(t));
                assert_eq!(tokens, merge_plainly(vocab, &bytes), "{name} {bytes:?}");
            }
            assert!((300..600).contains(&by_rows), "{name}: {by_rows}");
        }
    }

    /// Single characters, each after ASCII and after itself.
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
