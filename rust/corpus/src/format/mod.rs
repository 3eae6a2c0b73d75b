//! Formats: how the bytes of a file become documents. One file a format, and one line in [`FORMATS`].
//!
//! There are three ways to be one:
//!
//! - records that are lines, or the whole file ([`Framing`]): what is between two line ends is found by `reading::Stream`, which
//!   also counts a long one in parts;
//! - records that are found otherwise, in a stream of bytes: a [`Framer`], which is pushed bytes and says what of them
//!   are whole records;
//! - a container, whose parts are read at places that it names itself (row groups, members): an [`Opener`], which makes
//!   of the open file a [`Reading`], or several that are independent, each of which hands out records, or
//!   rows that it has decoded (`record::Rows`).
//!
//! Of the first two a [`RecordReader`] finds the text in a record, in whatever worker has the record. No format knows
//! where the bytes come from nor what is done with the text, and none does I/O but a container.
//!
//! The text is counted as given. A UTF-8 byte order mark is a character, and the references count it, so it stays
//! part of a plain text; in JSONL it is no part of any record and is passed over. UTF-16 with its mark is decoded before
//! any format sees it; it is not guessed at without one: such a file is a row of the ledger that says how to convert it.

mod columns;
mod csv;
mod csv_parts;
#[cfg(test)]
mod csv_parts_tests;
mod json;
mod json_parts;
#[cfg(test)]
mod json_parts_tests;
pub(crate) mod json_string;
mod json_tree;
mod jsonl;
mod lines;
mod long_strings;
mod messages;
mod separated;
mod tar;
#[cfg(test)]
mod tests;
mod text;
mod warc;

pub(crate) use csv::has_text_column;
pub(crate) use json::looks_like_json;
pub use json_tree::{JsonKind, JsonTree, digest};
pub(crate) use messages::NAME as MESSAGES;
pub(crate) use messages::Part;
pub use messages::WHOLE as MESSAGE_RECORDS;
pub use messages::{MessageText, MessageTexts, message_role, message_texts, message_texts_of};

use fasttok_engine::Utf8Errors;

use crate::reading::{Blocks, Framing, Opening, Reading, Stream, StreamConfig};
use crate::record::{Fields, FormatId, Framer, RecordParts, RecordReader};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::Input;

/// A way to read documents out of a file.
pub(crate) trait Format: Sync {
    /// The name by which a job asks for it.
    fn name(&self) -> &'static str;
    /// Whether it is named among the formats that there are: the others are asked for by commands and not by users.
    fn is_offered(&self) -> bool {
        true
    }
    /// Suffixes by which it is recognised, in lower case and without the dot.
    fn suffixes(&self) -> &'static [&'static str] {
        &[]
    }
    /// Whether a file that begins with these bytes is of this format, whatever its name is. No text may begin so but one
    /// that is meant by it.
    fn begins(&self, _: &[u8]) -> bool {
        false
    }
    /// Whether it reads a file that begins with these bytes in the place of the format of the same name that is before it in
    /// the table.
    fn begins_layout(&self, _: &[u8]) -> bool {
        false
    }
    /// Whether it is a container of files, each of which has a format of its own.
    fn is_archive(&self) -> bool {
        false
    }
    /// Whether its records have fields, of which one is the text.
    fn has_fields(&self) -> bool {
        false
    }
    /// Whether a byte order mark at the start of a file is passed over rather than text.
    fn passes_bom(&self) -> bool {
        false
    }
    /// How a file is cut into records.
    fn layout(&self) -> Layout;
    /// What reads a record that is too long to be held, where that can be done.
    fn parts(&self, _: &Fields, _: Utf8Errors) -> Option<Box<dyn RecordParts>> {
        None
    }
}

/// How a file is cut into records.
pub(crate) enum Layout {
    /// By what is between them; and what reads one.
    Stream(Framing, fn(&Fields) -> Box<dyn RecordReader>),
    /// By a framer.
    Framed(fn(&Fields, &StreamConfig) -> Box<dyn Framer>),
    /// It is a container.
    Container(Opener),
}

/// Makes of an open file what reads its records.
pub(crate) type Opener = for<'e> fn(
    Opening<'e>,
    &Formats<'e>,
    &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason>;

static FORMATS: &[&dyn Format] = &[
    &text::Text,
    &lines::Lines,
    &jsonl::Jsonl,
    &json::Json,
    &messages::Lines(MESSAGES),
    &messages::Elements(MESSAGES),
    &messages::Lines(MESSAGE_RECORDS),
    &messages::Elements(MESSAGE_RECORDS),
    &csv::CSV,
    &csv::TSV,
    &columns::parquet::Parquet,
    &columns::arrow::Arrow,
    &separated::Paragraphs,
    &separated::Separated,
    &tar::Tar,
    &warc::Warc,
    #[cfg(test)]
    &tests::Panics,
];

