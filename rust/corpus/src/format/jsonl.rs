//! JSONL (NDJSON): one JSON object a line, of which one field is the text. Blank lines are no rows.
//!
//! The whole line is checked against the grammar, also after the wanted field; of a name that occurs twice the last
//! value holds, as in Python. What is not wanted is passed over without being built.
//!
//! The parser is serde_json, which finds the fields and leaves them as they are written ([`RawValue`]); the text is
//! unescaped here. The SIMD parsers were tried against it on the same input and are wrong for this purpose:
//! sonic-rs (0.5.10) passes `\uzzzz` in a field that is skipped and recurses without a limit, so that a line of
//! brackets overflows the stack; simd-json (0.17) refuses numbers that JSON allows and passes lone surrogates. Nor
//! are they much faster here, where texts are long strings full of `\n`.

use std::collections::BTreeSet;
use std::fmt;

use fasttok_engine::Utf8Errors;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::unescape::unescape;
use super::{Format, Layout};
use crate::Progress;
use crate::reading::Framing;
use crate::record::{Fields, FieldsMet, RecordReader, Row};
use crate::skip_reason::{Reason, SkipReason};

pub(super) struct Jsonl;

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
        Layout::Stream(Framing::Records, |fields| Box::new(JsonlReader::new(fields, "line")))
    }
    fn passes_bom(&self) -> bool {
        true
    }
}

/// A buffer that grew beyond this for one long text is given back.
const KEPT: usize = 8 << 20;

/// Reads a JSON object, wherever it was found.
pub(super) struct JsonlReader {
    /// What messages call it.
    noun: &'static str,
    wanted: Node,
    /// The names of the fields as the user wrote them, for messages: those of [`Fields::names`].
    names: Vec<String>,
    /// Which of them is the second text.
    answer: Option<usize>,
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
    met: FieldsMet,
    /// How many of its records were told of.
    reported: u64,
    /// In how many records names were looked for.
    looked: usize,
}

/// In so many records that lack a field that none has had yet, and that are no longer than this, the names of others
/// are looked for.
const LOOKED: usize = 100;
const LOOKED_BYTES: usize = 1 << 20;
/// Fields within fields are named down to this depth.
const DEPTH: usize = 3;

impl JsonlReader {
    pub fn new(fields: &Fields, noun: &'static str) -> JsonlReader {
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
        let (answer, more) = fields.after_groups();
        JsonlReader {
            noun,
            wanted,
            answer,
            more,
            slots,
            joined: String::new(),
            text: Vec::new(),
            second_text: Vec::new(),
            value: Vec::new(),
            values: vec![None; fields.groups.len()],
            met: FieldsMet { met: vec![false; names.len()], ..FieldsMet::default() },
            names,
            reported: 0,
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
        if record.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r')) {
            return Ok(None);
        }
        let noun = self.noun;
        let JsonlReader { wanted, names, text, second_text, value, values, met, looked, .. } = self;
        let (joined, more) = (&mut self.joined, self.more);
        for buffer in [&mut *text, &mut *second_text] {
            if buffer.len() > KEPT {
                *buffer = Vec::new();
            }
        }
        let mut slots = vec![None; self.slots];
        let mut json = serde_json::Deserializer::from_str(record);
        NodeSeed { node: wanted, slots: &mut slots }
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|e| not_a_record(record, noun, &e))?;
        let (by_path, by_name) = slots.split_at_mut(names.len());
        for (slot, named) in by_path.iter_mut().zip(by_name) {
            *slot = named.or(*slot);
        }
        met.records += 1;
        let mut is_unmet = false;
        for (met, slot) in met.met.iter_mut().zip(&slots) {
            *met |= slot.is_some();
            is_unmet |= !*met;
        }
        if is_unmet && *looked < LOOKED && record.len() <= LOOKED_BYTES {
            *looked += 1;
            if let Ok(record) = serde_json::from_str(record) {
                name_fields("", &record, DEPTH, &mut met.names);
            }
        }

        for ((slot, raw), name) in values.iter_mut().zip(&slots[1..]).zip(&names[1..]) {
            *slot = match raw {
                None | Some("null") => None,
                Some(raw) if raw.starts_with('"') => {
                    Some(string(raw, value, errors, name)?.to_owned())
                }
                // Numbers, true and false as they are written.
                Some(raw) => Some((*raw).to_owned()),
            };
        }

