//! What `count_arrow` and `encode_arrow` return: columns that any library takes over by the Arrow PyCapsule interface,
//! without a copy. What is in them is not known here.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::vec::IntoIter;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, StructArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

/// An Arrow array: counts or ids, one for each text.
///
/// Any library with the Arrow PyCapsule interface takes it over without a copy: ``pyarrow.array(x)``,
/// ``polars.Series(x)``, ``arro3.core.Array(x)``. It may be taken any number of times.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct ArrowArray(ArrayRef);

/// Arrow arrays of one type, one after the other: counts or ids, one for each text of a column in chunks.
///
/// Any library with the Arrow PyCapsule interface takes it over without a copy: ``pyarrow.chunked_array(x)``,
/// ``polars.Series(x)``, ``arro3.core.ChunkedArray(x)``. It may be taken any number of times.
#[pyclass(frozen, module = "fasttok._fasttok")]
pub struct ArrowChunkedArray {
    data_type: DataType,
    chunks: Vec<ArrayRef>,
}

impl ArrowArray {
    pub fn new(array: ArrayRef) -> ArrowArray {
        ArrowArray(array)
    }
}

impl ArrowChunkedArray {
    /// See [`of_one_type`].
    pub fn new(data_type: DataType, chunks: Vec<ArrayRef>) -> PyResult<ArrowChunkedArray> {
        let (data_type, chunks) = of_one_type(data_type, chunks)?;
        Ok(ArrowChunkedArray { data_type, chunks })
    }
}

/// `chunks` of the type `data_type`; of large lists where one of them is.
pub fn of_one_type(
    mut data_type: DataType,
    mut chunks: Vec<ArrayRef>,
) -> PyResult<(DataType, Vec<ArrayRef>)> {
    if let Some(wider) = chunks.iter().find(|chunk| *chunk.data_type() != data_type) {
        data_type = wider.data_type().clone();
        chunks = chunks.iter().map(|chunk| convert(chunk, &data_type)).collect::<PyResult<_>>()?;
    }
    Ok((data_type, chunks))
}

#[pymethods]
impl ArrowArray {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("<ArrowArray of {} {}>", self.0.len(), self.0.data_type())
    }

    /// The type, as a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.0.data_type())
    }

    /// The type and the array, as capsules. ``requested_schema``, a capsule, may ask for integers of another width
    /// and for large lists.
    ///
    /// Raises ``TypeError`` for another type, ``ValueError`` where a number is too large for the one that is asked for.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let data_type = requested(requested_schema, self.0.data_type())?;
        let array = FFI_ArrowArray::new(&convert(&self.0, &data_type)?.to_data());
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        PyTuple::new(py, [schema_capsule(py, &data_type)?, array])
    }
}

#[pymethods]
impl ArrowChunkedArray {
    fn __len__(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    fn __repr__(&self) -> String {
        let (len, chunks) = (self.__len__(), self.chunks.len());
        format!("<ArrowChunkedArray of {len} {} in {chunks} chunks>", self.data_type)
    }

    /// The type, as a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.data_type)
    }

    /// The arrays, as a capsule of a stream. ``requested_schema``, a capsule, may ask for integers of another width
    /// and for large lists.
    ///
    /// Raises ``TypeError`` for another type, ``ValueError`` where a number is too large for the one that is asked for.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let data_type = requested(requested_schema, &self.data_type)?;
        let chunks = self.chunks.iter().map(|chunk| convert(chunk, &data_type));
        let chunks = chunks.collect::<PyResult<Vec<_>>>()?.into_iter();
        let stream = Chunks { data_type, chunks, error: None }.into_stream();
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }
}

fn arrow_error(error: ArrowError) -> PyErr {
    PyValueError::new_err(format!("the Arrow type cannot be passed on: {error}"))
}

fn schema_capsule<'py>(py: Python<'py>, of: &DataType) -> PyResult<Bound<'py, PyCapsule>> {
    let schema =
        FFI_ArrowSchema::try_from(&Field::new("", of.clone(), true)).map_err(arrow_error)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// The type that is asked for, if any is.
