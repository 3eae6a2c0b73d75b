"""ATIF trajectories: a JSON object a trajectory, with its steps. `prompt_tokens` has the cached ones in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fasttok._fasttok import JsonArray
from fasttok._fasttok import _digest as digest
from fasttok.inputs.agent_logs.events import (
    Event,
    Object,
    Part,
    Role,
    Text,
    Usage,
    count_of,
    day_of,
    dict_of,
    dicts_of,
    is_object,
    is_text,
    name_of,
)
from fasttok.inputs.agent_logs.parser import Parser
from fasttok.inputs.agent_logs.parts import as_text, tool_call


class Atif(Parser):
    name = "atif"
    title = "ATIF trajectories"
    rule = (
        "Each step of the agent is a request with the metrics of that step. final_metrics counts only where no step "
        "has any. Steps marked as copied context, and those of a trajectory that was read before, are sent and not "
        "counted again."
    )

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[bytes] = set()
        self._file = ""
        self._unnamed = 0

    @classmethod
    def recognises(cls, record: Any) -> bool:
        if not (is_object(record) and isinstance(record.get("steps"), (JsonArray, list))):
            return False
        version = name_of(record.get("schema_version"))
        return is_object(record.get("agent")) or (version is not None and version.startswith("ATIF"))

    def begin(self, file: str) -> None:
        self._file = file
        self._unnamed = 0

    def kind(self, record: Any) -> str:
        return "trajectory" if self.recognises(record) else "record without steps"

    def read(self, record: Any) -> Iterable[Event] | None:
        if not self.recognises(record):
            return None
        session = name_of(record.get("session_id")) or name_of(record.get("trajectory_id"))
        if session is None:
            self._unnamed += 1
            session = self._file if self._unnamed == 1 else f"{self._file} ({self._unnamed})"
        return self._trajectory(record, session, session)

    def _trajectory(self, record: Object, session: str, thread: str) -> Iterator[Event]:
        about = dict_of(record.get("agent"))
        agent, model = name_of(about.get("name")) or "agent", name_of(about.get("model_name"))
        tools = about.get("tool_definitions")
        day: str | None = None
        yield Event(session, thread, agent, keeps=0)
        if isinstance(tools, (JsonArray, list)) and tools:
            definitions = Text("system", "system", as_text(tools))
            key = digest(thread, "tools", definitions.text)
            definitions.is_copy = key in self._seen
            self._seen.add(key)
            yield Event(session, thread, agent, [definitions])
        has_metrics = False
        answers = 0
        for step in record["steps"]:
            if not is_object(step):
                self.records["step that is no object"] += 1
                continue
            source = name_of(step.get("source")) or "step without a source"
            self.records[f"step/{source}"] += 1
            day = day_of(step.get("timestamp")) or day
            key = digest(thread, as_text(step.get("step_id")), name_of(step.get("timestamp")), as_text(step))
            is_repeated = key in self._seen
            self._seen.add(key)
            is_copy = step.get("is_copied_context") is True or is_repeated
            self.repeated_records += is_copy
            event = Event(session, thread, agent, day=day, model=name_of(step.get("model_name")) or model)
            if source == "agent":
                event.texts = self._answer(step)
                metrics = step.get("metrics")
                has_metrics = has_metrics or is_object(metrics)
                if step.get("llm_call_count") != 0:
                    answers += 1
                    event.request = f"{thread}\0{answers}"
                    event.usage = _usage(metrics)
                    event.is_repeated = is_copy
            else:
                role: Role = "system" if source == "system" else "user"
                event.texts = self._content(step.get("message"), role, "system" if role == "system" else "text")
            after = Event(session, thread, agent, self._observed(step), day=day)
            for each in (event, after):
                for text in each.texts:
                    text.is_copy = is_copy
                if each.texts or each.request is not None:
                    yield each
        final = record.get("final_metrics")
        if is_object(final):
            totals = Usage(
                count_of(final.get("total_prompt_tokens")),
                count_of(final.get("total_cached_tokens")),
                0,
                count_of(final.get("total_completion_tokens")),
            )
            key = digest(thread, "final_metrics")
            if has_metrics or key in self._seen:
                self.repeated_records += 1
            elif not totals.is_nothing():
                yield Event(
                    session,
                    thread,
                    agent,
                    request=f"{thread}\0final",
                    model=model,
                    day=day,
                    usage=totals,
                    has_texts=False,
                )
            self._seen.add(key)
        for i, inner in enumerate(dicts_of(record.get("subagent_trajectories"))):
            if self.recognises(inner):
                name = name_of(inner.get("trajectory_id")) or str(i)
                yield from self._trajectory(inner, session, f"{thread}\0{name}")

    def _answer(self, step: Object) -> list[Text]:
        reasoning = step.get("reasoning_content")
        texts = [Text("assistant", "reasoning", reasoning)] if is_text(reasoning) and reasoning else []
        texts += self._content(step.get("message"), "assistant", "text")
        for call in dicts_of(step.get("tool_calls")):
            texts += tool_call(call.get("function_name"), call.get("arguments"))
        return texts

    def _observed(self, step: Object) -> list[Text]:
        calls = {
            str(call.get("tool_call_id")): name_of(call.get("function_name"))
            for call in dicts_of(step.get("tool_calls"))
        }
        texts = []
        for result in dicts_of(dict_of(step.get("observation")).get("results")):
            tool = calls.get(str(result.get("source_call_id")))
            texts += self._content(result.get("content"), "tool", "tool_result", tool)
        return texts

    def _content(self, content: Any, role: Role, part: Part, tool: str | None = None) -> list[Text]:
        return [Text(role, part, text, tool) for text in self.texts_in(content) if text]


def _usage(said: Any) -> Usage | None:
    if not is_object(said):
        return None
    reasoning = count_of(dict_of(said.get("extra")).get("reasoning_tokens"))
    return Usage(
        count_of(said.get("prompt_tokens")),
        count_of(said.get("cached_tokens")),
        0,
        count_of(said.get("completion_tokens")),
        reasoning,
    )
