//! JSON that is not lines: one array of objects, or objects one after the other in any layout (as jq writes them). Each
//! element is a record, so that an array of any length is read in the memory of its longest element.
//!
//! The framer knows the grammar as far as it says where an element ends: brackets, strings, commas and colons. What is
//! in between (numbers, escapes, bytes that are not UTF-8) it passes over, and the reader of JSONL checks the whole of each
//! element. Where brackets, commas and colons are not as they must be nobody can say where the next element begins,
//! so an element is then looked for only at a place where there can be none inside another: a line that is indented as
//! the first one of the broken element. Without such a line the rest of the file is not read, and the entry says so.

use fasttok_engine::Utf8Errors;

use super::json_parts::ObjectParts;
use super::jsonl::JsonlReader;
use super::{Format, Layout};
use crate::position::At;
use crate::record::{Fields, Framed, FramedRecord, Framer, RecordPart, RecordParts, RecordReader};
use crate::skip_reason::{Reason, SkipReason};

pub(super) struct Json;

const NOUN: &str = "element";

/// Lines that are indented by more are not told apart.
const INDENT: usize = 256;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn passes_bom(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Framed(|fields, config| Box::new(JsonFramer::new(fields, config.max_record)))
    }
}

/// Makes what reads an element.
type MakeReader = fn(&Fields) -> Box<dyn RecordReader>;

/// Makes what reads an element in parts, if that can be done.
type MakeParts = fn(&Fields, Utf8Errors) -> Option<Box<dyn RecordParts>>;

pub(super) struct JsonFramer {
    fields: Fields,
    reader: MakeReader,
    parts: MakeParts,
    max_record: usize,
    /// The index of the element that is next or in work.
    element: u64,
    is_array: bool,
    state: State,
    /// How much of the bytes that are not done was looked at.
    seen: usize,
    /// How many bytes of the element in work were dropped, because it is too long.
    dropped: Option<usize>,
    /// The element in work is read in parts.
    in_parts: bool,
    /// How many bytes of it were handed out as parts.
    handed_out: usize,
    /// No comma is before the element in work.
    lacks_comma: bool,
    open: Open,
    /// The blanks before the element that is next or in work, if nothing else is before it on its line.
    indent: Option<Vec<u8>>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The array, or the first object.
    Start,
    /// An element, after a comma or not.
    Before { is_after_comma: bool },
    /// What follows an element.
    After,
    /// Something in an element.
    Inside(Expect),
    /// A line that begins as the element did, of which so many bytes are matched.
    Lost(usize),
    /// Nothing, after the end of the array.
    End,
    /// Something that is not read any more.
    Over,
}

/// What comes next in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    /// The rest of a string.
    String {
        is_key: bool,
        is_escaped: bool,
    },
    /// The rest of a number or a word.
    Scalar,
}

/// The brackets that are open.
#[derive(Debug, Default)]
struct Open {
    depth: usize,
    /// Of the outermost ones, which are objects. What is nested more deeply the reader refuses.
    objects: [u128; 2],
}

impl Open {
    const KNOWN: usize = 256;

    fn push(&mut self, is_object: bool) {
        if self.depth < Open::KNOWN {
            let (word, bit) = (self.depth / 128, self.depth % 128);
            self.objects[word] &= !(1 << bit);
            self.objects[word] |= u128::from(is_object) << bit;
        }
        self.depth += 1;
    }

    /// Whether the innermost one is an object; nothing where that is not known.
    fn is_object(&self) -> Option<bool> {
        let innermost = self.depth.checked_sub(1)?;
        (innermost < Open::KNOWN)
            .then(|| self.objects[innermost / 128] >> (innermost % 128) & 1 == 1)
    }

    /// Whether this bracket closes the innermost one, which is then closed.
    fn pop(&mut self, is_object: bool) -> bool {
        let fits = self.depth > 0 && self.is_object().is_none_or(|open| open == is_object);
        self.depth -= usize::from(fits);
        fits
    }
}

impl JsonFramer {
    pub fn new(fields: &Fields, max_record: usize) -> JsonFramer {
        JsonFramer {
            fields: fields.clone(),
            reader: |fields| Box::new(JsonlReader::new(fields, NOUN)),
            parts: |fields, errors| ObjectParts::begin(fields, NOUN, errors),
            max_record,
            element: 0,
            is_array: false,
            state: State::Start,
            seen: 0,
            dropped: None,
            in_parts: false,
            handed_out: 0,
            lacks_comma: false,
            open: Open::default(),
            indent: Some(Vec::new()),
        }
    }

