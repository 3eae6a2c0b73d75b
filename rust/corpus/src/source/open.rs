//! Opening an input: where its bytes come from, and what stands between them and the text (`.gz`, `.zst`).
//!
//! Compression is told by the suffix and by the first bytes. A text that is UTF-8 cannot begin like a compressed
//! file, so the first bytes alone suffice; where the suffix promises compression, its absence is damage.

use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::{Input, InputKind};
use crate::Progress;
use crate::ledger::{Bad, Reason};

/// Compressed bytes are handed to the decoder in buffers of this size.
const DECODER_INPUT: usize = 128 << 10;

/// A detached reader of a pipe reads this much at a time.
const PIPE_READ: usize = 256 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Frames that hold no data but may stand first: `pzstd` writes them. They are magic only in a `.zst`.
const ZSTD_SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// The largest window that zstd can be asked for (`--long=31`). Memory is used only when the file needs it.
const ZSTD_WINDOW_LOG: u32 = 31;

/// How readers learn that the run is over.
#[derive(Clone, Copy)]
pub(crate) struct Control<'e> {
    pub cancel: &'e AtomicBool,
    pub stop: &'e AtomicBool,
}

impl Control<'_> {
    pub fn is_over(&self) -> bool {
        self.cancel.load(Relaxed) || self.stop.load(Relaxed)
    }
}

/// An open input.
pub(crate) struct Opened<'e> {
    pub reader: Box<dyn Read + Send + 'e>,
    /// The number of bytes that `reader` must give, where that is known.
    pub expected: Option<u64>,
}

pub(crate) fn open<'e>(
    input: &Input,
    control: Control<'e>,
    progress: &'e Progress,
) -> Result<Opened<'e>, Bad> {
    let mut size = None;
    let raw: Box<dyn Read + Send + 'e> = match input.kind {
        InputKind::File => {
            let file = File::open(&input.path).map_err(|e| open_error(&e))?;
            size = file
                .metadata()
                .ok()
                .filter(|m| m.is_file())
                .map(|m| m.len());
            Box::new(file)
        }
        InputKind::Stdin => Box::new(PipeReader::new(control, || Ok(io::stdin()))),
        InputKind::Blocking => {
            let path = input.path.clone();
            Box::new(PipeReader::new(control, move || File::open(&path)))
        }
    };
    let mut raw = Metered {
        inner: raw,
        progress,
    };
    let mut head = Vec::with_capacity(4);
    (&mut raw)
        .take(4)
        .read_to_end(&mut head)
        .map_err(|e| read_error(&e))?;
    let suffix = input.compression_suffix();
    let is_zstd = head == ZSTD || (suffix == Some("zst") && head.get(1..) == Some(ZSTD_SKIPPABLE));
    let is_gzip = head.starts_with(GZIP);
    let empty = head.is_empty();
    let raw = Cursor::new(head).chain(raw);

    if is_gzip {
        let raw = BufReader::with_capacity(DECODER_INPUT, raw);
        let reader = Box::new(flate2::bufread::MultiGzDecoder::new(raw));
        return Ok(Opened {
            reader,
            expected: None,
        });
    }
    if is_zstd {
        let raw = BufReader::with_capacity(DECODER_INPUT, raw);
        let mut reader =
            zstd::stream::read::Decoder::with_buffer(raw).map_err(|e| read_error(&e))?;
        reader
            .window_log_max(ZSTD_WINDOW_LOG)
            .map_err(|e| read_error(&e))?;
        return Ok(Opened {
            reader: Box::new(reader),
            expected: None,
        });
    }
    match suffix {
        Some(suffix) if empty => Err(Bad::new(
            Reason::Truncated,
            format!("an empty file is no .{suffix} file"),
        )),
        Some(suffix) => Err(Bad::new(
            Reason::Corrupt,
            format!("the file does not begin as a .{suffix} file does; is it really compressed?"),
        )),
        // Files of /proc have size 0 and yet something in them.
        None => Ok(Opened {
            reader: Box::new(raw),
            expected: size.filter(|&s| s > 0),
        }),
    }
}

fn open_error(e: &io::Error) -> Bad {
    match e.kind() {
        ErrorKind::NotFound => Bad::new(
            Reason::NotFound,
            "the file was there when the run began and is gone",
        ),
        _ => Bad::new(Reason::Unreadable, e.to_string()),
    }
}

/// What went wrong while reading: the machine, or the data.
pub(crate) fn read_error(e: &io::Error) -> Bad {
    if e.raw_os_error().is_some() || e.kind() == ErrorKind::NotFound {
        return Bad::new(Reason::Unreadable, e.to_string());
    }
    match e.kind() {
        ErrorKind::UnexpectedEof => {
            Bad::new(Reason::Truncated, "the compressed data end in the middle")
        }
        _ => Bad::new(
            Reason::Corrupt,
            format!("the compressed data are damaged ({e})"),
        ),
    }
}

/// Raises the progress by what passes through.
struct Metered<'e, R> {
    inner: R,
    progress: &'e Progress,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.progress.add_bytes(n as u64);
        Ok(n)
    }
}

/// Reads a pipe from a thread of its own: a read that waits for a writer cannot be called back, and neither Ctrl-C
/// nor the end of the run may wait for it. When the run is over that thread is left behind.
struct PipeReader<'e> {
    received: Receiver<io::Result<Vec<u8>>>,
    current: Cursor<Vec<u8>>,
    control: Control<'e>,
}

impl<'e> PipeReader<'e> {
    fn new<R: Read>(
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
        PipeReader {
            received,
            current: Cursor::default(),
            control,
        }
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
