//! AVX2, with BMI2 and without its `pext` and `pdep`.

use std::arch::x86_64::*;

use bytemuck::{Pod, must_cast};

use crate::bits::{Moves, starts_of};
use crate::utf8::{FEW, Unit, portable};
use crate::{ByteMasks, is_caseless, is_east_asian};

/// 64 bytes in two registers.
type Two = [__m256i; 2];

#[inline]
#[target_feature(enable = "avx2")]
fn load<T: Pod, const N: usize>(values: &[T; N]) -> Two {
    const { assert!(size_of::<[T; N]>() == 64) };
    let at: *const __m256i = values.as_ptr().cast();
    // SAFETY: the loads are unaligned, and inside the 64 bytes of `values`.
    unsafe { [_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))] }
}

/// The top bits of the bytes.
///
/// To the compiler this is a comparison, and "and" or "or" of two such masks, if they are used for nothing else, one
/// of vectors of single bits. AVX2 has no such vectors: one that lives from a branch to the next is taken apart into
/// 32 registers and put together again (`vpextrb`, `vpinsrb`). So join bytes, not masks, where that can be.
#[inline]
#[target_feature(enable = "avx2")]
fn join([low, high]: Two) -> u64 {
    u64::from(_mm256_movemask_epi8(low) as u32) | u64::from(_mm256_movemask_epi8(high) as u32) << 32
}

/// Bit `7 - BY` of the bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn bit<const BY: i32>([low, high]: Two) -> u64 {
    join([_mm256_slli_epi16::<BY>(low), _mm256_slli_epi16::<BY>(high)])
}

#[inline]
#[target_feature(enable = "avx2")]
fn equal([low, high]: Two, byte: u8) -> u64 {
    let byte = _mm256_set1_epi8(byte as i8);
    join([_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte)])
}

/// See `Simd::continuation`.
#[inline]
#[target_feature(enable = "avx2")]
fn continuation([low, high]: Two) -> u64 {
    // The 64 lowest as signed numbers.
    let limit = _mm256_set1_epi8(-64);
    join([_mm256_cmpgt_epi8(limit, low), _mm256_cmpgt_epi8(limit, high)])
}

/// The lowest of eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn lowest(eight: __m256i) -> u32 {
    let half = _mm_min_epu32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256::<1>(eight));
    let half = _mm_min_epu32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    let half = _mm_min_epu32(half, _mm_shuffle_epi32::<0b10_11_00_01>(half));
    _mm_cvtsi128_si32(half) as u32
}

/// Whether all of `numbers` are below `len`.
#[inline]
#[target_feature(enable = "avx2")]
fn all_below(numbers: &[u32; 16], len: usize) -> bool {
    let [low, high]: [__m256i; 2] = must_cast(*numbers);
    let most = _mm256_max_epu32(low, high);
    let len = _mm256_set1_epi32(u32::try_from(len).unwrap_or(u32::MAX) as i32);
    _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_max_epu32(most, len), most)) == 0
}

/// Eight numbers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_eight(values: &[u32; 8]) -> __m256i {
    // SAFETY: the load is unaligned, and inside `values`.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

/// See `Simd::look_up`.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up_half(bytes: __m256i, mask: u32, table: &[u8; 64], index: __m256i) -> __m256i {
    let found = found_half(table, index);
    // A byte of the mask to each eight bytes, a bit of it to each.
    let bytes_of_mask = _mm256_shuffle_epi8(
        _mm256_set1_epi32(mask as i32),
        _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303),
    );
    let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let chosen = _mm256_cmpeq_epi8(_mm256_and_si256(bytes_of_mask, bits), bits);
    _mm256_blendv_epi8(bytes, found, chosen)
}

