//! `count_corpus`: a run of `fasttok-corpus` from Python.
//!
//! Workers are Rust threads that never touch Python. The calling thread gives up the GIL and wakes now and then to
//! let signals through (Ctrl-C cancels the run) and to tell the progress. Where a run is nothing but reading a few files it is a
//! worker itself, which does so between two chunks. What a count means is not decided here.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex};

use fasttok_corpus::{
    Entry, Error, Extra, FieldsMet, Job, Lengths, Outcome, Progress, Reason, Share, redact, run,
    run_polled,
};
use fasttok_parallel::Cancelled;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::encoding::Encoding;
use crate::ending::{Call, attach, detach};
use crate::errors;
use crate::options::CorpusOptions;
use crate::results::{CorpusPlan, CorpusResult, PositionParts, SkippedRow};
use crate::watch::{SIGNALS, Watch};

/// `ENOENT`, the same everywhere.
const NO_SUCH_FILE: i32 = 2;

/// Counts the tokens of files, in groups by the keys `by`, as `options` say (see ``fasttok.options.CorpusOptions``).
/// ``share``: files that :class:`SharedInputs` found, in the place of ``paths``.
#[pyfunction]
#[pyo3(signature = (
    paths,
    encodings,
    by,
    options,
    *,
    graphemes = false,
    words = false,
    partial_tokens = false,
    bootstrap = false,
    histograms = false,
    limits = Vec::new(),
    labels = Vec::new(),
    share = None,
))]
#[allow(clippy::too_many_arguments)]
pub fn count_corpus<'py>(
    py: Python<'py>,
    paths: Vec<PathBuf>,
    encodings: Vec<Bound<'py, Encoding>>,
    by: Vec<String>,
    options: CorpusOptions<'_>,
    graphemes: bool,
    words: bool,
    partial_tokens: bool,
    bootstrap: bool,
    histograms: bool,
    limits: Vec<u64>,
    labels: Vec<String>,
    share: Option<&[u8]>,
) -> PyResult<CorpusResult> {
    let _call = Call::enter(py);
    let watch = Watch::of(&options)?;
    let counters = encodings.iter().map(|encoding| encoding.get().shared()).collect();
    let encodings = encodings.iter().map(|encoding| encoding.get().engine()).collect();
    let job = Job {
        counters,
        labels,
        extra: Extra { graphemes, words, partial_tokens },
        bootstrap,
        lengths: Lengths { histograms, limits },
        share: share.map(read_share).transpose()?,
        ..options.job(paths, encodings, &by)?
    };
    let outcome = match needs_no_thread(&job) {
        true => run_here(py, &job, &watch),
        false => run_for_python(py, &job, &watch, run),
    };
    CorpusResult::new(py, outcome?)
}

/// What a run over ``paths`` would read as ``options`` say, in groups by the keys ``by``. Counts nothing.
#[pyfunction]
#[pyo3(signature = (paths, by, options))]
pub fn plan_corpus(
    py: Python<'_>,
    paths: Vec<PathBuf>,
    by: Vec<String>,
    options: CorpusOptions<'_>,
) -> PyResult<CorpusPlan> {
    let _call = Call::enter(py);
    let watch = Watch::of(&options)?;
    let job = options.job(paths, Vec::new(), &by)?;
    run_for_python(py, &job, &watch, fasttok_corpus::plan).map(CorpusPlan)
}

fn read_share(bytes: &[u8]) -> PyResult<Share> {
    Share::from_bytes(bytes).ok_or_else(|| PyValueError::new_err("the share of inputs is damaged"))
}

/// The inputs of a run, found once, for runs of :func:`count_corpus` over shares of them.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct SharedInputs(fasttok_corpus::SharedInputs);

#[pymethods]
impl SharedInputs {
    /// Finds what is at ``paths``.
    #[new]
    fn new(
        py: Python<'_>,
        paths: Vec<PathBuf>,
        by: Vec<String>,
        options: CorpusOptions<'_>,
    ) -> PyResult<SharedInputs> {
        let _call = Call::enter(py);
        let job = options.job(paths, Vec::new(), &by)?;
        let cancel = AtomicBool::new(false);
        let found = detach(py, || fasttok_corpus::SharedInputs::find(job, &cancel));
        found.map(SharedInputs).map_err(|e| to_py(py, e))
    }

    /// The size in bytes of each input as it is stored; None where it is not known.
    #[getter]
    fn sizes(&self) -> Vec<Option<u64>> {
        self.0.sizes().collect()
    }

