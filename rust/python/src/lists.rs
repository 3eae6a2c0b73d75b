//! Python lists of token ids, for who must have lists: numpy arrays are made in `arrays`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList};

/// The integers that lists share: more than any embedded encoding has ids. 10 MiB.
const SHARED: usize = 1 << 18;
/// Ids in lists after which there are shared integers, which take milliseconds to make.
const SHARE_AFTER: usize = 1 << 16;

/// The integers from 0 on, once many ids were put into lists: to count a reference is cheaper than to make an integer, and
/// to end one than to free it.
fn shared(py: Python<'_>, more: usize) -> PyResult<&'static [Py<PyInt>]> {
    static INTEGERS: PyOnceLock<Vec<Py<PyInt>>> = PyOnceLock::new();
    static SO_FAR: AtomicUsize = AtomicUsize::new(0);
    if let Some(integers) = INTEGERS.get(py) {
        return Ok(integers);
    }
    if SO_FAR.fetch_add(more, Relaxed).saturating_add(more) < SHARE_AFTER {
        return Ok(&[]);
    }
    let integer = |value: usize| Ok(value.into_pyobject(py)?.unbind());
    let integers =
        INTEGERS.get_or_try_init(py, || (0..SHARED).map(integer).collect::<PyResult<_>>())?;
    Ok(integers)
}

/// A new list of `ids`, of shared integers where there are.
fn list<'py>(
    py: Python<'py>,
    ids: &[u32],
    shared: &'static [Py<PyInt>],
) -> PyResult<Bound<'py, PyList>> {
    if shared.is_empty() {
        return PyList::new(py, ids);
    }
    let integers = ids.iter().map(|&id| match shared.get(id as usize) {
        Some(integer) => Ok(integer.bind(py).clone()),
        None => id.into_pyobject(py),
    });
    PyList::new(py, integers.map(|integer| integer.expect("making an integer cannot fail")))
}

/// A new list of `ids`.
pub fn ids<'py>(py: Python<'py>, ids: &[u32]) -> PyResult<Bound<'py, PyAny>> {
    Ok(list(py, ids, shared(py, ids.len())?)?.into_any())
}

/// A new list with a list of ids for each text: `ids` are those of all texts, one after the other, and `counts` says how
/// many each text has.
pub fn of_texts<'py>(py: Python<'py>, ids: &[u32], counts: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    let shared = shared(py, ids.len())?;
    let mut rest = ids;
    let lists = counts.iter().map(|&count| {
        let (text, after) = rest.split_at(count as usize);
        rest = after;
        list(py, text, shared)
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
