//! Tables: CSV and TSV.

use super::records::unknown_field;
use super::*;

/// The ledger as (line, reason, detail).
fn rows(outcome: &Outcome) -> Vec<(u64, Reason, String)> {
    let row = |e: &crate::Entry| (e.position.line().unwrap(), e.reason, e.detail.clone());
    outcome.ledger.entries.iter().map(row).collect()
}

fn read(text: &[u8]) -> (Vec<String>, Vec<(u64, Reason, String)>) {
    let folder = Folder::with("a.csv", text);
    let job = Job { format: Some("csv".into()), ..job(&[&folder.path("a.csv")]) };
    let (texts, outcome) = read_in_chunks(&job);
    (texts, rows(&outcome))
}

#[test]
fn a_table_is_as_many_records() {
    for text in [
        "id,text\n1,a\n2,\"b, \"\"c\"\"\r\nd\"\n3,\n",
        "\u{feff}id,text\r\n\r\n1,a\r\n2,\"b, \"\"c\"\"\r\nd\"\r\n\r\n3,\"\"",
        "\"id\",\"text\"\r1,a\r2,\"b, \"\"c\"\"\r\nd\"\r3,",
        // The last of two columns of a name.
        "text,text\nx,a\nx,\"b, \"\"c\"\"\r\nd\"\nx,",
    ] {
        let expected = ["a", "b, \"c\"\r\nd", ""].map(str::to_owned).to_vec();
        assert_eq!(read(text.as_bytes()), (expected, vec![]), "{text:?}");
        // Recognised by a field of that name in the header.
        let folder = Folder::with("a.csv", text);
        folder.write("b.csv.gz", gz(text));
        folder.write("c.tsv", text.replace(',', "\t"));
        assert_eq!(count(&folder.job()).totals.documents, 9, "{text:?}");
    }
    assert_eq!(read(b""), (vec![], vec![]));
    assert_eq!(read(b"text\n\n"), (vec![], vec![]));
    // Quotes in a field that begins otherwise are as they are, and so is a mark in the middle of a file.
    let (texts, rows) = read("text\na\"b\"\n\"a\"b\n\u{feff}c\n".as_bytes());
    assert_eq!((texts, rows.len()), (vec!["a\"b\"".into(), "ab".into(), "\u{feff}c".into()], 0));
}

#[test]
fn tables_are_text_unless_a_field_of_them_is_asked_for_or_called_text() {
    let folder = Folder::with("a.csv", "body,l\nhello,en\n,de\n");
    folder.write("b.tsv", "body;l\nx;y");
    let plain = folder.job();
    assert_eq!(count(&plain).totals.documents, 2);
    let named = job(&[&folder.path("a.csv")]);
    let body = Job { text_field: Some("body".into()), by: vec![Key::parse("l")], ..named.clone() };
    let outcome = count(&body);
    assert_eq!(outcome.totals, tally(&body, ["hello", ""]));
    assert_eq!(outcome.groups.len(), 2);
    let names = ["body", "l"].map(str::to_owned).to_vec();
    let asks = Job { text_field: Some("txt".into()), ..named };
    assert_eq!(unknown_field(&asks), ("txt".to_owned(), names));
    let asks = Job { paths: vec![folder.path("b.tsv")], ..body };
    assert_eq!(unknown_field(&asks), ("l".to_owned(), vec!["body;l".to_owned()]));
    assert_eq!(count(&Job { format: Some("text".into()), by: vec![], ..asks }).totals.documents, 1);
}

