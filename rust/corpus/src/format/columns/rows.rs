//! Rows made of columns: what has been decoded of the fields that are wanted, as documents. Knows no file format.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use fasttok_engine::Utf8Errors;

use super::super::jsonl::no_text_in_list;
use super::cell::{CellBytes, LongCell};
use super::file::{Failure, catching};
use crate::Progress;
use crate::position::{At, Position};
use crate::reading::{Chunk, Step, StreamConfig};
use crate::record::{Fields, FieldsMet, Row, Rows, decoded};
use crate::skip_reason::{Reason, SkipReason};

/// What a column has in a row.
#[derive(Debug, Clone)]
pub(super) enum Value<B> {
    /// The bytes of a string, those of the strings of a list with line ends between them, or what is written for another
    /// value.
    Bytes(B),
    Null,
    /// A list with null in it.
    NullInList,
    /// More bytes than may be held of a record.
    TooLarge,
}

impl<B: AsRef<[u8]>> Value<B> {
    /// Its bytes, if it has any.
    fn bytes(&self) -> &[u8] {
        match self {
            Value::Bytes(bytes) => bytes.as_ref(),
            Value::Null | Value::NullInList | Value::TooLarge => &[],
        }
    }

    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    pub fn borrowed(&self) -> Value<Cow<'_, [u8]>> {
        match self {
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes.as_ref())),
            Value::Null => Value::Null,
            Value::NullInList => Value::NullInList,
            Value::TooLarge => Value::TooLarge,
        }
    }
}

/// A list of strings that is met one string at a time, as the text that it is.
pub(super) struct ListText {
    value: Value<Vec<u8>>,
    elements: usize,
}

impl ListText {
    pub fn new() -> ListText {
        ListText { value: Value::Bytes(Vec::new()), elements: 0 }
    }

    /// Adds a string, or what is there in place of one. `most`: the most bytes that are held.
    pub fn add<B: AsRef<[u8]>>(&mut self, element: &Value<B>, most: usize) {
        let separator: &[u8] = if self.elements == 0 { b"" } else { b"\n" };
        self.elements += 1;
        let Value::Bytes(text) = &mut self.value else { return };
        match element {
            Value::Bytes(_) if text.len() + separator.len() + element.len() <= most => {
                text.extend_from_slice(separator);
                text.extend_from_slice(element.bytes());
            }
            Value::Bytes(_) | Value::TooLarge => self.value = Value::TooLarge,
            Value::Null | Value::NullInList => self.value = Value::NullInList,
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether it is no text, whatever else is in the list.
    pub fn is_settled(&self) -> bool {
        !matches!(self.value, Value::Bytes(_))
    }

    pub fn end(self) -> Value<Bytes> {
        match self.value {
            Value::Bytes(text) => Value::Bytes(text.into()),
            Value::Null => Value::Null,
            Value::NullInList => Value::NullInList,
            Value::TooLarge => Value::TooLarge,
        }
    }
}

/// What a column holds of some rows.
pub(super) trait Values: Send {
    /// What row `i` has.
    fn get(&self, i: usize) -> Value<Cow<'_, [u8]>>;
}

/// A column that is not read: the field is not in the file.
pub(super) struct Nulls;

impl Values for Nulls {
    fn get(&self, _: usize) -> Value<Cow<'_, [u8]>> {
        Value::Null
    }
}

/// Why no row of a file can be counted: the text, or another field, is none that can be had.
#[derive(Debug, Clone)]
pub(super) struct NoText(pub SkipReason);

/// Which of the fields are in a file, and what other columns it has.
#[derive(Debug, Default)]
pub(super) struct FieldsFound {
    pub met: Vec<bool>,
    pub names: BTreeSet<String>,
}

impl FieldsFound {
    /// What `records` rows are to be told of.
    pub fn of(&self, records: u64) -> FieldsMet {
        let met = self.met.iter().map(|&met| met && records > 0).collect();
        // Names are asked for only where a field is not there.
        let names = match self.met.iter().all(|&met| met) || records == 0 {
            true => BTreeSet::new(),
            false => self.names.clone(),
        };
        FieldsMet { records, met, names, ..FieldsMet::default() }
    }
}

/// Rows of a row group or of a record batch.
pub(super) struct ColumnRows {
    pub group: u64,
    pub rows: Range<u64>,
    /// In the order of [`Fields::names`]: the text, the groups, the second text.
    pub columns: Vec<Box<dyn Values>>,
    pub names: Vec<String>,
    pub has_answer: bool,
    pub max_record: usize,
    pub met: FieldsMet,
    /// How many of the first rows are passed over.
    passed: usize,
    values: Vec<Option<String>>,
    text: String,
    answer: String,
}

impl ColumnRows {
    pub fn new(
        group: u64,
        rows: Range<u64>,
        columns: Vec<Box<dyn Values>>,
        fields: &FieldNames,
        max_record: usize,
        met: FieldsMet,
    ) -> ColumnRows {
        ColumnRows {
            group,
            rows,
            columns,
            names: fields.names.clone(),
            has_answer: fields.has_answer,
            max_record,
            met,
            passed: 0,
            values: Vec::new(),
            text: String::new(),
            answer: String::new(),
        }
    }

