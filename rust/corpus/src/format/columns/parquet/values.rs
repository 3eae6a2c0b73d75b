//! The values of a column, as the crate decodes them, and what is written for those that are no strings.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

use super::super::rows::{ListText, Value, Values};
use super::super::scalar;
use super::long::{LongValue, LongValues};
use super::pages::Turn;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, or bytes that may be.
    Bytes,
    Plain,
    Unsigned,
    Decimal {
        scale: i32,
    },
    Date,
    Time {
        per_second: i64,
    },
    Timestamp {
        per_second: i64,
        is_utc: bool,
    },
    Half,
    Uuid,
    Hex,
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    }
}

impl Kind {
    pub fn of(column: &ColumnDescriptor) -> Kind {
        let is_bytes = column.physical_type() == Type::BYTE_ARRAY;
        match column.logical_type_ref() {
            Some(LogicalType::Decimal(decimal)) => Kind::Decimal { scale: decimal.scale },
            Some(LogicalType::Date) => Kind::Date,
            Some(LogicalType::Time(time)) => Kind::Time { per_second: per_second(&time.unit) },
            Some(LogicalType::Timestamp(time)) => Kind::Timestamp {
                per_second: per_second(&time.unit),
                is_utc: time.is_adjusted_to_u_t_c,
            },
            Some(LogicalType::Integer(int)) if !int.is_signed => Kind::Unsigned,
            Some(LogicalType::Float16) => Kind::Half,
            Some(LogicalType::Uuid) => Kind::Uuid,
            Some(
                LogicalType::Bson
                | LogicalType::Variant(_)
                | LogicalType::Geometry(_)
                | LogicalType::Geography(_),
            ) => Kind::Hex,
            Some(_) => Kind::plain(is_bytes, column),
            None => match column.converted_type() {
                ConvertedType::DECIMAL => Kind::Decimal { scale: column.type_scale() },
                ConvertedType::DATE => Kind::Date,
                ConvertedType::TIME_MILLIS => Kind::Time { per_second: 1_000 },
                ConvertedType::TIME_MICROS => Kind::Time { per_second: 1_000_000 },
                // Written before there was another choice, and of UTC by definition.
                ConvertedType::TIMESTAMP_MILLIS => {
                    Kind::Timestamp { per_second: 1_000, is_utc: true }
                }
                ConvertedType::TIMESTAMP_MICROS => {
                    Kind::Timestamp { per_second: 1_000_000, is_utc: true }
                }
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Kind::Unsigned,
                ConvertedType::BSON => Kind::Hex,
                _ => Kind::plain(is_bytes, column),
            },
        }
    }

    fn plain(is_bytes: bool, column: &ColumnDescriptor) -> Kind {
        match column.physical_type() {
            Type::FIXED_LEN_BYTE_ARRAY => Kind::Hex,
            _ if is_bytes => Kind::Bytes,
            _ => Kind::Plain,
        }
    }

    /// What people call it, where it is no string.
    pub fn name(self, physical: Type) -> &'static str {
        match (self, physical) {
            (Kind::Decimal { .. }, _) => "a decimal number",
            (Kind::Date, _) => "a date",
            (Kind::Time { .. }, _) => "a time",
            (Kind::Timestamp { .. }, _) | (_, Type::INT96) => "a timestamp",
            (Kind::Uuid, _) => "a UUID",
            (_, Type::BOOLEAN) => "true or false",
            (Kind::Hex | Kind::Bytes, _) => "bytes",
            _ => "a number",
        }
    }
}

/// Values of some rows, without the nulls.
enum Typed {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
    /// Texts that are lists, nulls among them.
    Lists(Vec<Value<Bytes>>),
}

/// What was read of a column: of how many rows, or elements of lists, and how many values.
struct Levels {
    rows: usize,
    values: usize,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    typed: Typed,
}

/// Reads some rows at a time.
pub(super) struct Column {
    reader: ColumnReader,
    turn: Turn,
    kind: Kind,
    max_definition: i16,
    lists: Option<Lists>,
    long: LongValues,
    /// What was read, from a value on that is too long to be held.
    ahead: Option<ColumnValues>,
}

