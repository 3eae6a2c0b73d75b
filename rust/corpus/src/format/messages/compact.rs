//! JSON as one text: what is counted of arguments that are no string, and of definitions of tools.
//!
//! Blanks between its parts are left out, and a string is escaped where it must be and nowhere else, so that the text does
//! not depend on who wrote the file. It is what Python's `json.dumps(value, ensure_ascii=False, separators=(",", ":"))`
//! writes; numbers are as they are written.

use fasttok_engine::Utf8Errors;

use crate::format::unescape::{LoneSurrogate, unescape};

/// `raw`, which is JSON, in `buffer`.
pub(super) fn compact<'a>(
    raw: &str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, LoneSurrogate> {
    buffer.clear();
    let mut unescaped = Vec::new();
    let mut rest = raw;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        add_bare(&rest[..quote], buffer);
        let string = &rest[quote + 1..];
        let end = string_end(string.as_bytes());
        let from = raw.len() - string.len();
        let text = unescape(&string[..end], &mut unescaped, errors)
            .map_err(|e| LoneSurrogate { offset: from + e.offset })?;
        serde_json::to_writer(&mut *buffer, text).expect("memory takes all of it");
        rest = &string[end + 1..];
    }
    add_bare(rest, buffer);
    Ok(std::str::from_utf8(buffer).expect("it is made of text"))
}

/// Where the string ends that `bytes` begin after its quote.
fn string_end(bytes: &[u8]) -> usize {
    let mut i = 0;
    loop {
        i += memchr::memchr2(b'"', b'\\', &bytes[i..]).expect("the record is JSON");
        match bytes[i] {
            b'"' => return i,
            _ => i += 2,
        }
    }
}

/// What is between strings, without blanks.
fn add_bare(bare: &str, buffer: &mut Vec<u8>) {
    buffer.extend(bare.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
}
