//! What a worker does with a file, with a record and with a part of a long text.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use fasttok_engine::{Error as EngineError, Utf8Errors, decode_utf8};

use super::buffers::Buffers;
use super::chunk::Readers;
use super::count_queue::{AwaitingCount, CountQueue};
use super::detect_queue::{AwaitingLanguage, DetectQueue, RowId};
use super::members::{MemberOpener, extension};
use super::open::{ask_ahead, begin};
use super::schedule::{
    Failure, InFlight, Run, SavedReached, SavedReading, Shared, SharedPart, Sums, Task, Units,
    panic_message,
};
use crate::entry::Entry;
use crate::job::OnError;
use crate::language::{Labels, language_of_path};
use crate::long_document::{Group, LongDocument, Settled};
use crate::per_document::Block;
use crate::position::{At, Member, Position};
use crate::reading::{
    BegunMember, Chunk, HandedOut, Host, MemberOpening, Reading, RecordEnd, RecordText, Step,
    WholeMember,
};
use crate::recognise::{Taken, Unread};
use crate::record::Row;
use crate::sampling::{CERTAIN, SamplePlan, in_proportion, unit_name};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::Input;
use crate::statistics::Measurer;
use crate::{Error, Tally};

/// A text is counted in parts of this size, so that what is made of it stays small, and a panic or a refusal is told
/// near where it is.
const COUNT_PART: usize = 1 << 20;

/// A record with a text longer than this is counted by all workers.
const SHARE_ABOVE: usize = 4 << 20;

/// A buffer that grew beyond this for one long record is given back.
const MAX_RETAINED_BUFFER: usize = 8 << 20;

/// A thread's own state.
pub(super) struct Worker<'s, 'a> {
    shared: &'s Shared<'a>,
    run: &'a Run<'a>,
    /// Made when the first text is there, for it is not small.
    measurer: Option<Measurer>,
    labels: Labels,
    uncounted: CountQueue,
    undetected: DetectQueue,
    readers: Readers<'a>,
    key: Vec<u8>,
    buf: Vec<u8>,
    /// The same for members of an archive that are held whole.
    member_buf: Vec<u8>,
    sums: Sums,
    /// Rows of documents, until the end of the task.
    block: Block,
}

/// Where a record is.
struct Location<'p> {
    file: usize,
    position: Position,
    extension: Option<&'p str>,
    unit: &'p str,
}

