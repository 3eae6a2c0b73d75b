//! Any other way to cut text: the steps of a tokenizer file, one after the other.
//!
//! The regular expressions run in the engine that the reference runs them in (Oniguruma for HF
//! `tokenizers`, `fancy-regex` for tiktoken), so that they mean what they mean there. Slower than a
//! scanner, and as exact.

use std::sync::LazyLock;

use serde_json::Value;
use unicode_categories::UnicodeCategories;

use super::scripts::{NO_SCRIPT, script_of};
use super::{Scanner, patterns};
use crate::Error;
use crate::interrupt::Watch;
use crate::oniguruma::Oniguruma;
use crate::vocab::byte_level;

/// A pattern that has code of its own.
const THREE_DIGITS: &str = "[0-9][0-9][0-9]";

/// Is given parts of a text one after the other; an error ends it.
type Then<'a, P> = &'a mut dyn FnMut(&P) -> Result<(), Error>;

/// What errors call a regular expression of this module.
const STEP: &str = "the split pattern";

/// The steps of a pretokenizer.
pub struct General {
    steps: Vec<Step>,
    /// What follows a last [`Step::ByteLevel`], where bytes are enough to do it.
    byte_steps: Option<Vec<ByteStep>>,
    /// The bytes that the steps put into the text.
    adds: Vec<u8>,
}

/// One way to cut a text. The parts go to the next one.
pub(crate) enum Step {
    /// At the matches of a pattern; `invert` takes what is between them for the matches.
    Split { pattern: Pattern, behavior: Behavior, invert: bool },
    /// Before a part that does not begin with it, a blank.
    PrefixSpace,
    /// This character for every blank, and once more before a part as `scheme` says, unless it begins the
    /// part.
    Metaspace { replacement: char, scheme: Scheme },
    /// Every byte becomes the character that stands for it in byte-level vocabularies: what later steps
    /// see.
    ByteLevel,
}

/// Which parts [`Step::Metaspace`] begins with a character of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Always,
    /// The one that begins the document.
    First,
    Never,
}

impl Scheme {
    /// The scheme of the component `Metaspace` of a `tokenizer.json`.
    pub fn from_json(step: &Value) -> Result<Scheme, Error> {
        match (&step["prepend_scheme"], step["add_prefix_space"].as_bool()) {
            (_, Some(false)) => Ok(Scheme::Never),
            (Value::Null, _) => Ok(Scheme::Always),
            (Value::String(scheme), _) if scheme == "always" => Ok(Scheme::Always),
            (Value::String(scheme), _) if scheme == "first" => Ok(Scheme::First),
            (Value::String(scheme), _) if scheme == "never" => Ok(Scheme::Never),
            (other, _) => {
                Err(Error::TokenizerFile { reason: format!("Metaspace with the scheme {other}") })
            }
        }
    }
}

/// A step after [`Step::ByteLevel`] that needs no characters.
enum ByteStep {
    /// Parts in which the byte's character has this property for all or none.
    Contiguous(fn(char) -> bool),
    /// Three ASCII digits each.
    ThreeDigits,
}

/// What is looked for.
pub(crate) enum Pattern {
    /// What this scanner finds: it leaves nothing out.
    Scanner(Scanner),
    /// In Oniguruma's Ruby syntax.
    Onig(Box<Oniguruma>),
    /// In the syntax of the crate `fancy-regex`.
    Fancy(Box<fancy_regex::Regex>),
    /// `[0-9][0-9][0-9]`
    ThreeDigits,
    /// A text itself, not empty.
    Text(String),
    /// Each character for which this holds.
    Char(fn(char) -> bool),
    /// Each of so many characters, from the first on.
    Chars(usize),
    /// Each run of one script, with what has none after it.
    Scripts,
}

/// What becomes of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behavior {
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

