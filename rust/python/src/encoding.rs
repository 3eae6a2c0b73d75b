//! The class `Encoding`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use fasttok_engine::{FileOptions, Known, Pretokenizer, Special, Utf8Errors};
use fasttok_parallel::{Options, Output, SharedCounter};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::arrays;
use crate::batch::{self, Missing};
use crate::columns::{Encodings, Work};
use crate::count_arrow;
use crate::ending::{Call, detach};
use crate::errors::to_py_err;
use crate::lists;
use crate::parallel::{self, Stop};
use crate::slices;

/// Characters of a name that the representation of an encoding shows.
const MAX_REPR: usize = 100;

/// A named tokenizer: immutable, to be shared between threads.
///
/// Get one with :func:`fasttok.get_encoding` or :func:`fasttok.load`. An embedded one is pickled by its name, one
/// from a file by the path and the hash of the file.
///
/// These arguments mean the same everywhere:
///
/// ``special``
///     What special tokens in the text (``<|endoftext|>``) are. ``"text"``: plain text like any
///     other. ``"token"``: each is one token. ``"error"``: a ``SpecialTokenError``.
/// ``errors``
///     What to do with bytes that are not UTF-8 and with lone surrogates in a ``str``.
///     ``"strict"``: an ``InvalidUtf8Error``. ``"replace"``: each is taken as U+FFFD. A high and a
///     low surrogate side by side in a ``str`` are the character they stand for in UTF-16, as in
///     tiktoken; offsets count them as the two characters that they are in Python.
/// ``threads``
///     The most threads to use; by default as many as the process may run at once. The result
///     does not depend on it.
///
/// Equal encodings have the same name, hash, pretokenizer and added tokens.
#[pyclass(frozen, weakref, module = "fasttok._fasttok", name = "Encoding")]
pub struct Encoding {
    counter: Arc<SharedCounter>,
    /// How Python made it, for pickling; nothing for the embedded ones.
    origin: Option<Py<PyAny>>,
}

impl Encoding {
    /// The encoding of the engine.
    pub fn engine(&self) -> Arc<fasttok_engine::Encoding> {
        self.counter.encoding().clone()
    }

    /// What counts by it, in any thread.
    pub fn shared(&self) -> Arc<SharedCounter> {
        self.counter.clone()
    }

    fn on_arrow<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        output: Output,
        options: Options,
    ) -> PyResult<Bound<'py, PyAny>> {
        let work = Work { encodings: Encodings::One(self.shared()), output };
        count_arrow::perform(data, &work, options)
    }
}

/// The names of the embedded encodings, aliases included.
#[pyfunction]
#[pyo3(name = "_embedded_names")]
pub fn embedded_names() -> Vec<&'static str> {
    fasttok_engine::Encoding::embedded_names().collect()
}

/// The family, whether text is put into NFC, and the special tokens of the rank file with this SHA-256.
#[pyfunction]
#[pyo3(name = "_known_rank_file")]
#[allow(clippy::type_complexity)]
pub fn known_rank_file(hash: &str) -> Option<(&'static str, bool, Vec<(String, u32)>)> {
    Known::by_hash(hash).map(|known| (known.pretokenizer, known.nfc, (known.special_tokens)()))
}

/// The regular expression of the family of that name, if it is a single one.
#[pyfunction]
#[pyo3(name = "_family_pattern")]
pub fn family_pattern(name: &str) -> Option<&'static str> {
    Pretokenizer::pattern_of(name)
}

#[pymethods]
impl Encoding {
    /// The embedded encoding of that name.
    #[new]
    #[pyo3(signature = (name, /))]
    fn new(py: Python<'_>, name: &str) -> PyResult<Encoding> {
        let _call = Call::enter(py);
        let encoding = detach(py, || fasttok_engine::Encoding::embedded(name))
            .map_err(|e| to_py_err(py, &e))?;
        Ok(Encoding { counter: Arc::new(SharedCounter::new(encoding)), origin: None })
    }

