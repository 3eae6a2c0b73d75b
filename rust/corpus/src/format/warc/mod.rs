//! WARC, and WET, which is WARC with text in it: the documents are the texts of `conversion` records or, where these are
//! asked for, the bodies of `response` records that are HTML or plain text, as they are. Other records are passed over;
//! they are no rows.
//!
//! A record is a header of lines, an empty line, as many bytes as its Content-Length says, and two line ends. The length
//! decides, and it is held to what follows it: where that is not the end of a record, the length is wrong, the record is a
//! row of the ledger, and reading goes on at the next line that begins `WARC/1.`, looked for from the header on. So a length
//! that is too long hides no other records, but for those of a record that is too long to be held, which the entry says.

mod http;

use std::borrow::Cow;

use memchr::memmem;

use fasttok_engine::Utf8Errors;

use super::{Format, Layout};
use crate::position::At;
use crate::record::{Fields, FieldsMet, Framed, FramedRecord, Framer, Met, RecordReader, Row};
use crate::skip_reason::{Reason, SkipReason};

pub(super) struct Warc;

/// What every record begins with.
const VERSION: &[u8] = b"WARC/1.";
const VERSION_ON_A_LINE: &[u8] = b"\nWARC/1.";

/// No header is longer than this.
const MAX_HEADER: usize = 1 << 20;

/// A record without text that is longer than this is not held to look at what follows it.
const HELD_WITHOUT_TEXT: u64 = 8 << 20;

/// The types of records.
const TYPES: [&str; 8] = [
    "warcinfo",
    "response",
    "resource",
    "request",
    "metadata",
    "revisit",
    "conversion",
    "continuation",
];

impl Format for Warc {
    fn name(&self) -> &'static str {
        "warc"
    }
    fn suffixes(&self) -> &'static [&'static str] {
        &["warc", "wet", "wat"]
    }
    fn begins(&self, head: &[u8]) -> bool {
        head.starts_with(VERSION)
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Framed(|fields, config| {
            Box::new(WarcFramer {
                fields: fields.clone(),
                asks_responses: config.warc_responses,
                max_record: config.max_record as u64,
                offset: 0,
                state: State::Before,
            })
        })
    }
}

struct WarcFramer {
    fields: Fields,
    /// The documents are bodies of responses.
    asks_responses: bool,
    max_record: u64,
    /// Where the bytes that are not done begin in the file.
    offset: u64,
    state: State,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy)]
enum State {
    /// A record, after empty lines.
    Before,
    /// A record whose header was read.
    Record(Parts),
    /// What is left of a record that is passed over, and the two line ends after it.
    Rest { left: u64, ends: &'static [u8] },
    /// Something up to the next record. At the start of a line that may be one, or not.
    Lost { is_line_start: bool },
}

#[derive(Debug, Clone, Copy)]
struct Parts {
    header: usize,
    body: u64,
    has_text: bool,
    /// The two line ends after the body.
    ends: &'static [u8],
}

/// What became of looking at the next bytes.
enum Looked {
    /// So many of them are done.
    Done(usize),
    /// It takes more to tell.
    More,
}

use Looked::{Done, More};

impl Framer for WarcFramer {
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let records = found.records.len();
            let rest = &bytes[at..];
            let looked = match self.state {
                State::Before => self.before(rest, is_end, found),
                State::Record(parts) => self.record(parts, rest, is_end, found),
                State::Rest { left, ends } => self.rest(left, ends, rest, is_end, found),
                State::Lost { is_line_start } => self.lost(is_line_start, rest, is_end),
            };
            let Done(done) = looked else { break };
            for record in &mut found.records[records..] {
                record.range = record.range.start + at..record.range.end + at;
            }
            at += done;
            self.offset += done as u64;
        }
        if is_end && let State::Rest { .. } = self.state {
            self.cut_short(found);
            self.state = State::Before;
        }
        at
    }

    fn next(&self) -> At {
        At::Byte(self.offset)
    }

    fn reader(&self) -> Box<dyn RecordReader> {
        let max_response = self.asks_responses.then_some(self.max_record as usize);
        Box::new(WarcReader::new(&self.fields, max_response))
    }
}

