//! Documents one after the other, in the order of the files, for what needs the text of each and not sums alone.
//!
//! The sources, the formats, the limits and the ledger are those of [`crate::run()`], so that whoever reads this way
//! sees the rows that are counted, and skips the others for the same reasons. It knows nothing of tokens: texts are
//! handed on, a bounded batch at a time, by one thread that reads ahead of whoever takes them.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_engine::{Special, interruptible};
use fasttok_parallel::Control;

use crate::entry::Entry;
use crate::format::{Formats, MESSAGE_RECORDS};
use crate::groups::GroupKeys;
use crate::input_files::InputFiles;
use crate::job::{Job, OnError, WarcRecords};
use crate::language::{DETECT_BATCH, DETECT_BATCH_BYTES, Labels, language_of_path};
use crate::ledger::Collector;
use crate::long_document::Group;
use crate::messages_met::MessagesMet;
use crate::position::{At, Member, Position};
use crate::reading::{
    BegunMember, Chunk, Host, MemberOpening, Members, Reading, Step, StreamConfig, WholeMember,
};
use crate::recognise::{Taken, Unread};
use crate::record::{Fields, Row};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{self, Input};
use crate::{Error, Ledger, Progress, Tally, scripts_of};

use super::chunk::Readers;
use super::inputs::Inputs;
use super::members::{self, MemberFilter, MemberOpener, extension};
use super::open::{ask_ahead, begin};
use super::{CHUNK, check_fields, fields, formats, path_languages};

/// A batch holds this many documents at most, or so many bytes of them and one document more.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 8 << 20;
/// Of records that are handed on whole, whose reader makes many objects of each.
const WHOLE_BYTES: usize = 2 << 20;
/// The same where rows may be refused: a batch stays in the caches until its texts are counted.
const REFUSABLE_BYTES: usize = 2 << 20;

/// A document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// The text of the second field, where one is asked for.
    pub answer: Option<String>,
    /// One value for each of [`Job::by`].
    pub key: Vec<Option<String>>,
    /// The file as the ledger would name it.
    pub file: String,
    /// Where it is in it.
    pub position: Position,
}

/// What reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsRead {
    /// The account of rows; those handed on are the counted ones.
    pub ledger: Ledger,
    /// Files that were read, or that should have been.
    pub files: u64,
    /// Archives that a walk passed by, and compressed files that hold no records.
    pub files_packed: u64,
    /// Members of archives that were read, or that should have been.
    pub members: u64,
    /// Members of archives that were passed by: binary ones, and compressed ones without records.
    pub members_ignored: u64,
    /// Files that a walk met and passed by: binary ones, links, and [`DocumentsRead::files_packed`].
    pub files_ignored: u64,
    /// Inputs that were left out because they are a file that is among the others.
    pub inputs_repeated: u64,
    /// What is known of the inputs.
    pub input_files: InputFiles,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    pub files_unchecked: u64,
    /// The names of the first of these, as in [`Outcome::unchecked`](crate::Outcome::unchecked).
    pub unchecked: Vec<String>,
    /// Bytes read from files as they are stored.
    pub bytes_read: u64,
    /// What records of messages there were.
    pub messages: MessagesMet,
}

/// Hands the documents of `job` to `take`, which says whether it wants more. Of each record, `answer` names a second
/// field that must hold a text, too. The job's encodings and threads play no part.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fasttok_corpus::{Job, Progress, documents};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("lines.txt");
/// std::fs::write(&file, "first\nsecond\n")?;
/// let mut job = Job::new(vec![file], Vec::new());
/// job.lines = true;
/// let mut texts = Vec::new();
/// let read = documents(&job, None, &Progress::new(), &AtomicBool::new(false), &mut |batch| {
///     texts.extend(batch.into_iter().map(|document| document.text));
///     true
/// })?;
/// assert_eq!(texts, ["first", "second"]);
/// assert_eq!(read.ledger.counted, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn documents(
    job: &Job,
    answer: Option<&str>,
    progress: &Progress,
    cancel: &AtomicBool,
    take: &mut dyn FnMut(Vec<Document>) -> bool,
) -> Result<DocumentsRead, Error> {
    documents_in_chunks(job, answer, progress, cancel, take, CHUNK)
}

