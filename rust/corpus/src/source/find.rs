//! Paths, folders and patterns to a list of inputs, as ripgrep would walk them.
//!
//! What was named must exist: a typing mistake is an error before anything is counted, not a smaller total. What was
//! merely found (a broken link, a folder that may not be read) goes to the ledger, and so does what a list names and is
//! not there: a list may be long and old. Links inside a folder are not followed. A file is read once under the first
//! name it has, however it is named: twice, by another path, by a link.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use fasttok_parallel::available_threads;
use globset::{GlobBuilder, GlobMatcher};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::remote::Stat;
use super::{Filter, Input, InputKind, Store, path_name, redact, remote};
use crate::Error;
use crate::entry::Entry;
use crate::position::Position;
use crate::skip_reason::{Reason, SkipReason};

/// How folders are walked.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'c> {
    /// Hidden files too.
    pub hidden: bool,
    /// Heed `.gitignore`, `.ignore` and git's other lists.
    pub ignore_files: bool,
    /// What is left out by name.
    pub filter: Option<&'c Filter>,
    /// Of several paths, one that was named and is not there goes to the ledger too.
    pub skip_missing: bool,
    /// As many as the process may run at once, unless it says how many.
    pub threads: Option<usize>,
    /// What lists the paths that are its own.
    pub store: Option<&'c Arc<dyn Store>>,
    /// Ends a walk that takes long.
    pub cancel: &'c AtomicBool,
}

/// What the paths came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub inputs: Vec<Input>,
    /// What cannot be read, known without opening it.
    pub bad: Vec<Entry>,
    /// Links, sockets and the like that a walk passed by.
    pub passed: u64,
    /// Inputs left out because they are a file that is among the others.
    pub repeated: u64,
}

/// What is at `paths`, then at those that a list has.
pub(crate) fn find(paths: &[PathBuf], listed: &[PathBuf], walk: Walk) -> Result<Found, Error> {
    let mut found = Found::default();
    let skip_missing = walk.skip_missing && paths.len() + listed.len() > 1;
    let mut stats = remote::Stats::new(paths.iter().chain(listed), walk);
    let (mut named, mut listed) = (paths.iter(), listed.iter());
    loop {
        let stat = stats.next();
        if let Some(path) = named.next() {
            match find_path(path, stat, walk, &mut found) {
                Err(Error::NotFound { .. }) if skip_missing => {
                    found.bad.push(missing(path, NOT_THERE.to_owned()));
                }
                Err(Error::NoInput { message }) if skip_missing => {
                    let prefix = format!("{}: ", redact(&path.display().to_string()));
                    let why = message.strip_prefix(&prefix).unwrap_or(&message);
                    found.bad.push(missing(path, why.to_owned()));
                }
                result => result?,
            }
        } else if let Some(path) = listed.next() {
            find_listed(path, stat, walk, &mut found)?;
        } else {
            break;
        }
        if walk.cancel.load(Relaxed) {
            return Err(Error::Interrupted);
        }
    }
    let mut met = HashMap::with_capacity(found.inputs.len());
    let mut inputs: Vec<Input> = Vec::with_capacity(found.inputs.len());
    for input in std::mem::take(&mut found.inputs) {
        match met.entry(input.identity.clone()) {
            Slot::Vacant(slot) => {
                slot.insert(inputs.len());
                inputs.push(input);
            }
            Slot::Occupied(slot) => {
                // A file that a walk met and that is named besides is read as one that is named.
                let first = &mut inputs[*slot.get()];
                first.explicit |= input.explicit;
                first.unpack |= input.unpack;
                found.repeated += 1;
            }
        }
    }
    found.inputs = inputs;
    remote::tell_names_apart(&mut found.inputs);
    let mut met = BTreeSet::new();
    found.bad.retain(|entry| met.insert(entry.clone()));
    Ok(found)
}

