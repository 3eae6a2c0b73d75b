//! What a caller may pass as texts, as slices of documents.
//!
//! Nothing is copied: `str`, `bytes` and Arrow buffers are borrowed from objects that are held while the
//! GIL is released. Generators and fixed-width numpy arrays, which make their elements only when
//! asked, are read in slices of bounded size.

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyByteArray, PyBytes, PyDict, PyFloat, PyList, PyMapping, PyMemoryView, PySlice, PyString,
    PyTuple,
};

use crate::arrow;
use crate::document::Document;
use crate::errors::input_error;
use crate::parallel::Stop;
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
    /// The characters of one that has surrogates.
    Characters(Vec<u32>),
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
            Held::Characters(characters) => Ok(Document::Ucs4(characters)),
            Held::Bytes(bytes) => Ok(Document::Bytes(bytes.as_bytes())),
        }
    }

    /// Bytes of memory that would be free if it were not for this.
    fn kept(&self, owned: bool) -> usize {
        match self {
            Held::Encoded(bytes) => bytes.as_bytes().len(),
            Held::Characters(characters) => 4 * characters.len(),
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
pub fn hold<'py>(text: &Bound<'py, PyAny>, index: Option<usize>) -> PyResult<Held<'py>> {
    match hold_text(text.clone())? {
        Ok(held) => Ok(held),
        Err(text) => Err(wrong_element(&text, index)),
    }
}

/// As [`hold`], with the caller's reference; what is no text is given back.
#[inline(always)]
fn hold_text(text: Bound<'_, PyAny>) -> PyResult<Result<Held<'_>, Bound<'_, PyAny>>> {
    let text = match text.cast_into::<PyString>() {
        Ok(text) => {
            return match strings::borrow(&text) {
                Some(_) => Ok(Ok(Held::Str(text))),
                None => hold_encoded(&text).map(Ok),
            };
        }
        Err(other) => other.into_inner(),
    };
    Ok(text.cast_into::<PyBytes>().map(Held::Bytes).map_err(|other| other.into_inner()))
}

/// The text of a `str` that cannot be read where it is: its UTF-8, or its characters where there are surrogates.
#[cold]
fn hold_encoded<'py>(text: &Bound<'py, PyString>) -> PyResult<Held<'py>> {
    match strings::encode(text) {
        Ok(bytes) => Ok(Held::Encoded(bytes)),
        Err(e) if e.is_instance_of::<PyUnicodeEncodeError>(text.py()) => {
            let encoded = text.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
            let bytes = encoded.cast::<PyBytes>()?.as_bytes();
            let characters = bytes.as_chunks().0.iter().map(|&unit| u32::from_le_bytes(unit));
            Ok(Held::Characters(characters.collect()))
        }
        Err(e) => Err(e),
    }
}

#[cold]
fn wrong_element(text: &Bound<'_, PyAny>, index: Option<usize>) -> PyErr {
    let kind = match text.get_type().name() {
        Ok(name) => name,
        Err(e) => return e,
    };
    let Some(index) = index else {
        return PyTypeError::new_err(format!("the text must be str or bytes, not {kind}"));
    };
    let error = PyTypeError::new_err(format!("texts[{index}] must be str or bytes, not {kind}"));
    match error.value(text.py()).setattr("index", index) {
        Ok(()) => error,
        Err(e) => e,
    }
}

/// Whether this is what a column has in place of a missing text: None, NaN, pandas' NA and NaT,
/// what numpy masks, and whatever else of numpy or `decimal` is not equal to itself.
fn is_missing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_none() {
        return Ok(true);
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(number.value().is_nan());
    }
    match value.get_type().name()?.to_str()? {
        "NAType" | "NaTType" | "MaskedConstant" => Ok(true),
        "float16" | "float32" | "longdouble" | "datetime64" | "timedelta64" | "Decimal" => {
            value.ne(value)
        }
        _ => Ok(false),
    }
}

