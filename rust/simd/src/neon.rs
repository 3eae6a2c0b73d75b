//! NEON.
//!
//! Every AArch64 that Rust compiles this for has it: nothing is to be checked or enabled.

use std::arch::aarch64::*;

use crate::bits::{Moves, starts_of};
use crate::utf8::{FEW, Unit};
use crate::{ByteMasks, Portable, Simd, Task, masks, sealed, utf8};

/// NEON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    /// The level, which every machine has.
    pub fn detect() -> Option<Neon> {
        Some(Neon(()))
    }
}

impl sealed::Sealed for Neon {}

/// A bit for each of sixteen numbers that are all ones or all zeros.
#[inline(always)]
fn mask(numbers: [uint32x4_t; 4]) -> u16 {
    // SAFETY: as in `top_bits`.
    let bits: [uint32x4_t; 4] = std::array::from_fn(|i| unsafe {
        let bits: [u32; 4] = std::array::from_fn(|k| 1 << (4 * i + k));
        vandq_u32(numbers[i], vld1q_u32(bits.as_ptr()))
    });
    // SAFETY: as in `top_bits`; the load is of the four numbers of `bits`.
    unsafe {
        vaddvq_u32(vorrq_u32(vorrq_u32(bits[0], bits[1]), vorrq_u32(bits[2], bits[3]))) as u16
    }
}

/// The top bits of 64 bytes. No instruction gives them, but of bytes that are dealt out to four registers
/// (see `Bytes`) a few shifts bring them together. The usual sums of a bit a byte (`vpaddq_u8`) would take
/// twice the instructions: LLVM sees that nothing is carried, and makes three of each.
#[inline(always)]
fn top_bits([a, b, c, d]: [uint8x16_t; 4]) -> u64 {
    // SAFETY: every AArch64 has NEON.
    unsafe {
        let four = vsriq_n_u8::<2>(vsriq_n_u8::<1>(d, c), vsriq_n_u8::<1>(b, a));
        let twice = vreinterpretq_u16_u8(vsriq_n_u8::<4>(four, four));
        vget_lane_u64::<0>(vreinterpret_u64_u8(vshrn_n_u16::<4>(twice)))
    }
}

impl Simd for Neon {
    const ROWS_FROM: u32 = 13;
    const COMPRESSES: bool = false;
    const IN_STEP: bool = true;
    const WORDS_AT_ONCE: bool = false;

    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> ByteMasks {
        let bytes = self.bytes(block);
        let equals = |byte: u8| self.equal(bytes, byte);
        let in_range = |from: u8, count: u8| {
            // SAFETY: as in `top_bits`.
            let test = |x| unsafe { vcltq_u8(vsubq_u8(x, vdupq_n_u8(from)), vdupq_n_u8(count)) };
            top_bits(bytes.map(test))
        };
        masks!(in_range, equals, top_bits(bytes))
    }

    #[inline(never)]
    fn outlined<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn continuation(self, block: &[u8; 64]) -> u64 {
        // SAFETY: as in `top_bits`. Continuation bytes are the 64 lowest as signed numbers.
        let test = |x| unsafe { vcltq_s8(vreinterpretq_s8_u8(x), vdupq_n_s8(-64)) };
        top_bits(self.bytes(block).map(test))
    }

    #[inline(always)]
    fn any(self, bytes: Self::Bytes, bits: u8) -> u64 {
        // SAFETY: as in `top_bits`.
        top_bits(bytes.map(|x| unsafe { vtstq_u8(x, vdupq_n_u8(bits)) }))
    }