impl WarcFramer {
    fn bad(&self, reason: Reason, detail: impl Into<String>, found: &mut Framed) {
        found.bad.push((At::Byte(self.offset), SkipReason::new(reason, detail)));
    }

    fn cut_short(&self, found: &mut Framed) {
        let detail = "the file ends in the record, before the two line ends after it";
        self.bad(Reason::Truncated, detail, found);
    }

    /// Empty lines, or the header of a record.
    fn before(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> Looked {
        let blank = bytes.iter().take_while(|&&b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            return Done(blank);
        }
        if !bytes.starts_with(VERSION) {
            if VERSION.starts_with(bytes) {
                if !is_end {
                    return More;
                }
                self.cut_short(found);
                return Done(bytes.len());
            }
            let detail = "no record begins here: what is there up to the next line that begins \
                          WARC/1. is not read";
            self.bad(Reason::Corrupt, detail, found);
            self.state = State::Lost { is_line_start: false };
            return Done(1);
        }
        let Some(header) = header_end(bytes) else {
            if bytes.len() > MAX_HEADER {
                let detail = format!("the header of the record is longer than {MAX_HEADER} bytes");
                self.bad(Reason::Corrupt, detail, found);
                self.state = State::Lost { is_line_start: false };
                return Done(1);
            }
            if !is_end {
                return More;
            }
            return match next_record(&bytes[1..]) {
                Some(next) => {
                    let detail = "the header of the record does not end before the next one begins";
                    self.bad(Reason::Corrupt, detail, found);
                    Done(1 + next)
                }
                None => {
                    self.cut_short(found);
                    Done(bytes.len())
                }
            };
        };
        match parts(&bytes[..header], self.asks_responses) {
            Ok(parts) => {
                self.state = State::Record(parts);
                // Its bytes are done with its body.
                self.record(parts, bytes, is_end, found)
            }
            Err((reason, detail)) => {
                self.bad(reason, detail, found);
                match next_record(&bytes[1..header]) {
                    // The header was cut off, and another one follows in it.
                    Some(next) => Done(1 + next),
                    None => {
                        self.state = State::Lost { is_line_start: true };
                        Done(header)
                    }
                }
            }
        }
    }

    /// A record whose header was read.
    fn record(&mut self, parts: Parts, bytes: &[u8], is_end: bool, found: &mut Framed) -> Looked {
        let Parts { header, body, mut has_text, ends } = parts;
        let len = body.saturating_add(header as u64);
        if self.asks_responses && has_text && len > HELD_WITHOUT_TEXT {
            // A film is not held until it is known to be one.
            has_text = match http::is_text(&bytes[header..]) {
                Some(is_text) => is_text,
                None if !is_end => return More,
                None => true,
            };
        }
        if len > self.max_record || (!has_text && len > HELD_WITHOUT_TEXT) {
            if has_text {
                let max = self.max_record as usize;
                found.bad.push((At::Byte(self.offset), SkipReason::record_too_large(max)));
            }
            self.state = State::Rest { left: body, ends };
            return Done(header);
        }
        // It is no longer than what a machine holds.
        let len = len as usize;
        let is_right = match bytes.get(len..len + ends.len()) {
            Some(after) => after == ends,
            None if !is_end => return More,
            None => false,
        };
        self.state = State::Before;
        if is_right {
            if has_text {
                found.records.push(FramedRecord { range: 0..len, at: At::Byte(self.offset) });
            }
            return Done(len + ends.len());
        }
        if bytes.len() < len + ends.len() && next_record(&bytes[header..]).is_none() {
            self.cut_short(found);
            return Done(bytes.len());
        }
        let detail = format!(
            "the record does not end {body} bytes after its header, where its Content-Length says; \
             what follows up to the next line that begins WARC/1. is not read"
        );
        self.bad(Reason::Corrupt, detail, found);
        self.state = State::Lost { is_line_start: true };
        Done(header)
    }

    /// What is left of a record that is passed over.
    fn rest(
        &mut self,
        left: u64,
        ends: &'static [u8],
        bytes: &[u8],
        is_end: bool,
        found: &mut Framed,
    ) -> Looked {
        if left > 0 {
            let done = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.state = State::Rest { left: left - done as u64, ends };
            return Done(done);
        }
        if bytes.len() < ends.len() && !is_end {
            return More;
        }
        self.state = State::Before;
        if bytes.starts_with(ends) {
            return Done(ends.len());
        }
        let detail = "the record before does not end here, where its Content-Length says, and was \
                      too long to be held: it may have hidden others, and up to the next line that \
                      begins WARC/1. nothing is read";
        self.bad(Reason::Corrupt, detail, found);
        self.state = State::Lost { is_line_start: false };
        Done(1)
    }

    /// What is passed over up to the next record.
    fn lost(&mut self, is_line_start: bool, bytes: &[u8], is_end: bool) -> Looked {
        if is_line_start {
            if !is_end && bytes.len() < VERSION.len() && VERSION.starts_with(bytes) {
                return More;
            }
            if bytes.starts_with(VERSION) {
                self.state = State::Before;
                return Done(0);
            }
        }
        if let Some(next) = memmem::find(bytes, VERSION_ON_A_LINE) {
            self.state = State::Before;
            return Done(next + 1);
        }
        if is_end {
            self.state = State::Before;
            return Done(bytes.len());
        }
        // The last bytes may be the beginning of what is looked for.
        let kept = VERSION_ON_A_LINE.len() - 1;
        match bytes.len() > kept {
            true => {
                self.state = State::Lost { is_line_start: false };
                Done(bytes.len() - kept)
            }
            false => More,
        }
    }
}

/// Where the first line in `bytes` begins that begins a record, after the line that they begin in or at their very start.
fn next_record(bytes: &[u8]) -> Option<usize> {
    match bytes.starts_with(VERSION) {
        true => Some(0),
        false => memmem::find(bytes, VERSION_ON_A_LINE).map(|i| i + 1),
    }
}

/// How long the header at the start of `bytes` is, with the empty line that ends it.
fn header_end(bytes: &[u8]) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(MAX_HEADER)];
    memchr::memchr_iter(b'\n', bytes).find_map(|line_end| match bytes[line_end + 1..] {
        [b'\n', ..] => Some(line_end + 2),
        [b'\r', b'\n', ..] => Some(line_end + 3),
        _ => None,
    })
}

