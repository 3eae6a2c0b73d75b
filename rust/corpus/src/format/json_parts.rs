//! A JSON object that is pushed in parts, because it is too long to be held: finds the text in it, wherever it is, and gives
//! it out unescaped as it comes; of the rest only the values of groups are kept.
//!
//! It accepts and refuses what [`JsonlReader`](super::jsonl::JsonlReader) does, in the same words: the whole of the object
//! is checked against the grammar of serde_json, and of a name that occurs twice the last value holds. So what was given
//! out as the text is known to be the text only at the end. The tests hold the two against each other.

use std::collections::BTreeSet;

use fasttok_engine::Utf8Errors;

use super::jsonl::{
    Node, Slots, broken_json, full_name, lone_surrogate, merge_named, no_text, no_text_in_list,
    not_an_object, value_of,
};
use super::long_strings::Strings;
use crate::record::{Fields, FieldsMet, PartsEnd, PartsRow, RecordParts};
use crate::skip_reason::SkipReason;

/// Reads one object.
pub(super) struct ObjectParts {
    /// What messages call it.
    noun: &'static str,
    errors: Utf8Errors,
    wanted: Node,
    names: Vec<String>,
    /// What was found, as in `JsonlReader`: by path, then by name.
    slots: Vec<Option<Found>>,
    state: State,
    open: Brackets,
    /// How many bytes were pushed before those in work, and the last of them.
    before: usize,
    previous: u8,
    /// The first byte of the value that should be an object.
    first: u8,
    /// The way down the wanted names to the innermost object that is open and wanted.
    here: Vec<usize>,
    /// The names of the objects that are open from the outermost on, as far as their fields are named.
    inside: Vec<String>,
    /// The name of the field whose value comes next, if it is named.
    name: Option<String>,
    /// Names of fields: a help in an error.
    names_met: BTreeSet<String>,
    /// The name in work as it is written, unless it is too long to be wanted.
    key: Option<Vec<u8>>,
    longest_key: usize,
    /// The wanted name, of those in `here`, whose value comes next.
    next: Option<usize>,
    captures: Vec<Capture>,
    role: Role,
    /// Where in the record the string in work begins, after its quote, and its last escape.
    string_start: usize,
    escape_start: usize,
    text: Text,
    failed: Option<Failed>,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Value,
    ValueOrEnd,
    Key {
        is_first: bool,
    },
    Colon,
    /// A comma, or the end of the array or object.
    After,
    String,
    Escape,
    /// The digits of a `\u` escape: how many there were, and their value if they are digits.
    Hex(u8, Option<u32>),
    Number(Number),
    /// The rest of `null`, `true` or `false`.
    Word(&'static [u8]),
    End,
}

/// What of a number there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    E,
    ESign,
    Exponent,
}

/// What the string in work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Text,
    Other,
}

/// The value of a wanted field.
enum Found {
    /// As it is written.
    Raw(String),
    /// A text, or a list of them, that was given out unless it is bad; or another value that begins with this byte.
    Text { first: u8, bad: Option<SkipReason> },
}

/// A value that is kept as it is written.
struct Capture {
    slots: Vec<usize>,
    /// How many brackets are open around it.
    depth: usize,
    raw: String,
    /// From which byte of those in work on it is not in `raw` yet.
    from: usize,
}

/// The text in work.
#[derive(Default)]
struct Text {
    slot: usize,
    /// The first half of a surrogate pair, and where it is.
    high: Option<(u32, usize)>,
    /// Why it is none.
    bad: Option<SkipReason>,
    /// Where it is a list of texts that is open: how many brackets are open in it, and how many elements were met.
    list: Option<usize>,
    elements: usize,
}

/// Where the record is not JSON.
struct Failed {
    message: &'static str,
    /// The byte, from 1.
    at: usize,
    /// The bytes from the one before it on.
    window: Vec<u8>,
}

