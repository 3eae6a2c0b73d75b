//! Documents over threads: who counts what, the GIL, signals.
//!
//! Threads live as long as one call: there is no pool of them that a fork could break. What is
//! expensive to make, the [`Counter`]s, is kept between calls in [`Workers`].
//!
//! The work is cut into tasks of about [`TASK`] units of text, however long the documents are. Results do
//! not depend on the number of threads: tasks are handed out in order and the first error in document
//! order wins.

use std::borrow::Cow;
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use fasttok_engine::{Counter, Encoding, Error, Special, Utf8Errors, interruptible};
use pyo3::prelude::*;

use crate::document::{Document, Invalid};
use crate::errors::Failure;

/// Text of one task in units of its storage. Small enough that Ctrl-C is answered between two tasks and
/// that all threads end together, large enough that handing it out costs nothing.
const TASK: usize = 1 << 18;
/// A document longer than this is cut into parts.
const LONG: usize = 2 * TASK;
/// With less text than this, a thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 16;
/// With less text than this, releasing the GIL costs more than it gives to others.
const WORTH_RELEASING: usize = 1 << 12;
/// How often the calling thread looks for signals.
const SIGNALS: Duration = Duration::from_millis(40);
/// What a place to cut must have around it to be judged, in units.
const CONTEXT: usize = 256;
/// Where the search for a place to cut begins to look, in units.
const WINDOW: usize = 1 << 12;
/// A scratch buffer that grew beyond this for one odd text is given back.
const SCRATCH: usize = 4 << 20;

/// What a thread counts with.
#[derive(Default)]
struct Worker {
    counter: Option<Counter>,
    scratch: Vec<u8>,
}

/// The workers of one encoding, kept between calls.
///
/// Each has a lock of its own, which is only ever tried: a worker that was busy in another thread when
/// the process forked stays locked in the child, which then simply uses another.
pub struct Workers {
    slots: Box<[Mutex<Worker>]>,
}

impl Workers {
    /// No worker yet; as many will be kept as the machine runs threads, and no fewer than four.
    pub fn new() -> Workers {
        let slots = available_threads().max(4);
        Workers { slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Worker) -> R) -> R {
        for slot in &self.slots {
            let mut worker = match slot.try_lock() {
                Ok(worker) => worker,
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Poisoned(poisoned)) => {
                    // A panic left it half-way through a text.
                    slot.clear_poison();
                    let mut worker = poisoned.into_inner();
                    *worker = Worker::default();
                    worker
                }
            };
            let result = work(&mut worker);
            if worker.scratch.len() > SCRATCH {
                worker.scratch = Vec::new();
            }
            return result;
        }
        work(&mut Worker::default())
    }
}

/// Threads that this process may run at once (affinity and cgroup respected).
fn available_threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How the text of a call is read and counted.
#[derive(Clone, Copy)]
pub struct Options {
    /// What special tokens in the text are.
    pub special: Special,
    /// What to do with what is not UTF-8.
    pub errors: Utf8Errors,
    /// The most threads to use; by default as many as the process may run at once.
    pub threads: Option<NonZeroUsize>,
}

/// What a call asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Numbers of tokens.
    Counts,
    /// Numbers of tokens and their ids.
    Ids,
}

/// Why a call gave nothing.
pub enum Stop {
    /// A document that cannot be counted.
    Failure(Failure),
    /// A signal handler raised.
    Signal(PyErr),
}

/// What a call found.
#[derive(Default)]
pub struct Tokens {
    /// Tokens of each document.
    pub counts: Vec<u64>,
    /// The ids of all documents, one after the other, if wanted.
    pub ids: Vec<u32>,
}

/// An encoding and what it counts with.
pub struct Engine {
    /// The encoding.
    pub encoding: Arc<Encoding>,
    workers: Workers,
}

