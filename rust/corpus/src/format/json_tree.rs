//! A JSON record of which only some members are asked for, one after the other, by who cannot say before which: where each
//! value in it begins and ends. Nothing is unescaped or copied until it is asked for.
//!
//! The whole record is checked against the grammar, as `jsonl` checks it; half of a surrogate pair is no fault of it, and
//! is U+FFFD in what is read. Of a name that occurs twice the last value holds.

use std::num::NonZeroU32;

use fasttok_engine::Utf8Errors;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::json_string::{self, make_room};
use super::messages::compact::compact;

/// So many brackets may be open in each other, as serde_json has it.
const DEPTH: usize = 128;
/// There is room for so many values from the beginning: most records have fewer.
const NODES: usize = 128;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number; its digits are what is written.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// Where a value is in the record, and where the next begins that is not inside of it.
#[derive(Debug, Clone, Copy)]
struct Node {
    kind: JsonKind,
    start: u32,
    end: u32,
    next: u32,
    /// Of a string in which something is escaped: where its text ends among those of the record.
    text: Option<NonZeroU32>,
    /// Where it begins there.
    text_start: u32,
}

/// A record of JSON, and the values in it by number: 0 is the whole.
#[derive(Debug)]
pub struct JsonTree {
    record: String,
    /// The texts of strings in which something is escaped, one after the other.
    unescaped: String,
    nodes: Vec<Node>,
}

impl JsonTree {
    /// The values of `record`; or the record, and what is wrong with it.
    pub fn parse(record: String) -> Result<JsonTree, (String, String)> {
        let mut scratch = Vec::new();
        JsonTree::parse_with(record, &mut scratch)
    }

    /// The same, with a buffer that is kept for the next record.
    pub fn parse_with(record: String, scratch: &mut Vec<u8>) -> Result<JsonTree, (String, String)> {
        if u32::try_from(record.len()).is_err() {
            return Err((record, "the record is too large".to_owned()));
        }
        make_room(scratch, record.len());
        let start = if record.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let nodes = Vec::with_capacity(NODES);
        let mut parser = Parser { bytes: record.as_bytes(), at: start, nodes, scratch, written: 0 };
        match parser.whole() {
            Some(()) => {
                let Parser { nodes, written, .. } = parser;
                let unescaped = json_string::unescaped(&scratch[..written]).to_owned();
                Ok(JsonTree { nodes, record, unescaped })
            }
            None => {
                let wrong = fault(&record[start..]);
                Err((record, wrong))
            }
        }
    }

    /// The record as it is written.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// What the value is.
    pub fn kind(&self, value: u32) -> JsonKind {
        self.nodes[value as usize].kind
    }

    /// The value as it is written.
    pub fn raw(&self, value: u32) -> &str {
        let Node { start, end, .. } = self.nodes[value as usize];
        &self.record[start as usize..end as usize]
    }

    /// The values in an array; in an object names and values by turns; in any other value nothing.
    pub fn children(&self, value: u32) -> impl Iterator<Item = u32> {
        let end = self.nodes[value as usize].next;
        let mut at = value + 1;
        std::iter::from_fn(move || {
            let child = (at < end).then_some(at)?;
            at = self.nodes[child as usize].next;
            Some(child)
        })
    }

    /// The value of the member `name` of an object; none of any other value.
    pub fn member(&self, object: u32, name: &str) -> Option<u32> {
        let Node { kind, next: end, .. } = self.nodes[object as usize];
        if kind != JsonKind::Object {
            return None;
        }
        let (mut at, mut found) = (object + 1, None);
        while at < end {
            // Of a name nothing is inside.
            let value = at + 1;
            if self.is_named(at, name) {
                found = Some(value);
            }
            at = self.nodes[value as usize].next;
        }
        found
    }

    fn is_named(&self, key: u32, name: &str) -> bool {
        self.string(key) == Some(name)
    }

    /// The text of a string; none of any other value.
    pub fn string(&self, value: u32) -> Option<&str> {
        let Node { kind, start, end, text, text_start, .. } = self.nodes[value as usize];
        match (kind, text) {
            (JsonKind::String, None) => Some(&self.record[start as usize + 1..end as usize - 1]),
            (JsonKind::String, Some(end)) => {
                Some(&self.unescaped[text_start as usize..end.get() as usize])
            }
            _ => None,
        }
    }

    /// What is counted of the value: a string's text, of all else JSON without blanks, in `buffer`.
    pub fn text<'a>(&'a self, value: u32, buffer: &'a mut Vec<u8>) -> &'a str {
        self.string(value).unwrap_or_else(|| {
            let done = compact(self.raw(value), buffer, Utf8Errors::Replace);
            done.expect("half of a surrogate pair is replaced")
        })
    }
}

