//! Parquet: rows of columns, of which one is the text. Only the columns that are wanted are read.
//!
//! The footer says where the row groups are; each of them is a reading of its own, so that several are decoded at the same
//! time, and damage in one costs its own rows only. A row group is read in batches of a bounded number of bytes, from
//! pages that are held one at a time.
//!
//! A string is text whatever its column is declared to be, if it is UTF-8; what is not is treated as in any other file.
//! Columns of numbers, dates and the like are values of groups, as `scalar` writes them.
//!
//! The crate `parquet` reads the footer and decodes the values; its Arrow layer is not used, for it would make arrays of
//! what is only looked at once, and has to know before it begins how many rows to a batch.

mod blocks;
mod long;
mod pages;
mod values;

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::column::reader::get_column_reader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type};

use super::file::{self, Failure, FileAt, Parts, catching};
use super::rows::{
    FieldNames, FieldsFound, NO_STRINGS, NoText, Nulls, Part, Read, Values, missing, not_a_string,
};
use crate::Progress;
use crate::format::{Format, Formats, Layout};
use crate::reading::{Opening, Reading, Step, StreamConfig};
use crate::record::{Fields, FieldsMet};
use crate::skip_reason::{Reason, SkipReason};
use long::LongValues;
use pages::{Pages, Turn, WholeFile};
use values::{Column, ColumnValues, Kind, Next};

pub(in crate::format) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }
    fn suffixes(&self) -> &'static [&'static str] {
        &["parquet", "pq", "parq"]
    }
    fn begins(&self, head: &[u8]) -> bool {
        // The letters alone may begin a text; what follows them in a file is a page's header, or the footer's.
        head.starts_with(b"PAR1") && head.get(4).is_some_and(|&byte| byte < b' ' && byte != b'\n')
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Container(open)
    }
}

/// Which columns are read, and what is wrong with the file for all its rows.
struct Plan {
    fields: FieldNames,
    found: FieldsFound,
    /// The leaf column of each field.
    columns: Result<Vec<Option<Leaf>>, NoText>,
}

/// A column that is read.
#[derive(Clone, Copy)]
struct Leaf {
    index: usize,
    /// Where it is the strings of lists: the definition level from which on a list has elements.
    list: Option<i16>,
}

impl Plan {
    fn new(schema: &SchemaDescriptor, fields: &Fields) -> Plan {
        let names = FieldNames::of(fields);
        let mut found = FieldsFound { names: column_names(schema), ..FieldsFound::default() };
        let mut columns = Vec::new();
        let mut bad = None;
        for (i, (path, name)) in fields.paths().zip(&names.names).enumerate() {
            let column = find(schema, path, name);
            found.met.push(!matches!(column, Found::Missing));
            let is_text = names.is_text(i);
            let taken = match column {
                Found::Missing if is_text => Err(missing(name)),
                Found::Missing => Ok(None),
                Found::Nested(kind) => Err(not_a_string(name, kind)),
                Found::Leaf(leaf) => {
                    let descr = schema.column(leaf.index);
                    let kind = Kind::of(&descr);
                    match (leaf.list, is_text && kind != Kind::Bytes) {
                        (Some(_), _) if !is_text => Err(not_a_string(name, "a list")),
                        (Some(_), true) => Err(not_a_string(name, NO_STRINGS)),
                        (None, true) => Err(not_a_string(name, kind.name(descr.physical_type()))),
                        (_, false) => Ok(Some(leaf)),
                    }
                }
            };
            match taken {
                Ok(column) => columns.push(column),
                Err(no_text) => drop(bad.get_or_insert(no_text)),
            }
        }
        Plan { fields: names, found, columns: bad.map_or(Ok(columns), Err) }
    }
}

