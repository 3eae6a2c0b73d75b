//! A part of a file that a run reads, where several runs share the file. Knows no format.

use std::fs::Metadata;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use super::Input;
use crate::skip_reason::{Reason, SkipReason};

/// A part of a file. The parts of a file have no record in common, and no record is in none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Slice {
    /// The format of the file: its first bytes, which tell it, are not in all parts.
    pub format: usize,
    pub extent: Extent,
    /// How many lines of it were read to their ends.
    #[serde(skip)]
    pub line_ends: Arc<AtomicU64>,
}

/// What of the file a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Extent {
    /// These bytes: from the beginning of a line to that of another, or to the end.
    Lines(Range<u64>),
    /// These of the parts that the file has by itself, such as row groups.
    Parts(Range<usize>),
}

impl Slice {
    pub fn new(format: usize, extent: Extent) -> Slice {
        Slice { format, extent, line_ends: Arc::default() }
    }

    /// Whether it is the one that the file begins with, which tells of the file itself.
    pub fn is_first(&self) -> bool {
        match &self.extent {
            Extent::Lines(bytes) => bytes.start == 0,
            Extent::Parts(parts) => parts.start == 0,
        }
    }

    /// The bytes that it is, where they are lines.
    pub fn bytes(&self) -> Option<Range<u64>> {
        match &self.extent {
            Extent::Lines(bytes) => Some(bytes.clone()),
            Extent::Parts(_) => None,
        }
    }

    /// Which of the parts of the file are in it.
    pub fn parts(&self) -> Range<usize> {
        match &self.extent {
            Extent::Lines(_) => 0..usize::MAX,
            Extent::Parts(parts) => parts.clone(),
        }
    }

    /// An error if `input`, whose slice it is, is not what it was when it was divided.
    pub fn check_unchanged(input: &Input, now: &Metadata) -> Result<(), SkipReason> {
        if input.size == Some(now.len()) && input.modified == now.modified().ok() {
            return Ok(());
        }
        let detail = "the file was changed after it was divided among the tasks of this run";
        Err(SkipReason::new(Reason::Changed, detail))
    }

    /// What `inner`, which is at `from` in the file, has of it up to its end.
    pub fn reader<R: Read>(&self, inner: R, from: u64) -> SliceReader<R> {
        self.line_ends.store(0, Relaxed);
        let end = self.bytes().map_or(u64::MAX, |bytes| bytes.end);
        let left = end.saturating_sub(from);
        SliceReader { inner, left, line_ends: self.line_ends.clone() }
    }
}

/// Reads up to the end of a slice, and counts the ends of lines.
pub(crate) struct SliceReader<R> {
    inner: R,
    left: u64,
    line_ends: Arc<AtomicU64>,
}

impl<R: Read> Read for SliceReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let n = self.inner.read(&mut buf[..most])?;
        self.left -= n as u64;
        let ends = memchr::memchr_iter(b'\n', &buf[..n]).count();
        self.line_ends.fetch_add(ends as u64, Relaxed);
        Ok(n)
    }
}
