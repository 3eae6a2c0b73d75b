//! The scalar reference: no intrinsics, the same answers everywhere.

use crate::utf8::{FEW, Unit};
use crate::{ByteMasks, Simd, Task, is_continuation, is_east_asian, sealed, utf8};

/// Plain Rust, compiled for what every processor of the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portable;

impl sealed::Sealed for Portable {}

impl Simd for Portable {
    #[inline(never)]
    fn outlined<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn classify(self, block: &[u8; 64]) -> ByteMasks {
        let mask = |test: fn(u8) -> bool| {
            // Eight bytes a time, so that the compiler can vectorise the comparison.
            block.chunks_exact(8).enumerate().fold(0u64, |all, (i, bytes)| {
                let bits = bytes.iter().rev().fold(0u64, |bits, &b| bits << 1 | u64::from(test(b)));
                all | bits << (8 * i)
            })
        };
        let non_ascii = mask(|b| b >= 0x80);
        let east = |test: fn(u8) -> bool| if non_ascii == 0 { 0 } else { mask(test) };
        ByteMasks {
            non_ascii,
            continuation: east(is_continuation),
            upper: mask(|b| b.is_ascii_uppercase()),
            lower: mask(|b| b.is_ascii_lowercase()),
            number: mask(|b| b.is_ascii_digit()),
            space: mask(|b| matches!(b, b' ' | b'\t' | 0x0B | 0x0C)),
            newline: mask(|b| matches!(b, b'\r' | b'\n')),
            blank: mask(|b| b == b' '),
            apostrophe: mask(|b| b == b'\''),
            slash: mask(|b| b == b'/'),
            caseless: east(|b| matches!(b, 0xE5..=0xE9 | 0xEB | 0xEC)),
            east_asian: east(is_east_asian),
        }
    }

    #[inline(always)]
    fn continuation(self, block: &[u8; 64]) -> u64 {
        block.iter().rev().fold(0, |bits, &b| bits << 1 | u64::from(is_continuation(b)))
    }

    #[inline(always)]
    fn any(self, block: &[u8; 64], bits: u8) -> u64 {
        block.iter().rev().fold(0, |mask, &b| mask << 1 | u64::from(b & bits != 0))
    }

    #[inline(always)]
    fn top_bits(self, block: &[u8; 64]) -> u64 {
        block.as_chunks().0.iter().enumerate().fold(0, |bits, (i, eight)| {
            let high = u64::from_le_bytes(*eight) >> 7 & 0x0101_0101_0101_0101;
            // The product brings them side by side.
            bits | (high.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
        })
    }

    #[inline(always)]
    fn extract(self, value: u64, mut mask: u64) -> u64 {
        let (mut out, mut to) = (0, 0);
        if value & mask == 0 {
            return 0;
        }
        while mask != 0 {
            out |= (value >> mask.trailing_zeros() & 1) << to;
            to += 1;
            mask &= mask - 1;
        }
        out
    }

    #[inline(always)]
    fn deposit(self, mut value: u64, mut mask: u64) -> u64 {
        let mut out = 0;
        while value != 0 && mask != 0 {
            out |= (value & 1) << mask.trailing_zeros();
            value >>= 1;
            mask &= mask - 1;
        }
        out
    }

    type Bytes = [u8; 64];

    #[inline(always)]
    fn bytes(self, block: &[u8; 64]) -> [u8; 64] {
        *block
    }

    #[inline(always)]
    fn equal(self, bytes: [u8; 64], byte: u8) -> u64 {
        bytes.chunks_exact(8).enumerate().fold(0, |all, (i, eight)| {
            let bits = eight.iter().rev().fold(0, |bits, &b| bits << 1 | u64::from(b == byte));
            all | bits << (8 * i)
        })
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

    type Keys = [u32; 16];

    #[inline(always)]
    fn keys(self, values: &[u32; 16]) -> [u32; 16] {
        *values
    }

    #[inline(always)]
    fn set(self, mut keys: [u32; 16], at: usize, value: u32) -> [u32; 16] {
        if let Some(key) = keys.get_mut(at) {
            *key = value;
        }
        keys
    }

    #[inline(always)]
    fn set_of(self, mut keys: [u32; 16], mut at: u16, value: u32) -> [u32; 16] {
        while at != 0 {
            keys[at.trailing_zeros() as usize & 15] = value;
            at &= at - 1;
        }
        keys
    }

    #[inline(always)]
    fn min(self, a: [u32; 16], b: [u32; 16]) -> [u32; 16] {
        std::array::from_fn(|i| a[i].min(b[i]))
    }

    #[inline(always)]
    fn lowest(self, keys: [u32; 16]) -> u32 {
        keys.into_iter().fold(u32::MAX, u32::min)
    }

    #[inline(always)]
    fn lowest_of_eight(self, values: &[u32; 8], check: u32) -> u32 {
        values.iter().fold(u32::MAX, |lowest, value| lowest.min(value ^ check))
    }

    #[inline(always)]
    fn write_utf8<U: Unit>(self, few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
        utf8::portable(few, out)
    }
}
