//! The text of a JSON string, from the string as it is written: one pass that checks it, finds its end and undoes its
//! escapes.
//!
//! Our own because the strings that are counted are nearly all of a record, so that this and not the parser decides how
//! fast JSON is read, and because a lone surrogate must be told apart from broken JSON and must be replaceable: parsers
//! offer neither.

use fasttok_engine::Utf8Errors;
use fasttok_simd::{Level, Simd, Task};

/// Bytes looked at, and copied, at a time.
pub(super) const BLOCK: usize = 64;

/// A string that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonString {
    /// The index after its closing quote.
    pub end: usize,
    /// How many bytes of text were written; `None` where nothing is escaped, so that the text is as it is written.
    pub written: Option<usize>,
}

/// Why a string has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StringError {
    LoneSurrogate(LoneSurrogate),
    /// It is no JSON.
    Broken,
}

/// Half of a surrogate pair in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoneSurrogate {
    /// Byte offset in the string as written, without the quotes.
    pub offset: usize,
}

/// What stands for itself or for a control character after a backslash. 0 for `u`, which needs more.
pub(super) const SHORT: [u8; 256] = {
    let mut short = [0; 256];
    short[b'"' as usize] = b'"';
    short[b'\\' as usize] = b'\\';
    short[b'/' as usize] = b'/';
    short[b'b' as usize] = 0x08;
    short[b'f' as usize] = 0x0c;
    short[b'n' as usize] = b'\n';
    short[b'r' as usize] = b'\r';
    short[b't' as usize] = b'\t';
    short
};

/// The values of hexadecimal digits; what is none has a bit above them.
const HEX: [u16; 256] = {
    let mut hex = [NO_HEX; 256];
    let mut digit = 0;
    while digit < 16 {
        let lower = b"0123456789abcdef"[digit];
        hex[lower as usize] = digit as u16;
        hex[lower.to_ascii_uppercase() as usize] = digit as u16;
        digit += 1;
    }
    hex
};
const NO_HEX: u16 = 0x100;

/// Reads the string whose opening quote `from` begins with. Its text, if anything in it is escaped, is written to the
/// beginning of `to`, which has to be [`BLOCK`] bytes longer than `from`; what is behind the text there is left in any state.
pub(crate) fn read(
    from: &[u8],
    to: &mut [u8],
    errors: Utf8Errors,
) -> Result<JsonString, StringError> {
    debug_assert!(from.first() == Some(&b'"') && to.len() >= from.len() + BLOCK);
    Level::chosen_or_portable().run(Read { from, to, errors })
}

/// The text of the string `quoted`: in `buffer` or, where nothing is escaped, as it is written. What is more than a string
/// is none.
pub(crate) fn text<'a>(
    quoted: &'a str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, StringError> {
    make_room(buffer, quoted.len());
    let JsonString { end, written } = read(quoted.as_bytes(), buffer, errors)?;
    if end != quoted.len() {
        return Err(StringError::Broken);
    }
    match written {
        None => Ok(&quoted[1..quoted.len() - 1]),
        Some(len) => Ok(unescaped(&buffer[..len])),
    }
}

/// The same of what is known to be a string.
pub(crate) fn text_of<'a>(
    string: &'a str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, LoneSurrogate> {
    text(string, buffer, errors).map_err(|e| match e {
        StringError::LoneSurrogate(lone) => lone,
        StringError::Broken => unreachable!("it was checked before"),
    })
}

/// Makes `buffer` long enough for the text of what has `len` bytes.
pub(super) fn make_room(buffer: &mut Vec<u8>, len: usize) {
    if buffer.len() < len + BLOCK {
        buffer.resize(len + BLOCK, 0);
    }
}

/// What [`read`] wrote, as text.
pub(super) fn unescaped(bytes: &[u8]) -> &str {
    // Cannot fail, for escapes are ASCII and what they stand for is written as UTF-8; checking is cheap.
    match fasttok_engine::decode_utf8(bytes, Utf8Errors::Strict) {
        Ok(std::borrow::Cow::Borrowed(text)) => text,
        _ => unreachable!("an unescaped string stays UTF-8"),
    }
}

