//! Cuts an open input into chunks that workers can take: whole records, or parts of a document that is too long.
//!
//! The stream only reads and looks for line ends; whoever takes a chunk does the rest, while the next worker reads
//! on. At any time it holds no more than one chunk, except for a record that must be held whole (up to the limit
//! that the job sets) and for a text without a split point. A record that is longer than some chunks is read in parts where
//! its format can do that (`record_parts`).

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use fasttok_engine::{Utf8Errors, decode_utf8};
use fasttok_parallel::Control;

use super::record_parts::LongRecord;
use super::{Chunk, Host, Inside, LongPart, Opening, Reached, Reading, Step, StreamConfig};
use crate::long_document::LongDocument;
use crate::position::{At, Member, Position};
use crate::record::{Fields, FormatId, Framed, Framer, RecordPart, RecordParts};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{BOM, Opened, UTF16_MARK, read_error, utf16_len};

/// No read is smaller than this, whatever the size of the file was said to be.
const MIN_READ: usize = 8 << 10;

/// No chunk is smaller than this because the file is about to end.
const MIN_CHUNK: usize = 64 << 10;

/// So much of a carry is copied.
const COPIED: usize = 64 << 10;

/// No read is larger: between two of them it is asked whether the run is over.
const MAX_READ: usize = 1 << 20;

/// What is a record where records are lines, or the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The file is one document.
    Whole,
    /// A line is a document. A long one is cut and counted in parts.
    Lines,
    /// A line is a record, and only the whole of it can be understood.
    Records,
}

/// Makes what reads a record of the format in parts, if that can be done.
type MakeParts = fn(FormatId, &Fields, Utf8Errors) -> Option<Box<dyn RecordParts>>;

/// An open input and the position in it.
pub(crate) struct Stream<'e> {
    file: usize,
    format: FormatId,
    framing: Framing,
    passes_bom: bool,
    input: Opened<'e>,
    control: Control<'e>,
    /// What is read of the file, where it is an archive.
    member: Option<Arc<Member>>,
    host: &'e dyn Host<'e>,
    /// The fields of records that are lines, and what makes of them what reads a long one in parts.
    parts: Option<(&'e Fields, MakeParts)>,
    /// Finds the records where they are not lines.
    framer: Option<Box<dyn Framer>>,
    /// Read, but not handed out yet.
    carry: Vec<u8>,
    /// The line that the carry begins with.
    line: u64,
    read: u64,
    /// How much of the file that was, where it is UTF-16: up to where it was read.
    stored: u64,
    /// Where in that the document begins that is handed out in parts.
    stored_begin: u64,
    at_start: bool,
    /// Set when the end was met, taken when it was told.
    end: Option<End>,
    state: State,
}

enum State {
    /// Before the first bytes of a file that is one document.
    Whole,
    Records,
    /// Records that the framer finds.
    Framed,
    /// Inside a document that is handed out in parts; the next one is at `offset`.
    Long {
        document: Arc<LongDocument>,
        offset: u64,
    },
    /// Inside a line that is read in parts, before which there is so much of the file.
    Record {
        record: Box<LongRecord>,
        before: u64,
    },
    /// Inside a record of the framer that is read in parts.
    FramedRecord(Box<LongRecord>),
    /// Inside a line that is given up.
    Discard,
}

/// How the reading ended.
enum End {
    Complete,
    Damaged(SkipReason),
}

