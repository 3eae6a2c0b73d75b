//! Doors for fuzzing to what is private: see the crate `fasttok-fuzz`.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fasttok_engine::{Encoding, Utf8Errors};

use crate::run::documents_in_chunks;
use crate::{Document, Job, Key, Ledger, Outcome, Progress};

/// The text of the JSON string `quoted`; nothing where it is none, or holds a lone surrogate.
pub fn json_string(quoted: &str) -> Option<String> {
    let mut buffer = Vec::new();
    let text = crate::format::json_string::text(quoted, &mut buffer, Utf8Errors::Strict);
    text.ok().map(str::to_owned)
}

/// What lies between the documents of a file of the format `separated`.
pub const SEPARATOR: &str = "<|endoftext|>";

/// What a run over the one file `path`, of `format` whatever its name is, gives that may not depend on how it was done: the
/// outcome but for what was read and how long it took, or the error.
pub fn count(
    path: &Path,
    format: Option<&str>,
    chunk: usize,
    threads: usize,
) -> Result<Outcome, String> {
    let mut job = job(path, format);
    job.encodings = vec![Encoding::embedded("r50k_base").map_err(|e| e.to_string())?];
    job.threads = Some(threads);
    job.by = vec![Key::File];
    let counted = crate::run::run_in_chunks(&job, &Progress::new(), &AtomicBool::new(false), chunk);
    let mut outcome = counted.map_err(|e| e.to_string())?;
    let Ledger { seen, counted, skipped, .. } = outcome.ledger;
    assert_eq!(seen, counted + skipped, "rows are lost");
    // How far a reader went beyond damage is its own affair.
    outcome.bytes_read = 0;
    outcome.reading = Duration::ZERO;
    // A help in the error of a run in shares, and no result.
    outcome.fields_met.names.clear();
    Ok(outcome)
}

/// The account of the rows of the same file, and the bytes of its documents, as they are handed on.
pub fn read(path: &Path, format: Option<&str>, chunk: usize) -> Result<(Ledger, u64), String> {
    let mut bytes = 0;
    let mut take = |batch: Vec<Document>| {
        bytes += batch.iter().map(|document| document.text.len() as u64).sum::<u64>();
        true
    };
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let job = job(path, format);
    let read = documents_in_chunks(&job, None, &progress, &cancel, &mut take, chunk);
    let ledger = read.map_err(|e| e.to_string())?.ledger;
    Ok((ledger, bytes))
}

fn job(path: &Path, format: Option<&str>) -> Job {
    let mut job = Job::new(vec![path.to_owned()], Vec::new());
    job.format = format.map(str::to_owned);
    job.separator = (format == Some("separated")).then(|| SEPARATOR.to_owned());
    job
}
