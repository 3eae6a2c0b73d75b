//! The canonical split of every token: the pair of tokens whose merge makes it.
//!
//! BPE by ranks merges two neighbours whenever their concatenation is a token, but only one pair can
//! ever be seen to do so: while a token's bytes stand alone, merging is deterministic, so the state
//! before the last merge is always the same two tokens. One pair a token is therefore enough; a token
//! that merging cannot reach has none.
//!
//! This file is also compiled into the build script: it knows nothing of the rest of the engine.

use std::collections::HashMap;

/// "No token": the split of single bytes, of holes in the ids and of tokens that merging cannot reach.
pub const NONE: u32 = u32::MAX;

/// The canonical split `[left, right]` of each of `tokens` (indexed by rank; an empty slice is a hole).
pub fn canonical_splits(tokens: &[&[u8]]) -> Vec<[u32; 2]> {
    let ranks: HashMap<&[u8], u32> = tokens
        .iter()
        .enumerate()
        .filter(|(_, t)| !t.is_empty())
        .map(|(rank, &t)| (t, rank as u32))
        .collect();
    let mut ends = Vec::new();
    let mut pairs = Vec::new();
    tokens.iter().map(|token| split(&ranks, token, &mut ends, &mut pairs)).collect()
}

/// Merges `token`'s bytes until two parts are left.
fn split(
    ranks: &HashMap<&[u8], u32>,
    token: &[u8],
    starts: &mut Vec<usize>,
    pairs: &mut Vec<u32>,
) -> [u32; 2] {
    if token.len() < 2 {
        return [NONE, NONE];
    }
    let rank = |from: usize, to: usize| ranks.get(&token[from..to]).copied().unwrap_or(NONE);
    starts.clear();
    starts.extend(0..=token.len());
    pairs.clear();
    pairs.extend((0..token.len() - 1).map(|i| rank(i, i + 2)));
    while pairs.len() > 1 {
        let (at, &lowest) = pairs.iter().enumerate().min_by_key(|&(_, &r)| r).expect("not empty");
        if lowest == NONE {
            return [NONE, NONE];
        }
        starts.remove(at + 1);
        pairs.remove(at);
        if at > 0 {
            pairs[at - 1] = rank(starts[at - 1], starts[at + 1]);
        }
        if at < pairs.len() {
            pairs[at] = rank(starts[at], starts[at + 2]);
        }
    }
    [rank(0, starts[1]), rank(starts[1], token.len())]
}
