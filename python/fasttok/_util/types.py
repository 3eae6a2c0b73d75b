"""The types of arguments that every measure takes. Knows no other module of the package in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from fasttok._fasttok import Progress

Special: TypeAlias = Literal["text", "token", "error"]

Errors: TypeAlias = Literal["strict", "replace"]

OnError: TypeAlias = Literal["skip", "fail"]

FileFormat: TypeAlias = Literal[
    "text", "lines", "jsonl", "json", "messages", "csv", "tsv", "parquet", "arrow", "tar", "warc"
]

WarcRecords: TypeAlias = Literal["conversion", "response"]

Boundary: TypeAlias = Literal["char", "word", "sentence", "line", "paragraph"]
"""What a slice of a text does not cut."""

Side: TypeAlias = Literal["right", "left"]
"""From which side text is left out."""

Detector: TypeAlias = Callable[[list[str]], "Sequence[str | None]"]
"""Takes the beginnings of up to 256 documents and returns a label or None for each."""

OnProgress: TypeAlias = Callable[[Progress], object]
"""Is told how far a run is."""


class CancelEvent(Protocol):
    """What is set to cancel a run: a ``threading.Event``, or one of ``multiprocessing``."""

    def is_set(self) -> bool:
        """Whether the run is to end."""


Cancel: TypeAlias = CancelEvent | Callable[[], object]
"""Says whether a run is to end."""
