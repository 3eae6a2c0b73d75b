//! The words of texts from Python. What a word is, `fasttok-corpus` decides.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

/// The distinct words of texts as white space separates them, and how often each occurs; None for scripts without spaces.
#[pyfunction]
#[pyo3(signature = (texts, /))]
pub fn _spaced_words(py: Python<'_>, texts: Vec<PyBackedStr>) -> Option<(Vec<String>, Vec<u64>)> {
    py.detach(|| {
        let words = fasttok_corpus::spaced_words(texts.iter().map(|text| &**text))?;
        Some(words.into_iter().map(|(word, count)| (word.to_owned(), count)).unzip())
    })
}
