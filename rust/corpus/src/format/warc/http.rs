//! HTTP responses as records hold them: the text in one. A body of HTML is text as it is, tags and all; what a tag says of
//! the charset is not looked at.

use std::borrow::Cow;
use std::io::Read;

use encoding_rs::{Encoding, UTF_8};
use fasttok_engine::Utf8Errors;
use flate2::read::MultiGzDecoder;

use super::{MAX_HEADER, header_end, headers};
use crate::record::decoded;
use crate::skip_reason::{Reason, SkipReason};

/// What begins a response.
const VERSION: &[u8] = b"HTTP/";

/// The types of bodies that are texts.
const TEXTS: [&str; 2] = ["text/html", "text/plain"];

/// What the header of a response says of its body.
struct Head {
    len: usize,
    /// The type, in lower case and without parameters.
    kind: String,
    charset: Option<String>,
    is_chunked: bool,
    /// How it is packed, in the order in which that was done.
    packed: Vec<String>,
}

impl Head {
    fn is_text(&self) -> bool {
        TEXTS.contains(&self.kind.as_str())
    }
}

/// Whether the body of the response that `bytes` begin with is text; `None` where the header does not end in them.
pub(super) fn is_text(bytes: &[u8]) -> Option<bool> {
    match head(bytes) {
        Some(head) => Some(head.is_text()),
        // One that is longer is none.
        None => (bytes.len() > MAX_HEADER).then_some(true),
    }
}

/// The text of `response`; `None` where its body is none. No more than `max` bytes are unpacked.
pub(super) fn text(
    response: &[u8],
    errors: Utf8Errors,
    max: usize,
) -> Result<Option<Cow<'_, str>>, SkipReason> {
    if !response.starts_with(VERSION) {
        // Of another protocol, such as an answer of DNS.
        return Ok(None);
    }
    let Some(head) = head(response) else {
        let detail = "the header of the HTTP response does not end";
        return Err(SkipReason::new(Reason::Corrupt, detail));
    };
    if !head.is_text() {
        return Ok(None);
    }
    let mut body = Cow::Borrowed(&response[head.len..]);
    if head.is_chunked
        && let Some(whole) = unchunked(&body)?
    {
        body = Cow::Owned(whole);
    }
    for packing in head.packed.iter().rev() {
        if let Some(unpacked) = unpacked(&body, packing, max)? {
            body = Cow::Owned(unpacked);
        }
    }
    let encoding = match &head.charset {
        None => UTF_8,
        Some(charset) => Encoding::for_label(charset.as_bytes()).ok_or_else(|| {
            let detail = format!("not supported yet: an HTTP body in the charset {charset:?}");
            SkipReason::new(Reason::UnsupportedFormat, detail)
        })?,
    };
    let text = match body {
        _ if encoding != UTF_8 => {
            let (text, has_errors) = encoding.decode_without_bom_handling(&body);
            if has_errors && errors == Utf8Errors::Strict {
                let detail =
                    format!("the HTTP body is not {}, which it is said to be", encoding.name());
                return Err(SkipReason::new(Reason::InvalidUtf8, detail));
            }
            text.into_owned().into()
        }
        Cow::Borrowed(body) => decoded(body, errors)?,
        Cow::Owned(body) => decoded(&body, errors)?.into_owned().into(),
    };
    Ok(Some(text))
}

fn head(bytes: &[u8]) -> Option<Head> {
    let len = header_end(bytes)?;
    let text = String::from_utf8_lossy(&bytes[..len]);
    let (kind, charset, is_chunked, packed) = (String::new(), None, false, Vec::new());
    let mut head = Head { len, kind, charset, is_chunked, packed };
    // A line that is no header is none of these.
    for (name, value) in headers(&text).flatten() {
        let items = || value.split(',').map(|item| item.trim().to_ascii_lowercase());
        if name.eq_ignore_ascii_case("content-type") {
            let mut parts = value.split(';').map(str::trim);
            head.kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let charset =
                parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
                    let is_charset = name.trim().eq_ignore_ascii_case("charset");
                    is_charset.then(|| value.trim().trim_matches(['"', '\'']).to_owned())
                });
            head.charset = charset.filter(|charset| !charset.is_empty());
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            for item in items() {
                match item.as_str() {
                    "chunked" => head.is_chunked = true,
                    "identity" | "" => {}
                    _ => head.packed.push(item),
                }
            }
        } else if name.eq_ignore_ascii_case("content-encoding") {
            // It was done before the encoding for the transfer.
            let packed = items().filter(|item| !matches!(item.as_str(), "identity" | "" | "utf-8"));
            head.packed.splice(0..0, packed);
        }
    }
    Some(head)
}

/// The body without the sizes of its chunks; `None` where it does not begin with one: whoever wrote the file took them out
/// and left the header as it was.
fn unchunked(body: &[u8]) -> Result<Option<Vec<u8>>, SkipReason> {
    let wrong = |detail: &str| SkipReason::new(Reason::Corrupt, detail);
    let (mut whole, mut rest) = (Vec::new(), body);
    loop {
        let is_first = rest.len() == body.len();
        let end = memchr::memchr(b'\n', &rest[..rest.len().min(1 << 10)]);
        let size = end.and_then(|end| {
            let line = std::str::from_utf8(&rest[..end]).ok()?;
            let size = line.split(';').next()?.trim();
            let is_hex = !size.is_empty() && size.bytes().all(|b| b.is_ascii_hexdigit());
            Some((end + 1, usize::from_str_radix(size, 16).ok().filter(|_| is_hex)?))
        });
        let Some((data, size)) = size else {
            return match is_first {
                true => Ok(None),
                false => Err(wrong("a chunk of the HTTP body has no size")),
            };
        };
        if size == 0 {
            return Ok(Some(whole));
        }
        let chunk = data.checked_add(size).and_then(|end| rest.get(data..end));
        let chunk = chunk.ok_or_else(|| wrong("the HTTP body ends in a chunk"))?;
        whole.extend_from_slice(chunk);
        rest = &rest[data + size..];
        rest = rest.strip_prefix(b"\r").unwrap_or(rest);
        rest = rest
            .strip_prefix(b"\n")
            .ok_or_else(|| wrong("a chunk of the HTTP body is not as long as its size"))?;
    }
}

/// The body unpacked; `None` where it is so already, whatever its header says.
fn unpacked(body: &[u8], packing: &str, max: usize) -> Result<Option<Vec<u8>>, SkipReason> {
    if !matches!(packing, "gzip" | "x-gzip") {
        let detail = format!("not supported yet: an HTTP body in the encoding {packing:?}");
        return Err(SkipReason::new(Reason::UnsupportedFormat, detail));
    }
    if !body.starts_with(b"\x1f\x8b") {
        return Ok(None);
    }
    let mut whole = Vec::new();
    match MultiGzDecoder::new(body).take(max as u64 + 1).read_to_end(&mut whole) {
        Ok(_) if whole.len() > max => Err(SkipReason::record_too_large(max)),
        Ok(_) => Ok(Some(whole)),
        Err(e) => {
            let detail = format!("the HTTP body is damaged gzip: {e}");
            Err(SkipReason::new(Reason::Corrupt, detail))
        }
    }
}
