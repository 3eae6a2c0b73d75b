//! Logs of agents to sums: where tokens went, by who sent them, and what was recorded of it.
//!
//! A format is a parser, which makes events of records and says what counts once. While the texts of a batch of lines are
//! counted, by all threads, the next batch is read. Knows no prices and no report.

mod atif;
mod claude_code;
mod codex;
mod event;
mod flows;
mod json;
mod otel;
mod parser;
mod reading;
mod times;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};

use fasttok_engine::Utf8Errors;
use fasttok_parallel::{Abort, Cancelled, Options, Output, SharedCounter};

use crate::entry::Entry;
use crate::format::JsonTree;
use crate::job::{Job, LanguageLabels};
use crate::run::{Document, DocumentsRead, documents_refusable, panic_message};
use crate::{Error, Progress};

pub use event::RecordedUsage;
pub use flows::{LoggedRequest, TextFlow, UsageKey};

use event::{Name, Text};
use flows::Flows;
use json::Said;
use parser::Parser;
use reading::{Line, Reading};

/// What is wanted of logs.
#[derive(Default)]
pub struct LogJob {
    /// The keys of groups.
    pub by: Vec<UsageKey>,
    /// Encodings, by number, and tokens: what is sent by requests that send more of them is summed by itself too.
    pub limits: Vec<(usize, u64)>,
    /// The format of all files, by its name; by default each file's is recognised.
    pub format: Option<String>,
    /// What says which languages texts are in, where that is asked for.
    pub languages: Option<LanguageLabels>,
}

/// What there was in the logs of one format.
#[derive(Debug, Clone)]
pub struct LogsMet {
    /// What the format is called.
    pub format: &'static str,
    /// What it is.
    pub title: &'static str,
    /// How usage is kept from being counted twice.
    pub rule: &'static str,
    /// Files of it.
    pub files: u64,
    /// How many records there were of each kind.
    pub records: BTreeMap<String, u64>,
    /// Records that said again what another had said.
    pub repeated_records: u64,
    /// What is listed and not counted, by kind.
    pub not_counted: BTreeMap<String, u64>,
}

/// What logs come to.
#[derive(Debug)]
pub struct LogUsage {
    /// The account of files and rows.
    pub read: DocumentsRead,
    /// UTF-8 bytes of the lines, with their ends.
    pub bytes: u64,
    /// By format.
    pub logs: Vec<LogsMet>,
    /// All requests, in the order in which they were met.
    pub requests: Vec<LoggedRequest>,
    /// The texts, by group, role and part.
    pub flows: Vec<TextFlow>,
}

/// One a format. Whose turn it is to recognise a record first is the order.
fn parsers() -> Vec<Box<dyn Parser>> {
    vec![
        Box::<codex::Codex>::default(),
        Box::<claude_code::ClaudeCode>::default(),
        Box::<atif::Atif>::default(),
        Box::<otel::OpenTelemetry>::default(),
    ]
}

/// The names of the formats.
pub fn log_formats() -> Vec<&'static str> {
    parsers().iter().map(|parser| parser.name()).collect()
}

/// Reads the logs that `job` names, and counts their texts with its encodings.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fasttok_corpus::{Job, LogJob, Progress, log_usage};
/// use fasttok_engine::Encoding;
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("session.jsonl");
/// std::fs::write(&file, r#"{"type": "user", "uuid": "1", "message": {"content": "one two"}}
/// {"type": "assistant", "uuid": "2", "message": {"content": "three", "usage": {"output_tokens": 7}}}
/// "#)?;
/// let mut job = Job::new(vec![file], vec![Encoding::embedded("o200k_base")?]);
/// job.format = Some("lines".to_owned());
/// let usage = log_usage(&job, &LogJob::default(), &Progress::new(), &AtomicBool::new(false))?;
/// let [request] = &usage.requests[..] else { panic!() };
/// assert_eq!((request.sent.as_deref(), &request.answer[..]), (Some(&[2][..]), &[1][..]));
/// assert_eq!(request.usage.unwrap().output, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn log_usage(
    job: &Job,
    asked: &LogJob,
    progress: &Progress,
    cancel: &AtomicBool,
) -> Result<LogUsage, Error> {
    let counter = |encoding: &Arc<_>| Arc::new(SharedCounter::new(Arc::clone(encoding)));
    let counters = match job.counters.as_slice() {
        [] => job.encodings.iter().map(counter).collect(),
        counters => counters.to_vec(),
    };
    let mut tally = Tally {
        job,
        asked,
        cancel,
        reading: Reading::new(parsers(), asked.format.as_deref()),
        flows: Flows::new(&asked.by, counters.len(), &asked.limits),
        counters,
        // How many there were when texts were counted last, by parser.
        loose: vec![0; parsers().len()],
    };
    let read = std::thread::scope(|scope| {
        let (give, taken) = sync_channel::<Vec<Line>>(0);
        let (tell, told) = sync_channel(1);
        let tally = &mut tally;
        let counting = scope.spawn(move || {
            // Nobody asks for what comes after an error.
            taken.into_iter().all(|batch| tell.send(tally.batch(batch)).is_ok())
        });
        // While one batch is counted, the next is read.
        let (mut is_counting, mut scratch) = (false, Vec::new());
        let read = documents_refusable(job, progress, cancel, &mut |batch: Vec<Document>| {
            let mut refused = Vec::new();
            let is_last = batch.is_empty();
            let batch = lines(batch, &mut scratch);
            if std::mem::replace(&mut is_counting, true) {
                refused.extend(answer(&told)?);
            }
            let _ = give.send(batch);
            if is_last {
                refused.extend(answer(&told)?);
            }
            Ok(refused)
        });
        drop((give, told));
        match counting.join() {
            Ok(_) => read,
            Err(panic) => Err(Error::Panic { message: panic_message(&*panic) }),
        }
    })?;
    let Tally { mut reading, mut flows, .. } = tally;
    let texts = flows.end(&reading.agents());
    let logs = reading.met().into_iter().map(|([format, title, rule], met)| LogsMet {
        format,
        title,
        rule,
        files: met.files,
        records: met.records,
        repeated_records: met.repeated,
        not_counted: met.media,
    });
    let (bytes, logs) = (reading.bytes, logs.collect());
    Ok(LogUsage { read, bytes, logs, requests: flows.requests, flows: texts })
}

