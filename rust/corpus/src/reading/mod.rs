//! Reading: from an open input to chunks that workers can take.
//!
//! What reads is a [`Reading`]; [`Stream`] is the one of all formats that are a stream of bytes, containers have their own.
//! A chunk is of bounded size, and holds records of which nothing was decoded yet, or rows. Counts nothing.

mod blocks;
mod record_parts;
mod stream;

use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use fasttok_engine::{Encoding, Special, Utf8Errors};
use fasttok_parallel::{Control, Splitter};

use serde::{Deserialize, Serialize};

pub(crate) use blocks::Blocks;
pub(crate) use record_parts::LongRecord;
pub(crate) use stream::{Framing, Stream};

use crate::Progress;
use crate::long_document::{Group, LongDocument, SavedDocument, Settled};
use crate::position::{Member, Position};
use crate::record::{FieldsMet, FormatId, FramedRecord, RecordReader, Rows};
use crate::skip_reason::SkipReason;
use crate::source::{Input, Opened};

/// A record longer than this many chunks is read in parts, where it can be: so many are worth the work.
const LONG: usize = 32;

/// What all streams of a run have in common.
pub(crate) struct StreamConfig {
    /// Bytes read at a time.
    pub chunk: usize,
    /// How many workers read on in turn. Towards the end of a file of lines chunks are smaller, so that they end together.
    pub workers: usize,
    /// The longest record, and the most that is held of one text in which no cut is found.
    pub max_record: usize,
    /// The largest window of a zstd frame.
    pub max_window: u64,
    pub encodings: Vec<Arc<Encoding>>,
    pub special: Special,
    pub errors: Utf8Errors,
    /// What is between the documents of a file that is cut by it; not empty there.
    pub separator: String,
    /// Of WARC, the bodies of responses are the documents.
    pub warc_responses: bool,
    /// A long text is cut between words.
    pub whole_words: bool,
    /// Who takes the records needs the whole of each.
    pub holds_records: bool,
    /// How many bytes a detector of languages is given of a text; 0 where none is asked.
    pub beginning: usize,
}

impl StreamConfig {
    /// Where a long text may be cut.
    pub fn splitter(&self) -> Splitter<'_> {
        let StreamConfig { encodings, special, whole_words, .. } = self;
        Splitter { encodings, special: *special, whole_words: *whole_words }
    }

    /// The most bytes of a record that are held where it can be read in parts.
    pub fn most_held(&self) -> usize {
        if self.holds_records { usize::MAX } else { LONG * self.chunk }
    }
}

/// What reads the records of a file, or of a part of it that is independent of the rest. Between two steps any worker may
/// have it.
pub(crate) trait Reading<'e>: Send {
    /// The index of the file in the list of inputs.
    fn file(&self) -> usize;
    /// Reads on. The bytes that the chunk is about, if it is about any, are left in `buf`. What is slow and needs nobody
    /// else (decoding, parsing) belongs into the chunk instead, for a step is done by one worker at a time.
    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e>;
    /// Whether what was read so far had no checksum by which damage would be seen.
    fn is_unchecked(&self) -> bool {
        false
    }
    /// Whether the bytes that it leaves were UTF-16.
    fn was_utf16(&self) -> bool {
        false
    }
    /// How many bytes of the file, as it is stored, this reading has read and told the progress of.
    fn bytes_read(&self) -> u64;
    /// Whether each of its steps says which unit of a sample it is.
    fn has_units(&self) -> bool {
        false
    }
    /// How large it is among the other parts of its file; 0 where it is none.
    fn size(&self) -> u64 {
        0
    }
    /// How far it is, where it can go on from there by itself. Asked between two steps, while no part of a long document is
    /// being counted. Of a reading that gives nothing the records are counted that it handed out, and it is read from its
    /// beginning to go on.
    fn reached(&self) -> Option<Reached> {
        None
    }
}

