//! What a run over files has to do with the thread of Python that waits for it: whether it is cancelled, and how far it
//! is. Asked and told on that thread alone. Knows nothing of what the run does.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors;
use crate::options::CorpusOptions;

/// How often signals, and who may cancel, are looked at.
pub const SIGNALS: Duration = Duration::from_millis(50);
/// How often the progress is told.
const TELL: Duration = Duration::from_millis(100);

/// How far a run is.
#[pyclass(frozen, get_all, eq, module = "fasttok._fasttok")]
#[derive(PartialEq, Eq)]
pub struct Progress {
    /// Bytes read from files as they are stored, so before they are unpacked.
    bytes_read: u64,
    /// The size of all files as they are stored; None while it is not known, and where a pipe is among them.
    total_bytes: Option<u64>,
    /// Documents counted.
    documents: u64,
    /// Rows that could not be counted.
    skipped: u64,
}

#[pymethods]
impl Progress {
    #[new]
    fn new(bytes_read: u64, total_bytes: Option<u64>, documents: u64, skipped: u64) -> Progress {
        Progress { bytes_read, total_bytes, documents, skipped }
    }

    fn __repr__(&self) -> String {
        let Progress { bytes_read, total_bytes, documents, skipped } = self;
        let total = total_bytes.map_or("None".to_owned(), |total| total.to_string());
        format!(
            "Progress(bytes_read={bytes_read}, total_bytes={total}, documents={documents}, \
             skipped={skipped})"
        )
    }
}

impl From<&fasttok_corpus::Progress> for Progress {
    fn from(progress: &fasttok_corpus::Progress) -> Progress {
        Progress {
            bytes_read: progress.bytes(),
            total_bytes: progress.total_bytes(),
            documents: progress.documents(),
            skipped: progress.skipped(),
        }
    }
}

/// Who is told of a run and who may cancel it.
pub struct Watch {
    on_progress: Option<Py<PyAny>>,
    cancel: Option<Py<PyAny>>,
    told: Mutex<Instant>,
}

impl Watch {
    /// Those that the options name.
    pub fn of(options: &CorpusOptions<'_>) -> PyResult<Watch> {
        let named = |name| PyResult::Ok(options.get(name)?.map(Bound::unbind));
        let (on_progress, cancel) = (named("on_progress")?, named("cancel")?);
        Ok(Watch { on_progress, cancel, told: Mutex::new(Instant::now()) })
    }

    /// Whatever ends the run from this side: a signal, a cancellation, or an exception of who is told of the progress,
    /// which is done if it is time.
    pub fn check(&self, py: Python<'_>, progress: &fasttok_corpus::Progress) -> PyResult<()> {
        py.check_signals()?;
        if let Some(cancel) = &self.cancel {
            let cancel = cancel.bind(py);
            let answer = match cancel.is_callable() {
                true => cancel.call0()?,
                false => cancel.call_method0("is_set")?,
            };
            if answer.is_truthy()? {
                let message = "the run was cancelled".to_owned();
                return Err(errors::exception(py, "CancelledError", message, None));
            }
        }
        let is_time = {
            let mut told = self.told.lock().unwrap_or_else(|e| e.into_inner());
            let is_time = told.elapsed() >= TELL;
            if is_time {
                *told = Instant::now();
            }
            is_time
        };
        if is_time { self.tell(py, progress) } else { Ok(()) }
    }

    /// Tells how far the run is.
    pub fn tell(&self, py: Python<'_>, progress: &fasttok_corpus::Progress) -> PyResult<()> {
        match &self.on_progress {
            Some(told) => told.call1(py, (Progress::from(progress),)).map(|_| ()),
            None => Ok(()),
        }
    }
}
