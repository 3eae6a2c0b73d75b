"""Conversations in memory: what is one, and the texts that are counted of it.

Shapes and texts are those of the format ``messages`` of files, for it is the same reader: a record is written as JSON
and read by the compiled part. Counts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import fasttok._fasttok as _fasttok

Record: TypeAlias = Mapping[str, Any]
"""A conversation: with `messages`, with `conversations`, with `instruction` and `output`, or a line of a batch."""

_OF_MESSAGE = ("role", "from")


@dataclass(frozen=True, slots=True)
class MessageText:
    """A text of a conversation, which is counted by itself."""

    role: str
    """``"system"``, ``"user"``, ``"assistant"``, ``"tool"``, or another name as it is written."""
    part: str
    """``"text"``, ``"tool_call"`` (a name, or arguments), ``"tool_result"``, ``"reasoning"`` or ``"system"``."""
    turn: int | None
    """Which exchange it is in, from 1; 0 comes before the first message of a user. None in an answer of a batch."""
    tool: str | None
    """The tool that is called, or has answered, where that is said."""
    text: str


def message_texts(messages: Record | Iterable[Mapping[str, Any]]) -> list[MessageText]:
    """The texts of one conversation that are counted, in order: a list of messages, or a record of any shape.

    Raises ``InputError`` for what is none, with the words of the ledger.
    """
    record = messages if isinstance(messages, Mapping) else {"messages": list(messages)}
    _, texts, _ = _fasttok._message_texts(as_json(record))
    return [MessageText(*text) for text in texts]


def as_records(messages: Record | Iterable[Any]) -> Iterator[Record]:
    """Conversations one after the other: of a record, a list of messages, or an iterable of either."""
    if isinstance(messages, Mapping):
        yield messages
        return
    each = iter(messages)
    for first in each:
        if _is_message(first):
            yield {"messages": [first, *each]}
        else:
            for record in chain([first], each):
                yield record if isinstance(record, Mapping) else {"messages": list(record)}


def as_json(record: Any) -> str:
    """A record as a line of JSON."""
    return json.dumps(record, default=_plain)


def _is_message(value: Any) -> bool:
    said = value if isinstance(value, Mapping) else vars(value) if hasattr(value, "__dict__") else {}
    return any(name in said for name in _OF_MESSAGE) and not any(name in said for name in ("messages", "conversations"))


def _plain(value: Any) -> Any:
    """What is no plain object of Python and stands for one: a mapping, or an object of a client's library."""
    if isinstance(value, Mapping):
        return dict(value)
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(exclude_none=True)
    if isinstance(value, (tuple, set, frozenset)) or (isinstance(value, Iterable) and not isinstance(value, bytes)):
        return list(value)
    raise TypeError(f"a {type(value).__name__} is in a message, which JSON has no value for")
