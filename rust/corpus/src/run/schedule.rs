//! Who does what in a run. There is one kind of worker, and it does what is to be done: take a part of a long text and
//! count it, or else take an open file, read a chunk, put the file back for the next worker and count the chunk, or
//! else open another file.
//!
//! So reading and decompression go on while others count, several compressed files are unpacked at once, no worker
//! waits while there is work, and what is held in memory is one chunk a worker. The waiting and waking is that of
//! `fasttok_parallel::Pool`.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use fasttok_parallel::{Control, Pool, SharedCounter, Source};
use serde::{Deserialize, Serialize};

use super::members::MemberFilter;
use crate::entry::Entry;
use crate::format::Formats;
use crate::groups::{GroupKeys, Table, TooMany};
use crate::job::{LanguageLabels, OnError};
use crate::ledger::{Collector, SavedLedger};
use crate::long_document::LongDocument;
use crate::per_document::{Block, SavedSpool, Spool};
use crate::position::Position;
use crate::reading::{HandedOut, Reached, Reading, Step, StreamConfig};
use crate::record::{Fields, FieldsMet};
use crate::sampling::{SamplePlan, Unit};
use crate::source::Input;
use crate::statistics::{Extra, Lengths};
use crate::{Error, Progress};

/// What the workers of a run have in common, and nobody changes.
pub(super) struct Run<'a> {
    pub inputs: &'a [Input],
    pub formats: Formats<'a>,
    pub members: MemberFilter,
    pub fields: &'a Fields,
    pub groups: &'a GroupKeys,
    pub languages: &'a LanguageLabels,
    /// The label that each path gives, where these are asked for.
    pub path_languages: Vec<Option<Box<str>>>,
    pub extra: Extra,
    pub counters: &'a [Arc<SharedCounter>],
    pub bootstrap: bool,
    pub lengths: &'a Lengths,
    /// Whether there is a row for each document.
    pub per_document: bool,
    /// Which of the values of a record is its id.
    pub id: Option<usize>,
    pub max_groups: usize,
    pub config: StreamConfig,
    /// What is read of the files, if not all.
    pub sample: Option<SamplePlan>,
    pub on_error: OnError,
    pub progress: &'a Progress,
    pub cancel: &'a AtomicBool,
}

/// The sums of one worker, or of all.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Sums {
    pub groups: Table,
    /// Which of the fields that were asked for records had.
    pub fields: FieldsMet,
    pub seen: u64,
    pub counted: u64,
    /// Binary files that a walk met.
    pub binary: u64,
    /// Compressed files and archives that a walk met, without records.
    pub packed: u64,
    /// Members of archives that were to be read.
    pub members: u64,
    /// Those of them that were passed by.
    pub members_ignored: u64,
    /// Which inputs have compressed data without a checksum.
    pub unchecked: BTreeSet<usize>,
    /// The units of a sample that were read, and the bytes of the streams that were drawn from.
    pub units: Vec<Unit>,
    pub streams: Vec<(usize, u64)>,
}

impl Sums {
    /// Adds those of another worker.
    pub fn add(&mut self, other: Sums, run: &Run) -> Result<(), TooMany> {
        self.groups.merge(other.groups, run.max_groups, run.cancel)?;
        self.fields.add(other.fields);
        self.seen += other.seen;
        self.counted += other.counted;
        self.binary += other.binary;
        self.packed += other.packed;
        self.members += other.members;
        self.members_ignored += other.members_ignored;
        self.unchecked.extend(other.unchecked);
        self.units.extend(other.units);
        self.streams.extend(other.streams);
        Ok(())
    }
}

/// What the workers of a run change together.
pub(super) struct Shared<'a> {
    pub run: &'a Run<'a>,
    /// Nothing new is begun after the first failure.
    pub control: Control<'a>,
    pub pool: Pool<'a, Schedule<'a>>,
    ledger: Mutex<&'a mut Collector>,
    rows: Option<Mutex<&'a mut Spool>>,
    failure: Mutex<Option<Failure>>,
}

/// What is to be done, but for what workers are doing.
pub(super) struct Schedule<'a> {
    parts: VecDeque<SharedPart>,
    /// Open files that no worker reads at the moment.
    open: VecDeque<InFlight<'a>>,
    /// Parts of open files that nobody has begun.
    waiting: VecDeque<InFlight<'a>>,
    /// What an earlier run had in flight, by file.
    begun: VecDeque<(usize, Vec<SavedReading>)>,
    next_input: usize,
    inputs: usize,
    /// When nothing more is begun until the state was kept.
    pause: Option<Instant>,
    /// Whether anything was begun since that was said.
    is_begun: bool,
}

