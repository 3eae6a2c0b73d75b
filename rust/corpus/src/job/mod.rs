//! What a run is asked for and what it gives: data, of which `crate::run` makes a run. Reads no file and starts no
//! thread.

mod labels;
mod share;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fasttok_engine::{Encoding, Special, Utf8Errors};
use fasttok_parallel::SharedCounter;

use crate::groups::{GroupKeys, Groups, Key};
use crate::input_files::InputFiles;
use crate::record::FieldsMet;
use crate::source::{Store, path_name, redact};
use crate::{Extra, Ledger, Lengths, SampleDrawn, Tally};

pub use labels::LanguageLabels;
pub use share::Share;
pub(crate) use share::SharedInput;

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

/// Which records of WARC hold the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WarcRecords {
    /// Texts that were made of pages: those of `conversion` records.
    #[default]
    Conversion,
    /// Pages as they came: the bodies of `response` records that are HTML or plain text.
    Response,
}

/// The field that holds the text unless a job says otherwise.
pub const TEXT_FIELD: &str = "text";
/// [`Job::max_record_bytes`] unless a job says otherwise.
pub const MAX_RECORD_BYTES: usize = 1 << 30;
/// [`Job::max_window_bytes`] unless a job says otherwise.
pub const MAX_WINDOW_BYTES: u64 = 128 << 20;
/// [`Job::checkpoint_seconds`] unless a job says otherwise.
pub const CHECKPOINT_SECONDS: u64 = 10;
/// [`Job::max_groups`] unless a job says otherwise.
pub const MAX_GROUPS: usize = 1_000_000;

/// Options that may differ between a run and the one that goes on with its work.
const NOT_ASKED: [&str; 8] = [
    "threads",
    "outputs",
    "max_errors",
    "ledger_path",
    "per_document",
    "hash_inputs",
    "checkpoint",
    "checkpoint_seconds",
];

/// A value as its user would know it.
fn in_words(value: String) -> String {
    match value.strip_prefix("Some(").and_then(|value| value.strip_suffix(')')) {
        Some(value) => value.to_owned(),
        None if value == "None" || value.is_empty() => "nothing".to_owned(),
        None => value,
    }
}

/// A value of an option, wherever options come from: from an object of another language, say.
pub trait ReadOption<T> {
    /// Why it cannot be read.
    type Error;

    /// The value of the option of this name.
    fn read(&self, name: &'static str) -> Result<T, Self::Error>;
}

/// Declares the options of a [`Job`], each once: name, type, and the value that it has unless a job says otherwise.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $default:expr,)*) => {
        /// What to count, and how.
        #[derive(Clone)]
        pub struct Job {
            /// Files, folders, patterns; `-` is standard input. Each file is read once, however often it is named.
            pub paths: Vec<PathBuf>,
            /// Files that were found before, in the place of `paths` and a list: the run is one of several that share
            /// them, see [`SharedInputs`](crate::SharedInputs).
            pub share: Option<Share>,
            /// The encodings to count by, all in one pass.
            pub encodings: Vec<Arc<Encoding>>,
            /// What keeps the counters of each encoding from one run to the next, in the order of the encodings. Where
            /// there is none, a run begins with empty caches.
            pub counters: Vec<Arc<SharedCounter>>,
            /// What the encodings are called in the table of documents, where not by their names.
            pub labels: Vec<String>,
            /// What to sum by; nothing gives the totals only.
            pub by: Vec<Key>,
            /// The labels that [`Key::Language`] sums by.
            pub languages: LanguageLabels,
            /// What is measured besides what always is.
            pub extra: Extra,
            /// Keep what a bootstrap over documents needs in [`Tally::bootstrap`].
            pub bootstrap: bool,
            /// What is kept of the length of each document.
            pub lengths: Lengths,
            /// What lists and reads the paths that are its own.
            pub store: Option<Arc<dyn Store>>,
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Job {
            /// A job with the defaults for everything else.
            pub fn new(paths: Vec<PathBuf>, encodings: Vec<Arc<Encoding>>) -> Job {
                Job {
                    paths,
                    share: None,
                    encodings,
                    counters: Vec::new(),
                    labels: Vec::new(),
                    by: Vec::new(),
                    languages: LanguageLabels::default(),
                    extra: Extra::default(),
                    bootstrap: false,
                    lengths: Lengths::default(),
                    store: None,
                    $($name: $default,)*
                }
            }

            /// What a run that goes on with another's work must have been asked, too: names and values.
            pub(crate) fn identity(&self) -> Vec<(String, String)> {
                let encodings: Vec<_> = self
                    .encodings
                    .iter()
                    .map(|encoding| format!("{} {}", encoding.name(), encoding.hash()))
                    .collect();
                // What is written must hold nothing secret.
                let paths: Vec<_> = self.paths.iter().map(|path| redact(&path_name(path))).collect();
                let LanguageLabels { field, from_path, detector, detect_bytes } = &self.languages;
                let mut asked = vec![
                    ("paths", format!("{paths:?}")),
                    ("encodings", encodings.join(", ")),
                    ("by", GroupKeys::new(&self.by).names().join(", ")),
                    ("language_field", format!("{field:?}")),
                    ("language_from_path", from_path.to_string()),
                    ("detect_language", detector.is_some().to_string()),
                    ("detect_bytes", detect_bytes.to_string()),
                    ("what is measured", format!("{:?} {:?} {}", self.extra, self.lengths, self.bootstrap)),
                    ("a table of documents", self.per_document.is_some().to_string()),
                    $((stringify!($name), format!("{:?}", self.$name)),)*
                ];
                // What changes nothing in the report.
                asked.retain(|(name, _)| !NOT_ASKED.contains(name));
                asked.into_iter().map(|(name, value)| (name.to_owned(), in_words(value))).collect()
            }

            /// Take every option from `source`, by its name.
            pub fn read_options<S, E>(&mut self, source: &S) -> Result<(), E>
            where
                $(S: ReadOption<$type, Error = E>,)*
            {
                $(self.$name = source.read(stringify!($name))?;)*
                Ok(())
            }
        }
    };
}

