//! Arrow IPC, the file (also called Feather V2) and the stream: record batches of columns, of which one is the text.
//!
//! The footer of a file says where its record batches are; each is a reading of its own. A stream is read as it comes,
//! also through a pipe or out of a compressed file, and what follows damage in it cannot be found.
//!
//! The crate `arrow-ipc` knows the messages. It makes arrays of whole record batches, though, and a batch may be as
//! large as the memory of the machine that wrote it, so what is read of the buffers is decided here: those of the
//! wanted columns, a chunk at a time.

mod batch;
mod layout;
mod unpacking;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow_ipc::{Block, Message, MessageHeader, MetadataVersion, RecordBatch, Schema};
use bytes::Bytes;

use super::file::{Failure, FileAt, Parts, catching, why};
use super::rows::{
    self, FieldNames, FieldsFound, NO_STRINGS, NoText, Nulls, Part, Value, Values, missing,
    not_a_string,
};
use crate::Progress;
use crate::format::{Format, Formats, Layout};
use crate::position::{At, Position};
use crate::reading::{Opening, Reading, Step, StreamConfig};
use crate::record::{Fields, FieldsMet};
use crate::skip_reason::SkipReason;
use crate::source::{InputKind, Opened};
use batch::{Body, ColumnReader, damaged};
use layout::{Column, Found, Kind};

/// What a file begins and ends with.
const MAGIC: &[u8] = b"ARROW1";
/// What a message begins with, but for those of old.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// No schema is so long, nor what is said of a record batch.
const METADATA: usize = 256 << 20;

pub(in crate::format) struct Arrow;

impl Format for Arrow {
    fn name(&self) -> &'static str {
        "arrow"
    }
    fn suffixes(&self) -> &'static [&'static str] {
        &["arrow", "arrows", "feather", "ipc"]
    }
    fn begins(&self, head: &[u8]) -> bool {
        // A stream begins with a message, whose own first number is where its table is.
        let is_stream = head.starts_with(&CONTINUATION)
            && head.get(6..).is_some_and(|rest| rest.starts_with(b"\0\0\x10\0\0\0"));
        is_stream || head.starts_with(b"ARROW1\0\0")
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Container(open)
    }
}

/// The dictionaries that are wanted, by their numbers, and the values of each.
type Dictionaries = HashMap<i64, Arc<Vec<Value<Bytes>>>>;

/// Which columns are read, and what is wrong with the file for all its rows.
struct Plan {
    columns: Vec<Column>,
    fields: FieldNames,
    found: FieldsFound,
    /// Where the column of each field is.
    places: Result<Vec<Option<Vec<usize>>>, NoText>,
    dictionaries: BTreeSet<i64>,
    /// How the values of each of these are laid out: a column by itself.
    values: HashMap<i64, Kind>,
}

impl Plan {
    fn new(schema: &Schema, version: MetadataVersion, fields: &Fields) -> Result<Plan, String> {
        let columns = layout::columns(schema, version)?;
        let names = FieldNames::of(fields);
        let found = layout::names(&columns, FieldsMet::NAMES);
        let mut found = FieldsFound { names: found, ..FieldsFound::default() };
        let (mut places, mut bad) = (Vec::new(), None);
        let (mut dictionaries, mut values) = (BTreeSet::new(), HashMap::new());
        for (i, (path, name)) in fields.paths().zip(&names.names).enumerate() {
            let is_text = names.is_text(i);
            let column = layout::find(&columns, path, name);
            found.met.push(!matches!(column, Found::Missing));
            let taken = match column {
                Found::Missing if is_text => Err(missing(name)),
                Found::Missing => Ok(None),
                Found::Inside(column) => Err(not_a_string(name, kind_of(column))),
                Found::Leaf(indices, column) => {
                    let element = column.element().filter(|_| is_text);
                    let wanted = element.unwrap_or(column);
                    let is_taken = match wanted.kind {
                        Kind::Bytes { .. } | Kind::Views | Kind::Null => true,
                        Kind::Bool | Kind::Fixed { .. } => !is_text,
                        Kind::Struct | Kind::List { .. } | Kind::Nested { .. } => false,
                    };
                    if let Some((id, _)) = wanted.dictionary {
                        dictionaries.insert(id);
                        values.insert(id, wanted.kind);
                    }
                    match (is_taken, element) {
                        (true, _) => Ok(Some(indices)),
                        (false, None) => Err(not_a_string(name, kind_of(column))),
                        (false, Some(_)) => Err(not_a_string(name, NO_STRINGS)),
                    }
                }
            };
            match taken {
                Ok(place) => places.push(place),
                Err(no_text) => drop(bad.get_or_insert(no_text)),
            }
        }
        let places = bad.map_or(Ok(places), Err);
        Ok(Plan { columns, fields: names, found, places, dictionaries, values })
    }

