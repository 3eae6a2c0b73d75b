//! Codex's rollouts: JSON lines `{timestamp, type, payload}`, a file a session.
//!
//! Usage comes as events with running totals. They are repeated whenever something else about the account changes, and a
//! fork of a session begins with those of the session that it was forked from. Requests have no ids here: what the model
//! says without a break, up to the next input or the next totals, is the answer of one.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use crate::format::digest;

use super::event::{Event, Name, Part, RecordedUsage, Role, Text, day_of};
use super::json::Json;
use super::parser::{Met, Parser, results, tool_call};

const KINDS: [&str; 5] =
    ["session_meta", "turn_context", "response_item", "event_msg", "compacted"];
const FIELDS: [&str; 5] = [
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
];
const CALLS: [&str; 5] = [
    "function_call",
    "custom_tool_call",
    "local_shell_call",
    "web_search_call",
    "tool_search_call",
];
/// Items that are known and hold no text.
const WITHOUT_TEXT: [&str; 4] = ["ghost_snapshot", "compaction", "compaction_summary", "other"];

const AGENT: &str = "codex";

type Totals = [i128; FIELDS.len()];

#[derive(Default)]
pub(super) struct Codex {
    met: Met,
    /// The name that a session and all that were forked from it share: of whichever was read or named first.
    families: HashMap<Name, Name>,
    /// Totals and texts of each family.
    seen: HashSet<[u8; 16]>,
    file: File,
}

/// What is known of the file that is read.
#[derive(Default)]
struct File {
    session: Name,
    family: Name,
    agent: Name,
    model: Option<Name>,
    totals: Totals,
    has_meta: bool,
    /// Whether it says again, so far, what another has.
    is_replay: bool,
    answers: u64,
    /// The last answer whose usage is known.
    told: u64,
    is_answering: bool,
    is_known_answer: bool,
    has_texts: bool,
    /// The tool that is called, by the id of the call.
    tools: HashMap<Name, Name>,
}

impl Parser for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn title(&self) -> &'static str {
        "Codex rollouts"
    }

    fn rule(&self) -> &'static str {
        "An event whose running totals are those of the one before is a repetition. Else it adds what the totals grew \
         by, or last_token_usage where they fell. What a fork repeats of the session it comes from, totals and texts, \
         counts once."
    }

    fn recognises(&self, record: Json<'_>) -> bool {
        record.word("type").is_some_and(|kind| KINDS.contains(&kind))
            && record.object("payload").is_some()
    }

    fn begin(&mut self, file: &Name) {
        let (session, family, agent) = (file.clone(), file.clone(), AGENT.into());
        self.file = File { session, family, agent, ..File::default() };
    }

    fn kind<'r>(&self, record: Json<'r>) -> Cow<'r, str> {
        let outer = record.word("type").unwrap_or("record without a type");
        match record.object("payload").and_then(|payload| payload.word("type")) {
            Some(inner) => format!("{outer}/{inner}").into(),
            None => outer.into(),
        }
    }

    fn read(&mut self, record: Json<'_>, events: &mut Vec<Event>) -> bool {
        let Some(payload) = record.object("payload") else { return false };
        let day = record.word("timestamp").and_then(day_of);
        let mut step = Step { to: self, day, events };
        match record.word("type") {
            Some("session_meta") => step.meta(payload),
            Some("turn_context") => {
                if let Some(model) = payload.named("model") {
                    step.to.file.model = Some(model);
                }
            }
            Some("event_msg") if payload.is("type", "token_count") => step.usage(payload),
            Some("event_msg") => {}
            Some("compacted") => step.compacted(payload),
            Some("response_item") => return step.item(payload),
            _ => return false,
        }
        true
    }

    fn met(&mut self) -> &mut Met {
        &mut self.met
    }
}

/// A record, and where its events go.
struct Step<'s> {
    to: &'s mut Codex,
    day: Option<Name>,
    events: &'s mut Vec<Event>,
}

