//! OpenTelemetry's spans with `gen_ai.*` attributes: OTLP JSON, or a span a line.
//!
//! A span comes when it ends, children before their parents and traces mixed. So spans are kept, without their texts (a
//! text is counted when it is met first, and known by a digest from then on), and told in order of their start at the end.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use crate::format::digest;

use super::event::{Event, Name, Part, RecordedUsage, Role, Text, day_of};
use super::json::{Json, KeptJson, Said};
use super::parser::{Met, NO_TYPE, Parser, tool_call};
use super::times::{day_of_unix, instant};

const CIRCLE: &str = "span in a circle of parents";
const NO_REQUEST: [&str; 2] = ["execute_tool", "create_agent"];
const DETAILS: &str = "gen_ai.client.inference.operation.details";
const DAY_NS: i128 = 86_400_000_000_000;

type Attributes = HashMap<String, KeptJson>;

struct Span {
    /// Which trace it is in, and what it is called there.
    trace: Name,
    name: Name,
    /// The name of its parent.
    parent: Option<Name>,
    start: i128,
    day: Option<Name>,
    is_no_request: bool,
    agent: Option<Name>,
    session: Option<Name>,
    model: Option<Name>,
    user: Option<Name>,
    usage: Option<RecordedUsage>,
    /// Texts by their number.
    sent: Vec<usize>,
    answer: Vec<usize>,
    has_usage_below: bool,
    has_request_below: bool,
}

impl Span {
    fn is_request(&self) -> bool {
        !self.is_no_request && (self.usage.is_some() || !self.answer.is_empty())
    }
}

#[derive(Default)]
struct Thread {
    history: Vec<usize>,
    written: HashSet<usize>,
}

#[derive(Default)]
pub(super) struct OpenTelemetry {
    met: Met,
    spans: Vec<Span>,
    by_name: HashMap<(Name, Name), usize>,
    /// Each once.
    texts: Vec<Text>,
    known: HashMap<[u8; 16], usize>,
    /// The tool that is called, by the id of the call.
    tools: HashMap<Name, Name>,
}

impl Parser for OpenTelemetry {
    fn name(&self) -> &'static str {
        "otel"
    }

    fn title(&self) -> &'static str {
        "OpenTelemetry GenAI spans"
    }

    fn rule(&self) -> &'static str {
        "Usage counts in the innermost span that has it: a span whose descendants have usage repeats their sum. A span \
         that comes twice, by its trace id and span id, counts once. Spans whose parents lead back to themselves have \
         no parent."
    }

    fn recognises(&self, record: Json<'_>) -> bool {
        record.has("resourceSpans") || span_id(record).is_some()
    }

    fn begin(&mut self, _: &Name) {
        // Spans of one trace may be in several files.
    }

    fn kind<'r>(&self, record: Json<'r>) -> Cow<'r, str> {
        if record.has("resourceSpans") {
            return "export".into();
        }
        let other = ["resourceLogs", "resourceMetrics"].into_iter().find(|name| record.has(name));
        match self.recognises(record) {
            true => "span",
            false => other.unwrap_or("record that is no span"),
        }
        .into()
    }

    fn read(&mut self, record: Json<'_>, _: &mut Vec<Event>) -> bool {
        let about =
            |of: Json<'_>| attributes(of.object("resource").and_then(|r| r.get("attributes")));
        if !self.recognises(record) {
            return false;
        }
        if !record.has("resourceSpans") {
            self.add(record, &about(record));
            return true;
        }
        for resource in record.objects_in("resourceSpans") {
            let about = about(resource);
            for scope in resource.objects_in("scopeSpans") {
                for span in scope.objects_in("spans") {
                    self.met.add_record("span");
                    self.add(span, &about);
                }
            }
        }
        true
    }

    fn met(&mut self) -> &mut Met {
        &mut self.met
    }

    fn loose(&mut self) -> &mut [Text] {
        &mut self.texts
    }

    fn end(&mut self) -> Vec<Event> {
        self.cut_circles();
        for span in 0..self.spans.len() {
            if self.spans[span].usage.is_some_and(|usage| !usage.is_nothing()) {
                self.mark(span, |span| &mut span.has_usage_below);
            }
            if self.spans[span].is_request() {
                self.mark(span, |span| &mut span.has_request_below);
            }
        }
        let mut in_order: Vec<usize> = (0..self.spans.len()).collect();
        in_order.sort_by_key(|&span| self.spans[span].start);
        let mut threads = HashMap::new();
        let mut events = Vec::new();
        for span in in_order {
            let Span { usage, has_usage_below, has_request_below, .. } = &self.spans[span];
            if !self.spans[span].is_request() {
                continue;
            }
            let own = usage.filter(|_| !has_usage_below);
            self.met.repeated += u64::from(own.is_none() && usage.is_some());
            if own.is_some() || !has_request_below {
                events.push(self.told(span, own, &mut threads));
            }
        }
        events
    }
}

