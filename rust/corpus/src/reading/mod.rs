//! Reading: from an open input to chunks that workers can take.
//!
//! What reads is a [`Reading`]; [`Stream`] is the one of all formats that are a stream of bytes, containers have their own.
//! A chunk is of bounded size, and holds records of which nothing was decoded yet, or rows. Counts nothing.

mod stream;

use std::sync::Arc;

use fasttok_engine::{Encoding, Special, Utf8Errors};
use fasttok_parallel::{Control, Splitter};

use serde::{Deserialize, Serialize};

pub(crate) use stream::{Framing, Stream};

use crate::Progress;
use crate::long_document::{Group, LongDocument, SavedDocument, Settled};
use crate::position::{Member, Position};
use crate::record::{FormatId, FramedRecord, RecordReader, Rows};
use crate::skip_reason::SkipReason;
use crate::source::{Input, Opened};

/// What all streams of a run have in common.
pub(crate) struct StreamConfig {
    /// Bytes read at a time.
    pub chunk: usize,
    /// The most that is held of one record, or of one text in which no cut is found.
    pub max_record: usize,
    /// The largest window of a zstd frame.
    pub max_window: u64,
    pub encodings: Vec<Arc<Encoding>>,
    pub special: Special,
    pub errors: Utf8Errors,
    /// What is between the documents of a file that is cut by it; not empty there.
    pub separator: String,
    /// A long text is cut between words.
    pub whole_words: bool,
}

impl StreamConfig {
    /// Where a long text may be cut.
    pub fn splitter(&self) -> Splitter<'_> {
        let StreamConfig { encodings, special, whole_words, .. } = self;
        Splitter { encodings, special: *special, whole_words: *whole_words }
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
    /// How far it is, where it can go on from there by itself. Asked between two steps, while no part of a long document is
    /// being counted. Of a reading that gives nothing the records are counted that it handed out, and it is read from its
    /// beginning to go on.
    fn reached(&self) -> Option<Reached> {
        None
    }
}

/// How far a stream of lines is, or one that is a single document.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// What was handed out, in bytes of what the file unpacks to.
    pub bytes: u64,
    pub line: u64,
    /// Of UTF-16, where in the file that is, and where the document begins that it is in.
    pub stored: [u64; 2],
    pub inside: Inside,
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
    /// The group of documents that have no fields.
    pub group: Group,
    /// Where an earlier run stopped, if that is known.
    pub reached: Option<Reached>,
}

/// A part of a long document.
pub(crate) struct LongPart {
    pub document: Arc<LongDocument>,
    /// Where it is in the document.
    pub offset: u64,
}

/// What there is to do with the bytes of a step.
pub(crate) enum Chunk {
    /// Records that are lines, the first of which is this one (from 1).
    Lines { format: FormatId, first_line: u64 },
    /// The bytes are one document, the whole of the file.
    Document { format: FormatId },
    /// Records among the bytes, and what reads them.
    Records {
        member: Option<Arc<Member>>,
        records: Vec<FramedRecord>,
        reader: Box<dyn RecordReader>,
    },
    /// UTF-8, already checked.
    Part(LongPart),
    /// Rows, which are not among the bytes.
    Rows(Box<dyn Rows>),
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
    /// Nothing will follow but `more`.
    pub end: bool,
}
