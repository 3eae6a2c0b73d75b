//! Remembers how many tokens a piece has. Bounded: a full line forgets one of its entries.
//!
//! A piece is its own key, kept inline with its length, and the count sits in the spare bits of the
//! length byte: 8 bytes an entry for pieces of up to 7 bytes, 16 for up to 15, 32 for up to 31. A line of 64 bytes is
//! one set, and has the first words of all its entries first, so that they are compared at once.

use fasttok_simd::{Simd, Table};

use crate::classes::decode;

/// Bytes of text after which a worker's caches get their full size and the tokens of its encoding, which takes 4 to 7 ms: what
/// a small file would not give back.
pub(crate) const SEED_AFTER: usize = 256 << 10;

/// A key of `WORDS` 64-bit words: the bytes of a piece, zeros, and in the top byte its length (low
/// four bits, modulo 16) and, in an entry, its count (high four bits).
pub(crate) type Key<const WORDS: usize> = [u64; WORDS];

/// Key of a piece of 1 to 7 bytes; `text` has 8 bytes from `start` on. Any other length gives a key that means nothing.
#[inline(always)]
pub(crate) fn tiny_key(text: &[u8], start: usize, len: usize) -> Key<1> {
    let raw = u64::from_le_bytes(text[start..start + 8].try_into().expect("8 bytes"));
    let [mask, length] = TINY[(len - 1) & 7];
    [raw & mask | length]
}

/// Key of one to three characters of the Basic Multilingual Plane, the first of `characters`: their numbers, and in
/// place of the length one that no piece of up to 7 bytes has.
#[inline(always)]
pub(crate) fn characters_key(characters: [u16; 4], number: usize) -> Key<1> {
    let [a, b, c, _] = characters.map(u64::from);
    let number = number & 3;
    [(a | b << 16 | c << 32) & TINY[2 * number][0] >> 8 | (LONGEST_TINY + number as u64) << 56]
}

/// Whether a key is one of characters.
#[inline(always)]
pub(crate) fn is_of_characters([key]: Key<1>) -> bool {
    key >> 56 & 15 > LONGEST_TINY
}

/// The bytes of the characters that have `key`, and how many there are.
#[cold]
pub(crate) fn bytes_of_characters([key]: Key<1>) -> (Words, u8) {
    let (mut bytes, mut len) = ([0; 64], 0);
    for at in 0..(key >> 56 & 15) - LONGEST_TINY {
        let c = char::from_u32((key >> (16 * at)) as u32 & 0xFFFF).expect("no surrogate");
        len += c.encode_utf8(&mut bytes[len..]).len();
    }
    (bytemuck::cast::<_, Words>(bytes).map(u64::from_le), len as u8)
}

/// The key of the characters of `len` bytes.
#[cold]
pub(crate) fn key_of_characters(words: &Words, len: u8) -> Key<1> {
    let bytes: [u8; 64] = bytemuck::cast(words.map(u64::to_le));
    let (mut characters, mut at, mut number) = ([0; 4], 0, 0);
    while at < usize::from(len) {
        let (c, size) = decode(&bytes, at);
        characters[number & 3] = c as u16;
        number += 1;
        at += size;
    }
    characters_key(characters, number)
}

const LONGEST_TINY: u64 = 7;

/// Key bytes and length of a piece of 1 to 15 bytes; `text` has 16 bytes from `start` on.
#[inline(always)]
pub(crate) fn short_key(text: &[u8], start: usize, len: usize) -> Key<2> {
    debug_assert!((1..16).contains(&len));
    let raw = u128::from_le_bytes(text[start..start + 16].try_into().expect("16 bytes"));
    let key = raw & MASKS[len & 15] | LENGTHS[len & 15];
    [key as u64, (key >> 64) as u64]
}

