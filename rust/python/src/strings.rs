//! Reading a Python `str` without a copy. The `unsafe` of the bindings is here, in `arrow` (columns of other
//! libraries).
//!
//! The stable ABI offers two ways to the characters of a `str`: `PyUnicode_AsUTF8AndSize`, which
//! leaves a UTF-8 copy in every non-ASCII object for as long as the object lives, and
//! `PyUnicode_AsUTF8String`, which makes a temporary `bytes`. The first doubles the memory of
//! whoever passes a list, the second costs a copy while the GIL is held.
//!
//! So the object is read where it is: CPython 3.10 to 3.14 keep the characters of a compact `str`
//! right after its header, as bytes (ASCII or Latin-1), 16-bit or 32-bit units. Before that is ever
//! used, [`choose_reader`] reads strings of every kind on the running interpreter and compares
//! the outcome with `str.encode`. A difference, or an interpreter that is not known, and
//! everything goes the plain way, through `PyUnicode_AsUTF8String`.
//!
//! This module knows neither tokens nor threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use fasttok_parallel::{Latin1, StoredText};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::document::Document;

/// Where the header of a `str` keeps what; the same for all objects of one interpreter.
#[derive(Debug, Clone, Copy)]
struct Layout {
    /// Size of `PyASCIIObject`: where the characters of an ASCII `str` begin.
    ascii_data: usize,
    /// Size of `PyCompactUnicodeObject`: where those of any other compact `str` begin.
    compact_data: usize,
}

/// Offset of `PyASCIIObject.state`: after the object head, the length and the hash.
const STATE: usize = 32;
const STATE_KIND_SHIFT: u32 = 2;
const STATE_KIND_MASK: u32 = 0b111;
const STATE_COMPACT: u32 = 1 << 5;
const STATE_ASCII: u32 = 1 << 6;
/// Before Python 3.12 only: the object is in its final form.
const STATE_READY: u32 = 1 << 7;

/// Python 3.10 and 3.11 have the fields `wstr` and `wstr_length`.
const WITH_WSTR: Layout = Layout { ascii_data: 48, compact_data: 72 };
/// Python 3.12 to 3.14.
const WITHOUT_WSTR: Layout = Layout { ascii_data: 40, compact_data: 56 };

/// The reader in use: [`PLAIN`], or which layout.
static READER: AtomicUsize = AtomicUsize::new(PLAIN);
const PLAIN: usize = 0;
const DIRECT_WITH_WSTR: usize = 1;
const DIRECT_WITHOUT_WSTR: usize = 2;

fn layout() -> Option<Layout> {
    match READER.load(Ordering::Relaxed) {
        DIRECT_WITH_WSTR => Some(WITH_WSTR),
        DIRECT_WITHOUT_WSTR => Some(WITHOUT_WSTR),
        _ => None,
    }
}

/// Chooses the direct reader where it is proven on this interpreter, the plain one elsewhere.
pub fn choose_reader(py: Python<'_>) -> PyResult<()> {
    READER.store(PLAIN, Ordering::Relaxed);
    if !(cfg!(target_pointer_width = "64") && cfg!(target_endian = "little")) {
        return Ok(());
    }
    let sys = py.import("sys")?;
    let implementation: String = sys.getattr("implementation")?.getattr("name")?.extract()?;
    let gil = match sys.getattr_opt("_is_gil_enabled")? {
        Some(enabled) => enabled.call0()?.extract::<bool>()?,
        None => true,
    };
    // Debug builds that trace references have a longer object head.
    let traced = sys.hasattr("getobjects")?;
    let version = py.version_info();
    let candidate = match (version.major, version.minor) {
        (3, 10 | 11) => DIRECT_WITH_WSTR,
        (3, 12..=14) => DIRECT_WITHOUT_WSTR,
        _ => return Ok(()),
    };
    if implementation != "cpython" || !gil || traced {
        return Ok(());
    }
    let layout = if candidate == DIRECT_WITH_WSTR { WITH_WSTR } else { WITHOUT_WSTR };
    if agrees_with_encode(py, layout)? {
        READER.store(candidate, Ordering::Relaxed);
    }
    Ok(())
}

