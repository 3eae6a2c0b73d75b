//! Files of plain text, and texts that are not what they should be.

use super::*;
use crate::position::At;

#[test]
fn a_plain_file_is_a_document() {
    let folder = Folder::with("a.txt", prose(500));
    folder.write("empty.txt", "");
    folder.write("b.rs", "fn main() {}\r\n");
    let job = folder.job();
    let outcome = count(&job);
    assert_eq!(outcome.totals, tally(&job, [prose(500).as_str(), "", "fn main() {}\r\n"]));
    assert_eq!((outcome.files, outcome.files_ignored), (3, 0));
    assert!(outcome.groups.is_empty());
}

#[test]
fn several_encodings_in_one_pass() {
    let folder = Folder::with("a.txt", prose(500));
    let encodings = ["o200k_base", "cl100k_base"].map(|name| Encoding::embedded(name).unwrap());
    let job = Job { encodings: encodings.into(), ..folder.job() };
    let expected = tally(&job, [prose(500).as_str()]);
    assert_ne!(expected.tokens[0], expected.tokens[1]);
    assert_eq!(try_count(&job, 4096).unwrap().totals, expected);
}

#[test]
fn lines_are_documents() {
    let mut job = Folder::new().job();
    for (text, documents) in [
        ("a\nb\n", vec!["a", "b"]),
        ("a\r\nbé\r\n\r\nc", vec!["a", "bé", "", "c"]),
        ("\n", vec![""]),
        ("", vec![]),
        ("no end", vec!["no end"]),
        (
            "a long line, longer than a chunk: ä€😀 ä€😀\r\nb",
            vec!["a long line, longer than a chunk: ä€😀 ä€😀", "b"],
        ),
    ] {
        let folder = Folder::with("a.txt", text);
        job = Job { lines: true, ..folder.job() };
        let outcome = count(&job);
        assert_eq!(outcome.totals, tally(&job, documents), "{text:?}");
    }
    let folder = Folder::with("a.txt", prose(300));
    job.paths = vec![folder.path("a.txt")];
    assert_eq!(count(&job).totals, tally(&job, prose(300).lines()));
}

#[test]
fn long_lines_are_counted_in_parts() {
    let long: String = prose(400).replace('\n', " ");
    for (before, end) in [("", ""), ("short\n", "\n"), ("short\r\n", "\r\nshort")] {
        let folder = Folder::with("a.txt", format!("{before}{long}{end}"));
        let job = Job { lines: true, ..folder.job() };
        let text = format!("{before}{long}{end}");
        assert_eq!(count(&job).totals, tally(&job, text.lines()));
    }
}

/// Wherever chunks end: also where the one that ends the line holds nothing else.
#[test]
fn after_a_line_that_is_given_up_the_next_begins_or_none() {
    for after in ["", "short"] {
        let text = [b"short\n\xff", "x".repeat(24).as_bytes(), b"\n", after.as_bytes()].concat();
        let folder = Folder::with("a.txt", &text);
        let job = Job { lines: true, ..folder.job() };
        for chunk in 1..text.len() {
            let ledger = try_count(&job, chunk).unwrap().ledger;
            let documents = if after.is_empty() { 1 } else { 2 };
            let rows = (ledger.counted, ledger.skipped);
            assert_eq!(rows, (documents, 1), "{after:?} in chunks of {chunk}");
        }
    }
}

#[test]
fn invalid_utf8_in_text() {
    let mut bytes = prose(300).into_bytes();
    let middle = bytes.len() / 2;
    let at = middle + bytes[middle..].iter().position(u8::is_ascii).unwrap();
    bytes[at] = 0xff;
    let folder = Folder::with("a.txt", &bytes);
    // The end of the file cuts a character in two.
    folder.write("b.txt", &"good text €".as_bytes()[..12]);
    let outcome = count(&folder.job());
    assert_eq!(
        folder.ledger(&outcome),
        [("a.txt".into(), None, Reason::InvalidUtf8), ("b.txt".into(), None, Reason::InvalidUtf8)]
    );
    assert!(outcome.ledger.entries[0].detail.ends_with(&format!("at byte {at}")));
    assert!(outcome.ledger.entries[1].detail.ends_with("at byte 10"));

    let job = Job { errors: Utf8Errors::Replace, ..folder.job() };
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(count(&job).totals, tally(&job, [&*text, "good text \u{fffd}"]));

    let job = Job { lines: true, ..folder.job() };
    let line = bytes[..at].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    assert_eq!(
        folder.ledger(&count(&job)),
        [
            ("a.txt".into(), Some(line), Reason::InvalidUtf8),
            ("b.txt".into(), Some(1), Reason::InvalidUtf8)
        ]
    );
}