    /// Reads a dictionary into `known`, if it is wanted.
    fn dictionary(
        &self,
        message: &Message,
        body: &Body,
        max_record: usize,
        known: &mut Dictionaries,
    ) -> io::Result<()> {
        let batch = message.header_as_dictionary_batch().ok_or_else(no_sense)?;
        let (id, data) = (batch.id(), batch.data().ok_or_else(no_sense)?);
        let (true, Some(&kind)) = (self.dictionaries.contains(&id), self.values.get(&id)) else {
            return Ok(());
        };
        let column = [Column::of_values(kind)];
        let place = layout::place(&column, &[0], &data).ok_or_else(no_sense)?;
        let rows = place.rows;
        let mut reader = ColumnReader::new(place, &data, body, max_record)?;
        let mut values = match known.get(&id) {
            Some(values) if batch.isDelta() => values.to_vec(),
            _ => Vec::new(),
        };
        let mut from = 0;
        while from < rows {
            let some = reader.read(from, MANY, usize::MAX / 8, known)?;
            from += some.len() as u64;
            values.extend(some);
        }
        known.insert(id, Arc::new(values));
        Ok(())
    }
}

/// What people call a column that is no string.
fn kind_of(column: &Column) -> &'static str {
    match column.kind {
        Kind::Bytes { .. } | Kind::Views => "a string",
        Kind::Null => "null",
        Kind::Bool => "true or false",
        Kind::Fixed { .. } => "a number",
        Kind::Struct => "a struct",
        Kind::List { .. } => "a list",
        Kind::Nested { name, .. } => name,
    }
}

fn no_sense() -> io::Error {
    damaged("a message makes no sense")
}

fn open<'e>(
    opening: Opening<'e>,
    formats: &Formats<'e>,
    config: &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    if opening.input.reader.head().starts_with(MAGIC) {
        return open_file(opening, formats, config);
    }
    let head = opening.input.read.load(Relaxed);
    let has_places = opening.input.packed.is_none() && opening.source.kind == InputKind::File;
    let messages = match has_places {
        true => Messages::At { file: Arc::new(FileAt::open(&opening, "Arrow")?), offset: 0 },
        false => Messages::Through(opening.input),
    };
    Ok(Box::new(Stream {
        input: opening.file,
        progress: opening.progress,
        fields: formats.fields,
        messages,
        plan: None,
        dictionaries: Dictionaries::new(),
        batch: None,
        batches: 0,
        head,
    }))
}

/// The file, of which the footer and the dictionaries are read.
fn open_file<'e>(
    opening: Opening<'e>,
    formats: &Formats<'e>,
    config: &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    let file = Arc::new(FileAt::open(&opening, "an Arrow file")?);
    let opened = catching(|| Footer::open(&file, formats.fields, config.max_record), why);
    file.tell(opening.progress);
    let (shared, blocks) = opened.map_err(|(reason, why)| {
        SkipReason::new(reason, format!("the footer or a dictionary cannot be read: {why}"))
    })?;
    let shared = Arc::new(shared);
    let batch = |(index, block)| {
        Box::new(FileBatch {
            input: opening.file,
            progress: opening.progress,
            file: file.share(),
            shared: shared.clone(),
            index: index as u64,
            block,
            batch: None,
        }) as Box<dyn Reading<'e> + 'e>
    };
    Ok(Box::new(Parts::new(&opening, &file, blocks.into_iter().enumerate().map(batch))))
}

/// What the record batches of a file have in common.
struct Footer {
    plan: Plan,
    dictionaries: Dictionaries,
}

impl Footer {
    fn open(
        file: &Arc<FileAt>,
        fields: &Fields,
        max_record: usize,
    ) -> io::Result<(Footer, Vec<Block>)> {
        let cut = || io::Error::new(ErrorKind::UnexpectedEof, "the file ends before its footer");
        let end = file.len().checked_sub(10).ok_or_else(cut)?;
        let tail = file.read_at(end, 10)?;
        let Some((len, MAGIC)) = tail.split_first_chunk::<4>() else { return Err(cut()) };
        let len = u64::from(u32::from_le_bytes(*len));
        let start = end.checked_sub(len).ok_or_else(no_sense)?;
        let footer = file.read_at(start, len as usize)?;
        let footer = arrow_ipc::root_as_footer(&footer).map_err(|_| no_sense())?;
        let schema = footer.schema().ok_or_else(no_sense)?;
        let plan = Plan::new(&schema, footer.version(), fields).map_err(damaged)?;
        let mut dictionaries = Dictionaries::new();
        if plan.places.is_ok() && !plan.dictionaries.is_empty() {
            for block in footer.dictionaries().into_iter().flatten() {
                let (metadata, body) = message_at(file, block)?;
                let message = arrow_ipc::root_as_message(&metadata).map_err(|_| no_sense())?;
                plan.dictionary(&message, &body, max_record, &mut dictionaries)?;
            }
        }
        let blocks = footer.recordBatches().into_iter().flatten().copied().collect();
        Ok((Footer { plan, dictionaries }, blocks))
    }
}

