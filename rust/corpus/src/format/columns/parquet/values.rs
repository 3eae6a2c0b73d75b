//! The values of a column, as the crate decodes them, and what is written for those that are no strings.

use std::borrow::Cow;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

use super::super::rows::Values;
use super::super::scalar;

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
}

/// Reads some rows at a time.
pub(super) struct Column {
    reader: ColumnReader,
    kind: Kind,
    max_definition: i16,
}

impl Column {
    pub fn new(reader: ColumnReader, descr: &ColumnDescriptor) -> Column {
        Column { reader, kind: Kind::of(descr), max_definition: descr.max_def_level() }
    }

    /// The next `n` rows, or as many as there are.
    pub fn read(&mut self, n: usize) -> Result<ColumnValues> {
        let mut definitions = Vec::new();
        let levels = (self.max_definition > 0).then_some(&mut definitions);
        macro_rules! read {
            ($reader:expr, $typed:path) => {{
                let mut values = Vec::new();
                let (rows, _, _) = $reader.read_records(n, levels, None, &mut values)?;
                (rows, values.len(), $typed(values))
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
            _ => 0,
        }
    }

    /// Adds rows that come after these.
    pub fn append(&mut self, mut other: ColumnValues) {
        let before = self.index.iter().filter(|&&at| at != NULL).count() as u32;
        self.index.extend(other.index.iter().map(|&at| match at {
            NULL => NULL,
            at => at + before,
        }));
        if let (Typed::Bytes(values), Typed::Bytes(others)) = (&mut self.typed, &mut other.typed) {
            values.append(others);
        }
    }
}

impl Values for ColumnValues {
    fn get(&self, i: usize) -> Option<Cow<'_, [u8]>> {
        let at = match self.index[i] {
            NULL => return None,
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
                Kind::Bytes => return Some(Cow::Borrowed(values[at].data())),
                _ => self.binary(values[at].data()),
            },
            Typed::Fixed(values) => self.binary(values[at].data()),
        };
        Some(Cow::Owned(written.into_bytes()))
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