    /// The tokenizer in the bytes of a file. ``origin``: see ``fasttok.tokenizers.origin``.
    #[staticmethod]
    #[pyo3(signature = (data, name, pattern = None, special_tokens = None, origin = None))]
    fn _from_file_bytes(
        py: Python<'_>,
        data: &[u8],
        name: String,
        pattern: Option<String>,
        special_tokens: Option<Vec<(String, u32)>>,
        origin: Option<Py<PyAny>>,
    ) -> PyResult<Encoding> {
        let options = FileOptions { name, pattern, special_tokens };
        let _call = Call::enter(py);
        let encoding = detach(py, || fasttok_engine::Encoding::from_file_bytes(data, options))
            .map_err(|e| to_py_err(py, &e))?;
        let counter = Arc::new(SharedCounter::new(Arc::new(encoding)));
        Ok(Encoding { counter, origin })
    }

    /// The name of the encoding, as ``o200k_base``.
    #[getter]
    fn name(&self) -> &str {
        self.counter.encoding().name()
    }

    /// SHA-256, in hex, of the tokenizer file that the encoding was made from.
    #[getter]
    fn hash(&self) -> &str {
        self.counter.encoding().hash()
    }

    /// The family of the split pattern that has a scanner (``o200k``, ``qwen2``, …), or ``general`` for the
    /// slower path that runs any pattern.
    #[getter]
    fn pretokenizer(&self) -> &str {
        self.counter.encoding().pretokenizer().name()
    }

