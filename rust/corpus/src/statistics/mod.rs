//! What is measured of texts, and how it is summed.
//!
//! A statistic is a file here that implements [`Statistic`], a line in `sums!` for the numbers that it adds to, and
//! one in [`statistics`]. Groups, intervals and Python's columns follow from these. Sums are integers, and merging them is
//! commutative ([`Merge`]): the order in which documents are counted, and by whom, cannot matter.

mod characters;
mod graphemes;
mod lengths;
mod partial_tokens;
mod tokens;
mod words;

use std::sync::Arc;

use fasttok_engine::{Counter, Encoding, Error, Special};
use fasttok_parallel::SharedCounter;

use crate::Scripts;
use crate::bootstrap::BootstrapUnits;

pub use graphemes::segmentation_unicode_version;
pub use lengths::{EXACT as LENGTHS_EXACT, Histogram, Histograms, Lengths, PARTS as LENGTHS_PARTS};

/// A sum over documents, or several.
pub trait Merge {
    /// Adds `other`. What is added first makes no difference.
    fn merge(&mut self, other: &Self);
}

impl Merge for u64 {
    fn merge(&mut self, other: &u64) {
        *self += other;
    }
}

/// Number by number; what one of them does not have is 0.
impl Merge for Vec<u64> {
    fn merge(&mut self, other: &Vec<u64>) {
        if self.len() < other.len() {
            self.resize(other.len(), 0);
        }
        self.iter_mut().zip(other).for_each(|(sum, number)| *sum += number);
    }
}

impl Merge for Scripts {
    fn merge(&mut self, other: &Scripts) {
        self.add(other);
    }
}

impl Merge for BootstrapUnits {
    fn merge(&mut self, other: &BootstrapUnits) {
        self.add(other);
    }
}