struct Read<'a> {
    from: &'a [u8],
    to: &'a mut [u8],
    errors: Utf8Errors,
}

impl Task for Read<'_> {
    type Output = Result<JsonString, StringError>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Read { from, to, errors } = self;
        // The first escape, if there is one before the end: up to there nothing is copied.
        let mut i = 1;
        loop {
            let (block, _) = block_at(from, i);
            let ends = ends(simd, &block);
            // By a branch, so that the next block need not wait for this one.
            if ends != 0 {
                i += ends.trailing_zeros() as usize;
                break;
            }
            i += BLOCK;
        }
        match from.get(i) {
            Some(b'"') => return Ok(JsonString { end: i + 1, written: None }),
            Some(b'\\') => {}
            _ => return Err(StringError::Broken),
        }
        let mut o = i - 1;
        to[..o].copy_from_slice(&from[1..i]);
        if !S::IN_STEP {
            return Read { from, to, errors }.one_by_one(simd, i, o);
        }
        loop {
            let (block, _) = block_at(from, i);
            let bytes = simd.bytes(&block);
            let (quotes, backslashes) = (simd.equal(bytes, b'"'), simd.equal(bytes, b'\\'));
            let (escapes, escaped) = escapes(backslashes);
            // Most stand for one of a few: these are read all at once.
            let mut few = quotes | backslashes;
            for byte in *b"nrt/" {
                few |= simd.equal(bytes, byte);
            }
            let others = escaped & !few;
            let ends = quotes & !escaped | !simd.any(bytes, 0xe0);
            // Of the last byte, if it begins an escape, the rest is in the next block; of others the beginning is before.
            let plain = (ends | others >> 1 | escapes & 1 << 63).trailing_zeros();
            let kept = low_bits(plain) & !escapes;
            let text = match S::COMPRESSES || escapes != 0 {
                true => simd.compress(&simd.block(simd.look_up(bytes, escaped, &FEW, bytes)), kept),
                false => block,
            };
            // No escape is shorter than what it stands for, so there is room.
            let out = to.get_mut(o..).and_then(<[u8]>::first_chunk_mut::<BLOCK>);
            *out.ok_or(StringError::Broken)? = text;
            o += kept.count_ones() as usize;
            // By a branch, as above.
            if plain == BLOCK as u32 {
                i += BLOCK;
                continue;
            }
            i += plain as usize;
            match from.get(i) {
                Some(b'"') => return Ok(JsonString { end: i + 1, written: Some(o) }),
                Some(b'\\') => {}
                _ => return Err(StringError::Broken),
            }
            loop {
                let is_unit = from.get(i + 1) == Some(&b'u');
                (i, o) = unescape(from, i, to, o, errors)?;
                // Those of code points come together.
                if from.get(i) != Some(&b'\\') || !is_unit {
                    break;
                }
            }
        }
    }
}

impl Read<'_> {
    /// The rest, from `at` of what is read and `o` of what is written, from one escape to the next: without instructions for it, what
    /// a block has is found out once and not after each escape, and moving together what is between them costs more than to copy it.
    #[inline(always)]
    fn one_by_one<S: Simd>(
        self,
        simd: S,
        mut at: usize,
        mut o: usize,
    ) -> Result<JsonString, StringError> {
        let Read { from, to, errors } = self;
        loop {
            let (block, _) = block_at(from, at);
            // From where on it is not copied yet.
            let (mut plain, mut ends) = (0, ends(simd, &block));
            loop {
                let end = ends.trailing_zeros() as usize;
                let (part, _) = block_at(from, at + plain);
                let out = to.get_mut(o..).and_then(<[u8]>::first_chunk_mut::<BLOCK>);
                *out.ok_or(StringError::Broken)? = part;
                o += end - plain;
                if end == BLOCK {
                    at += BLOCK;
                    break;
                }
                match from.get(at + end) {
                    Some(b'"') => return Ok(JsonString { end: at + end + 1, written: Some(o) }),
                    Some(b'\\') => {}
                    _ => return Err(StringError::Broken),
                }
                let i;
                (i, o) = unescape(from, at + end, to, o, errors)?;
                plain = i - at;
                if plain >= BLOCK {
                    at = i;
                    break;
                }
                ends &= !0 << plain;
            }
        }
    }
}

