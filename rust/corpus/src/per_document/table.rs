//! The table of all documents, as Parquet: sorted by input and position, in row groups that do not depend on who counted
//! what when, so that equal runs write equal files.
//!
//! Rows are taken from the spool one after the other, which is quick; row groups are encoded side by side, which is not.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::spool::{Row, Spool};
use crate::Error;
use crate::groups::{GroupKeys, TurnOf, values_of};
use crate::position::{At, Member};

/// Rows of a row group, if they are not too large.
const GROUP_ROWS: usize = 1 << 17;
/// Bytes of ids and keys of a row group, about.
const GROUP_BYTES: usize = 16 << 20;
/// So many row groups at most are encoded side by side: each takes some memory.
const MOST_AT_ONCE: usize = 8;

/// The columns that say where a document is, after `file` and `member`: the names that positions have in the ledger.
const POSITION: [&str; 5] = ["line", "element", "row_group", "row", "byte"];

/// What the table is of.
pub(crate) struct Table<'a> {
    /// The names of the inputs.
    pub files: Vec<&'a str>,
    pub groups: &'a GroupKeys,
    /// Of conversations, the turn of an answer of a batch by its id.
    pub turn_of: Option<&'a TurnOf<'a>>,
    /// Whether rows have an id.
    pub has_id: bool,
    /// What the encodings are called.
    pub encodings: &'a [String],
    pub threads: usize,
    pub cancel: &'a AtomicBool,
}

/// Writes all rows of `spool` to the file `to`.
pub(crate) fn write(table: &Table, spool: &mut Spool, to: &Path) -> Result<(), Error> {
    let blocks = spool.blocks()?;
    let failed = |e| Error::io(to)(as_io(e));
    let (schema, properties) = shape(table).map_err(failed)?;
    let file = BufWriter::new(File::create(to).map_err(Error::io(to))?);
    let mut writer =
        SerializedFileWriter::new(file, schema.clone(), properties.clone()).map_err(failed)?;
    let mut group = Rows::default();
    let mut waiting = Vec::new();
    let at_once = table.threads.clamp(1, MOST_AT_ONCE);
    let encode = |waiting: &mut Vec<Rows>| -> Result<Vec<Bytes>, ParquetError> {
        let groups = std::mem::take(waiting);
        std::thread::scope(|scope| {
            let encode = |rows: Rows| {
                let (schema, properties) = (schema.clone(), properties.clone());
                scope.spawn(move || rows.encode(table, schema, properties))
            };
            let encoded: Vec<_> = groups.into_iter().map(encode).collect();
            let panicked = |_| Err(ParquetError::General("a row group was not encoded".into()));
            encoded.into_iter().map(|done| done.join().unwrap_or_else(panicked)).collect()
        })
    };
    let mut append = |encoded: Vec<Bytes>| -> Result<(), ParquetError> {
        for group in encoded {
            append(&mut writer, group)?;
        }
        Ok(())
    };

    let mut bytes = Vec::new();
    let mut next = 0;
    while next < blocks.len() {
        // Blocks whose rows are among each other's.
        let (first, _) = &blocks[next];
        let mut last = first.last;
        let is_among = |header: &super::spool::Header, last: At| {
            header.file == first.file && header.member == first.member && header.first <= last
        };
        bytes.clear();
        let (mut rows, mut end) = (0, next);
        while end < blocks.len() && (end == next || is_among(&blocks[end].0, last)) {
            let (header, at) = &blocks[end];
            spool.read(header, *at, &mut bytes)?;
            last = last.max(header.last);
            rows += header.rows;
            end += 1;
        }
        let mut rest = &bytes[..];
        let mut sorted = Vec::new();
        for _ in 0..rows {
            let (row, after): (Row<Vec<u64>>, _) = postcard::take_from_bytes(rest)
                .map_err(|e| spool.error(io::Error::other(e.to_string())))?;
            sorted.push(row);
            rest = after;
        }
        sorted.sort_by_key(|row| row.at);
        for row in sorted {
            group.push(first.file, first.member.as_ref(), &row, table.encodings.len());
            if group.is_full() {
                waiting.push(std::mem::take(&mut group));
            }
            if waiting.len() == at_once {
                if table.cancel.load(Relaxed) {
                    return Err(Error::Interrupted);
                }
                append(encode(&mut waiting).map_err(failed)?).map_err(failed)?;
            }
        }
        next = end;
    }
    if !group.ats.is_empty() {
        waiting.push(group);
    }
    append(encode(&mut waiting).map_err(failed)?).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(())
}

