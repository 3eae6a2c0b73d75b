//! The shapes that conversations have, and the texts in them: OpenAI's and Anthropic's messages, ShareGPT, Alpaca, and
//! requests and answers of batches. A record is of the shape that its fields say.
//!
//! Texts are found and left as they are written. Images, audio and the like are told of by kind.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display};

use fasttok_engine::Utf8Errors;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::format::json_string;
use crate::format::jsonl::kind;
use crate::skip_reason::{Reason, SkipReason};

/// The fields of a record that say what it is; `known` below is what they have, in this order.
pub(super) const KNOWN: [&str; 15] = [
    "messages",
    "conversations",
    "conversation",
    "instruction",
    "input",
    "output",
    "history",
    "system",
    "tools",
    "custom_id",
    "body",
    "params",
    "response",
    "error",
    "result",
];

/// Answers of tools may be this deep in one another. Each is read by itself, so that more would take the square of their depth
/// in time, and stack.
const MAX_DEPTH: usize = 16;

/// A record has no more texts than this, and no list in it more elements: each takes memory that its few bytes in the file do
/// not.
const MAX_TEXTS: usize = 1 << 18;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Messages,
    ShareGpt,
    Alpaca,
    BatchInput,
    BatchOutput,
}

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Shape::Messages => "messages",
            Shape::ShareGpt => "sharegpt",
            Shape::Alpaca => "alpaca",
            Shape::BatchInput => "batch_input",
            Shape::BatchOutput => "batch_output",
        }
    }
}

/// Who says a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role<'a> {
    System,
    User,
    Assistant,
    Tool,
    /// Someone of this name, as it is written.
    Other(Cow<'a, str>),
}

impl Role<'_> {
    pub fn name(&self) -> &str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::Other(name) => name,
        }
    }
}

/// Who is meant by a name of a role, and what such a message says.
pub(super) fn role_of(name: Cow<'_, str>) -> (Role<'_>, Part) {
    match &*name {
        "system" | "developer" => (Role::System, Part::System),
        "user" | "human" => (Role::User, Part::Text),
        "assistant" | "gpt" | "model" | "chatgpt" | "bing" | "bard" => {
            (Role::Assistant, Part::Text)
        }
        "tool" | "function" | "observation" | "function_response" | "tool_response" | "ipython" => {
            (Role::Tool, Part::ToolResult)
        }
        "function_call" | "tool_call" => (Role::Assistant, Part::ToolCall),
        _ => (Role::Other(name), Part::Text),
    }
}

/// What a text is in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    Text,
    ToolCall,
    ToolResult,
    Reasoning,
    System,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::Text => "text",
            Part::ToolCall => "tool_call",
            Part::ToolResult => "tool_result",
            Part::Reasoning => "reasoning",
            Part::System => "system",
        }
    }
}

/// What faults call a value.
type Place<'p> = &'p dyn Display;

/// A text of a record.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub role: Role<'a>,
    pub part: Part,
    /// Which exchange it is in: 1 begins with the first message of a user, and each message of a user after an answer
    /// begins the next. In an answer of a batch nobody knows.
    pub turn: Option<u32>,
    pub tool: Option<Cow<'a, str>>,
    /// A JSON string, which is the text, or another value, of which the text is made by `compact`.
    pub raw: &'a str,
    /// Which message it is in, from 1; 0 is in none.
    pub message: usize,
}

/// What a record says.
pub(super) struct Said<'a> {
    pub shape: Shape,
    pub texts: Vec<Text<'a>>,
    /// Kinds of what is there and no text, once for each.
    pub not_counted: Vec<Cow<'a, str>>,
    /// The last turn; `None` in an answer of a batch.
    pub turn: Option<u32>,
}

/// By what a record of a batch is known, if it is one, of the fields [`KNOWN`].
pub(super) fn custom_id<'a>(known: &[Option<&'a str>]) -> Option<Cow<'a, str>> {
    let at = KNOWN.iter().position(|name| *name == "custom_id")?;
    let raw = known[at].filter(|raw| *raw != "null")?;
    Some(if raw.starts_with('"') { unquoted(raw) } else { raw.into() })
}

/// The record, if it is a list of objects, which can but be messages: it has no fields.
pub(super) fn list_of_messages(record: &str) -> Option<&str> {
    let list = record.trim_ascii();
    let begins =
        list.strip_prefix('[').is_some_and(|list| list.trim_ascii_start().starts_with('{'));
    (begins && serde_json::from_str::<IgnoredAny>(list).is_ok()).then_some(list)
}

