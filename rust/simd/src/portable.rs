//! Every processor: no intrinsics, the same answers everywhere.
//!
//! Eight bytes are worked on at a time, in a word of 64 bits, or a table says of each byte what is asked; no bit of a mask
//! is looked at alone. The tests hold it against the definitions, byte by byte.

use crate::bits::{Moves, starts_of};
use crate::utf8::{FEW, Unit};
use crate::{ByteMasks, Simd, Task, is_caseless, is_continuation, is_east_asian, sealed, utf8};

/// Plain Rust, compiled for what every processor of the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portable;

/// The top bits of the bytes of a word.
const TOP: u64 = 0x8080_8080_8080_8080;

/// `byte` eight times.
#[inline(always)]
fn splat(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * u64::from(byte)
}

/// The top bits of 64 bytes, of which `word` gives those of eight in their places.
macro_rules! collect {
    ($block:expr, $word:ident => $top:expr) => {{
        let mut bits = 0;
        for (i, eight) in $block.as_chunks().0.iter().enumerate() {
            let $word = u64::from_le_bytes(*eight);
            // The product brings them side by side.
            let product = ($top & TOP) >> 7;
            bits |= (product.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
        }
        bits
    }};
}

/// The top bit of each byte that is not zero; other bits mean nothing.
#[inline(always)]
fn not_zero(word: u64) -> u64 {
    ((word & !TOP) + !TOP) | word
}

/// The lower of two numbers below 2³¹: as signed ones, which SSE2 can compare.
#[inline(always)]
fn lower(a: u32, b: u32) -> u32 {
    (a as i32).min(b as i32) as u32
}

/// What a byte is, as far as [`ByteMasks`] ask: four bits, the lowest in bit 0, 16, 32 and 48.
///
/// Of up to 16 bytes the entries go into one word, each a bit higher than the one before.
const KINDS: [u64; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let kind = match byte as u8 {
            b'A'..=b'Z' => 1,
            b'a'..=b'z' => 2,
            b'0'..=b'9' => 3,
            b'\n' | b'\r' => 4,
            b'\t' | 0x0B | 0x0C => 5,
            b' ' => 6,
            b'\'' => 8,
            b'/' => 9,
            0..0x80 => 0,
            other if is_continuation(other) => 12,
            caseless if is_caseless(caseless) => 13,
            other if is_east_asian(other) => 14,
            _ => 15,
        };
        kinds[byte] = kind & 1 | (kind & 2) << 15 | (kind & 4) << 30 | (kind & 8) << 45;
        byte += 1;
    }
    kinds
};

/// All bits of one of sixteen numbers, and of none.
static ONLY: [[u32; 16]; 17] = {
    let mut only = [[0; 16]; 17];
    let mut at = 0;
    while at < 16 {
        only[at][at] = u32::MAX;
        at += 1;
    }
    only
};

impl sealed::Sealed for Portable {}

impl Simd for Portable {
    // A character's entry in a table is found faster than that of all by look-ups of bytes one by one.
    const ROWS_FROM: u32 = u32::MAX;
    const COMPRESSES: bool = false;
    const IN_STEP: bool = false;
    const WORDS_AT_ONCE: bool = false;

    #[inline(never)]
    fn outlined<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> ByteMasks {
        let mut bits = [0; 4];
        for (i, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
            let mut kinds = 0;
            for &byte in sixteen.iter().rev() {
                kinds = kinds << 1 | KINDS[usize::from(byte)];
            }
            for (bit, bits) in bits.iter_mut().enumerate() {
                *bits |= (kinds >> (16 * bit) & 0xFFFF) << (16 * i);
            }
        }
        let [a, b, c, d] = bits;
        let non_ascii = c & d;
        // The kinds below 4, from 4 to 7, and 8 and 9.
        let (letter_or_number, white, sign) = (!(c | d), c & !d, d & !c);
        let blank = white & b;
        ByteMasks {
            non_ascii,
            continuation: non_ascii & !(a | b),
            upper: letter_or_number & a & !b,
            lower: letter_or_number & b & !a,
            number: letter_or_number & a & b,
            space: white & a | blank,
            newline: white & !(a | b),
            blank,
            apostrophe: sign & !a,
            slash: sign & a,
            caseless: non_ascii & a & !b,
            east_asian: non_ascii & (a ^ b),
        }
    }

    #[inline(always)]
    fn continuation(self, block: &[u8; 64]) -> u64 {
        collect!(block, word => word & !(word << 1))
    }

    #[inline(always)]
    fn any(self, bytes: [u8; 64], bits: u8) -> u64 {
        collect!(&bytes, word => not_zero(word & splat(bits)))
    }

    #[inline(always)]
    fn top_bits(self, block: &[u8; 64]) -> u64 {
        collect!(block, word => word)
    }

    type Selection = Moves;

    #[inline(always)]
    fn select(self, mask: u64) -> Moves {
        Moves::new(mask)
    }

    #[inline(always)]
    fn extract(self, value: u64, selection: &Moves) -> u64 {
        selection.extract(value)
    }

    #[inline(always)]
    fn deposit(self, value: u64, selection: &Moves) -> u64 {
        selection.deposit(value)
    }

