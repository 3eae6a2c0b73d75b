//! UTF-16, which a byte order mark says, decoded to UTF-8 while it is read. The mark is no part of what comes out.
//!
//! What is no character (half of a surrogate pair, half of a unit at the end) becomes U+FFFD, one for what Python replaces
//! by one, or a byte that no UTF-8 has: then whoever reads the text finds it there, and the rest of the file is read.

use std::io::{self, Read};

use fasttok_engine::Utf8Errors;

/// Bytes read at a time.
const READ: usize = 64 << 10;

/// No UTF-8 has it.
const WRONG: u8 = 0xff;

/// The size of the byte order mark.
pub(crate) const MARK: u64 = 2;

/// How many bytes of UTF-16 became `decoded`, which may begin or end inside a character: that counts where it begins.
pub(crate) fn stored_len(decoded: &[u8]) -> u64 {
    let stored = |byte: &u8| match byte {
        // Inside a character.
        0x80..0xc0 => 0,
        // A pair of surrogates.
        0xf0..0xf8 => 4,
        _ => 2,
    };
    decoded.iter().map(stored).sum()
}

/// Decodes what `inner` gives.
pub(crate) struct Utf16<R> {
    inner: R,
    is_big: bool,
    errors: Utf8Errors,
    raw: Vec<u8>,
    /// The first byte of a unit that was cut by the end of a read.
    half: Option<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    is_begun: bool,
    out: Vec<u8>,
    /// How much of it was read.
    at: usize,
}

impl<R: Read> Utf16<R> {
    pub fn new(inner: R, is_big: bool, errors: Utf8Errors) -> Utf16<R> {
        Utf16 {
            inner,
            is_big,
            errors,
            raw: vec![0; READ],
            half: None,
            high: None,
            is_begun: false,
            out: Vec::new(),
            at: 0,
        }
    }

    fn wrong(&mut self) {
        match self.errors {
            Utf8Errors::Replace => self.push('\u{fffd}'),
            Utf8Errors::Strict => self.out.push(WRONG),
        }
    }

    fn push(&mut self, c: char) {
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn unit(&mut self, bytes: [u8; 2]) {
        let unit = match self.is_big {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        if !std::mem::replace(&mut self.is_begun, true) && unit == 0xfeff {
            return;
        }
        if let Some(high) = self.high.take() {
            match char::decode_utf16([high, unit]).next() {
                Some(Ok(c)) => return self.push(c),
                _ => self.wrong(),
            }
        }
        match char::from_u32(u32::from(unit)) {
            Some(c) => self.push(c),
            None if unit < 0xdc00 => self.high = Some(unit),
            None => self.wrong(),
        }
    }

    /// Decodes the first `n` bytes of `raw`.
    fn decode(&mut self, n: usize) {
        let raw = std::mem::take(&mut self.raw);
        let mut bytes = &raw[..n];
        if let (Some(first), Some((&second, rest))) = (self.half, bytes.split_first()) {
            self.half = None;
            self.unit([first, second]);
            bytes = rest;
        }
        let pairs = bytes.chunks_exact(2);
        self.half = self.half.or(pairs.remainder().first().copied());
        pairs.for_each(|pair| self.unit([pair[0], pair[1]]));
        self.raw = raw;
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.out.len() && !buf.is_empty() {
            self.out.clear();
            self.at = 0;
            let n = self.inner.read(&mut self.raw)?;
            if n > 0 {
                self.decode(n);
                continue;
            }
            if self.high.take().is_some() | self.half.take().is_some() {
                self.wrong();
            }
            if self.out.is_empty() {
                return Ok(0);
            }
        }
        let n = buf.len().min(self.out.len() - self.at);
        buf[..n].copy_from_slice(&self.out[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes at a time.
    struct Slowly<'a>(&'a [u8], usize);

    impl Read for Slowly<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(buf.len());
            Read::take(&mut self.0, n as u64).read(buf)
        }
    }

    fn bytes(units: &[u16], is_big: bool) -> Vec<u8> {
        let bytes = |unit: &u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        units.iter().flat_map(bytes).collect()
    }

    fn decode(bytes: &[u8], is_big: bool, errors: Utf8Errors) -> Vec<u8> {
        let mut all = Vec::new();
        for n in [1, 2, 3, 1000] {
            let mut read = Vec::new();
            Utf16::new(Slowly(bytes, n), is_big, errors).read_to_end(&mut read).unwrap();
            assert!(n == 1 || read == all, "{n}");
            all = read;
        }
        all
    }

    #[test]
    fn it_is_what_the_standard_library_decodes() {
        let mut random = fasttok_testing::Random::new(16);
        for round in 0..500 {
            let mut units = vec![0xfeff];
            for _ in 0..random.below(12) {
                units.push(match random.below(5) {
                    0 => 0xd800 + random.below(0x800) as u16,
                    1 => 0xdc00 + random.below(0x400) as u16,
                    2 => 0xd800 + random.below(0x400) as u16,
                    3 => random.below(0x80) as u16,
                    _ => random.below(0x1_0000) as u16,
                });
            }
            let expected = String::from_utf16_lossy(&units[1..]);
            for is_big in [false, true] {
                let encoded = bytes(&units, is_big);
                let read = decode(&encoded, is_big, Utf8Errors::Replace);
                assert_eq!(String::from_utf8(read).unwrap(), expected, "{round}");
                let strict = decode(&encoded, is_big, Utf8Errors::Strict);
                assert_eq!(MARK + stored_len(&strict), encoded.len() as u64, "{round}");
                match String::from_utf16(&units[1..]) {
                    Ok(text) => assert_eq!(strict, text.as_bytes(), "{round}"),
                    Err(_) => assert!(std::str::from_utf8(&strict).is_err(), "{round}"),
                }
            }
        }
    }

    #[test]
    fn what_is_cut_at_the_end_is_one_character() {
        for (tail, expected) in
            [(&b"x"[..], "a\u{fffd}"), (b"\0\xd8", "a\u{fffd}"), (b"\0\xd8x", "a\u{fffd}")]
        {
            let cut = [&b"\xff\xfea\0"[..], tail].concat();
            assert_eq!(decode(&cut, false, Utf8Errors::Replace), expected.as_bytes());
            assert_eq!(decode(&cut, false, Utf8Errors::Strict), b"a\xff");
        }
        assert_eq!(decode(b"\xfe\xff", true, Utf8Errors::Strict), b"");
        // A mark after the first is a character.
        assert_eq!(decode(b"\xff\xfe\xff\xfe", false, Utf8Errors::Strict), "\u{feff}".as_bytes());
    }
}
