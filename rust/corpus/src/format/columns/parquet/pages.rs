//! The pages of a column, unpacked and checked before anything is made of them.
//!
//! The crate finds the pages and their headers; what unpacks them is here, for the crate's codecs believe the sizes that
//! the file claims, and those without a size in their data give whatever comes. A page that claims more than its column
//! has, or than the job allows, is refused before there is room made for it; so is a dictionary, or a list of lengths,
//! of more values than there can be.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::super::file::FileAt;
use super::long::{LargePage, LongValues};

/// As much is read at a time to find a page's header in; the page is taken from it as far as it goes.
const WINDOW: u64 = 64 << 10;

/// A page may be as large as this whatever the file says of its column: some writers count wrong.
const ORDINARY_PAGE: usize = 16 << 20;

/// The bytes of a file, for what reads its footer.
pub(super) struct WholeFile(pub Arc<FileAt>);

impl Length for WholeFile {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for WholeFile {
    type T = io::Cursor<Vec<u8>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let len = usize::try_from(self.0.len().saturating_sub(start))?;
        Ok(io::Cursor::new(self.0.read_at(start, len)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Ok(self.0.read_at(start, length)?.into())
    }
}

/// The bytes of a column in a row group, read once and in their order.
struct ColumnBytes(Arc<Shared>);

struct Shared {
    file: Arc<FileAt>,
    end: u64,
    /// A page that is larger than this is left where it is.
    held: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was read last, and where it is.
    window: Bytes,
    at: u64,
    /// The first bytes of the header that was read last.
    header: Vec<u8>,
    /// Where the page is that was left.
    left: Option<(u64, usize)>,
}

/// Enough of a header to hold its first three numbers.
const HEADER: usize = 24;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Length for ColumnBytes {
    fn len(&self) -> u64 {
        self.0.end
    }
}

impl ChunkReader for ColumnBytes {
    type T = Header;

