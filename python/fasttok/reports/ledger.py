"""What became of every row that was found: counted, or skipped with a position and a reason. Reads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok._escapes import escaped
from fasttok.reports.manifest import LISTED


@dataclass(frozen=True)
class LedgerEntry:
    """A row that was not counted, or several that cannot be told apart, and why.

    `line` is None where the row is none. `position` says where it is in the file: `line`, `element`, `row_group` and
    `row`, `byte`, each with a number, and `member`, with the name of a file inside the file; it is empty where the
    whole file is meant. There are `rows` of them from there on.
    """

    file: str
    line: int | None
    reason: str
    detail: str | None
    position: Mapping[str, int | str] = field(default_factory=dict)
    rows: int = 1

    @classmethod
    def of(cls, row: _fasttok.SkippedRow | LedgerEntry) -> LedgerEntry:
        """The same in the words of the extension."""
        return cls(row.file, row.line, row.reason, row.detail, row.position, row.rows)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> LedgerEntry:
        """The entry that :meth:`to_dict` gives."""
        position = {name: value for name, value in said.items() if name not in _NO_POSITION and value is not None}
        return cls(said["file"], said["line"], said["reason"], said["detail"], position, said.get("rows", 1))

    def __str__(self) -> str:
        return str(SkippedKind(self.file, self.reason, self.detail, [self.line], self.rows, self.position))

    def to_dict(self) -> dict[str, Any]:
        """The entry as reports and the ledger's file have it."""
        said = {"file": self.file, "line": self.line, "reason": self.reason, "detail": self.detail}
        rows = {} if self.rows == 1 else {"rows": self.rows}
        return {**said, **self.position, "line": self.line, **rows}


def moved(said: Mapping[str, Any], lines: int) -> Mapping[str, Any]:
    """The entry that is `said` as :meth:`LedgerEntry.to_dict` does, so many lines further on in its file."""
    is_line = said["line"] is not None and "member" not in said
    return {**said, "line": said["line"] + lines} if is_line else said


_NO_POSITION = ("file", "reason", "detail", "rows")


@dataclass
class SkippedKind:
    """Rows of one file that were not counted for the same reason, in the same words."""

    file: str
    reason: str
    detail: str | None
    lines: list[int | None]
    rows: int = 1
    """How many there are."""
    position: Mapping[str, int | str] = field(default_factory=dict)
    """Where the only one of them is, if it is no line of the file."""

    def __str__(self) -> str:
        """One line for people: the file, its lines, and why."""
        place, (first, *more) = self.file, self.lines
        if more:
            place = f"{self.rows:,} rows of {self.file} (lines {_spans(self.lines)})"
        else:
            parts = ((name, value) for name, value in self.position.items() if name != "line")
            place = ", ".join([place, *(f"{name.replace('_', ' ')} {value}" for name, value in parts)])
            place += "" if first is None else f":{first}"
        said = "; ".join(part for part in (self.detail, _fasttok.SKIP_REMEDIES.get(self.reason)) if part)
        return escaped(f"{place}: {said} ({self.reason})" if said else f"{place}: {self.reason}")


@dataclass(frozen=True)
class Ledger:
    """Every row that was found: `seen == counted + skipped`, always."""

    seen: int
    counted: int
    skipped: int
    by_reason: Mapping[str, int]
    entries: Sequence[LedgerEntry]
    entries_complete: bool
    unsupported: Mapping[str, int] = field(default_factory=dict)
    """Files of formats that are known and not read, by format."""

    @classmethod
    def _from_account(cls, account: _fasttok.Account) -> Ledger:
        return cls(
            account.seen,
            account.counted,
            account.skipped,
            dict(sorted(account.by_reason.items())),
            [LedgerEntry.of(row) for row in account.entries],
            account.entries_complete,
            account.unsupported,
        )

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Ledger:
        """The ledger that :meth:`to_dict` gives."""
        return cls(**{**said, "entries": [LedgerEntry.from_dict(entry) for entry in said["entries"]]})

    def kinds(self) -> list[SkippedKind]:
        """The entries, those that say the same of lines of one file together, in the order of the first of each."""
        return kinds_of(self.entries)

    def to_dict(self) -> dict[str, Any]:
        """The ledger as the report's JSON has it."""
        return {
            "seen": self.seen,
            "counted": self.counted,
            "skipped": self.skipped,
            "by_reason": dict(self.by_reason),
            "unsupported": dict(self.unsupported),
            "entries_complete": self.entries_complete,
            "entries": [entry.to_dict() for entry in self.entries],
        }


def merged(ledgers: Sequence[Ledger]) -> Ledger:
    """One account of the rows of several."""
    reasons: Counter[str] = Counter()
    unsupported: Counter[str] = Counter()
    for ledger in ledgers:
        reasons.update(ledger.by_reason)
        unsupported.update(ledger.unsupported)
    entries = [entry for ledger in ledgers for entry in ledger.entries]
    if sum(bool(ledger.entries) for ledger in ledgers) > 1:
        entries.sort(key=_place)
    return Ledger(
        seen=sum(ledger.seen for ledger in ledgers),
        counted=sum(ledger.counted for ledger in ledgers),
        skipped=sum(ledger.skipped for ledger in ledgers),
        by_reason=dict(sorted(reasons.items())),
        entries=entries[:LISTED],
        entries_complete=all(ledger.entries_complete for ledger in ledgers) and len(entries) <= LISTED,
        unsupported=dict(sorted(unsupported.items())),
    )


def _place(entry: LedgerEntry) -> tuple[str, bool, int, list[int]]:
    """Where an entry is, in the order in which entries are listed: of an archive, after its own, as they come."""
    if "member" in entry.position:
        return entry.file, True, 0, []
    return entry.file, False, entry.line or 0, [number for number in entry.position.values() if isinstance(number, int)]


def kinds_of(entries: Sequence[LedgerEntry]) -> list[SkippedKind]:
    """See `Ledger.kinds`."""
    kinds: dict[tuple[str, str, str | None, int | None], SkippedKind] = {}
    for entry in entries:
        # What is no line of the file is one row.
        is_line = entry.line is not None and "member" not in entry.position
        key = (entry.file, entry.reason, entry.detail, None if is_line else len(kinds))
        if key in kinds:
            kinds[key].lines.append(entry.line)
            kinds[key].rows += entry.rows
        else:
            said = (entry.file, entry.reason, entry.detail)
            kinds[key] = SkippedKind(*said, [entry.line], entry.rows, entry.position)
    return list(kinds.values())


NOTHING_READ = Ledger(0, 0, 0, {}, [], True)
"""The ledger of a run that read no rows."""


def _spans(lines: Sequence[int | None], most: int = 4) -> str:
    """Line numbers as `1-3, 7`, in a limited number of parts."""
    spans: list[tuple[int, int]] = []
    for line in sorted(line for line in lines if line is not None):
        if spans and line == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((line, line))
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:most]]
    return ", ".join(shown) + (", …" if len(spans) > most else "")
