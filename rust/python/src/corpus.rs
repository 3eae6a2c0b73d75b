//! `count_corpus`: a run of `fasttok-corpus` from Python.
//!
//! Workers are Rust threads that never touch Python. The calling thread gives up the GIL and wakes now and then to
//! let signals through (Ctrl-C cancels the run) and to tell the progress. What a count means is not decided here.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use fasttok_corpus::{
    Column, Detector, Error, Extra, Group, Groups, Job, Key, LanguageLabels, Ledger, OnError,
    Outcome, Progress, Reason, TEXT_FIELD, Tally, run,
};
use fasttok_engine::{Special, Utf8Errors};
use pyo3::exceptions::{PyIndexError, PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::arrays;
use crate::encoding::Encoding;
use crate::errors;

/// How often signals are looked at.
const SIGNALS: Duration = Duration::from_millis(50);
/// How often the progress is told.
const TELL: Duration = Duration::from_millis(100);
/// `ENOENT`, the same everywhere.
const NO_SUCH_FILE: i32 = 2;

/// Counts the tokens of files. The dict is raw material for ``fasttok.count_corpus``.
#[pyfunction]
#[pyo3(signature = (
    paths,
    encodings,
    *,
    by = Vec::new(),
    by_language = None,
    language_field = None,
    language_from_path = false,
    detector = None,
    detect_bytes = 0,
    graphemes = false,
    words = false,
    partial_tokens = false,
    sample = false,
    field = None,
    format = None,
    lines = false,
    special = "text",
    errors = "strict",
    on_error = "skip",
    threads = None,
    hidden = false,
    ignore_files = true,
    decompress = false,
    max_record_bytes = None,
    max_window_bytes = None,
    max_groups = None,
    outputs = Vec::new(),
    ledger_path = None,
    progress = None,
))]
#[allow(clippy::too_many_arguments)]
pub fn count_corpus<'py>(
    py: Python<'py>,
    paths: Vec<PathBuf>,
    encodings: Vec<Bound<'py, Encoding>>,
    by: Vec<String>,
    by_language: Option<usize>,
    language_field: Option<String>,
    language_from_path: bool,
    detector: Option<Bound<'py, PyAny>>,
    detect_bytes: usize,
    graphemes: bool,
    words: bool,
    partial_tokens: bool,
    sample: bool,
    field: Option<String>,
    format: Option<String>,
    lines: bool,
    special: &str,
    errors: &str,
    on_error: &str,
    threads: Option<i64>,
    hidden: bool,
    ignore_files: bool,
    decompress: bool,
    max_record_bytes: Option<usize>,
    max_window_bytes: Option<u64>,
    max_groups: Option<usize>,
    outputs: Vec<PathBuf>,
    ledger_path: Option<PathBuf>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let encodings = encodings.iter().map(|encoding| encoding.get().engine()).collect();
    let mut job = Job::new(paths, encodings);
    job.by = by.iter().map(|key| Key::parse(key)).collect();
    if let Some(place) = by_language {
        job.by.insert(place.min(job.by.len()), Key::Language);
    }
    job.languages = LanguageLabels {
        field: language_field,
        from_path: language_from_path,
        detector: detector.map(detector_of).transpose()?,
        detect_bytes,
    };
    job.extra = Extra { graphemes, words, partial_tokens };
    job.sample = sample;
    job.field = field;
    job.format = format;
    job.lines = lines;
    job.special = choice(
        "special",
        special,
        &[("text", Special::Text), ("token", Special::Token), ("error", Special::Error)],
    )?;
    job.errors = choice(
        "errors",
        errors,
        &[("strict", Utf8Errors::Strict), ("replace", Utf8Errors::Replace)],
    )?;
    job.on_error =
        choice("on_error", on_error, &[("skip", OnError::Skip), ("fail", OnError::Fail)])?;
    job.threads = threads
        .map(|n| usize::try_from(n).ok().filter(|&n| n > 0).ok_or(n))
        .transpose()
        .map_err(|n| PyValueError::new_err(format!("threads must be at least 1, not {n}")))?;
    job.hidden = hidden;
    job.ignore_files = ignore_files;
    job.decompress = decompress;
    job.max_record_bytes = max_record_bytes.unwrap_or(job.max_record_bytes);
    job.max_window_bytes = max_window_bytes.unwrap_or(job.max_window_bytes);
    job.max_groups = max_groups.unwrap_or(job.max_groups);
    job.outputs = outputs;
    job.ledger_path = ledger_path;
    let outcome = run_for_python(py, &job, progress.as_ref())?;
    outcome_dict(py, &job, outcome)
}