    /// The same, of elements that are read by what `reader` makes, and none in parts.
    pub fn of_whole_elements(fields: &Fields, max_record: usize, reader: MakeReader) -> JsonFramer {
        JsonFramer { reader, parts: |_, _| None, ..JsonFramer::new(fields, max_record) }
    }

    fn at(&self) -> At {
        At::Element(self.element)
    }

    fn bad(&self, reason: Reason, detail: impl Into<String>, found: &mut Framed) {
        found.bad.push((self.at(), SkipReason::new(reason, detail)));
    }

    /// Enters once that the element in work is too long.
    fn too_long(&mut self, found: &mut Framed) {
        if self.dropped.is_none() {
            found.bad.push((self.at(), SkipReason::record_too_large(self.max_record)));
            self.dropped = Some(0);
        }
    }

    /// The length of the element in work, `held` bytes of which are held.
    fn len(&self, held: usize) -> usize {
        self.handed_out + held
    }

    /// The element that was read in parts ended, or was given up, before the byte at `i`.
    fn end_parts(&mut self, part: RecordPart, i: usize, found: &mut Framed) -> usize {
        (self.in_parts, self.seen) = (false, 0);
        found.part = Some(part);
        i
    }

    /// Notes a blank, or what else there is, before an element.
    fn blank(&mut self, byte: u8) {
        match (byte, &mut self.indent) {
            (b'\n', _) => self.indent = Some(Vec::new()),
            (b' ' | b'\t', Some(indent)) if indent.len() < INDENT => indent.push(byte),
            _ => self.indent = None,
        }
    }

    /// Begins the element whose first byte is this one.
    fn begin(&mut self, byte: u8) -> Result<(), &'static str> {
        (self.open, self.dropped, self.handed_out) = (Open::default(), None, 0);
        self.state = State::Inside(Expect::Value);
        self.value(byte)
    }

    /// Begins a value; an error is what was expected.
    fn value(&mut self, byte: u8) -> Result<(), &'static str> {
        self.state = State::Inside(match byte {
            b'{' => {
                self.open.push(true);
                Expect::KeyOrEnd
            }
            b'[' => {
                self.open.push(false);
                Expect::ValueOrEnd
            }
            b'"' => Expect::String { is_key: false, is_escaped: false },
            b'}' | b']' | b',' | b':' => return Err("a value"),
            _ => Expect::Scalar,
        });
        Ok(())
    }

    /// After a value in an element.
    fn end_value(&mut self) -> Option<Ended> {
        self.state = State::Inside(Expect::CommaOrEnd);
        (self.open.depth == 0).then_some(Ended)
    }

    /// Takes the first byte of `rest`, or all up to one that decides something, and says how many; an error is
    /// where what was expected.
    fn inside(
        &mut self,
        expect: Expect,
        rest: &[u8],
    ) -> Result<(usize, Option<Ended>), (usize, &'static str)> {
        let byte = rest[0];
        if let Expect::String { is_key, is_escaped } = expect {
            let end = match is_escaped {
                true => Some(0),
                false => memchr::memchr3(b'"', b'\\', b'\n', rest),
            };
            let Some(end) = end else { return Ok((rest.len(), None)) };
            let string = |is_escaped| State::Inside(Expect::String { is_key, is_escaped });
            match rest[end] {
                // No string goes on there. Where a quote is missing, the line may begin an element; else the reader says it.
                b'\n' if self.indent.is_some() => return Err((end, "the end of the string")),
                _ if is_escaped || rest[end] == b'\n' => self.state = string(false),
                b'\\' => self.state = string(true),
                _ if is_key => self.state = State::Inside(Expect::Colon),
                _ => return Ok((end + 1, self.end_value())),
            }
            return Ok((end + 1, None));
        }
        if expect == Expect::Scalar {
            let is_end = |b: &u8| {
                matches!(b, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"') || is_blank(*b)
            };
            return Ok(match rest.iter().position(is_end) {
                None => (rest.len(), None),
                Some(end) => (end, self.end_value()),
            });
        }
        if is_blank(byte) {
            return Ok((1, None));
        }
        match (expect, byte) {
            (Expect::ValueOrEnd, b']') | (Expect::CommaOrEnd, b']') if self.open.pop(false) => {
                return Ok((1, self.end_value()));
            }
            (Expect::KeyOrEnd | Expect::CommaOrEnd, b'}') if self.open.pop(true) => {
                return Ok((1, self.end_value()));
            }
            (Expect::Value | Expect::ValueOrEnd, _) => self.value(byte).map_err(|e| (0, e))?,
            (Expect::Key | Expect::KeyOrEnd, b'"') => {
                self.state = State::Inside(Expect::String { is_key: true, is_escaped: false });
            }
            (Expect::Colon, b':') => self.state = State::Inside(Expect::Value),
            (Expect::CommaOrEnd, b',') => match self.open.is_object() {
                Some(true) => self.state = State::Inside(Expect::Key),
                Some(false) => self.state = State::Inside(Expect::Value),
                // Nobody knows, and the reader will refuse it: a key passes for a value, and a colon for a comma.
                None => self.state = State::Inside(Expect::Value),
            },
            (Expect::CommaOrEnd, b':') if self.open.is_object().is_none() => {
                self.state = State::Inside(Expect::Value);
            }
            (Expect::Key | Expect::KeyOrEnd, _) => return Err((0, "a name in quotes")),
            (Expect::Colon, _) => return Err((0, "a colon")),
            _ => return Err((0, "a comma or the end of the object or array")),
        }
        Ok((1, None))
    }

    /// Gives the element in work up, where `expected` should be at byte `at` of it, from 1.
    fn lose(&mut self, expected: &str, at: usize, byte: u8, found: &mut Framed) {
        let what = match byte {
            0x20..0x7f => format!("{:?}", char::from(byte)),
            _ => format!("the byte {byte:#04x}"),
        };
        let (state, after) = match &self.indent {
            Some(_) => {
                (State::Lost(0), "reading goes on at the next line that begins like its first")
            }
            None => (State::Over, "what follows in the file is not read"),
        };
        let detail =
            format!("expected {expected} and not {what} at byte {at} of the {NOUN}; {after}");
        if at - 1 > self.max_record {
            self.too_long(found);
        }
        self.bad(Reason::BrokenJson, detail, found);
        self.state = state;
        self.element += 1;
        self.lacks_comma = false;
    }
}

