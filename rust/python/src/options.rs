//! The options of a corpus run as Python holds them, and the job that they are to `fasttok-corpus`.
//!
//! The one list of them on this side. What an option means, and its default, `fasttok.options.CorpusOptions` says, whose
//! attributes these are by name; it also checks values, so that here only what it cannot know is an error.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use fasttok_corpus::{Detector, Job, Key, LanguageLabels, OnError};
use fasttok_engine::{Encoding, Special, Utf8Errors};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// The detector that is meant by `detect_language=True`.
const BUILT_IN_DETECTOR: &str = "cld2";

/// An object with these attributes.
#[derive(FromPyObject)]
pub struct CorpusOptions {
    text_field: Option<String>,
    format: Option<String>,
    lines: bool,
    special: String,
    errors: String,
    on_error: String,
    threads: Option<usize>,
    hidden: bool,
    ignore_files: bool,
    decompress: bool,
    max_record_bytes: usize,
    max_window_bytes: u64,
    max_groups: usize,
    language_field: Option<String>,
    language_from_path: bool,
    detect_language: Option<Py<PyAny>>,
    detect_bytes: usize,
    outputs: Vec<PathBuf>,
    ledger_path: Option<PathBuf>,
}

impl CorpusOptions {
    /// The job of reading `paths` and counting by `encodings`, in groups by the keys `by`. Where labels are asked for,
    /// the key ``language`` is the label, not a field.
    pub fn job(
        self,
        py: Python<'_>,
        paths: Vec<PathBuf>,
        encodings: Vec<Arc<Encoding>>,
        by: &[String],
    ) -> PyResult<Job> {
        let languages = LanguageLabels {
            field: self.language_field,
            from_path: self.language_from_path,
            detector: self
                .detect_language
                .map(|given| detector(given.into_bound(py)))
                .transpose()?
                .flatten(),
            detect_bytes: self.detect_bytes,
        };
        let is_labelled =
            languages.field.is_some() || languages.from_path || languages.detector.is_some();
        let key = |name: &String| match name.as_str() {
            "language" if is_labelled => Key::Language,
            name => Key::parse(name),
        };
        Ok(Job {
            by: by.iter().map(key).collect(),
            languages,
            text_field: self.text_field,
            format: self.format,
            lines: self.lines,
            special: choice(
                "special",
                &self.special,
                &[("text", Special::Text), ("token", Special::Token), ("error", Special::Error)],
            )?,
            errors: choice(
                "errors",
                &self.errors,
                &[("strict", Utf8Errors::Strict), ("replace", Utf8Errors::Replace)],
            )?,
            on_error: choice(
                "on_error",
                &self.on_error,
                &[("skip", OnError::Skip), ("fail", OnError::Fail)],
            )?,
            threads: self.threads,
            hidden: self.hidden,
            ignore_files: self.ignore_files,
            decompress: self.decompress,
            max_record_bytes: self.max_record_bytes,
            max_window_bytes: self.max_window_bytes,
            max_groups: self.max_groups,
            outputs: self.outputs,
            ledger_path: self.ledger_path,
            ..Job::new(paths, encodings)
        })
    }
}

fn choice<T: Copy>(option: &str, value: &str, choices: &[(&str, T)]) -> PyResult<T> {
    match choices.iter().find(|(name, _)| *name == value) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            Err(PyValueError::new_err(format!(
                "{option} must be {}, not {value:?}",
                names.join(" or ")
            )))
        }
    }
}

/// The detector that is meant by a bool or is a callable.
fn detector(given: Bound<'_, PyAny>) -> PyResult<Option<Arc<dyn Detector>>> {
    if given.is_callable() {
        return Ok(Some(Arc::new(Callable(given.unbind()))));
    }
    Ok(given.extract::<bool>()?.then(|| fasttok_corpus::detector(BUILT_IN_DETECTOR)).flatten())
}

/// A callable that takes a list of texts and returns a list of labels, a label or None for each.
struct Callable(Py<PyAny>);

impl Detector for Callable {
    fn detect(
        &self,
        texts: &[&str],
    ) -> Result<Vec<Option<String>>, Box<dyn StdError + Send + Sync>> {
        Python::attach(|py| {
            let labels = self.0.bind(py).call1((PyList::new(py, texts)?,))?;
            let labels = labels.try_iter()?.map(|label| label?.extract());
            labels.collect::<PyResult<Vec<Option<String>>>>()
        })
        .map_err(|e: PyErr| e.into())
    }
}
