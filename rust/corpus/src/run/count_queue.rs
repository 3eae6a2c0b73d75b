//! Documents that wait until there are some to count together: of a text by itself a few pieces are left at its end, which
//! are counted faster with those of the next one.

use super::detect_queue::RowId;

/// So many bytes of text are counted together. They are to stay in the cache that they were copied to.
const COUNT_BATCH_BYTES: usize = 128 << 10;

/// So many documents are counted together at most, however short they are: the sums of each are apart until then.
const COUNT_BATCH: usize = 256;

/// A queue that grew beyond this is not kept.
const KEPT: usize = 4 * COUNT_BATCH_BYTES;

/// A document that waits to be counted.
pub(super) struct AwaitingCount {
    /// Its key, as far as it is known.
    pub key: Box<[u8]>,
    /// Whether its language is in the key, or not asked for.
    pub is_labelled: bool,
    pub row: RowId,
    /// Its id, where it has one and a table of documents is asked for.
    pub id: Option<Box<str>>,
}

/// The documents that wait, and their texts, end to end.
#[derive(Default)]
pub(super) struct CountQueue {
    documents: Vec<AwaitingCount>,
    text: String,
    ends: Vec<usize>,
}

impl CountQueue {
    /// A text of so many bytes is worth a count by itself.
    pub const ALONE: usize = COUNT_BATCH_BYTES / 2;

    /// Adds a document with its `text`. True when the queue is full.
    pub fn push(&mut self, document: AwaitingCount, text: &str) -> bool {
        self.documents.push(document);
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.ends.len() >= COUNT_BATCH || self.text.len() >= COUNT_BATCH_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// The texts.
    pub fn texts(&self) -> Vec<&str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end]).collect()
    }

    /// The documents, in the order of their texts.
    pub fn take_documents(&mut self) -> Vec<AwaitingCount> {
        std::mem::take(&mut self.documents)
    }

    /// Whether its memory is worth keeping.
    pub fn is_small(&self) -> bool {
        self.text.capacity() <= KEPT
    }

    /// Empties the queue and keeps its memory.
    pub fn clear(&mut self) {
        self.documents.clear();
        self.text.clear();
        self.ends.clear();
    }
}
