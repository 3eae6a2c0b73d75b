//! Texts to counts or ids, on all cores.
//!
//! The work is cut into tasks of about [`TASK`] units, however long the texts are: short ones are handed out
//! together, a long one is cut into parts by whoever meets it, and the parts are counted by whoever is free. Results do
//! not depend on the number of threads, and of several failures the first in the order of the text is told: what comes
//! before it was begun before it, and is done to its end.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use fasttok_engine::{Counter, Encoding, Error, Special, Utf8Errors, is_interrupted};

use crate::pool::{Control, Poll, Pool, Source, Tasks, available_threads};
use crate::split::Splitter;
use crate::text::{Invalid, StoredText};
use crate::workers::{Worker, Workers};

/// Units of text in a task: so few that all threads end together, so many that handing them out costs nothing.
const TASK: usize = 1 << 18;
/// A text longer than this is cut into parts.
const LONG: usize = 2 * TASK;
/// With less text than this, a thread costs more than it saves.
const WORTH_A_THREAD: usize = 1 << 16;

/// How texts are read and counted.
///
/// ```
/// use std::num::NonZeroUsize;
/// use fasttok_engine::{Encoding, Special, Utf8Errors};
/// use fasttok_parallel::{Options, SharedCounter};
///
/// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
/// let options = Options {
///     special: Special::Token,
///     errors: Utf8Errors::Replace,
///     threads: NonZeroUsize::new(1),
/// };
/// assert_eq!(counter.count(&b"<|endoftext|>".to_vec(), &options)?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What special tokens in a text are.
    pub special: Special,
    /// What to do with what is not UTF-8.
    pub errors: Utf8Errors,
    /// The most threads to use; by default as many as the process may run at once. Results do not depend on it.
    pub threads: Option<NonZeroUsize>,
}

/// What is wanted of each text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The number of its tokens.
    Counts,
    /// The number of its tokens, and their ids.
    Ids,
}

/// What became of texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens of each text.
    pub counts: Vec<u64>,
    /// The ids of all texts, one after the other, if wanted.
    pub ids: Vec<u32>,
}

/// A text that cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its index in the batch.
    pub text: usize,
    /// Where in the text, in [units](StoredText).
    pub unit: usize,
    /// What is wrong. Offsets in it are meaningless; `unit` is right.
    pub error: Error,
}

/// Why a call gave nothing.
///
/// ```
/// use fasttok_engine::{Encoding, Error};
/// use fasttok_parallel::{Abort, Options, SharedCounter};
///
/// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
/// let texts: [&[u8]; 2] = [b"good", b"bad: \xFF"];
/// let Err(Abort::Failure(failure)) = counter.count_batch(&texts, &Options::default()) else { panic!() };
/// assert_eq!((failure.text, failure.unit), (1, 5));
/// assert!(matches!(failure.error, Error::InvalidUtf8 { .. }));
/// # Ok::<(), fasttok_engine::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abort {
    /// The first text that cannot be counted.
    Failure(Failure),
    /// [`Poll`] ended it.
    Cancelled,
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Abort::Failure(Failure { text, unit, error }) => {
                write!(f, "text {text}, at {unit}: {error}")
            }
            Abort::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Abort {}

/// An encoding and what it counts with, to be shared by any number of threads and calls.
///
/// ```
/// use fasttok_engine::Encoding;
/// use fasttok_parallel::{Options, SharedCounter};
///
/// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
/// let texts = ["Grüße", "中文", ""];
/// assert_eq!(counter.count_batch(&texts, &Options::default())?, [3, 1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SharedCounter {
    encoding: Arc<Encoding>,
    workers: Workers,
}