impl<'e> Reading<'e> for Stream<'e> {
    fn file(&self) -> usize {
        self.file
    }

    fn is_unchecked(&self) -> bool {
        self.input.unchecked.load(Relaxed)
    }

    fn was_utf16(&self) -> bool {
        self.input.is_utf16
    }

    fn bytes_read(&self) -> u64 {
        self.input.read.load(Relaxed)
    }

    fn reached(&self) -> Option<Reached> {
        let inside = match &self.state {
            State::Framed | State::FramedRecord(_) => return None,
            State::Whole | State::Records | State::Record { .. } => Inside::Nothing,
            State::Discard => Inside::GivenUp,
            State::Long { document, offset } => {
                Inside::Document { document: Box::new(document.save()), offset: *offset }
            }
        };
        let bytes = match &self.state {
            // It is read again.
            State::Record { before, .. } => *before,
            _ => self.read - self.carry.len() as u64,
        };
        let stored = [self.stored_at(&[]), self.stored_begin];
        Some(Reached { bytes, line: self.line, stored, inside })
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        // What is in the buffer beyond what is held is of no meaning, and is written over: to fill it with zeros first, chunk by
        // chunk, takes as long as to look for all line ends.
        let mut held = self.carry.len();
        if held <= COPIED {
            // So the carry stays small, and the buffer, in memory that was used before, is the worker's.
            buf.resize(buf.len().max(held), 0);
            buf[..held].copy_from_slice(&self.carry);
        } else {
            std::mem::swap(buf, &mut self.carry);
        }
        self.carry.clear();
        // What `buf` holds up to here was searched in vain.
        let mut searched = 0;
        loop {
            // More at a time when more is held already: searching and checking stay linear in what is held.
            let chunk = match searched {
                0 => self.chunk(config),
                _ => config.chunk.max(searched / 2),
            };
            if !self.fill(buf, held, chunk) {
                return Step { end: true, ..Step::default() };
            }
            held = buf.len();
            if self.at_start {
                if self.passes_bom && buf.len() < BOM.len() && self.end.is_none() {
                    continue;
                }
                self.at_start = false;
                if self.passes_bom && buf.starts_with(BOM) {
                    buf.drain(..BOM.len());
                }
            }
            if let State::Discard = self.state {
                self.discard(buf);
            }
            let step = match &mut self.state {
                State::Whole => self.whole(buf),
                State::Records => self.lines(buf, searched, config),
                State::Framed => self.framed(buf, config),
                State::FramedRecord(_) => self.framed_record(buf, config),
                State::Long { document, offset } => {
                    let (document, offset) = (document.clone(), *offset);
                    self.long(buf, searched, config, document, offset)
                }
                State::Record { .. } => self.record(buf, config),
                State::Discard => self.end.take().map(|end| self.after_last_line(None, end)),
            };
            if let Some(step) = step {
                return step;
            }
            (searched, held) = (buf.len(), buf.len());
        }
    }
}

