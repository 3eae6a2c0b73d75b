//! Which buffers of a record batch are those of a field: the columns of an Arrow schema, in the order in which their
//! buffers come. Reads nothing.

use arrow_ipc::{
    DateUnit, Field, MetadataVersion, Precision, RecordBatch, Schema, TimeUnit, Type, UnionMode,
};

/// A column, or what it is made of.
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
    /// The dictionary that its values are in, and how they are known there.
    pub dictionary: Option<(i64, Fixed)>,
    children: Vec<Column>,
}

/// How the values of a column are laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Null,
    Bool,
    /// Of `width` bytes each.
    Fixed {
        width: usize,
        value: Fixed,
    },
    /// Bytes between offsets, which are of eight bytes if `is_large`, and of four otherwise.
    Bytes {
        is_large: bool,
    },
    /// Views, which are bytes themselves or say where they are.
    Views,
    Struct,
    /// Values between offsets, which are as those of bytes.
    List {
        is_large: bool,
    },
    /// What else has more than one value, and how many buffers of its own.
    Nested {
        buffers: usize,
        name: &'static str,
    },
}

/// What values of a fixed width stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fixed {
    Int {
        is_signed: bool,
        width: usize,
    },
    Float,
    Decimal {
        scale: i32,
    },
    /// Days, or this many units a day.
    Date {
        per_day: i64,
    },
    Time {
        per_second: i64,
    },
    Timestamp {
        per_second: i64,
        is_utc: bool,
    },
    Bytes,
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::SECOND => 1,
        TimeUnit::MILLISECOND => 1_000,
        TimeUnit::MICROSECOND => 1_000_000,
        _ => 1_000_000_000,
    }
}

/// The columns of a schema; an error says what of it cannot be read.
pub(super) fn columns(schema: &Schema, version: MetadataVersion) -> Result<Vec<Column>, String> {
    if schema.endianness() != arrow_ipc::Endianness::Little {
        return Err("its bytes are in the order of a big-endian machine".to_owned());
    }
    let fields = schema.fields().into_iter().flatten();
    fields.map(|field| Column::new(&field, version, 0)).collect()
}

impl Column {
    /// A column by itself, such as the values of a dictionary are.
    pub fn of_values(kind: Kind) -> Column {
        Column { name: String::new(), kind, dictionary: None, children: Vec::new() }
    }

    /// What it is a list of, if it is one.
    pub fn element(&self) -> Option<&Column> {
        match (self.kind, self.dictionary) {
            (Kind::List { .. }, None) => self.children.first(),
            _ => None,
        }
    }

    fn new(field: &Field, version: MetadataVersion, depth: usize) -> Result<Column, String> {
        // No schema is so deep; a damaged one may be.
        if depth > 64 {
            return Err("its columns are nested too deeply".to_owned());
        }
        let children = field.children().into_iter().flatten();
        let children = children.map(|child| Column::new(&child, version, depth + 1));
        let dictionary = match field.dictionary() {
            None => None,
            Some(dictionary) => {
                // The default of the format.
                let (width, is_signed) = match dictionary.indexType() {
                    None => (4, true),
                    Some(int) => (bytes(int.bitWidth())?, int.is_signed()),
                };
                Some((dictionary.id(), Fixed::Int { is_signed, width }))
            }
        };
        Ok(Column {
            name: field.name().unwrap_or_default().to_owned(),
            kind: kind(field, version).ok_or("the type of a column is damaged")??,
            dictionary,
            children: children.collect::<Result<_, _>>()?,
        })
    }
}

/// Bytes of so many bits.
fn bytes(bits: i32) -> Result<usize, String> {
    match bits {
        8 | 16 | 32 | 64 | 128 | 256 => Ok(bits as usize / 8),
        _ => Err(format!("a column has values of {bits} bits")),
    }
}

