//! Every level of this machine against the definitions, byte by byte and bit by bit.

use super::*;

/// What the trait says of [`Simd`], in the fewest words.
mod plain {
    use super::*;

    pub fn mask(block: &[u8; 64], test: impl Fn(u8) -> bool) -> u64 {
        (0..64).map(|i| u64::from(test(block[i])) << i).sum()
    }

    pub fn classify(block: &[u8; 64]) -> ByteMasks {
        ByteMasks {
            non_ascii: mask(block, |b| b >= 0x80),
            continuation: mask(block, is_continuation),
            upper: mask(block, |b| b.is_ascii_uppercase()),
            lower: mask(block, |b| b.is_ascii_lowercase()),
            number: mask(block, |b| b.is_ascii_digit()),
            space: mask(block, |b| matches!(b, b' ' | b'\t' | 0x0B | 0x0C)),
            newline: mask(block, |b| matches!(b, b'\r' | b'\n')),
            blank: mask(block, |b| b == b' '),
            apostrophe: mask(block, |b| b == b'\''),
            slash: mask(block, |b| b == b'/'),
            caseless: mask(block, |b| matches!(b, 0xE5..=0xE9 | 0xEB | 0xEC)),
            east_asian: mask(block, is_east_asian),
        }
    }

    /// The bits of a mask, the lowest first.
    pub fn bits(mask: u64) -> impl Iterator<Item = usize> {
        (0..64).filter(move |i| mask >> i & 1 != 0)
    }

    pub fn extract(value: u64, mask: u64) -> u64 {
        bits(mask).enumerate().map(|(to, from)| (value >> from & 1) << to).sum()
    }

    pub fn deposit(value: u64, mask: u64) -> u64 {
        bits(mask).enumerate().map(|(from, to)| (value >> from & 1) << to).sum()
    }

    pub fn compress(block: &[u8; 64], mask: u64) -> [u8; 64] {
        let mut bytes = [0; 64];
        bits(mask).enumerate().for_each(|(to, from)| bytes[to] = block[from]);
        bytes
    }
}

/// The runs that begin at the bits of `starts` end before the next one, the last one at the top bit.
fn ends_of(starts: u64) -> u64 {
    if starts == 0 { 0 } else { starts & (starts - 1) }.wrapping_shr(1)
        | u64::from(starts != 0) << 63
}

/// The kernels that have a definition here, of a block and two numbers.
struct Defined([u8; 64], u64, u64);

impl Task for Defined {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Defined(block, m, n) = self;
        assert_eq!(simd.classify(&block), plain::classify(&block), "{block:x?}");
        assert_eq!(simd.continuation(&block), plain::mask(&block, is_continuation), "{block:x?}");
        assert_eq!(simd.top_bits(&block), plain::mask(&block, |b| b >= 0x80), "{block:x?}");
        let numbers: [u16; 64] =
            std::array::from_fn(|i| u16::from_le_bytes([block[i], block[(i + 1) % 64]]));
        for (first, span) in [(numbers[0], 0), (n as u16, m as u16), (0x4E00, 0x51FF), (0, !0)] {
            let within = (0..64).map(|i| u64::from(numbers[i].wrapping_sub(first) <= span) << i);
            assert_eq!(simd.within(&numbers, first, span), within.sum(), "{numbers:x?} {first:x}");
        }
        for bits in [1, 2, 4, 0x7C, 0x7F, 0x80, 0xFF] {
            let any = plain::mask(&block, |b| b & bits != 0);
            assert_eq!(simd.any(simd.bytes(&block), bits), any, "{block:x?} {bits:x}");
        }
        for byte in [0, 1, 0x7F, 0x80, 0xFF, block[0], block[63]] {
            let equal = plain::mask(&block, |b| b == byte);
            assert_eq!(simd.equal(simd.bytes(&block), byte), equal, "{block:x?} {byte:x}");
        }
        assert_eq!(simd.block(simd.bytes(&block)), block);
        assert_eq!(simd.compress(&block, m), plain::compress(&block, m), "{block:x?} {m:x}");
        let selection = simd.select(m);
        for value in [n, m, !m, u64::MAX, 1, 0] {
            let (extracted, deposited) = (plain::extract(value, m), plain::deposit(value, m));
            assert_eq!(simd.extract(value, &selection), extracted, "{value:x} {m:x}");
            assert_eq!(simd.deposit(value, &selection), deposited, "{value:x} {m:x}");
        }
        let after: Vec<usize> = plain::bits(m).collect();
        let of = after.windows(2).filter(|two| two[1] - two[0] < 8 && n >> two[0] & 1 != 0);
        let of: Vec<_> = of.map(|two| two[0]..two[1]).collect();
        let word = |bytes: &std::ops::Range<usize>| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(&block[bytes.clone()]);
            word[7] = bytes.len() as u8;
            u64::from_le_bytes(word)
        };
        let mut words = [[0; 8]; 8];
        let begins = of.iter().map(|bytes| 1 << bytes.start).sum();
        let number = simd.words(&block, begins, m, 1, &mut words);
        let expected: Vec<u64> = of.iter().map(word).collect();
        assert_eq!(words.as_flattened()[..number], expected, "{block:x?} {begins:x} {m:x}");
        let (starts, ends) = (m | 1, ends_of(m | 1));
        for reached in [n & ends, ends, 0] {
            let begun = plain::deposit(plain::extract(reached, ends), starts);
            assert_eq!(simd.starts_of(reached, ends, starts), begun, "{reached:x} {starts:x}");
        }
    }
}

