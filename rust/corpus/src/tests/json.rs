//! JSON that is not lines: arrays, and objects one after the other.

use super::*;
use crate::position::At;

/// The ledger as (element, reason, detail).
fn rows(outcome: &Outcome) -> Vec<(u64, Reason, String)> {
    let row = |e: &crate::Entry| match e.position.at {
        At::Element(element) => (element, e.reason, e.detail.clone()),
        ref at => panic!("{at:?}"),
    };
    outcome.ledger.entries.iter().map(row).collect()
}

/// What is counted, and the ledger, of a file that is read as JSON.
fn read(text: &[u8]) -> (Vec<String>, Vec<(u64, Reason, String)>) {
    let folder = Folder::with("a.json", text);
    let job = Job { format: Some("json".into()), ..job(&[&folder.path("a.json")]) };
    let (texts, outcome) = read_in_chunks(&job);
    (texts, rows(&outcome))
}

#[test]
fn an_array_is_as_many_records() {
    for text in [
        r#"[{"text":"a"},{"text":"b\n]},{\""}]"#,
        "\u{feff} [\r\n {\"text\" : \"a\"} ,\r\n{\"x\":[{},[],{\"text\":\"[{\"}],\"text\":\"b\\n]},{\\\"\"}\n ] \n",
        "{\n  \"text\": \"a\"\n}\n{\n  \"text\": \"b\\n]},{\\\"\"\n}\n",
        "{\"text\":\"a\"}{\"text\":\"b\\n]},{\\\"\"}",
    ] {
        assert_eq!(read(text.as_bytes()), (vec!["a".into(), "b\n]},{\"".into()], vec![]), "{text}");
        // Recognised by its first element.
        let folder = Folder::with("a.json", text);
        folder.write("part", text);
        folder.write("b.json.gz", gz(text));
        assert_eq!(count(&folder.job()).totals.documents, 6, "{text}");
    }
    assert_eq!(read(b"[]"), (vec![], vec![]));
    assert_eq!(read(b" \n"), (vec![], vec![]));
    // Fields, and the array that is recognised by them.
    let folder = Folder::with("a.json", r#"[{"body":"a","l":"x"},{"body":"b","l":"y"},{"l":"y"}]"#);
    let named = Job {
        text_field: Some("body".into()),
        by: vec![Key::parse("l")],
        ..job(&[&folder.path("a.json")])
    };
    let outcome = count(&named);
    assert_eq!((outcome.groups.len(), outcome.ledger.counted), (2, 2));
    assert_eq!(rows(&outcome)[0].1, Reason::MissingField);
    // A field of one object is counted where that is named, and one that it lacks is an error; in a walk it is a text.
    let settings = "{\n\"name\": \"package\",\n\"n\": 1}";
    let folder = Folder::with("package.json", settings);
    let walk = Job { text_field: Some("name".into()), ..folder.job() };
    assert_eq!(count(&walk).totals, tally(&walk, [settings]));
    let named = Job { paths: vec![folder.path("package.json")], ..walk };
    assert_eq!(count(&named).totals, tally(&named, ["package"]));
}

#[test]
fn what_is_wrong_with_an_element_or_between_two_is_a_row() {
    use Reason::{BrokenJson, MissingField, NotAnObject, Truncated};
    let all = ["a", "b", "c"];
    for (text, counted, expected) in [
        (
            r#"[{"text":"a"} {"text":"x"},{"text":"b"}]"#,
            &all[..2],
            vec![(1, BrokenJson, "a comma is missing")],
        ),
        (
            r#"[{"text":"a"},{"text":"b"},]"#,
            &all[..2],
            vec![(2, BrokenJson, "a comma is before the end")],
        ),
        (
            r#"[,{"text":"a"},,{"text":"b"}]"#,
            &all[..2],
            vec![(0, BrokenJson, "nothing between"), (2, BrokenJson, "nothing between")],
        ),
        (
            r#"[{"text":"a"}] {"text":"b"}"#,
            &all[..1],
            vec![(1, BrokenJson, "follows the end of the array")],
        ),
        (
            r#"[{"text":"a"},{"text":"b"}"#,
            &all[..2],
            vec![(2, Truncated, "the array does not end")],
        ),
        (r#"[{"text":"a"},"#, &all[..1], vec![(1, Truncated, "the array does not end")]),
        ("[", &[], vec![(0, Truncated, "the array does not end")]),
        (r#"[{"text":"a"},{"text":"b"#, &all[..1], vec![(1, Truncated, "inside the element")]),
        (r#"{"text":"a"}{"text":"b"#, &all[..1], vec![(1, Truncated, "inside the element")]),
        (r#"{"text":"a"} 17"#, &all[..1], vec![(1, NotAnObject, "the element is a number")]),
        ("text", &[], vec![(0, BrokenJson, "neither an array nor an object")]),
        // The reader looks at every element.
        (
            r#"[{"text":"a"},1,"x",null,[{"text":"x"}],{"a":1},{"text":"b"}]"#,
            &all[..2],
            vec![
                (1, NotAnObject, "the element is a number"),
                (2, NotAnObject, "a string"),
                (3, NotAnObject, "null"),
                (4, NotAnObject, "an array"),
                (5, MissingField, ""),
            ],
        ),
        (
            "[{\"text\":\"a\"},{\n\"text\":\"x\",\n\"n\":NaN},{\"text\":\"b\"}]",
            &all[..2],
            vec![(
                1,
                BrokenJson,
                "NaN is not JSON (write null, or a string): expected value at byte 19 of the element",
            )],
        ),
        (
            r#"[{"text":"a"},{"text":"\x"},{"text":"b","n":01},{"text":"b"}]"#,
            &all[..2],
            vec![(1, BrokenJson, "invalid escape"), (2, BrokenJson, "invalid number")],
        ),
        // Where an element ends nobody can say: the rest is not read, and that is said.
        (
            r#"[{"text":"a"},{"text":"x","n":[1}},{"text":"b"}]"#,
            &all[..1],
            vec![(
                1,
                BrokenJson,
                r#"expected a comma or the end of the object or array and not '}' at byte 19 of the element; what follows in the file is not read"#,
            )],
        ),
        (
            r#"[{"text":"a"},{'text':'x'},{"text":"b"}]"#,
            &all[..1],
            vec![(1, BrokenJson, "expected a name in quotes")],
        ),
        (
            r#"[{"text":"a"}},{"text":"b"}]"#,
            &all[..1],
            vec![(1, BrokenJson, "expected a value and not '}' at byte 1")],
        ),
        // But for a line that begins as the element did.
        (
            "[\n  {\"text\": \"a\"},\n  {\n    \"text\": \"x,\n    \"n\": [\n      {\"text\": \"x\"}\n    ]\n  },\n  {\"text\": \"b\"}\n]",
            &all[..2],
            vec![(1, BrokenJson, "reading goes on at the next line")],
        ),
        (
            "{\"text\": \"a\"}\n{\"text\": \"x}\n{\"text\": \"b\"}\n{\"text\":\"c\"}\n",
            &all[..],
            vec![(1, BrokenJson, "reading goes on at the next line")],
        ),
    ] {
        let (texts, rows) = read(text.as_bytes());
        assert_eq!(texts, counted, "{text}");
        assert_eq!(rows.len(), expected.len(), "{text} {rows:?}");
        for (row, (element, reason, part)) in rows.iter().zip(&expected) {
            assert_eq!((row.0, row.1), (*element, *reason), "{text} {row:?}");
            assert!(row.2.contains(part), "{text} {row:?}");
        }
    }
    let (texts, rows) = read(b"[{\"text\":\"\xff\"},{\"text\":\"b\"}]");
    assert_eq!((texts, rows[0].1), (vec!["b".to_owned()], Reason::InvalidUtf8));
    // Nested more deeply than anybody reads.
    let deep = format!("[{}{},{{\"text\":\"b\"}}]", "{\"a\":[".repeat(400), "]}".repeat(400));
    let (texts, rows) = read(deep.as_bytes());
    assert_eq!((texts, rows.len()), (vec!["b".to_owned()], 1));
    assert_eq!(rows[0].1, Reason::MissingField);
}

#[test]
fn an_element_that_is_too_long_is_not_held() {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(3000));
    let text = format!("[{{\"text\":\"a\"}},{long},{{\"text\":\"b\"}},{long}]");
    let folder = Folder::with("a.json", &text);
    let job = Job { max_record_bytes: 2000, ..folder.job() };
    for chunk in [1, 7, 64, 4096, 1 << 20] {
        let outcome = try_count(&job, chunk).unwrap();
        let large = |element| (element, Reason::RecordTooLarge);
        let rows: Vec<_> = rows(&outcome).into_iter().map(|(at, reason, _)| (at, reason)).collect();
        assert_eq!(rows, [large(1), large(3)], "{chunk}");
        assert_eq!(outcome.totals, tally(&job, ["a", "b"]));
    }
    let job = Job { max_record_bytes: long.len(), ..folder.job() };
    assert_eq!(count(&job).ledger.counted, 4);
    // Cut, and broken, while it is too long: the rows are the same whatever the chunks.
    for end in ["", "}]", "\"],{\"text\":\"b\"}]"] {
        let folder = Folder::with("a.json", format!("[{{\"text\":\"{}{end}", "x".repeat(3000)));
        let job = Job { max_record_bytes: 2000, format: Some("json".into()), ..folder.job() };
        let entries = try_count(&job, 1 << 20).unwrap().ledger.entries;
        assert_eq!(entries.len(), 2);
        for chunk in [1, 7, 64] {
            assert_eq!(try_count(&job, chunk).unwrap().ledger.entries, entries, "{end} {chunk}");
        }
    }
}

/// Elements that are longer than many chunks are read in parts, with the result of whole ones: [`count`] compares.
#[test]
fn elements_in_parts_are_those_that_are_held() {
    let mut random = Random::new(32);
    let (mut counted, mut skipped) = (0, 0);
    for round in 0..60 {
        let short = br#"{"text":"short","lang":"l1"}"#.to_vec();
        let elements: Vec<Vec<u8>> =
            (0..10)
                .map(|i| {
                    if i % 4 == 3 {
                        short.clone()
                    } else {
                        super::records::long_record(&mut random)
                    }
                })
                .collect();
        let between = [&b",\n "[..], b",", b"\n,\n  ", b",\n\t"][random.below(4)];
        let content = match random.below(4) {
            0 => elements.join(&b"\n"[..]),
            _ => [&b"[ "[..], &elements.join(between), b"]"].concat(),
        };
        let folder = Folder::with("a.json", &content);
        let cut = gz(&content);
        folder.write("b.json.gz", &cut[..cut.len() - random.below(cut.len() / 2)]);
        let mut job = folder.job();
        job.format = Some("json".into());
        job.by = vec![Key::parse("lang")];
        job.errors = [Utf8Errors::Strict, Utf8Errors::Replace][round % 2];
        job.special = [Special::Text, Special::Error][random.below(2)];
        if let Ok(outcome) = try_count(&job, 1 << 20) {
            counted += outcome.ledger.counted;
            skipped += outcome.ledger.skipped;
            assert_eq!(comparable(count(&job)), comparable(outcome));
        }
    }
    assert!(counted > 200 && skipped > 200, "{counted} {skipped}");
}

/// Arrays with random damage: the same whatever the chunks, rows that add up, and nothing lost in silence.
#[test]
fn damaged_arrays() {
    let mut random = Random::new(13);
    for round in 0..60 {
        let texts: Vec<_> = (0..8).map(|i| format!("{i} {{\"}},[ é {}", prose(1))).collect();
        let records: Vec<_> =
            texts.iter().map(|t| serde_json::json!({"id": 1, "text": t})).collect();
        let mut bytes = match round % 3 {
            0 => serde_json::to_vec(&records).unwrap(),
            1 => serde_json::to_vec_pretty(&records).unwrap(),
            _ => records.iter().flat_map(|r| serde_json::to_vec_pretty(r).unwrap()).collect(),
        };
        let at = random.below(bytes.len());
        match random.below(2) {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        let (read, rows) = read(&bytes);
        let lost = texts.iter().filter(|text| !read.contains(text)).count();
        let cut_between = round % 3 == 2 && rows.is_empty();
        assert!(
            lost == 0 || !rows.is_empty() || cut_between || read.len() == texts.len(),
            "{round}"
        );
    }
}
