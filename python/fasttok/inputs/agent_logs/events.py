"""What a log of an agent says, in words that all formats share: texts, requests, and the usage that was recorded.

Knows no format and counts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeGuard

from fasttok._fasttok import JsonArray, JsonObject, JsonText

Said: TypeAlias = str | JsonText | JsonObject | JsonArray
"""What can be counted: a text, or a value of which compact JSON is. A long one stays in its record."""
Object: TypeAlias = JsonObject | dict[str, Any]

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
Part: TypeAlias = Literal["text", "tool_call", "tool_result", "reasoning", "system"]

PARTS: tuple[Part, ...] = ("text", "tool_call", "tool_result", "reasoning", "system")


@dataclass(slots=True, eq=False)
class Text:
    """A text of a conversation. `counts` are its tokens by encoding, once it is counted; then the text is let go."""

    role: Role
    part: Part
    text: Said | None
    tool: str | None = None
    is_copy: bool = False
    """Whether another log has it already: it is sent, but not written again."""
    counts: tuple[int, ...] | None = None
    language: str | None = None
    """Where it is asked for, once it is counted."""


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
    if isinstance(value, JsonText):
        return str(value)
    return value if isinstance(value, str) and value else None


def is_text(value: Any) -> TypeGuard[str | JsonText]:
    """Whether a value in a log is a text."""
    return isinstance(value, (str, JsonText))


def is_object(value: Any) -> TypeGuard[Object]:
    """Whether a value in a log is an object."""
    return isinstance(value, (JsonObject, dict))


def dict_of(value: Any) -> Object:
    """An object in a log; an empty one where there is none."""
    return value if isinstance(value, (JsonObject, dict)) else {}


def dicts_of(value: Any) -> list[Any]:
    """The objects in a list in a log."""
    if isinstance(value, JsonArray):
        return value.objects()
    return [each for each in value if is_object(each)] if isinstance(value, list) else []


def plain(value: Any) -> Any:
    """A value in a log, all of it made of Python's own."""
    if isinstance(value, (JsonObject, JsonArray)):
        return value.plain()
    return str(value) if isinstance(value, JsonText) else value


def size_of(said: Said) -> int:
    """About how many bytes a text has."""
    return len(said) if isinstance(said, str) else said.bytes
