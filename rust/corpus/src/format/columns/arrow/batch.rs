//! Some rows of a record batch at a time: of the wanted columns, and of the bytes of these what the rows are.
//!
//! A record batch may be as large as its writer's memory; what is held of one that is not compressed is a chunk. A
//! compressed buffer is unpacked whole, but for one of strings that is large: these are read in their order.

use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex};

use arrow_ipc::RecordBatch;
use bytes::Bytes;

use super::super::cell::CellBytes;
use super::super::file::{Failure, FileAt, why};
use super::super::rows::{ListText, Value};
use super::super::scalar;
use super::layout::{Fixed, Kind, Place};
use super::unpacking::Unpacking;
use super::{Dictionaries, MANY};

/// The buffers of a message.
#[derive(Clone)]
pub(super) enum Body {
    At { file: Arc<FileAt>, offset: u64, len: u64 },
    Held(Bytes),
}

impl Body {
    /// How much is best read at once, where that need not be more.
    pub fn window(&self) -> u64 {
        match self {
            Body::At { file, .. } => file.window(WINDOW),
            Body::Held(_) => WINDOW,
        }
    }

    pub fn read(&self, from: u64, to: u64) -> io::Result<Bytes> {
        let all = match self {
            Body::At { len, .. } => *len,
            Body::Held(bytes) => bytes.len() as u64,
        };
        if from > to || to > all {
            return Err(damaged("a buffer is beyond the end of its record batch"));
        }
        match self {
            Body::At { file, offset, .. } => {
                Ok(file.read_at(offset + from, (to - from) as usize)?.into())
            }
            Body::Held(bytes) => Ok(bytes.slice(from as usize..to as usize)),
        }
    }
}

pub(super) fn damaged(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, what.into())
}

/// A buffer: where it is in the body, or what it unpacks to.
#[derive(Clone)]
struct Buffer {
    body: Body,
    from: u64,
    len: u64,
    unpacked: Option<Unpacked>,
}

#[derive(Clone)]
enum Unpacked {
    Whole(Bytes),
    /// As it is asked for.
    Stream(Arc<Mutex<Unpacking>>),
}

impl Buffer {
    fn read(&self, from: u64, to: u64) -> io::Result<Bytes> {
        if from > to || to > self.len {
            return Err(damaged("a buffer is shorter than its rows are"));
        }
        match &self.unpacked {
            Some(Unpacked::Whole(bytes)) => Ok(bytes.slice(from as usize..to as usize)),
            Some(Unpacked::Stream(bytes)) => {
                bytes.lock().unwrap_or_else(|e| e.into_inner()).read(from, to)
            }
            None => self.body.read(self.from + from, self.from + to),
        }
    }
}

/// A column of a record batch, and how far it is read.
pub(super) struct ColumnReader {
    place: Place,
    bitmaps: Vec<Buffer>,
    buffers: Vec<Buffer>,
    /// Of each buffer that views point to, what was read last and where it is.
    windows: Vec<(u64, Bytes)>,
    /// What it is a list of.
    element: Option<Box<ColumnReader>>,
    /// The most bytes of a value.
    most: usize,
}

/// So much of a buffer that views point to is read at once.
const WINDOW: u64 = 256 << 10;