impl Pattern {
    /// `pattern` as HF `tokenizers` reads it.
    pub fn onig(pattern: &str) -> Result<Pattern, Error> {
        if let Some(scanner) = patterns::onig_family(pattern).and_then(|family| family.scanner()) {
            return Ok(Pattern::Scanner(scanner));
        }
        if pattern == THREE_DIGITS {
            return Ok(Pattern::ThreeDigits);
        }
        match Oniguruma::new(pattern) {
            Ok(regex) => Ok(Pattern::Onig(Box::new(regex))),
            Err(error) => Err(bad_pattern(pattern, &error)),
        }
    }

    /// `pattern` as tiktoken reads it.
    pub fn fancy(pattern: &str) -> Result<Pattern, Error> {
        match fancy_regex::Regex::new(pattern) {
            Ok(regex) => Ok(Pattern::Fancy(Box::new(regex))),
            Err(error) => Err(bad_pattern(pattern, &error.to_string())),
        }
    }

    /// Cuts all of `text` into matches and what is between them. May be interrupted between two of them.
    fn for_each_part(
        &self,
        text: &str,
        then: &mut dyn FnMut(usize, usize, bool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut last = 0;
        let mut watch = Watch::new();
        let mut matched = |start: usize, end: usize| {
            watch.go_on(end - last)?;
            if last != start {
                then(last, start, false)?;
            }
            last = end;
            then(start, end, true)
        };
        match self {
            Pattern::Scanner(scanner) => {
                let mut start = 0;
                while start < text.len() {
                    let end = (scanner.piece_end)(text.as_bytes(), start);
                    matched(start, end)?;
                    start = end;
                }
            }
            Pattern::ThreeDigits => three_digits(text.as_bytes(), &mut matched)?,
            Pattern::Onig(regex) => regex.for_each_match(STEP, text, &mut matched)?,
            Pattern::Fancy(regex) => {
                for found in regex.find_iter(text) {
                    let gave_up = |error: fancy_regex::Error| {
                        Error::gave_up(STEP, regex.as_str(), &error.to_string())
                    };
                    let found = found.map_err(gave_up)?;
                    matched(found.start(), found.end())?;
                }
            }
            Pattern::Text(pattern) => {
                for (start, found) in text.match_indices(pattern.as_str()) {
                    matched(start, start + found.len())?;
                }
            }
            Pattern::Char(test) => {
                for (start, c) in text.char_indices().filter(|&(_, c)| test(c)) {
                    matched(start, start + c.len_utf8())?;
                }
            }
            Pattern::Scripts => {
                let (mut run, mut last) = (None, NO_SCRIPT);
                for (at, c) in text.char_indices() {
                    let script = script_of(c);
                    if script == NO_SCRIPT || script == last {
                        continue;
                    }
                    if let Some(start) = run.replace(at) {
                        matched(start, at)?;
                    }
                    last = script;
                }
                if let Some(start) = run {
                    matched(start, text.len())?;
                }
            }
            Pattern::Chars(count) => {
                let mut starts = text.char_indices().map(|(at, _)| at).step_by(*count).skip(1);
                let mut start = 0;
                while start < text.len() {
                    let end = starts.next().unwrap_or(text.len());
                    matched(start, end)?;
                    start = end;
                }
            }
        }
        if last != text.len() { then(last, text.len(), false) } else { Ok(()) }
    }
}

fn bad_pattern(pattern: &str, reason: &str) -> Error {
    Error::UnsupportedTokenizer {
        component: format!("{STEP} {pattern:?}"),
        reason: reason.to_owned(),
    }
}

/// What the step `Punctuation` of HF `tokenizers` splits at.
pub(crate) fn is_punctuation(c: char) -> bool {
    /// The crate searches lists; this remembers what it finds in the planes that are in use.
    static FOUND: LazyLock<Box<[u64]>> = LazyLock::new(|| {
        let word = |word: u32| {
            (0..64).fold(0, |bits, bit| {
                let found = char::from_u32(word << 6 | bit).is_some_and(|c| c.is_punctuation());
                bits | u64::from(found) << bit
            })
        };
        (0..0x2_0000 >> 6).map(word).collect()
    });
    match u32::from(c) {
        0..0x80 => c.is_ascii_punctuation(),
        c @ 0x80..0x2_0000 => FOUND[(c >> 6) as usize] >> (c & 63) & 1 != 0,
        _ => c.is_punctuation(),
    }
}

/// Gives every match of [`THREE_DIGITS`] to `matched`.
fn three_digits(
    text: &[u8],
    matched: &mut dyn FnMut(usize, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut start = 0;
    for (at, byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            start = at + 1;
        } else if at == start + 2 {
            matched(start, at + 1)?;
            start = at + 1;
        }
    }
    Ok(())
}

impl ByteStep {
    /// What `step` does to the characters of bytes.
    fn of(step: &Step) -> Option<ByteStep> {
        match step {
            Step::Split { pattern: Pattern::Char(test), behavior, invert: false }
                if *behavior == Behavior::Contiguous =>
            {
                Some(ByteStep::Contiguous(*test))
            }
            Step::Split { pattern: Pattern::ThreeDigits, behavior, invert: false }
                if *behavior == Behavior::Isolated =>
            {
                Some(ByteStep::ThreeDigits)
            }
            _ => None,
        }
    }
}

impl General {
    pub(crate) fn new(mut steps: Vec<Step>) -> General {
        let mut byte_steps = None;
        if let Some(at) = steps.iter().rposition(|step| matches!(step, Step::ByteLevel)) {
            byte_steps = steps[at + 1..].iter().map(ByteStep::of).collect();
            if byte_steps.is_some() {
                steps.truncate(at);
            }
        }
        General { adds: added(&steps), steps, byte_steps }
    }

