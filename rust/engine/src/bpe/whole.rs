//! Pieces that are one token although merging their bytes does not give it.
//!
//! tiktoken, and HF `tokenizers` with `ignore_merges`, look a whole piece up in the vocabulary before they
//! merge. Some vocabularies hold tokens that merging cannot reach, and only there it makes a difference.
//! It never holds for a part of a piece, so caches, which know parts and pieces alike, cannot know it: a
//! piece is looked up here before it is taken apart.

use std::collections::HashSet;

/// Tokens that merging cannot reach.
pub(crate) struct WholePieces {
    tokens: HashSet<Box<[u8]>, foldhash::fast::FixedState>,
    /// A bit a hash: clear where no token has it.
    filter: [u64; 64],
}

#[inline(always)]
fn hash(piece: &[u8]) -> usize {
    let (first, last) = (usize::from(piece[0]), usize::from(piece[piece.len() - 1]));
    (first ^ last << 4 ^ piece.len() << 7) & 0xFFF
}

impl WholePieces {
    pub fn new<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> WholePieces {
        let tokens: HashSet<Box<[u8]>, _> = tokens.map(Box::from).collect();
        let mut filter = [0; 64];
        for token in &tokens {
            filter[hash(token) >> 6] |= 1 << (hash(token) & 63);
        }
        WholePieces { tokens, filter }
    }

    /// Whether `piece`, which is not empty, is one of them.
    #[inline(always)]
    pub fn contains(&self, piece: &[u8]) -> bool {
        let hash = hash(piece);
        self.filter[hash >> 6] >> (hash & 63) & 1 != 0 && self.tokens.contains(piece)
    }
}
