//! The pieces of every part of a stretch of text, long ones among them: where they end, and how many tokens they have.
//!
//! For texts whose pieces are told by runs ([`ByRuns`]), and counts that are those of pieces merged one by one. Knows no
//! budget, and not what the parts are wanted for.

use std::cell::Cell;
use std::collections::HashMap;

use super::piece::{Neighbours, PieceCounts, Side};
use crate::Error;
use crate::encoding::Encoding;
use crate::pretokenize::runs::{InRuns, Runs};
use crate::pretokenize::{ByRuns, CONTRACTION};

/// A piece of so many bytes is long.
const LONG: usize = 256;

/// The end of a piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// Where it is.
    pub at: usize,
    /// The piece ends there in every text that has the first `settled` bytes of this one; `usize::MAX` where that is not known.
    pub settled: usize,
}

/// A stretch of a text. Offsets are those of the text, which every method is given up to where it is to end.
pub(super) struct Stretch {
    start: usize,
    by_runs: ByRuns,
    runs: Runs,
    /// Bytes of a piece from which on it is counted by parts. No longer one is a single token.
    long: usize,
    /// Of long pieces that begin or end at an offset.
    begin: HashMap<usize, PieceCounts>,
    end: HashMap<usize, PieceCounts>,
    neighbours: Neighbours,
}

impl Stretch {
    /// The stretch that begins at `start`.
    pub fn new(encoding: &Encoding, by_runs: ByRuns, start: usize) -> Stretch {
        Stretch {
            start,
            by_runs,
            runs: Runs::new(by_runs.sets),
            long: long(encoding),
            begin: HashMap::new(),
            end: HashMap::new(),
            neighbours: Neighbours::new(),
        }
    }

    pub fn start(&self) -> usize {
        self.start
    }

    /// Whether a piece of so many bytes is counted by its parts.
    pub fn is_long(&self, bytes: usize) -> bool {
        bytes > self.long
    }

    /// Learns of all of `text`.
    pub fn extend(&mut self, text: &[u8]) {
        self.runs.extend(&text[self.start..]);
    }

    /// The end of the piece of `text` that begins at `start`.
    pub fn piece_end(&self, text: &[u8], start: usize) -> End {
        let looked = Cell::new(0);
        let text = InRuns::new(&text[self.start..], &self.runs, &looked);
        let at = (self.by_runs.piece_end)(text, start - self.start) + self.start;
        let settled = looked.get().saturating_add(self.start).max(at + CONTRACTION);
        End { at, settled }
    }

    /// Tokens of the long piece `start..end`, whose other parts from that side will be asked for, too. `None` where that is not
    /// the way to count them.
    pub fn count(
        &mut self,
        encoding: &Encoding,
        text: &[u8],
        (start, end): (usize, usize),
        side: Side,
    ) -> Result<Option<u64>, Error> {
        Ok(self.learn(encoding, text, (start, end), side, u64::MAX)?.then(|| {
            let known = if side == Side::Begin { &self.begin[&start] } else { &self.end[&end] };
            known.count(end - start)
        }))
    }

    fn learn(
        &mut self,
        encoding: &Encoding,
        text: &[u8],
        (start, end): (usize, usize),
        side: Side,
        most: u64,
    ) -> Result<bool, Error> {
        let (known, at) = match side {
            Side::Begin => (&mut self.begin, start),
            Side::End => (&mut self.end, end),
        };
        let known = known.entry(at).or_insert_with(|| PieceCounts::new(side));
        known.extend(encoding, &mut self.neighbours, &text[start..end], most)
    }

    /// An offset beyond which no part of `text` from `start` on, a long piece of which ends at `end`, has at most `most`
    /// tokens; `None` where none is known.
    ///
    /// A part that ends at e has a first piece that ends at q(e): at e, or before a run that comes to nothing by itself
    /// (blanks after the last newline, capitals after letters without case). q(e) never falls as e grows.
    /// Where more prefixes in a row than a token has bytes have more than `most` tokens, each taken as one piece, so have all longer ones;
    /// and so it is with what is between one q and the ends of the parts that have it.
    pub fn last_end(
        &mut self,
        encoding: &Encoding,
        text: &str,
        (start, end): (usize, usize),
        most: u64,
    ) -> Result<Option<usize>, Error> {
        let bytes = text.as_bytes();
        if !self.learn(encoding, bytes, (start, end), Side::Begin, most)? {
            return Ok(None);
        }
        let known = start + self.begin[&start].len();
        if known >= end {
            return Ok(None);
        }
        let whole = super::boundary_before(text, known);
        let first = self.piece_end(&bytes[..whole], start).at;
        if first + encoding.longest_token() >= known {
            return Ok(Some(known));
        }
        let before = self.begin[&start].count(first - start);
        if before > most {
            return Ok(Some(known));
        }
        if !self.learn(encoding, bytes, (first, end), Side::Begin, most - before)? {
            return Ok(None);
        }
        let rest = first + self.begin[&first].len();
        Ok((rest < end).then_some(rest.max(known)))
    }
}

/// Bytes from which on a piece is long.
pub(super) fn long(encoding: &Encoding) -> usize {
    LONG.max(encoding.longest_token() + 1)
}
