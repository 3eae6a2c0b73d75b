//! Which two tokens merge, and into what.
//!
//! The merges that a piece can meet depend on its script, and those of one script are few: they stand in
//! a table of their own, made when the script is met, that fits into the second-level cache. A slot has
//! 32 bits, the token that a merge makes and what room is left for a hash of the two that make it. So a
//! look-up is a [`guess`](Merges::guess), never above the right answer and nearly always it; whoever
//! acts on it asks [`is_merge`](Pairs::is_merge).

use std::sync::OnceLock;

use fasttok_simd::{Simd, Table};
use hashbrown::HashMap;

/// Bits of a token id, at most.
const ID_BITS: u32 = 21;
/// "These two do not merge", and a token that merges with nothing.
pub(crate) const NONE: u32 = (1 << ID_BITS) - 1;

/// Slots of a bucket, half of them filled: two buckets a cache line, and few that are too full.
const SLOTS: usize = 8;
/// Set in a bucket's first slot: merges that belong here stand in the next bucket.
const OVERFLOW: u32 = 1 << 31;
/// No split.
const UNSPLIT: u64 = u64::MAX;

/// The merges of a vocabulary. A merge's rank is the id of the token that it makes.
pub(crate) struct Pairs {
    /// The token of two bytes, by the bytes.
    bytes: Table<u32>,
    /// The token of each single byte.
    singles: [u32; 256],
    /// The two tokens that make a token, by its id.
    splits: Table<u64>,
    /// Merges into a token that another merge makes, too.
    more: HashMap<u64, u32, foldhash::fast::FixedState>,
    /// The scripts of each token, by its id.
    scripts: OnceLock<Vec<Scripts>>,
    /// The merges of each script, and of all.
    merges: [OnceLock<Merges>; TABLES],
}

