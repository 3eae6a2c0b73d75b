"""The plain reader of agents' logs that the compiled one is held against: records are dicts that `json` reads, texts
are `str`, and each request adds up its whole history anew. Slow, and in memory."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeGuard

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Part: TypeAlias = Literal["text", "tool_call", "tool_result", "reasoning", "system"]

NO_TYPE = "part without a type"


@dataclass(eq=False)
class Text:
    role: Role
    part: Part
    text: str
    tool: str | None = None
    is_copy: bool = False


@dataclass
class Usage:
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def raise_to(self, other: Usage) -> None:
        for name, value in vars(other).items():
            setattr(self, name, max(getattr(self, name), value))

    def is_nothing(self) -> bool:
        return not (self.input or self.output)


@dataclass(eq=False)
class Event:
    session: str
    thread: str
    agent: str
    texts: list[Text] = field(default_factory=list)
    answer: list[Text] = field(default_factory=list)
    request: str | None = None
    model: str | None = None
    user: str | None = None
    day: str | None = None
    usage: Usage | None = None
    is_repeated: bool = False
    is_final: bool = True
    keeps: int | None = None
    has_texts: bool = True


def digest(*parts: str | None) -> tuple[str | None, ...]:
    return parts


def count_of(value: Any) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < 1 << 64 else 0


def day_of(timestamp: Any) -> str | None:
    if isinstance(timestamp, str) and len(timestamp) >= 10 and timestamp[4] == "-" and timestamp[7] == "-":
        return timestamp[:10]
    return None


def name_of(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[Any]:
    return [each for each in value if is_object(each)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tool_call(name: Any, arguments: Any) -> list[Text]:
    tool = name_of(name)
    texts = [] if tool is None else [Text("assistant", "tool_call", tool, tool)]
    if arguments not in (None, ""):
        texts.append(Text("assistant", "tool_call", as_text(arguments), tool))
    return texts


class Parser:
    name = ""

    def __init__(self) -> None:
        self.files = 0
        self.records: Counter[str] = Counter()
        self.media: Counter[str] = Counter()
        self.agents: dict[str, str] = {}
        self.repeated_records = 0

    def recognises(self, record: Any) -> bool:
        raise NotImplementedError

    def begin(self, file: str) -> None:
        raise NotImplementedError

    def kind(self, record: Any) -> str:
        raise NotImplementedError

    def read(self, record: Any) -> Iterable[Event] | None:
        raise NotImplementedError

    def end(self) -> Iterator[Event]:
        return iter(())

    def texts_in(self, content: Any) -> list[str]:
        if is_text(content):
            return [content]
        texts: list[str] = []
        for part in objects_of(content):
            text = part.get("text")
            if is_text(text):
                texts.append(text)
            else:
                self.media[name_of(part.get("type")) or NO_TYPE] += 1
        return texts


# ---- Claude Code ----

_MESSAGES = frozenset({"user", "assistant"})

_WITHOUT_MESSAGE = frozenset(
    {
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
    }
)
"""Kinds of records that are known and hold no message of a conversation."""

CLAUDE_FIELDS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")

CLAUDE = "claude-code"


class ClaudeCode(Parser):
    name = "claude-code"

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[int, int] = {}
        """The thread that each line was read in, by its uuid."""
        self._requests: dict[str, str] = {}
        """The thread that each request was read in."""
        self._roots: dict[str, str] = {}
        """The first line of the chain that a line of a subagent without a name is in."""
        self._calls: dict[str, str] = {}
        """What kind of agent a call asks for, by the id of the call."""
        self._tools: dict[str, str] = {}
        """The tool that is called, by the id of the call."""
        self._file = ""
        self._unnamed = 0

    def recognises(self, record: Any) -> bool:
        if not is_object(record):
            return False
        kind = name_of(record.get("type"))
        if kind in _MESSAGES:
            return is_object(record.get("message")) and ("sessionId" in record or "uuid" in record)
        return kind in _WITHOUT_MESSAGE and not ("payload" in record or "steps" in record)

    def begin(self, file: str) -> None:
        self._file = file

    def kind(self, record: Any) -> str:
        said = name_of(record.get("type")) if is_object(record) else None
        return said or "record without a type"

    def read(self, record: Any) -> Iterable[Event] | None:
        kind = self.kind(record)
        message = record.get("message") if kind in _MESSAGES else None
        queued = record.get("attachment") if kind == "attachment" else None
        if is_object(queued) and queued.get("type") == "queued_command" and "prompt" in queued:
            # What a user wrote while the agent was at work is a message of the user.
            kind, message = "user", {"content": queued["prompt"]}
            if name_of(record.get("uuid")) is None and name_of(record.get("timestamp")) is not None:
                record = {**record, "uuid": f"queued {record.get('sessionId')} {record['timestamp']}"}
        if not is_object(message):
            if kind in _WITHOUT_MESSAGE:
                return self._compacted(record) if record.get("subtype") == "compact_boundary" else ()
            return None
        event = self._event(record)
        uuid, asked = (name_of(record.get("uuid")), name_of(record.get("requestId")))
        known_in = self._lines.get(hash(uuid)) if uuid is not None else None
        here = hash(event.thread)
        if known_in is None:
            if uuid is not None:
                self._lines[hash(uuid)] = here
        elif known_in == here:
            # The same line once more, in the same conversation.
            self.repeated_records += 1
            return ()
        is_copy = known_in is not None
        self.repeated_records += is_copy
        if kind == "user":
            self._heed_subagent(record, message)
            event.texts = self._texts(message.get("content"), "user")
        else:
            id, model = (name_of(message.get("id")), name_of(message.get("model")))
            if model == "<synthetic>" or record.get("isApiErrorMessage") is True:
                # The program itself speaks: nothing was asked of a model.
                self.records["error"] += 1
                return ()
            event.model = model
            event.texts = self._texts(message.get("content"), "assistant")
            event.request = f"{id or ''}\0{asked or ''}" if id or asked else self._line(uuid)
            event.usage = claude_usage(message.get("usage"))
            event.is_final = message.get("stop_reason") is not None
            thread = self._requests.setdefault(event.request, event.thread)
            event.is_repeated = thread != event.thread
            is_copy = is_copy or event.is_repeated
        if is_copy:
            for text in event.texts:
                text.is_copy = True
        return (event,)

    def _compacted(self, record: dict[str, Any]) -> Iterable[Event]:
        event = self._event(record)
        event.keeps = 0
        return (event,)

    def _event(self, record: dict[str, Any]) -> Event:
        session, user, time = (
            name_of(record.get("sessionId")),
            name_of(record.get("user")),
            name_of(record.get("timestamp")),
        )
        session = session or self._file
        thread, agent = session, CLAUDE
        if record.get("isSidechain") is True:
            name = name_of(record.get("agentId"))
            thread = f"{session}\0{name or self._root(record)}"
            agent = f"{CLAUDE}/{'' if name is None else name}"
            self.agents.setdefault(agent, f"{CLAUDE}/subagent")
        return Event(session, thread, agent, user=user, day=day_of(time))

    def _line(self, uuid: str | None) -> str:
        """What a request is called that the log gives no ids: a line is one."""
        self._unnamed += uuid is None
        return f"line {uuid or self._unnamed}"

    def _root(self, record: dict[str, Any]) -> str:
        uuid, parent = (name_of(record.get("uuid")), name_of(record.get("parentUuid")))
        uuid = uuid or ""
        root = self._roots.get(parent, uuid) if parent is not None else uuid
        self._roots[uuid] = root
        return root

    def _heed_subagent(self, record: dict[str, Any], message: dict[str, Any]) -> None:
        """Learn of which kind a subagent was whose result this is."""
        result = record.get("toolUseResult")
        agent = name_of(result.get("agentId")) if is_object(result) else None
        for block in objects_of(message.get("content")) if agent is not None else ():
            kind = self._calls.get(str(block.get("tool_use_id")))
            if kind is not None:
                self.agents[f"{CLAUDE}/{agent}"] = f"{CLAUDE}/{kind}"

    def _texts(self, content: Any, role: Role) -> list[Text]:
        if is_text(content):
            return [Text(role, "text", content)]
        texts: list[Text] = []
        for block in objects_of(content):
            texts += self._block(block, role)
        return texts

    def _block(self, block: dict[str, Any], role: Role) -> list[Text]:
        kind = block.get("type")
        if kind == "text":
            return [Text(role, "text", as_text(block.get("text", "")))]
        if kind == "thinking":
            return [Text("assistant", "reasoning", as_text(block.get("thinking", "")))]
        if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
            call, tool = (name_of(block.get("id")), name_of(block.get("name")))
            asked = block.get("input")
            if call is not None and tool is not None:
                self._tools[call] = tool
                agent = name_of(asked.get("subagent_type")) if is_object(asked) else None
                if agent is not None:
                    self._calls[call] = agent
            return tool_call(tool, asked)
        if isinstance(kind, str) and kind.endswith("tool_result"):
            tool = self._tools.get(str(block.get("tool_use_id")))
            return [Text("tool", "tool_result", text, tool) for text in self.texts_in(block.get("content"))]
        self.media[name_of(kind) or NO_TYPE] += 1
        return []


def claude_usage(said: Any) -> Usage | None:
    if not is_object(said):
        return None
    fresh, cached, written, output = tuple(count_of(said.get(name)) for name in CLAUDE_FIELDS)
    return Usage(fresh + cached + written, cached, written, output)


_KINDS = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
CODEX_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
CODEX_FIELDS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens", "total_tokens")

CODEX = "codex"


class Codex(Parser):
    name = "codex"

    def __init__(self) -> None:
        super().__init__()
        self._families: dict[str, str] = {}
        """The name that a session and all that were forked from it share: of whichever was read or named first."""
        self._seen: set[tuple[str | None, ...]] = set()
        """Totals and texts of each family."""
        self.begin("")

    def begin(self, file: str) -> None:
        self._session = self._family = file
        self._agent = CODEX
        self._model: str | None = None
        self._totals = (0,) * len(CODEX_FIELDS)
        self._has_meta = False
        self._is_replay = False
        self._answers = 0
        self._told = 0
        self._is_answering = False
        self._is_known_answer = False
        self._has_texts = False
        self._tools: dict[str, str] = {}

    def recognises(self, record: Any) -> bool:
        return is_object(record) and name_of(record.get("type")) in _KINDS and is_object(record.get("payload"))

    def kind(self, record: Any) -> str:
        if not is_object(record):
            return "record without a type"
        payload = record.get("payload")
        outer = name_of(record.get("type")) or "record without a type"
        inner = name_of(payload.get("type")) if is_object(payload) else None
        return outer if inner is None else f"{outer}/{inner}"

    def read(self, record: Any) -> Iterable[Event] | None:
        payload = record.get("payload") if is_object(record) else None
        if not is_object(payload):
            return None
        kind, time = (name_of(record.get("type")), name_of(record.get("timestamp")))
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

    def _meta(self, payload: dict[str, Any], day: str | None) -> Iterable[Event]:
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
            self._agent = f"{CODEX}/subagent"
        self._model = name_of(payload.get("model"))
        said = payload.get("base_instructions", payload.get("instructions"))
        if is_object(said):
            said = said.get("text")
        anew = self._event(day)
        anew.keeps = 0
        said_first = [Text("system", "system", said)] if is_text(said) and said else []
        return [anew, *self._input(said_first, day)]

    def _usage(self, payload: dict[str, Any], day: str | None) -> Iterable[Event]:
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
            before = (
                (0,) * len(CODEX_FIELDS) if last is None else tuple(a - b for a, b in zip(total, last, strict=True))
            )
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

    def _compacted(self, payload: dict[str, Any], day: str | None) -> Iterable[Event]:
        event = self._event(day)
        event.keeps = 0
        events = [event]
        said = payload.get("message")
        if is_text(said) and said:
            events += self._input([Text("user", "text", said)], day)
        for item in objects_of(payload.get("replacement_history")):
            if item.get("type") == "message":
                texts = self._message(item)
                for text in texts:
                    text.is_copy = True
                events += self._input(texts, day)
        return events

    def _item(self, payload: dict[str, Any], day: str | None) -> Iterable[Event] | None:
        kind = name_of(payload.get("type")) or ""
        if kind == "message":
            texts = self._message(payload)
            return self._answer(texts, day) if payload.get("role") == "assistant" else self._input(texts, day)
        if kind == "reasoning":
            texts = [
                Text("assistant", "reasoning", part["text"])
                for name in ("summary", "content")
                for part in objects_of(payload.get(name))
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
            if isinstance(said, list):
                return self._input([Text("tool", "tool_result", text, tool) for text in self.texts_in(said)], day)
            texts = [] if said is None else [Text("tool", "tool_result", as_text(said), tool)]
            return self._input(texts, day)
        if kind == "image_generation_call":
            self.media["image"] += 1
            return ()
        return () if kind in ("ghost_snapshot", "compaction", "compaction_summary", "other") else None

    def _message(self, item: dict[str, Any]) -> list[Text]:
        role = CODEX_ROLES.get(str(item.get("role")), "user")
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

    def _key(self, text: Text) -> tuple[str | None, ...]:
        return digest(self._family, text.role, text.part, text.text)


def _numbers(said: Any) -> tuple[int, ...] | None:
    """The numbers of a usage, in the order of the fields; None where there is none."""
    return tuple(count_of(said.get(name)) for name in CODEX_FIELDS) if is_object(said) else None


class Atif(Parser):
    name = "atif"

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str | None, ...]] = set()
        self._file = ""
        self._unnamed = 0

    def recognises(self, record: Any) -> bool:
        if not (is_object(record) and isinstance(record.get("steps"), list)):
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

    def _trajectory(self, record: dict[str, Any], session: str, thread: str) -> Iterator[Event]:
        about = object_of(record.get("agent"))
        agent, model = name_of(about.get("name")) or "agent", name_of(about.get("model_name"))
        tools = about.get("tool_definitions")
        day: str | None = None
        yield Event(session, thread, agent, keeps=0)
        if isinstance(tools, list) and tools:
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
                    event.usage = atif_usage(metrics)
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
        for i, inner in enumerate(objects_of(record.get("subagent_trajectories"))):
            if self.recognises(inner):
                name = name_of(inner.get("trajectory_id")) or str(i)
                yield from self._trajectory(inner, session, f"{thread}\0{name}")

    def _answer(self, step: dict[str, Any]) -> list[Text]:
        reasoning = step.get("reasoning_content")
        texts = [Text("assistant", "reasoning", reasoning)] if is_text(reasoning) and reasoning else []
        texts += self._content(step.get("message"), "assistant", "text")
        for call in objects_of(step.get("tool_calls")):
            texts += tool_call(call.get("function_name"), call.get("arguments"))
        return texts

    def _observed(self, step: dict[str, Any]) -> list[Text]:
        calls = {
            str(call.get("tool_call_id")): name_of(call.get("function_name"))
            for call in objects_of(step.get("tool_calls"))
        }
        texts = []
        for result in objects_of(object_of(step.get("observation")).get("results")):
            tool = calls.get(str(result.get("source_call_id")))
            texts += self._content(result.get("content"), "tool", "tool_result", tool)
        return texts

    def _content(self, content: Any, role: Role, part: Part, tool: str | None = None) -> list[Text]:
        return [Text(role, part, text, tool) for text in self.texts_in(content) if text]


def atif_usage(said: Any) -> Usage | None:
    if not is_object(said):
        return None
    reasoning = count_of(object_of(said.get("extra")).get("reasoning_tokens"))
    return Usage(
        count_of(said.get("prompt_tokens")),
        count_of(said.get("cached_tokens")),
        0,
        count_of(said.get("completion_tokens")),
        reasoning,
    )


OTEL_ROLES: dict[str, Role] = {
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


@dataclass(eq=False)
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


@dataclass(eq=False)
class _Thread:
    history: list[Text] = field(default_factory=list)
    written: set[Text] = field(default_factory=set)


class OpenTelemetry(Parser):
    name = "otel"

    def __init__(self) -> None:
        super().__init__()
        self._spans: dict[str, _Span] = {}
        self._texts: dict[tuple[str | None, ...], Text] = {}
        self._tools: dict[str, str] = {}
        """The tool that is called, by the id of the call."""

    def recognises(self, record: Any) -> bool:
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

    def read(self, record: Any) -> Iterable[Event] | None:
        if not self.recognises(record):
            return None
        if "resourceSpans" not in record:
            self._add(record, _attributes(object_of(record.get("resource")).get("attributes")))
            return ()
        for resource in objects_of(record["resourceSpans"]):
            about = _attributes(object_of(resource.get("resource")).get("attributes"))
            for scope in objects_of(resource.get("scopeSpans")):
                for span in objects_of(scope.get("spans")):
                    self.records["span"] += 1
                    self._add(span, about)
        return ()

    def _add(self, span: dict[str, Any], resource: dict[str, Any]) -> None:
        id = _span_id(span)
        if id is None:
            self.records["span without an id"] += 1
            return
        if id in self._spans:
            self.repeated_records += 1
            return
        said = _attributes(span.get("attributes"))
        for event in objects_of(span.get("events")):
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
            otel_usage(said),
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
        for part in objects_of(instructions):
            texts += self._part(part, "system")
        return texts

    def _said(self, messages: Any) -> list[Text]:
        texts: list[Text] = []
        for message in objects_of(_parsed(messages)):
            role = OTEL_ROLES.get(str(message.get("role")), "user")
            parts = message.get("parts", message.get("content"))
            if is_text(parts):
                parts = [{"type": "text", "content": parts}]
            for part in objects_of(parts):
                texts += self._part(part, role)
        return texts

    def _part(self, part: dict[str, Any], role: Role) -> list[Text]:
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
        self.media[as_text(part.get("modality") or kind or NO_TYPE)] += 1
        return []

    def _kept(self, text: Text) -> Text:
        """The one text of all that are equal."""
        key = digest(text.role, text.part, text.tool, text.text)
        if key not in self._texts:
            self._texts[key] = text
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
    return Text(text.role, text.part, text.text, text.tool, is_copy)


def otel_usage(said: dict[str, Any]) -> Usage | None:
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


def _span_id(span: dict[str, Any]) -> str | None:
    context = object_of(span.get("context"))
    trace = name_of(span.get("traceId")) or name_of(span.get("trace_id")) or name_of(context.get("trace_id"))
    own = name_of(span.get("spanId")) or name_of(span.get("span_id")) or name_of(context.get("span_id"))
    return None if trace is None or own is None else f"{_hex(trace)}\0{_hex(own)}"


def _parent_id(span: dict[str, Any]) -> str | None:
    found = next((span[name] for name in ("parentSpanId", "parent_span_id", "parent_id") if span.get(name)), None)
    said = name_of(found)
    return None if said is None else _hex(said)


def _hex(id: str) -> str:
    return id.lower().removeprefix("0x")


def _start(span: dict[str, Any]) -> tuple[int, str | None]:
    """When a span began, in nanoseconds, and on which day."""
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


def _attributes(said: Any) -> dict[str, Any]:
    """Attributes by name, in whichever of the two forms they are."""
    if is_object(said):
        return object_of(said)
    return {str(each.get("key")): _value(each.get("value")) for each in objects_of(said)}


def _value(said: Any) -> Any:
    """A value of OTLP JSON, plain."""
    if not is_object(said) or len(said) != 1:
        return said
    (kind,) = said.keys()
    value = said[kind]
    if kind == "intValue":
        return _integer(value)
    if kind == "arrayValue":
        values = object_of(value).get("values")
        return [_value(each) for each in values] if isinstance(values, list) else []
    if kind == "kvlistValue":
        return _attributes(object_of(value).get("values"))
    return value


def _parsed(said: Any) -> Any:
    """What is structured, or the JSON of it, structured."""
    if isinstance(said, str) and said[:1] in ("[", "{"):
        try:
            return read_json(said)
        except ValueError:
            return said
    return said


# ---- reading ----


def read_json(text: str) -> Any:
    """The value, half surrogates replaced. Raises ``ValueError``."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    def replaced(value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, list):
            return [replaced(each) for each in value]
        return {replaced(name): replaced(each) for name, each in value.items()} if isinstance(value, dict) else value

    return replaced(json.loads(text.removeprefix("\ufeff"), parse_constant=refuse))


