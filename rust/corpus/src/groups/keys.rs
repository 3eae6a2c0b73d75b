//! What counts are summed by, and how the values of a document become one key of a table without an allocation for each
//! document.
//!
//! A key is the values one after the other, each after its length plus one as eight bytes, 0 for a value that is
//! missing: `["ü", missing]` is `03 00 00 00 00 00 00 00 C3 BC 00 00 00 00 00 00 00 00`.

use std::fmt;

use crate::Scripts;
use crate::language::UNDETERMINED;
use crate::messages_met::answered;
use crate::record::Fields;

/// What the counts are summed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The file.
    File,
    /// The folder that the file is in, as its path is written; `.` where it is written without one. Standard input is in
    /// none.
    Folder,
    /// The first so many folders of those that lead to the file from what was named: the folder, or what comes before
    /// the first wildcard. `.` where there are none.
    FolderLevels(usize),
    /// The suffix of the file in lower case, without that of its compression.
    Extension,
    /// A field of the record; a dot goes one level down. What is no string is taken as it is written.
    Field(String),
    /// The script that most characters of the document have, of those that no scripts share; a document without any has
    /// the shared one that it has most of, and one without characters none.
    Script,
    /// The language label: see [`Job::languages`](crate::Job::languages).
    Language,
    /// The unit of a sample that the document is in. A run that samples puts it first itself.
    SampledUnit,
}

impl Key {
    /// `file`, `folder`, `folder:N` (N levels), `extension`, `script`, or the name of a field. A field with one of these
    /// names is `field:file`.
    ///
    /// ```
    /// use fasttok_corpus::Key;
    ///
    /// assert_eq!(Key::parse("extension"), Key::Extension);
    /// assert_eq!(Key::parse("folder:2"), Key::FolderLevels(2));
    /// assert_eq!(Key::parse("meta.source"), Key::Field("meta.source".into()));
    /// assert_eq!(Key::parse("field:file"), Key::Field("file".into()));
    /// ```
    pub fn parse(key: &str) -> Key {
        match key {
            "file" => Key::File,
            "folder" => Key::Folder,
            "extension" => Key::Extension,
            "script" => Key::Script,
            field => match field.strip_prefix("folder:").and_then(|levels| levels.parse().ok()) {
                Some(levels @ 1..) => Key::FolderLevels(levels),
                _ => Key::Field(field.strip_prefix("field:").unwrap_or(field).to_owned()),
            },
        }
    }
}

impl fmt::Display for Key {
    /// What [`Key::parse`] makes the key of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::File => f.write_str("file"),
            Key::Folder => f.write_str("folder"),
            Key::FolderLevels(levels) => write!(f, "folder:{levels}"),
            Key::Extension => f.write_str("extension"),
            Key::Script => f.write_str("script"),
            Key::Language => f.write_str("language"),
            Key::SampledUnit => f.write_str("sampled unit"),
            Key::Field(field) if Key::parse(field) == *self => f.write_str(field),
            Key::Field(field) => write!(f, "field:{field}"),
        }
    }
}

/// The turn that the answer of a batch is in, by its id.
pub(crate) type TurnOf<'a> = dyn Fn(&str) -> Option<u32> + Sync + 'a;

/// The keys of a job.
pub(crate) struct GroupKeys {
    keys: Vec<Key>,
}

impl GroupKeys {
    pub fn new(keys: &[Key]) -> GroupKeys {
        GroupKeys { keys: keys.to_vec() }
    }

