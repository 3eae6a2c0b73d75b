//! The extension module `fasttok._fasttok`.
use pyo3::prelude::*;

#[pymodule]
fn _fasttok(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