/// What is in `table` at the low six bits of `index`.
#[inline]
#[target_feature(enable = "avx2")]
fn found_half(table: &[u8; 64], index: __m256i) -> __m256i {
    let in_row = _mm256_and_si256(index, _mm256_set1_epi8(15));
    let row_of = _mm256_and_si256(index, _mm256_set1_epi8(0x30));
    let mut found = _mm256_setzero_si256();
    for (row, values) in table.as_chunks::<16>().0.iter().enumerate() {
        let values = _mm256_broadcastsi128_si256(must_cast(*values));
        let values = _mm256_shuffle_epi8(values, in_row);
        let of_row = _mm256_cmpeq_epi8(row_of, _mm256_set1_epi8(16 * row as i8));
        found = _mm256_or_si256(found, _mm256_and_si256(values, of_row));
    }
    found
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

/// By a mask of eight bytes: shuffles those of its bits together, and zeros after them.
static ORDERS: [u64; 256] = {
    let mut orders = [0; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut order, mut len, mut byte) = ([0x80; 8], 0, 0);
        while byte < 8 {
            if mask >> byte & 1 != 0 {
                order[len] = byte;
                len += 1;
            }
            byte += 1;
        }
        orders[mask] = u64::from_le_bytes(order);
        mask += 1;
    }
    orders
};

/// Classes of ASCII by the upper half of the byte and by the lower one; a byte has those that both of them have. From
/// the top bit on: letters of columns 4 and 6, letters of columns 5 and 7, `0` to `9`, newlines, other control
/// characters that are white space, U+0020, `'`, `/`.
const BY_HALF: [[u8; 16]; 2] = {
    let mut tables = [[0; 16]; 2];
    let mut byte = 0;
    while byte < 0x80 {
        let (column, row) = (byte >> 4, byte & 15);
        let class = match byte as u8 {
            b'A'..=b'Z' | b'a'..=b'z' if column & 1 == 0 => 0x80,
            b'A'..=b'Z' | b'a'..=b'z' => 0x40,
            b'0'..=b'9' => 0x20,
            b'\n' | b'\r' => 0x10,
            b'\t' | 0x0B | 0x0C => 8,
            b' ' => 4,
            b'\'' => 2,
            b'/' => 1,
            _ => 0,
        };
        tables[0][column] |= class;
        tables[1][row] |= class;
        byte += 1;
    }
    tables
};

/// Of the first bytes E0 to EF by their lower half: the top bit of those of [`ByteMasks::east_asian`], and the
/// one below of [`ByteMasks::caseless`].
const EAST_ASIAN: [u8; 16] = {
    let mut table = [0; 16];
    let mut row = 0;
    while row < 16 {
        let byte = 0xE0 + row as u8;
        table[row] = (is_east_asian(byte) as u8) << 7 | (is_caseless(byte) as u8) << 6;
        row += 1;
    }
    table
};

