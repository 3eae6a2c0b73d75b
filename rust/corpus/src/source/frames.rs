//! What the headers of zstd frames say before their data are unpacked: how much memory they want, whether they need a
//! dictionary, and whether a checksum is after the data.
//!
//! The decoder tells neither: its own limit is a power of two, and without a checksum it takes damaged data for good
//! ones. Follows RFC 8878, section 3.1, from frame to frame; where the bytes are none of it, the decoder says so.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::skip_reason::{Reason, SkipReason};

/// The longest header: magic, descriptor, window, dictionary, size of the content.
const HEADER: usize = 18;

const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE: u32 = 0x184d_2a50;

/// Passes the bytes of a zstd file on to the decoder and reads the headers among them.
pub(crate) struct Frames<R> {
    inner: R,
    max_window: u64,
    unchecked: Arc<AtomicBool>,
    state: State,
    /// Set at a frame that cannot be unpacked: its header is not passed on.
    refused: Option<Refused>,
}

enum State {
    /// In a header, of which these bytes are known.
    Header(Vec<u8>),
    /// In the header of a block.
    Block { header: Vec<u8>, has_checksum: bool },
    /// In bytes that say nothing, and then a block header or a frame header.
    Skip { left: u64, then_block: Option<bool> },
    /// Not a zstd frame: the decoder will say so.
    Lost,
}

impl<R: Read> Frames<R> {
    /// Refuses frames with a window of more than `max_window` bytes; sets `unchecked` at a frame without a checksum.
    pub fn new(inner: R, max_window: u64, unchecked: Arc<AtomicBool>) -> Frames<R> {
        Frames { inner, max_window, unchecked, state: State::Header(Vec::new()), refused: None }
    }

    /// Follows the frames through `bytes`; how many of them may be passed on.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match &mut self.state {
                State::Lost => return bytes.len(),
                State::Skip { left, then_block } => {
                    let step = (bytes.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                    at += step;
                    *left -= step as u64;
                    if *left == 0 {
                        self.state = match *then_block {
                            Some(has_checksum) => State::Block { header: Vec::new(), has_checksum },
                            None => State::Header(Vec::new()),
                        };
                    }
                }
                State::Block { header, has_checksum } => {
                    header.push(bytes[at]);
                    at += 1;
                    if let [a, b, c] = header[..] {
                        let has_checksum = *has_checksum;
                        let header = u32::from_le_bytes([a, b, c, 0]);
                        let (is_last, kind) = (header & 1 == 1, header >> 1 & 3);
                        // A block of one byte that is repeated has one byte.
                        let size = if kind == 1 { 1 } else { u64::from(header >> 3) };
                        let checksum = if is_last && has_checksum { 4 } else { 0 };
                        self.skip(size + checksum, (!is_last).then_some(has_checksum));
                    }
                }
                State::Header(known) => {
                    known.push(bytes[at]);
                    at += 1;
                    match Header::parse(known) {
                        None => {}
                        Some(Header::Skippable(size)) => self.skip(size, None),
                        Some(Header::Frame { window, dictionary, has_checksum }) => {
                            if window > self.max_window || dictionary != 0 {
                                self.refused = Some(match dictionary {
                                    0 => Refused::Window { window, max: self.max_window },
                                    id => Refused::Dictionary(id),
                                });
                                // The decoder must not see the whole header, or it would take the memory.
                                return at - 1;
                            }
                            if !has_checksum {
                                self.unchecked.store(true, Relaxed);
                            }
                            self.state = State::Block { header: Vec::new(), has_checksum };
                        }
                        Some(Header::Other) => self.state = State::Lost,
                    }
                }
            }
        }
        at
    }

    fn skip(&mut self, left: u64, then_block: Option<bool>) {
        self.state = match (left, then_block) {
            (0, Some(has_checksum)) => State::Block { header: Vec::new(), has_checksum },
            (0, None) => State::Header(Vec::new()),
            _ => State::Skip { left, then_block },
        };
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.refused.is_none() {
            let n = self.inner.read(buf)?;
            let passed = self.follow(&buf[..n]);
            if passed > 0 || n == 0 || buf.is_empty() {
                return Ok(passed);
            }
        }
        match self.refused {
            Some(refused) => Err(io::Error::other(refused)),
            None => Ok(0),
        }
    }
}