pub(crate) fn documents_in_chunks(
    job: &Job,
    answer: Option<&str>,
    progress: &Progress,
    cancel: &AtomicBool,
    take: &mut dyn FnMut(Vec<Document>) -> bool,
    chunk: usize,
) -> Result<DocumentsRead, Error> {
    let mut take = |batch: Vec<Document>| match batch.is_empty() || take(batch) {
        true => Ok(Vec::new()),
        // Nobody takes more.
        false => Err(Error::Interrupted),
    };
    let most_bytes = match job.format.as_deref() {
        Some(MESSAGE_RECORDS) => WHOLE_BYTES,
        _ => BATCH_BYTES,
    };
    hand_on(job, answer, progress, cancel, (&mut take, most_bytes), chunk)
}

/// The same, where `take` gives the rows of this batch or of those before that are not counted after all. The last batch is
/// empty.
pub(crate) fn documents_refusable(
    job: &Job,
    progress: &Progress,
    cancel: &AtomicBool,
    take: &mut Take<'_>,
) -> Result<DocumentsRead, Error> {
    hand_on(job, None, progress, cancel, (take, REFUSABLE_BYTES), CHUNK)
}

/// Takes a batch, and gives the rows that are not counted after all.
type Take<'t> = dyn FnMut(Vec<Document>) -> Result<Vec<Entry>, Error> + 't;

fn hand_on(
    job: &Job,
    answer: Option<&str>,
    progress: &Progress,
    cancel: &AtomicBool,
    (take, most_bytes): (&mut Take<'_>, usize),
    chunk: usize,
) -> Result<DocumentsRead, Error> {
    if job.checkpoint.is_some() {
        let message = "documents that are handed on have no checkpoint".to_owned();
        return Err(Error::InvalidJob { message });
    }
    let found = Inputs::find(job, progress, cancel)?;
    let mut ledger = Collector::new(job.ledger_path.as_deref(), job.max_errors)?;
    found.report_bad(job, &mut ledger, progress)?;
    let groups = GroupKeys::new(&job.by);
    let fields = Fields { answer: answer.map(Fields::path), ..fields(job, &groups) };
    progress.watch(fields.names());
    let mut formats = formats(job, &fields)?;
    formats.asks_fields |= answer.is_some();
    let config = StreamConfig {
        chunk,
        workers: 1,
        max_record: job.max_record_bytes,
        max_window: job.max_window_bytes,
        encodings: Vec::new(),
        special: Special::Text,
        errors: job.errors,
        separator: job.separator.clone().unwrap_or_default(),
        warc_responses: job.warc_records == WarcRecords::Response,
        whole_words: false,
        holds_records: true,
        beginning: 0,
    };
    let opener = MemberOpener { inputs: &found.inputs, formats, config: &config, progress };
    let host = Archives { opener, filter: MemberFilter::new(job)? };
    let mut reading = Documents {
        job,
        formats,
        host: &host,
        groups,
        readers: Readers::new(&fields, &config, progress),
        config: &config,
        progress,
        ledger: &mut ledger,
        take,
        most_bytes,
        batch: Vec::new(),
        batch_bytes: 0,
        path_languages: path_languages(job, &found.inputs),
        path_language: None,
        labels: Labels::default(),
        undetected: Vec::new(),
        seen: 0,
        counted: 0,
        binary: 0,
        packed: 0,
        members: Members::default(),
        unchecked: BTreeSet::new(),
    };
    let stop = AtomicBool::new(false);
    for file in 0..found.inputs.len() {
        interruptible(&|| cancel.load(Relaxed), || {
            reading.file(&found, file, Control { cancel, stop: &stop })
        })?;
        if cancel.load(Relaxed) {
            return Err(Error::Interrupted);
        }
    }
    reading.hand_on()?;
    reading.give(Vec::new())?;
    let Documents { seen, counted, binary, packed, members, unchecked, readers, .. } = reading;
    let met = readers.fields_met();
    found.check_not_all_ignored(job, binary, packed)?;
    members::check(job, (members.begun, members.passed_by), counted, ledger.skipped())?;
    check_fields(&met, counted, &fields)?;
    Ok(DocumentsRead {
        ledger: ledger.finish(found.bad.len() as u64 + seen, counted)?,
        files: found.inputs.len() as u64 - binary - packed + found.bad.len() as u64,
        files_packed: packed,
        members: members.begun - members.passed_by,
        members_ignored: members.passed_by,
        files_ignored: binary + packed + found.passed,
        inputs_repeated: found.repeated,
        input_files: InputFiles::of(&found.inputs),
        files_unchecked: unchecked.len() as u64,
        unchecked: found.names(&unchecked),
        bytes_read: progress.bytes(),
        messages: met.messages,
    })
}

/// All bytes of one file, unpacked if it is compressed; up to `limit` of them.
pub fn read_whole(
    path: &Path,
    limit: u64,
    progress: &Progress,
    cancel: &AtomicBool,
) -> Result<Vec<u8>, Error> {
    let job = Job::new(vec![path.to_owned()], Vec::new());
    let file = path.display().to_string();
    let bad_row = |bad: SkipReason| Error::BadRow(Entry::new(&file, Position::default(), bad));
    let found = Inputs::find(&job, progress, cancel)?;
    let stop = AtomicBool::new(false);
    let input = match (found.inputs.as_slice(), found.bad.first()) {
        ([input], _) => input,
        (_, Some(Entry { reason, detail, .. })) => {
            return Err(bad_row(SkipReason::new(*reason, detail.clone())));
        }
        _ => {
            let message = format!("{} is not one file", path.display());
            return Err(Error::InvalidJob { message });
        }
    };
    let opened =
        source::open(input, Control { cancel, stop: &stop }, progress, job.max_window_bytes)
            .map_err(bad_row)?;
    let mut bytes = Vec::new();
    opened
        .reader
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| bad_row(source::read_error(&e)))?;
    if bytes.len() as u64 > limit {
        let detail = format!("the file has more than {limit} bytes");
        return Err(bad_row(SkipReason::new(Reason::RecordTooLarge, detail)));
    }
    Ok(bytes)
}

