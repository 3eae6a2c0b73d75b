//! Groups, and the languages of documents.

use super::*;

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

/// Of a record that is read in parts the language is known at its end, and a detector is given the beginning of the text
/// all the same.
#[test]
fn languages_of_records_in_parts() {
    let folder = Folder::new();
    let mut records = String::new();
    for (text, after) in
        [("e", r#","l":"fr""#), ("d", ""), ("e", ""), ("\u{e9}", ""), ("d", r#","l":" ""#)]
    {
        let text = serde_json::Value::from(format!("{text} {}", prose(200)));
        records.push_str(&format!("{{\"text\":{text}{after}}}\n"));
    }
    folder.write("a.jsonl", records);
    let mut job = by_language(&folder);
    job.languages.field = Some("l".into());
    let outcome = count(&job);
    let keys: Vec<_> =
        outcome.groups.iter().map(|g| (g.key[0].clone(), g.tally.documents)).collect();
    let expected = [("de", 2), ("en", 1), ("fr", 1), ("und", 1)];
    assert_eq!(keys, expected.map(|(key, n)| (Some(key.to_owned()), n)));
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
    job.bootstrap = true;
    // Every part of a document but the first is nobody's beginning.
    for threads in [1, 4] {
        job.threads = Some(threads);
        let outcome = try_count(&job, 1 << 20).unwrap();
        assert_eq!(groups(&outcome), expected([("de", 3), ("en", 1)]));
        assert_eq!(groups_both_ways(&job), groups(&outcome));
        assert_eq!(outcome.totals.bootstrap.values().len(), 4 * outcome.totals.bootstrap.columns());
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
