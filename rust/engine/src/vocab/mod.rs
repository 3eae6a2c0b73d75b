//! Token bytes to numbers, and numbers to bytes and ids.
//!
//! The engine numbers tokens so that merges of lower rank have lower numbers. In rank files that is the
//! id; other files name their ids themselves.

pub(crate) mod byte_level;
pub(crate) mod limits;

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use hashbrown::HashTable;

/// The tokens of a vocabulary by number. There may be holes.
pub(crate) struct Vocab {
    bytes: Cow<'static, [u8]>,
    /// Token `number` is `bytes[starts[number]..starts[number + 1]]`; empty for a hole.
    starts: Vec<u32>,
    /// The id of each token, where it is not the number.
    ids: Option<Ids>,
    /// Made when it is first asked for: counting never needs it.
    numbers: OnceLock<(HashTable<u32>, foldhash::fast::FixedState)>,
}

/// Ids that are not the numbers of tokens.
struct Ids {
    by_number: Box<[u32]>,
    /// (id, number), sorted.
    sorted: OnceLock<Box<[(u32, u32)]>>,
}

impl Vocab {
    /// A vocabulary of tokens that are one after another in `bytes`, `lens` bytes each.
    pub fn new(bytes: Cow<'static, [u8]>, lens: impl ExactSizeIterator<Item = u16>) -> Vocab {
        let mut starts = Vec::with_capacity(lens.len() + 1);
        let mut end = 0;
        starts.push(0);
        starts.extend(lens.map(|len| {
            end += u32::from(len);
            end
        }));
        assert_eq!(end as usize, bytes.len(), "lengths and bytes agree");
        Vocab { bytes, starts, ids: None, numbers: OnceLock::new() }
    }

    /// The same with `ids[number]` as the id of each token.
    pub fn with_ids(mut self, ids: Vec<u32>) -> Vocab {
        assert_eq!(ids.len(), self.len());
        let same = ids.iter().enumerate().all(|(number, &id)| number as u32 == id);
        self.ids = (!same).then(|| Ids { by_number: ids.into(), sorted: OnceLock::new() });
        self
    }

    /// The id of token `number`.
    #[inline]
    pub fn id(&self, number: u32) -> u32 {
        self.ids.as_ref().map_or(number, |ids| ids.by_number[number as usize])
    }

    /// The number of the token with the id `id`; one of them, where several have it.
    pub fn of_id(&self, id: u32) -> Option<u32> {
        let Some(ids) = &self.ids else {
            return ((id as usize) < self.len() && !self.token(id).is_empty()).then_some(id);
        };
        let sorted = ids.sorted.get_or_init(|| {
            let mut sorted: Box<[_]> =
                ids.by_number.iter().enumerate().map(|(n, &id)| (id, n as u32)).collect();
            sorted.sort_unstable();
            sorted
        });
        let at = sorted.partition_point(|&(other, _)| other < id);
        sorted.get(at).filter(|&&(other, _)| other == id).map(|&(_, number)| number)
    }

    /// The largest id plus one.
    pub fn id_end(&self) -> u32 {
        match &self.ids {
            None => self.len() as u32,
            Some(ids) => ids.by_number.iter().max().map_or(0, |&id| id.saturating_add(1)),
        }
    }

    /// The number of numbers, holes included.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The bytes of token `number`; empty for a hole. `number < len()`.
    #[inline]
    pub fn token(&self, number: u32) -> &[u8] {
        let number = number as usize;
        &self.bytes[self.starts[number] as usize..self.starts[number + 1] as usize]
    }

    /// All numbers with their bytes, holes left out.
    pub fn tokens(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..self.len() as u32)
            .map(|number| (number, self.token(number)))
            .filter(|(_, token)| !token.is_empty())
    }

    /// The number of the token that is exactly `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<u32> {
        let (table, hasher) = self.numbers.get_or_init(|| {
            let hasher = foldhash::fast::FixedState::default();
            let mut table = HashTable::with_capacity(self.len());
            for (number, token) in self.tokens() {
                table.insert_unique(hasher.hash_one(token), number, |&number| {
                    hasher.hash_one(self.token(number))
                });
            }
            (table, hasher)
        });
        table.find(hasher.hash_one(bytes), |&number| self.token(number) == bytes).copied()
    }
}
