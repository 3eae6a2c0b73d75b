//! Parts of a text by their counts, for Python: what methods of `Encoding` return, in characters of a `str`. Where parts
//! end is decided by the engine.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fasttok_engine::{
    Counter, Error, GrowingText, Slices, Special, TextIndex, Utf8Errors, interruptible,
};
use fasttok_parallel::{Boundary, Ends, SharedCounter, StoredText};
use fasttok_simd::is_continuation;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::arrays;
use crate::batch;
use crate::document::Document;
use crate::ending::{Call, attach, detach};
use crate::errors::{Failure, to_py_err};
use crate::parallel::WORTH_RELEASING;

/// How often signals are looked at.
const POLL: Duration = Duration::from_millis(50);

/// A part of a text that fits: what :meth:`Encoding.truncate` returns.
#[pyclass(frozen, get_all, eq, module = "fasttok._fasttok")]
#[derive(PartialEq)]
pub struct TruncatedText {
    /// The text that is left.
    text: String,
    /// The tokens that it has by itself.
    tokens: u64,
    /// Whether anything was left out.
    truncated: bool,
}

#[pymethods]
impl TruncatedText {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = PyString::new(py, &self.text).repr()?;
        let truncated = if self.truncated { "True" } else { "False" };
        Ok(format!("TruncatedText(text={text}, tokens={}, truncated={truncated})", self.tokens))
    }
}

/// Whether a text has at most so many tokens: what :meth:`Encoding.count_up_to` returns.
#[pyclass(frozen, get_all, eq, module = "fasttok._fasttok")]
#[derive(PartialEq)]
pub struct LimitedCount {
    /// The tokens of the text; None if they are more than the limit: how many more was not counted.
    tokens: Option<u64>,
    /// Whether they are more than the limit.
    exceeded: bool,
}

#[pymethods]
impl LimitedCount {
    fn __repr__(&self) -> String {
        match self.tokens {
            Some(tokens) => format!("LimitedCount(tokens={tokens}, exceeded=False)"),
            None => "LimitedCount(tokens=None, exceeded=True)".to_owned(),
        }
    }
}

/// The text of a `str`, in UTF-8.
fn text_of(text: &Bound<'_, PyAny>) -> PyResult<String> {
    with_text(text, |text| Ok(text.to_owned()))
}

/// What `then` makes of a text, which is not copied where its characters are UTF-8 already.
fn with_text<R>(text: &Bound<'_, PyAny>, then: impl FnOnce(&str) -> PyResult<R>) -> PyResult<R> {
    let py = text.py();
    if !text.is_instance_of::<PyString>() {
        let kind = text.get_type().name()?;
        return Err(PyTypeError::new_err(format!("the text must be str, not {kind}")));
    }
    let held = batch::hold(text, None)?;
    let document = held.document()?;
    let mut scratch = Vec::new();
    let decoded = document.decode(0..document.units(), Utf8Errors::Strict, &mut scratch);
    let unit = match decoded {
        Ok(decoded) if decoded.chars().count() == text.len()? => return then(&decoded),
        // Two surrogates that are one character of UTF-16 are no slice of the text.
        Ok(_) => match text.call_method1("encode", ("utf-8",)) {
            Ok(_) => 0,
            Err(error) => error.value(py).getattr("start")?.extract()?,
        },
        Err(invalid) => invalid.0,
    };
    Err(not_utf8(py, unit, &document))
}

fn not_utf8(py: Python<'_>, unit: usize, document: &Document<'_>) -> PyErr {
    let failure =
        fasttok_parallel::Failure { text: 0, unit, error: Error::InvalidUtf8 { offset: unit } };
    Failure::new(failure, std::slice::from_ref(document)).into_py_err(py, None)
}