#[test]
fn rows_that_are_none() {
    use Reason::{InvalidUtf8, MissingField, UnterminatedQuote, WrongFieldCount};
    for (text, counted, expected) in [
        (
            &b"id,text\n1,a\n2\n3,a,b\n4,b\n"[..],
            &["a", "b"][..],
            vec![
                (3, WrongFieldCount, "the record has 1 fields, and the header 2"),
                (4, WrongFieldCount, ""),
            ],
        ),
        (b"id,text\n1,a\n2,\xff\n4,b", &["a", "b"], vec![(3, InvalidUtf8, "")]),
        (b"id,l\n1,a\n", &[], vec![(2, MissingField, "the header has no field \"text\"")]),
        // A quote that does not end before the file does, or where no quote may.
        (
            b"id,text\n1,a\n2,\"b\n3,c\n4,d\n",
            &["a", "c", "d"],
            vec![(
                3,
                UnterminatedQuote,
                "unterminated quote from line 3: it does not end before the file does; reading goes on after that line",
            )],
        ),
        (
            b"id,text\n1,a\n2,\"b\n3,c\n4,d\"e\n5,\"f\"\n",
            &["a", "c", "d\"e", "f"],
            vec![(3, UnterminatedQuote, "text follows where it ends, on line 5")],
        ),
        (
            b"id,text\r\n\"1\n2\",\"b\r\n3,\"c\"\r\n4,\"d\r\nd\"\r\n",
            &["c", "d\r\nd"],
            vec![(2, UnterminatedQuote, "unterminated quote from line 3")],
        ),
        (b"id,text\n1,\"b", &[], vec![(2, UnterminatedQuote, "")]),
        (
            b"id,\"text\n1,b\n",
            &[],
            vec![(1, UnterminatedQuote, "without its header the file is not read")],
        ),
    ] {
        let text_of = String::from_utf8_lossy(text);
        if counted.is_empty() && text.starts_with(b"id,l") {
            let folder = Folder::with("a.csv", text);
            let job = Job { format: Some("csv".into()), ..folder.job() };
            assert_eq!(unknown_field(&job).1, ["id", "l"]);
            continue;
        }
        let (texts, rows) = read(text);
        assert_eq!(texts, counted, "{text_of}");
        assert_eq!(rows.len(), expected.len(), "{text_of} {rows:?}");
        for (row, (line, reason, part)) in rows.iter().zip(&expected) {
            assert_eq!((row.0, row.1), (*line, *reason), "{text_of} {row:?}");
            assert!(row.2.contains(part), "{text_of} {row:?}");
        }
    }
}

#[test]
fn records_that_are_too_long_are_not_held() {
    let (x, lines) = ("x".repeat(300), "x\n".repeat(150));
    let text = format!("id,text\n1,a\n2,{x}\n3,\"{x}\"\n4,b\n{x},b\n5,\"{lines}\"\n6,c\n");
    let folder = Folder::with("a.csv", &text);
    for most in [199, 200, 201, 202, 250] {
        let job = Job { max_record_bytes: most, ..folder.job() };
        let entries = try_count(&job, 1 << 20).unwrap().ledger.entries;
        let (large, quote) = (Reason::RecordTooLarge, Reason::UnterminatedQuote);
        let reasons: Vec<_> =
            entries.iter().map(|e| (e.position.line(), e.reason)).take(4).collect();
        assert_eq!(
            reasons,
            [(Some(3), large), (Some(4), large), (Some(6), large), (Some(7), quote)]
        );
        for chunk in [4, 7, 64, 4096] {
            let outcome = try_count(&job, chunk).unwrap();
            assert_eq!(outcome.ledger.entries, entries, "{chunk}");
            assert_eq!(outcome.totals, tally(&job, ["a", "b", "c"]));
        }
    }
    // Of every length around the limit, the same whatever the chunks.
    for n in 0..12 {
        let text = format!(
            "id,text\n1,{}\n2,\"{}\n\"\n\"{}\",\"a\nb\"\n",
            "x".repeat(n),
            "x".repeat(n),
            "x".repeat(n)
        );
        let folder = Folder::with("a.csv", &text);
        let job = Job { max_record_bytes: 10, ..folder.job() };
        let entries = try_count(&job, 1 << 20).unwrap().ledger.entries;
        for chunk in 4..12 {
            assert_eq!(try_count(&job, chunk).unwrap().ledger.entries, entries, "{n} {chunk}");
        }
    }
}

/// Tables with random damage: the same whatever the chunks, and nothing lost in silence.
#[test]
fn damaged_tables() {
    let mut random = Random::new(13);
    for round in 0..60 {
        let texts: Vec<_> = (0..8).map(|i| format!("{i}, é\n{}", prose(1))).collect();
        let mut bytes = b"id,text\n".to_vec();
        for text in &texts {
            let quoted = format!("{},\"{}\"\n", random.below(100), text.replace('"', "\"\""));
            bytes.extend_from_slice(quoted.as_bytes());
        }
        let at = 8 + random.below(bytes.len() - 8);
        match random.below(2) {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        let (read, rows) = read(&bytes);
        let lost = texts.iter().filter(|text| !read.contains(text)).count();
        // A flipped bit in a text is text; a cut may be between two records, or before a text, which is then empty.
        let cut = texts.len() - read.len().min(texts.len());
        assert!(!rows.is_empty() || lost <= cut + 1, "{round} {lost} {rows:?}");
    }
}
