//! Records of JSON lines of which Python asks for some members, and the counting of texts in them: a text goes from the
//! file to its count without becoming a `str`. What a record means is not decided here.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use fasttok_corpus::{JsonKind, JsonTree, LanguageLabels, detector, digest};
use fasttok_engine::Utf8Errors;
use fasttok_parallel::{Abort, Invalid, Output, SharedCounter, StoredText};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyIterator, PyList, PyString, PyTuple};

use crate::corpus::to_py as corpus_error;
use crate::encoding::{Encoding, options};
use crate::ending::{Call, detach};
use crate::errors;
use crate::options::BUILT_IN_DETECTOR;
use crate::results::PositionParts;

/// A string of so many bytes and more stays in its record.
const LONG: usize = 64;

/// A line of a file, and the JSON that it is.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct JsonLine {
    file: Py<PyString>,
    position: fasttok_corpus::Position,
    read: Result<Arc<JsonTree>, (String, String)>,
}

/// A document that was read as JSON, by a thread without Python.
pub struct ReadLine {
    pub file: String,
    pub position: fasttok_corpus::Position,
    pub read: Result<JsonTree, (String, String)>,
}

impl ReadLine {
    /// `scratch` is kept for the next one.
    pub fn new(document: fasttok_corpus::Document, scratch: &mut Vec<u8>) -> ReadLine {
        let fasttok_corpus::Document { text, file, position, .. } = document;
        ReadLine { file, position, read: JsonTree::parse_with(text, scratch) }
    }
}

impl JsonLine {
    /// The lines of a batch. Those of one file have one name.
    pub fn all(py: Python<'_>, lines: Vec<ReadLine>) -> Vec<JsonLine> {
        let mut last: Option<(String, Py<PyString>)> = None;
        let mut made = Vec::with_capacity(lines.len());
        for ReadLine { file, position, read } in lines {
            let name = match &last {
                Some((known, name)) if *known == file => name.clone_ref(py),
                _ => {
                    let name = PyString::new(py, &file).unbind();
                    last = Some((file, name.clone_ref(py)));
                    name
                }
            };
            made.push(JsonLine { file: name, position, read: read.map(Arc::new) });
        }
        made
    }
}

#[pymethods]
impl JsonLine {
    /// The file, as the ledger would name it.
    #[getter]
    fn file(&self, py: Python<'_>) -> Py<PyString> {
        self.file.clone_ref(py)
    }

    /// The line, from 1.
    #[getter]
    fn line(&self) -> Option<u64> {
        self.position.line()
    }

    /// Where it is in the file: what it is the number of, and the number; ``member`` is a name.
    #[getter]
    fn position(&self) -> PositionParts {
        PositionParts::of(&self.position)
    }

    /// All of it, as it is written.
    #[getter]
    fn text(&self) -> &str {
        match &self.read {
            Ok(tree) => tree.record(),
            Err((text, _)) => text,
        }
    }

    /// Its length in bytes of UTF-8, without its end.
    #[getter]
    fn bytes(&self) -> usize {
        self.text().len()
    }

    /// What it says: a :class:`JsonObject`, :class:`JsonArray` or :class:`JsonText`, or a value of Python; None
    /// where it is no JSON.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.read.as_ref().ok().map(|tree| value(py, tree, 0)).transpose()
    }

    /// Why it is no JSON; None where it is.
    #[getter]
    fn fault(&self) -> Option<&str> {
        self.read.as_ref().err().map(|(_, fault)| fault.as_str())
    }
}

/// A value in a record.
#[derive(Clone)]
struct Value {
    tree: Arc<JsonTree>,
    at: u32,
}

impl Value {
    fn text<'a>(&'a self, buffer: &'a mut Vec<u8>) -> &'a str {
        self.tree.text(self.at, buffer)
    }
}

