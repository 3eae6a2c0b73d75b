//! Which files are read, and as what.

use super::*;

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
        // Returns when the run has opened it, too; then there is nothing to read, and no end.
        let writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        cancel.store(true, Relaxed);
        assert!(matches!(running.join().unwrap(), Err(Error::Interrupted)));
        // Lets the reader that was left behind go.
        drop(writer);
    });
}

/// Every known format, in files that are named, in a walk, and inside gzip: never counted, never met with advice that
/// would count it as text.
#[test]
fn files_of_known_formats_are_named_and_not_counted() {
    let orc = b"ORC\x08\x03\xff";
    let warc = "WARC/0.18\r\nWARC-Type: conversion\r\nContent-Length: 4\r\n\r\ntext\r\n\r\n";
    let data: &[(&str, &str, &[u8])] = &[
        ("a.orc", "ORC", orc),
        ("b.jsonl", "ORC", orc),
        ("c.txt", "7z", b"7z\xbc\xaf\x27\x1c\0\x04"),
        ("d.lz", "lzip", b"LZIP\x01\x0c\xff"),
        ("f.warc", "WARC 0", warc.as_bytes()),
        ("g.db", "SQLite", b"SQLite format 3\0\x10\0\x01\x01"),
        ("h.pdf", "PDF", b"%PDF-1.4\n1 0 obj\n"),
        ("i.zip", "zip", b"PK\x03\x04\x14\0\0\0\x08\0"),
        ("k.gz", "lzip", b"LZIP\x01\x0c\xff"),
    ];
    let folder = Folder::with("z.jsonl", "{\"text\":\"a\"}\n");
    for (name, _, bytes) in data {
        folder.write(name, bytes);
    }
    folder.write("m.warc.zst", zst(warc));
    folder.write("n.txt.gz.gz", gz(gz("text")));
    folder.write("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let outcome = count(&folder.job());
    assert_eq!((outcome.totals.documents, outcome.files_ignored), (1, 1));
    let expected: Vec<_> = data
        .iter()
        .map(|(name, format, _)| (*name, *format))
        .chain([("m.warc.zst", "WARC 0 inside zstd")])
        .chain([("n.txt.gz.gz", "gzip inside gzip")])
        .collect();
    assert_eq!(outcome.ledger.entries.len(), expected.len());
    for (entry, (name, format)) in outcome.ledger.entries.iter().zip(&expected) {
        assert!(entry.file.ends_with(name), "{entry:?}");
        assert_eq!(
            (entry.position.line(), entry.reason),
            (None, Reason::UnsupportedFormat),
            "{entry:?}"
        );
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
    assert_eq!((unsupported["ORC"], unsupported["WARC 0"], unsupported["lzip"]), (2, 2, 2));
    assert_eq!(unsupported.values().sum::<u64>(), outcome.ledger.skipped);

    let picture = count(&job(&[&folder.path("picture.png")]));
    assert!(picture.ledger.entries[0].detail.contains("a PNG image"));

    // What is text all the same is read when it is asked for as text; what is none is not.
    let forced = |name: &str| Job { format: Some("text".into()), ..job(&[&folder.path(name)]) };
    assert_eq!(count(&forced("m.warc.zst")).totals, tally(&forced("f.warc"), [warc]));
    assert_eq!(count(&forced("h.pdf")).totals.documents, 1);
    assert_eq!(count(&forced("a.orc")).totals.documents, 0);
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
