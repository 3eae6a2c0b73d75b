//! A run: from a [`Job`] to its [`Outcome`]. What is shared by the two ways to read, counting ([`run()`]) and handing on
//! ([`documents()`]), is here; `count` starts the workers, `schedule` says what
//! is next, `worker` does it.

mod buffers;
mod checkpoint;
mod chunk;
mod count;
mod count_queue;
mod detect_queue;
mod documents;
mod inputs;
mod members;
mod open;
mod plan;
mod sample;
mod schedule;
mod share;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fasttok_engine::Utf8Errors;
use fasttok_parallel::{Poll, available_threads};

use crate::format::{self, Formats};
use crate::groups::{GroupKeys, Groups, Key};
use crate::input_files::InputFiles;
use crate::job::{Job, Outcome, TEXT_FIELD, WarcRecords};
use crate::language::language_of_path;
use crate::ledger::Collector;
use crate::per_document::{self, Spool, Table};
use crate::reading::StreamConfig;
use crate::record::{Fields, FieldsMet};
use crate::source::{Input, InputKind, Slice};
use crate::{Error, Merge, Progress, Tally};

use checkpoint::{Checkpoint, State};
use count::Rounds;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use documents::documents_in_chunks;
pub(crate) use documents::documents_refusable;
pub use documents::{Document, DocumentsRead, documents, read_whole};
use inputs::Inputs;
use members::MemberFilter;
pub use plan::{Plan, PlannedFile, plan};
use schedule::Run;
pub(crate) use schedule::panic_message;
pub use share::SharedInputs;

/// Bytes that a worker reads at a time. Large enough that taking turns costs nothing; small enough to stay in the
/// second cache of a core from reading to counting.
pub(crate) const CHUNK: usize = 256 << 10;

/// Of a stream that is drawn from, no more chunks than this are read at a time.
const SAMPLED: usize = 4;

/// Counts what the job asks for. `progress` may be read meanwhile, and `cancel`, once set, ends the run within a few
/// milliseconds with [`Error::Interrupted`].
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fasttok_corpus::{Job, Progress, run};
/// use fasttok_engine::Encoding;
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("a.txt"), "one two")?;
/// std::fs::write(folder.path().join("b.txt"), "Grüße")?;
/// let encodings = vec![Encoding::embedded("o200k_base")?, Encoding::embedded("gpt2")?];
/// let job = Job::new(vec![folder.path().into()], encodings);
/// let outcome = run(&job, &Progress::new(), &AtomicBool::new(false))?;
/// assert_eq!((outcome.files, outcome.totals.documents), (2, 2));
/// assert_eq!(outcome.totals.tokens, [5, 6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(job: &Job, progress: &Progress, cancel: &AtomicBool) -> Result<Outcome, Error> {
    run_in_chunks(job, progress, cancel, CHUNK)
}

/// The same, which calls `poll` on this thread now and then while it reads and counts, though not before and after.
pub fn run_polled(
    job: &Job,
    progress: &Progress,
    cancel: &AtomicBool,
    poll: &mut Poll<'_>,
) -> Result<Outcome, Error> {
    run_in_chunks_polled(job, progress, cancel, CHUNK, poll)
}

pub(crate) fn run_in_chunks(
    job: &Job,
    progress: &Progress,
    cancel: &AtomicBool,
    chunk: usize,
) -> Result<Outcome, Error> {
    run_in_chunks_polled(job, progress, cancel, chunk, &mut || Ok(()))
}

