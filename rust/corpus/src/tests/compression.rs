//! Compressed files, whole and damaged.

use super::*;

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
    folder.write("c.txt.gz", wrong_checksum(&gz, 8));
    folder.write("d.txt.zst", wrong_checksum(&zst, 4));
    folder.write("e.txt.gz", "not compressed at all");
    folder.write("f.txt.zst", "");
    let outcome = count(&Job { decompress: true, ..folder.job() });
    let reasons: Vec<_> = outcome.ledger.entries.iter().map(|e| e.reason).collect();
    use Reason::{Corrupt, Truncated};
    assert_eq!(reasons, [Truncated, Truncated, Corrupt, Corrupt, Corrupt, Truncated]);
    assert_eq!(outcome.totals.documents, 0);
}

/// With the checksum, so many bytes from the end, another.
fn wrong_checksum(bytes: &[u8], from_end: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = bytes.len() - from_end;
    bytes[at] ^= 1;
    bytes
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
                // Not compared over chunks: a decoder may give more of what is before the damage or less of it.
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
            e.contains(
                "all 2 files are archives, or compressed and without records; decompress=True"
            ),
            "{e}"
        );
    }
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
fn whole_files_are_unpacked_and_bounded() {
    let folder = Folder::with("a.txt", "some text");
    folder.write("b", zstd::encode_all(&b"some text"[..], 1).unwrap());
    let (progress, cancel) = (Progress::new(), AtomicBool::new(false));
    for name in ["a.txt", "b"] {
        let read = |limit| crate::read_whole(&folder.path(name), limit, &progress, &cancel);
        assert_eq!(read(9).unwrap(), b"some text");
        let too_large = read(8).unwrap_err();
        assert!(
            matches!(too_large, Error::BadRow(ref entry) if entry.reason == Reason::RecordTooLarge)
        );
    }
    for name in ["nothing", ""] {
        assert!(crate::read_whole(&folder.path(name), 9, &progress, &cancel).is_err(), "{name}");
    }
}