/// What a path names in a schema.
enum Found {
    Leaf(Leaf),
    /// Something that is more than one value.
    Nested(&'static str),
    Missing,
}

fn find(schema: &SchemaDescriptor, path: &[String], name: &str) -> Found {
    let columns = schema.columns();
    // A column may have a name with dots in it.
    let list = list(schema, path).or_else(|| list(schema, &[name.to_owned()]));
    if let Some(leaf) = list {
        return Found::Leaf(leaf);
    }
    let exact = columns.iter().position(|column| column.path().parts() == path);
    let leaf = exact.or_else(|| columns.iter().position(|column| column.path().string() == name));
    match leaf {
        Some(leaf) if columns[leaf].max_rep_level() > 0 => Found::Nested("a list"),
        Some(index) => Found::Leaf(Leaf { index, list: None }),
        None => match columns.iter().find(|column| column.path().parts().starts_with(path)) {
            Some(column) if column.max_rep_level() > 0 => Found::Nested("a list or a map"),
            Some(_) => Found::Nested("a struct"),
            None => Found::Missing,
        },
    }
}

/// The column of the values of the list that `path` names, if it is one of single values that is in no other.
fn list(schema: &SchemaDescriptor, path: &[String]) -> Option<Leaf> {
    let is_repeated = |node: &Type| repetition(node) == Repetition::REPEATED;
    let mut way: Vec<&Type> = Vec::new();
    for name in path {
        let above = way.last().copied().unwrap_or(schema.root_schema());
        let mut fields = above.is_group().then(|| above.get_fields())?.iter();
        way.push(fields.find(|field| field.name() == name)?);
    }
    let node = *way.last()?;
    let mut repeated = way.len();
    if !(node.is_primitive() && is_repeated(node)) {
        let info = node.get_basic_info();
        let is_list = matches!(info.logical_type_ref(), Some(LogicalType::List))
            || info.converted_type() == ConvertedType::LIST;
        let fields = (is_list && node.is_group()).then(|| node.get_fields())?;
        let [elements] = fields else { return None };
        way.extend(is_repeated(elements).then_some(&**elements));
        repeated = way.len();
        // The value may be in a group of its own, so that it may be null; or a group of one field is the value.
        if elements.is_group() {
            let [value] = elements.get_fields() else { return None };
            let name = elements.name();
            if name == "array" || name.ends_with("_tuple") || !value.is_primitive() {
                return None;
            }
            way.push(value);
        }
    }
    let names: Vec<&str> = way.iter().map(|node| node.name()).collect();
    let index = schema.columns().iter().position(|column| column.path().parts() == names)?;
    let optional = way[..repeated].iter().filter(|node| repetition(node) != Repetition::REQUIRED);
    let leaf = Leaf { index, list: Some(optional.count() as i16) };
    (schema.column(index).max_rep_level() == 1).then_some(leaf)
}

fn repetition(node: &Type) -> Repetition {
    node.get_basic_info().repetition()
}

/// The columns as one would ask for them.
fn column_names(schema: &SchemaDescriptor) -> std::collections::BTreeSet<String> {
    let name = |(i, column): (usize, &Arc<ColumnDescriptor>)| match column.max_rep_level() {
        0 => column.path().string(),
        _ => schema.get_column_root(i).name().to_owned(),
    };
    schema.columns().iter().enumerate().map(name).take(FieldsMet::NAMES).collect()
}

fn open<'e>(
    opening: Opening<'e>,
    formats: &Formats<'e>,
    _: &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    let file = Arc::new(FileAt::open(&opening, "Parquet")?);
    let footer =
        catching(|| ParquetMetaDataReader::new().parse_and_finish(&WholeFile(file.clone())), why);
    file.tell(opening.progress);
    let metadata = footer.map_err(|(reason, why)| match why.contains("encrypted") {
        true => SkipReason::new(
            Reason::UnsupportedFormat,
            "the file is encrypted Parquet; decrypt it, and name what comes out",
        ),
        false => SkipReason::new(reason, format!("the footer cannot be read: {why}")),
    })?;
    let plan = Plan::new(metadata.file_metadata().schema_descr(), formats.fields);
    let shared = Arc::new(Footer { metadata, plan });
    let group = |group| {
        let rows = u64::try_from(shared.metadata.row_group(group).num_rows()).unwrap_or(0);
        Box::new(RowGroup {
            input: opening.file,
            progress: opening.progress,
            file: file.share(),
            shared: shared.clone(),
            part: Part::new(opening.file, "row group", group as u64, rows),
            columns: None,
            longest: 0,
        }) as Box<dyn Reading<'e> + 'e>
    };
    let groups = (0..shared.metadata.num_row_groups()).map(group);
    Ok(Box::new(Parts::new(&opening, &file, groups)))
}

