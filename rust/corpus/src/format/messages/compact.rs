//! JSON as one text: what is counted of arguments that are no string, and of definitions of tools.
//!
//! Blanks between its parts are left out, and a string is escaped where it must be and nowhere else, so that the text does
//! not depend on who wrote the file. It is what Python's `json.dumps(value, ensure_ascii=False, separators=(",", ":"))`
//! writes; numbers are as they are written.

use fasttok_engine::Utf8Errors;

use crate::format::json_string::{self, JsonString, LoneSurrogate, StringError, make_room};

/// `raw`, which is JSON, in `buffer`.
pub(in crate::format) fn compact<'a>(
    raw: &str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, LoneSurrogate> {
    buffer.clear();
    let mut unescaped = Vec::new();
    let mut rest = raw;
    while let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) {
        add_bare(&rest[..quote], buffer);
        let string = &rest[quote..];
        make_room(&mut unescaped, string.len());
        let read = json_string::read(string.as_bytes(), &mut unescaped, errors);
        let JsonString { end, written } = read.map_err(|e| match e {
            StringError::LoneSurrogate(LoneSurrogate { offset }) => {
                LoneSurrogate { offset: raw.len() - string.len() + 1 + offset }
            }
            StringError::Broken => unreachable!("the record is JSON"),
        })?;
        let text = match written {
            None => &string[1..end - 1],
            Some(len) => json_string::unescaped(&unescaped[..len]),
        };
        serde_json::to_writer(&mut *buffer, text).expect("memory takes all of it");
        rest = &string[end..];
    }
    add_bare(rest, buffer);
    Ok(std::str::from_utf8(buffer).expect("it is made of text"))
}

/// What is between strings, without blanks.
fn add_bare(bare: &str, buffer: &mut Vec<u8>) {
    buffer.extend(bare.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')));
}
