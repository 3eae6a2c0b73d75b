//! Which part of a crate may use which: a table that a test holds the sources against, so that no circle comes in
//! unseen. A part is a file or a folder directly below `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Holds the crate in the folder `manifest` against `table`.
///
/// A line of it is a part and, after a colon, the parts that it uses. A part may use only parts of lines above its
/// own: so there is no circle. What a line allows and nobody uses is an error too. Code under `#[cfg(test)]` may use
/// everything.
///
/// # Panics
///
/// Where sources and table differ, with the table as it would have to be.
pub fn check(manifest: &str, table: &str) {
    let found = edges(&Path::new(manifest).join("src"));
    let mut above = BTreeSet::new();
    let mut allowed = Edges::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (part, used) = line.split_once(':').expect("a part and a colon");
        let used: BTreeSet<String> = used.split_whitespace().map(str::to_owned).collect();
        let upward: Vec<_> = used.difference(&above).collect();
        assert!(
            upward.is_empty(),
            "{part} is above what it uses, or there is a circle: {upward:?}"
        );
        above.insert(part.to_owned());
        allowed.insert(part.to_owned(), used);
    }
    assert!(
        found == allowed,
        "the sources and the table differ:\n{}",
        difference(&found, &allowed)
    );
}

fn difference(found: &Edges, allowed: &Edges) -> String {
    let mut text = String::new();
    let parts: BTreeSet<&String> = found.keys().chain(allowed.keys()).collect();
    for part in parts {
        let (found, allowed) = (found.get(part), allowed.get(part));
        if found != allowed {
            let list = |used: Option<&BTreeSet<String>>| match used {
                Some(used) => used.iter().cloned().collect::<Vec<_>>().join(" "),
                None => "(no such part)".to_owned(),
            };
            text += &format!("{part}: sources [{}], table [{}]\n", list(found), list(allowed));
        }
    }
    text
}

/// What each part of `src` uses.
fn edges(src: &Path) -> Edges {
    let root = without_tests(&fs::read_to_string(src.join("lib.rs")).expect("lib.rs"));
    let mut sources: BTreeMap<String, String> = BTreeMap::new();
    for entry in fs::read_dir(src).expect("the sources") {
        let path = entry.expect("an entry").path();
        let part = path.file_stem().expect("a name").to_string_lossy().into_owned();
        // The root is everywhere, and tests are above everything.
        if root.contains(&format!("mod {part};")) {
            read(&path, sources.entry(part).or_default());
        }
    }
    let names = reexports(&root);
    let mut edges = Edges::new();
    for (part, source) in &sources {
        let used = used(source).into_iter().map(|name| names.get(&name).cloned().unwrap_or(name));
        let used = used.filter(|name| name != part && sources.contains_key(name));
        edges.insert(part.clone(), used.collect());
    }
    edges
}

/// Appends the source of a file, or of all files of a folder, without tests.
fn read(path: &Path, to: &mut String) {
    if path.is_dir() {
        let own = [path.join("mod.rs"), path.with_extension("rs")];
        let own = own.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let own = without_tests(&own);
        for entry in fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            if name == "mod" || own.contains(&format!("mod {name};")) {
                read(&path, to);
            }
        }
    } else if path.extension().is_some_and(|suffix| suffix == "rs") {
        to.push_str(&without_tests(&fs::read_to_string(path).expect("a source")));
    }
}

/// The source without comments, and without items that only tests have.
fn without_tests(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let attribute = line.trim_start();
        if !["#[cfg(test)]", "#[cfg(all(test,"].iter().any(|test| attribute.starts_with(test)) {
            kept.push_str(line.split("//").next().unwrap_or_default());
            kept.push('\n');
            continue;
        }
        // Up to the end of the item, which is where a line is indented as the attribute was.
        let indent = line.len() - line.trim_start().len();
        for line in lines.by_ref() {
            let ends = line.trim_end().ends_with([';', '}']) && !line.trim().is_empty();
            if ends && line.len() - line.trim_start().len() == indent {
                break;
            }
        }
    }
    kept
}

/// The parts that the root's names come from.
fn reexports(root: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for statement in root.split(';') {
        let Some((_, path)) = statement.split_once("use ") else { continue };
        let Some((part, items)) = path.split_once("::") else { continue };
        for name in items.split(|c: char| !c.is_alphanumeric() && c != '_') {
            names.insert(name.to_owned(), part.trim().to_owned());
        }
    }
    names
}

/// The names after `crate::`, those of a list in braces one by one.
fn used(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + "crate::".len()..];
        // `$crate`, and the end of a longer name.
        if source[..at].ends_with(|c| is_name(c) || c == '$') {
            continue;
        }
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(rest.chars().take_while(|&c| is_name(c)).collect());
            continue;
        };
        let mut depth = 0;
        let mut name = String::new();
        let mut is_first = true;
        for c in list.chars() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(std::mem::take(&mut name));
                    is_first = true;
                }
                c if depth == 0 && is_first && is_name(c) => name.push(c),
                c if c.is_whitespace() => {}
                _ => is_first = false,
            }
        }
        names.insert(name);
    }
    names.remove("");
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_are() {
        let source = "use crate::a::b;\nuse crate::{Error, c::{d, e}, f};\nfn x() { crate::g() }\n$crate::no";
        let found = used(source);
        assert_eq!(found.iter().collect::<Vec<_>>(), ["Error", "a", "c", "f", "g"]);
        let names = reexports("mod a;\npub use a::{Error, x};\npub(crate) use b::c::Y;");
        assert_eq!((names["Error"].as_str(), names["Y"].as_str()), ("a", "b"));
    }

    #[test]
    fn tests_do_not_count() {
        let source =
            "use crate::a; // crate::b\n#[cfg(test)]\nmod tests {\n    crate::c();\n}\nfn d() {}\n";
        assert_eq!(without_tests(source), "use crate::a; \nfn d() {}\n");
        let one = "fn a() {\n    #[cfg(test)]\n    crate::b();\n    crate::c();\n}\n";
        assert_eq!(used(&without_tests(one)).into_iter().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    #[should_panic(expected = "circle")]
    fn a_part_may_use_only_parts_above() {
        check(env!("CARGO_MANIFEST_DIR"), "a: b\nb: a");
    }
}
