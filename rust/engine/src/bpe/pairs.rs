//! Which two tokens merge, and into what.

/// "These two do not merge."
pub(crate) const NONE: u32 = u32::MAX;

const ID_BITS: u32 = 21;
const EMPTY: u64 = u64::MAX;

/// The merges of a vocabulary. A merge's rank is the id of the token that it makes.
pub(crate) struct Pairs {
    /// The token of two bytes, by the bytes.
    bytes: Box<[u32]>,
    /// The token of each single byte.
    singles: [u32; 256],
    /// Open addressing: left, right and merged id in one word.
    slots: Box<[u64]>,
    shift: u32,
}

impl Pairs {
    /// Ids that fit into a slot.
    pub const MAX_ID: u32 = (1 << ID_BITS) - 1;

    /// `singles`: the token of each byte. `merges`: (left, right, merged), all ids at most
    /// [`Pairs::MAX_ID`]; of merges of the same pair the first counts.
    pub fn new(
        singles: [u32; 256],
        merges: impl ExactSizeIterator<Item = (u32, u32, u32)>,
    ) -> Pairs {
        let bits = (merges.len().max(1) * 2)
            .next_power_of_two()
            .trailing_zeros()
            .max(4);
        let mut pairs = Pairs {
            bytes: vec![NONE; 1 << 16].into(),
            singles,
            slots: vec![EMPTY; 1 << bits].into(),
            shift: 64 - bits,
        };
        for (left, right, merged) in merges {
            let key = Self::key(left, right);
            let mut at = pairs.home(key);
            while pairs.slots[at] != EMPTY && pairs.slots[at] >> ID_BITS != key {
                at = (at + 1) & (pairs.slots.len() - 1);
            }
            if pairs.slots[at] == EMPTY {
                pairs.slots[at] = key << ID_BITS | u64::from(merged);
            }
        }
        for first in 0..256 {
            for second in 0..256 {
                pairs.bytes[first << 8 | second] = pairs.get(singles[first], singles[second]);
            }
        }
        pairs
    }

    #[inline(always)]
    fn key(left: u32, right: u32) -> u64 {
        u64::from(left) << ID_BITS | u64::from(right)
    }

    #[inline(always)]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
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
        let key = Self::key(left, right);
        let mut at = self.home(key);
        loop {
            let slot = self.slots[at];
            if slot >> ID_BITS == key {
                return slot as u32 & Self::MAX_ID;
            }
            if slot == EMPTY {
                return NONE;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}