/// So many bytes decide what the parser stopped at.
const WINDOW: usize = 12;

/// The brackets that are open, a bit each.
#[derive(Default)]
struct Brackets {
    objects: Vec<u64>,
    depth: usize,
}

impl Brackets {
    fn push(&mut self, is_object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.objects.len() {
            self.objects.push(0);
        }
        self.objects[word] &= !(1 << bit);
        self.objects[word] |= u64::from(is_object) << bit;
        self.depth += 1;
    }

    /// Whether the innermost is an object.
    fn is_object(&self) -> bool {
        let innermost = self.depth - 1;
        self.objects[innermost / 64] >> (innermost % 64) & 1 == 1
    }
}

impl ObjectParts {
    /// Where the text is of several parts, or there is a second one, an object cannot be read so.
    pub fn begin(
        fields: &Fields,
        noun: &'static str,
        errors: Utf8Errors,
    ) -> Option<Box<dyn RecordParts>> {
        if fields.answer.is_some() || !fields.more.is_empty() {
            return None;
        }
        let Slots { wanted, names, slots } = Slots::new(fields);
        Some(Box::new(ObjectParts {
            noun,
            errors,
            // A character that is escaped takes six bytes.
            longest_key: (6 * wanted.longest_name()).max(FieldsMet::NAME_BYTES),
            wanted,
            names,
            slots: (0..slots).map(|_| None).collect(),
            state: State::Start,
            open: Brackets::default(),
            before: 0,
            previous: 0,
            first: 0,
            here: Vec::new(),
            inside: Vec::new(),
            name: Some(String::new()),
            names_met: BTreeSet::new(),
            key: None,
            next: None,
            captures: Vec::new(),
            role: Role::Other,
            string_start: 0,
            escape_start: 0,
            text: Text::default(),
            failed: None,
        }))
    }

    /// The parser stops at byte `at` of those in work, from 1.
    fn fail(&mut self, message: &'static str, at: usize, bytes: &[u8]) {
        let mut window = Vec::new();
        match at.checked_sub(2) {
            Some(start) => window.extend(bytes.iter().skip(start).take(WINDOW)),
            None => {
                window.push(self.previous);
                window.extend(bytes.iter().take(WINDOW - 1));
            }
        }
        self.failed = Some(Failed { message, at: self.before + at, window });
    }

