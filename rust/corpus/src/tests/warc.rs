//! WARC: texts of conversion records, lengths that are wrong, and what is found after damage.

use super::*;
use crate::position::At;

fn record(kind: &str, headers: &str, body: &str) -> String {
    let len = body.len();
    format!("WARC/1.0\r\nWARC-Type: {kind}\r\n{headers}Content-Length: {len}\r\n\r\n{body}\r\n\r\n")
}

fn text(body: &str) -> String {
    record("conversion", "WARC-Target-URI: http://a/\r\n", body)
}

/// The texts, and the ledger as (byte, reason).
fn read(file: impl AsRef<[u8]>) -> (Vec<String>, Vec<(u64, Reason)>) {
    read_up_to(file, None)
}

fn read_up_to(file: impl AsRef<[u8]>, max: Option<usize>) -> (Vec<String>, Vec<(u64, Reason)>) {
    let folder = Folder::with("a.warc", file);
    let mut job = job(&[&folder.path("a.warc")]);
    job.max_record_bytes = max.unwrap_or(job.max_record_bytes);
    let (texts, outcome) = read_in_chunks(&job);
    let row = |e: &crate::Entry| match e.position.at {
        At::Byte(byte) => (byte, e.reason),
        ref at => panic!("{at:?}"),
    };
    (texts, outcome.ledger.entries.iter().map(row).collect())
}