impl Step<'_> {
    fn event(&self) -> Event {
        let File { session, agent, model, .. } = &self.to.file;
        let (model, day) = (model.clone(), self.day.clone());
        Event { model, day, ..Event::new(session.clone(), session.clone(), agent.clone()) }
    }

    fn meta(&mut self, payload: Json<'_>) {
        let Codex { file, families, .. } = &mut *self.to;
        if file.has_meta {
            // That of the session which this one was forked from.
            return;
        }
        file.has_meta = true;
        if let Some(session) = payload.named("id") {
            file.session = session;
        }
        let parent = payload.named("forked_from_id");
        let known = families.get(&file.session).cloned();
        // A session whose fork was read before it, or that is in two files, says again what is known, as a fork does.
        file.is_replay = parent.is_some() || known.is_some();
        file.family = known.unwrap_or_else(|| match &parent {
            None => file.session.clone(),
            Some(parent) => families.get(parent).unwrap_or(parent).clone(),
        });
        families.insert(file.session.clone(), file.family.clone());
        if let Some(parent) = parent {
            families.entry(parent).or_insert_with(|| file.family.clone());
        }
        if payload.object("source").is_some_and(|source| source.has("subagent")) {
            file.agent = format!("{AGENT}/subagent").into();
        }
        file.model = payload.named("model");
        self.events.push(Event { keeps: Some(0), ..self.event() });
        let said = payload.first(&["base_instructions", "instructions"]);
        let said =
            said.and_then(|said| if said.is_object() { said.get("text") } else { Some(said) });
        let said = said.filter(|said| said.is_text() && said.is_something());
        let texts = said.map(|said| Text::new(Role::System, Part::System, said, None));
        self.input(texts.into_iter().collect());
    }

    fn usage(&mut self, payload: Json<'_>) {
        let Some(info) = payload.object("info") else { return };
        let Codex { file, seen, met, .. } = &mut *self.to;
        let numbers = |name| info.object(name).map(|said| said.tokens_of(FIELDS).map(i128::from));
        let last: Option<Totals> = numbers("last_token_usage");
        let total =
            numbers("total_token_usage").or_else(|| last.map(|last| sum(&file.totals, &last)));
        let Some(total) = total else { return };
        if total == file.totals {
            met.repeated += 1;
            return;
        }
        let mut before = std::mem::replace(&mut file.totals, total);
        let words = total.map(|number| number.to_string());
        let key =
            digest([&*file.family].into_iter().chain(words.iter().map(String::as_str)).map(Some));
        if file.is_replay && seen.contains(&key) {
            met.repeated += 1;
            file.is_answering = false;
            file.told = file.answers;
            return;
        }
        file.is_replay = false;
        seen.insert(key);
        if total.iter().zip(&before).any(|(now, then)| now < then) {
            before =
                last.map_or(Totals::default(), |last| sum(&total, &last.map(|number| -number)));
        }
        if file.told == file.answers || file.is_known_answer {
            // Nothing that the model said is in the log, or nothing that it had not said before.
            file.answers += 1;
            file.is_known_answer = false;
        }
        file.told = file.answers;
        file.is_answering = false;
        let grown = sum(&total, &before.map(|number| -number));
        let [input, cached_input, output, reasoning, _] = grown.map(|number| number.max(0) as u128);
        let usage = RecordedUsage { input, cached_input, cache_write: 0, output, reasoning };
        let (request, has_texts) = (self.request(), self.to.file.has_texts);
        let event = Event { request, has_texts, usage: Some(usage), ..self.event() };
        self.events.push(event);
    }

    fn compacted(&mut self, payload: Json<'_>) {
        self.events.push(Event { keeps: Some(0), ..self.event() });
        let said = payload.get("message").filter(|said| said.is_text() && said.is_something());
        if let Some(said) = said {
            self.input(vec![Text::new(Role::User, Part::Text, said, None)]);
        }
        for item in payload.objects_in("replacement_history") {
            if item.is("type", "message") {
                let mut texts = self.message(item);
                texts.iter_mut().for_each(|text| text.is_copy = true);
                self.input(texts);
            }
        }
    }

    /// False for one of a kind that is not known.
    fn item(&mut self, payload: Json<'_>) -> bool {
        let kind = payload.word("type").unwrap_or_default();
        let call = payload.named("call_id");
        match kind {
            "message" => {
                let texts = self.message(payload);
                match payload.is("role", "assistant") {
                    true => self.answer(texts),
                    false => self.input(texts),
                }
            }
            "reasoning" => {
                let parts = ["summary", "content"].map(|name| payload.objects_in(name));
                let said = parts.into_iter().flatten().filter_map(|part| part.text_in("text"));
                let text = |said| Text::new(Role::Assistant, Part::Reasoning, said, None);
                self.answer(said.map(text).collect());
            }
            kind if CALLS.contains(&kind) => {
                let tool = payload.named("name");
                let tool =
                    tool.unwrap_or_else(|| kind.strip_suffix("_call").unwrap_or(kind).into());
                self.to.file.tools.extend(call.map(|call| (call, tool.clone())));
                let asked = payload.first(&["arguments", "input", "action"]);
                self.answer(tool_call(Some(tool), asked));
            }
            kind if kind.ends_with("_output") => {
                let tool = call.and_then(|call| self.to.file.tools.get(&call).cloned());
                let said = payload.first(&["output", "tools"]);
                let content = said.filter(|said| said.is_object());
                let said = content.and_then(|said| said.get("content")).or(said);
                let texts = match said {
                    Some(said) if said.is_array() => self.to.met.texts_in(Some(said)),
                    said => said.into_iter().filter(|said| !said.is_null()).collect(),
                };
                self.input(results(texts, tool));
            }
            "image_generation_call" => self.to.met.add_media(Some("image")),
            kind => return WITHOUT_TEXT.contains(&kind),
        }
        true
    }

    fn message(&mut self, item: Json<'_>) -> Vec<Text> {
        let (role, part) = match item.word("role") {
            Some("assistant") => (Role::Assistant, Part::Text),
            Some("system" | "developer") => (Role::System, Part::System),
            _ => (Role::User, Part::Text),
        };
        let texts = self.to.met.texts_in(item.get("content")).into_iter();
        texts.map(|text| Text::new(role, part, text, None)).collect()
    }

    fn request(&self) -> Option<Name> {
        let File { session, answers, .. } = &self.to.file;
        Some(format!("{session}\0{answers}").into())
    }

    fn input(&mut self, texts: Vec<Text>) {
        self.to.file.is_answering = false;
        let event = self.event();
        self.said(texts, event);
    }

    fn answer(&mut self, texts: Vec<Text>) {
        let Codex { file, seen, .. } = &mut *self.to;
        // What a fork replays was asked in the session that it comes from.
        let is_known = |text| seen.contains(&key(&file.family, text));
        let is_repeated = file.is_replay && texts.iter().all(is_known);
        if !file.is_answering || (file.is_known_answer && !is_repeated) {
            file.is_answering = true;
            file.is_known_answer = is_repeated;
            file.answers += 1;
        }
        let event = Event { request: self.request(), is_repeated, ..self.event() };
        self.said(texts, event);
    }

    fn said(&mut self, mut texts: Vec<Text>, event: Event) {
        let Codex { file, seen, .. } = &mut *self.to;
        file.has_texts = true;
        for text in &mut texts {
            let is_known = !seen.insert(key(&file.family, text));
            text.is_copy |= file.is_replay && is_known;
        }
        self.events.push(Event { texts, ..event });
    }
}

/// What stands for a text in its family.
fn key(family: &str, text: &Text) -> [u8; 16] {
    let (mut buffer, kind) = (Vec::new(), &text.kind);
    let said = text.said.as_ref().map(|said| said.read(&mut buffer));
    digest([Some(family), Some(kind.role.name()), Some(kind.part.name()), said])
}

fn sum(a: &Totals, b: &Totals) -> Totals {
    std::array::from_fn(|i| a[i] + b[i])
}
