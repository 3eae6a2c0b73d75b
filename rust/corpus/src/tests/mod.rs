//! End to end: files of every kind of goodness and badness, in chunks so small that every boundary is met, and what
//! comes of them with any number of threads.

mod checkpoints;
mod compression;
mod csv;
mod files;
mod groups;
mod json;
mod messages;
mod objects;
mod per_document;
mod records;
mod refusals;
mod runs;
mod samples;
mod tar;
mod text;
mod warc;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fasttok_engine::{Counter, Encoding, Special, Utf8Errors};
use fasttok_testing::Random;
use tempfile::TempDir;

use crate::run::{documents_in_chunks, run_in_chunks};
use crate::scripts::ScriptCounter;
use crate::{
    Detector, Error, Extra, Job, Key, Merge, OnError, Outcome, Progress, Reason, Tally, run,
};

const CHUNKS: [usize; 4] = [7, 64, 4096, 1 << 20];

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn with(name: &str, content: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        folder.write(name, content);
        folder
    }
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn job(&self) -> Job {
        job(&[self.0.path()])
    }
    /// The ledger as (file, line, reason), with names relative to the folder.
    fn ledger(&self, outcome: &Outcome) -> Vec<(String, Option<u64>, Reason)> {
        let relative = |file: &str| match Path::new(file).strip_prefix(self.0.path()) {
            Ok(rest) => rest.display().to_string(),
            Err(_) => file.to_owned(),
        };
        let entry = |e: &crate::Entry| (relative(&e.file), e.position.line(), e.reason);
        outcome.ledger.entries.iter().map(entry).collect()
    }
}

fn job(paths: &[&Path]) -> Job {
    // The smallest, for every worker of every run begins with a counter of its own.
    let encodings = vec![Encoding::embedded("r50k_base").unwrap()];
    let mut job = Job::new(paths.iter().map(|p| p.to_path_buf()).collect(), encodings);
    job.threads = Some(2);
    job
}

fn try_count(job: &Job, chunk: usize) -> Result<Outcome, Error> {
    run_in_chunks(job, &Progress::new(), &AtomicBool::new(false), chunk)
}

/// The outcome, which must be the same whatever the chunks and the threads, and whose rows must add up.
fn count(job: &Job) -> Outcome {
    let outcome = try_count(job, 1 << 20).unwrap();
    for (chunk, threads) in [(7, 1), (64, 3), (4096, 2)] {
        let job = Job { threads: Some(threads), ..job.clone() };
        let other = try_count(&job, chunk).unwrap();
        assert_eq!(comparable(other), comparable(outcome.clone()), "{chunk} {threads}");
    }
    let ledger = &outcome.ledger;
    assert_eq!(ledger.seen, ledger.counted + ledger.skipped);
    assert_eq!(ledger.skipped, ledger.by_reason.values().sum::<u64>());
    assert_eq!(ledger.skipped, ledger.entries.len() as u64);
    assert!(ledger.entries_complete);
    assert_eq!(ledger.counted, outcome.totals.documents);
    for chunk in CHUNKS {
        read_as_counted(job, chunk, &outcome);
    }
    outcome
}

