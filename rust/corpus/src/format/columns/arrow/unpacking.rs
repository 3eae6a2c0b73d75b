//! A buffer that is compressed, unpacked as it is asked for.

use std::io::{self, BufReader, Read, copy, sink};

use arrow_ipc::CompressionType;
use bytes::Bytes;

use super::batch::{Body, damaged};

/// A compressed buffer, and how far it is unpacked.
pub(super) struct Unpacking {
    body: Body,
    from: u64,
    to: u64,
    /// What it unpacks to, as it says.
    size: u64,
    codec: CompressionType,
    decoder: Option<Box<dyn Read + Send>>,
    at: u64,
}

impl Unpacking {
    /// The buffer that is at these places of a body, and is to unpack to `size` bytes.
    pub fn new(
        (body, from, to): (&Body, u64, u64),
        size: u64,
        codec: CompressionType,
    ) -> Unpacking {
        Unpacking { body: body.clone(), from, to, size, codec, decoder: None, at: 0 }
    }

    /// The bytes of it in a range. What is before that of an earlier call is unpacked once more.
    pub fn read(&mut self, from: u64, to: u64) -> io::Result<Bytes> {
        let mut decoder = match self.decoder.take().filter(|_| from >= self.at) {
            Some(decoder) => decoder,
            None => {
                self.at = 0;
                self.decoder()?
            }
        };
        self.at += copy(&mut (&mut decoder).take(from - self.at), &mut sink())?;
        let mut bytes = Vec::new();
        self.at += (&mut decoder).take(to - from).read_to_end(&mut bytes)? as u64;
        if self.at < to {
            return Err(self.of_another_size(self.at));
        }
        // What comes after the last byte is a sign of damage, and so is a checksum that is wrong.
        if self.at == self.size && decoder.read(&mut [0])? > 0 {
            return Err(self.of_another_size(self.size + 1));
        }
        self.decoder = Some(decoder);
        Ok(bytes.into())
    }

    fn of_another_size(&self, found: u64) -> io::Error {
        damaged(format!("a buffer unpacks to {found} bytes, and not to {}", self.size))
    }

    fn decoder(&self) -> io::Result<Box<dyn Read + Send>> {
        let packed = Packed { body: self.body.clone(), at: self.from, to: self.to };
        let packed = BufReader::with_capacity(self.body.window() as usize, packed);
        Ok(match self.codec {
            CompressionType::LZ4_FRAME => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            CompressionType::ZSTD => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
            _ => return Err(damaged("a buffer is compressed in a way that is not known")),
        })
    }
}

/// The bytes between two places of a body.
struct Packed {
    body: Body,
    at: u64,
    to: u64,
}

impl Read for Packed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = (self.to - self.at).min(buf.len() as u64);
        let bytes = self.body.read(self.at, self.at + n)?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        self.at += n;
        Ok(bytes.len())
    }
}
