//! Conversations: a record is a list of messages, a pair of instruction and output, or a request or answer of a batch, and
//! each text in it is a document of its own, with its role, part and turn as values to group by.
//!
//! A record is counted as a whole or skipped as a whole: one in which something is not as its shape says is a row of the
//! ledger, and none of its texts is a document. What the shapes are is in `shapes`; here is how records are cut, and how
//! a text that was found becomes a row. Records are held whole, up to the longest that a job allows.

pub(super) mod compact;
mod shapes;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use fasttok_engine::Utf8Errors;

use self::compact::compact;
pub(crate) use self::shapes::Part;
use self::shapes::{KNOWN, Said, Shape, Text};
use super::json::JsonFramer;
use super::json_string;
use super::jsonl::{KEPT, Node, Slots, find, lone_surrogate, merge_named, value_of};
use super::long_strings::Strings;
use super::{Format, Layout};
use crate::Progress;
use crate::messages_met::{BatchSide, turn_to_come};
use crate::reading::Framing;
use crate::record::{Fields, FieldsMet, Met, RecordReader, Row, is_blank};
use crate::skip_reason::{Reason, SkipReason};

/// By this name a job asks for it.
pub(crate) const NAME: &str = "messages";

/// By this name a job asks for the same records, each as one document: the record as it is written.
pub const WHOLE: &str = "message_records";

/// Records that are lines, of this name.
pub(super) struct Lines(pub &'static str);

/// Records that are elements of an array, or objects over several lines, of this name.
pub(super) struct Elements(pub &'static str);

impl Format for Lines {
    fn name(&self) -> &'static str {
        self.0
    }
    fn is_offered(&self) -> bool {
        self.0 == NAME
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn passes_bom(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Stream(
            Framing::Records,
            match self.0 {
                WHOLE => |fields| Box::new(MessagesReader::of_whole(fields, "line")),
                _ => |fields| Box::new(MessagesReader::new(fields, "line")),
            },
        )
    }
}

impl Format for Elements {
    fn name(&self) -> &'static str {
        self.0
    }
    fn is_offered(&self) -> bool {
        self.0 == NAME
    }
    fn has_fields(&self) -> bool {
        true
    }
    fn passes_bom(&self) -> bool {
        true
    }
    fn begins_layout(&self, head: &[u8]) -> bool {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let first = head.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        // Of an object alone on its line nothing goes on.
        let goes_on = first.len() < head.len() && matches!(first.last(), Some(b'{' | b'[' | b','));
        match head.first() {
            Some(b'[') => !shapes::begins_message(&head[1..]),
            Some(b'{') => goes_on,
            _ => false,
        }
    }
    fn layout(&self) -> Layout {
        Layout::Framed(match self.0 {
            WHOLE => |fields, config| {
                let reader = |fields: &Fields| -> Box<dyn RecordReader> {
                    Box::new(MessagesReader::of_whole(fields, "element"))
                };
                Box::new(JsonFramer::of_whole_elements(fields, config.max_record, reader))
            },
            _ => |fields, config| {
                let reader = |fields: &Fields| -> Box<dyn RecordReader> {
                    Box::new(MessagesReader::new(fields, "element"))
                };
                Box::new(JsonFramer::of_whole_elements(fields, config.max_record, reader))
            },
        })
    }
}

/// Where the value of a group comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Role,
    Part,
    Turn,
    Tool,
    Shape,
    /// A field of the record.
    Record,
}

impl Source {
    fn of(name: &str) -> Source {
        match name {
            "role" => Source::Role,
            "part" => Source::Part,
            "turn" => Source::Turn,
            "tool" => Source::Tool,
            "shape" => Source::Shape,
            _ => Source::Record,
        }
    }
}

/// The field of a batch by which requests and answers belong together; elsewhere it is missing, which is no fault.
const CUSTOM_ID: &str = "custom_id";

struct MessagesReader {
    /// What messages of faults call a record.
    noun: &'static str,
    /// The record is the document, and not each of its texts.
    is_whole: bool,
    wanted: Node,
    names: Vec<String>,
    /// How many slots come before those of [`KNOWN`].
    fields: usize,
    sources: Vec<Source>,
    values: Vec<Option<String>>,
    /// What stands for the turn of the answer of a batch.
    answer_turn: Option<String>,
    value: Vec<u8>,
    text: Vec<u8>,
    met: Met,
}

