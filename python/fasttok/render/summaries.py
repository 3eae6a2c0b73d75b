"""Sentences that the summaries of several reports have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fasttok.render import format
from fasttok.reports.ledger import Ledger


def rows(ledger: Ledger, done: str = "counted") -> str:
    """What became of the rows, those of them that were `done`."""
    noun = "row" if ledger.seen == 1 else "rows"
    return f"{ledger.seen:,} {noun} seen, {ledger.counted:,} {done}, {ledger.skipped:,} skipped"


def run(manifest: Mapping[str, Any], ledger: Ledger, size: int) -> str:
    """What became of the rows, the time that text of `size` bytes took, and the rate of reading and counting where that
    says something."""
    seconds: float = manifest["run"]["seconds"]
    digits = 0 if seconds >= 100 else 2 if seconds >= 0.1 else 4
    stored: int = manifest["bytes_read"]
    # What the progress bar counts, too.
    read = format.size(size) if stored == size else f"{format.size(stored)} read, {format.size(size)} of text"
    line = f"{rows(ledger)}; {read} in {seconds:,.{digits}f} s"
    rate: float | None = manifest["run"]["mb_per_second"]
    if (top := manifest.get("top")) is not None:
        line = f"{line}; the first {top['groups']:,} of {top['of']:,} groups"
    # Of little text in little time a rate tells of starting threads, not of counting.
    if rate is None or size == 0 or (seconds <= 1 and size <= 10_000_000):
        return line
    return f"{line} ({rate:,.{0 if rate >= 10 else 1}f} MB/s)"
