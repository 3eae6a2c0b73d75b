//! Opening an input: where its bytes come from, and what is between them and the text.
//!
//! Compression is told by the suffix and by the first bytes. A text that is UTF-8 cannot begin like a compressed
//! file, so the first bytes alone suffice; where the suffix promises compression, its absence is damage, unless the
//! first bytes are those of another format that is known.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use fasttok_engine::Utf8Errors;
use fasttok_parallel::Control;

use super::magic::{self, HEAD, Known};
use super::object::ObjectReader;
use super::packing::{Fault, packing};
use super::wide::Utf16;
use super::{Input, InputKind, Slice};
use crate::Progress;
use crate::skip_reason::{Reason, SkipReason};

/// A detached reader of a pipe reads this much at a time.
const PIPE_READ: usize = 256 << 10;

/// The byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// An open input.
pub(crate) struct Opened<'e> {
    pub reader: Peeked<Box<dyn Read + Send + 'e>>,
    /// The number of bytes that `reader` must give, where that is known.
    pub expected: Option<u64>,
    /// How many bytes of the file there are as it is stored, where that is known.
    pub stored: Option<u64>,
    /// Whether `reader` gives the bytes of the file as it is stored.
    pub is_file: bool,
    /// How many bytes of the file were read so far, as it is stored.
    pub read: Arc<AtomicU64>,
    /// Whether what `reader` gives was UTF-16.
    pub is_utf16: bool,
    /// How the file is packed, if it is.
    pub packed: Option<&'static str>,
    /// Set while reading, where the data have no checksum by which damage would be seen.
    pub unchecked: Arc<AtomicBool>,
}

impl<'e> Opened<'e> {
    /// Reads UTF-16 that a byte order mark says as UTF-8.
    pub fn decode_utf16(&mut self, errors: Utf8Errors) {
        let is_big = match magic::wide_encoding(self.reader.head()) {
            Some(("UTF-16LE", true)) => false,
            Some(("UTF-16BE", true)) => true,
            _ => return,
        };
        let nothing: Box<dyn Read + Send + 'e> = Box::new(io::empty());
        let inner = std::mem::replace(&mut self.reader, Peeked::new(nothing));
        let decoded: Box<dyn Read + Send + 'e> = Box::new(Utf16::new(inner, is_big, errors));
        self.reader = Peeked::new(decoded);
        self.reader.peek(HEAD);
        self.is_utf16 = true;
        // Nobody knows how many bytes of UTF-8 there will be.
        (self.expected, self.is_file) = (None, false);
    }
}

/// Opens `input` for reading what is in it, decompressed. Data that take a window of more than `max_window` bytes of
/// memory are an error of the reader.
pub(crate) fn open<'e>(
    input: &Input,
    control: Control<'e>,
    progress: &'e Progress,
    max_window: u64,
) -> Result<Opened<'e>, SkipReason> {
    let mut size = None;
    let raw: Box<dyn Read + Send + 'e> = match (input.kind, &input.object) {
        (InputKind::File, Some(object)) => {
            size = Some(object.info.size);
            Box::new(ObjectReader::new(object.clone(), 0, control))
        }
        (InputKind::File, None) => {
            let file = File::open(&input.path).map_err(|e| open_error(&e))?;
            let meta = file.metadata().ok().filter(|m| m.is_file());
            size = meta.as_ref().map(|m| m.len());
            match &input.slice {
                None => Box::new(file),
                Some(slice) => {
                    meta.map_or(Ok(()), |meta| Slice::check_unchanged(input, &meta))?;
                    size = slice.bytes().map(|bytes| bytes.end).or(size);
                    Box::new(slice.reader(file, 0))
                }
            }
        }
        (InputKind::Stdin, _) => Box::new(PipeReader::new(control, || Ok(io::stdin()))),
        (InputKind::Blocking, _) => {
            let path = input.path.clone();
            Box::new(PipeReader::new(control, move || File::open(&path)))
        }
    };
    let read = Arc::new(AtomicU64::new(0));
    let raw: Box<dyn Read + Send + 'e> =
        Box::new(Metered { inner: raw, progress, read: read.clone() });
    let mut raw = Peeked::new(raw);
    raw.peek(HEAD);
    unpacked(raw, input, size, read, max_window, true)
}