impl MessagesReader {
    fn new(fields: &Fields, noun: &'static str) -> MessagesReader {
        let Slots { mut wanted, names, slots } = Slots::new(fields);
        for (slot, name) in (slots..).zip(KNOWN) {
            wanted.insert(&[name.to_owned()], slot);
        }
        MessagesReader {
            noun,
            is_whole: false,
            wanted,
            fields: slots,
            sources: names[1..].iter().map(|name| Source::of(name)).collect(),
            values: vec![None; fields.groups.len()],
            answer_turn: None,
            value: Vec::new(),
            text: Vec::new(),
            met: Met::new(names.len()),
            names,
        }
    }

    fn of_whole(fields: &Fields, noun: &'static str) -> MessagesReader {
        MessagesReader { is_whole: true, ..MessagesReader::new(fields, noun) }
    }

    /// What a record says, and the values of its own fields.
    fn said<'a>(&mut self, record: &'a str, errors: Utf8Errors) -> Result<Said<'a>, SkipReason> {
        let all = self.fields + KNOWN.len();
        let mut slots = match shapes::list_of_messages(record) {
            // A list by itself is one of messages.
            Some(list) => {
                let mut slots = vec![None; all];
                slots[self.fields] = Some(list);
                slots
            }
            None => find(&self.wanted, record, all, self.noun)?,
        };
        let (fields, known) = slots.split_at_mut(self.fields);
        merge_named(fields, self.names.len());
        self.met.records += 1;
        for (i, met) in self.met.met.iter_mut().enumerate() {
            let is_own = i > 0 && self.sources[i - 1] == Source::Record;
            *met |= !is_own || self.names[i] == CUSTOM_ID || fields[i].is_some();
        }
        let custom_id = shapes::custom_id(known);
        let read = shapes::read(known, record);
        let side = match &read {
            Ok(said) if said.shape == Shape::BatchInput => Some(BatchSide::Request),
            Ok(said) if said.shape == Shape::BatchOutput => Some(BatchSide::Answer),
            Err(bad) if bad.reason == Reason::ErrorRow => Some(BatchSide::Failure),
            _ => None,
        };
        if let (Some(custom_id), Some(side)) = (&custom_id, side) {
            let turn = read.as_ref().ok().and_then(|said| said.turn);
            self.met.messages.batch.add(custom_id, side, turn.unwrap_or_default());
        }
        let said = read?;
        // It is known when all is read.
        self.answer_turn = match said.shape {
            Shape::BatchOutput => custom_id.as_deref().map(turn_to_come),
            _ => None,
        };
        for (i, slot) in self.values.iter_mut().enumerate() {
            *slot = match self.sources[i] {
                Source::Record => value_of(
                    fields[i + 1],
                    Strings::AS_WRITTEN,
                    &mut self.value,
                    errors,
                    &self.names[i + 1],
                )?,
                Source::Shape => Some(said.shape.name().to_owned()),
                _ => None,
            };
        }
        self.met.messages.add_record(said.shape.name(), &said.not_counted);
        Ok(said)
    }
}

impl RecordReader for MessagesReader {
    fn read<'a>(&'a mut self, _: &'a str, _: Utf8Errors) -> Result<Option<Row<'a>>, SkipReason> {
        unreachable!("a record has several texts: it is asked for each")
    }

    fn each(
        &mut self,
        record: &str,
        errors: Utf8Errors,
        visit: &mut dyn FnMut(Result<Row<'_>, SkipReason>) -> bool,
    ) {
        if is_blank(record) {
            return;
        }
        let said = match self.said(record, errors) {
            Ok(said) => said,
            Err(bad) => {
                visit(Err(bad));
                return;
            }
        };
        if self.is_whole {
            visit(Ok(Row { text: record, values: &self.values, answer: None }));
            return;
        }
        for text in &said.texts {
            if self.text.len() > KEPT {
                self.text = Vec::new();
            }
            for (source, slot) in self.sources.iter().zip(&mut self.values) {
                match source {
                    Source::Role => *slot = Some(text.role.name().to_owned()),
                    Source::Part => *slot = Some(text.part.name().to_owned()),
                    Source::Turn => {
                        let known = text.turn.map(|turn| turn.to_string());
                        *slot = known.or_else(|| self.answer_turn.clone());
                    }
                    Source::Tool => *slot = text.tool.as_deref().map(str::to_owned),
                    Source::Shape | Source::Record => {}
                }
            }
            let row = written(text, &mut self.text, errors);
            let row = row.map(|text| Row { text, values: &self.values, answer: None });
            if !visit(row) {
                return;
            }
        }
    }

    fn report(&mut self, progress: &Progress) {
        self.met.report(progress);
    }

    fn fields_met(&mut self) -> FieldsMet {
        self.met.take()
    }
}

/// The text itself, in `buffer` if need be.
fn written<'a>(
    text: &Text<'a>,
    buffer: &'a mut Vec<u8>,
    errors: Utf8Errors,
) -> Result<&'a str, SkipReason> {
    let done = match text.raw.starts_with('"') {
        true => json_string::text_of(text.raw, buffer, errors),
        false => compact(text.raw, buffer, errors),
    };
    done.map_err(|e| {
        let field = match text.message {
            0 => text.part.name().to_owned(),
            message => format!("message {message}"),
        };
        lone_surrogate(e.offset, &field)
    })
}