    /// A value begins with `byte`, at `i` of the bytes in work. Says which text begins, if one does.
    fn value(&mut self, byte: u8, i: usize, bytes: &[u8], text: &mut String) -> Option<usize> {
        if self.state == State::Start {
            self.first = byte;
        }
        self.state = match byte {
            b'n' => State::Word(b"ull"),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Integer),
            b'"' => State::String,
            b'[' => State::ValueOrEnd,
            b'{' => State::Key { is_first: true },
            _ => {
                self.fail("expected value", i + 1, bytes);
                return None;
            }
        };
        self.role = Role::Other;
        if self.text.list == Some(self.open.depth) {
            self.element(byte, text);
        }
        let mut begins = None;
        if let Some(child) = self.next.take() {
            let node = self.wanted.child_at(&self.here, child);
            node.clear(&mut self.slots);
            let is_text = |slot: &usize| *slot == 0 || *slot == self.names.len();
            let (texts, groups): (Vec<_>, Vec<_>) = node.slots().iter().copied().partition(is_text);
            if let Some(&slot) = texts.first() {
                self.slots[slot] = Some(Found::Text { first: byte, bad: None });
                if matches!(byte, b'"' | b'[') {
                    let is_list = byte == b'[';
                    let list = is_list.then_some(self.open.depth + 1);
                    self.role = if is_list { Role::Other } else { Role::Text };
                    self.text = Text { slot, list, ..Text::default() };
                    begins = Some(slot);
                }
            }
            if !groups.is_empty() {
                let depth = self.open.depth;
                self.captures.push(Capture { slots: groups, depth, raw: String::new(), from: i });
            }
            if byte == b'{' && node.has_children() {
                self.here.push(child);
            }
        }
        match byte {
            b'"' => self.string_start = self.before + i + 1,
            b'[' | b'{' => {
                let depth = self.open.depth;
                if byte == b'{'
                    && depth == self.inside.len()
                    && depth < FieldsMet::NAMES_DEPTH
                    && let Some(name) = self.name.take()
                {
                    self.inside.push(name);
                }
                self.open.push(byte == b'{');
            }
            _ => {}
        }
        begins
    }

    /// An element that begins with `byte` of the list that is the text.
    fn element(&mut self, byte: u8, text: &mut String) {
        if self.text.elements > 0 {
            self.give('\n', text);
        }
        self.text.elements += 1;
        match byte {
            b'"' => self.role = Role::Text,
            _ => {
                let bad = || no_text_in_list(byte, &self.names[0]);
                self.text.bad.get_or_insert_with(bad);
            }
        }
    }

    /// The innermost array or object ends at `i`.
    fn close(&mut self, i: usize, record: &str) {
        if self.text.list == Some(self.open.depth) {
            self.text.list = None;
            let bad = self.text.bad.take();
            self.slots[self.text.slot] = Some(Found::Text { first: b'[', bad });
        }
        self.open.depth -= 1;
        self.here.truncate(self.open.depth.saturating_sub(1));
        self.inside.truncate(self.open.depth);
        self.end_value(i + 1, record);
    }

    /// A value ended before `end` of the bytes in work.
    fn end_value(&mut self, end: usize, record: &str) {
        let depth = self.open.depth;
        if let Some(capture) = self.captures.pop_if(|last| last.depth == depth) {
            let Capture { slots, mut raw, from, .. } = capture;
            raw.push_str(&record[from..end]);
            for slot in slots {
                self.slots[slot] = Some(Found::Raw(raw.clone()));
            }
        }
        self.state = if depth == 0 { State::End } else { State::After };
    }

    /// Takes a byte that is in no string, number or word.
    fn token(&mut self, i: usize, record: &str, text: &mut String) -> Option<usize> {
        let (bytes, byte) = (record.as_bytes(), record.as_bytes()[i]);
        let is_list = self.open.depth > 0 && !self.open.is_object();
        let message = match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => return None,
            (State::ValueOrEnd, b']') => {
                self.close(i, record);
                return None;
            }
            (State::Start | State::Value | State::ValueOrEnd, _) => {
                return self.value(byte, i, bytes, text);
            }
            (State::Key { .. }, b'"') => {
                // Only names in an object that is wanted itself are of interest, and those that are told.
                let is_told = self.is_told();
                self.key = (is_told || self.here.len() + 1 == self.open.depth).then(Vec::new);
                (self.state, self.role) = (State::String, Role::Key);
                return None;
            }
            (State::Key { is_first: true }, b'}') => {
                self.close(i, record);
                return None;
            }
            (State::Key { .. }, b'}') if self.open.depth == 1 => "trailing comma",
            (State::Key { .. }, _) => "key must be a string",
            (State::Colon, b':') => {
                self.state = State::Value;
                return None;
            }
            (State::Colon, _) => "expected `:`",
            (State::After, b',') => {
                self.state = match is_list {
                    true => State::Value,
                    false => State::Key { is_first: false },
                };
                return None;
            }
            (State::After, b']' | b'}') if is_list == (byte == b']') => {
                self.close(i, record);
                return None;
            }
            (State::After, _) if is_list => "expected `,` or `]`",
            (State::After, _) => "expected `,` or `}`",
            _ => "trailing characters",
        };
        self.fail(message, i + 1, bytes);
        None
    }

    /// Takes a byte of a number, or says that it is none of it.
    fn number(&mut self, number: Number, i: usize, record: &str) -> bool {
        use Number::{E, ESign, Exponent, Fraction, Integer, Minus, Point, Zero};
        self.state = State::Number(match (number, record.as_bytes()[i]) {
            (Minus, b'0') => Zero,
            (Minus | Integer, b'0'..=b'9') => Integer,
            (Zero | Integer, b'.') => Point,
            (Zero | Integer | Fraction, b'e' | b'E') => E,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (E, b'+' | b'-') => ESign,
            (E | ESign | Exponent, b'0'..=b'9') => Exponent,
            (Minus | Point | E | ESign, _) | (Zero, b'0'..=b'9') => {
                self.fail("invalid number", i + 1, record.as_bytes());
                return true;
            }
            (Integer | Zero | Fraction | Exponent, _) => {
                self.end_value(i, record);
                return false;
            }
        });
        true
    }

    /// Takes what is in a string up to something that decides, which is at the index that is given.
    fn string(&mut self, i: usize, record: &str, text: &mut String) -> usize {
        let end = i + before_special(&record.as_bytes()[i..]);
        let plain = &record[i..end];
        match self.role {
            Role::Text if !plain.is_empty() => {
                self.end_pair(text);
                if self.text.bad.is_none() {
                    text.push_str(plain);
                }
            }
            Role::Key => self.add_to_key(plain.as_bytes()),
            Role::Text | Role::Other => {}
        }
        end
    }

    /// The string in work ends at its quote at `i`.
    fn end_string(&mut self, i: usize, record: &str, text: &mut String) {
        match self.role {
            Role::Key => {
                self.state = State::Colon;
                let key = self.key.take();
                let key = key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
                let is_wanted = self.here.len() + 1 == self.open.depth;
                self.next =
                    key.filter(|_| is_wanted).and_then(|key| self.wanted.index_at(&self.here, key));
                let parent = self.inside.last().filter(|_| self.is_told());
                self.name = parent.zip(key).and_then(|(parent, key)| full_name(parent, key));
                self.names_met.extend(self.name.clone());
                return;
            }
            Role::Other => {}
            Role::Text => {
                self.end_pair(text);
                if self.text.list.is_none() {
                    let bad = self.text.bad.take();
                    self.slots[self.text.slot] = Some(Found::Text { first: b'"', bad });
                }
            }
        }
        self.end_value(i + 1, record);
    }

    /// Whether the names of the innermost object are told.
    fn is_told(&self) -> bool {
        self.inside.len() == self.open.depth && self.names_met.len() < FieldsMet::NAMES
    }

    fn add_to_key(&mut self, bytes: &[u8]) {
        match &mut self.key {
            Some(key) if key.len() + bytes.len() <= self.longest_key => {
                key.extend_from_slice(bytes);
            }
            key => *key = None,
        }
    }

    /// Takes the character after a backslash; false where there is no such escape.
    fn escape(&mut self, byte: u8, text: &mut String) -> bool {
        if byte == b'u' {
            self.state = State::Hex(0, Some(0));
            return true;
        }
        let short = super::json_string::SHORT[usize::from(byte)];
        if short == 0 {
            return false;
        }
        self.state = State::String;
        if self.role == Role::Text {
            self.end_pair(text);
            self.give(char::from(short), text);
        }
        true
    }

    /// Takes the value of a `\u` escape of the text.
    fn unit(&mut self, unit: u32, text: &mut String) {
        if let Some((high, _)) = self.text.high {
            if (0xdc00..0xe000).contains(&unit) {
                self.text.high = None;
                let c = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
                return self.give(c.expect("a pair is a character"), text);
            }
            self.end_pair(text);
        }
        let at = self.escape_start - self.string_start;
        match char::from_u32(unit) {
            Some(c) => self.give(c, text),
            None if unit < 0xdc00 => self.text.high = Some((unit, at)),
            None => self.lone(at, text),
        }
    }

    /// What follows makes no pair with the half that was last, if one was.
    fn end_pair(&mut self, text: &mut String) {
        if let Some((_, at)) = self.text.high.take() {
            self.lone(at, text);
        }
    }

    fn lone(&mut self, at: usize, text: &mut String) {
        match self.errors {
            Utf8Errors::Replace => self.give(char::REPLACEMENT_CHARACTER, text),
            Utf8Errors::Strict => {
                self.text.bad.get_or_insert_with(|| lone_surrogate(at, &self.names[0]));
            }
        }
    }

    fn give(&self, c: char, text: &mut String) {
        if self.text.bad.is_none() {
            text.push(c);
        }
    }

    /// Takes the bytes of `record` up to where a text begins.
    fn take(&mut self, record: &str, text: &mut String) -> (usize, Option<usize>) {
        let bytes = record.as_bytes();
        let mut i = 0;
        while i < bytes.len() && self.failed.is_none() {
            let byte = bytes[i];
            match self.state {
                State::String => {
                    i = self.string(i, record, text);
                    match bytes.get(i) {
                        None => break,
                        Some(b'"') => {
                            self.end_string(i, record, text);
                            i += 1;
                        }
                        Some(b'\\') => {
                            self.escape_start = self.before + i;
                            if self.role == Role::Key {
                                self.add_to_key(b"\\");
                            }
                            self.state = State::Escape;
                            i += 1;
                        }
                        // The parser has not taken it yet.
                        Some(_) => self.fail(CONTROL, i, bytes),
                    }
                }
                State::Escape | State::Hex(..) => {
                    if self.role == Role::Key {
                        self.add_to_key(&[byte]);
                    }
                    match self.state {
                        State::Hex(3, value) => {
                            self.state = State::String;
                            match with_digit(value, byte) {
                                None => self.fail("invalid escape", i + 1, bytes),
                                Some(unit) if self.role == Role::Text => self.unit(unit, text),
                                Some(_) => {}
                            }
                        }
                        State::Hex(n, value) => {
                            self.state = State::Hex(n + 1, with_digit(value, byte));
                        }
                        _ => {
                            if !self.escape(byte, text) {
                                self.fail("invalid escape", i + 1, bytes);
                            }
                        }
                    }
                    i += 1;
                }
                State::Number(number) => i += usize::from(self.number(number, i, record)),
                State::Word(rest) => {
                    match rest.split_first() {
                        Some((expected, [])) if *expected == byte => self.end_value(i + 1, record),
                        Some((expected, rest)) if *expected == byte => {
                            self.state = State::Word(rest);
                        }
                        _ => self.fail("expected ident", i + 1, bytes),
                    }
                    i += 1;
                }
                _ => {
                    let begins = self.token(i, record, text);
                    i += 1;
                    if begins.is_some() {
                        return (i, begins);
                    }
                }
            }
        }
        (bytes.len(), None)
    }

    /// Why the record cannot end here, if it cannot.
    fn unfinished(&self) -> Option<&'static str> {
        use Number::{E, ESign, Minus, Point};
        let is_list = self.open.depth > 0 && !self.open.is_object();
        let in_brackets = match is_list {
            true => "EOF while parsing a list",
            false => "EOF while parsing an object",
        };
        match self.state {
            State::Start | State::End => None,
            State::Value | State::Word(_) => Some("EOF while parsing a value"),
            State::Key { is_first: false } if self.open.depth == 1 => {
                Some("EOF while parsing a value")
            }
            State::ValueOrEnd | State::Key { .. } | State::Colon | State::After => {
                Some(in_brackets)
            }
            State::String | State::Escape | State::Hex(..) => Some("EOF while parsing a string"),
            State::Number(Minus | Point | E | ESign) => Some("invalid number"),
            State::Number(_) => (self.open.depth > 0).then_some(in_brackets),
        }
    }

    /// The row of a record that is an object, whose texts were given out.
    fn row(&mut self) -> Result<PartsRow, SkipReason> {
        let names = &self.names;
        let mut values = Vec::with_capacity(names.len() - 1);
        let mut buffer = Vec::new();
        for (found, name) in self.slots[1..names.len()].iter().zip(&names[1..]) {
            let raw = match found {
                Some(Found::Raw(raw)) => Some(raw.as_str()),
                Some(Found::Text { .. }) | None => None,
            };
            values.push(value_of(raw, Strings::AS_WRITTEN, &mut buffer, self.errors, name)?);
        }
        match self.slots[0].take() {
            Some(Found::Text { bad: Some(bad), .. }) => Err(bad),
            Some(Found::Text { first: b'"' | b'[', bad: None }) => Ok(PartsRow { values }),
            Some(Found::Text { first, .. }) => Err(no_text(Some(first), &self.names[0])),
            Some(Found::Raw(_)) | None => Err(no_text(None, &self.names[0])),
        }
    }
}

