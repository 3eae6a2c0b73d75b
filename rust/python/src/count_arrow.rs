//! `count_arrow` and `encode_arrow`: Arrow columns as Python gives them, signals, and failures told by the row.

use fasttok_parallel::{Options, Output};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::arrow::{self, Column};
use crate::arrow_export::{ArrowArray, ArrowChunkedArray};
use crate::batch::refuse_what_is_no_batch;
use crate::columns::{Encodings, Stopped, Work};
use crate::encoding::{Encoding, options};
use crate::ending::Call;
use crate::parallel::{self, Stop};

/// The tokens of each text by several encodings: a column of structs, a field for each of ``names``.
///
/// Takes and raises the same as ``Encoding.count_arrow``, and gives the same kinds of column.
#[pyfunction]
#[pyo3(signature = (
    data, names, encodings, *, special = "text", errors = "strict", threads = None
))]
pub fn _count_arrow<'py>(
    data: &Bound<'py, PyAny>,
    names: Vec<String>,
    encodings: Vec<Bound<'py, Encoding>>,
    special: &str,
    errors: &str,
    threads: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let counters = encodings.iter().map(|encoding| encoding.get().shared());
    let encodings = Encodings::Named(names.into_iter().zip(counters).collect());
    let work = Work { encodings, output: Output::Counts };
    perform(data, &work, options(special, errors, threads)?)
}

/// What `work` makes of the column `data`: chunks for chunks, an array for an array.
pub fn perform<'py>(
    data: &Bound<'py, PyAny>,
    work: &Work,
    options: Options,
) -> PyResult<Bound<'py, PyAny>> {
    let py = data.py();
    let _call = Call::enter(py);
    refuse_what_is_no_batch(data)?;
    let is_chunked = data.hasattr(intern!(py, "__arrow_c_stream__"))?;
    if !is_chunked && !data.hasattr(intern!(py, "__arrow_c_array__"))? {
        return Err(PyTypeError::new_err(format!(
            "data must be a column with the Arrow PyCapsule interface, not {}; count_batch takes all other batches",
            data.get_type().name()?
        )));
    }
    let columns: arrow::Columns = match arrow::columns(data)? {
        Some(columns) => columns,
        None => Box::new(std::iter::once(Ok(Column::Null(data.len()?)))),
    };
    let mut before = 0;
    let mut arrays = Vec::new();
    for column in columns {
        let column = column?;
        let array = work.perform(&column, &mut |counter, documents, output| {
            // A slice of short texts is counted before anybody has to look for signals.
            py.check_signals().map_err(Stop::Signal)?;
            parallel::run(py, counter, documents, options, output)
        });
        arrays.push(array.map_err(|stopped| raise(py, &column, before, stopped))?);
        before += column.len();
    }
    match is_chunked {
        true => ArrowChunkedArray::new(work.data_type(), arrays)?.into_bound_py_any(py),
        false => ArrowArray::new(arrays.swap_remove(0)).into_bound_py_any(py),
    }
}

/// The exception for what `stopped` the work on `column`, which has so many rows `before` it.
fn raise(py: Python<'_>, column: &Column, before: usize, stopped: Stopped<Stop>) -> PyErr {
    let Stopped { start, error } = stopped;
    match error {
        Stop::Signal(error) => error,
        Stop::Failure(failure) => {
            let row = before + column.row(start, failure.document);
            failure.into_py_err(py, Some(row))
        }
    }
}