/// Why a frame is not unpacked, as the error of the reader.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// It wants more memory than it may have.
    Window { window: u64, max: u64 },
    /// It was made with the dictionary of this number.
    Dictionary(u32),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Window { window, max } => write!(
                f,
                "unpacking takes a window of {window} bytes of memory, more than max_window_bytes allows \
                 ({max}); --max-window-bytes {window} reads it"
            ),
            Refused::Dictionary(id) => write!(
                f,
                "not supported yet: zstd with a dictionary (number {id}); to count it, unpack it with zstd -D"
            ),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    pub fn bad(&self) -> SkipReason {
        let reason = match self {
            Refused::Window { .. } => Reason::WindowTooLarge,
            Refused::Dictionary(_) => Reason::UnsupportedFormat,
        };
        SkipReason::new(reason, self.to_string())
    }
}

enum Header {
    /// A frame of zstd with data.
    Frame { window: u64, dictionary: u32, has_checksum: bool },
    /// A frame to be passed over, and how many bytes follow.
    Skippable(u64),
    /// None that this knows.
    Other,
}

impl Header {
    /// The header that `bytes` are; `None` while bytes are missing.
    fn parse(bytes: &[u8]) -> Option<Header> {
        debug_assert!(bytes.len() <= HEADER);
        let magic = u32::from_le_bytes(*bytes.first_chunk()?);
        if magic & !0xf == SKIPPABLE {
            let size = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
            return Some(Header::Skippable(u64::from(size)));
        }
        if magic != MAGIC {
            return Some(Header::Other);
        }
        let descriptor = *bytes.get(4)?;
        let is_single_segment = descriptor & 0x20 != 0;
        let content_size = match descriptor >> 6 {
            0 => usize::from(is_single_segment),
            flag => 1 << flag,
        };
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let len = 5 + usize::from(!is_single_segment) + dictionary + content_size;
        if bytes.len() < len {
            return None;
        }
        let window = if is_single_segment {
            let mut size = [0; 8];
            size[..content_size].copy_from_slice(&bytes[len - content_size..len]);
            // Two bytes hold what is above the range of one.
            u64::from_le_bytes(size) + if content_size == 2 { 256 } else { 0 }
        } else {
            let (exponent, mantissa) = (u64::from(bytes[5] >> 3), u64::from(bytes[5] & 7));
            let base = 1u64 << (10 + exponent);
            base + base / 8 * mantissa
        };
        let mut id = [0; 4];
        let after = len - content_size;
        id[..dictionary].copy_from_slice(&bytes[after - dictionary..after]);
        let dictionary = u32::from_le_bytes(id);
        Some(Header::Frame { window, dictionary, has_checksum: descriptor & 4 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that pass, whether a frame is unchecked, and the error.
    fn pass(bytes: &[u8], max_window: u64, step: usize) -> (Vec<u8>, bool, Option<String>) {
        struct Steps<'b>(&'b [u8], usize);
        impl Read for Steps<'_> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let n = buf.len().min(self.1);
                self.0.read(&mut buf[..n])
            }
        }
        let unchecked = Arc::new(AtomicBool::new(false));
        let mut frames = Frames::new(Steps(bytes, step), max_window, unchecked.clone());
        let mut passed = Vec::new();
        let error = frames.read_to_end(&mut passed).err().map(|e| e.to_string());
        (passed, unchecked.load(Relaxed), error)
    }

    fn frame(text: &[u8], checksum: bool, window_log: Option<u32>) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(checksum).unwrap();
        if let Some(log) = window_log {
            encoder.window_log(log).unwrap();
        }
        io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn frames_are_followed_whatever_the_reads() {
        let mut random = fasttok_testing::Random::new(3);
        let noise: Vec<u8> = (0..300_000).map(|_| random.below(256) as u8).collect();
        let skippable = [&b"\x53\x2a\x4d\x18\x05\0\0\0"[..], b"\x28\xb5\x2f\xfd\x00"].concat();
        let empty = zstd::bulk::compress(b"", 1).unwrap();
        let known_size = zstd::bulk::compress(&vec![7; 70_000], 1).unwrap();
        for (unchecked, frames) in [
            (false, vec![frame(&noise, true, None), skippable.clone(), frame(b"a", true, None)]),
            (true, vec![frame(&noise, true, None), frame(&noise, false, None)]),
            (true, vec![skippable.clone(), frame(&vec![b'x'; 1 << 20], false, None)]),
            (true, vec![frame(b"ab", true, None), empty]),
            (true, vec![known_size]),
            (false, vec![skippable]),
        ] {
            let bytes = frames.concat();
            for step in [1, 3, 1000, usize::MAX] {
                assert_eq!(pass(&bytes, 128 << 20, step), (bytes.clone(), unchecked, None));
            }
        }
    }

