//! Files of records: rows, fields, limits.

use super::*;

#[test]
fn jsonl_rows() {
    let folder = Folder::with(
        "a.jsonl",
        "\u{feff}{\"text\":\"one\",\"lang\":\"en\"}\r\n\n  \n{\"text\":\"zwei\\n\",\"lang\":\"de\"}\n\
         {\"text\":\"three\",\"lang\":\"en\"}\n{\"text\":\"four\"}",
    );
    let mut job = folder.job();
    job.by = vec![Key::parse("lang")];
    let outcome = count(&job);
    assert_eq!(outcome.totals, tally(&job, ["one", "zwei\n", "three", "four"]));
    let all: Vec<_> = outcome.groups.iter().collect();
    let keys: Vec<_> = all.iter().map(|g| g.key[0].as_deref()).collect();
    assert_eq!(keys, [Some("de"), Some("en"), None]);
    assert_eq!(outcome.groups.get(1).tally, tally(&job, ["one", "three"]));
}

#[test]
fn bad_rows_are_skipped_with_their_reason() {
    let lines: [(&[u8], Option<Reason>); 12] = [
        (b"{\"text\":\"a\"}", None),
        (b"{\"text\":\"a\"", Some(Reason::BrokenJson)),
        (b"{\"body\":\"a\"}", Some(Reason::MissingField)),
        (b"{\"text\":null}", Some(Reason::NullField)),
        (b"{\"text\":17}", Some(Reason::NotAString)),
        (b"[1]", Some(Reason::NotAnObject)),
        (b"{\"text\":\"\xff\"}", Some(Reason::InvalidUtf8)),
        (b"{\"text\":\"a\",\"b\":\"\xe4\xb8\"}", Some(Reason::InvalidUtf8)),
        (b"{\"text\":\"\\ud800\"}", Some(Reason::LoneSurrogate)),
        (b"", None),
        (b"{\"text\":\"a\"} x", Some(Reason::BrokenJson)),
        (b"{\"text\":\"b\"}", None),
    ];
    let content = lines.map(|(line, _)| line).join(&b'\n');
    let folder = Folder::with("a.ndjson", &content);
    let outcome = count(&folder.job());
    assert_eq!((outcome.ledger.seen, outcome.ledger.counted), (11, 2));
    let expected: Vec<_> = (1..)
        .zip(&lines)
        .filter_map(|(n, (_, reason))| Some(("a.ndjson".to_owned(), Some(n), (*reason)?)))
        .collect();
    assert_eq!(folder.ledger(&outcome), expected);

    // With errors=replace only what can be replaced is.
    let job = Job { errors: Utf8Errors::Replace, ..folder.job() };
    let outcome = count(&job);
    assert_eq!(outcome.ledger.counted, 5);
    assert_eq!(outcome.totals, tally(&job, ["a", "\u{fffd}", "a", "\u{fffd}", "b"]));

    // With on_error=fail it is the first, always.
    for chunk in CHUNKS {
        for threads in [1, 4] {
            let job = Job { on_error: OnError::Fail, threads: Some(threads), ..folder.job() };
            let e = try_count(&job, chunk).unwrap_err();
            assert!(e.to_string().contains("a.ndjson:2: broken_json: EOF"), "{e}");
            assert!(matches!(e, Error::BadRow(entry) if entry.position.line() == Some(2)));
        }
    }
}

#[test]
fn records_that_are_too_large() {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(3000));
    let text = format!("{{\"text\":\"a\"}}\n{long}\n{{\"text\":\"b\"}}\n{long}");
    let folder = Folder::with("a.jsonl", text);
    let job = Job { max_record_bytes: 2000, ..folder.job() };
    for chunk in CHUNKS {
        let outcome = try_count(&job, chunk).unwrap();
        let large = |line| ("a.jsonl".to_owned(), Some(line), Reason::RecordTooLarge);
        assert_eq!(folder.ledger(&outcome), [large(2), large(4)], "{chunk}");
        assert_eq!(outcome.totals, tally(&job, ["a", "b"]));
    }
    // What is exactly as large as it may be is not too large.
    let job = Job { max_record_bytes: long.len(), ..folder.job() };
    assert_eq!(count(&job).ledger.counted, 4);
}