/// Does `work` with a counter, without the GIL where `bytes` make that worth it, and with a look at signals now and
/// then.
fn with_counter<R: Send>(
    py: Python<'_>,
    shared: &SharedCounter,
    bytes: usize,
    work: impl FnOnce(&mut Counter) -> Result<R, Error> + Send,
) -> PyResult<R> {
    let counted = || {
        let mut counter = shared.take();
        let result = work(&mut counter);
        shared.give_back(counter);
        result
    };
    let (result, raised) = if bytes < WORTH_RELEASING {
        (counted(), None)
    } else {
        detach(py, || {
            let raised = RefCell::new(None);
            let last = Cell::new(Instant::now());
            let stop = || {
                if last.get().elapsed() < POLL {
                    return false;
                }
                last.set(Instant::now());
                match attach(|py| py.check_signals()) {
                    Ok(()) => false,
                    Err(error) => {
                        raised.replace(Some(error));
                        true
                    }
                }
            };
            let result = interruptible(&stop, counted);
            (result, raised.into_inner())
        })
    };
    match (raised, result) {
        (Some(error), _) => Err(error),
        (None, result) => result.map_err(|error| to_py_err(py, &error)),
    }
}

/// An error that tells the offset in characters.
fn in_characters(error: Error, text: &str) -> Error {
    // Up to and without the character that holds the byte.
    let chars =
        |offset| text.char_indices().take_while(|&(at, c)| at + c.len_utf8() <= offset).count();
    match error {
        Error::NoCut { offset, limit } => Error::NoCut { offset: chars(offset), limit },
        Error::CharacterTooLong { offset, tokens } => {
            Error::CharacterTooLong { offset: chars(offset), tokens }
        }
        other => other,
    }
}

fn whole_number(what: &str, n: i64) -> PyResult<u64> {
    u64::try_from(n)
        .map_err(|_| PyValueError::new_err(format!("{what} must be at least 0, not {n}")))
}

/// See `Encoding.truncate`.
pub fn truncate(
    shared: &SharedCounter,
    text: &Bound<'_, PyAny>,
    most: i64,
    side: &str,
) -> PyResult<TruncatedText> {
    let py = text.py();
    let _call = Call::enter(py);
    let most = whole_number("n", most)?;
    let left = match side {
        "right" => false,
        "left" => true,
        other => {
            return Err(PyValueError::new_err(format!(
                "side must be \"right\" or \"left\", not {other:?}"
            )));
        }
    };
    let mut text = text_of(text)?;
    let part = with_counter(py, shared, text.len(), |counter| {
        let mut slices = Slices::new(counter, &text);
        let part = if left {
            slices.longest_suffix(text.len(), 0, most, &mut |_| true)
        } else {
            slices.longest_prefix(0, most, &mut |_| true)
        };
        part.map_err(|error| in_characters(error, &text))
    })?;
    let truncated = part.range.len() < text.len();
    text.truncate(part.range.end);
    text.drain(..part.range.start);
    Ok(TruncatedText { text, tokens: part.tokens, truncated })
}

/// See `Encoding.split`.
pub fn split<'py>(
    shared: &SharedCounter,
    text: &Bound<'py, PyAny>,
    most: i64,
    overlap: i64,
    boundary: &str,
) -> PyResult<Bound<'py, PyList>> {
    let py = text.py();
    let _call = Call::enter(py);
    let (most, overlap) = (whole_number("n", most)?, whole_number("overlap", overlap)?);
    if overlap > 0 && overlap >= most {
        return Err(PyValueError::new_err(format!(
            "overlap must be less than n, which is {most}, not {overlap}"
        )));
    }
    let wanted = Boundary::NAMES.iter().find(|(name, _)| *name == boundary);
    let Some(&(_, wanted)) = wanted else {
        let names: Vec<_> = Boundary::NAMES.iter().map(|(name, _)| format!("{name:?}")).collect();
        let names = names.join(", ");
        return Err(PyValueError::new_err(format!(
            "boundary must be one of {names}, not {boundary:?}"
        )));
    };
    with_text(text, |text| {
        let parts = with_counter(py, shared, text.len(), |counter| {
            let ends = Ends::new(text, wanted);
            let allow = |level: usize, at: usize| ends.allow(level, at);
            let parts = Slices::new(counter, text).split(most, overlap, ends.levels(), &allow);
            parts.map_err(|error| in_characters(error, text))
        })?;
        PyList::new(py, parts.into_iter().map(|part| PyString::new(py, &text[part.range])))
    })
}

