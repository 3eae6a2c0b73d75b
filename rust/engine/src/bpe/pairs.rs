//! The merges of a vocabulary: which two tokens merge into what, and whether what was [probed](super::merge_table) is so.
//!
//! A token is made by one merge (see [`naive`](super::naive)), so the two tokens that make it are all there is to know of it:
//! to *verify* that 4772 (`Gr`) is made of 47 and 72 is to read one entry and compare. The merges that a piece can meet
//! depend on its [scripts](super::scripts): there is a small table for each, made when the first text of it is met.

use std::sync::OnceLock;

use fasttok_simd::Table;
use hashbrown::HashMap;

use super::merge_table::Merges;
pub(crate) use super::merge_table::NONE;
use super::scripts::{ALL, SCRIPTS, Scripts, TABLES, TokenScripts, table_of};

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
    of_scripts: OnceLock<TokenScripts>,
    /// The merges of each script, and of all.
    merges: [OnceLock<Merges>; TABLES],
}

impl Pairs {
    /// `singles`: the token of each byte. `merges`: (left, right, merged), all ids below [`NONE`]; of
    /// merges of the same pair the lowest counts.
    pub fn new(
        singles: [u32; 256],
        merges: impl Iterator<Item = (u32, u32, u32)> + Clone,
    ) -> Pairs {
        let ids = merges.clone().map(|merge| merge.2 + 1).max().unwrap_or(1);
        let mut pairs = Pairs {
            bytes: Table::new(1 << 16),
            singles,
            splits: Table::new(ids as usize),
            more: HashMap::default(),
            of_scripts: OnceLock::new(),
            merges: [const { OnceLock::new() }; TABLES],
        };
        pairs.bytes.fill(NONE);
        pairs.splits.fill(UNSPLIT);
        // Bytes are among the first tokens in most vocabularies: a short list, not one of all.
        let known = singles.iter().filter(|&&id| id != NONE);
        let mut single_of = vec![None; known.max().map_or(0, |&id| id as usize + 1)];
        for (byte, &id) in singles.iter().enumerate().filter(|&(_, &id)| id != NONE) {
            single_of[id as usize] = Some(byte as u8);
        }
        for (left, right, merged) in merges {
            let known = &mut pairs.splits[merged as usize];
            if *known == UNSPLIT {
                *known = split(left, right);
            } else {
                pairs.more.insert(split(left, right), merged);
            }
            let single = |id: u32| single_of.get(id as usize).copied().flatten();
            if let (Some(left), Some(right)) = (single(left), single(right)) {
                let known = &mut pairs.bytes[usize::from(left) << 8 | usize::from(right)];
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
    pub fn verify(&self, left: u32, right: u32, merged: u32) -> bool {
        let split = split(left, right);
        self.splits[merged as usize] == split
            || !self.more.is_empty() && self.more.get(&split) == Some(&merged)
    }

    /// The two tokens that make each token, the left one above the right one.
    #[inline(always)]
    pub fn splits(&self) -> &[u64] {
        &self.splits
    }

    /// Asks for what [`Pairs::verify`] will need for `merged`, which may be no token.
    #[inline(always)]
    pub fn prefetch(&self, merged: u32) {
        self.splits.prefetch(if merged == NONE { 0 } else { merged as usize });
    }

    /// The token that `left` and `right` merge into, or [`NONE`].
    pub fn get(&self, left: u32, right: u32) -> u32 {
        self.exact(self.merges(ALL), left, right)
    }

    /// The token that `left` and `right` merge into by `merges`, or [`NONE`]: never a wrong one.
    #[inline]
    pub fn exact(&self, merges: &Merges, left: u32, right: u32) -> u32 {
        merges.lowest(left, right, |merged| self.verify(left, right, merged))
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
        self.merges_in(table_of(scripts))
    }

    /// The merges of a [table](table_of).
    #[inline(always)]
    pub fn merges_in(&self, table: usize) -> &Merges {
        self.merges[table].get_or_init(|| self.merges_of(table))
    }

    #[cold]
    fn merges_of(&self, table: usize) -> Merges {
        let of_scripts = self.of_scripts.get_or_init(|| self.find_scripts());
        let ids = self.splits.len() as u32;
        let more = self.more.iter().filter(|&(_, &id)| of_scripts.belongs(id, table));
        let more = more.map(|(&split, &id)| (split, id));
        if let Some(members) = of_scripts.members(table) {
            let count = members.clone().count() + self.more.len();
            Merges::of(count, ids, members.map(|id| (self.splits[id as usize], id)).chain(more))
        } else {
            let splits = self.splits.iter().copied().zip(0..ids);
            let splits = splits.filter(|&(split, _)| split != UNSPLIT);
            let count = splits.clone().count() + self.more.len();
            Merges::of(count, ids, splits.chain(more))
        }
    }

    fn find_scripts(&self) -> TokenScripts {
        let mut scripts = TokenScripts::new(self.splits.len());
        for (byte, &id) in self.singles.iter().enumerate() {
            scripts.add_single(id, SCRIPTS[byte]);
        }
        for (&split, id) in self.splits.iter().zip(0..) {
            if split != UNSPLIT {
                scripts.add_merged(id, (split >> 32) as u32, split as u32);
            }
        }
        scripts
    }
}

#[inline(always)]
fn split(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}
