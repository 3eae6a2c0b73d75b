"""Conversations in files, with the tools that each is sent. Renders nothing.

What a record is, and why one is none, is decided by the reader of the format ``messages``; here is what its shapes are
as messages of chat APIs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok.errors import InputError
from fasttok.inputs.documents import Reader
from fasttok.options import CorpusOptions

NO_CONVERSATION = "no_conversation"
REFUSED = "conversation_refused"


def reader(paths: Sequence[str], options: CorpusOptions) -> Reader:
    """The conversations of files: each a document whose text is the record."""
    return Reader(paths, (), replace(options, format="messages"), whole_records=True)


def conversation(record: str, shape: str) -> tuple[Any, Any]:
    """The messages of a record of one of the shapes of the format ``messages``, and the tools.

    Raises ``InputError`` for what has no messages that a chat API takes.
    """
    value = json.loads(record)
    if not isinstance(value, dict):
        return value, None
    if shape == "batch_input":
        body = _first(value, "body", "params")
        return [*_system(body, "system", "instructions"), *_asked(body)], body.get("tools")
    if shape == "alpaca":
        said = list(_alpaca(value))
    elif shape == "sharegpt":
        said = [_as_api(message) for message in _first(value, "conversations", "conversation")]
    else:
        said = value["messages"]
    return [*_system(value, "system"), *said], value.get("tools")


def _first(of: Mapping[str, Any], *names: str) -> Any:
    """The first of these members that is there."""
    return next((of[name] for name in names if of.get(name) is not None), None)


def _system(of: Mapping[str, Any], *names: str) -> list[dict[str, Any]]:
    """What the system says beside the messages, as a message."""
    said = _first(of, *names)
    return [] if said is None else [{"role": "system", "content": said}]


def _asked(body: Mapping[str, Any]) -> Iterator[Any]:
    messages = body.get("messages")
    if messages is not None:
        yield from messages
        return
    given = _first(body, "input", "prompt")
    for item in [given] if isinstance(given, str) else given:
        if isinstance(item, str):
            yield {"role": "user", "content": item}
        elif "role" in item:
            yield item
        else:
            raise InputError(f"an item of type {item.get('type')!r} is no message")


def _alpaca(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for asked, answered in record.get("history") or ():
        yield {"role": "user", "content": asked}
        yield {"role": "assistant", "content": answered}
    asked = [record["instruction"], *([record["input"]] if record.get("input") else [])]
    yield {"role": "user", "content": "\n".join(asked)}
    yield {"role": "assistant", "content": record["output"]}


def _as_api(message: dict[str, Any]) -> dict[str, Any]:
    """A message of ShareGPT with the members and the roles of the APIs."""
    said = dict(message)
    if said.get("role") is None and "from" in said:
        said["role"] = said.pop("from")
    if said.get("content") is None and "value" in said:
        said["content"] = said.pop("value")
    role = said["role"]
    if role in _CALLS:
        raise InputError(f"a message of role {role!r} has its call as a text, which is no call of an API")
    return {**said, "role": _fasttok._message_role(role)}


_CALLS = "function_call", "tool_call"