    /// The inputs from ``start`` to before ``stop``, as ``count_corpus(share=)`` takes them.
    fn share<'py>(&self, py: Python<'py>, start: usize, stop: usize) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.share(start..stop).to_bytes())
    }

    /// The input of this ``index`` in shares of about ``bytes`` each, in the order of its records; in one, where it
    /// cannot be divided. Of a part of a file of lines, ``CorpusResult.lines`` says how many it has, and what tells of
    /// a line has its number in that part.
    fn divide<'py>(&self, py: Python<'py>, index: usize, bytes: u64) -> Vec<Bound<'py, PyBytes>> {
        let cancel = AtomicBool::new(false);
        let shares = detach(py, || self.0.divide(index, bytes, &cancel));
        shares.iter().map(|share| PyBytes::new(py, &share.to_bytes())).collect()
    }

    /// The share without inputs: what cannot be read, or was passed by.
    fn rest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.rest().to_bytes())
    }

    /// Raises what one run over all inputs would have raised in the end: where no record has a field that was asked
    /// for, or all files were passed by. ``fields_met`` and the numbers are those of the runs over all shares.
    fn check(
        &self,
        py: Python<'_>,
        fields_met: Vec<Vec<u8>>,
        counted: u64,
        binary: u64,
        packed: u64,
    ) -> PyResult<()> {
        let damaged = || PyValueError::new_err("the fields of a share are damaged");
        let met: Option<Vec<_>> =
            fields_met.iter().map(|bytes| FieldsMet::from_bytes(bytes)).collect();
        self.0.check(met.ok_or_else(damaged)?, counted, binary, packed).map_err(|e| to_py(py, e))
    }
}

/// The types of files that ``types`` and ``not_types`` may name, each with the globs of its files.
#[pyfunction]
pub fn _file_types() -> Vec<(String, Vec<String>)> {
    fasttok_corpus::file_types()
}

/// A path as reports name it: itself where it is UTF-8, else with escapes that keep it apart from all others. A URL is
/// without what is secret in it.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn _path_name(path: PathBuf) -> String {
    redact(&fasttok_corpus::path_name(&path))
}

/// `text` without logins and queries of the URLs in it.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn _redact(text: &str) -> String {
    redact(text)
}

/// Whether a path is a URL, such as ``s3://bucket/key``.
#[pyfunction]
#[pyo3(signature = (path, /))]
pub fn _is_url(path: &str) -> bool {
    fasttok_corpus::is_url(path)
}

/// The scripts of documents, summed. For tests and measurements.
#[pyfunction]
#[pyo3(signature = (documents, /))]
pub fn _scripts_of(
    py: Python<'_>,
    documents: Vec<pyo3::pybacked::PyBackedStr>,
) -> PyResult<HashMap<&'static str, u64>> {
    crate::simd::level(py)?;
    Ok(fasttok_corpus::scripts_of(documents.iter().map(|document| &**document)).iter().collect())
}

/// With more paths, finding them is no matter of microseconds.
const FEW_PATHS: usize = 16;
/// With more bytes, groups may be so many that to sort them takes a while.
const FEW_BYTES: u64 = 16 << 20;

/// Whether the calling thread can do a run itself, for all of it that may take long is to read and count, in which it looks to
/// Python now and then: it is over few files (no folders, pipes or URLs), and nothing is written, hashed or sorted at the end.
fn needs_no_thread(job: &Job) -> bool {
    let Job { paths, share, files_from, per_document, checkpoint, sample, .. } = job;
    let size = |path: &PathBuf| match path.as_os_str() == "-" {
        true => None,
        false => path.metadata().ok().filter(Metadata::is_file).map(|metadata| metadata.len()),
    };
    let is_plain = share.is_none()
        && files_from.is_none()
        && per_document.is_none()
        && checkpoint.is_none()
        && sample.is_none()
        && !job.hash_inputs
        && paths.len() <= FEW_PATHS;
    is_plain
        && paths
            .iter()
            .map(size)
            .sum::<Option<u64>>()
            .is_some_and(|size| job.by.is_empty() || size <= FEW_BYTES)
}

/// Counts on this thread, which looks to Python now and then.
fn run_here(py: Python<'_>, job: &Job, watch: &Watch) -> PyResult<Outcome> {
    let progress = Progress::new();
    watch.check(py, &progress)?;
    let (outcome, raised) = detach(py, || {
        let (mut raised, mut warned) = (None, false);
        let mut poll = || {
            attach(|py| look(py, watch, &progress, &mut warned)).map_err(|e| {
                raised = Some(e);
                Cancelled
            })
        };
        let outcome = run_polled(job, &progress, &AtomicBool::new(false), &mut poll);
        (outcome, raised)
    });
    ended(py, watch, &progress, raised, outcome)
}

