//! What an input is taken for: the format by which it is read, an entry of the ledger, or nothing at all.
//!
//! Decided once for each input, by what the job says, its name and its first bytes, and never by how it is cut into
//! chunks. Knows formats and first bytes; counts nothing and reads no further than it must.

use fasttok_engine::Utf8Errors;

use crate::format::{self, Formats, has_text_column, looks_like_json};
use crate::record::{Fields, FormatId};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{
    HEAD, Input, InputKind, Opened, is_text, packing, recognise as known_format, unsupported,
    wide_encoding,
};

/// A first line or element longer than this is not looked at further: a file that begins with one is plain text.
const FIRST_LINE: usize = 16 << 20;

/// The suffixes of tables, their formats and their delimiters.
const TABLES: [(&str, &str, u8); 3] =
    [("csv", "csv", b','), ("tsv", "tsv", b'\t'), ("tab", "tsv", b'\t')];

/// What an input is taken for.
pub(crate) enum Taken<T> {
    /// To be read: by this format, or by what it makes.
    As(T),
    /// A binary file that a walk met.
    Binary,
    /// A compressed file that a walk met and that holds no records, or an archive.
    Compressed,
}

/// Says what `input` is, of which `opened` shows the beginning.
pub(crate) fn recognise(
    input: &Input,
    opened: &mut Opened,
    formats: &Formats,
) -> Result<Taken<FormatId>, Unread> {
    opened.decode_utf16(match formats.is_strict {
        true => Utf8Errors::Strict,
        false => Utf8Errors::Replace,
    });
    let head = opened.reader.head();
    let extension = input.extension();
    let named = extension.as_deref().and_then(format::by_suffix);

    if let Some(begun) = format::by_beginning(head)
        && !(formats.forced.is_some() && is_text(head))
    {
        // Nothing else can be in it, whatever it is called.
        let name = format::format(begun).name();
        let is_archive = format::format(begun).is_archive();
        if is_archive && !formats.reads_archive(input) {
            return Ok(Taken::Compressed);
        }
        return match formats.forced {
            // That of an archive is the format of what is in it.
            Some(forced) if forced != begun && !is_archive => Err(Unread {
                format: None,
                bad: SkipReason::new(
                    Reason::UnsupportedFormat,
                    match format::format(forced).name() {
                        format::MESSAGES | format::MESSAGE_RECORDS => format!(
                            "not supported yet: messages in {name}; to count them, write the rows as JSON lines first"
                        ),
                        asked => format!(
                            "the file is {name}, and not {asked}; to count it, ask for no format"
                        ),
                    },
                ),
            }),
            _ => Ok(Taken::As(begun)),
        };
    }
    if let Some(known) = known_format(head)
        && !(formats.forced.is_some() && is_text(head))
    {
        // Whose name says that it holds records was meant to be read.
        if known.is_data || input.explicit || named.is_some() {
            return Err(Unread {
                format: Some(known.name),
                bad: unsupported(known, opened.packed),
            });
        }
        return Ok(Taken::Binary);
    }
    if let Some(packed) = opened.packed
        && let Some(inner) = packing(head)
    {
        let inner = inner.name;
        let detail = format!(
            "not supported yet: {inner} inside {packed}; to count it, unpack it once and name what comes out"
        );
        let bad = SkipReason::new(Reason::UnsupportedFormat, detail);
        return Err(Unread { format: Some("compressed twice"), bad });
    }
    if let Some((encoding, true)) = wide_encoding(head) {
        return Err(wide(encoding, "begins with its byte order mark"));
    }
    if !input.explicit && named.is_none() && memchr::memchr(0, head).is_some() {
        return Ok(Taken::Binary);
    }
    if let Some((encoding, false)) = wide_encoding(head) {
        return Err(wide(encoding, "has zeros where it has them"));
    }
    if formats.is_strict && named.is_none() && is_binary(head) {
        let detail =
            "binary data of no format that is known; to count it, name a file that holds text";
        let bad = SkipReason::new(Reason::UnsupportedFormat, detail);
        return Err(Unread { format: Some("unknown"), bad });
    }

    let format = match formats.forced.or(named) {
        Some(format) => format::in_layout(format, head),
        None => unnamed(input, extension.as_deref(), opened, formats),
    };
    if format::format(format).is_archive() && !formats.reads_archive(input) {
        return Ok(Taken::Compressed);
    }
    let is_records = format::format(format).has_fields();
    let is_wanted = input.unpack || formats.decompress || is_records || named.is_some();
    if opened.packed.is_some() && !is_wanted {
        return Ok(Taken::Compressed);
    }
    Ok(Taken::As(format))
}

