//! A record of a table that is pushed in parts, because it is too long to be held: gives out the field that is the text as it
//! comes, and keeps the values of groups. The fields are cut by csv-core as those of a record that is held are.

use std::sync::Arc;

use csv_core::ReadFieldResult::{End, Field, InputEmpty, OutputFull};

use super::csv::{Columns, begin_record, reader};
use crate::record::{PartsEnd, PartsRow, RecordParts};

/// So many bytes are cut at a time.
const PIECE: usize = 64 << 10;

/// The slot of the text, of which there is one.
const TEXT: usize = 0;

/// Reads one record.
pub(super) struct RowParts {
    columns: Arc<Columns>,
    reader: csv_core::Reader,
    /// The field in work.
    field: usize,
    /// The text was begun.
    has_begun: bool,
    /// Of each group, the value as far as it is known.
    values: Vec<Option<String>>,
    buffer: Vec<u8>,
}

impl RowParts {
    pub fn new(columns: Arc<Columns>) -> RowParts {
        let mut reader = reader(columns.delimiter);
        begin_record(&mut reader);
        let value = |i: usize| columns.slots[i].map(|_| String::new());
        let values = columns.groups().map(value).collect();
        RowParts { columns, reader, field: 0, has_begun: false, values, buffer: vec![0] }
    }

    /// Takes what a part of the field in work is.
    fn take(&mut self, bytes: usize, text: &mut String) {
        // Cut at ASCII, or where what was pushed is, which is between characters.
        let part = std::str::from_utf8(&self.buffer[..bytes]).expect("whole characters");
        let slots = &self.columns.slots;
        if slots[0] == Some(self.field) {
            text.push_str(part);
        }
        for (i, value) in self.columns.groups().zip(&mut self.values) {
            if slots[i] == Some(self.field) {
                value.get_or_insert_default().push_str(part);
            }
        }
    }
}

impl RecordParts for RowParts {
    fn push(&mut self, record: &str, text: &mut String) -> (usize, Option<usize>) {
        let mut done = 0;
        loop {
            if !self.has_begun && self.columns.slots[0] == Some(self.field) {
                self.has_begun = true;
                return (done, Some(TEXT));
            }
            if done == record.len() {
                return (done, None);
            }
            let mut end = record.len().min(done + PIECE);
            while !record.is_char_boundary(end) {
                end -= 1;
            }
            let piece = &record.as_bytes()[done..end];
            // A byte of input gives one of output at most.
            if self.buffer.len() <= piece.len() {
                self.buffer.resize(piece.len() + 1, 0);
            }
            let (result, read, written) = self.reader.read_field(piece, &mut self.buffer);
            self.take(written, text);
            done += read;
            match result {
                Field { .. } => self.field += 1,
                InputEmpty => {}
                OutputFull | End => unreachable!("there is room, and there is more"),
            }
        }
    }

    fn end(&mut self) -> PartsEnd {
        // The line end, which is no part of the record, ends the last field, but where that is in a quote that nothing closes.
        let (result, ..) = self.reader.read_field(b"\n", &mut self.buffer);
        debug_assert!(matches!(result, Field { record_end: true } | InputEmpty));
        let mut met = self.columns.fields_met();
        if let Err(bad) = self.columns.check(self.field + 1) {
            return PartsEnd { row: Err(bad), text: TEXT, met: Default::default() };
        }
        met.records = 1;
        let values = std::mem::take(&mut self.values);
        let row = self.columns.column(TEXT).map(|_| Some(PartsRow { values }));
        PartsEnd { row, text: TEXT, met }
    }
}
