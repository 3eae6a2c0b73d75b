//! What a file is by its first bytes, where it is no text: the formats that fasttok knows by name and does not read.
//!
//! A table and nothing else: what is done with such a file (an entry of the ledger, or passed by) is decided by who
//! asks. A text must never be taken for one of these, so a signature of letters alone is not enough: the first bytes
//! must hold something that no text holds as well, except where the signature is a whole first line of its format.

/// As many of the first bytes of a file are looked at, before its decompression and after it.
pub(crate) const HEAD: usize = 8 << 10;

/// A format that is known and not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// As people call it.
    pub name: &'static str,
    /// It holds texts or records, or files that may: a walk that meets it says so. Of the others (pictures,
    /// programs, sounds, fonts) nobody expects a count.
    pub is_data: bool,
    /// What to do with it, after "to count it, ".
    pub remedy: &'static str,
    /// At what offset which bytes are expected.
    signature: (usize, &'static [u8]),
    proof: Proof,
}

/// When a signature proves that the file is of its format.
#[derive(Debug, PartialEq, Eq)]
enum Proof {
    /// No text begins so, or none that is not of this format.
    Signature,
    /// The first bytes are no text either.
    NotText,
    /// These bytes are at this offset too.
    And(usize, &'static [u8]),
}

use Proof::{And, NotText, Signature};

const TO_JSONL: &str = "write its texts as JSONL, one object a line";
const TO_IPC: &str = "write its texts as JSONL, or give its column to count_batch in Python";
const TO_FEATHER: &str =
    "read it with pyarrow.feather and write it again, as Feather V2 or Parquet";
const DECRYPT: &str = "decrypt it first";
const UNPACK: &str = "unpack it and name what was in it";
const REPACK: &str = "unpack it, or pipe it in unpacked";
const EXTRACT: &str = "extract its text first";
const NO_TEXT: &str = "name a file that holds text";

const fn data(
    name: &'static str,
    remedy: &'static str,
    at: usize,
    bytes: &'static [u8],
    proof: Proof,
) -> Known {
    Known { name, is_data: true, remedy, signature: (at, bytes), proof }
}

const fn other(name: &'static str, at: usize, bytes: &'static [u8], proof: Proof) -> Known {
    Known { name, is_data: false, remedy: NO_TEXT, signature: (at, bytes), proof }
}

impl Known {
    /// Whether it holds other files, or one in another form.
    pub fn is_packed(&self) -> bool {
        [UNPACK, REPACK].contains(&self.remedy)
    }
}

/// The first that fits is the one.
static KNOWN: &[Known] = &[
    data("encrypted Parquet", DECRYPT, 0, b"PARE", NotText),
    data("Feather V1", TO_FEATHER, 0, b"FEA1", NotText),
    data("ORC", TO_IPC, 0, b"ORC", NotText),
    data("Avro", TO_JSONL, 0, b"Obj\x01", Signature),
    data("WARC 0", TO_JSONL, 0, b"WARC/0.", Signature),
    data("SQLite", TO_JSONL, 0, b"SQLite format 3\0", Signature),
    data("HDF5", TO_JSONL, 0, b"\x89HDF\r\n\x1a\n", Signature),
    data("NumPy", TO_JSONL, 0, b"\x93NUMPY", Signature),
    data("MATLAB", TO_JSONL, 0, b"MATLAB 5.0 MAT-file", NotText),
    data("pickle", TO_JSONL, 0, b"\x80\x02", Signature),
    data("pickle", TO_JSONL, 0, b"\x80\x03", Signature),
    data("pickle", TO_JSONL, 0, b"\x80\x04", Signature),
    data("pickle", TO_JSONL, 0, b"\x80\x05", Signature),
    data("PDF", EXTRACT, 0, b"%PDF-", Signature),
    data("Microsoft Office 97-2003", EXTRACT, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Signature),
    // Office and OpenDocument files are zip archives whose first member has a name of its own.
    data("OOXML (docx, xlsx, pptx)", EXTRACT, 0, b"PK\x03\x04", And(30, b"[Content_Types].xml")),
    data("EPUB", EXTRACT, 0, b"PK\x03\x04", And(30, b"mimetypeapplication/epub+zip")),
    data("OpenDocument", EXTRACT, 0, b"PK\x03\x04", And(30, b"mimetypeapplication/vnd.oasis")),
    data("zip", UNPACK, 0, b"PK\x03\x04", Signature),
    data("zip", UNPACK, 0, b"PK\x05\x06", NotText),
    data("7z", UNPACK, 0, b"7z\xbc\xaf\x27\x1c", Signature),
    data("RAR", UNPACK, 0, b"Rar!\x1a\x07", Signature),
    data("lzip", REPACK, 0, b"LZIP\x01", Signature),
    data("LZ4", REPACK, 0, b"\x04\x22\x4d\x18", Signature),
    data("Snappy", REPACK, 0, b"\xff\x06\0\0sNaPpY", Signature),
    data("compress (.Z)", REPACK, 0, b"\x1f\x9d", Signature),
    other("a PNG image", 0, b"\x89PNG\r\n\x1a\n", Signature),
    other("a JPEG image", 0, b"\xff\xd8\xff", Signature),
    other("a GIF image", 0, b"GIF87a", NotText),
    other("a GIF image", 0, b"GIF89a", NotText),
    other("a WebP image", 0, b"RIFF", And(8, b"WEBP")),
    other("WAV sound", 0, b"RIFF", And(8, b"WAVE")),
    other("an AVI video", 0, b"RIFF", And(8, b"AVI ")),
    other("a TIFF image", 0, b"II*\0", Signature),
    other("a TIFF image", 0, b"MM\0*", Signature),
    other("a BMP image", 0, b"BM", And(6, b"\0\0\0\0")),
    other("an icon", 0, b"\0\0\x01\0", Signature),
    other("an ISO media file (MP4, MOV, HEIC)", 4, b"ftyp", NotText),
    other("Ogg media", 0, b"OggS\0", Signature),
    other("FLAC sound", 0, b"fLaC\0", Signature),
    other("MP3 sound", 0, b"ID3", NotText),
    other("a Matroska video", 0, b"\x1a\x45\xdf\xa3", Signature),
    other("an ELF program", 0, b"\x7fELF", Signature),
    other("a Windows program", 0, b"MZ", NotText),
    other("a Mach-O program", 0, b"\xcf\xfa\xed\xfe", Signature),
    other("a Mach-O program", 0, b"\xca\xfe\xba\xbe\0\0\0", Signature),
    other("a Java class", 0, b"\xca\xfe\xba\xbe", Signature),
    other("WebAssembly", 0, b"\0asm", Signature),
    other("a GGUF model", 0, b"GGUF", NotText),
    other("a font", 0, b"wOFF", NotText),
    other("a font", 0, b"wOF2", NotText),
    other("a font", 0, b"OTTO\0", Signature),
    other("a font", 0, b"\0\x01\0\0\0", Signature),
];

/// The format that `head`, the first bytes of a file, proves.
pub(crate) fn recognise(head: &[u8]) -> Option<&'static Known> {
    let has = |at: usize, bytes: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(bytes));
    KNOWN.iter().find(|known| {
        has(known.signature.0, known.signature.1)
            && match known.proof {
                Signature => true,
                NotText => !is_text(head),
                And(at, bytes) => has(at, bytes),
            }
    })
}

