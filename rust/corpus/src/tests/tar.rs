//! Archives by tar: what is in them is read as files of a folder are, and damage ends them where it is.

use super::*;
use crate::position::At;

/// Puts archives together, header by header.
#[derive(Default)]
pub(super) struct Archive(Vec<u8>);

impl Archive {
    pub fn header(&mut self, kind: u8, name: &str, size: u64) -> &mut Archive {
        let mut header = ::tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(::tar::EntryType::new(kind));
        header.set_size(size);
        header.set_cksum();
        self.0.extend(header.as_bytes());
        self
    }
    pub fn data(&mut self, data: impl AsRef<[u8]>) -> &mut Archive {
        self.0.extend(data.as_ref());
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }
    pub fn entry(&mut self, kind: u8, name: &str, data: impl AsRef<[u8]>) -> &mut Archive {
        self.header(kind, name, data.as_ref().len() as u64).data(data)
    }
    pub fn file(&mut self, name: &str, data: impl AsRef<[u8]>) -> &mut Archive {
        self.entry(b'0', name, data)
    }
    /// A header of PAX with these records.
    fn pax(&mut self, kind: u8, records: &[(&str, &str)]) -> &mut Archive {
        let mut data = String::new();
        for (name, value) in records {
            let rest = format!(" {name}={value}\n");
            let len =
                (rest.len()..).find(|len| len.to_string().len() + rest.len() == *len).unwrap();
            data += &format!("{len}{rest}");
        }
        self.entry(kind, "PaxHeaders/x", data)
    }
    pub fn end(&mut self) -> Vec<u8> {
        [self.0.as_slice(), &[0; 1024]].concat()
    }
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = Archive::default();
    for (name, data) in files {
        archive.file(name, data);
    }
    archive.end()
}

/// What is counted of an archive that is named, and its ledger as (position, reason).
fn read(archive: impl AsRef<[u8]>) -> (Outcome, Vec<(String, Reason)>) {
    let folder = Folder::with("a.tar", archive);
    read_job(&job(&[&folder.path("a.tar")]))
}

fn read_job(job: &Job) -> (Outcome, Vec<(String, Reason)>) {
    let outcome = count(job);
    let rows = outcome.ledger.entries.iter().map(|e| (e.position.to_string(), e.reason)).collect();
    (outcome, rows)
}

fn sums(outcome: &Outcome) -> (u64, u64) {
    (outcome.totals.documents, outcome.totals.bytes)
}

#[test]
fn members_are_read_as_files_of_a_folder() {
    let lines = "{\"text\": \"one\"}\n{\"text\": \"two\"}\n{\"no\": 1}\n";
    // Records that are read in parts.
    let long = serde_json::json!({ "text": prose(90) }).to_string();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("a.txt", "text\nin lines".into()),
        ("./deep/er/b.jsonl", lines.into()),
        ("c.csv", "id,text\n1,\"a\nb\"\n2,c\n".into()),
        ("d.jsonl.gz", gz(lines)),
        ("e.json", "[{\"text\": \"x\"}]".into()),
        ("empty.txt", "".into()),
        ("long.txt", prose(90).into()),
        ("long.jsonl.zst", zst(lines.repeat(90))),
        ("longer.jsonl", format!("{long}\n{long} x\n{long}").into()),
        ("longer", format!("[{long}, {{\"text\": [1, {long}]}}, {long}]").into()),
        // Passed by.
        ("f.txt.gz", gz("packed")),
        ("g.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".into()),
        (".hidden/h.txt", "hidden".into()),
        // Rows.
        ("j.txt", b"\xff\xfe\xff no text".into()),
        ("k.pdf", b"%PDF-1.7\n%\xe2\xe3".into()),
    ];
    let (folder, mut archive) = (Folder::new(), Archive::default());
    archive.entry(b'5', "deep/", "").header(b'2', "link", 0).header(b'1', "hard", 9);
    for (name, data) in &files {
        folder.write(&format!("x/{name}"), data);
        archive.file(name, data);
    }
    folder.write("x.tar", archive.end());
    folder.write("x.tgz", gz(archive.end()));
    folder.write("y.tar.zst", zst(archive.end()));
    folder.write("z", archive.end());
    let by = |path: &str, member: Option<&str>| {
        let mut job = job(&[&folder.path(path)]);
        job.by = vec![Key::Extension];
        job.member = member.map(str::to_owned);
        job
    };
    let walk = count(&by("x", None));
    for name in ["x.tar", "x.tgz", "y.tar.zst", "z"] {
        let (outcome, rows) = read_job(&by(name, None));
        assert_eq!(outcome.totals, walk.totals, "{name}");
        assert_eq!(outcome.groups, walk.groups);
        assert_eq!(outcome.ledger.by_reason, walk.ledger.by_reason);
        assert_eq!((outcome.files, outcome.files_ignored), (1, 0));
        assert_eq!((outcome.members, outcome.members_ignored), (12, 2));
        assert_eq!(rows[0], (", member ./deep/er/b.jsonl:3".to_owned(), Reason::MissingField));
    }
    // Each line is a document, where that is asked for.
    let lines = Job { lines: true, ..by("x.tar", None) };
    let walked = Job { lines: true, ..by("x", None) };
    assert_eq!(count(&lines).totals, count(&walked).totals);
    // Of an archive the format is that of its members.
    let text = Job { format: Some("text".into()), ..by("x.tar", Some("*b.jsonl")) };
    assert_eq!(sums(&count(&text)), (1, 42));
}