/// Whether the object that `head` begins with is a message, so far as it goes, and no record: it says whose it is.
pub(super) fn begins_message(head: &[u8]) -> bool {
    struct Names<'n>(&'n mut Vec<String>);

    impl<'a> Visitor<'a> for Names<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some(name) = map.next_key()? {
                self.0.push(name);
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut names = Vec::new();
    // It ends where the head does.
    let _ = serde_json::Deserializer::from_slice(head).deserialize_map(Names(&mut names));
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    has(&["role", "from"]) && !has(&KNOWN)
}

/// The texts of a record, whose fields [`KNOWN`] are `known`.
pub(super) fn read<'a>(known: &[Option<&'a str>], record: &'a str) -> Result<Said<'a>, SkipReason> {
    let known: Vec<_> = known.iter().map(|raw| raw.filter(|raw| *raw != "null")).collect();
    let [
        messages,
        conversations,
        conversation,
        instruction,
        input,
        output,
        history,
        system,
        tools,
        custom_id,
        body,
        params,
        response,
        error,
        result,
    ] = known[..]
    else {
        unreachable!("a slot for each name")
    };
    let mut said = Conversation::default();
    let shape = if custom_id.is_some() && (body.is_some() || params.is_some()) {
        said.request(body.or(params).unwrap_or_default())?;
        Shape::BatchInput
    } else if custom_id.is_some() && (response.is_some() || error.is_some() || result.is_some()) {
        said.turn = None;
        match (error, response, result) {
            (Some(error), ..) => return Err(error_row(error)),
            (_, Some(response), _) => said.response(response)?,
            (.., result) => said.result(result.unwrap_or_default())?,
        }
        Shape::BatchOutput
    } else if let Some(list) = messages.or(conversations).or(conversation) {
        said.instructions(system, tools)?;
        let name = if messages.is_some() { "messages" } else { "conversations" };
        said.messages(list, name)?;
        if messages.is_some() { Shape::Messages } else { Shape::ShareGpt }
    } else if let (Some(instruction), Some(output)) = (instruction, output) {
        said.instructions(system, tools)?;
        for (i, pair) in list(history.unwrap_or("[]"), &"history")?.into_iter().enumerate() {
            let pair = list(pair, &format_args!("pair {} of history", i + 1))?;
            let [asked, answered] = pair[..] else {
                return Err(bad(format_args!("pair {} of history is not of two texts", i + 1)));
            };
            said.exchange([("history", asked)], ("history", answered))?;
        }
        let input = input.map(|input| ("input", input));
        said.exchange([("instruction", instruction)].into_iter().chain(input), ("output", output))?;
        Shape::Alpaca
    } else {
        return Err(unknown_shape(record));
    };
    if said.is_beyond {
        return Err(too_many(&"the record", "texts"));
    }
    Ok(Said { shape, texts: said.texts, not_counted: said.not_counted, turn: said.turn })
}

/// A record that is read.
struct Conversation<'a> {
    texts: Vec<Text<'a>>,
    not_counted: Vec<Cow<'a, str>>,
    turn: Option<u32>,
    /// Whether what came last is no message of a user, so that one begins a turn.
    is_answered: bool,
    /// The tool that is called, by the id of the call as it is written.
    tools: HashMap<&'a str, Cow<'a, str>>,
    /// How many answers of tools the part in work is in.
    depth: usize,
    /// The message in work, from 1.
    message: usize,
    /// Whether there are more texts than a record may have.
    is_beyond: bool,
}

impl Default for Conversation<'_> {
    fn default() -> Self {
        Conversation {
            texts: Vec::new(),
            not_counted: Vec::new(),
            turn: Some(0),
            is_answered: true,
            tools: HashMap::new(),
            depth: 0,
            message: 0,
            is_beyond: false,
        }
    }
}

impl<'a> Conversation<'a> {
    /// What comes before all messages.
    fn instructions(
        &mut self,
        system: Option<&'a str>,
        tools: Option<&'a str>,
    ) -> Result<(), SkipReason> {
        if let Some(system) = system {
            self.content(system, &Role::System, Part::System, None, &"system")?;
        }
        if let Some(tools) = tools.filter(|tools| !matches!(*tools, "[]" | "{}")) {
            self.add(Role::System, Part::System, None, tools);
        }
        Ok(())
    }

