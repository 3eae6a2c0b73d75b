//! JSONL (NDJSON): one JSON object a line, of which one field is the text. Blank lines are no rows.
//!
//! The whole line is checked against the grammar, also after the wanted field; of a name that occurs twice the last
//! value holds, as in Python. What is not wanted is passed over without being built.
//!
//! The parser is serde_json, which finds the fields and leaves them as they are written ([`RawValue`]); long strings are
//! taken out of the record before, checked and unescaped in one pass, for they are nearly all of it ([`LongStrings`]).
//! The SIMD parsers were tried against it on the same input and are wrong for this purpose: sonic-rs (0.5.10) passes
//! `\uzzzz` in a field that is skipped and recurses without a limit, so that a line of brackets overflows the stack;
//! simd-json (0.17) refuses numbers that JSON allows and passes lone surrogates.

use std::collections::BTreeSet;
use std::fmt;

use fasttok_engine::Utf8Errors;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json_parts::ObjectParts;
use super::json_string;
use super::long_strings::{LongStrings, Strings};
use super::{Format, Layout};
use crate::Progress;
use crate::reading::Framing;
use crate::record::{Fields, FieldsMet, Met, RecordParts, RecordReader, Row, is_blank};
use crate::skip_reason::{Reason, SkipReason};

pub(super) struct Jsonl;

const NOUN: &str = "line";

impl Format for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }
    fn suffixes(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson", "jsonlines", "ldjson"]
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Stream(Framing::Records, |fields| Box::new(JsonlReader::new(fields, NOUN)))
    }
    fn parts(&self, fields: &Fields, errors: Utf8Errors) -> Option<Box<dyn RecordParts>> {
        ObjectParts::begin(fields, NOUN, errors)
    }
    fn passes_bom(&self) -> bool {
        true
    }
}

/// A buffer that grew beyond this for one long text is given back.
pub(super) const KEPT: usize = 8 << 20;

/// Reads a JSON object, wherever it was found.
pub(super) struct JsonlReader {
    /// What messages call it.
    noun: &'static str,
    wanted: Node,
    /// The names of the fields as the user wrote them, for messages: those of [`Fields::names`].
    names: Vec<String>,
    /// Which of them is the second text.
    answer: Option<usize>,
    long: LongStrings,
    text: Vec<u8>,
    second_text: Vec<u8>,
    /// The parts of the text together, where there are several.
    joined: String,
    /// The slot of the second of them.
    more: usize,
    /// How many slots there are.
    slots: usize,
    value: Vec<u8>,
    values: Vec<Option<String>>,
    met: Met,
    /// In how many records names were looked for.
    looked: usize,
}

/// In so many records that lack a field that none has had yet the names of others are looked for.
const LOOKED: usize = 100;

impl JsonlReader {
    pub fn new(fields: &Fields, noun: &'static str) -> JsonlReader {
        let Slots { wanted, names, slots } = Slots::new(fields);
        let (answer, more) = fields.after_groups();
        JsonlReader {
            noun,
            wanted,
            answer,
            more,
            slots,
            joined: String::new(),
            long: LongStrings::default(),
            text: Vec::new(),
            second_text: Vec::new(),
            value: Vec::new(),
            values: vec![None; fields.groups.len()],
            met: Met::new(names.len()),
            names,
            looked: 0,
        }
    }
}

impl RecordReader for JsonlReader {
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        errors: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        if is_blank(record) {
            return Ok(None);
        }
        let noun = self.noun;
        let JsonlReader {
            wanted, names, long, text, second_text, value, values, met, looked, ..
        } = self;
        let (joined, more) = (&mut self.joined, self.more);
        for buffer in [&mut *text, &mut *second_text] {
            if buffer.len() > KEPT {
                *buffer = Vec::new();
            }
        }
        let long = long.take_out(record, errors).then_some(&*long);
        // A value of a group that is no string is wanted as it is written. The slots are those before they are merged.
        let is_whole = |long: &LongStrings, slots: &[Option<&str>]| {
            slots.chunks(names.len()).all(|slots| {
                let mut groups = slots[1..=values.len()].iter().flatten();
                groups.all(|raw| raw.starts_with('"') || !long.are_in(raw))
            })
        };
        let apart = long.and_then(|long| {
            let slots = wanted.slots_of(long.rest(), self.slots).ok()?;
            is_whole(long, &slots).then_some((long, slots))
        });
        let (long, mut slots) = match apart {
            Some((long, slots)) => (Some(long), slots),
            // It is read as it is, if only for what is wrong with it.
            None => (None, find(wanted, record, self.slots, noun)?),
        };
        merge_named(&mut slots, names.len());
        let strings = Strings { record, long };
        met.records += 1;
        let mut is_unmet = false;
        for (met, slot) in met.met.iter_mut().zip(&slots) {
            *met |= slot.is_some();
            is_unmet |= !*met;
        }
        if is_unmet && *looked < LOOKED {
            *looked += 1;
            let named = name_fields("", record, FieldsMet::NAMES_DEPTH, &mut met.names);
            debug_assert!(named.is_ok(), "the record was parsed");
        }

