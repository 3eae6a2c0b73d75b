"""Claude Code's session logs: JSON lines, one or several a message, a file a session or subagent.

A response is written line by line while it streams: a line a block of content, all with the same message id and request
id, and with usage as it was known by then. `input_tokens` has neither what was read from the cache nor what was written
to it; both are said beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fasttok._fasttok import JsonObject
from fasttok.inputs.agent_logs.events import (
    Event,
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
from fasttok.inputs.agent_logs.parts import NO_TYPE, as_text, tool_call

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

_FIELDS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")

AGENT = "claude-code"


class ClaudeCode(Parser):
    name = "claude-code"
    title = "Claude Code sessions"
    rule = (
        "Lines with the same message id and request id are one request, in whatever files they are: of each number the "
        "largest counts. Input is input_tokens + cache_read_input_tokens + cache_creation_input_tokens. What a resumed "
        "session copies from another is known by its uuid, and its request by its ids."
    )

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

    @classmethod
    def recognises(cls, record: Any) -> bool:
        if not is_object(record):
            return False
        kind = name_of(record.get("type"))
        if kind in _MESSAGES:
            return is_object(record.get("message")) and ("sessionId" in record or "uuid" in record)
        return kind in _WITHOUT_MESSAGE and not ("payload" in record or "steps" in record)

    def begin(self, file: str) -> None:
        self._file = file

    def kind(self, record: Any) -> str:
        said = record.names("type")[0] if isinstance(record, JsonObject) else None
        return said or "record without a type"

    def read(self, record: Any) -> Iterable[Event] | None:
        kind = self.kind(record)
        message = record.get("message") if kind in _MESSAGES else None
        if not isinstance(message, JsonObject):
            if kind in _WITHOUT_MESSAGE:
                return self._compacted(record) if record.get("subtype") == "compact_boundary" else ()
            return None
        event = self._event(record)
        uuid, asked = record.names("uuid", "requestId")
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
            id, model = message.names("id", "model")
            if model == "<synthetic>" or record.get("isApiErrorMessage") is True:
                # The program itself speaks: nothing was asked of a model.
                self.records["error"] += 1
                return ()
            event.model = model
            event.texts = self._texts(message.get("content"), "assistant")
            event.request = f"{id or ''}\0{asked or ''}" if id or asked else self._line(uuid)
            event.usage = _usage(message.get("usage"))
            event.is_final = message.get("stop_reason") is not None
            thread = self._requests.setdefault(event.request, event.thread)
            event.is_repeated = thread != event.thread
            is_copy = is_copy or event.is_repeated
        if is_copy:
            for text in event.texts:
                text.is_copy = True
        return (event,)

    def _compacted(self, record: JsonObject) -> Iterable[Event]:
        event = self._event(record)
        event.keeps = 0
        return (event,)

    def _event(self, record: JsonObject) -> Event:
        session, user, time = record.names("sessionId", "user", "timestamp")
        session = session or self._file
        thread, agent = session, AGENT
        if record.get("isSidechain") is True:
            name = name_of(record.get("agentId"))
            thread = f"{session}\0{name or self._root(record)}"
            agent = f"{AGENT}/{'' if name is None else name}"
            self.agents.setdefault(agent, f"{AGENT}/subagent")
        return Event(session, thread, agent, user=user, day=day_of(time))

    def _line(self, uuid: str | None) -> str:
        """What a request is called that the log gives no ids: a line is one."""
        self._unnamed += uuid is None
        return f"line {uuid or self._unnamed}"

    def _root(self, record: JsonObject) -> str:
        uuid, parent = record.names("uuid", "parentUuid")
        uuid = uuid or ""
        root = self._roots.get(parent, uuid) if parent is not None else uuid
        self._roots[uuid] = root
        return root

    def _heed_subagent(self, record: JsonObject, message: JsonObject) -> None:
        """Learn of which kind a subagent was whose result this is."""
        result = record.get("toolUseResult")
        agent = result.names("agentId")[0] if isinstance(result, JsonObject) else None
        for block in dicts_of(message.get("content")) if agent is not None else ():
            kind = self._calls.get(str(block.get("tool_use_id")))
            if kind is not None:
                self.agents[f"{AGENT}/{agent}"] = f"{AGENT}/{kind}"

    def _texts(self, content: Any, role: Role) -> list[Text]:
        if is_text(content):
            return [Text(role, "text", content)]
        texts: list[Text] = []
        for block in dicts_of(content):
            texts += self._block(block, role)
        return texts

    def _block(self, block: JsonObject, role: Role) -> list[Text]:
        kind = block.get("type")
        if kind == "text":
            return [Text(role, "text", as_text(block.get("text", "")))]
        if kind == "thinking":
            return [Text("assistant", "reasoning", as_text(block.get("thinking", "")))]
        if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
            call, tool = block.names("id", "name")
            asked = block.get("input")
            if call is not None and tool is not None:
                self._tools[call] = tool
                agent = asked.names("subagent_type")[0] if isinstance(asked, JsonObject) else None
                if agent is not None:
                    self._calls[call] = agent
            return tool_call(tool, asked)
        if isinstance(kind, str) and kind.endswith("tool_result"):
            tool = self._tools.get(str(block.get("tool_use_id")))
            return [Text("tool", "tool_result", text, tool) for text in self.texts_in(block.get("content"))]
        self.media[name_of(kind) or NO_TYPE] += 1
        return []


def _usage(said: Any) -> Usage | None:
    if not isinstance(said, JsonObject):
        return None
    fresh, cached, written, output = said.counts(*_FIELDS)
    return Usage(fresh + cached + written, cached, written, output)
