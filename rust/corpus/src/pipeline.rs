//! The threads of a run. There is one kind of worker, and it does what is to be done: take a part of a long text and
//! count it, or else take an open file, read a chunk, put the file back for the next worker and count the chunk, or
//! else open another file.
//!
//! So reading and decompression go on while others count, several compressed files are unpacked at once, no worker
//! waits while there is work, and what is held in memory is one chunk a worker: there is no queue that could fill.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use fasttok_engine::{Error as EngineError, Utf8Errors, decode_utf8, interruptible};

use crate::document::{Group, LongDocument, Settled, find_cut};
use crate::format::{self, Fields, FieldsMet, FormatId, RecordReader};
use crate::groups::{Table, TooMany};
use crate::job::{GroupKeys, LanguageLabels, OnError};
use crate::language::{DETECT_BATCH, DETECT_BATCH_BYTES, Labels};
use crate::ledger::{Bad, Collector, Entry, Reason};
use crate::measure::{Extra, Measurer};
use crate::recognise::{Formats, Taken, Unread, recognise};
use crate::source::{Chunk, Control, FileRules, Framing, Input, Stream, StreamConfig, open};
use crate::{Error, Progress, Tally};

/// A text is counted in pieces of this size, between which a worker looks whether the run was cancelled.
const PIECE: usize = 1 << 20;

/// A record with a text longer than this is counted by all workers.
const SHARED: usize = 4 << 20;

/// A buffer that grew beyond this for one long record is given back.
const KEPT: usize = 8 << 20;

/// What the workers of a run share.
pub(crate) struct Run<'a> {
    pub inputs: &'a [Input],
    pub formats: Formats<'a>,
    pub fields: &'a Fields,
    pub groups: &'a GroupKeys,
    pub languages: &'a LanguageLabels,
    /// The label that each path gives, where these are asked for.
    pub path_languages: Vec<Option<Box<str>>>,
    pub extra: Extra,
    pub sample: bool,
    pub max_groups: usize,
    pub config: StreamConfig,
    pub on_error: OnError,
    pub progress: &'a Progress,
    pub cancel: &'a AtomicBool,
}

/// The sums of one worker, or of all.
#[derive(Default)]
pub(crate) struct Sums {
    pub groups: Table,
    /// Which of the fields that were asked for records had.
    pub fields: FieldsMet,
    pub seen: u64,
    pub counted: u64,
    /// Binary files that a walk met.
    pub binary: u64,
    /// Compressed files that a walk met, without records.
    pub packed: u64,
    /// Which inputs have compressed data without a checksum.
    pub unchecked: Vec<usize>,
}

impl Sums {
    fn add(&mut self, other: Sums, run: &Run) -> Result<(), TooMany> {
        self.groups.merge(other.groups, run.max_groups, run.cancel)?;
        self.fields.add(other.fields);
        self.seen += other.seen;
        self.counted += other.counted;
        self.binary += other.binary;
        self.packed += other.packed;
        self.unchecked.extend(other.unchecked);
        Ok(())
    }
}

struct Shared<'a> {
    run: &'a Run<'a>,
    /// The format by which each input is read, known once it was opened.
    formats: Vec<OnceLock<FormatId>>,
    schedule: Mutex<Schedule<'a>>,
    wake: Condvar,
    ledger: Mutex<&'a mut Collector>,
    /// Set with the first failure: nothing new is begun.
    stop: &'a AtomicBool,
    failure: Mutex<Option<Failure>>,
}

#[derive(Default)]
struct Schedule<'a> {
    parts: VecDeque<SharedPart>,
    /// Open files that no worker reads at the moment.
    open: VecDeque<Box<Stream<'a>>>,
    next_input: usize,
    busy: usize,
}

/// A part of a text that is held in memory.
struct SharedPart {
    document: Arc<LongDocument>,
    text: Arc<str>,
    from: usize,
    to: usize,
}

enum Task<'a> {
    Part(SharedPart),
    Read(Box<Stream<'a>>),
    Open(usize),
}

/// Why a run fails. A bad row gives way to one that stands before it.
enum Failure {
    Row { file: usize, line: Option<u64>, error: Error },
    Other(Error),
}