    fn get_read(&self, start: u64) -> Result<Header> {
        self.0.state().header.clear();
        Ok(Header { column: self.0.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let mut state = self.0.state();
        let size = claimed_size(&state.header).unwrap_or(0);
        if size.max(length) > self.0.held {
            state.left = Some((start, length));
            return Ok(Bytes::new());
        }
        drop(state);
        self.0.bytes(start, length)
    }
}

impl Shared {
    fn bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let state = self.state();
        let from = start.checked_sub(state.at).and_then(|from| usize::try_from(from).ok());
        let held = from.map_or(Bytes::new(), |from| {
            let window = &state.window;
            window.slice(from.min(window.len())..from.saturating_add(length).min(window.len()))
        });
        if held.len() == length {
            return Ok(held);
        }
        let rest = self.file.read_at(start + held.len() as u64, length - held.len())?;
        if held.is_empty() {
            return Ok(rest.into());
        }
        Ok([&held[..], &rest].concat().into())
    }
}

/// Reads the header of a page.
struct Header {
    column: Arc<Shared>,
    at: u64,
}

impl Read for Header {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.column.state();
        let has =
            |state: &State| (state.at..state.at + state.window.len() as u64).contains(&self.at);
        if !has(&state) {
            let window = self.column.file.window(WINDOW);
            let len = window.min(self.column.end.saturating_sub(self.at));
            state.window = self.column.file.read_at(self.at, len as usize)?.into();
            state.at = self.at;
            if len == 0 {
                return Ok(0);
            }
        }
        let from = (self.at - state.at) as usize;
        let n = buf.len().min(state.window.len() - from);
        buf[..n].copy_from_slice(&state.window[from..from + n]);
        let kept = n.min(HEADER.saturating_sub(state.header.len()));
        state.header.extend_from_slice(&buf[..kept]);
        self.at += n as u64;
        Ok(n)
    }
}

/// The size that a page unpacks to, as the beginning of its header has it: the type, this size and the other one are
/// its first three fields (Thrift's compact protocol), and nobody writes them otherwise.
fn claimed_size(header: &[u8]) -> Option<usize> {
    let mut bytes = header.iter().copied();
    let mut field = || {
        (bytes.next()? == 0x15).then_some(())?;
        let zigzag = vlq(&mut bytes)?;
        i64::try_from(zigzag >> 1).ok().filter(|_| zigzag & 1 == 0)
    };
    field()?;
    usize::try_from(field()?).ok()
}

/// A number of seven bits a byte, the lowest first.
fn vlq(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Whether a page may be handed out: at most one is at a time, for what is read at once holds all that its pages unpack to.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Lets one more page be handed out.
    pub fn give(&self) {
        self.0.store(true, Relaxed);
    }

    /// Whether none was since then.
    pub fn is_left(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// The pages of a column.
pub(super) struct Pages {
    turn: Turn,
    inner: SerializedPageReader<ColumnBytes>,
    column: Arc<Shared>,
    compression: Compression,
    /// Bytes of a value where they are of one length.
    width: usize,
    max_definition: i16,
    max_repetition: i16,
    max_page: usize,
    /// Texts that are longer than `held` are left where they are, where they can be.
    held: usize,
    long: LongValues,
    /// Values that have not come yet, and how many there are.
    left: u64,
    values: u64,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Pages {
    /// `max_record`: the most that a job holds of one record. Values longer than `held` are found in `long`, if they can be.
    pub fn new(
        file: &Arc<FileAt>,
        column: &ColumnChunkMetaData,
        rows: u64,
        (max_record, held): (usize, usize),
        turn: Turn,
        long: LongValues,
    ) -> Result<Pages> {
        if column.file_path().is_some_and(|path| !path.is_empty()) {
            return Err(general("the column is in another file"));
        }
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let (start, len) = (u64::try_from(start)?, u64::try_from(column.compressed_size())?);
        let end = start.checked_add(len).filter(|&end| end <= file.len()).ok_or_else(|| {
            ParquetError::EOF("the column ends beyond the end of the file".to_owned())
        })?;
        let held = match LargePage::can_be_streamed(column.compression()) {
            true => held,
            false => usize::MAX,
        };
        let shared = Shared { file: file.clone(), end, held, state: Mutex::default() };
        let shared = Arc::new(shared);
        let descr = column.column_descr();
        let physical = descr.physical_type();
        let width = match physical {
            Type::BOOLEAN => 0,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
            Type::INT64 | Type::DOUBLE => 8,
            Type::INT96 => 12,
            Type::FIXED_LEN_BYTE_ARRAY => usize::try_from(descr.type_length())?,
        };
        let compression = column.compression();
        let (max_definition, max_repetition) = (descr.max_def_level(), descr.max_rep_level());
        let values = match max_repetition {
            0 => rows,
            _ => u64::try_from(column.num_values())?,
        };
        let claimed = usize::try_from(column.uncompressed_size()).unwrap_or(0);
        // To the crate nothing is compressed.
        let plain =
            column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let inner = SerializedPageReader::new(
            Arc::new(ColumnBytes(shared.clone())),
            &plain,
            usize::try_from(rows)?,
            None,
        )?;
        Ok(Pages {
            turn,
            inner,
            column: shared,
            compression,
            width,
            max_definition,
            max_repetition,
            max_page: max_record.min(claimed).max(ORDINARY_PAGE),
            held,
            long,
            left: values,
            values,
            zstd: None,
        })
    }

    /// Unpacks `packed`, whose first `plain` bytes are as they are, to `size` bytes.
    fn unpacked(&mut self, packed: Bytes, plain: usize, size: usize) -> Result<Bytes> {
        if let Compression::UNCOMPRESSED = self.compression {
            return Ok(packed);
        }
        self.believe(size)?;
        let (Some((levels, packed)), Some(size)) =
            (packed.split_at_checked(plain), size.checked_sub(plain))
        else {
            return Err(general("the levels of a page are longer than the page"));
        };
        let mut bytes = match size {
            // Such a page has no data at all, not even the packed nothing.
            0 => Vec::new(),
            _ => self.unpack(packed, size)?,
        };
        if bytes.len() != size {
            return Err(general(format!(
                "a page unpacks to {} bytes, and not to {size} as it says",
                bytes.len()
            )));
        }
        if !levels.is_empty() {
            bytes.splice(..0, levels.iter().copied());
        }
        Ok(bytes.into())
    }

    /// Refuses to unpack a page to more than can be.
    fn believe(&self, size: usize) -> Result<()> {
        match size > self.max_page {
            false => Ok(()),
            true => Err(general(format!(
                "a page claims to unpack to {size} bytes, and no more than {} are believed (its column's \
                 size, or max_record_bytes)",
                self.max_page
            ))),
        }
    }

    /// Reads a page that was left where it is, at `start`: with marks for its long values, or whole.
    fn large(&mut self, page: &mut Page, (start, len): (u64, usize), size: usize) -> Result<()> {
        let is_plain = match page {
            Page::DictionaryPage { encoding, .. } => {
                matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY)
            }
            _ => page.encoding() == Encoding::PLAIN,
        };
        let values = page.num_values();
        let (max_definition, held) = (self.max_definition, self.held as u64);
        let mut large = LargePage {
            file: self.column.file.clone(),
            start,
            len: len as u64,
            compression: self.compression,
            size: size as u64,
        };
        match self.compression {
            Compression::UNCOMPRESSED => large.size = large.len,
            _ => self.believe(size)?,
        }
        match page {
            _ if !is_plain => {
                let bytes = self.column.bytes(start, len)?;
                match page {
                    Page::DataPage { buf, .. }
                    | Page::DictionaryPage { buf, .. }
                    | Page::DataPageV2 { buf, .. } => *buf = bytes,
                }
                self.unpack_page(page, size)
            }
            Page::DictionaryPage { buf, .. } => {
                let marked = large.read(&|_| Ok(Vec::new()), values as usize, held)?;
                *buf = marked.bytes.clone();
                self.long.set_dictionary(marked);
                Ok(())
            }
            Page::DataPage { buf, def_level_encoding, .. } => {
                let encoding = *def_level_encoding;
                let levels = |reader: &mut dyn Read| {
                    levels(&mut reader.take(size as u64), max_definition, encoding, values)
                };
                let marked = large.read(&levels, values as usize, held)?;
                *buf = marked.bytes.clone();
                self.long.add_page(marked);
                Ok(())
            }
            Page::DataPageV2 {
                buf,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                if levels as u64 > large.len.min(large.size) {
                    return Err(general("the levels of a page are longer than the page"));
                }
                let levels = self.column.bytes(start, levels)?;
                large.start += levels.len() as u64;
                large.len -= levels.len() as u64;
                large.size -= levels.len() as u64;
                if !*is_compressed || large.size == 0 {
                    (large.compression, large.size) = (Compression::UNCOMPRESSED, large.len);
                }
                let marked = large.read(&|_| Ok(Vec::new()), values as usize, held)?;
                *buf = [&levels[..], &marked.bytes].concat().into();
                self.long.add_page(marked.after(levels.len(), buf));
                Ok(())
            }
        }
    }

    /// Unpacks a page.
    fn unpack_page(&mut self, page: &mut Page, size: usize) -> Result<()> {
        match page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = self.unpacked(std::mem::take(buf), 0, size)?;
            }
            Page::DataPageV2 {
                buf,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed: true,
                ..
            } => {
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                *buf = self.unpacked(std::mem::take(buf), levels, size)?;
            }
            Page::DataPageV2 { .. } => {}
        }
        Ok(())
    }

    fn unpack(&mut self, packed: &[u8], size: usize) -> Result<Vec<u8>> {
        // One byte more than is expected would be seen, and no more is taken.
        let read = |reader: &mut dyn Read| {
            let mut bytes = Vec::new();
            reader.take(size as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
        };
        Ok(match self.compression {
            Compression::SNAPPY => {
                if snap::raw::decompress_len(packed).map_err(external)? != size {
                    return Err(general("a page unpacks to another size than it says"));
                }
                let mut bytes = vec![0; size];
                let n = snap::raw::Decoder::new().decompress(packed, &mut bytes);
                bytes.truncate(n.map_err(external)?);
                bytes
            }
            Compression::ZSTD(_) => {
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    None => self.zstd.insert(zstd::bulk::Decompressor::new()?),
                };
                zstd.decompress(packed, size)?
            }
            Compression::GZIP(_) => read(&mut flate2::read::MultiGzDecoder::new(packed))?,
            Compression::BROTLI(_) => read(&mut brotli::Decompressor::new(packed, 4096))?,
            Compression::LZ4_RAW => lz4_block(packed, size)?,
            // Two writers understood it differently, and a third one the name.
            Compression::LZ4 => match lz4_blocks(packed, size) {
                Some(bytes) => bytes,
                None => match read(&mut lz4_flex::frame::FrameDecoder::new(packed)) {
                    Ok(bytes) if bytes.len() == size => bytes,
                    _ => lz4_block(packed, size)?,
                },
            },
            other => return Err(general(format!("nothing here unpacks {other}"))),
        })
    }

    /// Refuses a page whose values cannot be as many as it says.
    fn check(&mut self, page: &Page) -> Result<()> {
        if let Page::DictionaryPage { buf, num_values, .. } = page {
            let values = u64::from(*num_values);
            let fits = (values as usize).checked_mul(self.width).is_some_and(|n| n <= buf.len());
            return match fits && values <= self.values {
                true => Ok(()),
                false => Err(general(format!("a dictionary cannot have {values} values"))),
            };
        }
        let values = page.num_values();
        self.left = self.left.checked_sub(values.into()).ok_or_else(|| {
            general(format!("a page of {values} values, where there are {} left", self.left))
        })?;
        let data = match page {
            Page::DataPage { buf, def_level_encoding, rep_level_encoding, .. } => {
                after_levels(buf, self.max_repetition, *rep_level_encoding, values).and_then(
                    |buf| after_levels(buf, self.max_definition, *def_level_encoding, values),
                )
            }
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                buf.get(*def_levels_byte_len as usize + *rep_levels_byte_len as usize..)
            }
            Page::DictionaryPage { .. } => None,
        };
        let data = data.ok_or_else(|| general("the levels of a page are longer than the page"))?;
        let lists = match page.encoding() {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => 0,
        };
        let mut data = data;
        for _ in 0..lists {
            let Some((count, rest)) = delta_list(data) else {
                return Err(general("a page has no whole list of lengths"));
            };
            if count > values.into() {
                return Err(general(format!("{count} lengths in a page of {values} values")));
            }
            data = rest;
        }
        Ok(())
    }
}

/// The levels that a page begins with, of which there may be none.
fn levels(reader: &mut dyn Read, max: i16, encoding: Encoding, values: u32) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let len = match (max, encoding) {
        (0, _) => 0,
        (_, Encoding::RLE) => {
            let mut len = [0; 4];
            reader.read_exact(&mut len)?;
            bytes.extend_from_slice(&len);
            u32::from_le_bytes(len) as usize
        }
        _ => bits(max, values),
    };
    reader.take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How many bytes levels take that are packed by bits.
fn bits(max: i16, values: u32) -> usize {
    let bits = 16 - max.leading_zeros() as usize;
    (values as usize * bits).div_ceil(8)
}

/// What of a page comes after the levels that it begins with, of which there may be none.
fn after_levels(page: &[u8], max: i16, encoding: Encoding, values: u32) -> Option<&[u8]> {
    match (max, encoding) {
        (0, _) => Some(page),
        (_, Encoding::RLE) => {
            let (len, rest) = page.split_first_chunk::<4>()?;
            rest.get(u32::from_le_bytes(*len) as usize..)
        }
        _ => page.get(bits(max, values)..),
    }
}

/// How many numbers a list in delta encoding says that it has, and what is after it.
fn delta_list(data: &[u8]) -> Option<(u64, &[u8])> {
    let mut bytes = data.iter().copied();
    let (block, minis, count) = (vlq(&mut bytes)?, vlq(&mut bytes)?, vlq(&mut bytes)?);
    zigzag(&mut bytes)?;
    let mut rest = &data[data.len() - bytes.len()..];
    let per_mini = block.checked_div(minis)?;
    let mut left = count.saturating_sub(1);
    if per_mini == 0 && left > 0 {
        return None;
    }
    while left > 0 {
        let mut bytes = rest.iter().copied();
        zigzag(&mut bytes)?;
        let (widths, blocks) =
            rest[rest.len() - bytes.len()..].split_at_checked(usize::try_from(minis).ok()?)?;
        let mut len = 0u64;
        for &width in widths.iter().take_while(|_| {
            let is_wanted = left > 0;
            left = left.saturating_sub(per_mini);
            is_wanted
        }) {
            len = len.checked_add(u64::from(width).checked_mul(per_mini)? / 8)?;
        }
        rest = blocks.get(usize::try_from(len).ok()?..)?;
    }
    Some((count, rest))
}

/// A number of seven bits a byte that may be negative, which nobody asks for.
fn zigzag(bytes: &mut impl Iterator<Item = u8>) -> Option<()> {
    bytes.take(10).any(|byte| byte < 0x80).then_some(())
}

fn lz4_block(packed: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let n = lz4_flex::block::decompress_into(packed, &mut bytes).map_err(external)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// Blocks, each after its two sizes, as Hadoop writes them.
fn lz4_blocks(mut packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while !packed.is_empty() {
        let (unpacked, rest) = packed.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (block, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        let unpacked = u32::from_be_bytes(*unpacked) as usize;
        if unpacked > size - bytes.len() {
            return None;
        }
        let block = lz4_block(block, unpacked).ok().filter(|block| block.len() == unpacked)?;
        bytes.extend_from_slice(&block);
        packed = rest;
    }
    (bytes.len() == size).then_some(bytes)
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        if !self.turn.is_left() {
            return Ok(None);
        }
        let Some(mut page) = self.inner.get_next_page()? else { return Ok(None) };
        let Some(size) = claimed_size(&self.column.state().header) else {
            return Err(general("the header of a page is damaged"));
        };
        let left = self.column.state().left.take();
        match left {
            None => self.unpack_page(&mut page, size)?,
            Some(place) => self.large(&mut page, place, size)?,
        }
        self.check(&page)?;
        if !matches!(page, Page::DictionaryPage { .. }) {
            self.turn.0.store(false, Relaxed);
        }
        Ok(Some(page))
    }

    /// Whether a list ends with the page is for the levels of the next one to say.
    fn at_record_boundary(&mut self) -> Result<bool> {
        Ok(true)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(general("pages are read, and not looked at"))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(general("pages are read, and not passed over"))
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

fn general(message: impl Into<String>) -> ParquetError {
    ParquetError::General(message.into())
}

fn external(e: impl std::error::Error + Send + Sync + 'static) -> ParquetError {
    ParquetError::External(Box::new(e))
}