/// The value of Python: a small one by itself, any other as what stands for it.
fn value<'py>(py: Python<'py>, tree: &Arc<JsonTree>, at: u32) -> PyResult<Bound<'py, PyAny>> {
    let of = || Value { tree: Arc::clone(tree), at };
    let raw = tree.raw(at);
    Ok(match tree.kind(at) {
        JsonKind::Null => py.None().into_bound(py),
        JsonKind::True => true.into_pyobject(py)?.to_owned().into_any(),
        JsonKind::False => false.into_pyobject(py)?.to_owned().into_any(),
        JsonKind::Number => number(py, raw)?,
        // No escape is more than six times as long as what it stands for.
        JsonKind::String if raw.len() - 2 < 6 * LONG => {
            let mut buffer = Vec::new();
            match tree.text(at, &mut buffer) {
                text if text.len() < LONG => PyString::new(py, text).into_any(),
                _ => Bound::new(py, JsonText(of()))?.into_any(),
            }
        }
        JsonKind::String => Bound::new(py, JsonText(of()))?.into_any(),
        JsonKind::Array => Bound::new(py, JsonArray(of()))?.into_any(),
        JsonKind::Object => Bound::new(py, JsonObject(of()))?.into_any(),
    })
}

fn number<'py>(py: Python<'py>, raw: &str) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(number) = raw.parse::<i64>() {
        return Ok(number.into_pyobject(py)?.into_any());
    }
    let is_whole = !raw.contains(['.', 'e', 'E']);
    let whole = is_whole.then(|| py.get_type::<PyInt>().call1((raw,)));
    match whole {
        Some(Ok(whole)) => Ok(whole),
        // Python makes no number of that many digits.
        _ => Ok(raw.parse::<f64>().unwrap_or(f64::NAN).into_pyobject(py)?.into_any()),
    }
}

/// All of a value, made of Python's own.
fn plain<'py>(py: Python<'py>, of: &Value) -> PyResult<Bound<'py, PyAny>> {
    let Value { tree, at } = of;
    let inner = |at| plain(py, &Value { tree: Arc::clone(tree), at });
    match tree.kind(*at) {
        JsonKind::Array => {
            let values = tree.children(*at).map(inner).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, values)?.into_any())
        }
        JsonKind::Object => {
            let made = PyDict::new(py);
            let mut children = tree.children(*at);
            while let (Some(name), Some(value)) = (children.next(), children.next()) {
                made.set_item(tree.text(name, &mut Vec::new()), inner(value)?)?;
            }
            Ok(made.into_any())
        }
        JsonKind::String => Ok(PyString::new(py, of.text(&mut Vec::new())).into_any()),
        _ => value(py, tree, *at),
    }
}

/// An object of JSON, whose members are looked up in the record.
#[pyclass(frozen, mapping, module = "fasttok._fasttok")]
pub struct JsonObject(Value);

impl JsonObject {
    fn member<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Value { tree, at } = &self.0;
        let Ok(name) = name.cast::<PyString>() else { return Ok(None) };
        // Half of a surrogate pair is in no name.
        let Ok(key) = name.to_str() else { return Ok(None) };
        tree.member(*at, key).map(|at| value(name.py(), tree, at)).transpose()
    }
}

#[pymethods]
impl JsonObject {
    /// The value of the member `name`, or `default`.
    #[pyo3(signature = (name, default = None, /))]
    fn get<'py>(
        &self,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.member(name)?.or(default))
    }

    /// Of each of these members the string that it is; None where there is none, or an empty one.
    #[pyo3(signature = (*names))]
    fn names<'py>(&self, names: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
        let Value { tree, at } = &self.0;
        let (py, mut buffer) = (names.py(), Vec::new());
        let of = |name: Bound<'py, PyAny>| -> PyResult<Option<Bound<'py, PyString>>> {
            let found = tree.member(*at, name.cast::<PyString>()?.to_str()?);
            let string = found.filter(|at| tree.kind(*at) == JsonKind::String);
            let text = string.map(|at| tree.text(at, &mut buffer)).filter(|text| !text.is_empty());
            Ok(text.map(|text| PyString::new(py, text)))
        };
        PyTuple::new(py, names.iter().map(of).collect::<PyResult<Vec<_>>>()?)
    }

    /// Of each of these members the whole number above 0 that it is; 0 where there is none.
    #[pyo3(signature = (*names))]
    fn counts<'py>(&self, names: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyTuple>> {
        let Value { tree, at } = &self.0;
        let of = |name: Bound<'py, PyAny>| -> PyResult<u64> {
            let found = tree.member(*at, name.cast::<PyString>()?.to_str()?);
            let number = found.filter(|at| tree.kind(*at) == JsonKind::Number);
            Ok(number.and_then(|at| tree.raw(at).parse().ok()).unwrap_or(0))
        };
        PyTuple::new(names.py(), names.iter().map(of).collect::<PyResult<Vec<_>>>()?)
    }

    fn __getitem__<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.member(name)?.ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        let name = name.cast::<PyString>().ok().and_then(|name| name.to_str().ok());
        name.is_some_and(|name| self.0.tree.member(self.0.at, name).is_some())
    }

    /// The names of its members, each once.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let names = PyDict::new(py);
        for name in self.0.tree.children(self.0.at).step_by(2) {
            names.set_item(self.0.tree.text(name, &mut Vec::new()), ())?;
        }
        Ok(names.keys())
    }

    fn __len__(&self) -> usize {
        self.0.tree.children(self.0.at).count() / 2
    }

    /// JSON without blanks.
    fn __str__(&self) -> String {
        self.0.text(&mut Vec::new()).to_owned()
    }

    /// All of it, as a dict.
    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.0)
    }

    /// Its length in bytes, as it is written.
    #[getter]
    fn bytes(&self) -> usize {
        self.0.tree.raw(self.0.at).len()
    }
}

