//! Arrow columns of texts, by the PyCapsule interface: pyarrow, polars, pandas, duckdb and all others.
//!
//! The buffers stay where they are; a column releases them when it is dropped.

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{
    Array, ArrayReader, ArrayRef, BinaryArray, BinaryViewArray, FixedSizeBinaryArray,
    LargeBinaryArray, make_array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::document::Document;

/// The columns of one object, one after the other.
pub type Columns = Box<dyn Iterator<Item = PyResult<Column>>>;

/// The columns of an object with `__arrow_c_stream__` or `__arrow_c_array__`; `None` for one whose type
/// is that of nulls only.
pub fn columns(texts: &Bound<'_, PyAny>) -> PyResult<Option<Columns>> {
    let py = texts.py();
    if let Some(export) = texts.getattr_opt(intern!(py, "__arrow_c_stream__"))? {
        let capsule = export.call0()?.cast_into::<PyCapsule>()?;
        let stream =
            capsule.pointer_checked(Some(c"arrow_array_stream"))?.cast::<FFI_ArrowArrayStream>();
        // SAFETY: a capsule of this name holds a valid stream; it is moved out and marked as
        // released in the capsule.
        let reader =
            unsafe { ArrayStreamReader::from_raw(stream.as_ptr()) }.map_err(arrow_error)?;
        // Refused before the first array is asked for.
        match reader.field().data_type() {
            // Not every producer sends such arrays as the specification has them.
            DataType::Null => return Ok(None),
            _ => check_field(reader.field())?,
        }
        let columns = reader.map(|array| Column::new(&array.map_err(arrow_error)?));
        return Ok(Some(Box::new(columns)));
    }
    let pair = texts.call_method0(intern!(py, "__arrow_c_array__"))?.cast_into::<PyTuple>()?;
    let (schema, array) = pair.extract::<(Bound<'_, PyCapsule>, Bound<'_, PyCapsule>)>()?;
    let schema = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(c"arrow_array"))?.cast::<FFI_ArrowArray>();
    // SAFETY: a capsule of this name holds a valid schema, which stays where it is as long as `pair` lives.
    let schema = unsafe { schema.as_ref() };
    check_field(&Field::try_from(schema).map_err(arrow_error)?)?;
    // SAFETY: capsules of these names hold a valid schema, which stays where it is as long as
    // `pair` lives, and a valid array of it, which is moved out and marked as released.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema) };
    let column = Column::new(&make_array(data.map_err(arrow_error)?));
    Ok(Some(Box::new(std::iter::once(column))))
}

fn arrow_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(format!("the Arrow column cannot be read: {error}"))
}

/// The key of a field's metadata that names its extension type.
const EXTENSION: &str = "ARROW:extension:name";

/// Refuses what is no column of texts.
pub fn check_field(field: &Field) -> PyResult<()> {
    check_type(field.data_type())?;
    let is_binary = !matches!(
        values_of(field.data_type()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
    );
    match field.metadata().get(EXTENSION) {
        // The bytes of a UUID or of a geometry are no text.
        Some(name) if is_binary => Err(PyTypeError::new_err(format!(
            "texts must be an Arrow column of strings or binary values, not of the extension type {name}: \
             pass its storage if that is text"
        ))),
        _ => Ok(()),
    }
}

/// The type of the values where they are referred to by keys or runs, else the type itself.
fn values_of(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        DataType::RunEndEncoded(_, values) => values_of(values.data_type()),
        other => other,
    }
}

fn check_type(data_type: &DataType) -> PyResult<()> {
    match values_of(data_type) {
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Ok(()),
        DataType::Struct(fields) => {
            let names: Vec<_> = fields.iter().map(|field| format!("{:?}", field.name())).collect();
            Err(PyTypeError::new_err(format!(
                "texts must be one column, not a table or a column of structs: pass one of {}",
                names.join(", ")
            )))
        }
        _ => Err(wrong_type(data_type)),
    }
}

fn wrong_type(data_type: &DataType) -> PyErr {
    PyTypeError::new_err(format!(
        "texts must be an Arrow column of strings or binary values, not of {data_type}"
    ))
}

/// An Arrow array of texts. Strings are held as the binary values they are made of, for nobody
/// has checked that they are UTF-8.
pub enum Column {
    /// Nulls only.
    Null(usize),
    Binary {
        values: BinaryArray,
        text: bool,
    },
    LargeBinary {
        values: LargeBinaryArray,
        text: bool,
    },
    View {
        values: BinaryViewArray,
        text: bool,
    },
    Fixed(FixedSizeBinaryArray),
    /// Values by their indices: of dictionaries and of runs.
    Indirect {
        indices: Vec<Option<usize>>,
        values: Box<Column>,
    },
}