/// The message at a place of a file.
fn message_at(file: &Arc<FileAt>, block: &Block) -> io::Result<(Bytes, Body)> {
    let bad = |_| no_sense();
    let offset = u64::try_from(block.offset()).map_err(bad)?;
    let metadata = usize::try_from(block.metaDataLength()).map_err(bad)?;
    let len = u64::try_from(block.bodyLength()).map_err(bad)?;
    let prefixed = Bytes::from(file.read_at(offset, metadata)?);
    let prefix = if prefixed.starts_with(&CONTINUATION) { 8 } else { 4 };
    if metadata < prefix {
        return Err(no_sense());
    }
    let offset = offset + metadata as u64;
    Ok((prefixed.slice(prefix..), Body::At { file: file.clone(), offset, len }))
}

/// A record batch of a file.
struct FileBatch<'e> {
    input: usize,
    progress: &'e Progress,
    file: Arc<FileAt>,
    shared: Arc<Footer>,
    index: u64,
    block: Block,
    batch: Option<Batch>,
}

impl<'e> Reading<'e> for FileBatch<'e> {
    fn size(&self) -> u64 {
        u64::try_from(self.block.bodyLength()).unwrap_or(0)
    }

    fn file(&self) -> usize {
        self.input
    }

    fn bytes_read(&self) -> u64 {
        self.file.read()
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        let FileBatch { input, progress, file, shared, index, block, batch } = self;
        let Footer { plan, dictionaries } = &**shared;
        let opened = match batch.take() {
            Some(batch) => Ok(batch),
            None => catching(
                || {
                    let (metadata, body) = message_at(file, block)?;
                    let message = arrow_ipc::root_as_message(&metadata).map_err(|_| no_sense())?;
                    Batch::open(plan, &message, body, (*input, *index), config.max_record)
                },
                why,
            ),
        };
        let step = match opened {
            Ok(opened) => batch.insert(opened).step(plan, dictionaries, buf, config, progress),
            Err((reason, why)) => {
                let at = At::Row { group: *index, row: 0 }.into();
                let detail = format!("record batch {index} cannot be read: {why}");
                let bad = vec![(at, SkipReason::new(reason, detail))];
                Step { bad, end: true, ..Step::default() }
            }
        };
        file.tell(progress);
        step
    }
}

/// Where the messages of a stream come from.
enum Messages<'e> {
    At {
        file: Arc<FileAt>,
        offset: u64,
    },
    /// Bytes that come one after the other.
    Through(Opened<'e>),
}

impl Messages<'_> {
    /// The next message and its buffers; nothing after the last one. `most`: the most that is held.
    fn next(&mut self, most: usize) -> io::Result<Option<(Bytes, Body)>> {
        let Some(prefix) = self.take(4, true)? else { return Ok(None) };
        let len = match prefix[..] == CONTINUATION {
            true => self.take(4, false)?.unwrap_or_default(),
            // As it was before version 0.15.
            false => prefix,
        };
        let len = len[..].try_into().map_err(|_| no_sense())?;
        let len = u32::from_le_bytes(len) as usize;
        if len == 0 {
            return Ok(None);
        }
        if len > METADATA {
            return Err(no_sense());
        }
        let metadata = self.take(len, false)?.unwrap_or_default();
        let message = arrow_ipc::root_as_message(&metadata).map_err(|_| no_sense())?;
        let len = u64::try_from(message.bodyLength()).map_err(|_| no_sense())?;
        let body = match self {
            Messages::At { file, offset } => {
                let at = *offset;
                let end = at.checked_add(len).filter(|&end| end <= file.len());
                *offset = end.ok_or_else(|| {
                    io::Error::new(ErrorKind::UnexpectedEof, "the stream ends in the middle")
                })?;
                Body::At { file: file.clone(), offset: at, len }
            }
            Messages::Through(_) if len > most as u64 => {
                return Err(damaged(format!(
                    "a record batch of {len} bytes, which must be held whole here, where no more than \
                     {most} are (max_record_bytes); name the stream as a file of its own"
                )));
            }
            Messages::Through(_) => Body::Held(self.take(len as usize, false)?.unwrap_or_default()),
        };
        Ok(Some((metadata, body)))
    }

    /// The next `len` bytes; nothing where the stream ends before them and `may_end`.
    fn take(&mut self, len: usize, may_end: bool) -> io::Result<Option<Bytes>> {
        let cut = || io::Error::new(ErrorKind::UnexpectedEof, "the stream ends in the middle");
        match self {
            Messages::At { file, offset } => {
                if may_end && *offset == file.len() {
                    return Ok(None);
                }
                let bytes = file.read_at(*offset, len)?;
                *offset += len as u64;
                Ok(Some(bytes.into()))
            }
            Messages::Through(input) => {
                // Room is made for what comes, and not for what is claimed.
                let mut bytes = Vec::new();
                match (&mut input.reader).take(len as u64).read_to_end(&mut bytes)? {
                    0 if may_end && len > 0 => Ok(None),
                    n if n == len => Ok(Some(bytes.into())),
                    _ => Err(cut()),
                }
            }
        }
    }
}

