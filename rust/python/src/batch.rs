//! What a caller may pass as texts, as slices of documents.
//!
//! Nothing is copied: `str`, `bytes` and Arrow buffers are borrowed from objects that are held while the
//! GIL is released. Generators and fixed-width numpy arrays, which make their elements only when
//! asked, are read in slices of bounded size.

use fasttok_engine::Utf8Errors;
use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyList, PySlice, PyString, PyTuple};

use crate::arrow;
use crate::document::Document;
use crate::errors::{Failure, Offsets, input_error};
use crate::strings;

/// Documents in a slice.
const SLICE: usize = 1 << 16;
/// Bytes of elements that only the slice keeps alive.
const SLICE_BYTES: usize = 32 << 20;

/// A text and the reference that keeps it alive.
pub enum Held<'py> {
    /// A `str` that is read where it is.
    Str(Bound<'py, PyString>),
    /// The temporary UTF-8 of a `str` that cannot.
    Encoded(Bound<'py, PyBytes>),
    /// A `bytes`.
    Bytes(Bound<'py, PyBytes>),
}

impl Held<'_> {
    /// The text, borrowed from the object.
    pub fn document(&self) -> PyResult<Document<'_>> {
        match self {
            Held::Str(text) => strings::borrow(text)
                .ok_or_else(|| PyTypeError::new_err("the text cannot be read any more")),
            Held::Encoded(bytes) => Ok(Document::Utf8(bytes.as_bytes())),
            Held::Bytes(bytes) => Ok(Document::Bytes(bytes.as_bytes())),
        }
    }

    /// Bytes of memory that would be free if it were not for this.
    fn kept(&self, owned: bool) -> usize {
        match self {
            Held::Encoded(bytes) => bytes.as_bytes().len(),
            Held::Bytes(bytes) if owned => bytes.as_bytes().len(),
            Held::Str(text) if owned => match strings::borrow(text) {
                Some(Document::Ucs2(units)) => 2 * units.len(),
                Some(Document::Ucs4(units)) => 4 * units.len(),
                Some(document) => document.len(),
                None => 0,
            },
            Held::Bytes(_) | Held::Str(_) => 0,
        }
    }
}

/// `text` as it is, where it can be read without help: what [`hold`] and [`Held::document`] give for
/// most texts, for half the price. The caller's reference keeps it alive.
pub fn borrow<'a>(text: &'a Bound<'_, PyAny>) -> Option<Document<'a>> {
    match text.cast::<PyString>() {
        Ok(text) => strings::borrow(text),
        Err(_) => Some(Document::Bytes(text.cast::<PyBytes>().ok()?.as_bytes())),
    }
}

/// Takes a reference to `text`, element `index` of a batch or the only text.
pub fn hold<'py>(
    text: &Bound<'py, PyAny>,
    errors: Utf8Errors,
    index: Option<usize>,
) -> PyResult<Held<'py>> {
    if let Ok(text) = text.cast::<PyString>() {
        return match strings::borrow(text) {
            Some(_) => Ok(Held::Str(text.clone())),
            None => hold_encoded(text, errors, index),
        };
    }
    if let Ok(bytes) = text.cast::<PyBytes>() {
        return Ok(Held::Bytes(bytes.clone()));
    }
    Err(wrong_element(text, index))
}

#[cold]
fn hold_encoded<'py>(
    text: &Bound<'py, PyString>,
    errors: Utf8Errors,
    index: Option<usize>,
) -> PyResult<Held<'py>> {
    let py = text.py();
    match (strings::encode(text), errors) {
        (Ok(bytes), _) => Ok(Held::Encoded(bytes)),
        (Err(e), Utf8Errors::Strict) if e.is_instance_of::<PyUnicodeEncodeError>(py) => {
            let offset = e.value(py).getattr("start")?.extract()?;
            let failure = Failure {
                document: 0,
                error: fasttok_engine::Error::InvalidUtf8 { offset },
                offset,
                offsets: Offsets::Characters,
            };
            Err(failure.into_py_err(py, index))
        }
        (Err(e), Utf8Errors::Replace) if e.is_instance_of::<PyUnicodeEncodeError>(py) => {
            let text = text
                .call_method1("encode", ("utf-16", "surrogatepass"))?
                .call_method1("decode", ("utf-16", "replace"))?
                .cast_into::<PyString>()?;
            Ok(Held::Encoded(strings::encode(&text)?))
        }
        (Err(e), _) => Err(e),
    }
}