impl SharedCounter {
    /// A counter for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> SharedCounter {
        SharedCounter { encoding, workers: Workers::new() }
    }

    /// The encoding.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::SharedCounter;
    /// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
    /// assert_eq!(counter.encoding().n_vocab(), 200_019);
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// A counter of the encoding, for who counts by several of them at once: one that was given back, whose caches know
    /// what it counted, or a new one.
    pub fn take(&self) -> Counter {
        self.workers.take().unwrap_or_else(|| Counter::new(Arc::clone(&self.encoding)))
    }

    /// Keeps a counter for the next who asks. One that panicked must not be given back.
    pub fn give_back(&self, counter: Counter) {
        self.workers.give_back(counter);
    }

    /// Whether [`SharedCounter::count`] counts `text` by several threads.
    ///
    /// ```
    /// use fasttok_parallel::SharedCounter;
    ///
    /// assert!(!SharedCounter::is_long(&"one two"));
    /// assert!(SharedCounter::is_long(&"one two ".repeat(1_000_000)));
    /// ```
    pub fn is_long(text: &impl StoredText) -> bool {
        text.units() > LONG
    }

    /// The number of tokens of one text, which is cut and counted by all cores if it is long.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Options, SharedCounter};
    /// let counter = SharedCounter::new(Encoding::embedded("cl100k_base")?);
    /// let text = "one two\n".repeat(1_000_000);
    /// assert_eq!(counter.count(&text, &Options::default())?, 3_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(&self, text: &impl StoredText, options: &Options) -> Result<u64, Abort> {
        self.count_polled(text, options, &mut || Ok(()))
    }

    /// [`SharedCounter::count`], which calls `poll` if the text is long.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Abort, Cancelled, Options, SharedCounter};
    /// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
    /// let text = "one two ".repeat(10_000_000);
    /// let stopped = counter.count_polled(&text, &Options::default(), &mut || Err(Cancelled));
    /// assert_eq!(stopped, Err(Abort::Cancelled));
    /// # Ok::<(), fasttok_engine::Error>(())
    /// ```
    pub fn count_polled(
        &self,
        text: &impl StoredText,
        options: &Options,
        poll: &mut Poll<'_>,
    ) -> Result<u64, Abort> {
        if SharedCounter::is_long(text) {
            let tokens = self.run(std::slice::from_ref(text), options, Output::Counts, poll)?;
            return Ok(tokens.counts[0]);
        }
        // Most texts are short: the shortest way.
        let mut worker = self.workers.lend();
        let (counter, scratch) = worker.parts(&self.encoding);
        let decoded = text
            .decode(0..text.units(), options.errors, scratch)
            .map_err(|invalid| Abort::Failure(unreadable(0, invalid)))?;
        counter
            .count(&decoded, options.special)
            .map_err(|error| Abort::Failure(uncountable(0, text, 0, error)))
    }

    /// The ids of one text, which is cut and encoded by all cores if it is long; then `poll` is called.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Options, SharedCounter};
    /// let counter = SharedCounter::new(Encoding::embedded("r50k_base")?);
    /// let ids = counter.encode_polled(&"Hello world", &Options::default(), &mut || Ok(()))?;
    /// assert_eq!(ids, [15496, 995]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_polled(
        &self,
        text: &impl StoredText,
        options: &Options,
        poll: &mut Poll<'_>,
    ) -> Result<Vec<u32>, Abort> {
        if SharedCounter::is_long(text) {
            return Ok(self.run(std::slice::from_ref(text), options, Output::Ids, poll)?.ids);
        }
        let mut worker = self.workers.lend();
        let (encoder, scratch) = worker.encoder(&self.encoding);
        let decoded = text
            .decode(0..text.units(), options.errors, scratch)
            .map_err(|invalid| Abort::Failure(unreadable(0, invalid)))?;
        let mut ids = Vec::new();
        encoder
            .encode(&decoded, options.special, &mut ids)
            .map_err(|error| Abort::Failure(uncountable(0, text, 0, error)))?;
        Ok(ids)
    }

    /// The number of tokens of each text.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Options, SharedCounter};
    /// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
    /// assert_eq!(counter.count_batch(&["one two", "", "中文"], &Options::default())?, [2, 0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count_batch<T: StoredText>(
        &self,
        texts: &[T],
        options: &Options,
    ) -> Result<Vec<u64>, Abort> {
        Ok(self.run(texts, options, Output::Counts, &mut || Ok(()))?.counts)
    }

    /// The ids of all texts, one after the other, and how many each of them has.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Options, SharedCounter};
    /// let counter = SharedCounter::new(Encoding::embedded("r50k_base")?);
    /// let tokens = counter.encode_batch(&["Hello world", "Hello"], &Options::default())?;
    /// assert_eq!(tokens.counts, [2, 1]);
    /// assert_eq!(tokens.ids, [15496, 995, 15496]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_batch<T: StoredText>(
        &self,
        texts: &[T],
        options: &Options,
    ) -> Result<Tokens, Abort> {
        self.run(texts, options, Output::Ids, &mut || Ok(()))
    }

    /// Counts or encodes `texts`, by several threads where that pays, and calls `poll` on this one about every 40 ms,
    /// inside a long text too.
    ///
    /// ```
    /// # use fasttok_engine::Encoding;
    /// # use fasttok_parallel::{Cancelled, Options, Output, SharedCounter};
    /// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    ///
    /// // A signal handler would set it; the call then gives `Abort::Cancelled`.
    /// static STOP: AtomicBool = AtomicBool::new(false);
    ///
    /// let counter = SharedCounter::new(Encoding::embedded("o200k_base")?);
    /// let mut poll = || if STOP.load(Relaxed) { Err(Cancelled) } else { Ok(()) };
    /// let tokens = counter.run(&["one two"], &Options::default(), Output::Counts, &mut poll)?;
    /// assert_eq!(tokens.counts, [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run<T: StoredText>(
        &self,
        texts: &[T],
        options: &Options,
        output: Output,
        poll: &mut Poll<'_>,
    ) -> Result<Tokens, Abort> {
        let units: usize = texts.iter().map(T::units).sum();
        let worth = units / WORTH_A_THREAD;
        let threads = match (worth, options.threads) {
            (0 | 1, _) => 1,
            // Asking the system takes longer than counting a short text.
            (_, None) => worth.min(available_threads()),
            // A worker beyond those that are kept would be made and filled anew in each call.
            (_, Some(threads)) => worth.min(threads.get()).min(self.workers.most()),
        };
        let task = (units / (threads * 8)).clamp(TASK / 8, TASK);
        let (cancel, stop) = (AtomicBool::new(false), AtomicBool::new(false));
        let control = Control { cancel: &cancel, stop: &stop };
        let queue = Queue { texts, task, next: 0, parts: VecDeque::new() };
        let batch = Batch {
            counter: self,
            texts,
            options: *options,
            output,
            control,
            pool: Pool::new(queue, control),
            failure: Mutex::default(),
        };
        let results = batch.pool.run(threads, poll, |tasks| batch.work(tasks));
        batch.join(results)
    }
}

