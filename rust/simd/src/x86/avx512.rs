//! AVX-512 with VBMI2, which Intel has since Ice Lake and AMD since Zen 4.

use std::arch::x86_64::*;

use bytemuck::{Pod, must_cast};

use super::avx2;
use crate::utf8::{FEW, Unit};
use crate::{ByteMasks, masks};

#[inline]
#[target_feature(enable = "avx512f")]
fn load<T: Pod, const N: usize>(values: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == 64) };
    // SAFETY: the load is unaligned, and inside the 64 bytes of `values`.
    unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
}

/// Whether all of `numbers` are below `len`.
#[inline]
#[target_feature(enable = "avx512f")]
fn all_below(numbers: &[u32; 16], len: usize) -> bool {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    _mm512_cmplt_epu32_mask(load(numbers), _mm512_set1_epi32(len as i32)) == u16::MAX
}

/// The numbers of 64 bytes, counted anew after each `len`.
const fn every_byte(len: u8) -> [u8; 64] {
    let mut bytes = [0; 64];
    let mut i = 0;
    while i < 64 {
        bytes[i as usize] = i % len;
        i += 1;
    }
    bytes
}

/// For each of 64 bytes, which word of eight it is of.
const fn word_of_bytes() -> [u8; 64] {
    let mut words = [0; 64];
    let mut i = 0;
    while i < 64 {
        words[i] = i as u8 / 8;
        i += 1;
    }
    words
}