/// Holds that whoever reads the documents sees those that were counted, in order, and misses the others for the same
/// reasons.
fn read_as_counted(job: &Job, chunk: usize, outcome: &Outcome) {
    let by_tokens = [
        Reason::SpecialToken,
        Reason::PatternLimit,
        Reason::NormalizedTooLarge,
        Reason::UnsupportedText,
        Reason::InternalError,
    ];
    if by_tokens.iter().any(|reason| outcome.ledger.by_reason.contains_key(reason))
        || job.max_record_bytes < 1 << 30
        || job.by.contains(&Key::Language)
    {
        // Tokens play no part here, long texts are held whole, and nobody labels them.
        return;
    }
    let mut read = Vec::new();
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let mut take = |batch| {
        read.extend::<Vec<crate::Document>>(batch);
        true
    };
    let job = Job { encodings: Vec::new(), ..job.clone() };
    let account = documents_in_chunks(&job, None, &progress, &cancel, &mut take, chunk).unwrap();
    let ledger = comparable(Outcome { ledger: account.ledger, ..outcome.clone() }).ledger;
    assert_eq!(ledger, comparable(outcome.clone()).ledger, "{chunk}");
    assert_eq!((account.files, read.len() as u64), (outcome.files, ledger.counted));
    assert_eq!(progress.documents(), ledger.counted);
    let bytes: usize = read.iter().map(|document| document.text.len()).sum();
    assert_eq!(bytes as u64, outcome.totals.bytes);
    let mut groups: HashMap<&[Option<String>], (u64, u64)> = HashMap::new();
    for document in &read {
        let sums = groups.entry(&document.key).or_default();
        *sums = (sums.0 + 1, sums.1 + document.text.chars().count() as u64);
    }
    for group in outcome.groups.iter() {
        let Tally { documents, chars, .. } = group.tally;
        assert_eq!(groups.get(group.key.as_slice()), Some(&(documents, chars)), "{:?}", group.key);
    }
}

/// Without what may depend on the size of chunks: how far a file was read that was given up, how much a decoder gave before
/// it met the damage, and which records were looked at for the names of fields where one that was asked for is missing.
fn comparable(mut outcome: Outcome) -> Outcome {
    outcome.reading = Duration::ZERO;
    outcome.bytes_read = 0;
    outcome.fields_met.names.clear();
    for entry in &mut outcome.ledger.entries {
        if matches!(entry.reason, Reason::Corrupt | Reason::Truncated) {
            entry.detail.clear();
        }
    }
    outcome
}

/// The sums as the definition has them: each text counted by itself.
fn tally<'t>(job: &Job, texts: impl IntoIterator<Item = &'t str>) -> Tally {
    let mut counters: Vec<_> = job.encodings.iter().cloned().map(Counter::new).collect();
    let mut sums = Tally { tokens: vec![0; counters.len()], ..Tally::default() };
    for text in texts {
        let count = |c: &mut Counter| c.count(text, job.special).unwrap();
        let mut document = Tally {
            bytes: text.len() as u64,
            chars: text.chars().count() as u64,
            scripts: ScriptCounter::new().count(text),
            tokens: counters.iter_mut().map(count).collect(),
            ..Tally::default()
        };
        document.finish_document();
        sums.merge(&document);
    }
    sums
}

/// The texts that a job counts and its outcome, which is the same in chunks of every size.
fn read_in_chunks(job: &Job) -> (Vec<String>, Outcome) {
    let outcome = count(job);
    let mut texts: Option<Vec<String>> = None;
    for chunk in [1, 2, 3, 7, 64, 1 << 20] {
        let mut read = Vec::new();
        let mut take = |batch: Vec<crate::Document>| {
            read.extend(batch.into_iter().map(|document| document.text));
            true
        };
        let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
        let account = documents_in_chunks(job, None, &progress, &cancel, &mut take, chunk).unwrap();
        assert_eq!(account.ledger.entries, outcome.ledger.entries, "{chunk}");
        assert_eq!(&read, texts.get_or_insert_with(|| read.clone()), "{chunk}");
    }
    let texts = texts.unwrap_or_default();
    assert_eq!(outcome.totals, tally(job, texts.iter().map(String::as_str)));
    (texts, outcome)
}

pub(crate) fn gz(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// As the `zstd` command writes it, with a checksum.
pub(crate) fn zst(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Text that does not compress to nothing, in lines.
fn prose(lines: usize) -> String {
    let words = ["the", "Straße", "中文字", "it's", "12345", "  ", "नमस्ते", "x = f(y);", "😀"];
    let mut random = Random::new(lines as u64);
    let mut text = String::new();
    for i in 0..lines {
        for _ in 0..random.below(12) {
            text.push_str(words[random.below(words.len())]);
            text.push(' ');
        }
        text.push_str(&format!("{i}\n"));
    }
    text
}
