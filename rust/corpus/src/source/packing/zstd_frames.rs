//! What the headers of zstd frames say before their data are unpacked: how much memory they want, whether they need a
//! dictionary, and whether a checksum is after the data.
//!
//! The decoder tells neither: its own limit is a power of two, and without a checksum it takes damaged data for good
//! ones. Follows RFC 8878, section 3.1, from frame to frame.

use super::{Fault, Status};

/// The longest header: magic, descriptor, window, dictionary, size of the content.
const HEADER: usize = 18;

const MAGIC: u32 = 0xfd2f_b528;
const SKIPPABLE: u32 = 0x184d_2a50;

/// Follows the frames of a zstd file.
pub(super) struct Frames {
    max_window: u64,
    state: State,
    /// The size of the text of the last frame, where its header says it.
    content: Option<u64>,
    /// Set at a frame without a checksum.
    pub is_unchecked: bool,
}

enum State {
    /// In a header, of which these bytes are known.
    Header(Vec<u8>),
    /// In the header of a block.
    Block { header: Vec<u8>, has_checksum: bool },
    /// In bytes that say nothing, and then in the next thing.
    Skip { left: u64, then: Box<State> },
}

impl Frames {
    /// Refuses frames with a window of more than `max_window` bytes.
    pub fn new(max_window: u64) -> Frames {
        Frames { max_window, state: State::Header(Vec::new()), content: None, is_unchecked: false }
    }

    /// Whether a frame may begin here, or the file end.
    pub fn is_between(&self) -> bool {
        matches!(&self.state, State::Header(known) if known.is_empty())
    }

    /// Whether a frame that ended after `text` bytes of text has as many as its header says. The decoder compares
    /// neither where the last block is empty, nor across calls.
    pub fn compare_size(&mut self, text: u64) -> Result<Status, Fault> {
        match self.content.take() {
            Some(content) if content != text => Err(Fault::Damaged(format!(
                "a frame that should have {content} bytes of text has {text}"
            ))),
            _ => Ok(Status::Running),
        }
    }

