//! Who does what in a run. There is one kind of worker, and it does what is to be done: take a part of a long text and
//! count it, or else take an open file, read a chunk, put the file back for the next worker and count the chunk, or
//! else open another file.
//!
//! So reading and decompression go on while others count, several compressed files are unpacked at once, no worker
//! waits while there is work, and what is held in memory is one chunk a worker. The waiting and waking is that of
//! `fasttok_parallel::Pool`.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use fasttok_parallel::{Control, Pool, SharedCounter, Source};

use crate::format::Formats;
use crate::groups::{GroupKeys, Table, TooMany};
use crate::job::{LanguageLabels, OnError};
use crate::ledger::{Collector, Entry};
use crate::long_document::LongDocument;
use crate::position::Position;
use crate::reading::{Reading, StreamConfig};
use crate::record::{Fields, FieldsMet};
use crate::source::Input;
use crate::statistics::{Extra, Lengths};
use crate::{Error, Progress};

/// What the workers of a run have in common, and nobody changes.
pub(super) struct Run<'a> {
    pub inputs: &'a [Input],
    pub formats: Formats<'a>,
    pub fields: &'a Fields,
    pub groups: &'a GroupKeys,
    pub languages: &'a LanguageLabels,
    /// The label that each path gives, where these are asked for.
    pub path_languages: Vec<Option<Box<str>>>,
    pub extra: Extra,
    pub counters: &'a [Arc<SharedCounter>],
    pub sample: bool,
    pub lengths: &'a Lengths,
    pub max_groups: usize,
    pub config: StreamConfig,
    pub on_error: OnError,
    pub progress: &'a Progress,
    pub cancel: &'a AtomicBool,
}

/// The sums of one worker, or of all.
#[derive(Default)]
pub(super) struct Sums {
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
    /// Adds those of another worker.
    pub fn add(&mut self, other: Sums, run: &Run) -> Result<(), TooMany> {
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

/// What the workers of a run change together.
pub(super) struct Shared<'a> {
    pub run: &'a Run<'a>,
    /// Nothing new is begun after the first failure.
    pub control: Control<'a>,
    pub pool: Pool<'a, Schedule<'a>>,
    ledger: Mutex<&'a mut Collector>,
    failure: Mutex<Option<Failure>>,
}

/// What is to be done, but for what workers are doing.
pub(super) struct Schedule<'a> {
    parts: VecDeque<SharedPart>,
    /// Open files that no worker reads at the moment.
    open: VecDeque<Box<dyn Reading<'a> + 'a>>,
    /// Parts of open files that nobody has begun.
    waiting: VecDeque<Box<dyn Reading<'a> + 'a>>,
    next_input: usize,
    inputs: usize,
}

impl<'a> Source for Schedule<'a> {
    type Task = Task<'a>;

    fn next(&mut self, stopped: bool) -> Option<Task<'a>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Task::Part(part));
        }
        if stopped {
            return None;
        }
        if let Some(reading) = self.open.pop_front().or_else(|| self.waiting.pop_front()) {
            return Some(Task::Read(reading));
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
    Read(Box<dyn Reading<'a> + 'a>),
    Open(usize),
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
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    match panic.downcast_ref::<&str>() {
        Some(message) => (*message).to_owned(),
        None => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

impl<'a> Shared<'a> {
    /// Of a run in which nothing is done yet.
    pub fn new(run: &'a Run<'a>, control: Control<'a>, ledger: &'a mut Collector) -> Shared<'a> {
        let inputs = run.inputs.len();
        let schedule = Schedule {
            parts: VecDeque::new(),
            open: VecDeque::new(),
            waiting: VecDeque::new(),
            next_input: 0,
            inputs,
        };
        Shared {
            run,
            control,
            pool: Pool::new(schedule, control),
            ledger: Mutex::new(ledger),
            failure: Mutex::new(None),
        }
    }

    /// Why the run fails, if it does.
    pub fn into_failure(self) -> Option<Failure> {
        self.failure.into_inner().unwrap_or_else(|e| e.into_inner())
    }

    /// Lets another worker read on.
    pub fn put_back(&self, reading: Box<dyn Reading<'a> + 'a>) {
        self.pool.add(|schedule| schedule.open.push_back(reading));
    }

    /// Lets whoever is free read a part of a file.
    pub fn add_reading(&self, reading: Box<dyn Reading<'a> + 'a>) {
        self.pool.add(|schedule| schedule.waiting.push_back(reading));
    }

    /// Lets whoever is free count a part of a long text.
    pub fn share(&self, part: SharedPart) {
        self.pool.add(|schedule| schedule.parts.push_back(part));
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
        self.run.progress.add_skipped();
        if let Err(e) = lock(&self.ledger).add(entry) {
            self.fail(Failure::Other(e));
        }
    }

    /// Enters that a file is of a format that nobody reads.
    pub fn add_unsupported(&self, format: &'static str) {
        lock(&self.ledger).add_unsupported(format);
    }
}