fn null_error(py: Python<'_>, index: usize) -> PyErr {
    let message = format!(
        "texts[{index}] is missing (None, NaN or null); drop missing texts, or pass nulls=\"zero\" to \
         take them as no tokens or nulls=\"null\" to have their counts masked"
    );
    input_error(py, message, index)
}

/// The indices of missing texts in a batch, ascending, where a missing text is no error.
#[derive(Default)]
pub struct Missing(Vec<usize>);

impl Missing {
    /// The index in the batch of the text that was the `given`-th of those that are not missing.
    fn index_of(&self, given: usize) -> usize {
        // Each missing text before it moves it up by one.
        let mut index = given;
        for &missing in &self.0 {
            if missing > index {
                break;
            }
            index += 1;
        }
        index
    }

    /// `counts` of the texts that are there, with a 0 for each that is missing.
    pub fn expand(&self, counts: Vec<i64>) -> Vec<i64> {
        if self.0.is_empty() {
            return counts;
        }
        let mut expanded = Vec::with_capacity(counts.len() + self.0.len());
        let mut counts = counts.into_iter();
        for &missing in &self.0 {
            expanded.extend(counts.by_ref().take(missing - expanded.len()));
            expanded.push(0);
        }
        expanded.extend(counts);
        expanded
    }

    /// For each of `len` texts 1 if it is missing, else 0.
    pub fn mask(&self, len: usize) -> Vec<u8> {
        let mut mask = vec![0; len];
        for &missing in &self.0 {
            mask[missing] = 1;
        }
        mask
    }
}

/// How many texts there are, as far as that is known; not more than is sensible to reserve.
pub fn len_hint(texts: &Bound<'_, PyAny>) -> usize {
    texts.len().unwrap_or(0).min(1 << 24)
}

/// Receives one slice of documents after the other.
pub type Receive<'f> = dyn FnMut(&[Document<'_>]) -> Result<(), Stop> + 'f;

/// Calls `receive` with the documents of `texts`, slice by slice, in order. Missing texts are put down in
/// `missing`, and are an error without it.
pub fn for_each_slice(
    texts: &Bound<'_, PyAny>,
    missing: Option<&mut Missing>,
    receive: &mut Receive<'_>,
) -> PyResult<()> {
    let mut slices = Slices { missing, receive, seen: 0, given: 0 };
    if let Ok(list) = texts.cast_exact::<PyList>() {
        // By index, with the length asked anew: another thread may change the list between slices.
        let mut i = 0;
        let mut next = || {
            let item = (i < list.len()).then(|| list.get_item(i)).transpose();
            i += 1;
            item
        };
        return slices.elements(texts.py(), &mut next, false);
    }
    if let Ok(tuple) = texts.cast_exact::<PyTuple>() {
        let mut items = tuple.iter();
        return slices.elements(texts.py(), &mut || Ok(items.next()), false);
    }
    refuse_what_is_no_batch(texts)?;
    if let Some(column) = pandas_array(texts)? {
        let dtype = column.getattr("dtype")?;
        let storage = match dtype.getattr_opt("storage")? {
            Some(storage) => storage.extract::<String>().unwrap_or_default(),
            None => String::new(),
        };
        return if storage == "pyarrow" || dtype.hasattr("pyarrow_dtype")? {
            slices.arrow(&column.call_method0("__arrow_array__")?)
        } else {
            slices.numpy(&column.call_method0("to_numpy")?)
        };
    }
    if texts.hasattr(intern!(texts.py(), "__arrow_c_stream__"))?
        || texts.hasattr(intern!(texts.py(), "__arrow_c_array__"))?
    {
        return slices.arrow(texts);
    }
    if is_of(texts, "numpy", &["ndarray"])? {
        return slices.numpy(texts);
    }
    let mut items = texts.try_iter().map_err(|_| not_texts(texts))?;
    slices.elements(texts.py(), &mut || items.next().transpose(), true)
}