/// The format of an input whose name says none, or only that it may be a table: JSON lines, other JSON, a table, or plain
/// text.
fn unnamed(
    input: &Input,
    extension: Option<&str>,
    opened: &mut Opened,
    formats: &Formats,
) -> FormatId {
    let named = |name: &str| format::by_name(name).unwrap_or(formats.plain);
    if let Some((_, table, delimiter)) =
        TABLES.iter().find(|(suffix, ..)| extension == Some(suffix))
    {
        let fields = formats.fields;
        let is_table = formats.asks_fields
            || decide(opened, &|head, whole| has_text_column(head, whole, fields, *delimiter));
        return if is_table { named(table) } else { formats.plain };
    }
    if !may_hold_records(input, extension) {
        return formats.plain;
    }
    if holds_records(opened, formats.fields) {
        return named("jsonl");
    }
    let is_asked = formats.asks_fields && input.explicit && begins_json(opened.reader.head());
    if is_asked || holds_json(opened, formats.fields) {
        return named("json");
    }
    formats.plain
}

/// An input that is not read, and what it is.
pub(crate) struct Unread {
    /// The format, where it is known and not read.
    pub format: Option<&'static str>,
    pub bad: SkipReason,
}

impl From<SkipReason> for Unread {
    fn from(bad: SkipReason) -> Unread {
        Unread { format: None, bad }
    }
}

fn wide(encoding: &str, why: &str) -> Unread {
    let detail = format!(
        "the file is {encoding}: it {why}; convert it, for instance with iconv -f {encoding} -t UTF-8"
    );
    Unread { format: None, bad: SkipReason::new(Reason::Utf16, detail) }
}

/// Whether these are bytes that nobody would want U+FFFD counted for.
fn is_binary(head: &[u8]) -> bool {
    memchr::memchr(0, head).is_some()
        && std::str::from_utf8(head).is_err_and(|e| e.error_len().is_some())
}

/// Whether the name leaves open that there are records: it is no name, has no extension, or is that of JSON.
fn may_hold_records(input: &Input, extension: Option<&str>) -> bool {
    input.kind != InputKind::File
        || input.path.starts_with("/dev")
        || matches!(extension, None | Some("json"))
}

/// Whether the input is JSON lines: its first two lines that are not blank each begin an object, and the first of them
/// ends one. No JSON value over several lines begins so, for a comma would have to be between the two. Of one line
/// alone, whether it is a record with the text field.
fn holds_records(opened: &mut Opened, fields: &Fields) -> bool {
    decide(opened, &|head, whole| looks_like_records(head, whole, fields))
}

/// Whether the input is an array of records, or records one after the other in any layout: by the first of them, which
/// must have the text field.
fn holds_json(opened: &mut Opened, fields: &Fields) -> bool {
    begins_json(opened.reader.head())
        && decide(opened, &|head, whole| {
            looks_like_json(head, whole, &|element| is_record(element, fields))
        })
}

/// What `answer` says of the beginning of the input, or of the whole of it; of so much that it says something.
fn decide(opened: &mut Opened, answer: &dyn Fn(&[u8], bool) -> Option<bool>) -> bool {
    let mut len = HEAD;
    loop {
        let (head, whole) = (opened.reader.head(), opened.reader.is_whole());
        match answer(head, whole) {
            Some(answer) => return answer,
            None if head.len() < len || len > FIRST_LINE => return false,
            None => len *= 2,
        }
        opened.reader.peek(len);
    }
}