    /// The same for [`General::texts`] alone: every [`Step::ByteLevel`] is seen in the pieces.
    pub(crate) fn of_texts(steps: Vec<Step>) -> General {
        General { adds: added(&steps), steps, byte_steps: None }
    }

    /// The bytes that steps put into the text.
    pub(crate) fn adds(&self) -> &[u8] {
        &self.adds
    }

    /// Whether a step asks whether a part begins the document.
    pub(crate) fn asks_for_start(&self) -> bool {
        let asks = |step: &Step| matches!(step, Step::Metaspace { scheme: Scheme::First, .. });
        self.steps.iter().any(asks)
    }

    /// Gives the pieces of `text`, none of them empty, to `piece`. The first `start` bytes begin the
    /// document (see [`Part::Text`](crate::added::Part)).
    pub(crate) fn pieces(
        &self,
        text: &str,
        start: usize,
        piece: Then<'_, [u8]>,
    ) -> Result<(), Error> {
        if let Some(byte_steps) = &self.byte_steps {
            let mut watch = Watch::new();
            return self.texts(text, start, &mut |text| {
                cut_bytes(byte_steps, text.as_bytes(), &mut |bytes| {
                    watch.go_on(bytes.len())?;
                    piece(bytes)
                })
            });
        }
        if !self.steps.iter().any(|step| matches!(step, Step::ByteLevel)) {
            return self.texts(text, start, &mut |text| piece(text.as_bytes()));
        }
        let mut bytes = Vec::new();
        self.texts(text, start, &mut |text| {
            bytes.clear();
            bytes.extend(text.chars().map(|c| byte_level::byte_of(c).expect("was a byte")));
            piece(&bytes)
        })
    }

