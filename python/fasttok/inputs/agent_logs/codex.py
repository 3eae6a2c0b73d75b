"""Codex's rollouts: JSON lines `{timestamp, type, payload}`, a file a session.

Usage comes as events with running totals. They are repeated whenever something else about the account changes, and a
fork of a session begins with those of the session that it was forked from. Requests have no ids here: what the model
says without a break, up to the next input or the next totals, is the answer of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fasttok._fasttok import JsonArray, JsonObject
from fasttok._fasttok import _digest as digest
from fasttok.inputs.agent_logs.events import (
    Event,
    Object,
    Part,
    Role,
    Text,
    Usage,
    day_of,
    dicts_of,
    is_object,
    is_text,
    name_of,
)
from fasttok.inputs.agent_logs.parser import Parser
from fasttok.inputs.agent_logs.parts import as_text, tool_call

_KINDS = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_FIELDS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")

AGENT = "codex"


class Codex(Parser):
    name = "codex"
    title = "Codex rollouts"
    rule = (
        "An event whose running totals are those of the one before is a repetition. Else it adds what the totals grew "
        "by, or last_token_usage where they fell. What a fork repeats of the session it comes from, totals and texts, "
        "counts once."
    )

    def __init__(self) -> None:
        super().__init__()
        self._families: dict[str, str] = {}
        """The name that a session and all that were forked from it share: of whichever was read or named first."""
        self._seen: set[bytes] = set()
        """Totals and texts of each family."""
        self.begin("")

    def begin(self, file: str) -> None:
        self._session = self._family = file
        self._agent = AGENT
        self._model: str | None = None
        self._totals = (0,) * len(_FIELDS)
        self._has_meta = False
        self._is_replay = False
        self._answers = 0
        self._told = 0
        self._is_answering = False
        self._is_known_answer = False
        self._has_texts = False
        self._tools: dict[str, str] = {}

    @classmethod
    def recognises(cls, record: Any) -> bool:
        return is_object(record) and name_of(record.get("type")) in _KINDS and is_object(record.get("payload"))

    def kind(self, record: Any) -> str:
        if not isinstance(record, JsonObject):
            return "record without a type"
        payload = record.get("payload")
        outer = record.names("type")[0] or "record without a type"
        inner = payload.names("type")[0] if isinstance(payload, JsonObject) else None
        return outer if inner is None else f"{outer}/{inner}"

    def read(self, record: Any) -> Iterable[Event] | None:
        payload = record.get("payload") if isinstance(record, JsonObject) else None
        if not isinstance(payload, JsonObject):
            return None
        kind, time = record.names("type", "timestamp")
        if kind not in _KINDS:
            return None
        day = day_of(time)
        if kind == "session_meta":
            return self._meta(payload, day)
        if kind == "turn_context":
            self._model = name_of(payload.get("model")) or self._model
            return ()
        if kind == "event_msg":
            return self._usage(payload, day) if payload.get("type") == "token_count" else ()
        if kind == "compacted":
            return self._compacted(payload, day)
        return self._item(payload, day)

    def _event(self, day: str | None) -> Event:
        return Event(self._session, self._session, self._agent, model=self._model, day=day)

    def _meta(self, payload: Object, day: str | None) -> Iterable[Event]:
        if self._has_meta:
            # That of the session which this one was forked from.
            return ()
        self._has_meta = True
        self._session = name_of(payload.get("id")) or self._session
        parent = name_of(payload.get("forked_from_id"))
        known = self._families.get(self._session)
        # A session whose fork was read before it, or that is in two files, says again what is known, as a fork does.
        self._is_replay = parent is not None or known is not None
        self._family = known or (self._session if parent is None else self._families.get(parent, parent))
        self._families[self._session] = self._family
        if parent is not None:
            self._families.setdefault(parent, self._family)
        source = payload.get("source")
        if is_object(source) and "subagent" in source:
            self._agent = f"{AGENT}/subagent"
        self._model = name_of(payload.get("model"))
        said = payload.get("base_instructions", payload.get("instructions"))
        if is_object(said):
            said = said.get("text")
        anew = self._event(day)
        anew.keeps = 0
        said_first = [Text("system", "system", said)] if is_text(said) and said else []
        return [anew, *self._input(said_first, day)]

    def _usage(self, payload: Object, day: str | None) -> Iterable[Event]:
        info = payload.get("info")
        if not is_object(info):
            return ()
        total, last = (_numbers(info.get(name)) for name in ("total_token_usage", "last_token_usage"))
        if total is None:
            total = None if last is None else tuple(a + b for a, b in zip(self._totals, last, strict=True))
        if total is None:
            return ()
        if total == self._totals:
            self.repeated_records += 1
            return ()
        before, self._totals = self._totals, total
        key = digest(self._family, *map(str, total))
        if self._is_replay and key in self._seen:
            self.repeated_records += 1
            self._is_answering = False
            self._told = self._answers
            return ()
        self._is_replay = False
        self._seen.add(key)
        if any(now < then for now, then in zip(total, before, strict=True)):
            before = (0,) * len(_FIELDS) if last is None else tuple(a - b for a, b in zip(total, last, strict=True))
        input_, cached, output, reasoning, _ = (a - b for a, b in zip(total, before, strict=True))
        event = self._event(day)
        if self._told == self._answers or self._is_known_answer:
            # Nothing that the model said is in the log, or nothing that it had not said before.
            self._answers += 1
            self._is_known_answer = False
        self._told = self._answers
        event.request = f"{self._session}\0{self._answers}"
        event.has_texts = self._has_texts
        event.usage = Usage(max(input_, 0), max(cached, 0), 0, max(output, 0), max(reasoning, 0))
        self._is_answering = False
        return (event,)

    def _compacted(self, payload: Object, day: str | None) -> Iterable[Event]:
        event = self._event(day)
        event.keeps = 0
        events = [event]
        said = payload.get("message")
        if is_text(said) and said:
            events += self._input([Text("user", "text", said)], day)
        for item in dicts_of(payload.get("replacement_history")):
            if item.get("type") == "message":
                texts = self._message(item)
                for text in texts:
                    text.is_copy = True
                events += self._input(texts, day)
        return events

    def _item(self, payload: Object, day: str | None) -> Iterable[Event] | None:
        kind = name_of(payload.get("type")) or ""
        if kind == "message":
            texts = self._message(payload)
            return self._answer(texts, day) if payload.get("role") == "assistant" else self._input(texts, day)
        if kind == "reasoning":
            texts = [
                Text("assistant", "reasoning", part["text"])
                for name in ("summary", "content")
                for part in dicts_of(payload.get(name))
                if is_text(part.get("text"))
            ]
            return self._answer(texts, day)
        if kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call", "tool_search_call"):
            name = name_of(payload.get("name")) or kind.removesuffix("_call")
            call = name_of(payload.get("call_id"))
            if call is not None:
                self._tools[call] = name
            asked = next((payload[key] for key in ("arguments", "input", "action") if key in payload), None)
            return self._answer(tool_call(name, asked), day)
        if kind.endswith("_output"):
            tool = self._tools.get(str(payload.get("call_id")))
            said = payload.get("output", payload.get("tools"))
            if is_object(said) and "content" in said:
                said = said["content"]
            if isinstance(said, (JsonArray, list)):
                return self._input([Text("tool", "tool_result", text, tool) for text in self.texts_in(said)], day)
            texts = [] if said is None else [Text("tool", "tool_result", as_text(said), tool)]
            return self._input(texts, day)
        if kind == "image_generation_call":
            self.media["image"] += 1
            return ()
        return () if kind in ("ghost_snapshot", "compaction", "compaction_summary", "other") else None

    def _message(self, item: Object) -> list[Text]:
        role = _ROLES.get(str(item.get("role")), "user")
        part: Part = "system" if role == "system" else "text"
        return [Text(role, part, text) for text in self.texts_in(item.get("content"))]

    def _input(self, texts: list[Text], day: str | None) -> list[Event]:
        self._is_answering = False
        return self._said(texts, self._event(day))

    def _answer(self, texts: list[Text], day: str | None) -> list[Event]:
        # What a fork replays was asked in the session that it comes from.
        is_repeated = self._is_replay and all(self._is_known(text) for text in texts)
        if not self._is_answering or (self._is_known_answer and not is_repeated):
            self._is_answering = True
            self._is_known_answer = is_repeated
            self._answers += 1
        event = self._event(day)
        event.request = f"{self._session}\0{self._answers}"
        event.is_repeated = is_repeated
        return self._said(texts, event)

    def _said(self, texts: list[Text], event: Event) -> list[Event]:
        self._has_texts = True
        for text in texts:
            key = self._key(text)
            text.is_copy = text.is_copy or (self._is_replay and key in self._seen)
            self._seen.add(key)
        event.texts = texts
        return [event]

    def _is_known(self, text: Text) -> bool:
        return self._key(text) in self._seen

    def _key(self, text: Text) -> bytes:
        return digest(self._family, text.role, text.part, text.text)


def _numbers(said: Any) -> tuple[int, ...] | None:
    """The numbers of a usage, in the order of the fields; None where there is none."""
    return said.counts(*_FIELDS) if isinstance(said, JsonObject) else None