/// Whether `head` may be the beginning of a text: UTF-8 without the control characters that texts do not have. A
/// character that the end of `head` cuts in two is none against it.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    };
    valid && !head.iter().any(|&b| matches!(b, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
}

/// The name of the wide encoding that `head` is in: by its byte order mark, or by zeros that are where they are in
/// mostly Latin text.
pub(crate) fn wide_encoding(head: &[u8]) -> Option<(&'static str, bool)> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return Some(("UTF-32LE", true)),
        [0, 0, 0xfe, 0xff, ..] => return Some(("UTF-32BE", true)),
        [0xff, 0xfe, ..] => return Some(("UTF-16LE", true)),
        [0xfe, 0xff, ..] => return Some(("UTF-16BE", true)),
        _ => {}
    }
    // Only zeros tell, and most files have none.
    memchr::memchr(0, head)?;
    // How many zeros there are at each offset of four.
    let quads = head.chunks_exact(4);
    let n = quads.len();
    let mut zeros = [0; 4];
    for quad in quads {
        for (zeros, &byte) in zeros.iter_mut().zip(quad) {
            *zeros += usize::from(byte == 0);
        }
    }
    let most = |i: usize| n >= 2 && zeros[i] * 10 >= n * 7;
    let none = |i: usize| zeros[i] == 0;
    match () {
        () if none(0) && most(1) && most(2) && zeros[3] == n => Some(("UTF-32LE", false)),
        () if zeros[0] == n && most(1) && most(2) && none(3) => Some(("UTF-32BE", false)),
        () if none(0) && most(1) && none(2) && most(3) => Some(("UTF-16LE", false)),
        () if most(0) && none(1) && most(2) && none(3) => Some(("UTF-16BE", false)),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(head: &[u8]) -> Option<&'static str> {
        recognise(head).map(|known| known.name)
    }

    #[test]
    fn what_files_begin_with() {
        let zip = |member: &str| {
            let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
            zip.resize(30, 0);
            zip.extend_from_slice(member.as_bytes());
            zip
        };
        let heads: &[(&[u8], &str)] = &[
            (b"FEA1\0\0\0\0", "Feather V1"),
            (b"ORC\x08\x03", "ORC"),
            (b"Obj\x01\x04", "Avro"),
            (b"WARC/0.18\r\nWARC-Type: warcinfo\r\n", "WARC 0"),
            (b"SQLite format 3\0\x10", "SQLite"),
            (b"%PDF-1.7\n", "PDF"),
            (&zip("[Content_Types].xml"), "OOXML (docx, xlsx, pptx)"),
            (&zip("mimetypeapplication/epub+zipPK"), "EPUB"),
            (&zip("META-INF/"), "zip"),
            (b"LZIP\x01\x0c", "lzip"),
            (b"\x93NUMPY\x01\0v\0{'descr'", "NumPy"),
            (b"\x89PNG\r\n\x1a\n\0", "a PNG image"),
            (b"GIF89a\x01\0\x01\0", "a GIF image"),
            (b"BM\x46\0\0\0\0\0\0\0\x36", "a BMP image"),
            (b"\0\0\0\x20ftypisom\0", "an ISO media file (MP4, MOV, HEIC)"),
            (b"\x7fELF\x02\x01\x01\0", "an ELF program"),
            (b"MZ\x90\0\x03", "a Windows program"),
        ];
        for (head, expected) in heads {
            assert_eq!(name(head), Some(*expected), "{head:?}");
        }
    }

    #[test]
    fn texts_are_none_of_them() {
        for text in [
            "",
            "PAR1 is a gene.",
            "PARE",
            "FEA1: finite elements",
            "ORC",
            "BZh9 is how it begins",
            "BMW makes cars, BM\0",
            "GIF89a is a format",
            "ID3 tags",
            "MZ",
            "wOFF",
            "Rar! he said",
            "RIFF raff",
            "7z",
            "SQLite format 3",
            "the ftyp box",
            "\u{feff}text",
        ] {
            assert_eq!(name(text.as_bytes()), None, "{text}");
        }
        let mut long = "a".repeat(257);
        long.push_str("ustar");
        assert_eq!(name(long.as_bytes()), None);
    }

    /// Every signature finds itself in the table, so that none is hidden behind another.
    #[test]
    fn every_row_is_reached() {
        for known in KNOWN {
            let mut head = vec![0x01; 512];
            let mut put =
                |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
            if let And(at, bytes) = known.proof {
                put(at, bytes);
            }
            put(known.signature.0, known.signature.1);
            assert_eq!(recognise(&head), Some(known), "{}", known.name);
        }
    }

    #[test]
    fn text_is_told_from_bytes() {
        for text in ["", "abc\r\n\t\x0c\x0b", "\x1b[1m", "中文", "é"] {
            assert!(is_text(text.as_bytes()), "{text:?}");
        }
        // A character cut in two is text; the same bytes before another are none.
        assert!(is_text(&"中".as_bytes()[..2]));
        for bytes in [&b"\0"[..], b"a\x01", b"\xff", b"\xe4\xb8a", b"\x7f"] {
            assert!(!is_text(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn wide_encodings() {
        let wide = |text: &str, size: usize, big: bool| -> Vec<u8> {
            let units: Vec<u32> = match size {
                2 => text.encode_utf16().map(u32::from).collect(),
                _ => text.chars().map(u32::from).collect(),
            };
            let bytes = |unit: u32| match big {
                true => unit.to_be_bytes()[4 - size..].to_vec(),
                false => unit.to_le_bytes()[..size].to_vec(),
            };
            units.into_iter().flat_map(bytes).collect()
        };
        for (size, big, name) in [
            (2, false, "UTF-16LE"),
            (2, true, "UTF-16BE"),
            (4, false, "UTF-32LE"),
            (4, true, "UTF-32BE"),
        ] {
            let text = "Plain words, a naïve café, and 中.\n";
            assert_eq!(wide_encoding(&wide(text, size, big)), Some((name, false)));
            let marked = format!("\u{feff}{text}");
            assert_eq!(wide_encoding(&wide(&marked, size, big)), Some((name, true)));
        }
        for bytes in [&b""[..], b"text", b"a\0b", b"nul \0 in text that goes on", &[0; 64]] {
            assert_eq!(wide_encoding(bytes), None, "{bytes:?}");
        }
    }
}