/// What comes next in a column.
pub(super) enum Next {
    Values(ColumnValues),
    /// One value, which is too long to be held.
    Long(LongValue),
    /// The next one is, and it was not asked for.
    LongAhead,
}

/// The lists of strings of a column.
struct Lists {
    /// The definition level from which on a list has elements.
    definition: i16,
    /// The most bytes that are held of one.
    most: usize,
    /// The one in work: it may go on in the next page.
    open: Option<ListText>,
    /// Those that have ended.
    ready: VecDeque<Value<Bytes>>,
}

impl Lists {
    /// Takes what was read. `max`: the definition level of an element that is not null.
    fn add(&mut self, levels: &Levels, max: i16) -> Result<()> {
        let damaged = || ParquetError::General("the levels of a list make no sense".to_owned());
        let Levels { definitions, repetitions, typed: Typed::Bytes(strings), .. } = levels else {
            return Err(damaged());
        };
        let mut strings = strings.iter();
        for (&repetition, &definition) in repetitions.iter().zip(definitions) {
            let is_element = definition >= self.definition;
            if repetition == 0 {
                self.end();
                match definition + 1 >= self.definition {
                    true => self.open = Some(ListText::new()),
                    false => self.ready.push_back(Value::Null),
                }
            } else if !is_element {
                return Err(damaged());
            }
            if is_element {
                let element = match definition == max {
                    true => Value::Bytes(strings.next().ok_or_else(damaged)?.data()),
                    false => Value::Null,
                };
                self.open.as_mut().ok_or_else(damaged)?.add(&element, self.most);
            }
        }
        let is_whole = [repetitions.len(), definitions.len()] == [levels.rows; 2];
        if is_whole && strings.next().is_none() { Ok(()) } else { Err(damaged()) }
    }

    /// The list in work ends.
    fn end(&mut self) {
        self.ready.extend(self.open.take().map(ListText::end));
    }
}

impl Column {
    /// Of the values that are read, some may be marks of those in `long`.
    pub fn new(
        reader: ColumnReader,
        turn: Turn,
        descr: &ColumnDescriptor,
        long: LongValues,
    ) -> Column {
        let (kind, max_definition) = (Kind::of(descr), descr.max_def_level());
        Column { reader, turn, kind, max_definition, lists: None, long, ahead: None }
    }

    /// The next rows, as of [`Column::read`], or, where `may_be_long`, one whose value is too long to be held.
    pub fn next(&mut self, n: usize, may_be_long: bool) -> Result<Next> {
        let mut values = match self.ahead.take() {
            Some(values) => values,
            None => self.read(n)?,
        };
        let Some((row, long)) = values.first_long(&self.long) else {
            if values.rows() > n {
                self.ahead = Some(values.split_off(n));
            }
            return Ok(Next::Values(values));
        };
        if row == 0 && !may_be_long {
            self.ahead = Some(values);
            return Ok(Next::LongAhead);
        }
        if row == 0 {
            self.ahead = Some(values.split_off(1)).filter(|rest| rest.rows() > 0);
            return Ok(Next::Long(long));
        }
        self.ahead = Some(values.split_off(row.min(n)));
        Ok(Next::Values(values))
    }

    /// The same as lists, which have elements from definition level `definition` on, of at most `most` bytes each.
    pub fn of_lists(self, definition: i16, most: usize) -> Column {
        let lists = Lists { definition, most, open: None, ready: VecDeque::new() };
        Column { lists: Some(lists), ..self }
    }

    /// The next rows: up to `n` of a page, and none at the end only.
    pub fn read(&mut self, n: usize) -> Result<ColumnValues> {
        match self.lists.take() {
            None => self.values(n),
            Some(mut lists) => {
                let read = self.texts(&mut lists, n);
                self.lists = Some(lists);
                read
            }
        }
    }

