//! Headers of archives: what the next member is, from bytes alone.
//!
//! The fields of a header are read by the crate `tar`. Its reader is not used: it borrows itself, so that no worker could
//! hand it on to the next one, and holds all that a header of a name or of PAX records claims to be, in memory. Nor are
//! its PAX records, which end at a line end, and values may have some.

use tar::Header;

/// All of an archive is in blocks of so many bytes.
pub(super) const BLOCK: usize = 512;

/// The headers of one member are not longer than this: names and extended attributes are in them.
const MAX_HEADERS: usize = 4 << 20;

/// What the next bytes of an archive are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A block of zeros: the end, or what fills up the file after that.
    Zeros,
    Member(Head),
    /// It takes this many bytes to tell.
    More(usize),
    /// No header begins so many bytes on, and why.
    Damaged(usize, String),
}

/// What the headers of a member say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How long they are.
    pub len: usize,
    /// Bytes of data after them, without what fills the last block.
    pub size: u64,
    pub name: Vec<u8>,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A folder, a link, a device, or what only the writer of the archive understands.
    NoFile,
    /// A file of which not all is here as it is, and what to call that.
    Unsupported(&'static str),
}

const SPARSE: Kind = Kind::Unsupported("a sparse file");
const VOLUMES: Kind = Kind::Unsupported("the rest of a file that begins in another volume");

/// What headers before that of the member say of it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    /// The name by GNU's own header; one by PAX comes before it.
    gnu_name: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Whether `head` begins with the header of a member whose checksum is right.
pub(super) fn is_header(head: &[u8]) -> bool {
    head.get(..BLOCK).is_some_and(|block| is_right(Header::from_byte_slice(block)))
}

/// What `bytes` begin with.
pub(super) fn next(bytes: &[u8]) -> Next {
    let mut extended = Extended::default();
    let mut at = 0;
    loop {
        let Some(block) = bytes.get(at..at + BLOCK) else { return Next::More(at + BLOCK) };
        if at == 0 && block.iter().all(|&byte| byte == 0) {
            return Next::Zeros;
        }
        let header = Header::from_byte_slice(block);
        if !is_right(header) {
            return Next::Damaged(at, "its checksum is wrong".into());
        }
        let kind = header.as_bytes()[156];
        if !matches!(kind, b'x' | b'X' | b'g' | b'L' | b'K') {
            return member(header, &bytes[at..], extended, at);
        }
        let size = match header.entry_size() {
            Ok(size) if size <= (MAX_HEADERS - at) as u64 => size as usize,
            Ok(size) => {
                let why = format!("it claims {size} bytes of names and attributes");
                return Next::Damaged(at, why);
            }
            Err(e) => return Next::Damaged(at, e.to_string()),
        };
        let (data, after) = (at + BLOCK, at + BLOCK + size.next_multiple_of(BLOCK));
        let Some(data) = bytes.get(data..after).map(|data| &data[..size]) else {
            return Next::More(after);
        };
        let read = match kind {
            b'L' => {
                let end = memchr::memchr(0, data).unwrap_or(data.len());
                extended.gnu_name = Some(data[..end].to_vec());
                Ok(())
            }
            b'K' => Ok(()),
            kind => extended.read(data, kind == b'g'),
        };
        if let Err(why) = read {
            return Next::Damaged(at, why);
        }
        at = after;
    }
}

/// What `header`, which `bytes` begin with, and the ones before it, which are `before` bytes long, say.
fn member(header: &Header, bytes: &[u8], extended: Extended, before: usize) -> Next {
    let name = extended.name.or(extended.gnu_name);
    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
    let mut kind = match header.as_bytes()[156] {
        // Before there were folders in archives they were files with such a name.
        0 if name.ends_with(b"/") => Kind::NoFile,
        b'1'..=b'6' => {
            return Next::Member(Head { len: before + BLOCK, size: 0, name, kind: Kind::NoFile });
        }
        b'D' | b'N' | b'V' => Kind::NoFile,
        b'S' => SPARSE,
        b'M' => VOLUMES,
        _ => Kind::File,
    };
    if extended.is_sparse {
        kind = SPARSE;
    }
    let size = match extended.size.map_or_else(|| header.entry_size(), Ok) {
        Ok(size) => size,
        Err(e) => return Next::Damaged(before, e.to_string()),
    };
    let mut len = BLOCK;
    // The map of a sparse file goes on in blocks that say whether there is another.
    let mut goes_on = header.as_bytes()[156] == b'S'
        && header.as_gnu().is_some_and(|header| header.is_extended());
    while goes_on {
        let Some(block) = bytes.get(len..len + BLOCK) else {
            return match before + len > MAX_HEADERS {
                true => Next::Damaged(before, "the map of a sparse file does not end".into()),
                false => Next::More(before + len + BLOCK),
            };
        };
        goes_on = block[504] == 1;
        len += BLOCK;
    }
    Next::Member(Head { len: before + len, size, name, kind })
}

/// Whether the checksum is right, with bytes as numbers without a sign or, as some have written it, with one.
fn is_right(header: &Header) -> bool {
    let Ok(sum) = header.cksum() else { return false };
    let bytes = header.as_bytes();
    let others = || bytes[..148].iter().chain(&bytes[156..]);
    let blanks = 8 * i64::from(b' ');
    let unsigned = others().map(|&byte| i64::from(byte)).sum::<i64>() + blanks;
    let signed = others().map(|&byte| i64::from(byte as i8)).sum::<i64>() + blanks;
    [unsigned, signed].contains(&i64::from(sum))
}

impl Extended {
    /// Reads PAX records: a length, a blank, a name, `=`, a value and a line end, all of which the length counts.
    fn read(&mut self, mut data: &[u8], is_global: bool) -> Result<(), String> {
        let wrong = || "its PAX records make no sense".to_owned();
        while !data.is_empty() && data[0] != 0 {
            let blank = memchr::memchr(b' ', data).ok_or_else(wrong)?;
            let len = number(&data[..blank]).ok_or_else(wrong)?;
            let len =
                usize::try_from(len).ok().filter(|len| *len > blank + 1 && *len <= data.len());
            let (record, rest) = data.split_at(len.ok_or_else(wrong)?);
            data = rest;
            let record = record[blank + 1..].strip_suffix(b"\n").ok_or_else(wrong)?;
            let equals = memchr::memchr(b'=', record).ok_or_else(wrong)?;
            let (name, value) = (&record[..equals], &record[equals + 1..]);
            let is_sparse = name.starts_with(b"GNU.sparse.");
            if is_global {
                if is_sparse || matches!(name, b"path" | b"size") {
                    return Err("it gives all members after it one name or size".into());
                }
                continue;
            }
            self.is_sparse |= is_sparse;
            match name {
                b"path" if self.is_sparse && self.name.is_some() => {}
                b"path" | b"GNU.sparse.name" => self.name = Some(value.to_vec()),
                b"size" => self.size = Some(number(value).ok_or_else(wrong)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A number in decimal.
fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}