/// What a record, which is JSON, says; or why it says nothing, as the ledger would say it.
///
/// ```
/// use fasttok_corpus::{MessageTexts, message_texts};
/// use fasttok_engine::Utf8Errors;
///
/// let record = r#"{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]}"#;
/// let MessageTexts { shape, texts, not_counted } = message_texts(record, Utf8Errors::Strict)?;
/// assert_eq!((shape, not_counted.len()), ("messages", 0));
/// assert_eq!((texts[1].role.as_str(), texts[1].turn, texts[1].text.as_str()), ("assistant", Some(1), "Hi"));
/// # Ok::<(), (fasttok_corpus::Reason, String)>(())
/// ```
pub fn message_texts(record: &str, errors: Utf8Errors) -> Result<MessageTexts, (Reason, String)> {
    texts_by(&mut MessagesReader::new(&Fields::default(), "record"), record, errors)
}

/// The same of many records.
pub fn message_texts_of<'r>(
    records: impl IntoIterator<Item = &'r str>,
    errors: Utf8Errors,
) -> Vec<Result<MessageTexts, (Reason, String)>> {
    let mut reader = MessagesReader::new(&Fields::default(), "record");
    let texts = |record| {
        let texts = texts_by(&mut reader, record, errors);
        // Nobody asks for it.
        reader.fields_met();
        texts
    };
    records.into_iter().map(texts).collect()
}

fn texts_by(
    reader: &mut MessagesReader,
    record: &str,
    errors: Utf8Errors,
) -> Result<MessageTexts, (Reason, String)> {
    let said = reader.said(record, errors).map_err(|bad| (bad.reason, bad.detail))?;
    let mut buffer = Vec::new();
    let texts = said.texts.iter().map(|text| {
        let written = written(text, &mut buffer, errors);
        Ok(MessageText {
            role: text.role.name().to_owned(),
            part: text.part.name(),
            turn: text.turn,
            tool: text.tool.as_deref().map(str::to_owned),
            text: written.map_err(|bad| (bad.reason, bad.detail))?.to_owned(),
        })
    });
    Ok(MessageTexts {
        shape: said.shape.name(),
        texts: texts.collect::<Result<_, (Reason, String)>>()?,
        not_counted: said.not_counted.into_iter().map(Cow::into_owned).collect(),
    })
}

/// The role that a name of one means: `user` for `human`; any other as it is.
pub fn message_role(name: &str) -> String {
    shapes::role_of(name.into()).0.name().to_owned()
}

/// What a record of a conversation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTexts {
    /// By which of its fields it is a conversation: `messages`, `sharegpt`, `alpaca`, `batch_input` or `batch_output`.
    pub shape: &'static str,
    /// Its texts, in order.
    pub texts: Vec<MessageText>,
    /// The kinds of what is there and no text, once for each: images, audio.
    pub not_counted: Vec<String>,
}

/// A text of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText {
    /// `system`, `user`, `assistant`, `tool`, or what else the record says.
    pub role: String,
    /// `text`, `tool_call`, `tool_result`, `reasoning` or `system`.
    pub part: &'static str,
    /// Which exchange it is in, from 1; 0 comes before the first message of a user. `None` in an answer of a batch.
    pub turn: Option<u32>,
    /// The tool that is called, or has answered, where the record says it.
    pub tool: Option<String>,
    /// The text.
    pub text: String,
}