/// What became of a batch.
fn answer(told: &Receiver<Result<Vec<Entry>, Error>>) -> Result<Vec<Entry>, Error> {
    // Who does not answer panicked, which is told when it is waited for.
    told.recv().unwrap_or(Err(Error::Interrupted))
}

/// Documents as JSON.
fn lines(batch: Vec<Document>, scratch: &mut Vec<u8>) -> Vec<Line> {
    let mut known = Name::default();
    let line = |Document { text, file, position, .. }: Document| {
        if *known != *file {
            known = file.into();
        }
        let read = JsonTree::parse_with(text, scratch).map(Arc::new);
        Line { file: known.clone(), position, read }
    };
    batch.into_iter().map(line).collect()
}

struct Tally<'t> {
    job: &'t Job,
    asked: &'t LogJob,
    cancel: &'t AtomicBool,
    counters: Vec<Arc<SharedCounter>>,
    reading: Reading,
    flows: Flows,
    loose: Vec<usize>,
}

impl Tally<'_> {
    /// Counts a batch; an empty one is the last. Gives the rows that are not counted after all.
    fn batch(&mut self, batch: Vec<Line>) -> Result<Vec<Entry>, Error> {
        let is_last = batch.is_empty();
        batch.into_iter().for_each(|line| self.reading.line(line));
        if is_last {
            self.reading.end_of_file();
        }
        self.count()?;
        if is_last {
            let parsers = self.reading.parsers.iter_mut();
            let last: Vec<_> = parsers.flat_map(|parser| parser.end()).collect();
            last.into_iter().for_each(|event| self.flows.add(event));
        }
        Ok(std::mem::take(&mut self.reading.refused))
    }

    /// Counts the texts of events and takes the events.
    fn count(&mut self) -> Result<(), Error> {
        let mut events = std::mem::take(&mut self.reading.events);
        let of_events =
            events.iter_mut().flat_map(|event| event.texts.iter_mut().chain(&mut event.answer));
        let mut waiting: Vec<&mut Text> = of_events.filter(|text| text.said.is_some()).collect();
        for (parser, counted) in self.reading.parsers.iter_mut().zip(&mut self.loose) {
            let loose = parser.loose();
            let from = std::mem::replace(counted, loose.len());
            waiting.extend(&mut loose[from..]);
        }
        let said = waiting.iter_mut().filter_map(|text| text.said.take());
        let said: Vec<Said> = said.map(Said::cuttable).collect();
        let options = Options {
            errors: Utf8Errors::Replace,
            threads: NonZeroUsize::new(self.job.threads.unwrap_or(0)),
            ..Options::default()
        };
        let mut counts = Vec::new();
        for counter in &self.counters {
            let is_cancelled = || if self.cancel.load(Relaxed) { Err(Cancelled) } else { Ok(()) };
            let counted = counter.run(&said, &options, Output::Counts, &mut { is_cancelled });
            counts.push(counted.map_err(|abort| match abort {
                Abort::Failure(failure) => Error::Engine(failure.error),
                Abort::Cancelled => Error::Interrupted,
            })?);
        }
        let languages = self.asked.languages.as_ref().map(|labels| languages(labels, &said));
        let mut languages = languages.transpose()?.map(Vec::into_iter);
        for (i, text) in waiting.into_iter().enumerate() {
            text.counts = counts.iter().map(|tokens| tokens.counts[i]).collect();
            text.kind.language = languages.as_mut().and_then(Iterator::next).map(Name::from);
        }
        events.into_iter().for_each(|event| self.flows.add(event));
        Ok(())
    }
}

/// The languages of texts, by the beginning of each.
fn languages(labels: &LanguageLabels, texts: &[Said]) -> Result<Vec<String>, Error> {
    let mut buffer = Vec::new();
    let mut beginning = |text: &Said| labels.beginning(text.read(&mut buffer)).to_owned();
    let beginnings: Vec<String> = texts.iter().map(&mut beginning).collect();
    labels.of_texts(&beginnings.iter().map(String::as_str).collect::<Vec<_>>())
}