impl ColumnReader {
    /// `most`: the most bytes of a value, and those that a buffer may unpack to.
    pub fn new(
        mut place: Place,
        batch: &RecordBatch,
        body: &Body,
        most: usize,
    ) -> io::Result<ColumnReader> {
        let count = match (place.dictionary, place.kind) {
            (Some(_), _) | (None, Kind::Bool | Kind::Fixed { .. } | Kind::List { .. }) => 1,
            (None, Kind::Bytes { .. }) => 2,
            (None, Kind::Views) => 1 + place.variadic,
            (None, Kind::Null | Kind::Struct | Kind::Nested { .. }) => 0,
        };
        let all = batch.buffers().map_or(0, |buffers| buffers.len());
        if place.buffer.checked_add(count).is_none_or(|end| end > all) {
            return Err(damaged("a record batch lacks buffers"));
        }
        let is_bytes = place.dictionary.is_none() && matches!(place.kind, Kind::Bytes { .. });
        let buffer = |i| {
            // Those between the offsets are read once and in their order.
            let is_in_order = is_bytes && i == place.buffer + 1;
            buffer(batch, i, body, most as u64, is_in_order)
        };
        let bitmaps = place.bitmaps.iter().map(|&i| buffer(i)).collect::<io::Result<Vec<_>>>()?;
        let buffers: Vec<_> =
            (place.buffer..place.buffer + count).map(buffer).collect::<io::Result<_>>()?;
        let windows = vec![(0, Bytes::new()); place.variadic];
        let bits = |buffer: &Buffer, each: u64| {
            place.rows.checked_mul(each).is_some_and(|bits| bits.div_ceil(8) <= buffer.len)
        };
        // What a batch claims and has no room for is not believed.
        let width = match (place.dictionary, place.kind) {
            (Some((_, Fixed::Int { width, .. })), _) => 8 * width as u64,
            (_, Kind::Bool) => 1,
            (_, Kind::Fixed { width, .. }) => 8 * width as u64,
            (_, Kind::Bytes { is_large } | Kind::List { is_large }) => {
                if is_large {
                    64
                } else {
                    32
                }
            }
            (_, Kind::Views) => 128,
            _ => 0,
        };
        let fits = buffers.first().is_none_or(|first| bits(first, width));
        let has_bits = |bitmap: &Buffer| bitmap.len == 0 || bits(bitmap, 1);
        if !fits || !bitmaps.iter().all(has_bits) {
            return Err(damaged(format!("there is no room for the {} rows of it", place.rows)));
        }
        let element = match place.element.take() {
            None => None,
            Some(element) => Some(Box::new(ColumnReader::new(*element, batch, body, most)?)),
        };
        Ok(ColumnReader { place, bitmaps, buffers, windows, element, most })
    }

    /// The values of up to `most` rows from row `from` on: as many as have `chunk` bytes together, and at least one.
    pub fn read(
        &mut self,
        from: u64,
        most: usize,
        chunk: usize,
        dictionaries: &Dictionaries,
    ) -> io::Result<Vec<Value<Bytes>>> {
        let to = (from + most as u64).min(self.place.rows);
        let is_there = self.is_there(from, to)?;
        if let Some((id, Fixed::Int { is_signed, width })) = self.place.dictionary {
            let dictionary =
                dictionaries.get(&id).ok_or_else(|| damaged("a dictionary is missing"))?;
            let indices = self.buffers[0].read(from * width as u64, to * width as u64)?;
            let mut values = Vec::new();
            let mut bytes = 0;
            for (index, is_there) in indices.chunks_exact(width).zip(is_there) {
                if bytes >= chunk {
                    break;
                }
                let value = if is_there {
                    let index = usize::try_from(integer(index, is_signed)).ok();
                    let value = index.and_then(|index| dictionary.get(index));
                    value.ok_or_else(|| damaged("a value is not in its dictionary"))?.clone()
                } else {
                    Value::Null
                };
                bytes += value.len();
                values.push(value);
            }
            return Ok(values);
        }
        let values_where = |each: &dyn Fn(usize) -> Bytes| {
            let value = |(i, &is_there)| if is_there { Value::Bytes(each(i)) } else { Value::Null };
            Ok(is_there.iter().enumerate().map(value).collect())
        };
        match self.place.kind {
            Kind::Bytes { is_large } => self.bytes(from, &is_there, is_large, chunk),
            Kind::Views => self.views(from, &is_there, chunk),
            Kind::List { is_large } => self.lists(from, &is_there, is_large, chunk, dictionaries),
            Kind::Fixed { width, value } => {
                let bytes = self.buffers[0].read(from * width as u64, to * width as u64)?;
                values_where(&|i| written(&bytes[i * width..][..width], value).into())
            }
            Kind::Bool => {
                let bits = self.buffers[0].read(from / 8, to.div_ceil(8))?;
                values_where(&|i| {
                    let bit = (from % 8) as usize + i;
                    Bytes::from_static(match bits[bit / 8] >> (bit % 8) & 1 {
                        1 => b"true",
                        _ => b"false",
                    })
                })
            }
            Kind::Null | Kind::Struct | Kind::Nested { .. } => {
                Ok(vec![Value::Null; is_there.len()])
            }
        }
    }