    /// No rows, which tell of fields.
    pub fn none(fields: &FieldNames, met: FieldsMet) -> ColumnRows {
        ColumnRows::new(0, 0..0, Vec::new(), fields, 0, met)
    }
}

/// Columns of some rows, and how many these are.
pub(super) type Columns = (Vec<Box<dyn Values>>, u64);

/// What was read of a part of a file.
pub(super) enum Read {
    Rows(Columns),
    /// A row whose text is too long to be held, and the columns of the groups of it.
    Cell(Box<dyn CellBytes>, Vec<Box<dyn Values>>),
}

/// A row group or a record batch, and how far it is read.
pub(super) struct Part {
    /// The index of the file in the list of inputs.
    pub file: usize,
    /// What it is called.
    pub name: &'static str,
    pub index: u64,
    /// The row that comes next, of so many.
    pub next: u64,
    pub rows: u64,
    /// The text of that row, where it is read in parts.
    cell: Option<LongCell>,
}

impl Part {
    pub fn new(file: usize, name: &'static str, index: u64, rows: u64) -> Part {
        Part { file, name, index, next: 0, rows, cell: None }
    }

    pub fn is_done(&self) -> bool {
        self.next == self.rows
    }

    /// Reads on in a text that is read in parts, if there is one, into `buf`.
    pub fn cell_step<'e>(
        &mut self,
        (fields, found): (&FieldNames, &FieldsFound),
        buf: &mut Vec<u8>,
        config: &StreamConfig,
        progress: &Progress,
    ) -> Option<Step<'e>> {
        let mut cell = self.cell.take()?;
        match catching(|| cell.read(config), |failure| failure) {
            Ok(is_last) => {
                let (chunk, text) = match is_last {
                    true => cell.end(config),
                    false => {
                        let part = cell.part(config);
                        self.cell = Some(cell);
                        part
                    }
                };
                self.next += u64::from(is_last);
                *buf = text.into_bytes();
                Some(Step { chunk, end: self.is_done(), ..Step::default() })
            }
            Err(failure) => Some(self.step((fields, found), Ok(Err(failure)), config, progress)),
        }
    }

    /// Hands out what was `read`. All rows that are left are lost where that failed, and all of them where none has a text.
    pub fn step<'e>(
        &mut self,
        (fields, found): (&FieldNames, &FieldsFound),
        read: Result<Result<Read, Failure>, &NoText>,
        config: &StreamConfig,
        progress: &Progress,
    ) -> Step<'e> {
        let Part { file, name, index, next, rows, .. } = *self;
        let position = Position::from(At::Row { group: index, row: next });
        let (columns, bad) = match read {
            Ok(Ok(Read::Rows((columns, n)))) => {
                self.next += n;
                let range = next..self.next;
                let met = found.of(n);
                (ColumnRows::new(index, range, columns, fields, config.max_record, met), None)
            }
            Ok(Ok(Read::Cell(bytes, columns))) => {
                let begun =
                    LongCell::begin(file, position.clone(), bytes, &columns, fields, config);
                let none = ColumnRows::none(fields, found.of(1));
                progress.add_records(none.met.records, &none.met.met);
                let mut bad = Vec::new();
                match begun {
                    Ok(cell) => self.cell = Some(cell),
                    Err(reason) => {
                        self.next += 1;
                        bad.push((position, reason));
                    }
                }
                let chunk = Some(Chunk::Rows(Box::new(none)));
                return Step { chunk, bad, end: self.is_done(), ..Step::default() };
            }
            Ok(Err((reason, why))) => {
                let bad = lost(reason, &format!("{name} {index}"), next..rows, &why);
                (ColumnRows::none(fields, found.of(1)), Some(bad))
            }
            Err(NoText(bad)) => {
                let none = ColumnRows::none(fields, found.of(rows));
                (none, Some(bad.clone().of_rows(rows)))
            }
        };
        progress.add_records(columns.met.records, &columns.met.met);
        if bad.is_some() {
            self.next = rows;
        }
        Step {
            chunk: Some(Chunk::Rows(Box::new(columns))),
            bad: bad.map(|bad| (position, bad)).into_iter().collect(),
            end: self.is_done(),
            ..Step::default()
        }
    }
}

/// The fields that are wanted, by name.
#[derive(Debug, Clone)]
pub(super) struct FieldNames {
    /// Those of [`Fields::names`].
    pub names: Vec<String>,
    pub has_answer: bool,
}