fn run_in_chunks_polled(
    job: &Job,
    progress: &Progress,
    cancel: &AtomicBool,
    chunk: usize,
    poll: &mut Poll<'_>,
) -> Result<Outcome, Error> {
    check(job)?;
    let most = threads(job);
    let found = Inputs::find(job, progress, cancel)?;
    let inputs = &found.inputs;
    let fields = fields(job, &GroupKeys::new(&job.by));
    let formats = formats(job, &fields)?;
    let sample = job.sample.and_then(|fraction| {
        sample::plan(job, inputs, &formats, fraction, SAMPLED * chunk, cancel)
    });
    let mut by = job.by.clone();
    let mut chunk = chunk;
    if let Some(sample) = &sample {
        by.insert(0, Key::SampledUnit);
        progress.set_total(None);
        chunk = sample.chunk() as usize;
    }
    let groups = GroupKeys::new(&by);
    let (mut begun, mut before) = (None, Duration::ZERO);
    let table = job.per_document.as_deref();
    let (mut ledger, mut rows, rounds) = match &job.checkpoint {
        None => {
            let ledger = Collector::new(job.ledger_path.as_deref(), job.max_errors)?;
            (ledger, table.map(Spool::beside).transpose()?, None)
        }
        Some(folder) => {
            let (checkpoint, state) = Checkpoint::open(job, folder, inputs)?;
            let all = job.ledger_path.as_ref().map(|_| Checkpoint::ledger(folder));
            let kept = table.map(|_| Checkpoint::rows(folder));
            let (ledger, rows) = match state {
                None => {
                    let rows = kept.map(|path| Spool::create(path, false)).transpose()?;
                    (Collector::new(all.as_deref(), job.max_errors)?, rows)
                }
                Some(State { schedule, sums, ledger, rows, reading }) => {
                    before = reading;
                    begun = Some((schedule, sums));
                    let resume = |path| Spool::resume(path, rows.unwrap_or_default());
                    let ledger = Collector::resume(all.as_deref(), job.max_errors, ledger)?;
                    (ledger, kept.map(resume).transpose()?)
                }
            };
            let every = Duration::from_secs(job.checkpoint_seconds);
            (ledger, rows, Some(Rounds { checkpoint, every, before }))
        }
    };
    if begun.is_some() {
        progress.add_skipped(ledger.skipped());
    } else {
        found.report_bad(job, &mut ledger, progress)?;
    }

    progress.watch(fields.names());
    let workers = worth_while(inputs, most, chunk);
    let clock = Instant::now();
    let run = Run {
        inputs,
        formats,
        members: MemberFilter::new(job)?,
        fields: &fields,
        groups: &groups,
        languages: &job.languages,
        path_languages: path_languages(job, inputs),
        extra: job.extra,
        counters: &job.counters,
        bootstrap: job.bootstrap,
        lengths: &job.lengths,
        per_document: rows.is_some(),
        id: job.id_field.as_ref().map(|_| groups.fields().len()),
        // Those of all units are no more than the documents that are read.
        max_groups: if sample.is_some() { usize::MAX } else { job.max_groups },
        sample,
        config: StreamConfig {
            chunk,
            // The chunks of a sample are its units: they must not depend on who reads.
            workers: if job.sample.is_some() { 1 } else { workers },
            max_record: job.max_record_bytes,
            max_window: job.max_window_bytes,
            encodings: job.encodings.clone(),
            special: job.special,
            errors: job.errors,
            separator: job.separator.clone().unwrap_or_default(),
            warc_responses: job.warc_records == WarcRecords::Response,
            whole_words: job.extra.graphemes || job.extra.words,
            holds_records: false,
            beginning: match job.languages.detector {
                Some(_) if groups.by_language() => job.languages.detect_bytes,
                _ => 0,
            },
        },
        on_error: job.on_error,
        progress,
        cancel,
    };
    let begun = begun.unwrap_or_default();
    let mut sums = count::count(&run, workers, poll, &mut ledger, rows.as_mut(), begun, rounds)?;
    let reading = before + clock.elapsed();
    if job.share.is_none() {
        found.check_not_all_ignored(job, sums.binary, sums.packed)?;
        let members = (sums.members, sums.members_ignored);
        members::check(job, members, sums.counted, ledger.skipped())?;
        check_fields(&sums.fields, sums.counted, &fields)?;
    }
    let ignored = sums.binary + sums.packed;
    let bad = found.bad.len() as u64;

    let mut totals = Tally {
        tokens: vec![0; job.encodings.len()],
        documents_over: vec![0; job.encodings.len() * job.lengths.limits.len()],
        ..Tally::default()
    };
    for i in 0..sums.groups.len() {
        totals.merge(&sums.groups.tally(i));
    }
    // A share does not see all requests.
    let batch =
        (job.is_of_messages() && job.share.is_none()).then_some(&sums.fields.messages.batch);
    let turn_of = |id: &str| batch.and_then(|batch| batch.turn_of_answer(id));
    if job.is_of_messages() {
        sums.groups = sums.groups.with_turns(&groups, &turn_of, cancel);
    }
    let sample = run.sample.map(|sample| sample.finish(sums.units, sums.streams));
    let sorted = match by.is_empty() {
        true => Groups::default(),
        false => sums.groups.finish(&groups, cancel),
    };
    if cancel.load(Relaxed) {
        return Err(Error::Interrupted);
    }
    if let (Some(path), Some(rows)) = (table, &mut rows) {
        let named = job.encodings.iter().map(|encoding| encoding.name().to_owned());
        let labels = match job.labels.is_empty() {
            true => named.collect(),
            false => job.labels.clone(),
        };
        let table = Table {
            files: inputs.iter().map(|input| &*input.name).collect(),
            groups: &groups,
            turn_of: if job.is_of_messages() { Some(&turn_of) } else { None },
            has_id: job.id_field.is_some(),
            encodings: &labels,
            threads: most,
            cancel,
        };
        per_document::write(&table, rows, path)?;
    }
    // Of the parts of a file one tells of it.
    let slice = inputs.first().and_then(|input| input.slice.as_ref());
    let told = if slice.is_none_or(Slice::is_first) { inputs } else { &inputs[..0] };
    let input_files = match job.hash_inputs {
        true => InputFiles::hashed(told, most, cancel)?,
        false => InputFiles::of(told),
    };
    let outcome_ledger = ledger.finish(bad + sums.seen, sums.counted)?;
    if let (Some(folder), Some(path)) = (&job.checkpoint, &job.ledger_path) {
        std::fs::copy(Checkpoint::ledger(folder), path).map_err(Error::io(path))?;
    }
    Ok(Outcome {
        groups: sorted,
        totals,
        sample,
        ledger: outcome_ledger,
        files: (told.len() as u64).saturating_sub(ignored) + bad,
        files_ignored: ignored + found.passed,
        files_packed: sums.packed,
        members: sums.members - sums.members_ignored,
        members_ignored: sums.members_ignored,
        inputs_repeated: found.repeated,
        input_files,
        files_unchecked: sums.unchecked.len() as u64,
        unchecked: found.names(&sums.unchecked),
        bytes_read: progress.bytes(),
        reading,
        fields_met: sums.fields.of_run(fields.names().len()),
        lines: slice.map_or(0, |slice| slice.bytes().map_or(0, |_| slice.line_ends.load(Relaxed))),
    })
}

