//! Files to tallies: reads corpora of any size in bounded memory and counts their tokens on all cores.
//!
//! A [`Job`] says what to read and how; [`run()`] gives the [`Outcome`]: sums by group and a ledger in which every row
//! that was not counted is listed with its reason, so that `seen = counted + skipped` always holds.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use fasttok_corpus::{Job, Key, Progress, run};
//! use fasttok_engine::Encoding;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("texts.jsonl");
//! std::fs::write(&file, r#"{"text": "one two", "lang": "en"}
//! {"text": "Grüße", "lang": "de"}
//! {"no text": 1}
//! "#)?;
//!
//! let mut job = Job::new(vec![file], vec![Encoding::embedded("o200k_base")?]);
//! job.by = vec![Key::parse("lang")];
//! let outcome = run(&job, &Progress::new(), &AtomicBool::new(false))?;
//! assert_eq!(outcome.totals.tokens, [5]);
//! assert_eq!((outcome.ledger.seen, outcome.ledger.counted, outcome.ledger.skipped), (3, 2, 1));
//! let groups: Vec<_> = outcome.groups.iter().map(|group| (group.key, group.tally.tokens)).collect();
//! assert_eq!(groups[0], (vec![Some("de".to_owned())], vec![3]));
//! assert_eq!(outcome.ledger.entries[0].position.line(), Some(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows files, formats and threads. It must not know how a text becomes tokens (that is
//! `fasttok-engine`), nor who asks: no Python, no report, no progress bar.

#![forbid(unsafe_code)]

mod agent_logs;
mod bootstrap;
mod detect;
mod entry;
mod error;
mod format;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod groups;
mod input_files;
mod job;
mod language;
mod ledger;
mod long_document;
mod messages_met;
mod per_document;
mod position;
mod progress;
mod reading;
mod recognise;
mod record;
mod run;
mod sampling;
mod scripts;
mod single_token_words;
mod skip_reason;
mod source;
mod statistics;
#[cfg(test)]
mod tests;
mod words;

pub use agent_logs::{
    LogJob, LogUsage, LoggedRequest, LogsMet, RecordedUsage, TextFlow, UsageKey, log_formats,
    log_usage,
};
pub use bootstrap::{BootstrapUnits, UNITS};
pub use detect::detector;
pub use entry::Entry;
pub use error::Error;
pub use format::{
    MESSAGE_RECORDS, MessageText, MessageTexts, format_names, message_role, message_texts,
    message_texts_of,
};
pub use groups::{Group, GroupSums, Groups, Key};
pub use input_files::{INPUT_FILES_LISTED, InputFile, InputFiles};
pub use job::{
    CHECKPOINT_SECONDS, Job, LanguageLabels, MAX_GROUPS, MAX_RECORD_BYTES, MAX_WINDOW_BYTES,
    OnError, Outcome, ReadOption, Share, TEXT_FIELD, WarcRecords,
};
pub use language::{
    Detector, LanguageParts, UNDETERMINED, is_everyday_word, language_parts, normalize_language,
};
pub use ledger::{LEDGER_ENTRIES_KEPT, Ledger};
pub use messages_met::{BatchJoin, BatchMet, MessagesMet};
pub use position::{At, Member, Position};
pub use progress::Progress;
pub use record::FieldsMet;
pub use run::{
    Document, DocumentsRead, Plan, PlannedFile, SharedInputs, documents, plan, read_whole, run,
    run_polled,
};
pub use sampling::{CERTAIN, SampleDrawn};
pub use scripts::{SCRIPTS_UNICODE_VERSION, Scripts, scripts_of};
pub use single_token_words::{SingleTokenWords, single_token_words};
pub use skip_reason::{REMEDIES as SKIP_REMEDIES, Reason};
pub use source::{
    Answer, ObjectInfo, Pending, Store, StoreError, compressed_suffixes, file_types, is_url,
    packed_with, path_name, redact,
};
pub use statistics::{
    Extra, Histogram, Histograms, LENGTHS_EXACT, LENGTHS_PARTS, Lengths, Merge, Tally,
    segmentation_unicode_version,
};
pub use words::spaced_words;