/// Counts all inputs. Bad rows go to `ledger`.
pub(crate) fn count(run: &Run, threads: usize, ledger: &mut Collector) -> Result<Sums, Error> {
    let stop = AtomicBool::new(false);
    let shared = Shared {
        run,
        formats: run.inputs.iter().map(|_| OnceLock::new()).collect(),
        schedule: Mutex::default(),
        wake: Condvar::new(),
        ledger: Mutex::new(ledger),
        stop: &stop,
        failure: Mutex::new(None),
    };
    let sums = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|i| {
                let shared = &shared;
                std::thread::Builder::new()
                    .name(format!("fasttok-{i}"))
                    .spawn_scoped(scope, move || work(shared))
            })
            .collect();
        let mut sums = Sums::default();
        let mut started = 0;
        for worker in workers {
            match worker {
                Ok(worker) => {
                    started += 1;
                    // A panic was caught inside; one that escaped must not be lost either.
                    match worker.join() {
                        Ok(part) => {
                            if sums.add(part, run).is_err() {
                                shared.fail(Failure::Other(too_many_groups(run)));
                            }
                        }
                        Err(panic) => shared.fail(Failure::Other(panicked(&*panic))),
                    }
                }
                Err(source) if started == 0 => {
                    shared.fail(Failure::Other(Error::Io { path: "thread".into(), source }));
                }
                // Fewer threads than wanted give the same result.
                Err(_) => {}
            }
        }
        sums
    });
    match shared.failure.into_inner().unwrap_or_else(|e| e.into_inner()) {
        _ if run.cancel.load(Relaxed) => Err(Error::Interrupted),
        Some(Failure::Row { error, .. } | Failure::Other(error)) => Err(error),
        None => Ok(sums),
    }
}

fn work(shared: &Shared) -> Sums {
    let mut worker = Worker::new(shared);
    while let Some(task) = shared.next_task() {
        let done = catch_unwind(AssertUnwindSafe(|| worker.perform(task)));
        shared.task_done();
        if let Err(panic) = done {
            shared.fail(Failure::Other(panicked(&*panic)));
            break;
        }
    }
    for reader in worker.readers.iter_mut().flatten() {
        worker.sums.fields.add(reader.fields_met());
    }
    worker.sums
}

fn too_many_groups(run: &Run) -> Error {
    Error::TooManyGroups { by: run.groups.names(), most: run.max_groups }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    Error::Panic { message: message(panic) }
}

fn message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl<'a> Shared<'a> {
    /// What to do next; `None` when all is done or the run is over. Ends with [`Shared::task_done`].
    fn next_task(&self) -> Option<Task<'a>> {
        let mut schedule = lock(&self.schedule);
        loop {
            if self.run.cancel.load(Relaxed) {
                return None;
            }
            let task = if let Some(part) = schedule.parts.pop_front() {
                Some(Task::Part(part))
            } else if self.stop.load(Relaxed) {
                return None;
            } else if let Some(stream) = schedule.open.pop_front() {
                Some(Task::Read(stream))
            } else if schedule.next_input < self.run.inputs.len() {
                schedule.next_input += 1;
                Some(Task::Open(schedule.next_input - 1))
            } else {
                None
            };
            match task {
                Some(task) => {
                    schedule.busy += 1;
                    return Some(task);
                }
                // Nobody is left who could find more to do.
                None if schedule.busy == 0 => return None,
                None => {}
            }
            // The timeout is for the flags, which wake nobody.
            let wait = self.wake.wait_timeout(schedule, Duration::from_millis(20));
            schedule = wait.unwrap_or_else(|e| e.into_inner()).0;
        }
    }

    fn task_done(&self) {
        let mut schedule = lock(&self.schedule);
        schedule.busy -= 1;
        if schedule.busy == 0 {
            self.wake.notify_all();
        }
    }

    fn put_back(&self, stream: Box<Stream<'a>>) {
        lock(&self.schedule).open.push_back(stream);
        self.wake.notify_one();
    }

    fn share(&self, part: SharedPart) {
        lock(&self.schedule).parts.push_back(part);
        self.wake.notify_one();
    }

    fn fail(&self, failure: Failure) {
        let mut first = lock(&self.failure);
        let is_first = match (&*first, &failure) {
            (None, _) | (Some(Failure::Row { .. }), Failure::Other(_)) => true,
            (Some(Failure::Other(_)), _) => false,
            (
                Some(Failure::Row { file, line, .. }),
                Failure::Row { file: new_file, line: new_line, .. },
            ) => (new_file, new_line) < (file, line),
        };
        if is_first {
            *first = Some(failure);
        }
        self.stop.store(true, Relaxed);
    }

    /// Whether the run is over for a row: cancelled, or failed at a row before it.
    fn is_over_for(&self, file: usize, line: u64) -> bool {
        if self.run.cancel.load(Relaxed) {
            return true;
        }
        if !self.stop.load(Relaxed) {
            return false;
        }
        match &*lock(&self.failure) {
            Some(Failure::Row { file: failed, line: at, .. }) => {
                (file, Some(line)) > (*failed, *at)
            }
            Some(Failure::Other(_)) => true,
            None => false,
        }
    }

    /// The format by which an input is read that was opened.
    fn format(&self, file: usize) -> FormatId {
        self.formats[file].get().copied().unwrap_or(self.run.formats.plain)
    }

    fn control(&self) -> Control<'a> {
        Control { cancel: self.run.cancel, stop: self.stop }
    }
}

