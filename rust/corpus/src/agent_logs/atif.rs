//! ATIF trajectories: a JSON object a trajectory, with its steps. `prompt_tokens` has the cached ones in it.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};

use crate::format::digest;

use super::event::{Event, Name, Part, RecordedUsage, Role, Text, day_of};
use super::json::Json;
use super::parser::{Met, Parser, tool_call};

#[derive(Default)]
pub(super) struct Atif {
    met: Met,
    seen: HashSet<[u8; 16]>,
    file: Name,
    unnamed: u64,
}

impl Parser for Atif {
    fn name(&self) -> &'static str {
        "atif"
    }

    fn title(&self) -> &'static str {
        "ATIF trajectories"
    }

    fn rule(&self) -> &'static str {
        "Each step of the agent is a request with the metrics of that step. final_metrics counts only where no step has \
         any. Steps marked as copied context, and those of a trajectory that was read before, are sent and not counted \
         again."
    }

    fn recognises(&self, record: Json<'_>) -> bool {
        let says_so = |version: &str| version.starts_with("ATIF");
        record.get("steps").is_some_and(|steps| steps.is_array())
            && (record.object("agent").is_some()
                || record.word("schema_version").is_some_and(says_so))
    }

    fn begin(&mut self, file: &Name) {
        self.file = file.clone();
        self.unnamed = 0;
    }

    fn kind<'r>(&self, record: Json<'r>) -> Cow<'r, str> {
        if self.recognises(record) { "trajectory" } else { "record without steps" }.into()
    }

    fn read(&mut self, record: Json<'_>, events: &mut Vec<Event>) -> bool {
        if !self.recognises(record) {
            return false;
        }
        let session = record.named("session_id").or_else(|| record.named("trajectory_id"));
        let session = session.unwrap_or_else(|| {
            self.unnamed += 1;
            match self.unnamed {
                1 => self.file.clone(),
                number => format!("{} ({number})", self.file).into(),
            }
        });
        self.trajectory(record, &session, &session, events);
        true
    }

    fn met(&mut self) -> &mut Met {
        &mut self.met
    }
}