/// Why a text was not counted.
enum Uncounted {
    Bad {
        offset: u64,
        bad: SkipReason,
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
    pub fn new(shared: &'s Shared<'a>) -> Worker<'s, 'a> {
        let run = shared.run;
        let Buffers { read: buf, uncounted } = Buffers::take();
        Worker {
            shared,
            run,
            measurer: None,
            labels: Labels::default(),
            uncounted,
            undetected: DetectQueue::default(),
            readers: Readers::new(run.fields, &run.config, run.progress),
            key: Vec::new(),
            buf,
            member_buf: Vec::new(),
            sums: Sums::default(),
            block: Block::default(),
        }
    }

    /// Does one task.
    pub fn perform(&mut self, task: Task<'a>) {
        match task {
            Task::Part(part) => {
                let text = &part.text[part.from..part.to];
                self.part(&part.document, part.from as u64, text);
            }
            Task::Open(file) => self.open(file, &[]),
            Task::GoOn(file, begun) => self.open(file, &begun),
            Task::Read(reading) => self.read(reading),
        }
        self.enter_rows();
    }

    /// The sums of all that this worker did.
    pub fn finish(mut self) -> Sums {
        self.sums.fields.add(self.readers.fields_met());
        if let Some(measurer) = self.measurer {
            measurer.give_back(self.run.counters);
        }
        Buffers { read: self.buf, uncounted: self.uncounted }.give_back();
        self.sums
    }

    /// Opens a file, and reads its first chunk. Of one that an earlier run has `begun`, what it did not read to the end.
    fn open(&mut self, file: usize, begun: &[SavedReading]) {
        let sample = self.run.sample.as_ref();
        if sample.is_some_and(|sample| !sample.reads(file)) {
            return;
        }
        let input = &self.run.inputs[file];
        ask_ahead(self.run.inputs, file, sample);
        let (had, reached) = match begun.iter().find(|saved| saved.part == 0) {
            Some(SavedReading { reached: SavedReached::Stream(reached), .. }) => {
                (HandedOut::default(), Some(reached.clone()))
            }
            Some(SavedReading { reached: SavedReached::Again(had), .. }) => (*had, None),
            None => (HandedOut::default(), None),
        };
        let Run { formats, config, progress, .. } = self.run;
        let from = (self.shared.control, *progress);
        match begin(file, input, from, formats, config, self.run, reached, sample) {
            Ok(Taken::As(reading)) if begun.iter().all(|saved| saved.part == 0) => {
                let units = match sample {
                    None => Units::OfSteps,
                    Some(_) if reading.has_units() => Units::OfSteps,
                    Some(sample) if sample.is_streamed(file) => Units::Chunks(0),
                    Some(_) => Units::One(0..input.size.unwrap_or_default().max(1)),
                };
                self.read(InFlight::new(reading, 0, had).with(units));
            }
            Ok(Taken::As(reading)) => self.go_on(reading, begun),
            Ok(Taken::Binary) => self.sums.binary += 1,
            Ok(Taken::Compressed) => self.sums.packed += 1,
            Err(Unread { format, bad }) => {
                if let Some(format) = format {
                    self.shared.add_unsupported(format);
                }
                self.skip(file, Position::default(), bad);
            }
        }
    }

    /// Goes on with the parts of a file that an earlier run has `begun`. What they come from gives nothing else.
    fn go_on(&mut self, mut reading: Box<dyn Reading<'a> + 'a>, begun: &[SavedReading]) {
        let Step { more, .. } = reading.step(&mut Vec::new(), &self.run.config);
        self.run.progress.take_back_bytes(reading.bytes_read());
        for (reading, part) in more.into_iter().zip(1..) {
            if let Some(saved) = begun.iter().find(|saved| saved.part == part) {
                let had = match saved.reached {
                    SavedReached::Again(had) => had,
                    SavedReached::Stream(_) => HandedOut::default(),
                };
                self.shared.add_reading(InFlight::new(reading, part, had));
            }
        }
    }

    /// Reads a chunk, lets the next worker read on, and counts the chunk.
    fn read(&mut self, mut in_flight: InFlight<'a>) {
        if self.buf.capacity() > MAX_RETAINED_BUFFER {
            self.buf = Vec::new();
        }
        let mut buf = std::mem::take(&mut self.buf);
        let step = in_flight.step(&mut buf, &self.run.config);
        let file = in_flight.reading.file();
        let was_utf16 = in_flight.reading.was_utf16();
        let mut step = match &self.run.sample {
            None => step,
            Some(sample) => self.sampled(sample, &mut in_flight, step, buf.len()),
        };
        for (reading, part) in std::mem::take(&mut step.more).into_iter().zip(1..) {
            self.shared.add_reading(InFlight::new(reading, part, HandedOut::default()));
        }
        let unit = match (&step.unit, &in_flight.units) {
            (Some(unit), _) | (None, Units::One(unit)) => unit_name(file, unit.start),
            (None, Units::OfSteps) => String::new(),
            (None, Units::Chunks(_)) => CERTAIN.to_owned(),
        };
        if step.end {
            if in_flight.reading.is_unchecked() {
                self.sums.unchecked.insert(file);
            }
            drop(in_flight);
        } else {
            self.shared.put_back(in_flight);
        }
        self.step(file, step, &buf, &unit, was_utf16);
        // Once for all documents of the step: a detector is asked for many at a time.
        let counted = self.sums.counted;
        self.detect_all();
        self.run.progress.add_documents(self.sums.counted - counted);
        self.buf = buf;
    }

    /// Counts what came of reading on in a file. What the step is about is in `buf`, in `unit` of a sample, and may have been
    /// UTF-16.
    fn step(&mut self, file: usize, step: Step<'a>, buf: &[u8], unit: &str, was_utf16: bool) {
        let Step { chunk, bad, settled, members, more: _, unit: _, end: _ } = step;
        self.sums.members += members.begun;
        self.sums.members_ignored += members.passed_by;
        members.unsupported.iter().for_each(|format| self.shared.add_unsupported(format));
        match chunk {
            None => {}
            // It tells of itself when all of it is counted.
            Some(Chunk::Members(members)) => {
                members.into_iter().for_each(|member| self.member(file, member, unit));
            }
            Some(Chunk::Part(part)) => match decode_utf8(buf, Utf8Errors::Strict) {
                Ok(text) => self.part(&part.document, part.offset, &text),
                Err(_) => unreachable!("the stream hands out parts that are UTF-8"),
            },
            Some(Chunk::RecordEnd(ended)) => self.end_record(file, *ended, buf, unit),
            Some(chunk) => {
                let counted = self.sums.counted;
                self.documents(file, chunk, buf, unit, was_utf16);
                self.run.progress.add_documents(self.sums.counted - counted);
            }
        }
        if let Some((document, settled)) = settled {
            self.settle(&document, settled);
        }
        for (position, bad) in bad {
            self.skip(file, position, bad);
        }
    }

    /// Reads and counts a member of an archive that is held whole.
    fn member(&mut self, file: usize, member: WholeMember, unit: &str) {
        let position = Position { member: Some(member.member.clone()), at: At::Whole };
        if self.shared.is_cancelled_at(file, &position) {
            return;
        }
        self.sums.members += 1;
        let mut reading = match self.run.begin_member(member.opening(file, self.shared.control)) {
            BegunMember::Reading(reading) => reading,
            BegunMember::PassedBy => return self.sums.members_ignored += 1,
            BegunMember::Unread { format, bad } => {
                if let Some(format) = format {
                    self.shared.add_unsupported(format);
                }
                return self.skip(file, position, bad);
            }
        };
        let mut buf = std::mem::take(&mut self.member_buf);
        loop {
            let step = reading.step(&mut buf, &self.run.config);
            let is_end = step.end;
            self.step(file, step, &buf, unit, reading.was_utf16());
            if is_end {
                break;
            }
        }
        self.member_buf = buf;
        if reading.is_unchecked() {
            self.sums.unchecked.insert(file);
        }
    }

    /// What is counted of a step of a sample: of a file with parts, and of chunks, those that were drawn.
    fn sampled(
        &mut self,
        sample: &SamplePlan,
        in_flight: &mut InFlight<'a>,
        mut step: Step<'a>,
        bytes: usize,
    ) -> Step<'a> {
        let file = in_flight.reading.file();
        match &mut in_flight.units {
            Units::OfSteps => self.sums.units.extend(step.unit.iter().map(|u| (file, u.clone()))),
            Units::One(all) if step.more.is_empty() => {
                if step.end {
                    self.sums.units.push((file, all.clone()));
                }
            }
            Units::One(all) => {
                let sizes: Vec<u64> = step.more.iter().map(|part| part.size().max(1)).collect();
                for (part, range) in step.more.drain(..).zip(in_proportion(&sizes, all.end)) {
                    if sample.hits(file, &range) {
                        let part = InFlight::new(part, 1, HandedOut::default());
                        self.shared.add_reading(part.with(Units::One(range)));
                    }
                }
            }
            Units::Chunks(before) => {
                let bytes = match &step.chunk {
                    Some(Chunk::Lines { .. } | Chunk::Records { .. }) => bytes as u64,
                    // As many as are read at a time, more or less.
                    Some(Chunk::Rows(rows)) if rows.len() > 0 => sample.chunk(),
                    // A document that is counted in parts or by itself is counted whatever is drawn.
                    Some(
                        Chunk::Rows(_)
                        | Chunk::Document { .. }
                        | Chunk::Part(_)
                        | Chunk::RecordEnd(_)
                        | Chunk::Members(_),
                    )
                    | None => 0,
                };
                let unit = *before..*before + bytes;
                *before = unit.end;
                if bytes > 0 {
                    match sample.hits(file, &unit) {
                        true => {
                            self.sums.units.push((file, unit.clone()));
                            step.unit = Some(unit);
                        }
                        false => step.chunk = None,
                    }
                }
                if step.end {
                    self.sums.streams.push((file, *before));
                }
            }
        }
        step
    }

