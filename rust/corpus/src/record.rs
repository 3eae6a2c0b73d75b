//! Records: what a document is cut out of, and the ways to find its text in there. A contract: formats fulfil it, and a
//! run asks for it. Knows neither files nor what is done with a text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut, Range};

use fasttok_engine::{Utf8Errors, decode_utf8};
use serde::{Deserialize, Serialize};

use crate::Progress;
use crate::messages_met::MessagesMet;
use crate::position::{At, Position};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::utf16_len;

/// A format, as the index in the table of formats.
pub(crate) type FormatId = usize;

/// Finds the records in the bytes of a file where they are not lines. Does no I/O, and has a bounded state.
pub(crate) trait Framer: Send {
    /// Finds the whole records at the beginning of `bytes`, which begin where the last call was done; `is_end` says that no
    /// byte will follow. Returns how many bytes it is done with. What is longer than the longest record that is allowed
    /// it must not leave: it enters it in `found` as bad and is done with its bytes, in this call and the next ones.
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize;
    /// Where the record is that the next bytes begin or go on with.
    fn next(&self) -> At;
    /// Reads the records that were found so far.
    fn reader(&self) -> Box<dyn RecordReader>;
    /// The record in work, of which all bytes were looked at that are not done, is read in parts from here on by what is
    /// returned, if it can be: [`Framer::frame`] says in [`Framed::part`] what of the bytes is a part of it, is done with
    /// them, and finds nothing after it in the same call.
    fn begin_parts(&mut self, _: Utf8Errors) -> Option<Box<dyn RecordParts>> {
        None
    }
}

/// What a framer found.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    /// Whole records.
    pub records: Vec<FramedRecord>,
    /// What is no record.
    pub bad: Vec<(At, SkipReason)>,
    /// What the bytes are to a record that is read in parts.
    pub part: Option<RecordPart>,
}

/// What bytes that a framer is done with are to the record that is read in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordPart {
    /// A part of it, and more follows.
    More,
    /// Its last part.
    Last,
    /// It is no record, and is told of as bad.
    Lost,
}

/// A record among bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FramedRecord {
    /// Where its bytes are.
    pub range: Range<usize>,
    /// Where it is in the file.
    pub at: At,
}

/// Reads one record after the other; buffers are kept in between.
pub(crate) trait RecordReader: Send {
    /// The text in the bytes of a record that are none as they stand, `None` in it where there is no document and none was
    /// to be expected; `None` where they are text.
    fn decode<'a>(
        &mut self,
        _: &'a [u8],
        _: Utf8Errors,
    ) -> Option<Result<Option<Cow<'a, str>>, SkipReason>> {
        None
    }
    /// The document in `record`; `None` where there is none and none was to be expected (a blank line of JSONL).
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        errors: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason>;
    /// Calls `visit` with each document in `record`, and with each that is none and should be, until it wants no more.
    fn each(
        &mut self,
        record: &str,
        errors: Utf8Errors,
        visit: &mut dyn FnMut(Result<Row<'_>, SkipReason>) -> bool,
    ) {
        if let Some(row) = self.read(record, errors).transpose() {
            visit(row);
        }
    }
    /// Tells which fields the records since the last time had.
    fn report(&mut self, _: &Progress) {}
    /// Which fields its records had; nothing where records have none.
    fn fields_met(&mut self) -> FieldsMet {
        FieldsMet::default()
    }
}

/// Reads one record that is pushed to it in parts, because it is too long to be held.
pub(crate) trait RecordParts: Send {
    /// Reads on in the record, and appends what it finds of the text to `text`. Says how many bytes it is done with, and
    /// if a text begins there, for which slot: in place of one that was given out for it before.
    fn push(&mut self, record: &str, text: &mut String) -> (usize, Option<usize>);
    /// The record has ended.
    fn end(&mut self) -> PartsEnd;
}

/// What became of a record that was read in parts.
pub(crate) struct PartsEnd {
    /// `None` where there is no row and none was to be expected.
    pub row: Result<Option<PartsRow>, SkipReason>,
    /// The text of the row is the last one that was given out for this slot.
    pub text: usize,
    pub met: FieldsMet,
}

/// A document whose text was given out.
#[derive(Debug)]
pub(crate) struct PartsRow {
    /// One value for each of [`Fields::groups`].
    pub values: Vec<Option<String>>,
}

/// Rows that a container has decoded: some at a time, of bounded size.
pub(crate) trait Rows: Send {
    /// How many there are.
    fn len(&self) -> usize;
    /// Where row `i` is.
    fn position(&self, i: usize) -> Position;
    /// The document of row `i`; `None` where there is none and none was to be expected.
    fn read(&mut self, i: usize, errors: Utf8Errors) -> Result<Option<Row<'_>>, SkipReason>;
    /// Takes the first `rows` away.
    fn pass_over(&mut self, rows: usize);
    /// Which fields the rows had.
    fn fields_met(&mut self) -> FieldsMet {
        FieldsMet::default()
    }
}

/// Which of the fields that were asked for were met, and what others there are: so that a name that was mistyped can be
/// told from one that is rare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldsMet {
    /// Records with fields.
    pub(crate) records: u64,
    /// Whether any of them had each of the fields, in the order of [`Fields::names`].
    pub(crate) met: Vec<bool>,
    /// Names of fields of some records, as one would ask for them: a help in an error, and no more.
    pub(crate) names: BTreeSet<String>,
    /// What there was of conversations.
    pub messages: MessagesMet,
}