impl OpenTelemetry {
    fn add(&mut self, span: Json<'_>, resource: &Attributes) {
        let Some((trace, name)) = span_id(span) else {
            self.met.add_record("span without an id");
            return;
        };
        if self.by_name.contains_key(&(trace.clone(), name.clone())) {
            self.met.repeated += 1;
            return;
        }
        let mut said = Attributes::new();
        for event in span.objects_in("events") {
            if event.is("name", DETAILS) {
                // Of what several say, the first has the last word.
                let mut of_event = attributes(event.get("attributes"));
                of_event.extend(said);
                said = of_event;
            }
        }
        said.extend(attributes(span.get("attributes")));
        let named = |name: &str| word(said.get(name)?);
        let is_no_request =
            named("gen_ai.operation.name").is_some_and(|name| NO_REQUEST.contains(&&*name));
        let (start, day) = start(span);
        let value = |name: &str| said.get(name).map(|said| said.json().parsed());
        let mut sent =
            self.system(value("gen_ai.tool.definitions"), value("gen_ai.system_instructions"));
        sent.extend(self.said(value("gen_ai.input.messages")));
        let answer = match is_no_request {
            true => Vec::new(),
            false => self.said(value("gen_ai.output.messages")),
        };
        self.by_name.insert((trace.clone(), name.clone()), self.spans.len());
        self.spans.push(Span {
            trace,
            name,
            parent: parent_id(span),
            start,
            day,
            is_no_request,
            agent: named("gen_ai.agent.name"),
            session: named("gen_ai.conversation.id"),
            model: named("gen_ai.response.model").or_else(|| named("gen_ai.request.model")),
            user: named("user.id")
                .or_else(|| named("enduser.id"))
                .or_else(|| word(resource.get("user.id")?)),
            usage: usage(&said),
            sent: if is_no_request { Vec::new() } else { sent },
            answer,
            has_usage_below: false,
            has_request_below: false,
        });
    }

    fn system(&mut self, tools: Option<KeptJson>, instructions: Option<KeptJson>) -> Vec<usize> {
        let mut texts = Vec::new();
        let system = |said| Text::new(Role::System, Part::System, said, None);
        if let Some(tools) = tools.filter(|tools| tools.json().is_something()) {
            texts.push(self.kept(system(Said::Value(tools))));
        }
        if let Some(instructions) = instructions {
            for part in instructions.json().objects() {
                texts.extend(self.part(part, Role::System));
            }
            if instructions.json().is_text() {
                texts.push(self.kept(system(Said::Value(instructions))));
            }
        }
        texts
    }

    fn said(&mut self, messages: Option<KeptJson>) -> Vec<usize> {
        let mut texts = Vec::new();
        for message in messages.iter().flat_map(|messages| messages.json().objects()) {
            let role = match message.word("role") {
                Some("system" | "developer") => Role::System,
                Some("assistant" | "model") => Role::Assistant,
                Some("tool") => Role::Tool,
                _ => Role::User,
            };
            let Some(parts) = message.first(&["parts", "content"]) else { continue };
            if parts.is_text() {
                texts.push(self.text(role, "text", parts.into()));
                continue;
            }
            for part in parts.objects() {
                texts.extend(self.part(part, role));
            }
        }
        texts
    }

    fn text(&mut self, role: Role, kind: &str, said: Said) -> usize {
        let part = match (role, kind) {
            (Role::System, _) => Part::System,
            (_, "text") => Part::Text,
            _ => Part::Reasoning,
        };
        self.kept(Text::new(role, part, said, None))
    }

    fn part(&mut self, part: Json<'_>, role: Role) -> Vec<usize> {
        let kind = part.word("type");
        let kept = match kind {
            Some(kind @ ("text" | "reasoning" | "thinking")) => {
                let said = Said::or(part.first(&["content", "text"]), "");
                return vec![self.text(role, kind, said)];
            }
            Some(kind) if kind.ends_with("tool_call") => {
                let tool = part.named("name");
                if let (Some(call), Some(tool)) = (part.named("id"), &tool) {
                    self.tools.insert(call, tool.clone());
                }
                tool_call(tool, part.first(&["arguments", kind]))
            }
            Some(kind) if kind.ends_with("tool_call_response") => {
                let call = part.named("id");
                let called = || call.and_then(|call| self.tools.get(&call).cloned());
                let tool = part.named("name").or_else(called);
                let said = part.first(&["response", "result", kind]);
                vec![Text::new(Role::Tool, Part::ToolResult, Said::or(said, "null"), tool)]
            }
            _ => {
                let known = ["modality", "type"].map(|name| part.get(name));
                let known = known.into_iter().flatten().find(|it| it.is_something());
                self.met.add_media(Some(&known.map_or_else(|| NO_TYPE.to_owned(), Json::owned)));
                return Vec::new();
            }
        };
        kept.into_iter().map(|text| self.kept(text)).collect()
    }