impl FieldNames {
    pub fn of(fields: &Fields) -> FieldNames {
        FieldNames { names: fields.names(), has_answer: fields.answer.is_some() }
    }

    /// Whether field `i` is a text, and not the value of a group.
    pub fn is_text(&self, i: usize) -> bool {
        i == 0 || self.has_answer && i + 1 == self.names.len()
    }
}

impl Rows for ColumnRows {
    fn len(&self) -> usize {
        (self.rows.end - self.rows.start) as usize - self.passed
    }

    fn pass_over(&mut self, rows: usize) {
        self.passed += rows.min(self.len());
    }

    fn position(&self, i: usize) -> Position {
        At::Row { group: self.group, row: self.rows.start + (self.passed + i) as u64 }.into()
    }

    fn read(&mut self, i: usize, errors: Utf8Errors) -> Result<Option<Row<'_>>, SkipReason> {
        let i = self.passed + i;
        let ColumnRows { columns, names, values, text, answer, has_answer, max_record, .. } = self;
        let groups = 1..columns.len() - usize::from(*has_answer);
        values.clear();
        for field in groups.clone() {
            values.push(value_of(columns[field].get(i), &names[field], *max_record, errors)?);
        }
        let mut wanted = [Ok(None), Ok(None)];
        let fields = [Some(0), has_answer.then_some(groups.end)];
        for ((wanted, field), buffer) in wanted.iter_mut().zip(fields).zip([text, answer]) {
            let Some(field) = field else { continue };
            *wanted = text_of(columns[field].get(i), &names[field], *max_record, errors)
                .map(|text| Some(borrowed(text, buffer)));
        }
        let [text, answer] = wanted;
        let Some(text) = text? else { unreachable!("the text is always wanted") };
        Ok(Some(Row { text, values, answer: answer? }))
    }

    fn fields_met(&mut self) -> FieldsMet {
        std::mem::take(&mut self.met)
    }
}

/// The bytes of `value`, the field `name`; nothing where it is null.
fn bytes_of<'v>(
    value: Value<Cow<'v, [u8]>>,
    name: &str,
    max_record: usize,
) -> Result<Option<Cow<'v, [u8]>>, SkipReason> {
    match value {
        Value::Bytes(bytes) => Ok(Some(bytes)),
        Value::Null => Ok(None),
        Value::NullInList => Err(no_text_in_list(b'n', name)),
        Value::TooLarge => Err(SkipReason::record_too_large(max_record)),
    }
}

/// The value of a group that `value`, the field `name`, is.
pub(super) fn value_of(
    value: Value<Cow<'_, [u8]>>,
    name: &str,
    max_record: usize,
    errors: Utf8Errors,
) -> Result<Option<String>, SkipReason> {
    let bytes = bytes_of(value, name, max_record)?;
    bytes.map(|bytes| Ok(decoded(&bytes, errors)?.into_owned())).transpose()
}

/// The text that `value` has to be.
fn text_of<'v>(
    value: Value<Cow<'v, [u8]>>,
    name: &str,
    max_record: usize,
    errors: Utf8Errors,
) -> Result<Cow<'v, str>, SkipReason> {
    match bytes_of(value, name, max_record)? {
        None => Err(SkipReason::new(Reason::NullField, format!("field {name:?} is null"))),
        Some(bytes) if bytes.len() > max_record => Err(SkipReason::record_too_large(max_record)),
        Some(Cow::Borrowed(bytes)) => decoded(bytes, errors),
        Some(Cow::Owned(bytes)) => Ok(Cow::Owned(decoded(&bytes, errors)?.into_owned())),
    }
}

fn borrowed<'a>(text: Cow<'a, str>, buffer: &'a mut String) -> &'a str {
    match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => {
            *buffer = text;
            buffer
        }
    }
}

/// The entry for rows `rows` of a part of a file (`part`, such as "row group 3") that cannot be counted.
fn lost(reason: Reason, part: &str, rows: Range<u64>, why: &str) -> SkipReason {
    let n = rows.end.saturating_sub(rows.start).max(1);
    let which = match n {
        1 => format!("row {} of {part} is", rows.start),
        _ => format!("rows {} to {} of {part} are", rows.start, rows.end - 1),
    };
    SkipReason::new(reason, format!("{which} not counted: {why}")).of_rows(n)
}

/// The entry for all rows of a file without the field.
pub(super) fn missing(name: &str) -> NoText {
    NoText(SkipReason::new(Reason::MissingField, format!("the file has no column {name:?}")))
}

/// What a list is called that cannot be a text.
pub(super) const NO_STRINGS: &str = "a list of other values";

/// The entry for all rows of a file whose field is `kind`.
pub(super) fn not_a_string(name: &str, kind: &str) -> NoText {
    NoText(SkipReason::new(Reason::NotAString, format!("column {name:?} is {kind}, not a string")))
}
