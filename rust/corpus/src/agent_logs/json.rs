//! Values in records: what parsers ask them for. Knows no format.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use fasttok_engine::Utf8Errors;
use fasttok_parallel::{Invalid, StoredText};

use crate::format::{JsonKind, JsonTree};

use super::event::Name;

/// No shorter text is cut into parts.
const CUT: usize = 1 << 18;

/// A value in a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Json<'r> {
    tree: &'r Arc<JsonTree>,
    at: u32,
}

impl<'r> Json<'r> {
    /// The whole of a record.
    pub fn whole(tree: &'r Arc<JsonTree>) -> Json<'r> {
        Json { tree, at: 0 }
    }

    /// The value with the record that it is in.
    pub fn kept(self) -> KeptJson {
        KeptJson { tree: Arc::clone(self.tree), at: self.at }
    }

    pub fn kind(self) -> JsonKind {
        self.tree.kind(self.at)
    }

    /// As it is written.
    pub fn raw(self) -> &'r str {
        self.tree.raw(self.at)
    }

    pub fn is_object(self) -> bool {
        self.kind() == JsonKind::Object
    }

    pub fn is_array(self) -> bool {
        self.kind() == JsonKind::Array
    }

    pub fn is_text(self) -> bool {
        self.kind() == JsonKind::String
    }

    pub fn is_null(self) -> bool {
        self.kind() == JsonKind::Null
    }

    /// Whether there is something in it: it is not null, false, 0, nor empty.
    pub fn is_something(self) -> bool {
        match self.kind() {
            JsonKind::Null | JsonKind::False => false,
            JsonKind::True => true,
            JsonKind::Number => self.raw().parse() != Ok(0.0),
            JsonKind::String => self.raw().len() > 2,
            JsonKind::Array | JsonKind::Object => self.values().next().is_some(),
        }
    }

    /// The member of an object, which may be null.
    pub fn get(self, name: &str) -> Option<Json<'r>> {
        self.tree.member(self.at, name).map(|at| Json { at, ..self })
    }

    /// The first of these members that there is.
    pub fn first(self, names: &[&str]) -> Option<Json<'r>> {
        names.iter().find_map(|name| self.get(name))
    }

    pub fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The member that is an object.
    pub fn object(self, name: &str) -> Option<Json<'r>> {
        self.get(name).filter(|value| value.is_object())
    }

    /// The member that is a text.
    pub fn text_in(self, name: &str) -> Option<Json<'r>> {
        self.get(name).filter(|value| value.is_text())
    }

    /// Whether the member is `true`.
    pub fn is_set(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.kind() == JsonKind::True)
    }

    /// The values in an array; names and values of an object by turns.
    pub fn values(self) -> impl Iterator<Item = Json<'r>> {
        self.tree.children(self.at).map(move |at| Json { at, ..self })
    }

    /// Names and values of an object.
    pub fn members(self) -> impl Iterator<Item = (&'r str, Json<'r>)> {
        let mut children = self.values();
        std::iter::from_fn(move || Some((children.next()?.string()?, children.next()?)))
    }

    /// The objects in a list.
    pub fn objects(self) -> impl Iterator<Item = Json<'r>> {
        let is_array = self.is_array();
        self.values().filter(move |value| is_array && value.is_object())
    }

    /// The objects in the list that a member is.
    pub fn objects_in(self, name: &str) -> impl Iterator<Item = Json<'r>> {
        self.get(name).into_iter().flat_map(Json::objects)
    }

    /// The text that it is.
    pub fn string(self) -> Option<&'r str> {
        self.tree.string(self.at)
    }

    /// The text of the member that is a name: one that is not empty.
    pub fn word(self, name: &str) -> Option<&'r str> {
        self.get(name)?.string().filter(|word| !word.is_empty())
    }

    /// The same, to be kept.
    pub fn named(self, name: &str) -> Option<Name> {
        self.word(name).map(Name::from)
    }

    /// Whether the member is the string `text`.
    pub fn is(self, name: &str, text: &str) -> bool {
        self.word(name) == Some(text)
    }

    /// A number of tokens: a whole number of at most 64 bits; 0 for what is none.
    pub fn tokens(self) -> u64 {
        if self.kind() == JsonKind::Number { self.raw().parse().unwrap_or(0) } else { 0 }
    }

    /// The numbers of tokens that members are.
    pub fn tokens_of<const N: usize>(self, names: [&str; N]) -> [u64; N] {
        names.map(|name| self.get(name).map_or(0, Json::tokens))
    }

    /// What is counted of it: a string's text, of all else JSON without blanks. Half of a surrogate pair is U+FFFD.
    pub fn text<'a>(self, buffer: &'a mut Vec<u8>) -> &'a str
    where
        'r: 'a,
    {
        self.tree.text(self.at, buffer)
    }

    /// The same, owned.
    pub fn owned(self) -> String {
        self.text(&mut Vec::new()).to_owned()
    }

    /// What is structured, or the JSON of it, structured; anything else as it is.
    pub fn parsed(self) -> KeptJson {
        let text = self.string().filter(|text| text.starts_with(['[', '{']));
        text.and_then(|text| KeptJson::parse(text.to_owned())).unwrap_or_else(|| self.kept())
    }
}

