//! Claude Code's session logs: JSON lines, one or several a message, a file a session or subagent.
//!
//! A response is written line by line while it streams: a line a block of content, all with the same message id and
//! request id, and with usage as it was known by then. `input_tokens` has neither what was read from the cache nor what was
//! written to it; both are said beside it.

use std::borrow::Cow;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::format::digest;

use super::event::{Event, Name, Part, RecordedUsage, Role, Text, day_of};
use super::json::{Json, Said};
use super::parser::{Met, Parser, results, tool_call};

const MESSAGES: [&str; 2] = ["user", "assistant"];

/// Kinds of records that are known and hold no message of a conversation.
const WITHOUT_MESSAGE: [&str; 22] = [
    "summary",
    "system",
    "progress",
    "attachment",
    "file-history-snapshot",
    "file-history-delta",
    "queue-operation",
    "content-replacement",
    "attribution-snapshot",
    "speculation-accept",
    "task-summary",
    "custom-title",
    "ai-title",
    "agent-name",
    "agent-color",
    "agent-setting",
    "last-prompt",
    "permission-mode",
    "mode",
    "tag",
    "pr-link",
    "worktree-state",
];

const AGENT: &str = "claude-code";

#[derive(Default)]
pub(super) struct ClaudeCode {
    met: Met,
    /// The thread that each line was read in, by its number; lines by what stands for their uuids.
    lines: HashMap<[u8; 16], u32>,
    /// The number of each thread.
    threads: HashMap<Name, u32>,
    /// The thread that each request was read in.
    requests: HashMap<Name, Name>,
    /// The first line of the chain that a line of a subagent without a name is in.
    roots: HashMap<Name, Name>,
    /// What kind of agent a call asks for, by the id of the call.
    calls: HashMap<Name, Name>,
    /// The tool that is called, by the id of the call.
    tools: HashMap<Name, Name>,
    file: Name,
    unnamed: u64,
}

impl Parser for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn title(&self) -> &'static str {
        "Claude Code sessions"
    }

    fn rule(&self) -> &'static str {
        "Lines with the same message id and request id are one request, in whatever files they are: of each number the \
         largest counts. Input is input_tokens + cache_read_input_tokens + cache_creation_input_tokens. What a resumed \
         session copies from another is known by its uuid, and its request by its ids."
    }

    fn recognises(&self, record: Json<'_>) -> bool {
        match record.word("type") {
            Some(kind) if MESSAGES.contains(&kind) => {
                record.object("message").is_some()
                    && (record.has("sessionId") || record.has("uuid"))
            }
            Some(kind) if WITHOUT_MESSAGE.contains(&kind) => {
                !record.has("payload") && !record.has("steps")
            }
            _ => false,
        }
    }

    fn begin(&mut self, file: &Name) {
        self.file = file.clone();
    }

    fn kind<'r>(&self, record: Json<'r>) -> Cow<'r, str> {
        record.word("type").unwrap_or("record without a type").into()
    }

    fn read(&mut self, record: Json<'_>, events: &mut Vec<Event>) -> bool {
        let kind = self.kind(record);
        let has_message = MESSAGES.contains(&&*kind);
        let message = has_message.then(|| record.object("message")).flatten();
        let queued = queued_prompt(record, &kind);
        if message.is_none() && queued.is_none() {
            if record.is("subtype", "compact_boundary") && WITHOUT_MESSAGE.contains(&&*kind) {
                events.push(Event { keeps: Some(0), ..self.event(record) });
            }
            return WITHOUT_MESSAGE.contains(&&*kind);
        }
        let mut event = self.event(record);
        let uuid = record.word("uuid");
        let mut is_copy = false;
        if let Some(line) = line_of(record, uuid, queued) {
            let here = self.number(&event.thread);
            match self.lines.entry(line) {
                Entry::Vacant(entry) => {
                    entry.insert(here);
                }
                Entry::Occupied(known_in) => {
                    self.met.repeated += 1;
                    if *known_in.get() == here {
                        // The same line once more, in the same conversation.
                        return true;
                    }
                    is_copy = true;
                }
            }
        }
        let Some(message) = message else {
            event.texts = self.texts(queued, Role::User);
            event.texts.iter_mut().for_each(|text| text.is_copy = is_copy);
            events.push(event);
            return true;
        };
        if &*kind == "user" {
            self.heed_subagent(record, message);
            event.texts = self.texts(message.get("content"), Role::User);
        } else {
            let (id, asked) = (message.word("id"), record.word("requestId"));
            event.model = message.named("model");
            if event.model.as_deref() == Some("<synthetic>") || record.is_set("isApiErrorMessage") {
                // The program itself speaks: nothing was asked of a model.
                self.met.add_record("error");
                return true;
            }
            event.texts = self.texts(message.get("content"), Role::Assistant);
            let request: Name = match (&id, &asked) {
                (None, None) => self.line(uuid),
                _ => {
                    let [id, asked] = [&id, &asked].map(|name| name.as_deref().unwrap_or_default());
                    format!("{id}\0{asked}").into()
                }
            };
            event.usage = message.object("usage").map(usage);
            event.is_final = message.get("stop_reason").is_some_and(|reason| !reason.is_null());
            let thread = self.requests.entry(request.clone()).or_insert(event.thread.clone());
            event.is_repeated = *thread != event.thread;
            event.request = Some(request);
            is_copy |= event.is_repeated;
        }
        for text in event.texts.iter_mut().filter(|_| is_copy) {
            text.is_copy = true;
        }
        events.push(event);
        true
    }

    fn met(&mut self) -> &mut Met {
        &mut self.met
    }
}