/// The state of reading.
struct Documents<'r> {
    job: &'r Job,
    formats: Formats<'r>,
    host: &'r Archives<'r>,
    groups: GroupKeys,
    readers: Readers<'r>,
    config: &'r StreamConfig,
    progress: &'r Progress,
    ledger: &'r mut Collector,
    take: &'r mut Take<'r>,
    /// A batch with so many bytes is handed on.
    most_bytes: usize,
    batch: Vec<Document>,
    batch_bytes: usize,
    /// The label that the path of each input gives, where these are asked for, and that of the input that is read.
    path_languages: Vec<Option<Box<str>>>,
    path_language: Option<Box<str>>,
    labels: Labels,
    /// Documents of the batch that wait for their language: where they are, and the rest of their keys.
    undetected: Vec<(usize, Vec<u8>)>,
    seen: u64,
    counted: u64,
    /// Files that a walk met and passed by.
    binary: u64,
    packed: u64,
    members: Members,
    /// Which inputs have compressed data without a checksum.
    unchecked: BTreeSet<usize>,
}

/// What opens members of archives. There are no groups before a document is whole.
struct Archives<'r> {
    opener: MemberOpener<'r>,
    filter: MemberFilter,
}

impl<'r> Host<'r> for Archives<'r> {
    fn group(&self, _: usize, _: Option<&Member>) -> Group {
        Group { key: [].into(), is_labelled: true, id: None }
    }

    fn wants_member(&self, name: &str) -> bool {
        self.filter.wants(name)
    }

    fn begin_member(&'r self, opening: MemberOpening<'r>) -> BegunMember<'r> {
        self.opener.begin(opening, self)
    }
}

impl<'r> Documents<'r> {
    fn file(&mut self, found: &'r Inputs, file: usize, control: Control<'r>) -> Result<(), Error> {
        let input = &found.inputs[file];
        ask_ahead(&found.inputs, file, None);
        let from = (control, self.progress);
        let reading =
            match begin(file, input, from, &self.formats, self.config, self.host, None, None) {
                Ok(Taken::As(reading)) => reading,
                Ok(Taken::Binary) => {
                    self.binary += 1;
                    return Ok(());
                }
                Ok(Taken::Compressed) => {
                    self.packed += 1;
                    return Ok(());
                }
                Err(Unread { format, bad }) => {
                    if let Some(format) = format {
                        self.ledger.add_unsupported(format);
                    }
                    return self.skip(input, Position::default(), bad);
                }
            };
        self.path_language = self.path_languages.get_mut(file).and_then(Option::take);
        let mut waiting = VecDeque::from([reading]);
        while let Some(mut reading) = waiting.pop_front() {
            let more = self.read(input, control, &mut *reading)?;
            // They are before what waits already.
            more.into_iter().rev().for_each(|reading| waiting.push_front(reading));
            if reading.is_unchecked() {
                self.unchecked.insert(file);
            }
        }
        Ok(())
    }

