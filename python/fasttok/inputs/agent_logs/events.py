"""What a log of an agent says, in words that all formats share: texts, requests, and the usage that was recorded.

Knows no format and counts nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Part: TypeAlias = Literal["text", "tool_call", "tool_result", "reasoning", "system"]

PARTS: tuple[Part, ...] = ("text", "tool_call", "tool_result", "reasoning", "system")


@dataclass(slots=True, eq=False)
class Text:
    """A text of a conversation. `counts` are its tokens by encoding, once it is counted; then the text is let go."""

    role: Role
    part: Part
    text: str | None
    tool: str | None = None
    is_copy: bool = False
    """Whether another log has it already: it is sent, but not written again."""
    counts: tuple[int, ...] | None = None
    chars: int = 0


@dataclass(slots=True)
class Usage:
    """What a log says that a request used, in tokens. Input has what came from a cache and what was written to one in
    it; output has reasoning in it."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def raise_to(self, other: Usage) -> None:
        """Take the larger of each number: of several records of one request."""
        self.input = max(self.input, other.input)
        self.cached_input = max(self.cached_input, other.cached_input)
        self.cache_write = max(self.cache_write, other.cache_write)
        self.output = max(self.output, other.output)
        self.reasoning = max(self.reasoning, other.reasoning)

    def is_nothing(self) -> bool:
        """Whether it says that nothing was used."""
        return not (self.input or self.output)


@dataclass(slots=True, eq=False)
class Event:
    """A step of a conversation: texts that join its history, as input (`request` is None) or as part of an answer.

    Where `keeps` is given with a request, `texts` are what that request sends beyond what stays.
    """

    session: str
    thread: str
    """The conversation in the session whose history each request sends again."""
    agent: str
    texts: list[Text] = field(default_factory=list)
    answer: list[Text] = field(default_factory=list)
    """Of a log whose records hold a whole request: the texts of its answer, where `texts` are its input."""
    request: str | None = None
    """Which request the texts answer, by a name that no other has. A new one begins a request: it sends the history."""
    model: str | None = None
    user: str | None = None
    day: str | None = None
    usage: Usage | None = None
    is_repeated: bool = False
    """Whether the request is in another log already: neither its usage nor what it sends counts again."""
    is_final: bool = True
    """Whether the usage is said to be the last word, and no placeholder from the middle of a stream."""
    keeps: int | None = None
    """So many texts of the history stay, before those of this event; None: all. 0 begins it anew."""
    has_texts: bool = True
    """Whether the log of this request holds texts at all: what it sends can be counted."""


@dataclass(slots=True, eq=False)
class Loose:
    """Texts that are to be counted and are in no event yet. `waits`: all before must be counted before what follows."""

    texts: list[Text]
    waits: bool = False


def count_of(value: Any) -> int:
    """A number of tokens in a log: 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def day_of(timestamp: Any) -> str | None:
    """The day of an ISO 8601 time, as it is written there."""
    if isinstance(timestamp, str) and len(timestamp) >= 10 and timestamp[4] == "-" and timestamp[7] == "-":
        return timestamp[:10]
    return None


def name_of(value: Any) -> str | None:
    """A name in a log; None where there is none."""
    return value if isinstance(value, str) and value else None


def dict_of(value: Any) -> dict[str, Any]:
    """An object in a log; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list in a log."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """What is counted for a value: a text as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest(*parts: str | None) -> bytes:
    """Sixteen bytes that stand for texts: equal for equal ones."""
    made = blake2b(digest_size=16)
    for part in parts:
        encoded = b"\xff" if part is None else part.encode("utf-8", "surrogatepass")
        made.update(len(encoded).to_bytes(8, "little") + encoded)
    return made.digest()


def tool_call(name: Any, arguments: Any) -> list[Text]:
    """A call of a tool: its name and its arguments are a text each."""
    tool = name_of(name)
    texts = [] if tool is None else [Text("assistant", "tool_call", tool, tool)]
    if arguments not in (None, ""):
        texts.append(Text("assistant", "tool_call", as_text(arguments), tool))
    return texts
