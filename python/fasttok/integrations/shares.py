"""`count_corpus` in shares: the files of a run are found once and divided; each share is counted by a process of its
own, whose report is a row; the rows add up to the report that one machine would have given.

A share is some files, or a part of a large one: row groups, record batches, or lines. A part of a file of lines numbers
them from its own beginning; what tells of lines is moved when rows are put together.

A row is all that a share gives: a task that is run again gives the same row again, and an engine keeps one of them. An
error of the run is a row too, so that no engine tries again what must fail. Knows no engine.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

import fasttok._fasttok as _fasttok
from fasttok._util.files import refuse_overwriting, replacing
from fasttok._util.paths import PathLike
from fasttok.errors import FasttokError, InputError, TooManySkippedError
from fasttok.inputs.paths import as_names, given_paths, too_many_skipped
from fasttok.integrations.carried import Carried, require_version
from fasttok.measures.corpus import count_inputs
from fasttok.measures.count import as_limits, report_of
from fasttok.options import CorpusOptions, given
from fasttok.reports.count import Report
from fasttok.reports.ledger import LedgerEntry, moved
from fasttok.reports.manifest import describe_sources
from fasttok.reports.merge import merge_shares
from fasttok.tokenizers.resolve import Spec, resolve_all

TASK_BYTES = 256 << 20
"""How much a task reads of files as they are stored, unless a run says otherwise: seconds, against some 0.1 s that
starting it takes."""

_FILE_COSTS = 1 << 16
"""What opening a file costs, in bytes that could be read meanwhile."""

_TASKS_PER_CORE = 4
"""So many, if there is enough to read: the last ones are waited for."""

_LEAST_PART = 4 << 20
"""No file is divided into smaller parts for that, unless a run says so."""

_NOT_TAKEN = {
    "threads": "each task has one thread; the engine says how many tasks there are",
    "on_progress": "the engine shows how far it is",
    "cancel": "cancel the job by the engine's means",
}
"""Options of a run that one on an engine does not have, and why."""


class Row(TypedDict):
    """What a share gives. `share` is its index; the rest is of use to :meth:`SharedRun.report` alone."""

    share: int
    lines: int
    report: bytes | None
    fields_met: bytes | None
    ledger: bytes | None
    error: bytes | None


NUMBERS = ("share", "lines")
BINARY = tuple(name for name in Row.__annotations__ if name not in NUMBERS)
"""The columns of rows, whole numbers and bytes."""


@dataclass(frozen=True, repr=False)
class Job:
    """What all shares of a run have in common: what is sent to each task."""

    version: str
    encodings: Sequence[tuple[str, Carried]]
    inputs: Sequence[str]
    by: list[str]
    options: CorpusOptions
    quantiles: bool
    limits: list[int]
    keeps_ledger: bool

    def count(self, index: int, share: bytes) -> Row:
        """The row of the share `index`, in the process that counts it."""
        try:
            require_version(self.version)
            return self._count(index, share)
        except FasttokError as error:
            return Row(share=index, lines=0, report=None, fields_met=None, ledger=None, error=pickle.dumps(error))

    def _count(self, index: int, share: bytes) -> Row:
        encodings = {label: carried.here() for label, carried in self.encodings}
        with tempfile.TemporaryDirectory(prefix="fasttok-") as folder:
            path = os.path.join(folder, "ledger") if self.keeps_ledger else None
            options = replace(self.options, ledger_path=path)
            measured = {"histograms": self.quantiles, "limits": self.limits}
            run = count_inputs(self.inputs, encodings, self.by, options, False, share=share, **measured)
            ledger = None if path is None else Path(path).read_bytes()
        # In a share the list of paths was not read; the manifest of the whole run says what it was.
        report = report_of(run, self.quantiles, self.limits)
        text = "".join(report.text("json")).encode()
        met, lines = run.result.fields_met, run.result.lines
        return Row(share=index, lines=lines, report=text, fields_met=met, ledger=ledger, error=None)


class SharedRun:
    """A run whose files were found here and are counted elsewhere.

    `job` and `shares` go to tasks; `report` makes one report of the rows that come back.
    """

    def __init__(
        self,
        caller: str,
        paths: PathLike | Iterable[PathLike],
        encodings: Spec | Iterable[Spec] | Mapping[str, Spec],
        by: str | Iterable[str],
        quantiles: bool,
        limits: int | Iterable[int],
        task_bytes: int,
        cores: int,
        keywords: Mapping[str, Any],
    ) -> None:
        for name, why in _NOT_TAKEN.items():
            if keywords.get(name) is not None:
                raise ValueError(f"{caller}() takes no {name}: {why}")
        if task_bytes < 1:
            raise ValueError(f"task_bytes must be at least 1, not {task_bytes}")
        self._clock = time.perf_counter()
        self._asked = given(caller, keywords)
        inputs = given_paths(paths, self._asked)
        written = self._asked.ledger_path
        refuse_overwriting({"ledger_path": written}, inputs)
        outputs = [os.fspath(path) for path in (*self._asked.outputs, written) if path is not None]
        options = replace(self._asked, outputs=outputs, ledger_path=None)
        keys = options.keys(as_names(by))
        carried = [(label, Carried.of(encoding)) for label, encoding in resolve_all(encodings).items()]
        self._found = _fasttok.SharedInputs(inputs, keys, options)
        self.job = Job(
            _fasttok.__version__,
            carried,
            inputs,
            keys,
            replace(options, threads=1),
            quantiles,
            as_limits(limits),
            keeps_ledger=written is not None,
        )
        sizes, at_least = self._found.sizes, cores * _TASKS_PER_CORE
        part = min(task_bytes, max(_LEAST_PART, sum(size or 0 for size in sizes) // max(at_least, 1)))
        self.shares: list[bytes] = []
        """What tasks count, in the order of the files."""
        self._goes_on: list[bool] = []
        """Of each share, whether it is of the file that the one before is of."""
        for start, stop in divided(sizes, task_bytes, at_least):
            is_large = stop - start == 1 and (sizes[start] or 0) > part
            shares = self._found.divide(start, part) if is_large else [self._found.share(start, stop)]
            self._goes_on += [i > 0 for i in range(len(shares))]
            self.shares += shares

    def report(self, rows: Iterable[Row]) -> Report:
        """The report of the run, of the rows of all shares in any order.

        Raises what a run on one machine raises, and ``InputError`` where a row is missing or is there twice.
        """
        ordered = sorted(rows, key=lambda row: row["share"])
        # Found here, counted here: what cannot be opened, links that were passed by.
        rest = self.job.count(len(self.shares), self._found.rest())
        if rest["error"] is not None:
            raise pickle.loads(rest["error"])
        before = self._lines_before(ordered)
        for row, lines in zip(ordered, before, strict=True):
            if row["error"] is not None:
                raise _moved_error(pickle.loads(row["error"]), lines)
        if [row["share"] for row in ordered] != list(range(len(self.shares))):
            raise InputError(f"{len(ordered)} rows are not those of {len(self.shares)} shares, each once")
        rows = [*ordered, rest]
        self._write_ledger(rows, before)
        merged = merge_shares([row["report"] or b"" for row in rows], [*before, 0])
        self._check(merged, rest, [row["fields_met"] for row in rows if row["fields_met"] is not None])
        seconds = time.perf_counter() - self._clock
        manifest = {
            **merged.manifest,
            **describe_sources(self.job.inputs, self._asked),
            "run": {
                **merged.manifest["run"],
                "threads": None,
                "seconds": seconds,
                "mb_per_second": merged.totals.bytes / seconds / 1e6 if seconds else None,
            },
        }
        return replace(merged, manifest=manifest)

    def _check(self, merged: Report, rest: Row, met: Sequence[bytes]) -> None:
        """Raise what one run would have raised that saw all shares."""
        said, ledger, most = merged.manifest, merged.ledger, self._asked.max_errors
        packed = said["files_packed"]
        passed = merge_shares([rest["report"] or b""], [0]).manifest["files_ignored"]
        self._found.check(met, ledger.counted, said["files_ignored"] - packed - passed, packed)
        if most is not None and ledger.skipped > most:
            raise too_many_skipped(most, ledger.entries[: most + 1])

    def _lines_before(self, ordered: Sequence[Row]) -> list[int]:
        """How many lines of its file are before each share."""
        before = [0][: len(ordered)]
        for one, next_one in pairwise(ordered):
            goes_on = next_one["share"] < len(self.shares) and self._goes_on[next_one["share"]]
            before.append(before[-1] + one["lines"] if goes_on else 0)
        return before

    def _write_ledger(self, rows: Sequence[Row], before: Sequence[int]) -> None:
        if self._asked.ledger_path is not None:
            with replacing(self._asked.ledger_path) as hidden, open(hidden, "wb") as file:
                for row, lines in zip(rows, [*before, 0], strict=True):
                    ledger = row["ledger"] or b""
                    file.writelines(_moved_lines(ledger, lines) if lines else [ledger])


def _moved_lines(ledger: bytes, lines: int) -> Iterator[bytes]:
    """The file of a ledger, so many lines further on."""
    for entry in ledger.splitlines():
        said = moved(json.loads(entry), lines)
        yield json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _moved_error(error: FasttokError, lines: int) -> FasttokError:
    """What a run over the whole file would have raised in the place of this, which was so many lines before it."""
    if not lines:
        return error
    if isinstance(error, TooManySkippedError):
        entries = [LedgerEntry.from_dict(moved(entry.to_dict(), lines)) for entry in error.entries or []]
        return too_many_skipped(error.max_errors or 0, entries)
    # That of a bad row has the entry of the ledger as attributes, and the line in its message, after the file.
    said: dict[str, Any] = vars(error)
    if said.get("line") is not None and "member" not in said.get("position", {}):
        line = said["line"] + lines
        at = f"{said['file']}:"
        error.args = (str(error.args[0]).replace(f"{at}{said['line']}:", f"{at}{line}:", 1),)
        said.update(line=line, position={**said["position"], "line": line})
    return error


def divided(sizes: Sequence[int | None], task_bytes: int, at_least: int) -> Iterator[tuple[int, int]]:
    """Spans of files (begin and end), of about as many bytes each: at most `task_bytes` unless a file alone has more,
    and `at_least` of them if there are files enough."""
    costs = [(size or 0) + _FILE_COSTS for size in sizes]
    target = min(task_bytes + _FILE_COSTS, math.ceil(sum(costs) / max(at_least, 1)))
    start, cost = 0, 0
    for i, more in enumerate(costs):
        if start < i and cost + more > target:
            yield start, i
            start, cost = i, 0
        cost += more
    if start < len(costs):
        yield start, len(costs)
