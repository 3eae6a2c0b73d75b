"""What comparing an encoding with its reference found. Compares and draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fasttok._fasttok import Encoding
from fasttok.reports.ledger import NOTHING_READ, Ledger
from fasttok.verify.references import Mode, Reference


@dataclass(frozen=True)
class Difference:
    """A text to which fasttok and the reference give different ids."""

    document: str
    special: Mode
    offset: int
    """The character at which the first differing token begins."""
    text: str
    """The text around it."""
    fasttok: list[int]
    reference: list[int]
    """Both from a few tokens before the first difference on."""
    count: int
    """What fasttok counts, by its faster way, which must agree with its own ids."""

    def to_dict(self) -> dict[str, Any]:
        return vars(self)


@dataclass
class Verification:
    """What was compared, and the differences."""

    encoding: Encoding
    reference: Reference
    documents: int = 0
    """Texts from the paths, without the built-in ones."""
    built_in: int = 0
    bytes: int = 0
    comparisons: int = 0
    differences: int = 0
    reference_failed: int = 0
    """Texts on which the reference failed, left out of the comparison."""
    refused: int = 0
    """Texts beyond a limit of the tokenizer that are in no file, left out of the comparison."""
    ledger: Ledger = NOTHING_READ
    """The rows of the files."""
    files: Mapping[str, Any] = field(default_factory=dict)
    """What became of the files: how many were read, left out and found again. Empty where there were none."""
    first: list[Difference] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding.name,
            "hash": self.encoding.hash,
            "pretokenizer": self.encoding.pretokenizer,
            "reference": self.reference.library,
            "reference_version": self.reference.version,
            "special": list(self.reference.modes),
            "documents": self.documents,
            "built_in": self.built_in,
            "bytes": self.bytes,
            "comparisons": self.comparisons,
            "differences": self.differences,
            "reference_failed": self.reference_failed,
            "refused": self.refused,
            "files": dict(self.files),
            "ledger": self.ledger.to_dict(),
            "first": [difference.to_dict() for difference in self.first],
        }
