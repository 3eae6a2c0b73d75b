//! The count of a text that is still being written, after each addition.
//!
//! What is before the last cut is counted once and let go. Without a cut, the ends of pieces that no longer change
//! do the same, and a long piece that grows evenly is counted by its prefixes.

use std::sync::Arc;

use super::piece::PiecePrefixes;
use super::pieces::{self, LONG, even_class};
use crate::classes::{Class, class_of};
use crate::encoding::Encoding;
use crate::pretokenize::Scanner;
use crate::{Counter, Error, Special};

/// How near the end of what is new a cut is looked for first, in bytes.
const NEAR: usize = 1 << 10;

/// A text that grows, with special tokens as text.
///
/// ```
/// use fasttok_engine::{Counter, Encoding, GrowingText};
///
/// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
/// let mut text = GrowingText::new(counter.encoding().clone());
/// text.append("Gr\u{FC}".as_bytes())?;
/// text.append(&[0xC3])?;
/// // Half a character is not counted yet.
/// assert_eq!((text.count(&mut counter)?, text.pending()), (2, 1));
/// text.append(&[0x9F, b'e'])?;
/// assert_eq!((text.count(&mut counter)?, text.pending()), (3, 0));
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct GrowingText {
    encoding: Arc<Encoding>,
    scanner: Option<Scanner>,
    /// Tokens of what was let go, and its bytes.
    settled: u64,
    settled_bytes: usize,
    /// The rest.
    tail: String,
    /// There is no cut in the tail before this.
    searched: usize,
    /// The last piece of the tail, if it is long and has grown evenly.
    long: Option<LongPiece>,
    /// A character that has begun.
    pending: Vec<u8>,
    /// The count, as long as nothing is added.
    count: Option<u64>,
}

struct LongPiece {
    start: usize,
    /// Tokens of the tail before it.
    before: u64,
    class: Class,
    prefixes: PiecePrefixes,
}

impl GrowingText {
    /// An empty text.
    pub fn new(encoding: Arc<Encoding>) -> GrowingText {
        let scanner =
            encoding.scanner_of_slices().filter(|_| encoding.searches_for_none(Special::Text));
        GrowingText {
            encoding,
            scanner,
            settled: 0,
            settled_bytes: 0,
            tail: String::new(),
            searched: 0,
            long: None,
            pending: Vec::new(),
            count: None,
        }
    }

    /// Bytes at the end that are no whole character yet, and are not counted.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Bytes that are kept, for their tokens may change.
    pub fn unsettled(&self) -> usize {
        self.tail.len() + self.pending.len()
    }

    /// Bytes that were appended.
    pub fn bytes(&self) -> usize {
        self.settled_bytes + self.tail.len() + self.pending.len()
    }

    /// Adds to the text, which may end within a character. Where it can no longer become UTF-8 that is an error, and nothing is added.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.pending.is_empty() {
            return self.append_whole(bytes);
        }
        let all = [&self.pending, bytes].concat();
        let pending = std::mem::take(&mut self.pending);
        self.append_whole(&all).inspect_err(|_| self.pending = pending)
    }

    fn append_whole(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (valid, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).expect("valid so far"), rest)
            }
            Err(error) => {
                let offset = self.settled_bytes + self.tail.len() + error.valid_up_to();
                return Err(Error::InvalidUtf8 { offset });
            }
        };
        self.pending = rest.to_vec();
        if !valid.is_empty() {
            let class = self.long.as_ref().map(|long| long.class);
            if valid.chars().any(|c| Some(class_of(u32::from(c))) != class) {
                self.long = None;
            }
            self.tail.push_str(valid);
            self.count = None;
        }
        Ok(())
    }

    /// Tokens of all whole characters so far.
    pub fn count(&mut self, counter: &mut Counter) -> Result<u64, Error> {
        if let Some(count) = self.count {
            return Ok(count);
        }
        if self.long.is_none() {
            self.settle(counter)?;
        }
        let tail = match &mut self.long {
            Some(long) => {
                let piece = &self.tail.as_bytes()[long.start..];
                match long.prefixes.extend(&self.encoding, piece, u64::MAX)? {
                    true => long.before + long.prefixes.count(piece.len()),
                    false => counter.count(&self.tail, Special::Text)?,
                }
            }
            None => counter.count(&self.tail, Special::Text)?,
        };
        self.count = Some(self.settled + tail);
        Ok(self.settled + tail)
    }

    /// Counts what no longer changes, and lets it go.
    fn settle(&mut self, counter: &mut Counter) -> Result<(), Error> {
        let near = self.searched.max(self.tail.len().saturating_sub(NEAR));
        let after = |from| self.encoding.split_point(&self.tail, from, Special::Text);
        let mut next = after(near);
        if next.is_none() && near > self.searched {
            next = after(self.searched);
        }
        let mut last = None;
        while let Some(cut) = next {
            last = Some(cut);
            next = after(cut + 1);
        }
        self.searched = self.tail.len();
        if let Some(cut) = last {
            self.settled += counter.count(&self.tail[..cut], Special::Text)?;
            self.let_go(cut);
        }
        match self.scanner {
            Some(scanner) if self.tail.len() > LONG => self.settle_pieces(counter, scanner),
            _ => Ok(()),
        }
    }

    fn let_go(&mut self, bytes: usize) {
        self.tail.drain(..bytes);
        self.settled_bytes += bytes;
        self.searched -= bytes;
    }

    fn settle_pieces(&mut self, counter: &mut Counter, scanner: Scanner) -> Result<(), Error> {
        let text = self.tail.as_bytes();
        // Tokens of what is settled, and of what is not, before the last piece.
        let (mut settled, mut before) = ((0, 0), 0);
        let (mut at, mut from) = (0, 0);
        loop {
            let end = pieces::piece_end(scanner, text, at);
            if end.at == text.len() {
                break;
            }
            before += counter.count(&self.tail[at..end.at], Special::Text)?;
            (at, from) = (end.at, from.max(end.settled));
            if from <= text.len() {
                settled = (at, settled.1 + before);
                before = 0;
            }
        }
        let last = &text[at..];
        if last.len() > LONG.max(self.encoding.longest_token() + 1)
            && let Some(class) = even_class(last)
        {
            let start = at - settled.0;
            self.long = Some(LongPiece { start, before, class, prefixes: PiecePrefixes::new() });
        }
        self.settled += settled.1;
        self.let_go(settled.0);
        Ok(())
    }
}
