//! End to end: files of every kind of goodness and badness, in chunks so small that every boundary is met, and what
//! comes of them with any number of threads.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fasttok_engine::{Counter, Encoding, Special, Utf8Errors};
use fasttok_testing::Random;
use tempfile::TempDir;

use crate::run::{documents_in_chunks, run_in_chunks};
use crate::scripts::ScriptCounter;
use crate::{Detector, Error, Extra, Job, Key, OnError, Outcome, Progress, Reason, Tally, run};

const CHUNKS: [usize; 4] = [7, 64, 4096, 1 << 20];

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn with(name: &str, content: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        folder.write(name, content);
        folder
    }
    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn job(&self) -> Job {
        job(&[self.0.path()])
    }
    /// The ledger as (file, line, reason), with names relative to the folder.
    fn ledger(&self, outcome: &Outcome) -> Vec<(String, Option<u64>, Reason)> {
        let relative = |file: &str| match Path::new(file).strip_prefix(self.0.path()) {
            Ok(rest) => rest.display().to_string(),
            Err(_) => file.to_owned(),
        };
        let entry = |e: &crate::Entry| (relative(&e.file), e.line, e.reason);
        outcome.ledger.entries.iter().map(entry).collect()
    }
}

fn job(paths: &[&Path]) -> Job {
    // The smallest, for every worker of every run begins with a counter of its own.
    let encodings = vec![Encoding::embedded("r50k_base").unwrap()];
    let mut job = Job::new(paths.iter().map(|p| p.to_path_buf()).collect(), encodings);
    job.threads = Some(2);
    job
}

fn try_count(job: &Job, chunk: usize) -> Result<Outcome, Error> {
    run_in_chunks(job, &Progress::new(), &AtomicBool::new(false), chunk)
}

/// The outcome, which must be the same whatever the chunks and the threads, and whose rows must add up.
fn count(job: &Job) -> Outcome {
    let outcome = try_count(job, 1 << 20).unwrap();
    for (chunk, threads) in [(7, 1), (64, 3), (4096, 2)] {
        let job = Job { threads: Some(threads), ..job.clone() };
        let other = try_count(&job, chunk).unwrap();
        assert_eq!(comparable(other), comparable(outcome.clone()), "{chunk} {threads}");
    }
    let ledger = &outcome.ledger;
    assert_eq!(ledger.seen, ledger.counted + ledger.skipped);
    assert_eq!(ledger.skipped, ledger.by_reason.values().sum::<u64>());
    assert_eq!(ledger.skipped, ledger.entries.len() as u64);
    assert!(ledger.entries_complete);
    assert_eq!(ledger.counted, outcome.totals.documents);
    for chunk in CHUNKS {
        read_as_counted(job, chunk, &outcome);
    }
    outcome
}

/// Holds that whoever reads the documents sees those that were counted, in order, and misses the others for the same
/// reasons.
fn read_as_counted(job: &Job, chunk: usize, outcome: &Outcome) {
    let by_tokens = [
        Reason::SpecialToken,
        Reason::PatternLimit,
        Reason::NormalizedTooLarge,
        Reason::UnsupportedText,
        Reason::InternalError,
    ];
    if by_tokens.iter().any(|reason| outcome.ledger.by_reason.contains_key(reason))
        || job.max_record_bytes < 1 << 30
        || job.by.contains(&Key::Language)
    {
        // Tokens play no part here, long texts are held whole, and nobody labels them.
        return;
    }
    let mut read = Vec::new();
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let mut take = |batch| {
        read.extend::<Vec<crate::Document>>(batch);
        true
    };
    let job = Job { encodings: Vec::new(), ..job.clone() };
    let account = documents_in_chunks(&job, None, &progress, &cancel, &mut take, chunk).unwrap();
    let ledger = comparable(Outcome { ledger: account.ledger, ..outcome.clone() }).ledger;
    assert_eq!(ledger, comparable(outcome.clone()).ledger, "{chunk}");
    assert_eq!((account.files, read.len() as u64), (outcome.files, ledger.counted));
    assert_eq!(progress.documents(), ledger.counted);
    let bytes: usize = read.iter().map(|document| document.text.len()).sum();
    assert_eq!(bytes as u64, outcome.totals.bytes);
    let mut groups: HashMap<&[Option<String>], (u64, u64)> = HashMap::new();
    for document in &read {
        let sums = groups.entry(&document.key).or_default();
        *sums = (sums.0 + 1, sums.1 + document.text.chars().count() as u64);
    }
    for group in outcome.groups.iter() {
        let Tally { documents, chars, .. } = group.tally;
        assert_eq!(groups.get(group.key.as_slice()), Some(&(documents, chars)), "{:?}", group.key);
    }
}

/// Without what may depend on the size of chunks (though not on threads): how far a file was read that was given up,
/// and how much a decoder gave before it met the damage.
fn comparable(mut outcome: Outcome) -> Outcome {
    outcome.bytes_read = 0;
    for entry in &mut outcome.ledger.entries {
        if matches!(entry.reason, Reason::Corrupt | Reason::Truncated) {
            entry.detail.clear();
        }
    }
    outcome
}

/// The sums as the definition has them: each text counted by itself.
fn tally<'t>(job: &Job, texts: impl IntoIterator<Item = &'t str>) -> Tally {
    let mut counters: Vec<_> = job.encodings.iter().cloned().map(Counter::new).collect();
    let mut sums = Tally { tokens: vec![0; counters.len()], ..Tally::default() };
    for text in texts {
        let count = |c: &mut Counter| c.count(text, job.special).unwrap();
        let mut document = Tally {
            bytes: text.len() as u64,
            chars: text.chars().count() as u64,
            scripts: ScriptCounter::new().count(text),
            tokens: counters.iter_mut().map(count).collect(),
            ..Tally::default()
        };
        document.finish_document();
        sums.add(&document);
    }
    sums
}

fn gz(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// As the `zstd` command writes it, with a checksum.
fn zst(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Text that does not compress to nothing, in lines.
fn prose(lines: usize) -> String {
    let words = ["the", "Straße", "中文字", "it's", "12345", "  ", "नमस्ते", "x = f(y);", "😀"];
    let mut random = Random::new(lines as u64);
    let mut text = String::new();
    for i in 0..lines {
        for _ in 0..random.below(12) {
            text.push_str(words[random.below(words.len())]);
            text.push(' ');
        }
        text.push_str(&format!("{i}\n"));
    }
    text
}

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
            assert!(matches!(e, Error::BadRow { line: Some(2), .. }));
        }
    }
}

