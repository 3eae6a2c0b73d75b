//! Instruction sets: which of them this machine has, what they do with 64 bytes at a time, and tables in large
//! pages. The only crate with the `unsafe` of SIMD; it knows no text, no vocabulary and no file.
//!
//! A level ([`Portable`], and `Avx2`, `Avx2SlowPext`, `Avx512` or `Neon` by the processor) is a value without size that exists only
//! where the machine has all that the level enables: who holds one has the proof, and everything else is safe.
//! [`Level`] is one of those that there are, chosen once a process ([`Level::chosen`]). Work that is to be compiled for each level is a
//! [`Task`]; [`Level::run`] enters it.
//!
//! ```
//! use fasttok_simd::{Level, Simd, Task};
//!
//! /// Counts the capital letters of a block.
//! struct Capitals<'a>(&'a [u8; 64]);
//!
//! impl Task for Capitals<'_> {
//!     type Output = u32;
//!
//!     #[inline(always)]
//!     fn run<S: Simd>(self, simd: S) -> u32 {
//!         simd.classify(self.0).upper.count_ones()
//!     }
//! }
//!
//! let mut block = [b' '; 64];
//! block[..13].copy_from_slice(b"Hello, World!");
//! for level in Level::available() {
//!     assert_eq!(level.run(Capitals(&block)), 2, "{}", level.name());
//! }
//! ```
//!
//! # No intrinsic is a call
//!
//! An intrinsic can be inlined only where its instructions are enabled. Between it and the function that enables
//! them there may be no closure and no function that does not enable them itself: the compiler decides from the bottom
//! up, and one that it finds too large to inline stays a function, in which each intrinsic stays a call of its
//! own. AVX2 once lost more than half of its time to that, and nothing but a profile showed it. So:
//!
//! - each kernel is a function with the attribute `#[target_feature]`, which its closures inherit. The macro `level!`
//!   writes it, from the same list of features that `detect` asks for. If the compiler does not inline a kernel, it
//!   is one call with its instructions inside, not one an instruction;
//! - what is generic over [`Simd`] is `#[inline(always)]` up to [`Task::run`], and calls kernels from no closure (nor
//!   hands one to `map` or `reduce`): a closure that is not inlined would be compiled for the baseline, and its
//!   kernels would be calls that pass their vectors through memory;
//! - a test looks for intrinsics and kernels among the symbols of the library that is released
//!   (`tests/test_simd.py`).

mod bits;
mod level;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod table;
pub mod utf8;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::{Level, LevelError, VARIABLE};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;
pub use table::{Table, prefetch};
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx2SlowPext, Avx512};

/// Classes of 64 bytes, a bit a byte. ASCII is complete; of other characters only what the first
/// byte alone decides.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ByteMasks {
    /// Bytes from 0x80 on.
    pub non_ascii: u64,
    /// `0b10xx_xxxx`: not the first byte of a character.
    pub continuation: u64,
    /// `A` to `Z`.
    pub upper: u64,
    /// `a` to `z`.
    pub lower: u64,
    /// `0` to `9`.
    pub number: u64,
    /// White space of ASCII but newlines.
    pub space: u64,
    /// `\n` and `\r`.
    pub newline: u64,
    /// U+0020.
    pub blank: u64,
    /// `'`
    pub apostrophe: u64,
    /// `/`
    pub slash: u64,
    /// First bytes E5-E9, EB and EC: characters that are all letters without case.
    pub caseless: u64,
    /// First bytes E3-ED and EF.
    pub east_asian: u64,
}

/// The masks, from a range test, an equality test and the top bits.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! masks {
    ($in_range:expr, $equals:expr, $top:expr) => {{
        let (in_range, equals, non_ascii) = ($in_range, $equals, $top);
        let blank = equals(b' ');
        let newline = equals(b'\n') | equals(b'\r');
        let mut masks = ByteMasks {
            non_ascii,
            upper: in_range(b'A', 26),
            lower: in_range(b'a', 26),
            number: in_range(b'0', 10),
            // \t \n \v \f \r
            space: blank | in_range(b'\t', 5) & !newline,
            newline,
            blank,
            apostrophe: equals(b'\''),
            slash: equals(b'/'),
            ..ByteMasks::default()
        };
        if non_ascii != 0 {
            masks.continuation = in_range(0x80, 0x40);
            masks.caseless = in_range(0xE5, 5) | in_range(0xEB, 2);
            masks.east_asian = in_range(0xE3, 11) | equals(0xEF);
        }
        masks
    }};
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use masks;