    /// Counts the documents of a chunk, which are in `unit` of a sample.
    fn documents(&mut self, file: usize, chunk: Chunk, bytes: &[u8], unit: &str, was_utf16: bool) {
        let input = &self.run.inputs[file];
        let extension = extension(input, chunk.member().map(|member| &**member));
        let mut readers = self.readers.take();
        let visit = |position, row: Result<Row, SkipReason>| {
            if self.shared.is_cancelled_at(file, &position) {
                return ControlFlow::Break(());
            }
            let extension = extension.as_deref();
            let location = Location { file, position, extension, unit };
            if let Err(bad) = row.and_then(|row| self.row(&location, &row)) {
                self.skip(file, location.position, bad);
            }
            ControlFlow::Continue(())
        };
        let _ = readers.each(chunk, bytes, was_utf16, visit);
        self.readers = readers;
        self.count_all();
    }

    /// Counts a document.
    fn row(&mut self, location: &Location, row: &Row) -> Result<(), SkipReason> {
        let mut key = std::mem::take(&mut self.key);
        let is_labelled = self.group(location, row.values, &mut key);
        let id = self.run.id.and_then(|id| row.values.get(id)?.as_deref());
        let result = self.document(location, &key, is_labelled, id, row.text);
        self.key = key;
        result
    }