/// An array of JSON.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct JsonArray(Value);

#[pymethods]
impl JsonArray {
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let Value { tree, at } = &self.0;
        let values = tree.children(*at).map(|at| value(py, tree, at));
        PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.0.tree.children(self.0.at).count()
    }

    /// The objects in it.
    fn objects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let Value { tree, at } = &self.0;
        let objects = tree.children(*at).filter(|at| tree.kind(*at) == JsonKind::Object);
        let made = objects.map(|at| JsonObject(Value { tree: Arc::clone(tree), at }));
        PyList::new(py, made.collect::<Vec<_>>())
    }

    /// JSON without blanks.
    fn __str__(&self) -> String {
        self.0.text(&mut Vec::new()).to_owned()
    }

    /// All of it, as a list.
    fn plain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.0)
    }

    /// Its length in bytes, as it is written.
    #[getter]
    fn bytes(&self) -> usize {
        self.0.tree.raw(self.0.at).len()
    }
}

/// A string of JSON that stays in its record, for it is long. ``str()`` gives it.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct JsonText(Value);

#[pymethods]
impl JsonText {
    fn __str__(&self) -> String {
        self.0.text(&mut Vec::new()).to_owned()
    }

    /// Its length in bytes, as it is written.
    #[getter]
    fn bytes(&self) -> usize {
        self.0.tree.raw(self.0.at).len() - 2
    }

    /// The value that it is the JSON of; itself where it begins neither an array nor an object, or is no JSON.
    fn parsed<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let mut buffer = Vec::new();
        let text = this.get().0.text(&mut buffer);
        if !text.starts_with(['[', '{']) {
            return Ok(this.clone().into_any());
        }
        match JsonTree::parse(text.to_owned()) {
            Ok(tree) => value(this.py(), &Arc::new(tree), 0),
            Err(_) => Ok(this.clone().into_any()),
        }
    }
}

/// The value that `text` is the JSON of. Raises ``ValueError``.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn _read_json<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
    match JsonTree::parse(text.to_string_lossy().into_owned()) {
        Ok(tree) => value(text.py(), &Arc::new(tree), 0),
        Err((_, fault)) => Err(PyValueError::new_err(fault)),
    }
}

/// A text of Python's, or one in a record.
enum Text {
    Whole(String),
    InRecord(Value),
}

impl Text {
    fn of(given: &Bound<'_, PyAny>) -> PyResult<Text> {
        if let Ok(text) = given.cast::<JsonText>() {
            return Ok(Text::InRecord(text.get().0.clone()));
        }
        if let Ok(text) = given.cast::<PyString>() {
            return Ok(Text::Whole(text.to_string_lossy().into_owned()));
        }
        if let Ok(object) = given.cast::<JsonObject>() {
            return Ok(Text::InRecord(object.get().0.clone()));
        }
        if let Ok(array) = given.cast::<JsonArray>() {
            return Ok(Text::InRecord(array.get().0.clone()));
        }
        Err(PyTypeError::new_err(format!("a text is a str or a value of JSON, not {given}")))
    }

    fn read<'a>(&'a self, buffer: &'a mut Vec<u8>) -> &'a str {
        match self {
            Text::Whole(text) => text,
            Text::InRecord(value) => value.text(buffer),
        }
    }

