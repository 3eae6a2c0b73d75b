//! From paths to bytes: finding files, opening and decompressing them.
//!
//! Knows nothing of what is in a record and nothing of counting.

mod filter;
mod find;
mod list;
mod magic;
mod name;
mod object;
mod open;
mod packing;
mod places;
mod remote;
mod slice;
mod wide;

pub(crate) use filter::Filter;
pub use filter::file_types;
pub(crate) use find::{Found, Identity, Walk, find, identity};
pub(crate) use list::read_list;
pub(crate) use magic::{HEAD, is_text, recognise, wide_encoding};
pub(crate) use name::name_of_bytes;
pub use name::path_name;
pub(crate) use object::Object;
pub use object::{Answer, ObjectInfo, Pending, Store, StoreError, is_url, redact};
pub(crate) use open::{
    BOM, Opened, Unread, open, open_error, open_member, read_error, unread, unsupported,
};
pub use packing::compressed_suffixes;
pub(crate) use packing::packing;
pub(crate) use places::Places;
pub(crate) use slice::{Extent, Slice};
pub(crate) use wide::{MARK as UTF16_MARK, stored_len as utf16_len};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The compression or archive that a file is which begins with `head`, whether it can be read or not.
pub fn packed_with(head: &[u8]) -> Option<&'static str> {
    let read = packing(head).map(|packing| packing.name);
    read.or_else(|| recognise(head).filter(|known| known.is_packed()).map(|known| known.name))
}

/// Something to read.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    pub path: PathBuf,
    /// The path as reports and the ledger show it.
    pub name: String,
    /// How many parts of the name, between slashes, lead to what was named: a folder, what comes before the first
    /// wildcard, or the folder of a file.
    pub named: usize,
    /// The size as stored, where it can be known.
    pub size: Option<u64>,
    /// When it was changed, where that is known.
    pub modified: Option<SystemTime>,
    /// Named by the user rather than found in a folder: read whatever it looks like.
    pub explicit: bool,
    /// Unpacked if it is compressed, whatever is in it: it was named, or a pattern fits its very name.
    pub unpack: bool,
    pub kind: InputKind,
    /// Where it is read from, if not from the disk. It is read like a file all the same.
    pub object: Option<Arc<Object>>,
    /// What of it is read, where the others of several runs read the rest.
    pub slice: Option<Slice>,
    pub identity: Identity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputKind {
    File,
    Stdin,
    /// A pipe or a device: opening and reading it may block for ever.
    Blocking,
}

impl Input {
    /// A file that was found before. It is told from others by its path.
    pub fn found(
        path: PathBuf,
        named: usize,
        size: Option<u64>,
        modified: Option<SystemTime>,
        explicit: bool,
        unpack: bool,
        slice: Option<Slice>,
    ) -> Input {
        let name = path_name(&path);
        let identity = Identity::Path(path.clone());
        let kind = InputKind::File;
        let object = None;
        Input { path, name, named, size, modified, explicit, unpack, kind, object, slice, identity }
    }

    /// The suffix of the format, see [`extension_of`].
    pub fn extension(&self) -> Option<String> {
        extension_of(&self.path)
    }

    /// A file in this archive. Who `asks` for it by its name wants it read whatever is in it.
    pub fn member(&self, name: &str, size: u64, asks: bool) -> Input {
        Input {
            path: name.into(),
            size: Some(size),
            explicit: asks,
            unpack: asks,
            kind: InputKind::File,
            // What reads the archive hands out its bytes.
            object: None,
            slice: None,
            ..self.clone()
        }
    }

    /// Whether the run was over before a range of it came: what its reader says means nothing then.
    pub fn is_abandoned(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.is_abandoned())
    }

    /// The suffix of the compression, if there is one.
    pub fn compression_suffix(&self) -> Option<&'static str> {
        let last = extension(&self.path)?;
        compressed_suffixes().find(|&suffix| suffix == last)
    }
}

/// The suffix of the format in lower case: what is left when `.gz`, `.zst` and the like are taken off.
pub(crate) fn extension_of(path: impl AsRef<Path>) -> Option<String> {
    let path = Path::new(path.as_ref().file_name()?);
    let last = extension(path)?;
    if compressed_suffixes().any(|suffix| suffix == last) {
        return extension(Path::new(path.file_stem()?));
    }
    Some(last)
}

fn extension(path: &Path) -> Option<String> {
    Some(path_name(Path::new(path.extension()?)).to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_told_by_its_beginning() {
        for (head, expected) in [
            (&b"\x1f\x8b\x08"[..], Some("gzip")),
            (b"\x28\xb5\x2f\xfd", Some("zstd")),
            (b"PK\x03\x04\x14", Some("zip")),
            (b"\xfd7zXZ\0", Some("xz")),
            (b"BZh91AY&SY", Some("bzip2")),
            (b"\x04\x22\x4d\x18", Some("LZ4")),
            (b"SQLite format 3\0", None),
            (b"{\"model\": {}}", None),
            (b"", None),
        ] {
            assert_eq!(packed_with(head), expected, "{head:?}");
        }
    }

    #[test]
    fn the_extension_is_that_of_the_format() {
        for (path, extension, compression) in [
            ("a/b.jsonl", Some("jsonl"), None),
            ("a/b.JSONL.GZ", Some("jsonl"), Some("gz")),
            ("b.txt.zst", Some("txt"), Some("zst")),
            ("b.jsonl.gzip", Some("jsonl"), Some("gzip")),
            ("b.jsonl.zstd", Some("jsonl"), Some("zstd")),
            ("b.vcf.bgz", Some("vcf"), Some("bgz")),
            ("b.xml.bz2", Some("xml"), Some("bz2")),
            ("b.jsonl.xz", Some("jsonl"), Some("xz")),
            ("b.jsonl.lzma", Some("jsonl"), Some("lzma")),
            ("b.gz", None, Some("gz")),
            ("a.d/b", None, None),
            (".hidden", None, None),
        ] {
            let input = Input {
                path: path.into(),
                name: path.into(),
                named: 0,
                size: None,
                modified: None,
                explicit: true,
                unpack: true,
                kind: InputKind::File,
                object: None,
                slice: None,
                identity: Identity::Path(path.into()),
            };
            assert_eq!(input.extension().as_deref(), extension, "{path}");
            assert_eq!(input.compression_suffix(), compression, "{path}");
        }
    }
}
