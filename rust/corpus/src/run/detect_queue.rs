//! The languages of documents that say nothing of it themselves: they wait, already counted, until there are enough for
//! a detector to be asked about all of them at once.

use crate::job::LanguageLabels;
use crate::language::{DETECT_BATCH, DETECT_BATCH_BYTES, Labels};
use crate::position::Position;
use crate::{Error, Tally};

/// Where a document is in a run: its file, and where it is in that.
pub(super) type RowId = (usize, Position);

/// A document that was counted and waits for its language.
pub(super) struct AwaitingLanguage {
    /// Its key, without the language.
    pub key: Box<[u8]>,
    pub row: RowId,
    /// Its id, where it has one and a table of documents is asked for.
    pub id: Option<Box<str>>,
    pub tally: Tally,
}

/// The documents that wait, and the beginnings of their texts, end to end.
#[derive(Default)]
pub(super) struct DetectQueue {
    documents: Vec<AwaitingLanguage>,
    text: String,
    ends: Vec<usize>,
}

impl DetectQueue {
    /// Adds a document with the `beginning` of its text. True when the queue is full.
    pub fn push(&mut self, document: AwaitingLanguage, beginning: &str) -> bool {
        self.documents.push(document);
        self.text.push_str(beginning);
        self.ends.push(self.text.len());
        self.ends.len() >= DETECT_BATCH || self.text.len() >= DETECT_BATCH_BYTES
    }

    /// All documents, and their languages; the queue is empty after it, and after an error too.
    pub fn detect(
        &mut self,
        languages: &LanguageLabels,
        labels: &mut Labels,
    ) -> Result<Vec<(AwaitingLanguage, String)>, Error> {
        if self.documents.is_empty() {
            return Ok(Vec::new());
        }
        let DetectQueue { documents, text, ends } = std::mem::take(self);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let texts: Vec<&str> = starts.zip(&ends).map(|(start, &end)| &text[start..end]).collect();
        let detected = languages.detect(labels, &texts)?;
        Ok(documents.into_iter().zip(detected).collect())
    }
}