    /// The same in a form that may be cut, if it is so long that it is.
    fn cuttable(self) -> Text {
        match self {
            Text::InRecord(value) if value.tree.raw(value.at).len() > CUT => {
                Text::Whole(value.text(&mut Vec::new()).to_owned())
            }
            text => text,
        }
    }
}

/// No shorter text is cut into parts.
const CUT: usize = 1 << 18;

impl StoredText for Text {
    fn units(&self) -> usize {
        match self {
            Text::Whole(text) => text.len(),
            Text::InRecord(value) => value.tree.raw(value.at).len(),
        }
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        match self {
            Text::Whole(text) => text.as_str().decode(range, errors, scratch),
            Text::InRecord(value) => Ok(Cow::Borrowed(value.text(scratch))),
        }
    }

    fn reading_start(&self, unit: usize) -> usize {
        match self {
            Text::Whole(text) => text.as_str().reading_start(unit),
            Text::InRecord(_) => unreachable!("it is not cut"),
        }
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        match self {
            Text::Whole(text) => text.as_str().units_of(start, bytes),
            Text::InRecord(_) => unreachable!("it is not cut"),
        }
    }
}

/// Counts by encoding and by text, and languages by text.
type Counted = (Vec<Vec<u64>>, Option<Vec<String>>);

/// The tokens of each text by each of the encodings, and with `detect_bytes` the language of each, of which so much
/// is looked at. A text is a str or a value of JSON: of an object or array JSON without blanks.
#[pyfunction]
#[pyo3(signature = (texts, encodings, detect_bytes, threads, /))]
pub fn _count_values<'py>(
    py: Python<'py>,
    texts: Vec<Bound<'py, PyAny>>,
    encodings: Vec<Bound<'py, Encoding>>,
    detect_bytes: Option<usize>,
    threads: Option<i64>,
) -> PyResult<Counted> {
    let _call = Call::enter(py);
    let texts = texts.iter().map(|text| Ok(Text::of(text)?.cuttable()));
    let texts = texts.collect::<PyResult<Vec<Text>>>()?;
    let counters: Vec<Arc<SharedCounter>> =
        encodings.iter().map(|encoding| encoding.get().shared()).collect();
    let options = options("text", "replace", threads)?;
    let (counts, languages) = detach(py, || {
        let count = |counter: &Arc<SharedCounter>| {
            let run = counter.run(&texts, &options, Output::Counts, &mut || Ok(()));
            run.map(|tokens| tokens.counts)
        };
        let counts: Result<Vec<_>, Abort> = counters.iter().map(count).collect();
        (counts, detect_bytes.map(|bytes| languages(&texts, bytes)))
    });
    let counts = counts.map_err(|abort| match abort {
        Abort::Failure(failure) => errors::to_py_err(py, &failure.error),
        Abort::Cancelled => unreachable!("nobody cancels"),
    })?;
    Ok((counts, languages.transpose().map_err(|e| corpus_error(py, e))?))
}

/// The languages of texts, by the beginning of each.
fn languages(texts: &[Text], detect_bytes: usize) -> Result<Vec<String>, fasttok_corpus::Error> {
    let detector = detector(BUILT_IN_DETECTOR);
    let labels = LanguageLabels { detector, detect_bytes, ..LanguageLabels::default() };
    let mut buffer = Vec::new();
    let beginnings: Vec<String> =
        texts.iter().map(|text| labels.beginning(text.read(&mut buffer)).to_owned()).collect();
    labels.of_texts(&beginnings.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Sixteen bytes that stand for texts or values of JSON, in their order: equal for equal ones.
#[pyfunction]
#[pyo3(signature = (*parts))]
pub fn _digest<'py>(parts: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyBytes>> {
    let of = |part: Bound<'py, PyAny>| (!part.is_none()).then(|| Text::of(&part)).transpose();
    let parts_ = parts.iter().map(of).collect::<PyResult<Vec<Option<Text>>>>()?;
    let mut buffers = vec![Vec::new(); parts_.len()];
    let texts =
        parts_.iter().zip(&mut buffers).map(|(part, buffer)| part.as_ref().map(|p| p.read(buffer)));
    Ok(PyBytes::new(parts.py(), &digest(texts)))
}
