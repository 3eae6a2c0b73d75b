//! Runs that are broken off and gone on with: whatever was kept when, by however many workers, the outcome is that of a run
//! that nothing happened to.

use super::tar::Archive;
use super::*;

/// Files of all kinds, with rows that are skipped, lines and documents far longer than a chunk, and damage.
pub(super) fn corpus() -> Folder {
    let folder = Folder::new();
    let records = |n: usize| -> String {
        (0..n)
            .map(|i| match i % 7 {
                3 => "{\"no text\": 1}\n".to_owned(),
                5 => "not JSON\n".to_owned(),
                _ => {
                    let text = format!("{} {i}", prose(i % 4));
                    serde_json::json!({"text": text, "lang": format!("l{}", i % 5)}).to_string()
                        + "\n"
                }
            })
            .collect()
    };
    folder.write("a.jsonl", records(60));
    folder.write("b.jsonl.gz", gz(records(60)));
    folder.write("c.jsonl.zst", zstd::bulk::compress(records(60).as_bytes(), 1).unwrap());
    folder.write("d.txt", prose(40));
    folder.write("e.txt", [prose(30).as_bytes(), b"\xff and more"].concat());
    let damaged = gz(records(60));
    folder.write("f.jsonl.gz", &damaged[..damaged.len() / 2]);
    folder.write("g.jsonl", format!("{{\"text\": \"{}\"}}\n{}", "word ".repeat(900), records(9)));
    let array = records(60).lines().filter(|l| l.starts_with('{')).collect::<Vec<_>>().join(",\n ");
    let long = format!("{{\"text\": \"{}\", \"lang\": \"l1\"}}", "many words ".repeat(600));
    folder.write("i.json", format!("[{array},\n {long},\n {array}]"));
    let rows: String =
        (0..60).map(|i| format!("{i},\"{} {i}\",l{}\n", "a\nb ".repeat(i % 9), i % 5)).collect();
    folder.write("j.csv", format!("id,text,lang\n{rows}odd,\"row\"\n"));
    let wide = format!("\u{feff}{}", records(60));
    let wide: Vec<u8> = wide.encode_utf16().flat_map(u16::to_le_bytes).collect();
    folder.write("k.jsonl", wide);
    (0..9).for_each(|i| folder.write(&format!("h/{i}.txt"), prose(i)));
    let mut archive = Archive::default();
    for i in 0..6 {
        archive.file(&format!("{i}.txt"), prose(i)).file(&format!("{i}.jsonl"), records(5 * i));
        archive.file(&format!("{i}.jsonl.gz"), gz(records(9))).header(b'5', "folder/", 0);
    }
    archive.file("l.csv", format!("id,text,lang\n{rows}odd,\"row\"\n")).file("m.txt", prose(90));
    archive.file("n.json", format!("[{array}]")).file("o.jsonl", records(60)).file("p", b"\0\xff");
    folder.write("l.tar", archive.end());
    folder.write("m.tar.gz", gz(archive.end()));
    folder.write("n.tar", &archive.end()[..20_000]);
    folder
}

/// A run that goes on from its checkpoint and is cancelled once `documents` more than `reached` were counted, which is how
/// far the runs before it came: so each comes further than all before it.
pub(super) fn go_on(
    job: &Job,
    chunk: usize,
    reached: &mut u64,
    documents: u64,
) -> Result<Outcome, Error> {
    let (mut progress, cancel) = (Progress::new(), Arc::new(AtomicBool::new(false)));
    progress.end = Some((reached.saturating_add(documents), cancel.clone()));
    let outcome = run_in_chunks(job, &progress, &cancel, chunk);
    *reached = progress.documents().max(*reached);
    outcome
}

#[test]
fn a_run_that_was_broken_off_goes_on() {
    let (folder, kept) = (corpus(), Folder::new());
    let mut job = folder.job();
    job.by = vec![Key::Field("lang".into()), Key::Extension];
    job.bootstrap = true;
    job.decompress = true;
    let expected = try_count(&job, 4096).unwrap();
    let (bytes_read, expected) = (expected.bytes_read, comparable(expected));
    let mut random = Random::new(20);
    let mut broken_off = 0;
    for round in 0..12 {
        job.checkpoint = Some(kept.path(&round.to_string()));
        job.checkpoint_seconds = 0;
        let mut reached = 0;
        loop {
            job.threads = Some(1 + random.below(3));
            let chunk = [64, 300, 4096][random.below(3)];
            match go_on(&job, chunk, &mut reached, 1 + random.below(40) as u64) {
                Ok(outcome) => {
                    assert_eq!(outcome.bytes_read, bytes_read);
                    assert!(comparable(outcome) == expected, "round {round}");
                    break;
                }
                Err(Error::Interrupted) => broken_off += 1,
                Err(e) => panic!("{e}"),
            }
        }
        // Once more: all is done already.
        let again = go_on(&job, 64, &mut 0, u64::MAX).unwrap();
        assert_eq!(again.bytes_read, bytes_read);
        assert!(comparable(again) == expected, "round {round}");
    }
    assert!(broken_off > 200, "{broken_off}");
}