fn requested(schema: Option<&Bound<'_, PyCapsule>>, own: &DataType) -> PyResult<DataType> {
    let Some(schema) = schema else {
        return Ok(own.clone());
    };
    let schema = schema.pointer_checked(Some(c"arrow_schema"))?.cast::<FFI_ArrowSchema>();
    // SAFETY: a capsule of this name holds a valid schema, which the caller's reference keeps where it is.
    DataType::try_from(unsafe { schema.as_ref() }).map_err(arrow_error)
}

fn other_type(array: &ArrayRef, to: &DataType) -> PyErr {
    PyTypeError::new_err(format!(
        "an Arrow column of {} cannot be given as {to}",
        array.data_type()
    ))
}

/// `array` with values of the type `to`: itself, integers of another width, lists of them, structs of these.
fn convert(array: &ArrayRef, to: &DataType) -> PyResult<ArrayRef> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    match (array.data_type(), to) {
        (DataType::Int64, _) if to.is_integer() => integers::<Int64Type>(array, to),
        (DataType::UInt32, _) if to.is_integer() => integers::<UInt32Type>(array, to),
        (DataType::List(_), DataType::List(item) | DataType::LargeList(item)) => {
            lists::<i32>(array, item, to)
        }
        (DataType::LargeList(_), DataType::List(item) | DataType::LargeList(item)) => {
            lists::<i64>(array, item, to)
        }
        (DataType::Struct(own), DataType::Struct(fields))
            if own.iter().map(|field| field.name()).eq(fields.iter().map(|field| field.name())) =>
        {
            let array = array.as_struct();
            let columns = array.columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| convert(column, field.data_type()));
            let columns = columns.collect::<PyResult<Vec<_>>>()?;
            if fields.is_empty() {
                return Ok(Arc::new(array.clone()));
            }
            let made = StructArray::try_new(fields.clone(), columns, array.nulls().cloned());
            Ok(Arc::new(made.map_err(arrow_error)?))
        }
        _ => Err(other_type(array, to)),
    }
}

fn integers<F: ArrowPrimitiveType>(array: &ArrayRef, to: &DataType) -> PyResult<ArrayRef>
where
    F::Native: Copy + Into<i64>,
{
    fn as_type<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
        array: &ArrayRef,
        to: &DataType,
    ) -> PyResult<ArrayRef>
    where
        F::Native: Copy + Into<i64>,
        T::Native: TryFrom<i64>,
    {
        let converted = array.as_primitive::<F>().try_unary::<_, T, PyErr>(|value| {
            let value: i64 = value.into();
            T::Native::try_from(value).map_err(|_| {
                PyValueError::new_err(format!("{value} is too large for an Arrow column of {to}"))
            })
        });
        Ok(Arc::new(converted?))
    }
    match to {
        DataType::Int8 => as_type::<F, Int8Type>(array, to),
        DataType::Int16 => as_type::<F, Int16Type>(array, to),
        DataType::Int32 => as_type::<F, Int32Type>(array, to),
        DataType::Int64 => as_type::<F, Int64Type>(array, to),
        DataType::UInt8 => as_type::<F, UInt8Type>(array, to),
        DataType::UInt16 => as_type::<F, UInt16Type>(array, to),
        DataType::UInt32 => as_type::<F, UInt32Type>(array, to),
        DataType::UInt64 => as_type::<F, UInt64Type>(array, to),
        _ => Err(other_type(array, to)),
    }
}