/// What row groups have in common.
struct Footer {
    metadata: ParquetMetaData,
    plan: Plan,
}

/// A row group, and how far it is read.
struct RowGroup<'e> {
    input: usize,
    progress: &'e Progress,
    file: Arc<FileAt>,
    shared: Arc<Footer>,
    part: Part,
    columns: Option<Vec<Option<Column>>>,
    /// Bytes of a text, as they were on average where they were longest.
    longest: usize,
}

/// The most rows that are decoded at a time while their length is not known.
const FEW: usize = 16;
const MANY: usize = 4096;

impl<'e> Reading<'e> for RowGroup<'e> {
    fn file(&self) -> usize {
        self.input
    }

    fn bytes_read(&self) -> u64 {
        self.file.read()
    }

    fn size(&self) -> u64 {
        let group = self.shared.metadata.row_group(self.part.index as usize);
        u64::try_from(group.compressed_size()).unwrap_or(0).max(1)
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        if self.part.is_done() {
            return Step { end: true, ..Step::default() };
        }
        let shared = self.shared.clone();
        let Plan { fields, found, columns } = &shared.plan;
        if let Some(step) = self.part.cell_step((fields, found), buf, config, self.progress) {
            self.file.tell(self.progress);
            return step;
        }
        let read = columns.as_ref().map(|columns| catching(|| self.batch(columns, config), why));
        self.file.tell(self.progress);
        self.part.step((fields, found), read, config, self.progress)
    }
}

impl RowGroup<'_> {
    fn open(
        &self,
        columns: &[Option<Leaf>],
        config: &StreamConfig,
    ) -> Result<Vec<Option<Column>>, ParquetError> {
        let group = self.shared.metadata.row_group(self.part.index as usize);
        let has_answer = self.shared.plan.fields.has_answer;
        let open = |(i, leaf): (usize, Leaf)| {
            let column = group
                .columns()
                .get(leaf.index)
                .ok_or_else(|| ParquetError::General("the row group lacks a column".to_owned()))?;
            let (turn, most) = (Turn::default(), config.max_record);
            let is_text = i == 0 && leaf.list.is_none() && !has_answer;
            let limits = (most, if is_text { config.most_held() } else { usize::MAX });
            let long = LongValues::default();
            let (rows, own) = (self.part.rows, turn.clone());
            let pages = Pages::new(&self.file, column, rows, limits, own, long.clone())?;
            let descr = self.shared.metadata.file_metadata().schema_descr().column(leaf.index);
            if column.column_type() != descr.physical_type() {
                let message = "the footer contradicts itself about the type of a column";
                return Err(ParquetError::General(message.to_owned()));
            }
            let reader = get_column_reader(descr.clone(), Box::new(pages));
            let column = Column::new(reader, turn, &descr, long);
            Ok(match leaf.list {
                None => column,
                Some(definition) => column.of_lists(definition, most),
            })
        };
        let leaves = columns.iter().enumerate();
        leaves.map(|(i, leaf)| leaf.map(|leaf| open((i, leaf))).transpose()).collect()
    }

    /// The next rows: as many as have a chunk of text together, and one more where that is long.
    fn batch(
        &mut self,
        leaves: &[Option<Leaf>],
        config: &StreamConfig,
    ) -> Result<Read, ParquetError> {
        let Part { next, rows, .. } = self.part;
        let mut columns = match self.columns.take() {
            Some(columns) => columns,
            None => self.open(leaves, config)?,
        };
        let Some(Some(text)) = columns.first_mut() else {
            return Err(ParquetError::General("no column is the text".to_owned()));
        };
        let left = rows - next;
        let mut texts: Option<ColumnValues> = None;
        let mut cell = None;
        let (mut n, mut bytes) = (0, 0);
        while n < MANY && bytes < config.chunk && (n as u64) < left {
            let most = match self.longest {
                0 if n == 0 => FEW,
                longest => ((config.chunk - bytes) / longest.max(1)).clamp(1, MANY - n),
            };
            let most = usize::try_from(left - n as u64).unwrap_or(MANY).min(most);
            let some = match text.next(most, n == 0)? {
                Next::Values(some) => some,
                Next::Long(long) => {
                    cell = Some(long);
                    n = 1;
                    break;
                }
                Next::LongAhead => break,
            };
            if some.rows() == 0 {
                let message = format!("the column of the text ends after {} rows", next + n as u64);
                match n {
                    0 => return Err(ParquetError::EOF(message)),
                    // What there is is handed out first.
                    _ => break,
                }
            }
            n += some.rows();
            bytes += some.bytes();
            self.longest = self.longest.max(some.bytes() / some.rows());
            match &mut texts {
                None => texts = Some(some),
                Some(texts) => texts.append(some),
            }
        }
        let mut values: Vec<Box<dyn Values>> = Vec::new();
        values.extend(texts.map(|texts| Box::new(texts) as Box<dyn Values>));
        for column in &mut columns[1..] {
            values.push(match column {
                None => Box::new(Nulls),
                Some(column) => Box::new(column.read_exactly(n)?),
            });
        }
        if next + n as u64 == rows {
            for column in columns.iter_mut().flatten() {
                if column.read(1)?.rows() != 0 {
                    let message = "a column has more rows than its row group";
                    return Err(ParquetError::General(message.to_owned()));
                }
            }
        }
        self.columns = Some(columns);
        Ok(match cell {
            Some(cell) => Read::Cell(Box::new(cell), values),
            None => Read::Rows((values, n as u64)),
        })
    }
}