/// The names and values of a header, a value that is folded as its lines; an error is a line that is none.
fn headers(header: &str) -> impl Iterator<Item = Result<(&str, &str), &str>> {
    let mut rest = header.split_once('\n').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let mut end = 0;
        // A line that begins with a blank goes on with the one before.
        loop {
            end += rest[end..].find('\n').map_or(rest.len() - end, |i| i + 1);
            if !rest[end..].starts_with([' ', '\t']) {
                break;
            }
        }
        let (line, after) = rest.split_at(end);
        rest = after;
        let is_blank = line.trim().is_empty();
        (!is_blank).then(|| match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                Ok((name, value.trim()))
            }
            _ => Err(line.trim_end()),
        })
    })
}

/// What the header of a record says of it.
fn parts(header: &[u8], asks_responses: bool) -> Result<Parts, (Reason, String)> {
    let corrupt = |detail: String| Err((Reason::Corrupt, detail));
    let text = String::from_utf8_lossy(header);
    let version = text.lines().next().unwrap_or("");
    let minor = version["WARC/1.".len()..].trim_end();
    if minor.is_empty() || !minor.bytes().all(|b| b.is_ascii_digit()) {
        return corrupt("the version of the record is no number".into());
    }
    let (mut kind, mut length, mut is_segment) = (None, None, false);
    for line in headers(&text) {
        let (name, value) = match line {
            Ok(header) => header,
            Err(line) => return corrupt(format!("a line of the header has no name: {line:?}")),
        };
        if name.eq_ignore_ascii_case("content-length") {
            let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let number = is_number.then(|| value.parse::<u64>().ok()).flatten();
            if number.is_none() || length.is_some_and(|length| Some(length) != number) {
                return corrupt(format!("the Content-Length of the record is wrong: {value:?}"));
            }
            length = number;
        } else if name.eq_ignore_ascii_case("warc-type") {
            kind = Some(value.to_ascii_lowercase());
        } else if name.eq_ignore_ascii_case("warc-segment-number") {
            is_segment = true;
        }
    }
    let Some(body) = length else {
        return corrupt("the record has no Content-Length".into());
    };
    let with_text = if asks_responses { "response" } else { "conversion" };
    let has_text = match kind.as_deref() {
        Some(kind) if kind == with_text && is_segment => {
            let detail =
                "the text of the record is in several segments, which are not put together";
            return Err((Reason::UnsupportedFormat, detail.into()));
        }
        Some(kind) if TYPES.contains(&kind) => kind == with_text,
        Some(kind) => return corrupt(format!("the record has a type that is not known: {kind:?}")),
        None => return corrupt("the record has no WARC-Type".into()),
    };
    let ends: &[u8] = if header.ends_with(b"\r\n") { b"\r\n\r\n" } else { b"\n\n" };
    Ok(Parts { header: header.len(), body, has_text, ends })
}