#[test]
fn only_members_that_fit_are_read() {
    let folder = Folder::new();
    let png = "\u{1}PNG\0\0";
    let files = [("a/1.txt", "one"), ("a/1.png", png), ("b/2.txt", "two"), ("./.c/3.txt", "three")];
    folder.write("a.tar", tar(&files));
    folder.write("b.txt", "beside");
    let fitting = |pattern: &str| {
        let mut job = folder.job();
        job.member = Some(pattern.into());
        read_job(&job)
    };
    let (outcome, rows) = fitting("*.txt");
    assert_eq!((sums(&outcome), outcome.members, rows), ((4, 17), 3, vec![]));
    assert_eq!(sums(&fitting("a/*.txt").0), (2, 9));
    assert_eq!(sums(&fitting("*.{txt,md}").0), (4, 17));
    assert_eq!(sums(&fitting("[ab]/?.txt").0), (3, 12));
    // What was asked for is read whatever is in it.
    let (outcome, rows) = fitting("*1.*");
    assert_eq!((sums(&outcome), outcome.members), ((3, 15), 2), "{rows:?}");
    for (pattern, why) in [("*.jpg", "no member of an archive fits"), ("[", "is no pattern")] {
        let job = Job { member: Some(pattern.into()), ..folder.job() };
        let e = try_count(&job, 4096).unwrap_err().to_string();
        assert!(e.contains(why), "{e}");
    }
}

#[test]
fn a_walk_passes_archives_by_unless_they_are_asked_for() {
    let folder = Folder::new();
    folder.write("a.txt", "text");
    folder.write("b.tar", tar(&[("x.txt", "in it")]));
    folder.write("c.tar.gz", gz(tar(&[("x.jsonl", "{\"text\": \"in it\"}\n")])));
    folder.write("d", tar(&[("x.txt", "in it")]));
    folder.write("e.tar", "damaged before anything was read");
    let walk = count(&folder.job());
    assert_eq!((sums(&walk), walk.files_packed, walk.ledger.skipped), ((1, 4), 4, 0));
    let asked = count(&Job { decompress: true, ..folder.job() });
    assert_eq!((sums(&asked), asked.files_packed, asked.ledger.skipped), ((4, 19), 0, 1));
    assert_eq!(sums(&count(&job(&[&folder.path("*.tar*"), &folder.path("d")]))), (3, 15));
}