/// Opens the file called `member` in an archive, of which `raw` gives `size` bytes.
pub(crate) fn open_member<'e>(
    raw: Box<dyn Read + Send + 'e>,
    member: &Input,
    size: u64,
    max_window: u64,
) -> Result<Opened<'e>, SkipReason> {
    let mut raw = Peeked::new(raw);
    raw.peek(HEAD);
    // Its bytes are told of by who reads the archive.
    unpacked(raw, member, Some(size), Arc::default(), max_window, false)
}

/// What is in the file `input`, which `raw` gives as it is stored.
fn unpacked<'e>(
    raw: Peeked<Box<dyn Read + Send + 'e>>,
    input: &Input,
    size: Option<u64>,
    read: Arc<AtomicU64>,
    max_window: u64,
    is_file: bool,
) -> Result<Opened<'e>, SkipReason> {
    let (head, suffix) = (raw.head(), input.compression_suffix());
    let unchecked = Arc::new(AtomicBool::new(false));
    match packing(head) {
        Some(packing) => {
            let head = head.to_vec();
            let text = packing.unpack(&head, raw, max_window, unchecked.clone());
            let mut reader: Peeked<Box<dyn Read + Send + 'e>> =
                Peeked::new(Box::new(text.map_err(|fault| fault.bad())?));
            reader.peek(HEAD);
            Ok(Opened {
                reader,
                expected: None,
                stored: size,
                is_file: false,
                read,
                packed: Some(packing.name),
                is_utf16: false,
                unchecked,
            })
        }
        None => match suffix {
            Some(suffix) if head.is_empty() => Err(match raw.failure() {
                Some(e) => read_error(e),
                None => SkipReason::new(
                    Reason::Truncated,
                    format!("an empty file is no .{suffix} file"),
                ),
            }),
            Some(suffix) if magic::recognise(head).is_none() => Err(SkipReason::new(
                Reason::Corrupt,
                format!(
                    "the file does not begin as a .{suffix} file does; is it really compressed?"
                ),
            )),
            // Files of /proc have size 0 and yet something in them.
            _ => Ok(Opened {
                reader: raw,
                expected: size.filter(|&s| s > 0),
                stored: size,
                is_file,
                read,
                packed: None,
                is_utf16: false,
                unchecked,
            }),
        },
    }
}

impl<'e> Opened<'e> {
    /// Refuses an input of which not one byte can be read. Who reads it is told so then.
    pub fn check_begins(self) -> Result<Opened<'e>, SkipReason> {
        match self.reader.failure() {
            Some(e) if self.reader.head().is_empty() => Err(read_error(e)),
            _ => Ok(self),
        }
    }

    /// Whether what the reader gives is the file itself, which can be read at any place.
    pub fn is_seekable(&self, input: &Input) -> bool {
        self.is_file && input.kind == InputKind::File
    }

    /// Passes over the first `bytes` of what the reader gives, and of the file itself where it is not packed.
    pub fn pass_over(
        &mut self,
        bytes: u64,
        input: &Input,
        control: Control<'e>,
        progress: &'e Progress,
    ) -> Result<(), SkipReason> {
        if self.is_seekable(input) {
            let rest: Box<dyn Read + Send + 'e> = match &input.object {
                Some(object) => Box::new(ObjectReader::new(object.clone(), bytes, control)),
                None => {
                    let mut file = File::open(&input.path).map_err(|e| open_error(&e))?;
                    file.seek(SeekFrom::Start(bytes)).map_err(|e| read_error(&e))?;
                    match &input.slice {
                        None => Box::new(file),
                        Some(slice) => Box::new(slice.reader(file, bytes)),
                    }
                }
            };
            // What is before a slice is read by another run.
            let before = if input.slice.is_none() { bytes } else { 0 };
            // The head, which was read to recognise the file, is not read twice.
            progress.take_back_bytes(self.read.swap(before, Relaxed));
            progress.add_bytes(before);
            let read = self.read.clone();
            self.reader = Peeked::new(Box::new(Metered { inner: rest, progress, read }));
            return Ok(());
        }
        let passed = io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink());
        match passed {
            Ok(passed) if passed == bytes => Ok(()),
            Ok(_) => Err(SkipReason::new(Reason::Truncated, "the file is shorter than it was")),
            Err(e) => Err(read_error(&e)),
        }
    }
}

/// A reader whose first bytes can be looked at before they are read.
pub(crate) struct Peeked<R> {
    head: Vec<u8>,
    /// How much of the head was read.
    at: usize,
    /// What ended the looking, if it is not to be asked for again.
    end: Option<io::Result<()>>,
    inner: R,
}

