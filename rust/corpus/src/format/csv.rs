//! CSV and TSV (RFC 4180): a header that names the fields, and a record of as many fields after the other. Quotes, line
//! ends in quotes, LF, CRLF and CR are as Python's `csv` has them; blank lines are no rows.
//!
//! Where a record ends is found here, its fields are cut by csv-core. In a quote a line end is text, so that one stray
//! quote may swallow a file: a quote that opened on an earlier line is therefore taken for stray if something other than a
//! delimiter or a line end follows where it closes, if it does not close before the file ends, or in so many bytes. Then
//! its record is an entry of the ledger, and reading goes on with the line after the one that it is on. A stray quote
//! that closes where a quote may close cannot be told from one that is meant.
//!
//! A record that is too long to be held is read in parts (`csv_parts`). What is after the first line end in an open quote is held
//! all the same until the quote closes, so that there is a way back to it.
//!
//! The delimiter goes by the name of the format and is not guessed: no semicolons.

use std::sync::Arc;

use fasttok_engine::Utf8Errors;

use super::csv_parts::RowParts;
use super::{Format, Layout};
use crate::Progress;
use crate::position::At;
use crate::record::{
    Fields, FieldsMet, Framed, FramedRecord, Framer, RecordPart, RecordParts, RecordReader, Row,
};
use crate::skip_reason::{Reason, SkipReason};

/// The format of tables with this delimiter.
pub(super) struct Table {
    name: &'static str,
    delimiter: u8,
}

pub(super) const CSV: Table = Table { name: "csv", delimiter: b',' };
pub(super) const TSV: Table = Table { name: "tsv", delimiter: b'\t' };

/// A record may be so long up to where a quote over several lines closes: beyond that the quote is taken for stray.
const QUOTED: usize = 64 << 20;

const QUOTE: u8 = b'"';

impl Format for Table {
    fn name(&self) -> &'static str {
        self.name
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn passes_bom(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        match self.delimiter {
            b'\t' => Layout::Framed(|fields, config| {
                Box::new(CsvFramer::new(fields, b'\t', config.max_record))
            }),
            _ => Layout::Framed(|fields, config| {
                Box::new(CsvFramer::new(fields, b',', config.max_record))
            }),
        }
    }
}

/// Whether `head`, the beginning of a file or the `whole` of it, has a header with the field of the text; nothing where
/// more must be read.
pub(crate) fn has_text_column(
    head: &[u8],
    whole: bool,
    fields: &Fields,
    delimiter: u8,
) -> Option<bool> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut framer = CsvFramer::new(fields, delimiter, usize::MAX);
    framer.frame(head, whole, &mut Framed::default());
    match framer.columns {
        Some(columns) => Some(columns.slots[0].is_some()),
        None => whole.then_some(false),
    }
}

/// The header, and where in it the wanted fields are.
pub(super) struct Columns {
    pub delimiter: u8,
    header: Vec<String>,
    /// The names of the wanted fields, in the order of [`Fields::names`].
    names: Vec<String>,
    /// Of each of them, the index in the header.
    pub slots: Vec<Option<usize>>,
    answer: Option<usize>,
    /// The index of the second part of the text among the wanted fields.
    more: usize,
}

impl Columns {
    fn new(fields: &Fields, delimiter: u8, header: Vec<String>) -> Columns {
        let names = fields.names();
        // Of a name that occurs twice the last holds, as in Python.
        let slots = names.iter().map(|name| header.iter().rposition(|h| h == name)).collect();
        let (answer, more) = fields.after_groups();
        Columns { delimiter, header, slots, names, answer, more }
    }

    /// Whether the text is of one field, and there is no second one.
    fn has_one_text(&self) -> bool {
        self.answer.is_none() && self.more == self.names.len()
    }

    /// The indices of the groups among the wanted fields.
    pub fn groups(&self) -> std::ops::Range<usize> {
        1..self.more - usize::from(self.answer.is_some())
    }

    /// Which fields there are, before any record was read.
    pub fn fields_met(&self) -> FieldsMet {
        FieldsMet {
            met: self.slots.iter().map(Option::is_some).collect(),
            names: self.header.iter().take(FieldsMet::NAMES).cloned().collect(),
            ..FieldsMet::default()
        }
    }

    /// Refuses a record of so many fields that is no row.
    pub fn check(&self, fields: usize) -> Result<(), SkipReason> {
        let expected = self.header.len();
        if fields == expected {
            return Ok(());
        }
        let detail = format!("the record has {fields} fields, and the header {expected}");
        Err(SkipReason::new(Reason::WrongFieldCount, detail))
    }