#[test]
fn names_and_sizes_may_be_in_headers_of_their_own() {
    let long = "deep/".repeat(60) + "a.jsonl";
    let row = "{\"text\": \"in a record\"}\n";
    let mut archive = Archive::default();
    // The length in the header itself is not the true one.
    archive
        .pax(b'g', &[("comment", "0123")])
        .pax(b'x', &[("path", &long), ("SCHILY.xattr.a", "with\nlines\n7 x=y\n"), ("size", "24")])
        .header(b'0', "cut", 0)
        .data(row)
        .entry(b'L', "././@LongLink", long.clone() + "\0")
        .file("cut", row)
        .entry(b'K', "././@LongLink", "target\0")
        .header(b'2', "link", 0)
        .file("last.txt", "x");
    let (outcome, rows) = read(archive.end());
    assert_eq!((sums(&outcome), outcome.members, rows), ((3, 23), 3, vec![]));
    // A checksum of bytes with a sign, and a size in binary.
    let mut old = Archive::default();
    old.header(b'0', "ü.txt", 4);
    old.0[124..136].copy_from_slice(b"\x80\0\0\0\0\0\0\0\0\0\0\x04");
    old.0[148..156].fill(b' ');
    let sum: i64 = old.0.iter().map(|&b| i64::from(b as i8)).sum();
    old.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(sums(&read(old.data("text").end()).0), (1, 4));
}

#[test]
fn what_is_no_whole_file_is_a_row_where_it_is_wanted() {
    let mut archive = Archive::default();
    archive
        .pax(b'x', &[("GNU.sparse.major", "1"), ("GNU.sparse.name", "real.txt")])
        .file("GNUSparseFile.0/real.txt", "map and data")
        .entry(b'S', "old.txt", "data")
        .entry(b'M', "rest.txt", "data")
        .entry(b'S', ".hidden", "data")
        .file("z.txt", "whole")
        .file("in.tar", tar(&[("a.txt", "text")]))
        .file("a.parquet", "PAR1\x15\x04")
        .file("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    let (outcome, rows) = read(archive.end());
    assert_eq!(sums(&outcome), (1, 5));
    let row = |name: &str| (format!(", member {name}"), Reason::UnsupportedFormat);
    assert_eq!(rows, ["real.txt", "old.txt", "rest.txt", "a.parquet"].map(row));
    // What a walk would pass by is passed by in an archive too, unless it is asked for.
    assert_eq!(outcome.members_ignored, 2);
    let folder = Folder::with("a.tar", archive.end());
    let asked = Job { member: Some("*{real,parquet}*".into()), ..job(&[&folder.path("a.tar")]) };
    assert_eq!(read_job(&asked).1, ["real.txt", "a.parquet"].map(row));
    let asked = Job { member: Some("*.png".into()), ..asked };
    assert_eq!(read_job(&asked).1, ["a.png"].map(row));
    let asked = Job { member: Some("in.*".into()), ..asked };
    assert_eq!(read_job(&asked).1, ["in.tar"].map(row));
}

#[test]
fn nothing_is_lost_before_damage() {
    let files = [
        ("a.txt", "one"),
        ("b.jsonl", "{\"text\": \"two\"}\n{\"text\": \"3\"}\n"),
        ("c.txt", "four"),
    ];
    let whole = tar(&files);
    let (outcome, rows) = read(&whole);
    assert_eq!((sums(&outcome), rows), ((4, 11), vec![]));
    // Headers at 0, 1024 and 2048, zeros from 3072 on.
    let row = |at: &str, reason| vec![(at.to_owned(), reason)];
    for (len, documents, at, reason) in [
        (3072 + 1024 - 1, 4, "", Reason::Truncated),
        (3072 + 100, 4, ", byte 3072", Reason::Truncated),
        (3072, 4, ", byte 3072", Reason::Truncated),
        (2048 + 514, 3, ", member c.txt", Reason::Truncated),
        (2048 + 512, 3, ", member c.txt", Reason::Truncated),
        (2048 + 100, 3, ", byte 2048", Reason::Truncated),
        (1024 + 512 + 20, 2, ", member b.jsonl:2", Reason::Truncated),
        (100, 0, ", byte 0", Reason::Truncated),
        (0, 0, ", byte 0", Reason::Truncated),
    ] {
        let (outcome, rows) = read(&whole[..len]);
        let expected = if at.is_empty() { vec![] } else { row(at, reason) };
        assert_eq!((outcome.totals.documents, rows), (documents, expected), "{len}");
    }
    for (at, documents, place) in [
        (1024 + 3, 1, ", byte 1024"),
        (2048 + 130, 3, ", byte 2048"),
        (3072 + 600, 4, ", byte 3584"),
    ] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        let (outcome, rows) = read(damaged);
        let expected = row(place, Reason::Corrupt);
        assert_eq!((outcome.totals.documents, rows), (documents, expected), "{at}");
    }
    // Two archives are one.
    let (outcome, rows) = read([whole.as_slice(), &[0; 4096], &whole].concat());
    assert_eq!((sums(&outcome), rows), ((8, 22), vec![]));
    // Damage of the packed archive comes after what was before it.
    let packed = gz(tar(&[("a.txt", "one"), ("b.jsonl", &prose(400))]));
    let folder = Folder::with("a.tar.gz", &packed[..packed.len() - 2000]);
    let mut job = job(&[&folder.path("a.tar.gz")]);
    job.format = Some("lines".into());
    let (outcome, rows) = read_job(&job);
    assert!(outcome.totals.documents > 5 && rows.len() == 1, "{rows:?}");
    assert_eq!(rows[0].1, Reason::Truncated);
    assert!(rows[0].0.starts_with(", member b.jsonl:"), "{rows:?}");
}

