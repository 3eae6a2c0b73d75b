//! The documents of a chunk, one after the other: what counting and handing on have in common. Decides what a row is, and
//! not what becomes of it.

use std::borrow::Cow;
use std::ops::ControlFlow;

use fasttok_engine::{Utf8Errors, decode_utf8};

use crate::Progress;
use crate::format;
use crate::position::{At, Position};
use crate::reading::{Chunk, StreamConfig};
use crate::record::{Fields, FieldsMet, FormatId, RecordReader, Row, decoded, decoded_utf16};
use crate::skip_reason::SkipReason;
use crate::source::UTF16_MARK;

/// What reads the records of chunks, with the buffers that are kept in between.
pub(super) struct Readers<'r> {
    fields: &'r Fields,
    errors: Utf8Errors,
    max_record: usize,
    progress: &'r Progress,
    /// By format.
    of_lines: Vec<Option<Box<dyn RecordReader>>>,
    /// Which fields the records of other readers had.
    met: FieldsMet,
}

impl<'r> Readers<'r> {
    pub fn new(fields: &'r Fields, config: &StreamConfig, progress: &'r Progress) -> Readers<'r> {
        let &StreamConfig { errors, max_record, .. } = config;
        let (of_lines, met) = (Vec::new(), FieldsMet::default());
        Readers { fields, errors, max_record, progress, of_lines, met }
    }

    /// All of it, to be put back: a row borrows from it while whoever owns it is at work.
    pub fn take(&mut self) -> Readers<'r> {
        let (of_lines, met) = (std::mem::take(&mut self.of_lines), std::mem::take(&mut self.met));
        Readers { of_lines, met, ..*self }
    }

    /// Calls `visit` with each document of `chunk`, which is about `bytes`, and with each row that is none and should be,
    /// until it breaks off. Parts of long documents and records, and members of archives, are left to whoever asks. The bytes
    /// may have been UTF-16: reasons tell of those.
    pub fn each<B>(
        &mut self,
        chunk: Chunk,
        bytes: &[u8],
        was_utf16: bool,
        mut visit: impl FnMut(Position, Result<Row, SkipReason>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let &mut Readers { errors, max_record, progress, .. } = self;
        // What begins a file comes after its mark.
        let from = match &chunk {
            Chunk::Document { .. } => UTF16_MARK,
            _ => 0,
        };
        let decoded = |bytes| match was_utf16 {
            false => decoded(bytes, errors),
            true => decoded_utf16(bytes, from, errors),
        };
        match chunk {
            Chunk::Part(_) | Chunk::RecordEnd(_) | Chunk::Members(_) => ControlFlow::Continue(()),
            Chunk::Document { format, member } => {
                let reader = self.of_lines(format);
                let position = Position { member, at: At::Whole };
                read(&mut **reader, position, decoded(bytes), errors, &mut visit)
            }
            Chunk::Lines { format, first } => {
                let reader = self.of_lines(format);
                let max = match format::format(format).has_fields() {
                    true => max_record,
                    false => usize::MAX,
                };
                let done = lines(&mut **reader, bytes, first, max, errors, decoded, &mut visit);
                reader.report(progress);
                done
            }
            Chunk::Records { member, records, mut reader } => {
                let done = records.into_iter().try_for_each(|record| {
                    let position = Position { member: member.clone(), at: record.at };
                    let bytes = &bytes[record.range];
                    let text = match reader.decode(bytes, errors) {
                        Some(text) => text.transpose(),
                        None => Some(decoded(bytes)),
                    };
                    match text {
                        Some(text) => read(&mut *reader, position, text, errors, &mut visit),
                        None => ControlFlow::Continue(()),
                    }
                });
                reader.report(progress);
                self.met.add(reader.fields_met());
                done
            }
            Chunk::Rows(mut rows) => {
                let done = (0..rows.len()).try_for_each(|i| {
                    let position = rows.position(i);
                    match rows.read(i, errors).transpose() {
                        Some(row) => visit(position, row),
                        None => ControlFlow::Continue(()),
                    }
                });
                self.met.add(rows.fields_met());
                done
            }
        }
    }

    /// Which fields all records had.
    pub fn fields_met(self) -> FieldsMet {
        let Readers { of_lines, mut met, .. } = self;
        of_lines.into_iter().flatten().for_each(|mut reader| met.add(reader.fields_met()));
        met
    }

    fn of_lines(&mut self, format: FormatId) -> &mut Box<dyn RecordReader> {
        if self.of_lines.len() <= format {
            self.of_lines.resize_with(format + 1, || None);
        }
        self.of_lines[format].get_or_insert_with(|| format::line_reader(format, self.fields))
    }
}

/// The records that are lines of `bytes`, none longer than `max`.
fn lines<'b, B>(
    reader: &mut dyn RecordReader,
    bytes: &'b [u8],
    first: Position,
    max: usize,
    errors: Utf8Errors,
    decoded: impl Fn(&'b [u8]) -> Result<Cow<'b, str>, SkipReason>,
    visit: &mut impl FnMut(Position, Result<Row, SkipReason>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    // Once for all of them; only where that fails each is looked at by itself.
    let all = decode_utf8(bytes, Utf8Errors::Strict).ok();
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |i| at + i);
        let position =
            Position { member: first.member.clone(), at: first.at.after(line, at as u64) };
        let record = match &all {
            _ if end - at > max => Err(SkipReason::record_too_large(max)),
            Some(all) => Ok((&all[at..end]).into()),
            None => decoded(&bytes[at..end]),
        };
        read(reader, position, record, errors, visit)?;
        at = end + 1;
        line += 1;
    }
    ControlFlow::Continue(())
}

/// The documents of a record.
fn read<B>(
    reader: &mut dyn RecordReader,
    position: Position,
    record: Result<Cow<str>, SkipReason>,
    errors: Utf8Errors,
    visit: &mut impl FnMut(Position, Result<Row, SkipReason>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let record = match record {
        Ok(record) => record,
        Err(bad) => return visit(position, Err(bad)),
    };
    let mut done = ControlFlow::Continue(());
    reader.each(&record, errors, &mut |row| {
        done = visit(position.clone(), row);
        done.is_continue()
    });
    done
}