/// The texts of a call that no worker has yet.
struct Queue<'a, T> {
    texts: &'a [T],
    /// Units in a task of whole texts.
    task: usize,
    next: usize,
    /// Parts of long texts.
    parts: VecDeque<Part>,
}

struct Part {
    text: usize,
    units: Range<usize>,
}

enum Task {
    /// Whole texts.
    Texts(Range<usize>),
    /// A long text: it is cut into parts.
    Long(usize),
    Part(Part),
}

impl<T: StoredText> Source for Queue<'_, T> {
    type Task = Task;

    fn next(&mut self, stopped: bool) -> Option<Task> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Task::Part(part));
        }
        if stopped || self.next == self.texts.len() {
            return None;
        }
        let first = self.next;
        let mut units = 0;
        while let Some(text) = self.texts.get(self.next) {
            let len = text.units();
            if units >= self.task || len > LONG {
                break;
            }
            // An empty text costs something, too.
            units += len + 16;
            self.next += 1;
        }
        if self.next > first {
            return Some(Task::Texts(first..self.next));
        }
        self.next += 1;
        Some(Task::Long(first))
    }
}

/// Where in a batch something is: the text, and the unit in it.
type Position = (usize, usize);

/// The outcome of one task.
struct TaskResult {
    position: Position,
    tokens: Tokens,
}