impl<'e> Stream<'e> {
    /// `framer` finds the records where `framing` does not.
    pub fn new(
        opening: Opening<'e>,
        framing: Framing,
        passes_bom: bool,
        framer: Option<Box<dyn Framer>>,
    ) -> Result<Stream<'e>, SkipReason> {
        let Opening { file, source, input, control, progress, format, member, host, reached } =
            opening;
        let mut stream = Stream {
            file,
            format,
            framing,
            passes_bom,
            input,
            control,
            member,
            host,
            parts: None,
            carry: Vec::new(),
            line: 1,
            read: 0,
            stored: UTF16_MARK,
            stored_begin: 0,
            at_start: true,
            end: None,
            state: match framing {
                _ if framer.is_some() => State::Framed,
                Framing::Whole => State::Whole,
                Framing::Lines | Framing::Records => State::Records,
            },
            framer,
        };
        if let Some(Reached { bytes, line, stored, inside }) = reached
            && bytes > 0
        {
            stream.input.pass_over(bytes, source, control, progress)?;
            (stream.read, stream.line, stream.at_start) = (bytes, line, false);
            [stream.stored, stream.stored_begin] = stored;
            match inside {
                Inside::Nothing => {}
                Inside::GivenUp => stream.state = State::Discard,
                Inside::Member { .. } => unreachable!("a stream has no members"),
                Inside::Document { document, offset } => {
                    let document = Arc::new(LongDocument::resume(file, *document));
                    stream.state = State::Long { document, offset };
                }
            }
        }
        Ok(stream)
    }

    /// Of a line that is too long to be held, `parts` makes what reads it.
    pub fn with_parts(self, fields: &'e Fields, parts: MakeParts) -> Stream<'e> {
        Stream { parts: Some((fields, parts)), ..self }
    }

    /// How much to read of whole records at a time: less towards the end of the file. Whoever takes the last chunk begins it
    /// while the others are still at theirs, and all wait for it: it is to be short.
    fn chunk(&self, config: &StreamConfig) -> usize {
        match (&self.state, self.left()) {
            (State::Records, Some(left)) if config.workers > 1 => {
                let part =
                    usize::try_from(left / (2 * config.workers as u64)).unwrap_or(usize::MAX);
                config.chunk.min(part.max(MIN_CHUNK))
            }
            _ => config.chunk,
        }
    }

    /// How much there is to come. Of a packed file that is a guess: as much as of what was unpacked, in proportion.
    fn left(&self) -> Option<u64> {
        if let Some(expected) = self.input.expected {
            return Some(expected.saturating_sub(self.read));
        }
        let done = self.input.read.load(Relaxed);
        let stored = self.input.stored?.checked_sub(done).filter(|_| done > 0 && self.read > 0)?;
        u64::try_from(u128::from(stored) * u128::from(self.read) / u128::from(done)).ok()
    }

    /// Puts up to `chunk` bytes behind the first `start` of `buf`, unless the end was met, and nothing behind them. False when
    /// the run is over.
    fn fill(&mut self, buf: &mut Vec<u8>, start: usize, chunk: usize) -> bool {
        if self.end.is_some() {
            buf.truncate(start);
            return true;
        }
        // One byte more than the file should have, so that its end is met in the same pass.
        let left = match self.input.expected {
            Some(expected) => expected.saturating_sub(self.read).saturating_add(1),
            None => u64::MAX,
        };
        let want = chunk.min(usize::try_from(left).unwrap_or(usize::MAX)).max(MIN_READ.min(chunk));
        let full = start + want;
        buf.resize(buf.len().max(full), 0);
        let mut at = start;
        while at < full {
            if self.control.cancel.load(Relaxed) {
                return false;
            }
            // A decoder fills what it is given, and hears nothing meanwhile.
            let to = full.min(at + MAX_READ);
            match self.input.reader.read(&mut buf[at..to]) {
                Ok(0) => {
                    self.end = Some(self.at_end((at - start) as u64));
                    break;
                }
                Ok(n) => at += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.control.is_over() => return false,
                Err(e) => {
                    self.end = Some(End::Damaged(read_error(&e)));
                    break;
                }
            }
        }
        buf.truncate(at);
        self.read += (at - start) as u64;
        if self.input.is_utf16 {
            self.stored += utf16_len(&buf[start..at]);
        }
        true
    }

    fn at_end(&self, last: u64) -> End {
        let read = self.read + last;
        match self.input.expected {
            Some(expected) if read < expected => End::Damaged(SkipReason::new(
                Reason::Truncated,
                format!("the file shrank while it was read, from {expected} bytes to {read}"),
            )),
            _ => End::Complete,
        }
    }

    fn whole(&mut self, buf: &mut Vec<u8>) -> Option<Step<'e>> {
        Some(match self.end.take() {
            Some(End::Complete) => Step {
                chunk: Some(Chunk::Document { format: self.format, member: self.member.clone() }),
                end: true,
                ..Step::default()
            },
            Some(End::Damaged(bad)) => {
                let bad = vec![(self.position(At::Whole), self.damage(bad))];
                Step { bad, end: true, ..Step::default() }
            }
            None => self.begin_long(buf, At::Whole),
        })
    }

    fn lines(
        &mut self,
        buf: &mut Vec<u8>,
        searched: usize,
        config: &StreamConfig,
    ) -> Option<Step<'e>> {
        let format = self.format;
        let first = || Position { member: self.member.clone(), at: At::Line(self.line) };
        let chunk = |buf: &[u8]| (!buf.is_empty()).then(|| Chunk::Lines { format, first: first() });
        if let Some(End::Complete) = self.end {
            return Some(Step { chunk: chunk(buf), end: true, ..Step::default() });
        }
        let last = memchr::memrchr(b'\n', &buf[searched..]).map(|i| searched + i + 1);
        if let Some(end) = self.end.take() {
            // What is after the last line end may be a part of a line: it must not pass for the whole.
            buf.truncate(last.unwrap_or(0));
            let chunk = chunk(buf);
            self.line += count_lines(buf);
            return Some(self.after_last_line(chunk, end));
        }
        if let Some(last) = last {
            self.carry.extend_from_slice(&buf[last..]);
            buf.truncate(last);
            let chunk = chunk(buf);
            self.line += count_lines(buf);
            return Some(Step { chunk, ..Step::default() });
        }
        if buf.is_empty() {
            // A line was given up and ended here: whether another begins is not known yet.
            return None;
        }
        if self.framing == Framing::Lines {
            return Some(self.begin_long(buf, At::Line(self.line)));
        }
        if self.is_long(buf, config)
            && let Some((fields, make)) = self.parts
            && let Some(parts) = make(self.format, fields, config.errors)
        {
            let position = self.position(At::Line(self.line));
            let record = Box::new(LongRecord::new(self.file, position, parts));
            let before = self.read - buf.len() as u64;
            self.state = State::Record { record, before };
            std::mem::swap(buf, &mut self.carry);
            return Some(Step::default());
        }
        if buf.len() <= config.max_record {
            return None;
        }
        *buf = Vec::new();
        self.state = State::Discard;
        let bad =
            (self.position(At::Line(self.line)), SkipReason::record_too_large(config.max_record));
        Some(Step { bad: vec![bad], ..Step::default() })
    }

    /// Whether a record that begins with `buf` is to be read in parts, if it can be. Offsets in UTF-16 are known of what
    /// is held only.
    fn is_long(&self, buf: &[u8], config: &StreamConfig) -> bool {
        buf.len() > config.most_held() && !self.input.is_utf16
    }

    /// Reads on in a record that is read in parts.
    fn record(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Option<Step<'e>> {
        let State::Record { record, .. } = &mut self.state else { return None };
        let line_end = memchr::memchr(b'\n', buf);
        let is_last = line_end.is_some() || self.end.is_some();
        if line_end.is_none()
            && let Some(End::Damaged(_)) = &self.end
        {
            // What there is of it must not pass for the whole.
            let end = self.end.take()?;
            return Some(self.after_last_line(None, end));
        }
        let end = line_end.unwrap_or(buf.len());
        record.read(&buf[..end], is_last, config.errors);
        if record.len() > config.max_record {
            let position = self.position(At::Line(self.line));
            let bad = (position, SkipReason::record_too_large(config.max_record));
            self.carry.extend_from_slice(&buf[end..]);
            self.state = State::Discard;
            return Some(Step { bad: vec![bad], ..Step::default() });
        }
        if !is_last {
            let (part, text) = record.part(config).unzip();
            *buf = text.unwrap_or_default().into_bytes();
            return Some(Step { chunk: part.map(Chunk::Part), ..Step::default() });
        }
        let State::Record { record, .. } = std::mem::replace(&mut self.state, State::Records)
        else {
            return None;
        };
        if line_end.is_some() {
            // If the file ended too, the next step says so.
            self.carry.extend_from_slice(&buf[end + 1..]);
            self.line += 1;
        } else {
            self.end = None;
        }
        let (ended, text) = record.end(config);
        *buf = text.into_bytes();
        let chunk = Some(Chunk::RecordEnd(Box::new(ended)));
        Some(Step { chunk, end: line_end.is_none(), ..Step::default() })
    }

    /// Hands out the records that the framer finds.
    fn framed(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Option<Step<'e>> {
        let framer = self.framer.as_mut()?;
        let mut found = Framed::default();
        let begin = self.read - buf.len() as u64;
        let is_end = matches!(self.end, Some(End::Complete));
        let done = framer.frame(buf, is_end, &mut found);
        let (reader, mut next) = (framer.reader(), framer.next());
        if self.input.is_utf16 {
            let stored = Stored { buf, begin, at: self.stored_at(buf), before: self.stored_begin };
            let mut records = stored.positions();
            found.records.iter_mut().for_each(|record| record.at = records(record.at));
            let mut bad = stored.positions();
            found.bad.iter_mut().for_each(|(at, _)| *at = bad(*at));
            next = stored.positions()(next);
            if let At::Byte(next) = next {
                self.stored_begin = next;
            }
        }
        let position = |at| Position { member: self.member.clone(), at };
        let mut bad: Vec<_> = found.bad.into_iter().map(|(at, bad)| (position(at), bad)).collect();
        let end = self.end.take();
        if end.is_none() && done == 0 && bad.is_empty() {
            if self.is_long(buf, config) {
                let parts = self.framer.as_mut()?.begin_parts(config.errors)?;
                let mut record = Box::new(LongRecord::new(self.file, self.position(next), parts));
                record.read(buf, false, config.errors);
                buf.clear();
                self.state = State::FramedRecord(record);
                return Some(Step::default());
            }
            return None;
        }
        if let Some(End::Damaged(damage)) = &end {
            // What is not done may be a part of a record: it must not pass for the whole.
            bad.push((self.position(next), self.damage(damage.clone())));
        }
        if end.is_none() {
            self.carry.extend_from_slice(&buf[done..]);
        }
        buf.truncate(done);
        let records = found.records;
        let chunk = Chunk::Records { member: self.member.clone(), records, reader };
        Some(Step { chunk: Some(chunk), bad, end: end.is_some(), ..Step::default() })
    }

    /// Reads on in a record of the framer that is read in parts.
    fn framed_record(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Option<Step<'e>> {
        let framer = self.framer.as_mut()?;
        let mut found = Framed::default();
        let is_end = matches!(self.end, Some(End::Complete));
        let done = framer.frame(buf, is_end, &mut found);
        let next = framer.next();
        let mut step = Step::default();
        step.bad.extend(found.bad.into_iter().map(|(at, bad)| (self.position(at), bad)));
        let State::FramedRecord(mut record) = std::mem::replace(&mut self.state, State::Framed)
        else {
            return None;
        };
        self.carry.extend_from_slice(&buf[done..]);
        buf.truncate(done);
        match found.part {
            Some(RecordPart::Last) => {
                record.read(buf, true, config.errors);
                let (ended, text) = record.end(config);
                *buf = text.into_bytes();
                // If the file ended too, the next step says so.
                step.chunk = Some(Chunk::RecordEnd(Box::new(ended)));
            }
            Some(RecordPart::More) => {
                if let Some(End::Damaged(damage)) = &self.end {
                    // What there is of it must not pass for the whole.
                    step.bad.push((self.position(next), self.damage(damage.clone())));
                    step.end = true;
                    return Some(step);
                }
                record.read(buf, false, config.errors);
                let (part, text) = record.part(config).unzip();
                *buf = text.unwrap_or_default().into_bytes();
                step.chunk = part.map(Chunk::Part);
                self.state = State::FramedRecord(record);
            }
            Some(RecordPart::Lost) | None => {}
        }
        Some(step)
    }

    /// The last step of a file of lines.
    fn after_last_line(&self, chunk: Option<Chunk>, end: End) -> Step<'e> {
        let bad = match end {
            End::Complete => Vec::new(),
            End::Damaged(bad) => vec![(self.position(At::Line(self.line)), self.damage(bad))],
        };
        Step { chunk, bad, end: true, ..Step::default() }
    }

    /// Where in a file of UTF-16 `rest` begins: what was read, but for the carry, and not handed out.
    fn stored_at(&self, rest: &[u8]) -> u64 {
        match self.input.is_utf16 {
            true => self.stored - utf16_len(&self.carry) - utf16_len(rest),
            false => 0,
        }
    }

    fn begin_long(&mut self, buf: &mut Vec<u8>, at: At) -> Step<'e> {
        self.stored_begin = match at {
            At::Whole => 0,
            _ => self.stored_at(buf),
        };
        let group = self.host.group(self.file, self.member.as_deref());
        let document = Arc::new(LongDocument::new(self.file, self.position(at), group));
        self.state = State::Long { document, offset: 0 };
        std::mem::swap(buf, &mut self.carry);
        Step::default()
    }

    /// Hands out the next part of a long document.
    fn long(
        &mut self,
        buf: &mut Vec<u8>,
        searched: usize,
        config: &StreamConfig,
        document: Arc<LongDocument>,
        offset: u64,
    ) -> Option<Step<'e>> {
        let stored = self.stored_at(buf);
        let is_line = document.position.line().is_some();
        let line_end = match is_line {
            true => memchr::memchr(b'\n', &buf[searched..]).map(|i| searched + i),
            false => None,
        };
        let mut is_last = line_end.is_some();
        let mut step = Step::default();
        if let Some(end) = line_end {
            self.carry.extend_from_slice(&buf[end + 1..]);
            buf.truncate(end);
            self.line += 1;
            // If the file ended too, the next step says so.
            self.state = State::Records;
        } else if let Some(end) = self.end.take() {
            is_last = true;
            step.end = true;
            if let End::Damaged(bad) = end {
                let bad = (offset + buf.len() as u64, self.damage(bad));
                return Some(self.give_up(step, document, bad));
            }
        }
        if is_last && is_line && buf.last() == Some(&b'\r') {
            buf.pop();
        }

        // A character that is cut in two by the end of the buffer is not wrong yet.
        let whole = match is_last {
            true => buf.len(),
            false => buf.len() - incomplete_tail(buf),
        };
        if let Err(e) = decode_utf8(&buf[..whole], Utf8Errors::Strict) {
            if config.errors == Utf8Errors::Strict {
                let bad = self.invalid(buf, offset, stored, &e);
                return Some(self.give_up(step, document, bad));
            }
            let rest = buf.split_off(whole);
            *buf = String::from_utf8_lossy(buf).into_owned().into_bytes();
            buf.extend_from_slice(&rest);
        }
        if is_last {
            document.begin_part();
            let settled = document.end(None);
            debug_assert!(settled.is_none(), "its last part is still to be counted");
            step.chunk = Some(Chunk::Part(LongPart { document, offset }));
            return Some(step);
        }

        let whole = buf.len() - incomplete_tail(buf);
        let cut = match decode_utf8(&buf[..whole], Utf8Errors::Strict) {
            Ok(text) => config.splitter().last_split_point(&text, searched),
            Err(e) => {
                let bad = self.invalid(buf, offset, stored, &e);
                return Some(self.give_up(step, document, bad));
            }
        };
        let Some(cut) = cut else {
            if buf.len() <= config.max_record {
                return None;
            }
            let bad = (offset, no_cut(config.max_record));
            return Some(self.give_up(step, document, bad));
        };
        self.carry.extend_from_slice(&buf[cut..]);
        buf.truncate(cut);
        document.begin_part();
        self.state = State::Long { document: document.clone(), offset: offset + cut as u64 };
        step.chunk = Some(Chunk::Part(LongPart { document, offset }));
        Some(step)
    }

    /// Ends a long document that cannot be counted. Its line, if it is one, is read to the end and no further.
    fn give_up(
        &mut self,
        mut step: Step<'e>,
        document: Arc<LongDocument>,
        bad: (u64, SkipReason),
    ) -> Step<'e> {
        step.settled = document.end(Some(bad)).map(|settled| (document.clone(), settled));
        match self.state {
            State::Long { .. } if document.position.line().is_some() => self.state = State::Discard,
            State::Long { .. } => step.end = true,
            // The line end was found.
            _ => {}
        }
        step
    }

    /// Drops what belongs to a line that was given up.
    fn discard(&mut self, buf: &mut Vec<u8>) {
        match memchr::memchr(b'\n', buf) {
            Some(end) => {
                buf.drain(..=end);
                self.line += 1;
                self.state = State::Records;
            }
            None => buf.clear(),
        }
    }

    /// Why `buf`, which begins at `offset` of a long document and at `stored` of a file of UTF-16, is no text.
    fn invalid(
        &self,
        buf: &[u8],
        offset: u64,
        stored: u64,
        e: &fasttok_engine::Error,
    ) -> (u64, SkipReason) {
        let at = match e {
            fasttok_engine::Error::InvalidUtf8 { offset } => *offset,
            _ => 0,
        };
        let bad = match self.input.is_utf16 {
            true => SkipReason::invalid_utf16(stored + utf16_len(&buf[..at]) - self.stored_begin),
            false => SkipReason::invalid_utf8(offset + at as u64),
        };
        (offset + at as u64, bad)
    }

    fn position(&self, at: At) -> Position {
        Position { member: self.member.clone(), at }
    }

    fn damage(&self, bad: SkipReason) -> SkipReason {
        let read = match self.input.is_utf16 {
            true => self.stored,
            false => self.read,
        };
        SkipReason::new(bad.reason, format!("{} after byte {read} of the text", bad.detail))
    }
}