/// Defines a level of AVX2 by what moves bits: the features for it, and the functions of [`Simd`](crate::Simd) that do it.
macro_rules! avx2 {
    ($(#[doc = $doc:literal])* $level:ident: $features:tt; $selection:ty; $($moves:tt)*) => {
super::level! {
    $(#[doc = $doc])*
    $level: $features;

    const ROWS_FROM: u32 = 13;
    const COMPRESSES: bool = false;
    const IN_STEP: bool = true;
    const WORDS_AT_ONCE: bool = false;
    type Selection = $selection;
    type Bytes = Two;
    type Keys = Two;
    type Sum = __m256i;

    fn classify(block: &[u8; 64]) -> ByteMasks {
        let bytes @ [low, high] = load(block);
        let by_column = _mm256_broadcastsi128_si256(must_cast(BY_HALF[0]));
        let by_row = _mm256_broadcastsi128_si256(must_cast(BY_HALF[1]));
        let classes = |bytes: __m256i| {
            let column = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
            // Nothing where the top bit is set.
            let of_row = _mm256_shuffle_epi8(by_row, bytes);
            _mm256_and_si256(of_row, _mm256_shuffle_epi8(by_column, column))
        };
        let classes = [classes(low), classes(high)];
        // Either of the two upper bits makes the top bit of the sum.
        let letter = |classes: __m256i| _mm256_add_epi8(classes, _mm256_set1_epi8(0x40));
        let letter = join([letter(classes[0]), letter(classes[1])]);
        let lower = bit::<2>(bytes);
        // The bit of the other white space, or the sum of the one of U+0020 and itself.
        let space = |classes: __m256i| {
            _mm256_add_epi8(_mm256_slli_epi16::<4>(classes), _mm256_set1_epi8(0x40))
        };
        let mut masks = ByteMasks {
            non_ascii: join(bytes),
            upper: letter & !lower,
            lower: letter & lower,
            number: bit::<2>(classes),
            space: join([space(classes[0]), space(classes[1])]),
            newline: bit::<3>(classes),
            blank: bit::<5>(classes),
            apostrophe: bit::<6>(classes),
            slash: bit::<7>(classes),
            ..ByteMasks::default()
        };
        if masks.non_ascii != 0 {
            masks.continuation = continuation(bytes);
            let table = _mm256_broadcastsi128_si256(must_cast(EAST_ASIAN));
            let classes = |bytes: __m256i| {
                // 0x70 to 0x7F for E0 to EF, and the top bit for all others.
                let row = _mm256_xor_si256(bytes, _mm256_set1_epi8(0xE0_u8 as i8));
                _mm256_shuffle_epi8(table, _mm256_adds_epu8(row, _mm256_set1_epi8(0x70)))
            };
            let classes = [classes(low), classes(high)];
            masks.east_asian = join(classes);
            masks.caseless = bit::<1>(classes);
        }
        masks
    }

    fn continuation(block: &[u8; 64]) -> u64 {
        continuation(load(block))
    }

    fn any(bytes: Two, bits: u8) -> u64 {
        let bits = _mm256_set1_epi8(bits as i8);
        !equal([_mm256_and_si256(bytes[0], bits), _mm256_and_si256(bytes[1], bits)], 0)
    }

    fn top_bits(block: &[u8; 64]) -> u64 {
        join(load(block))
    }

    fn compress(block: &[u8; 64], mask: u64) -> [u8; 64] {
        let (mut bytes, mut len) = ([0; 64 + 8], 0);
        for (i, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let of = (mask >> (8 * i)) as u8;
            let order = _mm_cvtsi64_si128(ORDERS[usize::from(of)] as i64);
            let eight = _mm_shuffle_epi8(_mm_cvtsi64_si128(i64::from_le_bytes(*eight)), order);
            bytes[len..len + 8].copy_from_slice(&_mm_cvtsi128_si64(eight).to_le_bytes());
            len += of.count_ones() as usize;
        }
        *bytes.first_chunk().expect("more than 64")
    }

    fn bytes(block: &[u8; 64]) -> Two {
        load(block)
    }

    fn block(bytes: Two) -> [u8; 64] {
        must_cast(bytes)
    }

    fn equal(bytes: Two, byte: u8) -> u64 {
        equal(bytes, byte)
    }

    fn look_up(bytes: Two, mask: u64, table: &[u8; 64], index: Two) -> Two {
        [
            look_up_half(bytes[0], mask as u32, table, index[0]),
            look_up_half(bytes[1], (mask >> 32) as u32, table, index[1]),
        ]
    }

    fn common(tables: &[[u8; 64]; 3], indices: [Two; 3]) -> Two {
        let both = |half: usize| {
            let found = |i: usize| found_half(&tables[i], indices[i][half]);
            _mm256_and_si256(_mm256_and_si256(found(0), found(1)), found(2))
        };
        [both(0), both(1)]
    }

    fn keys(values: &[u32; 16]) -> Two {
        load(values)
    }

    fn set(keys: Two, at: usize, value: u32) -> Two {
        let value = _mm256_set1_epi32(value as i32);
        let at = _mm256_set1_epi32(at.min(16) as i32);
        let low = _mm256_cmpeq_epi32(at, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        let high = _mm256_cmpeq_epi32(at, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15));
        [_mm256_blendv_epi8(keys[0], value, low), _mm256_blendv_epi8(keys[1], value, high)]
    }

    fn min(a: Two, b: Two) -> Two {
        [_mm256_min_epu32(a[0], b[0]), _mm256_min_epu32(a[1], b[1])]
    }

    fn values(keys: [__m256i; 2]) -> [u32; 16] {
        must_cast(keys)
    }

    fn replace(
        keys: [__m256i; 2],
        indices: [__m256i; 2],
        index: u32,
        values: [__m256i; 2]
    ) -> [__m256i; 2] {
        let index = _mm256_set1_epi32(index as i32);
        [
            _mm256_blendv_epi8(keys[0], values[0], _mm256_cmpeq_epi32(indices[0], index)),
            _mm256_blendv_epi8(keys[1], values[1], _mm256_cmpeq_epi32(indices[1], index)),
        ]
    }

    fn some_of(keys: [__m256i; 2], bits: u32) -> u16 {
        let bits = _mm256_set1_epi32(bits as i32);
        let none = |keys| _mm256_cmpeq_epi32(_mm256_and_si256(keys, bits), _mm256_setzero_si256());
        let mask = |none| _mm256_movemask_ps(_mm256_castsi256_ps(none)) as u16;
        !(mask(none(keys[0])) | mask(none(keys[1])) << 8)
    }

    fn at_least(keys: [__m256i; 2], least: u32) -> u16 {
        let least = _mm256_set1_epi32(least as i32);
        let low = _mm256_cmpeq_epi32(_mm256_max_epu32(keys[0], least), keys[0]);
        let high = _mm256_cmpeq_epi32(_mm256_max_epu32(keys[1], least), keys[1]);
        let low = _mm256_movemask_ps(_mm256_castsi256_ps(low)) as u16;
        let high = _mm256_movemask_ps(_mm256_castsi256_ps(high)) as u16;
        low | high << 8
    }

    fn lowest(keys: Two) -> u32 {
        lowest(_mm256_min_epu32(keys[0], keys[1]))
    }

    fn lowest_in_rows(table: &[[u32; 8]], rows: &[u32; 16], checks: &[u32; 16]) -> [u32; 16] {
        assert!(all_below(rows, table.len()), "rows of the table");
        let row = |i: usize| {
            // SAFETY: all rows are rows of the table.
            let row = load_eight(unsafe { table.get_unchecked(rows[i] as usize) });
            _mm256_xor_si256(row, _mm256_set1_epi32(checks[i] as i32))
        };
        // Half as many numbers, in half as many registers.
        let halve = |a, b| _mm256_min_epu32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let quarter = |a, b| _mm256_min_epu32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
        let eight = |from: usize| {
            let four = |i: usize| quarter(halve(row(i), row(i + 1)), halve(row(i + 2), row(i + 3)));
            let (first, last) = (four(from), four(from + 4));
            _mm256_min_epu32(
                _mm256_permute2x128_si256::<0x20>(first, last),
                _mm256_permute2x128_si256::<0x31>(first, last),
            )
        };
        must_cast([eight(0), eight(8)])
    }

    fn unlike(table: &[u64], at: &[u32; 16], high: &[u32; 16], low: &[u32; 16]) -> u16 {
        // As signed numbers.
        let len = table.len().min(i32::MAX as usize);
        assert!(all_below(at, len), "values of the table");
        let fours = |numbers: &[u32; 16]| -> [__m128i; 4] { must_cast(*numbers) };
        let (at, high, low) = (fours(at), fours(high), fours(low));
        let four = |i: usize| {
            // SAFETY: all of them are values of the table.
            let values = unsafe { _mm256_i32gather_epi64::<8>(table.as_ptr().cast(), at[i]) };
            let high = _mm256_slli_epi64::<32>(_mm256_cvtepu32_epi64(high[i]));
            let value = _mm256_or_si256(high, _mm256_cvtepu32_epi64(low[i]));
            let alike = _mm256_castsi256_pd(_mm256_cmpeq_epi64(values, value));
            !_mm256_movemask_pd(alike) as u16 & 15
        };
        four(0) | four(1) << 4 | four(2) << 8 | four(3) << 12
    }

    fn zero() -> __m256i {
        _mm256_setzero_si256()
    }

    fn add_entry(sum: __m256i, entries: &[u64; 8], key: u64) -> (__m256i, bool) {
        let key = _mm256_set1_epi64x(key as i64);
        let entries = load(entries);
        let alike = |entries: __m256i| {
            let difference = _mm256_slli_epi64::<4>(_mm256_xor_si256(entries, key));
            _mm256_cmpeq_epi64(difference, _mm256_setzero_si256())
        };
        let found = [alike(entries[0]), alike(entries[1])];
        let any = _mm256_or_si256(found[0], found[1]);
        let low = _mm256_and_si256(found[0], entries[0]);
        let entry = _mm256_or_si256(low, _mm256_and_si256(found[1], entries[1]));
        let sum = _mm256_add_epi64(sum, _mm256_srli_epi64::<60>(entry));
        (sum, _mm256_testz_si256(any, any) == 0)
    }

    fn total(sum: __m256i) -> u64 {
        must_cast::<__m256i, [u64; 4]>(sum).iter().sum()
    }

    // Each character becomes a word of four bytes, of which the first ones are its UTF-8; those move together
    // by a shuffle that a table names.
    fn write_utf8<U>(few: &[U; FEW], out: &mut [u8; 4 * FEW]) -> usize {
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

    $($moves)*
}
    };
}

avx2! {
    /// AVX2, with the instructions for bits that every processor with AVX2 but a few has.
    Avx2: ["avx2" "bmi1" "bmi2" "lzcnt" "popcnt"];
    u64;

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
}

avx2! {
    /// AVX2 for processors whose `pext` and `pdep` take cycles for each bit: bits are moved by shifts,
    /// as [`Portable`](crate::Portable) moves them.
    Avx2SlowPext: ["avx2" "bmi1" "bmi2" "lzcnt" "popcnt"];
    Moves;

    plain fn select(mask: u64) -> Moves {
        Moves::new(mask)
    }

    plain fn extract(value: u64, moves: &Moves) -> u64 {
        moves.extract(value)
    }

    plain fn deposit(value: u64, moves: &Moves) -> u64 {
        moves.deposit(value)
    }

    plain fn starts_of(reached: u64, _ends: u64, starts: u64) -> u64 {
        starts_of(reached, starts)
    }
}

/// Whether `pext` and `pdep` take cycles for each bit: AMD before Zen 3, whose families are 15h (Excavator) and 17h (Zen, Zen 2), and
/// Hygon's 18h, which is Zen (Fog, *Instruction tables*).
// What asks the processor is a safe function in newer Rust, and not in the oldest that works.
#[allow(unused_unsafe)]
pub(crate) fn has_slow_pext() -> bool {
    // SAFETY: Every processor of x86-64 has the instruction, and these two leaves.
    let (id, version) = unsafe { (__cpuid(0), __cpuid(1).eax) };
    let vendor: [u8; 12] = must_cast([id.ebx, id.edx, id.ecx]);
    // The extended family is added where the family is 15.
    is_slow_pext(&vendor, (version >> 8 & 15) + (version >> 20 & 255))
}

fn is_slow_pext(vendor: &[u8; 12], family: u32) -> bool {
    matches!((vendor, family), (b"AuthenticAMD", 0x15 | 0x17) | (b"HygonGenuine", 0x18))
}

#[cfg(test)]
mod tests {
    use super::is_slow_pext;

    #[test]
    fn slow_pext_by_vendor_and_family() {
        for (vendor, family, slow) in [
            (b"AuthenticAMD", 0x15, true),
            (b"AuthenticAMD", 0x17, true),
            (b"AuthenticAMD", 0x19, false),
            (b"AuthenticAMD", 0x1A, false),
            (b"HygonGenuine", 0x18, true),
            (b"GenuineIntel", 0x6, false),
        ] {
            assert_eq!(is_slow_pext(vendor, family), slow, "{family:x}");
        }
    }
}
