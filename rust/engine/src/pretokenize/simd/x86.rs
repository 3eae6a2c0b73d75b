//! AVX2 and AVX-512 with BMI2.
//!
//! Every function here may run only where the CPU has the instructions: who enters checks once, and
//! enters through `outlined`, which enables them.

use std::arch::x86_64::*;

use super::{ByteMasks, Simd, Task};

pub(crate) struct Avx2;
pub(crate) struct Avx512;

impl Avx2 {
    /// Whether this machine has the instructions.
    pub fn is_available() -> bool {
        // All that `outlined` enables: where a hypervisor hides LZCNT, for one, it would run as BSR and
        // counts would be wrong.
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }
}

impl Avx512 {
    /// Whether this machine has the instructions.
    pub fn is_available() -> bool {
        Avx2::is_available()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
    }
}

/// Eight numbers fit into a register of AVX2.
macro_rules! lowest_of_eight {
    () => {
        #[inline(always)]
        fn lowest_of_eight(values: &[u32; 8], check: u32) -> u32 {
            // SAFETY: as in `classify`; the load is unaligned and inside `values`.
            unsafe {
                let values = _mm256_loadu_si256(values.as_ptr().cast());
                let changed = _mm256_xor_si256(values, _mm256_set1_epi32(check as i32));
                let half = _mm_min_epu32(
                    _mm256_castsi256_si128(changed),
                    _mm256_extracti128_si256::<1>(changed),
                );
                let half = _mm_min_epu32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
                _mm_cvtsi128_si32(_mm_min_epu32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half)))
                    as u32
            }
        }
    };
}