/// A record of several thousand bytes: the text among other fields, escaped here and there, or no text at all.
pub(super) fn long_record(random: &mut Random) -> Vec<u8> {
    let text = |random: &mut Random| {
        let mut text = prose(random.below(150));
        match random.below(12) {
            0 => text.insert_str(0, "<|endoftext|>"),
            1 => text.push_str("<|endoftext|>"),
            // No point where it may be cut.
            2 => text = "x".repeat(3000),
            _ => {}
        }
        let mut written = serde_json::Value::from(text).to_string();
        if random.below(3) == 0 {
            written = written.replace("中", "\\u4e2d").replace("😀", "\\ud83d\\ude00");
        }
        if random.below(12) == 0 {
            written = written.replacen("Straße", "\\ud83d", 1);
        }
        written
    };
    let members: Vec<String> = (0..1 + random.below(5))
        .map(|_| match random.below(8) {
            0..3 => format!("\"text\":{}", text(random)),
            3 => format!("\"lang\": \"l{}\"", random.below(3)),
            4 => format!("\"meta\":{{\"source\":{},\"x\":[{}]}}", random.below(3), text(random)),
            5 => format!("\"other\":{}", text(random)),
            6 => "\"text\":null".to_owned(),
            _ => format!("\"n\": [{}]", ["1.5e3", "01", "NaN", "true"][random.below(4)]),
        })
        .collect();
    let mut record = format!("{{{}}}", members.join(" ,")).into_bytes();
    match random.below(10) {
        0 => record.truncate(random.below(record.len())),
        1 => {
            let at = random.below(record.len());
            record[at] = [b'"', b'}', b'\\', 0xff, 0xe4, b','][random.below(6)];
        }
        2 => record.push(b'x'),
        _ => {}
    }
    // Another line end would make two of it.
    record.retain(|&byte| byte != b'\n');
    record
}

