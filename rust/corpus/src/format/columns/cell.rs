//! A text of a column that is too long to be held: read in parts, as a record of its own. Knows no file format.

use bytes::Bytes;

use super::file::Failure;
use super::rows::{FieldNames, Values, value_of};
use crate::position::Position;
use crate::reading::{Chunk, LongRecord, StreamConfig};
use crate::record::{FieldsMet, PartsEnd, PartsRow, RecordParts};
use crate::skip_reason::SkipReason;

/// The bytes of a value, from the first one on.
pub(super) trait CellBytes: Send {
    /// The next bytes: about `most` of them, and none after the last ones only.
    fn next(&mut self, most: usize) -> Result<Bytes, Failure>;

    /// How many there are from here on, where that is known.
    fn left(&self) -> Option<u64> {
        None
    }
}

/// A text, and how far it is read.
pub(super) struct LongCell {
    record: LongRecord,
    bytes: Box<dyn CellBytes>,
}

impl LongCell {
    /// The text with these `bytes`, in the row of which `columns` has the values of groups after the text.
    pub fn begin(
        file: usize,
        position: Position,
        bytes: Box<dyn CellBytes>,
        columns: &[Box<dyn Values>],
        fields: &FieldNames,
        config: &StreamConfig,
    ) -> Result<LongCell, SkipReason> {
        if bytes.left().is_some_and(|left| left > config.max_record as u64) {
            return Err(SkipReason::record_too_large(config.max_record));
        }
        let values = columns
            .iter()
            .zip(&fields.names[1..])
            .map(|(column, name)| value_of(column.get(0), name, config.max_record, config.errors));
        let values = values.collect::<Result<_, _>>()?;
        let record = LongRecord::new(file, position, Box::new(CellParts { values, begun: false }));
        Ok(LongCell { record, bytes })
    }

    /// Reads on, and says whether that was the end.
    pub fn read(&mut self, config: &StreamConfig) -> Result<bool, Failure> {
        let bytes = self.bytes.next(config.chunk)?;
        let is_last = bytes.is_empty();
        self.record.read(&bytes, is_last, config.errors);
        Ok(is_last)
    }

    /// A part of the text, if there is enough of it.
    pub fn part(&mut self, config: &StreamConfig) -> (Option<Chunk>, String) {
        let (part, text) = self.record.part(config).unzip();
        (part.map(Chunk::Part), text.unwrap_or_default())
    }

    /// The last part of it.
    pub fn end(self, config: &StreamConfig) -> (Option<Chunk>, String) {
        let (ended, text) = self.record.end(config);
        (Some(Chunk::RecordEnd(Box::new(ended))), text)
    }
}

/// A record that is its text.
struct CellParts {
    values: Vec<Option<String>>,
    begun: bool,
}

impl RecordParts for CellParts {
    fn push(&mut self, record: &str, text: &mut String) -> (usize, Option<usize>) {
        if !std::mem::replace(&mut self.begun, true) {
            return (0, Some(0));
        }
        text.push_str(record);
        (record.len(), None)
    }

    fn end(&mut self) -> PartsEnd {
        let values = std::mem::take(&mut self.values);
        // The fields of it were told of when it began.
        PartsEnd { row: Ok(Some(PartsRow { values })), text: 0, met: FieldsMet::default() }
    }
}