/// A stream, and how far it is read.
struct Stream<'e> {
    input: usize,
    progress: &'e Progress,
    fields: &'e Fields,
    messages: Messages<'e>,
    plan: Option<Plan>,
    dictionaries: Dictionaries,
    batch: Option<Batch>,
    batches: u64,
    /// Bytes read to recognise the file.
    head: u64,
}

impl<'e> Reading<'e> for Stream<'e> {
    fn file(&self) -> usize {
        self.input
    }

    fn bytes_read(&self) -> u64 {
        match &self.messages {
            Messages::Through(input) => input.read.load(Relaxed),
            Messages::At { file, .. } => self.head + file.read(),
        }
    }

    fn is_unchecked(&self) -> bool {
        match &self.messages {
            Messages::Through(input) => input.unchecked.load(Relaxed),
            Messages::At { .. } => false,
        }
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        let step = match catching(|| self.next_batch(config), why) {
            Ok(false) => Step { end: true, ..Step::default() },
            Ok(true) => match (&mut self.batch, &self.plan) {
                (Some(batch), Some(plan)) => {
                    let step = batch.step(plan, &self.dictionaries, buf, config, self.progress);
                    if step.end {
                        self.batch = None;
                    }
                    Step { end: false, ..step }
                }
                _ => Step { end: true, ..Step::default() },
            },
            Err((reason, why)) => {
                let at = match self.plan {
                    None => Position::default(),
                    Some(_) => At::Row { group: self.batches, row: 0 }.into(),
                };
                let detail = format!(
                    "{why}; what comes after {} record batches of the stream is not counted",
                    self.batches
                );
                let bad = vec![(at, SkipReason::new(reason, detail))];
                Step { bad, end: true, ..Step::default() }
            }
        };
        if let Messages::At { file, .. } = &self.messages {
            file.tell(self.progress);
        }
        step
    }
}

impl Stream<'_> {
    /// Whether there is a record batch to be read, or to be read on.
    fn next_batch(&mut self, config: &StreamConfig) -> io::Result<bool> {
        while self.batch.is_none() {
            let Some((metadata, body)) = self.messages.next(config.max_record)? else {
                return match self.plan {
                    Some(_) => Ok(false),
                    None => Err(io::Error::new(ErrorKind::UnexpectedEof, "there is no schema")),
                };
            };
            let message = arrow_ipc::root_as_message(&metadata).map_err(|_| no_sense())?;
            match (message.header_type(), &self.plan) {
                (MessageHeader::Schema, None) => {
                    let schema = message.header_as_schema().ok_or_else(no_sense)?;
                    let plan = Plan::new(&schema, message.version(), self.fields);
                    self.plan = Some(plan.map_err(damaged)?);
                }
                (MessageHeader::DictionaryBatch, Some(plan)) => {
                    let most = config.max_record;
                    plan.dictionary(&message, &body, most, &mut self.dictionaries)?;
                }
                (MessageHeader::RecordBatch, Some(plan)) => {
                    let batch = Batch::open(
                        plan,
                        &message,
                        body,
                        (self.input, self.batches),
                        config.max_record,
                    )?;
                    self.batch = Some(batch);
                    self.batches += 1;
                }
                _ => return Err(no_sense()),
            }
        }
        Ok(true)
    }
}

