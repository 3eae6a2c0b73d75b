//! Texts that the engine refuses, or fails at: rows of the ledger, never of the sums.

use super::*;

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
        assert!(matches!(e, Error::BadRow(ref entry) if entry.position.line() == Some(2)), "{e}");
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
    let bad = crate::statistics::PANIC;
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
