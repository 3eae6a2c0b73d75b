//! `Documents`: the texts of files, one after the other, from Python.
//!
//! A thread of Rust reads ahead and hands over batches through a channel that holds a few, so that reading goes on
//! while Python works, and no further. What a document is, and why a row is none, `fasttok-corpus` decides.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use fasttok_corpus::{
    Document, DocumentsRead, Error, Job, Key, OnError, Progress, documents, read_whole,
};
use fasttok_engine::Utf8Errors;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::corpus::{choice, ledger_dict, to_py};

/// How often signals are looked at.
const SIGNALS: Duration = Duration::from_millis(50);
/// Batches that wait to be taken.
const AHEAD: usize = 2;

/// What the reading thread and Python share.
#[derive(Default)]
struct Shared {
    progress: Progress,
    cancel: AtomicBool,
}

type Ended = Result<DocumentsRead, Error>;

/// An iterator over batches of documents: lists of (text, answer, key, file, line).
#[pyclass(module = "fasttok._fasttok", frozen)]
pub struct Documents {
    shared: Arc<Shared>,
    batches: Mutex<Receiver<Result<Vec<Document>, Ended>>>,
    read: Mutex<Option<DocumentsRead>>,
}

#[pymethods]
impl Documents {
    #[new]
    #[pyo3(signature = (
        paths,
        *,
        field = None,
        answer = None,
        by = Vec::new(),
        format = None,
        lines = false,
        errors = "strict",
        on_error = "skip",
        hidden = false,
        ignore_files = true,
        decompress = false,
        max_record_bytes = None,
        max_window_bytes = None,
    ))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        paths: Vec<PathBuf>,
        field: Option<String>,
        answer: Option<String>,
        by: Vec<String>,
        format: Option<String>,
        lines: bool,
        errors: &str,
        on_error: &str,
        hidden: bool,
        ignore_files: bool,
        decompress: bool,
        max_record_bytes: Option<usize>,
        max_window_bytes: Option<u64>,
    ) -> PyResult<Documents> {
        let mut job = Job::new(paths, Vec::new());
        job.by = by.iter().map(|key| Key::parse(key)).collect();
        job.field = field;
        job.format = format;
        job.lines = lines;
        job.errors = choice(
            "errors",
            errors,
            &[("strict", Utf8Errors::Strict), ("replace", Utf8Errors::Replace)],
        )?;
        job.on_error =
            choice("on_error", on_error, &[("skip", OnError::Skip), ("fail", OnError::Fail)])?;
        job.hidden = hidden;
        job.ignore_files = ignore_files;
        job.decompress = decompress;
        job.max_window_bytes = max_window_bytes.unwrap_or(job.max_window_bytes);
        job.max_record_bytes = max_record_bytes.unwrap_or(job.max_record_bytes);
        let shared = Arc::new(Shared::default());
        let (send, batches) = sync_channel(AHEAD);
        let theirs = shared.clone();
        std::thread::Builder::new().name("fasttok-documents".into()).spawn(move || {
            let Shared { progress, cancel } = &*theirs;
            let mut take = |batch| send.send(Ok(batch)).is_ok();
            let ended = documents(&job, answer.as_deref(), progress, cancel, &mut take);
            // Nobody waits for the end of what was left.
            let _ = send.send(Err(ended));
        })?;
        Ok(Documents { shared, batches: Mutex::new(batches), read: Mutex::new(None) })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        loop {
            let received = py.detach(|| {
                self.batches.lock().unwrap_or_else(|e| e.into_inner()).recv_timeout(SIGNALS)
            });
            match received {
                Ok(Ok(batch)) => return list(py, &batch).map(Some),
                Ok(Err(Ok(read))) => {
                    *self.read.lock().unwrap_or_else(|e| e.into_inner()) = Some(read);
                    return Ok(None);
                }
                Ok(Err(Err(e))) => return Err(to_py(py, e)),
                Err(RecvTimeoutError::Timeout) => py.check_signals()?,
                // At the end, asked again; or the thread panicked.
                Err(RecvTimeoutError::Disconnected) => {
                    return match self.read.lock().unwrap_or_else(|e| e.into_inner()).is_some() {
                        true => Ok(None),
                        false => Err(to_py(py, Error::Panic { message: "reading ended".into() })),
                    };
                }
            }
        }
    }

    /// Bytes read, bytes in all if that is known, and documents.
    fn progress(&self) -> (u64, Option<u64>, u64) {
        let progress = &self.shared.progress;
        (progress.bytes(), progress.total_bytes(), progress.documents())
    }

    /// The account of rows; None before the end.
    fn ledger<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let read = self.read.lock().unwrap_or_else(|e| e.into_inner());
        read.as_ref().map(|read| ledger_dict(py, &read.ledger)).transpose()
    }

    /// How many files were read, were passed by compressed, and were met again, by name; None before the end.
    fn files(&self) -> Option<HashMap<&'static str, u64>> {
        let read = self.read.lock().unwrap_or_else(|e| e.into_inner());
        read.as_ref().map(|read| {
            HashMap::from([
                ("files", read.files),
                ("files_packed", read.files_packed),
                ("inputs_repeated", read.inputs_repeated),
            ])
        })
    }
}

impl Drop for Documents {
    /// The thread ends by itself: at the next record, or when it finds nobody who takes the next batch.
    fn drop(&mut self) {
        self.shared.cancel.store(true, Relaxed);
    }
}

fn list<'py>(py: Python<'py>, batch: &[Document]) -> PyResult<Bound<'py, PyList>> {
    let rows = PyList::empty(py);
    for document in batch {
        let Document { text, answer, key, file, line } = document;
        rows.append((text, answer, PyTuple::new(py, key)?, file, line))?;
    }
    Ok(rows)
}

/// All bytes of one file, unpacked if it is compressed. More than `limit` of them are an error.
#[pyfunction]
#[pyo3(signature = (path, /, limit = 1 << 30))]
pub fn _read_whole(py: Python<'_>, path: PathBuf, limit: u64) -> PyResult<Bound<'_, PyBytes>> {
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let read = py.detach(|| read_whole(&path, limit, &progress, &cancel));
    read.map(|bytes| PyBytes::new(py, &bytes)).map_err(|e| to_py(py, e))
}