impl Atif {
    fn trajectory(
        &mut self,
        record: Json<'_>,
        session: &Name,
        thread: &Name,
        events: &mut Vec<Event>,
    ) {
        let about = record.object("agent");
        let about = |name| about.and_then(|about| about.named(name));
        let agent = about("name").unwrap_or_else(|| "agent".into());
        let model = about("model_name");
        let event = || Event::new(session.clone(), thread.clone(), agent.clone());
        events.push(Event { keeps: Some(0), ..event() });
        let tools = record.object("agent").and_then(|about| about.get("tool_definitions"));
        if let Some(tools) = tools.filter(|tools| tools.is_array() && tools.is_something()) {
            let is_copy =
                !self.seen.insert(digest([Some(&**thread), Some("tools"), Some(&tools.owned())]));
            let text = Text::new(Role::System, Part::System, tools, None);
            events.push(Event { texts: vec![Text { is_copy, ..text }], ..event() });
        }
        let (mut day, mut has_metrics, mut answers) = (None, false, 0);
        for step in record.get("steps").into_iter().flat_map(Json::values) {
            if !step.is_object() {
                self.met.add_record("step that is no object");
                continue;
            }
            let source = step.word("source").unwrap_or("step without a source");
            self.met.add_record(&format!("step/{source}"));
            let time = step.word("timestamp");
            day = time.and_then(day_of).or(day);
            let id = step.get("step_id").map_or_else(|| "null".to_owned(), Json::owned);
            let said = step.owned();
            let parts = [Some(&**thread), Some(&*id), time, Some(&*said)];
            let is_repeated = !self.seen.insert(digest(parts));
            let is_copy = step.is_set("is_copied_context") || is_repeated;
            self.met.repeated += u64::from(is_copy);
            let model = step.named("model_name").or_else(|| model.clone());
            let mut of_step = Event { model, day: day.clone(), ..event() };
            if source == "agent" {
                of_step.texts = self.answer(step);
                let metrics = step.object("metrics");
                has_metrics |= metrics.is_some();
                if step.get("llm_call_count").is_none_or(|calls| calls.raw().parse() != Ok(0.0)) {
                    answers += 1;
                    of_step.request = Some(format!("{thread}\0{answers}").into());
                    of_step.usage = metrics.map(usage);
                    of_step.is_repeated = is_copy;
                }
            } else {
                let (role, part) = match source {
                    "system" => (Role::System, Part::System),
                    _ => (Role::User, Part::Text),
                };
                of_step.texts = self.content(step.get("message"), role, part, None);
            }
            let after = Event { texts: self.observed(step), day: day.clone(), ..event() };
            for mut each in [of_step, after] {
                each.texts.iter_mut().for_each(|text| text.is_copy = is_copy);
                if !each.texts.is_empty() || each.request.is_some() {
                    events.push(each);
                }
            }
        }
        if let Some(last) = record.object("final_metrics") {
            let [input, cached_input, output] = last
                .tokens_of([
                    "total_prompt_tokens",
                    "total_cached_tokens",
                    "total_completion_tokens",
                ])
                .map(u128::from);
            let totals = RecordedUsage { input, cached_input, output, ..RecordedUsage::default() };
            let is_new = self.seen.insert(digest([Some(&**thread), Some("final_metrics")]));
            if has_metrics || !is_new {
                self.met.repeated += 1;
            } else if !totals.is_nothing() {
                let request = Some(format!("{thread}\0final").into());
                let usage = Some(totals);
                events.push(Event { request, model, day, usage, has_texts: false, ..event() });
            }
        }
        for (i, inner) in record.objects_in("subagent_trajectories").enumerate() {
            if self.recognises(inner) {
                let name = inner.named("trajectory_id").unwrap_or_else(|| i.to_string().into());
                self.trajectory(inner, session, &format!("{thread}\0{name}").into(), events);
            }
        }
    }

    fn answer(&mut self, step: Json<'_>) -> Vec<Text> {
        let reasoning = step.text_in("reasoning_content");
        let mut texts = self.content(reasoning, Role::Assistant, Part::Reasoning, None);
        texts.extend(self.content(step.get("message"), Role::Assistant, Part::Text, None));
        for call in step.objects_in("tool_calls") {
            texts.extend(tool_call(call.named("function_name"), call.get("arguments")));
        }
        texts
    }

    fn observed(&mut self, step: Json<'_>) -> Vec<Text> {
        let calls = step
            .objects_in("tool_calls")
            .filter_map(|call| Some((call.named("tool_call_id")?, call)));
        let tools: HashMap<Name, Option<Name>> =
            calls.map(|(id, call)| (id, call.named("function_name"))).collect();
        let results = step.object("observation").map(|said| said.objects_in("results"));
        let mut texts = Vec::new();
        for result in results.into_iter().flatten() {
            let tool =
                result.named("source_call_id").and_then(|id| tools.get(&id).cloned().flatten());
            texts.extend(self.content(result.get("content"), Role::Tool, Part::ToolResult, tool));
        }
        texts
    }

    /// The texts of a content that are not empty.
    fn content(
        &mut self,
        content: Option<Json<'_>>,
        role: Role,
        part: Part,
        tool: Option<Name>,
    ) -> Vec<Text> {
        let texts = self.met.texts_in(content).into_iter().filter(|text| text.is_something());
        texts.map(|text| Text::new(role, part, text, tool.clone())).collect()
    }
}

fn usage(said: Json<'_>) -> RecordedUsage {
    let names = ["prompt_tokens", "cached_tokens", "completion_tokens"];
    let [input, cached_input, output] = said.tokens_of(names).map(u128::from);
    let more = said.object("extra").map_or(0, |extra| extra.tokens_of(["reasoning_tokens"])[0]);
    RecordedUsage { input, cached_input, cache_write: 0, output, reasoning: more.into() }
}
