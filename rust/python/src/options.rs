//! The options of a corpus run as Python holds them, and the job that they are to `fasttok-corpus`.
//!
//! Which there are, `fasttok_corpus::Job` declares, and `fasttok.options.CorpusOptions`, whose attributes are read here by
//! name; it also checks values, so that here only what it cannot know is an error. Labels alone are named here: they are
//! four options there and one value here.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;

use fasttok_corpus::{Detector, Job, Key, LanguageLabels, OnError, ReadOption, Store, WarcRecords};
use fasttok_engine::{Encoding, Special, Utf8Errors};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::ending::attach;
use crate::parallel;
use crate::store::Stores;

/// The detector that is meant by `detect_language=True`.
pub const BUILT_IN_DETECTOR: &str = "cld2";

/// An object with the options as attributes.
#[derive(FromPyObject)]
pub struct CorpusOptions<'py>(Bound<'py, PyAny>);

impl<'py> CorpusOptions<'py> {
    /// An option that is for this side alone; `None` where it is not given.
    pub fn get(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(Some(self.0.getattr(name)?).filter(|value| !value.is_none()))
    }

    /// The job of reading `paths` and counting by `encodings`, in groups by the keys `by`. Where labels are asked for,
    /// the key ``language`` is the label, not a field.
    pub fn job(
        &self,
        paths: Vec<PathBuf>,
        encodings: Vec<Arc<Encoding>>,
        by: &[String],
    ) -> PyResult<Job> {
        let languages = LanguageLabels {
            field: self.read("language_field")?,
            from_path: self.read("language_from_path")?,
            detector: detector(self.0.getattr("detect_language")?)?,
            detect_bytes: self.read("detect_bytes")?,
        };
        let is_labelled =
            languages.field.is_some() || languages.from_path || languages.detector.is_some();
        let key = |name: &String| match name.as_str() {
            "language" if is_labelled => Key::Language,
            name => Key::parse(name),
        };
        let by = by.iter().map(key).collect();
        let store: Arc<dyn Store> =
            Arc::new(Stores::new(self.get("filesystem")?.map(Bound::unbind)));
        let mut job = Job { by, languages, store: Some(store), ..Job::new(paths, encodings) };
        job.read_options(self)?;
        if job.threads.is_none() {
            parallel::check_environment()?;
        }
        Ok(job)
    }
}

/// Options that Python's types are turned into as they are.
macro_rules! read_as_they_are {
    ($($type:ty),*) => {
        $(impl ReadOption<$type> for CorpusOptions<'_> {
            type Error = PyErr;

            fn read(&self, name: &'static str) -> PyResult<$type> {
                self.0.getattr(name)?.extract().map_err(|e| named(self.0.py(), name, e))
            }
        })*
    };
}

read_as_they_are!(
    bool,
    usize,
    u64,
    Option<u64>,
    Option<f64>,
    Option<usize>,
    Option<String>,
    Option<PathBuf>,
    Vec<PathBuf>,
    Vec<String>
);

/// Options that are one of a few words.
macro_rules! read_one_of {
    ($($type:ty: $($word:literal => $value:expr),*;)*) => {
        $(impl ReadOption<$type> for CorpusOptions<'_> {
            type Error = PyErr;

            fn read(&self, name: &'static str) -> PyResult<$type> {
                let word: String = self.0.getattr(name)?.extract()?;
                choice(name, &word, &[$(($word, $value)),*])
            }
        })*
    };
}

read_one_of! {
    Special: "text" => Special::Text, "token" => Special::Token, "error" => Special::Error;
    Utf8Errors: "strict" => Utf8Errors::Strict, "replace" => Utf8Errors::Replace;
    WarcRecords: "conversion" => WarcRecords::Conversion, "response" => WarcRecords::Response;
    OnError: "skip" => OnError::Skip, "fail" => OnError::Fail;
}

/// An error that says which option it is about.
fn named(py: Python<'_>, option: &str, error: PyErr) -> PyErr {
    let message = format!("{option}: {}", error.value(py));
    PyErr::from_type(error.get_type(py), message)
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

/// The detector that is meant by None or a bool, or is a callable.
fn detector(given: Bound<'_, PyAny>) -> PyResult<Option<Arc<dyn Detector>>> {
    if given.is_none() {
        return Ok(None);
    }
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
        attach(|py| {
            let labels = self.0.bind(py).call1((PyList::new(py, texts)?,))?;
            let labels = labels.try_iter()?.map(|label| label?.extract());
            labels.collect::<PyResult<Vec<Option<String>>>>()
        })
        .map_err(|e: PyErr| e.into())
    }
}