        let answer =
            self.answer.map(|slot| text_of(slots[slot], second_text, errors, &names[slot]));
        let mut text = text_of(slots[0], text, errors, &names[0])?;
        if more < names.len() {
            joined.clear();
            if joined.capacity() > KEPT {
                *joined = String::new();
            }
            joined.push_str(text);
            for (slot, name) in slots[..names.len()].iter().zip(&*names).skip(more) {
                joined.push('\n');
                joined.push_str(text_of(*slot, value, errors, name)?);
            }
            text = joined;
        }
        Ok(Some(Row { text, values, answer: answer.transpose()? }))
    }

    fn report(&mut self, progress: &Progress) {
        progress.add_records(self.met.records - self.reported, &self.met.met);
        self.reported = self.met.records;
    }

    fn fields_met(&mut self) -> FieldsMet {
        self.reported = 0;
        let none = FieldsMet { met: vec![false; self.names.len()], ..FieldsMet::default() };
        std::mem::replace(&mut self.met, none)
    }
}

/// Adds the names of the fields of `record`, whose own name is `parent`.
fn name_fields(
    parent: &str,
    record: &serde_json::Value,
    depth: usize,
    names: &mut BTreeSet<String>,
) {
    let Some(fields) = record.as_object().filter(|_| depth > 0) else { return };
    for (name, value) in fields {
        let name = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        name_fields(&name, value, depth - 1, names);
        if names.len() < FieldsMet::NAMES {
            names.insert(name);
        }
    }
}

/// The text that `field` has to be, in `buffer` if need be.
fn text_of<'a>(
    raw: Option<&'a str>,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<&'a str, SkipReason> {
    let raw = raw.ok_or_else(|| {
        SkipReason::new(Reason::MissingField, format!("the record has no field {field:?}"))
    })?;
    if !raw.starts_with('"') {
        return Err(match raw {
            "null" => SkipReason::new(Reason::NullField, format!("field {field:?} is null")),
            _ => SkipReason::new(
                Reason::NotAString,
                format!("field {field:?} is {}, not a string", kind(raw)),
            ),
        });
    }
    string(raw, buffer, errors, field)
}

/// The text of the JSON string `raw`, in `buffer` if need be.
fn string<'a>(
    raw: &'a str,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
    field: &str,
) -> Result<&'a str, SkipReason> {
    unescape(&raw[1..raw.len() - 1], buffer, errors).map_err(|at| {
        SkipReason::new(
            Reason::LoneSurrogate,
            format!(
                "field {field:?} holds half of a surrogate pair at byte {} of its value",
                at.offset
            ),
        )
    })
}

/// The error for a line, or what else `noun` says, that did not parse as an object with fields.
fn not_a_record(record: &str, noun: &str, e: &serde_json::Error) -> SkipReason {
    if e.is_data() && serde_json::from_str::<IgnoredAny>(record).is_ok() {
        return SkipReason::new(
            Reason::NotAnObject,
            format!("the {noun} is {}, not an object with fields", kind(record.trim_start())),
        );
    }
    // The message ends with a line and a column of its own, which are those in the record.
    let message = e.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let lines = record.split_inclusive('\n').take(e.line().saturating_sub(1));
    let at = lines.map(str::len).sum::<usize>() + e.column();
    let (at, message) = match not_json(record, at) {
        Some((at, value)) => {
            (at, format!("{value} is not JSON (write null, or a string): {message}"))
        }
        None => (at, message.to_owned()),
    };
    SkipReason::new(Reason::BrokenJson, format!("{message} at byte {at} of the {noun}"))
}

/// The value that Python's json writes for a number that JSON does not have, and its byte from 1, if that is what the
/// parser stopped at, at byte `column`.
fn not_json(record: &str, column: usize) -> Option<(usize, &'static str)> {
    // The parser may have taken the sign already.
    ["-Infinity", "Infinity", "NaN"].into_iter().find_map(|value| {
        let at = [column.checked_sub(1)?, column].into_iter().find(|&at| {
            at > 0
                && record.as_bytes().get(at - 1..).is_some_and(|r| r.starts_with(value.as_bytes()))
        })?;
        Some((at, value))
    })
}

fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The wanted names as a tree.
#[derive(Debug, Default)]
struct Node {
    /// Where the value of this very field goes.
    slots: Vec<usize>,
    children: Vec<(String, Node)>,
}

impl Node {
    fn insert(&mut self, path: &[String], slot: usize) {
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

    /// The child that `key`, a JSON string as written, names.
    fn child(&self, key: &str) -> Option<&Node> {
        let key = &key[1..key.len() - 1];
        let mut buffer = Vec::new();
        let key = match memchr::memchr(b'\\', key.as_bytes()) {
            None => key,
            Some(_) => unescape(key, &mut buffer, Utf8Errors::Replace).ok()?,
        };
        self.children.iter().find(|(name, _)| name == key).map(|(_, node)| node)
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

    fn clear(&self, slots: &mut [Option<&str>]) {
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
            match self.node.child(key.get()) {
                Some(child) => {
                    let raw = map.next_value::<&'a RawValue>()?;
                    child.assign(raw.get(), self.slots).map_err(serde::de::Error::custom)?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}