/// Refuses a field that no record has: it is a typing mistake, not a corpus without values. `counted`: how many documents
/// the run counted, in records or not.
fn check_fields(found: &FieldsMet, counted: u64, fields: &Fields) -> Result<(), Error> {
    let FieldsMet { records, met, names, .. } = found;
    let unknown = |field: &[String]| Error::UnknownField {
        field: field.join("."),
        fields: names.iter().cloned().collect(),
    };
    let is_met = |i: usize| met.get(i).copied().unwrap_or(false);
    for (i, field) in fields.groups.iter().enumerate() {
        if !is_met(i + 1) && (*records > 0 || counted > 0) {
            return Err(unknown(field));
        }
    }
    // Where other files gave documents, records without the text are skipped rows among them.
    let texts = fields.paths().enumerate().filter(|(i, _)| *i == 0 || *i > fields.groups.len());
    for (i, field) in texts {
        if !is_met(i) && *records > 0 && counted == 0 && !names.is_empty() {
            return Err(unknown(field));
        }
    }
    Ok(())
}

fn check(job: &Job) -> Result<(), Error> {
    let message = if job.encodings.is_empty() {
        "no encoding to count by"
    } else if job.threads == Some(0) {
        "threads must be at least 1"
    } else if job.sample.is_some_and(|fraction| !(fraction > 0.0 && fraction <= 1.0)) {
        "a sample is more than nothing and at most all"
    } else if job.sample.is_some() && job.checkpoint.is_some() {
        "a sample has no checkpoint: it is read in one go; leave out one of them"
    } else if job.sample.is_some() && job.per_document.is_some() {
        "a sample has no table of all documents; leave out one of them"
    } else {
        return Ok(());
    };
    Err(Error::InvalidJob { message: message.to_owned() })
}

