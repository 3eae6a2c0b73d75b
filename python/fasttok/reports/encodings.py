"""The encodings that there are to count with, as rows. Looks for none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fasttok.reports.base import BaseReport, Listing
from fasttok.reports.tabular import Kind


@dataclass(frozen=True)
class EncodingEntry:
    """An encoding that ships inside, or a tokenizer in the cache of the Hugging Face hub."""

    name: str
    source: str
    """``"embedded"`` or ``"hub"``."""
    pretokenizer: str | None = None
    n_vocab: int | None = None
    special_tokens: int | None = None
    """How many there are."""
    bytes: int | None = None
    """The size of its file in the cache."""
    hash: str | None = None
    """SHA-256 of the vocabulary file."""
    file: str | None = None
    error: str | None = None
    """Why it cannot be counted with exactly."""


class Encodings(Listing[EncodingEntry], BaseReport):
    """Encodings: a sequence, and a table: ``to_csv()``, ``to_json()``, ``to_arrow()`` and so on."""

    kind = "encodings"
    schema = "fasttok.encodings/1"

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return list(_COLUMNS.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for entry in self._found:
            yield tuple(vars(entry).values())

    def content(self) -> dict[str, Any]:
        """The encodings: see docs/report.md."""
        return {"encodings": [dict(vars(entry)) for entry in self._found]}


_COLUMNS: dict[str, Kind] = {
    "name": "string",
    "source": "string",
    "pretokenizer": "string",
    "n_vocab": "integer",
    "special_tokens": "integer",
    "bytes": "integer",
    "hash": "string",
    "file": "string",
    "error": "string",
}
