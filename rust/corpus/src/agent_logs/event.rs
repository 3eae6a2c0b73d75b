//! What a log of an agent says, in words that all formats share: texts, requests, and the usage that was recorded. Knows no
//! format and counts nothing.

use std::sync::Arc;

use super::json::Said;
pub(super) use crate::format::Part;

pub(super) type Name = Arc<str>;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }
}

/// What is grouped by that a text has and not its request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    pub role: Role,
    pub part: Part,
    pub tool: Option<Name>,
    /// Where it is asked for, once the text is counted.
    pub language: Option<Name>,
}

/// A text of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub kind: Kind,
    /// What it says, until it is counted.
    pub said: Option<Said>,
    /// Whether another log has it already: it is sent, but not written again.
    pub is_copy: bool,
    /// Its tokens by encoding, once it is counted.
    pub counts: Arc<[u64]>,
}

impl Text {
    pub fn new(role: Role, part: Part, said: impl Into<Said>, tool: Option<Name>) -> Text {
        let kind = Kind { role, part, tool, language: None };
        Text { kind, said: Some(said.into()), is_copy: false, counts: Arc::default() }
    }
}

/// What a log says that a request used, in tokens. Input has what came from a cache and what was written to one in it;
/// output has reasoning in it. Sums of numbers of 64 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordedUsage {
    /// Tokens of input.
    pub input: u128,
    /// Those of them from a cache.
    pub cached_input: u128,
    /// Those of them written to a cache.
    pub cache_write: u128,
    /// Tokens of output.
    pub output: u128,
    /// Those of them for reasoning.
    pub reasoning: u128,
}

impl RecordedUsage {
    /// Takes the larger of each number: of several records of one request.
    pub(super) fn raise_to(&mut self, other: &RecordedUsage) {
        self.input = self.input.max(other.input);
        self.cached_input = self.cached_input.max(other.cached_input);
        self.cache_write = self.cache_write.max(other.cache_write);
        self.output = self.output.max(other.output);
        self.reasoning = self.reasoning.max(other.reasoning);
    }

    /// Whether it says that nothing was used.
    pub(super) fn is_nothing(&self) -> bool {
        self.input == 0 && self.output == 0
    }
}

/// A step of a conversation: texts that join its history, as input (`request` is none) or as part of an answer.
///
/// Where `keeps` is given with a request, `texts` are what that request sends beyond what stays.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub session: Name,
    /// The conversation in the session whose history each request sends again.
    pub thread: Name,
    pub agent: Name,
    pub texts: Vec<Text>,
    /// Of a log whose records hold a whole request: the texts of its answer, where `texts` are its input.
    pub answer: Vec<Text>,
    /// Which request the texts answer, by a name that no other has. A new one begins a request: it sends the history.
    pub request: Option<Name>,
    pub model: Option<Name>,
    pub user: Option<Name>,
    pub day: Option<Name>,
    pub usage: Option<RecordedUsage>,
    /// Whether the request is in another log already: neither its usage nor what it sends counts again.
    pub is_repeated: bool,
    /// Whether the usage is said to be the last word, and no placeholder from the middle of a stream.
    pub is_final: bool,
    /// So many texts of the history stay, before those of this event; none: all. 0 begins it anew.
    pub keeps: Option<usize>,
    /// Whether the log of this request holds texts at all: what it sends can be counted.
    pub has_texts: bool,
}

impl Event {
    pub fn new(session: Name, thread: Name, agent: Name) -> Event {
        Event {
            session,
            thread,
            agent,
            texts: Vec::new(),
            answer: Vec::new(),
            request: None,
            model: None,
            user: None,
            day: None,
            usage: None,
            is_repeated: false,
            is_final: true,
            keeps: None,
            has_texts: true,
        }
    }
}

/// The day of an ISO 8601 time, as it is written there.
pub(super) fn day_of(time: &str) -> Option<Name> {
    let end = time.char_indices().map(|(at, _)| at).nth(10).unwrap_or(time.len());
    let day = &time[..end];
    let mut chars = day.chars();
    let is_day = chars.nth(4) == Some('-') && chars.nth(2) == Some('-') && chars.nth(1).is_some();
    is_day.then(|| day.into())
}