/// Runs the job on other threads and stays with Python on this one.
pub(crate) fn run_for_python<T: Send>(
    py: Python<'_>,
    job: &Job,
    watch: &Watch,
    run: impl FnOnce(&Job, &Progress, &AtomicBool) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let progress = Progress::new();
    let cancel = AtomicBool::new(false);
    let outcome = Mutex::new(None);
    let finished = Condvar::new();
    // Also where the run ends before it is asked again.
    watch.check(py, &progress)?;
    let mut warned = false;
    // The first exception on this side (of a signal handler or of the callback). It cancels the run.
    let mut raised = None;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let result = run(job, &progress, &cancel);
            *outcome.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
            finished.notify_one();
        });
        loop {
            let is_done = detach(py, || {
                let outcome = outcome.lock().unwrap_or_else(|e| e.into_inner());
                let waited = finished.wait_timeout_while(outcome, SIGNALS, |o| o.is_none());
                waited.unwrap_or_else(|e| e.into_inner()).0.is_some()
            });
            if is_done {
                break;
            }
            if raised.is_none()
                && let Err(e) = look(py, watch, &progress, &mut warned)
            {
                cancel.store(true, Relaxed);
                raised = Some(e);
            }
        }
    });
    match outcome.into_inner().unwrap_or_else(|e| e.into_inner()) {
        Some(outcome) => ended(py, watch, &progress, raised, outcome),
        None => unreachable!("the loop ends when there is an outcome"),
    }
}

/// Looks to Python while a run is under way.
fn look(py: Python<'_>, watch: &Watch, progress: &Progress, warned: &mut bool) -> PyResult<()> {
    warn(py, progress, warned)?;
    watch.check(py, progress)
}

/// What became of a run, unless an exception was `raised` on the side of Python.
fn ended<T>(
    py: Python<'_>,
    watch: &Watch,
    progress: &Progress,
    raised: Option<PyErr>,
    outcome: Result<T, Error>,
) -> PyResult<T> {
    if let Some(e) = raised {
        return Err(e);
    }
    py.check_signals()?;
    let outcome = outcome.map_err(|e| to_py(py, e))?;
    watch.tell(py, progress)?;
    Ok(outcome)
}

/// Warns once of a field that none of many records has.
pub(crate) fn warn(py: Python<'_>, progress: &Progress, warned: &mut bool) -> PyResult<()> {
    if let (false, Some((field, records))) = (*warned, progress.unmet_field()) {
        *warned = true;
        py.import("fasttok.inputs.paths")?.call_method1("warn_of_unmet_field", (field, records))?;
    }
    Ok(())
}

/// The exception for an error that ended a run.
pub(crate) fn to_py(py: Python<'_>, e: Error) -> PyErr {
    let message = e.to_string();
    let make = |class| errors::exception(py, class, message, None);
    match e {
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        Error::Engine(e) => errors::to_py_err(py, &e),
        Error::Store(e) | Error::Detector(e) => match e.downcast::<PyErr>() {
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
        Error::TooManySkipped { most, rows } => {
            let rows: Vec<SkippedRow> = rows.into_iter().map(SkippedRow::from).collect();
            worded(py, "too_many_skipped", (most, rows))
        }
        Error::CheckpointMismatch { folder, .. } => {
            with(py, make("CheckpointError"), "filename", folder)
        }
        Error::Overwrite { path, .. } => with(py, make("OverwriteError"), "filename", path),
        Error::UnknownField { field, fields } => worded(py, "unknown_field", (field, fields)),
        Error::BadRow(Entry { file, position, reason, detail, .. }) => {
            let e = make(bad_row_class(reason));
            let e = with(py, with(py, e, "file", file), "line", position.line());
            let e = with(py, e, "position", PositionParts::of(&position));
            with(py, with(py, e, "reason", reason.code()), "detail", detail)
        }
        Error::Io { path, source } => {
            let e = with(py, make("FileError"), "filename", path);
            with(py, e, "errno", source.raw_os_error())
        }
        _ => make("FasttokError"),
    }
}

/// The exception that a function of `fasttok.inputs.paths` makes: which name is nearest, and how rows are told, is known to
/// Python.
fn worded<'py>(py: Python<'py>, function: &str, arguments: impl PyCallArgs<'py>) -> PyErr {
    let _call = Call::enter(py);
    let made = py
        .import("fasttok.inputs.paths")
        .and_then(|inputs| inputs.call_method1(function, arguments));
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
        | Reason::Changed
        | Reason::BrokenLink
        | Reason::UnsupportedFormat
        | Reason::WindowTooLarge => "FileError",
        _ => "InputError",
    }
}
