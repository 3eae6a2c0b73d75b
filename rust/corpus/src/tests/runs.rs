//! What holds for a run as a whole: its errors, its end, its rows.

use fasttok_parallel::SharedCounter;

use super::*;

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
fn counters_are_kept_from_run_to_run_and_change_nothing() {
    let folder = Folder::with("a.jsonl", "{\"text\": \"one two\"}\n{\"text\": \"three\"}\n");
    folder.write("b.txt", prose(100));
    // No other test has it: so it can be counted who holds it.
    let encoding = Encoding::embedded("p50k_edit").unwrap();
    let kept = Arc::new(SharedCounter::new(encoding.clone()));
    let job = Job { encodings: vec![encoding.clone()], counters: vec![kept], ..folder.job() };
    let before = Arc::strong_count(&encoding);
    let first = try_count(&job, 64).unwrap();
    assert!(Arc::strong_count(&encoding) > before, "no counter was kept");
    assert_eq!(comparable(try_count(&job, 64).unwrap()), comparable(first));
    let new = Job { counters: Vec::new(), ..job.clone() };
    assert_eq!(comparable(try_count(&new, 64).unwrap()), comparable(try_count(&job, 64).unwrap()));
}

#[test]
fn a_cancelled_run_gives_nothing() {
    let folder = Folder::with("a.txt", prose(100));
    let result = run(&folder.job(), &Progress::new(), &AtomicBool::new(true));
    assert!(matches!(result, Err(Error::Interrupted)));
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
        outcome.groups.iter().for_each(|g| sums.merge(&g.tally));
        assert_eq!(sums, outcome.totals);
    }
}

#[test]
fn extra_measures_and_samples_do_not_depend_on_threads_or_chunks() {
    use unicode_segmentation::UnicodeSegmentation;

    let folder = Folder::new();
    let texts: Vec<String> = (0..3_000).map(|i| prose(1 + i % 4)).collect();
    let records = texts.iter().map(|t| serde_json::json!({ "text": t }).to_string() + "\n");
    folder.write("a.jsonl", records.collect::<String>());
    let mut job = folder.job();
    job.bootstrap = true;
    job.extra = Extra { graphemes: true, words: true, partial_tokens: true };
    let outcome = count(&job);
    let totals = &outcome.totals;
    let sum = |f: fn(&str) -> usize| texts.iter().map(|t| f(t) as u64).sum::<u64>();
    assert_eq!(totals.graphemes, sum(|t| t.graphemes(true).count()));
    assert_eq!(totals.words, sum(|t| t.unicode_words().count()));
    assert!(totals.bootstrap.is_divided());
    let row_sums: Vec<u64> = (0..totals.bootstrap.columns())
        .map(|c| totals.bootstrap.values().iter().skip(c).step_by(totals.bootstrap.columns()).sum())
        .collect();
    assert_eq!(row_sums, totals.bootstrap_values().collect::<Vec<_>>());

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