/// One call of [`SharedCounter::run`].
struct Batch<'a, T> {
    counter: &'a SharedCounter,
    texts: &'a [T],
    options: Options,
    output: Output,
    control: Control<'a>,
    pool: Pool<'a, Queue<'a, T>>,
    /// The first of those so far, by the position of the part that it is in.
    failure: Mutex<Option<(Position, Failure)>>,
}

impl<'a, T: StoredText> Batch<'a, T> {
    /// Works on tasks until none is left.
    fn work(&self, tasks: &mut Tasks<'_, 'a, '_, '_, Queue<'a, T>>) -> Vec<TaskResult> {
        let mut results = Vec::new();
        let mut worker = self.counter.workers.lend();
        while tasks.perform(|task| match task {
            Task::Texts(texts) => {
                let position = (texts.start, 0);
                let tokens = match self.output {
                    Output::Counts => self.count_together(texts, &mut worker),
                    Output::Ids => self.encode_each(texts, &mut worker),
                };
                results.extend(tokens.map(|tokens| TaskResult { position, tokens }));
            }
            Task::Long(text) => self.split(text, &mut worker),
            Task::Part(part) => {
                let position = (part.text, part.units.start);
                let mut tokens = Tokens::default();
                if !self.is_over_at(position)
                    && self.count(part, &mut worker, &mut tokens).is_some()
                {
                    results.push(TaskResult { position, tokens });
                }
            }
        }) {}
        results
    }

    /// Hands out the parts of a long text.
    fn split(&self, text: usize, worker: &mut Worker) {
        let Options { special, errors, .. } = self.options;
        let encodings = std::slice::from_ref(&self.counter.encoding);
        let splitter = Splitter { encodings, special, whole_words: false };
        let stored = &self.texts[text];
        let mut start = 0;
        while start < stored.units() && !is_interrupted() && !self.is_over_at((text, start)) {
            let end = splitter.part_end(stored, start, TASK, errors, &mut worker.scratch);
            self.pool.change(|queue| queue.parts.push_back(Part { text, units: start..end }));
            start = end;
        }
    }

    /// Counts whole texts; `None` where that failed.
    fn count_together(&self, texts: Range<usize>, worker: &mut Worker) -> Option<Tokens> {
        let Options { special, errors, .. } = self.options;
        let (counter, scratch) = worker.parts(&self.counter.encoding);
        let mut batch = counter.batch();
        for text in texts {
            let stored = &self.texts[text];
            let added = match stored.decode(0..stored.units(), errors, scratch) {
                Ok(decoded) => batch
                    .add(&decoded, special)
                    .map_err(|error| uncountable(text, stored, 0, error)),
                Err(invalid) => Err(unreadable(text, invalid)),
            };
            if let Err(failure) = added {
                self.fail((text, 0), failure);
                return None;
            }
        }
        Some(Tokens { counts: batch.finish().to_vec(), ids: Vec::new() })
    }

    /// Encodes whole texts; `None` where that failed.
    fn encode_each(&self, texts: Range<usize>, worker: &mut Worker) -> Option<Tokens> {
        let mut tokens = Tokens::default();
        tokens.counts.reserve_exact(texts.len());
        // Hardly any text has more.
        tokens.ids.reserve(self.texts[texts.clone()].iter().map(T::units).sum::<usize>() / 3);
        for text in texts {
            let units = 0..self.texts[text].units();
            self.count(Part { text, units }, worker, &mut tokens)?;
        }
        Some(tokens)
    }