/// See `Encoding.count_up_to`.
pub fn count_up_to(
    shared: &SharedCounter,
    text: &Bound<'_, PyAny>,
    limit: i64,
) -> PyResult<LimitedCount> {
    let py = text.py();
    let _call = Call::enter(py);
    let limit = whole_number("limit", limit)?;
    let count = |text: &str| {
        with_counter(py, shared, text.len(), |counter| {
            Slices::new(counter, text).count_up_to(limit)
        })
    };
    let tokens = with_text(text, count)?;
    Ok(LimitedCount { tokens, exceeded: tokens.is_none() })
}

/// See `Encoding.encode_with_offsets`: where each token begins and ends.
pub fn offsets<'py>(
    shared: &SharedCounter,
    text: &Bound<'py, PyAny>,
    unit: &str,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = text.py();
    let _call = Call::enter(py);
    let in_bytes = match unit {
        "char" => false,
        "byte" => true,
        other => {
            return Err(PyValueError::new_err(format!(
                "unit must be \"char\" or \"byte\", not {other:?}"
            )));
        }
    };
    let text = text_of(text)?;
    let (ids, offsets) = with_counter(py, shared, text.len(), |counter| {
        let mut ids = Vec::new();
        counter.encoding().encode(&text, Special::Text, &mut ids)?;
        let mut offsets = counter.encoding().offsets(&text, &ids)?;
        if !in_bytes {
            to_characters(&text, &mut offsets);
        }
        Ok((ids, offsets))
    })?;
    let flat: Vec<i64> =
        offsets.iter().flat_map(|range| [range.start as i64, range.end as i64]).collect();
    let offsets = arrays::int64(py, &flat)?.call_method1("reshape", (-1, 2))?;
    Ok((arrays::uint32(py, &ids)?, offsets))
}

/// Offsets in bytes as offsets of the characters that hold any of them.
fn to_characters(text: &str, offsets: &mut [Range<usize>]) {
    // Characters that begin before `at`.
    let (mut at, mut chars) = (0, 0);
    let mut before = |offset: usize| {
        chars += text.as_bytes()[at..offset].iter().filter(|&&b| !is_continuation(b)).count();
        at = offset;
        chars
    };
    for range in offsets {
        let start = before(range.start);
        let cut = !text.is_char_boundary(range.start);
        *range = start - usize::from(cut && range.start < range.end)..before(range.end);
    }
}

/// See `Encoding.token_bytes`.
pub fn token_bytes<'py>(
    shared: &SharedCounter,
    ids: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyList>> {
    let py = ids.py();
    let _call = Call::enter(py);
    let ids = arrays::token_ids(ids)?;
    let mut bytes = Vec::new();
    let tokens = ids.iter().map(|&id| {
        bytes.clear();
        let pushed = shared.encoding().token_bytes(id, &mut bytes);
        pushed.map(|()| PyBytes::new(py, &bytes)).map_err(|e| to_py_err(py, &e))
    });
    PyList::new(py, tokens.collect::<PyResult<Vec<_>>>()?)
}

/// Tokens of a text that is still being written: what :meth:`Encoding.counter` returns.
///
/// What can no longer change is counted once and let go, so memory does not grow with the text, and a count costs what
/// was added since and the word that it ends with. Where text goes on without the end of a word, or without what the
/// tokenizer tells the end of a piece by, a count costs that stretch: see the guide.
#[pyclass(module = "fasttok._fasttok")]
pub struct TokenCounter {
    shared: Arc<SharedCounter>,
    text: GrowingText,
    /// Bytes of the text at which it is counted though nobody asks, to let go of it.
    next: usize,
}

/// See [`TokenCounter::next`].
const LET_GO: usize = 1 << 20;