/// Key of a piece of 16 to 31 bytes; `text` has 32 bytes from `start` on.
#[inline(always)]
pub(crate) fn long_key(text: &[u8], start: usize, len: usize) -> Key<4> {
    debug_assert!((16..32).contains(&len));
    let half = |at: usize| u128::from_le_bytes(text[at..at + 16].try_into().expect("16 bytes"));
    let low = half(start);
    let high = half(start + 16) & MASKS[len & 15] | LENGTHS[len & 15];
    [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64]
}

/// The bytes of a piece of up to 62 bytes as little-endian words, with zeros after them.
pub(crate) type Words = [u64; 8];

/// The bytes of the piece that has `key`, and how many there are.
#[inline(always)]
pub(crate) fn bytes_of<const WORDS: usize>(key: &Key<WORDS>) -> (Words, u8) {
    let mut words = [0; 8];
    words[..WORDS].copy_from_slice(key);
    words[WORDS - 1] &= u64::MAX >> 8;
    let more = if WORDS == 4 { 16 } else { 0 };
    (words, more + (key[WORDS - 1] >> 56 & 15) as u8)
}

/// The key of a piece of `len` bytes.
#[inline(always)]
pub(crate) fn key_of<const WORDS: usize>(words: &Words, len: u8) -> Key<WORDS> {
    let mut key = *words.first_chunk().expect("no more words than that");
    key[WORDS - 1] |= u64::from(len & 15) << 56;
    key
}

const MASKS: [u128; 16] = {
    let mut masks = [0; 16];
    let mut len = 1;
    while len < 16 {
        masks[len] = u128::MAX >> (128 - 8 * len);
        len += 1;
    }
    masks
};

const LENGTHS: [u128; 16] = {
    let mut lengths = [0; 16];
    let mut len = 0;
    while len < 16 {
        lengths[len] = (len as u128) << 120;
        len += 1;
    }
    lengths
};

/// Mask and length of the key of a piece, by its length less one.
const TINY: [[u64; 2]; 8] = {
    let mut table = [[0; 2]; 8];
    let mut len = 1;
    while len < 8 {
        table[len - 1] = [u64::MAX >> (64 - 8 * len), (len as u64) << 56];
        len += 1;
    }
    table
};

/// The line of a key in a table of 2^(64 - `shift`) lines.
#[inline(always)]
pub(crate) fn line_of<const WORDS: usize>(key: &Key<WORDS>, shift: u32) -> usize {
    if WORDS == 1 {
        return (key[0].wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize;
    }
    let mut hash = 0x243F_6A88_85A3_08D3;
    for pair in key.chunks_exact(2) {
        let product = u128::from(pair[0] ^ hash) * u128::from(pair[1] ^ 0x9E37_79B9_7F4A_7C15);
        hash = (product >> 64) as u64 ^ product as u64;
    }
    (hash.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> shift) as usize
}

/// Counts that fit into an entry.
pub(crate) const MAX_COUNT: usize = 15;

/// A set-associative table of counts: `WAYS` entries of `WORDS` words a 64-byte line.
pub(crate) struct Cache<const WORDS: usize, const WAYS: usize> {
    lines: Table<[[u64; WAYS]; WORDS]>,
    shift: u32,
    victim: usize,
}

impl<const WORDS: usize, const WAYS: usize> Cache<WORDS, WAYS> {
    /// A table of 2^`bits` lines.
    pub fn new(bits: u32) -> Self {
        assert_eq!(WORDS * WAYS * 8, 64);
        Cache { lines: Table::new(1 << bits), shift: 64 - bits, victim: 0 }
    }

    /// The line that a key belongs to.
    #[inline(always)]
    pub fn line_of(&self, key: &Key<WORDS>) -> usize {
        line_of(key, self.shift)
    }

    /// Asks for a line ahead of its use.
    #[inline(always)]
    pub fn prefetch(&self, line: usize) {
        self.lines.prefetch(line);
    }

    /// The count of the piece `key`, which belongs to `line`, or 0 if it is not known.
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "a way is the same index in every word")]
    pub fn get(&self, line: usize, key: &Key<WORDS>) -> usize {
        let line = &self.lines[line];
        let mut count = 0;
        for way in 0..WAYS {
            let mut difference = (line[WORDS - 1][way] ^ key[WORDS - 1]) << 4;
            for word in 0..WORDS - 1 {
                difference |= line[word][way] ^ key[word];
            }
            count |= if difference == 0 { line[WORDS - 1][way] >> 60 } else { 0 };
        }
        count as usize
    }

    /// Remembers that the piece `key`, which belongs to `line`, has `count` tokens (at most [`MAX_COUNT`]). It is in no
    /// two ways, also where it was missed twice before it was merged.
    pub fn insert(&mut self, line: usize, mut key: Key<WORDS>, count: usize) {
        debug_assert!((1..=MAX_COUNT).contains(&count));
        if self.get(line, &key) != 0 {
            return;
        }
        key[WORDS - 1] |= (count as u64) << 60;
        self.victim = self.victim.wrapping_add(1);
        let victim = self.victim % WAYS;
        let line = &mut self.lines[line];
        let way = line[WORDS - 1].iter().position(|last| last >> 60 == 0).unwrap_or(victim);
        for (words, word) in line.iter_mut().zip(key) {
            words[way] = word;
        }
    }
}

