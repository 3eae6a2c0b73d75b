//! Objects of a store: what is counted of them is what is counted of files of the same bytes, and whatever a store does,
//! rows are counted or in the ledger, and no run waits for it once it is over.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::{Answer, ObjectInfo, Pending, Store, StoreError};

/// What becomes of a range.
type Range = Result<Vec<u8>, (Reason, &'static str)>;

/// A store in memory. `answers` says what comes of the range at this offset, or that nothing ever comes.
struct Memory {
    objects: BTreeMap<String, Vec<u8>>,
    answers: Box<dyn Fn(u64, Vec<u8>) -> Option<Range> + Send + Sync>,
    /// The ranges that were asked for: where they are, how long.
    asked: Mutex<Vec<(u64, usize)>>,
    /// How many questions are on their way, and the most that ever were.
    pending: Arc<Mutex<(usize, usize)>>,
}

impl Memory {
    fn with(objects: &[(&str, Vec<u8>)]) -> Memory {
        let owned = |(path, bytes): &(&str, Vec<u8>)| ((*path).to_owned(), bytes.clone());
        Memory {
            objects: objects.iter().map(owned).collect(),
            answers: Box::new(|_, bytes| Some(Ok(bytes))),
            asked: Mutex::default(),
            pending: Arc::default(),
        }
    }

    fn job(self, paths: &[&str]) -> (Job, Arc<Memory>) {
        let store = Arc::new(self);
        let paths: Vec<&Path> = paths.iter().map(|path| Path::new(*path)).collect();
        (Job { store: Some(store.clone()), ..job(&paths) }, store)
    }

    fn answer<T: Send + 'static>(&self, answer: Option<Result<T, StoreError>>) -> Answer<T> {
        let mut pending = self.pending.lock().unwrap();
        pending.0 += 1;
        pending.1 = pending.1.max(pending.0);
        Box::new(Told(answer, self.pending.clone()))
    }
}

struct Told<T>(Option<Result<T, StoreError>>, Arc<Mutex<(usize, usize)>>);

impl<T: Send> Pending<T> for Told<T> {
    fn wait(&mut self, timeout: Duration) -> Option<Result<T, StoreError>> {
        if self.0.is_none() {
            std::thread::sleep(timeout);
        }
        self.0.take()
    }
}

impl<T> Drop for Told<T> {
    fn drop(&mut self) {
        self.1.lock().unwrap().0 -= 1;
    }
}

impl Store for Memory {
    fn has(&self, path: &str) -> bool {
        path.contains("://")
    }

    fn stat(&self, path: &str) -> Answer<Option<ObjectInfo>> {
        let info = |bytes: &Vec<u8>| ObjectInfo {
            below: String::new(),
            size: bytes.len() as u64,
            version: Some("1".to_owned()),
        };
        self.answer(Some(match path.contains("denied") {
            true => Err(StoreError::Row(Reason::Unreadable, "denied".to_owned())),
            false => Ok(self.objects.get(path).map(info)),
        }))
    }

    fn list(&self, folder: &str) -> Answer<Vec<ObjectInfo>> {
        let info = |(path, bytes): (&String, &Vec<u8>)| {
            let below = path.strip_prefix(folder)?.to_owned();
            Some(ObjectInfo { below, size: bytes.len() as u64, version: None })
        };
        self.answer(Some(Ok(self.objects.iter().filter_map(info).collect())))
    }

    fn read(&self, path: &str, _: &ObjectInfo, offset: u64, len: usize) -> Answer<Vec<u8>> {
        self.asked.lock().unwrap().push((offset, len));
        let bytes = self.objects[path][offset as usize..][..len].to_vec();
        let worded = |(reason, why): (Reason, &str)| StoreError::Row(reason, why.to_owned());
        self.answer((self.answers)(offset, bytes).map(|answer| answer.map_err(worded)))
    }
}

/// `text` as gzip that is no smaller: what is small is asked for as a whole.
fn stored_gz(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(text.as_ref()).unwrap();
    packed.finish().unwrap()
}

fn records(n: usize) -> String {
    (0..n).map(|i| format!("{{\"text\":\"{i} the Straße 中文字\"}}\n")).collect()
}

