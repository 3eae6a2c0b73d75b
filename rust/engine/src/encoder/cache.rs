//! Remembers which ids a piece has. Bounded: a full line forgets one of its entries.
//!
//! The keys are those of counting ([`crate::bpe::cache`]): the piece itself with its length, and in an entry the number of
//! ids in the spare bits of the length. A line of 64 bytes has the keys of its entries in one half, the ids in the other: as
//! many bytes of ids as of key, so two ids of a piece of up to 7 bytes, four of one of up to 15, eight of one of up to 31.

use fasttok_simd::Table;

use crate::bpe::cache::{Key, line_of};

/// Half of the words of a line.
const HALF: usize = 4;

/// Ids in order, two a word, the first one in the low half.
pub(super) type Ids<const WORDS: usize> = [u64; WORDS];

/// A set-associative table of ids: [`HALF`] / `WORDS` entries a line.
pub(super) struct IdCache<const WORDS: usize> {
    /// The first words of all keys first, and then the ids of one entry after the other.
    lines: Table<[u64; 2 * HALF]>,
    shift: u32,
    victim: usize,
}

impl<const WORDS: usize> IdCache<WORDS> {
    const WAYS: usize = HALF / WORDS;
    /// The most ids that are remembered of a piece.
    pub const MOST: usize = 2 * WORDS;

    /// A table of 2^`bits` lines.
    pub fn new(bits: u32) -> Self {
        IdCache { lines: Table::new(1 << bits), shift: 64 - bits, victim: 0 }
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

    /// The number of ids of the piece `key`, which belongs to `line`, or 0 if it is not known; and the ids.
    #[inline(always)]
    pub fn get(&self, line: usize, key: &Key<WORDS>) -> (usize, Ids<WORDS>) {
        let line = &self.lines[line];
        let mut alike = 0;
        for way in 0..Self::WAYS {
            let mut difference = (line[(WORDS - 1) * Self::WAYS + way] ^ key[WORDS - 1]) << 4;
            for word in 0..WORDS - 1 {
                difference |= line[word * Self::WAYS + way] ^ key[word];
            }
            alike |= u32::from(difference == 0) << way;
        }
        let found = alike.trailing_zeros() as usize % Self::WAYS;
        let last = line[(WORDS - 1) * Self::WAYS + found];
        let count = if alike != 0 { last >> 60 } else { 0 };
        let mut ids = [0; WORDS];
        // No closure: see `fasttok_simd`.
        for (word, ids) in ids.iter_mut().enumerate() {
            *ids = line[HALF + (found * WORDS + word) % HALF];
        }
        (count as usize, ids)
    }

    /// Remembers the ids of the piece `key`, which belongs to `line`; at most [`IdCache::MOST`].
    pub fn insert(&mut self, line: usize, mut key: Key<WORDS>, ids: &[u32]) {
        debug_assert!((1..=Self::MOST).contains(&ids.len()));
        if self.get(line, &key).0 != 0 {
            return;
        }
        key[WORDS - 1] |= (ids.len() as u64) << 60;
        self.victim = self.victim.wrapping_add(1);
        let line = &mut self.lines[line];
        let free = (0..Self::WAYS).find(|way| line[(WORDS - 1) * Self::WAYS + way] >> 60 == 0);
        let way = free.unwrap_or(self.victim % Self::WAYS);
        for (word, key) in key.iter().enumerate() {
            line[word * Self::WAYS + way] = *key;
        }
        let id = |at: usize| u64::from(ids.get(at).copied().unwrap_or(0));
        for word in 0..WORDS {
            line[HALF + way * WORDS + word] = id(2 * word) | id(2 * word + 1) << 32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpe::cache::{long_key, short_key, tiny_key};

    fn check<const WORDS: usize>(keys: impl Iterator<Item = Key<WORDS>>) {
        let mut cache = IdCache::<WORDS>::new(1);
        let mut latest = None;
        let keys: std::collections::BTreeSet<_> = keys.collect();
        for (number, key) in keys.into_iter().enumerate() {
            let line = cache.line_of(&key);
            assert_eq!(cache.get(line, &key).0, 0, "{number}");
            let ids: Vec<u32> = (0..1 + number % (2 * WORDS)).map(|id| id as u32 + 7).collect();
            cache.insert(line, key, &ids);
            // The second time nothing is inserted.
            cache.insert(line, key, &[1]);
            let before = latest.replace((key, ids.clone()));
            for (key, ids) in [Some((key, ids)), before].into_iter().flatten() {
                let (count, words) = cache.get(cache.line_of(&key), &key);
                let all = words.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]);
                // The one before may have been forgotten.
                if count != 0 {
                    assert_eq!(all.take(count).collect::<Vec<_>>(), ids);
                }
            }
            assert_ne!(cache.get(line, &key).0, 0);
        }
    }

    #[test]
    fn what_is_remembered_is_found_as_it_was() {
        let text = b"the quick brown fox jumps over the lazy dog, and so on and on";
        check((1..8).flat_map(|len| (0..20).map(move |at| tiny_key(text, at, len))));
        check((8..16).flat_map(|len| (0..20).map(move |at| short_key(text, at, len))));
        check((16..32).flat_map(|len| (0..20).map(move |at| long_key(text, at, len))));
    }
}
