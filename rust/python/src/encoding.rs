//! The class `Encoding`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use fasttok_engine::{FileOptions, Known, Pretokenizer, Special, Utf8Errors};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

use crate::arrays;
use crate::batch;
use crate::errors::to_py_err;
use crate::parallel::{Engine, Options, Stop, Want};

/// A named tokenizer: immutable, shared between threads.
#[pyclass(frozen, weakref, module = "fasttok._fasttok", name = "Encoding")]
pub struct Encoding {
    engine: Engine,
    /// How Python made it, for pickling; nothing for the embedded ones.
    origin: Option<Py<PyAny>>,
}

impl Encoding {
    /// The encoding of the engine.
    pub fn engine(&self) -> Arc<fasttok_engine::Encoding> {
        self.engine.encoding.clone()
    }
}

/// The names of the embedded encodings, aliases included.
#[pyfunction]
#[pyo3(name = "_embedded_names")]
pub fn embedded_names() -> Vec<&'static str> {
    fasttok_engine::Encoding::embedded_names().collect()
}

/// What is known of the rank file with this SHA-256.
#[pyfunction]
#[pyo3(name = "_known_rank_file")]
#[allow(clippy::type_complexity)]
pub fn known_rank_file(hash: &str) -> Option<(&'static str, bool, Vec<(String, u32)>)> {
    Known::by_hash(hash).map(|known| (known.pretokenizer, known.nfc, (known.special_tokens)()))
}