impl Simd for Avx2 {
    #[inline(always)]
    fn classify(block: &[u8; 64]) -> ByteMasks {
        // SAFETY: `Avx2` is used only after a check for all that `outlined` enables (see `is_available`);
        // the loads are unaligned and inside `block`.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast());
            let high = _mm256_loadu_si256(block.as_ptr().add(32).cast());
            let join = |l: __m256i, h: __m256i| {
                u64::from(_mm256_movemask_epi8(l) as u32)
                    | u64::from(_mm256_movemask_epi8(h) as u32) << 32
            };
            let equals = |byte: u8| {
                let b = _mm256_set1_epi8(byte as i8);
                join(_mm256_cmpeq_epi8(low, b), _mm256_cmpeq_epi8(high, b))
            };
            let in_range = |from: u8, count: u8| {
                let from = _mm256_set1_epi8(from as i8);
                let last = _mm256_set1_epi8((count - 1) as i8);
                let test = |x: __m256i| {
                    let shifted = _mm256_sub_epi8(x, from);
                    _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, last), shifted)
                };
                join(test(low), test(high))
            };
            masks!(in_range, equals, join(low, high))
        }
    }

    #[inline(always)]
    fn outlined<T: Task>(task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn run<T: Task>(task: T) -> T::Output {
            task.run::<Avx2>()
        }
        // SAFETY: as in `classify`.
        unsafe { run(task) }
    }

    #[inline(always)]
    fn continuation(block: &[u8; 64]) -> u64 {
        // SAFETY: as in `classify`. Continuation bytes are the 64 lowest as signed numbers.
        unsafe {
            let limit = _mm256_set1_epi8(-64);
            let test = |at: usize| {
                let bytes = _mm256_loadu_si256(block.as_ptr().add(at).cast());
                u64::from(_mm256_movemask_epi8(_mm256_cmpgt_epi8(limit, bytes)) as u32)
            };
            test(0) | test(32) << 32
        }
    }

    #[inline(always)]
    fn any(block: &[u8; 64], bits: u8) -> u64 {
        // SAFETY: as in `classify`.
        unsafe {
            let bits = _mm256_set1_epi8(bits as i8);
            let test = |at: usize| {
                let bytes = _mm256_loadu_si256(block.as_ptr().add(at).cast());
                let none = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bits), _mm256_setzero_si256());
                u64::from(!_mm256_movemask_epi8(none) as u32)
            };
            test(0) | test(32) << 32
        }
    }

    #[inline(always)]
    fn extract(value: u64, mask: u64) -> u64 {
        // SAFETY: as in `classify`.
        unsafe { _pext_u64(value, mask) }
    }

    #[inline(always)]
    fn deposit(value: u64, mask: u64) -> u64 {
        // SAFETY: as in `classify`.
        unsafe { _pdep_u64(value, mask) }
    }

    type Bytes = [__m256i; 2];

    #[inline(always)]
    fn bytes(block: &[u8; 64]) -> Self::Bytes {
        // SAFETY: as in `classify`; the loads are unaligned and inside `block`.
        unsafe {
            let low = _mm256_loadu_si256(block.as_ptr().cast());
            [low, _mm256_loadu_si256(block.as_ptr().add(32).cast())]
        }
    }

    #[inline(always)]
    fn equal(bytes: Self::Bytes, byte: u8) -> u64 {
        // SAFETY: as in `classify`.
        let [low, high] = bytes.map(|half| unsafe {
            let same = _mm256_cmpeq_epi8(half, _mm256_set1_epi8(byte as i8));
            u64::from(_mm256_movemask_epi8(same) as u32)
        });
        low | high << 32
    }

    #[inline(always)]
    fn look_up(bytes: Self::Bytes, mask: u64, table: &[u8; 64], index: Self::Bytes) -> Self::Bytes {
        let half = |bytes: __m256i, mask: u32, index: __m256i| {
            // SAFETY: as in `classify`; the loads are unaligned and inside `table`.
            unsafe {
                let mut found = _mm256_setzero_si256();
                for row in 0..4 {
                    let values = _mm_loadu_si128(table.as_ptr().add(16 * row).cast());
                    let values = _mm256_broadcastsi128_si256(values);
                    let values =
                        _mm256_shuffle_epi8(values, _mm256_and_si256(index, _mm256_set1_epi8(15)));
                    let of_row = _mm256_cmpeq_epi8(
                        _mm256_and_si256(index, _mm256_set1_epi8(0x30)),
                        _mm256_set1_epi8(16 * row as i8),
                    );
                    found = _mm256_or_si256(found, _mm256_and_si256(values, of_row));
                }
                // A byte of the mask to each eight bytes, a bit of it to each.
                let bytes_of_mask = _mm256_shuffle_epi8(
                    _mm256_set1_epi32(mask as i32),
                    _mm256_setr_epi64x(
                        0,
                        0x0101_0101_0101_0101,
                        0x0202_0202_0202_0202,
                        0x0303_0303_0303_0303,
                    ),
                );
                let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
                let chosen = _mm256_cmpeq_epi8(_mm256_and_si256(bytes_of_mask, bits), bits);
                _mm256_blendv_epi8(bytes, found, chosen)
            }
        };
        [half(bytes[0], mask as u32, index[0]), half(bytes[1], (mask >> 32) as u32, index[1])]
    }

    type Keys = [__m256i; 2];

    #[inline(always)]
    fn keys(values: &[u32; 16]) -> Self::Keys {
        // SAFETY: as in `classify`; the loads are unaligned and inside `values`.
        unsafe {
            let low = _mm256_loadu_si256(values.as_ptr().cast());
            [low, _mm256_loadu_si256(values.as_ptr().add(8).cast())]
        }
    }

    #[inline(always)]
    fn set(keys: Self::Keys, at: usize, value: u32) -> Self::Keys {
        // SAFETY: as in `classify`.
        unsafe {
            let value = _mm256_set1_epi32(value as i32);
            let at = _mm256_set1_epi32(at.min(16) as i32);
            let low = _mm256_cmpeq_epi32(at, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
            let high = _mm256_cmpeq_epi32(at, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
            [_mm256_blendv_epi8(keys[0], value, low), _mm256_blendv_epi8(keys[1], value, high)]
        }
    }

    #[inline(always)]
    fn set_of(keys: Self::Keys, at: u16, value: u32) -> Self::Keys {
        // SAFETY: as in `classify`.
        unsafe {
            let value = _mm256_set1_epi32(value as i32);
            let at = _mm256_set1_epi32(at.into());
            let low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let half = |keys: __m256i, bits: __m256i| {
                let chosen = _mm256_cmpeq_epi32(_mm256_and_si256(at, bits), bits);
                _mm256_blendv_epi8(keys, value, chosen)
            };
            [half(keys[0], low), half(keys[1], _mm256_slli_epi32::<8>(low))]
        }
    }

    lowest_of_eight!();

    #[inline(always)]
    fn min(a: Self::Keys, b: Self::Keys) -> Self::Keys {
        // SAFETY: as in `classify`.
        unsafe { [_mm256_min_epu32(a[0], b[0]), _mm256_min_epu32(a[1], b[1])] }
    }

    #[inline(always)]
    fn lowest(keys: Self::Keys) -> u32 {
        // SAFETY: as in `classify`.
        unsafe {
            let lowest = _mm256_min_epu32(keys[0], keys[1]);
            let half = _mm_min_epu32(
                _mm256_castsi256_si128(lowest),
                _mm256_extracti128_si256::<1>(lowest),
            );
            let half = _mm_min_epu32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
            let half = _mm_min_epu32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half));
            _mm_cvtsi128_si32(half) as u32
        }
    }
}

