//! Token bytes to ids and back.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::OnceLock;

use hashbrown::HashTable;

/// The tokens of a vocabulary by id. Ids may have holes.
pub(crate) struct Vocab {
    bytes: Cow<'static, [u8]>,
    /// Token `id` is `bytes[starts[id]..starts[id + 1]]`; empty for a hole.
    starts: Vec<u32>,
    /// Made when it is first asked for: counting never needs it.
    ids: OnceLock<(HashTable<u32>, foldhash::fast::FixedState)>,
}

impl Vocab {
    /// A vocabulary of tokens that stand one after another in `bytes`, `lens` bytes each.
    pub fn new(bytes: Cow<'static, [u8]>, lens: impl ExactSizeIterator<Item = u16>) -> Vocab {
        let mut starts = Vec::with_capacity(lens.len() + 1);
        let mut end = 0;
        starts.push(0);
        starts.extend(lens.map(|len| {
            end += u32::from(len);
            end
        }));
        assert_eq!(end as usize, bytes.len(), "lengths and bytes agree");
        Vocab { bytes, starts, ids: OnceLock::new() }
    }

    /// The number of ids, holes included.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The bytes of token `id`; empty for a hole. `id < len()`.
    #[inline]
    pub fn token(&self, id: u32) -> &[u8] {
        &self.bytes[self.starts[id as usize] as usize..self.starts[id as usize + 1] as usize]
    }

    /// All ids with their bytes, holes left out.
    pub fn tokens(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0..self.len() as u32).map(|id| (id, self.token(id))).filter(|(_, token)| !token.is_empty())
    }

    /// The id of the token that is exactly `bytes`.
    pub fn id(&self, bytes: &[u8]) -> Option<u32> {
        let (table, hasher) = self.ids.get_or_init(|| {
            let hasher = foldhash::fast::FixedState::default();
            let mut table = HashTable::with_capacity(self.len());
            for (id, token) in self.tokens() {
                table.insert_unique(hasher.hash_one(token), id, |&id| {
                    hasher.hash_one(self.token(id))
                });
            }
            (table, hasher)
        });
        table.find(hasher.hash_one(bytes), |&id| self.token(id) == bytes).copied()
    }
}
