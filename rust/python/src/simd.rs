//! Which instructions counting uses, as Python asks for it.

use fasttok_engine::{Error, Level};
use pyo3::prelude::*;

use crate::errors::to_py_err;

/// The level that this process uses. An error if `FASTTOK_SIMD` names one that there is not.
pub fn level(py: Python<'_>) -> PyResult<Level> {
    Level::chosen().map_err(|error| to_py_err(py, &Error::SimdLevel(error)))
}

/// The instructions that counting uses: ``portable``, ``neon``, ``avx2-slow-pext``, ``avx2`` or ``avx512``.
///
/// The best ones of this machine, or what the environment variable ``FASTTOK_SIMD`` names.
///
/// Raises ``SimdLevelError`` if ``FASTTOK_SIMD`` names a level that does not exist, or that this machine does not have.
#[pyfunction]
pub fn simd_level(py: Python<'_>) -> PyResult<&'static str> {
    level(py).map(Level::name)
}

/// The levels that ``FASTTOK_SIMD`` may name on this machine, the best one last.
#[pyfunction]
pub fn simd_levels() -> Vec<&'static str> {
    Level::available().into_iter().map(Level::name).collect()
}
