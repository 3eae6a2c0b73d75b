//! The words of texts from Python, and how many of them encodings keep whole. What a word is, `fasttok-corpus` decides.

use std::sync::Arc;

use fasttok_engine::{Counter, Error, Special};
use hashbrown::HashMap;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::encoding::Encoding;
use crate::errors::to_py_err;

/// The running words of texts as white space separates them; None for scripts without spaces.
#[pyfunction]
#[pyo3(signature = (texts, /))]
pub fn _spaced_words(texts: Vec<PyBackedStr>) -> Option<Vec<String>> {
    Some(
        fasttok_corpus::spaced_words(texts.iter().map(|text| &**text))?
            .map(str::to_owned)
            .collect(),
    )
}

/// By language and encoding, how many running words are one token, at the start of a text or after a space, and how
/// many there are; None for a language without spaces.
#[pyfunction]
#[pyo3(signature = (languages, encodings, threads = None, /))]
pub fn _single_token_words<'py>(
    py: Python<'py>,
    languages: Vec<Vec<PyBackedStr>>,
    encodings: Vec<Bound<'py, Encoding>>,
    threads: Option<usize>,
) -> PyResult<Vec<Kept>> {
    let encodings: Vec<_> = encodings.iter().map(|encoding| encoding.get().engine()).collect();
    let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
    let each = languages.len().div_ceil(threads.unwrap_or_else(all).max(1)).max(1);
    let counted = py.detach(|| {
        let vocabulary = Vocabulary::new(&encodings);
        std::thread::scope(|scope| {
            let workers: Vec<_> = languages
                .chunks(each)
                .map(|part| scope.spawn(|| single_token_words(part, &encodings, &vocabulary)))
                .collect();
            let mut counted = Vec::with_capacity(languages.len());
            for worker in workers {
                match worker.join() {
                    Ok(part) => counted.extend(part?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(counted)
        })
    });
    counted.map_err(|e: Error| to_py_err(py, &e))
}

type Kept = Option<Vec<(u64, u64)>>;

fn single_token_words(
    languages: &[Vec<PyBackedStr>],
    encodings: &[Arc<fasttok_engine::Encoding>],
    vocabulary: &Vocabulary<'_>,
) -> Result<Vec<Kept>, Error> {
    let mut counted: Vec<_> = encodings.iter().map(Counted::new).collect();
    let mut all = Vec::with_capacity(languages.len());
    for units in languages {
        let Some(words) = fasttok_corpus::spaced_words(units.iter().map(|unit| &**unit)) else {
            all.push(None);
            continue;
        };
        let mut kept = vec![0; encodings.len()];
        let mut total = 0;
        for word in words {
            vocabulary.add(word, &mut kept);
            for &encoding in &vocabulary.others {
                kept[encoding] += u64::from(counted[encoding].keeps(word)?);
            }
            total += 1;
        }
        all.push(Some(kept.into_iter().map(|kept| (kept, total)).collect()));
    }
    Ok(all)
}

/// The words that encodings keep whole, told by their vocabularies: looked up once for all of them.
struct Vocabulary<'e> {
    /// The number of each word.
    words: HashMap<&'e str, u32>,
    /// By number and encoding: whether it keeps the word.
    kept: Vec<bool>,
    encodings: usize,
    /// The encodings whose vocabularies do not tell.
    others: Vec<usize>,
}

impl<'e> Vocabulary<'e> {
    fn new(encodings: &'e [Arc<fasttok_engine::Encoding>]) -> Vocabulary<'e> {
        let mut vocabulary = Vocabulary {
            words: HashMap::new(),
            kept: Vec::new(),
            encodings: encodings.len(),
            others: Vec::new(),
        };
        for (place, encoding) in encodings.iter().enumerate() {
            let Some(texts) = encoding.one_token_texts() else {
                vocabulary.others.push(place);
                continue;
            };
            for text in texts {
                let word = text.strip_prefix(' ').unwrap_or(text);
                let fresh = vocabulary.words.len() as u32;
                let number = *vocabulary.words.entry(word).or_insert(fresh);
                if number == fresh {
                    vocabulary.kept.resize(vocabulary.kept.len() + encodings.len(), false);
                }
                vocabulary.kept[number as usize * encodings.len() + place] = true;
            }
        }
        vocabulary
    }

    /// Adds 1 to each of `sums`, one an encoding, that keeps `word` whole.
    fn add(&self, word: &str, sums: &mut [u64]) {
        if let Some(&number) = self.words.get(word) {
            let kept = &self.kept[number as usize * self.encodings..];
            sums.iter_mut().zip(kept).for_each(|(sum, &kept)| *sum += u64::from(kept));
        }
    }
}

/// The words that an encoding keeps whole, where only counting tells.
struct Counted<'t> {
    encoding: Arc<fasttok_engine::Encoding>,
    counter: Option<Counter>,
    known: HashMap<&'t str, bool>,
    spaced: String,
}

impl<'t> Counted<'t> {
    fn new(encoding: &Arc<fasttok_engine::Encoding>) -> Counted<'t> {
        let encoding = Arc::clone(encoding);
        Counted { encoding, counter: None, known: HashMap::new(), spaced: String::new() }
    }

    /// Whether it keeps `word` whole, at the start of a text or after a space.
    fn keeps(&mut self, word: &'t str) -> Result<bool, Error> {
        if let Some(&keeps) = self.known.get(word) {
            return Ok(keeps);
        }
        let counter = self.counter.get_or_insert_with(|| Counter::new(Arc::clone(&self.encoding)));
        self.spaced.clear();
        self.spaced.extend([" ", word]);
        let keeps = counter.count(&self.spaced, Special::Text)? == 1
            || counter.count(word, Special::Text)? == 1;
        self.known.insert(word, keeps);
        Ok(keeps)
    }
}
