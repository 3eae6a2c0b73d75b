//! The extension module `fasttok._fasttok`.

mod corpus;

use pyo3::prelude::*;

#[pymodule]
fn _fasttok(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_function(wrap_pyfunction!(corpus::count_corpus, m)?)?;
    Ok(())
}