/// Sixteen bytes that stand for texts, in their order: equal for equal ones.
pub fn digest<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> [u8; 16] {
    let mut hash = Sha256::new();
    for text in texts {
        // No text is as long as what stands for none.
        hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
        hash.update(text.unwrap_or_default());
    }
    *hash.finalize().first_chunk().expect("there are 32 of them")
}

/// What is wrong with what is no JSON.
fn fault(record: &str) -> String {
    match serde_json::from_str::<IgnoredAny>(record) {
        Ok(_) => "nested too deeply".to_owned(),
        Err(e) => {
            let message = e.to_string();
            let message = message.split(" at line ").next().unwrap_or_default();
            let lines = record.split_inclusive('\n').take(e.line().saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>() + e.column();
            format!("{message} at byte {at}")
        }
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Texts, up to `written`.
    scratch: &'a mut Vec<u8>,
    written: usize,
}

impl Parser<'_> {
    /// All of the record, which is one value.
    fn whole(&mut self) -> Option<()> {
        self.blanks();
        self.value(0)?;
        self.blanks();
        (self.at == self.bytes.len()).then_some(())
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn push(&mut self, kind: JsonKind, start: usize) -> usize {
        let next = self.nodes.len() as u32 + 1;
        let (start, end) = (start as u32, self.at as u32);
        self.nodes.push(Node { kind, start, end, next, text: None, text_start: 0 });
        self.nodes.len() - 1
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let start = self.at;
        match *self.bytes.get(start)? {
            b'"' => return self.string(),
            b'{' | b'[' if depth == DEPTH => return None,
            b'{' => {
                let node = self.push(JsonKind::Object, start);
                self.members(depth + 1)?;
                self.close(node);
            }
            b'[' => {
                let node = self.push(JsonKind::Array, start);
                self.elements(depth + 1)?;
                self.close(node);
            }
            b't' => self.word(b"true", JsonKind::True)?,
            b'f' => self.word(b"false", JsonKind::False)?,
            b'n' => self.word(b"null", JsonKind::Null)?,
            _ => self.number()?,
        }
        Some(())
    }

    fn close(&mut self, node: usize) {
        let next = self.nodes.len() as u32;
        self.nodes[node].end = self.at as u32;
        self.nodes[node].next = next;
    }

    /// The byte that is next after blanks, which is taken.
    fn after_blanks(&mut self) -> Option<u8> {
        self.blanks();
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The rest of an object, after its bracket.
    fn members(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        if self.bytes.get(self.at) == Some(&b'}') {
            self.at += 1;
            return Some(());
        }
        loop {
            self.blanks();
            (self.bytes.get(self.at) == Some(&b'"')).then_some(())?;
            self.string()?;
            (self.after_blanks()? == b':').then_some(())?;
            self.blanks();
            self.value(depth)?;
            match self.after_blanks()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The rest of an array, after its bracket.
    fn elements(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        self.blanks();
        if self.bytes.get(self.at) == Some(&b']') {
            self.at += 1;
            return Some(());
        }
        loop {
            self.blanks();
            self.value(depth)?;
            match self.after_blanks()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        // No text is longer than it is written, so that there is room for what is left of the record.
        let room = &mut self.scratch[self.written..];
        let read = json_string::read(&self.bytes[start..], room, Utf8Errors::Replace).ok()?;
        self.at += read.end;
        let node = self.push(JsonKind::String, start);
        if let Some(len) = read.written {
            self.nodes[node].text_start = self.written as u32;
            self.written += len;
            self.nodes[node].text = NonZeroU32::new(self.written as u32);
        }
        Some(())
    }

    fn word(&mut self, word: &[u8], kind: JsonKind) -> Option<()> {
        let start = self.at;
        self.bytes[start..].starts_with(word).then_some(())?;
        self.at += word.len();
        self.push(kind, start);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.at += usize::from(self.bytes[start] == b'-');
        let is_zero = self.bytes.get(self.at) == Some(&b'0');
        // No other digit comes after a zero.
        if self.digits()? > 1 && is_zero {
            return None;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.push(JsonKind::Number, start);
        Some(())
    }

    /// How many digits there are next, which are taken; at least one.
    fn digits(&mut self) -> Option<usize> {
        let from = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > from).then(|| self.at - from)
    }
}

#[cfg(test)]
mod tests {
    use fasttok_testing::Random;
    use serde_json::Value;

    use super::*;

    fn value_of(tree: &JsonTree, value: u32) -> Value {
        let text = |value| tree.text(value, &mut Vec::new()).to_owned();
        match tree.kind(value) {
            JsonKind::Null => Value::Null,
            JsonKind::True => true.into(),
            JsonKind::False => false.into(),
            JsonKind::Number => serde_json::from_str(tree.raw(value)).expect("it is a number"),
            JsonKind::String => text(value).into(),
            JsonKind::Array => tree.children(value).map(|value| value_of(tree, value)).collect(),
            JsonKind::Object => {
                let children: Vec<u32> = tree.children(value).collect();
                let pairs = children.chunks(2).map(|pair| {
                    let name = text(pair[0]);
                    let last = tree.member(value, &name).expect("it is there");
                    (name, value_of(tree, last))
                });
                Value::Object(pairs.collect())
            }
        }
    }

    #[test]
    fn a_tree_is_what_serde_json_reads() {
        let bits = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\u00e9\\n\"",
            "\"b\":",
            "0",
            "-1",
            "01",
            "1.5e3",
            "1.",
            "-",
            "true",
            "null",
            "nul",
            " ",
            "{\"a\":1,\"\\u0061\":2}",
            "[]",
            "{}",
            "[1,",
            "\"",
        ];
        let mut random = Random::new(5);
        let (mut good, mut bad) = (0, 0);
        let mut check = |record: &str| {
            let is_json = serde_json::from_str::<IgnoredAny>(record).is_ok();
            let ours = JsonTree::parse(record.to_owned());
            assert_eq!(ours.is_ok(), is_json, "{record:?}");
            // Not every number of JSON is one that a `Value` can hold.
            match (ours, serde_json::from_str::<Value>(record)) {
                (Ok(tree), Ok(theirs)) => {
                    assert_eq!(value_of(&tree, 0), theirs, "{record:?}");
                    good += 1;
                }
                _ => bad += 1,
            }
        };
        for _ in 0..30_000 {
            let mut record = String::new();
            for _ in 0..1 + random.below(6) {
                record.push_str(bits[random.below(bits.len())]);
            }
            check(&record);
        }
        // What is right more often, and then one byte of it is not.
        let whole =
            r#"{"x": [1, -0.5E+2, {"y": "ab\"c", "y": null}], "z": {"": [true, false, []]}} "#;
        check(whole);
        for at in 0..whole.len() {
            for byte in ["", "\"", "{", "]", ",", "0", "\\"] {
                check(&[&whole[..at], byte, &whole[at + 1..]].concat());
            }
        }
        assert!(good > 1000 && bad > 1000, "{good} {bad}");
    }

    #[test]
    fn values_are_looked_up() {
        let record = r#"{"role": "user", "parts": ["H\u0069", 2]}"#;
        let tree = JsonTree::parse(record.to_owned()).unwrap();
        let parts = tree.member(0, "parts").unwrap();
        let values: Vec<_> = tree.children(parts).map(|value| tree.kind(value)).collect();
        assert_eq!(values, [JsonKind::String, JsonKind::Number]);
        let mut buffer = Vec::new();
        assert_eq!(tree.text(tree.children(parts).next().unwrap(), &mut buffer), "Hi");
        assert_eq!(tree.text(0, &mut buffer), r#"{"role":"user","parts":["Hi",2]}"#);
    }

    #[test]
    fn a_digest_tells_texts_apart() {
        assert_eq!(digest(["a", "bc"].map(Some)), digest(["a", "bc"].map(Some)));
        assert_ne!(digest(["a", "bc"].map(Some)), digest(["ab", "c"].map(Some)));
        assert_ne!(digest([None]), digest([Some("")]));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(JsonTree::parse(nested(DEPTH)).is_ok());
        let (_, wrong) = JsonTree::parse(nested(DEPTH + 1)).unwrap_err();
        assert_eq!(wrong, "nested too deeply");
        assert!(JsonTree::parse("[".repeat(1 << 20)).is_err());
    }

    #[test]
    fn half_of_a_surrogate_pair_is_replaced() {
        let tree = JsonTree::parse(r#"{"a": "x\ud83dy", "b": ["\ude00"]}"#.to_owned()).unwrap();
        let mut buffer = Vec::new();
        assert_eq!(tree.text(tree.member(0, "a").unwrap(), &mut buffer), "x\u{fffd}y");
        assert_eq!(tree.text(tree.member(0, "b").unwrap(), &mut buffer), "[\"\u{fffd}\"]");
    }

    #[test]
    fn what_is_no_json_is_told_of() {
        let (record, wrong) = JsonTree::parse("{\"a\": no}".to_owned()).unwrap_err();
        assert_eq!((record.as_str(), wrong.as_str()), ("{\"a\": no}", "expected ident at byte 8"));
    }
}
