//! Values that are too long to be held: a large page is read as a stream, and in what is made of it a mark stands for each of
//! them, which is told from any value by where it is in memory. Later the value is read as a stream too.

use std::io::{self, BufReader, Read, copy, sink};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use fasttok_engine::is_interrupted;
use parquet::basic::Compression;
use parquet::data_type::ByteArray;

use super::super::cell::CellBytes;
use super::super::file::{Failure, FileAt, why};
use super::blocks::{Blocks, Kind};

/// As much is read at a time.
const WINDOW: u64 = 256 << 10;

/// What stands for a value that is left where it is.
const MARK: [u8; 1] = [0];

/// A large page, as it is in the file.
#[derive(Clone)]
pub(super) struct LargePage {
    pub file: Arc<FileAt>,
    /// Where its values begin, with the levels where these are packed too, and how many bytes of the file they are.
    pub start: u64,
    pub len: u64,
    pub compression: Compression,
    /// What that unpacks to.
    pub size: u64,
}

impl LargePage {
    /// Whether pages of this kind can be read as streams.
    pub fn can_be_streamed(compression: Compression) -> bool {
        use Compression::{BROTLI, GZIP, LZ4_RAW, SNAPPY, UNCOMPRESSED, ZSTD};
        matches!(compression, UNCOMPRESSED | SNAPPY | GZIP(_) | BROTLI(_) | ZSTD(_) | LZ4_RAW)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let LargePage { file, start, len, .. } = self.clone();
        let window = file.window(WINDOW);
        let packed = InFile { file, at: start, end: start + len };
        let packed = BufReader::with_capacity(window as usize, packed);
        let unpacked: Box<dyn Read + Send> = match self.compression {
            Compression::UNCOMPRESSED => Box::new(packed),
            Compression::GZIP(_) => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Compression::BROTLI(_) => Box::new(brotli::Decompressor::new(packed, 4096)),
            Compression::ZSTD(_) => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
            Compression::SNAPPY => Box::new(Blocks::new(packed, Kind::Snappy, self.size)?),
            Compression::LZ4_RAW => Box::new(Blocks::new(packed, Kind::Lz4, self.size)?),
            other => return Err(io::Error::other(format!("nothing here unpacks {other}"))),
        };
        Ok(Box::new(Interruptible(unpacked)))
    }

