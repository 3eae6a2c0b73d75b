//! The words of texts from Python, and how many of them encodings keep whole. What a word is, `fasttok-corpus` decides.

use std::collections::HashSet;
use std::sync::Arc;

use fasttok_engine::{Counter, Error, Special};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::encoding::Encoding;
use crate::errors::to_py_err;

/// The distinct words of texts as white space separates them, and how often each occurs; None for scripts without
/// spaces.
#[pyfunction]
#[pyo3(signature = (texts, /))]
pub fn _spaced_words(py: Python<'_>, texts: Vec<PyBackedStr>) -> Option<(Vec<String>, Vec<u64>)> {
    py.detach(|| {
        let words = fasttok_corpus::spaced_words(texts.iter().map(|text| &**text))?;
        Some(words.into_iter().map(|(word, count)| (word.to_owned(), count)).unzip())
    })
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
        std::thread::scope(|scope| {
            let workers: Vec<_> = languages
                .chunks(each)
                .map(|part| scope.spawn(|| single_token_words(part, &encodings)))
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
) -> Result<Vec<Kept>, Error> {
    let mut singles: Vec<_> = encodings.iter().map(Single::new).collect();
    let mut spaced = String::new();
    let mut all = Vec::with_capacity(languages.len());
    for units in languages {
        let Some(words) = fasttok_corpus::spaced_words(units.iter().map(|unit| &**unit)) else {
            all.push(None);
            continue;
        };
        let mut kept = vec![(0, 0); singles.len()];
        for (word, times) in words {
            spaced.clear();
            spaced.push(' ');
            spaced.push_str(word);
            for (single, (kept, total)) in singles.iter_mut().zip(&mut kept) {
                let is_kept = single.is_one_token(&spaced)? || single.is_one_token(word)?;
                *kept += times * u64::from(is_kept);
                *total += times;
            }
        }
        all.push(Some(kept));
    }
    Ok(all)
}

/// Says which texts are one token.
struct Single {
    counter: Counter,
    /// What each token stands for. Only for embedded encodings, whose tokens are the bytes of the text: a text that is
    /// none of them need not be counted.
    tokens: Option<HashSet<Vec<u8>>>,
}

impl Single {
    fn new(encoding: &Arc<fasttok_engine::Encoding>) -> Single {
        let embedded = fasttok_engine::Encoding::embedded(encoding.name());
        let tokens = match embedded.is_ok_and(|embedded| Arc::ptr_eq(&embedded, encoding)) {
            true => Some((0..encoding.n_vocab()).filter_map(|id| bytes(encoding, id)).collect()),
            false => None,
        };
        Single { counter: Counter::new(encoding.clone()), tokens }
    }

    fn is_one_token(&mut self, text: &str) -> Result<bool, Error> {
        if self.tokens.as_ref().is_some_and(|tokens| !tokens.contains(text.as_bytes())) {
            return Ok(false);
        }
        Ok(self.counter.count(text, Special::Text)? == 1)
    }
}

/// The bytes of a token; nothing for an id that stands for none.
fn bytes(encoding: &fasttok_engine::Encoding, id: u32) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    encoding.decode(&[id], &mut bytes).ok()?;
    Some(bytes)
}
