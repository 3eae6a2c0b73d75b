//! The compressions that are read: a table, and the reader that every one of them goes through.
//!
//! A compression is one file of this folder and one row of [`PACKINGS`]: how it is called and named, how its files
//! begin, and its decoder, which sees bytes and no file. The [`Unpacker`] does what all have in common: it hands on
//! all text that a decoder gave before it says that the data are damaged, tells a file that ends too early from one
//! that ends, and keeps account of how far checksums vouch for the text.

mod bzip2;
mod fault;
mod gzip;
mod lzma;
mod xz;
mod zstd;
mod zstd_frames;

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) use fault::Fault;

/// The first that fits is the one.
static PACKINGS: [&Packing; 5] =
    [&gzip::PACKING, &zstd::PACKING, &bzip2::PACKING, &xz::PACKING, &lzma::PACKING];

/// Compressed bytes are handed to the decoder in buffers of this size.
const DECODER_INPUT: usize = 128 << 10;

/// A compression.
pub(crate) struct Packing {
    /// As people call it.
    pub name: &'static str,
    /// What the names of its files end with, without the dot and in lower case.
    pub suffixes: &'static [&'static str],
    /// Whether a file that begins so is of this compression. A text must never be taken for it.
    begins: fn(&[u8]) -> bool,
    /// A decoder for the file that begins so.
    decoder: MakeDecoder,
}

type MakeDecoder = fn(&[u8], Limits) -> Result<Box<dyn Decode>, Fault>;

/// What a decoder is to heed.
struct Limits {
    /// The largest window of earlier text that a decoder may hold in memory, in bytes.
    max_window: u64,
    /// To be set where the data have no checksum by which damage would be seen.
    unchecked: Arc<AtomicBool>,
}

/// The state of unpacking one file. No I/O: bytes come in and text goes out.
trait Decode: Send {
    /// Unpacks some of `input` into `output`, which is not empty. An empty `input` says that the file ends here: the
    /// decoder gives the text that it still holds, and says that it is done if the data may end there.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step;
}

/// What came of a call of a decoder.
struct Step {
    /// Bytes of the input that were used up.
    read: usize,
    /// Bytes of the output that are text, whatever the status is.
    written: usize,
    /// All text up to this many bytes into the output is as good as it can be known to be: a checksum was right.
    checked: Option<usize>,
    status: Result<Status, Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// There is more to come.
    Running,
    /// The file ends here as it should.
    Done,
}

/// How a file that begins with `head` is packed.
pub(crate) fn packing(head: &[u8]) -> Option<&'static Packing> {
    PACKINGS.into_iter().find(|packing| (packing.begins)(head))
}

/// What the names of compressed files end with, without the dot.
pub fn compressed_suffixes() -> impl Iterator<Item = &'static str> {
    PACKINGS.into_iter().flat_map(|packing| packing.suffixes).copied()
}

impl Packing {
    /// The text in `raw`, which begins with `head`. Sets `unchecked` while it is read, where nothing vouches for it.
    pub fn unpack<R: Read + Send>(
        &self,
        head: &[u8],
        raw: R,
        max_window: u64,
        unchecked: Arc<AtomicBool>,
    ) -> Result<Unpacker<R>, Fault> {
        Ok(Unpacker {
            raw: BufReader::with_capacity(DECODER_INPUT, raw),
            decoder: (self.decoder)(head, Limits { max_window, unchecked })?,
            text: 0,
            checked: 0,
            failed: None,
            end: None,
        })
    }
}

/// Reads the text of a compressed file.
pub(crate) struct Unpacker<R> {
    raw: BufReader<R>,
    decoder: Box<dyn Decode>,
    /// How much text was given.
    text: u64,
    /// So much of it was held by a checksum that was right.
    checked: u64,
    /// Why there is no more of `raw`; told after what the decoder holds back.
    failed: Option<io::Error>,
    /// What ended the reading: a fault is told after the text before it, once.
    end: Option<Option<Fault>>,
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(end) = &mut self.end {
                return match end.take() {
                    Some(fault) => Err(fault.unchecked_from(self.checked, self.text).into()),
                    None => Ok(0),
                };
            }
            // What the decoder holds back comes before an error of what it reads, however small `buf` is.
            let input = match self.failed.is_none().then(|| self.raw.fill_buf()) {
                None => Ok(&[][..]),
                Some(read) => read,
            };
            let input = match input {
                Ok(input) => input,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
                Err(e) => {
                    self.failed = Some(e);
                    &[]
                }
            };
            let is_last = input.is_empty();
            let Step { read, written, checked, status } = self.decoder.decode(input, buf);
            self.raw.consume(read);
            if let Some(checked) = checked {
                self.checked = self.text + checked as u64;
            }
            self.text += written as u64;
            if written == 0
                && let Some(e) = self.failed.take()
            {
                return Err(e);
            }
            match status {
                _ if self.failed.is_some() => {}
                Ok(Status::Running) if read == 0 && written == 0 => {
                    let fault = match is_last {
                        true => Fault::Truncated,
                        // A defect of the decoder must not become a loop without end.
                        false => Fault::Damaged("the decoder stands still".into()),
                    };
                    self.end = Some(Some(fault));
                }
                Ok(Status::Running) => {}
                Ok(Status::Done) => self.end = Some(None),
                Err(fault) => self.end = Some(Some(fault)),
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

#[cfg(test)]
mod tests;