/// A reading that was begun, or is a part of a file that was, and what came of it.
pub(super) struct InFlight<'a> {
    pub reading: Box<dyn Reading<'a> + 'a>,
    /// Which of the readings of its file it is: 0 is the one that the others came from.
    pub part: u64,
    /// What it handed out.
    handed_out: HandedOut,
    /// What of that an earlier run had.
    had: HandedOut,
    /// What it has to do with the units of a sample.
    pub units: Units,
}

/// How what a reading gives is in the units of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Units {
    /// There is no sample, or each step tells its unit.
    OfSteps,
    /// All of it is this unit.
    One(Range<u64>),
    /// Each chunk is a unit, and is counted if it was drawn; so many bytes were before the next one.
    Chunks(u64),
}

/// A reading at rest.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SavedReading {
    pub part: u64,
    pub reached: SavedReached,
}

/// From where a reading goes on.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum SavedReached {
    /// It goes there itself.
    Stream(Reached),
    /// It is read again, and what it handed out is passed over.
    Again(HandedOut),
}

/// The schedule at rest: no worker is in a task.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SavedSchedule {
    begun: Vec<(usize, Vec<SavedReading>)>,
    next_input: usize,
    /// Bytes of files read, but for those that are read again.
    bytes: u64,
}

impl<'a> InFlight<'a> {
    /// A reading that was begun just now, of which an earlier run `had` a part.
    pub fn new(reading: Box<dyn Reading<'a> + 'a>, part: u64, had: HandedOut) -> InFlight<'a> {
        InFlight { reading, part, handed_out: HandedOut::default(), had, units: Units::OfSteps }
    }

    /// The same reading, with what it has to do with the units of a sample.
    pub fn with(self, units: Units) -> InFlight<'a> {
        InFlight { units, ..self }
    }

    /// Reads on. What an earlier run had is not in the step.
    pub fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'a> {
        let InFlight { reading, handed_out, had, .. } = self;
        let mut step = reading.step(buf, config);
        handed_out.pass_over(had, &mut step);
        step
    }

    fn save(&self) -> SavedReading {
        let InFlight { reading, part, handed_out, had, .. } = self;
        let reached = match reading.reached() {
            Some(reached) => SavedReached::Stream(reached),
            None => SavedReached::Again(handed_out.or(*had)),
        };
        SavedReading { part: *part, reached }
    }
}

impl Schedule<'_> {
    fn new(inputs: usize, saved: SavedSchedule) -> Self {
        Schedule {
            parts: VecDeque::new(),
            open: VecDeque::new(),
            waiting: VecDeque::new(),
            begun: saved.begun.into(),
            next_input: saved.next_input,
            inputs,
            pause: None,
            is_begun: false,
        }
    }

    /// Whether there is nothing left to do.
    fn is_done(&self) -> bool {
        let Schedule { parts, open, waiting, begun, next_input, inputs, .. } = self;
        parts.is_empty()
            && open.is_empty()
            && waiting.is_empty()
            && begun.is_empty()
            && next_input >= inputs
    }

    /// What a checkpoint keeps, while no worker is in a task. So many `bytes` of files were read.
    fn save(&self, bytes: u64) -> SavedSchedule {
        let mut files: BTreeMap<usize, Vec<SavedReading>> = BTreeMap::new();
        let mut again = 0;
        for in_flight in self.open.iter().chain(&self.waiting) {
            again += in_flight.reading.bytes_read();
            files.entry(in_flight.reading.file()).or_default().push(in_flight.save());
        }
        let begun = files.into_iter().chain(self.begun.iter().cloned()).collect();
        SavedSchedule { begun, next_input: self.next_input, bytes: bytes.saturating_sub(again) }
    }
}

impl<'a> Source for Schedule<'a> {
    type Task = Task<'a>;

    fn next(&mut self, stopped: bool) -> Option<Task<'a>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Task::Part(part));
        }
        // In each round something is done, however short it is.
        let is_over = |pause| self.is_begun && pause <= Instant::now();
        if stopped || self.pause.is_some_and(is_over) {
            return None;
        }
        self.is_begun = true;
        if let Some(reading) = self.open.pop_front().or_else(|| self.waiting.pop_front()) {
            return Some(Task::Read(reading));
        }
        if let Some((input, begun)) = self.begun.pop_front() {
            return Some(Task::GoOn(input, begun));
        }
        (self.next_input < self.inputs).then(|| {
            self.next_input += 1;
            Task::Open(self.next_input - 1)
        })
    }
}

/// A part of a text that is held in memory.
pub(super) struct SharedPart {
    pub document: Arc<LongDocument>,
    pub text: Arc<str>,
    pub from: usize,
    pub to: usize,
}

