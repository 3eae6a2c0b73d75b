"""What a report is drawn from: titles, tables, sentences and notes, and how much of a report is shown.

Knows no report and nothing that shows blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from fasttok.render.layout import Layout

SHOWN = 1000
"""The most groups that a table or chart shows: more are read by programs, not by people."""

CHARTED = 20
"""The most groups that the chart of a page shows."""

T = TypeVar("T")


@dataclass(eq=False, repr=False)
class Title:
    """A heading. `close`: what it is above follows without a blank line."""

    text: str
    close: bool = False


@dataclass(eq=False, repr=False)
class Lines:
    """Sentences, a line each; wrapped where the console is narrow, unless they are no sentences."""

    lines: Sequence[str]
    wrap: bool = True


@dataclass(eq=False, repr=False)
class Note:
    """What must be known to read the numbers."""

    text: str


Block: TypeAlias = Title | Layout | Lines | Note


def first(groups: Sequence[T]) -> Sequence[T]:
    """The groups that are shown."""
    return groups[:SHOWN]