/// Rows of a row group, column by column.
#[derive(Default)]
struct Rows {
    files: Vec<usize>,
    members: Vec<Option<Arc<Member>>>,
    ats: Vec<At>,
    ids: Strings,
    keys: Strings,
    /// Bytes, characters, and tokens by encoding.
    numbers: Vec<Vec<i64>>,
}

/// Values of a column of bytes, end to end.
#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whether there is a value.
    is_there: Vec<i16>,
}

impl Strings {
    fn push(&mut self, value: Option<&[u8]>) {
        self.is_there.push(value.is_some().into());
        if let Some(value) = value {
            self.bytes.extend_from_slice(value);
            self.ends.push(self.bytes.len());
        }
    }

    /// The values that are there.
    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    /// The values that are there, and where there is one.
    fn finish(self) -> (Vec<ByteArray>, Vec<i16>) {
        let Strings { bytes, ends, is_there } = self;
        let bytes = Bytes::from(bytes);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let values = starts.zip(&ends).map(|(start, &end)| bytes.slice(start..end).into());
        (values.collect(), is_there)
    }
}

impl Rows {
    fn push(
        &mut self,
        file: usize,
        member: Option<&Arc<Member>>,
        row: &Row<Vec<u64>>,
        encodings: usize,
    ) {
        let Row { at, id, key, bytes, chars, tokens } = row;
        self.files.push(file);
        self.members.push(member.cloned());
        self.ats.push(*at);
        self.ids.push(id.map(str::as_bytes));
        self.keys.push(Some(key));
        self.numbers.resize(2 + encodings, Vec::new());
        let tokens = tokens.iter().copied().chain(std::iter::repeat(0));
        let numbers = [*bytes, *chars].into_iter().chain(tokens);
        self.numbers.iter_mut().zip(numbers).for_each(|(column, n)| column.push(n as i64));
    }

    fn is_full(&self) -> bool {
        self.ats.len() == GROUP_ROWS || self.ids.bytes.len() + self.keys.bytes.len() > GROUP_BYTES
    }

    /// A file with this row group alone.
    fn encode(
        self,
        table: &Table,
        schema: TypePtr,
        properties: WriterPropertiesPtr,
    ) -> Result<Bytes, ParquetError> {
        let Rows { files, members, ats, ids, keys, numbers } = self;
        let mut columns = vec![
            Column::Strings(repeated(files.iter().map(|&file| Some(table.files[file])))),
            Column::Strings(repeated(members.iter().map(|member| Some(&*member.as_ref()?.name)))),
        ];
        columns.extend(POSITION.iter().map(|name| {
            let number = |at: &At| {
                let (_, number) = at.parts().find(|(part, _)| part == name)?;
                Some(number as i64)
            };
            Column::Numbers(
                ats.iter().filter_map(number).collect(),
                Some(ats.iter().map(|at| number(at).is_some().into()).collect()),
            )
        }));
        if table.has_id {
            columns.push(Column::Strings(ids.finish()));
        }
        let mut by = Vec::new();
        by.resize_with(table.groups.len(), Strings::default);
        let (mut ordered, mut joined) = (Vec::new(), Vec::new());
        for key in keys.values() {
            ordered.clear();
            let is_answer =
                table.turn_of.is_some_and(|of| table.groups.with_turn(key, of, &mut joined));
            let key = if is_answer { &joined } else { key };
            table.groups.put_in_order(key, &mut ordered);
            by.iter_mut().zip(values_of(&ordered)).for_each(|(column, value)| column.push(value));
        }
        columns.extend(by.into_iter().map(|column| Column::Strings(column.finish())));
        columns.extend(numbers.into_iter().map(|column| Column::Numbers(column, None)));

        let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let mut group = writer.next_row_group()?;
        let mut columns = columns.into_iter();
        while let (Some(mut writer), Some(column)) = (group.next_column()?, columns.next()) {
            match (writer.untyped(), &column) {
                (ColumnWriter::Int64ColumnWriter(writer), Column::Numbers(values, is_there)) => {
                    writer.write_batch(values, is_there.as_deref(), None)?;
                }
                (
                    ColumnWriter::ByteArrayColumnWriter(writer),
                    Column::Strings((values, is_there)),
                ) => {
                    writer.write_batch(values, Some(is_there), None)?;
                }
                _ => return Err(ParquetError::General("columns are not in their order".into())),
            }
            writer.close()?;
        }
        group.close()?;
        writer.into_inner().map(Bytes::from)
    }
}