impl FieldsMet {
    /// The most names that are remembered.
    pub(crate) const NAMES: usize = 200;
    /// Names that are longer as they are written are not, nor what is in them.
    pub(crate) const NAME_BYTES: usize = 1000;
    /// Fields within fields are named down to this depth.
    pub(crate) const NAMES_DEPTH: usize = 3;

    /// What was met, for another process, of the same version of this crate.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("numbers and names can always be written")
    }

    /// What [`FieldsMet::to_bytes`] gave; `None` where it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<FieldsMet> {
        postcard::from_bytes(bytes).ok()
    }

    /// What a run over all its records met, of `fields` that were asked for. Names are of use only where one is missing:
    /// which records were looked at for them depends on who read them.
    pub(crate) fn of_run(mut self, fields: usize) -> FieldsMet {
        self.met.resize(fields, false);
        if self.met.iter().all(|&met| met) {
            self.names.clear();
        }
        self
    }

    pub(crate) fn add(&mut self, other: FieldsMet) {
        self.records += other.records;
        if self.met.len() < other.met.len() {
            self.met.resize(other.met.len(), false);
        }
        self.met.iter_mut().zip(other.met).for_each(|(met, too)| *met |= too);
        self.names.extend(other.names);
        self.messages.add_all(other.messages);
    }
}

/// What a reader keeps of the fields that its records had.
#[derive(Debug)]
pub(crate) struct Met {
    met: FieldsMet,
    /// How many of its records were told of.
    reported: u64,
    /// How many fields were asked for.
    fields: usize,
}

impl Met {
    /// Of so many fields that were asked for.
    pub fn new(fields: usize) -> Met {
        Met { met: Met::none(fields), reported: 0, fields }
    }

    fn none(fields: usize) -> FieldsMet {
        FieldsMet { met: vec![false; fields], ..FieldsMet::default() }
    }

    /// Tells of the records since the last time.
    pub fn report(&mut self, progress: &Progress) {
        progress.add_records(self.met.records - self.reported, &self.met.met);
        self.reported = self.met.records;
    }

    /// What was met since the last time.
    pub fn take(&mut self) -> FieldsMet {
        self.reported = 0;
        std::mem::replace(&mut self.met, Met::none(self.fields))
    }
}

impl Deref for Met {
    type Target = FieldsMet;

    fn deref(&self) -> &FieldsMet {
        &self.met
    }
}

impl DerefMut for Met {
    fn deref_mut(&mut self) -> &mut FieldsMet {
        &mut self.met
    }
}

/// Whether a line has nothing in it, and so is no record.
pub(crate) fn is_blank(line: &str) -> bool {
    line.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r'))
}

/// A document as its record gives it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub text: &'a str,
    /// One value for each of [`Fields::groups`]; empty where records have no fields.
    pub values: &'a [Option<String>],
    /// The second text, where [`Fields::answer`] asks for one and records have fields.
    pub answer: Option<&'a str>,
}

/// The fields of a record that are wanted: paths of names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    pub text: Vec<String>,
    pub groups: Vec<Vec<String>>,
    /// A second text, which must be there too.
    pub answer: Option<Vec<String>>,
    /// Further parts of the text, each on a line of its own after the one before.
    pub more: Vec<Vec<String>>,
}

impl Fields {
    /// A dot goes one level down: `meta.lang`. A field that has the whole for its name comes first.
    pub fn path(field: &str) -> Vec<String> {
        field.split('.').map(str::to_owned).collect()
    }

    /// The paths: the text, then the groups, then the second text, then the further parts of the text.
    pub fn paths(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.text).chain(&self.groups).chain(&self.answer).chain(&self.more)
    }

    /// The index of the second text and of the first of the further parts among the paths, if there are any.
    pub fn after_groups(&self) -> (Option<usize>, usize) {
        let answer = 1 + self.groups.len();
        (self.answer.as_ref().map(|_| answer), answer + usize::from(self.answer.is_some()))
    }

    /// The names as the user wrote them, in the order of [`Fields::paths`].
    pub fn names(&self) -> Vec<String> {
        self.paths().map(|path| path.join(".")).collect()
    }
}

/// `bytes` as text.
pub(crate) fn decoded(bytes: &[u8], errors: Utf8Errors) -> Result<Cow<'_, str>, SkipReason> {
    decode_utf8(bytes, errors).map_err(|e| match e {
        fasttok_engine::Error::InvalidUtf8 { offset } => SkipReason::invalid_utf8(offset as u64),
        e => SkipReason::new(Reason::InvalidUtf8, e.to_string()),
    })
}

/// `bytes`, which were UTF-16 from the byte `from` on, as text: where that is wrong is told by the bytes that they were.
pub(crate) fn decoded_utf16(
    bytes: &[u8],
    from: u64,
    errors: Utf8Errors,
) -> Result<Cow<'_, str>, SkipReason> {
    decode_utf8(bytes, errors).map_err(|e| match e {
        fasttok_engine::Error::InvalidUtf8 { offset } => {
            SkipReason::invalid_utf16(from + utf16_len(&bytes[..offset]))
        }
        e => SkipReason::new(Reason::InvalidUtf8, e.to_string()),
    })
}
