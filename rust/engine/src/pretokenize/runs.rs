//! Two ways to look at the runs of a text: character by character, and in a list of runs that was made before.
//!
//! A piece is found in time in proportion to it. Who asks for the pieces of all parts of a text, from every beginning or up
//! to every end, would spend the square of a long run; in [`Runs`] each of these pieces is found by a few searches. The
//! rule of a family is written once, for whatever is [`Characters`]. Knows classes, and no pattern.

use std::cell::Cell;

use super::class_at;
use crate::classes::{Class, decode, decode_before, kind_of};
use crate::interrupt::Watch;

/// A set of kinds of characters: classes, each with Han and without, and `/`.
pub(crate) type Set = u32;

/// Characters of the script Han, of whatever class.
pub(crate) const HAN: Set = 0xFF00;
/// `/`, beside its class.
pub(crate) const SLASH: Set = 1 << 16;

/// The characters of these classes.
pub(crate) const fn set(classes: &[Class]) -> Set {
    let (mut set, mut i) = (0, 0);
    while i < classes.len() {
        set |= 0x101 << classes[i] as u32;
        i += 1;
    }
    set
}

#[inline(always)]
fn belongs(set: Set, c: u32) -> bool {
    set >> kind_of(c) & 1 != 0 || set & SLASH != 0 && c == u32::from('/')
}

/// A text, of which runs are asked for.
pub(crate) trait Characters: Copy {
    /// The text, to its end.
    fn bytes(&self) -> &[u8];

    /// The end of the run of characters of `set` from `at` on, which may be empty.
    fn run_end(self, at: usize, set: Set) -> usize;

    /// The end of the last character of `set` in `from..to`.
    fn last_end(self, from: usize, to: usize, set: Set) -> Option<usize>;

    /// The class and the length of the character at `at`; `None` at the end of the text.
    #[inline(always)]
    fn class_at(self, at: usize) -> Option<(Class, usize)> {
        class_at(self.bytes(), at)
    }
}

/// Bytes that are looked at for a repeated one before an interruption is asked for.
const LOOKED_AT: usize = 1 << 10;

/// How many bytes at the beginning of `text` are `byte`.
fn repeated(text: &[u8], byte: u8) -> usize {
    let (blocks, _) = text.as_chunks::<16>();
    let blocks = blocks.iter().take_while(|&&block| block == [byte; 16]).count();
    blocks * 16 + text[blocks * 16..].iter().take_while(|&&other| other == byte).count()
}

/// [`repeated`], at the end of `text`.
fn repeated_before(text: &[u8], byte: u8) -> usize {
    let (_, blocks) = text.as_rchunks::<16>();
    let blocks = blocks.iter().rev().take_while(|&&block| block == [byte; 16]).count();
    let rest = &text[..text.len() - blocks * 16];
    blocks * 16 + rest.iter().rev().take_while(|&&other| other == byte).count()
}

impl Characters for &[u8] {
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self
    }

    /// May be interrupted: then any boundary between characters of the run.
    #[inline(always)]
    fn run_end(self, mut at: usize, set: Set) -> usize {
        let mut watch = Watch::new();
        while at < self.len() {
            let (c, len) = decode(self, at);
            if !belongs(set, c) || watch.stops(len) {
                break;
            }
            at += len;
            if len == 1 {
                let rest = &self[at..];
                let more = repeated(&rest[..rest.len().min(LOOKED_AT)], c as u8);
                at += more;
                if watch.stops(more) {
                    break;
                }
            }
        }
        at
    }

    #[inline(always)]
    fn last_end(self, from: usize, mut to: usize, set: Set) -> Option<usize> {
        while to > from {
            let (c, len) = decode_before(self, to);
            if belongs(set, c) {
                return Some(to);
            }
            to -= len;
            if len == 1 {
                to -= repeated_before(&self[from..to], c as u8);
            }
        }
        None
    }
}

/// The runs of a text that may grow, of some sets of characters.
pub(crate) struct Runs {
    /// Each with the first and last offsets of its runs.
    sets: Vec<(Set, Vec<(usize, usize)>)>,
    len: usize,
}

impl Runs {
    /// Of no text yet.
    pub fn new(sets: &[Set]) -> Runs {
        Runs { sets: sets.iter().map(|&set| (set, Vec::new())).collect(), len: 0 }
    }

    /// Learns of what comes after the first part of `text`, which is known.
    pub fn extend(&mut self, text: &[u8]) {
        let mut watch = Watch::new();
        while self.len < text.len() {
            let (c, len) = decode(text, self.len);
            if watch.stops(len) {
                return;
            }
            let end = self.len + len;
            for (set, runs) in &mut self.sets {
                if belongs(*set, c) {
                    match runs.last_mut() {
                        Some(last) if last.1 == self.len => last.1 = end,
                        _ => runs.push((self.len, end)),
                    }
                }
            }
            self.len = end;
        }
    }

    fn of(&self, set: Set) -> &[(usize, usize)] {
        let found = self.sets.iter().find(|&&(known, _)| known == set);
        &found.expect("a family names the sets that it asks for").1
    }
}

/// A text up to some offset, by its [`Runs`].
#[derive(Clone, Copy)]
pub(crate) struct InRuns<'a> {
    text: &'a [u8],
    runs: &'a Runs,
    looked: &'a Cell<usize>,
}

impl<'a> InRuns<'a> {
    /// `runs` are those of a text that begins with `text`. `looked` becomes the greatest offset on which an answer
    /// depended, [`usize::MAX`] where one depended on the end of the text.
    pub fn new(text: &'a [u8], runs: &'a Runs, looked: &'a Cell<usize>) -> InRuns<'a> {
        debug_assert!(text.len() <= runs.len, "runs of the whole text");
        InRuns { text, runs, looked }
    }

    fn look(self, at: usize) {
        let end = self.text.get(at).map_or(usize::MAX, |_| at + decode(self.text, at).1);
        self.looked.set(self.looked.get().max(end));
    }
}

impl Characters for InRuns<'_> {
    fn bytes(&self) -> &[u8] {
        self.text
    }

    fn run_end(self, at: usize, set: Set) -> usize {
        let runs = self.runs.of(set);
        let last = runs[..runs.partition_point(|run| run.0 <= at)].last();
        let end = last.map_or(at, |run| run.1.min(self.text.len()).max(at));
        self.look(end);
        end
    }

    fn last_end(self, from: usize, to: usize, set: Set) -> Option<usize> {
        let runs = self.runs.of(set);
        let last = runs[..runs.partition_point(|run| run.0 < to)].last();
        last.map(|run| run.1.min(to)).filter(|&end| end > from)
    }

    fn class_at(self, at: usize) -> Option<(Class, usize)> {
        self.look(at);
        class_at(self.text, at)
    }
}
