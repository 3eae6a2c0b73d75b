//! The class of 64 bytes at a time: one file an instruction set, chosen at run time.
//!
//! The only part of the scanner that is not ordinary arithmetic on `u64`.

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

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// Classes of 64 bytes, a bit a byte. ASCII is complete; of other characters only what the first
/// byte alone decides.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ByteMasks {
    pub non_ascii: u64,
    /// `0b10xx_xxxx`: not the first byte of a character.
    pub continuation: u64,
    pub upper: u64,
    pub lower: u64,
    pub number: u64,
    pub space: u64,
    pub newline: u64,
    pub blank: u64,
    pub apostrophe: u64,
    pub slash: u64,
    /// First bytes E5-E9, EB and EC: characters that are all letters without case.
    pub caseless: u64,
    /// First bytes E3-ED and EF.
    pub east_asian: u64,
}

/// Whether `byte` is the first one of a character U+3000-U+DFFF or U+F000-U+FFFF.
#[inline(always)]
pub(crate) fn is_east_asian(byte: u8) -> bool {
    matches!(byte, 0xE3..=0xED | 0xEF)
}

/// Work that is worth a function of its own. A closure would do, were it sure to be inlined where the
/// instructions are enabled: `run` is to be `#[inline(always)]`.
pub(crate) trait Task {
    type Output;
    fn run<S: Simd>(self) -> Self::Output;
}

/// An instruction set.
pub(crate) trait Simd {
    /// The classes of the bytes of `block`.
    fn classify(block: &[u8; 64]) -> ByteMasks;
    /// Runs `task`, compiled for these instructions, and keeps its code out of the caller's.
    fn outlined<T: Task>(task: T) -> T::Output;
    /// The bytes that are not the first of a character.
    fn continuation(block: &[u8; 64]) -> u64;
    /// The bytes of `block` that have some of `bits`.
    fn any(block: &[u8; 64], bits: u8) -> u64;
    /// Moves the bits of `value` that stand at the bits of `mask` together (BMI2's `pext`).
    fn extract(value: u64, mask: u64) -> u64;
    /// The bytes of `block` at the bits of `mask`, one behind the other, and zeros (VBMI2's `vpcompressb`).
    #[inline(always)]
    fn compress(block: &[u8; 64], mut mask: u64) -> [u8; 64] {
        let (mut bytes, mut len) = ([0; 64], 0);
        while mask != 0 {
            bytes[len & 63] = block[mask.trailing_zeros() as usize & 63];
            len += 1;
            mask &= mask - 1;
        }
        bytes
    }
    /// Spreads the low bits of `value` to the bits of `mask` (BMI2's `pdep`).
    fn deposit(value: u64, mask: u64) -> u64;

    /// 64 bytes in registers.
    type Bytes: Copy;
    /// Loads them.
    fn bytes(block: &[u8; 64]) -> Self::Bytes;
    /// Those that are `byte`.
    fn equal(bytes: Self::Bytes, byte: u8) -> u64;
    /// `bytes` with those of `mask` replaced by what stands in `table` at the low six bits of `index`.
    fn look_up(bytes: Self::Bytes, mask: u64, table: &[u8; 64], index: Self::Bytes) -> Self::Bytes;

    /// 16 numbers in registers.
    type Keys: Copy;
    /// Loads them.
    fn keys(values: &[u32; 16]) -> Self::Keys;
    /// Sets number `at`; none where `at` is not below 16.
    fn set(keys: Self::Keys, at: usize, value: u32) -> Self::Keys;
    /// Sets the numbers at the bits of `at`.
    #[inline(always)]
    fn set_of(mut keys: Self::Keys, mut at: u16, value: u32) -> Self::Keys {
        while at != 0 {
            keys = Self::set(keys, at.trailing_zeros() as usize, value);
            at &= at - 1;
        }
        keys
    }
    /// The lowest of eight numbers when the bits of `check` are changed in each.
    #[inline(always)]
    fn lowest_of_eight(values: &[u32; 8], check: u32) -> u32 {
        values.iter().fold(u32::MAX, |lowest, value| lowest.min(value ^ check))
    }
    /// The lower ones of each two.
    fn min(a: Self::Keys, b: Self::Keys) -> Self::Keys;
    /// The lowest one.
    fn lowest(keys: Self::Keys) -> u32;
}

/// Runs `task` with the best instructions of this machine.
pub(crate) fn best<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    if Avx512::is_available() {
        return Avx512::outlined(task);
    } else if Avx2::is_available() {
        return Avx2::outlined(task);
    }
    #[cfg(target_arch = "aarch64")]
    {
        Neon::outlined(task)
    }
    #[cfg(not(target_arch = "aarch64"))]
    Portable::outlined(task)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an instruction set makes of two blocks and two numbers.
    struct Everything([u8; 64], [u8; 64], u64, u64);

    impl Task for Everything {
        type Output = (ByteMasks, Vec<u64>, Vec<u32>);

        #[inline(always)]
        fn run<S: Simd>(self) -> Self::Output {
            let Everything(a, b, m, n) = self;
            let mut masks = vec![S::continuation(&a), S::extract(m, n), S::deposit(m, n)];
            masks.extend([1, 2, 0x7C, 0x80, 0xFF].map(|bits| S::any(&a, bits)));
            let found = S::look_up(S::bytes(&a), m, &b, S::bytes(&b));
            masks.extend((0..=255).map(|byte| S::equal(found, byte)));
            for packed in [S::compress(&a, m), S::compress(&b, n), S::compress(&a, u64::MAX)] {
                let (eight, _) = packed.as_chunks::<8>();
                masks.extend(eight.iter().map(|eight| u64::from_le_bytes(*eight)));
            }
            let numbers = |block: &[u8; 64]| {
                let (four, _) = block.as_chunks::<4>();
                S::keys(&std::array::from_fn(|i| u32::from_le_bytes(four[i])))
            };
            let mut lowest = vec![S::lowest(S::min(numbers(&a), numbers(&b)))];
            lowest.extend((0..18).map(|at| S::lowest(S::set(numbers(&a), at, m as u32 >> 8))));
            lowest.push(S::lowest(S::set_of(numbers(&a), m as u16, n as u32)));
            let values = std::array::from_fn(|i| (m ^ n.rotate_left(8 * i as u32)) as u32);
            lowest.push(S::lowest_of_eight(&values, n as u32 >> 1));
            (S::classify(&a), masks, lowest)
        }
    }

    #[test]
    fn all_instruction_sets_agree() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            state ^ state >> 32
        };
        for round in 0..20_000 {
            let mut block = || -> [u8; 64] {
                std::array::from_fn(|_| random() as u8 & if round % 3 == 0 { 0x7F } else { 0xFF })
            };
            let (a, b) = (block(), block());
            let (m, n) = (random() & random(), random());
            let plain = Portable::outlined(Everything(a, b, m, n));
            #[cfg(target_arch = "x86_64")]
            {
                if Avx2::is_available() {
                    assert_eq!(Avx2::outlined(Everything(a, b, m, n)), plain);
                }
                if Avx512::is_available() {
                    assert_eq!(Avx512::outlined(Everything(a, b, m, n)), plain);
                }
            }
            #[cfg(target_arch = "aarch64")]
            assert_eq!(Neon::outlined(Everything(a, b, m, n)), plain);
            assert_eq!(best(Everything(a, b, m, n)), plain);
        }
    }
}