/// What a framer was given of a file of UTF-16.
struct Stored<'b> {
    buf: &'b [u8],
    /// Where it begins in what was decoded, and in the file.
    begin: u64,
    at: u64,
    /// Where in the file the record begins that goes on in it.
    before: u64,
}

impl Stored<'_> {
    /// Makes positions in what was decoded, in their order, those in the file.
    fn positions(&self) -> impl FnMut(At) -> At {
        let (mut done, mut stored) = (0, self.at);
        move |at| match at {
            At::Byte(byte) if byte < self.begin => At::Byte(self.before),
            At::Byte(byte) => {
                let to = (byte - self.begin) as usize;
                stored += utf16_len(&self.buf[done..to]);
                done = to;
                At::Byte(stored)
            }
            other => other,
        }
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

fn no_cut(limit: usize) -> SkipReason {
    let detail = format!(
        "no point where the text may be cut was found in {limit} bytes; raise max_record_bytes to \
         hold more of it"
    );
    SkipReason::new(Reason::RecordTooLarge, detail)
}

/// How many bytes at the end may be the beginning of a character.
pub(super) fn incomplete_tail(bytes: &[u8]) -> usize {
    for (i, &byte) in bytes.iter().rev().take(3).enumerate() {
        let len = match byte {
            0x80..0xc0 => continue,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
            _ => 1,
        };
        return if len > i + 1 { i + 1 } else { 0 };
    }
    0
}