fn is(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

const TEXTS: [&str; 4] = ["one", "", "two\n\nlines\r\n\r\n", "drei 中文\nWARC/1.0\r\nin a text"];

fn file() -> String {
    let mut file = record("warcinfo", "", "software: a\r\n");
    for text_ in TEXTS {
        file += &record("response", "", "HTTP/1.1 200 OK\r\n\r\n<p>html</p>");
        file += &text(text_);
        file += &record("metadata", "", "");
    }
    file
}

#[test]
fn conversion_records_are_the_documents() {
    assert_eq!(read(file()), (is(&TEXTS), vec![]));
    // Line ends of Unix, names in any case, folded lines, blank lines between records, another version.
    let lf = "WARC/1.1\nwarc-type:conversion\nX-Note: a\n  b\nCONTENT-LENGTH:  3 \n\nabc\n\n";
    assert_eq!(read(format!("{lf}\r\n\n{lf}{}", text("d"))), (is(&["abc", "abc", "d"]), vec![]));
    assert_eq!(read(record("request", "", "a")), (vec![], vec![]));

    // Whatever the name is, in a walk, and with a member for each record.
    let members: Vec<u8> = TEXTS.iter().flat_map(|t| gz(text(t))).collect();
    let folder = Folder::with("a.warc.wet.gz", &members);
    folder.write("b.txt", file());
    folder.write("c", zst(file()));
    assert_eq!(count(&folder.job()).totals, tally(&folder.job(), [TEXTS; 3].concat()));
    // As text where that is asked for.
    let job = Job { format: Some("text".into()), ..job(&[&folder.path("b.txt")]) };
    assert_eq!(count(&job).totals, tally(&job, [file().as_str()]));
}

#[test]
fn headers_are_fields() {
    let language = |l: &str| format!("WARC-Identified-Content-Language: {l}\r\n");
    let file = record("conversion", &language("eng,\r\n  zho"), "a")
        + &record("conversion", &language("deu"), "b")
        + &record("conversion", "", "c");
    let folder = Folder::with("a.wet", file);
    let job = Job {
        by: vec![Key::parse("warc-identified-content-language")],
        ..job(&[&folder.path("a.wet")])
    };
    let outcome = count(&job);
    let mut keys: Vec<_> = outcome.groups.iter().map(|g| g.key[0].clone()).collect();
    keys.sort();
    assert_eq!(keys, [None, Some("deu".into()), Some("eng, zho".into())]);
    let unknown = Job { by: vec![Key::parse("lang")], ..job };
    assert!(matches!(try_count(&unknown, 64), Err(Error::UnknownField { fields, .. })
        if fields.contains(&"WARC-Type".to_owned())));
}

#[test]
fn a_wrong_length_is_a_row_and_hides_no_other_record() {
    let wrong =
        |length: &str| format!("WARC/1.0\r\nWARC-Type: conversion\r\n{length}\r\nthe text\r\n\r\n");
    let (before, after) = (text("before"), text("after"));
    for length in
        ["3", "7", "9", "10", "12", "300", "999999999", "", "-1", "x", "8\r\nContent-Length: 9"]
    {
        for kind in ["conversion", "response"] {
            let bad = wrong(&format!("Content-Length: {length}\r\n")).replace("conversion", kind);
            // The last of these lengths are longer than what is held of a response.
            let is_held = length != "999999999" || kind == "conversion";
            let (texts, rows) = read(format!("{before}{bad}{after}"));
            match is_held {
                true => {
                    assert_eq!(texts, ["before", "after"], "{length}");
                    assert_eq!(rows, [(before.len() as u64, Reason::Corrupt)], "{length}");
                }
                false => {
                    assert_eq!((texts, rows.len()), (is(&["before"]), 1));
                    assert_eq!(rows[0].1, Reason::Truncated);
                }
            }
        }
    }
    for bad in
        [wrong(""), wrong("Content-Length 8\r\n"), text("a").replace("conversion", "convers")]
    {
        let (texts, rows) = read(format!("{before}{bad}{after}"));
        assert_eq!(texts, ["before", "after"], "{bad}");
        assert_eq!(rows, [(before.len() as u64, Reason::Corrupt)], "{bad}");
    }
    // Noise between two, a header that is cut off, a version that is none.
    for bad in ["noise\r\n", "WARC/1.0\r\nWARC-Type: conver", "\0", "WARC/1.x\r\n\r\n"] {
        let (texts, rows) = read(format!("{before}{bad}\r\n{after}"));
        assert_eq!(texts, ["before", "after"], "{bad}");
        assert_eq!(rows, [(before.len() as u64, Reason::Corrupt)], "{bad}");
    }
    let part = record("conversion", "WARC-Segment-Number: 1\r\n", "a");
    let (texts, rows) = read(format!("{part}{after}"));
    assert_eq!((texts, rows), (is(&["after"]), vec![(0, Reason::UnsupportedFormat)]));
}

#[test]
fn a_record_that_is_too_long_is_passed_over() {
    let long = text(&"long ".repeat(1000));
    let (a, b) = (text("a"), text("b"));
    let (texts, rows) = read_up_to(format!("{a}{long}{b}"), Some(2000));
    assert_eq!(texts, ["a", "b"]);
    assert_eq!(rows, [(a.len() as u64, Reason::RecordTooLarge)]);
    // Nor does it hide that its length is wrong.
    let wrong = long.replace("Length: 5000", "Length: 4000");
    let (texts, rows) = read_up_to(format!("{a}{wrong}{b}"), Some(2000));
    assert_eq!(texts, ["a", "b"]);
    let reasons: Vec<_> = rows.iter().map(|row| row.1).collect();
    assert_eq!(reasons, [Reason::RecordTooLarge, Reason::Corrupt]);
}

#[test]
fn a_file_that_is_cut_says_so() {
    let file = file();
    // The ends of records, and how many texts are before each.
    let (mut ends, mut at, mut texts) = (vec![(0, 0)], 0, 0);
    for (i, text_) in TEXTS.iter().enumerate() {
        let info = if i == 0 { record("warcinfo", "", "software: a\r\n").len() } else { 0 };
        if info > 0 {
            ends.push((info, 0));
        }
        at += info + record("response", "", "HTTP/1.1 200 OK\r\n\r\n<p>html</p>").len();
        ends.push((at, texts));
        at += text(text_).len();
        texts += 1;
        ends.push((at, texts));
        at += record("metadata", "", "").len();
        ends.push((at, texts));
    }
    assert_eq!(at, file.len());
    for cut in 0..file.len() {
        let job_of = Folder::with("a.wet", &file.as_bytes()[..cut]);
        let job = Job { format: Some("warc".into()), ..job(&[&job_of.path("a.wet")]) };
        let outcome = try_count(&job, [1, 7, 64, 4096][cut % 4]).unwrap();
        let &(end, whole) = ends.iter().rev().find(|(end, _)| *end <= cut).unwrap();
        assert_eq!(outcome.totals.documents, whole, "{cut}");
        // What is left of a record is a row, or two where the text that is cut holds the beginning of another.
        let skipped = outcome.ledger.skipped;
        let expected = u64::from(!file.as_bytes()[end..cut].iter().all(|b| b"\r\n".contains(b)));
        let may_be_two = file[end..].contains("in a text")
            && file[end..].starts_with("WARC/1.0\r\nWARC-Type: conv");
        assert!(skipped == expected || (may_be_two && skipped == 2), "{cut} {skipped} {expected}");
    }
}

#[test]
fn a_byte_that_is_flipped_is_met_or_in_a_text() {
    let file = file();
    let mut random = Random::new(13);
    let (mut met, mut kept) = (0, 0);
    for _ in 0..400 {
        let mut bytes = file.clone().into_bytes();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        let folder = Folder::with("a.wet", &bytes);
        let job = Job { format: Some("warc".into()), ..job(&[&folder.path("a.wet")]) };
        let outcome = try_count(&job, [1, 7, 64, 4096][at % 4]).unwrap();
        let whole = try_count(&job, 1 << 20).unwrap();
        assert_eq!(comparable(outcome.clone()), comparable(whole));
        match outcome.ledger.skipped {
            0 => {
                // The texts are as many, and all but one are what they were.
                assert_eq!(outcome.totals.documents, 4, "{at}");
                assert_eq!(
                    outcome.totals.bytes,
                    TEXTS.iter().map(|t| t.len() as u64).sum::<u64>(),
                    "{at}"
                );
                kept += 1;
            }
            _ => met += 1,
        }
    }
    assert!(met > 100 && kept > 100, "{met} {kept}");
}

fn response(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let http = [format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes(), body.as_ref()].concat();
    let header = "Content-Type: application/http; msgtype=response\r\n";
    let header =
        format!("WARC/1.0\r\nWARC-Type: response\r\n{header}Content-Length: {}", http.len());
    [header.as_bytes(), b"\r\n\r\n", &http, b"\r\n\r\n"].concat()
}

/// The texts of the responses of a file, and its ledger, as (reason, details that begin so).
fn read_responses(file: impl AsRef<[u8]>, errors: Utf8Errors) -> (Vec<String>, Vec<Reason>) {
    let folder = Folder::with("a.warc", file);
    let mut job = job(&[&folder.path("a.warc")]);
    job.warc_records = crate::WarcRecords::Response;
    job.errors = errors;
    let (texts, outcome) = read_in_chunks(&job);
    (texts, outcome.ledger.entries.iter().map(|entry| entry.reason).collect())
}

#[test]
fn responses_are_the_documents_where_they_are_asked_for() {
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    let chunked = format!("{html}Transfer-Encoding: chunked\r\n");
    let zipped = format!("{html}content-encoding: gzip\r\n");
    let chunks = "3;x=y\r\n<p>\r\n0004\r\n中a\r\n0\r\n\r\n";
    let packed = gz("<b>packed</b>");
    let in_chunks =
        [format!("{:x}\r\n", packed.len()).as_bytes(), &packed, b"\r\n0\r\n\r\n"].concat();
    let latin = "Content-Type: TEXT/HTML;charset=\"ISO-8859-1\"\r\n";
    let file = [
        record("warcinfo", "", "software: a\r\n").into_bytes(),
        response(html, "<p>it's <b>HTML</b></p>"),
        text("not asked for").into_bytes(),
        response("content-type:text/plain\r\n", "plain 中文"),
        response("Content-Type: image/png\r\n", b"\x89PNG\r\n\x1a\n\xff"),
        response("Content-Type: application/json\r\n", "{}"),
        response("Server: none\r\n", "of no type"),
        record("response", "Content-Type: text/dns\r\n", "20260101\na. 1 IN A 1.2.3.4\n").into(),
        response(&chunked, chunks),
        response(&zipped, &packed),
        response(&(chunked.clone() + "Content-Encoding: gzip\r\n"), in_chunks),
        // As it was unpacked by who wrote the file.
        response(&(chunked.clone() + "Content-Encoding: gzip\r\n"), "<p>unpacked"),
        response(latin, b"caf\xe9"),
        response("Content-Type: text/html; charset=shift_jis\r\n", b"\x93\xfa\x96{"),
        response(html, ""),
    ]
    .concat();
    let expected = [
        "<p>it's <b>HTML</b></p>",
        "plain 中文",
        "<p>中a",
        "<b>packed</b>",
        "<b>packed</b>",
        "<p>unpacked",
        "café",
        "日本",
        "",
    ];
    assert_eq!(read_responses(&file, Utf8Errors::Strict), (is(&expected), vec![]));
    assert_eq!(read(&file).0, ["not asked for"]);
}

#[test]
fn responses_that_cannot_be_read_are_rows() {
    let html = "Content-Type: text/html\r\n";
    let packed = gz("<b>packed</b> and cut off");
    for (headers, body, reason) in [
        ("", b"\xff".as_slice(), Reason::InvalidUtf8),
        ("Content-Encoding: br\r\n", b"x", Reason::UnsupportedFormat),
        ("Content-Encoding: gzip\r\n", &packed[..packed.len() - 9], Reason::Corrupt),
        ("Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\nno size", Reason::Corrupt),
        ("Transfer-Encoding: chunked\r\n", b"3\r\nabcd\r\n0\r\n\r\n", Reason::Corrupt),
        ("Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\nabc", Reason::Corrupt),
        ("Content-Type: text/html; charset=klingon\r\n", b"x", Reason::UnsupportedFormat),
        ("Content-Type: text/html; charset=euc-jp\r\n", b"\xff\xff", Reason::InvalidUtf8),
    ] {
        let file = [response(&format!("{html}{headers}"), body), response(html, "next")].concat();
        assert_eq!(
            read_responses(file, Utf8Errors::Strict),
            (is(&["next"]), vec![reason]),
            "{headers}"
        );
    }
    let bad =
        [response(html, b"a\xffb"), response("content-type: text/html; charset=big5\r\n", b"\xff")];
    let read = read_responses(bad.concat(), Utf8Errors::Replace);
    assert_eq!(read, (is(&["a\u{fffd}b", "\u{fffd}"]), vec![]));
    let endless = record("response", "", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nno end");
    assert_eq!(read_responses(endless, Utf8Errors::Strict).1, [Reason::Corrupt]);
    // Larger than what is held of what is no text: told before it is held.
    let film = response("Content-Type: video/mp4\r\n", vec![b'x'; 9 << 20]);
    let folder = Folder::with("a.warc", [film, response(html, "next")].concat());
    let mut job = job(&[&folder.path("a.warc")]);
    (job.warc_records, job.max_record_bytes) = (crate::WarcRecords::Response, 1 << 20);
    let outcome = count(&job);
    assert_eq!((outcome.totals.documents, outcome.ledger.skipped), (1, 0));
}
