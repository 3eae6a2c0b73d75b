"""The encodings that there are to count with, as rows. Looks for none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from fasttok.reports.base import BaseReport
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


class Encodings(BaseReport, Sequence[EncodingEntry]):
    """Encodings: a sequence, and a table. Its JSON is a list."""

    kind = "encodings"

    def __init__(self, found: Sequence[EncodingEntry], manifest: Mapping[str, Any]) -> None:
        self._found = tuple(found)
        self.manifest = manifest

    @overload
    def __getitem__(self, index: int) -> EncodingEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[EncodingEntry]: ...
    def __getitem__(self, index: int | slice) -> EncodingEntry | Sequence[EncodingEntry]:
        return self._found[index]

    def __len__(self) -> int:
        return len(self._found)

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return list(_COLUMNS.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for entry in self._found:
            yield tuple(vars(entry).values())

    def to_dict(self) -> dict[str, Any]:
        """The entries, under one name: the JSON itself is the list of them."""
        return {"encodings": [dict(vars(entry)) for entry in self._found]}

    def text(self, shape: str) -> Iterator[str]:
        if shape == "json":
            yield json.dumps(self.to_dict()["encodings"], indent=2) + "\n"
        else:
            yield from super().text(shape)

    def __repr__(self) -> str:
        return f"<fasttok.Encodings: {len(self):,}>"


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