    /// The number of the one text of all that are equal.
    fn kept(&mut self, text: Text) -> usize {
        let (mut buffer, kind) = (Vec::new(), &text.kind);
        let said = text.said.as_ref().map(|said| said.read(&mut buffer));
        let (role, part) = (kind.role.name(), kind.part.name());
        let key = digest([Some(role), Some(part), kind.tool.as_deref(), said]);
        *self.known.entry(key).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }

    /// Spans whose parents lead back to themselves have none: of no one of them is known that it is in another.
    fn cut_circles(&mut self) {
        let mut seen = vec![false; self.spans.len()];
        for span in 0..self.spans.len() {
            let mut path = Vec::new();
            let mut at = Some(span);
            while let Some(on) = at.filter(|&on| !seen[on]) {
                path.push(on);
                seen[on] = true;
                at = self.parent(on);
            }
            let begin = at.and_then(|at| path.iter().position(|&on| on == at));
            for &each in begin.map_or(&[][..], |begin| &path[begin..]) {
                self.met.add_record(CIRCLE);
                self.spans[each].parent = None;
            }
        }
    }

    fn parent(&self, span: usize) -> Option<usize> {
        let Span { trace, parent, .. } = &self.spans[span];
        self.by_name.get(&(trace.clone(), parent.clone()?)).copied()
    }

    /// Says of all spans that a span is in that they have such a one below. Ends where it is said already.
    fn mark(&mut self, span: usize, flag: fn(&mut Span) -> &mut bool) {
        let mut at = self.parent(span);
        while let Some(above) = at {
            if std::mem::replace(flag(&mut self.spans[above]), true) {
                return;
            }
            at = self.parent(above);
        }
    }

    /// What the span says, or the nearest that it is in.
    fn above(&self, span: usize, said: fn(&Span) -> &Option<Name>) -> Option<Name> {
        let mut at = Some(span);
        while let Some(on) = at {
            if let Some(found) = said(&self.spans[on]) {
                return Some(found.clone());
            }
            at = self.parent(on);
        }
        None
    }

    fn told(
        &self,
        of: usize,
        usage: Option<RecordedUsage>,
        threads: &mut HashMap<Name, Thread>,
    ) -> Event {
        let span = &self.spans[of];
        let agent = self.above(of, |span| &span.agent).unwrap_or_else(|| "agent".into());
        let session = self.above(of, |span| &span.session).unwrap_or_else(|| span.trace.clone());
        let thread: Name = format!("{session}\0{agent}").into();
        let mut event = Event {
            model: span.model.clone(),
            day: span.day.clone(),
            user: self.above(of, |span| &span.user),
            request: Some(format!("{}\0{}", span.trace, span.name).into()),
            usage,
            has_texts: !(span.has_request_below || span.sent.is_empty() && span.answer.is_empty()),
            ..Event::new(session, thread.clone(), agent)
        };
        if !event.has_texts {
            return event;
        }
        let Thread { history, written } = threads.entry(thread).or_default();
        let kept = span.sent.iter().zip(history.iter()).take_while(|(a, b)| a == b).count();
        let mut once =
            |&text: &usize| Text { is_copy: !written.insert(text), ..self.texts[text].clone() };
        event.keeps = Some(kept);
        event.texts = span.sent[kept..].iter().map(&mut once).collect();
        event.answer = span.answer.iter().map(&mut once).collect();
        *history = span.sent.iter().chain(&span.answer).copied().collect();
        event
    }
}

