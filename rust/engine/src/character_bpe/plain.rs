//! sentencepiece's BPE as it runs it, symbol by symbol: for models that the tables of the engine cannot hold, as
//! those with pieces of equal score or with pieces that are marked unused, which merge and are taken apart again. As
//! exact as the tables, and slower. Knows no file.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::Unknown;
use super::boundaries::UserPieces;
use super::rules::META;
use crate::interrupt::{STEP, Watch};

type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// "None": there is no symbol before the first and after the last one.
const NONE: usize = usize::MAX;

/// A piece that symbols merge into.
pub(crate) struct Piece {
    pub id: u32,
    pub score: f32,
    /// It is taken apart again.
    pub unused: bool,
}

/// The pieces of a model, as its file writes them.
pub(crate) struct Plain {
    pub pieces: Map<Box<str>, Piece>,
    /// Pieces that are matched before anything is merged.
    pub user: Option<UserPieces>,
    /// Blanks are U+2581 in pieces.
    pub escape: bool,
}

/// A part of the text, from its first byte to the one after its last.
struct Symbol {
    start: usize,
    end: usize,
    before: usize,
    after: usize,
    /// It merges with nothing.
    frozen: bool,
}

/// Two neighbours that may merge.
struct Waiting {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both, by which it shows whether they are still what they were.
    len: usize,
}

impl Ord for Waiting {
    /// The highest score is the greatest, then the leftmost.
    fn cmp(&self, other: &Waiting) -> Ordering {
        let (one, two) = (self.score + 0.0, other.score + 0.0);
        one.total_cmp(&two).then(Reverse(self.left).cmp(&Reverse(other.left)))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

/// A text that is being merged.
struct Merging<'a> {
    plain: &'a Plain,
    text: &'a str,
    symbols: Vec<Symbol>,
    waiting: BinaryHeap<Waiting>,
    /// How unused pieces are taken apart: where the left part ends, of the last two neighbours that were seen to give
    /// the piece, anywhere in the text.
    parts: Map<&'a str, usize>,
}

impl Plain {
    /// Appends the ids of `text`, to which the rules have been applied. May be interrupted.
    pub fn encode(&self, text: &str, unknown: &Unknown, ids: &mut Vec<u32>) {
        let escaped;
        let text = match self.escape {
            true => {
                escaped = text.replace(' ', META);
                &escaped
            }
            false => text,
        };
        let mut merging = Merging {
            plain: self,
            text,
            symbols: self.symbols(text),
            waiting: BinaryHeap::new(),
            parts: Map::default(),
        };
        merging.merge();
        let mut output = Vec::new();
        for symbol in &merging.symbols {
            if symbol.start < symbol.end {
                merging.take_apart(symbol.start, symbol.end, &mut output);
            }
        }
        let mut after_unknown = false;
        for (id, part) in output {
            match (id, unknown) {
                (Some(id), _) => ids.push(id),
                (None, Unknown::Bytes(bytes)) => {
                    ids.extend(part.bytes().map(|byte| bytes[usize::from(byte)]));
                }
                (None, &Unknown::Token { id, fused }) if !(fused && after_unknown) => ids.push(id),
                (None, _) => {}
            }
            after_unknown = id.is_none();
        }
    }

    /// User-defined pieces, and the characters between them.
    fn symbols(&self, text: &str) -> Vec<Symbol> {
        let mut symbols = Vec::with_capacity(text.len());
        let mut start = 0;
        let mut watch = Watch::new();
        while start < text.len() {
            let rest = &text[start..];
            let found = self.user.as_ref().and_then(|user| user.find(rest.as_bytes()));
            let len = match found {
                Some((len, _)) => len,
                None => rest.chars().next().map_or(1, char::len_utf8),
            };
            if watch.stops(len) {
                break;
            }
            let (at, end) = (symbols.len(), start + len);
            symbols.push(Symbol {
                start,
                end,
                before: at.wrapping_sub(1),
                after: at + 1,
                frozen: found.is_some(),
            });
            start = end;
        }
        if let Some(last) = symbols.last_mut() {
            last.after = NONE;
        }
        symbols
    }
}

impl<'a> Merging<'a> {
    fn merge(&mut self) {
        let mut watch = Watch::new();
        for left in 1..self.symbols.len() {
            if watch.stops(STEP) {
                return;
            }
            self.wait(left - 1, left);
        }
        while let Some(Waiting { left, right, len, .. }) = self.waiting.pop() {
            if watch.stops(STEP) {
                return;
            }
            let of = |at: usize| self.symbols[at].end - self.symbols[at].start;
            if of(left) == 0 || of(right) == 0 || of(left) + of(right) != len {
                continue;
            }
            let after = self.symbols[right].after;
            self.symbols[left].end = self.symbols[right].end;
            self.symbols[left].after = after;
            self.symbols[right].end = self.symbols[right].start;
            if let Some(after) = self.symbols.get_mut(after) {
                after.before = left;
            }
            self.wait(self.symbols[left].before, left);
            self.wait(left, after);
        }
    }

    /// Lets two neighbours wait for each other, if together they are a piece.
    fn wait(&mut self, left: usize, right: usize) {
        let (Some(one), Some(two)) = (self.symbols.get(left), self.symbols.get(right)) else {
            return;
        };
        if one.frozen || two.frozen {
            return;
        }
        let both = &self.text[one.start..two.end];
        let Some(piece) = self.plain.pieces.get(both) else { return };
        if piece.unused {
            self.parts.insert(both, one.end - one.start);
        }
        self.waiting.push(Waiting { score: piece.score, left, right, len: both.len() });
    }

    /// Appends what is left of a symbol: ids, or none for what is unknown, and the texts.
    fn take_apart(&self, start: usize, end: usize, to: &mut Vec<(Option<u32>, &'a str)>) {
        let mut open = vec![(start, end)];
        while let Some((start, end)) = open.pop() {
            let text = &self.text[start..end];
            match self.plain.pieces.get(text) {
                Some(piece) if !piece.unused => to.push((Some(piece.id), text)),
                Some(_) if self.parts.contains_key(text) => {
                    let middle = start + self.parts[text];
                    open.extend([(middle, end), (start, middle)]);
                }
                _ => to.push((None, text)),
            }
        }
    }
}