/// What is the same for two names of one file, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// The whole name of an object.
    Object(String),
    /// Device, inode and size: where inodes are not told apart, files of two sizes are.
    #[cfg(unix)]
    Node(u64, u64, u64),
    Path(PathBuf),
}

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path, meta: Option<&Metadata>) -> Identity {
        use std::os::unix::fs::MetadataExt;
        match meta {
            Some(meta) => Identity::Node(meta.dev(), meta.ino(), meta.len()),
            None => Identity::Path(path.to_owned()),
        }
    }

    #[cfg(not(unix))]
    fn of(path: &Path, _: Option<&Metadata>) -> Identity {
        Identity::Path(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()))
    }
}

/// The identity of an existing regular file.
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    let meta = fs::metadata(path).ok().filter(Metadata::is_file)?;
    Some(Identity::of(path, Some(&meta)))
}

/// Another name of standard input, by which it can be told whether a file that is named is the one redirected in.
const STDIN_PATH: &str = "/dev/stdin";

fn find_path(path: &Path, stat: Option<Stat>, walk: Walk, found: &mut Found) -> Result<(), Error> {
    if path.as_os_str() == "-" {
        found.inputs.push(Input {
            path: path.to_owned(),
            name: "-".into(),
            named: 0,
            size: None,
            modified: None,
            explicit: true,
            unpack: true,
            kind: InputKind::Stdin,
            object: None,
            slice: None,
            identity: Identity::of(path, fs::metadata(STDIN_PATH).ok().as_ref()),
        });
        return Ok(());
    }
    if let Some(place) = remote::Place::of(path, walk) {
        return place.find_named(stat, found);
    }
    match find_existing(path, walk, found) {
        Ok(()) => Ok(()),
        Err(Missing::Files(why)) => {
            Err(Error::NoInput { message: format!("{}: {why}", path.display()) })
        }
        Err(Missing::Path) => match Pattern::of(path)? {
            Some(pattern) => find_pattern(&pattern, walk, found),
            None => Err(Error::NotFound { path: path.display().to_string() }),
        },
    }
}

/// What a list names: nothing in it ends a run, and it is no pattern.
fn find_listed(
    path: &Path,
    stat: Option<Stat>,
    walk: Walk,
    found: &mut Found,
) -> Result<(), Error> {
    if let Some(place) = remote::Place::of(path, walk) {
        return place.find_listed(stat, found);
    }
    let why = match find_existing(path, walk, found) {
        Ok(()) => return Ok(()),
        Err(Missing::Files(why)) => why,
        Err(Missing::Path) => NOT_THERE.to_owned(),
    };
    found.bad.push(missing(path, why));
    Ok(())
}

const NOT_THERE: &str = "there is no such file or folder";

fn missing(path: &Path, why: String) -> Entry {
    entry(path, SkipReason::new(Reason::NotFound, why))
}

/// What a path lacks.
enum Missing {
    Path,
    /// It is a folder in which nothing is to be read, for this reason.
    Files(String),
}

fn find_existing(path: &Path, walk: Walk, found: &mut Found) -> Result<(), Missing> {
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(Missing::Path);
        }
        Err(e) => {
            found.bad.push(unreadable(path, &e));
            return Ok(());
        }
    }
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => find_folder(path, walk, found),
        Ok(meta) => {
            found.inputs.push(Input {
                path: plain(path),
                named: parts_of(path) - 1,
                name: name(path),
                size: meta.is_file().then_some(meta.len()),
                modified: meta.modified().ok().filter(|_| meta.is_file()),
                explicit: true,
                unpack: true,
                kind: if meta.is_file() { InputKind::File } else { InputKind::Blocking },
                object: None,
                slice: None,
                identity: Identity::of(path, Some(&meta)),
            });
            Ok(())
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            found.bad.push(broken_link(path));
            Ok(())
        }
        Err(e) => {
            found.bad.push(unreadable(path, &e));
            Ok(())
        }
    }
}