    /// Reads to the end; gives what else is to be read.
    fn read(
        &mut self,
        input: &'r Input,
        control: Control<'r>,
        reading: &mut (dyn Reading<'r> + 'r),
    ) -> Result<Vec<Box<dyn Reading<'r> + 'r>>, Error> {
        let (mut buf, mut others) = (Vec::new(), Vec::new());
        // The parts of a document that is longer than a chunk.
        let mut long = String::new();
        loop {
            let step = reading.step(&mut buf, self.config);
            let Step { chunk, bad, mut settled, more, members, end, .. } = step;
            others.extend(more);
            self.members.begun += members.begun;
            self.members.passed_by += members.passed_by;
            members.unsupported.iter().for_each(|format| self.ledger.add_unsupported(format));
            match chunk {
                None => {}
                Some(Chunk::Members(members)) => {
                    let file = reading.file();
                    for member in members {
                        self.member(input, file, control, member)?;
                        if control.cancel.load(Relaxed) {
                            break;
                        }
                    }
                }
                Some(Chunk::Part(part)) => {
                    let fits = long.len() + buf.len() <= self.config.max_record;
                    let result = match fits {
                        true => {
                            long.push_str(&String::from_utf8_lossy(&buf));
                            Ok(Tally::default())
                        }
                        false => Err((part.offset, self.too_large())),
                    };
                    if let Some(result) = part.document.end_part(result) {
                        settled = Some((part.document, result));
                    }
                }
                Some(chunk) => self.chunk(input, chunk, &buf, reading.was_utf16())?,
            }
            if let Some((document, settled)) = settled {
                let (text, position) = (std::mem::take(&mut long), document.position.clone());
                match settled {
                    Ok(_) => {
                        self.row(input, position, &Row { text: &text, values: &[], answer: None })?;
                    }
                    Err(bad) => self.skip(input, position, bad)?,
                }
            }
            for (position, bad) in bad {
                self.skip(input, position, bad)?;
            }
            if end {
                return Ok(others);
            }
        }
    }

    /// Reads a member of an archive that is held whole.
    fn member(
        &mut self,
        input: &'r Input,
        file: usize,
        control: Control<'r>,
        member: WholeMember,
    ) -> Result<(), Error> {
        let position = Position { member: Some(member.member.clone()), at: At::Whole };
        self.members.begun += 1;
        match self.host.begin_member(member.opening(file, control)) {
            BegunMember::Reading(mut reading) => {
                self.read(input, control, &mut *reading)?;
                if reading.is_unchecked() {
                    self.unchecked.insert(file);
                }
            }
            BegunMember::PassedBy => self.members.passed_by += 1,
            BegunMember::Unread { format, bad } => {
                format.iter().for_each(|format| self.ledger.add_unsupported(format));
                return self.skip(input, position, bad);
            }
        }
        Ok(())
    }

    /// The documents of a chunk.
    fn chunk(
        &mut self,
        input: &Input,
        chunk: Chunk,
        bytes: &[u8],
        was_utf16: bool,
    ) -> Result<(), Error> {
        let mut readers = self.readers.take();
        let visit = |position, row: Result<Row, SkipReason>| {
            let taken = match row {
                Ok(row) => self.row(input, position, &row),
                Err(bad) => self.skip(input, position, bad),
            };
            match taken {
                Ok(()) => ControlFlow::Continue(()),
                ended => ControlFlow::Break(ended),
            }
        };
        let done = readers.each(chunk, bytes, was_utf16, visit);
        self.readers = readers;
        done.break_value().unwrap_or(Ok(()))
    }

    fn too_large(&self) -> SkipReason {
        SkipReason::record_too_large(self.config.max_record)
    }

    /// A document.
    fn row(&mut self, input: &Input, position: Position, row: &Row) -> Result<(), Error> {
        if self.formats.fields.answer.is_some() && row.answer.is_none() {
            let detail = "plain text has no fields, and so no answer";
            return self.skip(input, position, SkipReason::new(Reason::MissingField, detail));
        }
        let (text, answer) = (row.text.to_owned(), row.answer.map(str::to_owned));
        let (document, key) = self.document(input, position, text, row.values, answer);
        self.add(document, key)
    }

