//! Doors for fuzzing to what is private: see the crate `fasttok-fuzz`.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fasttok_engine::{Encoding, Utf8Errors};

use crate::{Job, Key, Ledger, Outcome, Progress};

/// The text of the JSON string `raw`, given without its quotes; nothing where it holds a lone surrogate.
pub fn unescape(raw: &str) -> Option<String> {
    let mut buffer = Vec::new();
    let text = crate::format::unescape::unescape(raw, &mut buffer, Utf8Errors::Strict);
    text.ok().map(str::to_owned)
}

/// What a run over the one file `path` gives that may not depend on how it was done: the outcome but for what was read and
/// how long it took, or the error.
pub fn count(path: &Path, chunk: usize, threads: usize) -> Result<Outcome, String> {
    let encoding = Encoding::embedded("r50k_base").map_err(|e| e.to_string())?;
    let mut job = Job::new(vec![path.to_owned()], vec![encoding]);
    job.threads = Some(threads);
    job.by = vec![Key::File];
    let counted = crate::run::run_in_chunks(&job, &Progress::new(), &AtomicBool::new(false), chunk);
    let mut outcome = counted.map_err(|e| e.to_string())?;
    let Ledger { seen, counted, skipped, .. } = outcome.ledger;
    assert_eq!(seen, counted + skipped, "rows are lost");
    // How far a reader went beyond damage is its own affair.
    outcome.bytes_read = 0;
    outcome.reading = Duration::ZERO;
    Ok(outcome)
}