#[test]
fn claims_are_not_believed() {
    for size in ["8gb", "max"] {
        let bytes = if size == "max" { u64::MAX >> 1 } else { 8 << 30 };
        for kind in [b'0', b'L', b'x', b'g'] {
            let mut archive = Archive::default();
            archive.file("a.txt", "one").header(kind, "b.jsonl", bytes).data("some text");
            let (outcome, rows) = read(archive.end());
            assert_eq!((outcome.totals.documents, rows.len()), (1, 1), "{kind} {rows:?}");
            let at = if kind == b'0' { ", member b.jsonl:1" } else { ", byte 1024" };
            assert_eq!(rows[0].0, at);
        }
        // Nor where nobody wants the member.
        let mut archive = Archive::default();
        archive.file("a.txt", "one").header(b'0', ".b", bytes).data("some text");
        assert_eq!(read(archive.end()).1.len(), 1);
    }
    let mut endless = Archive::default();
    for _ in 0..5000 {
        endless.pax(b'x', &[("comment", "again")]);
    }
    // Not at every size of chunks: it is megabytes of headers.
    let folder = Folder::with("a.tar", endless.file("a.txt", "one").end());
    let outcome = try_count(&job(&[&folder.path("a.tar")]), 1 << 20).unwrap();
    let reason = outcome.ledger.entries[0].reason;
    assert_eq!((outcome.totals.documents, reason), (0, Reason::Corrupt));
    for records in
        ["7 x=y", "99 x=y\n", "x=y\n", "5 xy\n", "0 x=y\n", "12 size=-4\n", "14 size=9e9\n\0\0"]
    {
        let mut archive = Archive::default();
        let rows = read(archive.entry(b'x', "x", records).file("a.txt", "one").end()).1;
        assert_eq!(rows, [(", byte 0".to_owned(), Reason::Corrupt)], "{records}");
    }
}

/// Positions inside a member that is longer than a chunk, of every kind of reading.
#[test]
fn rows_of_long_members_say_where_they_are() {
    let good = "{\"text\": \"fine and well\"}\n".repeat(300);
    let mut archive = Archive::default();
    archive
        .file("a.jsonl", format!("{good}broken\n{good}"))
        .file("b.csv", format!("id,text\n{}9,8,7\n", "1,x\n".repeat(900)))
        .file("c.txt", [prose(300).as_bytes(), b"\xff"].concat());
    let (_, rows) = read(archive.end());
    let expected = [
        (", member a.jsonl:301", Reason::BrokenJson),
        (", member b.csv:902", Reason::WrongFieldCount),
        (", member c.txt", Reason::InvalidUtf8),
    ];
    assert_eq!(rows, expected.map(|(at, reason)| (at.to_owned(), reason)));
    let folder = Folder::with("a.tar", archive.end());
    let mut job = job(&[&folder.path("a.tar")]);
    job.on_error = OnError::Fail;
    let Err(Error::BadRow(entry)) = try_count(&job, 300) else { panic!("a row is bad") };
    assert_eq!(entry.position.at, At::Line(301));
    assert_eq!(entry.position.member.as_ref().unwrap().name, "a.jsonl");
}