fn usage(said: &Attributes) -> Option<RecordedUsage> {
    let of = |names: &[&str]| {
        let found = names.iter().find_map(|&name| said.get(name));
        let found = found.map(KeptJson::json).filter(|number| !number.is_null());
        found.map(|number| u128::from(number.tokens()))
    };
    let input = of(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]);
    let output = of(&["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let or_none = Option::unwrap_or_default;
    Some(RecordedUsage {
        input: or_none(input),
        cached_input: or_none(of(&[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.input_tokens.cached",
        ])),
        cache_write: or_none(of(&["gen_ai.usage.cache_creation.input_tokens"])),
        output: or_none(output),
        reasoning: or_none(of(&[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.output_tokens.reasoning",
        ])),
    })
}

/// The trace that a span is in, and its name there.
fn span_id(span: Json<'_>) -> Option<(Name, Name)> {
    let named = |names: [&str; 2]| {
        let of_context = || span.object("context").and_then(|context| context.word(names[1]));
        names.iter().find_map(|name| span.word(name)).or_else(of_context)
    };
    let trace = named(["traceId", "trace_id"]);
    Some((hex(trace?), hex(named(["spanId", "span_id"])?)))
}

fn parent_id(span: Json<'_>) -> Option<Name> {
    let said = ["parentSpanId", "parent_span_id", "parent_id"].map(|name| span.get(name));
    let said = said.into_iter().flatten().find(|said| said.is_something())?;
    said.string().map(hex)
}

fn hex(id: &str) -> Name {
    let id = id.to_lowercase();
    id.strip_prefix("0x").unwrap_or(&id).into()
}

/// When a span began, in nanoseconds, and on which day.
fn start(span: Json<'_>) -> (i128, Option<Name>) {
    for name in ["startTimeUnixNano", "start_time_unix_nano", "start_time"] {
        let Some(said) = span.get(name) else { continue };
        if let Some(began) = integer(said).filter(|&began| began >= 0) {
            return (began, Some(day_of_unix((began / DAY_NS).min(2_000_000) as i64).into()));
        }
        if said.is_text() {
            let said = said.owned();
            return match instant(&said) {
                Some((microseconds, day)) => (i128::from(microseconds) * 1000, Some(day.into())),
                None => (0, day_of(&said)),
            };
        }
    }
    (0, None)
}

/// A whole number, in digits too, as OTLP JSON writes 64 bits; none for what is none of them.
fn integer(said: Json<'_>) -> Option<i128> {
    let text = said.owned();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match said.is_text() {
        true if digits.len() > 19 => None,
        _ => is_number.then(|| text.parse().ok()).flatten(),
    }
}

/// A value that is a name.
fn word(said: &KeptJson) -> Option<Name> {
    said.json().string().filter(|word| !word.is_empty()).map(Name::from)
}

/// Attributes by name, in whichever of the two forms they are.
fn attributes(said: Option<Json<'_>>) -> Attributes {
    let Some(said) = said else { return Attributes::new() };
    if said.is_object() {
        return said.members().map(|(name, said)| (name.to_owned(), said.kept())).collect();
    }
    let of = |each: Json<'_>| Some((each.word("key")?.to_owned(), value(each.get("value")?)?));
    said.objects().filter_map(of).collect()
}

/// The kind and the content of a value of OTLP JSON; none of any other value.
fn wrapped(said: Json<'_>) -> Option<(&str, Json<'_>)> {
    let mut members = said.is_object().then(|| said.members())?;
    members.next().filter(|_| members.next().is_none())
}

/// A value of OTLP JSON, plain.
fn value(said: Json<'_>) -> Option<KeptJson> {
    match wrapped(said) {
        Some((kind, _)) if ["intValue", "arrayValue", "kvlistValue"].contains(&kind) => {
            let mut plain = String::new();
            write_plain(said, &mut plain);
            KeptJson::parse(plain)
        }
        Some((_, inner)) => Some(inner.kept()),
        None => Some(said.kept()),
    }
}

/// The same, as JSON.
fn write_plain(said: Json<'_>, plain: &mut String) {
    let inner = match wrapped(said) {
        None => return plain.push_str(said.raw()),
        Some(("intValue", inner)) => {
            let number = integer(inner).map(|number| number.to_string());
            return plain.push_str(number.as_deref().unwrap_or("null"));
        }
        Some(("arrayValue", inner)) => {
            plain.push('[');
            let values = inner.get("values").filter(|values| values.is_array());
            for (i, each) in values.into_iter().flat_map(Json::values).enumerate() {
                plain.push_str(if i == 0 { "" } else { "," });
                write_plain(each, plain);
            }
            return plain.push(']');
        }
        Some(("kvlistValue", inner)) => inner.get("values"),
        Some((_, inner)) => return plain.push_str(inner.raw()),
    };
    let Some(members) = inner.filter(|values| values.is_array()) else {
        return plain.push_str("{}");
    };
    plain.push('{');
    for (i, each) in members.objects().enumerate() {
        let key = each.word("key").unwrap_or_default();
        plain.push_str(if i == 0 { "" } else { "," });
        plain.push_str(&serde_json::Value::from(key).to_string());
        plain.push(':');
        match each.get("value") {
            Some(value) => write_plain(value, plain),
            None => plain.push_str("null"),
        }
    }
    plain.push('}');
}