impl Pairs {
    /// `singles`: the token of each byte. `merges`: (left, right, merged), all ids below [`NONE`]; of
    /// merges of the same pair the lowest counts.
    pub fn new(singles: [u32; 256], merges: &[(u32, u32, u32)]) -> Pairs {
        let ids = merges.iter().map(|merge| merge.2 + 1).max().unwrap_or(1);
        let mut pairs = Pairs {
            bytes: Table::new(1 << 16),
            singles,
            splits: Table::new(ids as usize),
            more: HashMap::default(),
            scripts: OnceLock::new(),
            merges: [const { OnceLock::new() }; TABLES],
        };
        pairs.bytes.fill(NONE);
        pairs.splits.fill(UNSPLIT);
        let mut single_of = vec![None; ids.max(1 + singles.iter().max().expect("256")) as usize];
        for (byte, &id) in singles.iter().enumerate() {
            single_of[id as usize] = Some(byte);
        }
        for &(left, right, merged) in merges {
            let known = &mut pairs.splits[merged as usize];
            if *known == UNSPLIT {
                *known = split(left, right);
            } else {
                pairs.more.insert(split(left, right), merged);
            }
            let single = |id: u32| single_of.get(id as usize).copied().flatten();
            if let (Some(left), Some(right)) = (single(left), single(right)) {
                let known = &mut pairs.bytes[left << 8 | right];
                *known = merged.min(*known);
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

    /// Whether `left` and `right` merge into `merged`.
    #[inline(always)]
    pub fn is_merge(&self, left: u32, right: u32, merged: u32) -> bool {
        let split = split(left, right);
        self.splits[merged as usize] == split
            || !self.more.is_empty() && self.more.get(&split) == Some(&merged)
    }

    /// Asks for what [`Pairs::is_merge`] will need for the token `merged`.
    #[inline(always)]
    pub fn prefetch_split(&self, merged: u32) {
        self.splits.prefetch(merged as usize);
    }

    /// [`Pairs::prefetch_split`] of what may be no token.
    #[inline(always)]
    pub fn prefetch(&self, merged: u32) {
        self.splits.prefetch(if merged == NONE { 0 } else { merged as usize });
    }

    /// The token that `left` and `right` merge into, or [`NONE`].
    pub fn get(&self, left: u32, right: u32) -> u32 {
        self.merges(ALL).get(self, left, right)
    }

    /// All merges: (left, right, merged).
    pub fn all(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let first = self.splits.iter().enumerate().filter(|&(_, &split)| split != UNSPLIT);
        first
            .map(|(id, &split)| (split, id as u32))
            .chain(self.more.iter().map(|(&split, &id)| (split, id)))
            .map(|(split, id)| ((split >> 32) as u32, split as u32, id))
    }

    /// One more than the highest id of a token that a merge makes.
    pub fn ids(&self) -> usize {
        self.splits.len()
    }

    /// The last byte of `token`.
    pub fn last_byte(&self, mut token: u32) -> u8 {
        while let Some(&split) = self.splits.get(token as usize).filter(|&&split| split != UNSPLIT)
        {
            token = split as u32;
        }
        self.singles.iter().position(|&single| single == token).map_or(0, |byte| byte as u8)
    }

    /// The merges that a text of these scripts can meet.
    #[inline(always)]
    pub fn merges(&self, scripts: Scripts) -> &Merges {
        let table = table_of(scripts);
        self.merges[table].get_or_init(|| self.merges_of(table))
    }

    #[cold]
    fn merges_of(&self, table: usize) -> Merges {
        let scripts = self.scripts.get_or_init(|| self.find_scripts());
        let belongs = |id: usize| belongs_to(scripts[id], table);
        let splits = self.splits.iter().enumerate();
        let splits = splits.filter(|&(id, &split)| split != UNSPLIT && belongs(id));
        let count = splits.clone().count() + self.more.len();
        let mut merges = Merges::new(count, self.splits.len() as u32);
        // What is inserted waits until its bucket has come from memory.
        let mut waiting = [(0, 0); 16];
        let mut seen = 0;
        for (id, &split) in splits {
            let (split, id) = std::mem::replace(&mut waiting[seen % 16], (split, id as u32));
            if seen >= 16 {
                merges.insert(split, id);
            }
            let (split, _) = waiting[seen % 16];
            merges.place_ahead((split >> 32) as u32, split as u32);
            seen += 1;
        }
        let rest = seen.saturating_sub(16)..seen;
        rest.for_each(|i| merges.insert(waiting[i % 16].0, waiting[i % 16].1));
        for (&split, &id) in self.more.iter().filter(|&(_, &id)| belongs(id as usize)) {
            merges.insert(split, id);
        }
        merges
    }

    fn find_scripts(&self) -> Vec<Scripts> {
        const UNSET: Scripts = 0;
        let mut scripts = vec![UNSET; self.splits.len()];
        for (byte, &id) in self.singles.iter().enumerate() {
            if let Some(scripts) = scripts.get_mut(id as usize) {
                // Bytes that are no tokens may all have the same id.
                *scripts = if *scripts == UNSET { SCRIPTS[byte] } else { ALL };
            }
        }
        for (id, &split) in self.splits.iter().enumerate() {
            let (left, right) = ((split >> 32) as usize, split as u32 as usize);
            if split == UNSPLIT {
                continue;
            }
            // Where the parts come later, nothing is known, and the merge is everywhere.
            let of = |part: usize| if part < id { scripts[part] } else { ALL };
            scripts[id] = of(left) | of(right);
        }
        scripts
    }
}

/// A set of scripts, of a text or a token. Scripts are told apart by the first bytes of their
/// characters.
pub(crate) type Scripts = u16;

/// What is neither ASCII nor the first byte of a character.
const INSIDE: Scripts = 1 << 13;
/// Two neighbouring characters of ASCII, in a text; in a token, any.
pub(crate) const ASCII: Scripts = 1 << 14;
/// Punctuation and symbols that stand beside every script.
const COMMON: Scripts = 1 << 12;
/// Unknown: everything is possible.
const ALL: Scripts = 0x7FFF;

/// Tables: Latin, that of each other script, that of all.
const TABLES: usize = 10;

/// The script of a character or of a part of one, by its first byte.
pub(crate) const SCRIPTS: [Scripts; 256] = {
    let mut scripts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        scripts[byte] = match byte as u8 {
            0..0x80 => ASCII,
            0x80..0xC0 => INSIDE,
            // Latin
            0xC0..0xCA => 1 << 0,
            // IPA, diacritics, Greek
            0xCA..0xD0 => 1 << 1,
            // Cyrillic
            0xD0..0xD4 => 1 << 2,
            // Armenian, Hebrew
            0xD4..0xD8 => 1 << 3,
            // Arabic, Syriac, Thaana, N'Ko
            0xD8..0xE0 => 1 << 4,
            // India's, Thai, Lao
            0xE0 => 1 << 5,
            // Tibetan to extended Greek
            0xE1 => 1 << 6,
            0xE2 => COMMON,
            // East Asian
            0xE3..0xF0 => 1 << 7,
            // Emoji and all else
            0xF0.. => 1 << 8,
        };
        byte += 1;
    }
    scripts
};

/// The table that holds all merges that a text of these scripts can meet.
#[inline(always)]
fn table_of(scripts: Scripts) -> usize {
    let letters = scripts & 0x1FF;
    if letters <= 1 {
        return 0;
    }
    // Two neighbours of ASCII merge among themselves: that is in Latin and in all.
    if letters & (letters - 1) == 0 && scripts & ASCII == 0 {
        letters.trailing_zeros() as usize
    } else {
        TABLES - 1
    }
}

/// Whether a text that `table` is for can meet a token of these scripts.
fn belongs_to(scripts: Scripts, table: usize) -> bool {
    let letters = scripts & 0x1FF;
    match table {
        _ if scripts == ALL => true,
        0 => letters <= 1,
        1..9 => letters & !(1 << table) == 0 && scripts & (letters | COMMON | INSIDE) != 0,
        _ => true,
    }
}

/// Where a merge stands, if there is one: the bucket, and the bits of the hash that a slot holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
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
    /// Room for `count` merges, of tokens below `ids`.
    fn new(count: usize, ids: u32) -> Merges {
        let empty = (ids + 1).next_power_of_two() - 1;
        let mut table = Merges { buckets: Table::new(2 * count / SLOTS + 2), empty };
        table.buckets.fill([empty; SLOTS]);
        table
    }

    fn insert(&mut self, split: u64, merged: u32) {
        let (mut home, check) = self.place((split >> 32) as u32, split as u32);
        let (empty, buckets) = (self.empty, self.buckets.len());
        loop {
            let bucket = &mut self.buckets[home];
            if let Some(slot) = bucket.iter_mut().find(|slot| **slot & !OVERFLOW == empty) {
                *slot = *slot & OVERFLOW | check | merged;
                return;
            }
            bucket[0] |= OVERFLOW;
            home = (home + 1) % buckets;
        }
    }

    /// The token that `left` and `right` merge into, or [`NONE`]; or, rarely, a lower one that is wrong.
    ///
    /// Who merges what is lowest, and checks only what it merges, is right: what is lowest among
    /// values that are nowhere too high, and is right itself, is the lowest of the right ones.
    #[inline(always)]
    pub fn guess(&self, left: u32, right: u32) -> u32 {
        let (home, check) = self.place(left, right);
        let bucket = &self.buckets[home];
        if bucket[0] & OVERFLOW != 0 {
            return self.guess_on(home, check);
        }
        let lowest = bucket.iter().fold(u32::MAX, |low, slot| low.min(slot ^ check));
        if lowest < self.empty { lowest } else { NONE }
    }

    /// Where the merge of `left` and `right` stands, for [`Merges::guess_at`]; what that will read is
    /// asked for.
    #[inline(always)]
    pub fn place_ahead(&self, left: u32, right: u32) -> Place {
        let (home, check) = self.place(left, right);
        self.buckets.prefetch(home);
        Place { home: home as u32, check }
    }

    /// [`Merges::guess`] of the merge of that place.
    #[inline(always)]
    pub fn guess_at<S: Simd>(&self, simd: S, Place { home, check }: Place) -> u32 {
        let home = home as usize;
        let bucket = &self.buckets[home];
        if bucket[0] & OVERFLOW != 0 {
            return self.guess_on(home, check);
        }
        let lowest = simd.lowest_of_eight(bucket, check);
        if lowest < self.empty { lowest } else { NONE }
    }

    #[cold]
    #[inline(never)]
    fn guess_on(&self, mut home: usize, check: u32) -> u32 {
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

    /// The token that `left` and `right` merge into, or [`NONE`].
    pub fn get(&self, pairs: &Pairs, left: u32, right: u32) -> u32 {
        let (mut home, check) = self.place(left, right);
        let mut lowest = NONE;
        loop {
            for slot in self.buckets[home] {
                let merged = (slot & !OVERFLOW) ^ check;
                if merged < self.empty.min(lowest) && pairs.is_merge(left, right, merged) {
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
    fn place(&self, left: u32, right: u32) -> (usize, u32) {
        let key = u64::from(left) << ID_BITS | u64::from(right);
        let hash = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let home = ((hash >> 32) * self.buckets.len() as u64) >> 32;
        let check = (hash ^ hash >> 29) as u32 & !OVERFLOW & !self.empty;
        (home as usize, check)
    }
}

#[inline(always)]
fn split(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}