    /// Gives the texts that the steps cut `text` into, none of them empty, to `piece`.
    pub(crate) fn texts(
        &self,
        text: &str,
        start: usize,
        piece: Then<'_, str>,
    ) -> Result<(), Error> {
        if text.is_empty() { Ok(()) } else { cut(&self.steps, text, start, piece) }
    }
}

/// The bytes that `steps` put into a text.
fn added(steps: &[Step]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in steps {
        match step {
            Step::PrefixSpace => bytes.push(b' '),
            Step::Metaspace { replacement, .. } => {
                bytes.extend_from_slice(replacement.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Step::Split { .. } | Step::ByteLevel => {}
        }
    }
    bytes
}

fn cut_bytes(steps: &[ByteStep], bytes: &[u8], piece: Then<'_, [u8]>) -> Result<(), Error> {
    match steps.split_first() {
        None => piece(bytes),
        Some((ByteStep::Contiguous(test), rest)) => {
            let test = |byte: &u8| test(byte_level::char_of(*byte));
            let mut parts = bytes.chunk_by(|a, b| test(a) == test(b));
            parts.try_for_each(|part| cut_bytes(rest, part, piece))
        }
        Some((ByteStep::ThreeDigits, rest)) => {
            let mut last = 0;
            three_digits(bytes, &mut |start, end| {
                if last != start {
                    cut_bytes(rest, &bytes[last..start], piece)?;
                }
                last = end;
                cut_bytes(rest, &bytes[start..end], piece)
            })?;
            if last != bytes.len() { cut_bytes(rest, &bytes[last..], piece) } else { Ok(()) }
        }
    }
}

/// Runs `steps` on `text`, whose first `start` bytes begin the document.
fn cut(steps: &[Step], text: &str, start: usize, piece: Then<'_, str>) -> Result<(), Error> {
    let Some((step, rest)) = steps.split_first() else { return piece(text) };
    // What is put before a text is where its first character is.
    let prefixed = |c: char, text: &str, start: usize, piece: Then<'_, str>| {
        let start = if start > 0 { start + c.len_utf8() } else { 0 };
        cut(rest, &format!("{c}{text}"), start, piece)
    };
    let (pattern, behavior, invert) = match *step {
        Step::ByteLevel => {
            let start = byte_level::encode(&text.as_bytes()[..start]).len();
            return cut(rest, &byte_level::encode(text.as_bytes()), start, piece);
        }
        Step::PrefixSpace if text.starts_with(' ') => return cut(rest, text, start, piece),
        Step::PrefixSpace => return prefixed(' ', text, start, piece),
        Step::Metaspace { replacement, scheme } => {
            let replace = |text: &str| text.replace(' ', replacement.encode_utf8(&mut [0; 4]));
            let start = replace(&text[..start]).len();
            let text = replace(text);
            let prefix = match scheme {
                Scheme::Always => true,
                Scheme::First => start > 0,
                Scheme::Never => false,
            };
            if prefix && !text.starts_with(replacement) {
                return prefixed(replacement, &text, start, piece);
            }
            return cut(rest, &text, start, piece);
        }
        Step::Split { ref pattern, behavior, invert } => (pattern, behavior, invert),
    };
    let mut part = |from: usize, to: usize| {
        if from == to {
            return Ok(());
        }
        cut(rest, &text[from..to], start.clamp(from, to) - from, piece)
    };
    // The part that may still grow, and whether the part looked at last was a match.
    let mut open: Option<(usize, usize)> = None;
    let mut previous = false;
    pattern.for_each_part(text, &mut |start, end, is_match| {
        let is_match = is_match != invert;
        match behavior {
            Behavior::Isolated => part(start, end)?,
            Behavior::Removed => {
                if !is_match {
                    part(start, end)?;
                }
            }
            Behavior::Contiguous | Behavior::MergedWithPrevious | Behavior::MergedWithNext => {
                let joins = match behavior {
                    Behavior::Contiguous => is_match == previous,
                    Behavior::MergedWithPrevious => is_match && !previous,
                    // Seen from the end of the text: a match joins what follows it, if that is none.
                    _ => previous && !is_match,
                };
                open = match open {
                    Some((from, _)) if joins => Some((from, end)),
                    Some((from, to)) => {
                        part(from, to)?;
                        Some((start, end))
                    }
                    None => Some((start, end)),
                };
            }
        }
        previous = is_match;
        Ok(())
    })?;
    if let Some((from, to)) = open { part(from, to) } else { Ok(()) }
}
