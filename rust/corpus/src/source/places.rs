//! The bytes of an input at any place of it, whether it is a file or an object. Knows nothing of what is in it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::{Input, Object, open_error};
use crate::skip_reason::SkipReason;

/// An input whose bytes can be read in any order; see [`super::Opened::is_seekable`].
#[derive(Clone)]
pub(crate) struct Places {
    bytes: Bytes,
    len: u64,
}

#[derive(Clone)]
enum Bytes {
    File(Arc<File>),
    Object(Arc<Object>),
    /// Those of a small object.
    Held(Arc<Vec<u8>>),
}

impl Places {
    /// Those of `input`, as it is stored.
    pub fn open(input: &Input) -> Result<Places, SkipReason> {
        if let Some(object) = &input.object {
            let bytes = object.held().map_or_else(|| Bytes::Object(object.clone()), Bytes::Held);
            return Ok(Places { bytes, len: object.info.size });
        }
        let file = File::open(&input.path).and_then(Places::of_file);
        file.map_err(|e| open_error(&e))
    }

    /// Those of a file that is open.
    pub fn of_file(file: File) -> io::Result<Places> {
        let len = file.metadata()?.len();
        Ok(Places { bytes: Bytes::File(Arc::new(file)), len })
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether each reading is a question to a store, which takes long.
    pub fn is_remote(&self) -> bool {
        matches!(self.bytes, Bytes::Object(_))
    }

    /// The `len` bytes at `offset`. For whoever holds a thread that can be interrupted.
    pub fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len) {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("{len} bytes at byte {offset} are beyond the end of the file"),
            ));
        }
        let file = match &self.bytes {
            Bytes::Object(object) => return object.read_at(offset, len),
            Bytes::Held(bytes) => return Ok(bytes[offset as usize..][..len].to_vec()),
            Bytes::File(file) => file,
        };
        let mut bytes = vec![0; len];
        let mut at = 0;
        while at < len {
            match some_at(file, offset + at as u64, &mut bytes[at..]) {
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
        Ok(bytes)
    }
}

#[cfg(unix)]
fn some_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
fn some_at(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}