    #[inline(always)]
    fn top_bits(self, block: &[u8; 64]) -> u64 {
        top_bits(self.bytes(block))
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
    fn compress(self, block: &[u8; 64], mask: u64) -> [u8; 64] {
        Portable.compress(block, mask)
    }

    /// Every fourth byte: 0, 4, 8 and so on; 1, 5, 9; 2, 6, 10; 3, 7, 11.
    type Bytes = [uint8x16_t; 4];

    #[inline(always)]
    fn bytes(self, block: &[u8; 64]) -> Self::Bytes {
        // SAFETY: as in `top_bits`; the loads are unaligned and inside `block`.
        let uint8x16x4_t(a, b, c, d) = unsafe { vld4q_u8(block.as_ptr()) };
        [a, b, c, d]
    }

    #[inline(always)]
    fn block(self, [a, b, c, d]: Self::Bytes) -> [u8; 64] {
        let mut block = [0; 64];
        // SAFETY: as in `top_bits`; the stores are unaligned and inside `block`.
        unsafe { vst4q_u8(block.as_mut_ptr(), uint8x16x4_t(a, b, c, d)) };
        block
    }

    #[inline(always)]
    fn equal(self, bytes: Self::Bytes, byte: u8) -> u64 {
        // SAFETY: as in `top_bits`.
        top_bits(bytes.map(|x| unsafe { vceqq_u8(x, vdupq_n_u8(byte)) }))
    }

    #[inline(always)]
    fn look_up(
        self,
        bytes: Self::Bytes,
        mask: u64,
        table: &[u8; 64],
        index: Self::Bytes,
    ) -> Self::Bytes {
        // SAFETY: as in `top_bits`; the loads are unaligned and inside `table`.
        unsafe {
            let table = vld1q_u8_x4(table.as_ptr());
            // Half a byte of the mask to each byte, a bit of it to each register.
            let mask = vcreate_u8(mask);
            let mask = vcombine_u8(vzip1_u8(mask, mask), vzip2_u8(mask, mask));
            let first = vreinterpretq_u8_u16(vdupq_n_u16(0x1001));
            std::array::from_fn(|i| {
                let found = vqtbl4q_u8(table, vandq_u8(index[i], vdupq_n_u8(63)));
                let chosen = vtstq_u8(mask, vshlq_u8(first, vdupq_n_s8(i as i8)));
                vbslq_u8(chosen, found, bytes[i])
            })
        }
    }

    #[inline(always)]
    fn common(self, tables: &[[u8; 64]; 3], indices: [Self::Bytes; 3]) -> Self::Bytes {
        // SAFETY: as in `top_bits`; the loads are unaligned and inside `tables`.
        unsafe {
            let mut common = [vdupq_n_u8(u8::MAX); 4];
            for (table, index) in tables.iter().zip(indices) {
                let table = vld1q_u8_x4(table.as_ptr());
                for (common, index) in common.iter_mut().zip(index) {
                    *common = vandq_u8(*common, vqtbl4q_u8(table, vandq_u8(index, vdupq_n_u8(63))));
                }
            }
            common
        }
    }

    type Keys = [uint32x4_t; 4];

    #[inline(always)]
    fn keys(self, values: &[u32; 16]) -> Self::Keys {
        // SAFETY: as in `top_bits`; the loads are unaligned and inside `values`.
        let uint32x4x4_t(a, b, c, d) = unsafe { vld1q_u32_x4(values.as_ptr()) };
        [a, b, c, d]
    }

    #[inline(always)]
    fn set(self, keys: Self::Keys, at: usize, value: u32) -> Self::Keys {
        let positions = self.keys(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        // SAFETY: as in `top_bits`.
        unsafe {
            let value = vdupq_n_u32(value);
            let at = vdupq_n_u32(at.min(16) as u32);
            std::array::from_fn(|i| vbslq_u32(vceqq_u32(positions[i], at), value, keys[i]))
        }
    }

    #[inline(always)]
    fn values(self, [a, b, c, d]: Self::Keys) -> [u32; 16] {
        let mut values = [0; 16];
        // SAFETY: as in `top_bits`; the stores are unaligned and inside `values`.
        unsafe { vst1q_u32_x4(values.as_mut_ptr(), uint32x4x4_t(a, b, c, d)) };
        values
    }

    #[inline(always)]
    fn replace(
        self,
        keys: Self::Keys,
        indices: Self::Keys,
        index: u32,
        values: Self::Keys,
    ) -> Self::Keys {
        // SAFETY: as in `top_bits`.
        std::array::from_fn(|i| unsafe {
            vbslq_u32(vceqq_u32(indices[i], vdupq_n_u32(index)), values[i], keys[i])
        })
    }

    #[inline(always)]
    fn some_of(self, keys: Self::Keys, bits: u32) -> u16 {
        // SAFETY: as in `top_bits`.
        mask(std::array::from_fn(|i| unsafe { vtstq_u32(keys[i], vdupq_n_u32(bits)) }))
    }

    #[inline(always)]
    fn at_least(self, keys: Self::Keys, least: u32) -> u16 {
        // SAFETY: as in `top_bits`.
        mask(std::array::from_fn(|i| unsafe { vcgeq_u32(keys[i], vdupq_n_u32(least)) }))
    }

    #[inline(always)]
    fn min(self, a: Self::Keys, b: Self::Keys) -> Self::Keys {
        // SAFETY: as in `top_bits`.
        std::array::from_fn(|i| unsafe { vminq_u32(a[i], b[i]) })
    }

    #[inline(always)]
    fn lowest(self, [a, b, c, d]: Self::Keys) -> u32 {
        // SAFETY: as in `top_bits`.
        unsafe { vminvq_u32(vminq_u32(vminq_u32(a, b), vminq_u32(c, d))) }
    }

    #[inline(always)]
    fn lowest_in_rows(self, table: &[[u32; 8]], rows: &[u32; 16], checks: &[u32; 16]) -> [u32; 16] {
        std::array::from_fn(|i| {
            let row = &table[rows[i] as usize];
            // SAFETY: as in `top_bits`; the loads are unaligned and inside `row`.
            unsafe {
                let check = vdupq_n_u32(checks[i]);
                let low = veorq_u32(vld1q_u32(row.as_ptr()), check);
                let high = veorq_u32(vld1q_u32(row.as_ptr().add(4)), check);
                vminvq_u32(vminq_u32(low, high))
            }
        })
    }

    #[inline(always)]
    fn unlike(self, table: &[u64], at: &[u32; 16], high: &[u32; 16], low: &[u32; 16]) -> u16 {
        Portable.unlike(table, at, high, low)
    }

    type Sum = u64;

    #[inline(always)]
    fn zero(self) -> u64 {
        0
    }

    #[inline(always)]
    fn add_entry(self, sum: u64, entries: &[u64; 8], key: u64) -> (u64, bool) {
        Portable.add_entry(sum, entries, key)
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
