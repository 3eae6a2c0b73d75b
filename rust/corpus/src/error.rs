//! What ends a run. A bad row does not: it goes to the ledger, unless the job says otherwise.

use std::fmt;
use std::io;
use std::path::Path;

use crate::entry::Entry;

/// An error that ended the run. No tally comes with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A path that was named does not exist. Found before anything is counted.
    NotFound {
        /// The path as it was given.
        path: String,
    },
    /// The paths exist, but there is nothing to read in them.
    NoInput {
        /// The folder or pattern, and why nothing was left of it.
        message: String,
    },
    /// The job contradicts itself or names something unknown.
    InvalidJob {
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The first bad row, where the job asked to fail on it.
    BadRow(Entry),
    /// More rows that cannot be counted than the job allows.
    TooManySkipped {
        /// How many it allows.
        most: u64,
        /// The first of those that were met until then.
        rows: Vec<Entry>,
    },
    /// A field that no record has. Known at the end, when all were read.
    UnknownField {
        /// The field that was asked for.
        field: String,
        /// Fields that records have, with dots for those inside others; empty where no record was read.
        fields: Vec<String>,
    },
    /// More groups than the job allows.
    TooManyGroups {
        /// What the job groups by.
        by: Vec<String>,
        /// How many groups it allows.
        most: usize,
    },
    /// The checkpoint is of another run than the one that was asked for.
    CheckpointMismatch {
        /// The folder.
        folder: String,
        /// What is not as it was.
        difference: String,
    },
    /// A file that the caller will write is an input.
    Overwrite {
        /// The output.
        path: String,
        /// The input as the ledger would name it.
        input: String,
    },
    /// A file of the run itself (the ledger) cannot be written.
    Io {
        /// The file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// What lists and reads remote paths cannot be used.
    Store(Box<dyn std::error::Error + Send + Sync>),
    /// The language detector failed.
    Detector(Box<dyn std::error::Error + Send + Sync>),
    /// The caller cancelled the run.
    Interrupted,
    /// The engine refused, not because of a row.
    Engine(fasttok_engine::Error),
    /// A worker panicked: a defect of this program.
    Panic {
        /// The message of the panic.
        message: String,
    },
}

impl Error {
    /// The error that the operating system gave for `path`, a file of the run itself.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        |source| Error::Io { path: path.display().to_string(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound { path } => write!(f, "{path}: no such file or folder"),
            Error::NoInput { message } | Error::InvalidJob { message } => f.write_str(message),
            Error::BadRow(entry) => entry.fmt(f),
            Error::TooManySkipped { most, rows } => {
                write!(f, "more than {most} rows cannot be counted")?;
                if let Some(first) = rows.first() {
                    write!(f, ", the first of them {first}")?;
                }
                write!(f, "; max_errors=N allows more")
            }
            Error::CheckpointMismatch { folder, difference } => write!(
                f,
                "the checkpoint in {folder} is of another run: {difference}; ask for the same, or give an \
                 empty folder to begin anew"
            ),
            Error::UnknownField { field, fields } if fields.is_empty() => {
                write!(f, "no field {field:?}: plain text has no fields, and no record was read")
            }
            Error::UnknownField { field, fields } => {
                write!(f, "no record has the field {field:?}; there are {}", fields.join(", "))
            }
            Error::TooManyGroups { by, most } => {
                let by = by.join(", ");
                write!(f, "more than {most} groups by {by}; max_groups=N allows more")
            }
            Error::Overwrite { path, input } => {
                write!(f, "{path} would replace {input}, which is an input; nothing was written")
            }
            Error::Io { path, source } => write!(f, "{path}: {source}"),
            Error::Store(e) => e.fmt(f),
            Error::Detector(e) => write!(f, "the language detector failed: {e}"),
            Error::Interrupted => f.write_str("interrupted"),
            Error::Engine(e) => e.fmt(f),
            Error::Panic { message } => {
                write!(f, "a worker panicked; this is a defect of fasttok: {message}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Engine(e) => Some(e),
            Error::Store(e) | Error::Detector(e) => Some(&**e),
            _ => None,
        }
    }
}

impl From<fasttok_engine::Error> for Error {
    fn from(e: fasttok_engine::Error) -> Error {
        Error::Engine(e)
    }
}