/// An array of runs, with ends of the type `R`; `None` if it is of another.
fn runs<R: RunEndIndexType>(array: &ArrayRef) -> Option<PyResult<Column>> {
    let runs = array.as_run_opt::<R>()?;
    let indices = (0..runs.len()).map(|i| Some(runs.get_physical_index(i))).collect();
    Some(
        Column::new(runs.values())
            .map(|values| Column::Indirect { indices, values: Box::new(values) }),
    )
}

impl Column {
    /// Refuses what is no column of texts.
    pub fn new(array: &ArrayRef) -> PyResult<Column> {
        check_type(array.data_type())?;
        Ok(match array.data_type() {
            DataType::Null => Column::Null(array.len()),
            DataType::Utf8 => {
                Column::Binary { values: array.as_string::<i32>().clone().into(), text: true }
            }
            DataType::LargeUtf8 => {
                Column::LargeBinary { values: array.as_string::<i64>().clone().into(), text: true }
            }
            DataType::Utf8View => {
                Column::View { values: array.as_string_view().clone().to_binary_view(), text: true }
            }
            DataType::Binary => {
                Column::Binary { values: array.as_binary::<i32>().clone(), text: false }
            }
            DataType::LargeBinary => {
                Column::LargeBinary { values: array.as_binary::<i64>().clone(), text: false }
            }
            DataType::BinaryView => {
                Column::View { values: array.as_binary_view().clone(), text: false }
            }
            DataType::FixedSizeBinary(_) => Column::Fixed(array.as_fixed_size_binary().clone()),
            DataType::RunEndEncoded(..) => {
                return runs::<Int16Type>(array)
                    .or_else(|| runs::<Int32Type>(array))
                    .or_else(|| runs::<Int64Type>(array))
                    .unwrap_or_else(|| Err(wrong_type(array.data_type())));
            }
            _ => {
                let dictionary = array.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Ok(Column::Null(array.len()));
                }
                let valid = dictionary.keys().nulls().cloned();
                let valid = |i| valid.as_ref().is_none_or(|valid| valid.is_valid(i));
                Column::Indirect {
                    indices: (dictionary.normalized_keys().into_iter().enumerate())
                        .map(|(i, key)| valid(i).then_some(key))
                        .collect(),
                    values: Box::new(Column::new(dictionary.values())?),
                }
            }
        })
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Column::Null(len) => *len,
            Column::Binary { values, .. } => values.len(),
            Column::LargeBinary { values, .. } => values.len(),
            Column::View { values, .. } => values.len(),
            Column::Fixed(values) => values.len(),
            Column::Indirect { indices, .. } => indices.len(),
        }
    }

    /// The index of the value that is the `nth`, from 0, of those from `start` on that are not null.
    pub fn row(&self, start: usize, nth: usize) -> usize {
        (start..self.len()).filter(|&i| self.get(i).is_some()).nth(nth).unwrap_or(start)
    }

    /// Which values are not null; `None` if all are not.
    pub fn nulls(&self) -> Option<NullBuffer> {
        let nulls = match self {
            Column::Null(len) => Some(NullBuffer::new_null(*len)),
            Column::Binary { values, .. } => values.nulls().cloned(),
            Column::LargeBinary { values, .. } => values.nulls().cloned(),
            Column::View { values, .. } => values.nulls().cloned(),
            Column::Fixed(values) => values.nulls().cloned(),
            Column::Indirect { .. } => {
                Some((0..self.len()).map(|i| self.get(i).is_some()).collect())
            }
        };
        nulls.filter(|nulls| nulls.null_count() > 0)
    }

    /// Value `i`, `None` if it is null.
    pub fn get(&self, i: usize) -> Option<Document<'_>> {
        let as_document = |bytes, text| {
            if text { Document::Utf8(bytes) } else { Document::Bytes(bytes) }
        };
        match self {
            Column::Null(_) => None,
            Column::Binary { values, text } => {
                values.is_valid(i).then(|| as_document(values.value(i), *text))
            }
            Column::LargeBinary { values, text } => {
                values.is_valid(i).then(|| as_document(values.value(i), *text))
            }
            Column::View { values, text } => {
                values.is_valid(i).then(|| as_document(values.value(i), *text))
            }
            Column::Fixed(values) => values.is_valid(i).then(|| Document::Bytes(values.value(i))),
            Column::Indirect { indices, values } => values.get(indices[i]?),
        }
    }
}