/// Blocks of every byte at every position, of a few kinds of bytes and of any; masks with few bits and with many.
#[test]
fn what_is_defined() {
    let mut random = fasttok_testing::Random::new(7);
    let mut number = |kind: usize| {
        let mut any = || (0..8).fold(0, |n, _| n << 8 | random.below(256) as u64);
        match kind % 6 {
            0 => any(),
            1 => any() & any() & any(),
            2 => any() | any() | any(),
            3 => u64::MAX << (any() & 63),
            4 => 1 << (any() & 63),
            _ => [0, u64::MAX, 1, 1 << 63][any() as usize & 3],
        }
    };
    for round in 0..6_000 {
        let block: [u8; 64] = std::array::from_fn(|i| match round % 3 {
            0 => (round / 3 + i) as u8,
            1 => number(0) as u8,
            _ => b"aZ0 \n\t'/.\x80\xBF\xC3\xE3\xE5\xEA\xF0"[number(0) as usize & 15],
        });
        let (m, n) = (number(round / 3), number(round / 18));
        for level in Level::available() {
            level.run(Defined(block, m, n));
        }
    }
}

/// What an instruction set makes of two blocks and two numbers.
struct Everything([u8; 64], [u8; 64], u64, u64);

impl Task for Everything {
    type Output = (Vec<u64>, Vec<u32>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Everything(a, b, m, n) = self;
        let found = simd.look_up(simd.bytes(&a), m, &b, simd.bytes(&b));
        let mut masks: Vec<u64> = (0..=255).map(|byte| simd.equal(found, byte)).collect();
        for (i, byte) in simd.block(found).into_iter().enumerate() {
            assert_eq!(masks[usize::from(byte)] >> i & 1, 1, "{byte:x} at {i}");
        }
        let common =
            simd.common(&[a, b, a.map(|byte| !byte)], [simd.bytes(&b), simd.bytes(&a), found]);
        masks.extend(simd.block(common).map(u64::from));
        let numbers = |block: &[u8; 64]| {
            let (four, _) = block.as_chunks::<4>();
            simd.keys(&std::array::from_fn(|i| u32::from_le_bytes(four[i])))
        };
        let signed = |block: &[u8; 64]| {
            let values = simd.values(numbers(block));
            simd.keys(&std::array::from_fn(|i| values[i] & i32::MAX as u32))
        };
        let mut lowest = vec![simd.lowest(simd.min(signed(&a), signed(&b)))];
        lowest.extend((0..18).map(|at| simd.lowest(simd.set(signed(&a), at, m as u32 >> 8))));
        let few = |n: u64| std::array::from_fn(|i| n.rotate_left(4 * i as u32) as u32 & 7);
        let replaced = simd.replace(numbers(&a), simd.keys(&few(m)), n as u32 & 7, numbers(&b));
        lowest.extend(simd.values(replaced));
        for least in [0, 1, n as u32, 1 << 31, u32::MAX] {
            lowest.push(simd.at_least(numbers(&a), least).into());
            lowest.push(simd.some_of(numbers(&a), least).into());
        }
        let table: [[u32; 8]; 8] = std::array::from_fn(|row| {
            std::array::from_fn(|i| (m ^ n.rotate_left((8 * row + i) as u32)) as u32)
        });
        lowest.extend(simd.lowest_in_rows(&table, &few(n), &simd.values(numbers(&b))));
        // One of eight values is of these halves in about half of the lanes.
        let high = simd.values(numbers(&a));
        let values = [m, n, u64::from(high[3]) << 32, 0, m ^ n, u64::from(high[9]) << 32, 1, !m];
        lowest.push(simd.unlike(&values, &few(m), &high, &[0; 16]).into());
        let (high, low) = (
            few(m).map(|i| (values[i as usize] >> 32) as u32),
            few(m ^ (n & 1)).map(|i| values[i as usize] as u32),
        );
        lowest.push(simd.unlike(&values, &few(m), &high, &low).into());
        // Entries that differ from a key in one bit, in none, or are empty; those that do not differ, in one place only.
        let key = n >> 4 | 1 << 56;
        let mut entries: [u64; 8] = std::array::from_fn(|i| {
            let changed = key ^ 1 << (u64::from(a[i]) % 60);
            if a[i] < 16 { 0 } else { changed | (1 + u64::from(b[i]) % 15) << 60 }
        });
        let mut sum = simd.zero();
        for at in 0..16 {
            let known;
            let before = entries;
            if let Some(entry) = entries.get_mut(at) {
                *entry = key | (1 + m % 15) << 60;
            }
            (sum, known) = simd.add_entry(sum, &entries, key);
            assert_eq!(known, at < 8);
            entries = before;
        }
        assert_eq!(simd.total(sum), 8 * (1 + m % 15));
        (masks, lowest)
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
        let plain = Portable.outlined(Everything(a, b, m, n));
        for level in Level::available() {
            assert_eq!(level.run(Everything(a, b, m, n)), plain, "{level:?}");
        }
    }
}

/// What a level makes of a row that a table does not have.
struct Beyond(u32);

impl Task for Beyond {
    type Output = (bool, bool);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (bool, bool) {
        let mut at = [0; 16];
        at[11] = self.0;
        let panics =
            |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
        (
            panics(&|| _ = simd.lowest_in_rows(&[[0; 8]; 3], &at, &[0; 16])),
            panics(&|| _ = simd.unlike(&[0; 3], &at, &[0; 16], &[0; 16])),
        )
    }
}

#[test]
fn there_is_nothing_beyond_a_table() {
    for level in Level::available() {
        for (at, panics) in [(2, false), (3, true), (1 << 31, true), (u32::MAX, true)] {
            assert_eq!(level.run(Beyond(at)), (panics, panics), "{level:?} {at}");
        }
    }
}
