//! Formats: how the bytes of a file become documents. One file a format, and one line in [`FORMATS`].
//!
//! A format says how a file is cut into records ([`Framing`]) and what text a record holds. It knows neither where
//! the bytes come from nor what is done with the text.
//!
//! The text is counted as given. A UTF-8 byte order mark is a character, and the references count it, so it stays
//! part of a plain text; in JSONL it is no part of any record and is passed over. UTF-16 is not guessed at: such a
//! file is a row of the ledger that says how to convert it.

mod jsonl;
mod lines;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod unescape;

use std::collections::BTreeSet;

use fasttok_engine::Utf8Errors;

use crate::Progress;
use crate::skip_reason::SkipReason;
use crate::source::Framing;

/// A way to read documents out of a file.
pub(crate) trait Format: Sync {
    /// The name by which a job asks for it.
    fn name(&self) -> &'static str;
    /// Suffixes by which it is recognised, in lower case and without the dot.
    fn suffixes(&self) -> &'static [&'static str] {
        &[]
    }
    /// How a file is cut into records.
    fn framing(&self) -> Framing;
    /// Whether a byte order mark at the start of a file is passed over rather than text.
    fn passes_bom(&self) -> bool {
        false
    }
    /// The state by which a worker reads records.
    fn reader(&self, fields: &Fields) -> Box<dyn RecordReader>;
}

/// Reads one record after the other; buffers are kept in between.
pub(crate) trait RecordReader {
    /// The document in `record`; `None` where there is none and none was to be expected (a blank line of JSONL).
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        errors: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason>;
    /// Tells which fields the records since the last time had.
    fn report(&mut self, _: &Progress) {}
    /// Which fields its records had; nothing where records have none.
    fn fields_met(&mut self) -> FieldsMet {
        FieldsMet::default()
    }
}

/// Which of the fields that were asked for were met, and what others there are: so that a name that was mistyped can be
/// told from one that is rare.
#[derive(Debug, Default)]
pub(crate) struct FieldsMet {
    /// Records with fields.
    pub records: u64,
    /// Whether any of them had the text, and each of [`Fields::groups`].
    pub met: Vec<bool>,
    /// Names of fields of the first records, as one would ask for them.
    pub names: BTreeSet<String>,
}

impl FieldsMet {
    /// The most names that are remembered.
    pub const NAMES: usize = 200;

    pub fn add(&mut self, other: FieldsMet) {
        self.records += other.records;
        if self.met.len() < other.met.len() {
            self.met.resize(other.met.len(), false);
        }
        self.met.iter_mut().zip(other.met).for_each(|(met, too)| *met |= too);
        self.names.extend(other.names);
    }
}

/// A document as its record gives it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub text: &'a str,
    /// One value for each of [`Fields::groups`]; empty where records have no fields.
    pub values: &'a [Option<String>],
}

/// The fields of a record that are wanted: paths of names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    pub text: Vec<String>,
    pub groups: Vec<Vec<String>>,
}

impl Fields {
    /// A dot goes one level down: `meta.lang`.
    pub fn path(field: &str) -> Vec<String> {
        field.split('.').map(str::to_owned).collect()
    }

    /// The names as the user wrote them: the text, then the groups.
    pub fn names(&self) -> Vec<String> {
        std::iter::once(&self.text).chain(&self.groups).map(|path| path.join(".")).collect()
    }
}

static FORMATS: &[&dyn Format] = &[
    &text::Text,
    &lines::Lines,
    &jsonl::Jsonl,
    #[cfg(test)]
    &tests::Panics,
];

/// The names of all formats.
pub fn format_names() -> Vec<&'static str> {
    FORMATS.iter().map(|f| f.name()).collect()
}

/// The index of a format in the table.
pub(crate) type FormatId = usize;

pub(crate) fn format(id: FormatId) -> &'static dyn Format {
    FORMATS[id]
}

pub(crate) fn format_count() -> usize {
    FORMATS.len()
}

pub(crate) fn by_name(name: &str) -> Option<FormatId> {
    FORMATS.iter().position(|f| f.name() == name)
}

pub(crate) fn by_suffix(suffix: &str) -> Option<FormatId> {
    FORMATS.iter().position(|f| f.suffixes().contains(&suffix))
}