/// A detector by its name, or a callable.
fn detector_of(detector: Bound<'_, PyAny>) -> PyResult<Arc<dyn Detector>> {
    if detector.is_callable() {
        return Ok(Arc::new(Callable(detector.unbind())));
    }
    let name: String = detector.extract()?;
    fasttok_corpus::detector(&name).ok_or_else(|| {
        PyValueError::new_err(format!("there is no language detector {name:?} in fasttok"))
    })
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

/// A path as reports name it: itself where it is UTF-8, else with escapes that keep it apart from all others.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn _path_name(path: PathBuf) -> String {
    fasttok_corpus::path_name(&path)
}

/// The scripts of documents, summed. For tests and measurements.
#[pyfunction]
#[pyo3(signature = (documents, /))]
pub fn _scripts_of(documents: Vec<pyo3::pybacked::PyBackedStr>) -> HashMap<&'static str, u64> {
    fasttok_corpus::scripts_of(documents.iter().map(|document| &**document)).iter().collect()
}

pub(crate) fn choice<T: Copy>(argument: &str, value: &str, choices: &[(&str, T)]) -> PyResult<T> {
    match choices.iter().find(|(name, _)| *name == value) {
        Some((_, choice)) => Ok(*choice),
        None => {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            Err(PyValueError::new_err(format!(
                "{argument} must be {}, not {value:?}",
                names.join(" or ")
            )))
        }
    }
}

/// Runs the job on other threads and stays with Python on this one.
fn run_for_python(
    py: Python<'_>,
    job: &Job,
    callback: Option<&Bound<'_, PyAny>>,
) -> PyResult<Outcome> {
    let progress = Progress::new();
    let cancel = AtomicBool::new(false);
    let outcome = Mutex::new(None);
    let finished = Condvar::new();
    let tell = || match callback {
        Some(callback) => callback
            .call1((progress.bytes(), progress.total_bytes(), progress.documents()))
            .map(|_| ()),
        None => Ok(()),
    };
    // The first exception on this side (of a signal handler or of the callback). It cancels the run.
    let mut raised = None;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let result = run(job, &progress, &cancel);
            *outcome.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
            finished.notify_one();
        });
        let mut told = Instant::now();
        loop {
            let is_done = py.detach(|| {
                let outcome = outcome.lock().unwrap_or_else(|e| e.into_inner());
                let waited = finished.wait_timeout_while(outcome, SIGNALS, |o| o.is_none());
                waited.unwrap_or_else(|e| e.into_inner()).0.is_some()
            });
            if is_done {
                break;
            }
            if raised.is_none() {
                let mut checked = py.check_signals();
                if checked.is_ok() && told.elapsed() >= TELL {
                    told = Instant::now();
                    checked = tell();
                }
                if let Err(e) = checked {
                    cancel.store(true, Relaxed);
                    raised = Some(e);
                }
            }
        }
    });
    if let Some(e) = raised {
        return Err(e);
    }
    py.check_signals()?;
    match outcome.into_inner().unwrap_or_else(|e| e.into_inner()) {
        Some(Ok(outcome)) => {
            tell()?;
            Ok(outcome)
        }
        Some(Err(e)) => Err(to_py(py, e)),
        None => unreachable!("the loop ends when there is an outcome"),
    }
}

/// The groups of a run in the order of their keys; each is made into objects when it is asked for.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct CorpusGroups(Groups);

