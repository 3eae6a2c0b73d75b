//! Stores of objects, which are Python's: ``fasttok.inputs.remote.Stores``, imported when the first path is met that is
//! no file.
//!
//! A question is put in a call that returns at once, and answered through a channel by whichever thread of Python has
//! the answer. So nobody who waits holds the GIL, and who does not wait any longer just goes away.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{OnceLock, RwLock};
use std::time::Duration;

use fasttok_corpus::{Answer, ObjectInfo, Pending, Reason, Store, StoreError, is_url, redact};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCFunction, PyDict, PyTuple};

use crate::ending::Call;

/// Whether Python is about to end: threads of Rust that read may outlive it, and must not call it then.
static IS_ENDING: RwLock<bool> = RwLock::new(false);

/// What `work` gives, attached to Python; nothing, where Python is ending.
fn attached<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    // It is locked against reading by who ends alone, so nobody waits here with the GIL.
    let is_ending = IS_ENDING.try_read().ok()?;
    if *is_ending {
        return None;
    }
    Python::try_attach(|py| {
        // What is called may import, and Python may be taken down meanwhile.
        let _call = Call::enter(py);
        work(py)
    })
}

/// Nothing more is asked of stores, for Python ends: waits until nobody is about to.
#[pyfunction]
#[pyo3(signature = ())]
pub fn _end_questions(py: Python<'_>) {
    // Who is about to waits for the GIL.
    py.detach(|| *IS_ENDING.write().unwrap_or_else(|e| e.into_inner()) = true);
}

/// The stores of a run. They are closed with it.
pub struct Stores {
    /// By what the user gave to read all paths.
    filesystem: Option<Py<PyAny>>,
    stores: OnceLock<Py<PyAny>>,
}

impl Stores {
    pub fn new(filesystem: Option<Py<PyAny>>) -> Stores {
        Stores { filesystem, stores: OnceLock::new() }
    }

    fn open<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(stores) = self.stores.get() {
            return Ok(stores.bind(py).clone());
        }
        let filesystem = self.filesystem.as_ref().map(|filesystem| filesystem.clone_ref(py));
        let stores =
            py.import("fasttok.inputs.remote")?.call_method1("Stores", (filesystem,))?.unbind();
        // Where another thread was faster, its stores are taken: these have not begun anything.
        Ok(self.stores.get_or_init(|| stores).bind(py).clone())
    }

    /// Puts a question by `call`, which is given the stores and what takes the answer, and returns what takes the
    /// question back. `value` makes the answer of what Python says.
    fn ask<T: Send + 'static>(
        &self,
        call: impl for<'py> FnOnce(
            &Bound<'py, PyAny>,
            Bound<'py, PyCFunction>,
        ) -> PyResult<Bound<'py, PyAny>>,
        value: fn(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Answer<T> {
        let (send, answer) = channel();
        let asked = attached(|py| {
            let sender = send.clone();
            let answered = PyCFunction::new_closure(
                py,
                None,
                None,
                move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| {
                    answered(&sender, args, value)
                },
            )?;
            PyResult::Ok(call(&self.open(py)?, answered)?.unbind())
        });
        let cancel = match asked {
            Some(Ok(cancel)) => Some(cancel),
            Some(Err(e)) => {
                // What cannot even be asked is no fault of the object.
                let _ = send.send(Err(StoreError::Run(Box::new(e))));
                None
            }
            None => None,
        };
        Box::new(Question { answer, cancel })
    }
}

/// Hands on an answer: a value, or a reason and its words.
fn answered<T>(
    send: &Sender<Result<T, StoreError>>,
    args: &Bound<'_, PyTuple>,
    value: fn(&Bound<'_, PyAny>) -> PyResult<T>,
) -> PyResult<()> {
    let (given, reason, detail): (Bound<'_, PyAny>, Option<String>, String) = args.extract()?;
    let answer = match reason.as_deref() {
        None => value(&given).map_err(|e| StoreError::Run(Box::new(e))),
        Some("raised") => Err(StoreError::Run(Box::new(PyErr::from_value(given)))),
        Some(reason) => {
            let reason = match reason {
                "not_found" => Reason::NotFound,
                "changed" => Reason::Changed,
                "truncated" => Reason::Truncated,
                _ => Reason::Unreadable,
            };
            Err(StoreError::Row(reason, redact(&detail)))
        }
    };
    // Nobody may be waiting any more.
    let _ = send.send(answer);
    Ok(())
}

fn info(value: &Bound<'_, PyAny>) -> PyResult<ObjectInfo> {
    let (below, size, version) = value.extract()?;
    Ok(ObjectInfo { below, size, version })
}

impl Store for Stores {
    fn has(&self, path: &str) -> bool {
        self.filesystem.is_some() || is_url(path)
    }

    fn stat(&self, path: &str) -> Answer<Option<ObjectInfo>> {
        self.ask(
            |stores, answered| stores.call_method1("stat", (path, answered)),
            |value| if value.is_none() { Ok(None) } else { info(value).map(Some) },
        )
    }

    fn list(&self, folder: &str) -> Answer<Vec<ObjectInfo>> {
        self.ask(
            |stores, answered| stores.call_method1("list", (folder, answered)),
            |value| value.try_iter()?.map(|each| info(&each?)).collect(),
        )
    }

    fn read(&self, path: &str, info: &ObjectInfo, offset: u64, len: usize) -> Answer<Vec<u8>> {
        let ObjectInfo { size, version, .. } = info;
        self.ask(
            |stores, answered| {
                stores.call_method1("read", (path, *size, version, offset, len, answered))
            },
            |value| Ok(value.cast::<PyBytes>()?.as_bytes().to_vec()),
        )
    }
}

impl Drop for Stores {
    fn drop(&mut self) {
        if let Some(stores) = self.stores.take() {
            // There is nothing to be done about an error, and nothing at all once Python ends.
            attached(|py| stores.call_method0(py, "close").is_ok());
        }
    }
}

/// A question that was put.
struct Question<T> {
    answer: Receiver<Result<T, StoreError>>,
    /// Takes it back.
    cancel: Option<Py<PyAny>>,
}

impl<T: Send> Pending<T> for Question<T> {
    fn wait(&mut self, timeout: Duration) -> Option<Result<T, StoreError>> {
        match self.answer.recv_timeout(timeout) {
            Ok(answer) => {
                self.cancel = None;
                Some(answer)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.cancel = None;
                let why = "the question was not answered".to_owned();
                Some(Err(StoreError::Row(Reason::Unreadable, why)))
            }
        }
    }
}

impl<T> Drop for Question<T> {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            attached(|py| cancel.call0(py).is_ok());
        }
    }
}