/// What a worker does at a time.
pub(super) enum Task<'a> {
    Part(SharedPart),
    Read(InFlight<'a>),
    Open(usize),
    /// A file of which an earlier run had read a part.
    GoOn(usize, Vec<SavedReading>),
}

/// Why a run fails. A bad row gives way to one that is before it.
pub(super) enum Failure {
    Row { file: usize, position: Position, error: Error },
    Other(Error),
}

impl Run<'_> {
    /// The error that there are more groups than the job allows.
    pub fn too_many_groups(&self) -> Error {
        Error::TooManyGroups { by: self.groups.names(), most: self.max_groups }
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl<'a> Shared<'a> {
    /// Of a run that goes on from `saved`, or begins.
    pub fn new(
        run: &'a Run<'a>,
        control: Control<'a>,
        ledger: &'a mut Collector,
        rows: Option<&'a mut Spool>,
        saved: SavedSchedule,
    ) -> Shared<'a> {
        run.progress.add_bytes(saved.bytes);
        let schedule = Schedule::new(run.inputs.len(), saved);
        Shared {
            run,
            control,
            pool: Pool::new(schedule, control),
            ledger: Mutex::new(ledger),
            rows: rows.map(Mutex::new),
            failure: Mutex::new(None),
        }
    }

    /// From `pause` on nothing is begun.
    pub fn pause_at(&self, pause: Option<Instant>) {
        self.pool.change(|schedule| (schedule.pause, schedule.is_begun) = (pause, false));
    }

    /// Whether there is nothing left to do, while no worker is in a task.
    pub fn is_done(&self) -> bool {
        self.pool.change(|schedule| schedule.is_done())
    }

    /// What a checkpoint keeps of the schedule, the ledger and the rows of documents, while no worker is in a task.
    pub fn save(&self) -> Result<(SavedSchedule, SavedLedger, Option<SavedSpool>), Error> {
        let saved = self.pool.change(|schedule| schedule.save(self.run.progress.bytes()));
        let rows = self.rows.as_ref().map(|rows| lock(rows).save()).transpose()?;
        Ok((saved, lock(&self.ledger).save()?, rows))
    }

    /// Why the run fails, if it does.
    pub fn into_failure(self) -> Option<Failure> {
        self.failure.into_inner().unwrap_or_else(|e| e.into_inner())
    }

    /// Lets another worker read on.
    pub fn put_back(&self, reading: InFlight<'a>) {
        self.pool.change(|schedule| schedule.open.push_back(reading));
    }

    /// Lets whoever is free read a part of a file.
    pub fn add_reading(&self, reading: InFlight<'a>) {
        self.pool.change(|schedule| schedule.waiting.push_back(reading));
    }

    /// Lets whoever is free count a part of a long text.
    pub fn share(&self, part: SharedPart) {
        self.pool.change(|schedule| schedule.parts.push_back(part));
    }

    /// The run fails, unless it does already because of a row that is before this one.
    pub fn fail(&self, failure: Failure) {
        let mut first = lock(&self.failure);
        let is_first = match (&*first, &failure) {
            (None, _) | (Some(Failure::Row { .. }), Failure::Other(_)) => true,
            (Some(Failure::Other(_)), _) => false,
            (
                Some(Failure::Row { file, position, .. }),
                Failure::Row { file: new_file, position: new_position, .. },
            ) => (new_file, new_position) < (file, position),
        };
        if is_first {
            *first = Some(failure);
        }
        self.control.stop.store(true, Relaxed);
    }

    /// Whether the run is over for a row: cancelled, or failed at a row before it.
    pub fn is_cancelled_at(&self, file: usize, position: &Position) -> bool {
        if self.control.cancel.load(Relaxed) {
            return true;
        }
        if !self.control.stop.load(Relaxed) {
            return false;
        }
        match &*lock(&self.failure) {
            Some(Failure::Row { file: failed, position: at, .. }) => {
                (file, position) > (*failed, at)
            }
            Some(Failure::Other(_)) => true,
            None => false,
        }
    }

    /// Enters a row that is not counted in the ledger.
    pub fn add_to_ledger(&self, entry: Entry) {
        self.run.progress.add_skipped(entry.rows);
        if let Err(e) = lock(&self.ledger).add(entry) {
            self.fail(Failure::Other(e));
        }
    }

    /// Enters rows of documents.
    pub fn add_rows(&self, block: &Block) {
        if let Some(rows) = &self.rows
            && let Err(e) = lock(rows).add(block)
        {
            self.fail(Failure::Other(e));
        }
    }

    /// Enters that a file is of a format that nobody reads.
    pub fn add_unsupported(&self, format: &'static str) {
        lock(&self.ledger).add_unsupported(format);
    }
}