    /// Its bytes, with marks for values longer than `held`, and where these are. Before the values are
    /// levels, of which `levels` says from the first bytes how long they are. There are at most `values` values.
    pub fn read(
        &self,
        levels: &dyn Fn(&mut dyn Read) -> io::Result<Vec<u8>>,
        values: usize,
        held: u64,
    ) -> io::Result<Marked> {
        let mut reader = self.open()?;
        let mut bytes = levels(&mut reader)?;
        let mut at = bytes.len() as u64;
        let mut places = Vec::new();
        for _ in 0..values {
            if self.size.saturating_sub(at) < 4 {
                break;
            }
            let mut len = [0; 4];
            reader.read_exact(&mut len)?;
            at += 4;
            let n = u64::from(u32::from_le_bytes(len));
            if n > self.size - at {
                return Err(damaged("a value is longer than its page"));
            }
            if n > held {
                places.push(Place { mark: bytes.len() + 4, offset: at, len: n });
                bytes.extend_from_slice(&(MARK.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&MARK);
                pass(&mut reader, n)?;
            } else {
                bytes.extend_from_slice(&len);
                if (&mut reader).take(n).read_to_end(&mut bytes)? as u64 != n {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            at += n;
        }
        at += copy(&mut reader.take(self.size.saturating_sub(at) + 1), &mut sink())?;
        if at != self.size {
            return Err(damaged(&format!(
                "a page unpacks to {at} bytes, and not to {}",
                self.size
            )));
        }
        Ok(Marked {
            bytes: bytes.into(),
            page: self.clone(),
            places,
            reader: LastReader::default(),
        })
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn pass(reader: &mut dyn Read, n: u64) -> io::Result<()> {
    match copy(&mut reader.take(n), &mut sink())? == n {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads until the run is over: it takes a while to read a page of a gigabyte.
struct Interruptible(Box<dyn Read + Send>);

impl Read for Interruptible {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match is_interrupted() {
            true => Err(io::Error::other("interrupted")),
            false => self.0.read(buf),
        }
    }
}

/// The bytes between two places of a file.
struct InFile {
    file: Arc<FileAt>,
    at: u64,
    end: u64,
}

impl Read for InFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.end - self.at).min(buf.len() as u64) as usize;
        let bytes = self.file.read_at(self.at, n)?;
        buf[..n].copy_from_slice(&bytes);
        self.at += n as u64;
        Ok(n)
    }
}

/// Where a value is: its mark in the bytes that were made, and itself in what the page unpacks to.
struct Place {
    mark: usize,
    offset: u64,
    len: u64,
}

/// What was made of a large page.
pub(super) struct Marked {
    /// Kept as long as marks in it may be met, so that no other value is where they are.
    pub bytes: Bytes,
    page: LargePage,
    places: Vec<Place>,
    reader: LastReader,
}

/// What read the long value of a page that came last, and how far it is in what the page unpacks to: the next one is after it.
type LastReader = Arc<Mutex<Option<(u64, Box<dyn Read + Send>)>>>;

impl Marked {
    /// The same in `all`, where it comes after so many other bytes.
    pub fn after(self, before: usize, all: &Bytes) -> Marked {
        let mut marked = Marked { bytes: all.clone(), ..self };
        marked.places.iter_mut().for_each(|place| place.mark += before);
        marked
    }
}

/// The long values of a column whose marks may be met: those of its dictionary and of the pages that came last.
#[derive(Clone, Default)]
pub(super) struct LongValues(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    dictionary: Option<Marked>,
    /// What is read at once is of two pages at most.
    pages: [Option<Marked>; 2],
}

impl LongValues {
    pub fn set_dictionary(&self, marked: Marked) {
        self.known().dictionary = Some(marked);
    }

    pub fn add_page(&self, marked: Marked) {
        let mut known = self.known();
        known.pages.swap(0, 1);
        known.pages[0] = Some(marked);
    }

    /// The value that `bytes` is the mark of, if it is one.
    pub fn of(&self, bytes: &ByteArray) -> Option<LongValue> {
        if bytes.len() != MARK.len() {
            return None;
        }
        let known = self.known();
        let at = bytes.data().as_ptr() as usize;
        known.dictionary.iter().chain(known.pages.iter().flatten()).find_map(|marked| {
            let mark = at.checked_sub(marked.bytes.as_ptr() as usize)?;
            let place = marked.places.iter().find(|place| place.mark == mark)?;
            let Place { offset, len, .. } = *place;
            // What is read of the file once more counts once.
            let page = LargePage { file: marked.page.file.share(), ..marked.page.clone() };
            let last = marked.reader.clone();
            Some(LongValue { page, offset, left: len, reader: None, last })
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        let known = self.known();
        known.dictionary.is_none() && known.pages.iter().all(Option::is_none)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// A value that is too long to be held, and how far it is read.
pub(super) struct LongValue {
    page: LargePage,
    offset: u64,
    left: u64,
    reader: Option<Box<dyn Read + Send>>,
    last: LastReader,
}

impl LongValue {
    fn read(&mut self, most: usize) -> io::Result<Bytes> {
        if self.left == 0 {
            return Ok(Bytes::new());
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => {
                let last = self.last.lock().unwrap_or_else(|e| e.into_inner()).take();
                let (at, mut reader) = match last.filter(|(at, _)| *at <= self.offset) {
                    Some(last) => last,
                    None => (0, self.page.open()?),
                };
                pass(&mut reader, self.offset - at)?;
                reader
            }
        };
        let n = self.left.min(most as u64);
        let mut bytes = Vec::with_capacity(n as usize);
        if (&mut reader).take(n).read_to_end(&mut bytes)? as u64 != n {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += n;
        self.left -= n;
        match self.left {
            // The next value of the page begins here, after its length.
            0 => {
                *self.last.lock().unwrap_or_else(|e| e.into_inner()) = Some((self.offset, reader));
            }
            _ => self.reader = Some(reader),
        }
        Ok(bytes.into())
    }
}

impl CellBytes for LongValue {
    fn next(&mut self, most: usize) -> Result<Bytes, Failure> {
        self.read(most).map_err(why)
    }

    fn left(&self) -> Option<u64> {
        Some(self.left)
    }
}