/// Holds the direct reader against `str.encode` on strings of every kind.
fn agrees_with_encode(py: Python<'_>, layout: Layout) -> PyResult<bool> {
    let samples = [
        "",
        "a",
        "plain ASCII, longer than any header of an object, to see that the data is one run 0123456789",
        "\u{0}\u{7f}",
        "é",
        "\u{80}\u{ff} Latin-1 ÀÉÎÕÜ ß and ASCII between them, and some more to be long enough",
        "Ā",
        "统计 tokens 的数量, ελληνικά, кириллица, \u{0} \u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}",
        "\u{10000}",
        "🐈 and 👩‍👩‍👧 and \u{10ffff}, é, 字, a\u{0}",
    ];
    for sample in samples {
        // An object of its own, not one that is cached or that already has a UTF-8 copy.
        let text = PyBytes::new(py, sample.as_bytes())
            .call_method1("decode", ("utf-8",))?
            .cast_into::<PyString>()?;
        // SAFETY: `text` is an exact `str`, held until the end of the block.
        let Some(document) = (unsafe { read(&text, layout) }) else {
            return Ok(false);
        };
        let mut scratch = Vec::new();
        let errors = fasttok_engine::Utf8Errors::Strict;
        let same = match document.decode(0..document.len(), errors, &mut scratch) {
            Ok(read) => read == sample && document.len() == sample.chars().count(),
            Err(_) => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The characters of `text` where they are, or `None` where only [`encode`] can read them: a
/// subclass of `str`, an object of a legacy form, an interpreter that is not known.
///
/// The result borrows from the object: whoever holds it holds a reference, and a `str` with more
/// than one reference never changes.
pub fn borrow<'a>(text: &'a Bound<'_, PyString>) -> Option<Document<'a>> {
    let layout = layout()?;
    if !text.is_exact_instance_of::<PyString>() {
        return None;
    }
    // SAFETY: `text` is an exact `str`, and `layout` was proven for this interpreter.
    unsafe { read(text, layout) }
}

/// The safe form of [`borrow`]: a temporary `bytes` with the UTF-8 of `text`. Lone surrogates raise
/// `UnicodeEncodeError`.
pub fn encode<'py>(text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
    text.encode_utf8()
}

/// # Safety
///
/// `text` must be an exact `str` (not of a subclass), and `layout` that of the running interpreter.
unsafe fn read<'a>(text: &'a Bound<'_, PyString>, layout: Layout) -> Option<Document<'a>> {
    let object = text.as_ptr();
    // SAFETY: `object` is a `str`, and the GIL is held, as `text` shows.
    let length = usize::try_from(unsafe { ffi::PyUnicode_GetLength(object) }).ok()?;
    let object = object.cast::<u8>().cast_const();
    // SAFETY: every `str` has at least a `PyASCIIObject`, whose field `state` is a `u32` there.
    let state = unsafe { object.add(STATE).cast::<u32>().read() };
    let compact = state & STATE_COMPACT != 0;
    let ready = layout.ascii_data != WITH_WSTR.ascii_data || state & STATE_READY != 0;
    if !compact || !ready {
        return None;
    }
    let kind = (state >> STATE_KIND_SHIFT) & STATE_KIND_MASK;
    let data = match state & STATE_ASCII {
        0 => layout.compact_data,
        _ => layout.ascii_data,
    };
    // SAFETY: a compact `str` has its characters in the same allocation, right after its header.
    let data = unsafe { object.add(data) };
    match (kind, state & STATE_ASCII != 0) {
        // SAFETY: a `str` of this kind has `length` units of one byte at `data`, all below 0x80.
        (1, true) => Some(Document::Ascii(unsafe { ascii(units(text, data, length)) })),
        // SAFETY: it has `length` units of one byte.
        (1, false) => Some(Document::Latin1(Latin1(unsafe { units(text, data, length) }))),
        // SAFETY: it has `length` units of two bytes; headers are multiples of 8 bytes long.
        (2, false) => Some(Document::Ucs2(unsafe { units(text, data, length) })),
        // SAFETY: it has `length` units of four bytes.
        (4, false) => Some(Document::Ucs4(unsafe { units(text, data, length) })),
        _ => None,
    }
}

/// # Safety
///
/// `data` must point to `length` aligned values `T` that belong to `text`. They may be read as long
/// as the reference `text` lives: a `str` never changes, but for the one case that CPython resizes
/// it in place, which it does only where it holds the single reference.
unsafe fn units<'a, T>(text: &'a Bound<'_, PyString>, data: *const u8, length: usize) -> &'a [T] {
    let _ = text;
    // SAFETY: as demanded of the caller.
    unsafe { std::slice::from_raw_parts(data.cast(), length) }
}

/// # Safety
///
/// All of `bytes` must be below 0x80. CPython sets the ASCII flag of a `str` only where they are, and
/// reads the object as UTF-8 itself.
unsafe fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii());
    // SAFETY: ASCII is UTF-8.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

/// What the direct reader sees in ``text``: its kind and its UTF-8. For tests.
#[pyfunction]
pub fn _read_str<'py>(
    text: &Bound<'py, PyString>,
) -> PyResult<Option<(&'static str, Bound<'py, PyBytes>)>> {
    let Some(document) = borrow(text) else {
        return Ok(None);
    };
    let kind = match document {
        Document::Ascii(_) => "ascii",
        Document::Latin1(_) => "latin1",
        Document::Ucs2(_) => "ucs2",
        Document::Ucs4(_) => "ucs4",
        Document::Bytes(_) | Document::Utf8(_) => "utf8",
    };
    let mut scratch = Vec::new();
    let errors = fasttok_engine::Utf8Errors::Replace;
    let utf8 = match document.decode(0..document.len(), errors, &mut scratch) {
        Ok(utf8) => utf8,
        Err(_) => return Ok(None),
    };
    Ok(Some((kind, PyBytes::new(text.py(), utf8.as_bytes()))))
}