    /// The fields among the keys.
    pub fn fields(&self) -> Vec<Vec<String>> {
        let field = |key: &Key| match key {
            Key::Field(field) => Some(Fields::path(field)),
            _ => None,
        };
        self.keys.iter().filter_map(field).collect()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Which of them is the turn of a conversation, whose values are in the order of numbers.
    pub fn turn(&self) -> Option<usize> {
        self.keys.iter().position(|key| matches!(key, Key::Field(field) if field == "turn"))
    }

    /// Writes to `to` the key of an answer of a batch with the turn that `turn_of` gives for its id, and of any other key
    /// nothing; says which it was. Only of conversations: see `messages_met::turn_to_come`.
    pub fn with_turn(&self, key: &[u8], turn_of: &TurnOf, to: &mut Vec<u8>) -> bool {
        let is_late = |key: &&Key| matches!(key, Key::Language | Key::Script | Key::SampledUnit);
        let Some(at) = self.turn() else { return false };
        let at = at - self.keys[..at].iter().filter(is_late).count();
        let Some(custom_id) = values_of(key).nth(at).flatten().and_then(answered) else {
            return false;
        };
        let turn = turn_of(custom_id).map(|turn| turn.to_string());
        to.clear();
        for (i, value) in values_of(key).enumerate() {
            write_value(if i == at { turn.as_deref().map(str::as_bytes) } else { value }, to);
        }
        true
    }

    /// Whether languages are among the keys.
    pub fn by_language(&self) -> bool {
        self.keys.contains(&Key::Language)
    }

    /// Whether scripts are among the keys.
    pub fn by_script(&self) -> bool {
        self.keys.contains(&Key::Script)
    }

    fn by_unit(&self) -> bool {
        self.keys.contains(&Key::SampledUnit)
    }

    /// Writes the key of a document to `to`, but for its unit, its language and its script. Of the parts of the path `file`, so
    /// many lead to what was named. `values` are those of [`GroupKeys::fields`], or nothing at all.
    pub fn encode(
        &self,
        file: &str,
        named: usize,
        extension: Option<&str>,
        values: &[Option<String>],
        to: &mut Vec<u8>,
    ) {
        to.clear();
        let mut values = values.iter();
        for key in &self.keys {
            let value = match key {
                Key::File => Some(file),
                Key::Folder => folder(file),
                Key::FolderLevels(levels) => {
                    write_value(folders(file, named, *levels).as_deref().map(str::as_bytes), to);
                    continue;
                }
                Key::Extension => extension,
                Key::Field(_) => values.next().and_then(|v| v.as_deref()),
                Key::Language | Key::Script | Key::SampledUnit => continue,
            };
            write_value(value.map(str::as_bytes), to);
        }
    }

    /// Writes the unit of a sample after what [`GroupKeys::encode`] wrote, where units are among the keys.
    pub fn encode_unit(&self, unit: &str, to: &mut Vec<u8>) {
        if self.by_unit() {
            write_value(Some(unit.as_bytes()), to);
        }
    }

    /// Writes the language of a document after the rest of its key: it may become known only then.
    pub fn encode_language(&self, language: &str, to: &mut Vec<u8>) {
        write_value(Some(language.as_bytes()), to);
    }

    /// Writes the script of a document after all else in its key, where it is asked for.
    pub fn encode_script(&self, scripts: &Scripts, to: &mut Vec<u8>) {
        if self.by_script() {
            write_value(scripts.most().map(str::as_bytes), to);
        }
    }

    pub fn decode(&self, key: &[u8]) -> Vec<Option<String>> {
        let mut ordered = Vec::new();
        self.put_in_order(key, &mut ordered);
        let value = |v: Option<&[u8]>| v.map(|v| String::from_utf8_lossy(v).into_owned());
        values_of(&ordered).map(value).collect()
    }

    /// Writes the values of `key` after `to` in the order of the keys: the unit, the language and then the script,
    /// which come last, where they were asked for.
    pub fn put_in_order(&self, key: &[u8], to: &mut Vec<u8>) {
        if !self.by_unit() && !self.by_language() && !self.by_script() {
            to.extend_from_slice(key);
            return;
        }
        let mut values: Vec<Option<&[u8]>> = values_of(key).collect();
        let script = self.by_script().then(|| values.pop()).flatten().flatten();
        let language = self.by_language().then(|| values.pop()).flatten().flatten();
        let unit = self.by_unit().then(|| values.pop()).flatten().flatten();
        let mut values = values.into_iter();
        for key in &self.keys {
            let value = match key {
                Key::Language => Some(language.unwrap_or(UNDETERMINED.as_bytes())),
                Key::Script => script,
                Key::SampledUnit => unit,
                _ => values.next().flatten(),
            };
            write_value(value, to);
        }
    }

    /// The keys as the user wrote them.
    pub fn names(&self) -> Vec<String> {
        self.keys.iter().map(Key::to_string).collect()
    }
}

/// Standard input, which is in no folder.
const STDIN: &str = "-";

/// The folder that a file is in.
fn folder(file: &str) -> Option<&str> {
    match file.rsplit_once('/') {
        Some(("", _)) => Some("/"),
        Some((folder, _)) => Some(folder),
        None => (file != STDIN).then_some("."),
    }
}

/// The first of the folders that lead to a file after the first `named` parts of its path.
fn folders(file: &str, named: usize, levels: usize) -> Option<String> {
    if file == STDIN {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    let below: Vec<&str> = parts.into_iter().skip(named).take(levels).collect();
    Some(if below.is_empty() { ".".to_owned() } else { below.join("/") })
}

/// The values of an encoded key.
pub(crate) fn values_of(mut key: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        let (len, rest) = key.split_first_chunk::<8>()?;
        let len = u64::from_le_bytes(*len) as usize;
        let (value, rest) = rest.split_at(len.saturating_sub(1));
        key = rest;
        Some((len > 0).then_some(value))
    })
}

