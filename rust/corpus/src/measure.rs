//! What is measured of a text, apart from whose text it is: the scratch space of a worker.

use std::sync::Arc;

use fasttok_engine::{Counter, Encoding, Error, Special};
use unicode_segmentation::UnicodeSegmentation;

use crate::Tally;
use crate::scripts::ScriptCounter;

/// The version of Unicode whose grapheme clusters and words are counted.
pub fn segmentation_unicode_version() -> String {
    let (major, minor, patch) = unicode_segmentation::UNICODE_VERSION;
    format!("{major}.{minor}.{patch}")
}

/// A text that holds this, which cannot be cut, makes the tests' engine panic.
#[cfg(test)]
pub(crate) const PANIC: &str = "\u{10fffe}\u{10ffff}";

/// What is measured besides bytes, characters, scripts and tokens, which always are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extra {
    /// Extended grapheme clusters (UAX #29).
    pub graphemes: bool,
    /// Words (UAX #29), and how many of them are one token.
    pub words: bool,
    /// Tokens that are not whole characters. Needs ids, so texts are encoded as well as counted.
    pub partial_tokens: bool,
}

/// Measures texts.
pub(crate) struct Measurer {
    extra: Extra,
    special: Special,
    scripts: ScriptCounter,
    /// One for each encoding.
    counters: Vec<Counter>,
    /// One for each encoding, where partial tokens are asked for.
    partial: Vec<Partial>,
    spaced: String,
}

/// Which tokens of an encoding are not whole characters.
struct Partial {
    encoding: Arc<Encoding>,
    /// By id.
    is_partial: Vec<bool>,
    ids: Vec<u32>,
}

impl Measurer {
    pub fn new(encodings: &[Arc<Encoding>], special: Special, extra: Extra) -> Measurer {
        Measurer {
            extra,
            special,
            scripts: ScriptCounter::new(),
            counters: encodings.iter().cloned().map(Counter::new).collect(),
            partial: match extra.partial_tokens {
                true => encodings.iter().cloned().map(Partial::new).collect(),
                false => Vec::new(),
            },
            spaced: String::new(),
        }
    }

    /// Adds what `text` has to `tally`. The text is a part of a document, cut where `fasttok_parallel::Splitter` allows it.
    pub fn measure(&mut self, text: &str, tally: &mut Tally) -> Result<(), Error> {
        #[cfg(test)]
        assert!(!text.contains(PANIC), "an injected panic");
        let scripts = self.scripts.count(text);
        tally.bytes += text.len() as u64;
        tally.chars += scripts.chars();
        tally.scripts.add(&scripts);
        tally.tokens.resize(self.counters.len(), 0);
        for (tokens, counter) in tally.tokens.iter_mut().zip(&mut self.counters) {
            *tokens += counter.count(text, self.special)?;
        }
        if self.extra.graphemes {
            tally.graphemes += text.graphemes(true).count() as u64;
        }
        if self.extra.words {
            self.words(text, tally)?;
        }
        if self.extra.partial_tokens {
            tally.partial_tokens.resize(self.partial.len(), 0);
            for (sum, partial) in tally.partial_tokens.iter_mut().zip(&mut self.partial) {
                *sum += partial.count(text, self.special)?;
            }
        }
        Ok(())
    }

    /// A word is one token if it is by itself or with a space before it.
    fn words(&mut self, text: &str, tally: &mut Tally) -> Result<(), Error> {
        tally.single_token_words.resize(self.counters.len(), 0);
        for word in text.unicode_words() {
            tally.words += 1;
            self.spaced.clear();
            self.spaced.push(' ');
            self.spaced.push_str(word);
            for (sum, counter) in tally.single_token_words.iter_mut().zip(&mut self.counters) {
                let is_one = counter.count(&self.spaced, Special::Text)? == 1
                    || counter.count(word, Special::Text)? == 1;
                *sum += u64::from(is_one);
            }
        }
        Ok(())
    }
}

impl Partial {
    fn new(encoding: Arc<Encoding>) -> Partial {
        let is_partial = (0..encoding.n_vocab()).map(|id| encoding.cuts_character(id)).collect();
        Partial { encoding, is_partial, ids: Vec::new() }
    }

    fn count(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        self.ids.clear();
        self.encoding.encode(text, special, &mut self.ids)?;
        Ok(self.ids.iter().filter(|&&id| self.is_partial[id as usize]).count() as u64)
    }
}
