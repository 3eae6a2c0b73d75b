//! numpy arrays out, and integers in.
//!
//! numpy is imported when the first array is made, by `fasttok._util.lazy_numpy`. An array is a view of a
//! `bytearray`, which needs no C interface of numpy: that interface would be one more crate, and it
//! panics when it cannot load.

use arrow_buffer::{ArrowNativeType, ToByteSlice};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyInt, PyList, PyModule};

use crate::errors::unknown_token;

/// numpy, once it is imported.
fn numpy(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    static NUMPY: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    if let Some(numpy) = NUMPY.get(py) {
        return Ok(numpy.bind(py).clone());
    }
    // Not within the lock of the `PyOnceLock`: other threads run during an import, and one may fork.
    let numpy =
        py.import("fasttok._util.lazy_numpy")?.call_method0("load")?.cast_into::<PyModule>()?;
    // Another thread may have been faster, with the same module.
    let _ = NUMPY.set(py, numpy.clone().unbind());
    Ok(numpy)
}

/// A new array of dtype int64 and shape (len,).
pub fn int64<'py>(py: Python<'py>, values: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    array(py, "int64", values)
}

/// A new array of dtype uint32 and shape (len,).
pub fn uint32<'py>(py: Python<'py>, values: &[u32]) -> PyResult<Bound<'py, PyAny>> {
    array(py, "uint32", values)
}

/// A new masked array of dtype int64 and shape (len,), with `values` and, where `mask` has a 1, nothing.
pub fn masked_int64<'py>(
    py: Python<'py>,
    values: &[i64],
    mask: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let mask = array(py, "bool", mask)?;
    let masked = py.import("fasttok._util.lazy_numpy")?.call_method0("load_masked")?;
    masked.call_method1("MaskedArray", (int64(py, values)?, mask))
}

fn array<'py, T: ArrowNativeType>(
    py: Python<'py>,
    dtype: &str,
    values: &[T],
) -> PyResult<Bound<'py, PyAny>> {
    let numpy = numpy(py)?;
    if values.is_empty() {
        return numpy.call_method1("empty", (0, dtype));
    }
    let buffer = PyByteArray::new(py, values.to_byte_slice());
    numpy.call_method1("frombuffer", (buffer, dtype))
}

/// Token ids from a sequence of integers or an integer array of any width.
pub fn token_ids(ids: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
    let py = ids.py();
    // Far faster than element by element.
    let ids = match ids.getattr_opt(intern!(py, "tolist"))? {
        Some(tolist) => tolist.call0()?,
        None => ids.clone(),
    };
    let mut result = Vec::with_capacity(match ids.cast::<PyList>() {
        Ok(list) => list.len(),
        Err(_) => 0,
    });
    for id in ids.try_iter()? {
        let id = id?;
        result.push(id.extract::<u32>().map_err(|error| {
            // An integer that is no u32 is no token; anything else is no integer.
            match id.cast::<PyInt>() {
                Ok(id) => unknown_token(id),
                Err(_) => {
                    let message = format!("token ids must be integers: {}", error.value(py));
                    PyTypeError::new_err(message)
                }
            }
        })?);
    }
    Ok(result)
}