    #[inline(always)]
    fn starts_of(self, reached: u64, _ends: u64, starts: u64) -> u64 {
        starts_of(reached, starts)
    }

    #[inline(always)]
    fn compress(self, block: &[u8; 64], mut mask: u64) -> [u8; 64] {
        let (mut bytes, mut len) = ([0; 64], 0);
        while mask != 0 {
            bytes[len & 63] = block[mask.trailing_zeros() as usize & 63];
            len += 1;
            mask &= mask - 1;
        }
        bytes
    }

    type Bytes = [u8; 64];

    #[inline(always)]
    fn bytes(self, block: &[u8; 64]) -> [u8; 64] {
        *block
    }

    #[inline(always)]
    fn block(self, bytes: [u8; 64]) -> [u8; 64] {
        bytes
    }

    #[inline(always)]
    fn equal(self, bytes: [u8; 64], byte: u8) -> u64 {
        !collect!(bytes, word => not_zero(word ^ splat(byte)))
    }

    #[inline(always)]
    fn look_up(
        self,
        mut bytes: [u8; 64],
        mut mask: u64,
        table: &[u8; 64],
        index: [u8; 64],
    ) -> [u8; 64] {
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            bytes[at] = table[usize::from(index[at] & 63)];
            mask &= mask - 1;
        }
        bytes
    }

    #[inline(always)]
    fn common(self, tables: &[[u8; 64]; 3], indices: [[u8; 64]; 3]) -> [u8; 64] {
        let mut common = [u8::MAX; 64];
        for (table, index) in tables.iter().zip(indices) {
            for (common, index) in common.iter_mut().zip(index) {
                *common &= table[usize::from(index & 63)];
            }
        }
        common
    }

    type Keys = [u32; 16];

    #[inline(always)]
    fn keys(self, values: &[u32; 16]) -> [u32; 16] {
        *values
    }

    #[inline(always)]
    fn set(self, mut keys: [u32; 16], at: usize, value: u32) -> [u32; 16] {
        // All of them, for numbers that were just written one by one are slow to load together; by masks from memory, for of
        // comparisons the compiler makes sixteen branches.
        let only = &ONLY[at.min(16)];
        for (key, only) in keys.iter_mut().zip(only) {
            *key = *key & !only | value & only;
        }
        keys
    }

    #[inline(always)]
    fn min(self, a: [u32; 16], b: [u32; 16]) -> [u32; 16] {
        std::array::from_fn(|i| lower(a[i], b[i]))
    }

    #[inline(always)]
    fn values(self, keys: [u32; 16]) -> [u32; 16] {
        keys
    }

    #[inline(always)]
    fn replace(
        self,
        keys: [u32; 16],
        indices: [u32; 16],
        index: u32,
        values: [u32; 16],
    ) -> [u32; 16] {
        std::array::from_fn(|i| if indices[i] == index { values[i] } else { keys[i] })
    }

    #[inline(always)]
    fn some_of(self, keys: [u32; 16], bits: u32) -> u16 {
        (0..16).fold(0, |mask, i| mask | u16::from(keys[i] & bits != 0) << i)
    }

    #[inline(always)]
    fn at_least(self, keys: [u32; 16], least: u32) -> u16 {
        (0..16).fold(0, |mask, i| mask | u16::from(keys[i] >= least) << i)
    }

    #[inline(always)]
    fn lowest(self, keys: [u32; 16]) -> u32 {
        // By fours, which SSE2 and NEON can compare at once.
        let mut four = [0; 4];
        for i in 0..4 {
            four[i] = lower(lower(keys[i], keys[4 + i]), lower(keys[8 + i], keys[12 + i]));
        }
        lower(lower(four[0], four[1]), lower(four[2], four[3]))
    }

    #[inline(always)]
    fn lowest_in_rows(self, table: &[[u32; 8]], rows: &[u32; 16], checks: &[u32; 16]) -> [u32; 16] {
        std::array::from_fn(|i| {
            let row = table[rows[i] as usize];
            row.iter().fold(u32::MAX, |lowest, value| lowest.min(value ^ checks[i]))
        })
    }

    #[inline(always)]
    fn unlike(self, table: &[u64], at: &[u32; 16], high: &[u32; 16], low: &[u32; 16]) -> u16 {
        (0..16).fold(0, |mask, i| {
            let value = u64::from(high[i]) << 32 | u64::from(low[i]);
            mask | u16::from(table[at[i] as usize] != value) << i
        })
    }

    type Sum = u64;

    #[inline(always)]
    fn zero(self) -> u64 {
        0
    }

    #[inline(always)]
    fn add_entry(self, sum: u64, entries: &[u64; 8], key: u64) -> (u64, bool) {
        let mut count = 0;
        for entry in entries {
            count |= if (entry ^ key) << 4 == 0 { entry >> 60 } else { 0 };
        }
        (sum + count, count != 0)
    }

    #[inline(always)]
    fn total(self, sum: u64) -> u64 {
        sum
    }

    #[inline(always)]
    fn write_utf8<U: Unit>(self, few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
        utf8::portable(few, out)
    }
}