/// A thread's own state.
struct Worker<'s, 'a> {
    shared: &'s Shared<'a>,
    run: &'a Run<'a>,
    /// Made when the first text is there, for it is not small.
    measurer: Option<Measurer>,
    labels: Labels,
    undetected: Undetected,
    readers: Vec<Option<Box<dyn RecordReader>>>,
    key: Vec<u8>,
    buf: Vec<u8>,
    sums: Sums,
}

/// Documents that were counted and wait for their language, and the beginnings of their texts, end to end.
#[derive(Default)]
struct Undetected {
    documents: Vec<(Box<[u8]>, Origin, Tally)>,
    text: String,
    ends: Vec<usize>,
}

/// The place of a document in a run: its file and its line.
type Origin = (usize, Option<u64>);

/// Where a record stands.
struct Place<'p> {
    file: usize,
    line: Option<u64>,
    name: &'p str,
    extension: Option<&'p str>,
}

/// Why a text was not counted.
enum Uncounted {
    Bad {
        offset: u64,
        bad: Bad,
    },
    /// The run is over: the text is neither counted nor skipped, and nobody will ask.
    Over,
}

/// Why a text has no measurements.
enum Unmeasured {
    Refused(EngineError),
    /// The engine panicked with this message.
    Panicked(String),
}

impl<'s, 'a> Worker<'s, 'a> {
    fn new(shared: &'s Shared<'a>) -> Worker<'s, 'a> {
        Worker {
            shared,
            run: shared.run,
            measurer: None,
            labels: Labels::default(),
            undetected: Undetected::default(),
            readers: (0..format::format_count()).map(|_| None).collect(),
            key: Vec::new(),
            buf: Vec::new(),
            sums: Sums::default(),
        }
    }

    fn perform(&mut self, task: Task<'a>) {
        match task {
            Task::Part(part) => {
                let text = &part.text[part.from..part.to];
                self.part(&part.document, part.from as u64, text);
            }
            Task::Open(file) => self.open(file),
            Task::Read(stream) => self.read(stream),
        }
    }

    fn open(&mut self, file: usize) {
        let input = &self.run.inputs[file];
        let (control, max_window) = (self.shared.control(), self.run.config.max_window);
        let mut opened = match open(input, control, self.run.progress, max_window) {
            Ok(opened) => opened,
            Err(bad) => return self.skip(file, None, bad),
        };
        let format = match recognise(input, &mut opened, &self.run.formats) {
            Ok(Taken::As(format)) => format,
            Ok(Taken::Binary) => return self.sums.binary += 1,
            Ok(Taken::Compressed) => return self.sums.packed += 1,
            Err(Unread { format, bad }) => {
                if let Some(format) = format {
                    lock(&self.shared.ledger).add_unsupported(format);
                }
                return self.skip(file, None, bad);
            }
        };
        // Each input is opened once.
        let format = format::format(*self.shared.formats[file].get_or_init(|| format));
        let rules = FileRules { framing: format.framing(), passes_bom: format.passes_bom() };
        let extension = input.extension();
        let place = Place { file, line: None, name: &input.name, extension: extension.as_deref() };
        let mut key = std::mem::take(&mut self.key);
        let is_labelled = self.group(&place, &[], &mut key);
        let group = Group { key: key.as_slice().into(), is_labelled };
        self.key = key;
        self.read(Box::new(Stream::new(file, opened, self.shared.control(), rules, group)));
    }

