"""The types of arguments that every measure takes. Knows no module of the package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

Special: TypeAlias = Literal["text", "token", "error"]

Errors: TypeAlias = Literal["strict", "replace"]

OnError: TypeAlias = Literal["skip", "fail"]

FileFormat: TypeAlias = Literal["text", "lines", "jsonl"]

Detector: TypeAlias = Callable[[list[str]], "Sequence[str | None]"]
"""Takes the beginnings of up to 256 documents and returns a label or None for each."""

Progress: TypeAlias = Callable[[int, "int | None", int], object]
"""Is told bytes read, bytes in all (None where that is not known) and documents."""