impl Engine {
    /// An engine for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Engine {
        Engine { encoding, workers: Workers::new() }
    }

    /// Counts one text, the short ones on the shortest way.
    pub fn count(&self, py: Python<'_>, text: Document<'_>, options: Options) -> Result<u64, Stop> {
        if text.len() > LONG {
            let tokens = self.run(py, &[text], options, Want::Counts)?;
            return Ok(tokens.counts.iter().sum());
        }
        let count = || {
            self.workers.with(|worker| {
                let Worker { counter, scratch } = worker;
                let text_utf8 = text
                    .decode(0..text.len(), options.errors, scratch)
                    .map_err(|invalid| Stop::Failure(unreadable(0, &text, &invalid)))?;
                counter
                    .get_or_insert_with(|| Counter::new(Arc::clone(&self.encoding)))
                    .count(&text_utf8, options.special)
                    .map_err(|e| Stop::Failure(failure(0, &text, 0, e)))
            })
        };
        if text.len() < WORTH_RELEASING { count() } else { py.detach(count) }
    }

    /// Counts or encodes `documents`, in parallel where that pays.
    pub fn run(
        &self,
        py: Python<'_>,
        documents: &[Document<'_>],
        options: Options,
        want: Want,
    ) -> Result<Tokens, Stop> {
        let units: usize = documents.iter().map(Document::len).sum();
        let worth = units / WORTH_A_THREAD;
        let threads = match (worth, options.threads) {
            (0 | 1, _) => 1,
            // Asking the system takes longer than counting a short text.
            (_, None) => worth.min(available_threads()),
            // A worker beyond those that are kept would be made and filled anew in each call.
            (_, Some(threads)) => worth.min(threads.get()).min(self.workers.slots.len()),
        };
        let call = Call {
            engine: self,
            documents,
            options,
            want,
            task: (units / (threads * 8)).clamp(TASK / 8, TASK),
            next: Mutex::default(),
            stopped: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        };
        if threads == 1 && units < WORTH_RELEASING {
            call.join(vec![call.work(&mut || Ok(()))])
        } else {
            py.detach(|| call.run(threads))
        }
    }
}

/// One call of [`Engine::run`].
struct Call<'a> {
    engine: &'a Engine,
    documents: &'a [Document<'a>],
    options: Options,
    want: Want,
    /// Units of text in a task of whole documents.
    task: usize,
    next: Mutex<Next>,
    /// No more tasks are handed out.
    stopped: AtomicBool,
    /// Nor are those under way to be ended: nobody wants their results.
    interrupted: AtomicBool,
}

/// Where the next task begins.
#[derive(Default)]
struct Next {
    document: usize,
    unit: usize,
    tasks: usize,
}

enum Task {
    /// Whole documents.
    Documents(Range<usize>),
    /// A part of a document.
    Part(usize, Range<usize>),
}

/// The outcome of one task.
struct Done {
    /// Place of the task in the order of the text.
    task: usize,
    first_document: usize,
    tokens: Tokens,
}

/// Why a task was not done.
enum Ended {
    Failure(Failure),
    /// Another thread met a signal, or a signal handler raised this here.
    Interrupted(Option<PyErr>),
}

/// The outcome of one thread.
#[derive(Default)]
struct Share {
    done: Vec<Done>,
    failure: Option<(usize, Failure)>,
    signal: Option<PyErr>,
}

/// Called between tasks, in long ones and while waiting; an error ends the call.
type Poll<'p> = dyn FnMut() -> PyResult<()> + 'p;