/// Elements that are read in parts are counted once, whichever of them an earlier run had.
#[test]
fn a_run_over_elements_in_parts_goes_on() {
    let (folder, kept) = (Folder::new(), Folder::new());
    let element = |i| serde_json::json!({ "text": format!("{i} {}", prose(20)) }).to_string();
    let elements: Vec<String> = (0..90).map(element).collect();
    folder.write("a.json", format!("[{}]", elements.join(",\n")));
    let mut job = folder.job();
    let expected = comparable(try_count(&job, 1 << 20).unwrap());
    let mut broken_off = 0;
    for round in 0..3 {
        job.checkpoint = Some(kept.path(&round.to_string()));
        job.checkpoint_seconds = 0;
        let mut reached = 0;
        let outcome = loop {
            match go_on(&job, 64, &mut reached, 2) {
                Ok(outcome) => break outcome,
                Err(Error::Interrupted) => broken_off += 1,
                Err(e) => panic!("{e}"),
            }
        };
        assert!(comparable(outcome) == expected, "round {round}");
    }
    assert!(broken_off > 60, "{broken_off}");
}

#[test]
fn a_torn_state_gives_way_to_the_one_before() {
    let (folder, kept) = (corpus(), Folder::new());
    let mut job = folder.job();
    let expected = comparable(try_count(&job, 4096).unwrap());
    job.checkpoint = Some(kept.path("c"));
    job.checkpoint_seconds = 0;
    try_count(&job, 300).unwrap();
    let states: Vec<Vec<u8>> =
        ["c/state.0", "c/state.1"].map(|name| fs::read(kept.path(name)).unwrap()).into();
    let number = |state: &[u8]| u64::from_le_bytes(state[8..16].try_into().unwrap());
    let newest = usize::from(number(&states[1]) > number(&states[0]));
    let step = states[newest].len().div_ceil(40);
    for cut in (0..states[newest].len()).step_by(step) {
        for (i, state) in states.iter().enumerate() {
            kept.write(&format!("c/state.{i}"), state);
        }
        kept.write(&format!("c/state.{newest}"), &states[newest][..cut]);
        let outcome = comparable(try_count(&job, 4096).unwrap());
        assert!(outcome == expected, "cut at {cut}");
    }
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let (folder, kept) = (corpus(), Folder::new());
    let mut job = folder.job();
    job.checkpoint = Some(kept.path("c"));
    job.checkpoint_seconds = 0;
    let _ = go_on(&job, 300, &mut 0, 20);
    let differs = |job: &Job, what: &str| match try_count(job, 4096).expect_err(what) {
        Error::CheckpointMismatch { difference, .. } => {
            assert!(difference.contains(what), "{difference}");
        }
        e => panic!("{e}"),
    };
    differs(&Job { lines: true, ..job.clone() }, "lines was false and is true");
    differs(&Job { by: vec![Key::File], ..job.clone() }, "by was nothing and is file");
    job.by = vec![Key::Script];
    job.checkpoint = Some(kept.path("by script"));
    let _ = go_on(&job, 300, &mut 0, 20);
    let field = vec![Key::Field("script".into())];
    differs(&Job { by: field, ..job.clone() }, "by was script and is field:script");
    job.by.clear();
    job.checkpoint = Some(kept.path("c"));
    let other = vec![Encoding::embedded("p50k_base").unwrap()];
    differs(&Job { encodings: other, ..job.clone() }, "encodings was r50k_base");
    folder.write("h/3.txt", "other text");
    differs(&job, "h/3.txt was changed");
    folder.write("h/3.txt", prose(3));
    folder.write("new.txt", "");
    differs(&job, "was changed");
    fs::remove_file(folder.path("new.txt")).unwrap();
    fs::remove_file(folder.path("d.txt")).unwrap();
    differs(&job, "d.txt is gone");
}

#[test]
fn the_ledger_file_has_every_row_once() {
    let (folder, kept) = (corpus(), Folder::new());
    let mut job = folder.job();
    let rows = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    };
    job.ledger_path = Some(kept.path("plain.jsonl"));
    let expected = try_count(&job, 4096).unwrap().ledger;
    job.checkpoint = Some(kept.path("c"));
    job.checkpoint_seconds = 0;
    let mut random = Random::new(21);
    let mut reached = 0;
    let ledger = loop {
        job.ledger_path = Some(kept.path("kept.jsonl"));
        match go_on(&job, 300, &mut reached, 1 + random.below(30) as u64) {
            Ok(outcome) => break outcome.ledger,
            Err(e) => assert!(matches!(e, Error::Interrupted), "{e}"),
        }
    };
    assert_eq!(ledger, expected);
    assert_eq!(rows(&kept.path("kept.jsonl")), rows(&kept.path("plain.jsonl")));
}

#[test]
fn what_cannot_be_read_again_has_no_checkpoint() {
    let kept = Folder::new();
    let mut job = job(&[Path::new("-")]);
    job.checkpoint = Some(kept.path("c"));
    assert!(matches!(try_count(&job, 64), Err(Error::InvalidJob { .. })));
}