/// The regular expression of a family, if it is a single one.
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
        let encoding = py
            .detach(|| fasttok_engine::Encoding::embedded(name))
            .map_err(|e| to_py_err(py, &e))?;
        Ok(Encoding { engine: Engine::new(encoding), origin: None })
    }

    /// The tokenizer in the bytes of a file. `origin`: see `fasttok._load`.
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
        let encoding = py
            .detach(|| fasttok_engine::Encoding::from_file_bytes(data, options))
            .map_err(|e| to_py_err(py, &e))?;
        Ok(Encoding { engine: Engine::new(Arc::new(encoding)), origin })
    }

    #[getter]
    fn name(&self) -> &str {
        self.engine.encoding.name()
    }

    #[getter]
    fn hash(&self) -> &str {
        self.engine.encoding.hash()
    }

    #[getter]
    fn pretokenizer(&self) -> &str {
        self.engine.encoding.pretokenizer().name()
    }

    #[getter]
    fn normalization(&self) -> Vec<&'static str> {
        self.engine.encoding.normalization()
    }

    #[getter]
    fn n_vocab(&self) -> u32 {
        self.engine.encoding.n_vocab()
    }

    #[getter]
    fn special_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for (token, id) in self.engine.encoding.special_tokens() {
            tokens.set_item(token, id)?;
        }
        Ok(tokens)
    }

    #[getter]
    fn added_tokens<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tokens = PyDict::new(py);
        for token in self.engine.encoding.added_tokens() {
            tokens.set_item(&token.content, token.id)?;
        }
        Ok(tokens)
    }

    #[getter]
    fn _has_compiled(&self) -> bool {
        self.engine.encoding.has_compiled()
    }

    /// The form that loads fastest, if there is one.
    fn _compiled<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let data = py.detach(|| self.engine.encoding.compiled())?;
        Some(PyBytes::new(py, &data))
    }

    #[classattr]
    const _COMPILED_VERSION: u32 = fasttok_engine::Encoding::COMPILED_VERSION;

    #[getter]
    fn _origin(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.origin.as_ref().map(|origin| origin.clone_ref(py))
    }

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
                held = batch::hold(text, options.errors, None)?;
                held.document()?
            }
        };
        self.engine.count(py, document, options).map_err(|stop| into_py_err(py, stop, None))
    }

    #[pyo3(signature = (texts, *, special = "text", errors = "strict", threads = None))]
    fn count_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        threads: Option<i64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(special, errors, threads)?;
        let mut counts: Vec<i64> = Vec::with_capacity(batch::len_hint(texts));
        batch::for_each_slice(texts, options.errors, &mut |documents| {
            let first = counts.len();
            let tokens = self
                .engine
                .run(py, documents, options, Want::Counts)
                .map_err(|stop| into_py_err(py, stop, Some(first)))?;
            counts.extend(tokens.counts.iter().map(|&count| count as i64));
            Ok(())
        })?;
        arrays::int64(py, &counts)
    }

    #[pyo3(signature = (text, *, special = "text", errors = "strict"))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = options(special, errors, None)?;
        let held = batch::hold(text, options.errors, None)?;
        let tokens = self
            .engine
            .run(py, &[held.document()?], options, Want::Ids)
            .map_err(|stop| into_py_err(py, stop, None))?;
        arrays::uint32(py, &tokens.ids)
    }

    #[pyo3(signature = (texts, *, special = "text", errors = "strict", threads = None))]
    fn encode_batch<'py>(
        &self,
        py: Python<'py>,
        texts: &Bound<'py, PyAny>,
        special: &str,
        errors: &str,
        threads: Option<i64>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let options = options(special, errors, threads)?;
        let mut ids: Vec<u32> = Vec::new();
        let mut offsets: Vec<i64> = vec![0];
        batch::for_each_slice(texts, options.errors, &mut |documents| {
            let first = offsets.len() - 1;
            let tokens = self
                .engine
                .run(py, documents, options, Want::Ids)
                .map_err(|stop| into_py_err(py, stop, Some(first)))?;
            let mut end = ids.len() as i64;
            offsets.extend(tokens.counts.iter().map(|&count| {
                end += count as i64;
                end
            }));
            if ids.is_empty() {
                ids = tokens.ids;
            } else {
                ids.extend_from_slice(&tokens.ids);
            }
            Ok(())
        })?;
        Ok((arrays::uint32(py, &ids)?, arrays::int64(py, &offsets)?))
    }

    #[pyo3(signature = (ids, errors = "replace"))]
    fn decode<'py>(&self, ids: &Bound<'py, PyAny>, errors: &str) -> PyResult<Bound<'py, PyString>> {
        let bytes = self.decode_bytes(ids)?;
        bytes.call_method1("decode", ("utf-8", errors))?.cast_into::<PyString>().map_err(Into::into)
    }

    fn decode_bytes<'py>(&self, ids: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = ids.py();
        let ids = arrays::token_ids(ids)?;
        let bytes = py
            .detach(|| {
                let mut bytes = Vec::new();
                self.engine.encoding.decode(&ids, &mut bytes).map(|()| bytes)
            })
            .map_err(|e| to_py_err(py, &e))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn __repr__(&self) -> String {
        format!("<Encoding {:?}>", self.engine.encoding.name())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Encoding>().is_ok_and(|other| {
            let (one, other) = (&self.engine.encoding, &other.get().engine.encoding);
            Arc::ptr_eq(one, other) || one == other
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let encoding = &self.engine.encoding;
        (encoding.name(), encoding.hash()).into_pyobject(py)?.hash()
    }

    /// An embedded one by name: what unpickles is the shared object that `get_encoding` gives. Others as
    /// `fasttok._load` says.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        if slf.get().origin.is_some() {
            let reduce = py.import("fasttok._load")?.getattr("reduce")?;
            return reduce.call1((slf,))?.cast_into::<PyTuple>().map_err(Into::into);
        }
        let get = py.import("fasttok")?.getattr("get_encoding")?;
        (get, (slf.get().engine.encoding.name(),)).into_pyobject(py)
    }
}

fn options(special: &str, errors: &str, threads: Option<i64>) -> PyResult<Options> {
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
    Ok(Options { special, errors, threads })
}

fn into_py_err(py: Python<'_>, stop: Stop, first: Option<usize>) -> PyErr {
    match stop {
        Stop::Failure(failure) => {
            let index = first.map(|first| first + failure.document);
            failure.into_py_err(py, index)
        }
        Stop::Signal(error) => error,
    }
}
