//! AVX2 and AVX-512 with VBMI2.
//!
//! Each character becomes a word of four bytes, of which the first ones are its UTF-8. Those bytes then
//! move together: in AVX-512 by one instruction, in AVX2 by a shuffle that a table names.

use std::arch::x86_64::*;

use bytemuck::must_cast;
use fasttok_engine::Utf8Errors;

use super::{FEW, Unit, portable, transcode_with};

/// [`super::transcode`], where this machine has the instructions.
pub fn transcode<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    scratch: &mut Vec<u8>,
) -> Option<Result<usize, usize>> {
    transcode_avx512(units, errors, scratch).or_else(|| transcode_avx2(units, errors, scratch))
}

pub fn transcode_avx512<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    scratch: &mut Vec<u8>,
) -> Option<Result<usize, usize>> {
    #[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")]
    fn run<U: Unit>(
        units: &[U],
        errors: Utf8Errors,
        scratch: &mut Vec<u8>,
    ) -> Result<usize, usize> {
        transcode_with(units, errors, scratch, |few, out| write_avx512(few, out))
    }
    let available = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("popcnt");
    // SAFETY: the machine has what `run` enables.
    available.then(|| unsafe { run(units, errors, scratch) })
}

pub fn transcode_avx2<U: Unit>(
    units: &[U],
    errors: Utf8Errors,
    scratch: &mut Vec<u8>,
) -> Option<Result<usize, usize>> {
    #[target_feature(enable = "avx2,popcnt")]
    fn run<U: Unit>(
        units: &[U],
        errors: Utf8Errors,
        scratch: &mut Vec<u8>,
    ) -> Result<usize, usize> {
        transcode_with(units, errors, scratch, |few, out| write_avx2(few, out))
    }
    let available = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt");
    // SAFETY: the machine has what `run` enables.
    available.then(|| unsafe { run(units, errors, scratch) })
}

#[inline]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt")]
fn write_avx512<U: Unit>(few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
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

/// Moves the bytes of four characters together that have two or more bytes, by the lower four bits of
/// the index, and three, by the upper four.
static TOGETHER: [[u8; 16]; 256] = {
    let mut table = [[0x80; 16]; 256];
    let mut index = 0;
    while index < 256 {
        let (mut n, mut character) = (0, 0);
        while character < 4 {
            let len = 1 + (index >> character & 1) + (index >> (4 + character) & 1);
            let mut byte = 0;
            while byte < len {
                table[index][n] = (4 * character + byte) as u8;
                n += 1;
                byte += 1;
            }
            character += 1;
        }
        index += 1;
    }
    table
};

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn write_avx2<U: Unit>(few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
    let codes = few.map(Unit::code);
    if U::MAX_UTF8 >= 4 && codes.iter().fold(0, |all, code| all | code) >= 0x1_0000 {
        return portable(few, out);
    }
    let [low, high]: [[u32; 8]; 2] = must_cast(codes);
    let mut n = 0;
    for codes in [low, high] {
        let codes: __m256i = must_cast(codes);
        let or = |a, b| _mm256_or_si256(a, b);
        let low_six = |a| _mm256_and_si256(a, _mm256_set1_epi32(0x3F));
        let from = |least| _mm256_cmpgt_epi32(codes, _mm256_set1_epi32(least - 1));
        let bits = |lanes| _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as usize;
        let last = low_six(codes);
        let rest = _mm256_srli_epi32::<6>(codes);
        let two = or(or(rest, _mm256_slli_epi32::<8>(last)), _mm256_set1_epi32(0x80C0));
        let (from_two, from_three) = (from(0x80), from(0x800));
        let mut words = _mm256_blendv_epi8(codes, two, from_two);
        if U::MAX_UTF8 >= 3 {
            let end = or(_mm256_slli_epi32::<8>(low_six(rest)), _mm256_slli_epi32::<16>(last));
            let start = _mm256_srli_epi32::<12>(codes);
            let three = or(or(start, end), _mm256_set1_epi32(0x80_80E0));
            words = _mm256_blendv_epi8(words, three, from_three);
        }
        let (twos, threes) = (bits(from_two), bits(from_three));
        let halves = [_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)];
        for (i, half) in halves.into_iter().enumerate() {
            let index = (twos >> (4 * i) & 15) | (threes >> (4 * i) & 15) << 4;
            let bytes = _mm_shuffle_epi8(half, must_cast(TOGETHER[index]));
            out[n..n + 16].copy_from_slice(&must_cast::<_, [u8; 16]>(bytes));
            n += 4 + index.count_ones() as usize;
        }
    }
    n
}