/// What reads the lines, or the documents, of a format that is a stream of them.
pub(crate) fn line_reader(id: FormatId, fields: &Fields) -> Box<dyn RecordReader> {
    match format(id).layout() {
        Layout::Stream(_, reader) => reader(fields),
        Layout::Framed(_) | Layout::Container(_) => {
            unreachable!("framers and containers hand out what reads their records")
        }
    }
}

/// What reads a record of a format in parts, if anything does.
fn record_parts(id: FormatId, fields: &Fields, errors: Utf8Errors) -> Option<Box<dyn RecordParts>> {
    format(id).parts(fields, errors)
}

/// Whether the records of a file of this format are lines, so that one can be found from any byte on.
pub(crate) fn is_of_lines(id: FormatId) -> bool {
    matches!(format(id).layout(), Layout::Stream(Framing::Lines | Framing::Records, _))
}

/// Whether a file of this format may have parts of its own, each with records that are read without the others.
pub(crate) fn has_parts(id: FormatId) -> bool {
    let format = format(id);
    matches!(format.layout(), Layout::Container(_)) && !format.is_archive()
}

/// Begins to read those blocks of lines that hold the bytes `drawn`.
pub(crate) fn begin_blocks<'e>(
    opening: Opening<'e>,
    block: u64,
    drawn: impl Iterator<Item = u64>,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    let passes_bom = format(opening.format).passes_bom();
    Ok(Box::new(Blocks::new(opening, passes_bom, block, drawn)?))
}

/// Begins to read an input of the format that `opening` names.
pub(crate) fn begin<'e>(
    opening: Opening<'e>,
    formats: &Formats<'e>,
    config: &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    let format = format(opening.format);
    let passes_bom = format.passes_bom();
    match format.layout() {
        Layout::Stream(framing, _) => {
            let stream = Stream::new(opening, framing, passes_bom, None)?;
            Ok(Box::new(stream.with_parts(formats.fields, record_parts)))
        }
        Layout::Framed(framer) => {
            let framer = framer(formats.fields, config);
            Ok(Box::new(Stream::new(opening, Framing::Records, passes_bom, Some(framer))?))
        }
        Layout::Container(_) if opening.member.is_some() => {
            let name = format.name();
            let detail = format!(
                "not supported yet: {name} inside an archive; to count it, extract it and name the file"
            );
            Err(SkipReason::new(Reason::UnsupportedFormat, detail))
        }
        Layout::Container(_) if format.has_fields() && !formats.fields.more.is_empty() => {
            let detail = format!("not supported yet: several text fields of {}", format.name());
            Err(SkipReason::new(Reason::UnsupportedFormat, detail))
        }
        Layout::Container(open) => open(opening, formats, config),
    }
}

/// The names of all formats that are offered.
pub fn format_names() -> Vec<&'static str> {
    let mut names: Vec<_> = FORMATS.iter().filter(|f| f.is_offered()).map(|f| f.name()).collect();
    names.dedup();
    names
}

/// What a job says of formats.
#[derive(Clone, Copy)]
pub(crate) struct Formats<'j> {
    /// The format of all files, if the job names it.
    pub forced: Option<FormatId>,
    /// The format of what is plain text.
    pub plain: FormatId,
    pub fields: &'j Fields,
    /// A field was asked for: of the text, of a group or of the language.
    pub asks_fields: bool,
    /// Compressed files are unpacked wherever they are met.
    pub decompress: bool,
    /// Members of archives are asked for, so that archives are read wherever they are met.
    pub asks_members: bool,
    /// What is not text is an error, unless the job replaces it.
    pub is_strict: bool,
}

impl Formats<'_> {
    /// Whether the archive `input` is read.
    pub fn reads_archive(&self, input: &Input) -> bool {
        let is_forced = self.forced.is_some_and(|forced| format(forced).is_archive());
        input.unpack || self.decompress || self.asks_members || is_forced
    }

    /// The same for what is in an archive.
    pub fn of_members(&self) -> Self {
        Formats { forced: self.forced.filter(|&forced| !format(forced).is_archive()), ..*self }
    }
}

pub(crate) fn format(id: FormatId) -> &'static dyn Format {
    FORMATS[id]
}

pub(crate) fn by_name(name: &str) -> Option<FormatId> {
    FORMATS.iter().position(|f| f.name() == name)
}

/// The format that reads a file that begins with `head`, of those that have the name of `id`.
pub(crate) fn in_layout(id: FormatId, head: &[u8]) -> FormatId {
    let is_it = |f: &&dyn Format| f.name() == format(id).name() && f.begins_layout(head);
    FORMATS.iter().position(is_it).unwrap_or(id)
}

/// The format that a file is of that begins with `head`.
pub(crate) fn by_beginning(head: &[u8]) -> Option<FormatId> {
    FORMATS.iter().position(|f| f.begins(head))
}

pub(crate) fn by_suffix(suffix: &str) -> Option<FormatId> {
    FORMATS.iter().position(|f| f.suffixes().contains(&suffix))
}