    /// Counts or encodes one part, or a whole text; `None` where that failed.
    fn count(&self, part: Part, worker: &mut Worker, tokens: &mut Tokens) -> Option<()> {
        let position = (part.text, part.units.start);
        match self.try_count(part, worker, tokens) {
            Ok(count) => {
                tokens.counts.push(count);
                Some(())
            }
            Err(failure) => {
                self.fail(position, failure);
                None
            }
        }
    }

    fn try_count(
        &self,
        Part { text, units }: Part,
        worker: &mut Worker,
        tokens: &mut Tokens,
    ) -> Result<u64, Failure> {
        let stored = &self.texts[text];
        let Options { special, errors, .. } = self.options;
        let encoding = &self.counter.encoding;
        let start = units.start;
        match self.output {
            Output::Counts => {
                let (counter, scratch) = worker.parts(encoding);
                let decoded = stored.decode(units, errors, scratch);
                counter.count(&decoded.map_err(|invalid| unreadable(text, invalid))?, special)
            }
            Output::Ids => {
                let (encoder, scratch) = worker.encoder(encoding);
                let decoded = stored.decode(units, errors, scratch);
                let decoded = decoded.map_err(|invalid| unreadable(text, invalid))?;
                let before = tokens.ids.len();
                let encoded = encoder.encode(&decoded, special, &mut tokens.ids);
                encoded.map(|()| (tokens.ids.len() - before) as u64)
            }
        }
        .map_err(|error| uncountable(text, stored, start, error))
    }

    /// Takes down a failure, unless it is that the call was told to end.
    fn fail(&self, position: Position, failure: Failure) {
        if failure.error == Error::Interrupted {
            return;
        }
        let mut first = self.first_failure();
        if first.as_ref().is_none_or(|(failed, _)| position < *failed) {
            *first = Some((position, failure));
        }
        self.control.stop.store(true, Relaxed);
    }

    /// Whether something before `position` failed, so that nobody asks for what is there.
    fn is_over_at(&self, position: Position) -> bool {
        self.control.stop.load(Relaxed)
            && self.first_failure().as_ref().is_some_and(|(failed, _)| *failed < position)
    }

    fn first_failure(&self) -> MutexGuard<'_, Option<(Position, Failure)>> {
        self.failure.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The outcome of the call from those of its workers.
    fn join(self, results: Vec<Vec<TaskResult>>) -> Result<Tokens, Abort> {
        if self.control.cancel.load(Relaxed) {
            return Err(Abort::Cancelled);
        }
        if let Some((_, failure)) = self.first_failure().take() {
            return Err(Abort::Failure(failure));
        }
        let mut results: Vec<TaskResult> = results.into_iter().flatten().collect();
        results.sort_unstable_by_key(|result| result.position);
        let mut tokens = Tokens { counts: vec![0; self.texts.len()], ids: Vec::new() };
        let ids: usize = results.iter().map(|result| result.tokens.ids.len()).sum();
        for TaskResult { position: (first, _), tokens: part } in results {
            for (total, count) in tokens.counts[first..].iter_mut().zip(part.counts) {
                *total += count;
            }
            if tokens.ids.is_empty() {
                tokens.ids = part.ids;
                tokens.ids.reserve_exact(ids - tokens.ids.len());
            } else {
                tokens.ids.extend_from_slice(&part.ids);
            }
        }
        Ok(tokens)
    }
}

fn unreadable(text: usize, Invalid(unit): Invalid) -> Failure {
    Failure { text, unit, error: Error::InvalidUtf8 { offset: unit } }
}