impl TokenCounter {
    pub fn new(shared: Arc<SharedCounter>) -> TokenCounter {
        let text = GrowingText::new(Arc::clone(shared.encoding()));
        TokenCounter { shared, text, next: LET_GO }
    }
}

#[pymethods]
impl TokenCounter {
    /// Adds to the end of the text: a ``str``, or ``bytes`` that may begin and end within a character.
    ///
    /// Raises ``InvalidUtf8Error`` where the text can no longer become UTF-8, with the ``offset`` in bytes of the whole
    /// text (in characters of ``text``, if that is a ``str``); nothing is added then. ``TypeError`` for what is neither
    /// ``str`` nor ``bytes``.
    fn append(&mut self, text: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = text.py();
        let _call = Call::enter(py);
        if let Ok(bytes) = text.cast::<PyBytes>() {
            let bytes = bytes.as_bytes();
            if let Err(error) = self.text.append(bytes) {
                let offset = error.offset().unwrap_or(0);
                return Err(not_utf8(py, offset, &Document::Bytes(bytes)));
            }
        } else {
            let held = text.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
            let appended = match held {
                Some(text) => self.text.append(text.as_bytes()),
                None => self.text.append(text_of(text)?.as_bytes()),
            };
            appended.map_err(|error| to_py_err(py, &error))?;
        }
        if self.text.bytes() >= self.next {
            self.count(py)?;
            self.next = self.text.bytes() + LET_GO.max(2 * self.text.unsettled());
        }
        Ok(())
    }

    /// The number of tokens of all that was appended: what :meth:`Encoding.count` gives for it. The bytes of a
    /// character that is not whole yet (:attr:`pending`) are not counted.
    fn count(&mut self, py: Python<'_>) -> PyResult<u64> {
        let _call = Call::enter(py);
        let TokenCounter { shared, text, .. } = self;
        with_counter(py, shared, text.unsettled(), |counter| text.count(counter))
    }

    /// Bytes at the end that are no whole character yet.
    #[getter]
    fn pending(&self) -> usize {
        self.text.pending()
    }

    fn __repr__(&self) -> String {
        format!("<TokenCounter of {} bytes>", self.text.bytes())
    }
}

/// A text of which the tokens of any part can be asked: what :meth:`Encoding.index` returns.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct TokenIndex {
    shared: Arc<SharedCounter>,
    index: TextIndex,
}

impl TokenIndex {
    pub fn new(shared: Arc<SharedCounter>, text: &Bound<'_, PyAny>) -> PyResult<TokenIndex> {
        let py = text.py();
        let _call = Call::enter(py);
        let text = text_of(text)?;
        let index = with_counter(py, &shared, text.len(), |counter| TextIndex::new(counter, text))?;
        Ok(TokenIndex { shared, index })
    }
}

#[pymethods]
impl TokenIndex {
    /// The number of tokens of ``text[start:stop]``: what :meth:`Encoding.count` gives for it. Both ends are as in
    /// a slice: in characters, from the end where they are negative.
    ///
    /// Only the words at both ends are counted; where the text has no ends of words, the stretch without one.
    #[pyo3(signature = (start = 0, stop = None))]
    fn count(&self, py: Python<'_>, start: i64, stop: Option<i64>) -> PyResult<u64> {
        let len = self.index.chars() as i64;
        let of_slice = |at: i64| (if at < 0 { at + len } else { at }).clamp(0, len) as usize;
        let (start, stop) = (of_slice(start), of_slice(stop.unwrap_or(len)));
        if start >= stop {
            return Ok(0);
        }
        let _call = Call::enter(py);
        let range = self.index.offset_of(start)..self.index.offset_of(stop);
        with_counter(py, &self.shared, range.len(), |counter| self.index.count(counter, range))
    }

    /// The tokens of the whole text.
    #[getter]
    fn tokens(&self) -> u64 {
        self.index.tokens()
    }

    /// Characters of the text.
    fn __len__(&self) -> usize {
        self.index.chars()
    }

    fn __repr__(&self) -> String {
        format!("<TokenIndex of {} characters, {} tokens>", self.index.chars(), self.index.tokens())
    }
}