    /// What is done to text before it is split, step by step, by the names that the tokenizer's file has for it
    /// (``NFC``, ``Replace``, ``add_dummy_prefix``). Empty where text is counted as it is.
    #[getter]
    fn normalization(&self) -> Vec<&'static str> {
        self.counter.encoding().normalization()
    }

    /// The largest token id, special tokens included, plus one.
    #[getter]
    fn n_vocab(&self) -> u32 {
        self.counter.encoding().n_vocab()
    }

    /// Special tokens and their ids.
    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for (token, id) in self.counter.encoding().special_tokens() {
            tokens.set_item(token, id)?;
        }
        Ok(tokens)
    }

    /// All tokens beside the vocabulary, special or not, and their ids.
    ///
    /// Those that are not special are found in text whatever ``special`` is.
    #[getter]
    fn added_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for token in self.counter.encoding().added_tokens() {
            tokens.set_item(&token.content, token.id)?;
        }
        Ok(tokens)
    }

    /// Whether there is a form that loads fastest.
    #[getter]
    fn _has_compiled(&self) -> bool {
        self.counter.encoding().has_compiled()
    }

    /// The form that loads fastest, if there is one.
    fn _compiled<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let _call = Call::enter(py);
        let data = detach(py, || self.counter.encoding().compiled())?;
        Some(PyBytes::new(py, &data))
    }

    #[classattr]
    const _COMPILED_VERSION: u32 = fasttok_engine::Encoding::COMPILED_VERSION;

    /// How Python made it, see ``fasttok.tokenizers.origin``; None for the embedded ones.
    #[getter]
    fn _origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.origin.as_ref().map(|origin| origin.clone_ref(py))
    }

    /// The number of tokens of ``text``.
    ///
    /// A text of more than half a million characters is counted by several threads.
    ///
    /// Raises ``SpecialTokenError`` and ``InvalidUtf8Error``, with the ``offset`` in characters of a ``str`` and in
    /// bytes of ``bytes``, ``TextLimitError``, and ``TypeError`` for what is neither ``str`` nor ``bytes``.
    #[pyo3(signature = (text, *, special = "text", errors = "strict"))]
    fn count(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
        special: &str,
        errors: &str,
    ) -> PyResult<u64> {
        let options = options(special, errors, None)?;
        let held;
        let document = match batch::borrow(text) {
            Some(document) => document,
            None => {
                let _call = Call::enter(py);
                held = batch::hold(text, None)?;
                held.document()?
            }
        };
        parallel::count(py, &self.counter, document, options).map_err(|stop| {
            let _call = Call::enter(py);
            into_py_err(py, stop)
        })
    }

    /// The longest beginning of ``text`` that has at most ``n`` tokens, or with ``side="left"`` the longest end of it.
    ///
    /// Cut between characters (code points) only, and exact: what is left is counted by itself, as :meth:`count`
    /// does. That matters, for a beginning can have more tokens than the whole. ``side`` is the side from which
    /// text is left out.
    ///
    /// Returns a :class:`TruncatedText`. Raises ``InvalidUtf8Error`` for surrogates, with the ``offset`` in characters,
    /// ``NoCutError`` for a long text that the tokenizer does not let be cut (see the guide), ``TextLimitError``,
    /// ``ValueError`` for a negative ``n`` and for another ``side``, ``TypeError`` for what is no ``str``.
    #[pyo3(signature = (text, n, *, side = "right"))]
    fn truncate(
        &self,
        text: &Bound<'_, PyAny>,
        n: i64,
        side: &str,
    ) -> PyResult<slices::TruncatedText> {
        slices::truncate(&self.counter, text, n, side)
    }

    /// ``text`` in slices of at most ``n`` tokens each, counted by themselves: a list of ``str``.
    ///
    /// Each slice is the longest that ends at a ``boundary``: ``"char"`` (a code point), ``"word"`` and
    /// ``"sentence"`` (UAX #29), ``"line"`` or ``"paragraph"`` (after blank lines); where none fits, at the next
    /// finer one of paragraph, line, sentence, word and char. Nothing is left out: without ``overlap`` the slices
    /// joined are the text. With it, each slice begins with as much of the end of the one before as has at most
    /// ``overlap`` tokens by itself, from a boundary on.
    ///
    /// Raises ``CharacterTooLongError`` where one character has more than ``n`` tokens, with its ``offset`` in
    /// characters, ``ValueError`` for an ``overlap`` that is not less than ``n``, and what :meth:`truncate` raises.
    #[pyo3(signature = (text, n, *, overlap = 0, boundary = "char"))]
    fn split<'py>(
        &self,
        text: &Bound<'py, PyAny>,
        n: i64,
        overlap: i64,
        boundary: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        slices::split(&self.counter, text, n, overlap, boundary)
    }

    /// The number of tokens of ``text`` if it is at most ``limit``; counting ends soon after it is more.
    ///
    /// Returns a :class:`LimitedCount`. Raises what :meth:`truncate` raises, but for ``NoCutError``.
    fn count_up_to(&self, text: &Bound<'_, PyAny>, limit: i64) -> PyResult<slices::LimitedCount> {
        slices::count_up_to(&self.counter, text, limit)
    }

    /// A :class:`TokenCounter`: an empty text to append to, with an exact count after each addition.
    fn counter(&self) -> slices::TokenCounter {
        slices::TokenCounter::new(self.shared())
    }

    /// A :class:`TokenIndex` of ``text``: the exact count of any slice of it, without counting it from scratch.
    ///
    /// Raises what :meth:`count_up_to` raises.
    fn index(&self, text: &Bound<'_, PyAny>) -> PyResult<slices::TokenIndex> {
        slices::TokenIndex::new(self.shared(), text)
    }

    /// The number of tokens of each text, as an int64 array of shape (n,).
    ///
    /// ``texts`` is a list, a tuple or any iterable of ``str`` or ``bytes``, a one-dimensional
    /// numpy array, a pandas Series, Index or array, a polars Series, a pyarrow array, or anything
    /// else with the Arrow PyCapsule interface. Texts in memory are read where they are, without a
    /// copy; a generator is read in slices of bounded size.
    ///
    /// ``nulls`` says what a missing text (None, NaN, NA, NaT, masked or null) is. ``"error"``: an
    /// ``InputError``. ``"zero"``: no tokens. ``"null"``: its count is missing, too; what is returned
    /// is then a ``numpy.ma.MaskedArray`` of the same type and shape, masked where a text is missing,
    /// with 0 below the mask.
    ///
    /// Raises ``InputError`` for a missing text, ``TypeError`` for an element that is no text,
    /// ``SpecialTokenError``, ``InvalidUtf8Error`` and ``TextLimitError`` for the first text that calls
    /// for them; each has the position of the text, from 0, as ``index``. ``TypeError`` for what is no
    /// batch of texts: a single text, a mapping, a table, numbers.
    #[pyo3(signature = (
        texts, *, special = "text", errors = "strict", nulls = "error", threads = None
    ))]
    fn count_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        nulls: &str,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = Call::enter(py);
        let options = options(special, errors, threads)?;
        let nulls = Nulls::parse(nulls)?;
        let mut missing = Missing::default();
        let mut counts: Vec<i64> = Vec::with_capacity(batch::len_hint(texts));
        let allowed = (nulls != Nulls::Error).then_some(&mut missing);
        batch::for_each_slice(texts, allowed, &mut |documents| {
            let tokens = parallel::run(py, &self.counter, documents, options, Output::Counts)?;
            counts.extend(tokens.counts.iter().map(|&count| count as i64));
            Ok(())
        })?;
        let counts = missing.expand(counts);
        match nulls {
            Nulls::Error | Nulls::Zero => arrays::int64(py, &counts),
            Nulls::Null => arrays::masked_int64(py, &counts, &missing.mask(counts.len())),
        }
    }

    /// The token ids of ``text``, as a uint32 array of shape (tokens,), or with ``as_list`` as a list of int.
    ///
    /// Raises as :meth:`count`.
    #[pyo3(signature = (text, *, special = "text", errors = "strict", as_list = false))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        as_list: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = Call::enter(py);
        let options = options(special, errors, None)?;
        let held;
        let document = match batch::borrow(text) {
            Some(document) => document,
            None => {
                held = batch::hold(text, None)?;
                held.document()?
            }
        };
        let ids = parallel::encode(py, &self.counter, document, options)
            .map_err(|stop| into_py_err(py, stop))?;
        if as_list { lists::ids(py, &ids) } else { arrays::uint32(py, &ids) }
    }

    /// The token ids of ``text`` and where each token is in it.
    ///
    /// Returns ``ids``, a uint32 array of shape (tokens,), and ``offsets``, an int64 array of shape (tokens, 2):
    /// token i is ``text[offsets[i, 0]:offsets[i, 1]]``, in characters, or in bytes of the text's UTF-8 with
    /// ``unit="byte"``. A token that begins or ends within a character has, in characters, that whole character, as
    /// the token beside it has.
    ///
    /// Raises ``UnsupportedTokenizerError`` where the tokens are not those of the text as it is: the tokenizer
    /// rewrites it first, or has no token for a part of it. ``InvalidUtf8Error``, ``TextLimitError`` and
    /// ``TypeError`` as :meth:`truncate`.
    #[pyo3(signature = (text, *, unit = "char"))]
    fn encode_with_offsets<'py>(
        &self,
        text: &Bound<'py, PyAny>,
        unit: &str,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        slices::offsets(&self.counter, text, unit)
    }

    /// The bytes that each of ``ids``, a sequence or an array of integers, stands for within a text: a list of
    /// ``bytes``.
    ///
    /// A token may be no UTF-8 by itself. Raises ``UnknownTokenError`` for an id that the encoding does not have.
    fn token_bytes<'py>(&self, ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        slices::token_bytes(&self.counter, ids)
    }

    /// The token ids of all texts, one after the other, and where each text begins.
    ///
    /// Returns ``ids``, a uint32 array of shape (tokens,), and ``offsets``, an int64 array of
    /// shape (n + 1,): the ids of text i are ``ids[offsets[i]:offsets[i + 1]]``.
    ///
    /// With ``as_list`` a list that has a list of int for each text.
    ///
    /// Takes and raises the same as :meth:`count_batch`, but for ``nulls="null"``: offsets cannot
    /// say that a text is missing. With ``nulls="zero"`` a missing text has no ids.
    #[pyo3(signature = (
        texts, *, special = "text", errors = "strict", nulls = "error", threads = None, as_list = false
    ))]
    #[allow(clippy::too_many_arguments)]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        nulls: &str,
        threads: Option<i64>,
        as_list: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = Call::enter(py);
        let options = options(special, errors, threads)?;
        let mut missing = Missing::default();
        let allowed = match Nulls::parse(nulls)? {
            Nulls::Error => None,
            Nulls::Zero => Some(&mut missing),
            Nulls::Null => {
                return Err(PyValueError::new_err(
                    "nulls must be \"error\" or \"zero\" here: offsets cannot say that a text is missing, \
                     as what count_batch returns can",
                ));
            }
        };
        let mut ids: Vec<u32> = Vec::new();
        let mut counts: Vec<i64> = Vec::with_capacity(batch::len_hint(texts));
        batch::for_each_slice(texts, allowed, &mut |documents| {
            let tokens = parallel::run(py, &self.counter, documents, options, Output::Ids)?;
            counts.extend(tokens.counts.iter().map(|&count| count as i64));
            if ids.is_empty() {
                ids = tokens.ids;
            } else {
                ids.extend_from_slice(&tokens.ids);
            }
            Ok(())
        })?;
        let counts = missing.expand(counts);
        if as_list {
            return lists::of_texts(py, &ids, &counts);
        }
        let mut end = 0;
        let ends = counts.into_iter().map(|count| {
            end += count;
            end
        });
        let offsets: Vec<i64> = std::iter::once(0).chain(ends).collect();
        let arrays = (arrays::uint32(py, &ids)?, arrays::int64(py, &offsets)?);
        Ok(arrays.into_pyobject(py)?.into_any())
    }

    /// The number of tokens of each text of an Arrow column, as an Arrow column of int64.
    ///
    /// ``data`` is a column of strings or binary values, or a dictionary of these, of any library with the Arrow
    /// PyCapsule interface (pyarrow, polars, pandas, arro3, nanoarrow). It is read where it is, without a copy. A
    /// missing text (null) has a missing count.
    ///
    /// Returns an ``ArrowArray`` for what has ``__arrow_c_array__``, and an ``ArrowChunkedArray`` with the same
    /// chunks for what has ``__arrow_c_stream__``. Both are taken over by the same interface, without a copy.
    ///
    /// Raises what :meth:`count_batch` raises, but for missing texts, with the row, from 0, as ``index``.
    #[pyo3(signature = (data, *, special = "text", errors = "strict", threads = None))]
    fn count_arrow<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.on_arrow(data, Output::Counts, options(special, errors, threads)?)
    }

    /// The token ids of each text of an Arrow column, as an Arrow column of lists of uint32.
    ///
    /// Takes, returns and raises the same as :meth:`count_arrow`. A missing text (null) has a missing list. The lists
    /// are large lists where a chunk has 2³¹ ids or more.
    #[pyo3(signature = (data, *, special = "text", errors = "strict", threads = None))]
    fn encode_arrow<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.on_arrow(data, Output::Ids, options(special, errors, threads)?)
    }

    /// The text that ``ids``, a sequence or an array of integers, stand for.
    ///
    /// ``errors`` is that of ``bytes.decode``: ids can end in the middle of a character.
    ///
    /// A ``tokenizer.json`` says itself how it is decoded.
    ///
    /// Raises ``UnknownTokenError`` for an id that the encoding does not have, ``TypeError`` for what
    /// is no integer, ``InputError`` for a decoder that is not known, and ``UnicodeDecodeError`` with
    /// ``errors="strict"``.
    #[pyo3(signature = (ids, errors = "replace"))]
    fn decode<'py>(&self, ids: &Bound<'py, PyAny>, errors: &str) -> PyResult<Bound<'py, PyString>> {
        let py = ids.py();
        let _call = Call::enter(py);
        if errors == "replace" {
            let ids = arrays::token_ids(ids)?;
            let text = detach(py, || self.counter.encoding().decode_text(&ids));
            return Ok(PyString::new(py, &text.map_err(|e| to_py_err(py, &e))?));
        }
        let bytes = self.decode_bytes(ids)?;
        bytes.call_method1("decode", ("utf-8", errors))?.cast_into::<PyString>().map_err(Into::into)
    }

    /// The bytes that ``ids``, a sequence or an array of integers, stand for.
    ///
    /// The bytes of byte tokens are as they are, be they UTF-8 or not.
    ///
    /// Raises ``UnknownTokenError`` for an id that the encoding does not have, ``TypeError`` for what
    /// is no integer, and ``InputError`` for a decoder that is not known.
    fn decode_bytes<'py>(&self, ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = ids.py();
        let _call = Call::enter(py);
        let ids = arrays::token_ids(ids)?;
        let bytes = detach(py, || {
            let mut bytes = Vec::new();
            self.counter.encoding().decode(&ids, &mut bytes).map(|()| bytes)
        })
        .map_err(|e| to_py_err(py, &e))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The bytes of the vocabulary's tokens and their ids, without the added tokens.
    fn _ranks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        lists::ranks(py, self.counter.encoding().tokens())
    }

    /// The ids that merging ``piece`` gives, be it UTF-8 or not, and whether or not it is a token itself.
    fn _merge<'py>(&self, py: Python<'py>, piece: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let mut ids = Vec::new();
        self.counter.encoding().merge(piece, &mut ids);
        lists::ids(py, &ids)
    }

    /// The last piece that ``text`` is split into, if there is one; special tokens are text like any other.
    fn _last_piece<'py>(
        &self,
        py: Python<'py>,
        text: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let piece = self.counter.encoding().last_piece(text).map_err(|e| to_py_err(py, &e))?;
        Ok(piece.map(|piece| PyBytes::new(py, &piece)))
    }

    fn __repr__(&self) -> String {
        let name = self.counter.encoding().name();
        // A name is whatever the caller said.
        match name.char_indices().nth(MAX_REPR) {
            Some((end, _)) => format!("<Encoding {:?}…>", &name[..end]),
            None => format!("<Encoding {name:?}>"),
        }
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Encoding>().is_ok_and(|other| {
            let (one, other) = (self.counter.encoding(), other.get().counter.encoding());
            Arc::ptr_eq(one, other) || one == other
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let encoding = self.counter.encoding();
        (encoding.name(), encoding.hash()).into_pyobject(py)?.hash()
    }

    /// An embedded one by name: what unpickles is the shared object that `get_encoding` gives. Others as
    /// `fasttok.tokenizers.origin` says.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let _call = Call::enter(py);
        if slf.get().origin.is_some() {
            let reduce = py.import("fasttok.tokenizers.origin")?.getattr("reduce")?;
            return reduce.call1((slf,))?.cast_into::<PyTuple>().map_err(Into::into);
        }
        let get = py.import("fasttok")?.getattr("get_encoding")?;
        (get, (slf.get().counter.encoding().name(),)).into_pyobject(py)
    }
}

