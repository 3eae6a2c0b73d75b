//! The rows as they come: blocks of them in a file, each of one input and with the range that it covers.
//!
//! A block is what came of one task, so rows of two blocks interleave only around documents that several workers counted.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::position::{At, Member, Position};

/// What a row has besides its input and member.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row<'a, T> {
    pub at: At,
    #[serde(borrow)]
    pub id: Option<&'a str>,
    /// The values that the document is grouped by, as `groups` writes them.
    pub key: &'a [u8],
    pub bytes: u64,
    pub chars: u64,
    pub tokens: T,
}

/// Rows of one input, and of one member where that is an archive.
#[derive(Default)]
pub(crate) struct Block {
    of: Option<(usize, Option<Arc<Member>>)>,
    first: At,
    last: At,
    rows: u64,
    bytes: Vec<u8>,
}

/// What stands before the rows of a block.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    pub file: usize,
    pub member: Option<Arc<Member>>,
    pub first: At,
    pub last: At,
    pub rows: u64,
    /// The size of the rows.
    pub size: u64,
}

/// Where the workers of a run enter the rows of documents.
pub(crate) struct Spool {
    file: BufWriter<File>,
    path: PathBuf,
    written: u64,
    /// Nobody needs it after the run.
    is_temporary: bool,
}

/// A spool at rest, as a checkpoint keeps it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct SavedSpool {
    written: u64,
}

impl Block {
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether a document of `file` at `position` can be entered.
    pub fn takes(&self, file: usize, position: &Position) -> bool {
        self.of.as_ref().is_none_or(|(of, member)| *of == file && *member == position.member)
    }

    /// Enters a document; the block must take it.
    pub fn push(
        &mut self,
        file: usize,
        position: &Position,
        id: Option<&str>,
        key: &[u8],
        (bytes, chars, tokens): (u64, u64, &[u64]),
    ) {
        let at = position.at;
        if self.of.is_none() {
            self.of = Some((file, position.member.clone()));
            (self.first, self.last) = (at, at);
        }
        (self.first, self.last) = (self.first.min(at), self.last.max(at));
        self.rows += 1;
        let row = Row { at, id, key, bytes, chars, tokens };
        match postcard::to_extend(&row, std::mem::take(&mut self.bytes)) {
            Ok(bytes) => self.bytes = bytes,
            Err(e) => unreachable!("memory takes all of it: {e}"),
        }
    }

    fn header(&self) -> Option<Header> {
        let (file, member) = self.of.clone()?;
        let (rows, size) = (self.rows, self.bytes.len() as u64);
        Some(Header { file, member, first: self.first, last: self.last, rows, size })
    }

    /// Forgets its rows.
    pub fn clear(&mut self) {
        (self.of, self.rows) = (None, 0);
        self.bytes.clear();
    }
}

impl Spool {
    /// A file beside the `table`, for the time of the run.
    pub fn beside(table: &Path) -> Result<Spool, Error> {
        let mut name = table.as_os_str().to_owned();
        name.push(".rows");
        Spool::create(PathBuf::from(name), true)
    }

    /// The file at `path`, which stays there.
    pub fn create(path: PathBuf, is_temporary: bool) -> Result<Spool, Error> {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true).open(&path);
        let file = BufWriter::new(file.map_err(Error::io(&path))?);
        if is_temporary {
            // Where a file may lose its name while it is open, nothing can be left of it; elsewhere it is taken at the end.
            let _ = fs::remove_file(&path);
        }
        Ok(Spool { file, path, written: 0, is_temporary })
    }

    /// Goes on from `saved`: what the file got since then is taken from it.
    pub fn resume(path: PathBuf, saved: SavedSpool) -> Result<Spool, Error> {
        let SavedSpool { written } = saved;
        let open = || {
            let mut file = File::options().read(true).write(true).open(&path)?;
            if file.metadata()?.len() < written {
                return Err(io::Error::other("it is shorter than what was written to it"));
            }
            file.set_len(written)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = BufWriter::new(open().map_err(Error::io(&path))?);
        Ok(Spool { file, path, written, is_temporary: false })
    }

    /// Adds the rows of `block`.
    pub fn add(&mut self, block: &Block) -> Result<(), Error> {
        let Some(header) = block.header() else { return Ok(()) };
        let header = postcard::to_stdvec(&header)
            .map_err(|e| self.error(io::Error::other(e.to_string())))?;
        let length = header.len() as u64;
        let mut write = || {
            self.file.write_all(&length.to_le_bytes())?;
            self.file.write_all(&header)?;
            self.file.write_all(&block.bytes)
        };
        write().map_err(|e| self.error(e))?;
        self.written += size_of::<u64>() as u64 + length + block.bytes.len() as u64;
        Ok(())
    }

    /// What a checkpoint keeps of it. The file is on the disk up to here.
    pub fn save(&mut self) -> Result<SavedSpool, Error> {
        let mut sync = || {
            self.file.flush()?;
            self.file.get_ref().sync_data()
        };
        sync().map_err(|e| self.error(e))?;
        Ok(SavedSpool { written: self.written })
    }

    /// All blocks and where their rows are, in the order of the corpus.
    pub(super) fn blocks(&mut self) -> Result<Vec<(Header, u64)>, Error> {
        let mut find = || {
            self.file.flush()?;
            let mut file = BufReader::new(self.file.get_ref());
            file.seek(SeekFrom::Start(0))?;
            let (mut at, mut blocks) = (0, Vec::new());
            while at < self.written {
                let mut length = [0; 8];
                file.read_exact(&mut length)?;
                let length = u64::from_le_bytes(length);
                let mut header = Vec::new();
                Read::take(&mut file, length).read_to_end(&mut header)?;
                let header: Header = postcard::from_bytes(&header).map_err(io::Error::other)?;
                let rows = at + size_of::<u64>() as u64 + length;
                at = rows + header.size;
                file.seek_relative(header.size as i64)?;
                blocks.push((header, rows));
            }
            Ok(blocks)
        };
        let mut blocks = find().map_err(|e| self.error(e))?;
        blocks.sort_by(|(a, _), (b, _)| {
            (a.file, &a.member, a.first).cmp(&(b.file, &b.member, b.first))
        });
        Ok(blocks)
    }

    /// Appends the rows of a block to `to`.
    pub(super) fn read(&mut self, header: &Header, at: u64, to: &mut Vec<u8>) -> Result<(), Error> {
        let mut read = || {
            let mut file = self.file.get_ref();
            file.seek(SeekFrom::Start(at))?;
            let read = Read::take(file, header.size).read_to_end(to)?;
            match read as u64 == header.size {
                true => Ok(()),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        read().map_err(|e| self.error(e))
    }

    /// The error of its file. Of a file that has lost its name the table's is told, which is beside it.
    pub(super) fn error(&self, e: io::Error) -> Error {
        Error::io(&self.path)(e)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_file(&self.path);
        }
    }
}