/// A record batch, and how far it is read.
struct Batch {
    part: Part,
    columns: Vec<Option<ColumnReader>>,
    /// What is wrong with it from the beginning.
    bad: Option<Failure>,
}

/// The most rows that are read at a time.
const MANY: usize = 4096;

impl Batch {
    fn open(
        plan: &Plan,
        message: &Message,
        body: Body,
        (file, index): (usize, u64),
        max_record: usize,
    ) -> io::Result<Batch> {
        let batch = message.header_as_record_batch().ok_or_else(no_sense)?;
        let rows = u64::try_from(batch.length()).map_err(|_| no_sense())?;
        let columns = match &plan.places {
            Ok(places) => {
                catching(|| open_columns(plan, places, &batch, &body, rows, max_record), why)
            }
            Err(_) => Ok(Vec::new()),
        };
        let (columns, bad) = match columns {
            Ok(columns) => (columns, None),
            Err(bad) => (Vec::new(), Some(bad)),
        };
        // Where it is damaged, what it claims is believed as far as it can be so.
        let room = u64::try_from(message.bodyLength()).unwrap_or(0).saturating_mul(64);
        let rows = if bad.is_some() { rows.min(room).max(1) } else { rows };
        let part = Part::new(file, "record batch", index, rows);
        Ok(Batch { part, columns, bad })
    }

    fn step<'e>(
        &mut self,
        plan: &Plan,
        dictionaries: &Dictionaries,
        buf: &mut Vec<u8>,
        config: &StreamConfig,
        progress: &Progress,
    ) -> Step<'e> {
        if self.part.is_done() {
            return Step { end: true, ..Step::default() };
        }
        let Plan { fields, found, places, .. } = plan;
        if let Some(step) = self.part.cell_step((fields, found), buf, config, progress) {
            return step;
        }
        let read = places.as_ref().map(|_| match self.bad.take() {
            Some(bad) => Err(bad),
            None => catching(|| self.read(fields, dictionaries, config), why),
        });
        self.part.step((fields, found), read, config, progress)
    }

    /// The next rows.
    fn read(
        &mut self,
        fields: &FieldNames,
        dictionaries: &Dictionaries,
        config: &StreamConfig,
    ) -> io::Result<rows::Read> {
        let (mut values, mut n): (Vec<Box<dyn Values>>, _) = (Vec::new(), MANY);
        let mut columns = self.columns.iter_mut();
        let held = if fields.has_answer { usize::MAX } else { config.most_held() };
        if let Some(Some(text)) = columns.as_slice().first()
            && let Some(cell) = text.long_value(self.part.next, held as u64)?
        {
            columns.next();
            for column in columns {
                values.push(match column {
                    None => Box::new(Nulls),
                    Some(column) => {
                        let row = self.part.next;
                        let value = column.read(row, 1, usize::MAX / 8, dictionaries)?;
                        if value.is_empty() {
                            return Err(damaged("a column has fewer rows than the others"));
                        }
                        Box::new(Held(value))
                    }
                });
            }
            return Ok(rows::Read::Cell(Box::new(cell), values));
        }
        for column in columns {
            let Some(column) = column else {
                values.push(Box::new(Nulls));
                continue;
            };
            // The first is the text, and it says how many rows there are; the others have to have as many.
            let chunk = if values.is_empty() { config.chunk } else { usize::MAX / 8 };
            let some = column.read(self.part.next, n, chunk, dictionaries)?;
            if values.is_empty() {
                n = some.len();
            }
            if some.len() != n || n == 0 {
                return Err(damaged("a column has fewer rows than the others"));
            }
            values.push(Box::new(Held(some)));
        }
        Ok(rows::Read::Rows((values, n as u64)))
    }
}

fn open_columns(
    plan: &Plan,
    places: &[Option<Vec<usize>>],
    batch: &RecordBatch,
    body: &Body,
    rows: u64,
    max_record: usize,
) -> io::Result<Vec<Option<ColumnReader>>> {
    let open = |indices: &Vec<usize>| {
        let place = layout::place(&plan.columns, indices, batch).ok_or_else(no_sense)?;
        if place.rows != rows {
            return Err(damaged("a column has not as many rows as its record batch"));
        }
        ColumnReader::new(place, batch, body, max_record)
    };
    places.iter().map(|place| place.as_ref().map(open).transpose()).collect()
}

/// Values as they are written.
struct Held(Vec<Value<Bytes>>);

impl Values for Held {
    fn get(&self, i: usize) -> Value<Cow<'_, [u8]>> {
        self.0[i].borrowed()
    }
}
