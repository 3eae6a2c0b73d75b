//! From vocabulary files to what the engine uses.

pub(crate) mod embedded;
#[allow(dead_code, reason = "the build script computes the splits of the embedded vocabularies")]
pub(crate) mod splits;