/// How far a stream of lines is, or one that is a single document, or an archive.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// What was handed out, in bytes of what the file unpacks to.
    pub bytes: u64,
    /// The line that follows; of an archive, how many members are before that.
    pub line: u64,
    /// Of UTF-16, where in the file that is, and where the document begins that it is in.
    pub stored: [u64; 2],
    pub inside: Inside,
}

impl Reached {
    /// The beginning of a line, so many `bytes` after that of the file. Lines are numbered from there.
    pub fn at_line_start(bytes: u64) -> Reached {
        Reached { bytes, line: 1, stored: [0; 2], inside: Inside::Nothing }
    }
}

/// What the next bytes belong to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Inside {
    /// They begin a record.
    Nothing,
    /// A line that is given up.
    GivenUp,
    /// A document that is counted in parts, and how many bytes of it were.
    Document { document: Box<SavedDocument>, offset: u64 },
    /// A member of an archive, how far its reading is, where that goes on by itself, and what it handed out after that.
    Member { reached: Option<Box<Reached>>, had: HandedOut },
}

/// How many records and bad rows a reading handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HandedOut {
    records: u64,
    bad: u64,
}

impl HandedOut {
    /// Adds what is in `step`, and takes out of it what an earlier run `had`.
    pub fn pass_over(&mut self, had: &HandedOut, step: &mut Step) {
        let pass_over = |out: &mut u64, had: u64, now: usize| {
            let before = had.saturating_sub(*out).min(now as u64);
            *out += now as u64;
            before as usize
        };
        match &mut step.chunk {
            Some(Chunk::Records { records, .. }) => {
                let before = pass_over(&mut self.records, had.records, records.len());
                records.drain(..before);
            }
            Some(Chunk::Rows(rows)) => {
                let before = pass_over(&mut self.records, had.records, rows.len());
                rows.pass_over(before);
            }
            // It is of a record that an earlier run had.
            Some(Chunk::Part(_)) if self.records < had.records => step.chunk = None,
            Some(Chunk::RecordEnd(_)) => {
                if pass_over(&mut self.records, had.records, 1) > 0 {
                    step.chunk = None;
                }
            }
            // What hands these out goes on by itself.
            Some(
                Chunk::Lines { .. } | Chunk::Document { .. } | Chunk::Part(_) | Chunk::Members(_),
            )
            | None => {}
        }
        let before = pass_over(&mut self.bad, had.bad, step.bad.len());
        step.bad.drain(..before);
    }

    /// All that this or `other` had.
    pub fn or(self, other: HandedOut) -> HandedOut {
        HandedOut { records: self.records.max(other.records), bad: self.bad.max(other.bad) }
    }
}

/// An input that was opened, and what is to be known of it for reading.
pub(crate) struct Opening<'e> {
    /// The index of the file in the list of inputs.
    pub file: usize,
    pub source: &'e Input,
    pub input: Opened<'e>,
    pub control: Control<'e>,
    pub progress: &'e Progress,
    pub format: FormatId,
    /// What is read of it, where it is an archive.
    pub member: Option<Arc<Member>>,
    pub host: &'e dyn Host<'e>,
    /// Where an earlier run stopped, if that is known.
    pub reached: Option<Reached>,
}

/// What a reading asks of whoever it is read for.
pub(crate) trait Host<'e>: Sync {
    /// The group of the documents of a file, or of a member of it, that have no fields.
    fn group(&self, file: usize, member: Option<&Member>) -> Group;
    /// Whether the member of an archive of this name is to be read.
    fn wants_member(&self, name: &str) -> bool;
    /// Begins to read a member of an archive.
    fn begin_member(&'e self, opening: MemberOpening<'e>) -> BegunMember<'e>;
}

/// A member of an archive that is to be read.
pub(crate) struct MemberOpening<'e> {
    /// The index of the archive in the list of inputs.
    pub file: usize,
    pub member: Arc<Member>,
    /// Gives the bytes of it, or an error where there are not all of them.
    pub bytes: Box<dyn Read + Send + 'e>,
    pub size: u64,
    pub control: Control<'e>,
    /// Where an earlier run stopped, if that is known.
    pub reached: Option<Reached>,
}

