//! Records in parts held against the reader of whole records: the same rows, and the same words where there is none.

use fasttok_engine::Utf8Errors::{self, Replace, Strict};
use fasttok_testing::Random;

use super::json_parts::ObjectParts;
use super::jsonl::JsonlReader;
use crate::record::{Fields, FieldsMet, RecordReader};

/// The text and the values, or the reason in words.
type Read = Result<Option<(String, Vec<Option<String>>)>, String>;

fn fields(text: &str, groups: &[&str]) -> Fields {
    let groups = groups.iter().map(|group| Fields::path(group)).collect();
    Fields { text: Fields::path(text), groups, ..Fields::default() }
}

fn whole(record: &str, fields: &Fields, errors: Utf8Errors) -> (Read, FieldsMet) {
    let mut reader = JsonlReader::new(fields, "line");
    let read = match reader.read(record, errors) {
        Ok(row) => Ok(row.map(|row| (row.text.to_owned(), row.values.to_vec()))),
        Err(bad) => Err(format!("{:?}: {}", bad.reason, bad.detail)),
    };
    (read, reader.fields_met())
}

/// Pushed in parts of up to `most` bytes.
fn in_parts(
    record: &str,
    fields: &Fields,
    errors: Utf8Errors,
    most: usize,
    random: &mut Random,
) -> (Read, FieldsMet) {
    let mut parts = ObjectParts::begin(fields, "line", errors).unwrap();
    let mut texts = std::collections::HashMap::<usize, String>::new();
    let (mut none, mut slot) = (String::new(), usize::MAX);
    let mut rest = record;
    while !rest.is_empty() {
        let mut end = (1 + random.below(most)).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (mut part, after) = rest.split_at(end);
        rest = after;
        while !part.is_empty() {
            let (done, begins) = parts.push(part, texts.get_mut(&slot).unwrap_or(&mut none));
            part = &part[done..];
            if let Some(begun) = begins {
                slot = begun;
                texts.insert(slot, String::new());
            }
        }
    }
    assert_eq!(none, "");
    let end = parts.end();
    let read = match end.row {
        Ok(Some(row)) => Ok(Some((texts.remove(&end.text).unwrap(), row.values))),
        Ok(None) => Ok(None),
        Err(bad) => Err(format!("{:?}: {}", bad.reason, bad.detail)),
    };
    let mut met = end.met;
    met.met.resize(fields.names().len(), false);
    (read, met)
}

fn string(random: &mut Random) -> String {
    let bits = [
        "a",
        "word ",
        "ä",
        "中文",
        "😀",
        r"\n",
        r"\\",
        r#"\""#,
        r"\/",
        r"\u00e9",
        r"\u4E2D",
        r"\ud83d\ude00",
        r"\ud83d",
        r"\ude00",
        r"\u0000",
        "NaN",
        "{",
        "]",
        ",",
        ":",
    ];
    let mut to = String::from('"');
    // Some are so long that they are taken out of the record.
    let most = if random.below(4) == 0 { 80 } else { 9 };
    for _ in 0..random.below(most) {
        // Halves of pairs less often than the rest.
        let bit = bits[random.below(bits.len())];
        if !(bit.len() == 6 && bit.starts_with(r"\ud") || bit == r"\ude00") || random.below(4) == 0
        {
            to.push_str(bit);
        }
    }
    to + "\""
}

fn blanks(random: &mut Random) -> &'static str {
    ["", "", "", "", " ", "\t", "\r", "  "][random.below(8)]
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 3 { 5 } else { 8 }) {
        0 => ["null", "true", "false"][random.below(3)].to_owned(),
        1 => ["0", "-1", "12.50", "1e9", "-0.0E-7", "3E+2", "1234567890123456789012"]
            [random.below(7)]
        .to_owned(),
        2..5 => string(random),
        5 => {
            let values: Vec<_> = (0..random.below(4))
                .map(|_| {
                    format!("{}{}{}", blanks(random), value(random, depth + 1), blanks(random))
                })
                .collect();
            format!("[{}{}]", blanks(random), values.join(","))
        }
        _ => object(random, depth + 1),
    }
}

fn object(random: &mut Random, depth: usize) -> String {
    let names = [
        r#""text""#,
        r#""text""#,
        r#""te\u0078t""#,
        r#""meta""#,
        r#""meta""#,
        r#""lang""#,
        r#""meta.text""#,
        r#""meta.lang""#,
        r#""\ud800""#,
        r#""""#,
        r#""a name that nobody asks for""#,
    ];
    let members: Vec<_> = (0..random.below(7))
        .map(|_| {
            let value = match random.below(4) {
                0 => string(random),
                1 => {
                    let list: Vec<_> = (0..random.below(4)).map(|_| string(random)).collect();
                    format!("[{}]", list.join(" , "))
                }
                _ => value(random, depth),
            };
            let name = names[random.below(names.len())];
            let mut blank = || blanks(random);
            format!("{}{name}{}:{}{value}{}", blank(), blank(), blank(), blank())
        })
        .collect();
    format!("{{{}{}}}", blanks(random), members.join(","))
}