/// Writes what the escape at `i` of `from` stands for to `o` of `to`: where both go on.
#[inline(always)]
fn unescape(
    from: &[u8],
    i: usize,
    to: &mut [u8],
    o: usize,
    errors: Utf8Errors,
) -> Result<(usize, usize), StringError> {
    let (len, c) = escape(&from[i..], i - 1, errors)?;
    let written = match c {
        Escape::Byte(byte) => {
            to[o] = byte;
            1
        }
        Escape::Char(c) => c.encode_utf8(&mut to[o..]).len(),
    };
    Ok((i + len, o + written))
}

/// What the letters of a few escapes stand for, by their low six bits.
const FEW: [u8; 64] = {
    let mut few = [0; 64];
    let mut i = 0;
    while i < 6 {
        let letter = b"nrt/\\\""[i];
        few[letter as usize & 63] = SHORT[letter as usize];
        i += 1;
    }
    few
};

/// Which bytes begin an escape, and which ones are escaped, of a block that begins with no escaped one, by its
/// `backslashes`: the first of a run of them escapes the second, the third what follows.
#[inline(always)]
fn escapes(backslashes: u64) -> (u64, u64) {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    // Of a run that begins at an even place the difference carries through the odd ones, and the other way round.
    let odd = (backslashes << 1 | ODD).wrapping_sub(backslashes) ^ ODD;
    (odd & backslashes, odd ^ backslashes)
}

/// The lowest `n` bits, at most 64.
#[inline(always)]
fn low_bits(n: u32) -> u64 {
    1u64.checked_shl(n).unwrap_or(0).wrapping_sub(1)
}