/// `error` in the part of a text that begins at `start`.
fn uncountable(text: usize, stored: &impl StoredText, start: usize, error: Error) -> Failure {
    let bytes = error.offset().unwrap_or(0);
    Failure { text, unit: start + stored.units_of(start, bytes), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_engine::Counter;
    use fasttok_testing::Random;

    fn counter() -> SharedCounter {
        SharedCounter::new(Encoding::embedded("cl100k_base").unwrap())
    }

    fn with_threads(threads: usize) -> Options {
        Options { threads: NonZeroUsize::new(threads), ..Options::default() }
    }

    /// Texts of all lengths: empty, short, and long ones that can be cut and that cannot.
    fn texts() -> Vec<String> {
        let mut random = Random::new(1);
        let mut texts: Vec<String> =
            (0..3000).map(|_| "some words 中文\n".repeat(random.below(12))).collect();
        texts.insert(17, "a long one\n".repeat(3 * LONG / 10));
        texts.insert(2000, "x".repeat(LONG + 1));
        texts.push("and one at the end ".repeat(LONG / 10));
        texts
    }

    #[test]
    fn results_do_not_depend_on_the_number_of_threads() {
        let (counter, texts) = (counter(), texts());
        let mut ids = Vec::new();
        let mut counts = Vec::new();
        for text in &texts {
            let before = ids.len();
            counter.encoding().encode(text, Special::Text, &mut ids).unwrap();
            counts.push((ids.len() - before) as u64);
        }
        for threads in [1, 2, 3, 8] {
            let options = with_threads(threads);
            assert_eq!(counter.count_batch(&texts, &options).unwrap(), counts);
            let tokens = counter.encode_batch(&texts, &options).unwrap();
            assert!(tokens.ids == ids && tokens.counts == counts);
        }
        for at in [17, 18, 2000] {
            assert_eq!(counter.count(&texts[at], &Options::default()), Ok(counts[at]));
        }
        assert_eq!(counter.count_batch::<&str>(&[], &Options::default()), Ok(vec![]));
    }

    /// What panics while a long text is cut costs no count: [`Splitter`] goes on after it.
    #[test]
    fn a_panic_between_parts_changes_no_count() {
        let counter = counter();
        let around = "one two ".repeat(LONG / 4);
        let text = [&*around, crate::split::PANIC, &around].concat();
        let expected = Counter::new(counter.encoding().clone()).count(&text, Special::Text);
        for threads in [1, 3] {
            let count = counter.count(&text, &with_threads(threads)).unwrap();
            assert_eq!(Ok(count), expected);
        }
    }

    #[test]
    fn the_first_failure_in_the_order_of_the_text_is_told() {
        let counter = counter();
        let mut texts: Vec<Vec<u8>> = texts().into_iter().map(String::into_bytes).collect();
        let last = texts.len() - 1;
        for (text, unit) in [(last, 4), (2500, 3), (17, 3 * LONG - 5), (17, LONG), (3, 0)] {
            if texts[text].is_empty() {
                texts[text] = b"some text".to_vec();
            }
            texts[text][unit] = 0xFF;
            for threads in [1, 2, 3] {
                let failed = counter.count_batch(&texts, &with_threads(threads));
                let error = Error::InvalidUtf8 { offset: unit };
                assert_eq!(failed, Err(Abort::Failure(Failure { text, unit, error })));
            }
        }
        let options = Options { special: Special::Error, ..Options::default() };
        let special = "ab<|endoftext|>";
        let failed = counter.count_batch(&["", special], &options);
        let Err(Abort::Failure(Failure { text: 1, unit: 2, error })) = failed else {
            panic!("{failed:?}")
        };
        assert!(matches!(error, Error::SpecialToken { .. }));
        assert!(counter.count(&special, &options).is_err());
    }

    #[test]
    fn a_poll_ends_a_call_in_the_middle_of_a_text() {
        let counter = counter();
        // One piece that cannot be cut.
        let text = "qzjxkvwpyfhbgmucdl".repeat(4_000_000);
        for threads in [1, 2] {
            let mut poll = || Err(crate::Cancelled);
            let aborted = counter.run(&[&text], &with_threads(threads), Output::Counts, &mut poll);
            assert_eq!(aborted, Err(Abort::Cancelled));
        }
        assert_eq!(counter.count(&"one two", &Options::default()), Ok(2));
    }
}
