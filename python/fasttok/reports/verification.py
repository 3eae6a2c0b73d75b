"""What comparing an encoding with its reference found. Compares and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import NOTHING_READ, Ledger
from fasttok.reports.tabular import Kind

Mode = Literal["text", "token"]
"""How special tokens in a text are taken: the option `special`."""


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
        """As the report's JSON has it."""
        return dict(vars(self))


@dataclass(frozen=True, repr=False)
class VerificationReport(BaseReport):
    """What was compared, and the differences."""

    kind = "verification"
    schema = "fasttok.verification/1"

    manifest: Mapping[str, Any]
    encoding: str
    hash: str
    """SHA-256 of the vocabulary file."""
    pretokenizer: str
    reference: str
    """The library that the ids are compared with."""
    reference_version: str
    special: Sequence[Mode]
    """The ways of taking special tokens that were compared."""
    documents: int
    """Texts from the paths, without the built-in ones."""
    built_in: int
    bytes: int
    comparisons: int
    differences: int
    reference_failed: int
    """Texts on which the reference failed, left out of the comparison."""
    refused: int
    """Texts beyond a limit of the tokenizer that are in no file, left out of the comparison."""
    first: Sequence[Difference]
    """The first differences."""
    ledger: Ledger = NOTHING_READ
    """The rows of the files."""

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return [
            ("document", "string"),
            ("special", "string"),
            ("offset", "integer"),
            ("text", "string"),
            ("fasttok", "string"),
            ("reference", "string"),
            ("count", "integer"),
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row for each of the first differences."""
        for each in self.first:
            ids = (" ".join(map(str, found)) for found in (each.fasttok, each.reference))
            yield (each.document, each.special, each.offset, each.text, *ids, each.count)

    def content(self) -> dict[str, Any]:
        """What was compared, the first differences and ledger: see docs/report.md."""
        return {
            "encoding": self.encoding,
            "hash": self.hash,
            "pretokenizer": self.pretokenizer,
            "reference": self.reference,
            "reference_version": self.reference_version,
            "special": list(self.special),
            "documents": self.documents,
            "built_in": self.built_in,
            "bytes": self.bytes,
            "comparisons": self.comparisons,
            "differences": self.differences,
            "reference_failed": self.reference_failed,
            "refused": self.refused,
            "ledger": self.ledger.to_dict(),
            "first": [difference.to_dict() for difference in self.first],
        }

    def __repr__(self) -> str:
        return (
            f"<fasttok.VerificationReport of {self.encoding}: {self.comparisons:,} comparisons, "
            f"{self.differences:,} differences>"
        )