    /// Texts of a user and what they are answered.
    fn exchange(
        &mut self,
        asked: impl IntoIterator<Item = (&'static str, &'a str)>,
        (name, answered): (&'static str, &'a str),
    ) -> Result<(), SkipReason> {
        self.begin_turn(&Role::User);
        for (name, text) in asked {
            self.string(Role::User, Part::Text, text, &name)?;
        }
        self.begin_turn(&Role::Assistant);
        self.string(Role::Assistant, Part::Text, answered, &name)
    }

    /// The body of a request, of any of the APIs that take one.
    fn request(&mut self, body: &'a str) -> Result<(), SkipReason> {
        let [messages, input, prompt, system, instructions, tools] = object(
            body,
            ["messages", "input", "prompt", "system", "instructions", "tools"],
            &"body",
        )?;
        self.instructions(system.or(instructions), tools)?;
        match (messages, input.or(prompt)) {
            (Some(messages), _) => self.messages(messages, "messages"),
            (None, Some(input)) if input.starts_with('"') => {
                self.begin_turn(&Role::User);
                self.string(Role::User, Part::Text, input, &"input")
            }
            (None, Some(input)) => self.items(input, "input"),
            (None, None) => Err(bad("the body has no messages, input or prompt")),
        }
    }

    /// What a request of a batch was answered.
    fn response(&mut self, response: &'a str) -> Result<(), SkipReason> {
        let [status, body] = object(response, ["status_code", "body"], &"response")?;
        let is_error = status.is_some_and(|status| !status.starts_with('2'));
        let Some(body) = body else {
            return Err(match is_error {
                true => error_row(response),
                false => bad("the response has no body"),
            });
        };
        let [error, choices, output, data] =
            object(body, ["error", "choices", "output", "data"], &"body of the response")?;
        if is_error || error.is_some() {
            return Err(error_row(error.unwrap_or(body)));
        }
        match (choices, output) {
            (Some(choices), _) => {
                for (i, choice) in list(choices, &"choices")?.into_iter().enumerate() {
                    self.message = i + 1;
                    let place = format!("choice {}", i + 1);
                    let [message, text] = object(choice, ["message", "text"], &place)?;
                    match (message, text) {
                        (Some(message), _) => self.message(message, &place)?,
                        (None, Some(text)) => {
                            self.string(Role::Assistant, Part::Text, text, &place)?;
                        }
                        (None, None) => return Err(bad(format_args!("{place} has no message"))),
                    }
                }
                Ok(())
            }
            (None, Some(output)) => self.items(output, "output"),
            (None, None) if data.is_some() => {
                self.not_counted.push("embedding".into());
                Ok(())
            }
            (None, None) => Err(bad("the body of the response has no choices or output")),
        }
    }

    /// The same of Anthropic's batches.
    fn result(&mut self, result: &'a str) -> Result<(), SkipReason> {
        let [of, message] = object(result, ["type", "message"], &"result")?;
        match (of, message) {
            (Some("\"succeeded\""), Some(message)) => self.message(message, &"message"),
            _ => Err(error_row(result)),
        }
    }

    /// Messages, one after the other.
    fn messages(&mut self, raw: &'a str, name: &str) -> Result<(), SkipReason> {
        for (i, message) in list(raw, &name)?.into_iter().enumerate() {
            self.message = i + 1;
            self.message(message, &format_args!("message {}", i + 1))?;
        }
        Ok(())
    }

    /// Items of a request or an answer: messages, calls and their results, reasoning; or texts alone.
    fn items(&mut self, raw: &'a str, name: &str) -> Result<(), SkipReason> {
        for (i, item) in list(raw, &name)?.into_iter().enumerate() {
            self.message = i + 1;
            let place = format!("item {} of {name}", i + 1);
            if item.starts_with('"') {
                self.begin_turn(&Role::User);
                self.string(Role::User, Part::Text, item, &place)?;
                continue;
            }
            let names = [
                "type",
                "role",
                "name",
                "arguments",
                "input",
                "call_id",
                "output",
                "summary",
                "content",
            ];
            let [of, role, name, arguments, input, id, output, summary, content] =
                object(item, names, &place)?;
            let of = of.map(|of| plain(of, &place)).transpose()?;
            match of.as_deref() {
                Some("message") | None if role.is_some() => self.message(item, &place)?,
                Some("function_call" | "custom_tool_call") => {
                    self.begin_turn(&Role::Assistant);
                    self.call(id, name, arguments.or(input), &place)?;
                }
                Some("function_call_output" | "custom_tool_call_output") => {
                    self.begin_turn(&Role::Tool);
                    let tool = self.tool(id);
                    if let Some(output) = output {
                        self.content(output, &Role::Tool, Part::ToolResult, tool, &place)?;
                    }
                }
                Some("reasoning") => {
                    self.begin_turn(&Role::Assistant);
                    for said in [summary, content].into_iter().flatten() {
                        self.content(said, &Role::Assistant, Part::Reasoning, None, &place)?;
                    }
                }
                Some(_) => self.not_counted.extend(of),
                None => return Err(bad(format!("{place} has no type and no role"))),
            }
        }
        Ok(())
    }

