//! What is summed over documents. Sums only, so that the order in which documents are counted cannot matter.
//!
//! A new statistic is a field here and a line in [`Tally::add`].

/// The sums of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Documents counted.
    pub documents: u64,
    /// UTF-8 bytes of the texts.
    pub bytes: u64,
    /// Unicode scalar values of the texts.
    pub chars: u64,
    /// Tokens, one number for each encoding of the job, in its order.
    pub tokens: Vec<u64>,
}

impl Tally {
    /// The tally of `text`, which is a part of a document (so not one document yet) and has `tokens`.
    pub(crate) fn of_text(text: &str, tokens: &[u64]) -> Tally {
        Tally {
            documents: 0,
            bytes: text.len() as u64,
            chars: text.chars().count() as u64,
            tokens: tokens.to_vec(),
        }
    }

    /// Adds the sums of `other`.
    pub fn add(&mut self, other: &Tally) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.chars += other.chars;
        if self.tokens.len() < other.tokens.len() {
            self.tokens.resize(other.tokens.len(), 0);
        }
        for (sum, tokens) in self.tokens.iter_mut().zip(&other.tokens) {
            *sum += tokens;
        }
    }
}