/// Records that are longer than many chunks are read in parts, with the result of whole ones: [`count`] compares.
#[test]
fn records_in_parts_are_those_that_are_held() {
    let mut random = Random::new(31);
    let (mut counted, mut skipped) = (0, 0);
    for round in 0..40 {
        let mut lines: Vec<_> = (0..12).map(|_| long_record(&mut random)).collect();
        lines.push(vec![b' '; 2000]);
        lines.push(br#"{"text":"short","lang":"l1","meta":{"source":0}}"#.to_vec());
        let end = [&b"\n"[..], b"\r\n"][random.below(2)];
        let mut content = lines.join(end);
        if random.below(2) == 0 {
            content.extend_from_slice(end);
        }
        let folder = Folder::with("a.jsonl", &content);
        folder.write("b.jsonl.gz", gz(&content));
        let cut = gz(&content);
        folder.write("c.jsonl.gz", &cut[..cut.len() - random.below(cut.len())]);
        let mut job = folder.job();
        job.by = vec![Key::parse("lang"), Key::parse("meta.source"), Key::Script];
        job.errors = [Utf8Errors::Strict, Utf8Errors::Replace][round % 2];
        job.special = [Special::Text, Special::Error][random.below(2)];
        job.bootstrap = true;
        let outcome = count(&job);
        counted += outcome.ledger.counted;
        skipped += outcome.ledger.skipped;
        if round % 8 != 0 {
            continue;
        }
        // The first that is bad is the one that a run fails at.
        let paths = vec![folder.path("a.jsonl")];
        let job = Job { on_error: OnError::Fail, paths, ..job };
        let errors: Vec<_> = CHUNKS
            .iter()
            .map(|&chunk| try_count(&job, chunk).map(|_| ()).unwrap_err().to_string())
            .collect();
        assert!(errors.iter().all(|e| *e == errors[0]), "{errors:?}");
    }
    assert!(counted > 300 && skipped > 300, "{counted} {skipped}");
}

#[test]
fn formats_can_be_forced() {
    let folder = Folder::with("a.txt", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
    folder.write("b.jsonl", "x\ny\n");
    let format = |name: &str| Job { format: Some(name.into()), ..folder.job() };
    let outcome = count(&format("jsonl"));
    assert_eq!((outcome.ledger.counted, outcome.ledger.skipped), (2, 2));
    assert_eq!(count(&format("text")).totals.documents, 2);
    assert_eq!(count(&format("lines")).totals.documents, 4);
    assert_eq!(count(&Job { lines: true, ..format("text") }).totals.documents, 4);
    let e = try_count(&format("xml"), 64).unwrap_err();
    assert!(e.to_string().starts_with("unknown format \"xml\"; known are text, lines, jsonl"));
}

pub(super) fn unknown_field(job: &Job) -> (String, Vec<String>) {
    match run(job, &Progress::new(), &AtomicBool::new(false)) {
        Err(Error::UnknownField { field, fields }) => (field, fields),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_that_no_record_has_is_an_error_that_names_the_others() {
    let rows = "{\"text\":\"a\",\"meta\":{\"lang\":null}}\n{\"text\":\"b\",\"id\":1}\n";
    let folder = Folder::with("a.jsonl", rows);
    let names = ["id", "meta", "meta.lang", "text"].map(str::to_owned).to_vec();
    let by = |key: &str| Job { by: vec![Key::File, Key::parse(key)], ..folder.job() };
    assert_eq!(unknown_field(&by("langauge")), ("langauge".into(), names.clone()));
    let text = Job { text_field: Some("body".into()), ..folder.job() };
    assert_eq!(unknown_field(&text), ("body".into(), names.clone()));
    let mut labelled = folder.job();
    (labelled.by, labelled.languages.field) = (vec![Key::Language], Some("lang".into()));
    assert_eq!(unknown_field(&labelled), ("lang".into(), names));
    // One record that has it is enough, and a null is a value that is not known.
    assert_eq!(count(&by("id")).groups.len(), 2);
    assert_eq!(count(&by("meta.lang")).groups.len(), 1);
    // Beside documents of other files, rows without the text are skipped rows.
    folder.write("b.txt", "plain");
    assert_eq!(count(&text).ledger.skipped, 2);
    assert_eq!(unknown_field(&by("langauge")).0, "langauge");
    let plain = Job { paths: vec![folder.path("b.txt")], ..by("id") };
    assert_eq!(unknown_field(&plain), ("id".into(), Vec::new()));
    // Where nothing was read nothing is known.
    folder.write("c.jsonl", "");
    let empty = Job { paths: vec![folder.path("c.jsonl")], ..by("id") };
    assert_eq!(count(&empty).totals.documents, 0);
}

#[test]
fn json_lines_are_read_as_records_where_the_name_does_not_say() {
    let rows = "{\"text\":\"hello world\"}\n{\"text\":\"second doc\"}\n";
    for name in ["dolma.json.gz", "c4.json.zst", "a.json", "part-00000", "part-00000.gz"] {
        let bytes = match name.rsplit('.').next() {
            Some("gz") => gz(rows),
            Some("zst") => zst(rows),
            _ => rows.as_bytes().to_vec(),
        };
        let folder = Folder::with(name, bytes);
        let named = job(&[&folder.path(name)]);
        assert_eq!(count(&named).totals, tally(&named, ["hello world", "second doc"]), "{name}");
        let forced = Job { format: Some("text".into()), ..named };
        assert_eq!(count(&forced).totals, tally(&forced, [rows]), "{name}");
    }
    // One JSON value is a text, and so is JSON in a file that is called text.
    for (name, text) in [
        ("a.json", "{\n \"text\": \"a\"\n}\n"),
        ("a.json", "[{\"body\":\"a\"},\n{\"text\":\"b\"}]\n"),
        ("a.json", "[[{\"text\":\"a\"}]]"),
        ("a.json", "[\"text\"]"),
        ("a.json", "[]"),
        ("a.json", "[{\"text\":\"a\""),
        ("a.txt", "[{\"text\":\"a\"}]"),
        ("a.json", "{\"name\":\"package\",\"version\":\"1\"}"),
        ("a.txt", rows),
        ("a", "{ {\n"),
    ] {
        let folder = Folder::with(name, text);
        let named = job(&[&folder.path(name)]);
        assert_eq!(count(&named).totals, tally(&named, [text]), "{name} {text}");
    }
    // First lines longer than what is looked at first; bad rows are rows.
    let long = serde_json::json!({ "text": prose(2_000) }).to_string();
    let text = format!("{long}\n{{\"text\":1}}\n{{\"text\":\"a\",\"n\":NaN}}\n");
    let folder = Folder::with("a.json", &text);
    let outcome = count(&folder.job());
    assert_eq!(outcome.totals, tally(&folder.job(), [prose(2_000).as_str()]));
    assert_eq!(
        folder.ledger(&outcome),
        [
            ("a.json".into(), Some(2), Reason::NotAString),
            ("a.json".into(), Some(3), Reason::BrokenJson)
        ]
    );
    // The field that is asked for decides about a line alone.
    let folder = Folder::with("a.json", "{\"body\":\"a\"}\n");
    assert_eq!(count(&folder.job()).totals.bytes, 13);
    let body = Job { text_field: Some("body".into()), ..folder.job() };
    assert_eq!(count(&body).totals, tally(&body, ["a"]));
}

#[test]
fn a_field_of_that_very_name_comes_before_a_path() {
    let rows = [
        r#"{"m":{"t":"path"},"m.t":"name","a.b":"x"}"#,
        r#"{"m.t":"name","m":{"t":"path"},"a":{"b":"y"}}"#,
        r#"{"m":{"t":"path"},"a":{"b":"x"}}"#,
        r#"{"m":{"t":"path"},"m.t":null,"a.b":"x"}"#,
    ];
    let folder = Folder::with("a.jsonl", rows.join("\n"));
    let named = Job { text_field: Some("m.t".into()), by: vec![Key::parse("a.b")], ..folder.job() };
    let outcome = count(&named);
    assert_eq!(outcome.totals, tally(&named, ["name", "name", "path"]));
    assert_eq!(folder.ledger(&outcome), [("a.jsonl".into(), Some(4), Reason::NullField)]);
    let keys: Vec<_> = outcome.groups.iter().map(|g| g.key[0].clone()).collect();
    assert_eq!(keys, [Some("x".to_owned()), Some("y".to_owned())]);
}

#[test]
fn several_fields_are_one_text() {
    let folder = Folder::with(
        "a.jsonl",
        "{\"title\":\"t\",\"m\":{\"body\":\"b\\n\"},\"l\":\"x\"}\n{\"title\":\"t\"}\n{\"title\":\"\",\"m\":{\"body\":null}}\n",
    );
    folder.write("b.csv", "m.body,l,title\nb,y,t\n,,\n");
    let named =
        Job { text_field: Some("title,m.body".into()), by: vec![Key::parse("l")], ..folder.job() };
    let outcome = count(&named);
    assert_eq!(outcome.totals, tally(&named, ["t\nb\n", "t\nb", "\n"]));
    let row = |line, reason| ("a.jsonl".to_owned(), Some(line), reason);
    let expected = [row(2, Reason::MissingField), row(3, Reason::NullField)];
    assert_eq!(folder.ledger(&outcome), expected);
    let wrong = Job { text_field: Some("title,boddy".into()), ..named };
    assert_eq!(unknown_field(&wrong).0, "boddy");
}

#[test]
fn a_second_field_must_hold_a_text_too() {
    let folder = Folder::with(
        "a.jsonl",
        "{\"text\":\"a\",\"answer\":\"b\"}\n{\"text\":\"c\"}\n{\"text\":\"d\",\"answer\":5}\n{\"answer\":\"e\"}\n",
    );
    folder.write("b.txt", "plain");
    let mut read = Vec::new();
    let mut take = |batch: Vec<crate::Document>| {
        read.extend(batch);
        true
    };
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let account =
        crate::documents(&folder.job(), Some("answer"), &progress, &cancel, &mut take).unwrap();
    assert_eq!((account.ledger.seen, account.ledger.counted, account.files), (5, 1, 2));
    let reasons: Vec<_> =
        account.ledger.entries.iter().map(|e| (e.position.line(), e.reason)).collect();
    let (missing, wrong) = (Reason::MissingField, Reason::NotAString);
    assert_eq!(
        reasons,
        [(Some(2), missing), (Some(3), wrong), (Some(4), missing), (None, missing)]
    );
    let [document] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((document.text.as_str(), document.answer.as_deref()), ("a", Some("b")));
    assert_eq!(document.position.line(), Some(1));
}
