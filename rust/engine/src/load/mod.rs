//! From vocabulary files to what the engine uses.

pub(crate) mod embedded;
pub(crate) mod splits;
