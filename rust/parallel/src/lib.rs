//! Texts to counts on all cores: splitting long texts, scheduling, cancelling. Knows no Python and no files, and not
//! how a text becomes tokens: that is [`fasttok_engine`].
//!
//! ```
//! use fasttok_parallel::{Options, SharedCounter};
//!
//! let counter = SharedCounter::new(fasttok_engine::Encoding::embedded("o200k_base")?);
//! let texts: Vec<String> = (0..1000).map(|n| format!("text number {n}")).collect();
//! let counts = counter.count_batch(&texts, &Options::default())?;
//! assert_eq!((counts.len(), counts[999]), (1000, 4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One long text is counted by all cores as well, and ids come in one list:
//!
//! ```
//! use fasttok_parallel::{Options, SharedCounter};
//!
//! let counter = SharedCounter::new(fasttok_engine::Encoding::embedded("cl100k_base")?);
//! let options = Options::default();
//! assert_eq!(counter.count(&"one two\n".repeat(1_000_000), &options)?, 3_000_000);
//! let tokens = counter.encode_batch(&["hello world", "hello"], &options)?;
//! assert_eq!((tokens.counts, tokens.ids), (vec![2, 1], vec![15339, 1917, 15339]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`SharedCounter`] counts or encodes one text or many; a long one is cut where the counts of its parts are proven
//!   to add up.
//! - [`Splitter`] says where that is, for several encodings at once.
//! - [`Pool`] is the scheduler: tasks of any kind from a [`Source`], done by threads that live as long as a call, so
//!   that a fork finds none.
//! - [`StoredText`] is a text as its owner keeps it: UTF-8, UTF-16, or characters of any width.

#![forbid(unsafe_code)]

mod batch;
mod boundaries;
mod pool;
mod split;
mod text;
mod workers;

pub use batch::{Abort, Failure, Options, Output, SharedCounter, Tokens};
pub use boundaries::{Boundary, Ends};
pub use pool::{
    Cancelled, Control, Poll, Pool, Source, Tasks, available_threads, set_available_threads,
};
pub use split::Splitter;
pub use text::{Invalid, Latin1, StoredText};