fn find_folder(path: &Path, walk: Walk, found: &mut Found) -> Result<(), Missing> {
    let part = walk_folder(path, walk, |_| Some(Wanted { unpack: false }));
    if part.inputs.is_empty() && part.bad.is_empty() && !walk.cancel.load(Relaxed) {
        let links = match part.passed {
            0 => String::new(),
            n => format!("; {n} links or special files were passed by: name them to read them"),
        };
        return Err(Missing::Files(format!("no files in this folder{}{links}", excluded(walk))));
    }
    found.append(part);
    Ok(())
}

fn find_pattern(pattern: &Pattern, mut walk: Walk, found: &mut Found) -> Result<(), Error> {
    walk.hidden |= pattern.names_hidden;
    let base = &pattern.base;
    let wanted = |path: &Path| {
        // A pattern may match a folder; then all that is in it is meant.
        path.ancestors()
            .take_while(|a| a != base && !a.as_os_str().is_empty())
            .any(|a| pattern.matcher.is_match(a))
            .then(|| Wanted { unpack: pattern.matcher.is_match(path) })
    };
    let part = match base.as_os_str().is_empty() || base.exists() {
        true => walk_folder(base, walk, wanted),
        false => Found::default(),
    };
    if part.inputs.is_empty() && part.bad.is_empty() && !walk.cancel.load(Relaxed) {
        return Err(Error::NoInput {
            message: format!("{}: no file matches this pattern{}", pattern.text, excluded(walk)),
        });
    }
    found.append(part);
    Ok(())
}

/// What a walk leaves out, for the error that nothing was left.
fn excluded(walk: Walk) -> &'static str {
    match (walk.filter.is_some(), walk.hidden, walk.ignore_files) {
        (true, _, _) => " of the names and types that are asked for",
        (false, true, true) => " (those that .gitignore names are left out)",
        (false, true, false) => "",
        (false, false, true) => " (hidden files and those that .gitignore names are left out)",
        (false, false, false) => " (hidden files are left out)",
    }
}

/// What a walk is to do with a file that it wants.
struct Wanted {
    unpack: bool,
}

fn walk_folder(base: &Path, walk: Walk, wanted: impl Fn(&Path) -> Option<Wanted> + Sync) -> Found {
    let part = Mutex::new(Found::default());
    let root = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let named = if plain(root) == Path::new(".") { 0 } else { parts_of(root) };
    let mut builder = WalkBuilder::new(root);
    if let Some(filter) = walk.filter {
        builder.overrides(filter.globs.clone()).types(filter.types.clone());
    }
    builder
        .hidden(!walk.hidden)
        .ignore(walk.ignore_files)
        .git_ignore(walk.ignore_files)
        .git_global(walk.ignore_files)
        .git_exclude(walk.ignore_files)
        .parents(walk.ignore_files)
        .threads(walk.threads.unwrap_or_else(available_threads))
        .build_parallel()
        .run(|| {
            Box::new(|entry| {
                visit(entry, named, &wanted, &part);
                match walk.cancel.load(Relaxed) {
                    true => WalkState::Quit,
                    false => WalkState::Continue,
                }
            })
        });
    let mut part = part.into_inner().unwrap_or_else(|e| e.into_inner());
    // Threads met them in any order.
    part.inputs.sort_by(|a, b| a.path.cmp(&b.path));
    part.bad.sort();
    part
}

fn visit(
    entry: Result<DirEntry, ignore::Error>,
    named: usize,
    wanted: &impl Fn(&Path) -> Option<Wanted>,
    part: &Mutex<Found>,
) {
    let add = |change: &dyn Fn(&mut Found)| {
        change(&mut part.lock().unwrap_or_else(|e| e.into_inner()));
    };
    let entry = match entry {
        Ok(entry) => entry,
        Err(e) => {
            let path = path_of(&e).map_or_else(String::new, |p| name(&p));
            let detail = e.to_string();
            return add(&|found| {
                found.bad.push(Entry {
                    file: path.clone(),
                    position: Position::default(),
                    reason: Reason::Unreadable,
                    detail: SkipReason::new(Reason::Unreadable, detail.clone()).detail,
                    rows: 1,
                });
            });
        }
    };
    let path = plain(entry.path());
    let Some(kind) = entry.file_type() else {
        return;
    };
    if kind.is_dir() {
        return;
    }
    let Some(Wanted { unpack }) = wanted(&path) else {
        return;
    };
    if kind.is_symlink() {
        let broken = matches!(fs::metadata(&path), Err(e) if e.kind() == ErrorKind::NotFound);
        return add(&|found| match broken {
            true => found.bad.push(broken_link(&path)),
            false => found.passed += 1,
        });
    }
    if !kind.is_file() {
        return add(&|found| found.passed += 1);
    }
    let meta = entry.metadata().ok();
    add(&|found| {
        found.inputs.push(Input {
            named,
            name: name(&path),
            path: path.clone(),
            size: meta.as_ref().map(|m| m.len()),
            modified: meta.as_ref().and_then(|m| m.modified().ok()),
            explicit: false,
            unpack,
            kind: InputKind::File,
            object: None,
            slice: None,
            identity: Identity::of(&path, meta.as_ref()),
        });
    });
}

