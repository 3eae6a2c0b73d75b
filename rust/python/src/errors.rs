//! Rust errors as the exceptions of `fasttok.errors`.
//!
//! The classes are defined in Python, because most have two bases (`FasttokError` and `ValueError`),
//! and are looked up when the first error is raised.

use fasttok_engine::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

use crate::document::{Document, Offsets};
use crate::ending::Call;

/// A document that cannot be counted or encoded.
#[derive(Debug)]
pub struct Failure {
    /// Its index in the batch.
    pub document: usize,
    /// What is wrong; byte offsets in it are replaced by `offset`.
    pub error: Error,
    /// Where in the document, in the unit `offsets`.
    pub offset: usize,
    /// What `offset` counts.
    pub offsets: Offsets,
}

impl Failure {
    /// `failure` among `documents`, in their users' offsets.
    pub fn new(failure: fasttok_parallel::Failure, documents: &[Document<'_>]) -> Failure {
        let fasttok_parallel::Failure { text, unit, error } = failure;
        let document = &documents[text];
        Failure {
            document: text,
            error,
            offset: document.user_offset(unit),
            offsets: document.offsets(),
        }
    }

    /// The exception, for the document at `index` of a batch, or for the only text.
    pub fn into_py_err(self, py: Python<'_>, index: Option<usize>) -> PyErr {
        let whose = match index {
            Some(index) => format!("text {index}"),
            None => "the text".to_string(),
        };
        let (unit, offset) = (self.offsets.unit(), self.offset);
        let attributes = PyDict::new(py);
        let set = attributes
            .set_item("offset", offset)
            .and_then(|()| attributes.set_item("index", index));
        if let Err(e) = set {
            return e;
        }
        match &self.error {
            Error::SpecialToken { token, .. } => {
                if let Err(e) = attributes.set_item("token", token) {
                    return e;
                }
                let message = format!(
                    "{whose} holds the special token {token:?} at {unit} {offset}; count it as \
                     plain text with special=\"text\" or as one token with special=\"token\""
                );
                exception(py, "SpecialTokenError", message, Some(&attributes))
            }
            Error::InvalidUtf8 { .. } => {
                let message = match self.offsets {
                    Offsets::Characters => format!(
                        "{whose} holds a lone surrogate at character {offset}, which UTF-8 cannot \
                         express; errors=\"replace\" takes it as U+FFFD"
                    ),
                    Offsets::Bytes => format!(
                        "{whose} is not UTF-8 at byte {offset}; errors=\"replace\" takes each \
                         invalid part as U+FFFD"
                    ),
                };
                exception(py, "InvalidUtf8Error", message, Some(&attributes))
            }
            Error::PatternLimit { .. } | Error::NormalizedTooLarge { .. } => {
                let attributes = PyDict::new(py);
                let component = match &self.error {
                    Error::PatternLimit { component, .. } => Some(component),
                    _ => None,
                };
                let set = attributes
                    .set_item("component", component)
                    .and_then(|()| attributes.set_item("index", index));
                if let Err(e) = set {
                    return e;
                }
                let message = format!("{whose}: {}", self.error);
                exception(py, "TextLimitError", message, Some(&attributes))
            }
            other => to_py_err(py, other),
        }
    }
}

/// The exception for an error of the engine that belongs to no document.
pub fn to_py_err(py: Python<'_>, error: &Error) -> PyErr {
    let attributes = PyDict::new(py);
    let (class, set) = match error {
        Error::UnknownEncoding { name, nearest } => (
            "UnknownEncodingError",
            attributes
                .set_item("name", name)
                .and_then(|()| attributes.set_item("nearest", nearest)),
        ),
        Error::UnknownToken { id } => ("UnknownTokenError", attributes.set_item("id", id)),
        Error::SpecialToken { token, offset } => (
            "SpecialTokenError",
            attributes
                .set_item("token", token)
                .and_then(|()| attributes.set_item("offset", offset)),
        ),
        Error::InvalidUtf8 { offset } => {
            ("InvalidUtf8Error", attributes.set_item("offset", offset))
        }
        Error::PatternLimit { component, .. } => {
            ("TextLimitError", attributes.set_item("component", component))
        }
        Error::NormalizedTooLarge { .. } => ("TextLimitError", Ok(())),
        Error::TokenizerFile { .. } => ("TokenizerFileError", Ok(())),
        Error::UnsupportedTokenizer { component, .. } => {
            ("UnsupportedTokenizerError", attributes.set_item("component", component))
        }
        Error::NoCut { offset, .. } => ("NoCutError", attributes.set_item("offset", offset)),
        Error::CharacterTooLong { offset, tokens } => (
            "CharacterTooLongError",
            attributes
                .set_item("offset", offset)
                .and_then(|()| attributes.set_item("tokens", tokens)),
        ),
        Error::InvalidOption { .. } => ("InputError", Ok(())),
        Error::SimdLevel(level) => ("SimdLevelError", attributes.set_item("name", &level.name)),
        _ => ("FasttokError", Ok(())),
    };
    match set {
        Ok(()) => exception(py, class, error.to_string(), Some(&attributes)),
        Err(e) => e,
    }
}

/// An `InputError` about element `index` of a batch.
pub fn input_error(py: Python<'_>, message: String, index: usize) -> PyErr {
    let attributes = PyDict::new(py);
    match attributes.set_item("index", index) {
        Ok(()) => exception(py, "InputError", message, Some(&attributes)),
        Err(e) => e,
    }
}

/// The exception `class` of `fasttok.errors`.
pub fn exception(
    py: Python<'_>,
    class: &str,
    message: String,
    attributes: Option<&Bound<'_, PyDict>>,
) -> PyErr {
    // Also where only the error of a call runs Python code: importing asks for the GIL.
    let _call = Call::enter(py);
    let made = py
        .import("fasttok.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call((&message,), attributes));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(e) => {
            let fallback = PyRuntimeError::new_err(message);
            fallback.set_cause(py, Some(e));
            fallback
        }
    }
}

/// An `UnknownTokenError` about an integer that is not even in the range of token ids.
pub fn unknown_token(id: &Bound<'_, PyInt>) -> PyErr {
    let attributes = PyDict::new(id.py());
    match attributes.set_item("id", id) {
        Ok(()) => {
            let message = format!("the encoding has no token with id {id}");
            exception(id.py(), "UnknownTokenError", message, Some(&attributes))
        }
        Err(e) => e,
    }
}