/// The element in work has ended.
struct Ended;

impl Framer for JsonFramer {
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize {
        // Where the element in work begins.
        let mut start = 0;
        let mut i = self.seen;
        while let Some(&byte) = bytes.get(i) {
            let was = self.state;
            let mut begins = false;
            match was {
                State::Start | State::Before { .. } | State::After if is_blank(byte) => {
                    self.blank(byte);
                }
                State::Start if byte == b'[' => {
                    (self.is_array, self.indent) = (true, None);
                    self.state = State::Before { is_after_comma: false };
                }
                State::Start if byte == b'{' => begins = true,
                State::Start => {
                    let detail = "the file is not JSON: it begins neither an array nor an object";
                    self.bad(Reason::BrokenJson, detail, found);
                    self.state = State::Over;
                }
                State::Before { is_after_comma } if self.is_array && byte == b']' => {
                    if is_after_comma {
                        let detail = "a comma is before the end of the array";
                        self.bad(Reason::BrokenJson, detail, found);
                        self.element += 1;
                    }
                    self.state = State::End;
                }
                State::Before { .. } if self.is_array && byte == b',' => {
                    let detail = "there is nothing between two commas, or before the first";
                    self.bad(Reason::BrokenJson, detail, found);
                    self.element += 1;
                    self.state = State::Before { is_after_comma: true };
                    self.indent = None;
                }
                State::Before { .. } => begins = true,
                State::After if self.is_array && byte == b',' => {
                    self.state = State::Before { is_after_comma: true };
                    self.indent = None;
                }
                State::After if self.is_array && byte == b']' => self.state = State::End,
                State::After => {
                    self.lacks_comma = self.is_array;
                    begins = true;
                }
                State::Inside(expect) => match self.inside(expect, &bytes[i..]) {
                    Ok((len, ended)) => {
                        i += len;
                        if let Some(Ended) = ended {
                            let mut part = RecordPart::Lost;
                            if self.dropped.is_some() || self.len(i - start) > self.max_record {
                                self.too_long(found);
                            } else if self.lacks_comma {
                                self.bad(Reason::BrokenJson, "a comma is missing before it", found);
                            } else if self.in_parts {
                                part = RecordPart::Last;
                            } else {
                                found.records.push(FramedRecord { range: start..i, at: self.at() });
                            }
                            (self.dropped, self.lacks_comma) = (None, false);
                            self.element += 1;
                            (self.state, self.indent) = (State::After, None);
                            if self.in_parts {
                                return self.end_parts(part, i, found);
                            }
                        }
                        continue;
                    }
                    Err((at, expected)) => {
                        i += at;
                        let byte = bytes[i];
                        let at = self.dropped.unwrap_or(0) + self.len(i - start) + 1;
                        self.lose(expected, at, byte, found);
                        if self.in_parts {
                            return self.end_parts(RecordPart::Lost, i, found);
                        }
                        continue;
                    }
                },
                State::Lost(matched) => {
                    let indent = self.indent.as_deref().unwrap_or_default();
                    self.state = State::Lost(match (byte, matched) {
                        (b'\n', _) => 1,
                        (b'{', n) if n == indent.len() + 1 => {
                            begins = true;
                            0
                        }
                        (b, n) if n > 0 && indent.get(n - 1) == Some(&b) => n + 1,
                        _ => 0,
                    });
                }
                State::End if is_blank(byte) => {}
                State::End => {
                    let detail = "something follows the end of the array, which is not read";
                    self.bad(Reason::BrokenJson, detail, found);
                    self.state = State::Over;
                }
                State::Over => {
                    i = bytes.len();
                    continue;
                }
            }
            if begins {
                start = i;
                if let Err(expected) = self.begin(byte) {
                    self.lose(expected, 1, byte, found);
                }
            }
            i += 1;
        }
        let mut done = bytes.len();
        if let State::Inside(expect) = self.state {
            if self.dropped.is_some() || self.len(done - start) > self.max_record {
                self.too_long(found);
            }
            let is_word = expect == Expect::Scalar && self.open.depth == 0;
            let is_last = is_end && is_word && !self.is_array && self.dropped.is_none();
            let was_in_parts = self.in_parts;
            if was_in_parts {
                let part = match is_end || self.dropped.is_some() {
                    _ if is_last => RecordPart::Last,
                    true => RecordPart::Lost,
                    false => RecordPart::More,
                };
                found.part = Some(part);
                self.in_parts = part == RecordPart::More;
                // It is told of once.
                self.state = if is_end { State::Over } else { self.state };
            }
            if self.in_parts {
                self.handed_out += done;
            } else if is_last && was_in_parts {
                // It is the last part.
            } else if is_last {
                found.records.push(FramedRecord { range: start..done, at: self.at() });
            } else if is_end {
                self.bad(Reason::Truncated, format!("the file ends inside the {NOUN}"), found);
            } else if let Some(dropped) = &mut self.dropped {
                *dropped += bytes.len() - start;
            } else {
                done = start;
            }
        } else if is_end
            && self.is_array
            && matches!(self.state, State::Before { .. } | State::After)
        {
            self.bad(Reason::Truncated, "the array does not end", found);
        }
        self.seen = bytes.len() - done;
        done
    }

