//! The merging of many pieces, interleaved.
//!
//! Merging one piece waits for memory at each step: the tables of merges are larger than the second-level cache, and what is
//! looked up next depends on what was found. Pieces do not depend on each other. So a step of one piece ends with
//! prefetching all that its next one reads, and as many steps of other pieces are in between (asynchronous memory
//! access chaining, Kocberber et al., VLDB 2015).
//!
//! What a step merges is a [probe](Merges::probe), verified at the next step of the piece, when what that reads has
//! come. One that was wrong, one in thousands, sends the piece to a form that verifies before it merges
//! ([`Work::verify`]). Nothing is given before its last merge was verified.
//!
//! With two lanes, `Grüße` (47 72 C3BC C39F 65, its letters beyond ASCII already whole) and `мир` (D0BC D0B8 D180):
//!
//! ```text
//! lane 0  merges 47 72, prefetches the slots of 4772 with C3BC
//! lane 1  merges D0B8 D180, prefetches the slots of D0BC with D0B8D180
//! lane 0  verifies 47 72, probes the prefetched slots: nothing; merges C39F 65, the only probe left
//! lane 1  verifies D0B8 D180, probes the prefetched slots: nothing, so two tokens
//! lane 0  verifies C39F 65, probes C3BC with C39F65: nothing, so three tokens
//! ```

use fasttok_simd::Simd;

use super::merge_keys::{NO_MERGE, key, rank_and_position};
use super::merge_table::{Merges, Slot};
use super::model::BpeModel;
use super::pairs::NONE;
use super::registers::{InitialTokens, Tokens, first_keys, lowest_of};
use super::scripts::ASCII;

/// Pieces under way at once.
const LANES: usize = 6;

/// A piece of up to 16 `V` parts being merged.
#[derive(Clone, Copy)]
struct Lane<'a, S: Simd, const V: usize> {
    simd: S,
    /// The key of each part with the one after it.
    keys: [S::Keys; V],
    /// Part i is at i + 1, between two that merge with nothing.
    tokens: Tokens,
    /// The parts that are left, and one before and one after them.
    left: u64,
    merges: Option<&'a Merges>,
    /// The part that the last step made, and the part before it; 0 before the first step.
    at: usize,
    before: usize,
    /// What it was made of.
    made_of: (u32, u32),
    /// Where the merges of that part with the ones after and before it are.
    slots: [Slot; 2],
    /// Its number among the pieces.
    piece: usize,
}

/// How a step ended.
enum Step {
    /// There is no piece.
    Idle,
    /// With a merge.
    On,
    /// Nothing merges any more: the number of tokens.
    Done(usize),
    /// The last merge was none.
    Wrong,
}

impl<'a, S: Simd, const V: usize> Lane<'a, S, V> {
    #[inline(always)]
    fn idle(simd: S) -> Self {
        Lane {
            simd,
            keys: [simd.keys(&[NO_MERGE; 16]); V],
            tokens: [NONE; 64],
            left: 0,
            merges: None,
            at: 0,
            before: 0,
            made_of: (0, 0),
            slots: [Slot::default(); 2],
            piece: 0,
        }
    }

    /// Begins with the first `len` of `bytes`. Returns whether there are few enough parts.
    #[inline(always)]
    fn begin(&mut self, pairs: &'a BpeModel, piece: usize, bytes: &[u8; 32], len: usize) -> bool {
        let parts = if has_ascii_only(bytes) {
            if len > 16 * V {
                return false;
            }
            self.merges = Some(pairs.merges(ASCII));
            self.begin_with_bytes(pairs, bytes, len);
            len
        } else {
            let bytes = &bytes[..len];
            let InitialTokens { len, scripts } = InitialTokens::new(pairs, bytes, &mut self.tokens);
            if len > 16 * V {
                return false;
            }
            let merges = pairs.merges(scripts);
            self.merges = Some(merges);
            self.keys = first_keys(self.simd, pairs, merges, len, bytes, &self.tokens);
            len
        };
        self.left = (1 << (parts + 2)) - 1;
        self.at = 0;
        self.piece = piece;
        true
    }

    /// Sets the keys and the tokens of bytes: always as many, so that no branch depends on the length.
    #[inline(always)]
    fn begin_with_bytes(&mut self, pairs: &BpeModel, bytes: &[u8; 32], len: usize) {
        let mut ranks = [[NO_MERGE; 16]; V];
        for at in 0..16 * V {
            self.tokens[at + 1] = pairs.single(bytes[at]);
            let next = if at + 1 < 32 { bytes[at + 1] } else { 0 };
            let key = key(pairs.of_bytes(bytes[at], next), at);
            ranks[at / 16][at % 16] = if at + 1 < len { key } else { NO_MERGE };
        }
        self.tokens[0] = NONE;
        self.tokens[(len + 1) & 63] = NONE;
        for (keys, ranks) in self.keys.iter_mut().zip(&ranks) {
            *keys = self.simd.keys(ranks);
        }
    }