#[test]
fn objects_are_counted_as_files_are() {
    let files = [
        ("a.txt", prose(500).into_bytes()),
        ("b/c.jsonl", records(5000).into_bytes()),
        ("b/d.jsonl.gz", gz(records(700))),
        ("b/e.jsonl.zst", zst(records(700))),
        ("b/.f/g.txt", b"hidden".to_vec()),
        ("h.jsonl", b"{\"text\":\"a\"}\n{]\n".to_vec()),
        ("empty.txt", Vec::new()),
    ];
    let folder = Folder::new();
    files.iter().for_each(|(name, bytes)| folder.write(name, bytes));
    let names: Vec<String> = files.iter().map(|(name, _)| format!("x://bucket/{name}")).collect();
    let contents = files.iter().map(|(_, bytes)| bytes.clone());
    let mut at: Vec<_> = names.iter().map(String::as_str).zip(contents).collect();
    // What is no part of it: a folder, and names that begin as the folder does.
    at.extend([("x://bucket/b/", Vec::new()), ("x://buckets/z.txt", b"no".to_vec())]);
    let by = [Key::Extension, Key::FolderLevels(1)];
    for pattern in ["", "b", "b/", "*.txt", "**/*.jsonl*", "b/[cd]*", "{a,h}.*", "b/.f/*", "a.txt"]
    {
        let local = Job { by: by.to_vec(), ..job(&[&folder.path(pattern)]) };
        let (remote, _) = Memory::with(&at).job(&[&format!("x://bucket/{pattern}")]);
        let (local, remote) = (count(&local), count(&Job { by: by.to_vec(), ..remote }));
        assert_eq!((&remote.groups, &remote.totals), (&local.groups, &local.totals), "{pattern}");
        assert_eq!((remote.files, remote.ledger.seen), (local.files, local.ledger.seen));
        assert!(remote.ledger.entries.iter().all(|entry| entry.file.starts_with("x://bucket/")));
    }
    let (missing, _) = Memory::with(&at).job(&["x://bucket/no"]);
    let ended = try_count(&missing, 64);
    assert!(matches!(ended, Err(Error::NotFound { path }) if path == "x://bucket/no"));
    let (missing, _) = Memory::with(&at).job(&["x://bucket/*.no"]);
    assert!(matches!(try_count(&missing, 64), Err(Error::NoInput { .. })));
    let (denied, _) = Memory::with(&at).job(&["x://bucket/a.txt", "x://u:p@bucket/denied?k=v"]);
    let outcome = count(&denied);
    assert_eq!((outcome.totals.documents, outcome.ledger.skipped), (1, 1));
    assert_eq!(outcome.ledger.entries[0].file, "x://bucket/denied");
}

#[test]
fn ranges_are_of_bounded_size_and_few_at_a_time() {
    let text = "a few words\n".repeat(5 << 20).into_bytes();
    let (job, store) = Memory::with(&[("x://a.txt", text.clone())]).job(&["x://a.txt"]);
    let outcome = try_count(&Job { lines: true, ..job }, 1 << 20).unwrap();
    assert_eq!(outcome.totals.documents, 5 << 20);
    assert_eq!(outcome.bytes_read, text.len() as u64);
    let mut next = 0;
    for (offset, len) in store.asked.lock().unwrap().iter() {
        assert_eq!(*offset, next);
        assert!(*len <= 8 << 20);
        next += *len as u64;
    }
    assert_eq!(next, text.len() as u64);
    assert!(store.pending.lock().unwrap().1 <= 3);
}

/// Each of many small objects is one question, of which several are on their way at once; their bytes are bounded.
#[test]
fn small_objects_are_asked_for_before_they_are_opened() {
    let name = |i: usize| format!("x://bucket/{i:03}.jsonl");
    let names: Vec<String> = (0..60).map(name).collect();
    let at = |len: &dyn Fn(usize) -> usize| -> Vec<(&str, Vec<u8>)> {
        let objects = names.iter().enumerate();
        objects.map(|(i, name)| (name.as_str(), records(len(i)).into_bytes())).collect()
    };
    let small = at(&|i| i % 7 * 100);
    let (job, store) = Memory::with(&small).job(&["x://bucket/"]);
    for threads in [1, 2, 5] {
        *store.pending.lock().unwrap() = (0, 0);
        store.asked.lock().unwrap().clear();
        let outcome = try_count(&Job { threads: Some(threads), ..job.clone() }, 1 << 20).unwrap();
        assert_eq!(outcome.totals.documents, (0..60).map(|i| i as u64 % 7 * 100).sum::<u64>());
        let asked = store.asked.lock().unwrap();
        let filled = small.iter().filter(|(_, bytes)| !bytes.is_empty());
        assert_eq!(asked.len(), filled.count());
        let (left, most) = *store.pending.lock().unwrap();
        assert!(left == 0 && (10..=16 + threads).contains(&most), "{most} of {threads} threads");
    }
    // No more than 8 MiB are waited for: fewer objects of 0.9 MB.
    let large = at(&|_| 24_000);
    assert!((800_000..1 << 20).contains(&large[0].1.len()), "{}", large[0].1.len());
    let (job, store) = Memory::with(&large).job(&["x://bucket/"]);
    let outcome = try_count(&Job { threads: Some(1), ..job }, 1 << 20).unwrap();
    assert_eq!(outcome.totals.documents, 60 * 24_000);
    assert!((7..=10).contains(&store.pending.lock().unwrap().1));
    // A named object is looked for while others are.
    let paths: Vec<&str> = names.iter().map(String::as_str).collect();
    let (job, store) = Memory::with(&small).job(&paths);
    assert_eq!(try_count(&job, 1 << 20).unwrap().files, 60);
    assert!(store.pending.lock().unwrap().1 >= 10);
}

