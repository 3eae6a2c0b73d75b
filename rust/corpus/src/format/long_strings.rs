//! A record of JSON without what its long strings hold, so that a parser of all of JSON has little left to read. The strings
//! are checked, and their escapes undone, in the pass that finds their ends.
//!
//! What is left is JSON if and only if the record is: outside of strings nothing is changed, and in place of a long string
//! that is one stands an empty one. A record that has any other string is not taken apart, nor is a name.

use std::ops::Range;

use fasttok_engine::Utf8Errors;

use super::json_string::{self, JsonString, LoneSurrogate, make_room};

/// What has so many bytes and more is taken out.
const LONG: usize = 64;

/// The last record, apart. Buffers are kept for the next one.
#[derive(Debug, Default)]
pub(super) struct LongStrings {
    /// The record without what they hold.
    rest: String,
    strings: Vec<LongString>,
    /// The text of those in which something was escaped.
    texts: Vec<u8>,
}

#[derive(Debug)]
struct LongString {
    /// The index in the rest of its opening quote.
    at: usize,
    text: LongText,
}

/// Where the text of a long string is.
#[derive(Debug)]
enum LongText {
    InRecord(Range<usize>),
    Unescaped(Range<usize>),
}

impl LongStrings {
    /// A buffer that grew beyond this for one record is given back.
    const KEPT: usize = 8 << 20;

    /// Takes `record` apart. False where that cannot be, or is of no use.
    pub fn take_out(&mut self, record: &str, errors: Utf8Errors) -> bool {
        self.rest.clear();
        self.strings.clear();
        if self.texts.len().max(self.rest.capacity()) > Self::KEPT {
            *self = LongStrings::default();
        }
        if record.len() < 2 * LONG {
            return false;
        }
        make_room(&mut self.texts, record.len());
        let bytes = record.as_bytes();
        // How much of the record is in the rest, and of the texts is used.
        let (mut done, mut used) = (0, 0);
        let mut i = 0;
        while let Some(quote) = memchr::memchr(b'"', &bytes[i..]) {
            let open = i + quote;
            // What is unescaped is no longer than what was read, so there is room.
            let read = json_string::read(&bytes[open..], &mut self.texts[used..], errors);
            let Ok(JsonString { end, written }) = read else {
                self.strings.clear();
                return false;
            };
            i = open + end;
            if end - 2 < LONG || is_name(&bytes[i..]) {
                continue;
            }
            self.rest.push_str(&record[done..=open]);
            done = i - 1;
            let text = match written {
                None => LongText::InRecord(open + 1..done),
                Some(len) => LongText::Unescaped(used..used + len),
            };
            used += written.unwrap_or_default();
            self.strings.push(LongString { at: self.rest.len() - 1, text });
        }
        self.rest.push_str(&record[done..]);
        !self.strings.is_empty()
    }

    /// What is left of the record.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    /// The text of `raw`, a value in the rest of `record`, where it is a string that was taken out.
    fn text<'a>(&'a self, raw: &str, record: &'a str) -> Option<&'a str> {
        if raw != "\"\"" {
            return None;
        }
        let at = self.index_of(raw)?;
        let found = self.strings.binary_search_by_key(&at, |string| string.at).ok()?;
        Some(match &self.strings[found].text {
            LongText::InRecord(range) => &record[range.clone()],
            LongText::Unescaped(range) => json_string::unescaped(&self.texts[range.clone()]),
        })
    }

    /// Whether a string was taken out of `raw`, a value in the rest that is none itself.
    pub fn are_in(&self, raw: &str) -> bool {
        self.index_of(raw).is_some_and(|at| {
            let next = self.strings.partition_point(|string| string.at < at);
            self.strings.get(next).is_some_and(|string| string.at < at + raw.len())
        })
    }

    /// The index of `raw` in the rest; `None` where it is not a part of it.
    fn index_of(&self, raw: &str) -> Option<usize> {
        let at = raw.as_ptr().addr().checked_sub(self.rest.as_ptr().addr())?;
        (at + raw.len() <= self.rest.len()).then_some(at)
    }
}

/// A record, and its long strings if it was taken apart.
#[derive(Clone, Copy)]
pub(super) struct Strings<'a> {
    pub record: &'a str,
    pub long: Option<&'a LongStrings>,
}

impl<'a> Strings<'a> {
    /// Those of a record that is as it is.
    pub const AS_WRITTEN: Strings<'static> = Strings { record: "", long: None };

    /// The text of the string `raw`, a value in the record or in the rest of it; in `buffer` if need be.
    pub fn text(
        self,
        raw: &'a str,
        buffer: &'a mut Vec<u8>,
        errors: Utf8Errors,
    ) -> Result<&'a str, LoneSurrogate> {
        match self.long.and_then(|long| long.text(raw, self.record)) {
            Some(text) => Ok(text),
            None => json_string::text_of(raw, buffer, errors),
        }
    }
}

/// Whether a string that is before `rest` is the name of a field.
fn is_name(rest: &[u8]) -> bool {
    let after = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    after == Some(&b':')
}