@dataclass
class Line:
    file: str
    number: int
    text: str

    @property
    def value(self) -> Any:
        return read_json(self.text)

    def is_json(self) -> bool:
        try:
            read_json(self.text)
        except ValueError:
            return False
        return True


class Logs:
    """All that is known of logs: `events`, and `skipped` rows as file, line, reason and number."""

    def __init__(self, paths: Sequence[Path], log_format: str | None = None) -> None:
        self.parsers: list[Parser] = [Codex(), ClaudeCode(), Atif(), OpenTelemetry()]
        self.fixed = next((parser for parser in self.parsers if parser.name == log_format), None)
        self.skipped: list[tuple[str, int, str, int]] = []
        self.bytes = 0
        self.events: list[Event] = []
        for path in paths:
            texts = path.read_bytes().decode().split("\n")
            numbered = enumerate((text.removesuffix("\r") for text in texts), 1)
            lines = [Line(str(path), i, text) for i, text in numbered if i < len(texts) or text]
            self.bytes += sum(len(line.text.encode()) + 1 for line in lines)
            self.file(lines)
        for parser in self.parsers:
            self.events += parser.end()

    def skip(self, line: Line, reason: str, rows: int = 1) -> None:
        self.skipped.append((line.file, line.number, reason, rows))

    def file(self, lines: list[Line]) -> None:
        self.parser: Parser | None = None
        while lines and not lines[0].text.strip():
            del lines[0]
        if not lines or lines[0].is_json():
            return self.lines(lines)
        if lines[0].text.lstrip("\ufeff \t")[:1] not in ("{", "["):
            return self.skip(lines[0], "not_a_log", len(lines)) if self.fixed is None else self.lines(lines)
        try:
            whole = read_json("\n".join(line.text for line in lines))
        except ValueError:
            if len(lines) == 1:
                return self.skip(lines[0], "truncated")
            if not any(line.is_json() and is_object(line.value) for line in lines[1:]):
                return self.skip(lines[0], "broken_json", len(lines))
            self.skip(lines[0], "broken_json")
            return self.lines(lines[1:])
        return self.record(whole, lines[0], len(lines))

    def lines(self, lines: list[Line]) -> None:
        for line in lines:
            if line.is_json():
                self.record(line.value, line)
            elif line.text.strip():
                self.skip(line, "truncated" if line is lines[-1] else "broken_json")

    def record(self, value: Any, line: Line, rows: int = 1) -> None:
        known = [self.is_known(each, line) for each in (value if isinstance(value, list) else [value])]
        if not any(known):
            self.skip(line, "unknown_record", rows)

    def is_known(self, record: Any, line: Line) -> bool:
        if self.parser is None:
            self.parser = self.fixed or next((each for each in self.parsers if each.recognises(record)), None)
            if self.parser is None:
                return False
            self.parser.files += 1
            self.parser.begin(line.file)
        kind = self.parser.kind(record)
        events = self.parser.read(record)
        self.parser.records[kind] += 1
        self.events += events or ()
        return events is not None