    /// Reads a chunk, lets the next worker read on, and counts the chunk.
    fn read(&mut self, mut stream: Box<Stream<'a>>) {
        if self.buf.capacity() > KEPT {
            self.buf = Vec::new();
        }
        let mut buf = std::mem::take(&mut self.buf);
        let step = stream.step(&mut buf, &self.run.config);
        let file = stream.file;
        if step.end {
            if stream.is_unchecked() {
                self.sums.unchecked.push(file);
            }
            drop(stream);
        } else {
            self.shared.put_back(stream);
        }
        match step.chunk {
            None => {}
            Some(Chunk::Part(part)) => match decode_utf8(&buf, Utf8Errors::Strict) {
                Ok(text) => self.part(&part.document, part.offset, &text),
                Err(_) => unreachable!("the stream hands out parts that are UTF-8"),
            },
            Some(Chunk::Document) => self.record(file, None, &buf),
            Some(Chunk::Records { first_line }) => self.records(file, first_line, &buf),
        }
        if let Some((document, settled)) = step.settled {
            self.settle(&document, settled);
        }
        if let Some((line, bad)) = step.bad {
            self.skip(file, line, bad);
        }
        self.buf = buf;
    }

    fn records(&mut self, file: usize, first_line: u64, records: &[u8]) {
        // Once for all of them; only where that fails each is looked at by itself.
        let all = decode_utf8(records, Utf8Errors::Strict).ok();
        let input = &self.run.inputs[file];
        let extension = input.extension();
        let max = match format::format(self.shared.format(file)).framing() {
            Framing::Records => self.run.config.max_record,
            Framing::Lines | Framing::Whole => usize::MAX,
        };
        let counted = self.sums.counted;
        let (mut at, mut line) = (0, first_line);
        while at < records.len() {
            if self.shared.is_over_for(file, line) {
                return;
            }
            let end = memchr::memchr(b'\n', &records[at..]).map_or(records.len(), |i| at + i);
            let place = Place {
                file,
                line: Some(line),
                name: &input.name,
                extension: extension.as_deref(),
            };
            let result = if end - at > max {
                Err(Bad::new(
                    Reason::RecordTooLarge,
                    format!("the record has {} bytes, more than {max}", end - at),
                ))
            } else {
                match &all {
                    Some(all) => self.row(&place, &all[at..end]),
                    None => self.bytes(&place, &records[at..end]),
                }
            };
            if let Err(bad) = result {
                self.skip(file, Some(line), bad);
            }
            at = end + 1;
            line += 1;
        }
        if let Some(reader) = &mut self.readers[self.shared.format(file)] {
            reader.report(self.run.progress);
        }
        self.detect_all();
        self.run.progress.add_documents(self.sums.counted - counted);
    }

    /// A file that is one record.
    fn record(&mut self, file: usize, line: Option<u64>, record: &[u8]) {
        let input = &self.run.inputs[file];
        let extension = input.extension();
        let place = Place { file, line, name: &input.name, extension: extension.as_deref() };
        let counted = self.sums.counted;
        if let Err(bad) = self.bytes(&place, record) {
            self.skip(file, line, bad);
        }
        self.detect_all();
        self.run.progress.add_documents(self.sums.counted - counted);
    }

    fn bytes(&mut self, place: &Place, record: &[u8]) -> Result<(), Bad> {
        match decode_utf8(record, self.run.config.errors) {
            Ok(text) => self.row(place, &text),
            Err(EngineError::InvalidUtf8 { offset }) => Err(Bad::invalid_utf8(offset as u64)),
            Err(e) => {
                self.shared.fail(Failure::Other(e.into()));
                Ok(())
            }
        }
    }

    /// Counts the document of a record. An error is the reason why the row is skipped.
    fn row(&mut self, place: &Place, record: &str) -> Result<(), Bad> {
        let format = self.shared.format(place.file);
        // Taken out, for the row borrows from the reader while the rest of the worker counts.
        let mut reader = self.readers[format]
            .take()
            .unwrap_or_else(|| format::format(format).reader(self.run.fields));
        let result = match reader.read(record, self.run.config.errors) {
            Ok(None) => Ok(()),
            Err(bad) => Err(bad),
            Ok(Some(row)) => {
                let mut key = std::mem::take(&mut self.key);
                let is_labelled = self.group(place, row.values, &mut key);
                let result = self.document(place, &key, is_labelled, row.text);
                self.key = key;
                result
            }
        };
        self.readers[format] = Some(reader);
        result
    }