/// The options of a call by the names that Python has for them.
pub fn options(special: &str, errors: &str, threads: Option<i64>) -> PyResult<Options> {
    let special = match special {
        "text" => Special::Text,
        "token" => Special::Token,
        "error" => Special::Error,
        other => {
            return Err(PyValueError::new_err(format!(
                "special must be \"text\", \"token\" or \"error\", not {other:?}"
            )));
        }
    };
    let errors = match errors {
        "strict" => Utf8Errors::Strict,
        "replace" => Utf8Errors::Replace,
        other => {
            return Err(PyValueError::new_err(format!(
                "errors must be \"strict\" or \"replace\", not {other:?}"
            )));
        }
    };
    let threads = threads
        .map(|n| usize::try_from(n).ok().and_then(NonZeroUsize::new).ok_or(n))
        .transpose()
        .map_err(|n| PyValueError::new_err(format!("threads must be at least 1, not {n}")))?;
    if threads.is_none() {
        parallel::check_environment()?;
    }
    Ok(Options { special, errors, threads })
}

fn into_py_err(py: Python<'_>, stop: Stop) -> PyErr {
    match stop {
        Stop::Failure(failure) => failure.into_py_err(py, None),
        Stop::Signal(error) => error,
    }
}

/// What a missing text of a batch is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    /// An error.
    Error,
    /// A count that is missing, too.
    Null,
    /// No tokens.
    Zero,
}

impl Nulls {
    fn parse(nulls: &str) -> PyResult<Nulls> {
        match nulls {
            "error" => Ok(Nulls::Error),
            "null" => Ok(Nulls::Null),
            "zero" => Ok(Nulls::Zero),
            other => Err(PyValueError::new_err(format!(
                "nulls must be \"error\", \"null\" or \"zero\", not {other:?}"
            ))),
        }
    }
}