    /// Which column the wanted field `i` is, which must be there.
    pub fn column(&self, i: usize) -> Result<usize, SkipReason> {
        self.slots[i].ok_or_else(|| {
            let detail = format!("the header has no field {:?}", self.names[i]);
            SkipReason::new(Reason::MissingField, detail)
        })
    }
}

pub(super) struct CsvFramer {
    fields: Fields,
    delimiter: u8,
    max_record: usize,
    /// [`QUOTED`].
    pub quoted: usize,
    columns: Option<Arc<Columns>>,
    state: State,
    /// How many bytes of the record in work were given out, where it is read in parts.
    parts: Option<usize>,
    /// How much of the bytes that are not done was looked at.
    seen: usize,
    /// The line that is looked at, and that the record in work begins on.
    line: u64,
    first_line: u64,
    /// The last byte was CR, which ended a line: an LF after it belongs to it.
    is_after_cr: bool,
    /// The line on which the quote opened that is open or was last.
    quote_line: u64,
    /// Where the first line end is in the quote that is open, or that closed with the last byte.
    line_end: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Record,
    Field,
    InField,
    InQuotes,
    /// After a quote in quotes, which closes them unless it is doubled.
    AfterQuote,
    /// In a record that is too long, to the end of the line.
    Skip,
    /// Nothing is read any more.
    Over,
}

impl CsvFramer {
    pub fn new(fields: &Fields, delimiter: u8, max_record: usize) -> CsvFramer {
        CsvFramer {
            fields: fields.clone(),
            delimiter,
            max_record,
            quoted: QUOTED,
            columns: None,
            state: State::Record,
            parts: None,
            seen: 0,
            line: 1,
            first_line: 1,
            is_after_cr: false,
            quote_line: 1,
            line_end: None,
        }
    }

    /// The record in work ends: `record` are its bytes.
    fn end_record(&mut self, range: std::ops::Range<usize>, bytes: &[u8], found: &mut Framed) {
        self.state = State::Record;
        if self.parts.take().is_some() {
            found.part = Some(RecordPart::Last);
            return;
        }
        let at = At::Line(self.first_line);
        if self.columns.is_some() {
            found.records.push(FramedRecord { range, at });
            return;
        }
        let mut fields = Splitter::new(self.delimiter);
        let n = fields.split(&bytes[range]);
        let name = |i| String::from_utf8_lossy(fields.field(i)).into_owned();
        let header = (0..n).map(name).collect();
        self.columns = Some(Columns::new(&self.fields, self.delimiter, header).into());
    }

    /// The record in work is no record. Without a header none of the others is one.
    fn bad(&mut self, reason: Reason, detail: String, found: &mut Framed) {
        if self.parts.take().is_some() {
            found.part = Some(RecordPart::Lost);
        }
        let detail = match self.columns {
            Some(_) => detail,
            None => {
                self.state = State::Over;
                format!("{detail}: without its header the file is not read")
            }
        };
        found.bad.push((At::Line(self.first_line), SkipReason::new(reason, detail)));
    }

    /// Skips the line of a record that is too long.
    fn too_long(&mut self, found: &mut Framed) {
        self.state = State::Skip;
        let SkipReason { reason, detail, .. } = SkipReason::record_too_large(self.max_record);
        self.bad(reason, detail, found);
    }

    /// The open quote is stray, because of `why`: says where to go on. `end`: there, if its line does not end.
    fn stray(&mut self, why: &str, end: usize, found: &mut Framed) -> usize {
        let line = self.quote_line;
        self.state = State::Skip;
        self.line = line;
        let detail =
            format!("unterminated quote from line {line}: {why}; reading goes on after that line");
        self.bad(Reason::UnterminatedQuote, detail, found);
        self.line_end.take().unwrap_or(end)
    }

    /// Whether the record, which begins at `start` in `bytes`, ends with the quote that is open, which is looked at from `i` to
    /// `to`: says where to go on if it does.
    fn ends_in_quotes(
        &mut self,
        (start, i, to): (usize, usize, usize),
        bytes: &[u8],
        found: &mut Framed,
    ) -> Option<usize> {
        let before = self.parts.unwrap_or(0);
        let len = before + to - start;
        let most = self.max_record.min(self.quoted);
        if len <= most {
            return None;
        }
        let line_end = || memchr::memchr2(b'\n', b'\r', &bytes[i..to]).map(|end| i + end);
        let line_end = self.line_end.or_else(line_end);
        match line_end {
            Some(end) if before + end - start < self.max_record => {
                self.line_end = line_end;
                let why = format!("it does not end in {most} bytes");
                Some(self.stray(&why, end, found))
            }
            // On one line there is nothing to go back to.
            _ if len > self.max_record => {
                self.too_long(found);
                Some((start + self.max_record).saturating_sub(before).max(i))
            }
            _ => None,
        }
    }