super::level! {
    /// AVX-512 with VBMI2, and all of AVX2.
    Avx512: ["avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl" "avx512vbmi" "avx512vbmi2" "avx2" "bmi1" "bmi2" "lzcnt" "popcnt"];

    const ROWS_FROM: u32 = 13;
    const COMPRESSES: bool = true;
    const IN_STEP: bool = true;
    const WORDS_AT_ONCE: bool = true;
    type Selection = u64;
    type Bytes = __m512i;
    type Keys = __m512i;
    type Sum = __m512i;

    fn classify(block: &[u8; 64]) -> ByteMasks {
        let bytes = load(block);
        let equals = |byte: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8));
        let in_range = |from: u8, count: u8| {
            let shifted = _mm512_sub_epi8(bytes, _mm512_set1_epi8(from as i8));
            _mm512_cmplt_epu8_mask(shifted, _mm512_set1_epi8(count as i8))
        };
        masks!(in_range, equals, _mm512_movepi8_mask(bytes))
    }

    fn continuation(block: &[u8; 64]) -> u64 {
        // The 64 lowest as signed numbers.
        _mm512_cmplt_epi8_mask(load(block), _mm512_set1_epi8(-64))
    }

    fn any(bytes: __m512i, bits: u8) -> u64 {
        _mm512_test_epi8_mask(bytes, _mm512_set1_epi8(bits as i8))
    }

    fn top_bits(block: &[u8; 64]) -> u64 {
        _mm512_movepi8_mask(load(block))
    }

    // Otherwise the mask goes through a vector of bytes.
    fn within(numbers: &[u16; 64], first: u16, span: u16) -> u64 {
        let (first, span) = (_mm512_set1_epi16(first as i16), _mm512_set1_epi16(span as i16));
        let within = |half: &[u16; 32]| {
            u64::from(_mm512_cmple_epu16_mask(_mm512_sub_epi16(load(half), first), span))
        };
        let (halves, _) = numbers.as_chunks();
        within(&halves[0]) | within(&halves[1]) << 32
    }

    fn select(mask: u64) -> u64 {
        mask
    }

    fn extract(value: u64, mask: &u64) -> u64 {
        _pext_u64(value, *mask)
    }

    fn deposit(value: u64, mask: &u64) -> u64 {
        _pdep_u64(value, *mask)
    }

    fn starts_of(reached: u64, ends: u64, starts: u64) -> u64 {
        _pdep_u64(_pext_u64(reached, ends), starts)
    }

    fn compress(block: &[u8; 64], mask: u64) -> [u8; 64] {
        must_cast(_mm512_maskz_compress_epi8(mask, load(block)))
    }

    fn words(block: &[u8; 64], of: u64, starts: u64, least: usize, words: &mut [[u64; 8]; 8]) -> usize {
        let block = load(block);
        let all: __m512i = must_cast(const { every_byte(64) });
        let ends = _pdep_u64(_pext_u64(of, starts) << 1, starts);
        // One after the other.
        let at = _mm512_maskz_compress_epi8(of, all);
        let lens = _mm512_sub_epi8(_mm512_maskz_compress_epi8(ends, all), at);
        let in_word: __m512i = must_cast(const { every_byte(8) });
        let mut word_of: __m512i = must_cast(const { word_of_bytes() });
        let number = of.count_ones() as usize;
        for words in words.iter_mut().take(number.div_ceil(8).max(least)) {
            let len = _mm512_permutexvar_epi8(word_of, lens);
            let at = _mm512_add_epi8(_mm512_permutexvar_epi8(word_of, at), in_word);
            let within = _mm512_cmplt_epu8_mask(in_word, len);
            let bytes = _mm512_maskz_permutexvar_epi8(within, at, block);
            *words = must_cast(_mm512_mask_mov_epi8(bytes, 0x8080_8080_8080_8080, len));
            word_of = _mm512_add_epi8(word_of, _mm512_set1_epi8(8));
        }
        number
    }

    fn bytes(block: &[u8; 64]) -> __m512i {
        load(block)
    }

    fn block(bytes: __m512i) -> [u8; 64] {
        must_cast(bytes)
    }

    fn equal(bytes: __m512i, byte: u8) -> u64 {
        _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte as i8))
    }

    fn look_up(bytes: __m512i, mask: u64, table: &[u8; 64], index: __m512i) -> __m512i {
        _mm512_mask_permutexvar_epi8(bytes, mask, index, load(table))
    }

    fn common(tables: &[[u8; 64]; 3], indices: [__m512i; 3]) -> __m512i {
        let found = |i: usize| _mm512_permutexvar_epi8(indices[i], load(&tables[i]));
        _mm512_and_si512(_mm512_and_si512(found(0), found(1)), found(2))
    }

    fn keys(values: &[u32; 16]) -> __m512i {
        load(values)
    }

    fn set(keys: __m512i, at: usize, value: u32) -> __m512i {
        let mask = if at < 16 { 1 << at } else { 0 };
        _mm512_mask_set1_epi32(keys, mask, value as i32)
    }

    fn min(a: __m512i, b: __m512i) -> __m512i {
        _mm512_min_epu32(a, b)
    }

    fn values(keys: __m512i) -> [u32; 16] {
        must_cast(keys)
    }

    fn replace(keys: __m512i, indices: __m512i, index: u32, values: __m512i) -> __m512i {
        let there = _mm512_cmpeq_epi32_mask(indices, _mm512_set1_epi32(index as i32));
        _mm512_mask_mov_epi32(keys, there, values)
    }

    fn some_of(keys: __m512i, bits: u32) -> u16 {
        _mm512_test_epi32_mask(keys, _mm512_set1_epi32(bits as i32))
    }

    fn at_least(keys: __m512i, least: u32) -> u16 {
        _mm512_cmpge_epu32_mask(keys, _mm512_set1_epi32(least as i32))
    }

    fn lowest(keys: __m512i) -> u32 {
        _mm512_reduce_min_epu32(keys)
    }

    fn lowest_in_rows(table: &[[u32; 8]], rows: &[u32; 16], checks: &[u32; 16]) -> [u32; 16] {
        assert!(all_below(rows, table.len()), "rows of the table");
        let checks = load(checks);
        let row = |i: usize| {
            // SAFETY: all rows are rows of the table.
            avx2::load_eight(unsafe { table.get_unchecked(rows[i] as usize) })
        };
        // Two of them in a register, four apart.
        let two = |i: usize| {
            let both = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(row(i)), row(i + 4));
            let (low, high) = (_mm256_set1_epi32(i as i32), _mm256_set1_epi32(i as i32 + 4));
            let of_each = _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high);
            _mm512_xor_si512(both, _mm512_permutexvar_epi32(of_each, checks))
        };
        // Half as many numbers, in half as many registers.
        let halve = |a, b| _mm512_min_epu32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let quarter = |a, b| _mm512_min_epu32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        let first = quarter(halve(two(0), two(1)), halve(two(2), two(3)));
        let last = quarter(halve(two(8), two(9)), halve(two(10), two(11)));
        must_cast(_mm512_min_epu32(
            _mm512_shuffle_i32x4::<0b10_00_10_00>(first, last),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(first, last),
        ))
    }

    fn unlike(table: &[u64], at: &[u32; 16], high: &[u32; 16], low: &[u32; 16]) -> u16 {
        // As signed numbers.
        let len = table.len().min(i32::MAX as usize);
        assert!(all_below(at, len), "values of the table");
        let (at, high, low) = (load(at), load(high), load(low));
        let differ = |at: __m256i, low: __m256i, high: __m256i| {
            // SAFETY: all of them are values of the table.
            let values = unsafe { _mm512_i32gather_epi64::<8>(at, table.as_ptr().cast()) };
            let high = _mm512_slli_epi64::<32>(_mm512_cvtepu32_epi64(high));
            let value = _mm512_or_si512(high, _mm512_cvtepu32_epi64(low));
            _mm512_cmpneq_epi64_mask(values, value)
        };
        let half = |keys| _mm512_castsi512_si256(keys);
        let other = |keys| _mm512_extracti64x4_epi64::<1>(keys);
        let first = differ(half(at), half(low), half(high));
        let last = differ(other(at), other(low), other(high));
        u16::from(first) | u16::from(last) << 8
    }

    fn zero() -> __m512i {
        _mm512_setzero_si512()
    }

    fn add_entry(sum: __m512i, entries: &[u64; 8], key: u64) -> (__m512i, bool) {
        let entries = load(entries);
        let difference = _mm512_xor_si512(entries, _mm512_set1_epi64(key as i64));
        let difference = _mm512_slli_epi64::<4>(difference);
        let found = _mm512_testn_epi64_mask(difference, difference);
        let count = _mm512_maskz_srli_epi64::<60>(found, entries);
        (_mm512_add_epi64(sum, count), found != 0)
    }

    fn total(sum: __m512i) -> u64 {
        _mm512_reduce_add_epi64(sum) as u64
    }

    // Each character becomes a word of four bytes, of which the first ones are its UTF-8; one instruction moves
    // those together.
    fn write_utf8<U>(few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
        let codes: __m512i = must_cast(few.map(Unit::code));
        let or = |a, b| _mm512_or_si512(a, b);
        let low_six = |a| _mm512_and_si512(a, _mm512_set1_epi32(0x3F));
        let from = |least| _mm512_cmpge_epu32_mask(codes, _mm512_set1_epi32(least));
        // The last six bits of a character, and those before them, and so on.
        let last = low_six(codes);
        let rest = _mm512_srli_epi32::<6>(codes);
        let two = or(or(rest, _mm512_slli_epi32::<8>(last)), _mm512_set1_epi32(0x80C0));
        let mut words = _mm512_mask_mov_epi32(codes, from(0x80), two);
        if U::MAX_UTF8 >= 3 {
            let middle = low_six(rest);
            let rest = _mm512_srli_epi32::<12>(codes);
            let end = or(_mm512_slli_epi32::<8>(middle), _mm512_slli_epi32::<16>(last));
            let three = or(or(rest, end), _mm512_set1_epi32(0x80_80E0));
            words = _mm512_mask_mov_epi32(words, from(0x800), three);
            if U::MAX_UTF8 >= 4 {
                let start = _mm512_slli_epi32::<8>(low_six(rest));
                let start = or(_mm512_srli_epi32::<18>(codes), start);
                let marks = _mm512_set1_epi32(0x8080_80F0_u32 as i32);
                let four = or(or(start, _mm512_slli_epi32::<8>(end)), marks);
                words = _mm512_mask_mov_epi32(words, from(0x1_0000), four);
            }
        }
        // The first byte of U+0000 is the only one that is a character's and zero.
        let theirs = _mm512_test_epi8_mask(words, words) | 0x1111_1111_1111_1111;
        *out = must_cast(_mm512_maskz_compress_epi8(theirs, words));
        theirs.count_ones() as usize
    }
}