    /// Writes the key of a document to `key`, and says whether its language is in it or must be detected.
    fn group(&mut self, location: &Location, values: &[Option<String>], key: &mut Vec<u8>) -> bool {
        let &Location { file, ref position, extension, unit } = location;
        let member = position.member.as_deref();
        self.run.key(file, member, extension, unit, values, &mut self.labels, key)
    }

    /// Counts a document, or lets all workers count it.
    fn document(
        &mut self,
        location: &Location,
        key: &[u8],
        is_labelled: bool,
        id: Option<&str>,
        text: &str,
    ) -> Result<(), SkipReason> {
        if text.len() > SHARE_ABOVE {
            let (key, id) = (key.into(), id.map(Box::from));
            self.share(location, Group { key, is_labelled, id }, text);
            return Ok(());
        }
        let row = (location.file, location.position.clone());
        if text.len() < CountQueue::ALONE {
            let (key, id) = (key.into(), id.map(Box::from));
            if self.uncounted.push(AwaitingCount { key, is_labelled, row, id }, text) {
                self.count_all();
            }
            return Ok(());
        }
        match self.count(text, 0) {
            Ok(tally) => {
                self.document_counted(key, is_labelled, row, id, tally, text);
                Ok(())
            }
            Err(Uncounted::Bad { bad, .. }) => Err(bad),
            Err(Uncounted::Over) => Ok(()),
        }
    }

    /// Counts the documents that wait for it.
    fn count_all(&mut self) {
        if self.uncounted.is_empty() {
            return;
        }
        let mut queue = std::mem::take(&mut self.uncounted);
        let documents = queue.take_documents();
        let texts = queue.texts();
        let measured = self.measured(|measurer| measurer.measure_all(&texts)).ok();
        let mut measured = measured.into_iter().flatten();
        for (document, text) in documents.into_iter().zip(texts) {
            let AwaitingCount { key, is_labelled, row, id } = document;
            let tally = match measured.next() {
                Some(tally) => tally.map_err(|e| self.shared.uncounted(0, e)),
                // After a panic each by itself: it is one of them.
                None => self.count(text, 0),
            };
            match tally {
                Ok(tally) => {
                    self.document_counted(&key, is_labelled, row, id.as_deref(), tally, text)
                }
                Err(Uncounted::Bad { bad, .. }) => self.skip(row.0, row.1, bad),
                Err(Uncounted::Over) => break,
            }
        }
        queue.clear();
        self.uncounted = queue;
    }

