"""The tokens of one text and where they are in it: data of `fasttok show`."""

from __future__ import annotations

from dataclasses import dataclass

from fasttok._util.paths import PathLike
from fasttok.reports.presenters import presenter_of
from fasttok.reports.tabular import written


@dataclass(frozen=True)
class TokenSpan:
    """Whole characters of a text and their tokens: one, or several where tokens begin or end within a character."""

    start: int
    """Where it begins, in characters."""
    stop: int
    """Where it ends, in characters."""
    ids: tuple[int, ...]
    """Its tokens."""


@dataclass(frozen=True)
class TokenView:
    """A text and its tokens. In a notebook it shows them in colours, and so does `coloured` on a terminal."""

    text: str
    encoding: str
    """The name of the encoding."""
    spans: tuple[TokenSpan, ...]
    """All of the text, in order."""

    kind = "tokens"

    @property
    def tokens(self) -> int:
        """How many tokens there are."""
        return sum(len(span.ids) for span in self.spans)

    def coloured(self) -> str:
        """The text with a background by token, in escape sequences of a terminal."""
        drawn: str = presenter_of(self.kind).coloured(self)  # type: ignore[attr-defined]
        return drawn

    def to_html(self, path: PathLike | None = None) -> str:
        """The colours as a page that needs no network. With `path`, also written there: whole or not at all.

        Raises ``OSError`` where it cannot be written.
        """
        return written(presenter_of(self.kind).page(self), path)

    def __str__(self) -> str:
        return presenter_of(self.kind).text(self)

    def _repr_html_(self) -> str:
        return presenter_of(self.kind).html(self)