/// The same of `head`, the beginning of an input or the `whole` of it; `None` where more must be read.
fn looks_like_records(head: &[u8], whole: bool, fields: &Fields) -> Option<bool> {
    if head.len() < 3 && !whole {
        return None;
    }
    let rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match begins_object(rest) {
        Some(true) => {}
        Some(false) => return Some(false),
        None => return whole.then_some(false),
    }
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return whole.then(|| is_record(rest, fields));
    };
    let (first, rest) = (rest[..end].trim_ascii_end(), rest[end..].trim_ascii_start());
    if !first.ends_with(b"}") {
        return Some(false);
    }
    match begins_object(rest) {
        Some(answer) => Some(answer),
        None if !whole => None,
        None => Some(rest.is_empty() && is_record(first, fields)),
    }
}

/// Whether these bytes begin a JSON object, or an array of objects or arrays.
fn begins_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let next = head.get(1..).and_then(|rest| rest.trim_ascii_start().first());
    match head.first() {
        Some(b'{') => matches!(next, Some(b'"' | b'}')),
        Some(b'[') => matches!(next, Some(b'{' | b'[')),
        _ => false,
    }
}

/// Whether `{` and then `"` or `}` come next, with blanks between; `None` where the bytes end before that is clear.
fn begins_object(bytes: &[u8]) -> Option<bool> {
    let (&first, rest) = bytes.split_first()?;
    if first != b'{' {
        return Some(false);
    }
    let blank = rest.iter().take_while(|&&b| matches!(b, b' ' | b'\t')).count();
    rest.get(blank).map(|&b| matches!(b, b'"' | b'}'))
}

/// Whether a line is a record with a text in it.
fn is_record(line: &[u8], fields: &Fields) -> bool {
    let Some(jsonl) = format::by_name("jsonl") else { return false };
    let mut reader = format::line_reader(jsonl, fields);
    std::str::from_utf8(line)
        .is_ok_and(|line| matches!(reader.read(line, Utf8Errors::Replace), Ok(Some(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields { text: Fields::path("text"), ..Fields::default() }
    }

    #[test]
    fn json_lines_are_told_from_json() {
        for (text, expected) in [
            ("{\"text\":\"a\"}\n{\"text\":\"b\"}\n", true),
            ("\u{feff}\n {\"a\":1} \r\n\r\n\t{ \"b\":2}", true),
            ("{\"text\":\"a\",\"n\":NaN}\n{\"text\":\"b\",\"n\":NaN}\n", true),
            ("{}\n{}\n", true),
            // One line.
            ("{\"text\":\"a\"}", true),
            ("{\"text\":\"a\"}\n\n", true),
            ("{\"body\":\"a\"}\n", false),
            ("{\"text\":1}\n", false),
            // JSON over several lines, in every layout.
            ("{\n \"text\": \"a\"\n}\n", false),
            ("{\"a\": {\"b\": 1},\n\"c\": 2}", false),
            ("{\"a\": [{\"b\": 1},\n{\"c\": 2}]}", false),
            ("{\"a\": [{\"b\": 1}\n,{\"c\": 2}]}", false),
            ("{\"a\": {\"b\": 1}\n}", false),
            ("[{\"text\":\"a\"},\n{\"text\":\"b\"}]", false),
            ("{\"text\":\"a\"}\nand so on", false),
            // Text.
            ("", false),
            ("{", false),
            ("{ {\n{ }\n", false),
            ("{braces}\n{braces}\n", false),
            ("text\n{\"text\":\"a\"}\n{\"text\":\"b\"}\n", false),
        ] {
            assert_eq!(
                looks_like_records(text.as_bytes(), true, &fields()),
                Some(expected),
                "{text:?}"
            );
            // With less of it the answer is the same, or that more must be read.
            for end in 0..text.len() {
                let part = looks_like_records(&text.as_bytes()[..end], false, &fields());
                assert!(part.is_none_or(|part| part == expected), "{text:?} {end}");
            }
        }
    }
}