impl Cache<1, 8> {
    /// [`Cache::get`], the count added to a sum; and whether the piece is known.
    #[inline(always)]
    pub fn add<S: Simd>(&self, simd: S, sum: S::Sum, line: usize, key: &Key<1>) -> (S::Sum, bool) {
        let [entries] = &self.lines[line];
        simd.add_entry(sum, entries, key[0])
    }
}

#[cfg(test)]
mod tests {
    use fasttok_simd::{Level, Task};

    use super::*;

    #[test]
    fn characters_are_keys_of_their_own() {
        for text in ["a", "中", "a中", "中国", "中国人", "\0\0中", "한국의", "，\0。"]
        {
            let mut characters = [0x4E00; 4];
            for (at, c) in text.chars().enumerate() {
                characters[at] = u32::from(c) as u16;
            }
            let key = characters_key(characters, text.chars().count());
            let (words, len) = bytes_of_characters(key);
            let bytes: [u8; 64] = bytemuck::cast(words.map(u64::to_le));
            let mut padded = [0; 64];
            padded[..text.len()].copy_from_slice(text.as_bytes());
            assert_eq!((bytes, usize::from(len)), (padded, text.len()));
            assert!(is_of_characters(key) && key_of_characters(&words, len) == key);
            for len in 1..8 {
                assert!(!is_of_characters(tiny_key(&padded, 0, len)));
            }
        }
    }

    /// What a level finds of one piece.
    struct Find<'a>(&'a Cache<1, 8>, Key<1>);

    impl Task for Find<'_> {
        type Output = (u64, bool);

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> (u64, bool) {
            let Find(cache, key) = self;
            let (sum, known) = cache.add(simd, simd.zero(), cache.line_of(&key), &key);
            (simd.total(sum), known)
        }
    }

    /// A piece that was missed twice before it was merged is inserted twice and counted once.
    #[test]
    fn a_piece_is_in_no_two_ways() {
        let mut cache = Cache::new(1);
        let text = b"abcdefgh        ";
        for len in 1..8 {
            let key = tiny_key(text, 0, len);
            cache.insert(cache.line_of(&key), key, len);
            cache.insert(cache.line_of(&key), key, len);
        }
        for level in Level::available() {
            for len in 1..8 {
                let key = tiny_key(text, 0, len);
                assert_eq!(level.run(Find(&cache, key)), (len as u64, true), "{level:?}");
                let key = tiny_key(text, 1, len);
                assert_eq!(level.run(Find(&cache, key)), (0, false), "{level:?}");
            }
        }
    }
}