    #[test]
    fn a_large_window_is_refused_before_the_decoder_sees_its_header() {
        let (small, large) = (frame(b"small", true, None), frame(b"large", true, Some(24)));
        let bytes = [&small[..], &large].concat();
        for step in [1, 7, usize::MAX] {
            let (passed, _, error) = pass(&bytes, (1 << 24) - 1, step);
            assert!(passed.starts_with(&small) && passed.len() < small.len() + 6, "{passed:?}");
            assert!(error.unwrap().contains("16777216"));
            assert_eq!(pass(&bytes, 1 << 24, step), (bytes.clone(), false, None));
        }
        // 1.75 GiB: windows need not be powers of two.
        let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x04, 20 << 3 | 6, 1, 0, 0];
        assert!(pass(&bytes, (7 << 28) - 1, 1).2.is_some());
        assert!(pass(&bytes, 7 << 28, 1).2.is_none());
    }

    #[test]
    fn a_dictionary_is_named() {
        for (descriptor, id) in [(1, &[7][..]), (2, &[7, 0]), (3, &[7, 0, 0, 0])] {
            let header = [&[0x28, 0xb5, 0x2f, 0xfd, descriptor, 0][..], id].concat();
            let error = pass(&header, 1 << 20, 3).2.unwrap();
            assert!(error.contains("a dictionary (number 7)"), "{error}");
        }
    }

    /// Damaged and spliced files are unpacked as the decoder alone unpacks them, or refused.
    #[test]
    fn nothing_is_changed_on_the_way_to_the_decoder() {
        let unpack = |reader: Box<dyn Read + '_>| {
            let mut decoder = zstd::stream::read::Decoder::new(reader).unwrap();
            decoder.window_log_max(23).unwrap();
            let mut text = Vec::new();
            let error = decoder.read_to_end(&mut text).err();
            let is_refused =
                error.as_ref().and_then(|e| e.get_ref()).is_some_and(|e| e.is::<Refused>());
            (text, error.is_some(), is_refused)
        };
        let mut random = fasttok_testing::Random::new(5);
        let noise: Vec<u8> = (0..3_000).map(|_| b"abcdefgh"[random.below(8)]).collect();
        let parts = [
            frame(&noise, true, None),
            frame(&noise, false, Some(20)),
            frame(b"", true, None),
            zstd::bulk::compress(&noise, 3).unwrap(),
            b"\x53\x2a\x4d\x18\x05\0\0\0abcde".to_vec(),
            frame(&[b'x'; 5_000], true, None),
        ];
        let (mut good, mut failed, mut refused) = (0, 0, 0);
        for _ in 0..4_000 {
            let mut bytes: Vec<u8> =
                (0..1 + random.below(3)).flat_map(|_| parts[random.below(6)].clone()).collect();
            for _ in 0..random.below(3) {
                // Mostly in the headers.
                let below = if random.below(2) == 0 { 16 } else { bytes.len() };
                let at = random.below(below);
                let end = bytes.len() - 1;
                bytes[at.min(end)] ^= 1 << random.below(8);
            }
            if random.below(8) == 0 {
                bytes.truncate(random.below(bytes.len()));
            }
            let unchecked = Arc::new(AtomicBool::new(false));
            let (text, is_error, is_refused) =
                unpack(Box::new(Frames::new(&bytes[..], 1 << 23, unchecked)));
            let (expected, alone_fails, _) = unpack(Box::new(&bytes[..]));
            assert_eq!((&text, is_error), (&expected, alone_fails), "{bytes:?}");
            match (is_error, is_refused) {
                (false, _) => good += 1,
                (true, false) => failed += 1,
                (true, true) => refused += 1,
            }
        }
        assert!(good > 500 && failed > 500 && refused > 10, "{good} {failed} {refused}");
    }

    #[test]
    fn what_is_no_frame_passes() {
        for bytes in [&b"not zstd at all"[..], b"\x28\xb5\x2f\xfd", b"\x28\xb5", b""] {
            assert_eq!(pass(bytes, 1, 2), (bytes.to_vec(), false, None));
        }
    }
}