/// The file that an error of the walk is about.
fn path_of(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path.clone()),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

/// The path without the `./` that says nothing.
fn plain(path: &Path) -> PathBuf {
    match path.strip_prefix(".") {
        Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
        _ => path.to_owned(),
    }
}

fn name(path: &Path) -> String {
    path_name(&plain(path))
}

/// How many parts the name of a path has between slashes.
fn parts_of(path: &Path) -> usize {
    name(path).trim_end_matches('/').split('/').count()
}

fn broken_link(path: &Path) -> Entry {
    let target = fs::read_link(path).map(|t| t.display().to_string()).unwrap_or_default();
    let detail = format!("the link points to {target:?}, which does not exist");
    entry(path, SkipReason::new(Reason::BrokenLink, detail))
}

fn unreadable(path: &Path, e: &std::io::Error) -> Entry {
    entry(path, SkipReason::new(Reason::Unreadable, e.to_string()))
}

/// The ledger's entry for a whole file.
fn entry(path: &Path, SkipReason { reason, detail, rows }: SkipReason) -> Entry {
    Entry { file: redact(&name(path)), position: Position::default(), reason, detail, rows }
}

impl Found {
    fn append(&mut self, mut other: Found) {
        self.inputs.append(&mut other.inputs);
        self.bad.append(&mut other.bad);
        self.passed += other.passed;
    }
}

/// What makes a path a pattern.
pub(super) const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// What matches `pattern`, in which a wildcard stands for no `/`. An error calls it `shown`.
pub(super) fn glob(pattern: &str, shown: &str) -> Result<GlobMatcher, Error> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    let glob = glob.map_err(|e| Error::InvalidJob { message: format!("{shown}: {}", e.kind()) })?;
    Ok(glob.compile_matcher())
}

/// A path with wildcards.
struct Pattern {
    text: String,
    /// The part before the first wildcard: where the walk begins.
    base: PathBuf,
    matcher: GlobMatcher,
    /// The pattern itself spells out a hidden name, so hidden names are wanted.
    names_hidden: bool,
}

impl Pattern {
    fn of(path: &Path) -> Result<Option<Pattern>, Error> {
        let Some(text) = path.to_str() else {
            return Ok(None);
        };
        let is_wild = |c: &Component| c.as_os_str().to_str().is_some_and(|s| s.contains(WILDCARDS));
        if !path.components().any(|c| is_wild(&c)) {
            return Ok(None);
        }
        let path = plain(path);
        let matcher = glob(&path.to_string_lossy(), text)?;
        let base: PathBuf = path.components().take_while(|c| !is_wild(c)).collect();
        let names_hidden = path.components().skip(base.components().count()).any(
            |c| matches!(c, Component::Normal(s) if s.to_str().is_some_and(|s| s.starts_with('.'))),
        );
        Ok(Some(Pattern { text: text.to_owned(), base, matcher, names_hidden }))
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    static GO_ON: AtomicBool = AtomicBool::new(false);
    const WALK: Walk = Walk {
        hidden: false,
        ignore_files: true,
        filter: None,
        skip_missing: false,
        threads: Some(2),
        store: None,
        cancel: &GO_ON,
    };

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        folder
    }