impl Simd for Avx512 {
    #[inline(always)]
    fn classify(block: &[u8; 64]) -> ByteMasks {
        // SAFETY: `Avx512` is used only after a check for all that `outlined` enables (see `is_available`); the
        // load is unaligned and inside `block`.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            let equals = |byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8));
            let in_range = |from: u8, count: u8| {
                let shifted = _mm512_sub_epi8(bytes, _mm512_set1_epi8(from as i8));
                _mm512_cmplt_epu8_mask(shifted, _mm512_set1_epi8(count as i8))
            };
            masks!(in_range, equals, _mm512_movepi8_mask(bytes))
        }
    }

    #[inline(always)]
    fn outlined<T: Task>(task: T) -> T::Output {
        #[inline(never)]
        #[target_feature(
            enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
        )]
        fn run<T: Task>(task: T) -> T::Output {
            task.run::<Avx512>()
        }
        // SAFETY: as in `classify`.
        unsafe { run(task) }
    }

    #[inline(always)]
    fn continuation(block: &[u8; 64]) -> u64 {
        // SAFETY: as in `classify`. Continuation bytes are the 64 lowest as signed numbers.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(-64))
        }
    }

    #[inline(always)]
    fn any(block: &[u8; 64], bits: u8) -> u64 {
        // SAFETY: as in `classify`.
        unsafe {
            let bytes = _mm512_loadu_si512(block.as_ptr().cast());
            _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(bits as i8))
        }
    }

    #[inline(always)]
    fn extract(value: u64, mask: u64) -> u64 {
        // SAFETY: as in `classify`.
        unsafe { _pext_u64(value, mask) }
    }

    #[inline(always)]
    fn compress(block: &[u8; 64], mask: u64) -> [u8; 64] {
        let mut bytes = [0; 64];
        // SAFETY: as in `classify`; the load is inside `block`, the store inside `bytes`.
        unsafe {
            let packed =
                _mm512_maskz_compress_epi8(mask, _mm512_loadu_si512(block.as_ptr().cast()));
            _mm512_storeu_si512(bytes.as_mut_ptr().cast(), packed);
        }
        bytes
    }

    #[inline(always)]
    fn deposit(value: u64, mask: u64) -> u64 {
        // SAFETY: as in `classify`.
        unsafe { _pdep_u64(value, mask) }
    }

    type Bytes = __m512i;

    #[inline(always)]
    fn bytes(block: &[u8; 64]) -> __m512i {
        // SAFETY: as in `classify`; the load is unaligned and inside `block`.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    }

    #[inline(always)]
    fn equal(bytes: __m512i, byte: u8) -> u64 {
        // SAFETY: as in `classify`.
        unsafe { _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn look_up(bytes: __m512i, mask: u64, table: &[u8; 64], index: __m512i) -> __m512i {
        // SAFETY: as in `classify`; the load is unaligned and inside `table`.
        unsafe {
            let table = _mm512_loadu_si512(table.as_ptr().cast());
            _mm512_mask_permutexvar_epi8(bytes, mask, index, table)
        }
    }

    type Keys = __m512i;

    #[inline(always)]
    fn keys(values: &[u32; 16]) -> __m512i {
        // SAFETY: as in `classify`; the load is unaligned and inside `values`.
        unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
    }

    #[inline(always)]
    fn set(keys: __m512i, at: usize, value: u32) -> __m512i {
        let mask = if at < 16 { 1 << at } else { 0 };
        // SAFETY: as in `classify`.
        unsafe { _mm512_mask_set1_epi32(keys, mask, value as i32) }
    }

    #[inline(always)]
    fn set_of(keys: __m512i, at: u16, value: u32) -> __m512i {
        // SAFETY: as in `classify`.
        unsafe { _mm512_mask_set1_epi32(keys, at, value as i32) }
    }

    lowest_of_eight!();

    #[inline(always)]
    fn min(a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: as in `classify`.
        unsafe { _mm512_min_epu32(a, b) }
    }

    #[inline(always)]
    fn lowest(keys: __m512i) -> u32 {
        // SAFETY: as in `classify`.
        unsafe { _mm512_reduce_min_epu32(keys) }
    }
}