/// How the values of `field` are laid out; `None` where its type is not there.
fn kind(field: &Field, version: MetadataVersion) -> Option<Result<Kind, String>> {
    let fixed = |width, value| Ok(Kind::Fixed { width, value });
    let nested = |buffers, name| Ok(Kind::Nested { buffers, name });
    Some(match field.type_type() {
        Type::Null => Ok(Kind::Null),
        Type::Bool => Ok(Kind::Bool),
        Type::Int => {
            let int = field.type_as_int()?;
            let is_signed = int.is_signed();
            bytes(int.bitWidth()).and_then(|width| fixed(width, Fixed::Int { is_signed, width }))
        }
        Type::FloatingPoint => {
            let width = match field.type_as_floating_point()?.precision() {
                Precision::HALF => 2,
                Precision::SINGLE => 4,
                _ => 8,
            };
            fixed(width, Fixed::Float)
        }
        Type::Decimal => {
            let decimal = field.type_as_decimal()?;
            let scale = decimal.scale();
            bytes(decimal.bitWidth()).and_then(|width| fixed(width, Fixed::Decimal { scale }))
        }
        Type::Date => match field.type_as_date()?.unit() {
            DateUnit::DAY => fixed(4, Fixed::Date { per_day: 1 }),
            _ => fixed(8, Fixed::Date { per_day: 86_400_000 }),
        },
        Type::Time => {
            let time = field.type_as_time()?;
            let per_second = per_second(time.unit());
            bytes(time.bitWidth()).and_then(|width| fixed(width, Fixed::Time { per_second }))
        }
        Type::Timestamp => {
            let timestamp = field.type_as_timestamp()?;
            let is_utc = timestamp.timezone().is_some_and(|zone| !zone.is_empty());
            fixed(8, Fixed::Timestamp { per_second: per_second(timestamp.unit()), is_utc })
        }
        Type::Duration => fixed(8, Fixed::Int { is_signed: true, width: 8 }),
        Type::Interval => {
            let width = match field.type_as_interval()?.unit() {
                arrow_ipc::IntervalUnit::YEAR_MONTH => 4,
                arrow_ipc::IntervalUnit::DAY_TIME => 8,
                _ => 16,
            };
            fixed(width, Fixed::Bytes)
        }
        Type::FixedSizeBinary => match field.type_as_fixed_size_binary()?.byteWidth() {
            width @ 0.. => fixed(width as usize, Fixed::Bytes),
            _ => Err("a column has values of less than no bytes".to_owned()),
        },
        Type::Utf8 | Type::Binary => Ok(Kind::Bytes { is_large: false }),
        Type::LargeUtf8 | Type::LargeBinary => Ok(Kind::Bytes { is_large: true }),
        Type::Utf8View | Type::BinaryView => Ok(Kind::Views),
        Type::Struct_ => Ok(Kind::Struct),
        Type::FixedSizeList => nested(1, "a list of a fixed size"),
        Type::List => Ok(Kind::List { is_large: false }),
        Type::LargeList => Ok(Kind::List { is_large: true }),
        Type::Map => nested(2, "a map"),
        Type::ListView | Type::LargeListView => nested(3, "a list view"),
        Type::Union => {
            let dense = field.type_as_union()?.mode() == UnionMode::Dense;
            // Before the version of today they had a bitmap too.
            let bitmap = version < MetadataVersion::V5;
            nested(1 + usize::from(dense) + usize::from(bitmap), "a union")
        }
        Type::RunEndEncoded => nested(0, "run-end encoded"),
        _ => Err("the type of a column is of a later version of the format".to_owned()),
    })
}

/// A column in a record batch.
pub(super) struct Place {
    pub kind: Kind,
    pub dictionary: Option<(i64, Fixed)>,
    /// Its first buffer that is no bitmap of nulls.
    pub buffer: usize,
    /// How many buffers its views point to.
    pub variadic: usize,
    /// The bitmaps that say whether there is a value: its own, and those of the structs that it is in.
    pub bitmaps: Vec<usize>,
    /// How many rows there are.
    pub rows: u64,
    /// Where what it is a list of is.
    pub element: Option<Box<Place>>,
}

