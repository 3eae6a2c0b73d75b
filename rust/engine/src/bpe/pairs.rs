//! Which two tokens merge, and into what.

use crate::pages::Table;

/// Bits of a token id in a slot.
const ID_BITS: u32 = 21;
/// "These two do not merge", and a token that merges with nothing.
pub(crate) const NONE: u32 = (1 << ID_BITS) - 1;

/// An empty slot: the pair of two tokens that never merge.
const EMPTY: u64 = (1 << (3 * ID_BITS)) - 1;
/// Set in a bucket's first slot: pairs that belong here stand in the next bucket.
const OVERFLOW: u64 = 1 << 63;

/// Ranks below this are in a table of their own: most merges of any text are among them, and the
/// table is small enough to stay in the second-level cache.
const FREQUENT: u32 = 1 << 15;

/// The merges of a vocabulary. A merge's rank is the id of the token that it makes.
pub(crate) struct Pairs {
    /// The token of two bytes, by the bytes.
    bytes: Table<u32>,
    /// The token of each single byte.
    singles: [u32; 256],
    frequent: Buckets,
    rare: Buckets,
    /// A bit a hash: clear where no rare merge has it.
    filter: Table<u64>,
    filter_shift: u32,
}

impl Pairs {
    /// `singles`: the token of each byte. `merges`: (left, right, merged), all ids below [`NONE`]; of
    /// merges of the same pair the first counts.
    pub fn new(singles: [u32; 256], merges: &[(u32, u32, u32)]) -> Pairs {
        let frequent = merges.iter().filter(|merge| merge.2 < FREQUENT);
        let rare = merges.iter().filter(|merge| merge.2 >= FREQUENT);
        let filter_bits = (rare.clone().count() * 8).next_power_of_two().trailing_zeros().max(6);
        let mut pairs = Pairs {
            bytes: Table::new(1 << 16),
            singles,
            frequent: Buckets::new(frequent.clone()),
            rare: Buckets::new(rare.clone()),
            filter: Table::new(1 << (filter_bits - 6)),
            filter_shift: 64 - filter_bits,
        };
        for &(left, right, _) in rare {
            let bit = hash(left, right) >> pairs.filter_shift;
            pairs.filter[(bit >> 6) as usize] |= 1 << (bit & 63);
        }
        let single_of: std::collections::HashMap<u32, u8> =
            (0..=255).map(|byte| (singles[usize::from(byte)], byte)).collect();
        pairs.bytes.fill(NONE);
        for (left, right, merged) in merges {
            if let (Some(&left), Some(&right)) = (single_of.get(left), single_of.get(right)) {
                pairs.bytes[usize::from(left) << 8 | usize::from(right)] = *merged;
            }
        }
        pairs
    }

    /// The token of the single byte `byte`.
    #[inline(always)]
    pub fn single(&self, byte: u8) -> u32 {
        self.singles[byte as usize]
    }

    /// The token that the bytes `first` and `second` merge into, or [`NONE`].
    #[inline(always)]
    pub fn of_bytes(&self, first: u8, second: u8) -> u32 {
        self.bytes[usize::from(first) << 8 | usize::from(second)]
    }

    /// The token that `left` and `right` merge into, or [`NONE`].
    #[inline(always)]
    pub fn get(&self, left: u32, right: u32) -> u32 {
        let hash = hash(left, right);
        let merged = self.frequent.get(left, right, hash);
        let bit = hash >> self.filter_shift;
        let rare = self.filter[(bit >> 6) as usize] >> (bit & 63) & 1 != 0;
        if rare && merged == NONE { self.rare.get(left, right, hash) } else { merged }
    }
}

#[inline(always)]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}

#[inline(always)]
fn hash(left: u32, right: u32) -> u64 {
    key(left, right).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A hash table in buckets of two slots: left, right and merged id in one word.
struct Buckets {
    buckets: Table<[u64; 2]>,
    shift: u32,
}

impl Buckets {
    fn new<'a>(merges: impl Iterator<Item = &'a (u32, u32, u32)> + Clone) -> Buckets {
        let bits = merges.clone().count().max(8).next_power_of_two().trailing_zeros();
        let mut table = Buckets { buckets: Table::new(1 << bits), shift: 64 - bits };
        table.buckets.fill([EMPTY; 2]);
        for &(left, right, merged) in merges {
            table.insert(left, right, merged);
        }
        table
    }

    fn insert(&mut self, left: u32, right: u32, merged: u32) {
        if self.get(left, right, hash(left, right)) != NONE {
            return;
        }
        let mut home = (hash(left, right) >> self.shift) as usize;
        loop {
            let last = self.buckets.len() - 1;
            let bucket = &mut self.buckets[home];
            if let Some(slot) = bucket.iter_mut().find(|slot| **slot & !OVERFLOW == EMPTY) {
                *slot = *slot & OVERFLOW | key(left, right) << ID_BITS | u64::from(merged);
                return;
            }
            bucket[0] |= OVERFLOW;
            home = (home + 1) & last;
        }
    }

    /// No branch depends on what is found.
    #[inline(always)]
    fn get(&self, left: u32, right: u32, hash: u64) -> u32 {
        let key = key(left, right);
        let mut home = (hash >> self.shift) as usize;
        loop {
            let [first, second] = self.buckets[home];
            let mut merged = NONE;
            if (first & !OVERFLOW) >> ID_BITS == key {
                merged = first as u32 & NONE;
            }
            if second >> ID_BITS == key {
                merged = second as u32 & NONE;
            }
            if first & OVERFLOW == 0 || merged != NONE {
                return merged;
            }
            home = (home + 1) & (self.buckets.len() - 1);
        }
    }
}