    /// Which of the rows are not null.
    fn is_there(&self, from: u64, to: u64) -> io::Result<Vec<bool>> {
        let mut is_there = vec![true; (to - from) as usize];
        for bitmap in self.bitmaps.iter().filter(|bitmap| bitmap.len > 0) {
            let bits = bitmap.read(from / 8, to.div_ceil(8))?;
            for (i, is_there) in is_there.iter_mut().enumerate() {
                let bit = (from % 8) as usize + i;
                *is_there &= bits[bit / 8] >> (bit % 8) & 1 == 1;
            }
        }
        Ok(is_there)
    }

    /// The value of row `row`, if it has more than `held` bytes, and no more than it may have.
    pub fn long_value(&self, row: u64, held: u64) -> io::Result<Option<LongValue>> {
        if self.place.dictionary.is_some() {
            return Ok(None);
        }
        let (buffer, from, to) = match self.place.kind {
            Kind::Bytes { is_large } => {
                let offsets = self.offsets(row, 1, is_large)?;
                (1, offsets[0], offsets[1])
            }
            Kind::Views => {
                let view = self.buffers[0].read(row * 16, row * 16 + 16)?;
                match View::of(&view)? {
                    View::Here(_) => return Ok(None),
                    View::At { buffer, start, len } => (buffer + 1, start, start + len),
                }
            }
            _ => return Ok(None),
        };
        let is_long = (held.saturating_add(1)..=self.most as u64).contains(&(to - from));
        if !is_long || !self.is_there(row, row + 1)?[0] {
            return Ok(None);
        }
        let buffer = self.buffers.get(buffer).ok_or_else(bad_view)?.clone();
        if to > buffer.len {
            return Err(damaged("a buffer is shorter than its rows are"));
        }
        Ok(Some(LongValue { buffer, at: from, end: to }))
    }

    /// The offsets between which the values of `rows` rows from row `from` on are: one more than there are rows.
    fn offsets(&self, from: u64, rows: usize, is_large: bool) -> io::Result<Vec<u64>> {
        let width = if is_large { 8 } else { 4 };
        let to = from + rows as u64 + 1;
        let bytes = self.buffers[0].read(from * width, to * width)?;
        let offset = |bytes| u64::try_from(integer(bytes, true)).ok();
        let offsets: Option<Vec<u64>> = bytes.chunks_exact(width as usize).map(offset).collect();
        offsets
            .filter(|offsets| offsets.is_sorted())
            .ok_or_else(|| damaged("the offsets of strings or lists go back"))
    }

    fn bytes(
        &self,
        from: u64,
        is_there: &[bool],
        is_large: bool,
        chunk: usize,
    ) -> io::Result<Vec<Value<Bytes>>> {
        let offsets = self.offsets(from, is_there.len(), is_large)?;
        let first = offsets[0];
        let (mut last, mut n) = (first, 0);
        while n < is_there.len() && (n == 0 || last - first < chunk as u64) {
            let next = offsets[n + 1];
            // A chunk that is full is not made larger by one that is long.
            if n > 0 && next - first > 4 * chunk as u64 {
                break;
            }
            (last, n) = (next, n + 1);
        }
        if n == 1 && !is_there[0] {
            return Ok(vec![Value::Null]);
        }
        if n == 1 && last - first > self.most as u64 {
            return Ok(vec![Value::TooLarge]);
        }
        let data = self.buffers[1].read(first, last)?;
        let value = |i: usize| match is_there[i] {
            true => {
                let range = offsets[i] - first..offsets[i + 1] - first;
                Value::Bytes(data.slice(range.start as usize..range.end as usize))
            }
            false => Value::Null,
        };
        Ok((0..n).map(value).collect())
    }

