//! Documents one after the other, in the order of the files, for what needs the text of each and not sums alone.
//!
//! The sources, the formats, the limits and the ledger are those of [`crate::run()`], so that whoever reads this way
//! sees the rows that are counted, and skips the others for the same reasons. It knows nothing of tokens: texts are
//! handed on, a bounded batch at a time, by one thread that reads ahead of whoever takes them.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_engine::{Special, Utf8Errors, decode_utf8};
use fasttok_parallel::Control;

use crate::format::{self, Fields, FieldsMet, FormatId, RecordReader};
use crate::groups::GroupKeys;
use crate::job::{Job, OnError};
use crate::language::{DETECT_BATCH, DETECT_BATCH_BYTES, Labels};
use crate::ledger::{Collector, Entry};
use crate::long_document::Group;
use crate::recognise::{Formats, Taken, Unread, recognise};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{self, Chunk, FileRules, Framing, Input, Stream, StreamConfig};
use crate::{Error, Ledger, Progress, Tally};

use super::inputs::Inputs;
use super::{CHUNK, check_fields, fields, formats, path_languages};

/// A batch holds this many documents at most, or this many bytes of them and one document more.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 8 << 20;

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
    /// The line, from 1; `None` where the document is the whole file.
    pub line: Option<u64>,
}