    fn message(&mut self, raw: &'a str, place: Place) -> Result<(), SkipReason> {
        let names = [
            "role",
            "from",
            "content",
            "value",
            "tool_calls",
            "function_call",
            "reasoning_content",
            "thinking",
            "reasoning",
            "refusal",
            "name",
            "tool_call_id",
            "audio",
        ];
        let [
            role,
            from,
            content,
            value,
            calls,
            function_call,
            reasoning_content,
            thinking,
            reasoning,
            refusal,
            name,
            id,
            audio,
        ] = object(raw, names, place)?;
        let Some(role) = role.or(from) else {
            return Err(bad(format_args!("{place} has no role")));
        };
        let role = plain(role, &format_args!("role of {place}"))?;
        let content = content.or(value);
        let (role, part) = role_of(role);
        let has_result = role == Role::User && content.is_some_and(has_tool_result);
        self.begin_turn(if has_result { &Role::Tool } else { &role });
        let reasoning = reasoning_content.or(thinking).or(reasoning);
        if let Some(reasoning) = reasoning {
            self.string(
                role.clone(),
                Part::Reasoning,
                reasoning,
                &format_args!("reasoning of {place}"),
            )?;
        }
        if let Some(content) = content {
            let tool = match role {
                Role::Tool => match name {
                    Some(name) => Some(plain(name, &format_args!("name of {place}"))?),
                    None => self.tool(id),
                },
                _ => None,
            };
            self.content(content, &role, part, tool, place)?;
        }
        if let Some(refusal) = refusal {
            self.string(role.clone(), Part::Text, refusal, &format_args!("refusal of {place}"))?;
        }
        if let Some(calls) = calls {
            for (i, call) in
                list(calls, &format_args!("tool_calls of {place}"))?.into_iter().enumerate()
            {
                let place: Place = &format_args!("call {} of {place}", i + 1);
                let [id, function, custom, name, arguments] =
                    object(call, ["id", "function", "custom", "name", "arguments"], place)?;
                match function.or(custom) {
                    Some(function) => self.function(id, function, place)?,
                    None => self.call(id, name, arguments, place)?,
                }
            }
        }
        if let Some(call) = function_call {
            self.function(None, call, &format_args!("function_call of {place}"))?;
        }
        if audio.is_some() {
            self.not_counted.push("audio".into());
        }
        let says = [content, calls, function_call, reasoning, refusal, audio];
        if says.iter().all(Option::is_none) && !has_null_content(raw) {
            return Err(bad(format_args!("{place} has no content")));
        }
        Ok(())
    }

    /// A call's name and arguments, where they are in an object of their own.
    fn function(
        &mut self,
        id: Option<&'a str>,
        raw: &'a str,
        place: Place,
    ) -> Result<(), SkipReason> {
        let [name, arguments, input] = object(raw, ["name", "arguments", "input"], place)?;
        self.call(id, name, arguments.or(input), place)
    }

    /// A call: its name and its arguments are a text each.
    fn call(
        &mut self,
        id: Option<&'a str>,
        name: Option<&'a str>,
        arguments: Option<&'a str>,
        place: Place,
    ) -> Result<(), SkipReason> {
        let Some(raw) = name else { return Err(bad(format_args!("{place} has no name"))) };
        let name = plain(raw, &format_args!("name of {place}"))?;
        if let Some(id) = id {
            self.tools.insert(id, name.clone());
        }
        let tool = Some(name);
        self.add(Role::Assistant, Part::ToolCall, tool.clone(), raw);
        if let Some(arguments) = arguments {
            self.add(Role::Assistant, Part::ToolCall, tool, arguments);
        }
        Ok(())
    }

