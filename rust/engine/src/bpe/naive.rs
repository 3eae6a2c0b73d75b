//! What byte pair encoding is, plainly: of all neighbours that merge those of the lowest rank do, the first
//! of them first, until none merge. And what follows from it for a vocabulary: the canonical split of
//! every token, the pair of tokens whose merge makes it.
//!
//! BPE by ranks merges two neighbours whenever their concatenation is a token, but only one pair can
//! ever be seen to do so: while a token's bytes stand alone, merging is deterministic, so the state
//! before the last merge is always the same two tokens. One pair a token is therefore enough; a token
//! that merging cannot reach has none.
//!
//! This file is also compiled into the build script: it knows nothing of the rest of the engine.

use std::collections::HashMap;

/// "No token", "no rank": the split of single bytes, of holes in the ids and of tokens that merging cannot
/// reach.
pub const NONE: u32 = u32::MAX;

/// A merge plainly done, with space that serves again. A part is whatever the caller knows it by.
pub struct Naive<P> {
    parts: Vec<P>,
    /// The rank of the merge of each part with the next one, or [`NONE`], and what it makes.
    keys: Vec<(u32, P)>,
}

impl<P: Copy> Naive<P> {
    /// Nothing to be merged yet.
    pub const fn new() -> Naive<P> {
        Naive { parts: Vec::new(), keys: Vec::new() }
    }

    /// Merges `parts` until nothing merges or `fewest` are left, and gives what is left. `join` says of two
    /// neighbours which rank their merge has and what it makes; the rank is [`NONE`] if they do not merge.
    pub fn merge(
        &mut self,
        parts: impl IntoIterator<Item = P>,
        fewest: usize,
        join: impl Fn(P, P) -> (u32, P),
    ) -> &[P] {
        let Naive { parts: left, keys } = self;
        left.clear();
        left.extend(parts);
        keys.clear();
        keys.extend(left.windows(2).map(|two| join(two[0], two[1])));
        while left.len() > fewest {
            let lowest = keys.iter().enumerate().min_by_key(|(_, key)| key.0);
            let Some((at, &(_, merged))) = lowest.filter(|(_, key)| key.0 != NONE) else { break };
            left[at] = merged;
            left.remove(at + 1);
            keys.remove(at);
            if at > 0 {
                keys[at - 1] = join(left[at - 1], merged);
            }
            if at < keys.len() {
                keys[at] = join(merged, left[at + 1]);
            }
        }
        left
    }
}

/// The canonical split `[left, right]` of each of `tokens` (indexed by rank; an empty slice is a hole).
pub fn canonical_splits(tokens: &[&[u8]]) -> Vec<[u32; 2]> {
    let ranks: HashMap<&[u8], u32> = tokens
        .iter()
        .enumerate()
        .filter(|(_, t)| !t.is_empty())
        .map(|(rank, &t)| (t, rank as u32))
        .collect();
    let mut naive = Naive::new();
    let split = |token: &&[u8]| {
        let rank = |(start, end): (usize, usize)| ranks.get(&token[start..end]).copied();
        let bytes = (0..token.len()).map(|at| (at, at + 1));
        let two = naive.merge(bytes, 2, |left, right| {
            let both = (left.0, right.1);
            (rank(both).unwrap_or(NONE), both)
        });
        match *two {
            [left, right] => rank(left).zip(rank(right)).map_or([NONE; 2], |two| two.into()),
            _ => [NONE; 2],
        }
    };
    tokens.iter().map(split).collect()
}