        for ((slot, raw), name) in values.iter_mut().zip(&slots[1..]).zip(&names[1..]) {
            *slot = value_of(*raw, strings, value, errors, name)?;
        }

        let answer = self
            .answer
            .map(|slot| text_of(slots[slot], strings, second_text, errors, &names[slot]));
        let mut text = text_of(slots[0], strings, text, errors, &names[0])?;
        if more < names.len() {
            joined.clear();
            if joined.capacity() > KEPT {
                *joined = String::new();
            }
            joined.push_str(text);
            for (slot, name) in slots[..names.len()].iter().zip(&*names).skip(more) {
                joined.push('\n');
                joined.push_str(text_of(*slot, strings, value, errors, name)?);
            }
            text = joined;
        }
        Ok(Some(Row { text, values, answer: answer.transpose()? }))
    }

    fn report(&mut self, progress: &Progress) {
        self.met.report(progress);
    }

    fn fields_met(&mut self) -> FieldsMet {
        self.met.take()
    }
}

/// The values of the `wanted` fields of `record`, as they are written, in so many slots. The whole of it is checked.
pub(super) fn find<'a>(
    wanted: &Node,
    record: &'a str,
    slots: usize,
    noun: &str,
) -> Result<Vec<Option<&'a str>>, SkipReason> {
    wanted.slots_of(record, slots).map_err(|e| not_a_record(record, noun, &e))
}

/// Adds the names of the fields of the object `json`, whose own name is `parent`, and of those in them.
fn name_fields(
    parent: &str,
    json: &str,
    depth: usize,
    names: &mut BTreeSet<String>,
) -> Result<(), serde_json::Error> {
    struct Named<'n>(&'n str, usize, &'n mut BTreeSet<String>);

    impl<'a> Visitor<'a> for Named<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
            let Named(parent, depth, names) = self;
            while let Some((key, value)) = map.next_entry::<&'a RawValue, &'a RawValue>()? {
                let (key, value) = (key.get(), value.get());
                let Some(name) = full_name(parent, &key[1..key.len() - 1]) else { continue };
                if names.len() < FieldsMet::NAMES {
                    names.insert(name.clone());
                }
                if depth > 1 && value.starts_with('{') {
                    name_fields(&name, value, depth - 1, names)
                        .map_err(serde::de::Error::custom)?;
                }
            }
            Ok(())
        }
    }

    let mut json = serde_json::Deserializer::from_str(json);
    json.deserialize_map(Named(parent, depth, names))
}

/// The name of the field that `key` says in the object `parent`: of a JSON string what is between its quotes, as it is
/// written.
pub(super) fn full_name(parent: &str, key: &str) -> Option<String> {
    if key.len() > FieldsMet::NAME_BYTES {
        return None;
    }
    let (quoted, mut buffer) = (format!("\"{key}\""), Vec::new());
    let key = json_string::text(&quoted, &mut buffer, Utf8Errors::Replace).ok()?;
    Some(if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") })
}

/// The text that `field` has to be, in `buffer` if need be.
fn text_of<'a>(
    raw: Option<&'a str>,
    strings: Strings<'a>,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<&'a str, SkipReason> {
    match raw {
        Some(raw) if raw.starts_with('"') => string(raw, strings, buffer, errors, field),
        Some(raw) if raw.starts_with('[') => list(raw, strings, buffer, errors, field),
        raw => Err(no_text(raw.map(|raw| raw.as_bytes()[0]), field)),
    }
}

/// The strings of the list `raw`, joined by line ends, in `buffer`.
fn list<'a>(
    raw: &str,
    strings: Strings,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<&'a str, SkipReason> {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).expect("the record is JSON");
    buffer.clear();
    let mut unescaped = Vec::new();
    for (i, element) in elements.into_iter().map(RawValue::get).enumerate() {
        if i > 0 {
            buffer.push(b'\n');
        }
        if !element.starts_with('"') {
            return Err(no_text_in_list(element.as_bytes()[0], field));
        }
        buffer
            .extend_from_slice(string(element, strings, &mut unescaped, errors, field)?.as_bytes());
    }
    Ok(std::str::from_utf8(buffer).expect("strings and line ends"))
}

/// Why an element that begins with `first` is not one of the strings that the list `field` has to be of.
pub(super) fn no_text_in_list(first: u8, field: &str) -> SkipReason {
    match first {
        b'n' => SkipReason::new(
            Reason::NullField,
            format!("null is in the list that field {field:?} is"),
        ),
        first => {
            let detail =
                format!("field {field:?} is a list with {} in it, not of strings", kind(first));
            SkipReason::new(Reason::NotAString, detail)
        }
    }
}