    /// Counts the line ends in quotes.
    fn count_lines(&mut self, bytes: &[u8]) {
        if memchr::memchr(b'\r', bytes).is_none() {
            let first = usize::from(self.is_after_cr && bytes.first() == Some(&b'\n'));
            self.line += memchr::memchr_iter(b'\n', &bytes[first..]).count() as u64;
            self.is_after_cr &= bytes.is_empty();
            return;
        }
        for &byte in bytes {
            self.line += u64::from(byte == b'\r' || byte == b'\n' && !self.is_after_cr);
            self.is_after_cr = byte == b'\r';
        }
    }
}

impl Framer for CsvFramer {
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize {
        // Where the record in work begins.
        let mut start = 0;
        let mut i = self.seen;
        // After one that is read in parts nothing else is looked for.
        while found.part.is_none() {
            let rest = &bytes[i..];
            let Some(&byte) = rest.first() else {
                if is_end && self.state == State::InQuotes {
                    let why = "it does not end before the file does";
                    i = self.stray(why, bytes.len(), found);
                    continue;
                }
                break;
            };
            let is_line_end = matches!(byte, b'\n' | b'\r');
            match self.state {
                State::Over => i = bytes.len(),
                State::Record => {
                    let is_after_cr = std::mem::replace(&mut self.is_after_cr, byte == b'\r');
                    if is_line_end {
                        self.line += u64::from(byte == b'\r' || !is_after_cr);
                        i += 1;
                    } else {
                        (start, self.first_line) = (i, self.line);
                        self.state = State::Field;
                    }
                }
                State::Field if byte == QUOTE => {
                    (self.quote_line, self.line_end) = (self.line, None);
                    self.state = State::InQuotes;
                    i += 1;
                }
                State::Field | State::InField | State::AfterQuote => {
                    let is_quote = self.state == State::AfterQuote && byte == QUOTE;
                    let is_stray = byte != self.delimiter && !is_line_end;
                    if is_quote {
                        self.state = State::InQuotes;
                        i += 1;
                        continue;
                    }
                    if is_stray && self.state == State::AfterQuote && self.line_end.is_some() {
                        let why = format!("text follows where it ends, on line {}", self.line);
                        i = self.stray(&why, i, found);
                        continue;
                    }
                    self.line_end = None;
                    let end = memchr::memchr3(self.delimiter, b'\n', b'\r', rest);
                    i = end.map_or(bytes.len(), |end| i + end);
                    let is_more = end.is_some() && bytes[i] == self.delimiter;
                    let before = self.parts.unwrap_or(0);
                    if before + i - start + usize::from(is_more) > self.max_record {
                        self.too_long(found);
                    } else if end.is_none() {
                        self.state = State::InField;
                    } else if is_more {
                        self.state = State::Field;
                        i += 1;
                    } else {
                        self.end_record(start..i, bytes, found);
                    }
                }
                State::InQuotes => {
                    let end = memchr::memchr(QUOTE, rest);
                    let to = end.map_or(bytes.len(), |end| i + end + 1);
                    if let Some(next) = self.ends_in_quotes((start, i, to), bytes, found) {
                        i = next;
                        continue;
                    }
                    self.count_lines(&bytes[i..to]);
                    if self.line_end.is_none() && self.line > self.quote_line {
                        let line_end = memchr::memchr2(b'\n', b'\r', &bytes[i..to]);
                        self.line_end = line_end.map(|end| i + end);
                    }
                    i = to;
                    if end.is_some() {
                        self.state = State::AfterQuote;
                    }
                }
                State::Skip => match memchr::memchr2(b'\n', b'\r', rest) {
                    Some(end) => {
                        i += end;
                        self.is_after_cr = false;
                        self.state = State::Record;
                    }
                    None => i = bytes.len(),
                },
            }
        }
        let mut done = i;
        match self.state {
            State::Field | State::InField | State::AfterQuote if is_end => {
                self.end_record(start..done, bytes, found);
            }
            State::Field | State::InField | State::InQuotes | State::AfterQuote => {
                done = match &mut self.parts {
                    None => start,
                    Some(before) => {
                        let done = self.line_end.unwrap_or(i);
                        *before += done;
                        found.part = Some(RecordPart::More);
                        done
                    }
                };
                self.line_end = self.line_end.map(|end| end - done);
            }
            State::Record | State::Skip | State::Over => {}
        }
        self.seen = i - done;
        done
    }

