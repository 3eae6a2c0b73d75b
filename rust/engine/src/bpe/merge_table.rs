//! Looking a merge up by the two tokens that it is made of: probing.
//!
//! A slot has 32 bits: the token that the merge makes, and in what room is left a hash of the two that make it. So a look-up
//! is a *probe*: never above the right answer, nearly always it, and now and then a lower token that is wrong. Whoever
//! acts on it verifies it first ([`Pairs::verify`](super::pairs::Pairs::verify)).
//!
//! In o200k_base 47 and 72 (`G`, `r`) merge into token 3193, and tokens need 18 bits. The hash of the two chooses one of the
//! buckets of eight slots; 13 of its bits are above the 3193 in the slot. To probe is to take `slot ^ hash` of all
//! eight and then the lowest: where the hash agrees its bits are 0 and 3193 is left, elsewhere a bit above the
//! tokens is set. A merge with another hash in the same bucket passes with a chance of one in 8,192: then, and only
//! then, verifying says no, and [`Merges::lowest`] looks at each slot by itself. It is right to merge the lowest of all
//! probes once it is verified: what is lowest among values that are nowhere too high, and is right itself, is the
//! lowest of the right ones.

use fasttok_simd::Table;

/// Bits of a token id, at most.
const ID_BITS: u32 = 21;
/// "These two do not merge", and a token that merges with nothing.
pub(crate) const NONE: u32 = (1 << ID_BITS) - 1;

/// Slots of a bucket, a third of them filled: two buckets a cache line, and few that are too full.
pub(super) const SLOTS: usize = 8;
/// Merges that wait for their buckets while a table is made.
const WAITING: usize = 16;
/// Set in all slots of a bucket, so also in the lowest: merges that belong here are in the next bucket.
pub(super) const OVERFLOW: u32 = 1 << 31;
/// Where a merge is, if there is one: the bucket, and the bits of the hash that a slot holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Slot {
    home: u32,
    check: u32,
}

/// Some of the merges, to be looked up fast.
pub(crate) struct Merges {
    /// The slots of a bucket: the hash's bits above the id of the merged token.
    buckets: Table<[u32; SLOTS]>,
    /// The id in an empty slot: none's, and above all.
    empty: u32,
}

impl Merges {
    /// Of at most `count` merges, each the two tokens that it is made of in one number and the one that it makes, all
    /// below `ids`.
    pub(super) fn of(count: usize, ids: u32, merges: impl Iterator<Item = (u64, u32)>) -> Merges {
        let empty = (ids + 1).next_power_of_two() - 1;
        let mut table = Merges { buckets: Table::new(3 * count / SLOTS + 2), empty };
        table.buckets.fill([empty; SLOTS]);
        let mut filled = vec![0; table.buckets.len()];
        // What is inserted waits until its bucket has come from memory.
        let mut waiting = [(Slot::default(), 0); WAITING];
        let mut seen = 0;
        for (split, merged) in merges {
            let (home, check) = table.slot((split >> 32) as u32, split as u32);
            table.buckets.prefetch(home);
            let slot = Slot { home: home as u32, check };
            let (slot, merged) = std::mem::replace(&mut waiting[seen % WAITING], (slot, merged));
            if seen >= WAITING {
                table.insert(&mut filled, slot, merged);
            }
            seen += 1;
        }
        for i in seen.saturating_sub(WAITING)..seen {
            let (slot, merged) = waiting[i % WAITING];
            table.insert(&mut filled, slot, merged);
        }
        table
    }

    /// `filled`: how many slots of each bucket are.
    #[inline(always)]
    fn insert(&mut self, filled: &mut [u8], Slot { home, check }: Slot, merged: u32) {
        let mut home = home as usize;
        while usize::from(filled[home]) == SLOTS {
            self.buckets[home].iter_mut().for_each(|slot| *slot |= OVERFLOW);
            home = (home + 1) % filled.len();
        }
        self.buckets[home][usize::from(filled[home])] = check | merged;
        filled[home] += 1;
    }

    /// The token that `left` and `right` merge into, or [`NONE`]; or, rarely, a lower one that is wrong.
    ///
    /// Who merges what is lowest, and checks only what it merges, is right: what is lowest among
    /// values that are nowhere too high, and is right itself, is the lowest of the right ones.
    #[inline(always)]
    pub fn probe(&self, left: u32, right: u32) -> u32 {
        let (home, check) = self.slot(left, right);
        let bucket = &self.buckets[home];
        // As signed numbers, which every processor can compare: all have the same top bit.
        let lower = |low: i32, slot: &u32| low.min((slot ^ check) as i32);
        self.found(home as u32, check, bucket.iter().fold(i32::MAX, lower) as u32)
    }

    /// What [`Merges::probe`] gives where `lowest` is the lowest of what the slots of the bucket `home` stand for.
    #[inline(always)]
    pub fn found(&self, home: u32, check: u32, lowest: u32) -> u32 {
        if lowest & OVERFLOW != 0 {
            return self.probe_overflow(home as usize, check);
        }
        if lowest < self.empty { lowest } else { NONE }
    }

    /// The buckets, and the id of none.
    #[inline(always)]
    pub fn buckets(&self) -> (&[[u32; SLOTS]], u32) {
        (&self.buckets, self.empty)
    }

    #[cold]
    #[inline(never)]
    fn probe_overflow(&self, mut home: usize, check: u32) -> u32 {
        let mut lowest = self.empty;
        loop {
            let slots = self.buckets[home];
            lowest = slots.iter().fold(lowest, |low, slot| low.min((slot & !OVERFLOW) ^ check));
            if slots[0] & OVERFLOW == 0 {
                return if lowest < self.empty { lowest } else { NONE };
            }
            home = (home + 1) % self.buckets.len();
        }
    }

    /// The lowest token that the slots of `left` and `right` stand for and `verify` agrees to, or [`NONE`].
    #[inline]
    pub fn lowest(&self, left: u32, right: u32, verify: impl Fn(u32) -> bool) -> u32 {
        let (mut home, check) = self.slot(left, right);
        let mut lowest = NONE;
        loop {
            for slot in self.buckets[home] {
                let merged = (slot & !OVERFLOW) ^ check;
                if merged < self.empty.min(lowest) && verify(merged) {
                    lowest = merged;
                }
            }
            if self.buckets[home][0] & OVERFLOW == 0 {
                return lowest;
            }
            home = (home + 1) % self.buckets.len();
        }
    }

    /// The bucket of a merge, and the bits of its hash that a slot holds.
    #[inline(always)]
    fn slot(&self, left: u32, right: u32) -> (usize, u32) {
        let (home, check) = slot(left, right, self.buckets.len() as u32, self.empty);
        (home as usize, check)
    }
}

/// The bucket of a merge, and the bits of its hash that a slot holds, in a table of so many buckets and of ids up to `empty`.
#[inline(always)]
pub(super) fn slot(left: u32, right: u32, buckets: u32, empty: u32) -> (u32, u32) {
    let hash = left.wrapping_mul(0x9E37_79B1) ^ right.wrapping_mul(0x85EB_CA77);
    let home = (u64::from(hash) * u64::from(buckets)) >> 32;
    (home as u32, hash << 15 & !OVERFLOW & !empty)
}
