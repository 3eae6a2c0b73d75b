//! What is summed over documents. Sums only, so that the order in which documents are counted cannot matter.
//!
//! In Rust a new statistic is a field here, a line in [`Tally::add`] and one in `measure.rs`, where it comes from; to
//! be seen it must also be handed to Python and shown by the reports.

use crate::Scripts;
use crate::sample::Sample;

/// The sums of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Documents counted.
    pub documents: u64,
    /// UTF-8 bytes of the texts.
    pub bytes: u64,
    /// Unicode scalar values of the texts.
    pub chars: u64,
    /// Characters by script.
    pub scripts: Scripts,
    /// Documents with more than a tenth of their characters in another writing system than the first.
    pub mixed_script_documents: u64,
    /// Extended grapheme clusters (UAX #29); 0 unless the job asks for them.
    pub graphemes: u64,
    /// Words (UAX #29); 0 unless the job asks for them.
    pub words: u64,
    /// Tokens, one number for each encoding of the job, in its order.
    pub tokens: Vec<u64>,
    /// Words that are one token, by encoding; empty unless the job asks for words.
    pub single_token_words: Vec<u64>,
    /// Tokens that are not whole characters, by encoding; empty unless the job asks for them.
    pub partial_tokens: Vec<u64>,
    /// The same sums of each document, or of parts of the corpus; empty unless the job asks for it.
    pub sample: Sample,
}

impl Tally {
    /// Adds the sums of `other`.
    pub fn add(&mut self, other: &Tally) {
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.chars += other.chars;
        self.scripts.add(&other.scripts);
        self.mixed_script_documents += other.mixed_script_documents;
        self.graphemes += other.graphemes;
        self.words += other.words;
        add_each(&mut self.tokens, &other.tokens);
        add_each(&mut self.single_token_words, &other.single_token_words);
        add_each(&mut self.partial_tokens, &other.partial_tokens);
        self.sample.add(&other.sample);
    }

    /// Makes the sums of all parts of a document those of one document.
    pub(crate) fn finish_document(&mut self) {
        self.documents = 1;
        self.scripts.resolve();
        self.mixed_script_documents = self.scripts.is_mixed().into();
    }

    /// The sums that intervals are made of, in the order of [`Tally::SAMPLED`].
    pub(crate) fn sampled_values(&self) -> impl Iterator<Item = u64> + '_ {
        let Tally { bytes, chars, graphemes, words, .. } = *self;
        let by_encoding = [&self.tokens, &self.single_token_words, &self.partial_tokens];
        [bytes, chars, graphemes, words]
            .into_iter()
            .chain(by_encoding.into_iter().flatten().copied())
    }

    /// The names of what [`Sample::values`] has in a row: these four, then, if they are there, a number for each
    /// encoding of tokens, single-token words and partial tokens.
    pub const SAMPLED: [&'static str; 7] =
        ["bytes", "chars", "graphemes", "words", "tokens", "single_token_words", "partial_tokens"];
}

fn add_each(sums: &mut Vec<u64>, numbers: &[u64]) {
    if sums.len() < numbers.len() {
        sums.resize(numbers.len(), 0);
    }
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += number;
    }
}
