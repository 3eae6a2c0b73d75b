//! Language labels of `fasttok-corpus` from Python. Which label means which column is decided there, not here.

use pyo3::prelude::*;

/// The canonical form of a language label (BCP 47, FLORES); None if it is no language that CLDR knows.
#[pyfunction]
#[pyo3(signature = (label, /))]
pub fn normalize_language(label: &str) -> Option<String> {
    fasttok_corpus::normalize_language(label)
}

type Parts = (String, Option<String>, Option<String>, Vec<String>, Option<String>);

/// Language, script and region as they are said, the rest, and the likely script, of a label that CLDR knows.
#[pyfunction]
#[pyo3(signature = (label, /))]
pub fn _language_parts(label: &str) -> Option<Parts> {
    let parts = fasttok_corpus::language_parts(label)?;
    Some((parts.language, parts.script, parts.region, parts.rest, parts.likely_script))
}

/// Whether a label has the form of a language code and yet is an everyday name, such as `src` or `url`.
#[pyfunction]
#[pyo3(signature = (label, /))]
pub fn _is_everyday_word(label: &str) -> bool {
    fasttok_corpus::is_everyday_word(label)
}
