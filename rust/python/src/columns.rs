//! Arrow columns of texts to Arrow columns of counts or ids. How the columns come and go is not known here, nor whether
//! anybody holds the GIL.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int64Array, LargeListArray, ListArray, StructArray, UInt32Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};
use fasttok_parallel::{Output, SharedCounter, Tokens};

use crate::arrow::Column;
use crate::document::Document;

/// Documents in a slice: no more of them are borrowed at once.
const SLICE: usize = 1 << 16;

/// Counts or encodes documents by one encoding.
pub type Run<'r, E> = dyn FnMut(&SharedCounter, &[Document<'_>], Output) -> Result<Tokens, E> + 'r;

/// Work that ended at a slice of documents.
pub struct Stopped<E> {
    /// The row where the slice begins: see [`Column::row`].
    pub start: usize,
    /// Why.
    pub error: E,
}

/// What becomes of the texts of a column: counts, int64, or ids, a list of uint32. A missing text is missing there, too.
pub struct Work {
    /// What is done by one encoding, or a struct with a field for each of several.
    pub encodings: Encodings,
    /// Counts or ids.
    pub output: Output,
}

/// The encodings of a [`Work`].
pub enum Encodings {
    /// One.
    One(Arc<SharedCounter>),
    /// Some, by the names of their fields.
    Named(Vec<(String, Arc<SharedCounter>)>),
}

impl Work {
    /// The type of what becomes of texts, where lists have fewer than 2³¹ ids.
    pub fn data_type(&self) -> DataType {
        let each = match self.output {
            Output::Counts => DataType::Int64,
            Output::Ids => DataType::List(item()),
        };
        match &self.encodings {
            Encodings::One(_) => each,
            Encodings::Named(named) => {
                let field = |(name, _): &(String, _)| Field::new(name, each.clone(), true);
                DataType::Struct(named.iter().map(field).collect())
            }
        }
    }

    /// What becomes of the texts of `column`, which `run` counts or encodes slice by slice.
    pub fn perform<E>(
        &self,
        column: &Column,
        run: &mut Run<'_, E>,
    ) -> Result<ArrayRef, Stopped<E>> {
        let nulls = column.nulls();
        let counters: Vec<&SharedCounter> = match &self.encodings {
            Encodings::One(counter) => vec![counter],
            Encodings::Named(named) => named.iter().map(|(_, counter)| &**counter).collect(),
        };
        let mut made: Vec<Made> = counters.iter().map(|_| Made::new(column.len())).collect();
        let mut documents = Vec::with_capacity(column.len().min(SLICE));
        for start in (0..column.len()).step_by(SLICE) {
            let rows = start..column.len().min(start + SLICE);
            documents.clear();
            documents.extend(rows.clone().filter_map(|i| column.get(i)));
            for (counter, made) in counters.iter().zip(&mut made) {
                let tokens = match documents.is_empty() {
                    true => Tokens::default(),
                    false => run(counter, &documents, self.output)
                        .map_err(|error| Stopped { start, error })?,
                };
                made.add(rows.clone(), nulls.as_ref(), tokens);
            }
        }
        let output = self.output;
        let mut arrays: Vec<ArrayRef> =
            made.into_iter().map(|made| made.finish(output, nulls.clone())).collect();
        Ok(match &self.encodings {
            Encodings::One(_) => arrays.swap_remove(0),
            Encodings::Named(named) => {
                let fields: Fields = (named.iter().zip(&arrays))
                    .map(|((name, _), array)| Field::new(name, array.data_type().clone(), true))
                    .collect();
                let len = column.len();
                Arc::new(match fields.is_empty() {
                    true => StructArray::new_empty_fields(len, nulls),
                    false => StructArray::new(fields, arrays, nulls),
                })
            }
        })
    }
}

/// The field of the ids in a list.
pub fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::UInt32, true))
}

/// What was made of the rows so far, by one encoding.
struct Made {
    counts: Vec<i64>,
    ids: Vec<u32>,
}

impl Made {
    fn new(rows: usize) -> Made {
        Made { counts: Vec::with_capacity(rows), ids: Vec::new() }
    }

    /// Adds `tokens` of those of `rows` that are not null.
    fn add(&mut self, rows: Range<usize>, nulls: Option<&NullBuffer>, tokens: Tokens) {
        let mut counts = tokens.counts.into_iter().map(|count| count as i64);
        match nulls {
            None => self.counts.extend(counts),
            Some(nulls) => {
                let count = |i| if nulls.is_valid(i) { counts.next().unwrap_or(0) } else { 0 };
                self.counts.extend(rows.map(count));
            }
        }
        if self.ids.is_empty() {
            self.ids = tokens.ids;
        } else {
            self.ids.extend_from_slice(&tokens.ids);
        }
    }

    fn finish(self, output: Output, nulls: Option<NullBuffer>) -> ArrayRef {
        match output {
            Output::Counts => Arc::new(Int64Array::new(ScalarBuffer::from(self.counts), nulls)),
            Output::Ids => {
                let ids = Arc::new(UInt32Array::new(ScalarBuffer::from(self.ids), None));
                let lengths = || self.counts.iter().map(|&count| count as usize);
                if i32::try_from(ids.len()).is_ok() {
                    let offsets = OffsetBuffer::<i32>::from_lengths(lengths());
                    Arc::new(ListArray::new(item(), offsets, ids, nulls))
                } else {
                    let offsets = OffsetBuffer::<i64>::from_lengths(lengths());
                    Arc::new(LargeListArray::new(item(), offsets, ids, nulls))
                }
            }
        }
    }
}