/// Why a value that begins with `first`, or none, is not the text that `field` has to be.
pub(super) fn no_text(first: Option<u8>, field: &str) -> SkipReason {
    let (reason, detail) = match first {
        None => (Reason::MissingField, format!("the record has no field {field:?}")),
        Some(b'n') => (Reason::NullField, format!("field {field:?} is null")),
        Some(first) => {
            (Reason::NotAString, format!("field {field:?} is {}, not a string", kind(first)))
        }
    };
    SkipReason::new(reason, detail)
}

/// The value `raw` of a group, in words: numbers, true and false as they are written.
pub(super) fn value_of(
    raw: Option<&str>,
    strings: Strings,
    buffer: &mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<Option<String>, SkipReason> {
    Ok(match raw {
        None | Some("null") => None,
        Some(raw) if raw.starts_with('"') => {
            Some(string(raw, strings, buffer, errors, field)?.to_owned())
        }
        Some(raw) => Some(raw.to_owned()),
    })
}

/// The text of the JSON string `raw`, in `buffer` if need be.
fn string<'a>(
    raw: &'a str,
    strings: Strings<'a>,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<&'a str, SkipReason> {
    strings.text(raw, buffer, errors).map_err(|e| lone_surrogate(e.offset, field))
}

pub(super) fn lone_surrogate(at: usize, field: &str) -> SkipReason {
    let detail =
        format!("field {field:?} holds half of a surrogate pair at byte {at} of its value");
    SkipReason::new(Reason::LoneSurrogate, detail)
}

/// The error for a line, or what else `noun` says, that did not parse as an object with fields.
fn not_a_record(record: &str, noun: &str, e: &serde_json::Error) -> SkipReason {
    // The parser does not read on where there is no object: that may be another value, or not JSON further on.
    let first = record.trim_start().as_bytes().first().copied().unwrap_or_default();
    let further = (first != b'{').then(|| serde_json::from_str::<IgnoredAny>(record));
    let e = match &further {
        Some(Ok(_)) => return not_an_object(first, noun),
        Some(Err(further)) => further,
        None => e,
    };
    // The message ends with a line and a column of its own, which are those in the record.
    let message = e.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let lines = record.split_inclusive('\n').take(e.line().saturating_sub(1));
    let at = lines.map(str::len).sum::<usize>() + e.column();
    broken_json(message, at, record.as_bytes(), 1, noun)
}

pub(super) fn not_an_object(first: u8, noun: &str) -> SkipReason {
    let detail = format!("the {noun} is {}, not an object with fields", kind(first));
    SkipReason::new(Reason::NotAnObject, detail)
}

/// The parser stopped at byte `at`, from 1; `window` is what there is from byte `first` on.
pub(super) fn broken_json(
    message: &str,
    at: usize,
    window: &[u8],
    first: usize,
    noun: &str,
) -> SkipReason {
    let (at, message) = match not_json(window, first, at) {
        Some((at, value)) => {
            (at, format!("{value} is not JSON (write null, or a string): {message}"))
        }
        None => (at, message.to_owned()),
    };
    SkipReason::new(Reason::BrokenJson, format!("{message} at byte {at} of the {noun}"))
}

/// The value that Python's json writes for a number that JSON does not have, and its byte from 1, if that is what the
/// parser stopped at, at byte `column`. `window` is what there is from byte `first` on.
fn not_json(window: &[u8], first: usize, column: usize) -> Option<(usize, &'static str)> {
    // The parser may have taken the sign already.
    ["-Infinity", "Infinity", "NaN"].into_iter().find_map(|value| {
        let at = [column.checked_sub(1)?, column].into_iter().find(|&at| {
            let from = at.checked_sub(first).and_then(|from| window.get(from..));
            at > 0 && from.is_some_and(|rest| rest.starts_with(value.as_bytes()))
        })?;
        Some((at, value))
    })
}

pub(super) fn kind(first: u8) -> &'static str {
    match first {
        b'"' => "a string",
        b'{' => "an object",
        b'[' => "an array",
        b't' | b'f' => "true or false",
        b'n' => "null",
        _ => "a number",
    }
}

/// The wanted fields of a record, and where their values go.
pub(super) struct Slots {
    pub wanted: Node,
    /// The names of the fields as the user wrote them, for messages: those of [`Fields::names`].
    pub names: Vec<String>,
    /// How many slots there are: one for each path, then maybe one for each field that has a path for its name.
    pub slots: usize,
}