/// What reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsRead {
    /// The account of rows; those handed on are the counted ones.
    pub ledger: Ledger,
    /// Files that were read, or that should have been.
    pub files: u64,
    /// Compressed files that a walk passed by since they hold no records.
    pub files_packed: u64,
    /// Files that a walk met and passed by: binary ones, links, and [`DocumentsRead::files_packed`].
    pub files_ignored: u64,
    /// Inputs that were left out because they are a file that is among the others.
    pub inputs_repeated: u64,
    /// Files in whose compressed data damage cannot be seen, for they have no checksum.
    pub files_unchecked: u64,
    /// The names of the first of these, as in [`Outcome::unchecked`](crate::Outcome::unchecked).
    pub unchecked: Vec<String>,
    /// Bytes read from files as they are stored.
    pub bytes_read: u64,
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
    let found = Inputs::find(job, progress, cancel)?;
    let mut ledger = Collector::new(job.ledger_path.as_deref())?;
    found.report_bad(job, &mut ledger)?;
    let groups = GroupKeys::new(&job.by);
    let fields = fields(job, &groups);
    progress.watch(fields.names());
    let mut formats = formats(job, &fields)?;
    formats.asks_fields |= answer.is_some();
    let mut reading = Reading {
        job,
        formats,
        answer: answer.map(|field| Fields { text: Fields::path(field), groups: Vec::new() }),
        groups,
        readers: (0..format::format_count()).map(|_| None).collect(),
        config: StreamConfig {
            chunk,
            max_record: job.max_record_bytes,
            max_window: job.max_window_bytes,
            encodings: Vec::new(),
            special: Special::Text,
            errors: job.errors,
            whole_words: false,
        },
        progress,
        ledger: &mut ledger,
        take,
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
        unchecked: Vec::new(),
        enough: false,
    };
    let stop = AtomicBool::new(false);
    for file in 0..found.inputs.len() {
        reading.file(&found, file, Control { cancel, stop: &stop })?;
        if cancel.load(Relaxed) || reading.enough {
            return Err(Error::Interrupted);
        }
    }
    reading.hand_on()?;
    let (mut met, mut answers) = (FieldsMet::default(), FieldsMet::default());
    for (texts, second) in reading.readers.iter_mut().flatten() {
        met.add(texts.fields_met());
        second.iter_mut().for_each(|second| answers.add(second.fields_met()));
    }
    let Reading { seen, counted, binary, packed, unchecked, answer, .. } = reading;
    found.check_not_all_ignored(job, binary, packed)?;
    check_fields(&met, counted, &fields)?;
    if let Some(answer) = answer {
        check_fields(&answers, counted, &answer)?;
    }
    Ok(DocumentsRead {
        ledger: ledger.finish(found.bad.len() as u64 + seen, counted)?,
        files: found.inputs.len() as u64 - binary - packed + found.bad.len() as u64,
        files_packed: packed,
        files_ignored: binary + packed + found.passed,
        inputs_repeated: found.repeated,
        files_unchecked: unchecked.len() as u64,
        unchecked: found.names(unchecked),
        bytes_read: progress.bytes(),
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
    let bad_row = |bad: SkipReason| Error::BadRow {
        file: path.display().to_string(),
        line: None,
        reason: bad.reason,
        detail: bad.detail,
    };
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

/// Reads the text of a format, and the second text of its records.
type Readers = (Box<dyn RecordReader>, Option<Box<dyn RecordReader>>);

/// The state of reading.
struct Reading<'r> {
    job: &'r Job,
    formats: Formats<'r>,
    answer: Option<Fields>,
    groups: GroupKeys,
    /// By format.
    readers: Vec<Option<Readers>>,
    config: StreamConfig,
    progress: &'r Progress,
    ledger: &'r mut Collector,
    take: &'r mut dyn FnMut(Vec<Document>) -> bool,
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
    /// Which inputs have compressed data without a checksum.
    unchecked: Vec<usize>,
    /// Nobody takes more.
    enough: bool,
}

impl Reading<'_> {
    fn file(&mut self, found: &Inputs, file: usize, control: Control) -> Result<(), Error> {
        let input = &found.inputs[file];
        let mut opened = match source::open(input, control, self.progress, self.config.max_window) {
            Ok(opened) => opened,
            Err(bad) => return self.skip(input, None, bad),
        };
        let id = match recognise(input, &mut opened, &self.formats) {
            Ok(Taken::As(format)) => format,
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
                return self.skip(input, None, bad);
            }
        };
        self.path_language = self.path_languages.get_mut(file).and_then(Option::take);
        let format = format::format(id);
        let rules = FileRules { framing: format.framing(), passes_bom: format.passes_bom() };
        let group = Group { key: [].into(), is_labelled: true };
        let mut stream = Stream::new(file, opened, control, rules, group);
        let mut buf = Vec::new();
        // The parts of a document that is longer than a chunk.
        let mut long = String::new();
        loop {
            let step = stream.step(&mut buf, &self.config);
            let mut settled = step.settled;
            match step.chunk {
                None => {}
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
                Some(Chunk::Document) => self.bytes(input, id, None, &buf)?,
                Some(Chunk::Records { first_line }) => {
                    self.records(input, id, first_line, &buf)?;
                }
            }
            if let Some((document, settled)) = settled {
                let text = std::mem::take(&mut long);
                match settled {
                    Ok(_) => self.whole(input, id, document.line, text)?,
                    Err(bad) => self.skip(input, document.line, bad)?,
                }
            }
            if let Some((line, bad)) = step.bad {
                self.skip(input, line, bad)?;
            }
            if step.end || self.enough {
                if stream.is_unchecked() {
                    self.unchecked.push(file);
                }
                return Ok(());
            }
        }
    }

    fn records(
        &mut self,
        input: &Input,
        id: FormatId,
        first_line: u64,
        records: &[u8],
    ) -> Result<(), Error> {
        let max = match format::format(id).framing() {
            Framing::Records => self.config.max_record,
            Framing::Lines | Framing::Whole => usize::MAX,
        };
        let (mut at, mut line) = (0, first_line);
        while at < records.len() && !self.enough {
            let end = memchr::memchr(b'\n', &records[at..]).map_or(records.len(), |i| at + i);
            if end - at > max {
                self.skip(input, Some(line), self.too_large())?;
            } else {
                self.bytes(input, id, Some(line), &records[at..end])?;
            }
            at = end + 1;
            line += 1;
        }
        if let Some((texts, _)) = &mut self.readers[id] {
            texts.report(self.progress);
        }
        Ok(())
    }

    fn too_large(&self) -> SkipReason {
        SkipReason::record_too_large(self.config.max_record)
    }

    /// A record, or a file that is one.
    fn bytes(
        &mut self,
        input: &Input,
        id: FormatId,
        line: Option<u64>,
        record: &[u8],
    ) -> Result<(), Error> {
        match decode_utf8(record, self.config.errors) {
            Ok(text) => self.row(input, id, line, &text),
            Err(fasttok_engine::Error::InvalidUtf8 { offset }) => {
                self.skip(input, line, SkipReason::invalid_utf8(offset as u64))
            }
            Err(e) => Err(e.into()),
        }
    }

    fn row(
        &mut self,
        input: &Input,
        id: FormatId,
        line: Option<u64>,
        record: &str,
    ) -> Result<(), Error> {
        let format = format::format(id);
        // Taken out, for the row borrows from them.
        let mut readers = self.readers[id].take().unwrap_or_else(|| {
            (
                format.reader(self.formats.fields),
                self.answer.as_ref().map(|fields| format.reader(fields)),
            )
        });
        let errors = self.config.errors;
        let result = match readers.0.read(record, errors) {
            Ok(None) => Ok(None),
            Err(bad) => Err(bad),
            Ok(Some(row)) => {
                let wanted = self.answer.is_some();
                second_text(wanted, id, readers.1.as_deref_mut(), record, errors).map(|answer| {
                    Some(self.document(input, line, row.text.to_owned(), row.values, answer))
                })
            }
        };
        self.readers[id] = Some(readers);
        match result {
            Ok(None) => Ok(()),
            Ok(Some((document, key))) => self.add(document, key),
            Err(bad) => self.skip(input, line, bad),
        }
    }

    /// A document that was read in parts.
    fn whole(
        &mut self,
        input: &Input,
        id: FormatId,
        line: Option<u64>,
        text: String,
    ) -> Result<(), Error> {
        let wanted = self.answer.is_some();
        if let Err(bad) = second_text(wanted, id, None, "", self.config.errors) {
            return self.skip(input, line, bad);
        }
        let (document, key) = self.document(input, line, text, &[], None);
        self.add(document, key)
    }

    /// A document, and its key where the language is still missing in it.
    fn document(
        &mut self,
        input: &Input,
        line: Option<u64>,
        text: String,
        values: &[Option<String>],
        answer: Option<String>,
    ) -> (Document, Option<Vec<u8>>) {
        let mut key = Vec::new();
        self.groups.encode(&input.name, input.extension().as_deref(), values, &mut key);
        let mut document =
            Document { text, answer, key: Vec::new(), file: input.name.clone(), line };
        if self.groups.by_language() {
            let path = self.path_language.as_deref();
            match self.job.languages.label(&mut self.labels, values, path) {
                Some(language) => self.groups.encode_language(language, &mut key),
                None => return (document, Some(key)),
            }
        }
        document.key = self.groups.decode(&key);
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
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.hand_on()?;
        }
        Ok(())
    }

    fn hand_on(&mut self) -> Result<(), Error> {
        self.detect_all()?;
        self.batch_bytes = 0;
        if !self.batch.is_empty() && !(self.take)(std::mem::take(&mut self.batch)) {
            self.enough = true;
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
                self.batch[*at].key = self.groups.decode(&key);
            }
        }
        Ok(())
    }

    fn skip(&mut self, input: &Input, line: Option<u64>, bad: SkipReason) -> Result<(), Error> {
        self.seen += 1;
        let SkipReason { reason, detail } = bad;
        let file = input.name.clone();
        if self.job.on_error == OnError::Fail {
            return Err(Error::BadRow { file, line, reason, detail });
        }
        self.ledger.add(Entry { file, line, reason, detail })
    }
}

/// The second text of a record, where one is `wanted`. Only records of fields have one.
fn second_text(
    wanted: bool,
    id: FormatId,
    reader: Option<&mut (dyn RecordReader + 'static)>,
    record: &str,
    errors: Utf8Errors,
) -> Result<Option<String>, SkipReason> {
    if !wanted {
        return Ok(None);
    }
    let format = format::format(id);
    match reader {
        Some(reader) if format.framing() == Framing::Records => {
            Ok(reader.read(record, errors)?.map(|row| row.text.to_owned()))
        }
        _ => Err(SkipReason::new(
            Reason::MissingField,
            format!("a document of format {:?} has no fields, and so no answer", format.name()),
        )),
    }
}