fn write_value(value: Option<&[u8]>, to: &mut Vec<u8>) {
    // The length plus one; nothing is 0.
    let len = value.map_or(0, |v| v.len() as u64 + 1);
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(value.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed() {
        assert_eq!(Key::parse("file"), Key::File);
        assert_eq!(Key::parse("extension"), Key::Extension);
        assert_eq!(Key::parse("meta.lang"), Key::Field("meta.lang".into()));
        assert_eq!(Key::parse("field:file"), Key::Field("file".into()));
        assert_eq!(Key::parse("folder"), Key::Folder);
        assert_eq!(Key::parse("folder:12"), Key::FolderLevels(12));
        assert_eq!(Key::parse("script"), Key::Script);
        for field in ["folder:0", "folder:", "folder:a", "folder:-1"] {
            assert_eq!(Key::parse(field), Key::Field(field.into()));
        }
        assert_eq!(Key::parse("field:folder:1"), Key::Field("folder:1".into()));
        for key in [
            "file",
            "folder",
            "folder:3",
            "extension",
            "script",
            "a.b",
            "field:script",
            "field:field:x",
        ] {
            assert_eq!(Key::parse(key).to_string(), key);
        }
    }

    #[test]
    fn folders_are_those_of_the_path() {
        for (file, expected) in [
            ("a.txt", Some(".")),
            ("x/a.txt", Some("x")),
            ("x/y/a.txt", Some("x/y")),
            ("/a.txt", Some("/")),
            ("/x/a.txt", Some("/x")),
            ("-", None),
        ] {
            assert_eq!(folder(file), expected, "{file}");
        }
        for (file, named, levels, expected) in [
            ("x/y/z/a.txt", 0, 1, Some("x")),
            ("x/y/z/a.txt", 1, 1, Some("y")),
            ("x/y/z/a.txt", 1, 9, Some("y/z")),
            ("x/y/z/a.txt", 3, 1, Some(".")),
            ("a.txt", 0, 1, Some(".")),
            // Below the root, which is the part before the first slash.
            ("/x/a.txt", 1, 1, Some("x")),
            ("-", 0, 1, None),
        ] {
            assert_eq!(
                folders(file, named, levels).as_deref(),
                expected,
                "{file} {named} {levels}"
            );
        }
    }

    #[test]
    fn what_is_known_last_stands_where_it_was_asked_for() {
        let keys = GroupKeys::new(&[
            Key::Script,
            Key::FolderLevels(1),
            Key::Language,
            Key::Field("a".into()),
        ]);
        for (text, script) in [("ж a b !", Some("Latn")), ("12 !", Some("Zyyy")), ("", None)] {
            let mut to = Vec::new();
            keys.encode("d/x/f", 1, None, &[Some("v".into())], &mut to);
            keys.encode_language("en", &mut to);
            keys.encode_script(&crate::scripts_of([text]), &mut to);
            let expected = [script, Some("x"), Some("en"), Some("v")];
            assert_eq!(decode(&keys, &to), expected.map(|v| v.map(str::to_owned)), "{text}");
        }
    }

    fn decode(keys: &GroupKeys, key: &[u8]) -> Vec<Option<String>> {
        let mut ordered = Vec::new();
        keys.put_in_order(key, &mut ordered);
        let value = |v: Option<&[u8]>| v.map(|v| String::from_utf8(v.to_vec()).unwrap());
        values_of(&ordered).map(value).collect()
    }

    #[test]
    fn group_keys_come_back_as_they_went() {
        let keys = GroupKeys::new(&[
            Key::Field("a".into()),
            Key::Extension,
            Key::File,
            Key::Field("b".into()),
        ]);
        let mut to = Vec::new();
        for values in [vec![None, Some("ü".to_owned())], vec![Some(String::new()), None]] {
            keys.encode("f", 0, None, &values, &mut to);
            let expected = [values[0].clone(), None, Some("f".into()), values[1].clone()];
            assert_eq!(decode(&keys, &to), expected);
        }
        keys.encode("f", 0, Some("txt"), &[], &mut to);
        assert_eq!(decode(&keys, &to), [None, Some("txt".into()), Some("f".into()), None]);
    }

    #[test]
    fn the_language_stands_where_it_was_asked_for() {
        let keys = GroupKeys::new(&[Key::Field("a".into()), Key::Language, Key::Extension]);
        let mut to = Vec::new();
        keys.encode("f", 0, Some("txt"), &[Some("x".into()), Some("eng_Latn".into())], &mut to);
        keys.encode_language("en", &mut to);
        assert_eq!(decode(&keys, &to), ["x", "en", "txt"].map(|v| Some(v.to_owned())));
    }
}
