//! Bytes of a file at the places that a container names. Knows no format.
//!
//! What a file claims of itself may be wrong: no more is asked for than the file has, so that nothing is made room for
//! that cannot come.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Progress;
use crate::reading::{Opening, Reading, Step, StreamConfig};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{InputKind, Places, Slice, unread};

/// As much of a column is read at a time, where it is in an object.
const OBJECT_WINDOW: u64 = 8 << 20;

/// A file, or an object, that is read at any place, and how much of it was read by this reader.
pub(super) struct FileAt {
    places: Places,
    read: AtomicU64,
    /// So much of it the progress was told of.
    told: AtomicU64,
}

impl FileAt {
    /// The file of `opening`, which is to be of the format `name`. What is packed or comes through a pipe has no places.
    pub fn open(opening: &Opening, name: &str) -> Result<FileAt, SkipReason> {
        let refused = |what: &str, remedy: &str| {
            let detail = format!(
                "{name} is read at several places of the file, and {what} cannot be; {remedy}"
            );
            Err(SkipReason::new(Reason::UnsupportedFormat, detail))
        };
        if let Some(packed) = opening.input.packed {
            return refused(
                &format!("what is packed by {packed}"),
                "unpack it once and name what comes out (it is compressed inside already)",
            );
        }
        if opening.source.kind != InputKind::File {
            return refused("a pipe", "write it to a file and name that");
        }
        Ok(FileAt::of(Places::open(opening.source)?))
    }

    fn of(places: Places) -> FileAt {
        FileAt { places, read: AtomicU64::new(0), told: AtomicU64::new(0) }
    }

    /// The same file for another reader.
    pub fn share(&self) -> Arc<FileAt> {
        Arc::new(FileAt::of(self.places.clone()))
    }

    /// Its size.
    pub fn len(&self) -> u64 {
        self.places.len()
    }

    /// How many bytes are best read at once, where `on_disk` are of a file: asking for a range of an object takes long.
    pub fn window(&self, on_disk: u64) -> u64 {
        if self.places.is_remote() { OBJECT_WINDOW } else { on_disk }
    }

    /// The `len` bytes at `offset`.
    pub fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let bytes = self.places.read_at(offset, len)?;
        self.read.fetch_add(len as u64, Relaxed);
        Ok(bytes)
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Tells `progress` of what was read since the last time.
    pub fn tell(&self, progress: &Progress) {
        let read = self.read();
        progress.add_bytes(read - self.told.swap(read, Relaxed));
    }
}

/// Hands out the parts of a file, each of which is read by itself.
pub(super) struct Parts<'e> {
    input: usize,
    parts: Vec<Box<dyn Reading<'e> + 'e>>,
    /// Bytes read to find them.
    read: u64,
}

impl<'e> Parts<'e> {
    /// The parts of the file of `opening`, which were found in `file`; of a slice, those that are in it.
    pub fn new(
        opening: &Opening<'e>,
        file: &FileAt,
        parts: impl Iterator<Item = Box<dyn Reading<'e> + 'e>>,
    ) -> Parts<'e> {
        file.tell(opening.progress);
        let read = opening.input.read.load(Relaxed) + file.read();
        let slice = opening.source.slice.as_ref();
        if !slice.is_none_or(Slice::is_first) {
            // One run over the whole file would have read that once.
            opening.progress.take_back_bytes(read);
        }
        let wanted = slice.map_or(0..usize::MAX, Slice::parts);
        let parts = parts.skip(wanted.start).take(wanted.len());
        Parts { input: opening.file, parts: parts.collect(), read }
    }
}

impl<'e> Reading<'e> for Parts<'e> {
    fn file(&self) -> usize {
        self.input
    }

    fn bytes_read(&self) -> u64 {
        self.read
    }

    fn step(&mut self, _: &mut Vec<u8>, _: &StreamConfig) -> Step<'e> {
        Step { more: std::mem::take(&mut self.parts), end: true, ..Step::default() }
    }
}

/// What `decode` gives, or `why` not. A panic of a decoder is damage that it did not foresee.
pub(super) fn catching<T, E>(
    decode: impl FnOnce() -> Result<T, E>,
    why: impl FnOnce(E) -> Failure,
) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(why),
        Err(_) => Err((Reason::Corrupt, "the data make no sense to the decoder".to_owned())),
    }
}

/// Why something cannot be read, and in words.
pub(super) type Failure = (Reason, String);

/// [`Failure`] of an error of reading.
pub(super) fn why(e: io::Error) -> Failure {
    match unread(&e) {
        Some(SkipReason { reason, detail, .. }) => (reason, detail),
        None => (reason_of(&e), e.to_string()),
    }
}

/// What went wrong while reading or decoding: the machine, or the data.
fn reason_of(e: &io::Error) -> Reason {
    match (e.raw_os_error(), e.kind()) {
        (Some(_), _) => Reason::Unreadable,
        (None, ErrorKind::UnexpectedEof) => Reason::Truncated,
        _ => Reason::Corrupt,
    }
}
