//! Plain text cut into documents by what is between them: a separator that the job names, or blank lines.
//!
//! Neither is part of a document, and where nothing is between two of them, or before the first, there is no document:
//! these are the parts that are not empty of `text.split(separator)`. A document is held whole, up to the longest record
//! that is allowed.

use super::{Format, Layout, text};
use crate::position::At;
use crate::record::{Framed, FramedRecord, Framer, RecordReader};
use crate::skip_reason::SkipReason;

/// Documents between separators. Their positions are bytes.
pub(super) struct Separated;

/// Documents between blank lines. Their positions are lines.
pub(super) struct Paragraphs;

impl Format for Separated {
    fn name(&self) -> &'static str {
        "separated"
    }
    fn layout(&self) -> Layout {
        Layout::Framed(|_, config| {
            Box::new(SeparatedFramer {
                separator: config.separator.as_bytes().to_vec(),
                max_record: config.max_record,
                seen: 0,
                begin: 0,
                is_dropped: false,
            })
        })
    }
}

impl Format for Paragraphs {
    fn name(&self) -> &'static str {
        "paragraphs"
    }
    fn layout(&self) -> Layout {
        Layout::Framed(|_, config| {
            Box::new(ParagraphFramer {
                max_record: config.max_record,
                seen: 0,
                line: 1,
                line_start: 0,
                has_text: false,
                first_line: 1,
                end: None,
                is_dropped: false,
            })
        })
    }
}

struct SeparatedFramer {
    separator: Vec<u8>,
    max_record: usize,
    /// How much of the bytes that are not done was searched.
    seen: usize,
    /// The byte of the file that the bytes that are not done begin at.
    begin: u64,
    /// The document in work is too long, and was entered.
    is_dropped: bool,
}

impl SeparatedFramer {
    fn end(&mut self, range: std::ops::Range<usize>, found: &mut Framed) {
        let at = At::Byte(self.begin + range.start as u64);
        match range.len() {
            _ if self.is_dropped => {}
            0 => {}
            n if n > self.max_record => {
                found.bad.push((at, SkipReason::record_too_large(self.max_record)));
            }
            _ => found.records.push(FramedRecord { range, at }),
        }
        self.is_dropped = false;
    }
}

impl Framer for SeparatedFramer {
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize {
        // A separator may have begun before what is new.
        let tail = self.separator.len() - 1;
        let mut start = 0;
        let mut from = self.seen.saturating_sub(tail);
        while let Some(at) = memchr::memmem::find(&bytes[from..], &self.separator) {
            self.end(start..from + at, found);
            start = from + at + self.separator.len();
            from = start;
        }
        let mut done = start;
        if is_end {
            done = bytes.len();
            self.end(start..done, found);
        } else if self.is_dropped || bytes.len() - start > self.max_record + tail {
            if !self.is_dropped {
                let at = At::Byte(self.begin + start as u64);
                found.bad.push((at, SkipReason::record_too_large(self.max_record)));
                self.is_dropped = true;
            }
            done = start.max(bytes.len().saturating_sub(tail));
        }
        self.begin += done as u64;
        self.seen = bytes.len() - done;
        done
    }

    fn next(&self) -> At {
        At::Byte(self.begin)
    }

    fn reader(&self) -> Box<dyn RecordReader> {
        Box::new(text::Text)
    }
}

struct ParagraphFramer {
    max_record: usize,
    /// How much of the bytes that are not done was looked at.
    seen: usize,
    /// The line that is looked at, where it begins, and whether it is not blank.
    line: u64,
    line_start: usize,
    has_text: bool,
    /// The line that the document in work begins on.
    first_line: u64,
    /// Where its last whole line ends, if there is one.
    end: Option<usize>,
    /// It is too long, and was entered.
    is_dropped: bool,
}

impl ParagraphFramer {
    /// Ends the document in work, if there is one: it begins at `start`.
    fn end(&mut self, start: usize, found: &mut Framed) {
        let at = At::Line(self.first_line);
        match self.end.take() {
            _ if self.is_dropped => {}
            None => {}
            Some(end) if end - start > self.max_record => {
                found.bad.push((at, SkipReason::record_too_large(self.max_record)));
            }
            Some(end) => found.records.push(FramedRecord { range: start..end, at }),
        }
        self.is_dropped = false;
    }

    /// The line that is looked at ends at `end`, without its line end.
    fn end_line(&mut self, bytes: &[u8], end: usize, start: &mut usize, found: &mut Framed) {
        if !std::mem::replace(&mut self.has_text, false) {
            self.end(*start, found);
            return;
        }
        if self.end.is_none() && !self.is_dropped {
            (*start, self.first_line) = (self.line_start, self.line);
        }
        let is_crlf = end > self.line_start && bytes[end - 1] == b'\r';
        self.end = Some(end - usize::from(is_crlf));
    }
}

impl Framer for ParagraphFramer {
    fn frame(&mut self, bytes: &[u8], is_end: bool, found: &mut Framed) -> usize {
        // Where the document in work begins, if there is one.
        let mut start = 0;
        loop {
            let line_end = memchr::memchr(b'\n', &bytes[self.seen..]).map(|i| self.seen + i);
            let to = line_end.unwrap_or(bytes.len());
            let is_text = |b: &u8| !matches!(b, b' ' | b'\t' | b'\r');
            self.has_text = self.has_text || bytes[self.seen..to].iter().any(is_text);
            self.seen = to;
            let Some(end) = line_end else { break };
            self.end_line(bytes, end, &mut start, found);
            (self.line, self.line_start, self.seen) = (self.line + 1, end + 1, end + 1);
        }
        let len = bytes.len();
        if is_end {
            self.end_line(bytes, len, &mut start, found);
            self.end(start, found);
            return len;
        }
        if self.end.is_none() {
            start = self.line_start;
        }
        // What surely is part of it; a CR may be that of the line end. Of endless blanks nobody knows.
        let known = match self.has_text {
            true => len - usize::from(bytes.last() == Some(&b'\r')),
            false => self.end.unwrap_or(start),
        };
        let is_long = known - start > self.max_record || len - start > 4 * self.max_record;
        if is_long && !self.is_dropped {
            if self.end.is_none() {
                self.first_line = self.line;
            }
            let at = At::Line(self.first_line);
            found.bad.push((at, SkipReason::record_too_large(self.max_record)));
            self.is_dropped = true;
        }
        let done = if self.is_dropped { len } else { start };
        self.end = self.end.map(|end| end.saturating_sub(done));
        self.line_start = self.line_start.saturating_sub(done);
        self.seen = len - done;
        done
    }

    fn next(&self) -> At {
        At::Line(if self.end.is_some() || self.is_dropped { self.first_line } else { self.line })
    }

    fn reader(&self) -> Box<dyn RecordReader> {
        Box::new(text::Text)
    }
}
