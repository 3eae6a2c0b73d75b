//! `Documents`: the texts of files, one after the other, from Python.
//!
//! A thread of Rust reads ahead and hands over batches through a channel that holds a few, so that reading goes on
//! while Python works, and no further. What a document is, and why a row is none, `fasttok-corpus` decides.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

use fasttok_corpus::{
    DocumentsRead, Error, MESSAGE_RECORDS, MessageText, MessageTexts, Progress, Reason, documents,
    message_role, message_texts, message_texts_of, packed_with, read_whole,
};
use fasttok_engine::Utf8Errors;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyBytes;

use crate::corpus::{to_py, warn};
use crate::ending::{Call, detach};
use crate::errors;
use crate::options::CorpusOptions;
use crate::results::{Account, Document};
use crate::watch::{SIGNALS, Watch};

/// Batches that wait to be taken.
const AHEAD: usize = 2;

/// What the reading thread and Python share.
#[derive(Default)]
struct Shared {
    progress: Progress,
    cancel: AtomicBool,
}

type Ended = Result<DocumentsRead, Error>;

/// An iterator over batches of documents. `by` are the keys, `answer_field` names a second field that must hold a text,
/// of conversations `whole_records` are the documents, as they are written, and ``fasttok.options.CorpusOptions`` says what `options` are.
#[pyclass(module = "fasttok._fasttok", frozen)]
pub struct Documents {
    shared: Arc<Shared>,
    watch: Watch,
    batches: Mutex<Receiver<Result<Vec<fasttok_corpus::Document>, Ended>>>,
    read: Mutex<Option<DocumentsRead>>,
    /// Whether it was said that a field is in none of the records.
    warned: AtomicBool,
}

