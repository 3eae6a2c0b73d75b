//! The parts of counting by themselves, for the example `roofline`: what each would allow if the others cost
//! nothing. Behind the feature `probe`; no part of the interface.

use fasttok_simd::{Level, Simd, Task};

use crate::bpe::cache::{Cache, Key, tiny_key};
use crate::pretokenize::Scanner;
use crate::pretokenize::block::{BLOCK, SLACK, piece_starts};
use crate::{Encoding, counter};

/// Classifies the whole blocks of `text`. The result depends on all of it.
pub fn classify(text: &[u8]) -> u64 {
    Level::chosen_or_portable().run(Classify(text))
}

struct Classify<'a>(&'a [u8]);

impl Task for Classify<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let (blocks, _) = self.0.as_chunks::<BLOCK>();
        let mut all = 0;
        for block in blocks {
            let masks = simd.classify(block);
            all ^= masks.upper ^ masks.lower ^ masks.number ^ masks.space ^ masks.newline;
            all ^= masks.continuation ^ masks.caseless ^ masks.east_asian;
            all ^= masks.blank ^ masks.apostrophe ^ masks.slash ^ masks.non_ascii;
        }
        all
    }
}

/// The number of pieces that begin in `text`, but for its last bytes; one that is cut counts as two.
pub fn pieces(encoding: &Encoding, text: &[u8]) -> u64 {
    let scanner = encoding.pretokenizer().scanner().expect("an encoding with a scanner");
    Level::chosen_or_portable().run(Pieces(scanner, text))
}

struct Pieces<'a>(Scanner, &'a [u8]);

impl Task for Pieces<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let Pieces(scanner, text) = self;
        let (mut at, mut count) = (0, 0);
        while at + BLOCK + SLACK <= text.len() {
            let starts = piece_starts(simd, scanner, text, at, BLOCK);
            let last = 63 - starts.mask.leading_zeros() as usize;
            let cut = 63 - (starts.cuts | 1).leading_zeros() as usize;
            // Where an East Asian piece goes on, the next block begins inside of it. Counting knows which of the cuts
            // are safe and takes the last of those: here every one is.
            let open = cut > last && starts.east_asian >> last != 0;
            count += u64::from(starts.mask.count_ones() - u32::from(!open && last > 0));
            at = match if open { cut } else { last } {
                0 => (scanner.piece_end)(text, at),
                next => at + next,
            };
        }
        count
    }
}

/// A cache of pieces of up to 7 bytes, half full, and the keys in it.
pub struct LookUps {
    cache: Cache<1, 8>,
    keys: Vec<Key<1>>,
}

impl LookUps {
    /// A cache of 2^`bits` lines of 64 bytes.
    pub fn new(bits: u32) -> LookUps {
        let mut cache = Cache::new(bits);
        let mut keys = Vec::new();
        for number in 0..4u64 << bits {
            let bytes = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
            let key = tiny_key(&bytes.to_le_bytes(), 0, 7);
            cache.insert(cache.line_of(&key), key, 1);
            keys.push(key);
        }
        LookUps { cache, keys }
    }

    /// Looks `count` keys up, in the order in which they were made: at random slots. Returns the sum.
    pub fn run(&self, count: usize) -> u64 {
        Level::chosen_or_portable().run(LookUp(self, count))
    }
}

struct LookUp<'a>(&'a LookUps, usize);

impl Task for LookUp<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> u64 {
        let LookUp(LookUps { cache, keys }, count) = self;
        counter::look_up_keys(simd, cache, keys.iter().cycle().take(count).copied())
    }
}