/// Takes the header off a record; its lines are the fields, whose names have no case.
struct WarcReader {
    /// The headers that are wanted, and the second text after them.
    names: Vec<String>,
    /// Its records are responses, and their bodies are unpacked to so many bytes at most.
    max_response: Option<usize>,
    asks_answer: bool,
    is_text: bool,
    values: Vec<Option<String>>,
    met: Met,
}

impl WarcReader {
    fn new(fields: &Fields, max_response: Option<usize>) -> WarcReader {
        let names = fields.names();
        WarcReader {
            is_text: names[0] == "text",
            max_response,
            asks_answer: fields.answer.is_some(),
            values: vec![None; fields.groups.len()],
            met: Met::new(names.len()),
            names,
        }
    }
}

impl RecordReader for WarcReader {
    fn decode<'a>(
        &mut self,
        record: &'a [u8],
        errors: Utf8Errors,
    ) -> Option<Result<Option<Cow<'a, str>>, SkipReason>> {
        let max = self.max_response?;
        let Some(end) = header_end(record) else { return Some(Ok(None)) };
        let (header, response) = record.split_at(end);
        let text = http::text(response, errors, max);
        Some(text.map(|text| text.map(|text| String::from_utf8_lossy(header) + text)))
    }

    fn read<'a>(
        &'a mut self,
        record: &'a str,
        _: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        let Some(end) = header_end(record.as_bytes()) else { return Ok(None) };
        let (header, text) = record.split_at(end);
        self.met.records += 1;
        // What is the text is no question here; another name is one of another format.
        self.met.met[0] |= self.is_text;
        self.values.fill(None);
        if !self.values.is_empty() || self.met.names.is_empty() {
            for (name, value) in headers(header).flatten() {
                if self.met.names.len() < FieldsMet::NAMES {
                    self.met.names.insert(name.to_owned());
                }
                for (i, slot) in self.values.iter_mut().enumerate() {
                    if self.names[i + 1].eq_ignore_ascii_case(name) {
                        self.met.met[i + 1] = true;
                        *slot = Some(value.split_whitespace().collect::<Vec<_>>().join(" "));
                    }
                }
            }
        }
        if self.asks_answer {
            let detail = "a record of WARC has one text, and so no answer";
            return Err(SkipReason::new(Reason::MissingField, detail));
        }
        Ok(Some(Row { text, values: &self.values, answer: None }))
    }

    fn fields_met(&mut self) -> FieldsMet {
        self.met.take()
    }
}
