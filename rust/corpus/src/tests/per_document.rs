//! The table of documents: a row for each that was counted, the same file whoever counted what, and after a break too.

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::checkpoints::{corpus, go_on};
use super::*;

/// The rows of a table, each a list of what its columns are called and hold.
fn rows(path: &Path) -> Vec<HashMap<String, Field>> {
    let file = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let row = |row: parquet::record::Row| {
        row.get_column_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    file.get_row_iter(None).unwrap().map(|each| row(each.unwrap())).collect()
}

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Null => None,
        other => panic!("{other}"),
    }
}

fn number(field: &Field) -> u64 {
    match field {
        Field::Long(number) => *number as u64,
        other => panic!("{other}"),
    }
}

/// Holds that the rows at `path` are those of all documents of `outcome`.
fn add_up(path: &Path, outcome: &Outcome, encodings: &[&str]) -> Vec<HashMap<String, Field>> {
    let rows = rows(path);
    assert_eq!(rows.len() as u64, outcome.totals.documents);
    let sum = |name: &str| rows.iter().map(|row| number(&row[name])).sum::<u64>();
    assert_eq!(sum("bytes"), outcome.totals.bytes);
    assert_eq!(sum("chars"), outcome.totals.chars);
    assert_eq!(encodings.iter().map(|name| sum(name)).collect::<Vec<_>>(), outcome.totals.tokens);
    rows
}

/// A corpus with a document that all workers count, among others of its file.
fn with_long_document() -> Folder {
    let folder = corpus();
    let long = "Straße 中文 word ".repeat(300_000);
    let record = |id: u64, text: &str| {
        format!("{}\n", serde_json::json!({"text": text, "lang": "l0", "id": id, "bytes": "x"}))
    };
    let records = [record(7, "before"), record(8, &long), record(9, "after")].concat();
    folder.write("l.jsonl", records);
    folder
}

fn asked(folder: &Folder) -> Job {
    let mut job = folder.job();
    // A key that is called like a column that is always there.
    job.by = vec![Key::Field("lang".into()), Key::Extension, Key::Field("bytes".into())];
    job.id_field = Some("id".into());
    job.encodings.push(Encoding::embedded("gpt2").unwrap());
    job.labels = vec!["r50k_base".into(), "mine".into()];
    job
}

#[test]
fn the_table_is_the_same_whoever_counts() {
    let (folder, out) = (with_long_document(), Folder::new());
    for errors in [Utf8Errors::Strict, Utf8Errors::Replace] {
        let mut first: Option<Vec<u8>> = None;
        for (chunk, threads) in [(1 << 20, 1), (64, 3), (300, 2), (4096, 4)] {
            let path = out.path(&format!("{chunk}.parquet"));
            let table = Some(path.clone());
            let job = Job { threads: Some(threads), per_document: table, errors, ..asked(&folder) };
            let outcome = try_count(&job, chunk).unwrap();
            assert!(outcome.ledger.skipped > 0);
            let rows = add_up(&path, &outcome, &["r50k_base", "mine"]);
            let table = fs::read(&path).unwrap();
            assert!(table == *first.get_or_insert_with(|| table.clone()), "{chunk} {threads}");
            let last: Vec<_> = rows.iter().filter(|row| row["key.bytes"] != Field::Null).collect();
            let ids: Vec<_> = last.iter().map(|row| text(&row["id"]).unwrap()).collect();
            assert_eq!(ids, ["7", "8", "9"], "the long one is counted last");
            assert_eq!(last.iter().map(|row| number(&row["line"])).collect::<Vec<_>>(), [1, 2, 3]);
            for row in &rows {
                let file = text(&row["file"]).unwrap();
                // One record of g.jsonl has none either.
                let has_lang = text(&row["lang"]).is_some();
                assert!(has_lang != file.ends_with(".txt") || file.ends_with("g.jsonl"), "{file}");
                assert_eq!(file.ends_with(".json"), row["element"] != Field::Null, "{file}");
            }
        }
    }
    assert_eq!(fs::read_dir(out.path("")).unwrap().count(), 4, "nothing else is left");
}

#[test]
fn labels_of_a_detector_are_in_their_rows() {
    struct ByLength;
    impl Detector for ByLength {
        fn detect(
            &self,
            texts: &[&str],
        ) -> Result<Vec<Option<String>>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(texts.iter().map(|text| (text.len() % 2 == 0).then(|| "de".to_owned())).collect())
        }
    }
    let (folder, out) = (with_long_document(), Folder::new());
    let mut job = asked(&folder);
    job.by = vec![Key::Language, Key::Script];
    job.languages.field = Some("lang".into());
    job.languages.detector = Some(Arc::new(ByLength));
    job.languages.detect_bytes = 100;
    job.per_document = Some(out.path("a.parquet"));
    let outcome = try_count(&job, 4096).unwrap();
    let rows = add_up(&out.path("a.parquet"), &outcome, &["r50k_base", "mine"]);
    for group in outcome.groups.iter() {
        let of_group = |row: &&HashMap<String, Field>| {
            [text(&row["language"]), text(&row["script"])] == group.key[..]
        };
        let found = rows.iter().filter(of_group).count() as u64;
        assert_eq!(found, group.tally.documents, "{:?}", group.key);
    }
}

#[test]
fn a_run_that_was_broken_off_writes_the_same_table() {
    let (folder, kept) = (with_long_document(), Folder::new());
    let mut job = asked(&folder);
    let path = kept.path("whole.parquet");
    job.per_document = Some(path.clone());
    try_count(&job, 4096).unwrap();
    let expected = fs::read(&path).unwrap();
    let mut random = Random::new(31);
    let mut broken_off = 0;
    for round in 0..8 {
        job.checkpoint = Some(kept.path(&round.to_string()));
        job.checkpoint_seconds = 0;
        let mut reached = 0;
        loop {
            job.threads = Some(1 + random.below(3));
            let path = kept.path(&format!("{broken_off}.parquet"));
            job.per_document = Some(path.clone());
            let chunk = [64, 300, 4096][random.below(3)];
            match go_on(&job, chunk, &mut reached, 1 + random.below(60) as u64) {
                Ok(_) => {
                    assert!(fs::read(&path).unwrap() == expected, "round {round}");
                    break;
                }
                Err(Error::Interrupted) => broken_off += 1,
                Err(e) => panic!("{e}"),
            }
        }
    }
    assert!(broken_off > 40, "{broken_off}");
    job.per_document = None;
    assert!(matches!(try_count(&job, 64), Err(Error::CheckpointMismatch { .. })));
}

#[test]
fn what_cannot_be_written_ends_the_run() {
    let folder = corpus();
    let mut job = folder.job();
    job.per_document = Some(folder.path("missing/a.parquet"));
    let error = try_count(&job, 4096).expect_err("there is no such folder");
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn no_documents_are_a_table_without_rows() {
    let folder = Folder::with("a.jsonl", "\n\n");
    let mut job = folder.job();
    job.per_document = Some(folder.path("out.parquet"));
    let outcome = try_count(&job, 64).unwrap();
    assert!(add_up(&folder.path("out.parquet"), &outcome, &["r50k_base"]).is_empty());
}
