"""What a run over files would read, before it does: files, formats, sizes and an expected time. Reads no file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fasttok.reports.base import BaseReport, Listing
from fasttok.reports.tabular import Kind


@dataclass(frozen=True)
class PlannedFile:
    """A file that a run would find."""

    file: str
    bytes: int | None
    """Its size as stored; None where it is not known."""
    format: str | None
    """The format it would be read by; None where it would not be read, or where that is not known before."""
    compression: str | None
    reason: str | None
    """Why it would not be read: ``binary``, ``compressed`` (and holds no records), or the reason that the ledger would
    have."""
    detail: str | None
    """That in words, where the ledger would have words."""


class Plan(Listing[PlannedFile], BaseReport):
    """The files that a run would find, in their order. A sequence, and a table.

    seconds: how long it might take; None where no rate could be measured.
    """

    kind = "plan"
    schema = "fasttok.plan/1"

    def __init__(self, found: Sequence[PlannedFile], manifest: Mapping[str, Any], seconds: float | None) -> None:
        super().__init__(found, manifest)
        self.seconds = seconds

    @property
    def read(self) -> list[PlannedFile]:
        """Those that would be read."""
        return [file for file in self if file.reason is None]

    @property
    def skipped(self) -> list[PlannedFile]:
        """Those that cannot be read: rows that a run would skip, or fail at."""
        return [file for file in self if file.detail is not None]

    def totals(self) -> dict[str, int]:
        """Files and stored bytes that would be read, and files that would not."""
        read = self.read
        size = sum(file.bytes or 0 for file in read)
        return {"files": len(read), "bytes": size, "files_passed_by": len(self) - len(read)}

    def content(self) -> dict[str, Any]:
        return {"totals": self.totals(), "seconds": self.seconds, "files": [asdict(file) for file in self]}

    def fields(self) -> list[tuple[str, Kind]]:
        """The columns of `rows()`: name and kind."""
        names = PlannedFile.__dataclass_fields__
        return [(name, "integer" if name == "bytes" else "string") for name in names]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per file."""
        names = [name for name, _ in self.fields()]
        for file in self:
            yield tuple(getattr(file, name) for name in names)