impl Call<'_> {
    fn run(&self, threads: usize) -> Result<Tokens, Stop> {
        thread::scope(|scope| {
            let (done, theirs) = mpsc::channel();
            let others: Vec<_> = (1..threads)
                .map_while(|_| {
                    let done = done.clone();
                    let work = move || {
                        // It is received as long as this thread lives.
                        let _ = done.send(self.work(&mut || Ok(())));
                    };
                    // Where the system gives no more threads, fewer do the work.
                    let builder = thread::Builder::new().name("fasttok".to_string());
                    builder.spawn_scoped(scope, work).ok()
                })
                .collect();
            drop(done);
            let mut looked = Instant::now();
            let mut signals = || {
                if looked.elapsed() < SIGNALS {
                    return Ok(());
                }
                let result = Python::attach(|py| py.check_signals());
                looked = Instant::now();
                result
            };
            let mut shares = vec![self.work(&mut signals)];
            // One of them may have a text for long.
            loop {
                match theirs.recv_timeout(SIGNALS) {
                    Ok(share) => shares.push(share),
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) if shares[0].signal.is_some() => {}
                    Err(RecvTimeoutError::Timeout) => {
                        shares[0].signal = signals().err();
                        if shares[0].signal.is_some() {
                            self.interrupt();
                        }
                    }
                }
            }
            for other in others {
                if let Err(panic) = other.join() {
                    std::panic::resume_unwind(panic);
                }
            }
            self.join(shares)
        })
    }

    /// Works on tasks until none is left.
    fn work(&self, poll: &mut Poll<'_>) -> Share {
        self.engine.workers.with(|worker| {
            let mut share = Share::default();
            loop {
                match self.take(&mut worker.scratch, poll) {
                    Ok(Some((number, task))) => match self.watched(number, task, worker, poll) {
                        Ok(done) => share.done.push(done),
                        Err(Ended::Interrupted(signal)) => {
                            self.interrupt();
                            share.signal = signal;
                            break;
                        }
                        Err(Ended::Failure(failure)) => {
                            // All tasks before this one are in good hands already.
                            self.stopped.store(true, Ordering::Relaxed);
                            share.failure = Some((number, failure));
                            break;
                        }
                    },
                    Ok(None) => break,
                    Err(signal) => {
                        self.interrupt();
                        share.signal = Some(signal);
                        break;
                    }
                }
            }
            share
        })
    }

    /// The next task and its number.
    fn take(&self, scratch: &mut Vec<u8>, poll: &mut Poll<'_>) -> PyResult<Option<(usize, Task)>> {
        poll()?;
        let mut next = self.lock(poll)?;
        if self.stopped.load(Ordering::Relaxed) || next.document == self.documents.len() {
            return Ok(None);
        }
        let number = next.tasks;
        next.tasks += 1;
        let first = next.document;
        let document = &self.documents[first];
        if document.len() > LONG {
            let start = next.unit;
            let end = self.part_end(document, start, scratch, poll)?;
            next.unit = end;
            if end == document.len() {
                (next.document, next.unit) = (first + 1, 0);
            }
            return Ok(Some((number, Task::Part(first, start..end))));
        }
        let mut units = 0;
        while let Some(document) = self.documents.get(next.document) {
            if units >= self.task || document.len() > LONG {
                break;
            }
            // An empty document costs something, too.
            units += document.len() + 16;
            next.document += 1;
        }
        Ok(Some((number, Task::Documents(first..next.document))))
    }

    fn lock(&self, poll: &mut Poll<'_>) -> PyResult<MutexGuard<'_, Next>> {
        loop {
            match self.next.try_lock() {
                Ok(next) => return Ok(next),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {
                    poll()?;
                    thread::sleep(Duration::from_micros(20));
                }
            }
        }
    }

    /// Where the part of `document` that begins at `start` ends: at a place where it may be cut.
    fn part_end(
        &self,
        document: &Document<'_>,
        start: usize,
        scratch: &mut Vec<u8>,
        poll: &mut Poll<'_>,
    ) -> PyResult<usize> {
        let len = document.len();
        let mut window = WINDOW;
        let mut from = start + TASK;
        while from + TASK / 2 < len && !self.stopped.load(Ordering::Relaxed) {
            poll()?;
            let begin = document.fresh(from.max(start + CONTEXT) - CONTEXT).max(start);
            let end = document.fresh((from + window).min(len));
            let errors = self.options.errors;
            let Ok(text) = document.decode(begin..end, errors, scratch) else {
                // The part fails anyway.
                return Ok(end);
            };
            let mut target = text.len() * (from - begin) / (end - begin);
            while !text.is_char_boundary(target) {
                target += 1;
            }
            match self.engine.encoding.cut(&text, target, self.options.special) {
                // Too near the end a special token could begin of which the window shows a part.
                Some(cut) if cut > 0 && (cut + CONTEXT <= text.len() || end == len) => {
                    return Ok(begin + document.units(begin, cut));
                }
                _ => {
                    from = end.saturating_sub(2 * CONTEXT).max(from + 1);
                    window = (window * 4).min(TASK);
                }
            }
        }
        Ok(len)
    }

    fn interrupt(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// [`Call::perform`], with a look at signals now and then: a task may be a text of any length that
    /// cannot be cut.
    fn watched(
        &self,
        number: usize,
        task: Task,
        worker: &mut Worker,
        poll: &mut Poll<'_>,
    ) -> Result<Done, Ended> {
        let poll = RefCell::new(poll);
        let signal = RefCell::new(None);
        let stop = || {
            if let Err(raised) = (poll.borrow_mut())() {
                *signal.borrow_mut() = Some(raised);
                return true;
            }
            self.interrupted.load(Ordering::Relaxed)
        };
        let done = interruptible(&stop, || self.perform(number, task, worker));
        done.map_err(|failure| match failure.error {
            Error::Interrupted => Ended::Interrupted(signal.take()),
            _ => Ended::Failure(failure),
        })
    }

    fn perform(&self, number: usize, task: Task, worker: &mut Worker) -> Result<Done, Failure> {
        let mut tokens = Tokens::default();
        let first_document = match task {
            Task::Documents(documents) => {
                tokens.counts.reserve_exact(documents.len());
                let first = documents.start;
                for document in documents {
                    let whole = 0..self.documents[document].len();
                    self.perform_part(document, whole, worker, &mut tokens)?;
                }
                first
            }
            Task::Part(document, part) => {
                self.perform_part(document, part, worker, &mut tokens)?;
                document
            }
        };
        Ok(Done { task: number, first_document, tokens })
    }

    fn perform_part(
        &self,
        index: usize,
        part: Range<usize>,
        worker: &mut Worker,
        tokens: &mut Tokens,
    ) -> Result<(), Failure> {
        let document = &self.documents[index];
        let Options { special, errors, .. } = self.options;
        let start = part.start;
        let Worker { counter, scratch } = worker;
        let text: Cow<'_, str> = document
            .decode(part, errors, scratch)
            .map_err(|invalid| unreadable(index, document, &invalid))?;
        let encoding = &self.engine.encoding;
        let count = match self.want {
            Want::Counts => counter
                .get_or_insert_with(|| Counter::new(Arc::clone(encoding)))
                .count(&text, special),
            Want::Ids => {
                let before = tokens.ids.len();
                encoding
                    .encode(&text, special, &mut tokens.ids)
                    .map(|()| (tokens.ids.len() - before) as u64)
            }
        };
        tokens.counts.push(count.map_err(|e| failure(index, document, start, e))?);
        Ok(())
    }

    /// The outcome of the call from those of its threads.
    fn join(&self, shares: Vec<Share>) -> Result<Tokens, Stop> {
        let mut done = Vec::new();
        let mut failures = Vec::new();
        let mut signal = None;
        for share in shares {
            done.extend(share.done);
            failures.extend(share.failure);
            signal = signal.or(share.signal);
        }
        if let Some(signal) = signal {
            return Err(Stop::Signal(signal));
        }
        if let Some((_, failure)) = failures.into_iter().min_by_key(|(task, _)| *task) {
            return Err(Stop::Failure(failure));
        }
        let mut tokens = Tokens { counts: vec![0; self.documents.len()], ids: Vec::new() };
        done.sort_unstable_by_key(|done| done.task);
        tokens.ids.reserve_exact(done.iter().map(|done| done.tokens.ids.len()).sum());
        for Done { first_document, tokens: part, .. } in done {
            for (total, count) in tokens.counts[first_document..].iter_mut().zip(part.counts) {
                *total += count;
            }
            tokens.ids.extend_from_slice(&part.ids);
        }
        Ok(tokens)
    }
}

fn unreadable(index: usize, document: &Document<'_>, invalid: &Invalid) -> Failure {
    Failure {
        document: index,
        error: Error::InvalidUtf8 { offset: invalid.0 },
        offset: document.user_offset(invalid.0),
        offsets: document.offsets(),
    }
}

/// `error` in the part of `document` that begins at `start`.
fn failure(index: usize, document: &Document<'_>, start: usize, error: Error) -> Failure {
    let bytes = match &error {
        Error::SpecialToken { offset, .. } | Error::InvalidUtf8 { offset } => *offset,
        _ => 0,
    };
    Failure {
        document: index,
        offset: document.user_offset(start + document.units(start, bytes)),
        offsets: document.offsets(),
        error,
    }
}