/// Records as they may be and with damage, cut anywhere.
#[test]
fn the_same_as_whole() {
    let damage = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "1",
        ".",
        "e",
        "-",
        "+",
        "n",
        "u",
        "/",
        "x",
        " ",
        "\u{1}",
        "NaN",
        "Infinity",
        "-Infinity",
        "ä",
        r"\u12",
        "null",
        "\u{7f}",
    ];
    let wanted = [
        fields("text", &[]),
        fields("text", &["lang", "meta.lang", "meta"]),
        fields("meta.text", &["text", "meta.lang"]),
        fields("meta.text", &["meta.text", "lang"]),
    ];
    let mut random = Random::new(11);
    let (mut good, mut bad) = (0, 0);
    for i in 0..120_000 {
        let mut record = match random.below(12) {
            0 => value(&mut random, 0),
            _ => object(&mut random, 0),
        };
        record = format!("{}{record}{}", blanks(&mut random), blanks(&mut random));
        for _ in 0..random.below(3) {
            let mut at = random.below(record.len() + 1);
            while !record.is_char_boundary(at) {
                at -= 1;
            }
            let bit = damage[random.below(damage.len())];
            match random.below(3) {
                0 => record.insert_str(at, bit),
                1 => record.truncate(at),
                _ if at < record.len() => {
                    record.remove(at);
                }
                _ => {}
            }
        }
        let fields = &wanted[random.below(wanted.len())];
        let errors = if random.below(3) == 0 { Replace } else { Strict };
        let expected = whole(&record, fields, errors);
        let most = [1, 2, 3, 7, 40, 1000][random.below(6)];
        let found = in_parts(&record, fields, errors, most, &mut random);
        assert_eq!(found, expected, "{i} {record:?} {fields:?}");
        match expected.0 {
            Ok(Some(_)) => good += 1,
            _ => bad += 1,
        }
    }
    assert!(good > 10_000 && bad > 50_000, "{good} {bad}");
}

/// Every cut of records that are full of what may be cut.
#[test]
fn cut_at_every_byte() {
    let f = fields("text", &["g"]);
    for record in [
        r#"{"text":"\ud83d\ude00\\\"\u00e9\ud83d😀","g":"\ud83d\ude00\n"}"#,
        r#"{"g":-0.25e+10,"te\u0078t":"aä中😀\/","g":[1,{"x":null}]}"#,
        r#"{"text":"a","g":-Infinity}"#,
        r#"{"text":"a","g":[NaN]}"#,
        r#"{"text":"a","g":tru}"#,
    ] {
        for errors in [Strict, Replace] {
            let expected = whole(record, &f, errors);
            for cut in (1..record.len()).filter(|&cut| record.is_char_boundary(cut)) {
                let mut parts = ObjectParts::begin(&f, "line", errors).unwrap();
                let mut text = String::new();
                for mut part in [&record[..cut], &record[cut..]] {
                    while !part.is_empty() {
                        let (done, begins) = parts.push(part, &mut text);
                        part = &part[done..];
                        if begins.is_some() {
                            text.clear();
                        }
                    }
                }
                let end = parts.end();
                let read = match end.row {
                    Ok(row) => Ok(row.map(|row| (text, row.values))),
                    Err(bad) => Err(format!("{:?}: {}", bad.reason, bad.detail)),
                };
                assert_eq!(read, expected.0, "{record} {cut}");
            }
        }
    }
}

/// What is nested without end takes a bit a bracket, and names and values that nobody asks for take nothing.
#[test]
fn deep_and_long() {
    let f = fields("text", &["g"]);
    let mut random = Random::new(5);
    for record in [
        format!(r#"{{"a":{}{},"text":"x"}}"#, "[".repeat(300_000), "]".repeat(300_000)),
        format!(r#"{{"a":{}1{},"text":"x"}}"#, r#"{"text":"#.repeat(9999), "}".repeat(9999)),
        "[".repeat(300_000),
        r#"{"a":"#.repeat(100_000),
        format!(r#"{{"{}":1,"text":"{}"}}"#, r"\u0074".repeat(5000), "x".repeat(70_000)),
    ] {
        let expected = whole(&record, &f, Strict);
        assert_eq!(in_parts(&record, &f, Strict, 5000, &mut random), expected);
    }
}