/// [`Failure`] of an error of the crate.
fn why(e: ParquetError) -> Failure {
    match e {
        ParquetError::External(e) => match e.downcast::<std::io::Error>() {
            Ok(e) => file::why(*e),
            Err(e) => (Reason::Corrupt, e.to_string()),
        },
        ParquetError::EOF(_) => (Reason::Truncated, e.to_string()),
        e => (Reason::Corrupt, e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn lists_as_writers_of_all_times_declare_them() {
        for (declared, expected) in [
            (
                "optional group t (LIST) { repeated group list { optional binary element; } }",
                Some(2),
            ),
            ("required group t (LIST) { repeated group bag { required binary array; } }", Some(1)),
            ("optional group t (LIST) { repeated binary array (UTF8); }", Some(2)),
            ("repeated binary t (UTF8);", Some(1)),
            // Lists of structs with one field each.
            ("optional group t (LIST) { repeated group array { required binary s; } }", None),
            ("optional group t (LIST) { repeated group t_tuple { required binary s; } }", None),
            (
                "optional group t (LIST) { repeated group l { optional group e { required binary s; } } }",
                None,
            ),
            (
                "optional group t (LIST) { repeated group l { required binary a; required binary b; } }",
                None,
            ),
            ("optional group t (LIST) { repeated group l { repeated binary e; } }", None),
            ("optional group t (MAP) { repeated group m { required binary key; } }", None),
            ("optional group t { repeated group list { optional binary element; } }", None),
            ("optional binary t;", None),
            ("optional group t (LIST) { optional group l { optional binary e; } }", None),
        ] {
            for (before, path, levels) in [
                ("", &["t"][..], 0),
                ("required binary a; optional group o { required binary b; ", &["o", "t"], 1),
                ("repeated group o { ", &["o", "t"], i16::MAX),
            ] {
                let after = if before.is_empty() { "" } else { "}" };
                let message = format!("message m {{ {before} {declared} {after} }}");
                let schema = SchemaDescriptor::new(Arc::new(parse_message_type(&message).unwrap()));
                let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
                let found = list(&schema, &path);
                let expected = expected.and_then(|level: i16| level.checked_add(levels));
                assert_eq!(found.and_then(|leaf| leaf.list), expected, "{message}");
                assert!(found.is_none_or(|leaf| {
                    schema.column(leaf.index).path().parts().starts_with(&path)
                }));
            }
        }
    }
}