    /// Adds the sums of a document with this `text` to its group, or keeps them until its language is known.
    fn document_counted(
        &mut self,
        key: &[u8],
        is_labelled: bool,
        row: RowId,
        id: Option<&str>,
        mut tally: Tally,
        text: &str,
    ) {
        tally.finish_document();
        match is_labelled {
            true => self.counted(key, row, id, tally),
            false => self.detect_later(key, row, id, tally, text),
        }
    }

    /// Adds the sums of a document to its group.
    fn counted(&mut self, key: &[u8], (file, position): RowId, id: Option<&str>, mut tally: Tally) {
        let mut with_script = Vec::new();
        let key = match self.run.groups.by_script() {
            false => key,
            true => {
                with_script.extend_from_slice(key);
                self.run.groups.encode_script(&tally.scripts, &mut with_script);
                &with_script
            }
        };
        self.run.lengths.measure(&mut tally);
        self.sums.seen += 1;
        self.sums.counted += 1;
        let document = self.run.bootstrap.then(|| (file as u32, position.number()));
        if self.sums.groups.add(key, &tally, document, self.run.max_groups).is_err() {
            self.shared.fail(Failure::Other(self.run.too_many_groups()));
        }
        if self.run.per_document {
            if !self.block.takes(file, &position) {
                self.enter_rows();
            }
            self.block.push(file, &position, id, key, (tally.bytes, tally.chars, &tally.tokens));
        }
    }

    /// Enters the rows of documents that are ready.
    fn enter_rows(&mut self) {
        if !self.block.is_empty() {
            self.shared.add_rows(&self.block);
            self.block.clear();
        }
    }

    /// Keeps a document that was counted until its language is known.
    fn detect_later(&mut self, key: &[u8], row: RowId, id: Option<&str>, tally: Tally, text: &str) {
        let id = id.map(Box::from);
        let document = AwaitingLanguage { key: key.into(), row, id, tally };
        if self.undetected.push(document, self.run.languages.beginning(text)) {
            self.detect_all();
        }
    }

    /// Gives the documents that wait for it their language.
    fn detect_all(&mut self) {
        match self.undetected.detect(self.run.languages, &mut self.labels) {
            Ok(documents) => {
                for (AwaitingLanguage { key, row, id, tally }, language) in documents {
                    let mut key = key.into_vec();
                    self.run.groups.encode_language(&language, &mut key);
                    self.counted(&key, row, id.as_deref(), tally);
                }
            }
            Err(e) => self.shared.fail(Failure::Other(e)),
        }
    }