    /// The next `n` rows.
    pub fn read_exactly(&mut self, n: usize) -> Result<ColumnValues> {
        let mut all = self.read(n)?;
        while all.rows() < n {
            let some = self.read(n - all.rows())?;
            if some.rows() == 0 {
                return Err(ParquetError::EOF("another column has fewer rows".to_owned()));
            }
            all.append(some);
        }
        Ok(all)
    }

    fn values(&mut self, n: usize) -> Result<ColumnValues> {
        let Levels { rows, values, definitions, typed, .. } = self.levels(n)?;
        // Which of the values is that of a row.
        let mut at = 0;
        let index = match self.max_definition {
            0 => (0..rows as u32).collect(),
            max => definitions
                .iter()
                .map(|&level| match level == max {
                    true => {
                        at += 1;
                        at - 1
                    }
                    false => NULL,
                })
                .collect::<Vec<u32>>(),
        };
        let present = index.iter().filter(|&&at| at != NULL).count();
        if index.len() != rows || present != values {
            let message = format!("{values} values for {present} of {rows} rows");
            return Err(ParquetError::General(message));
        }
        Ok(ColumnValues { index, typed, kind: self.kind })
    }

    fn texts(&mut self, lists: &mut Lists, n: usize) -> Result<ColumnValues> {
        while lists.ready.is_empty() {
            let levels = self.levels(n)?;
            if levels.rows == 0 {
                lists.end();
                break;
            }
            lists.add(&levels, self.max_definition)?;
        }
        let texts: Vec<_> = lists.ready.drain(..n.min(lists.ready.len())).collect();
        let index = (0..texts.len() as u32).collect();
        Ok(ColumnValues { index, typed: Typed::Lists(texts), kind: self.kind })
    }

    /// What there is of the next `n` rows: in the page in work and the one after it.
    fn levels(&mut self, n: usize) -> Result<Levels> {
        loop {
            self.turn.give();
            let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
            let (defined, repeated) = (Some(&mut definitions), Some(&mut repetitions));
            macro_rules! read {
                ($reader:expr, $typed:path) => {{
                    let mut values = Vec::new();
                    let (_, _, levels) = $reader.read_records(n, defined, repeated, &mut values)?;
                    (levels, values.len(), $typed(values))
                }};
            }
            let (rows, values, typed) = match &mut self.reader {
                ColumnReader::BoolColumnReader(r) => read!(r, Typed::Bool),
                ColumnReader::Int32ColumnReader(r) => read!(r, Typed::Int32),
                ColumnReader::Int64ColumnReader(r) => read!(r, Typed::Int64),
                ColumnReader::Int96ColumnReader(r) => read!(r, Typed::Int96),
                ColumnReader::FloatColumnReader(r) => read!(r, Typed::Float),
                ColumnReader::DoubleColumnReader(r) => read!(r, Typed::Double),
                ColumnReader::ByteArrayColumnReader(r) => read!(r, Typed::Bytes),
                ColumnReader::FixedLenByteArrayColumnReader(r) => read!(r, Typed::Fixed),
            };
            // A page may have no rows.
            if rows > 0 || self.turn.is_left() {
                return Ok(Levels { rows, values, definitions, repetitions, typed });
            }
        }
    }
}

const NULL: u32 = u32::MAX;

/// The values of some rows.
pub(super) struct ColumnValues {
    /// For each row, the index of its value.
    index: Vec<u32>,
    typed: Typed,
    kind: Kind,
}

impl ColumnValues {
    pub fn rows(&self) -> usize {
        self.index.len()
    }

    /// Bytes of all strings together.
    pub fn bytes(&self) -> usize {
        match &self.typed {
            Typed::Bytes(values) => values.iter().map(ByteArray::len).sum(),
            Typed::Lists(texts) => texts.iter().map(Value::len).sum(),
            _ => 0,
        }
    }

    /// The first row whose value is too long to be held, and that.
    fn first_long(&self, long: &LongValues) -> Option<(usize, LongValue)> {
        let Typed::Bytes(values) = &self.typed else { return None };
        if long.is_empty() {
            return None;
        }
        self.index.iter().enumerate().find_map(|(row, &at)| {
            let value = values.get(at as usize).filter(|_| at != NULL)?;
            Some((row, long.of(value)?))
        })
    }

