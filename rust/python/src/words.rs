//! The words of texts from Python, and how many of them encodings keep whole. What a word is, `fasttok-corpus` decides.

use fasttok_corpus::SingleTokenWords;
use fasttok_parallel::available_threads;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::encoding::Encoding;
use crate::ending::{Call, detach};
use crate::errors::to_py_err;
use crate::parallel;

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
) -> PyResult<Vec<SingleTokenWords>> {
    let _call = Call::enter(py);
    let encodings: Vec<_> = encodings.iter().map(|encoding| encoding.get().engine()).collect();
    if threads.is_none() {
        parallel::check_environment()?;
    }
    let threads = threads.unwrap_or_else(available_threads);
    let counted =
        detach(py, || fasttok_corpus::single_token_words(&languages, &encodings, threads));
    counted.map_err(|e| to_py_err(py, &e))
}