/// How many workers a job may have.
fn threads(job: &Job) -> usize {
    match job.threads {
        Some(threads) => threads,
        None => available_threads(),
    }
}

/// The label that the path of each input gives; empty where nobody asks for it.
fn path_languages(job: &Job, inputs: &[Input]) -> Vec<Option<Box<str>>> {
    if !job.languages.from_path || !job.by.contains(&Key::Language) {
        return Vec::new();
    }
    inputs.iter().map(|input| language_of_path(&input.name).map(String::into)).collect()
}

/// The fields of a record that the job asks for. After those that are keys come the id and then the label.
fn fields(job: &Job, groups: &GroupKeys) -> Fields {
    let mut texts = job.text_field.as_deref().unwrap_or(TEXT_FIELD).split(',').map(Fields::path);
    let (text, more) = (texts.next().unwrap_or_default(), texts.collect());
    let mut groups = groups.fields();
    groups.extend(job.id_field.as_deref().map(Fields::path));
    groups.extend(job.languages.field.as_deref().map(Fields::path));
    Fields { text, groups, answer: None, more }
}

/// What the job says of formats.
fn formats<'j>(job: &Job, fields: &'j Fields) -> Result<Formats<'j>, Error> {
    let named = |name: &str| {
        format::by_name(name).ok_or_else(|| Error::InvalidJob { message: name.to_owned() })
    };
    let refuse = |message: &str| Err(Error::InvalidJob { message: message.to_owned() });
    let plain = match (job.lines, job.paragraphs, job.separator.as_deref()) {
        (false, false, None) => "text",
        (true, false, None) => "lines",
        (false, true, None) => "paragraphs",
        (false, false, Some("")) => return refuse("the separator is empty"),
        (false, false, Some(_)) => "separated",
        _ => return refuse("of lines, paragraphs and separator there can only be one"),
    };
    if job.separator.is_none() && job.format.as_deref() == Some("separated") {
        return refuse("format \"separated\" needs a separator");
    }
    let plain = named(plain)?;
    if job.text_field.is_some() && job.is_of_messages() {
        return refuse("of messages all texts are counted: leave out the text field");
    }
    Ok(Formats {
        forced: match job.format.as_deref() {
            None => None,
            Some("text") => Some(plain),
            Some(name) => Some(named(name)?),
        },
        plain,
        fields,
        asks_fields: job.text_field.is_some() || !fields.groups.is_empty(),
        decompress: job.decompress,
        asks_members: job.member.is_some(),
        is_strict: job.errors == Utf8Errors::Strict,
    })
}

/// How many workers have something to do: a small job should not wait for threads.
fn worth_while(inputs: &[Input], most: usize, chunk: usize) -> usize {
    let chunk = (chunk as u64).max(1);
    let mut chunks = 0;
    for input in inputs {
        chunks += match (input.kind, input.size) {
            (InputKind::File, Some(size)) if input.compression_suffix().is_none() => {
                1 + size / chunk
            }
            (InputKind::File, Some(size)) => 1 + size * 8 / chunk,
            _ => most as u64,
        };
        if chunks >= most as u64 {
            return most;
        }
    }
    chunks.max(1) as usize
}