    /// A text, or a list of parts.
    fn content(
        &mut self,
        raw: &'a str,
        role: &Role<'a>,
        part: Part,
        tool: Option<Cow<'a, str>>,
        place: Place,
    ) -> Result<(), SkipReason> {
        if raw.starts_with('"') {
            self.add(role.clone(), part, tool, raw);
            return Ok(());
        }
        if !raw.starts_with('[') {
            let what = kind(raw.as_bytes()[0]);
            return Err(bad(format_args!("the content of {place} is {what}")));
        }
        for (i, said) in list(raw, place)?.into_iter().enumerate() {
            let place: Place = &format_args!("part {} of {place}", i + 1);
            if said.starts_with('"') {
                self.add(role.clone(), part, tool.clone(), said);
            } else {
                self.part(said, role, part, tool.clone(), place)?;
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        raw: &'a str,
        role: &Role<'a>,
        part: Part,
        tool: Option<Cow<'a, str>>,
        place: Place,
    ) -> Result<(), SkipReason> {
        let names = [
            "type",
            "text",
            "thinking",
            "reasoning",
            "refusal",
            "name",
            "input",
            "id",
            "tool_use_id",
            "content",
        ];
        let [of, text, thinking, reasoning, refusal, name, input, id, result_of, content] =
            object(raw, names, place)?;
        let of = match (of, text) {
            (Some(of), _) => plain(of, &format_args!("type of {place}"))?,
            (None, Some(_)) => "text".into(),
            (None, None) => return Err(bad(format_args!("{place} has no type"))),
        };
        let needed = |text: Option<&'a str>| {
            text.ok_or_else(|| bad(format_args!("{place} is of type {of} and has no such text")))
        };
        match &*of {
            "text" | "input_text" | "output_text" | "summary_text" | "reasoning_text" => {
                let part = if of == "reasoning_text" { Part::Reasoning } else { part };
                let text = string(needed(text)?, place)?;
                self.add(role.clone(), part, tool, text);
            }
            "thinking" | "reasoning" => {
                let text = string(needed(thinking.or(reasoning).or(text))?, place)?;
                self.add(Role::Assistant, Part::Reasoning, None, text);
            }
            "refusal" => self.string(role.clone(), Part::Text, needed(refusal)?, place)?,
            "tool_use" | "server_tool_use" | "mcp_tool_use" => self.call(id, name, input, place)?,
            of if of.ends_with("tool_result") => {
                let tool = self.tool(result_of);
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(bad("answers of tools are too deep in one another"));
                }
                if let Some(content) = content {
                    match content.starts_with(['"', '[']) {
                        true => {
                            self.content(content, &Role::Tool, Part::ToolResult, tool, place)?
                        }
                        false => self.add(Role::Tool, Part::ToolResult, tool, content),
                    }
                }
                self.depth -= 1;
            }
            _ => self.not_counted.push(of),
        }
        Ok(())
    }

    /// The tool whose call has this id.
    fn tool(&self, id: Option<&'a str>) -> Option<Cow<'a, str>> {
        self.tools.get(id?).cloned()
    }

    /// What is said next is of this role.
    fn begin_turn(&mut self, role: &Role) {
        match role {
            Role::System => {}
            Role::User => {
                if let Some(turn) = &mut self.turn {
                    *turn += u32::from(self.is_answered);
                }
                self.is_answered = false;
            }
            Role::Assistant | Role::Tool | Role::Other(_) => self.is_answered = true,
        }
    }

    /// A text that must be a string.
    fn string(
        &mut self,
        role: Role<'a>,
        part: Part,
        raw: &'a str,
        place: Place,
    ) -> Result<(), SkipReason> {
        let raw = string(raw, place)?;
        self.add(role, part, None, raw);
        Ok(())
    }

    /// Adds a text, unless it is empty.
    fn add(&mut self, role: Role<'a>, part: Part, tool: Option<Cow<'a, str>>, raw: &'a str) {
        if self.texts.len() == MAX_TEXTS {
            self.is_beyond = true;
        } else if raw != "\"\"" {
            let (turn, message) = (self.turn, self.message);
            self.texts.push(Text { role, part, turn, tool, raw, message });
        }
    }
}

/// Whether the content of a message of a user has what a tool answered.
fn has_tool_result(raw: &str) -> bool {
    let parts = raw.starts_with('[').then(|| list(raw, &"content").unwrap_or_default());
    parts.into_iter().flatten().any(|part| {
        let of = object(part, ["type"], &"part").ok().and_then(|[of]| of);
        of.is_some_and(|of| of.ends_with("tool_result\""))
    })
}

/// Whether a message that says nothing says so.
fn has_null_content(raw: &str) -> bool {
    let mut slots = [None; 2];
    fields(raw, &["content", "value"], &mut slots);
    slots.iter().any(Option::is_some)
}

/// The fields of these names of the object `raw`; null is as if there were none.
fn object<'a, const N: usize>(
    raw: &'a str,
    names: [&str; N],
    place: Place,
) -> Result<[Option<&'a str>; N], SkipReason> {
    if !raw.starts_with('{') {
        return Err(bad(format_args!("{place} is {}, not an object", kind(raw.as_bytes()[0]))));
    }
    let mut slots = [None; N];
    fields(raw, &names, &mut slots);
    Ok(slots.map(|raw| raw.filter(|raw| *raw != "null")))
}