enum Column {
    /// Where there is a number, if not everywhere.
    Numbers(Vec<i64>, Option<Vec<i16>>),
    Strings((Vec<ByteArray>, Vec<i16>)),
}

/// Values that are most often that of the row before.
fn repeated<'v>(values: impl Iterator<Item = Option<&'v str>>) -> (Vec<ByteArray>, Vec<i16>) {
    let (mut all, mut is_there) = (Vec::<ByteArray>::new(), Vec::new());
    let mut last = None;
    for value in values {
        is_there.push(value.is_some().into());
        let Some(value) = value else { continue };
        match (all.last(), last) {
            (Some(same), Some(before)) if std::ptr::eq(value, before) => all.push(same.clone()),
            _ => all.push(value.as_bytes().to_vec().into()),
        }
        last = Some(value);
    }
    (all, is_there)
}

/// Adds the row group of a file that has one.
fn append(
    writer: &mut SerializedFileWriter<BufWriter<File>>,
    file: Bytes,
) -> Result<(), ParquetError> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
    for from in metadata.row_groups() {
        let mut group = writer.next_row_group()?;
        for column in from.columns() {
            let result = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: from.num_rows() as u64,
                metadata: column.clone(),
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            group.append_column(&file, result)?;
        }
        group.close()?;
    }
    Ok(())
}

/// The columns, and how they are written.
fn shape(table: &Table) -> Result<(TypePtr, WriterPropertiesPtr), ParquetError> {
    let mut names = vec!["file".to_owned(), "member".to_owned()];
    names.extend(POSITION.map(str::to_owned));
    if table.has_id {
        names.push("id".to_owned());
    }
    let sums = ["bytes", "chars"].map(str::to_owned);
    let by = table.groups.names();
    let taken = [names.as_slice(), &sums].concat();
    // A key or an encoding that is called like what is always there says what it is.
    let apart = |kind: &str, name: &String, taken: &[String]| match taken.contains(name) {
        true => format!("{kind}.{name}"),
        false => name.clone(),
    };
    let encodings: Vec<_> =
        table.encodings.iter().map(|name| apart("tokens", name, &taken)).collect();
    let all = [taken.as_slice(), &encodings].concat();
    let by: Vec<_> = by.iter().map(|name| apart("key", name, &all)).collect();

    let mut properties = WriterProperties::builder()
        .set_created_by(format!("fasttok version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None);
    let string = |name: &str| -> Result<TypePtr, ParquetError> {
        let field = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::String));
        field.build().map(Arc::new)
    };
    let number = |name: &str, repetition| -> Result<TypePtr, ParquetError> {
        let field = Type::primitive_type_builder(name, Physical::INT64).with_repetition(repetition);
        field.build().map(Arc::new)
    };
    let mut fields = vec![string("file")?, string("member")?];
    for name in POSITION {
        fields.push(number(name, Repetition::OPTIONAL)?);
    }
    if table.has_id {
        fields.push(string("id")?);
        properties = properties.set_column_dictionary_enabled(ColumnPath::from("id"), false);
    }
    for name in &by {
        fields.push(string(name)?);
    }
    for name in sums.iter().chain(&encodings) {
        fields.push(number(name, Repetition::REQUIRED)?);
    }
    let numbers = POSITION.iter().map(|name| (*name).to_owned()).chain(sums).chain(encodings);
    for name in numbers {
        // A name with dots is one part of a path.
        let path = ColumnPath::new(vec![name]);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    let schema = Type::group_type_builder("documents").with_fields(fields).build()?;
    Ok((Arc::new(schema), Arc::new(properties.build())))
}

/// What the operating system said, where it was that.
fn as_io(e: ParquetError) -> io::Error {
    match e {
        ParquetError::External(e) => match e.downcast::<io::Error>() {
            Ok(e) => *e,
            Err(e) => io::Error::other(e),
        },
        e => io::Error::other(e),
    }
}
