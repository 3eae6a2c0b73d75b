"""Why a store does not give what it is asked for, in words that hold no secret. Knows no protocol."""

from __future__ import annotations

import re

from fasttok._fasttok import _redact

_LONGEST = 200


class Failure(Exception):
    """What a store, or what is between it and us, says.

    reason: as ledgers have it: ``not_found``, ``changed``, ``truncated`` or ``unreadable``.
    is_passing: it may be otherwise in a while.
    after: the seconds that the store wants to be left alone.
    """

    def __init__(self, reason: str, detail: str, *, is_passing: bool = False, after: float | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.is_passing, self.after = reason, detail, is_passing, after


def of_status(status: int, phrase: str = "", after: float | None = None) -> Failure:
    """What an HTTP status means for reading."""
    said = f"HTTP {status} {phrase.strip()}".rstrip()
    if status in (404, 410):
        return Failure("not_found", said)
    if status == 412:
        return changed()
    return Failure("unreadable", said, is_passing=status in (408, 425, 429) or status >= 500, after=after)


def changed() -> Failure:
    """The object is not the one that was found when the run began."""
    return Failure("changed", "the object was changed while it was read")


def in_words(error: BaseException) -> str:
    """An error of a library: its kind and its first line, for what comes after is the answer of a server, which may
    quote what it was asked."""
    line = _redact(" " + str(error).partition("\n")[0])
    # Some quote what comes after the host of a URL alone.
    line = re.sub(r"\?\S*", "", re.sub(r"<[^<>]* at 0x[0-9a-f]+>[:,]? ?", "", line)).strip()
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
