//! Calls of `fasttok-parallel`: when the GIL is released, signals, and failures in the user's offsets. How the work is
//! cut and scheduled is not decided here.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use fasttok_parallel::{
    Abort, Cancelled, Options, Output, Poll, SharedCounter, Tokens, set_available_threads,
};
use pyo3::prelude::*;

use crate::document::Document;
use crate::ending::{Call, attach, detach};
use crate::errors::{Failure, exception};

/// How many threads there are where nobody says it in a call.
const NUM_THREADS: &str = "FASTTOK_NUM_THREADS";

/// What [`NUM_THREADS`] is, if that is no number of threads.
static WRONG: OnceLock<String> = OnceLock::new();

/// Takes note of [`NUM_THREADS`], once, when the module is loaded.
pub fn read_environment() {
    let Some(value) = std::env::var_os(NUM_THREADS).filter(|value| !value.is_empty()) else {
        return;
    };
    let value = value.to_string_lossy();
    match value.trim().parse::<NonZeroUsize>() {
        Ok(threads) => set_available_threads(threads),
        // What is loaded may not be used at all, and `--help` is: the first call that needs threads says it.
        Err(_) => _ = WRONG.set(value.into_owned()),
    }
}

/// An `InputError` if [`NUM_THREADS`] is no number of threads.
pub fn check_environment() -> PyResult<()> {
    let Some(value) = WRONG.get() else {
        return Ok(());
    };
    let message = format!("{NUM_THREADS} must be a whole number from 1 on, not {value:?}");
    Err(Python::attach(|py| exception(py, "InputError", message, None)))
}

/// With less text than this, releasing the GIL costs more than it gives to others.
pub const WORTH_RELEASING: usize = 1 << 12;

/// Why a call gave nothing.
pub enum Stop {
    /// A document that cannot be counted.
    Failure(Failure),
    /// A signal handler raised.
    Signal(PyErr),
}

/// Counts one text.
pub fn count(
    py: Python<'_>,
    counter: &SharedCounter,
    text: Document<'_>,
    options: Options,
) -> Result<u64, Stop> {
    with_signals(py, text.len(), &[text], |poll| counter.count_polled(&text, &options, poll))
}

/// The ids of one text.
pub fn encode(
    py: Python<'_>,
    counter: &SharedCounter,
    text: Document<'_>,
    options: Options,
) -> Result<Vec<u32>, Stop> {
    with_signals(py, text.len(), &[text], |poll| counter.encode_polled(&text, &options, poll))
}

/// Counts or encodes `documents`, in parallel where that pays.
pub fn run(
    py: Python<'_>,
    counter: &SharedCounter,
    documents: &[Document<'_>],
    options: Options,
    output: Output,
) -> Result<Tokens, Stop> {
    let units = documents.iter().map(Document::len).sum();
    with_signals(py, units, documents, |poll| counter.run(documents, &options, output, poll))
}

/// Does `work` on `units` of text, without the GIL if it is worth it, and with a look at signals now and then.
fn with_signals<R: Send>(
    py: Python<'_>,
    units: usize,
    documents: &[Document<'_>],
    work: impl FnOnce(&mut Poll<'_>) -> Result<R, Abort> + Send,
) -> Result<R, Stop> {
    let (result, raised) = if units < WORTH_RELEASING {
        (work(&mut || Ok(())), None)
    } else {
        let _call = Call::enter(py);
        detach(py, || {
            let mut raised = None;
            let mut poll = || {
                attach(|py| py.check_signals()).map_err(|error| {
                    raised = Some(error);
                    Cancelled
                })
            };
            (work(&mut poll), raised)
        })
    };
    result.map_err(|abort| match (abort, raised) {
        (_, Some(error)) => Stop::Signal(error),
        (Abort::Failure(failure), _) => Stop::Failure(Failure::new(failure, documents)),
        (Abort::Cancelled, None) => unreachable!("only a signal cancels"),
    })
}