#[cold]
fn wrong_element(text: &Bound<'_, PyAny>, index: Option<usize>) -> PyErr {
    let kind = match text.get_type().name() {
        Ok(name) => name.to_string(),
        Err(e) => return e,
    };
    match index {
        None => PyTypeError::new_err(format!("the text must be str or bytes, not {kind}")),
        Some(index) if is_missing(text, &kind) => null_error(text.py(), index),
        Some(index) => {
            let error =
                PyTypeError::new_err(format!("texts[{index}] must be str or bytes, not {kind}"));
            match error.value(text.py()).setattr("index", index) {
                Ok(()) => error,
                Err(e) => e,
            }
        }
    }
}

/// Whether this is what a column has in the place of a missing text.
fn is_missing(value: &Bound<'_, PyAny>, kind: &str) -> bool {
    value.is_none()
        || kind == "NAType"
        || kind == "NaTType"
        || value.cast::<PyFloat>().is_ok_and(|x| x.value().is_nan())
}

fn null_error(py: Python<'_>, index: usize) -> PyErr {
    let message = format!(
        "texts[{index}] is missing (None or null); drop missing texts or fill them, with \"\" for \
         a count of 0"
    );
    input_error(py, message, index)
}

/// How many texts there are, as far as that is known; not more than is sensible to reserve.
pub fn len_hint(texts: &Bound<'_, PyAny>) -> usize {
    texts.len().unwrap_or(0).min(1 << 24)
}

/// Receives one slice of documents after the other.
pub type Receive<'f> = dyn FnMut(&[Document<'_>]) -> PyResult<()> + 'f;

/// Calls `receive` with the documents of `texts`, slice by slice, in order.
pub fn for_each_slice(
    texts: &Bound<'_, PyAny>,
    errors: Utf8Errors,
    receive: &mut Receive<'_>,
) -> PyResult<()> {
    let py = texts.py();
    if let Ok(list) = texts.cast_exact::<PyList>() {
        // By index, with the length asked anew: another thread may change the list between slices.
        let mut i = 0;
        let mut next = || {
            let item = (i < list.len()).then(|| list.get_item(i)).transpose();
            i += 1;
            item
        };
        return elements(&mut next, 0, false, errors, receive).map(drop);
    }
    if let Ok(tuple) = texts.cast_exact::<PyTuple>() {
        let mut items = tuple.iter();
        return elements(&mut || Ok(items.next()), 0, false, errors, receive).map(drop);
    }
    if texts.is_instance_of::<PyString>() || texts.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err(
            "texts must be a collection of texts; for a single one use count or encode",
        ));
    }
    let module = texts.get_type().getattr(intern!(py, "__module__"))?;
    let module = module.extract::<String>().unwrap_or_default();
    if module.starts_with("pandas.") && texts.hasattr("dtype")? {
        let array = texts.getattr("array")?;
        let dtype = texts.getattr("dtype")?;
        let storage = match dtype.getattr_opt("storage")? {
            Some(storage) => storage.extract::<String>().unwrap_or_default(),
            None => String::new(),
        };
        return if storage == "pyarrow" || dtype.hasattr("pyarrow_dtype")? {
            arrow_column(&array.call_method0("__arrow_array__")?, receive)
        } else {
            numpy(&texts.call_method0("to_numpy")?, errors, receive)
        };
    }
    if texts.hasattr(intern!(py, "__arrow_c_stream__"))?
        || texts.hasattr(intern!(py, "__arrow_c_array__"))?
    {
        return arrow_column(texts, receive);
    }
    if module == "numpy" && texts.hasattr("dtype")? {
        return numpy(texts, errors, receive);
    }
    let mut items = texts.try_iter().map_err(|_| not_texts(texts))?;
    elements(&mut || items.next().transpose(), 0, true, errors, receive).map(drop)
}

