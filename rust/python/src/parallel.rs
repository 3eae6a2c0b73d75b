//! Calls of `fasttok-parallel`: when the GIL is released, signals, and failures in the user's offsets. How the work is
//! cut and scheduled is not decided here.

use fasttok_parallel::{Abort, Cancelled, Options, Output, Poll, SharedCounter, Tokens};
use pyo3::prelude::*;

use crate::document::Document;
use crate::errors::Failure;

/// With less text than this, releasing the GIL costs more than it gives to others.
const WORTH_RELEASING: usize = 1 << 12;

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
        py.detach(|| {
            let mut raised = None;
            let mut poll = || {
                Python::attach(|py| py.check_signals()).map_err(|error| {
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
