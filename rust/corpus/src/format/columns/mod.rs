//! What the columnar formats have in common: which column a field is, rows made of columns, plain text of other values.

mod cell;
mod file;
mod rows;
mod scalar;

pub(super) mod arrow;
pub(super) mod parquet;