/// What became of a member.
pub(crate) enum BegunMember<'e> {
    Reading(Box<dyn Reading<'e> + 'e>),
    /// It is no text, or packed, and was not asked for.
    PassedBy,
    /// It is not read; and the format, where it is known and not read.
    Unread {
        format: Option<&'static str>,
        bad: SkipReason,
    },
}

/// A part of a long document.
pub(crate) struct LongPart {
    pub document: Arc<LongDocument>,
    /// Where it is in the document.
    pub offset: u64,
}

/// The end of a record that was read in parts.
pub(crate) struct RecordEnd {
    pub position: Position,
    /// Which of the fields it had.
    pub met: FieldsMet,
    /// `None` where there is no row and none was to be expected.
    pub text: Result<Option<RecordText>, SkipReason>,
}

/// What is known of a text that was handed out in parts.
pub(crate) struct RecordText {
    /// Its last part.
    pub last: LongPart,
    /// Its beginning, where a detector is asked.
    pub beginning: String,
    /// The values of its record.
    pub values: Vec<Option<String>>,
}

/// What there is to do with the bytes of a step.
pub(crate) enum Chunk {
    /// Records that are lines, and where the first of them is: a line (from 1), or a byte where nobody knows the line.
    Lines { format: FormatId, first: Position },
    /// The bytes are one document, the whole of the file or of the member.
    Document { format: FormatId, member: Option<Arc<Member>> },
    /// Records among the bytes, and what reads them.
    Records {
        member: Option<Arc<Member>>,
        records: Vec<FramedRecord>,
        reader: Box<dyn RecordReader>,
    },
    /// UTF-8, already checked.
    Part(LongPart),
    /// The bytes are the last part of the text of a record, UTF-8 too.
    RecordEnd(Box<RecordEnd>),
    /// Rows, which are not among the bytes.
    Rows(Box<dyn Rows>),
    /// Whole members of an archive, each of which is opened by whoever has the chunk.
    Members(Vec<WholeMember>),
}

impl Chunk {
    /// The member that it is about, where that is one.
    pub fn member(&self) -> Option<&Arc<Member>> {
        match self {
            Chunk::Lines { first, .. } => first.member.as_ref(),
            Chunk::Document { member, .. } | Chunk::Records { member, .. } => member.as_ref(),
            Chunk::Part(part) => part.document.position.member.as_ref(),
            Chunk::RecordEnd(ended) => ended.position.member.as_ref(),
            Chunk::Rows(_) | Chunk::Members(_) => None,
        }
    }
}

/// A member of an archive, and all its bytes.
pub(crate) struct WholeMember {
    pub member: Arc<Member>,
    pub bytes: Vec<u8>,
}

impl WholeMember {
    /// Asks to read it.
    pub fn opening<'e>(self, file: usize, control: Control<'e>) -> MemberOpening<'e> {
        let WholeMember { member, bytes } = self;
        let size = bytes.len() as u64;
        let bytes = Box::new(Cursor::new(bytes));
        MemberOpening { file, member, bytes, size, control, reached: None }
    }
}

/// What came of reading on.
#[derive(Default)]
pub(crate) struct Step<'e> {
    pub chunk: Option<Chunk>,
    /// Rows that cannot be counted, and where they are.
    pub bad: Vec<(Position, SkipReason)>,
    /// A long document that ended here because the reader gave up on it.
    pub settled: Option<(Arc<LongDocument>, Settled)>,
    /// What else is to be read of the file, in its order, each by whoever is free.
    pub more: Vec<Box<dyn Reading<'e> + 'e>>,
    /// What is to be known of members that were begun in this step.
    pub members: Members,
    /// Which bytes of the file the chunk is all of, where it is a unit of a sample.
    pub unit: Option<Range<u64>>,
    /// Nothing will follow but `more`.
    pub end: bool,
}

/// An account of members of archives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// Those that were to be read.
    pub begun: u64,
    /// Those of them that were passed by.
    pub passed_by: u64,
    /// The formats of those that are of one that is not read.
    pub unsupported: Vec<&'static str>,
}
