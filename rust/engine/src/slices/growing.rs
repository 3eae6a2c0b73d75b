//! The count of a text that is still being written, after each addition.
//!
//! What is before the last cut is counted once and let go. Without a cut, the ends of pieces that no longer change
//! do the same, and a long piece is counted by its prefixes.

use std::sync::Arc;

use super::piece::Side;
use super::stretch::{self, Stretch};
use crate::encoding::Encoding;
use crate::pretokenize::ByRuns;
use crate::{Counter, Error, Special, interrupt};

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
    by_runs: Option<ByRuns>,
    /// Tokens of what was let go, and its bytes.
    settled: u64,
    settled_bytes: usize,
    /// The rest.
    tail: String,
    /// There is no cut in the tail before this.
    searched: usize,
    /// The tail, where it is long.
    stretch: Option<Stretch>,
    /// A character that has begun.
    pending: Vec<u8>,
    /// The count, as long as nothing is added.
    count: Option<u64>,
}

impl GrowingText {
    /// An empty text.
    pub fn new(encoding: Arc<Encoding>) -> GrowingText {
        let by_runs =
            encoding.pieces_by_runs().filter(|_| encoding.searches_for_none(Special::Text));
        GrowingText {
            encoding,
            by_runs,
            settled: 0,
            settled_bytes: 0,
            tail: String::new(),
            searched: 0,
            stretch: None,
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
        self.settle(counter)?;
        let tail = match self.by_runs {
            Some(by_runs) if self.tail.len() > stretch::long(&self.encoding) => {
                self.count_pieces(counter, by_runs)?
            }
            _ => counter.count(&self.tail, Special::Text)?,
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
        Ok(())
    }

    fn let_go(&mut self, bytes: usize) {
        self.tail.drain(..bytes);
        self.settled_bytes += bytes;
        self.searched -= bytes;
        self.stretch = None;
    }

    /// Tokens of the tail. Lets go of the pieces of it that no longer change, and counts those with what is settled.
    fn count_pieces(&mut self, counter: &mut Counter, by_runs: ByRuns) -> Result<u64, Error> {
        let encoding = &self.encoding;
        let stretch = self.stretch.get_or_insert_with(|| Stretch::new(encoding, by_runs, 0));
        let text = self.tail.as_bytes();
        stretch.extend(text);
        interrupt::check()?;
        // Bytes and tokens of what is settled, and tokens of what is not.
        let (mut settled, mut open) = ((0, 0), 0);
        let (mut at, mut from) = (0, 0);
        while at < text.len() {
            let end = stretch.piece_end(text, at);
            let mut count = None;
            if stretch.is_long(end.at - at) {
                count = stretch.count(encoding, text, (at, end.at), Side::Begin)?;
            }
            open += match count {
                Some(count) => count,
                None => counter.count(&self.tail[at..end.at], Special::Text)?,
            };
            (at, from) = (end.at, from.max(end.settled));
            if from <= text.len() {
                settled = (at, settled.1 + open);
                open = 0;
            }
        }
        if settled.0 > 0 {
            self.settled += settled.1;
            self.let_go(settled.0);
        }
        Ok(open)
    }
}