impl ClaudeCode {
    fn event(&mut self, record: Json<'_>) -> Event {
        let session = record.named("sessionId").unwrap_or_else(|| self.file.clone());
        let (mut thread, mut agent): (Name, Name) = (session.clone(), AGENT.into());
        if record.is_set("isSidechain") {
            let name = record.named("agentId");
            let in_session = name.clone().unwrap_or_else(|| self.root(record));
            thread = format!("{session}\0{in_session}").into();
            agent = format!("{AGENT}/{}", name.as_deref().unwrap_or_default()).into();
            let called = || format!("{AGENT}/subagent").into();
            self.met.agents.entry(agent.clone()).or_insert_with(called);
        }
        let (user, day) = (record.named("user"), record.word("timestamp").and_then(day_of));
        Event { user, day, ..Event::new(session, thread, agent) }
    }

    fn number(&mut self, thread: &Name) -> u32 {
        let next = self.threads.len() as u32;
        *self.threads.entry_ref(thread).or_insert(next)
    }

    /// What a request is called that the log gives no ids: a line is one.
    fn line(&mut self, uuid: Option<&str>) -> Name {
        self.unnamed += u64::from(uuid.is_none());
        match uuid {
            Some(uuid) => format!("line {uuid}").into(),
            None => format!("line {}", self.unnamed).into(),
        }
    }

    fn root(&mut self, record: Json<'_>) -> Name {
        let uuid = record.named("uuid").unwrap_or_default();
        let known = record.named("parentUuid").and_then(|parent| self.roots.get(&parent).cloned());
        let root = known.unwrap_or_else(|| uuid.clone());
        self.roots.insert(uuid, root.clone());
        root
    }

    /// Learn of which kind a subagent was whose result this is.
    fn heed_subagent(&mut self, record: Json<'_>, message: Json<'_>) {
        let Some(agent) = record.object("toolUseResult").and_then(|said| said.named("agentId"))
        else {
            return;
        };
        for block in message.objects_in("content") {
            let call = block.word("tool_use_id");
            if let Some(kind) = call.and_then(|call| self.calls.get(call)) {
                let (agent, kind) = (format!("{AGENT}/{agent}"), format!("{AGENT}/{kind}"));
                self.met.agents.insert(agent.into(), kind.into());
            }
        }
    }

    fn texts(&mut self, content: Option<Json<'_>>, role: Role) -> Vec<Text> {
        let Some(content) = content else { return Vec::new() };
        if content.is_text() {
            return vec![Text::new(role, Part::Text, content, None)];
        }
        content.objects().flat_map(|block| self.block(block, role)).collect()
    }

    fn block(&mut self, block: Json<'_>, role: Role) -> Vec<Text> {
        let kind = block.word("type");
        // Of what is missing, the empty text.
        let member = |name| Said::or(block.get(name), "");
        match kind {
            Some("text") => vec![Text::new(role, Part::Text, member("text"), None)],
            Some("thinking") => {
                vec![Text::new(Role::Assistant, Part::Reasoning, member("thinking"), None)]
            }
            Some("tool_use" | "server_tool_use" | "mcp_tool_use") => {
                let (call, tool, asked) =
                    (block.named("id"), block.named("name"), block.get("input"));
                if let (Some(call), Some(tool)) = (call, &tool) {
                    self.tools.insert(call.clone(), tool.clone());
                    let agent = asked.and_then(|asked| asked.named("subagent_type"));
                    self.calls.extend(agent.map(|agent| (call, agent)));
                }
                tool_call(tool, asked)
            }
            Some(kind) if kind.ends_with("tool_result") => {
                let call = block.word("tool_use_id");
                let tool = call.and_then(|call| self.tools.get(call).cloned());
                results(self.met.texts_in(block.get("content")), tool)
            }
            kind => {
                self.met.add_media(kind);
                Vec::new()
            }
        }
    }
}

/// What a user wrote while the agent was at work: Claude Code notes it as an attachment to the next request.
fn queued_prompt<'r>(record: Json<'r>, kind: &str) -> Option<Json<'r>> {
    let attachment = (kind == "attachment").then(|| record.object("attachment")).flatten()?;
    attachment.is("type", "queued_command").then(|| attachment.get("prompt")).flatten()
}

/// What stands for a line, if it can be told from others: a queue is written anew with each change, sometimes without ids.
fn line_of(record: Json<'_>, uuid: Option<&str>, queued: Option<Json<'_>>) -> Option<[u8; 16]> {
    if let Some(uuid) = uuid {
        return Some(digest([Some(uuid)]));
    }
    let time = record.word("timestamp")?;
    queued.map(|_| digest([Some("queued"), record.word("sessionId"), Some(time)]))
}

fn usage(said: Json<'_>) -> RecordedUsage {
    let [fresh, cached_input, cache_write, output] = said
        .tokens_of([
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "output_tokens",
        ])
        .map(u128::from);
    let input = fresh + cached_input + cache_write;
    RecordedUsage { input, cached_input, cache_write, output, reasoning: 0 }
}