#[pymethods]
impl Documents {
    #[new]
    #[pyo3(signature = (paths, by, options, *, answer_field = None, whole_records = false))]
    fn new(
        py: Python<'_>,
        paths: Vec<PathBuf>,
        by: Vec<String>,
        options: CorpusOptions<'_>,
        answer_field: Option<String>,
        whole_records: bool,
    ) -> PyResult<Documents> {
        let _call = Call::enter(py);
        let watch = Watch::of(&options)?;
        let mut job = options.job(paths, Vec::new(), &by)?;
        if whole_records {
            job.format = Some(MESSAGE_RECORDS.to_owned());
        }
        let shared = Arc::new(Shared::default());
        let (send, batches) = sync_channel(AHEAD);
        let theirs = shared.clone();
        std::thread::Builder::new().name("fasttok-documents".into()).spawn(move || {
            let Shared { progress, cancel } = &*theirs;
            let mut take = |batch| send.send(Ok(batch)).is_ok();
            let ended = documents(&job, answer_field.as_deref(), progress, cancel, &mut take);
            // Nobody waits for the end of what was left.
            let _ = send.send(Err(ended));
        })?;
        Ok(Documents {
            shared,
            watch,
            batches: Mutex::new(batches),
            read: Mutex::new(None),
            warned: AtomicBool::new(false),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Vec<Document>>> {
        let _call = Call::enter(py);
        loop {
            let received = detach(py, || {
                self.batches.lock().unwrap_or_else(|e| e.into_inner()).recv_timeout(SIGNALS)
            });
            match received {
                Ok(Ok(batch)) => {
                    self.check(py)?;
                    let batch = batch.iter().map(|document| Document::new(py, document));
                    return batch.collect::<PyResult<Vec<_>>>().map(Some);
                }
                Ok(Err(Ok(read))) => {
                    self.watch.tell(py, &self.shared.progress)?;
                    *self.read.lock().unwrap_or_else(|e| e.into_inner()) = Some(read);
                    return Ok(None);
                }
                Ok(Err(Err(e))) => return Err(to_py(py, e)),
                Err(RecvTimeoutError::Timeout) => {
                    self.check(py)?;
                }
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

    /// How far the reading is: it goes on while the last batch is in use.
    fn progress(&self) -> crate::watch::Progress {
        (&self.shared.progress).into()
    }

    /// Ends reading: what it wrote is written then. Nothing more comes.
    fn close(&self, py: Python<'_>) {
        let _call = Call::enter(py);
        self.shared.cancel.store(true, Relaxed);
        detach(py, || {
            let batches = self.batches.lock().unwrap_or_else(|e| e.into_inner());
            while let Ok(Ok(_)) = batches.recv() {}
        });
    }

    /// The account of files and rows; None before the end.
    fn account(&self) -> Option<Account> {
        self.read.lock().unwrap_or_else(|e| e.into_inner()).as_ref().map(Account::from)
    }
}

impl Documents {
    /// What ends reading from this side, and what is told meanwhile.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.watch.check(py, &self.shared.progress)?;
        let mut warned = self.warned.load(Relaxed);
        warn(py, &self.shared.progress, &mut warned)?;
        self.warned.store(warned, Relaxed);
        Ok(())
    }
}

impl Drop for Documents {
    /// The thread ends by itself: at the next record, or when it finds nobody who takes the next batch.
    fn drop(&mut self) {
        self.shared.cancel.store(true, Relaxed);
    }
}

/// All bytes of one file, unpacked if it is compressed. More than `limit` of them are an error.
#[pyfunction]
#[pyo3(signature = (path, /, limit = 1 << 30))]
pub fn _read_whole(py: Python<'_>, path: PathBuf, limit: u64) -> PyResult<Bound<'_, PyBytes>> {
    let _call = Call::enter(py);
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let read = detach(py, || read_whole(&path, limit, &progress, &cancel));
    read.map(|bytes| PyBytes::new(py, &bytes)).map_err(|e| to_py(py, e))
}

/// Role, part, turn, tool and text.
type TextOfMessages = (String, &'static str, Option<u32>, Option<String>, String);

/// Of a record of messages, which is JSON, the shape; the texts, each as role, part, turn, tool and text; and the kinds of what
/// is no text, once for each.
#[pyfunction]
#[pyo3(signature = (record, /))]
pub fn _message_texts(
    py: Python<'_>,
    record: &str,
) -> PyResult<(&'static str, Vec<TextOfMessages>, Vec<String>)> {
    let MessageTexts { shape, texts, not_counted } = message_texts(record, Utf8Errors::Strict)
        .map_err(|(reason, detail)| {
            errors::exception(py, "InputError", format!("{detail} ({})", reason.code()), None)
        })?;
    let of = |MessageText { role, part, turn, tool, text }| (role, part, turn, tool, text);
    Ok((shape, texts.into_iter().map(of).collect(), not_counted))
}

/// The role that a name of one means: ``"user"`` for ``"human"``; any other as it is.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub fn _message_role(name: &str) -> String {
    message_role(name)
}

/// The shape of a record of messages, the texts, the kinds of what is no text in it, and what is wrong with it.
type SaidOfMessages = (&'static str, Vec<String>, Vec<String>, Option<String>);

/// Of each record of messages, which is JSON, the shape, the texts, and the kinds of what is no text, once for each; or
/// what is wrong with it.
#[pyfunction]
#[pyo3(signature = (records, /))]
pub fn _texts_of_messages(py: Python<'_>, records: Vec<PyBackedStr>) -> Vec<SaidOfMessages> {
    let said = |read: Result<MessageTexts, (Reason, String)>| match read {
        Ok(MessageTexts { shape, texts, not_counted }) => {
            (shape, texts.into_iter().map(|text| text.text).collect(), not_counted, None)
        }
        Err((reason, detail)) => {
            ("", Vec::new(), Vec::new(), Some(format!("{detail} ({})", reason.code())))
        }
    };
    py.detach(|| {
        let read = message_texts_of(records.iter().map(|record| &**record), Utf8Errors::Strict);
        read.into_iter().map(said).collect()
    })
}

/// The compression or archive that a file is which begins with `data`; None for what is neither.
#[pyfunction]
#[pyo3(signature = (data, /))]
pub fn _packed_with(data: &[u8]) -> Option<&'static str> {
    packed_with(data)
}