    /// How many bytes of `input` may be passed on to the decoder at a time: no more than to the end of a header, of a
    /// block or of a checksum, for what the decoder unpacked in a call in which it meets damage it does not give.
    pub fn piece(&mut self, input: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        while at < input.len() {
            match &mut self.state {
                State::Skip { left, then } => {
                    let step = (input.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
                    at += step;
                    *left -= step as u64;
                    if *left == 0 {
                        self.state = std::mem::replace(then, State::Header(Vec::new()));
                    }
                    return Ok(at);
                }
                State::Block { header, has_checksum } => {
                    header.push(input[at]);
                    at += 1;
                    if let [a, b, c] = header[..] {
                        let has_checksum = *has_checksum;
                        let header = u32::from_le_bytes([a, b, c, 0]);
                        let (is_last, kind) = (header & 1 == 1, header >> 1 & 3);
                        // A block of one byte that is repeated has one byte.
                        let size = if kind == 1 { 1 } else { u64::from(header >> 3) };
                        let next = match (is_last, has_checksum) {
                            (false, _) => State::Block { header: Vec::new(), has_checksum },
                            (true, true) => skip(4, State::Header(Vec::new())),
                            (true, false) => State::Header(Vec::new()),
                        };
                        self.state = skip(size, next);
                    }
                }
                State::Header(known) => {
                    known.push(input[at]);
                    at += 1;
                    let Some(header) = Header::parse(known) else { continue };
                    self.state = match header {
                        Header::Skippable(size) => skip(size, State::Header(Vec::new())),
                        // The decoder must not see the whole header, or it would take the memory.
                        Header::Frame { dictionary, .. } if dictionary != 0 => {
                            return Err(Fault::Unsupported(format!(
                                "zstd with a dictionary (number {dictionary}); to count it, unpack it with zstd -D"
                            )));
                        }
                        Header::Frame { window, .. } if window > self.max_window => {
                            return Err(Fault::Window { window, max: self.max_window });
                        }
                        Header::Frame { has_checksum, content, .. } => {
                            self.is_unchecked |= !has_checksum;
                            self.content = content;
                            State::Block { header: Vec::new(), has_checksum }
                        }
                        Header::Other => return Err(Fault::Trailing("zstd")),
                    };
                    return Ok(at);
                }
            }
        }
        Ok(at)
    }
}

/// `then`, after so many bytes that say nothing.
fn skip(left: u64, then: State) -> State {
    match left {
        0 => then,
        _ => State::Skip { left, then: Box::new(then) },
    }
}

enum Header {
    /// A frame of zstd with data.
    Frame { window: u64, dictionary: u32, content: Option<u64>, has_checksum: bool },
    /// A frame to be passed over, and how many bytes follow.
    Skippable(u64),
    /// None that this knows.
    Other,
}

impl Header {
    /// The header that `bytes` are; `None` while bytes are missing.
    fn parse(bytes: &[u8]) -> Option<Header> {
        debug_assert!(bytes.len() <= HEADER);
        let is_frame = bytes.iter().zip(MAGIC.to_le_bytes()).all(|(&byte, magic)| byte == magic);
        let mut skippable = bytes.iter().zip(SKIPPABLE.to_le_bytes()).enumerate();
        let is_skippable =
            skippable.all(|(i, (&byte, magic))| byte == magic || i == 0 && byte & 0xf0 == magic);
        if !is_frame && !is_skippable {
            return Some(Header::Other);
        }
        if is_skippable {
            let size = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
            return Some(Header::Skippable(u64::from(size)));
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
        let mut size = [0; 8];
        size[..content_size].copy_from_slice(&bytes[len - content_size..len]);
        // Two bytes hold what is above the range of one.
        let size = u64::from_le_bytes(size) + if content_size == 2 { 256 } else { 0 };
        let window = if is_single_segment {
            size
        } else {
            let (exponent, mantissa) = (u64::from(bytes[5] >> 3), u64::from(bytes[5] & 7));
            let base = 1u64 << (10 + exponent);
            base + base / 8 * mantissa
        };
        let content = (content_size > 0).then_some(size);
        let mut id = [0; 4];
        let after = len - content_size;
        id[..dictionary].copy_from_slice(&bytes[after - dictionary..after]);
        let dictionary = u32::from_le_bytes(id);
        Some(Header::Frame { window, dictionary, content, has_checksum: descriptor & 4 != 0 })
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    /// Follows `bytes` in inputs of `step` bytes: how many were passed on, whether a frame is unchecked, and the fault.
    fn follow(bytes: &[u8], max_window: u64, step: usize) -> (usize, bool, Option<Fault>) {
        let mut frames = Frames::new(max_window);
        let mut at = 0;
        while at < bytes.len() {
            match frames.piece(&bytes[at..bytes.len().min(at.saturating_add(step))]) {
                Ok(0) => panic!("nothing is passed on at {at}"),
                Ok(piece) => at += piece,
                Err(fault) => return (at, frames.is_unchecked, Some(fault)),
            }
        }
        (at, frames.is_unchecked, None)
    }

    fn frame(text: &[u8], checksum: bool, window_log: Option<u32>) -> Vec<u8> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(checksum).unwrap();
        if let Some(log) = window_log {
            encoder.window_log(log).unwrap();
        }
        std::io::Write::write_all(&mut encoder, text).unwrap();
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
                assert_eq!(follow(&bytes, 128 << 20, step), (bytes.len(), unchecked, None));
            }
        }
    }

    #[test]
    fn a_large_window_is_refused_before_the_decoder_sees_its_header() {
        let (small, large) = (frame(b"small", true, None), frame(b"large", true, Some(24)));
        let bytes = [&small[..], &large].concat();
        for step in [1, 7, usize::MAX] {
            let max = (1 << 24) - 1;
            let (passed, _, fault) = follow(&bytes, max, step);
            assert!((small.len()..small.len() + 6).contains(&passed), "{passed}");
            assert_eq!(fault, Some(Fault::Window { window: 1 << 24, max }));
            assert_eq!(follow(&bytes, 1 << 24, step), (bytes.len(), false, None));
        }
        // 1.75 GiB: windows need not be powers of two.
        let bytes = [0x28, 0xb5, 0x2f, 0xfd, 0x04, 20 << 3 | 6, 1, 0, 0];
        assert!(follow(&bytes, (7 << 28) - 1, 1).2.is_some());
        assert!(follow(&bytes, 7 << 28, 1).2.is_none());
    }

    #[test]
    fn a_dictionary_is_named() {
        for (descriptor, id) in [(1, &[7][..]), (2, &[7, 0]), (3, &[7, 0, 0, 0])] {
            let header = [&[0x28, 0xb5, 0x2f, 0xfd, descriptor, 0][..], id].concat();
            let fault = follow(&header, 1 << 20, 3).2.unwrap().to_string();
            assert!(fault.contains("a dictionary (number 7)"), "{fault}");
        }
    }
}
