//! How far a run is: numbers that workers raise and the caller polls whenever it likes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const UNKNOWN: u64 = u64::MAX;

/// The state of a run, readable at any time from another thread.
#[derive(Debug)]
pub struct Progress {
    bytes: AtomicU64,
    total: AtomicU64,
    documents: AtomicU64,
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

    pub(crate) fn set_total(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn add_documents(&self, documents: u64) {
        self.documents.fetch_add(documents, Relaxed);
    }
}