fn not_texts(texts: &Bound<'_, PyAny>) -> PyErr {
    match texts.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!(
            "texts must be a list, an iterable or a column of str or bytes, not {kind}"
        )),
        Err(e) => e,
    }
}

/// Slices of what `next` gives; `first` is the index of the first element, `owned` says that
/// nobody else keeps the elements. Returns how many there were.
fn elements<'py>(
    next: &mut dyn FnMut() -> PyResult<Option<Bound<'py, PyAny>>>,
    first: usize,
    owned: bool,
    errors: Utf8Errors,
    receive: &mut Receive<'_>,
) -> PyResult<usize> {
    let mut total = 0;
    let mut held = Vec::new();
    loop {
        held.clear();
        let mut kept = 0;
        while held.len() < SLICE && kept < SLICE_BYTES {
            let Some(text) = next()? else { break };
            let text = hold(&text, errors, Some(first + total + held.len()))?;
            kept += text.kept(owned);
            held.push(text);
        }
        if held.is_empty() {
            return Ok(total);
        }
        let documents = held.iter().map(Held::document).collect::<PyResult<Vec<_>>>()?;
        receive(&documents)?;
        total += held.len();
    }
}

/// A numpy array of objects or of fixed-width strings.
fn numpy(texts: &Bound<'_, PyAny>, errors: Utf8Errors, receive: &mut Receive<'_>) -> PyResult<()> {
    let dtype = texts.getattr("dtype")?;
    let kind: String = dtype.getattr("kind")?.extract()?;
    let dimensions: usize = texts.getattr("ndim")?.extract()?;
    if dimensions != 1 {
        return Err(PyTypeError::new_err(format!(
            "texts must be a one-dimensional array, not one of {dimensions} dimensions"
        )));
    }
    let len = texts.len()?;
    // An empty array has the type of nothing: numpy makes it float.
    if len != 0 && !matches!(kind.as_str(), "O" | "U" | "S" | "T") {
        return Err(PyTypeError::new_err(format!(
            "texts must be an array of str or bytes, not of {}",
            dtype.str()?
        )));
    }
    let fixed_width = matches!(kind.as_str(), "U" | "S");
    let item: usize = dtype.getattr("itemsize")?.extract()?;
    let step = if fixed_width { (SLICE_BYTES / item.max(1)).clamp(1, SLICE) } else { SLICE };
    let mut start = 0;
    while start < len {
        let slice = PySlice::new(texts.py(), start as isize, (start + step) as isize, 1);
        // `tolist` makes plain str and bytes, without the padding, whatever strides and byte order.
        let items = texts.get_item(slice)?.call_method0("tolist")?.cast_into::<PyList>()?;
        let mut items = items.iter();
        let read = elements(&mut || Ok(items.next()), start, kind != "O", errors, receive)?;
        start += read.max(1);
    }
    Ok(())
}

/// Anything that speaks the Arrow PyCapsule interface.
fn arrow_column(texts: &Bound<'_, PyAny>, receive: &mut Receive<'_>) -> PyResult<()> {
    let py = texts.py();
    let Some(columns) = arrow::columns(texts)? else {
        return match texts.len() {
            Ok(0) => Ok(()),
            _ => Err(null_error(py, 0)),
        };
    };
    let mut total = 0;
    for column in columns {
        let column = column?;
        let mut documents = Vec::with_capacity(column.len().min(SLICE));
        let mut start = 0;
        while start < column.len() {
            documents.clear();
            for i in start..column.len().min(start + SLICE) {
                let document = column.get(i).ok_or_else(|| null_error(py, total + i))?;
                documents.push(document);
            }
            receive(&documents)?;
            start += documents.len();
        }
        total += column.len();
    }
    Ok(())
}
