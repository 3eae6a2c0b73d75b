//! Bytes of a file at the places that a container names. Knows no format.
//!
//! What a file claims of itself may be wrong: no more is asked for than the file has, so that nothing is made room for
//! that cannot come.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::reading::Opening;
use crate::skip_reason::{Reason, SkipReason};
use crate::source::InputKind;

/// A file that is read at any place, by several readers at once.
pub(super) struct FileAt {
    file: File,
    len: u64,
    /// Bytes read and not told of yet.
    read: AtomicU64,
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
        let unreadable = |e: io::Error| SkipReason::new(Reason::Unreadable, e.to_string());
        let file = File::open(&opening.source.path).map_err(unreadable)?;
        let len = file.metadata().map_err(unreadable)?.len();
        Ok(FileAt { file, len, read: AtomicU64::new(0) })
    }

    /// Its size.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The `len` bytes at `offset`.
    pub fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("{len} bytes at byte {offset} are beyond the end of the file"),
            ));
        }
        let mut bytes = vec![0; len];
        let mut at = 0;
        while at < len {
            match self.some_at(offset + at as u64, &mut bytes[at..]) {
                Ok(0) => {
                    return Err(io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the file shrank while it was read",
                    ));
                }
                Ok(n) => at += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.read.fetch_add(len as u64, Relaxed);
        Ok(bytes)
    }

    #[cfg(unix)]
    fn some_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, bytes, offset)
    }

    #[cfg(windows)]
    fn some_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset)
    }

    /// How many bytes were read since the last time.
    pub fn take_read(&self) -> u64 {
        self.read.swap(0, Relaxed)
    }
}

/// What went wrong while reading or decoding: the machine, or the data.
pub(super) fn reason_of(e: &io::Error) -> Reason {
    match (e.raw_os_error(), e.kind()) {
        (Some(_), _) => Reason::Unreadable,
        (None, ErrorKind::UnexpectedEof) => Reason::Truncated,
        _ => Reason::Corrupt,
    }
}