    /// Cuts a long text and lets all workers count it.
    fn share(&mut self, location: &Location, group: Group, text: &str) {
        let text: Arc<str> = text.into();
        let document = Arc::new(LongDocument::new(location.file, location.position.clone(), group));
        let splitter = self.run.config.splitter();
        let mut from = 0;
        // All parts are announced before the end is, so that the document cannot settle early.
        while from < text.len() && !self.run.cancel.load(Relaxed) {
            let to =
                splitter.part_end(&*text, from, COUNT_PART, Utf8Errors::Strict, &mut Vec::new());
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
        if offset == 0 && !document.group.is_labelled {
            let languages = self.run.languages;
            match languages.detect(&mut self.labels, &[languages.beginning(text)]) {
                Ok(detected) => detected.into_iter().for_each(|label| document.set_language(label)),
                Err(e) => self.shared.fail(Failure::Other(e)),
            }
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

    /// Counts the last part of a record that was read in parts, or skips it.
    fn end_record(&mut self, file: usize, ended: RecordEnd, text: &[u8], unit: &str) {
        let RecordEnd { position, met, text: found } = ended;
        self.run.progress.add_records(met.records, &met.met);
        self.sums.fields.add(met);
        let RecordText { last: part, beginning, values } = match found {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(bad) => return self.skip(file, position, bad),
        };
        let extension = extension(&self.run.inputs[file], position.member.as_deref());
        let location = Location { file, position, extension: extension.as_deref(), unit };
        let mut key = std::mem::take(&mut self.key);
        if !self.group(&location, &values, &mut key) {
            let languages = self.run.languages;
            match languages.detect(&mut self.labels, &[languages.beginning(&beginning)]) {
                Ok(found) => {
                    found.iter().for_each(|l| self.run.groups.encode_language(l, &mut key));
                }
                Err(e) => self.shared.fail(Failure::Other(e)),
            }
        }
        let id = self.run.id.and_then(|id| values.get(id)?.as_deref()).map(Box::from);
        part.document.set_group(Group { key: key.as_slice().into(), is_labelled: true, id });
        self.key = key;
        let settled = part.document.end(None);
        debug_assert!(settled.is_none(), "its last part is still to be counted");
        match decode_utf8(text, Utf8Errors::Strict) {
            Ok(text) => self.part(&part.document, part.offset, &text),
            Err(_) => unreachable!("the stream hands out parts that are UTF-8"),
        }
    }

    /// Enters what became of a long document.
    fn settle(&mut self, document: &LongDocument, settled: Settled) {
        match settled {
            Ok(tally) => {
                let Group { key, id, .. } = document.settled_group();
                let mut key = key.into_vec();
                if let Some(language) = document.take_language() {
                    self.run.groups.encode_language(&language, &mut key);
                }
                let row = (document.file, document.position.clone());
                self.counted(&key, row, id.as_deref(), tally);
                self.run.progress.add_documents(1);
            }
            Err(bad) => self.skip(document.file, document.position.clone(), bad),
        }
    }

    /// Measures `text`, which is at `offset` of its document.
    fn count(&mut self, text: &str, offset: u64) -> Result<Tally, Uncounted> {
        let splitter = self.run.config.splitter();
        let mut tally = Tally::default();
        let mut from = 0;
        loop {
            if self.run.cancel.load(Relaxed) {
                return Err(Uncounted::Over);
            }
            let to = match text.len() - from > 2 * COUNT_PART {
                true => {
                    splitter.part_end(text, from, COUNT_PART, Utf8Errors::Strict, &mut Vec::new())
                }
                false => text.len(),
            };
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

    /// Adds what `text` has to `tally`.
    fn measure(&mut self, text: &str, tally: &mut Tally) -> Result<(), Unmeasured> {
        match self.measured(|measurer| measurer.measure(text, tally)) {
            Ok(result) => result.map_err(Unmeasured::Refused),
            Err(message) => Err(Unmeasured::Panicked(message)),
        }
    }

    /// What `measure` gives, or what a panic says: that costs the measurer, whose state is unknown after it.
    fn measured<R>(&mut self, measure: impl FnOnce(&mut Measurer) -> R) -> Result<R, String> {
        let Run { config, extra, counters, .. } = self.run;
        let mut measurer = self.measurer.take();
        let measured = catch_unwind(AssertUnwindSafe(|| {
            measure(measurer.get_or_insert_with(|| {
                Measurer::new(&config.encodings, counters, config.special, *extra)
            }))
        }));
        match measured {
            Ok(result) => {
                self.measurer = measurer;
                Ok(result)
            }
            Err(panic) => Err(panic_message(&*panic)),
        }
    }

    /// Enters a row that is not counted, or as many as `bad` is the reason for.
    fn skip(&mut self, file: usize, position: Position, bad: SkipReason) {
        if self.run.inputs[file].is_abandoned() {
            return;
        }
        self.sums.seen += bad.rows;
        let entry = Entry::new(&self.run.inputs[file].name, position.clone(), bad);
        if self.run.on_error == OnError::Fail {
            let error = Error::BadRow(entry.clone());
            self.shared.fail(Failure::Row { file, position, error });
        }
        self.shared.add_to_ledger(entry);
    }
}

impl Run<'_> {
    /// Writes the key of a document in `file`, or in a `member` of it, to `key`, and says whether its language is in it or
    /// must be detected.
    fn key(
        &self,
        file: usize,
        member: Option<&Member>,
        extension: Option<&str>,
        unit: &str,
        values: &[Option<String>],
        labels: &mut Labels,
        key: &mut Vec<u8>,
    ) -> bool {
        let Input { name, named, .. } = &self.inputs[file];
        self.groups.encode(name, *named, extension, values, key);
        self.groups.encode_unit(unit, key);
        if !self.groups.by_language() {
            return true;
        }
        let of_member = match member {
            Some(member) if self.languages.from_path => language_of_path(&member.name),
            _ => None,
        };
        let path = of_member.as_deref();
        let path =
            path.or_else(|| self.path_languages.get(file).and_then(|label| label.as_deref()));
        let Some(language) = self.languages.label(labels, values, path) else {
            return false;
        };
        self.groups.encode_language(language, key);
        true
    }
}

impl<'a> Host<'a> for Run<'a> {
    fn group(&self, file: usize, member: Option<&Member>) -> Group {
        let (mut labels, mut key) = (Labels::default(), Vec::new());
        let extension = extension(&self.inputs[file], member);
        let extension = extension.as_deref();
        let unit = match &self.sample {
            None => String::new(),
            // What a stream hands out in parts is no chunk.
            Some(sample) if sample.is_streamed(file) => CERTAIN.to_owned(),
            Some(_) => unit_name(file, 0),
        };
        let is_labelled = self.key(file, member, extension, &unit, &[], &mut labels, &mut key);
        Group { key: key.into(), is_labelled, id: None }
    }

    fn wants_member(&self, name: &str) -> bool {
        self.members.wants(name)
    }

    fn begin_member(&'a self, opening: MemberOpening<'a>) -> BegunMember<'a> {
        let Run { inputs, formats, config, progress, .. } = self;
        MemberOpener { inputs, formats: *formats, config, progress }.begin(opening, self)
    }
}

impl Shared<'_> {
    /// What becomes of a text that the engine refused.
    fn uncounted(&self, from: u64, e: EngineError) -> Uncounted {
        match e {
            EngineError::Interrupted => Uncounted::Over,
            EngineError::SpecialToken { token, offset } => {
                let offset = from + offset as u64;
                Uncounted::Bad { offset, bad: special_token(&token, offset) }
            }
            EngineError::PatternLimit { .. } => Uncounted::Bad {
                offset: from,
                bad: SkipReason::new(Reason::PatternLimit, e.to_string()),
            },
            EngineError::NormalizedTooLarge { .. } => {
                let bad = SkipReason::new(Reason::NormalizedTooLarge, e.to_string());
                Uncounted::Bad { offset: from, bad }
            }
            EngineError::UnsupportedTokenizer { .. } => {
                let bad = SkipReason::new(Reason::UnsupportedText, e.to_string());
                Uncounted::Bad { offset: from, bad }
            }
            e => {
                self.fail(Failure::Other(e.into()));
                Uncounted::Over
            }
        }
    }
}

fn special_token(token: &str, offset: u64) -> SkipReason {
    SkipReason::new(
        Reason::SpecialToken,
        format!("the text holds the special token {token:?} at byte {offset}"),
    )
}

fn internal_error(message: &str) -> SkipReason {
    SkipReason::new(
        Reason::InternalError,
        format!("the engine panicked, which is a defect of fasttok; please report it: {message}"),
    )
}
