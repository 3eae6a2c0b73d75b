//! What counts are summed by, and how the values of a document become one key of a table without an allocation for each
//! document.
//!
//! A key is the values one after the other, each after its length plus one as eight bytes, 0 for a value that is
//! missing: `["ü", missing]` is `03 00 00 00 00 00 00 00 C3 BC 00 00 00 00 00 00 00 00`.

use crate::language::UNDETERMINED;
use crate::record::Fields;

/// What the counts are summed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The file.
    File,
    /// The suffix of the file in lower case, without that of its compression.
    Extension,
    /// A field of the record; a dot goes one level down. What is no string is taken as it is written.
    Field(String),
    /// The language label: see [`Job::languages`](crate::Job::languages).
    Language,
}

impl Key {
    /// `file`, `extension`, or the name of a field. A field with one of these two names is `field:file`.
    ///
    /// ```
    /// use fasttok_corpus::Key;
    ///
    /// assert_eq!(Key::parse("extension"), Key::Extension);
    /// assert_eq!(Key::parse("meta.source"), Key::Field("meta.source".into()));
    /// assert_eq!(Key::parse("field:file"), Key::Field("file".into()));
    /// ```
    pub fn parse(key: &str) -> Key {
        match key {
            "file" => Key::File,
            "extension" => Key::Extension,
            field => Key::Field(field.strip_prefix("field:").unwrap_or(field).to_owned()),
        }
    }
}

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
            Key::File | Key::Extension | Key::Language => None,
        };
        self.keys.iter().filter_map(field).collect()
    }

    /// Whether languages are among the keys.
    pub fn by_language(&self) -> bool {
        self.keys.contains(&Key::Language)
    }

    /// Writes the key of a document to `to`, but for its language. `values` are those of [`GroupKeys::fields`], or nothing at all.
    pub fn encode(
        &self,
        file: &str,
        extension: Option<&str>,
        values: &[Option<String>],
        to: &mut Vec<u8>,
    ) {
        to.clear();
        let mut values = values.iter();
        for key in &self.keys {
            let value = match key {
                Key::File => Some(file),
                Key::Extension => extension,
                Key::Field(_) => values.next().and_then(|v| v.as_deref()),
                Key::Language => continue,
            };
            write_value(value.map(str::as_bytes), to);
        }
    }

    /// Writes the language of a document after the rest of its key: it may become known only then.
    pub fn encode_language(&self, language: &str, to: &mut Vec<u8>) {
        write_value(Some(language.as_bytes()), to);
    }

    pub fn decode(&self, key: &[u8]) -> Vec<Option<String>> {
        let mut ordered = Vec::new();
        self.put_in_order(key, &mut ordered);
        let value = |v: Option<&[u8]>| v.map(|v| String::from_utf8_lossy(v).into_owned());
        values_of(&ordered).map(value).collect()
    }

    /// Writes the values of `key` after `to` in the order of the keys: the language, which comes last, where it was
    /// asked for.
    pub fn put_in_order(&self, key: &[u8], to: &mut Vec<u8>) {
        let Some(index) = self.keys.iter().position(|key| *key == Key::Language) else {
            to.extend_from_slice(key);
            return;
        };
        let mut values: Vec<Option<&[u8]>> = values_of(key).collect();
        let language = values.pop().flatten().unwrap_or(UNDETERMINED.as_bytes());
        values.insert(index, Some(language));
        values.into_iter().for_each(|value| write_value(value, to));
    }

    /// The keys as the user wrote them.
    pub fn names(&self) -> Vec<String> {
        let name = |key: &Key| match key {
            Key::File => "file".to_owned(),
            Key::Extension => "extension".to_owned(),
            Key::Field(field) => field.clone(),
            Key::Language => "language".to_owned(),
        };
        self.keys.iter().map(name).collect()
    }
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
            keys.encode("f", None, &values, &mut to);
            let expected = [values[0].clone(), None, Some("f".into()), values[1].clone()];
            assert_eq!(decode(&keys, &to), expected);
        }
        keys.encode("f", Some("txt"), &[], &mut to);
        assert_eq!(decode(&keys, &to), [None, Some("txt".into()), Some("f".into()), None]);
    }

    #[test]
    fn the_language_stands_where_it_was_asked_for() {
        let keys = GroupKeys::new(&[Key::Field("a".into()), Key::Language, Key::Extension]);
        let mut to = Vec::new();
        keys.encode("f", Some("txt"), &[Some("x".into()), Some("eng_Latn".into())], &mut to);
        keys.encode_language("en", &mut to);
        assert_eq!(decode(&keys, &to), ["x", "en", "txt"].map(|v| Some(v.to_owned())));
    }
}