    #[inline(always)]
    fn next(&self, at: usize) -> usize {
        (at + 1 + (self.left >> (at + 1)).trailing_zeros() as usize) & 63
    }

    #[inline(always)]
    fn previous(&self, at: usize) -> usize {
        (63 - (self.left & ((1 << at) - 1)).leading_zeros() as usize) & 63
    }

    /// Sets the key of part `at`; none before the first part.
    #[inline(always)]
    fn set(&mut self, at: usize, value: u32) {
        let part = (1u64 << at) >> 1;
        for (i, keys) in self.keys.iter_mut().enumerate() {
            *keys = self.simd.set_of(*keys, (part >> (16 * i)) as u16, value);
        }
    }

    #[inline(always)]
    fn step(&mut self, pairs: &BpeModel) -> Step {
        let Some(merges) = self.merges else { return Step::Idle };
        if self.at != 0 {
            let (at, before) = (self.at & 63, self.before & 63);
            if !pairs.verify(self.made_of.0, self.made_of.1, self.tokens[at]) {
                return Step::Wrong;
            }
            let with_next = merges.probe_prefetched(self.simd, self.slots[0]);
            let with_previous = merges.probe_prefetched(self.simd, self.slots[1]);
            self.set(at, key(with_next, at - 1));
            self.set(before, key(with_previous, before.wrapping_sub(1) & 31));
        }
        let lowest = lowest_of(self.simd, &self.keys);
        if lowest >= NO_MERGE {
            return Step::Done(self.left.count_ones() as usize - 2);
        }
        let (merged, at) = rank_and_position(lowest);
        let at = (at + 1) & 63;
        let gone = self.next(at);
        self.at = at;
        self.made_of = (self.tokens[at], self.tokens[gone]);
        self.tokens[at] = merged;
        self.left &= !(1 << gone);
        self.set(gone, u32::MAX);
        self.before = self.previous(at);
        pairs.prefetch_split(merged);
        self.slots = [
            merges.prefetch_slot(merged, self.tokens[self.next(at)]),
            merges.prefetch_slot(self.tokens[self.before], merged),
        ];
        Step::On
    }
}

/// Whether no byte has its top bit.
#[inline(always)]
fn has_ascii_only(bytes: &[u8; 32]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// What a piece has become.
pub(crate) struct Merged<'a> {
    /// The number of tokens.
    pub count: usize,
    tokens: &'a Tokens,
    left: u64,
}

impl Merged<'_> {
    /// The tokens, in order.
    #[inline(always)]
    pub fn for_each(&self, mut then: impl FnMut(u32)) {
        // But for the one before them and the one after.
        let mut left = self.left & (self.left - 1);
        for _ in 0..self.count {
            then(self.tokens[left.trailing_zeros() as usize & 63]);
            left &= left - 1;
        }
    }
}

/// Pieces to be merged, and what is to be done with what they become.
pub(crate) trait Work {
    /// The number of the next piece.
    fn next(&mut self) -> Option<usize>;
    /// The bytes of a piece of UTF-8, with zeros after them, and their number, 1 to 31.
    fn bytes(&self, piece: usize) -> ([u8; 32], usize);
    /// Takes what it has become.
    fn done(&mut self, piece: usize, merged: Merged<'_>);
    /// Merges it by the form that verifies before it merges, and takes what it has become.
    fn verify<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize);
}

/// Merges all pieces, in no order.
#[inline(always)]
pub(crate) fn merge_interleaved<S: Simd>(simd: S, pairs: &BpeModel, work: &mut impl Work) {
    let mut wide = Vec::new();
    interleave::<_, 1, _>(simd, pairs, work, |work| work.next(), |piece| wide.push(piece));
    if !wide.is_empty() {
        interleave::<_, 2, _>(
            simd,
            pairs,
            work,
            |_| wide.pop(),
            |_| unreachable!("31 parts at most"),
        );
    }
}