/// What can be iterated over but gives something else than the texts that are meant, or gives it in a
/// form that is none.
pub fn refuse_what_is_no_batch(texts: &Bound<'_, PyAny>) -> PyResult<()> {
    if texts.is_instance_of::<PyString>()
        || texts.is_instance_of::<PyBytes>()
        || texts.is_instance_of::<PyByteArray>()
        || texts.is_instance_of::<PyMemoryView>()
    {
        return Err(PyTypeError::new_err(
            "texts must be a collection of texts; for a single one use count or encode",
        ));
    }
    if texts.cast::<PyMapping>().is_ok() {
        return Err(PyTypeError::new_err(
            "texts must not be a mapping: pass its values() or its keys(), whichever is meant",
        ));
    }
    if texts.hasattr("__fspath__")? {
        return Err(PyTypeError::new_err(
            "texts must not be a path: fasttok.count_corpus counts files",
        ));
    }
    if is_of(texts, "polars", &["LazyFrame"])? {
        return Err(PyTypeError::new_err(
            "texts must be one column, not a table: collect it, then pass a column of it",
        ));
    }
    if is_of(texts, "polars", &["Series"])? && texts.getattr("dtype")?.str()? == "Object" {
        // Such a column shows other libraries the addresses of its objects and nothing else.
        return Err(PyTypeError::new_err(
            "texts is a polars Series of dtype Object, which holds Python objects: pass its to_list()",
        ));
    }
    Ok(())
}

/// Whether `value` is of one of the classes of a module, which is not imported for it.
fn is_of(value: &Bound<'_, PyAny>, module: &str, classes: &[&str]) -> PyResult<bool> {
    let modules = value.py().import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let Some(module) = modules.get_item(module)? else {
        return Ok(false);
    };
    for class in classes {
        // Another thread may be importing the module.
        if let Some(class) = module.getattr_opt(*class)?
            && value.is_instance(&class)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The array of a pandas column or index; `None` for what is none of pandas.
fn pandas_array<'py>(texts: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    if is_of(texts, "pandas", &["MultiIndex"])? {
        return Err(PyTypeError::new_err(
            "texts must not be a MultiIndex: pass one level of it, as get_level_values(0)",
        ));
    }
    if is_of(texts, "pandas", &["Series", "Index"])? {
        return texts.getattr("array").map(Some);
    }
    let is_array = is_of(texts, "pandas.api.extensions", &["ExtensionArray"])?;
    Ok(is_array.then(|| texts.clone()))
}

fn not_texts(texts: &Bound<'_, PyAny>) -> PyErr {
    match texts.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!(
            "texts must be a list, an iterable or a column of str or bytes, not {kind}"
        )),
        Err(e) => e,
    }
}

/// A batch on its way to whoever counts it.
struct Slices<'a, 'f> {
    missing: Option<&'a mut Missing>,
    receive: &'a mut Receive<'f>,
    /// Texts so far, with the missing ones.
    seen: usize,
    /// Documents that were received.
    given: usize,
}