/// Declares [`Tally`] and what is to be known of its numbers.
macro_rules! sums {
    (
        numbers { $($(#[$doc:meta])* $number:ident,)* }
        by_encoding { $($(#[$list_doc:meta])* $list:ident,)* }
        others { $($(#[$other_doc:meta])* $other:ident: $type:ty,)* }
    ) => {
        /// The sums of a group.
        #[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct Tally {
            $($(#[$doc])* pub $number: u64,)*
            $($(#[$list_doc])* pub $list: Vec<u64>,)*
            $($(#[$other_doc])* pub $other: $type,)*
        }

        impl Tally {
            /// The names of the numbers that a group has once.
            pub const NUMBERS: [&'static str; [$(stringify!($number)),*].len()] =
                [$(stringify!($number)),*];

            /// The names of the numbers that a group has for each encoding.
            pub const BY_ENCODING: [&'static str; [$(stringify!($list)),*].len()] =
                [$(stringify!($list)),*];

            /// The numbers in the order of [`Tally::NUMBERS`].
            pub(crate) fn numbers(&self) -> [u64; Tally::NUMBERS.len()] {
                [$(self.$number),*]
            }

            /// The numbers in the order of [`Tally::BY_ENCODING`].
            pub(crate) fn by_encoding(&self) -> [&Vec<u64>; Tally::BY_ENCODING.len()] {
                [$(&self.$list),*]
            }

            /// The sums that have these numbers.
            pub(crate) fn of(
                [$($number),*]: [u64; Tally::NUMBERS.len()],
                [$($list),*]: [Vec<u64>; Tally::BY_ENCODING.len()],
                $($other: $type),*
            ) -> Tally {
                Tally { $($number,)* $($list,)* $($other,)* }
            }
        }

        impl Merge for Tally {
            fn merge(&mut self, other: &Tally) {
                $(self.$number.merge(&other.$number);)*
                $(self.$list.merge(&other.$list);)*
                $(self.$other.merge(&other.$other);)*
            }
        }
    };
}

sums! {
    numbers {
        /// Documents counted.
        documents,
        /// UTF-8 bytes of the texts.
        bytes,
        /// Unicode scalar values of the texts.
        chars,
        /// Documents with more than a tenth of their characters in another writing system than the first.
        mixed_script_documents,
        /// Extended grapheme clusters (UAX #29); 0 unless the job asks for them.
        graphemes,
        /// Words (UAX #29); 0 unless the job asks for them.
        words,
    }
    by_encoding {
        /// Tokens, one number for each encoding of the job, in its order.
        tokens,
        /// Words that are one token, by encoding; empty unless the job asks for words.
        single_token_words,
        /// Tokens that are not whole characters, by encoding; empty unless the job asks for them.
        partial_tokens,
        /// Documents with more tokens than each limit of the job, by encoding and then by limit.
        documents_over,
    }
    others {
        /// Characters by script.
        scripts: Scripts,
        /// The same sums of each document, or of parts of the corpus; empty unless the job asks for it.
        bootstrap: BootstrapUnits,
        /// Documents by how many tokens they have; empty unless the job asks for it.
        histograms: Histograms,
    }
}

impl Tally {
    /// The names of what [`BootstrapUnits::values`] has in a row: these four, then, if they are there, a number for each
    /// encoding of tokens, single-token words and partial tokens.
    pub const BOOTSTRAPPED: [&'static str; 7] =
        ["bytes", "chars", "graphemes", "words", "tokens", "single_token_words", "partial_tokens"];

    /// The sums that intervals are made of, in the order of [`Tally::BOOTSTRAPPED`].
    pub(crate) fn bootstrap_values(&self) -> impl Iterator<Item = u64> + '_ {
        let Tally { bytes, chars, graphemes, words, .. } = *self;
        let by_encoding = [&self.tokens, &self.single_token_words, &self.partial_tokens];
        [bytes, chars, graphemes, words]
            .into_iter()
            .chain(by_encoding.into_iter().flatten().copied())
    }

    /// Makes the sums of all parts of a document those of one document.
    pub(crate) fn finish_document(&mut self) {
        self.documents = 1;
        characters::finish_document(self);
    }
}

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

/// Something that is measured of texts, with its scratch space.
trait Statistic {
    /// Adds what `text` has to `tally`. It is a part of a document, cut where `fasttok_parallel::Splitter` allows it.
    fn measure(
        &mut self,
        text: &str,
        counters: &mut Counters,
        tally: &mut Tally,
    ) -> Result<(), Error>;

    /// Does so for each of `texts`, as far as it can be measured yet.
    fn measure_all(
        &mut self,
        texts: &[&str],
        counters: &mut Counters,
        tallies: &mut [Result<Tally, Error>],
    ) {
        for (text, measured) in texts.iter().zip(tallies) {
            if let Ok(tally) = measured
                && let Err(e) = self.measure(text, counters, tally)
            {
                *measured = Err(e);
            }
        }
    }
}

/// What counts tokens: its caches are the large part of a worker, so statistics share it.
struct Counters {
    special: Special,
    /// One for each encoding of the job.
    counters: Vec<Counter>,
    /// For each the first that counts the same: models share encodings.
    first: Vec<usize>,
}

/// The statistics of a run.
fn statistics(encodings: &[Arc<Encoding>], extra: Extra) -> Vec<Box<dyn Statistic>> {
    let mut all: Vec<Box<dyn Statistic>> =
        vec![Box::new(characters::Characters::new()), Box::new(tokens::Tokens::default())];
    if extra.graphemes {
        all.push(Box::new(graphemes::Graphemes));
    }
    if extra.words {
        all.push(Box::new(words::Words::default()));
    }
    if extra.partial_tokens {
        all.push(Box::new(partial_tokens::PartialTokens::new(encodings)));
    }
    all
}

/// A text that holds this, which cannot be cut, makes the tests' engine panic.
#[cfg(test)]
pub(crate) const PANIC: &str = "\u{10fffe}\u{10ffff}";

/// Measures texts: the scratch space of a worker.
pub(crate) struct Measurer {
    counters: Counters,
    statistics: Vec<Box<dyn Statistic>>,
}

impl Measurer {
    /// `kept`: where counters come from, by encoding; new ones are made where there is nothing.
    pub fn new(
        encodings: &[Arc<Encoding>],
        kept: &[Arc<SharedCounter>],
        special: Special,
        extra: Extra,
    ) -> Measurer {
        let counter = |(i, encoding): (usize, &Arc<Encoding>)| match kept.get(i) {
            Some(kept) => kept.take(),
            None => Counter::new(encoding.clone()),
        };
        let counters = encodings.iter().enumerate().map(counter).collect();
        let first = |encoding| encodings.iter().position(|other| other == encoding);
        let first = encodings.iter().map(|each| first(each).expect("it is there itself")).collect();
        Measurer {
            counters: Counters { special, counters, first },
            statistics: statistics(encodings, extra),
        }
    }

    /// Keeps the counters for another run.
    pub fn give_back(self, kept: &[Arc<SharedCounter>]) {
        for (kept, counter) in kept.iter().zip(self.counters.counters) {
            kept.give_back(counter);
        }
    }

    /// Adds all that `text` has to `tally`.
    pub fn measure(&mut self, text: &str, tally: &mut Tally) -> Result<(), Error> {
        #[cfg(test)]
        assert!(!text.contains(PANIC), "an injected panic");
        self.statistics
            .iter_mut()
            .try_for_each(|statistic| statistic.measure(text, &mut self.counters, tally))
    }

    /// All that each of `texts` has.
    pub fn measure_all(&mut self, texts: &[&str]) -> Vec<Result<Tally, Error>> {
        #[cfg(test)]
        assert!(!texts.iter().any(|text| text.contains(PANIC)), "an injected panic");
        let mut tallies: Vec<_> = texts.iter().map(|_| Ok(Tally::default())).collect();
        for statistic in &mut self.statistics {
            statistic.measure_all(texts, &mut self.counters, &mut tallies);
        }
        tallies
    }
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;

    use super::*;

    #[test]
    fn texts_together_are_measured_as_each_by_itself() {
        let names = ["r50k_base", "p50k_edit", "r50k_base"];
        let encodings = names.map(|name| Encoding::embedded(name).unwrap());
        let extra = Extra { graphemes: true, words: true, partial_tokens: true };
        let new = || Measurer::new(&encodings, &[], Special::Error, extra);
        let (mut together, mut apart) = (new(), new());
        // The last one is a special token of one of the encodings.
        let bits = ["one", " two", "\n", "Grüße", "中文", " ", "12", "<|fim_prefix|>"];
        let mut random = Random::new(21);
        let mut refused = 0;
        for _ in 0..200 {
            let texts: Vec<String> = (0..random.below(12))
                .map(|_| {
                    let kinds = if random.below(8) == 0 { bits.len() } else { bits.len() - 1 };
                    (0..random.below(40)).map(|_| bits[random.below(kinds)]).collect()
                })
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let measured = together.measure_all(&texts);
            for (text, measured) in texts.iter().zip(measured) {
                let mut tally = Tally::default();
                let expected = apart.measure(text, &mut tally).map(|()| tally);
                refused += usize::from(expected.is_err());
                assert_eq!(measured, expected, "{text:?}");
            }
        }
        assert!(refused > 20, "{refused}");
    }
}