    /// A document, and its key where the language is still missing in it.
    fn document(
        &mut self,
        input: &Input,
        position: Position,
        text: String,
        values: &[Option<String>],
        answer: Option<String>,
    ) -> (Document, Option<Vec<u8>>) {
        let mut key = Vec::new();
        let of_member = position.member.clone();
        let of_member = of_member.as_deref();
        let extension = extension(input, of_member);
        self.groups.encode(&input.name, input.named, extension.as_deref(), values, &mut key);
        let mut document =
            Document { text, answer, key: Vec::new(), file: input.name.clone(), position };
        if self.groups.by_language() {
            let of_member = of_member.filter(|_| self.job.languages.from_path);
            let of_member = of_member.and_then(|member| language_of_path(&member.name));
            let path = of_member.as_deref().or(self.path_language.as_deref());
            match self.job.languages.label(&mut self.labels, values, path) {
                Some(language) => self.groups.encode_language(language, &mut key),
                None => return (document, Some(key)),
            }
        }
        document.key = decoded(self.job, &self.groups, key, &document.text);
        (document, None)
    }

    /// Adds a document to the batch. `key` is its key where the language is still missing in it.
    fn add(&mut self, document: Document, key: Option<Vec<u8>>) -> Result<(), Error> {
        self.undetected.extend(key.map(|key| (self.batch.len(), key)));
        self.seen += 1;
        self.counted += 1;
        self.progress.add_documents(1);
        self.batch_bytes += document.text.len() + document.answer.as_ref().map_or(0, String::len);
        self.batch.push(document);
        if self.batch.len() >= BATCH || self.batch_bytes >= self.most_bytes {
            self.hand_on()?;
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        self.detect_all()?;
        self.batch_bytes = 0;
        match std::mem::take(&mut self.batch) {
            batch if batch.is_empty() => Ok(()),
            batch => self.give(batch),
        }
    }

    fn give(&mut self, batch: Vec<Document>) -> Result<(), Error> {
        for entry in (self.take)(batch)? {
            self.counted -= entry.rows;
            self.enter(entry)?;
        }
        Ok(())
    }

    /// Gives the documents of the batch that wait for it their language.
    fn detect_all(&mut self) -> Result<(), Error> {
        let languages = &self.job.languages;
        let undetected = std::mem::take(&mut self.undetected);
        let mut rest = undetected.as_slice();
        while !rest.is_empty() {
            let (mut texts, mut bytes) = (Vec::new(), 0);
            for (at, _) in rest {
                if texts.len() >= DETECT_BATCH || bytes >= DETECT_BATCH_BYTES {
                    break;
                }
                let beginning = languages.beginning(&self.batch[*at].text);
                bytes += beginning.len();
                texts.push(beginning);
            }
            let (now, later) = rest.split_at(texts.len());
            rest = later;
            let detected = languages.detect(&mut self.labels, &texts)?;
            for ((at, key), language) in now.iter().zip(detected) {
                let mut key = key.clone();
                self.groups.encode_language(&language, &mut key);
                let document = &mut self.batch[*at];
                document.key = decoded(self.job, &self.groups, key, &document.text);
            }
        }
        Ok(())
    }

    fn skip(&mut self, input: &Input, position: Position, bad: SkipReason) -> Result<(), Error> {
        if input.is_abandoned() {
            return Ok(());
        }
        let entry = Entry::new(&input.name, position, bad);
        self.seen += entry.rows;
        self.enter(entry)
    }

    /// Says in the ledger why rows that were seen are not counted.
    fn enter(&mut self, entry: Entry) -> Result<(), Error> {
        if self.job.on_error == OnError::Fail {
            return Err(Error::BadRow(entry));
        }
        self.progress.add_skipped(entry.rows);
        self.ledger.add(entry)
    }
}

/// The values of a key. Which turn the answer of a batch is in is not known before the end.
fn decoded(job: &Job, groups: &GroupKeys, key: Vec<u8>, text: &str) -> Vec<Option<String>> {
    let key = with_script(groups, key, text);
    let mut without = Vec::new();
    let is_answer = job.is_of_messages() && groups.with_turn(&key, &|_| None, &mut without);
    groups.decode(if is_answer { &without } else { &key })
}

/// A key with the script of the document, where it is asked for.
fn with_script(groups: &GroupKeys, mut key: Vec<u8>, text: &str) -> Vec<u8> {
    if groups.by_script() {
        groups.encode_script(&scripts_of([text]), &mut key);
    }
    key
}