impl<R: Read> Peeked<R> {
    fn new(inner: R) -> Peeked<R> {
        Peeked { head: Vec::new(), at: 0, end: None, inner }
    }

    /// Makes the head `len` bytes long, or as long as what can be read is. An error is kept for who reads.
    pub fn peek(&mut self, len: usize) {
        let mut at = self.head.len();
        if at >= len {
            return;
        }
        self.head.resize(len, 0);
        while at < len && self.end.is_none() {
            match self.inner.read(&mut self.head[at..]) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(n) => at += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => self.end = Some(Err(e)),
            }
        }
        self.head.truncate(at);
    }

    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether the head is all there is.
    pub fn is_whole(&self) -> bool {
        matches!(self.end, Some(Ok(())))
    }

    fn failure(&self) -> Option<&io::Error> {
        self.end.as_ref()?.as_ref().err()
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at < self.head.len() {
            let n = buf.len().min(self.head.len() - self.at);
            buf[..n].copy_from_slice(&self.head[self.at..self.at + n]);
            self.at += n;
            if self.at == self.head.len() && self.head.capacity() > HEAD {
                (self.head, self.at) = (Vec::new(), 0);
            }
            return Ok(n);
        }
        match self.end.take() {
            Some(Err(e)) => Err(e),
            Some(Ok(())) => {
                self.end = Some(Ok(()));
                Ok(0)
            }
            None => self.inner.read(buf),
        }
    }
}

/// The entry for a file that is of a known format and not read.
pub(crate) fn unsupported(known: &Known, packed: Option<&str>) -> SkipReason {
    let within = packed.map(|packed| format!(" inside {packed}")).unwrap_or_default();
    let Known { name, remedy, .. } = known;
    SkipReason::new(
        Reason::UnsupportedFormat,
        format!("not supported yet: {name}{within}; to count it, {remedy}"),
    )
}

pub(crate) fn open_error(e: &io::Error) -> SkipReason {
    match e.kind() {
        ErrorKind::NotFound => {
            SkipReason::new(Reason::NotFound, "the file was there when the run began and is gone")
        }
        _ => SkipReason::new(Reason::Unreadable, e.to_string()),
    }
}

/// What went wrong while reading: the data, or the machine.
pub(crate) fn read_error(e: &io::Error) -> SkipReason {
    if let Some(fault) = e.get_ref().and_then(|e| e.downcast_ref::<Fault>()) {
        return fault.bad();
    }
    unread(e).unwrap_or_else(|| SkipReason::new(Reason::Unreadable, e.to_string()))
}

/// The reason that is known already, if it is.
pub(crate) fn unread(e: &io::Error) -> Option<SkipReason> {
    Some(e.get_ref()?.downcast_ref::<Unread>()?.0.clone())
}

/// An error of a reader whose reason is known already.
#[derive(Debug)]
pub(crate) struct Unread(pub SkipReason);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Unread {}

/// Raises the progress by what passes through.
struct Metered<'e, R> {
    inner: R,
    progress: &'e Progress,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.progress.add_bytes(n as u64);
        self.read.fetch_add(n as u64, Relaxed);
        Ok(n)
    }
}

/// Reads a pipe from a thread of its own: a read that waits for a writer cannot be called back, and neither Ctrl-C
/// nor the end of the run may wait for it. When the run is over that thread is left behind.
pub(super) struct PipeReader<'e> {
    received: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
    control: Control<'e>,
}

impl<'e> PipeReader<'e> {
    pub fn new<R: Read>(
        control: Control<'e>,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> PipeReader<'e> {
        let (send, received) = sync_channel(2);
        std::thread::spawn(move || {
            let mut reader = match open() {
                Ok(reader) => reader,
                Err(e) => return drop(send.send(Err(e))),
            };
            loop {
                let mut part = vec![0; PIPE_READ];
                match reader.read(&mut part) {
                    Ok(0) => return,
                    Ok(n) => {
                        part.truncate(n);
                        if send.send(Ok(part)).is_err() {
                            return;
                        }
                    }
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) => return drop(send.send(Err(e))),
                }
            }
        });
        PipeReader { received, current: Cursor::default(), control }
    }
}

impl Read for PipeReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.current.read(buf)?;
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            match self.received.recv_timeout(Duration::from_millis(20)) {
                Ok(part) => self.current = Cursor::new(part?),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
                Err(RecvTimeoutError::Timeout) if self.control.is_over() => {
                    return Err(io::Error::other("the run is over"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