impl Slots {
    pub fn new(fields: &Fields) -> Slots {
        let mut wanted = Node::default();
        for (slot, path) in fields.paths().enumerate() {
            wanted.insert(path, slot);
        }
        let names = fields.names();
        let mut slots = names.len();
        // What a field of that very name has comes in a slot of its own.
        for (slot, (path, name)) in fields.paths().zip(&names).enumerate() {
            if path.len() > 1 {
                wanted.insert(std::slice::from_ref(name), names.len() + slot);
                slots = 2 * names.len();
            }
        }
        Slots { wanted, names, slots }
    }
}

/// Lets what a field has that has a path of `names` for its name come first. Says which slot the first field is from.
pub(super) fn merge_named<T>(slots: &mut [Option<T>], names: usize) -> usize {
    let (by_path, by_name) = slots.split_at_mut(names);
    let first = if by_name.first().is_some_and(Option::is_some) { names } else { 0 };
    for (slot, named) in by_path.iter_mut().zip(by_name) {
        if named.is_some() {
            *slot = named.take();
        }
    }
    first
}

/// The wanted names as a tree.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Where the value of this very field goes.
    slots: Vec<usize>,
    children: Vec<(String, Node)>,
}

impl Node {
    pub fn insert(&mut self, path: &[String], slot: usize) {
        let Some((name, rest)) = path.split_first() else {
            self.slots.push(slot);
            return;
        };
        let i = self.children.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
            self.children.push((name.clone(), Node::default()));
            self.children.len() - 1
        });
        self.children[i].1.insert(rest, slot);
    }

    /// The index of the child that `key` names, a JSON string as written but for its quotes.
    fn index(&self, key: &str) -> Option<usize> {
        let (quoted, mut buffer);
        let key = match memchr::memchr(b'\\', key.as_bytes()) {
            None => key,
            Some(_) => {
                (quoted, buffer) = (format!("\"{key}\""), Vec::new());
                json_string::text(&quoted, &mut buffer, Utf8Errors::Replace).ok()?
            }
        };
        self.children.iter().position(|(name, _)| name == key)
    }

    /// The node that is reached by these indices of children.
    fn at(&self, way: &[usize]) -> &Node {
        way.iter().fold(self, |node, &i| &node.children[i].1)
    }

    /// The index of the child that `key` names of the node that is reached so.
    pub fn index_at(&self, way: &[usize], key: &str) -> Option<usize> {
        self.at(way).index(key)
    }

    /// The child of this index of the node that is reached so.
    pub fn child_at(&self, way: &[usize], child: usize) -> &Node {
        &self.at(way).children[child].1
    }

    pub fn slots(&self) -> &[usize] {
        &self.slots
    }

    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The length of the longest name.
    pub fn longest_name(&self) -> usize {
        let longest = |(name, node): &(String, Node)| node.longest_name().max(name.len());
        self.children.iter().map(longest).max().unwrap_or_default()
    }

    /// The values of the wanted fields in the object `json`.
    fn slots_of<'a>(
        &self,
        json: &'a str,
        slots: usize,
    ) -> Result<Vec<Option<&'a str>>, serde_json::Error> {
        let mut slots = vec![None; slots];
        let mut json = serde_json::Deserializer::from_str(json);
        NodeSeed { node: self, slots: &mut slots }.deserialize(&mut json)?;
        json.end()?;
        Ok(slots)
    }

    /// Takes `raw` as the value of this field, in place of any earlier one.
    fn assign<'a>(
        &self,
        raw: &'a str,
        slots: &mut [Option<&'a str>],
    ) -> Result<(), serde_json::Error> {
        self.clear(slots);
        for &slot in &self.slots {
            slots[slot] = Some(raw);
        }
        if !self.children.is_empty() && raw.starts_with('{') {
            let mut json = serde_json::Deserializer::from_str(raw);
            NodeSeed { node: self, slots }.deserialize(&mut json)?;
        }
        Ok(())
    }

    /// Takes the value of this field and of those in it away.
    pub fn clear<T>(&self, slots: &mut [Option<T>]) {
        for &slot in &self.slots {
            slots[slot] = None;
        }
        for (_, child) in &self.children {
            child.clear(slots);
        }
    }
}

/// Reads an object and fills the slots of the wanted fields in it.
struct NodeSeed<'n, 's, 'a> {
    node: &'n Node,
    slots: &'s mut [Option<&'a str>],
}

impl<'a> DeserializeSeed<'a> for NodeSeed<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for NodeSeed<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        // Keys are read as they are written too: a lone surrogate in a name that nobody asked for is no error.
        while let Some(key) = map.next_key::<&'a RawValue>()? {
            let key = key.get();
            match self.node.index(&key[1..key.len() - 1]) {
                Some(child) => {
                    let raw = map.next_value::<&'a RawValue>()?;
                    self.node.children[child]
                        .1
                        .assign(raw.get(), self.slots)
                        .map_err(serde::de::Error::custom)?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