/// Whether `byte` is the first one of a character U+3000-U+DFFF or U+F000-U+FFFF.
///
/// ```
/// let first = |c: &str| fasttok_simd::is_east_asian(c.as_bytes()[0]);
/// assert!(first("中") && first("한") && first("カ") && !first("ü") && !first("€"));
/// ```
#[inline(always)]
pub const fn is_east_asian(byte: u8) -> bool {
    matches!(byte, 0xE3..=0xED | 0xEF)
}

/// Whether `byte` is the first one of a character that is among [`ByteMasks::caseless`].
pub(crate) const fn is_caseless(byte: u8) -> bool {
    matches!(byte, 0xE5..=0xE9 | 0xEB | 0xEC)
}

/// Whether `byte` is one of a character's UTF-8 after the first.
#[inline(always)]
pub const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Work that is worth a function of its own, compiled for each level. A closure would do, were it sure to be inlined
/// where the instructions are enabled: `run` is to be `#[inline(always)]`.
pub trait Task {
    /// What the work gives.
    type Output;
    /// Does the work with the instructions of `simd`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set, by a value that exists only where the machine has it.
pub trait Simd: Copy + sealed::Sealed {
    /// Runs `task`, compiled for these instructions, and keeps its code out of the caller's.
    fn outlined<T: Task>(self, task: T) -> T::Output;

    /// From so many characters on, their entries in tables are found faster by [`Simd::look_up`] than one by one.
    const ROWS_FROM: u32;

    /// Whether [`Simd::compress`] is an instruction: it takes less time than a branch that is predicted wrong.
    const COMPRESSES: bool;

    /// Whether sixteen numbers in registers take less time than one after the other.
    const IN_STEP: bool;

    /// The classes of the bytes of `block`.
    fn classify(self, block: &[u8; 64]) -> ByteMasks;
    /// The bytes that are not the first of a character.
    fn continuation(self, block: &[u8; 64]) -> u64;
    /// The top bits of the bytes of `block`.
    fn top_bits(self, block: &[u8; 64]) -> u64;
    /// Which of the numbers are `first` or up to `span` more, where the numbers go on with 0 after the largest one.
    #[inline(always)]
    fn within(self, numbers: &[u16; 64], first: u16, span: u16) -> u64 {
        self.top_bits(&numbers.map(|number| u8::from(number.wrapping_sub(first) <= span) << 7))
    }
    /// A mask, prepared for many values.
    type Selection: Copy;
    /// Prepares it.
    fn select(self, mask: u64) -> Self::Selection;
    /// Moves the bits of `value` that are at those of `selection` together (BMI2's `pext`).
    fn extract(self, value: u64, selection: &Self::Selection) -> u64;
    /// Spreads the low bits of `value` to those of `selection` (BMI2's `pdep`).
    fn deposit(self, value: u64, selection: &Self::Selection) -> u64;
    /// Of runs of bits that begin at those of `starts` and end at those of `ends`: where the ones begin that end at
    /// `reached`.
    fn starts_of(self, reached: u64, ends: u64, starts: u64) -> u64;
    /// The bytes of `block` at the bits of `mask`, one after the other, and zeros (VBMI2's `vpcompressb`).
    fn compress(self, block: &[u8; 64], mask: u64) -> [u8; 64];

    /// Whether [`Simd::words`] takes less time than to take them one after the other.
    const WORDS_AT_ONCE: bool;

