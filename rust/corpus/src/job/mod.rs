//! What a run is asked for and what it gives: data, of which `crate::run` makes a run. Reads no file and starts no
//! thread.

mod labels;

use std::path::PathBuf;
use std::sync::Arc;

use fasttok_engine::{Encoding, Special, Utf8Errors};

use crate::groups::{Groups, Key};
use crate::{Extra, Ledger, Tally};

pub use labels::LanguageLabels;

/// What happens at a row that cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// It goes to the ledger, and the run goes on.
    #[default]
    Skip,
    /// The run ends with [`Error::BadRow`](crate::Error::BadRow): the first bad row of its file. Where several files
    /// have bad rows, it is one of them, whichever is met first.
    Fail,
}

/// What to count, and how.
#[derive(Clone)]
pub struct Job {
    /// Files, folders, patterns; `-` is standard input. Each file is read once, however often it is named.
    pub paths: Vec<PathBuf>,
    /// The encodings to count by, all in one pass.
    pub encodings: Vec<Arc<Encoding>>,
    /// What to sum by; nothing gives the totals only.
    pub by: Vec<Key>,
    /// The labels that [`Key::Language`] sums by.
    pub languages: LanguageLabels,
    /// What is measured besides what always is.
    pub extra: Extra,
    /// Keep what a bootstrap over documents needs in [`Tally::sample`].
    pub sample: bool,
    /// The field that holds the text, where records have fields; a dot goes one level down. `None` is [`TEXT_FIELD`],
    /// and does not say that there must be fields.
    pub text_field: Option<String>,
    /// The format of all files; `None` goes by the suffix, and what has no known one is plain text, unless it has no
    /// suffix or that of JSON and is JSON lines.
    pub format: Option<String>,
    /// In plain text each line is a document, instead of each file.
    pub lines: bool,
    /// How special tokens in the text are treated.
    pub special: Special,
    /// What to do with bytes that are not UTF-8, and with lone surrogates in JSON.
    pub errors: Utf8Errors,
    /// What to do with a row that cannot be counted.
    pub on_error: OnError,
    /// Worker threads; `None` takes as many as the machine runs at once. The result does not depend on it.
    pub threads: Option<usize>,
    /// Walk into hidden files and folders too.
    pub hidden: bool,
    /// Heed `.gitignore` and its kin in a walk.
    pub ignore_files: bool,
    /// Unpack compressed files in a walk too where they hold no records. What is named or fits a pattern is always
    /// unpacked.
    pub decompress: bool,
    /// The most bytes that are held of one record, or of one text in which no split point is found. What is longer
    /// is skipped.
    pub max_record_bytes: usize,
    /// The most memory that a zstd frame may ask for to be unpacked; what asks for more is skipped.
    pub max_window_bytes: u64,
    /// The most groups that a run may have; with one more it ends with
    /// [`Error::TooManyGroups`](crate::Error::TooManyGroups).
    pub max_groups: usize,
    /// Files that the caller will write: left out of a walk, and refused among the paths.
    pub outputs: Vec<PathBuf>,
    /// Where to write all ledger entries as JSONL, in the order in which they are met.
    pub ledger_path: Option<PathBuf>,
}

/// The field that holds the text unless a job says otherwise.
pub const TEXT_FIELD: &str = "text";
/// [`Job::max_record_bytes`] unless a job says otherwise.
pub const MAX_RECORD_BYTES: usize = 1 << 30;
/// [`Job::max_window_bytes`] unless a job says otherwise.
pub const MAX_WINDOW_BYTES: u64 = 128 << 20;
/// [`Job::max_groups`] unless a job says otherwise.
pub const MAX_GROUPS: usize = 1_000_000;

impl Job {
    /// A job with the defaults for everything else.
    pub fn new(paths: Vec<PathBuf>, encodings: Vec<Arc<Encoding>>) -> Job {
        Job {
            paths,
            encodings,
            by: Vec::new(),
            languages: LanguageLabels::default(),
            extra: Extra::default(),
            sample: false,
            text_field: None,
            format: None,
            lines: false,
            special: Special::default(),
            errors: Utf8Errors::default(),
            on_error: OnError::default(),
            threads: None,
            hidden: false,
            ignore_files: true,
            decompress: false,
            max_record_bytes: MAX_RECORD_BYTES,
            max_window_bytes: MAX_WINDOW_BYTES,
            max_groups: MAX_GROUPS,
            outputs: Vec::new(),
            ledger_path: None,
        }
    }
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The groups, sorted by key (a missing value last). Empty where no keys were asked for.
    pub groups: Groups,
    /// The sums over all documents.
    pub totals: Tally,
    /// The account of rows.
    pub ledger: Ledger,
    /// Files that were read, or that should have been.
    pub files: u64,
    /// Files that a walk met and passed by: binary ones, links, and [`Outcome::files_packed`].
    pub files_ignored: u64,
    /// Compressed files that a walk passed by since they hold no records.
    pub files_packed: u64,
    /// Inputs that were left out because they are a file that is among the others.
    pub inputs_repeated: u64,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    pub files_unchecked: u64,
    /// The names of the first [`LEDGER_ENTRIES_KEPT`](crate::LEDGER_ENTRIES_KEPT) of these, in the order of the inputs.
    pub unchecked: Vec<String>,
    /// Bytes read from files as they are stored.
    pub bytes_read: u64,
}