    /// Writes the key of a document to `key`, and says whether its language is in it or must be detected.
    fn group(&mut self, place: &Place, values: &[Option<String>], key: &mut Vec<u8>) -> bool {
        let run = self.run;
        run.groups.encode(place.name, place.extension, values, key);
        if !run.groups.by_language() {
            return true;
        }
        let path = run.path_languages.get(place.file).and_then(|label| label.as_deref());
        let Some(language) = run.languages.label(&mut self.labels, values, path) else {
            return false;
        };
        run.groups.encode_language(language, key);
        true
    }

    fn document(
        &mut self,
        place: &Place,
        key: &[u8],
        is_labelled: bool,
        text: &str,
    ) -> Result<(), Bad> {
        if text.len() > SHARED {
            self.share(place, key, is_labelled, text);
            return Ok(());
        }
        match self.count(text, 0) {
            Ok(mut tally) => {
                tally.finish_document();
                let origin = (place.file, place.line);
                match is_labelled {
                    true => self.counted(key, origin, tally),
                    false => self.detect_later(key, origin, tally, text),
                }
                Ok(())
            }
            Err(Uncounted::Bad { bad, .. }) => Err(bad),
            Err(Uncounted::Over) => Ok(()),
        }
    }

    fn counted(&mut self, key: &[u8], (file, line): Origin, tally: Tally) {
        self.sums.seen += 1;
        self.sums.counted += 1;
        let place = self.run.sample.then(|| (file as u32, line.unwrap_or_default()));
        if self.sums.groups.add(key, &tally, place, self.run.max_groups).is_err() {
            self.shared.fail(Failure::Other(too_many_groups(self.run)));
        }
    }

    fn detect_later(&mut self, key: &[u8], origin: Origin, tally: Tally, text: &str) {
        let beginning = self.run.languages.beginning(text);
        let waiting = &mut self.undetected;
        waiting.documents.push((key.into(), origin, tally));
        waiting.text.push_str(beginning);
        waiting.ends.push(waiting.text.len());
        if waiting.ends.len() >= DETECT_BATCH || waiting.text.len() >= DETECT_BATCH_BYTES {
            self.detect_all();
        }
    }

    /// Gives the documents that wait for it their language.
    fn detect_all(&mut self) {
        if self.undetected.documents.is_empty() {
            return;
        }
        let Undetected { documents, text, ends } = std::mem::take(&mut self.undetected);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let texts: Vec<&str> = starts.zip(&ends).map(|(start, &end)| &text[start..end]).collect();
        for ((key, origin, tally), language) in documents.into_iter().zip(self.detect(&texts)) {
            let mut key = key.into_vec();
            self.run.groups.encode_language(&language, &mut key);
            self.counted(&key, origin, tally);
        }
    }

    /// The languages of texts; nothing if the detector fails, and with it the run.
    fn detect(&mut self, texts: &[&str]) -> Vec<String> {
        self.run.languages.detect(&mut self.labels, texts).unwrap_or_else(|e| {
            self.shared.fail(Failure::Other(e));
            Vec::new()
        })
    }

    /// Cuts a long text and lets all workers count it.
    fn share(&mut self, place: &Place, key: &[u8], is_labelled: bool, text: &str) {
        let text: Arc<str> = text.into();
        let group = Group { key: key.into(), is_labelled };
        let document = Arc::new(LongDocument::new(place.file, place.line, group));
        let config = &self.run.config;
        let mut from = 0;
        // All parts are announced before the end is, so that the document cannot settle early.
        while from < text.len() && !self.run.cancel.load(Relaxed) {
            let special = config.special;
            let to = find_cut(&config.encodings, special, config.whole_words, &text, from + PIECE)
                .unwrap_or(text.len());
            document.begin_part();
            let part = SharedPart { document: document.clone(), text: text.clone(), from, to };
            self.shared.share(part);
            from = to;
        }
        if let Some(settled) = document.end(None) {
            self.settle(&document, settled);
        }
    }

    /// Counts a part of a long document.
    fn part(&mut self, document: &Arc<LongDocument>, offset: u64, text: &str) {
        if offset == 0
            && !document.group.is_labelled
            && let Some(language) = self.detect(&[self.run.languages.beginning(text)]).pop()
        {
            document.set_language(language);
        }
        let result = if !document.is_wanted(offset) {
            Ok(Tally::default())
        } else {
            match self.count(text, offset) {
                Ok(tally) => Ok(tally),
                Err(Uncounted::Bad { offset, bad }) => Err((offset, bad)),
                Err(Uncounted::Over) => return,
            }
        };
        if let Some(settled) = document.end_part(result) {
            self.settle(document, settled);
        }
    }

