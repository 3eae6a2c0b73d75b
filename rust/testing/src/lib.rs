//! What the tests of all crates share, and the fuzzer: numbers that are random and the same everywhere. Must not know
//! anything that is tested.

#![forbid(unsafe_code)]

pub mod layers;

/// A small generator of numbers (xorshift64), the same in every run.
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Random {
        // Seeds next to each other give numbers that have nothing in common; 0 alone would give zeros.
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    /// One of `items`, of which there is at least one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