/// With its byte order mark.
fn utf16(text: &str, is_big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
}

#[test]
fn a_byte_order_mark() {
    let folder = Folder::with("a.txt", "\u{feff}text");
    let marked = folder.job();
    assert_eq!(count(&marked).totals, tally(&marked, ["\u{feff}text"]));

    // That of UTF-16 says what the file is, and is no part of it.
    let text = "Größe 中文 😀\n".repeat(300);
    let folder = Folder::with("a.txt", utf16(&text, false));
    folder.write("b.jsonl", utf16("{\"text\":\"b 😀\"}\n", true));
    folder.write("c.csv", utf16("id,text\n1,c\n", false));
    folder.write("d.json.gz", gz(utf16("[{\"text\":\"d\"}]", true)));
    let wide = folder.job();
    assert_eq!(count(&wide).totals, tally(&wide, [text.as_str(), "b 😀", "c", "d"]));
    // Half of a pair costs its line.
    let mut half = utf16("a\nb?\nc\n", false);
    half[8..10].copy_from_slice(b"\0\xd8");
    let folder = Folder::with("a.txt", half);
    let lines = Job { lines: true, ..folder.job() };
    let outcome = count(&lines);
    assert_eq!(folder.ledger(&outcome), [("a.txt".into(), Some(2), Reason::InvalidUtf8)]);
    let replace = Job { errors: Utf8Errors::Replace, ..lines };
    assert_eq!(count(&replace).totals, tally(&replace, ["a", "b\u{fffd}", "c"]));
    // Others are not read.
    let folder = Folder::with("a.txt", b"\xff\xfe\0\0t\0\0\0");
    let outcome = count(&folder.job());
    assert_eq!(folder.ledger(&outcome), [("a.txt".into(), None, Reason::Utf16)]);
    assert!(outcome.ledger.entries[0].detail.contains("iconv -f UTF-32LE"));

    // Without the mark, of a file that is named: zeros that no text has.
    let folder = Folder::with("a.txt", b"p\0l\0a\0i\0n\0 \0t\0e\0x\0t\0");
    let outcome = count(&job(&[&folder.path("a.txt")]));
    assert_eq!(folder.ledger(&outcome), [("a.txt".into(), None, Reason::Utf16)]);
}

#[test]
fn offsets_in_utf16_are_those_of_the_file() {
    // Half of a pair after this in the file: one that is all of a small file, and one that is read in parts.
    for (n, is_big) in [(3, false), (900, true)] {
        let text = "é中😀x \r\n".repeat(n);
        let half = |units: &[u8]| [units, if is_big { b"\xd8\0" } else { b"\0\xd8" }].concat();
        let bytes = [half(&utf16(&text, is_big)), utf16("\nb\n", is_big)[2..].to_vec()].concat();
        let folder = Folder::with("a.txt", &bytes);
        let at = 2 + 2 * text.encode_utf16().count();
        let outcome = count(&folder.job());
        assert_eq!(outcome.ledger.entries[0].detail, format!("not UTF-16 at byte {at}"));
        // From where the line begins.
        let lines = format!("one\n{}", text.replace("\r\n", " "));
        let bytes =
            [half(&utf16(&lines, is_big)), utf16(" \r\nb\n", is_big)[2..].to_vec()].concat();
        let folder = Folder::with("a.txt", &bytes);
        let at = 2 * lines[4..].encode_utf16().count();
        let outcome = count(&Job { lines: true, ..folder.job() });
        assert_eq!(outcome.ledger.entries[0].position, At::Line(2).into());
        assert_eq!(outcome.ledger.entries[0].detail, format!("not UTF-16 at byte {at}"));
        // A separator is at a byte of the file.
        let parts = format!("{text}|{text}");
        let bytes = [half(&utf16(&parts, is_big)), utf16("|c", is_big)[2..].to_vec()].concat();
        let folder = Folder::with("a.txt", &bytes);
        let outcome = count(&Job { separator: Some("|".into()), ..folder.job() });
        let byte = 2 + 2 * (text.encode_utf16().count() as u64 + 1);
        assert_eq!(outcome.ledger.entries[0].position, At::Byte(byte).into());
        let detail = format!("not UTF-16 at byte {}", byte - 4);
        assert_eq!(outcome.ledger.entries[0].detail, detail);
    }
}

