"""Where the language labels of documents come from: a field, the path, a detector, in this order of trust.

Which of several codes a label means is `fasttok._util.languages`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Detector: TypeAlias = "Callable[[list[str]], Sequence[str | None]]"
"""Takes the beginnings of up to 256 documents and returns a label or None for each."""

BUILT_IN = "cld2"

DETECT_BYTES = 256
"""How much of each document a detector is given: enough for most languages, and cheap beside counting."""

KEY = "language"

UNDETERMINED = "und"


@dataclass(frozen=True)
class LabelSources:
    """What labels are made of. Without any source, ``language`` is a field like others."""

    field: str | None = None
    from_path: bool = False
    detect: bool | Detector = False
    detect_bytes: int = DETECT_BYTES

    def __post_init__(self) -> None:
        if self.detect_bytes < 1:
            raise ValueError(f"detect_bytes must be at least 1, not {self.detect_bytes}")
        if not isinstance(self.detect, bool) and not callable(self.detect):
            raise TypeError(f"detect_language is True, False or a callable, not {type(self.detect).__name__}")

    def __bool__(self) -> bool:
        return self.field is not None or self.from_path or bool(self.detect)

    def keys(self, by: Sequence[str]) -> list[str]:
        """`by`, with the label in front if there are labels and it does not say where."""
        return [KEY, *by] if self and KEY not in by else list(by)

    def arguments(self, by: Sequence[str]) -> dict[str, Any]:
        """What the run is told, where `by` are its keys."""
        if not self:
            return {"by": by}
        return {
            "by": [key for key in by if key != KEY],
            "by_language": by.index(KEY),
            "language_field": self.field,
            "language_from_path": self.from_path,
            "detector": (BUILT_IN if self.detect is True else self.detect) or None,
            "detect_bytes": self.detect_bytes,
        }

    def manifest(self) -> dict[str, Any] | None:
        """What the manifest says; None where there are no labels."""
        if not self:
            return None
        detector = None
        if self.detect:
            detector = BUILT_IN if self.detect is True else getattr(self.detect, "__qualname__", repr(self.detect))
        return {
            "field": self.field,
            "from_path": self.from_path,
            "detector": detector,
            "detect_bytes": self.detect_bytes if self.detect else None,
        }


def undetermined(keys: Sequence[Mapping[str, str | None]], documents: Sequence[int]) -> int:
    """How many of the documents of groups with these `keys` have no language."""
    return sum(count for key, count in zip(keys, documents, strict=True) if key[KEY] == UNDETERMINED)
