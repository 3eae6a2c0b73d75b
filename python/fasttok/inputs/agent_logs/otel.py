"""OpenTelemetry's spans with `gen_ai.*` attributes: OTLP JSON, or a span a line.

A span comes when it ends, children before their parents and traces mixed. So spans are kept, without their texts (a
text is counted when it is met first, and known by a digest from then on), and told in order of their start at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fasttok._fasttok import JsonArray, JsonText, _read_json
from fasttok._fasttok import _digest as digest
from fasttok.inputs.agent_logs.events import (
    Event,
    Loose,
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
from fasttok.inputs.agent_logs.parts import NO_TYPE, as_text, tool_call

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
}
CIRCLE = "span in a circle of parents"
_NO_REQUEST = frozenset({"execute_tool", "create_agent"})
_DETAILS = "gen_ai.client.inference.operation.details"
_DAY_NS = 86_400_000_000_000


@dataclass(slots=True, eq=False)
class _Span:
    parent: str | None
    start: int
    day: str | None
    operation: str | None
    agent: str | None
    session: str | None
    model: str | None
    user: str | None
    usage: Usage | None
    sent: list[Text]
    answer: list[Text]
    has_usage_below: bool = False
    has_request_below: bool = False

    @property
    def is_request(self) -> bool:
        return self.operation not in _NO_REQUEST and (self.usage is not None or bool(self.answer))


@dataclass(slots=True, eq=False)
class _Thread:
    history: list[Text] = field(default_factory=list)
    written: set[Text] = field(default_factory=set)


class OpenTelemetry(Parser):
    name = "otel"
    title = "OpenTelemetry GenAI spans"
    rule = (
        "Usage counts in the innermost span that has it: a span whose descendants have usage repeats their sum. A span "
        "that comes twice, by its trace id and span id, counts once. Spans whose parents lead back to themselves "
        "have no parent."
    )

    def __init__(self) -> None:
        super().__init__()
        self._spans: dict[str, _Span] = {}
        self._texts: dict[bytes, Text] = {}
        self._new: list[Text] = []
        self._tools: dict[str, str] = {}
        """The tool that is called, by the id of the call."""

    @classmethod
    def recognises(cls, record: Any) -> bool:
        return is_object(record) and ("resourceSpans" in record or _span_id(record) is not None)

    def begin(self, file: str) -> None:
        """Spans of one trace may be in several files."""

    def kind(self, record: Any) -> str:
        if self.recognises(record):
            return "export" if "resourceSpans" in record else "span"
        for name in ("resourceLogs", "resourceMetrics"):
            if is_object(record) and name in record:
                return name
        return "record that is no span"

    def read(self, record: Any) -> Iterable[Loose] | None:
        if not self.recognises(record):
            return None
        if "resourceSpans" not in record:
            self._add(record, _attributes(dict_of(record.get("resource")).get("attributes")))
            return self._uncounted()
        for resource in dicts_of(record["resourceSpans"]):
            about = _attributes(dict_of(resource.get("resource")).get("attributes"))
            for scope in dicts_of(resource.get("scopeSpans")):
                for span in dicts_of(scope.get("spans")):
                    self.records["span"] += 1
                    self._add(span, about)
        return self._uncounted()

    def _uncounted(self) -> list[Loose]:
        new, self._new = self._new, []
        return [Loose(new)] if new else []

    def _add(self, span: Object, resource: Object) -> None:
        id = _span_id(span)
        if id is None:
            self.records["span without an id"] += 1
            return
        if id in self._spans:
            self.repeated_records += 1
            return
        said = _attributes(span.get("attributes"))
        for event in dicts_of(span.get("events")):
            if event.get("name") == _DETAILS:
                said = {**_attributes(event.get("attributes")), **said}
        operation = name_of(said.get("gen_ai.operation.name"))
        start, day = _start(span)
        sent = self._messages(said.get("gen_ai.tool.definitions"), said.get("gen_ai.system_instructions"))
        sent += self._said(said.get("gen_ai.input.messages"))
        self._spans[id] = _Span(
            _parent_id(span),
            start,
            day,
            operation,
            name_of(said.get("gen_ai.agent.name")),
            name_of(said.get("gen_ai.conversation.id")),
            name_of(said.get("gen_ai.response.model")) or name_of(said.get("gen_ai.request.model")),
            next((found for key in ("user.id", "enduser.id") if (found := name_of(said.get(key)))), None)
            or name_of(resource.get("user.id")),
            _usage(said),
            [] if operation in _NO_REQUEST else sent,
            [] if operation in _NO_REQUEST else self._said(said.get("gen_ai.output.messages")),
        )

    def _messages(self, tools: Any, instructions: Any) -> list[Text]:
        texts = []
        tools = _parsed(tools)
        if tools:
            texts.append(self._kept(Text("system", "system", as_text(tools))))
        instructions = _parsed(instructions)
        if is_text(instructions):
            texts.append(self._kept(Text("system", "system", instructions)))
        for part in dicts_of(instructions):
            texts += self._part(part, "system")
        return texts

    def _said(self, messages: Any) -> list[Text]:
        texts: list[Text] = []
        for message in dicts_of(_parsed(messages)):
            role = _ROLES.get(str(message.get("role")), "user")
            parts = message.get("parts", message.get("content"))
            if is_text(parts):
                parts = [{"type": "text", "content": parts}]
            for part in dicts_of(parts):
                texts += self._part(part, role)
        return texts

    def _part(self, part: Object, role: Role) -> list[Text]:
        kind = part.get("type")
        if kind in ("text", "reasoning", "thinking"):
            part_: Part = "system" if role == "system" else "text" if kind == "text" else "reasoning"
            return [self._kept(Text(role, part_, as_text(part.get("content", part.get("text", "")))))]
        if isinstance(kind, str) and kind.endswith("tool_call"):
            called, tool = name_of(part.get("id")), name_of(part.get("name"))
            if called is not None and tool is not None:
                self._tools[called] = tool
            return [self._kept(text) for text in tool_call(tool, part.get("arguments", part.get(kind)))]
        if isinstance(kind, str) and kind.endswith("tool_call_response"):
            said = part.get("response", part.get("result", part.get(kind)))
            of = name_of(part.get("name")) or self._tools.get(str(part.get("id")))
            return [self._kept(Text("tool", "tool_result", as_text(said), of))]
        self.media[str(part.get("modality") or kind or NO_TYPE)] += 1
        return []

    def _kept(self, text: Text) -> Text:
        """The one text of all that are equal."""
        key = digest(text.role, text.part, text.tool, text.text)
        if key not in self._texts:
            self._texts[key] = text
            self._new.append(text)
        return self._texts[key]

    def end(self) -> Iterator[Event]:
        self._cut_circles()
        for id, span in self._spans.items():
            if span.usage is not None and not span.usage.is_nothing():
                self._mark(id, "has_usage_below")
            if span.is_request:
                self._mark(id, "has_request_below")
        threads: dict[str, _Thread] = {}
        for id, span in sorted(self._spans.items(), key=lambda item: item[1].start):
            if not span.is_request:
                continue
            usage = None if span.has_usage_below else span.usage
            if usage is not span.usage:
                self.repeated_records += 1
            if usage is None and span.has_request_below:
                continue
            yield self._told(id, span, usage, threads)

    def _cut_circles(self) -> None:
        """Spans whose parents lead back to themselves have none: of no one of them is known that it is in another."""
        seen: set[str] = set()
        for id in self._spans:
            path: dict[str, None] = {}
            at: str | None = id
            while at is not None and at not in seen and at in self._spans:
                path[at] = None
                seen.add(at)
                at = self._parent(at)
            if at in path:
                circle = list(path)[list(path).index(at) :]
                self.records[CIRCLE] += len(circle)
                for each in circle:
                    self._spans[each].parent = None

    def _parent(self, id: str) -> str | None:
        parent = self._spans[id].parent
        return None if parent is None else f"{id.partition(chr(0))[0]}\0{parent}"

    def _mark(self, id: str, name: str) -> None:
        """Say of all spans that a span is in that they have such a one below. Ends where it is said already."""
        at = self._parent(id)
        while at is not None:
            above = self._spans.get(at)
            if above is None or getattr(above, name):
                return
            setattr(above, name, True)
            at = self._parent(at)

    def _above(self, id: str, name: str) -> str | None:
        """What the span says, or the nearest that it is in."""
        at: str | None = id
        while at is not None and (span := self._spans.get(at)) is not None:
            found: str | None = getattr(span, name)
            if found is not None:
                return found
            at = self._parent(at)
        return None

    def _told(self, id: str, span: _Span, usage: Usage | None, threads: dict[str, _Thread]) -> Event:
        agent = self._above(id, "agent") or "agent"
        session = self._above(id, "session") or id.partition("\0")[0]
        event = Event(session, f"{session}\0{agent}", agent, model=span.model, day=span.day)
        event.user = self._above(id, "user")
        event.request, event.usage = id, usage
        event.has_texts = bool(span.sent or span.answer) and not span.has_request_below
        if not event.has_texts:
            return event
        thread = threads.setdefault(event.thread, _Thread())
        kept = 0
        for text, before in zip(span.sent, thread.history, strict=False):
            if text is not before:
                break
            kept += 1
        event.keeps = kept
        event.texts = [_occurrence(text, thread) for text in span.sent[kept:]]
        event.answer = [_occurrence(text, thread) for text in span.answer]
        thread.history = span.sent + span.answer
        return event


def _occurrence(text: Text, thread: _Thread) -> Text:
    is_copy = text in thread.written
    thread.written.add(text)
    return Text(text.role, text.part, None, text.tool, is_copy, text.counts, text.language)


def _usage(said: Object) -> Usage | None:
    def of(*names: str) -> int | None:
        found = next((said[name] for name in names if name in said), None)
        return None if found is None else count_of(found)

    input_ = of("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
    output = of("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    if input_ is None and output is None:
        return None
    return Usage(
        input_ or 0,
        of("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.input_tokens.cached") or 0,
        of("gen_ai.usage.cache_creation.input_tokens") or 0,
        output or 0,
        of("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.output_tokens.reasoning") or 0,
    )


def _span_id(span: Object) -> str | None:
    context = dict_of(span.get("context"))
    trace = name_of(span.get("traceId")) or name_of(span.get("trace_id")) or name_of(context.get("trace_id"))
    own = name_of(span.get("spanId")) or name_of(span.get("span_id")) or name_of(context.get("span_id"))
    return None if trace is None or own is None else f"{_hex(trace)}\0{_hex(own)}"


def _parent_id(span: Object) -> str | None:
    found = next((span[name] for name in ("parentSpanId", "parent_span_id", "parent_id") if span.get(name)), None)
    said = name_of(found)
    return None if said is None else _hex(said)


def _hex(id: str) -> str:
    return id.lower().removeprefix("0x")


def _start(span: Object) -> tuple[int, str | None]:
    """When a span began, in nanoseconds, and on which day."""
    from datetime import datetime, timedelta, timezone

    for name in ("startTimeUnixNano", "start_time_unix_nano", "start_time"):
        said = span.get(name)
        began = _integer(said)
        if began is not None and began >= 0:
            day = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(days=min(began // _DAY_NS, 2_000_000))
            return began, day.date().isoformat()
        if isinstance(said, str):
            try:
                moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
                moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
                moment = moment.astimezone(timezone.utc)
            # The year 1 or 9999, in another time zone, may have no time in UTC.
            except (ValueError, OverflowError):
                return 0, day_of(said)
            return int(moment.timestamp() * 1_000_000) * 1000, moment.date().isoformat()
    return 0, None


def _integer(said: Any) -> int | None:
    """A whole number, in digits too, as OTLP JSON writes 64 bits; None for what is none of them."""
    if isinstance(said, str) and re.fullmatch(r"-?[0-9]{1,19}", said):
        return int(said)
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _attributes(said: Any) -> Object:
    """Attributes by name, in whichever of the two forms they are."""
    if is_object(said):
        return dict_of(said)
    return {str(each.get("key")): _value(each.get("value")) for each in dicts_of(said)}


def _value(said: Any) -> Any:
    """A value of OTLP JSON, plain."""
    if not is_object(said) or len(said) != 1:
        return said
    (kind,) = said.keys()
    value = said[kind]
    if kind == "intValue":
        return _integer(value)
    if kind == "arrayValue":
        values = dict_of(value).get("values")
        return [_value(each) for each in values] if isinstance(values, (JsonArray, list)) else []
    if kind == "kvlistValue":
        return _attributes(dict_of(value).get("values"))
    return value


def _parsed(said: Any) -> Any:
    """What is structured, or the JSON of it, structured."""
    if isinstance(said, JsonText):
        return said.parsed()
    if isinstance(said, str) and said[:1] in ("[", "{"):
        try:
            return _read_json(said)
        except ValueError:
            return said
    return said