/// Lists with offsets `O` as lists of the type `to`, of values of the type of `item`.
fn lists<O: OffsetSizeTrait>(
    array: &ArrayRef,
    item: &Arc<Field>,
    to: &DataType,
) -> PyResult<ArrayRef> {
    fn of<O: OffsetSizeTrait>(
        offsets: impl Iterator<Item = usize>,
        item: &Arc<Field>,
        values: ArrayRef,
        from: &dyn Array,
    ) -> PyResult<ArrayRef> {
        let offsets: Option<Vec<O>> = offsets.map(O::from_usize).collect();
        let Some(offsets) = offsets else {
            return Err(PyValueError::new_err(
                "there are more token ids than an Arrow list holds: ask for large lists",
            ));
        };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let nulls = from.nulls().cloned();
        let lists = GenericListArray::<O>::try_new(item.clone(), offsets, values, nulls);
        Ok(Arc::new(lists.map_err(arrow_error)?))
    }
    let lists = array.as_list::<O>();
    let values = convert(lists.values(), item.data_type())?;
    let offsets = lists.offsets().iter().map(|offset| offset.as_usize());
    match to {
        DataType::List(_) => of::<i32>(offsets, item, values, lists),
        _ => of::<i64>(offsets, item, values, lists),
    }
}

/// What a stream has still to give.
struct Chunks {
    data_type: DataType,
    chunks: IntoIter<ArrayRef>,
    error: Option<CString>,
}

impl Chunks {
    fn into_stream(self) -> FFI_ArrowArrayStream {
        let data = Box::into_raw(Box::new(self)).cast::<c_void>();
        // SAFETY: the callbacks take the data for the `Chunks` that it is, and the last of them frees it.
        unsafe {
            FFI_ArrowArrayStream::new_unchecked(
                Some(get_schema),
                Some(get_next),
                Some(get_last_error),
                Some(release),
                data,
            )
        }
    }
}

/// The errno of a wrong argument, the same on all systems.
const EINVAL: c_int = 22;

/// # Safety
///
/// `stream` must point to a stream of [`Chunks::into_stream`] that is not released and that nobody else uses, as the C
/// stream interface demands of who calls.
unsafe fn chunks<'s>(stream: *mut FFI_ArrowArrayStream) -> &'s mut Chunks {
    // SAFETY: as demanded of the caller; `into_stream` put the data there.
    unsafe { &mut *(*stream).private_data().cast::<Chunks>() }
}

/// # Safety
///
/// See [`chunks`]; `out` must point to memory for a schema.
unsafe extern "C" fn get_schema(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowSchema,
) -> c_int {
    // SAFETY: as demanded of the caller.
    let chunks = unsafe { chunks(stream) };
    match FFI_ArrowSchema::try_from(&Field::new("", chunks.data_type.clone(), true)) {
        Ok(schema) => {
            // SAFETY: as demanded of the caller.
            unsafe { out.write(schema) };
            0
        }
        Err(error) => {
            chunks.error = CString::new(error.to_string()).ok();
            EINVAL
        }
    }
}

/// # Safety
///
/// See [`chunks`]; `out` must point to memory for an array.
unsafe extern "C" fn get_next(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowArray,
) -> c_int {
    // SAFETY: as demanded of the caller.
    let chunk = unsafe { chunks(stream) }.chunks.next();
    // One that is released, as an empty one is, says that there are no more.
    let array =
        chunk.map_or_else(FFI_ArrowArray::empty, |chunk| FFI_ArrowArray::new(&chunk.to_data()));
    // SAFETY: as demanded of the caller.
    unsafe { out.write(array) };
    0
}

/// # Safety
///
/// See [`chunks`].
unsafe extern "C" fn get_last_error(stream: *mut FFI_ArrowArrayStream) -> *const c_char {
    // SAFETY: as demanded of the caller.
    let error = unsafe { &chunks(stream).error };
    error.as_ref().map_or(std::ptr::null(), |error| error.as_ptr())
}

/// # Safety
///
/// `stream` must point to a stream of [`Chunks::into_stream`] that is not released.
unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: as demanded of the caller; what `into_stream` put there is freed once, for the stream is then one without
    // callbacks, and nothing is called when that is written over what was there.
    unsafe {
        drop(Box::from_raw((*stream).private_data().cast::<Chunks>()));
        stream.write(FFI_ArrowArrayStream::empty());
    }
}
