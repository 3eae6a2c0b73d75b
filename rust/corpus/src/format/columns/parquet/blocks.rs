//! Snappy's and LZ4's raw blocks as streams: the crates unpack them whole only, and a page is one block whatever its size.
//!
//! What has been unpacked is repeated from up to 64 KiB back: LZ4 has no more, and every writer of Snappy packs so many bytes by
//! themselves.

use std::io::{self, BufRead, ErrorKind, Read};

/// How far back is looked.
const BACK: usize = 64 << 10;
/// So much is unpacked at a time.
const AHEAD: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Snappy,
    Lz4,
}

/// Unpacks a block.
pub(super) struct Blocks<R> {
    packed: R,
    kind: Kind,
    /// The bytes that were unpacked last, and how many of them were given out.
    bytes: Vec<u8>,
    given: usize,
    /// What is to come of the block.
    left: u64,
    next: Next,
}

/// What comes next.
enum Next {
    Element,
    /// So many bytes that are as they stand; of LZ4, with what a match says of its length after them.
    Literal(u64, u8),
    /// So many bytes from so far back.
    Repeat(u64, usize),
}

impl<R: BufRead> Blocks<R> {
    /// `size`: what it is to unpack to.
    pub fn new(mut packed: R, kind: Kind, size: u64) -> io::Result<Blocks<R>> {
        if kind == Kind::Snappy {
            let mut claimed = 0u64;
            for shift in (0..=28).step_by(7) {
                let byte = byte(&mut packed)?;
                claimed |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            if claimed != size {
                return Err(damaged("a page unpacks to another size than it says"));
            }
        }
        Ok(Blocks { packed, kind, bytes: Vec::new(), given: 0, left: size, next: Next::Element })
    }

    /// Unpacks on, until there is enough or no more.
    fn fill(&mut self) -> io::Result<()> {
        let passed = self.given.saturating_sub(BACK);
        self.bytes.drain(..passed);
        self.given -= passed;
        let enough = self.bytes.len() + AHEAD;
        while self.bytes.len() < enough {
            let room = (enough - self.bytes.len()) as u64;
            self.next = match self.next {
                Next::Literal(0, token) if self.kind == Kind::Lz4 => self.lz4_match(token)?,
                Next::Literal(0, _) | Next::Repeat(0, _) => Next::Element,
                Next::Literal(n, token) => {
                    let some = n.min(room);
                    self.claim(some)?;
                    let read = (&mut self.packed).take(some).read_to_end(&mut self.bytes)?;
                    if read as u64 != some {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    Next::Literal(n - some, token)
                }
                Next::Repeat(n, back) => {
                    // A repeat may go on into what it makes.
                    let some = n.min(room).min(back as u64);
                    self.claim(some)?;
                    let from = self.bytes.len().checked_sub(back).filter(|_| back > 0);
                    let from = from.ok_or_else(|| match back > BACK {
                        true => {
                            damaged("it repeats what is further back than is held of a large page")
                        }
                        false => damaged("it repeats what is before its beginning"),
                    })?;
                    self.bytes.extend_from_within(from..from + some as usize);
                    Next::Repeat(n - some, back)
                }
                Next::Element => {
                    if self.packed.fill_buf()?.is_empty() {
                        return match self.left {
                            0 => Ok(()),
                            _ => Err(ErrorKind::UnexpectedEof.into()),
                        };
                    }
                    match self.kind {
                        Kind::Snappy => self.snappy_element()?,
                        Kind::Lz4 => {
                            let token = byte(&mut self.packed)?;
                            let n = self.lz4_length(u64::from(token >> 4))?;
                            Next::Literal(n, token)
                        }
                    }
                }
            };
        }
        Ok(())
    }

    /// So many bytes are made.
    fn claim(&mut self, n: u64) -> io::Result<()> {
        let left = self.left.checked_sub(n);
        self.left = left.ok_or_else(|| damaged("a page unpacks to more than it says"))?;
        Ok(())
    }

    fn snappy_element(&mut self) -> io::Result<Next> {
        let tag = byte(&mut self.packed)?;
        let high = u64::from(tag >> 2);
        Ok(match tag & 3 {
            0 if high < 60 => Next::Literal(high + 1, 0),
            0 => Next::Literal(self.number(high as usize - 59)? + 1, 0),
            1 => {
                let low = self.number(1)?;
                Next::Repeat(4 + (high & 7), (u64::from(tag >> 5) << 8 | low) as usize)
            }
            2 => Next::Repeat(high + 1, self.number(2)? as usize),
            _ => Next::Repeat(high + 1, self.number(4)? as usize),
        })
    }

    /// What comes after the literal of `token`: a match, unless that was the last one.
    fn lz4_match(&mut self, token: u8) -> io::Result<Next> {
        if self.packed.fill_buf()?.is_empty() {
            return Ok(Next::Element);
        }
        let back = self.number(2)? as usize;
        let n = self.lz4_length(u64::from(token & 15))?;
        Ok(Next::Repeat(n + 4, back))
    }

    /// A length of which so much is in the token: more follows where that is full.
    fn lz4_length(&mut self, in_token: u64) -> io::Result<u64> {
        let mut n = in_token;
        if n == 15 {
            loop {
                let more = byte(&mut self.packed)?;
                n += u64::from(more);
                if more < 255 {
                    break;
                }
            }
        }
        Ok(n)
    }

    /// A number of up to four bytes, the lowest first.
    fn number(&mut self, bytes: usize) -> io::Result<u64> {
        let mut number = [0; 8];
        self.packed.read_exact(&mut number[..bytes])?;
        Ok(u64::from_le_bytes(number))
    }
}

impl<R: BufRead> Read for Blocks<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given == self.bytes.len() {
            self.fill()?;
        }
        let n = buf.len().min(self.bytes.len() - self.given);
        buf[..n].copy_from_slice(&self.bytes[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

fn byte(packed: &mut impl BufRead) -> io::Result<u8> {
    let mut byte = [0];
    packed.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;

    use super::*;

    fn unpacked(packed: &[u8], kind: Kind, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut blocks = Blocks::new(packed, kind, size as u64)?;
        // Small reads and large ones.
        let mut first = [0; 3];
        let n = blocks.read(&mut first)?;
        bytes.extend_from_slice(&first[..n]);
        blocks.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// What the crates pack, whole and with a byte changed: the same, or an error on both sides.
    #[test]
    fn the_same_as_whole() {
        let mut random = Random::new(5);
        let (mut good, mut bad) = (0, 0);
        for case in 0..3000 {
            let most = [10, 1000, 200_000][random.below(3)];
            let mut text = Vec::new();
            while text.len() < most {
                match random.below(4) {
                    0 => text.extend((0..random.below(300)).map(|_| random.below(256) as u8)),
                    1 => text.extend(std::iter::repeat_n(b'x', random.below(1 + most / 2))),
                    2 if !text.is_empty() => {
                        let from = random.below(text.len());
                        let to = (from + random.below(400)).min(text.len());
                        text.extend_from_within(from..to);
                    }
                    _ => text.extend_from_slice(b"words of it "),
                }
            }
            text.truncate(random.below(most + 1));
            for kind in [Kind::Snappy, Kind::Lz4] {
                let mut packed = match kind {
                    Kind::Snappy => snap::raw::Encoder::new().compress_vec(&text).unwrap(),
                    Kind::Lz4 => lz4_flex::block::compress(&text),
                };
                assert_eq!(unpacked(&packed, kind, text.len()).unwrap(), text, "{case} {kind:?}");
                good += 1;
                let i = random.below(packed.len());
                packed[i] ^= 1 << random.below(8);
                let mut whole = vec![0; text.len()];
                let n = match kind {
                    Kind::Snappy => match snap::raw::decompress_len(&packed) {
                        Ok(n) if n == text.len() => {
                            snap::raw::Decoder::new().decompress(&packed, &mut whole).ok()
                        }
                        _ => None,
                    },
                    Kind::Lz4 => lz4_flex::block::decompress_into(&packed, &mut whole).ok(),
                };
                match (n.filter(|&n| n == text.len()), unpacked(&packed, kind, text.len())) {
                    (Some(_), Ok(found)) => assert_eq!(found, whole, "{case} {kind:?}"),
                    // A crate may hold the block to rules that are not needed to read it; never the other way round.
                    (None, _) => bad += 1,
                    (Some(_), Err(e)) => panic!("{case} {kind:?}: {e}"),
                }
            }
        }
        assert!(good == 6000 && bad > 500, "{good} {bad}");
    }
}