    fn lists(
        &mut self,
        from: u64,
        is_there: &[bool],
        is_large: bool,
        chunk: usize,
        dictionaries: &Dictionaries,
    ) -> io::Result<Vec<Value<Bytes>>> {
        let offsets = self.offsets(from, is_there.len(), is_large)?;
        let most = self.most;
        let Some(element) = &mut self.element else {
            return Err(damaged("a list is of nothing"));
        };
        let last = offsets[is_there.len()];
        if last > element.place.rows {
            return Err(damaged("a list is longer than what it is of"));
        }
        let (mut values, mut bytes) = (Vec::new(), 0);
        // What was read of the elements, from the next one on.
        let mut ahead = Vec::new().into_iter();
        for (i, &is_there) in is_there.iter().enumerate() {
            if bytes >= chunk {
                break;
            }
            let mut text = ListText::new();
            for next in offsets[i]..offsets[i + 1] {
                let value = match ahead.next() {
                    Some(value) => value,
                    None => {
                        // Where the chunk is full the rest of the list is wanted, and no other.
                        let room = chunk.saturating_sub(bytes + text.len());
                        let to = if room == 0 { offsets[i + 1] } else { last };
                        let n = (to - next).min(MANY as u64) as usize;
                        let room = if room == 0 { chunk } else { room };
                        ahead = element.read(next, n, room, dictionaries)?.into_iter();
                        ahead.next().ok_or_else(|| damaged("a list ends before its end"))?
                    }
                };
                text.add(&value, most);
                if text.is_settled() {
                    // A list of nulls may claim more of them than can be gone through: no buffer bounds them.
                    ahead = Vec::new().into_iter();
                    break;
                }
            }
            let value = if is_there { text.end() } else { Value::Null };
            bytes += value.len();
            values.push(value);
        }
        Ok(values)
    }

    fn views(
        &mut self,
        from: u64,
        is_there: &[bool],
        chunk: usize,
    ) -> io::Result<Vec<Value<Bytes>>> {
        let views = self.buffers[0].read(from * 16, (from + is_there.len() as u64) * 16)?;
        let (mut values, mut bytes) = (Vec::new(), 0);
        for (i, &is_there) in is_there.iter().enumerate() {
            if bytes >= chunk {
                break;
            }
            if !is_there {
                values.push(Value::Null);
                continue;
            }
            let (buffer, start, len) = match View::of(&views[16 * i..][..16])? {
                View::Here(len) => {
                    bytes += len;
                    values.push(Value::Bytes(views.slice(16 * i + 4..16 * i + 4 + len)));
                    continue;
                }
                View::At { len, .. } if len > self.most as u64 => {
                    values.push(Value::TooLarge);
                    continue;
                }
                View::At { buffer, start, len } => (buffer, start, len),
            };
            // A chunk is not made larger by one that is long.
            if i > 0 && len > (4 * chunk) as u64 {
                break;
            }
            bytes += len as usize;
            let (Some(window), Some(buffer)) =
                (self.windows.get_mut(buffer), self.buffers.get(buffer + 1))
            else {
                return Err(bad_view());
            };
            let has = |(at, window): &(u64, Bytes)| {
                *at <= start && start + len <= at + window.len() as u64
            };
            if !has(window) {
                let end = (start + len.max(WINDOW)).min(buffer.len).max(start + len);
                *window = (start, buffer.read(start, end)?);
            }
            let at = (start - window.0) as usize;
            values.push(Value::Bytes(window.1.slice(at..at + len as usize)));
        }
        Ok(values)
    }
}

/// What a view says.
enum View {
    /// The value is in it, and so long.
    Here(usize),
    /// It is in this buffer of those that views point to.
    At { buffer: usize, start: u64, len: u64 },
}

impl View {
    fn of(view: &[u8]) -> io::Result<View> {
        let number =
            |at: usize| u64::try_from(integer(&view[at..at + 4], true)).map_err(|_| bad_view());
        Ok(match number(0)? {
            len @ 0..=12 => View::Here(len as usize),
            len => View::At { buffer: number(8)? as usize, start: number(12)?, len },
        })
    }
}

fn bad_view() -> Error {
    damaged("a view of a string is damaged")
}

