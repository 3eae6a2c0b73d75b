//! Python lists of token ids, for who must have lists: numpy arrays are made in `arrays`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

/// A new list of `ids`.
pub fn ids<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyAny>> {
    Ok(PyList::new(py, ids)?.into_any())
}

/// A new list with a list of ids for each text: `ids` are those of all texts, one after the other, and `counts` says how
/// many each text has.
pub fn of_texts<'py>(py: Python<'py>, ids: &[u32], counts: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    let mut rest = ids;
    let lists = counts.iter().map(|&count| {
        let (text, after) = rest.split_at(count as usize);
        rest = after;
        PyList::new(py, text)
    });
    let lists: Vec<_> = lists.collect::<PyResult<_>>()?;
    Ok(PyList::new(py, lists)?.into_any())
}

/// A new dict from the bytes of tokens to their ids.
pub fn ranks<'py, 't>(
    py: Python<'py>,
    tokens: impl Iterator<Item = (&'t [u8], u32)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (token, id) in tokens {
        dict.set_item(PyBytes::new(py, token), id)?;
    }
    Ok(dict)
}
