//! How far a run is: numbers that workers raise and the caller polls whenever it likes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use Ordering::{Acquire, Relaxed, Release};

const UNKNOWN: u64 = u64::MAX;

/// After so many records it is worth saying that none of them has a field.
const MANY_RECORDS: u64 = 100_000;

/// The state of a run, readable at any time from another thread.
#[derive(Debug)]
pub struct Progress {
    bytes: AtomicU64,
    total: AtomicU64,
    documents: AtomicU64,
    skipped: AtomicU64,
    /// Names of the fields that are asked for; the first 64 of them are watched.
    fields: OnceLock<Vec<String>>,
    /// Records with fields that were read, and a bit for each field that one of them had.
    records: AtomicU64,
    met: AtomicU64,
    /// What is set once so many documents are counted: a run that is broken off where a test says, whatever the clock says.
    #[cfg(test)]
    pub(crate) end: Option<(u64, std::sync::Arc<std::sync::atomic::AtomicBool>)>,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Progress {
    /// Nothing done, the total not known yet.
    pub fn new() -> Progress {
        Progress {
            bytes: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            documents: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            fields: OnceLock::new(),
            records: AtomicU64::new(0),
            met: AtomicU64::new(0),
            #[cfg(test)]
            end: None,
        }
    }

    /// Bytes read from files as they are stored, so before decompression.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// The size of all files as they are stored; `None` while unknown, and where a pipe is among them.
    pub fn total_bytes(&self) -> Option<u64> {
        Some(self.total.load(Relaxed)).filter(|&t| t != UNKNOWN)
    }

    /// Documents counted.
    pub fn documents(&self) -> u64 {
        self.documents.load(Relaxed)
    }

    /// Rows that could not be counted.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Relaxed)
    }

    /// A field that was asked for and that none of the records so far has, and how many these are, once they are many.
    /// It may come yet: only the end of the run is an answer.
    pub fn unmet_field(&self) -> Option<(&str, u64)> {
        let records = self.records.load(Acquire);
        let met = self.met.load(Relaxed);
        if records < MANY_RECORDS {
            return None;
        }
        let watched = self.fields.get()?.iter().take(u64::BITS as usize).enumerate();
        let mut unmet = watched.filter(|(i, _)| met & (1 << i) == 0);
        unmet.next().map(|(_, name)| (name.as_str(), records))
    }

    pub(crate) fn watch(&self, fields: Vec<String>) {
        // A second run would be another one's progress.
        let _ = self.fields.set(fields);
    }

    /// Tells of `records` more, and which of the fields any of those so far had.
    pub(crate) fn add_records(&self, records: u64, met: &[bool]) {
        let bits = met.iter().take(u64::BITS as usize).enumerate();
        let bits = bits.fold(0, |bits, (i, &met)| bits | u64::from(met) << i);
        self.met.fetch_or(bits, Relaxed);
        // Whoever sees the records sees what they had.
        self.records.fetch_add(records, Release);
    }

    pub(crate) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Takes back bytes that will be read again.
    pub(crate) fn take_back_bytes(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    pub(crate) fn add_documents(&self, documents: u64) {
        self.documents.fetch_add(documents, Relaxed);
        #[cfg(test)]
        if let Some((enough, cancel)) = &self.end
            && self.documents() >= *enough
        {
            cancel.store(true, Relaxed);
        }
    }

    pub(crate) fn add_skipped(&self, rows: u64) {
        self.skipped.fetch_add(rows, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_many_records_lack_is_told() {
        let progress = Progress::new();
        progress.watch(vec!["text".into(), "lang".into()]);
        progress.add_records(MANY_RECORDS - 1, &[true, false]);
        assert_eq!(progress.unmet_field(), None);
        progress.add_records(1, &[true, false]);
        assert_eq!(progress.unmet_field(), Some(("lang", MANY_RECORDS)));
        progress.add_records(1, &[false, true]);
        assert_eq!(progress.unmet_field(), None);
    }
}