/// A group: key, documents, bytes, characters, tokens by encoding, characters by script, documents of mixed scripts.
type RawGroup<'py> =
    (Bound<'py, PyTuple>, u64, u64, u64, Bound<'py, PyTuple>, Bound<'py, PyDict>, u64);

#[pymethods]
impl CorpusGroups {
    /// The number of groups.
    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// All that is known of group `index`, from 0. Raises ``IndexError`` where there is none.
    fn __getitem__<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyDict>> {
        let group = self.group(index)?;
        let dict = tally_dict(py, &group.tally)?;
        dict.set_item("key", &group.key)?;
        Ok(dict)
    }

    /// What a report has of group `index`, from 0: key, documents, bytes, characters, tokens by encoding, characters
    /// by script, documents of mixed script.
    fn brief<'py>(&self, py: Python<'py>, index: usize) -> PyResult<RawGroup<'py>> {
        let Group { key, tally } = self.group(index)?;
        let key = PyTuple::new(py, key)?;
        let tokens = PyTuple::new(py, &tally.tokens)?;
        let scripts = scripts_dict(py, &tally)?;
        let Tally { documents, bytes, chars, mixed_script_documents, .. } = tally;
        Ok((key, documents, bytes, chars, tokens, scripts, mixed_script_documents))
    }

    /// A number for each group, as int64 of shape ``(groups,)``: ``"documents"``, ``"bytes"``, ``"chars"`` or, of
    /// the encoding at that index, ``"tokens"``. Raises ``ValueError`` for another name.
    fn column<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        encoding: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let column = match name {
            "documents" => Column::Documents,
            "bytes" => Column::Bytes,
            "chars" => Column::Chars,
            "tokens" => Column::Tokens(encoding),
            _ => return Err(PyValueError::new_err(format!("groups have no column {name:?}"))),
        };
        let numbers: Vec<i64> = self.0.column(column).map(|n| n as i64).collect();
        arrays::int64(py, &numbers)
    }
}

impl CorpusGroups {
    fn group(&self, index: usize) -> PyResult<Group> {
        match index < self.0.len() {
            true => Ok(self.0.get(index)),
            false => Err(PyIndexError::new_err(format!("there is no group {index}"))),
        }
    }
}

fn outcome_dict<'py>(
    py: Python<'py>,
    job: &Job,
    mut outcome: Outcome,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("groups", Bound::new(py, CorpusGroups(std::mem::take(&mut outcome.groups)))?)?;
    dict.set_item("totals", tally_dict(py, &outcome.totals)?)?;
    dict.set_item("ledger", ledger_dict(py, &outcome.ledger)?)?;
    dict.set_item("files", outcome.files)?;
    dict.set_item("files_ignored", outcome.files_ignored)?;
    dict.set_item("files_packed", outcome.files_packed)?;
    dict.set_item("files_unchecked", outcome.files_unchecked)?;
    dict.set_item("inputs_repeated", outcome.inputs_repeated)?;
    dict.set_item("field", job.field.as_deref().unwrap_or(TEXT_FIELD))?;
    dict.set_item("max_record_bytes", job.max_record_bytes)?;
    dict.set_item("max_window_bytes", job.max_window_bytes)?;
    dict.set_item("bytes_read", outcome.bytes_read)?;
    Ok(dict)
}

fn tally_dict<'py>(py: Python<'py>, tally: &Tally) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("documents", tally.documents)?;
    dict.set_item("bytes", tally.bytes)?;
    dict.set_item("chars", tally.chars)?;
    dict.set_item("scripts", scripts_dict(py, tally)?)?;
    dict.set_item("mixed_script_documents", tally.mixed_script_documents)?;
    dict.set_item("graphemes", tally.graphemes)?;
    dict.set_item("words", tally.words)?;
    dict.set_item("tokens", &tally.tokens)?;
    dict.set_item("single_token_words", &tally.single_token_words)?;
    dict.set_item("partial_tokens", &tally.partial_tokens)?;
    let sample: Vec<u8> = tally.sample.values().into_iter().flat_map(u64::to_ne_bytes).collect();
    dict.set_item("sample", PyBytes::new(py, &sample))?;
    dict.set_item("sample_columns", tally.sample.columns())?;
    Ok(dict)
}

