//! Records of every kind, good and bad, and the JSON reader held against serde_json's own idea of a value.

use fasttok_engine::Utf8Errors::{self, Replace, Strict};

use super::*;
use crate::record::{Fields, RecordReader, Row};
use crate::skip_reason::Reason;

/// Stands for a defect: a reader that panics.
pub(super) struct Panics;

impl Format for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn layout(&self) -> Layout {
        Layout::Stream(Framing::Lines, |_| Box::new(Panics))
    }
}

impl RecordReader for Panics {
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        _: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        panic!("at {record:?}")
    }
}

/// What reads the lines of the format of this name.
fn line_reader(name: &str, fields: &Fields) -> Box<dyn RecordReader> {
    super::line_reader(by_name(name).unwrap(), fields)
}

fn fields(text: &str, groups: &[&str]) -> Fields {
    Fields {
        text: Fields::path(text),
        groups: groups.iter().map(|g| Fields::path(g)).collect(),
        answer: None,
        more: Vec::new(),
    }
}

type Read = Result<Option<(String, Vec<Option<String>>)>, Reason>;

fn read_as(line: &str, fields: &Fields, errors: Utf8Errors) -> Read {
    let mut reader = line_reader("jsonl", fields);
    // Twice, for buffers are kept.
    let _ = reader.read(line, errors);
    match reader.read(line, errors) {
        Ok(row) => Ok(row.map(|row| (row.text.to_owned(), row.values.to_vec()))),
        Err(bad) => Err(bad.reason),
    }
}

fn text(line: &str) -> Result<Option<String>, Reason> {
    Ok(read_as(line, &fields("text", &[]), Strict)?.map(|(text, _)| text))
}

fn is(text: &str) -> Result<Option<String>, Reason> {
    Ok(Some(text.to_owned()))
}

#[test]
fn the_table_is_consistent() {
    assert_eq!(format_names()[..6], ["text", "lines", "jsonl", "json", "messages", "csv"]);
    for (id, format) in FORMATS.iter().enumerate() {
        // Layouts of one format stand together, and its name is that of the first.
        let first = by_name(format.name()).unwrap();
        assert!(FORMATS[first..=id].iter().all(|other| other.name() == format.name()));
        for suffix in format.suffixes() {
            assert_eq!(by_suffix(suffix), Some(id));
        }
    }
    assert_eq!(by_suffix("txt"), None);
}

