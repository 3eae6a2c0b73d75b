//! One row for each document that was counted: kept in a file while workers count, in the order in which they are done,
//! and written as one table at the end, in the order of the corpus.
//!
//! So memory does not grow with the number of documents, the table is the same whatever the number of workers, and a run
//! that goes on from a checkpoint only has to know how long the file was. Knows neither formats nor how tokens are counted.

mod spool;
mod table;

pub(crate) use spool::{Block, SavedSpool, Spool};
pub(crate) use table::{Table, write};