/// A value that is too long to be held, and how far it is read.
pub(super) struct LongValue {
    buffer: Buffer,
    at: u64,
    end: u64,
}

impl CellBytes for LongValue {
    fn next(&mut self, most: usize) -> Result<Bytes, Failure> {
        let to = self.end.min(self.at + most as u64);
        let bytes = self.buffer.read(self.at, to).map_err(why)?;
        self.at = to;
        Ok(bytes)
    }
}

/// A buffer that unpacks to more than this is not unpacked whole, where it is read in its order.
const WHOLE: u64 = 8 << 20;

/// Buffer `i` of a batch, unpacked if it is compressed.
fn buffer(
    batch: &RecordBatch,
    i: usize,
    body: &Body,
    most: u64,
    is_in_order: bool,
) -> io::Result<Buffer> {
    let lacking = || damaged("a record batch lacks buffers");
    let buffers = batch.buffers().filter(|buffers| i < buffers.len()).ok_or_else(lacking)?;
    let buffer = buffers.get(i);
    let bad = |_| damaged("a buffer has no place in its record batch");
    let from = u64::try_from(buffer.offset()).map_err(bad)?;
    let len = u64::try_from(buffer.length()).map_err(bad)?;
    let mut buffer = Buffer { body: body.clone(), from, len, unpacked: None };
    let Some(compression) = batch.compression().filter(|_| len > 0) else { return Ok(buffer) };
    let end = from.checked_add(len).ok_or_else(lacking)?;
    let size = len.checked_sub(8).map(|_| body.read(from, from + 8)).transpose()?;
    let Some(size) = size.as_deref().and_then(|size| size.first_chunk()) else {
        return Err(damaged("a compressed buffer is too short"));
    };
    let packed = (body, from + 8, end);
    buffer.unpacked = match i64::from_le_bytes(*size) {
        // It would not have become smaller.
        -1 => {
            (buffer.from, buffer.len) = (from + 8, len - 8);
            None
        }
        size => {
            let size = u64::try_from(size).ok().filter(|&size| size <= most).ok_or_else(|| {
                damaged(format!(
                    "a buffer claims to unpack to {size} bytes, and no more than {most} are believed \
                     (max_record_bytes)"
                ))
            })?;
            buffer.len = size;
            let mut unpacking = Unpacking::new(packed, size, compression.codec());
            Some(match is_in_order && size > WHOLE {
                true => Unpacked::Stream(Arc::new(Mutex::new(unpacking))),
                false => Unpacked::Whole(unpacking.read(0, size)?),
            })
        }
    };
    Ok(buffer)
}

/// A number of up to eight bytes, the lowest first.
fn integer(bytes: &[u8], is_signed: bool) -> i128 {
    let mut value = 0i128;
    for &byte in bytes.iter().rev() {
        value = value << 8 | i128::from(byte);
    }
    let bits = 8 * bytes.len() as u32;
    match is_signed && bits < 128 && value >> (bits - 1) & 1 == 1 {
        true => value - (1 << bits),
        false => value,
    }
}

/// What is written for a value.
fn written(bytes: &[u8], value: Fixed) -> Vec<u8> {
    let number = |bytes: &[u8]| integer(bytes, true) as i64;
    match value {
        Fixed::Int { is_signed, .. } => integer(bytes, is_signed).to_string(),
        Fixed::Float => match *bytes {
            [a, b] => scalar::half(u16::from_le_bytes([a, b])),
            [a, b, c, d] => scalar::float(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => {
                scalar::double(f64::from_le_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => scalar::hex(bytes),
        },
        Fixed::Decimal { scale } => {
            let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
            scalar::decimal(&bytes, scale)
        }
        Fixed::Date { per_day } => scalar::date(number(bytes).div_euclid(per_day)),
        Fixed::Time { per_second } => scalar::time(number(bytes), per_second),
        Fixed::Timestamp { per_second, is_utc } => {
            scalar::timestamp(number(bytes), per_second, is_utc)
        }
        Fixed::Bytes => scalar::hex(bytes),
    }
    .into_bytes()
}