fn scripts_dict<'py>(py: Python<'py>, tally: &Tally) -> PyResult<Bound<'py, PyDict>> {
    let scripts = PyDict::new(py);
    for (script, chars) in tally.scripts.iter() {
        scripts.set_item(script, chars)?;
    }
    Ok(scripts)
}

pub(crate) fn ledger_dict<'py>(py: Python<'py>, ledger: &Ledger) -> PyResult<Bound<'py, PyDict>> {
    let by_reason = PyDict::new(py);
    for (reason, rows) in &ledger.by_reason {
        by_reason.set_item(reason.code(), rows)?;
    }
    let entries = PyList::empty(py);
    for entry in &ledger.entries {
        let dict = PyDict::new(py);
        dict.set_item("file", &entry.file)?;
        dict.set_item("line", entry.line)?;
        dict.set_item("reason", entry.reason.code())?;
        dict.set_item("detail", &entry.detail)?;
        entries.append(dict)?;
    }
    let dict = PyDict::new(py);
    dict.set_item("seen", ledger.seen)?;
    dict.set_item("counted", ledger.counted)?;
    dict.set_item("skipped", ledger.skipped)?;
    dict.set_item("by_reason", by_reason)?;
    dict.set_item("unsupported", ledger.unsupported.clone())?;
    dict.set_item("entries", entries)?;
    dict.set_item("entries_complete", ledger.entries_complete)?;
    Ok(dict)
}

/// The exception for an error that ended a run.
pub(crate) fn to_py(py: Python<'_>, e: Error) -> PyErr {
    let message = e.to_string();
    let make = |class| errors::exception(py, class, message, None);
    match e {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Engine(e) => errors::to_py_err(py, &e),
        Error::Detector(e) => match e.downcast::<PyErr>() {
            Ok(e) => *e,
            Err(_) => make("FasttokError"),
        },
        Error::NotFound { path } => {
            let e = with(py, make("NotFoundError"), "filename", path);
            with(py, e, "errno", NO_SUCH_FILE)
        }
        Error::NoInput { .. } => make("FileError"),
        Error::InvalidJob { .. } => make("InputError"),
        Error::TooManyGroups { by, most } => {
            with(py, with(py, make("TooManyGroupsError"), "by", by), "max_groups", most)
        }
        Error::Overwrite { path, .. } => with(py, make("OverwriteError"), "filename", path),
        Error::UnknownField { field, fields } => unknown_field(py, &field, fields),
        Error::BadRow { file, line, reason, detail } => {
            let e = make(bad_row_class(reason));
            let e = with(py, with(py, e, "file", file), "line", line);
            with(py, with(py, e, "reason", reason.code()), "detail", detail)
        }
        Error::Io { path, source } => {
            let e = with(py, make("FileError"), "filename", path);
            with(py, e, "errno", source.raw_os_error())
        }
        _ => make("FasttokError"),
    }
}

/// The exception for a field that no record has. Which name is nearest is known to Python.
fn unknown_field(py: Python<'_>, field: &str, fields: Vec<String>) -> PyErr {
    let made = py
        .import("fasttok._inputs")
        .and_then(|inputs| inputs.call_method1("unknown_field", (field, fields)));
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(e) => e,
    }
}

/// Sets an attribute afterwards: those of `OSError` are no part of the dict that the constructor of ours fills.
fn with<'py>(py: Python<'py>, e: PyErr, name: &str, value: impl IntoPyObject<'py>) -> PyErr {
    match e.value(py).setattr(name, value) {
        Ok(()) => e,
        Err(other) => other,
    }
}

fn bad_row_class(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidUtf8 | Reason::Utf16 | Reason::LoneSurrogate => "InvalidUtf8Error",
        Reason::SpecialToken => "SpecialTokenError",
        Reason::Truncated
        | Reason::Corrupt
        | Reason::Unreadable
        | Reason::NotFound
        | Reason::BrokenLink
        | Reason::UnsupportedFormat
        | Reason::WindowTooLarge => "FileError",
        _ => "InputError",
    }
}