#[test]
fn a_text_that_cannot_be_cut_is_bounded_too() {
    let folder = Folder::with("a.txt", "x".repeat(50_000));
    let job = folder.job();
    assert_eq!(count(&job).totals.documents, 1);
    let job = Job { max_record_bytes: 10_000, lines: true, ..folder.job() };
    let outcome = try_count(&job, 4096).unwrap();
    // Either the engine can prove a cut in it, or the line is given up.
    match outcome.ledger.counted {
        1 => assert_eq!(outcome.totals, tally(&job, ["x".repeat(50_000).as_str()])),
        _ => {
            assert_eq!(folder.ledger(&outcome), [("a.txt".into(), Some(1), Reason::RecordTooLarge)])
        }
    }
}

#[test]
fn a_record_with_a_long_text_is_shared() {
    let text = prose(150_000);
    let row = serde_json::json!({ "text": text, "k": 1 }).to_string();
    let folder = Folder::with("a.jsonl", format!("{row}\n{{\"text\":\"b\",\"k\":1}}\n"));
    let mut job = Job { by: vec![Key::parse("k")], ..folder.job() };
    assert!(text.len() > 5 << 20);
    let expected = tally(&job, [text.as_str(), "b"]);
    for threads in [1, 3] {
        job.threads = Some(threads);
        let outcome = try_count(&job, 1 << 20).unwrap();
        assert_eq!(outcome.totals, expected);
        assert_eq!(outcome.groups.len(), 1);
        assert_eq!(outcome.ledger.seen, 2);
    }
}

/// The parts of a text against what the standard library splits, in chunks of every size.
#[test]
fn texts_are_cut_by_paragraphs_and_separators() {
    let mut random = Random::new(8);
    let pieces = [
        "a",
        "é😀",
        "<",
        "<|",
        "|>",
        "<|x|>",
        "\n",
        "\r\n",
        " ",
        "\n\n",
        "\t",
        "<|x|><|x|>",
        "b c",
    ];
    for round in 0..40 {
        let text: String =
            (0..random.below(30)).map(|_| pieces[random.below(pieces.len())]).collect();
        let folder = Folder::with("a.txt", &text);
        let named = job(&[&folder.path("a.txt")]);

        let job = Job { separator: Some("<|x|>".into()), ..named.clone() };
        let (read, outcome) = read_in_chunks(&job);
        let parts: Vec<_> = text.split("<|x|>").filter(|part| !part.is_empty()).collect();
        assert_eq!(
            (read, outcome.ledger.skipped),
            (parts.iter().map(|p| p.to_string()).collect(), 0),
            "{round} {text:?}"
        );

        let job = Job { paragraphs: true, ..named };
        let (read, outcome) = read_in_chunks(&job);
        let mut paragraphs: Vec<String> = Vec::new();
        let mut is_open = false;
        for line in text.split_inclusive('\n') {
            if line.bytes().all(|b| b" \t\r\n".contains(&b)) {
                is_open = false;
            } else {
                match paragraphs.last_mut() {
                    Some(last) if is_open => last.push_str(line),
                    _ => paragraphs.push(line.to_owned()),
                }
                is_open = true;
            }
        }
        for paragraph in &mut paragraphs {
            let end = paragraph.strip_suffix('\n').unwrap_or(paragraph);
            *paragraph = end.strip_suffix('\r').unwrap_or(end).to_owned();
        }
        assert_eq!((read, outcome.ledger.skipped), (paragraphs, 0), "{round} {text:?}");
    }
}

#[test]
fn parts_of_a_text_that_are_too_long_or_no_option() {
    let long = "x".repeat(30);
    let text = format!("\na\n{long}\n\nb\n<|x|>{long}<|x|>\nc");
    let folder = Folder::with("a.txt", &text);
    for (job, expected) in [
        (Job { paragraphs: true, ..folder.job() }, vec!["line: 2", "line: 5"]),
        (Job { separator: Some("<|x|>".into()), ..folder.job() }, vec!["byte: 0", "byte: 42"]),
    ] {
        let job = Job { max_record_bytes: 20, ..job };
        let entries = try_count(&job, 1 << 20).unwrap().ledger.entries;
        let positions: Vec<_> = entries
            .iter()
            .flat_map(|e| e.position.at.parts())
            .map(|(name, n)| format!("{name}: {n}"))
            .collect();
        assert_eq!(positions, expected);
        for chunk in [4, 5, 7, 64] {
            assert_eq!(try_count(&job, chunk).unwrap().ledger.entries, entries, "{chunk}");
        }
    }
    for (job, message) in [
        (Job { separator: Some(String::new()), ..folder.job() }, "the separator is empty"),
        (Job { paragraphs: true, lines: true, ..folder.job() }, "only be one"),
        (Job { format: Some("separated".into()), ..folder.job() }, "needs a separator"),
    ] {
        assert!(try_count(&job, 64).unwrap_err().to_string().contains(message));
    }
}