#[test]
fn good_records() {
    assert_eq!(text(r#"{"text":"abc"}"#), is("abc"));
    assert_eq!(text("\t{ \"text\" : \"abc\" } \r"), is("abc"));
    assert_eq!(text(r#"{"text":""}"#), is(""));
    assert_eq!(text(r#"{"a":{"text":1},"text":"ä€😀","b":[{}]}"#), is("ä€😀"));
    assert_eq!(text(r#"{"te\u0078t":"by an escaped name"}"#), is("by an escaped name"));
    // The last of several, as in Python, also when it is worse.
    assert_eq!(text(r#"{"text":"a","text":"b"}"#), is("b"));
    assert_eq!(text(r#"{"text":"a","text":null}"#), Err(Reason::NullField));
    // Numbers that no machine type holds are JSON all the same.
    assert_eq!(text(r#"{"n":1e999,"m":-123456789012345678901234567890,"text":"x"}"#), is("x"));
}

#[test]
fn escapes() {
    assert_eq!(text(r#"{"text":"\"\\\/\b\f\n\r\t"}"#), is("\"\\/\u{8}\u{c}\n\r\t"));
    assert_eq!(text(r#"{"text":"\u4e2d\u6587 \u00E9\u0000 \ud83d\ude00!"}"#), is("中文 é\0 😀!"));
    // Escapes at every distance from the start and from the end of a block.
    for before in 0..20 {
        for after in 0..20 {
            let (a, z) = ("ж".repeat(before), "z".repeat(after));
            for (written, plain) in [(r"\n", "\n"), (r"\u20ac\\", "€\\"), (r"\ud83d\ude00", "😀")]
            {
                let line = format!(r#"{{"text":"{a}{written}{z}"}}"#);
                assert_eq!(text(&line), is(&format!("{a}{plain}{z}")));
            }
        }
    }
}

#[test]
fn blank_lines_are_no_rows() {
    for blank in ["", "\r", " \t "] {
        assert_eq!(text(blank), Ok(None));
    }
}

#[test]
fn broken_json_is_found_wherever_it_is() {
    for line in [
        "{",
        "x",
        "\u{feff}{}",
        r#"{"text":"abc""#,
        r#"{"text":"abc"#,
        r#"{"text":"abc"} x"#,
        r#"{"text":"abc"}{"text":"abc"}"#,
        r#"{"text":"abc",}"#,
        r#"{"text":"abc","a":01}"#,
        r#"{"text":"abc","a":1.}"#,
        r#"{"text":"abc","a":+1}"#,
        r#"{"text":"abc","a":NaN}"#,
        r#"{"text":"abc","a":[1,]}"#,
        r#"{"text":"abc","a":[1}}"#,
        r#"{"text":"abc","a":"\x"}"#,
        r#"{"text":"abc","a":"\uzzzz"}"#,
        r#"{"text":"abc","a":"\u12"}"#,
        r#"{"text":"abc","\u12":1}"#,
        "{\"text\":\"abc\",\"a\":\"\u{1}\"}",
        "{\"text\":\"a\u{1}bc\"}",
        "{\"te\u{1}xt\":\"abc\"}",
        r#"{'text':'abc'}"#,
        r#"{"text" "abc"}"#,
        r#"{text:"abc"}"#,
        r#"{"text":tru}"#,
    ] {
        assert_eq!(text(line), Err(Reason::BrokenJson), "{line}");
    }
    let mut reader = line_reader("jsonl", &fields("text", &[]));
    let bad = reader.read(r#"{"text":"abc","a":01}"#, Strict).unwrap_err();
    assert_eq!(bad.detail, "invalid number at byte 20 of the line");
}

#[test]
fn numbers_that_json_does_not_have_are_named() {
    let mut reader = line_reader("jsonl", &fields("text", &[]));
    let mut detail = |line: &str| reader.read(line, Strict).unwrap_err().detail;
    for value in ["NaN", "Infinity", "-Infinity"] {
        for (before, after) in
            [(r#"{"text":"a","score":"#, "}"), (r#"{"a":[1, "#, r#"],"text":"a"}"#), ("", "")]
        {
            let detail = detail(&format!("{before}{value}{after}"));
            assert!(detail.starts_with(&format!("{value} is not JSON")), "{detail}");
            let at = format!("at byte {} of the line", before.len() + 1);
            assert!(detail.ends_with(&at), "{value} {detail}");
        }
    }
    assert_eq!(detail(r#"{"text":Nothing}"#), "expected value at byte 9 of the line");
    // Inside a string they are text.
    assert_eq!(text(r#"{"text":"NaN, -Infinity"}"#), is("NaN, -Infinity"));
}

#[test]
fn fields_that_are_not_there_or_not_text() {
    assert_eq!(text(r#"{}"#), Err(Reason::MissingField));
    assert_eq!(text(r#"{"Text":"a","a":{"text":"b"}}"#), Err(Reason::MissingField));
    assert_eq!(text(r#"{"text":null}"#), Err(Reason::NullField));
    for value in ["1", "-1.5e3", "true", "false", "[1]", "[\"a\",[]]", "{\"a\":\"b\"}"] {
        assert_eq!(text(&format!(r#"{{"text":{value}}}"#)), Err(Reason::NotAString), "{value}");
    }
    for line in ["1", "null", "[1]", "\"text\"", "[{\"text\":\"a\"}]"] {
        assert_eq!(text(line), Err(Reason::NotAnObject), "{line}");
    }
    let mut reader = line_reader("jsonl", &fields("body", &[]));
    let bad = reader.read(r#"{"body":{}}"#, Strict).unwrap_err();
    assert_eq!(bad.detail, r#"field "body" is an object, not a string"#);
}

#[test]
fn lists_of_strings_are_joined() {
    assert_eq!(text(r#"{"text":[]}"#), is(""));
    assert_eq!(text(r#"{"text":["a"]}"#), is("a"));
    assert_eq!(text(r#"{"text":[ "a\n" ,"", "\u4e2d\\"]}"#), is("a\n\n\n中\\"));
    assert_eq!(text(r#"{"text":["a",null]}"#), Err(Reason::NullField));
    assert_eq!(text(r#"{"text":["\ud800"]}"#), Err(Reason::LoneSurrogate));
    let mut reader = line_reader("jsonl", &fields("body", &[]));
    let bad = reader.read(r#"{"body":["a",{}]}"#, Strict).unwrap_err();
    assert_eq!(bad.detail, r#"field "body" is a list with an object in it, not of strings"#);
    let bad = reader.read(r#"{"body":["a",null,1]}"#, Strict).unwrap_err();
    assert_eq!(bad.detail, r#"null is in the list that field "body" is"#);
    // One of several texts too.
    let several = Fields { more: vec![Fields::path("b")], ..fields("a", &[]) };
    let line = r#"{"b":["x","y"],"a":["u","v"]}"#;
    assert_eq!(read_as(line, &several, Strict), Ok(Some(("u\nv\nx\ny".into(), vec![]))));
}

#[test]
fn lone_surrogates() {
    for value in [r"\ud800", r"\udc00x", r"a\ud800\n", r"\ud83d\ud83d", r"\ud83dA", r"\udE00\uD83d"]
    {
        let line = format!(r#"{{"text":"{value}"}}"#);
        assert_eq!(text(&line), Err(Reason::LoneSurrogate), "{line}");
    }
    // Where nobody looks they are only JSON.
    assert_eq!(text(r#"{"\ud800":"\ud800","text":"x"}"#), is("x"));
    let f = fields("text", &["g"]);
    let line = r#"{"text":"x","g":"\ud800"}"#;
    assert_eq!(read_as(line, &f, Strict), Err(Reason::LoneSurrogate));
    assert_eq!(read_as(line, &f, Replace), Ok(Some(("x".into(), vec![Some("\u{fffd}".into())]))));
    let line = r#"{"text":"a\ud800b\udc00\ud83d\ude00\ud83d\ud83d\ude00"}"#;
    let expected = "a\u{fffd}b\u{fffd}😀\u{fffd}😀";
    assert_eq!(read_as(line, &fields("text", &[]), Replace).unwrap().unwrap().0, expected);
}

#[test]
fn group_values() {
    let f = fields("text", &["s", "n", "b", "z", "missing", "o", "meta.lang", "meta"]);
    let line =
        r#"{"s":"a\tb","n":1.50,"b":true,"z":null,"o":[1, 2],"text":"x","meta":{"lang":"zh"}}"#;
    let (_, values) = read_as(line, &f, Strict).unwrap().unwrap();
    let values: Vec<_> = values.iter().map(Option::as_deref).collect();
    assert_eq!(
        values,
        [
            Some("a\tb"),
            Some("1.50"),
            Some("true"),
            None,
            None,
            Some("[1, 2]"),
            Some("zh"),
            Some(r#"{"lang":"zh"}"#)
        ]
    );
    // Values of the record before do not stay.
    let mut reader = line_reader("jsonl", &f);
    reader.read(line, Strict).unwrap();
    let row = reader.read(r#"{"text":"y"}"#, Strict).unwrap().unwrap();
    assert!(row.values.iter().all(Option::is_none));
}

#[test]
fn nested_fields() {
    let f = fields("a.b.text", &["a.c"]);
    let line = r#"{"a":{"b":{"x":1,"text":"deep"},"c":2}}"#;
    assert_eq!(read_as(line, &f, Strict), Ok(Some(("deep".into(), vec![Some("2".into())]))));
    for line in [r#"{"a":{"b":"text"}}"#, r#"{"a":{"b":[]}}"#, r#"{"a":{"b":{}}}"#, r#"{"a":1}"#] {
        assert_eq!(read_as(line, &f, Strict), Err(Reason::MissingField), "{line}");
    }
    // A later value takes the place of an earlier one with all that was in it.
    let line = r#"{"a":{"b":{"text":"deep"}},"a":{}}"#;
    assert_eq!(read_as(line, &f, Strict), Err(Reason::MissingField));
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(text(&format!(r#"{{"a":{deep},"text":"x"}}"#)), is("x"));
    assert_eq!(text(&"[".repeat(1_000_000)), Err(Reason::BrokenJson));
    assert_eq!(text(&r#"{"a":"#.repeat(1_000_000)), Err(Reason::BrokenJson));
}

#[test]
fn lines_lose_their_end_and_nothing_else() {
    let mut reader = line_reader("lines", &Fields::default());
    for (record, text) in [("a", "a"), ("a\r", "a"), ("\ra\r\r", "\ra\r"), ("", ""), ("\r", "")] {
        assert_eq!(reader.read(record, Strict).unwrap().unwrap().text, text);
    }
}

/// What serde_json makes of the same line, as a value.
fn expected(line: &str) -> Read {
    let value: serde_json::Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(_) => return Err(Reason::BrokenJson),
    };
    let Some(object) = value.as_object() else {
        return Err(Reason::NotAnObject);
    };
    match object.get("text") {
        None => Err(Reason::MissingField),
        Some(serde_json::Value::Null) => Err(Reason::NullField),
        Some(serde_json::Value::String(text)) => Ok(Some((text.clone(), vec![]))),
        Some(serde_json::Value::Array(list)) => {
            let first = list.iter().find(|element| !element.is_string());
            match first {
                Some(serde_json::Value::Null) => Err(Reason::NullField),
                Some(_) => Err(Reason::NotAString),
                None => {
                    let texts: Vec<_> = list.iter().filter_map(|e| e.as_str()).collect();
                    Ok(Some((texts.join("\n"), vec![])))
                }
            }
        }
        Some(_) => Err(Reason::NotAString),
    }
}

/// Lines made from good ones by changing a few bytes: broken everywhere, and sometimes not broken at all.
#[test]
fn agrees_with_a_parser_of_values() {
    let seeds = [
        r#"{"id": 12.5e-3, "text": "a\n\"b\" \u00e9\ud83d\ude00 中文", "k": [true, null, {}]}"#,
        r#"{"a":{"text":"no"},"text":"yes\\","b":-0,"c":[[],[1,2.0,"x\/y"]]}"#,
        r#"{"text":null}"#,
        r#"{"t\u0065xt":"\t","é":"€"}"#,
    ];
    let bytes = b"\"\\{}[]:,0123456789.eE+-truefalsn u/b\t\r\x01";
    let mut random = fasttok_testing::Random::new(7);
    let (mut good, mut broken) = (0, 0);
    for _ in 0..60_000 {
        let mut line = seeds[random.below(seeds.len())].as_bytes().to_vec();
        for _ in 0..random.below(4) {
            let at = random.below(line.len().max(1));
            let byte = bytes[random.below(bytes.len())];
            match random.below(4) {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 if line.len() > 1 => drop(line.remove(at)),
                _ => line.truncate(at.max(1)),
            }
        }
        let Ok(line) = String::from_utf8(line) else {
            continue;
        };
        if line.trim().is_empty() {
            continue;
        }
        let found = read_as(&line, &fields("text", &[]), Strict);
        // Lone surrogates and numbers too large are no business of the grammar, but of values.
        let lenient = expected(&line);
        let value_only = lenient == Err(Reason::BrokenJson)
            && serde_json::from_str::<serde::de::IgnoredAny>(&line).is_ok();
        if !value_only {
            assert_eq!(found, lenient, "{line}");
        }
        match found {
            Ok(_) => good += 1,
            Err(_) => broken += 1,
        }
    }
    assert!(good > 5_000 && broken > 5_000, "{good} {broken}");
}