/// Puts the fields of these names of the object `raw` into `slots`; of a name that occurs twice the last value holds.
fn fields<'a>(raw: &'a str, names: &[&str], slots: &mut [Option<&'a str>]) {
    let mut json = serde_json::Deserializer::from_str(raw);
    json.deserialize_map(Wanted { names, slots }).expect("the record is JSON");
}

struct Wanted<'n, 's, 'a> {
    names: &'n [&'n str],
    slots: &'s mut [Option<&'a str>],
}

impl<'a> Visitor<'a> for Wanted<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<&'a RawValue>()? {
            let key = unquoted(key.get());
            match self.names.iter().position(|name| *name == key) {
                Some(slot) => self.slots[slot] = Some(map.next_value::<&'a RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The elements of the list `raw`.
fn list<'a>(raw: &'a str, place: Place) -> Result<Vec<&'a str>, SkipReason> {
    if !raw.starts_with('[') {
        return Err(bad(format_args!("{place} is {}, not a list", kind(raw.as_bytes()[0]))));
    }
    let mut json = serde_json::Deserializer::from_str(raw);
    let elements = json.deserialize_seq(Elements).expect("the record is JSON");
    elements.ok_or_else(|| too_many(place, "elements"))
}

/// The elements of a list as they are written, unless there are more than [`MAX_TEXTS`].
struct Elements;

impl<'a> Visitor<'a> for Elements {
    type Value = Option<Vec<&'a str>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut list: S) -> Result<Self::Value, S::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element::<&'a RawValue>()? {
            if elements.len() == MAX_TEXTS {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(None);
            }
            elements.push(element.get());
        }
        Ok(Some(elements))
    }
}

/// `raw`, which must be a string.
fn string<'a>(raw: &'a str, place: Place) -> Result<&'a str, SkipReason> {
    match raw.starts_with('"') {
        true => Ok(raw),
        false => Err(bad(format_args!("{place} is {}, not a string", kind(raw.as_bytes()[0])))),
    }
}

/// A name: a string, without its quotes and escapes.
fn plain<'a>(raw: &'a str, place: Place) -> Result<Cow<'a, str>, SkipReason> {
    string(raw, place).map(unquoted)
}

fn unquoted(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return raw[1..raw.len() - 1].into();
    }
    let mut buffer = Vec::new();
    json_string::text_of(raw, &mut buffer, Utf8Errors::Replace)
        .unwrap_or_default()
        .to_owned()
        .into()
}

fn bad(detail: impl Display) -> SkipReason {
    SkipReason::new(Reason::BadMessage, detail.to_string())
}

fn too_many(place: Place, what: &str) -> SkipReason {
    SkipReason::new(Reason::TooManyTexts, format!("{place} has more than {MAX_TEXTS} {what}"))
}

/// A request that failed: `raw` says why.
fn error_row(raw: &str) -> SkipReason {
    SkipReason::new(Reason::ErrorRow, format!("the request failed: {raw}"))
}

fn unknown_shape(record: &str) -> SkipReason {
    let named = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(record);
    let names: Vec<String> =
        named.unwrap_or_default().into_iter().map(|(name, _)| name).take(12).collect();
    let has = match names.is_empty() {
        true => "no fields".to_owned(),
        false => names.join(", "),
    };
    let detail = format!(
        "the record has neither messages, nor conversations, nor instruction and output, nor custom_id with a body or \
         a response; it has {has}"
    );
    SkipReason::new(Reason::UnknownShape, detail)
}