impl RecordParts for ObjectParts {
    fn push(&mut self, record: &str, text: &mut String) -> (usize, Option<usize>) {
        if let Some(Failed { window, .. }) = &mut self.failed {
            let more = WINDOW.saturating_sub(window.len());
            window.extend(record.bytes().take(more));
            self.before += record.len();
            return (record.len(), None);
        }
        let (done, begins) = self.take(record, text);
        for capture in &mut self.captures {
            capture.raw.push_str(&record[capture.from..done]);
            capture.from = 0;
        }
        self.before += done;
        self.previous = record.as_bytes()[..done].last().copied().unwrap_or(self.previous);
        (done, begins)
    }

    fn end(&mut self) -> PartsEnd {
        let none = |row| PartsEnd { row, text: 0, met: FieldsMet::default() };
        if let Some(message) = self.unfinished().filter(|_| self.failed.is_none()) {
            let (at, window) = (self.before, Vec::new());
            self.failed = Some(Failed { message, at, window });
        }
        if let Some(Failed { message, at, window }) = &self.failed {
            return none(Err(broken_json(message, *at, window, at.saturating_sub(1), self.noun)));
        }
        match self.first {
            b'{' => {}
            // Nothing but blanks.
            0 => return none(Ok(None)),
            first => return none(Err(not_an_object(first, self.noun))),
        }
        let text = merge_named(&mut self.slots, self.names.len());
        let met: Vec<_> = self.slots[..self.names.len()].iter().map(Option::is_some).collect();
        let names = match met.contains(&false) {
            true => std::mem::take(&mut self.names_met),
            false => BTreeSet::new(),
        };
        let met = FieldsMet { records: 1, met, names, ..FieldsMet::default() };
        PartsEnd { row: self.row().map(Some), text, met }
    }
}

const CONTROL: &str = "control character (\\u0000-\\u001F) found while parsing a string";

/// The value of the hexadecimal digits so far, and of another.
fn with_digit(value: Option<u32>, digit: u8) -> Option<u32> {
    Some(value? << 4 | char::from(digit).to_digit(16)?)
}

/// How many bytes are before the first quote, backslash or control character.
fn before_special(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    const LOW: u128 = u128::from_le_bytes([0x01; BLOCK]);
    const HIGH: u128 = u128::from_le_bytes([0x80; BLOCK]);
    let mut i = 0;
    while let Some(block) = bytes[i..].first_chunk::<BLOCK>() {
        let block = u128::from_le_bytes(*block);
        // The highest bit of each byte that is smaller; those above the first may be wrong.
        let below =
            |block: u128, limit: u8| block.wrapping_sub(LOW * u128::from(limit)) & !block & HIGH;
        let is = |byte: u8| below(block ^ (LOW * u128::from(byte)), 1);
        let found = below(block, 0x20) | is(b'"') | is(b'\\');
        if found != 0 {
            return i + (found.trailing_zeros() / 8) as usize;
        }
        i += BLOCK;
    }
    let rest = &bytes[i..];
    i + rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}