/// A value with the record that it is in.
#[derive(Debug, Clone)]
pub(super) struct KeptJson {
    tree: Arc<JsonTree>,
    at: u32,
}

impl KeptJson {
    /// The value that `text` is the JSON of.
    pub fn parse(text: String) -> Option<KeptJson> {
        let tree = JsonTree::parse(text).ok()?;
        Some(KeptJson { tree: Arc::new(tree), at: 0 })
    }

    pub fn json(&self) -> Json<'_> {
        Json { tree: &self.tree, at: self.at }
    }
}

/// What can be counted: a text, or a value in a record.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Text(Name),
    Value(KeptJson),
}

impl From<Json<'_>> for Said {
    fn from(value: Json<'_>) -> Said {
        Said::Value(value.kept())
    }
}

impl From<&str> for Said {
    fn from(text: &str) -> Said {
        Said::Text(text.into())
    }
}

impl Said {
    /// What a member says, or what is in its place.
    pub fn or(value: Option<Json<'_>>, none: &str) -> Said {
        value.map_or_else(|| none.into(), Said::from)
    }

    pub fn read<'a>(&'a self, buffer: &'a mut Vec<u8>) -> &'a str {
        match self {
            Said::Text(text) => text,
            Said::Value(value) => value.json().text(buffer),
        }
    }

    /// The same in a form that may be cut, if it is so long that it is.
    pub fn cuttable(self) -> Said {
        match self {
            Said::Value(value) if value.json().raw().len() > CUT => {
                Said::Text(value.json().owned().into())
            }
            said => said,
        }
    }
}

impl StoredText for Said {
    fn units(&self) -> usize {
        match self {
            Said::Text(text) => text.len(),
            Said::Value(value) => value.json().raw().len(),
        }
    }

    fn decode<'s>(
        &'s self,
        range: Range<usize>,
        errors: Utf8Errors,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Cow<'s, str>, Invalid> {
        match self {
            Said::Text(text) => text.decode(range, errors, scratch),
            Said::Value(value) => Ok(Cow::Borrowed(value.json().text(scratch))),
        }
    }

    fn reading_start(&self, unit: usize) -> usize {
        match self {
            Said::Text(text) => text.reading_start(unit),
            Said::Value(_) => unreachable!("it is not cut"),
        }
    }

    fn units_of(&self, start: usize, bytes: usize) -> usize {
        match self {
            Said::Text(text) => text.units_of(start, bytes),
            Said::Value(_) => unreachable!("it is not cut"),
        }
    }
}