options! {
    /// A list of more paths, one per line or each ended by a NUL; `-` is standard input. What it names and is not there is
    /// a row of the ledger.
    files_from: Option<PathBuf> = None,
    /// The field that holds the text, where records have fields; a dot goes one level down, unless a field has the whole
    /// for its name. Of several, with commas between them, the texts are joined by line ends. `None` is [`TEXT_FIELD`],
    /// and does not say that there must be fields.
    text_field: Option<String> = None,
    /// The format of all files; `None` goes by the suffix, and what has no known one is plain text, unless it has no
    /// suffix or that of JSON and is JSON lines.
    format: Option<String> = None,
    /// In plain text each line is a document, instead of each file.
    lines: bool = false,
    /// In plain text each paragraph is a document: what is between blank lines.
    paragraphs: bool = false,
    /// In plain text what is between two of these is a document, unless it is empty.
    separator: Option<String> = None,
    /// Of archives, only the members whose names this pattern fits are read, whatever is in them; `*` fits slashes too.
    /// `None` reads them as a walk reads the files of a folder.
    member: Option<String> = None,
    /// Which records of WARC hold the documents.
    warc_records: WarcRecords = WarcRecords::default(),
    /// How special tokens in the text are treated.
    special: Special = Special::default(),
    /// What to do with bytes that are not UTF-8, and with lone surrogates in JSON.
    errors: Utf8Errors = Utf8Errors::default(),
    /// What to do with a row that cannot be counted.
    on_error: OnError = OnError::default(),
    /// The most rows that are skipped; with one more the run ends with
    /// [`Error::TooManySkipped`](crate::Error::TooManySkipped). `None` is no limit.
    max_errors: Option<u64> = None,
    /// Worker threads; `None` takes as many as the machine runs at once. The result does not depend on it.
    threads: Option<usize> = None,
    /// Walk into hidden files and folders too.
    hidden: bool = false,
    /// Heed `.gitignore` and its kin in a walk.
    ignore_files: bool = true,
    /// Of the files that a walk meets, those that one of these fits and no others; the last one that fits decides, and one
    /// that begins with `!` leaves out. One that fits prevails over `hidden` and `ignore_files`; one with a slash begins at the
    /// current folder.
    globs: Vec<String> = Vec::new(),
    /// What these fit is left out of a walk.
    exclude: Vec<String> = Vec::new(),
    /// Of the files that a walk meets, those of these types, by name: see [`file_types`](crate::file_types). A type that fits
    /// prevails over `hidden`, not over `ignore_files`.
    types: Vec<String> = Vec::new(),
    /// Files of these types are left out of a walk.
    not_types: Vec<String> = Vec::new(),
    /// Of several paths, one that does not exist is a row of the ledger, as if a list had named it, and does not end the
    /// run.
    skip_missing: bool = false,
    /// Unpack archives in a walk too, and compressed files where they hold no records. What is named or fits a pattern is
    /// always unpacked.
    decompress: bool = false,
    /// The most bytes of one record that is not plain text, and of one text in which no split point is found. What is
    /// longer is skipped. It is not the memory that a record takes: JSON is read in parts where it is long.
    max_record_bytes: usize = MAX_RECORD_BYTES,
    /// The most memory that a zstd frame may ask for to be unpacked; what asks for more is skipped.
    max_window_bytes: u64 = MAX_WINDOW_BYTES,
    /// The most groups that a run may have; with one more it ends with
    /// [`Error::TooManyGroups`](crate::Error::TooManyGroups).
    max_groups: usize = MAX_GROUPS,
    /// Files that the caller will write: left out of a walk, and refused among the paths.
    outputs: Vec<PathBuf> = Vec::new(),
    /// A folder that keeps the state of the run, from which the same run goes on if this one is broken off.
    checkpoint: Option<PathBuf> = None,
    /// How often the state is kept, in seconds; 0 is after each chunk.
    checkpoint_seconds: u64 = CHECKPOINT_SECONDS,
    /// Read a random sample of about this fraction of the bytes, and tell what was drawn in [`Outcome::sample`]. `None`
    /// reads all.
    sample: Option<f64> = None,
    /// What is drawn depends on it, on the fraction and on the files, and on nothing else.
    seed: u64 = 0,
    /// Where to write all ledger entries as JSONL, in the order in which they are met.
    ledger_path: Option<PathBuf> = None,
    /// Where to write a table with a row for each document that was counted, as Parquet.
    per_document: Option<PathBuf> = None,
    /// The field of a record that is its id in that table.
    id_field: Option<String> = None,
    /// Read the files once more at the end, for the hashes in [`Outcome::input_files`].
    hash_inputs: bool = false,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The groups, sorted by key (a missing value last). Empty where no keys were asked for.
    pub groups: Groups,
    /// The sums over all documents.
    pub totals: Tally,
    /// What was drawn, of a run over a sample: groups have the unit as the first value of their key, and sums are those of
    /// what was read. `None` where all was read, also because a sample of it would be no smaller.
    pub sample: Option<SampleDrawn>,
    /// The account of rows.
    pub ledger: Ledger,
    /// Files that were read, or that should have been.
    pub files: u64,
    /// Files that a walk met and passed by: binary ones, links, and [`Outcome::files_packed`].
    pub files_ignored: u64,
    /// Archives that a walk passed by, and compressed files that hold no records.
    pub files_packed: u64,
    /// Members of archives that were read, or that should have been.
    pub members: u64,
    /// Members of archives that were passed by: binary ones, and compressed ones without records.
    pub members_ignored: u64,
    /// Inputs that were left out because they are a file that is among the others.
    pub inputs_repeated: u64,
    /// What is known of the inputs.
    pub input_files: InputFiles,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    pub files_unchecked: u64,
    /// The names of the first [`LEDGER_ENTRIES_KEPT`](crate::LEDGER_ENTRIES_KEPT) of these, in the order of the inputs.
    pub unchecked: Vec<String>,
    /// Bytes read from files as they are stored.
    pub bytes_read: u64,
    /// The time that reading and counting took, without finding the files.
    pub reading: Duration,
    /// Which of the fields that were asked for the records had: for [`SharedInputs::check`](crate::SharedInputs::check).
    pub fields_met: FieldsMet,
    /// How many lines were read, of a share that is a part of a file of lines; of any other 0.
    pub lines: u64,
}
impl Job {
    /// Whether its documents are texts of conversations.
    pub(crate) fn is_of_messages(&self) -> bool {
        self.format.as_deref() == Some("messages")
    }
}