/// The block at `i`, and how many bytes of it there are; what is behind the end is quotes.
#[inline(always)]
fn block_at(from: &[u8], i: usize) -> ([u8; BLOCK], usize) {
    let rest = from.get(i..).unwrap_or_default();
    match rest.first_chunk::<BLOCK>() {
        Some(block) => (*block, BLOCK),
        None => {
            let mut block = [b'"'; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            (block, rest.len())
        }
    }
}

/// The bytes of `block` at which a string does not go on as it is written: quotes, backslashes, control characters.
#[inline(always)]
fn ends<S: Simd>(simd: S, block: &[u8; BLOCK]) -> u64 {
    if !S::IN_STEP {
        // One mask, where each is many steps.
        return simd.top_bits(&block.map(|b| u8::from(b == b'"' || b == b'\\' || b < 0x20) << 7));
    }
    let bytes = simd.bytes(block);
    let quotes = simd.equal(bytes, b'"');
    let backslashes = simd.equal(bytes, b'\\');
    let not_control = simd.any(simd.bytes(block), 0xe0);
    quotes | backslashes | !not_control
}

/// What an escape stands for.
enum Escape {
    Byte(u8),
    Char(char),
}

/// The escape (or the pair of them) that `from` begins with, which is at byte `offset` of the string: its length, and what
/// it stands for.
#[inline(always)]
fn escape(from: &[u8], offset: usize, errors: Utf8Errors) -> Result<(usize, Escape), StringError> {
    let &byte = from.get(1).ok_or(StringError::Broken)?;
    let short = SHORT[usize::from(byte)];
    if short != 0 {
        return Ok((2, Escape::Byte(short)));
    }
    let unit = unit(from).ok_or(StringError::Broken)?;
    if let Some(c) = char::from_u32(unit) {
        return Ok((6, Escape::Char(c)));
    }
    match from.get(6..).and_then(self::unit) {
        Some(low @ 0xdc00..0xe000) if unit < 0xdc00 => {
            let c = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            Ok((12, Escape::Char(char::from_u32(c).ok_or(StringError::Broken)?)))
        }
        _ if errors == Utf8Errors::Replace => Ok((6, Escape::Char(char::REPLACEMENT_CHARACTER))),
        _ => Err(StringError::LoneSurrogate(LoneSurrogate { offset })),
    }
}

/// The value of `\uXXXX` at the start of `from`.
#[inline(always)]
fn unit(from: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', a, b, c, d] = from.first_chunk::<6>()? else {
        return None;
    };
    let [a, b, c, d] = [a, b, c, d].map(|digit| u32::from(HEX[usize::from(digit)]));
    let is_hex = (a | b | c | d) < u32::from(NO_HEX);
    is_hex.then_some(a << 12 | b << 8 | c << 4 | d)
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;

    use super::*;

    /// What begins as a string does: quotes, escapes and control characters, right and wrong, more and less far apart.
    fn random_string(random: &mut Random) -> String {
        let bits = [
            "\"",
            r#"\""#,
            r"\\",
            r"\n",
            r"\t",
            r"\r",
            r"\/",
            r"\b",
            r"\u00e9",
            r"\u4E2D",
            r"\ud83d\ude00",
            r"\ud83d",
            r"\ude00",
            r"\x",
            r"\u12g4",
            "\n",
            "\u{1f}",
            "\u{7f}",
            "é",
            "中",
            "😀",
        ];
        let apart = 1 + random.below(150);
        let mut to = String::from('"');
        for _ in 0..random.below(20) {
            for _ in 0..random.below(apart) {
                to.push(char::from(b'a' + random.below(26) as u8));
            }
            // What ends it, or is wrong, less often than the rest.
            let bit = bits[random.below(bits.len())];
            let is_end =
                matches!(bit, "\"" | "\n" | "\u{1f}" | r"\x" | r"\u12g4" | r"\ud83d" | r"\ude00");
            if !is_end || random.below(12) == 0 {
                to.push_str(bit);
            }
        }
        to + ["\"", "\"", "\", 1", "", "\\"][random.below(5)]
    }

    #[test]
    fn a_string_is_what_serde_json_reads() {
        let mut random = Random::new(11);
        let mut found = [0; 3];
        for _ in 0..30_000 {
            let from = random_string(&mut random);
            let mut strings = serde_json::Deserializer::from_str(&from).into_iter::<String>();
            let theirs = strings.next().and_then(Result::ok);
            let end = strings.byte_offset();
            let mut raw = serde_json::Deserializer::from_str(&from)
                .into_iter::<&serde_json::value::RawValue>();
            let is_string = raw.next().is_some_and(|raw| raw.is_ok());
            let raw_end = raw.byte_offset();
            for level in Level::available() {
                let mut buffer = vec![0xff; from.len() + BLOCK];
                let task =
                    Read { from: from.as_bytes(), to: &mut buffer, errors: Utf8Errors::Strict };
                let read = level.run(task);
                match read {
                    Ok(JsonString { end: ours, written }) => {
                        let text = match written {
                            Some(len) => unescaped(&buffer[..len]),
                            None => &from[1..ours - 1],
                        };
                        assert_eq!((Some(text), ours), (theirs.as_deref(), end), "{from:?}");
                        found[0] += 1;
                    }
                    Err(StringError::LoneSurrogate(LoneSurrogate { offset })) => {
                        assert!(
                            theirs.is_none() && from[1 + offset..].starts_with(r"\ud"),
                            "{from:?}"
                        );
                        found[1] += 1;
                    }
                    Err(StringError::Broken) => {
                        assert!(theirs.is_none() && !is_string, "{from:?}");
                        found[2] += 1;
                    }
                }
                // A lone surrogate is no fault of the string where it may be replaced.
                let task =
                    Read { from: from.as_bytes(), to: &mut buffer, errors: Utf8Errors::Replace };
                let replaced = level.run(task);
                assert_eq!(
                    replaced.map(|string| string.end).ok(),
                    is_string.then_some(raw_end),
                    "{from:?}"
                );
            }
        }
        assert!(found.iter().all(|&n| n > 1000), "{found:?}");
    }
}
