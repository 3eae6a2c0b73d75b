//! What every parser of agent logs is. Knows no format.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::event::{Event, Name, Part, Role, Text};
use super::json::{Json, Said};

pub(super) const NO_TYPE: &str = "part without a type";

/// What there was in the logs of one format, besides events.
#[derive(Debug, Clone, Default)]
pub(super) struct Met {
    pub files: u64,
    /// How many records there were of each kind.
    pub records: BTreeMap<String, u64>,
    /// What is listed and not counted: images, audio, files.
    pub media: BTreeMap<String, u64>,
    /// Records that said again what another had said.
    pub repeated: u64,
    /// What agents are called that have a number in events.
    pub agents: HashMap<Name, Name>,
}

impl Met {
    pub fn add_record(&mut self, kind: &str) {
        add(&mut self.records, kind);
    }

    pub fn add_media(&mut self, kind: Option<&str>) {
        add(&mut self.media, kind.unwrap_or(NO_TYPE));
    }

    /// The texts of a content: itself, or those of its parts. What else a part is, is listed in `media`.
    pub fn texts_in<'r>(&mut self, content: Option<Json<'r>>) -> Vec<Json<'r>> {
        let Some(content) = content else { return Vec::new() };
        if content.is_text() {
            return vec![content];
        }
        let mut texts = Vec::new();
        for part in content.objects() {
            match part.text_in("text") {
                Some(text) => texts.push(text),
                None => self.add_media(part.word("type")),
            }
        }
        texts
    }
}

fn add(numbers: &mut BTreeMap<String, u64>, name: &str) {
    match numbers.get_mut(name) {
        Some(number) => *number += 1,
        None => {
            numbers.insert(name.to_owned(), 1);
        }
    }
}

/// Turns the records of all files of one format into events, in the order of the files.
pub(super) trait Parser: Send {
    /// What the format is called, in reports and by `log_format`.
    fn name(&self) -> &'static str;
    /// What it is.
    fn title(&self) -> &'static str;
    /// How usage is kept from being counted twice.
    fn rule(&self) -> &'static str;

    /// Whether a record, the first of a file, is of this format.
    fn recognises(&self, record: Json<'_>) -> bool;

    /// A file begins.
    fn begin(&mut self, file: &Name);

    /// What kind of record it is.
    fn kind<'r>(&self, record: Json<'r>) -> Cow<'r, str>;

    /// Adds the events of a record. False for a kind of record that is not known, whose name [`Parser::kind`] gives.
    fn read(&mut self, record: Json<'_>, events: &mut Vec<Event>) -> bool;

    fn met(&mut self) -> &mut Met;

    /// Texts that are in no event yet, of which those that say something are to be counted.
    fn loose(&mut self) -> &mut [Text] {
        &mut []
    }

    /// Events that can be told after the last file, when all texts are counted.
    fn end(&mut self) -> Vec<Event> {
        Vec::new()
    }
}

/// A call of a tool: its name and its arguments are a text each.
pub(super) fn tool_call(tool: Option<Name>, arguments: Option<Json<'_>>) -> Vec<Text> {
    let call = |said: Said| Text::new(Role::Assistant, Part::ToolCall, said, tool.clone());
    let arguments = arguments.filter(|value| !value.is_null() && value.raw() != "\"\"");
    let name = tool.clone().map(Said::Text);
    name.into_iter().chain(arguments.map(Said::from)).map(call).collect()
}

/// What a tool gave.
pub(super) fn results(texts: Vec<Json<'_>>, tool: Option<Name>) -> Vec<Text> {
    let result = |text| Text::new(Role::Tool, Part::ToolResult, text, tool.clone());
    texts.into_iter().map(result).collect()
}