    fn next(&self) -> At {
        At::Line(match self.state {
            State::Record | State::Skip | State::Over => self.line,
            _ => self.first_line,
        })
    }

    fn reader(&self) -> Box<dyn RecordReader> {
        let columns = self.columns.clone();
        let none = || Columns::new(&self.fields, self.delimiter, Vec::new()).into();
        Box::new(CsvReader::new(columns.unwrap_or_else(none)))
    }

    fn begin_parts(&mut self, _: Utf8Errors) -> Option<Box<dyn RecordParts>> {
        let columns = self.columns.as_ref().filter(|columns| columns.has_one_text())?;
        // What would have to be gone back to is held until the quote closes.
        if self.line_end.is_some() {
            return None;
        }
        self.parts = Some(std::mem::take(&mut self.seen));
        Some(Box::new(RowParts::new(columns.clone())))
    }
}

/// Reads the fields of a table.
pub(super) fn reader(delimiter: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).build()
}

/// What `reader` reads next begins a record.
pub(super) fn begin_record(reader: &mut csv_core::Reader) {
    reader.reset();
    // What it reads first may not be a byte order mark, which is none in the middle of a file.
    reader.read_record(b"\n", &mut [], &mut []);
}

/// Cuts records into fields.
struct Splitter {
    reader: csv_core::Reader,
    fields: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl Splitter {
    fn new(delimiter: u8) -> Splitter {
        Splitter { reader: reader(delimiter), fields: Vec::new(), ends: vec![0; 16] }
    }

    /// How many fields `record` has, which is given without its line end.
    fn split(&mut self, record: &[u8]) -> usize {
        use csv_core::ReadRecordResult::{End, InputEmpty, OutputEndsFull, OutputFull, Record};
        begin_record(&mut self.reader);
        if self.fields.len() <= record.len() {
            self.fields.resize(record.len() + 1, 0);
        }
        let (mut input, mut at, mut n) = (record, 0, 0);
        let mut is_ended = false;
        loop {
            let (result, read, written, ended) =
                self.reader.read_record(input, &mut self.fields[at..], &mut self.ends[n..]);
            (input, at, n) = (&input[read..], at + written, n + ended);
            match result {
                InputEmpty if !is_ended => (input, is_ended) = (b"\n", true),
                OutputEndsFull => self.ends.resize(2 * self.ends.len(), 0),
                OutputFull => self.fields.resize(2 * self.fields.len(), 0),
                InputEmpty | Record | End => return n,
            }
        }
    }

    fn field(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.fields[start..self.ends[i]]
    }

    fn text(&self, i: usize) -> &str {
        // Cut at ASCII only.
        std::str::from_utf8(self.field(i)).unwrap_or_default()
    }
}

/// A buffer that grew beyond this for one long record is given back.
const KEPT: usize = 8 << 20;

struct CsvReader {
    columns: Arc<Columns>,
    fields: Splitter,
    /// The parts of the text together, where there are several.
    joined: String,
    values: Vec<Option<String>>,
    met: FieldsMet,
    /// How many of its records were told of.
    reported: u64,
}

impl CsvReader {
    fn new(columns: Arc<Columns>) -> CsvReader {
        let (met, fields) = (columns.fields_met(), Splitter::new(columns.delimiter));
        CsvReader { columns, fields, joined: String::new(), values: Vec::new(), met, reported: 0 }
    }
}

impl RecordReader for CsvReader {
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        _: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        let CsvReader { columns, fields, values, met, joined, .. } = self;
        if fields.fields.len() > KEPT {
            fields.fields = Vec::new();
        }
        columns.check(fields.split(record.as_bytes()))?;
        met.records += 1;
        let fields = &*fields;
        let text = |i: usize| columns.column(i).map(|column| fields.text(column));
        let value = |i: usize| columns.slots[i].map(|column| fields.text(column).to_owned());
        values.clear();
        values.extend(columns.groups().map(value));
        let answer = columns.answer.map(text);
        let more = columns.more..columns.names.len();
        let mut whole = text(0)?;
        if !more.is_empty() {
            joined.clear();
            joined.push_str(whole);
            for i in more {
                joined.push('\n');
                joined.push_str(text(i)?);
            }
            whole = joined;
        }
        Ok(Some(Row { text: whole, values, answer: answer.transpose()? }))
    }

    fn report(&mut self, progress: &Progress) {
        progress.add_records(self.met.records - self.reported, &self.met.met);
        self.reported = self.met.records;
    }

    fn fields_met(&mut self) -> FieldsMet {
        // What of the header it has counts for nothing where no record was read.
        match self.met.records {
            0 => FieldsMet::default(),
            _ => std::mem::take(&mut self.met),
        }
    }
}