/// A tokenizer whose pretokenizer is a split by `split` and whose normalizer is `normalizer`.
fn tokenizer(normalizer: &str, split: &str) -> Arc<Encoding> {
    let vocab: String = (b'a'..=b'z').map(|c| format!("\"{}\":{},", c as char, c)).collect();
    let json = format!(
        r#"{{"added_tokens":[],"normalizer":{normalizer},"pre_tokenizer":{{"type":"Split",
        "pattern":{{"Regex":"{split}"}},"behavior":"Isolated","invert":false}},
        "model":{{"type":"BPE","unk_token":"!","vocab":{{{vocab}"!":33}},"merges":[]}}}}"#
    );
    Arc::new(Encoding::from_file_bytes(json.as_bytes(), Default::default()).unwrap())
}

fn replace(pattern: &str, content: &str) -> String {
    format!(r#"{{"type":"Replace","pattern":{{{pattern}}},"content":"{content}"}}"#)
}

/// A text that the tokenizer cannot do costs its row.
#[test]
fn texts_that_the_tokenizer_gives_up_are_rows() {
    let runs = "a".repeat(50) + "!";
    let long = "a".repeat(50_000) + "!";
    let many = replace(r#""String":"a""#, &"b".repeat(2_000));
    for (normalizer, split, bad, reason) in [
        ("null", "(a+)+$", &runs, Reason::PatternLimit),
        (&replace(r#""Regex":"(a+)+$""#, "b"), "b", &runs, Reason::PatternLimit),
        (&many, "!", &long, Reason::NormalizedTooLarge),
    ] {
        let folder = Folder::with(
            "a.jsonl",
            format!("{{\"text\":\"ab\"}}\n{{\"text\":\"{bad}\"}}\n{{\"text\":\"b\"}}"),
        );
        folder.write("b.txt", bad);
        let job = Job { encodings: vec![tokenizer(normalizer, split)], ..folder.job() };
        let outcome = count(&job);
        let expected =
            [("a.jsonl".to_owned(), Some(2), reason), ("b.txt".to_owned(), None, reason)];
        assert_eq!(folder.ledger(&outcome), expected);
        assert_eq!(outcome.totals, tally(&job, ["ab", "b"]));

        let job = Job { on_error: OnError::Fail, ..job };
        let e = try_count(&job, 64).unwrap_err();
        assert!(matches!(e, Error::BadRow { line: Some(2), .. }), "{e}");
    }
}

/// So does one with a character that needs an unknown token which is not in the vocabulary.
#[test]
fn a_text_that_the_tokenizer_cannot_do_is_a_row() {
    let json = r#"{"added_tokens":[],"model":{"type":"BPE","unk_token":"<unk>","vocab":{"a":0},"merges":[]}}"#;
    let encoding = Encoding::from_file_bytes(json.as_bytes(), Default::default()).unwrap();
    let folder = Folder::with("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"ab\"}\n{\"text\":\"aa\"}");
    let job = Job { encodings: vec![Arc::new(encoding)], ..folder.job() };
    let outcome = count(&job);
    let expected = [("a.jsonl".to_owned(), Some(2), Reason::UnsupportedText)];
    assert_eq!(folder.ledger(&outcome), expected);
    assert_eq!(outcome.totals, tally(&job, ["a", "aa"]));
}

/// A panic of the engine costs its row, wherever the row is counted: by itself, in parts, by all workers.
#[test]
fn a_panic_costs_its_row() {
    let bad = crate::measure::PANIC;
    let long = format!("{}{bad}{}", prose(2_000), prose(2_000));
    let folder = Folder::with(
        "a.jsonl",
        format!("{{\"text\":\"ab\"}}\n{{\"text\":\"x {bad}\"}}\n{{\"text\":\"b\"}}"),
    );
    folder.write("b.txt", &long);
    folder.write("c.txt", prose(300));
    folder.write("d.jsonl", serde_json::json!({"text": long.repeat(60)}).to_string());
    let job = folder.job();
    let outcome = count(&job);
    let row = |file: &str, line| (file.to_owned(), line, Reason::InternalError);
    let expected = [row("a.jsonl", Some(2)), row("b.txt", None), row("d.jsonl", Some(1))];
    assert_eq!(folder.ledger(&outcome), expected);
    assert!(outcome.ledger.entries[0].detail.ends_with("an injected panic"));
    assert_eq!(outcome.totals, tally(&job, ["ab", "b", &prose(300)]));
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
    assert!(outcome.ledger.entries[0].detail.contains(&format!("at byte {at};")));
    assert!(outcome.ledger.entries[1].detail.contains("at byte 10;"));

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

#[test]
fn a_byte_order_mark() {
    let folder = Folder::with("a.txt", "\u{feff}text");
    let marked = folder.job();
    assert_eq!(count(&marked).totals, tally(&marked, ["\u{feff}text"]));

    let folder = Folder::with("a.txt", b"\xff\xfet\0e\0x\0t\0");
    folder.write("b.jsonl", b"\xfe\xff\0{\0}");
    let outcome = count(&folder.job());
    assert_eq!(
        folder.ledger(&outcome),
        [("a.txt".into(), None, Reason::Utf16), ("b.jsonl".into(), None, Reason::Utf16)]
    );
    assert!(outcome.ledger.entries[0].detail.contains("iconv -f UTF-16LE"));

    // Without the mark, of a file that is named: zeros that no text has.
    let folder = Folder::with("a.txt", b"p\0l\0a\0i\0n\0 \0t\0e\0x\0t\0");
    let outcome = count(&job(&[&folder.path("a.txt")]));
    assert_eq!(folder.ledger(&outcome), [("a.txt".into(), None, Reason::Utf16)]);
}

#[test]
fn binary_files_are_passed_by_unless_named() {
    let folder = Folder::with("a.txt", "text");
    folder.write("b.bin", b"\x7fELF\0\0");
    folder.write("c.jsonl", "{\"text\":\"a\"}\n\0\n");
    folder.write("d.tar.gz", gz(b"name\0\0\0"));
    let outcome = count(&folder.job());
    assert_eq!((outcome.files, outcome.files_ignored, outcome.ledger.seen), (2, 2, 3));
    assert_eq!(folder.ledger(&outcome), [("c.jsonl".into(), Some(2), Reason::BrokenJson)]);

    folder.write("text.bin", b"text with \0 in it");
    let named = job(&[&folder.path("text.bin")]);
    assert_eq!(count(&named).totals, tally(&named, ["text with \0 in it"]));
    let outcome = count(&job(&[&folder.path("b.bin")]));
    assert_eq!(folder.ledger(&outcome), [("b.bin".into(), None, Reason::UnsupportedFormat)]);
    assert!(outcome.ledger.entries[0].detail.contains("an ELF program"));

    let only = Folder::with("b.bin", b"\0");
    let e = try_count(&only.job(), 64).unwrap_err();
    assert!(e.to_string().contains("all 1 files are binary"), "{e}");
}

#[test]
fn compressed_files() {
    let text = prose(200);
    let (a, b) = text.split_at(text.find("99\n").unwrap());
    let folder = Folder::new();
    folder.write("a.txt.gz", gz(&text));
    folder.write("b.txt.zst", zst(&text));
    // Members and frames one after the other, an empty one among them.
    folder.write("c.txt.gz", [gz(a), gz(""), gz(b)].concat());
    folder.write("d.txt.zst", [zst(a), zst(""), zst(b)].concat());
    // The first bytes tell where the name does not.
    folder.write("e", gz(&text));
    folder.write("f.txt", zst(&text));
    let job = Job { by: vec![Key::Extension], decompress: true, ..folder.job() };
    let outcome = count(&job);
    assert_eq!(outcome.totals, tally(&job, [text.as_str(); 6]));
    let all: Vec<_> = outcome.groups.iter().collect();
    let keys: Vec<_> = all.iter().map(|g| g.key[0].as_deref()).collect();
    assert_eq!(keys, [Some("txt"), None]);
}

#[test]
fn damaged_compressed_text_is_not_counted() {
    let (gz, zst) = (gz(prose(200)), zst(prose(200)));
    let folder = Folder::new();
    folder.write("a.txt.gz", &gz[..gz.len() / 2]);
    folder.write("b.txt.zst", &zst[..zst.len() / 2]);
    folder.write("c.txt.gz", damaged(&gz));
    folder.write("d.txt.zst", damaged(&zst));
    folder.write("e.txt.gz", "not compressed at all");
    folder.write("f.txt.zst", "");
    let outcome = count(&Job { decompress: true, ..folder.job() });
    let reasons: Vec<_> = outcome.ledger.entries.iter().map(|e| e.reason).collect();
    use Reason::{Corrupt, Truncated};
    assert_eq!(reasons, [Truncated, Truncated, Corrupt, Corrupt, Corrupt, Truncated]);
    assert_eq!(outcome.totals.documents, 0);
}

fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let half = bytes.len() / 2;
    bytes[half..half + 40].fill(0xff);
    bytes
}

#[test]
fn rows_before_the_damage_are_counted_and_the_row_in_it_is_not() {
    let rows: Vec<String> = prose(3000).lines().map(|l| format!("{{\"text\":\"{l}\"}}")).collect();
    let text = rows.join("\n");
    for (name, bytes) in [("a.jsonl.gz", gz(&text)), ("a.jsonl.zst", zst(&text))] {
        for (bytes, reason) in [
            (bytes[..bytes.len() / 2].to_vec(), Reason::Truncated),
            (bytes[..bytes.len() - 3].to_vec(), Reason::Truncated),
            (damaged(&bytes), Reason::Corrupt),
        ] {
            let folder = Folder::with(name, &bytes);
            for lines in [false, true] {
                let format = lines.then(|| "lines".to_owned());
                let job = Job { format, ..folder.job() };
                // Not compared over chunks: a decoder may give more of what stands before the damage or less of it.
                let outcome = try_count(&job, 4096).unwrap();
                let counted = outcome.ledger.counted;
                assert_eq!(folder.ledger(&outcome), [(name.to_owned(), Some(counted + 1), reason)]);
                assert_eq!(outcome.ledger.seen, counted + 1);
                let expected = match lines {
                    true => text.lines().collect::<Vec<_>>(),
                    false => prose(3000).leak().lines().collect(),
                };
                assert!(counted < expected.len() as u64);
                assert_eq!(
                    outcome.totals,
                    tally(&job, expected[..counted as usize].iter().copied())
                );
            }
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

#[test]
fn groups_of_several_keys() {
    let folder = Folder::with("a.jsonl", "{\"text\":\"a\",\"s\":1}\n{\"text\":\"b\",\"s\":2}\n");
    folder.write("b.jsonl.gz", gz("{\"text\":\"c\",\"s\":1}\n"));
    folder.write("c.txt", "d");
    let job = Job { by: vec![Key::Extension, Key::parse("s"), Key::File], ..folder.job() };
    let outcome = count(&job);
    let file = |name: &str| Some(folder.path(name).display().to_string());
    let (jsonl, one, two) = (Some("jsonl".to_owned()), Some("1".to_owned()), Some("2".to_owned()));
    let keys: Vec<_> = outcome.groups.iter().map(|g| g.key.clone()).collect();
    assert_eq!(
        keys,
        [
            vec![jsonl.clone(), one.clone(), file("a.jsonl")],
            vec![jsonl.clone(), one, file("b.jsonl.gz")],
            vec![jsonl, two, file("a.jsonl")],
            vec![Some("txt".into()), None, file("c.txt")],
        ]
    );
    assert!(outcome.groups.iter().all(|g| g.tally.documents == 1));
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

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_an_entry_and_the_rest_is_counted() {
    let folder = Folder::with("a.txt", "text");
    std::os::unix::fs::symlink("nowhere", folder.path("link")).unwrap();
    let outcome = count(&folder.job());
    assert_eq!(folder.ledger(&outcome), [("link".into(), None, Reason::BrokenLink)]);
    assert_eq!((outcome.ledger.seen, outcome.ledger.counted, outcome.files), (2, 1, 2));
    let job = Job { on_error: OnError::Fail, ..folder.job() };
    let e = try_count(&job, 64).unwrap_err();
    assert!(e.to_string().contains("link: broken_link: the link points to"), "{e}");

    // Root may read everything, so this says something only when others run it.
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with("a.txt", "text");
    folder.write("b.txt", "secret");
    fs::set_permissions(folder.path("b.txt"), fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(folder.path("b.txt")).is_err() {
        let outcome = count(&folder.job());
        assert_eq!(folder.ledger(&outcome), [("b.txt".into(), None, Reason::Unreadable)]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_of_the_system_while_reading_is_an_entry() {
    // The first page of every process is unmapped, and reading it is an input/output error.
    let folder = Folder::with("a.txt", "text");
    let job = job(&[Path::new("/proc/self/mem"), &folder.path("a.txt")]);
    let outcome = count(&job);
    assert_eq!(folder.ledger(&outcome), [("/proc/self/mem".into(), None, Reason::Unreadable)]);
    assert_eq!(outcome.totals, tally(&job, ["text"]));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_and_a_run_that_waits_for_one_can_be_cancelled() {
    use std::sync::atomic::Ordering::Relaxed;
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let job = Job { format: Some("lines".into()), ..job(&[&pipe]) };
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, prose(2000)).unwrap());
        assert_eq!(try_count(&job, 4096).unwrap().totals, tally(&job, prose(2000).lines()));
    });
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&job, &Progress::new(), &cancel));
        std::thread::sleep(std::time::Duration::from_millis(50));
        cancel.store(true, Relaxed);
        assert!(matches!(running.join().unwrap(), Err(Error::Interrupted)));
    });
    // Let the reader that was left behind go.
    drop(fs::OpenOptions::new().write(true).open(&pipe));
}

#[test]
fn errors_come_before_anything_is_counted() {
    let folder = Folder::with("a.txt", "text");
    let progress = Progress::new();
    let job = job(&[&folder.path("a.txt"), &folder.path("no.txt")]);
    let e = run(&job, &progress, &AtomicBool::new(false)).unwrap_err();
    assert!(matches!(&e, Error::NotFound { path } if path.ends_with("no.txt")));
    assert_eq!(progress.bytes(), 0);
    let empty = Folder::new();
    assert!(matches!(
        run(&empty.job(), &progress, &AtomicBool::new(false)),
        Err(Error::NoInput { .. })
    ));
    for bad in [
        Job { encodings: Vec::new(), ..folder.job() },
        Job { paths: Vec::new(), ..folder.job() },
        Job { threads: Some(0), ..folder.job() },
    ] {
        assert!(matches!(try_count(&bad, 64), Err(Error::InvalidJob { .. })));
    }
}

#[test]
fn progress_ends_where_it_said() {
    let folder = Folder::with("a.txt", prose(100));
    folder.write("b.jsonl.gz", gz("{\"text\":\"a\"}\n{\"text\":\"b\"}\n"));
    folder.write("c.txt", prose(100));
    let progress = Progress::new();
    assert_eq!(progress.total_bytes(), None);
    let outcome = run_in_chunks(&folder.job(), &progress, &AtomicBool::new(false), 256).unwrap();
    assert_eq!(progress.total_bytes(), Some(progress.bytes()));
    assert_eq!(progress.bytes(), outcome.bytes_read);
    assert_eq!(progress.documents(), 4);
}

#[test]
fn a_cancelled_run_gives_nothing() {
    let folder = Folder::with("a.txt", prose(100));
    let result = run(&folder.job(), &Progress::new(), &AtomicBool::new(true));
    assert!(matches!(result, Err(Error::Interrupted)));
}

#[test]
fn a_panic_is_an_error_and_no_hang() {
    let folder = Folder::with("a.txt", prose(1000));
    for threads in [1, 4] {
        let job = Job { format: Some("panics".into()), threads: Some(threads), ..folder.job() };
        let e = try_count(&job, 512).unwrap_err();
        assert!(matches!(&e, Error::Panic { message } if message.starts_with("at \"")), "{e}");
    }
}

#[test]
fn special_tokens_that_are_refused() {
    let folder = Folder::with("a.txt", format!("{}<|endoftext|>{}", prose(100), prose(100)));
    folder.write("b.jsonl", "{\"text\":\"a\"}\n{\"text\":\"ab<|endoftext|>\"}\n{\"text\":\"b\"}\n");
    let job = Job { special: Special::Error, ..folder.job() };
    let outcome = count(&job);
    assert_eq!(
        folder.ledger(&outcome),
        [
            ("a.txt".into(), None, Reason::SpecialToken),
            ("b.jsonl".into(), Some(2), Reason::SpecialToken)
        ]
    );
    let at = prose(100).len();
    assert!(outcome.ledger.entries[0].detail.contains(&format!("at byte {at}")));
    assert!(outcome.ledger.entries[1].detail.contains("\"<|endoftext|>\" at byte 2"));
    for special in [Special::Text, Special::Token] {
        let job = Job { special, ..folder.job() };
        let text = fs::read_to_string(folder.path("a.txt")).unwrap();
        let expected = tally(&job, [&text, "a", "ab<|endoftext|>", "b"]);
        assert_eq!(count(&job).totals, expected);
    }
}

/// Files of random lines, good and bad: every row is counted or skipped, and nothing depends on threads or chunks.
#[test]
fn every_row_is_accounted_for() {
    let good = [
        "{\"text\":\"ä€😀 words\",\"k\":\"a\"}",
        "{\"text\":\"\",\"k\":1}",
        "{\"text\":\"\\u4e2d\"}",
    ];
    let bad: [&[u8]; 4] = [b"{\"text\":", b"{}", b"{\"text\":\"\xff\"}", b"{\"text\":\"\\udfff\"}"];
    let mut random = Random::new(1);
    for _ in 0..12 {
        let folder = Folder::new();
        let (mut rows, mut fine) = (0, 0);
        for file in 0..1 + random.below(4) {
            let mut content = Vec::new();
            if file == 0 {
                // Of records among which nobody has it, the field would be refused.
                content.extend_from_slice(good[0].as_bytes());
                content.push(b'\n');
                (rows, fine) = (1, 1);
            }
            let lines = random.below(60);
            for line in 0..lines {
                match random.below(5) {
                    0 => content.extend_from_slice(b"\r"),
                    1 => {
                        content.extend_from_slice(bad[random.below(bad.len())]);
                        rows += 1;
                    }
                    _ => {
                        content.extend_from_slice(good[random.below(good.len())].as_bytes());
                        rows += 1;
                        fine += 1;
                    }
                }
                if line + 1 < lines || random.below(2) == 0 {
                    content.push(b'\n');
                }
            }
            match random.below(3) {
                0 => folder.write(&format!("{file}.jsonl"), content),
                1 => folder.write(&format!("{file}.jsonl.gz"), gz(content)),
                _ => folder.write(&format!("{file}.ndjson.zst"), zst(content)),
            }
        }
        let job = Job { by: vec![Key::parse("k"), Key::File], ..folder.job() };
        let outcome = count(&job);
        assert_eq!((outcome.ledger.seen, outcome.ledger.counted), (rows, fine));
        let mut sums = Tally { tokens: vec![0], ..Tally::default() };
        outcome.groups.iter().for_each(|g| sums.add(&g.tally));
        assert_eq!(sums, outcome.totals);
    }
}

/// Calls what begins with a letter by that letter, and nothing else anything.
struct FirstLetter;

impl Detector for FirstLetter {
    fn detect(
        &self,
        texts: &[&str],
    ) -> Result<Vec<Option<String>>, Box<dyn std::error::Error + Send + Sync>> {
        let label = |text: &&str| match text.chars().next()? {
            'e' => Some("eng_Latn".to_owned()),
            'd' => Some("de".to_owned()),
            '!' => Some("noise".to_owned()),
            _ => None,
        };
        if texts.iter().any(|text| text.starts_with("panic")) {
            return Err("no language".into());
        }
        Ok(texts.iter().map(label).collect())
    }
}

fn by_language(folder: &Folder) -> Job {
    let mut job = folder.job();
    job.by = vec![Key::Language];
    job.languages.detector = Some(Arc::new(FirstLetter));
    job.languages.detect_bytes = 8;
    job
}

/// Documents by the first key.
fn groups(outcome: &Outcome) -> Vec<(String, u64)> {
    outcome.groups.iter().map(|g| (g.key[0].clone().unwrap(), g.tally.documents)).collect()
}

/// Documents by the first key, counted and read one by one.
fn groups_both_ways(job: &Job) -> Vec<(String, u64)> {
    let counted = groups(&count(job));
    let mut read = std::collections::BTreeMap::new();
    let mut take = |batch: Vec<crate::Document>| {
        batch.iter().for_each(|d| *read.entry(d.key[0].clone().unwrap()).or_insert(0) += 1);
        true
    };
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    crate::documents(job, None, &progress, &cancel, &mut take).unwrap();
    assert_eq!(read.into_iter().collect::<Vec<_>>(), counted);
    counted
}

fn expected<const N: usize>(groups: [(&str, u64); N]) -> Vec<(String, u64)> {
    groups.map(|(key, documents)| (key.to_owned(), documents)).to_vec()
}

#[test]
fn labels_come_from_the_most_trusted_source() {
    let folder = Folder::with(
        "a.jsonl",
        concat!(
            "{\"text\": \"e\", \"lang\": \"zho_Hans\"}\n",
            "{\"text\": \"e\"}\n",
            "{\"text\": \"e\", \"lang\": null}\n",
            "{\"text\": \"x\", \"lang\": \"  \"}\n",
            "{\"text\": \"!\", \"lang\": \"code\"}\n",
            "{\"text\": \"!\"}\n",
        ),
    );
    folder.write("fr/b.jsonl", "{\"text\": \"e\"}\n{\"text\": \"e\", \"lang\": \"de\"}\n");
    let mut job = by_language(&folder);
    assert_eq!(groups_both_ways(&job), expected([("en", 5), ("noise", 2), ("und", 1)]));
    job.languages.field = Some("lang".into());
    job.languages.from_path = true;
    assert_eq!(
        groups_both_ways(&job),
        expected([
            ("code", 1),
            ("de", 1),
            ("en", 2),
            ("fr", 1),
            ("noise", 1),
            ("und", 1),
            ("zh", 1)
        ])
    );
    job.languages.detector = None;
    assert_eq!(
        groups_both_ways(&job),
        expected([("code", 1), ("de", 1), ("fr", 1), ("und", 4), ("zh", 1)])
    );
}

#[test]
fn long_documents_are_labelled_by_their_beginning() {
    let folder = Folder::with("a.txt", "e".to_owned() + &prose(30_000));
    folder.write("b.txt", "d".to_owned() + &prose(300));
    folder.write("c.jsonl", format!("{{\"text\": {:?}}}\n", "d ".repeat(3 << 20)));
    folder.write("de/d.txt", prose(30_000));
    let mut job = by_language(&folder);
    job.languages.from_path = true;
    job.sample = true;
    // Every part of a document but the first is nobody's beginning.
    for threads in [1, 4] {
        job.threads = Some(threads);
        let outcome = try_count(&job, 1 << 20).unwrap();
        assert_eq!(groups(&outcome), expected([("de", 3), ("en", 1)]));
        assert_eq!(groups_both_ways(&job), groups(&outcome));
        assert_eq!(outcome.totals.sample.values().len(), 4 * outcome.totals.sample.columns());
    }
}

#[test]
fn many_documents_are_labelled_batch_by_batch() {
    let records =
        |letter: &str, n| format!("{{\"text\": \"{letter}{}\"}}\n", "x".repeat(40)).repeat(n);
    let folder = Folder::with("a.jsonl", records("e", 5_000) + &records("d", 1_000));
    folder.write("b.jsonl", records("d", 300) + &records("e", 1));
    let mut job = by_language(&folder);
    job.languages.detect_bytes = 1 << 20;
    assert_eq!(groups_both_ways(&job), expected([("de", 1_300), ("en", 5_001)]));
}

#[test]
fn a_detector_that_fails_ends_the_run() {
    let folder = Folder::with("a.jsonl", "{\"text\": \"panic\"}\n");
    let result = run(&by_language(&folder), &Progress::new(), &AtomicBool::new(false));
    assert!(
        matches!(&result, Err(Error::Detector(e)) if e.to_string() == "no language"),
        "{result:?}"
    );
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let result = crate::documents(&by_language(&folder), None, &progress, &cancel, &mut |_| true);
    assert!(matches!(&result, Err(Error::Detector(_))), "{result:?}");
}

#[test]
fn extra_measures_and_samples_do_not_depend_on_threads_or_chunks() {
    use unicode_segmentation::UnicodeSegmentation;

    let folder = Folder::new();
    let texts: Vec<String> = (0..3_000).map(|i| prose(1 + i % 4)).collect();
    let records = texts.iter().map(|t| serde_json::json!({ "text": t }).to_string() + "\n");
    folder.write("a.jsonl", records.collect::<String>());
    let mut job = folder.job();
    job.sample = true;
    job.extra = Extra { graphemes: true, words: true, partial_tokens: true };
    let outcome = count(&job);
    let totals = &outcome.totals;
    let sum = |f: fn(&str) -> usize| texts.iter().map(|t| f(t) as u64).sum::<u64>();
    assert_eq!(totals.graphemes, sum(|t| t.graphemes(true).count()));
    assert_eq!(totals.words, sum(|t| t.unicode_words().count()));
    assert!(totals.sample.is_divided());
    let row_sums: Vec<u64> = (0..totals.sample.columns())
        .map(|c| totals.sample.values().iter().skip(c).step_by(totals.sample.columns()).sum())
        .collect();
    assert_eq!(row_sums, totals.sampled_values().collect::<Vec<_>>());

    let encoding = &job.encodings[0];
    let (mut single, mut partial) = (0, 0);
    let ids = |text: &str| {
        let mut ids = Vec::new();
        encoding.encode(text, Special::Text, &mut ids).unwrap();
        ids
    };
    for text in &texts {
        for word in text.unicode_words() {
            single += u64::from(ids(word).len() == 1 || ids(&format!(" {word}")).len() == 1);
        }
        for id in ids(text) {
            let mut bytes = Vec::new();
            encoding.decode(&[id], &mut bytes).unwrap();
            partial += u64::from(String::from_utf8(bytes).is_err());
        }
    }
    assert_eq!((totals.single_token_words[0], totals.partial_tokens[0]), (single, partial));
    assert!(single > 0 && partial > 0);
}

/// Every known format, in files that are named, in a walk, and inside gzip: never counted, never met with advice that
/// would count it as text.
#[test]
fn files_of_known_formats_are_named_and_not_counted() {
    let mut tar = vec![0u8; 1024];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..262].copy_from_slice(b"ustar");
    let parquet = [&b"PAR1\x15\x04\x15\x0c"[..], &[0xff; 64], b"PAR1"].concat();
    let warc = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 4\r\n\r\ntext\r\n\r\n";
    let data: &[(&str, &str, &[u8])] = &[
        ("a.parquet", "Parquet", &parquet),
        ("b.jsonl", "Parquet", &parquet),
        ("c.txt", "xz", b"\xfd7zXZ\0\0\x04\xe6\xd6"),
        ("d.bz2", "bzip2", b"BZh91AY&SY\x01\x02\xff"),
        ("e.tar", "tar", &tar),
        ("f.warc", "WARC", warc.as_bytes()),
        ("g.db", "SQLite", b"SQLite format 3\0\x10\0\x01\x01"),
        ("h.pdf", "PDF", b"%PDF-1.4\n1 0 obj\n"),
        ("i.zip", "zip", b"PK\x03\x04\x14\0\0\0\x08\0"),
        ("j.arrow", "Arrow IPC", b"ARROW1\0\0\xff\xff\xff\xff"),
        ("k.gz", "bzip2", b"BZh91AY&SY\x01\x02\xff"),
    ];
    let folder = Folder::with("z.jsonl", "{\"text\":\"a\"}\n");
    for (name, _, bytes) in data {
        folder.write(name, bytes);
    }
    folder.write("l.tar.gz", gz(&tar));
    folder.write("m.warc.zst", zst(warc));
    folder.write("n.txt.gz.gz", gz(gz("text")));
    folder.write("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let outcome = count(&folder.job());
    assert_eq!((outcome.totals.documents, outcome.files_ignored), (1, 1));
    let expected: Vec<_> = data
        .iter()
        .map(|(name, format, _)| (*name, *format))
        .chain([("l.tar.gz", "tar inside gzip"), ("m.warc.zst", "WARC inside zstd")])
        .chain([("n.txt.gz.gz", "gzip inside gzip")])
        .collect();
    assert_eq!(outcome.ledger.entries.len(), expected.len());
    for (entry, (name, format)) in outcome.ledger.entries.iter().zip(&expected) {
        assert!(entry.file.ends_with(name), "{entry:?}");
        assert_eq!((entry.line, entry.reason), (None, Reason::UnsupportedFormat), "{entry:?}");
        assert!(
            entry.detail.starts_with(&format!("not supported yet: {format}; to count it, ")),
            "{entry:?}"
        );
        // Nor when it is named, or its bytes are to be replaced.
        let named = Job { errors: Utf8Errors::Replace, ..job(&[&folder.path(name)]) };
        let named = count(&named);
        assert_eq!((named.ledger.seen, named.ledger.counted), (1, 0));
        assert_eq!(named.ledger.entries[0].detail, entry.detail);
    }
    let unsupported = &outcome.ledger.unsupported;
    assert_eq!((unsupported["Parquet"], unsupported["WARC"], unsupported["tar"]), (2, 2, 2));
    assert_eq!(unsupported.values().sum::<u64>(), outcome.ledger.skipped);

    let picture = count(&job(&[&folder.path("picture.png")]));
    assert!(picture.ledger.entries[0].detail.contains("a PNG image"));

    // What is text all the same is read when it is asked for as text; what is none is not.
    let forced = |name: &str| Job { format: Some("text".into()), ..job(&[&folder.path(name)]) };
    assert_eq!(count(&forced("m.warc.zst")).totals, tally(&forced("f.warc"), [warc]));
    assert_eq!(count(&forced("h.pdf")).totals.documents, 1);
    assert_eq!(count(&forced("a.parquet")).totals.documents, 0);
}

#[test]
fn binary_data_that_is_named_is_not_met_with_advice_to_replace() {
    let folder = Folder::with("a.bin", b"\x01\x02\0\xff\xfe\0\x80");
    let named = job(&[&folder.path("a.bin")]);
    let outcome = count(&named);
    assert_eq!(folder.ledger(&outcome), [("a.bin".into(), None, Reason::UnsupportedFormat)]);
    assert!(!outcome.ledger.entries[0].detail.contains("replace"));
    // Who asks for it gets it.
    let replaced = Job { errors: Utf8Errors::Replace, ..named };
    assert_eq!(count(&replaced).totals.documents, 1);
}

#[test]
fn tables_are_text_until_a_field_of_them_is_asked_for() {
    let folder = Folder::with("a.csv", "text,lang\nhello,en\n");
    folder.write("b.tsv.gz", gz("text\tlang\n"));
    folder.write("c.jsonl", "{\"text\":\"a\",\"lang\":\"en\"}\n");
    let paths = [folder.path("a.csv"), folder.path("b.tsv.gz"), folder.path("c.jsonl")];
    let plain = job(&[&paths[0], &paths[1], &paths[2]]);
    assert_eq!(count(&plain).totals.documents, 3);
    let mut with_language = plain.clone();
    with_language.languages.field = Some("lang".into());
    for asks in [
        Job { text_field: Some("text".into()), ..plain.clone() },
        Job { by: vec![Key::parse("lang")], ..plain.clone() },
        with_language,
    ] {
        let outcome = count(&asks);
        let table = |name: &str| (name.to_owned(), None, Reason::UnsupportedFormat);
        assert_eq!(folder.ledger(&outcome), [table("a.csv"), table("b.tsv.gz")]);
        assert!(outcome.ledger.entries[1].detail.contains("the fields of TSV"));
        assert_eq!(outcome.totals.documents, 1);
        let text = Job { format: Some("text".into()), ..asks };
        match text.text_field {
            Some(_) => assert_eq!(count(&text).totals.documents, 3),
            None => assert_eq!(unknown_field(&text), ("lang".to_owned(), Vec::new())),
        }
    }
    let by_file = Job { by: vec![Key::File], ..plain };
    assert_eq!(count(&by_file).totals.documents, 3);
}

fn unknown_field(job: &Job) -> (String, Vec<String>) {
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
fn more_groups_than_allowed_end_the_run() {
    let rows: String = (0..100).map(|i| format!("{{\"text\":\"a\",\"id\":{i}}}\n")).collect();
    let folder = Folder::with("a.jsonl", &rows);
    folder.write("b.jsonl", rows.replace("\"id\":", "\"id\":1"));
    let by_id = Job { by: vec![Key::parse("id")], max_groups: 200, ..folder.job() };
    assert_eq!(count(&by_id).groups.len(), 190);
    for threads in [1, 2] {
        let few = Job { max_groups: 189, threads: Some(threads), ..by_id.clone() };
        match run(&few, &Progress::new(), &AtomicBool::new(false)) {
            Err(Error::TooManyGroups { by, most }) => {
                assert_eq!((by, most), (vec!["id".into()], 189))
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn outputs_are_left_out_of_a_walk_and_refused_by_name() {
    let folder = Folder::with("a.txt", "a");
    folder.write("sub/o.csv", "encoding,tokens\n");
    let outputs = vec![folder.path("sub/o.csv"), folder.path("new.json")];
    let walk = Job { outputs: outputs.clone(), ..folder.job() };
    assert_eq!(count(&walk).totals.documents, 1);
    for path in [folder.path("sub/o.csv"), folder.path("sub/../sub/*.csv")] {
        let named = Job { paths: vec![path], outputs: outputs.clone(), ..folder.job() };
        let error = run(&named, &Progress::new(), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, Error::Overwrite { .. }), "{error}");
    }
}

#[test]
fn a_walk_unpacks_records_and_what_it_is_asked_to() {
    let rows = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n";
    let folder = Folder::with("a.txt", "text");
    folder.write("sub/b.txt.gz", gz("packed"));
    folder.write("sub/c.svgz", gz("<svg/>"));
    folder.write("d.zst", zst("packed"));
    folder.write("e.jsonl.gz", gz(rows));
    folder.write("f.ndjson.zst", zst(rows));
    folder.write("g.json.gz", gz(rows));
    folder.write("h.json.gz", gz("{\n\"text\": \"a\"\n}\n"));
    folder.write("i.jsonl.gz", gz(""));
    let walk = count(&folder.job());
    assert_eq!((walk.totals.documents, walk.files_packed, walk.files_ignored), (7, 4, 4));
    assert_eq!((walk.files, walk.ledger.skipped), (5, 0));
    let asked = count(&Job { decompress: true, ..folder.job() });
    assert_eq!((asked.totals.documents, asked.files_packed, asked.files_ignored), (11, 0, 0));
    let records = count(&Job { format: Some("jsonl".into()), ..folder.job() });
    assert_eq!((records.files_packed, records.files), (0, 9));
    // Named, or by a pattern that fits its name; not by one that fits its folder.
    assert_eq!(count(&job(&[&folder.path("d.zst")])).totals.documents, 1);
    assert_eq!(count(&job(&[&folder.path("*.zst")])).totals.documents, 3);
    assert_eq!(count(&job(&[&folder.path("**/*.gz")])).totals.documents, 6);
    for path in [folder.path("sub"), folder.path("s?b")] {
        let e = try_count(&job(&[&path]), 64).unwrap_err().to_string();
        assert!(
            e.contains("all 2 files are compressed and hold no records; decompress=True"),
            "{e}"
        );
    }
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
        ("a.json", "[{\"text\":\"a\"},\n{\"text\":\"b\"}]\n"),
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
    // Of one value that is named a field cannot be counted; in a walk it is a text like any other.
    for text in ["[{\"text\":\"a\"}]", "{\n\"text\": \"a\"}", "{\"body\":\"a\"}\n"] {
        let folder = Folder::with("a.json", text);
        let asks = Job { text_field: Some("text".into()), ..job(&[&folder.path("a.json")]) };
        let outcome = count(&asks);
        assert_eq!(folder.ledger(&outcome), [("a.json".into(), None, Reason::UnsupportedFormat)]);
        let walk = Job { text_field: Some("text".into()), ..folder.job() };
        assert_eq!(count(&walk).totals, tally(&walk, [text]));
    }
    // The field that is asked for decides about a line alone.
    let folder = Folder::with("a.json", "{\"body\":\"a\"}\n");
    assert_eq!(count(&folder.job()).totals.bytes, 13);
    let body = Job { text_field: Some("body".into()), ..folder.job() };
    assert_eq!(count(&body).totals, tally(&body, ["a"]));
}

#[cfg(unix)]
#[test]
fn a_file_is_read_once_whatever_it_is_called() {
    let folder = Folder::with("a.jsonl", "{\"text\":\"a\"}\n");
    fs::create_dir(folder.path("d")).unwrap();
    std::os::unix::fs::symlink("a.jsonl", folder.path("link.jsonl")).unwrap();
    fs::hard_link(folder.path("a.jsonl"), folder.path("hard.jsonl")).unwrap();
    folder.write("other.jsonl", "{\"text\":\"a\"}\n");
    let first = folder.path("link.jsonl");
    let paths = [
        first.clone(),
        folder.path("a.jsonl"),
        folder.path("d/../a.jsonl"),
        folder.path("hard.jsonl"),
        folder.path("a.*"),
        folder.path(""),
        folder.path("d/.."),
    ];
    let mut job = job(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    job.by = vec![Key::File];
    let outcome = count(&job);
    // The walks and the pattern meet it again: two names in each of them, and the other file in one of them.
    assert_eq!((outcome.totals.documents, outcome.files), (2, 2));
    assert_eq!(outcome.inputs_repeated, 3 + 1 + 2 + 3);
    let names: Vec<_> = outcome.groups.iter().map(|g| g.key[0].clone().unwrap()).collect();
    assert!(names.contains(&first.display().to_string()), "{names:?}");

    // A broken link too is one row.
    std::os::unix::fs::symlink("nowhere", folder.path("broken")).unwrap();
    job.paths = vec![folder.path("broken"), folder.path("broken"), first];
    assert_eq!(count(&job).ledger.seen, 2);
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let names: [&[u8]; 4] = [b"a\xff.txt", b"a\xfe.txt", b"a\\xff.txt", b"a.\xff"];
    for name in names {
        let path = folder.path("").join(std::ffi::OsStr::from_bytes(name));
        if fs::write(&path, "text").is_err() {
            // A file system that takes no such names has none to keep apart.
            return;
        }
    }
    let job = Job { by: vec![Key::File, Key::Extension], ..folder.job() };
    let outcome = count(&job);
    let base = folder.path("").display().to_string();
    let all: Vec<_> = outcome.groups.iter().collect();
    let keys: Vec<_> = all.iter().map(|g| g.key[0].as_deref().unwrap()).collect();
    let keys: Vec<_> = keys.iter().map(|k| k.strip_prefix(&base).unwrap()).collect();
    assert_eq!(keys, ["a.\\xff", "a\\\\xff.txt", "a\\xfe.txt", "a\\xff.txt"]);
    assert_eq!(outcome.groups.get(0).key[1].as_deref(), Some("\\xff"));
}

/// A frame whose header asks for this window and whose data are one block of text.
fn frame_with_window(exponent: u8, mantissa: u8, text: &str) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (exponent - 10) << 3 | mantissa];
    frame.extend_from_slice(&((text.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

#[test]
fn memory_that_a_frame_asks_for_is_bounded() {
    let row = "{\"text\":\"a\"}\n";
    let folder = Folder::with("a.jsonl.zst", frame_with_window(31, 0, row));
    let outcome = count(&folder.job());
    assert_eq!(folder.ledger(&outcome), [("a.jsonl.zst".into(), Some(1), Reason::WindowTooLarge)]);
    let detail = &outcome.ledger.entries[0].detail;
    assert!(detail.contains("--max-window-bytes 2147483648"), "{detail}");
    for max_window_bytes in [2 << 30, u64::MAX] {
        let more = Job { max_window_bytes, ..folder.job() };
        assert_eq!(count(&more).totals, tally(&more, ["a"]));
    }

    // To the byte, whole rows before it are counted, and the default takes 128 MiB.
    let frames = [zst(row), frame_with_window(20, 3, row)].concat();
    let folder = Folder::with("a.jsonl.zst", frames);
    let window = (1 << 20) + (3 << 17);
    let exact = Job { max_window_bytes: window, ..folder.job() };
    assert_eq!(count(&exact).ledger.counted, 2);
    let less = Job { max_window_bytes: window - 1, ..folder.job() };
    let outcome = count(&less);
    assert_eq!(outcome.ledger.counted, 1);
    assert_eq!(folder.ledger(&outcome), [("a.jsonl.zst".into(), Some(2), Reason::WindowTooLarge)]);
    let folder = Folder::with("a.jsonl.zst", frame_with_window(27, 0, row));
    assert_eq!(count(&folder.job()).ledger.counted, 1);
    let folder = Folder::with("a.jsonl.zst", frame_with_window(27, 1, row));
    assert_eq!(count(&folder.job()).ledger.counted, 0);
}

#[test]
fn files_whose_damage_cannot_be_seen_are_named() {
    let row = "{\"text\":\"a\"}\n";
    let unchecked = zstd::encode_all(row.as_bytes(), 1).unwrap();
    let folder = Folder::with("a.jsonl.zst", zst(row));
    folder.write("b.jsonl.gz", gz(row));
    folder.write("c.jsonl", row);
    assert_eq!(count(&folder.job()).files_unchecked, 0);
    folder.write("d.jsonl.zst", &unchecked);
    folder.write("e.jsonl.zst", [zst(row), unchecked].concat());
    let expected =
        ["d.jsonl.zst", "e.jsonl.zst"].map(|name| folder.path(name).display().to_string());
    let outcome = count(&folder.job());
    assert_eq!((outcome.files_unchecked, outcome.unchecked), (2, expected.to_vec()));
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let read = crate::documents(&folder.job(), None, &progress, &cancel, &mut |_| true).unwrap();
    assert_eq!((read.files_unchecked, read.unchecked), (2, expected.to_vec()));
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
    let reasons: Vec<_> = account.ledger.entries.iter().map(|e| (e.line, e.reason)).collect();
    let (missing, wrong) = (Reason::MissingField, Reason::NotAString);
    assert_eq!(
        reasons,
        [(Some(2), missing), (Some(3), wrong), (Some(4), missing), (None, missing)]
    );
    let [document] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((document.text.as_str(), document.answer.as_deref()), ("a", Some("b")));
    assert_eq!(document.line, Some(1));
}

#[test]
fn reading_ends_when_nobody_takes_more() {
    let folder = Folder::with("a.jsonl", "{\"text\":\"abc\"}\n".repeat(20_000));
    let mut batches = 0;
    let mut take = |_| {
        batches += 1;
        batches < 2
    };
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    let ended = crate::documents(&folder.job(), None, &progress, &cancel, &mut take);
    assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
    assert_eq!(batches, 2);
}

#[test]
fn whole_files_are_unpacked_and_bounded() {
    let folder = Folder::with("a.txt", "some text");
    folder.write("b", zstd::encode_all(&b"some text"[..], 1).unwrap());
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    for name in ["a.txt", "b"] {
        let read = |limit| crate::read_whole(&folder.path(name), limit, &progress, &cancel);
        assert_eq!(read(9).unwrap(), b"some text");
        let too_large = read(8).unwrap_err();
        assert!(matches!(too_large, Error::BadRow { reason: Reason::RecordTooLarge, .. }));
    }
    for name in ["nothing", ""] {
        assert!(crate::read_whole(&folder.path(name), 9, &progress, &cancel).is_err(), "{name}");
    }
}

/// Files made of the beginnings of formats, records, text and noise, under names of every kind: what they are taken for
/// depends on nothing but them, every one is accounted for, and a text is counted as it is.
#[test]
fn what_a_file_is_taken_for_does_not_depend_on_threads_or_chunks() {
    let parts: [&[u8]; 22] = [
        b"PAR1\x15\x04",
        b"BZh91AY&SY",
        b"\xfd7zXZ\0",
        b"PK\x03\x04\x14\0",
        b"WARC/1.0\r\n",
        b"%PDF-1.4\n",
        b"\x89PNG\r\n\x1a\n",
        b"\x7fELF",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"{\"text\":\"a\"}\n",
        b"{\"text\":\"b",
        b"{\n",
        b"[{\"text\":1}]\n",
        b" \n",
        b"plain text\n",
        b"h\0i\0",
        b"\0",
        b"\xff",
        "中文\n".as_bytes(),
        b"\x28\xb5\x2f\xfd",
        b"\x1f\x8b\x08",
    ];
    let suffixes = ["", ".txt", ".json", ".jsonl", ".csv", ".bin"];
    let mut random = Random::new(17);
    let (mut counted, mut skipped, mut ignored) = (0, 0, 0);
    for _ in 0..8 {
        let folder = Folder::new();
        for file in 0..60 {
            let mut bytes: Vec<u8> = (0..random.below(5))
                .flat_map(|_| parts[random.below(parts.len())])
                .copied()
                .collect();
            if random.below(4) == 0 {
                bytes.extend(std::iter::repeat_n(b"x\n \0"[random.below(4)], 20_000));
            }
            let mut name = format!("{file}{}", suffixes[random.below(suffixes.len())]);
            match random.below(5) {
                0 => (bytes, name) = (gz(bytes), name + ".gz"),
                1 => (bytes, name) = (zst(bytes), name + ".zst"),
                2 => bytes = gz(bytes),
                _ => {}
            }
            folder.write(&name, bytes);
        }
        let walk = folder.job();
        let named: Vec<PathBuf> =
            fs::read_dir(folder.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let named = Job { paths: named, ..walk.clone() };
        let field = Job { text_field: Some("text".into()), ..walk.clone() };
        let forced = Job { format: Some("lines".into()), ..walk.clone() };
        for job in [walk, named, field, forced] {
            let outcome = count(&job);
            assert_eq!(outcome.files + outcome.files_ignored, 60);
            counted += outcome.ledger.counted;
            skipped += outcome.ledger.skipped;
            ignored += outcome.files_ignored;
        }
    }
    assert!(counted > 500 && skipped > 500 && ignored > 100, "{counted} {skipped} {ignored}");
}