/// Merges the pieces that `next` names; those of too many parts are `too_wide`.
#[inline(always)]
fn interleave<S: Simd, const V: usize, W: Work>(
    simd: S,
    pairs: &BpeModel,
    work: &mut W,
    mut next: impl FnMut(&mut W) -> Option<usize>,
    mut too_wide: impl FnMut(usize),
) {
    let mut lanes: [Lane<S, V>; LANES] = [Lane::idle(simd); LANES];
    let mut order: [usize; LANES] = std::array::from_fn(|i| i);
    let mut under_way = LANES;
    let mut i = 0;
    while under_way > 0 {
        if i >= under_way {
            i = 0;
        }
        let lane = &mut lanes[order[i] % LANES];
        match lane.step(pairs) {
            Step::On => {
                i += 1;
                continue;
            }
            Step::Idle => {}
            Step::Done(count) => {
                let merged = Merged { count, tokens: &lane.tokens, left: lane.left };
                work.done(lane.piece, merged);
            }
            Step::Wrong => work.verify(simd, pairs, lane.piece),
        }
        let begun = loop {
            let Some(piece) = next(work) else { break false };
            let (bytes, len) = work.bytes(piece);
            if lane.begin(pairs, piece, &bytes, len) {
                break true;
            }
            too_wide(piece);
        };
        if !begun {
            under_way -= 1;
            order.swap(i, under_way);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;
    use crate::bpe::registers::count_in_more_registers;
    use crate::bpe::windowed::tests::{merge_plainly, short_texts};
    use crate::vocab::Vocab;
    use fasttok_simd::{Level, Task};
    use fasttok_testing::Random;

    /// Merges words, and notes what each has become.
    struct Words<'a> {
        pairs: &'a BpeModel,
        vocab: &'a Vocab,
        words: &'a [String],
        next: usize,
        tokens: Vec<Vec<u32>>,
    }

    impl Work for Words<'_> {
        fn next(&mut self) -> Option<usize> {
            self.next += 1;
            (self.next <= self.words.len()).then(|| self.next - 1)
        }

        fn bytes(&self, piece: usize) -> ([u8; 32], usize) {
            let mut bytes = [0; 32];
            let len = self.words[piece].len();
            bytes[..len].copy_from_slice(self.words[piece].as_bytes());
            (bytes, len)
        }

        fn done(&mut self, piece: usize, merged: Merged<'_>) {
            assert!(self.tokens[piece].is_empty(), "once");
            merged.for_each(|token| self.tokens[piece].push(token));
            assert_eq!(self.tokens[piece].len(), merged.count);
        }

        fn verify<S: Simd>(&mut self, simd: S, pairs: &BpeModel, piece: usize) {
            let word = self.words[piece].as_bytes();
            let count = count_in_more_registers(simd, pairs, word).unwrap();
            self.tokens[piece] = merge_plainly(self.vocab, word);
            assert_eq!(self.tokens[piece].len(), count);
        }
    }

    impl Task for Words<'_> {
        type Output = Vec<Vec<u32>>;

        #[inline(always)]
        fn run<S: Simd>(mut self, simd: S) -> Vec<Vec<u32>> {
            merge_interleaved(simd, self.pairs, &mut self);
            self.tokens
        }
    }

    /// Words of tokens cut anywhere between characters, many at a time and few.
    #[test]
    fn makes_what_merging_plainly_gives() {
        let mut random = Random::new(0x2545_F491_4F6C_DD1D);
        for name in ["o200k_base", "cl100k_base", "r50k_base"] {
            let encoding = Encoding::embedded(name).unwrap();
            let (vocab, pairs) = (encoding.vocab(), encoding.pairs());
            let texts = short_texts(vocab);
            for round in 0..600 {
                let near = random.below(texts.len());
                let word = |random: &mut Random| {
                    let mut word = String::new();
                    for _ in 0..1 + random.below(4) {
                        let from = if round % 2 == 0 { near } else { random.below(texts.len()) };
                        let text = texts[(from + random.below(40)) % texts.len()];
                        let chars = 1 + random.below(text.chars().count());
                        word.extend(text.chars().take(chars));
                    }
                    while word.len() > 31 {
                        word.pop();
                    }
                    word
                };
                let words: Vec<String> =
                    (0..1 + random.below(150)).map(|_| word(&mut random)).collect();
                let plainly: Vec<Vec<u32>> =
                    words.iter().map(|word| merge_plainly(vocab, word.as_bytes())).collect();
                let tokens = || vec![Vec::new(); words.len()];
                let task = || Words { pairs, vocab, words: &words, next: 0, tokens: tokens() };
                for level in Level::available() {
                    assert_eq!(level.run(task()), plainly, "{name} {level:?} {words:?}");
                }
            }
        }
    }
}