    fn settle(&mut self, document: &LongDocument, settled: Settled) {
        match settled {
            Ok(tally) => {
                let mut key = document.group.key.to_vec();
                if let Some(language) = document.take_language() {
                    self.run.groups.encode_language(&language, &mut key);
                }
                self.counted(&key, (document.file, document.line), tally);
                self.run.progress.add_documents(1);
            }
            Err(bad) => self.skip(document.file, document.line, bad),
        }
    }

    /// Measures `text`, which stands at `offset` of its document.
    fn count(&mut self, text: &str, offset: u64) -> Result<Tally, Uncounted> {
        let config = &self.run.config;
        let mut tally = Tally::default();
        let mut from = 0;
        loop {
            if self.run.cancel.load(Relaxed) {
                return Err(Uncounted::Over);
            }
            let special = config.special;
            let to = match text.len() - from > 2 * PIECE {
                true => {
                    find_cut(&config.encodings, special, config.whole_words, text, from + PIECE)
                }
                false => None,
            };
            let to = to.unwrap_or(text.len());
            self.measure(&text[from..to], &mut tally).map_err(|e| match e {
                Unmeasured::Refused(e) => self.shared.uncounted(offset + from as u64, e),
                Unmeasured::Panicked(message) => {
                    let offset = offset + from as u64;
                    Uncounted::Bad { offset, bad: internal_error(&message) }
                }
            })?;
            from = to;
            if from == text.len() {
                return Ok(tally);
            }
        }
    }

    /// Adds what `text` has to `tally`. A panic costs the text and the measurer, whose state is unknown behind it.
    fn measure(&mut self, text: &str, tally: &mut Tally) -> Result<(), Unmeasured> {
        let Run { config, extra, .. } = self.run;
        let mut measurer = self.measurer.take();
        let measured = catch_unwind(AssertUnwindSafe(|| {
            let measurer = measurer
                .get_or_insert_with(|| Measurer::new(&config.encodings, config.special, *extra));
            let stop = || self.run.cancel.load(Relaxed);
            interruptible(&stop, || measurer.measure(text, tally))
        }));
        match measured {
            Ok(result) => {
                self.measurer = measurer;
                result.map_err(Unmeasured::Refused)
            }
            Err(panic) => Err(Unmeasured::Panicked(message(&*panic))),
        }
    }

    fn skip(&mut self, file: usize, line: Option<u64>, bad: Bad) {
        self.sums.seen += 1;
        let name = &self.run.inputs[file].name;
        if self.run.on_error == OnError::Fail {
            self.shared.fail(Failure::Row {
                file,
                line,
                error: Error::BadRow {
                    file: name.clone(),
                    line,
                    reason: bad.reason,
                    detail: bad.detail.clone(),
                },
            });
        }
        let entry = Entry { file: name.clone(), line, reason: bad.reason, detail: bad.detail };
        if let Err(e) = lock(&self.shared.ledger).add(entry) {
            self.shared.fail(Failure::Other(e));
        }
    }
}

impl Shared<'_> {
    fn uncounted(&self, from: u64, e: EngineError) -> Uncounted {
        match e {
            EngineError::Interrupted => Uncounted::Over,
            EngineError::SpecialToken { token, offset } => {
                let offset = from + offset as u64;
                Uncounted::Bad { offset, bad: special_token(&token, offset) }
            }
            EngineError::PatternLimit { .. } => {
                Uncounted::Bad { offset: from, bad: Bad::new(Reason::PatternLimit, e.to_string()) }
            }
            EngineError::NormalizedTooLarge { .. } => {
                let bad = Bad::new(Reason::NormalizedTooLarge, e.to_string());
                Uncounted::Bad { offset: from, bad }
            }
            EngineError::UnsupportedTokenizer { .. } => {
                let bad = Bad::new(Reason::UnsupportedText, e.to_string());
                Uncounted::Bad { offset: from, bad }
            }
            e => {
                self.fail(Failure::Other(e.into()));
                Uncounted::Over
            }
        }
    }
}

fn special_token(token: &str, offset: u64) -> Bad {
    Bad::new(
        Reason::SpecialToken,
        format!("the text holds the special token {token:?} at byte {offset}"),
    )
}

fn internal_error(message: &str) -> Bad {
    Bad::new(
        Reason::InternalError,
        format!("the engine panicked, which is a defect of fasttok; please report it: {message}"),
    )
}