/// What is found under a path of names, or a name with dots.
pub(super) enum Found<'c> {
    /// The column, as the indices of it and what it is in.
    Leaf(Vec<usize>, &'c Column),
    /// Something in a column that is no struct.
    Inside(&'c Column),
    Missing,
}

pub(super) fn find<'c>(columns: &'c [Column], path: &[String], name: &str) -> Found<'c> {
    fn down<'c>(columns: &'c [Column], path: &[String], above: &[usize]) -> Option<Found<'c>> {
        let (name, rest) = path.split_first()?;
        let at = columns.iter().position(|column| column.name == *name)?;
        let (column, indices) = (&columns[at], [above, &[at]].concat());
        if rest.is_empty() {
            return Some(Found::Leaf(indices, column));
        }
        if column.kind != Kind::Struct || column.dictionary.is_some() {
            // It is there, and nothing that can be had is in it.
            return (!column.children.is_empty()).then_some(Found::Inside(column));
        }
        down(&column.children, rest, &indices)
    }
    let found = down(columns, path, &[]).or_else(|| down(columns, &[name.to_owned()], &[]));
    found.unwrap_or(Found::Missing)
}

/// The names of columns as one would ask for them.
pub(super) fn names(columns: &[Column], most: usize) -> std::collections::BTreeSet<String> {
    fn add(columns: &[Column], parent: &str, names: &mut Vec<String>) {
        for column in columns {
            let name = format!("{parent}{}", column.name);
            if column.kind == Kind::Struct {
                add(&column.children, &format!("{name}."), names);
            } else {
                names.push(name);
            }
        }
    }
    let mut names = Vec::new();
    add(columns, "", &mut names);
    names.truncate(most);
    names.into_iter().collect()
}

/// Where the column `indices` has its buffers in `batch`.
pub(super) fn place(columns: &[Column], indices: &[usize], batch: &RecordBatch) -> Option<Place> {
    let mut walk = Walk { batch, node: 0, buffer: 0, variadic: 0 };
    let (mut columns, mut bitmaps) = (columns, Vec::new());
    for (depth, &index) in indices.iter().enumerate() {
        for column in &columns[..index] {
            walk.pass(column)?;
        }
        let column = &columns[index];
        if depth + 1 == indices.len() {
            return walk.place(column, bitmaps);
        }
        bitmaps.push(walk.buffer);
        (walk.node, walk.buffer) = (walk.node + 1, walk.buffer + 1);
        columns = &column.children;
    }
    None
}

/// How far the nodes and buffers of a record batch are passed.
struct Walk<'b> {
    batch: &'b RecordBatch<'b>,
    node: usize,
    buffer: usize,
    variadic: usize,
}

impl Walk<'_> {
    /// Where `column`, which comes next, has its buffers; `bitmaps` are those of the structs that it is in.
    fn place(&mut self, column: &Column, mut bitmaps: Vec<usize>) -> Option<Place> {
        let node = self.batch.nodes().filter(|nodes| self.node < nodes.len())?.get(self.node);
        if column.kind != Kind::Null || column.dictionary.is_some() {
            bitmaps.push(self.buffer);
            self.buffer += 1;
        }
        let buffer = self.buffer;
        let is_view = column.kind == Kind::Views && column.dictionary.is_none();
        let variadic = if is_view { self.variadic()? } else { 0 };
        let element = match column.element() {
            None => None,
            Some(element) => {
                // Its only buffer is that of its offsets.
                (self.node, self.buffer) = (self.node + 1, self.buffer + 1);
                Some(Box::new(self.place(element, Vec::new())?))
            }
        };
        Some(Place {
            kind: column.kind,
            dictionary: column.dictionary,
            buffer,
            variadic,
            bitmaps,
            rows: u64::try_from(node.length()).ok()?,
            element,
        })
    }

    /// How many buffers the next views point to.
    fn variadic(&mut self) -> Option<usize> {
        let counts = self.batch.variadicBufferCounts()?;
        let count = (self.variadic < counts.len()).then(|| counts.get(self.variadic))?;
        self.variadic += 1;
        usize::try_from(count).ok()
    }

    fn pass(&mut self, column: &Column) -> Option<()> {
        self.node += 1;
        if column.dictionary.is_some() {
            self.buffer += 2;
            return Some(());
        }
        let buffers = match column.kind {
            Kind::Null => 0,
            Kind::Bool | Kind::Fixed { .. } | Kind::List { .. } => 2,
            Kind::Bytes { .. } => 3,
            Kind::Views => 2 + self.variadic()?,
            Kind::Struct => 1,
            Kind::Nested { buffers, .. } => buffers,
        };
        self.buffer = self.buffer.checked_add(buffers)?;
        column.children.iter().try_for_each(|child| self.pass(child))
    }
}