/// What ends the run ends what was asked for and never comes.
#[test]
fn nobody_waits_for_small_objects_when_the_run_is_over() {
    let names: Vec<String> = (0..30).map(|i| format!("x://bucket/{i:02}.jsonl")).collect();
    let objects: Vec<_> =
        names.iter().map(|name| (name.as_str(), records(9).into_bytes())).collect();
    let mut memory = Memory::with(&objects);
    memory.answers = Box::new(|_, _| None);
    let (job, store) = memory.job(&["x://bucket/"]);
    let cancel = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&job, &Progress::new(), &cancel));
        while store.asked.lock().unwrap().len() < 16 {
            std::thread::yield_now();
        }
        cancel.store(true, Relaxed);
        assert!(matches!(running.join().unwrap(), Err(Error::Interrupted)));
    });
    assert_eq!(store.pending.lock().unwrap().0, 0);
}

#[test]
fn what_a_store_refuses_is_a_row_with_its_byte() {
    let bytes = records(100_000).into_bytes();
    for name in ["x://a.jsonl", "x://a.jsonl.gz"] {
        let bytes = if name.ends_with("gz") { stored_gz(&bytes) } else { bytes.clone() };
        let mut memory = Memory::with(&[(name, bytes)]);
        memory.answers = Box::new(|offset, bytes| match offset {
            8192 => Some(Err((Reason::Changed, "it was changed"))),
            _ => Some(Ok(bytes)),
        });
        let (job, _) = memory.job(&[name]);
        let outcome = count(&job);
        assert!(outcome.totals.documents > 0);
        let [entry] = &outcome.ledger.entries[..] else { panic!("{:?}", outcome.ledger) };
        assert_eq!((entry.file.as_str(), entry.reason), (name, Reason::Changed));
        assert!(entry.detail.starts_with("at byte 8192: it was changed"), "{entry:?}");
    }
    // Fewer bytes than were asked for, and nobody says why.
    let mut memory = Memory::with(&[("x://a.jsonl", bytes)]);
    memory.answers =
        Box::new(|offset, bytes| Some(Ok(if offset == 0 { bytes } else { bytes[1..].to_vec() })));
    let (job, _) = memory.job(&["x://a.jsonl"]);
    assert_eq!(count(&job).ledger.entries[0].reason, Reason::Truncated);
}

/// By who cancels, and because another file ends the run; for streams, and what they are packed in.
#[test]
fn nobody_waits_for_a_range_when_the_run_is_over() {
    let objects = [
        ("x://a.jsonl", records(50_000).into_bytes()),
        ("x://b.jsonl.gz", stored_gz(records(50_000))),
        ("x://c.txt", vec![b' '; 3 << 20]),
    ];
    let hanging = || {
        let mut memory = Memory::with(&objects);
        memory.answers = Box::new(|offset, bytes| (offset == 0).then_some(Ok(bytes)));
        memory
    };
    for (path, _) in &objects {
        let (job, store) = hanging().job(&[path]);
        let cancel = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let running = scope.spawn(|| run(&job, &Progress::new(), &cancel));
            while store.asked.lock().unwrap().len() < 2 {
                std::thread::yield_now();
            }
            assert!(!running.is_finished());
            cancel.store(true, Relaxed);
            assert!(matches!(running.join().unwrap(), Err(Error::Interrupted)));
        });
        assert_eq!(store.pending.lock().unwrap().0, 0);
    }
    // The row is told, and not one that the hanging objects were made to have.
    let folder = Folder::with("bad.jsonl", "{]\n");
    let bad = folder.path("bad.jsonl");
    let paths = ["x://a.jsonl", "x://b.jsonl.gz", "x://c.txt", bad.to_str().unwrap()];
    let (job, _) = hanging().job(&paths);
    let job = Job { on_error: OnError::Fail, threads: Some(4), ..job };
    match run(&job, &Progress::new(), &AtomicBool::new(false)) {
        Err(Error::BadRow(entry)) => assert!(entry.file.ends_with("bad.jsonl"), "{entry:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checkpoint_holds_no_secret_and_knows_versions() {
    let bytes = records(100).into_bytes();
    let state = Folder::new();
    let checkpoint = || Some(state.path("state"));
    let path = "x://u:hunter2@bucket/a.jsonl?token=hunter2";
    let (job, _) = Memory::with(&[(path, bytes.clone())]).job(&[path]);
    let job = Job { checkpoint: checkpoint(), ..job };
    let first = try_count(&job, 64).unwrap();
    assert_eq!(comparable(try_count(&job, 64).unwrap()), comparable(first));
    for file in fs::read_dir(state.path("state")).unwrap() {
        let written = fs::read(file.unwrap().path()).unwrap();
        assert!(!written.windows(7).any(|part| part == b"hunter2"));
    }
    // Another signature is the same object.
    let path = "x://u:hunter2@bucket/a.jsonl?token=another";
    let (signed, _) = Memory::with(&[(path, bytes)]).job(&[path]);
    try_count(&Job { checkpoint: checkpoint(), ..signed }, 64).unwrap();
    let (changed, _) = Memory::with(&[(path, records(101).into_bytes())]).job(&[path]);
    match try_count(&Job { checkpoint: checkpoint(), ..changed }, 64) {
        Err(Error::CheckpointMismatch { difference, .. }) => {
            assert_eq!(difference, "x://bucket/a.jsonl was changed");
        }
        other => panic!("{other:?}"),
    }
}
