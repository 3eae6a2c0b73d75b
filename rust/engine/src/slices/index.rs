//! The count of any part of a text, without counting what lies between its ends again.

use std::ops::Range;

use super::{LOOK, Slices};
use crate::{Counter, Error, Special};

/// Bytes between two entries, where there are cuts.
const SPACING: usize = 256;

/// A text, and its tokens up to some of its cuts.
///
/// ```
/// use fasttok_engine::{Counter, Encoding, TextIndex};
///
/// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
/// let index = TextIndex::new(&mut counter, "one two three ".repeat(1000))?;
/// assert_eq!((index.tokens(), index.count(&mut counter, 4..13_993)?), (3001, 2998));
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct TextIndex {
    text: String,
    entries: Vec<Entry>,
    /// Of the whole text.
    all: Entry,
}

/// A cut.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where it is.
    at: usize,
    /// The same in characters.
    chars: usize,
    /// Tokens before it.
    tokens: u64,
}

impl TextIndex {
    /// Counts `text` once, with special tokens as text.
    pub fn new(counter: &mut Counter, text: String) -> Result<TextIndex, Error> {
        let slices = Slices::new(counter, &text);
        let mut ends = Vec::new();
        let mut from = SPACING;
        while from < text.len() {
            match slices.cut(from) {
                Some(cut) => {
                    ends.push(cut);
                    from = cut + SPACING;
                }
                None => from += LOOK,
            }
        }
        ends.push(text.len());
        let mut batch = counter.batch();
        let mut start = 0;
        for &end in &ends {
            batch.add(&text[start..end], Special::Text)?;
            start = end;
        }
        let mut all = Entry { at: 0, chars: 0, tokens: 0 };
        let mut entries = Vec::with_capacity(ends.len());
        for (&end, &tokens) in ends.iter().zip(batch.finish()) {
            let chars = text[all.at..end].chars().count();
            all = Entry { at: end, chars: all.chars + chars, tokens: all.tokens + tokens };
            entries.push(all);
        }
        entries.pop();
        Ok(TextIndex { text, entries, all })
    }

    /// Tokens of the whole text.
    pub fn tokens(&self) -> u64 {
        self.all.tokens
    }

    /// Characters of the text.
    pub fn chars(&self) -> usize {
        self.all.chars
    }

    /// Where the character `index` begins, in bytes; the end of the text for one beyond it.
    pub fn offset_of(&self, index: usize) -> usize {
        let next = self.entries.partition_point(|entry| entry.chars <= index);
        let (at, chars) =
            next.checked_sub(1).map_or((0, 0), |i| (self.entries[i].at, self.entries[i].chars));
        let rest = self.text[at..].char_indices().nth(index - chars);
        rest.map_or(self.text.len(), |(offset, _)| at + offset)
    }

    /// Tokens of the part `range`, in bytes, by itself. Its ends are between characters.
    pub fn count(&self, counter: &mut Counter, range: Range<usize>) -> Result<u64, Error> {
        let Range { start, end } = range;
        let first = self.entries.partition_point(|entry| entry.at <= start);
        let last = self.entries.partition_point(|entry| entry.at < end);
        let mut count = |part: &str| counter.count(part, Special::Text);
        if first >= last {
            return count(&self.text[start..end.max(start)]);
        }
        let (first, last) = (self.entries[first], self.entries[last - 1]);
        let edges = count(&self.text[start..first.at])? + count(&self.text[last.at..end])?;
        Ok(edges + last.tokens - first.tokens)
    }
}
