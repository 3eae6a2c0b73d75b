//! The order of merges as one number: the lowest key is the leftmost merge of the lowest rank.
//!
//! In `abcab` (61 62 63 61 62) o200k_base merges 61 and 62 into token 378, at 0 and at 3: the keys `378 << 9 | 0` and
//! `378 << 9 | 3`, of which the first is lower, as BPE has it.

use super::pairs::NONE;

/// Bytes merged at once: several times the longest tokens.
pub(super) const WINDOW: usize = 512;
/// Bits of a key that hold the position.
pub(super) const POSITION_BITS: u32 = WINDOW.trailing_zeros();
/// Keys from here on are no merges.
pub(super) const NO_MERGE: u32 = NONE << POSITION_BITS;

/// The key of a merge: the lowest key is the leftmost merge of the lowest rank.
#[inline(always)]
pub(super) fn key(rank: u32, at: usize) -> u32 {
    rank << POSITION_BITS | at as u32
}

/// What a key was made of.
#[inline(always)]
pub(super) fn rank_and_position(key: u32) -> (u32, usize) {
    (key >> POSITION_BITS, key as usize % WINDOW)
}
