//! `Counter`: counting without encoding.
//!
//! Pieces are found 64 bytes at a time and wait in a queue, their cache lines on the way from memory,
//! before they are looked up. No ids are made and nothing grows with the text.

mod caches;
mod character_bpe;
mod scan;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use fasttok_simd::Level;

#[cfg(feature = "probe")]
pub(crate) use self::caches::look_up_keys;
use self::caches::{Caches, Drain};
use self::scan::{Pieces, Scan, Text};
use crate::Error;
use crate::added::Part;
use crate::encoding::Encoding;
use crate::encoding::definition::Instead;
use crate::interrupt;
use crate::options::Special;
use crate::pretokenize::Pretokenizer;

/// A worker's counting state: scratch space and caches of a fixed size (a third of a MiB, about 12 MiB after the first
/// quarter of a MiB of text). Made once a worker, used for many texts.
///
/// ```
/// use fasttok_engine::{Counter, Encoding, Special};
///
/// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
/// let counts = ["Grüße", "中文", ""].map(|text| counter.count(text, Special::Text));
/// assert_eq!(counts, [Ok(3), Ok(1), Ok(0)]);
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
pub struct Counter {
    encoding: Arc<Encoding>,
    level: Level,
    caches: Caches,
}

impl Counter {
    /// A counter for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Counter {
        Counter::with_level(encoding, Level::chosen_or_portable())
    }

    /// A counter that uses the instructions of `level`, whatever [`Level::chosen`] says.
    ///
    /// ```
    /// # use fasttok_engine::{Counter, Encoding, Level, Special};
    /// let encoding = Encoding::embedded("o200k_base")?;
    /// for level in Level::available() {
    ///     let mut counter = Counter::with_level(encoding.clone(), level);
    ///     assert_eq!(counter.count("one, two", Special::Text)?, 3);
    /// }
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn with_level(encoding: Arc<Encoding>, level: Level) -> Counter {
        Counter { encoding, level, caches: Caches::new() }
    }

    /// The encoding that this counts by.
    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// The number of tokens of `text`: exactly the length of what [`Encoding::encode`] gives.
    ///
    /// ```
    /// # use fasttok_engine::{Counter, Encoding, Special};
    /// let mut counter = Counter::new(Encoding::embedded("cl100k_base")?);
    /// assert_eq!(counter.count("<|endoftext|>", Special::Token)?, 1);
    /// assert_eq!(counter.count("<|endoftext|>", Special::Text)?, 7);
    /// assert!(counter.count("<|endoftext|>", Special::Error).is_err());
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn count(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        let mut batch = self.batch();
        batch.add(text, special)?;
        Ok(batch.finish()[0])
    }

    /// Counts texts together, which is faster than one by one where they are short.
    ///
    /// ```
    /// use fasttok_engine::{Counter, Encoding, Special};
    ///
    /// let mut counter = Counter::new(Encoding::embedded("o200k_base")?);
    /// let mut batch = counter.batch();
    /// for text in ["Grüße", "", "one two"] {
    ///     batch.add(text, Special::Text)?;
    /// }
    /// assert_eq!(batch.finish(), [3, 0, 2]);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn batch(&mut self) -> CountBatch<'_> {
        self.caches.begin();
        CountBatch { counter: self }
    }

    /// Counts a text but for what waits in the caches' queues.
    fn count_known(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        let encoding = self.encoding.clone();
        let mut total = 0u64;
        encoding.for_each_part(text, special, &mut |part| {
            let tokens = match (part, encoding.instead()) {
                (Part::Token(_), _) => 1,
                (Part::Text(text, start), Instead::Nothing) => self.count_text(text, start)?,
                (Part::Text(text, start), Instead::CharacterBpe(character_bpe)) => {
                    self.count_character_bpe(character_bpe, text, start)?
                }
                (Part::Text(text, start), Instead::Literal(literal)) => {
                    let mut ids = Vec::new();
                    literal.encode(text, start, &mut ids)?;
                    ids.len() as u64
                }
            };
            total = total.wrapping_add(tokens);
            interrupt::check()
        })?;
        Ok(total)
    }

    /// Counts normalized text without added tokens.
    fn count_text(&mut self, text: &str, start: usize) -> Result<u64, Error> {
        let Counter { encoding, level, caches } = self;
        let general = match encoding.pretokenizer() {
            Pretokenizer::General(general) => Some(general),
            _ => None,
        };
        let added = general.map_or(&b""[..], |general| general.adds());
        if encoding.lacks_a_byte_of(text.as_bytes()) || encoding.lacks_a_byte_of(added) {
            let mut ids = Vec::new();
            encoding.encode_plain(&mut caches.window, text, start, &mut ids)?;
            return Ok(ids.len() as u64);
        }
        let scan = Scan { encoding, caches };
        if let Some(general) = general {
            return level.run(Pieces { scan, general, text, start });
        }
        let pretokenizer = encoding.pretokenizer();
        let scanner = pretokenizer.scanner().expect("all but the general one have one");
        Ok(level.run(Text { scan, scanner, pretokenizer, text: text.as_bytes() }))
    }
}

/// Texts that are counted together: see [`Counter::batch`].
pub struct CountBatch<'c> {
    counter: &'c mut Counter,
}

impl<'c> CountBatch<'c> {
    /// Adds a text. Where it cannot be counted, it still has a place in what [`CountBatch::finish`] gives, with a number that
    /// means nothing.
    pub fn add(&mut self, text: &str, special: Special) -> Result<(), Error> {
        if self.counter.caches.must_seed_before(text.len()) {
            self.count_waiting();
            let Counter { encoding, caches, .. } = &mut *self.counter;
            caches.seed(encoding);
        }
        self.counter.caches.begin_text();
        let known = self.counter.count_known(text, special);
        self.counter.caches.end_text(*known.as_ref().unwrap_or(&0));
        known.map(drop)
    }

    /// The number of tokens of each text, in the order in which they were added.
    pub fn finish(mut self) -> &'c [u64] {
        self.count_waiting();
        self.counter.caches.counts()
    }

    /// Looks up and merges what waits of the texts so far.
    fn count_waiting(&mut self) {
        let Counter { encoding, level, caches } = &mut *self.counter;
        if !caches.counts().is_empty() {
            level.run(Drain { pairs: encoding.pairs(), caches, most: 0 });
        }
    }
}