    fn next(&self) -> At {
        self.at()
    }

    fn reader(&self) -> Box<dyn RecordReader> {
        (self.reader)(&self.fields)
    }

    fn begin_parts(&mut self, errors: Utf8Errors) -> Option<Box<dyn RecordParts>> {
        if self.dropped.is_some() || !matches!(self.state, State::Inside(_)) {
            return None;
        }
        let parts = (self.parts)(&self.fields, errors)?;
        (self.in_parts, self.handed_out, self.seen) = (true, self.seen, 0);
        Some(parts)
    }
}

/// Whether `head`, the beginning of a file or the `whole` of it, is an array whose first element is a record by `reader`,
/// or objects one after the other of which the first is; nothing where more must be read. One object alone is no row of
/// records: it is what settings and manifests are.
pub(crate) fn looks_like_json(
    head: &[u8],
    whole: bool,
    is_record: &dyn Fn(&[u8]) -> bool,
) -> Option<bool> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut framer = JsonFramer::new(&Fields::default(), usize::MAX);
    let mut found = Framed::default();
    framer.frame(head, false, &mut found);
    // What begins as no element can is bad at once.
    let fits = found.bad.is_empty() || !found.records.is_empty();
    let enough = if framer.is_array { 1 } else { 2 };
    let is_object = |record: &FramedRecord| head[record.range.start] == b'{';
    match found.records.first() {
        _ if !fits => Some(false),
        Some(first) if !is_object(first) => Some(false),
        Some(first) if found.records.len() >= enough => Some(is_record(&head[first.range.clone()])),
        _ => whole.then_some(false),
    }
}

/// What may be between the parts of JSON.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}