    /// The bytes of `block` from each bit of `of` to before the next of `starts`, at most 7, as a little-endian word with
    /// their number in the top byte. `of` are some of `starts`, but not the last one. Returns how many words there are;
    /// after the last one, up to the next eighth or to the end of the first `_least` eights, are others that mean nothing.
    #[inline(always)]
    fn words(
        self,
        block: &[u8; 64],
        mut of: u64,
        starts: u64,
        _least: usize,
        words: &mut [[u64; 8]; 8],
    ) -> usize {
        let mut number = 0;
        while of != 0 {
            let at = of.trailing_zeros() as usize & 63;
            let len = 1 + (starts >> at >> 1).trailing_zeros() as usize % 64;
            let mut word = [0; 8];
            word[..len].copy_from_slice(&block[at..at + len]);
            word[7] = len as u8;
            words.as_flattened_mut()[number] = u64::from_le_bytes(word);
            number += 1;
            of &= of - 1;
        }
        number
    }

    /// 64 bytes in registers.
    type Bytes: Copy;
    /// Loads them.
    fn bytes(self, block: &[u8; 64]) -> Self::Bytes;
    /// Those that have some of `bits`.
    fn any(self, bytes: Self::Bytes, bits: u8) -> u64;
    /// They, as they are in memory.
    fn block(self, bytes: Self::Bytes) -> [u8; 64];
    /// Those that are `byte`.
    fn equal(self, bytes: Self::Bytes, byte: u8) -> u64;
    /// `bytes` with those of `mask` replaced by what is in `table` at the low six bits of `index`.
    fn look_up(
        self,
        bytes: Self::Bytes,
        mask: u64,
        table: &[u8; 64],
        index: Self::Bytes,
    ) -> Self::Bytes;

    /// The bits that what is in three tables has in common, each at the low six bits of an index.
    fn common(self, tables: &[[u8; 64]; 3], indices: [Self::Bytes; 3]) -> Self::Bytes;

    /// 16 numbers in registers.
    type Keys: Copy;
    /// Loads them.
    fn keys(self, values: &[u32; 16]) -> Self::Keys;
    /// Sets number `at`; none where `at` is not below 16.
    fn set(self, keys: Self::Keys, at: usize, value: u32) -> Self::Keys;
    /// The lower ones of each two. No number is 2³¹ or more, here and in [`Simd::lowest`].
    fn min(self, a: Self::Keys, b: Self::Keys) -> Self::Keys;
    /// They, as they are in memory.
    fn values(self, keys: Self::Keys) -> [u32; 16];
    /// `keys`, and in place of those that stand where `indices` has `index`, those of `values`.
    fn replace(
        self,
        keys: Self::Keys,
        indices: Self::Keys,
        index: u32,
        values: Self::Keys,
    ) -> Self::Keys;
    /// Which ones have some of `bits`.
    fn some_of(self, keys: Self::Keys, bits: u32) -> u16;
    /// Which ones are not below `least`.
    fn at_least(self, keys: Self::Keys, least: u32) -> u16;
    /// The lowest one.
    fn lowest(self, keys: Self::Keys) -> u32;
    /// Of sixteen rows of `table`, the lowest number when the bits of the row's check are changed in each.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    fn lowest_in_rows(self, table: &[[u32; 8]], rows: &[u32; 16], checks: &[u32; 16]) -> [u32; 16];
    /// Which of sixteen values of `table` do not have `high` and `low` as their halves.
    ///
    /// # Panics
    ///
    /// If there is no such value.
    fn unlike(self, table: &[u64], at: &[u32; 16], high: &[u32; 16], low: &[u32; 16]) -> u16;

    /// A sum in several parts.
    type Sum: Copy;
    /// The sum of nothing.
    fn zero(self) -> Self::Sum;
    /// Adds the top four bits of the one of `entries` whose other bits are those of `key`, which has no top bits and is
    /// not 0. Returns the sum, and whether there is one. No two of `entries` are alike but for their top bits, if not 0.
    fn add_entry(self, sum: Self::Sum, entries: &[u64; 8], key: u64) -> (Self::Sum, bool);
    /// All parts of the sum together.
    fn total(self, sum: Self::Sum) -> u64;

    /// Writes characters, none of them a surrogate, as UTF-8; returns how many of the bytes are theirs.
    fn write_utf8<U: utf8::Unit>(self, few: &[U; 16], out: &mut [u8; 64]) -> usize;
}

/// A level is proven by its value: nobody else makes one.
mod sealed {
    pub trait Sealed {}
}

#[cfg(test)]
mod tests;