# ---- sums ----


@dataclass
class Request:
    session: str
    agent: str
    model: str | None
    user: str | None
    day: str | None
    turn: int
    usage: Usage | None = None
    is_final: bool = False
    sent: int | None = None
    new: int = 0
    prefix: int = 0
    answer: int = 0


@dataclass
class Talk:
    history: list[Text] = field(default_factory=list)
    before: list[Text] = field(default_factory=list)
    """What the last request sent."""
    pending: list[tuple[Text, Event]] = field(default_factory=list)
    request: str | None = None
    current: Request | None = None
    turns: int = 0


class Sums:
    """What is made of events. `flows`: by key, role and part the texts, tokens written, and tokens sent."""

    def __init__(self, logs: Logs, count: Callable[[str], int], by: Sequence[str]) -> None:
        self.count, self.by = count, by
        self.requests: list[Request] = []
        self.by_name: dict[str, Request] = {}
        self.flows: defaultdict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
        self.agents = {name: said for parser in logs.parsers for name, said in parser.agents.items()}
        talks: defaultdict[str, Talk] = defaultdict(Talk)
        for event in logs.events:
            self.add(talks[event.thread], event)
        for talk in talks.values():
            self.told(talk, None)
        for request in self.requests:
            request.agent = self.agents.get(request.agent, request.agent)

    def tokens(self, texts: Iterable[Text]) -> int:
        return sum(self.count(text.text) for text in texts)

    def add(self, talk: Talk, event: Event) -> None:
        if event.keeps is not None:
            del talk.history[event.keeps :]
        new = event.texts if event.request is None or event.keeps is not None else []
        talk.history += new
        talk.pending += [(text, event) for text in new]
        if event.request is None:
            return
        if event.request != talk.request:
            talk.request = event.request
            self.begin(talk, event)
        request = talk.current
        if request is not None:
            if event.usage is not None:
                request.usage = request.usage or Usage()
                request.usage.raise_to(event.usage)
                request.is_final = request.is_final or event.is_final
            request.model = request.model or event.model
        answer = event.texts if event.keeps is None else event.answer
        talk.history += answer
        for text in answer:
            self.write(text, event, event.model)
        if request is not None and not event.is_repeated:
            request.answer += self.tokens(answer)

    def begin(self, talk: Talk, event: Event) -> None:
        new = self.tokens(text for text, _ in talk.pending if not text.is_copy)
        self.told(talk, event.model)
        prefix = []
        for now, before in zip(talk.history, talk.before, strict=False):
            if now is not before:
                break
            prefix.append(now)
        talk.before = list(talk.history)
        talk.turns += 1
        talk.current = self.by_name.get(str(event.request))
        if event.is_repeated:
            return
        request = Request(event.session, event.agent, event.model, event.user, event.day, talk.turns)
        if event.has_texts:
            request.sent, request.new, request.prefix = self.tokens(talk.history), new, self.tokens(prefix)
            for text in talk.history:
                self.flow(text, event, event.model)[2] += self.count(text.text)
        talk.current = self.by_name[str(event.request)] = request
        self.requests.append(request)

    def told(self, talk: Talk, model: str | None) -> None:
        for text, event in talk.pending:
            self.write(text, event, model or event.model)
        talk.pending = []

    def write(self, text: Text, event: Event, model: str | None) -> None:
        if not text.is_copy:
            flow = self.flow(text, event, model)
            flow[0] += 1
            flow[1] += self.count(text.text)

    def flow(self, text: Text, event: Event, model: str | None) -> list[int]:
        of = {
            **{name: getattr(event, name) for name in ("user", "session", "day")},
            **{name: getattr(text, name) for name in ("role", "part", "tool")},
            "agent": self.agents.get(event.agent, event.agent),
            "model": model,
        }
        key = (*(of[name] for name in self.by), text.role, text.part)
        return self.flows[key]