impl Slices<'_, '_> {
    fn pass(&mut self, py: Python<'_>, documents: &[Document<'_>]) -> PyResult<()> {
        if documents.is_empty() {
            return Ok(());
        }
        // A slice of short texts is counted before anybody has to look for signals.
        py.check_signals()?;
        (self.receive)(documents).map_err(|stop| match stop {
            Stop::Signal(error) => error,
            Stop::Failure(failure) => {
                let given = self.given + failure.document;
                let index = self.missing.as_ref().map_or(given, |missing| missing.index_of(given));
                failure.into_py_err(py, Some(index))
            }
        })?;
        self.given += documents.len();
        Ok(())
    }

    /// Takes down that the next text is missing.
    fn miss(&mut self, py: Python<'_>) -> PyResult<()> {
        match &mut self.missing {
            Some(missing) => missing.0.push(self.seen),
            None => return Err(null_error(py, self.seen)),
        }
        self.seen += 1;
        Ok(())
    }

    /// Takes down that the next element is missing; an error if it is something else that is no text.
    #[cold]
    fn no_text(&mut self, element: &Bound<'_, PyAny>) -> PyResult<()> {
        match is_missing(element)? {
            true => self.miss(element.py()),
            false => Err(wrong_element(element, Some(self.seen))),
        }
    }

    /// Slices of what `next` gives; `owned` says that nobody else keeps the elements.
    fn elements<'py>(
        &mut self,
        py: Python<'py>,
        next: &mut dyn FnMut() -> PyResult<Option<Bound<'py, PyAny>>>,
        owned: bool,
    ) -> PyResult<()> {
        let mut held = Vec::new();
        let mut ended = false;
        while !ended {
            held.clear();
            let mut kept = 0;
            // The loop counts nothing for a text beyond what it must: lists of short ones are felt here.
            let mut before = self.seen;
            while held.len() < SLICE && kept < SLICE_BYTES {
                let Some(text) = next()? else {
                    ended = true;
                    break;
                };
                match hold_text(text)? {
                    Ok(text) => {
                        kept += text.kept(owned);
                        held.push(text);
                    }
                    Err(other) => {
                        self.seen = before + held.len();
                        self.no_text(&other)?;
                        before += 1;
                    }
                }
            }
            self.seen = before + held.len();
            let documents = held.iter().map(Held::document).collect::<PyResult<Vec<_>>>()?;
            self.pass(py, &documents)?;
        }
        Ok(())
    }

    /// A numpy array of objects or of fixed-width strings.
    fn numpy(&mut self, texts: &Bound<'_, PyAny>) -> PyResult<()> {
        let dtype = texts.getattr("dtype")?;
        let kind: String = dtype.getattr("kind")?.extract()?;
        let dimensions: usize = texts.getattr("ndim")?.extract()?;
        if dimensions != 1 {
            return Err(PyTypeError::new_err(format!(
                "texts must be a one-dimensional array, not one of {dimensions} dimensions"
            )));
        }
        let len = texts.len()?;
        // Nothing, or nothing but missing texts, is an array of floats in numpy and pandas.
        if !matches!(kind.as_str(), "O" | "U" | "S" | "T" | "f") {
            return Err(PyTypeError::new_err(format!(
                "texts must be an array of str or bytes, not of {}",
                dtype.str()?
            )));
        }
        let fixed_width = matches!(kind.as_str(), "U" | "S");
        let item: usize = dtype.getattr("itemsize")?.extract()?;
        let step = if fixed_width { (SLICE_BYTES / item.max(1)).clamp(1, SLICE) } else { SLICE };
        for start in (0..len).step_by(step) {
            let slice = PySlice::new(texts.py(), start as isize, (start + step) as isize, 1);
            // `tolist` makes plain str and bytes, without the padding, whatever strides and byte order.
            let items = texts.get_item(slice)?.call_method0("tolist")?.cast_into::<PyList>()?;
            let mut items = items.iter();
            self.elements(texts.py(), &mut || Ok(items.next()), kind != "O")?;
        }
        Ok(())
    }

    /// Anything that speaks the Arrow PyCapsule interface.
    fn arrow(&mut self, texts: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = texts.py();
        let Some(columns) = arrow::columns(texts)? else {
            for _ in 0..texts.len()? {
                self.miss(py)?;
            }
            return Ok(());
        };
        for column in columns {
            let column = column?;
            let mut documents = Vec::with_capacity(column.len().min(SLICE));
            for start in (0..column.len()).step_by(SLICE) {
                documents.clear();
                for i in start..column.len().min(start + SLICE) {
                    match column.get(i) {
                        Some(document) => {
                            documents.push(document);
                            self.seen += 1;
                        }
                        None => self.miss(py)?,
                    }
                }
                self.pass(py, &documents)?;
            }
        }
        Ok(())
    }
}