    /// Takes the rows from `row` on away.
    fn split_off(&mut self, row: usize) -> ColumnValues {
        let mut index = self.index.split_off(row);
        let Typed::Bytes(values) = &mut self.typed else {
            unreachable!("only strings are looked at one by one")
        };
        let first = index.iter().find(|&&at| at != NULL).map_or(values.len(), |&at| at as usize);
        let rest = values.split_off(first);
        index.iter_mut().filter(|at| **at != NULL).for_each(|at| *at -= first as u32);
        ColumnValues { index, typed: Typed::Bytes(rest), kind: self.kind }
    }

    /// Adds rows that come after these.
    pub fn append(&mut self, other: ColumnValues) {
        macro_rules! append {
            ($($typed:path),*) => {
                match (&mut self.typed, other.typed) {
                    $(($typed(values), $typed(mut others)) => {
                        let before = values.len() as u32;
                        values.append(&mut others);
                        before
                    })*
                    _ => unreachable!("the values of a column are of one type"),
                }
            };
        }
        let before = append!(
            Typed::Bool,
            Typed::Int32,
            Typed::Int64,
            Typed::Int96,
            Typed::Float,
            Typed::Double,
            Typed::Bytes,
            Typed::Fixed,
            Typed::Lists
        );
        self.index.extend(other.index.iter().map(|&at| match at {
            NULL => NULL,
            at => at + before,
        }));
    }
}

impl Values for ColumnValues {
    fn get(&self, i: usize) -> Value<Cow<'_, [u8]>> {
        let at = match self.index[i] {
            NULL => return Value::Null,
            at => at as usize,
        };
        let written = match &self.typed {
            Typed::Bool(values) => values[at].to_string(),
            Typed::Int32(values) => self.integer(values[at].into(), u64::from(values[at] as u32)),
            Typed::Int64(values) => self.integer(values[at], values[at] as u64),
            // Nanoseconds of a Julian day.
            Typed::Int96(values) => match values[at].data() {
                [low, high, day] => {
                    let nanos = (i64::from(*high) << 32) | i64::from(*low);
                    let (days, nanos) =
                        (nanos.div_euclid(NANOS_PER_DAY), nanos.rem_euclid(NANOS_PER_DAY));
                    let day = scalar::date(i64::from(*day) - JULIAN_1970 + days);
                    format!("{day}T{}", scalar::time(nanos, 1_000_000_000))
                }
                _ => String::new(),
            },
            Typed::Float(values) => scalar::float(values[at]),
            Typed::Double(values) => scalar::double(values[at]),
            Typed::Bytes(values) => match self.kind {
                Kind::Bytes => return Value::Bytes(Cow::Borrowed(values[at].data())),
                _ => self.binary(values[at].data()),
            },
            Typed::Fixed(values) => self.binary(values[at].data()),
            Typed::Lists(texts) => return texts[at].borrowed(),
        };
        Value::Bytes(Cow::Owned(written.into_bytes()))
    }
}

const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// The Julian day of 1970-01-01.
const JULIAN_1970: i64 = 2_440_588;

impl ColumnValues {
    fn integer(&self, value: i64, unsigned: u64) -> String {
        match self.kind {
            Kind::Unsigned => unsigned.to_string(),
            Kind::Decimal { scale } => scalar::decimal(&value.to_be_bytes(), scale),
            Kind::Date => scalar::date(value),
            Kind::Time { per_second } => scalar::time(value, per_second),
            Kind::Timestamp { per_second, is_utc } => scalar::timestamp(value, per_second, is_utc),
            _ => value.to_string(),
        }
    }

    fn binary(&self, bytes: &[u8]) -> String {
        match (self.kind, bytes) {
            (Kind::Decimal { scale }, _) => scalar::decimal(bytes, scale),
            (Kind::Uuid, _) => scalar::uuid(bytes),
            (Kind::Half, &[low, high]) => scalar::half(u16::from_le_bytes([low, high])),
            _ => scalar::hex(bytes),
        }
    }
}
