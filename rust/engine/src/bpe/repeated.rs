//! The merging of a piece of few bytes that are repeated, as rules and indentation are: in steps of the logarithm of its
//! length.
//!
//! A row is a token, so many times. Where two of the same token are the lowest merge, all of the row merge two by two, from
//! the left, before anything else does: unless what the first of them becomes merges at once with a neighbour, and then
//! one merge is done, as always.
//!
//! ` ` and 67 dashes in o200k_base: 20, 2D × 67 becomes 20, 2D2D × 33, 2D; then the space takes one of the pairs, or the
//! last one is joined by the dash that is left, whatever has the lowest rank.

use super::merge_table::Merges;
use super::model::BpeModel;
use super::pairs::NONE;
use super::windowed::scripts_of;

/// Rows of a piece while it is merged, at most.
const ROWS: usize = 16;
/// Bytes for each row that a piece begins with, at least: with fewer, merging them one by one is as fast.
const BYTES_OF_ROW: usize = 16;

/// A token, so many times, and what merges in it.
#[derive(Clone, Copy)]
struct Row {
    token: u32,
    times: usize,
    /// What two of it merge into, or [`NONE`].
    twice: u32,
    /// What the last of it and the first of the next row merge into, or [`NONE`].
    with_next: u32,
}

/// The rows of a piece: none is empty, and no two neighbours are of the same token.
struct Rows<'a> {
    pairs: &'a BpeModel,
    merges: &'a Merges,
    rows: Vec<Row>,
    /// Memory for those that come in place of others.
    new: Vec<Row>,
}

impl Rows<'_> {
    /// The token that two neighbours merge into, or [`NONE`].
    fn merged(&self, left: u32, right: u32) -> u32 {
        self.pairs.exact(self.merges, left, right)
    }

    /// Puts rows in place of `count` of them from `at` on, and finds what merges in them.
    fn replace(&mut self, at: usize, count: usize, with: &[(u32, usize)]) {
        // Neighbours may be of the same token now.
        let first = at.saturating_sub(1);
        let last = (at + count + 1).min(self.rows.len());
        let same = |row: &Row| (row.token, row.times);
        let before = self.rows[first..at].iter().map(same);
        let after = self.rows[at + count..last].iter().map(same);
        let new = &mut self.new;
        for (token, times) in before.chain(with.iter().copied()).chain(after) {
            match new.last_mut() {
                _ if times == 0 => {}
                Some(row) if row.token == token => row.times += times,
                _ => new.push(Row { token, times, twice: NONE, with_next: NONE }),
            }
        }
        let end = first + new.len();
        self.rows.splice(first..last, self.new.drain(..));
        for at in first.saturating_sub(1)..end {
            let Row { token, times, .. } = self.rows[at];
            let next = self.rows.get(at + 1).map(|next| next.token);
            self.rows[at].twice = if times > 1 { self.merged(token, token) } else { NONE };
            self.rows[at].with_next = next.map_or(NONE, |next| self.merged(token, next));
        }
    }

    /// Merges what comes first, and more of the same where that comes next. Returns whether there was anything.
    fn step(&mut self) -> bool {
        let mut lowest = (NONE, 0, false);
        for (at, row) in self.rows.iter().enumerate() {
            // The first of the same rank is the leftmost.
            if row.twice < lowest.0 {
                lowest = (row.twice, at, true);
            }
            if row.with_next < lowest.0 {
                lowest = (row.with_next, at, false);
            }
        }
        let (merged, at, twice) = lowest;
        if merged == NONE {
            return false;
        }
        let Row { token, times, .. } = self.rows[at];
        if !twice {
            let next = self.rows[at + 1];
            let with = [(token, times - 1), (merged, 1), (next.token, next.times - 1)];
            self.replace(at, 2, &with);
            return true;
        }
        let before = at.checked_sub(1).map(|before| self.rows[before].token);
        let all = times == 2
            || self.merged(merged, token) > merged
                && self.merged(merged, merged) > merged
                && before.is_none_or(|before| self.merged(before, merged) > merged);
        let count = if all { times / 2 } else { 1 };
        self.replace(at, 1, &[(merged, count), (token, times - 2 * count)]);
        true
    }
}

/// The tokens of a piece of any length, each with how often it is repeated; `None` where it is not of few bytes that are
/// repeated, or does not stay so.
pub(super) fn merge_repeated(pairs: &BpeModel, bytes: &[u8]) -> Option<Vec<(u32, usize)>> {
    let changes = |bytes: &[u8]| bytes.windows(2).filter(|two| two[0] != two[1]).count();
    let most = (bytes.len() / BYTES_OF_ROW).min(ROWS / 2);
    // Most pieces are told by their beginning.
    if changes(&bytes[..bytes.len().min(2 * BYTES_OF_ROW)]) >= most || changes(bytes) >= most {
        return None;
    }
    let runs = || bytes.chunk_by(|a, b| a == b);
    let initial: Vec<_> = runs().map(|run| (pairs.single(run[0]), run.len())).collect();
    // Of each run, two are as good as all.
    let neighbours: Vec<u8> = runs().flat_map(|run| run.iter().take(2).copied()).collect();
    let merges = pairs.merges(scripts_of(&neighbours));
    let mut rows =
        Rows { pairs, merges, rows: Vec::with_capacity(2 * ROWS), new: Vec::with_capacity(ROWS) };
    rows.replace(0, 0, &initial);
    while rows.step() {
        if rows.rows.len() > ROWS {
            return None;
        }
    }
    Some(rows.rows.iter().map(|row| (row.token, row.times)).collect())
}