    fn names(folder: &Path, paths: &[&str], walk: Walk) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(|p| folder.join(p)).collect();
        let found = find(&paths, &[], walk).unwrap();
        let relative = |i: &Input| i.path.strip_prefix(folder).unwrap().display().to_string();
        found.inputs.iter().map(relative).collect()
    }

    #[test]
    fn walks_as_ripgrep_does() {
        let t = tree(&["b/c.txt", "a.txt", ".hidden", "ignored.log", ".ignore"]);
        fs::write(t.path().join(".ignore"), "*.log\n").unwrap();
        assert_eq!(names(t.path(), &[""], WALK), ["a.txt", "b/c.txt"]);
        let all = Walk { hidden: true, ignore_files: false, ..WALK };
        assert_eq!(
            names(t.path(), &[""], all),
            [".hidden", ".ignore", "a.txt", "b/c.txt", "ignored.log"]
        );
        // What is named is read, whatever the lists say, and once.
        assert_eq!(
            names(t.path(), &["ignored.log", "a.txt", "", "a.txt"], WALK),
            ["ignored.log", "a.txt", "b/c.txt"]
        );
    }

    fn filtered(job: impl FnOnce(&mut crate::Job)) -> Filter {
        let mut asked = crate::Job::new(Vec::new(), Vec::new());
        job(&mut asked);
        Filter::of(&asked.globs, &asked.exclude, &asked.types, &asked.not_types).unwrap().unwrap()
    }

    #[test]
    fn globs_and_types_leave_files_of_a_walk_out() {
        let t = tree(&["a.py", "b.rs", "x/c.py", "x/d.md", ".h.py", "x/e.log", ".ignore"]);
        fs::write(t.path().join(".ignore"), "*.log\n").unwrap();
        let names = |filter: &Filter, paths: &[&str]| {
            names(t.path(), paths, Walk { filter: Some(filter), ..WALK })
        };
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let globs = filtered(|job| job.globs = strings(&["*.py"]));
        // As in ripgrep, a glob that fits prevails over what hides a file.
        assert_eq!(names(&globs, &[""]), [".h.py", "a.py", "x/c.py"]);
        let last = filtered(|job| job.globs = strings(&["*.{py,log}", "!c.*"]));
        assert_eq!(names(&last, &[""]), [".h.py", "a.py", "x/e.log"]);
        let not = filtered(|job| job.globs = strings(&["!*.py"]));
        assert_eq!(names(&not, &[""]), ["b.rs", "x/d.md"]);
        let exclude = filtered(|job| job.exclude = strings(&["x", "*.rs"]));
        assert_eq!(names(&exclude, &[""]), ["a.py"]);
        let types = filtered(|job| job.types = strings(&["py", "rust"]));
        assert_eq!(names(&types, &[""]), [".h.py", "a.py", "b.rs", "x/c.py"]);
        let others = filtered(|job| job.not_types = strings(&["py"]));
        assert_eq!(names(&others, &[""]), ["b.rs", "x/d.md"]);
        let both = filtered(|job| {
            job.types = strings(&["py"]);
            job.exclude = strings(&["a.*"]);
        });
        assert_eq!(names(&both, &[""]), [".h.py", "x/c.py"]);
        // What is named itself is read; a pattern is a walk.
        assert_eq!(names(&types, &["x/d.md", "x/*"]), ["x/d.md", "x/c.py"]);
        let none = filtered(|job| job.globs = strings(&["*.zig"]));
        let error = find(&[t.path().to_owned()], &[], Walk { filter: Some(&none), ..WALK });
        assert!(error.unwrap_err().to_string().contains("of the names and types"));
    }

    #[test]
    fn a_filter_that_is_none_is_an_error() {
        let invalid = |job: &dyn Fn(&mut crate::Job)| {
            let mut asked = crate::Job::new(Vec::new(), Vec::new());
            job(&mut asked);
            Filter::of(&asked.globs, &asked.exclude, &asked.types, &asked.not_types)
                .err()
                .unwrap()
                .to_string()
        };
        assert!(invalid(&|job| job.types = vec!["nothing".into()]).contains("nothing"));
        assert!(invalid(&|job| job.globs = vec!["[".into()]).contains('['));
        assert!(invalid(&|job| job.exclude = vec!["!a".into()]).contains("begins with !"));
    }

    #[test]
    fn what_is_named_and_missing_may_be_an_entry() {
        let t = tree(&["a.txt", "empty/.hidden"]);
        let paths = ["gone.txt", "a.txt", "empty", "*.csv"].map(|p| t.path().join(p));
        let found = find(&paths, &[], Walk { skip_missing: true, ..WALK }).unwrap();
        assert_eq!(found.inputs.len(), 1);
        assert_eq!(found.bad.iter().map(|e| e.reason).collect::<Vec<_>>(), [Reason::NotFound; 3]);
        assert!(found.bad[1].detail.starts_with("no files in this folder"), "{:?}", found.bad);
        assert!(found.bad[2].detail.starts_with("no file matches"), "{:?}", found.bad);
    }

    #[test]
    fn patterns() {
        let t = tree(&["x/1.jsonl", "x/y/2.jsonl", "x/3.txt", "4.jsonl", "x/.h/5.jsonl"]);
        let p = t.path();
        assert_eq!(names(p, &["x/*.jsonl"], WALK), ["x/1.jsonl"]);
        assert_eq!(names(p, &["**/*.jsonl"], WALK), ["4.jsonl", "x/1.jsonl", "x/y/2.jsonl"]);
        assert_eq!(names(p, &["x/[0-9].{jsonl,txt}"], WALK), ["x/1.jsonl", "x/3.txt"]);
        assert_eq!(names(p, &["x/.h/*"], WALK), ["x/.h/5.jsonl"]);
        assert_eq!(names(p, &["?/y"], WALK), ["x/y/2.jsonl"]);
        let none = find(&[p.join("*.csv")], &[], WALK).unwrap_err();
        assert!(none.to_string().contains("*.csv: no file matches"), "{none}");
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error() {
        let e = find(&["/no/such/path.txt".into()], &[], WALK).unwrap_err();
        assert!(matches!(&e, Error::NotFound { path } if path == "/no/such/path.txt"));
        let t = tree(&["file"]);
        let e = find(&[t.path().join("file/below")], &[], WALK).unwrap_err();
        assert!(matches!(e, Error::NotFound { .. }));
    }

    #[test]
    fn a_folder_without_files_is_an_error() {
        let t = tree(&[".hidden"]);
        let e = find(&[t.path().to_owned()], &[], WALK).unwrap_err().to_string();
        assert!(e.contains("no files in this folder (hidden files"), "{e}");
    }

    #[cfg(unix)]
    #[test]
    fn broken_links_are_entries_and_other_links_are_passed_by() {
        let t = tree(&["a.txt"]);
        std::os::unix::fs::symlink("nowhere", t.path().join("broken")).unwrap();
        std::os::unix::fs::symlink("a.txt", t.path().join("link")).unwrap();
        let found = find(&[t.path().to_owned()], &[], WALK).unwrap();
        assert_eq!((found.inputs.len(), found.passed), (1, 1));
        assert_eq!(found.bad[0].reason, Reason::BrokenLink);
        assert!(found.bad[0].file.ends_with("broken") && found.bad[0].detail.contains("nowhere"));

        let found = find(&[t.path().join("broken"), t.path().join("link")], &[], WALK).unwrap();
        assert_eq!((found.inputs.len(), found.bad.len()), (1, 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_is_walked_when_it_is_named() {
        let t = tree(&["x/a.txt"]);
        std::os::unix::fs::symlink("x", t.path().join("link")).unwrap();
        assert_eq!(names(t.path(), &["link"], WALK), ["link/a.txt"]);
    }

    #[test]
    fn what_a_list_names_and_is_missing_is_an_entry() {
        let t = tree(&["a.txt", "x/b.txt", "empty/.hidden", "odd*.txt"]);
        let listed =
            ["gone.txt", "x", "empty", "a.txt", "*.txt", "odd*.txt", "a.txt/below", "gone.txt"];
        let listed = listed.map(|p| t.path().join(p));
        let found = find(&[], &listed, WALK).unwrap();
        let names: Vec<_> =
            found.inputs.iter().map(|i| i.path.strip_prefix(t.path()).unwrap()).collect();
        assert_eq!(names, ["x/b.txt", "a.txt", "odd*.txt"].map(Path::new));
        let bad: Vec<_> =
            found.bad.iter().map(|e| (e.file.rsplit('/').next().unwrap(), e.reason)).collect();
        let expected = ["gone.txt", "empty", "*.txt", "below"].map(|name| (name, Reason::NotFound));
        assert_eq!(bad, expected);
        assert!(found.bad[1].detail.starts_with("no files in this folder (hidden"));
    }

    /// Every way to reach a file twice, alone and all at once.
    #[cfg(unix)]
    #[test]
    fn a_file_is_read_once_however_it_is_reached() {
        let t = tree(&["x/a.txt"]);
        let at = |path: &str| t.path().join(path);
        std::os::unix::fs::symlink("x/a.txt", at("link.txt")).unwrap();
        std::os::unix::fs::symlink("x", at("folder")).unwrap();
        fs::hard_link(at("x/a.txt"), at("hard.txt")).unwrap();
        let ways = [
            "x/a.txt",
            "x",
            "x/../x/a.txt",
            "link.txt",
            "folder",
            "folder/a.txt",
            "hard.txt",
            "x/*.txt",
        ];
        let ways = ways.map(at);
        for first in &ways {
            for again in &ways {
                let found = find(&[first.clone(), again.clone()], &[], WALK).unwrap();
                assert_eq!((found.inputs.len(), found.repeated), (1, 1), "{first:?} {again:?}");
                if again.to_str().is_some_and(|again| !again.contains('*')) {
                    let found = find(from_ref(first), from_ref(again), WALK).unwrap();
                    assert_eq!((found.inputs.len(), found.repeated), (1, 1), "{first:?} {again:?}");
                }
            }
        }
        let found = find(&ways, &ways[..7], WALK).unwrap();
        assert_eq!((found.inputs.len(), found.repeated), (1, 14));
        // The whole folder holds the file under two names, and two links that are passed by.
        let found = find(&[t.path().to_owned()], &[], WALK).unwrap();
        assert_eq!((found.inputs.len(), found.repeated, found.passed), (1, 1, 2));
    }

    #[test]
    fn a_file_that_a_walk_met_first_is_unpacked_if_it_is_named_too() {
        let t = tree(&["a.txt.gz"]);
        let file = t.path().join("a.txt.gz");
        for again in [&file, &t.path().join("*.gz")] {
            let found = find(&[t.path().to_owned(), again.clone()], &[], WALK).unwrap();
            assert!(found.inputs[0].unpack && found.inputs[0].explicit == (again == &file));
        }
        let found = find(&[t.path().to_owned()], &[file], WALK).unwrap();
        assert!(found.inputs[0].unpack && found.inputs[0].explicit);
    }

    #[test]
    fn how_much_of_a_name_was_named_is_known() {
        let t = tree(&["x/y/a.txt"]);
        let at = |path: &str| t.path().join(path);
        let depth = parts_of(t.path());
        for (named, expected) in [
            (at(""), depth),
            (at("x"), depth + 1),
            (at("x/"), depth + 1),
            (at("x/y"), depth + 2),
            (at("x/y/a.txt"), depth + 2),
            (at("x/*/a.txt"), depth + 1),
            (at("**/*.txt"), depth),
        ] {
            let found = find(std::slice::from_ref(&named), &[], WALK).unwrap();
            assert_eq!(found.inputs[0].named, expected, "{named:?}");
        }
        assert_eq!(parts_of(Path::new("./x")), 1);
        assert_eq!(parts_of(Path::new("/")), 1);
    }
}
