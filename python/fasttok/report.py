"""Counting a corpus, and the report that comes of it.

This module knows how a report is named, ordered and written. It does not know how tokens are counted
(`fasttok._fasttok` does) nor how a terminal shows a table (`fasttok._table` does).
"""

from __future__ import annotations

import json
import operator
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Literal, cast, overload

import fasttok
from fasttok import _fasttok
from fasttok._encodings import Spec, resolve_all
from fasttok._files import LEDGER, refuse_overwriting, replacing
from fasttok._inputs import PathLike, as_names, as_paths, require_existing
from fasttok._languages import DETECT_BYTES, Detector, LabelSources
from fasttok._manifest import describe_encoding
from fasttok._tabular import Kind, Tabular
from fasttok._text import escaped
from fasttok.options import CorpusOptions, Errors, FileFormat, OnError, Special

__all__ = ["Group", "Ledger", "LedgerEntry", "Report", "Tally", "count_corpus", "schema"]

SCHEMA = "fasttok.report/1"

MEASURES = ("tokens", "tokens_per_char", "chars_per_token", "bytes_per_token")
SORT_KEYS = ("key", "documents", "bytes", "chars", *MEASURES)

_COLUMNS: dict[str, Kind] = {
    "encoding": "string",
    "documents": "integer",
    "bytes": "integer",
    "chars": "integer",
    "tokens": "integer",
    "tokens_per_char": "real",
    "chars_per_token": "real",
    "bytes_per_token": "real",
}
"""What `Report.rows()` has for a group or the totals, behind the key."""

MAX_GROUPS = _fasttok.MAX_GROUPS

_ENDED = (KeyboardInterrupt,)
"""What ends a run before its end and leaves the ledger as far as it went."""

Progress = Callable[[int, "int | None", int], object]


def count_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    language_field: str | None = None,
    language_from_path: bool = False,
    detect_language: bool | Detector = False,
    detect_bytes: int = DETECT_BYTES,
    text: str | None = None,
    format: Literal["text", "lines", "jsonl"] | None = None,
    lines: bool = False,
    special: Special = "text",
    errors: Errors = "strict",
    on_error: OnError = "skip",
    threads: int | None = None,
    hidden: bool = False,
    ignore_files: bool = True,
    decompress: bool = False,
    max_record_bytes: int | None = None,
    max_window_bytes: int | None = None,
    max_groups: int = MAX_GROUPS,
    outputs: Iterable[PathLike] = (),
    ledger_path: PathLike | None = None,
    progress: bool | Progress = False,
) -> Report:
    """Count the tokens of files, folders, globs and standard input (`"-"`), exactly and in parallel.

    paths: one path or several. Folders are walked as ripgrep walks them: hidden files, binary files and
        what `.gitignore` names are left out (`hidden=True`, `ignore_files=False` change that).
    encodings: names of encodings, tokenizer files, names on the Hugging Face hub (see `fasttok.load`), encodings,
        or a mapping of what they are called in the report to these. All are counted in one pass over the files.
    by: what the counts are grouped by: `"file"`, `"extension"`, `"language"` where labels are asked for, or a
        field of JSONL records.
    language_field: a field of JSONL records that holds the language. It is trusted before the path.
    language_from_path: a folder, or a part of a file's name between dots, that is a language code is the
        language. It is trusted before the detector.
    detect_language: True detects the language (CLD2; docs/language-id.md says how well); or a callable that
        takes a list of texts, the beginnings of up to 256 documents, and returns a list of labels or Nones. It
        is called by one thread at a time and holds the GIL: its time is added to the run's.
    detect_bytes: how much of each document a detector is given, in bytes of UTF-8.
    text: the field of a JSONL record that holds the text; `"text"` unless said otherwise. Where it is given, or `by`
        names a field, a CSV or TSV file is an entry of the ledger: its fields are not read yet.
    format: `"text"` (a document a file), `"lines"` (a document a line) or `"jsonl"` for every file, instead
        of what each file's name says.
    lines: in files of plain text a document is a line, not the file.
    special: a special token that stands in the text is plain `"text"`, one `"token"`, or an `"error"`.
    errors: bytes that are not UTF-8 make a document an error (`"strict"`) or are counted as U+FFFD (`"replace"`).
    on_error: `"skip"` lists a row that cannot be counted in the ledger and goes on; `"fail"` raises.
    threads: the number of workers; all available cores by default. It changes no count.
    decompress: unpack `.gz` and `.zst` files in folders even where they hold no records. Those that are named, or
        that a glob fits, are always unpacked.
    max_record_bytes: a JSONL record longer than this is skipped, with that reason; 1 GiB unless said otherwise.
    max_window_bytes: the most memory that a zstd frame may ask for; what asks for more is skipped, with that reason.
        128 MiB unless said otherwise.
    max_groups: one group more ends the run with ``TooManyGroupsError``, as soon as it is met.
    outputs: files that the caller will write. They are left out where a folder holds them and refused among `paths`.
    ledger_path: a file that receives every skipped row, however many there are.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
        A callable is called now and then with the bytes read, the bytes there are (None when that is not
        known) and the documents counted.
    """
    labels = LabelSources(language_field, language_from_path, detect_language, detect_bytes)
    run = run_corpus(
        paths,
        encodings,
        labels=labels,
        by=by,
        text=text,
        format=format,
        lines=lines,
        special=special,
        errors=errors,
        on_error=on_error,
        threads=threads,
        hidden=hidden,
        ignore_files=ignore_files,
        decompress=decompress,
        max_record_bytes=max_record_bytes,
        max_window_bytes=max_window_bytes,
        max_groups=max_groups,
        outputs=outputs,
        ledger_path=ledger_path,
        progress=progress,
    )
    totals = Tally._from_sums(run.result.totals, run.encodings)
    groups = Groups(run.result.groups, run.encodings, run.by)
    return Report(run.manifest, totals, groups, run.ledger)


@dataclass(frozen=True)
class CorpusRun:
    """What a run over a corpus gave, as it came from the compiled part, and how it was made."""

    result: _fasttok.CorpusResult
    manifest: dict[str, Any]
    ledger: Ledger
    encodings: list[str]
    by: list[str]


def run_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec],
    *,
    labels: LabelSources,
    by: str | Iterable[str],
    text: str | None,
    format: str | None,
    lines: bool,
    special: str,
    errors: str,
    on_error: str,
    threads: int | None,
    hidden: bool,
    ignore_files: bool,
    decompress: bool,
    max_record_bytes: int | None,
    max_window_bytes: int | None,
    max_groups: int,
    outputs: Iterable[PathLike],
    ledger_path: PathLike | None,
    progress: bool | Progress,
    **more: Any,
) -> CorpusRun:
    """Count a corpus for whatever report. `more` is what is measured besides: see the compiled `count_corpus`."""
    inputs = as_paths(paths)
    if not inputs:
        raise ValueError("no paths to count")
    refuse_overwriting({f"{LEDGER}_path": ledger_path}, inputs)
    written = [os.fspath(path) for path in (*outputs, ledger_path) if path is not None]
    options = CorpusOptions(
        text_field=text,
        format=cast("FileFormat | None", format),
        lines=lines,
        special=cast("Special", special),
        errors=cast("Errors", errors),
        on_error=cast("OnError", on_error),
        threads=threads,
        hidden=hidden,
        ignore_files=ignore_files,
        decompress=decompress,
        max_record_bytes=_fasttok.MAX_RECORD_BYTES if max_record_bytes is None else max_record_bytes,
        max_window_bytes=_fasttok.MAX_WINDOW_BYTES if max_window_bytes is None else max_window_bytes,
        max_groups=max_groups,
        language_field=labels.field,
        language_from_path=labels.from_path,
        detect_language=labels.detect,
        detect_bytes=labels.detect_bytes,
        outputs=written,
    )
    keys = labels.keys(as_names(by))
    require_existing(inputs)
    loaded = resolve_all(encodings)
    names = list(loaded)

    bar = None
    callback: Progress | None
    if progress is True:
        from fasttok._progress import ProgressBar

        callback = bar = ProgressBar()
    else:
        callback = progress or None

    started = datetime.now(timezone.utc)
    clock = time.perf_counter()
    try:
        # The ledger grows under a hidden name, so that a run over its folder does not meet it.
        with nullcontext() if ledger_path is None else replacing(ledger_path, kept_after=_ENDED) as ledger_file:
            result = _fasttok.count_corpus(
                inputs,
                list(loaded.values()),
                keys,
                replace(options, ledger_path=ledger_file),
                **more,
                progress=callback,
            )
    except _ENDED as end:
        if ledger_path is not None:
            note = f"the rows skipped until then are in {escaped(os.fspath(ledger_path))}"
            end.notes = [*getattr(end, "notes", ()), note]  # type: ignore[attr-defined]
        raise
    finally:
        if bar is not None:
            bar.close()
    seconds = time.perf_counter() - clock

    account = result.account
    ledger = Ledger._from_account(account)
    manifest = {
        "fasttok": fasttok.__version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "cpus": os.cpu_count(),
        "threads": threads,
        "time": started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "mb_per_second": result.totals.bytes / seconds / 1e6 if seconds else None,
        "encodings": [describe_encoding(label, encoding) for label, encoding in loaded.items()],
        "special": special,
        "errors": errors,
        "on_error": on_error,
        "unicode": _fasttok.UNICODE_VERSION,
        "unicode_scripts": _fasttok.SCRIPTS_UNICODE_VERSION,
        "inputs": [_fasttok._path_name(path) for path in inputs],
        "by": keys,
        "languages": labels.manifest(),
        "field": text or _fasttok.TEXT_FIELD,
        "format": format,
        "lines": lines,
        "hidden": hidden,
        "ignore_files": ignore_files,
        "decompress": decompress,
        "max_record_bytes": options.max_record_bytes,
        "max_window_bytes": options.max_window_bytes,
        "files": account.files,
        "files_ignored": account.files_ignored,
        "files_packed": account.files_packed,
        "files_unchecked": account.files_unchecked,
        "inputs_repeated": account.inputs_repeated,
        "bytes_read": account.bytes_read,
        "rows": {"seen": ledger.seen, "counted": ledger.counted, "skipped": ledger.skipped},
    }
    return CorpusRun(result, manifest, ledger, names, keys)


@dataclass(frozen=True)
class Tally:
    """Sums over documents, and their ratios. Ratios are ratios of sums; None where the divisor is zero.

    scripts: characters by script (ISO 15924), none of them zero; they add up to `chars`.
    mixed_script_documents: documents with more than a tenth of their characters in another writing system
        than the first. Both as docs/definitions.md defines them.
    """

    documents: int
    bytes: int
    chars: int
    tokens: Mapping[str, int]
    scripts: Mapping[str, int] = field(kw_only=True)
    mixed_script_documents: int = field(kw_only=True)

    @classmethod
    def _from_sums(cls, sums: _fasttok.CorpusSums, encodings: Sequence[str]) -> Tally:
        return cls(
            sums.documents,
            sums.bytes,
            sums.chars,
            dict(zip(encodings, sums.tokens, strict=True)),
            scripts=sums.scripts,
            mixed_script_documents=sums.mixed_script_documents,
        )

    @property
    def tokens_per_char(self) -> dict[str, float | None]:
        """Tokens a character, by encoding."""
        return {name: _ratio(tokens, self.chars) for name, tokens in self.tokens.items()}

    @property
    def chars_per_token(self) -> dict[str, float | None]:
        """Characters a token, by encoding."""
        return {name: _ratio(self.chars, tokens) for name, tokens in self.tokens.items()}

    @property
    def bytes_per_token(self) -> dict[str, float | None]:
        """UTF-8 bytes a token, by encoding."""
        return {name: _ratio(self.bytes, tokens) for name, tokens in self.tokens.items()}

    def measures(self, encoding: str) -> dict[str, Any]:
        """Tokens and ratios under one encoding."""
        tokens = self.tokens[encoding]
        return {
            "tokens": tokens,
            "tokens_per_char": _ratio(tokens, self.chars),
            "chars_per_token": _ratio(self.chars, tokens),
            "bytes_per_token": _ratio(self.bytes, tokens),
        }

    def to_dict(self) -> dict[str, Any]:
        """The sums and ratios as the report's JSON has them."""
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "chars": self.chars,
            "scripts": dict(self.scripts),
            "mixed_script_documents": self.mixed_script_documents,
            "encodings": {name: self.measures(name) for name in self.tokens},
        }


@dataclass(frozen=True)
class Group(Tally):
    """The sums of the documents that share a key."""

    key: Mapping[str, str | None]

    def to_dict(self) -> dict[str, Any]:
        return {"key": dict(self.key), **super().to_dict()}


class Groups(Sequence[Group]):
    """The groups of a report. Each is made when it is asked for, so that a million of them are no million objects."""

    def __init__(
        self,
        raw: _fasttok.CorpusGroups,
        encodings: Sequence[str],
        keys: Sequence[str],
        order: Sequence[int] | None = None,
    ) -> None:
        self._raw = raw
        self._encodings = encodings
        self._keys = keys
        self._order: Sequence[int] = range(len(raw)) if order is None else order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Group]: ...
    def __getitem__(self, index: int | slice) -> Group | Sequence[Group]:
        if isinstance(index, slice):
            return Groups(self._raw, self._encodings, self._keys, self._order[index])
        sums = self._raw[int(self._order[index])]
        return Group(
            sums.documents,
            sums.bytes,
            sums.chars,
            dict(zip(self._encodings, sums.tokens, strict=True)),
            dict(zip(self._keys, sums.key, strict=True)),
            scripts=sums.scripts,
            mixed_script_documents=sums.mixed_script_documents,
        )

    def __iter__(self) -> Iterator[Group]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} groups by {', '.join(self._keys)}>"

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of `Report.rows()`, without an object for each group."""
        for index in self._order:
            sums = self._raw[int(index)]
            key, documents, size, chars = sums.key, sums.documents, sums.bytes, sums.chars
            for name, count in zip(self._encodings, sums.tokens, strict=True):
                ratios = _ratio(count, chars), _ratio(chars, count), _ratio(size, count)
                yield (*key, name, documents, size, chars, count, *ratios)

    def _sorted_by(self, key: str, reverse: bool) -> Groups:
        order: Sequence[int]
        if key == "key":
            # As they come.
            order = range(len(self._raw))
            order = order[::-1] if reverse else order
        else:
            order = cast("Sequence[int]", self._ranked(key, reverse))
        return Groups(self._raw, self._encodings, self._keys, order)

    def _ranked(self, key: str, ascending: bool) -> object:
        import numpy as np

        columns = {"tokens_per_char": ("tokens", "chars"), "chars_per_token": ("chars", "tokens")}
        columns["bytes_per_token"] = ("bytes", "tokens")
        values, *divisor = (self._raw.column(name, 0) for name in columns.get(key, (key,)))
        if divisor:
            # What has no ratio comes behind all others.
            none = np.full(len(values), -1.0)
            values = np.divide(values, divisor[0], out=none, where=divisor[0] != 0)
        return np.argsort(values if ascending else -values, kind="stable")


@dataclass(frozen=True)
class LedgerEntry:
    """A row that was not counted, and why. `line` is None where the whole file is meant."""

    file: str
    line: int | None
    reason: str
    detail: str | None

    def __str__(self) -> str:
        return str(SkippedKind(self.file, self.reason, self.detail, [self.line]))


@dataclass
class SkippedKind:
    """Rows of one file that were not counted for the same reason, in the same words."""

    file: str
    reason: str
    detail: str | None
    lines: list[int | None]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.lines)

    def __str__(self) -> str:
        """One line for people: the file, its lines, and why."""
        place, (first, *more) = self.file, self.lines
        if more:
            place = f"{self.rows:,} rows of {self.file} (lines {_spans(self.lines)})"
        elif first is not None:
            place = f"{self.file}:{first}"
        return escaped(f"{place}: {self.detail} ({self.reason})" if self.detail else f"{place}: {self.reason}")


@dataclass(frozen=True)
class Ledger:
    """Every row that was met: `seen == counted + skipped`, always."""

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
            [LedgerEntry(row.file, row.line, row.reason, row.detail) for row in account.entries],
            account.entries_complete,
            account.unsupported,
        )

    def kinds(self) -> list[SkippedKind]:
        """The entries, those that say the same of lines of one file together, in the order of the first of each."""
        kinds: dict[tuple[str, str, str | None, int | None], SkippedKind] = {}
        for entry in self.entries:
            # A whole file stands for itself.
            key = (entry.file, entry.reason, entry.detail, None if entry.line else len(kinds))
            if key in kinds:
                kinds[key].lines.append(entry.line)
            else:
                kinds[key] = SkippedKind(entry.file, entry.reason, entry.detail, [entry.line])
        return list(kinds.values())

    def to_dict(self) -> dict[str, Any]:
        """The ledger as the report's JSON has it."""
        return {
            "seen": self.seen,
            "counted": self.counted,
            "skipped": self.skipped,
            "by_reason": dict(self.by_reason),
            "unsupported": dict(self.unsupported),
            "entries_complete": self.entries_complete,
            "entries": [{"file": e.file, "line": e.line, "reason": e.reason, "detail": e.detail} for e in self.entries],
        }


@dataclass(frozen=True, repr=False)
class Report(Tabular):
    """What a run counted, how, and what it had to leave out.

    `manifest` alone depends on the clock and the machine: `totals`, `groups` and `ledger` of two runs over
    the same files with the same settings are equal, whatever the number of threads.
    """

    manifest: Mapping[str, Any]
    totals: Tally
    groups: Sequence[Group]
    ledger: Ledger

    @property
    def encodings(self) -> list[str]:
        """The names of the encodings that were counted with."""
        return list(self.totals.tokens)

    @property
    def by(self) -> list[str]:
        """What the counts are grouped by."""
        return list(self.manifest["by"])

    def sorted_by(self, key: str, *, reverse: bool = False) -> Report:
        """The same report with its groups in another order.

        `"key"` is the order of the names. `"documents"`, `"bytes"`, `"chars"`, `"tokens"` and the ratios put
        the largest first; tokens and ratios are those of the first encoding. Equal ones are in the order of
        their names.
        """
        if key not in SORT_KEYS:
            raise ValueError(f"groups cannot be sorted by {key!r}; choose one of {', '.join(SORT_KEYS)}")

        def name(group: Group) -> tuple[tuple[bool, str], ...]:
            return tuple((value is None, value or "") for value in group.key.values())

        if isinstance(self.groups, Groups):
            return replace(self, groups=self.groups._sorted_by(key, reverse))
        groups = sorted(self.groups, key=name, reverse=reverse and key == "key")
        if key != "key":
            encoding = self.encodings[0]

            def size(group: Group) -> tuple[bool, float]:
                value = group.measures(encoding)[key] if key in MEASURES else getattr(group, key)
                return (value is not None, value or 0)

            groups.sort(key=size, reverse=not reverse)
        return replace(self, groups=groups)

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON has it: see docs/report.md and `fasttok.report.schema()`."""
        groups = [group.to_dict() for group in self.groups]
        return {**self._about(), "groups": groups, "ledger": self.ledger.to_dict()}

    def document(self) -> Mapping[str, Any]:
        return {**self._about(), "groups": (group.to_dict() for group in self.groups), "ledger": self.ledger.to_dict()}

    def _about(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "manifest": dict(self.manifest), "totals": self.totals.to_dict()}

    def fields(self) -> list[tuple[str, Kind]]:
        """The columns of `rows()`: name and kind. A key that has the name of a measure (`--by bytes`) stands under
        `key.bytes`."""
        fixed = dict(_COLUMNS)
        return [(f"key.{key}" if key in fixed else key, "string") for key in self.by] + list(fixed.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row a group and encoding; one row an encoding, of the totals, where nothing is grouped."""
        if self.by and isinstance(self.groups, Groups):
            yield from self.groups.rows()
            return
        tallies: Sequence[Tally] = self.groups if self.by else [self.totals]
        for tally in tallies:
            key = tuple(tally.key.values()) if isinstance(tally, Group) else ()
            for name in self.encodings:
                measures = tally.measures(name)
                yield (*key, name, tally.documents, tally.bytes, tally.chars, *measures.values())

    def summary(self) -> str:
        """One line: rows seen, counted and skipped, and the time they took."""
        return summary_line(self.manifest, self.ledger, self.totals.bytes)

    def __repr__(self) -> str:
        tokens = ", ".join(f"{name}: {count:,}" for name, count in self.totals.tokens.items())
        return f"<fasttok.Report of {self.totals.documents:,} documents, tokens {{{tokens}}}>"

    def __str__(self) -> str:
        from fasttok._table import render_text

        return render_text(self) + "\n" + self.summary()

    def _repr_html_(self) -> str:
        from fasttok._table import render_html

        return render_html(self)


def summary_line(manifest: Mapping[str, Any], ledger: Ledger, size: int) -> str:
    """One line: rows seen, counted and skipped, and the time that text of `size` bytes took."""
    seconds: float = manifest["seconds"]
    rows = "row" if ledger.seen == 1 else "rows"
    line = f"{ledger.seen:,} {rows} seen, {ledger.counted:,} counted, {ledger.skipped:,} skipped"
    digits = 0 if seconds >= 100 else 2 if seconds >= 0.1 else 4
    line += f"; {_size(size)} in {seconds:,.{digits}f} s"
    rate: float | None = manifest["mb_per_second"]
    return line if rate is None else f"{line} ({rate:,.{0 if rate >= 10 else 1}f} MB/s)"


def _spans(lines: Sequence[int | None], most: int = 4) -> str:
    """Line numbers as `1-3, 7`, in at most so many parts."""
    spans: list[tuple[int, int]] = []
    for line in sorted(line for line in lines if line is not None):
        if spans and line == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((line, line))
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans[:most]]
    return ", ".join(shown) + (", …" if len(spans) > most else "")


def schema() -> dict[str, Any]:
    """The JSON Schema of the report."""
    from importlib.resources import files

    file = files("fasttok") / "schemas" / "report-1.schema.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def _ratio(dividend: int, divisor: int) -> float | None:
    return dividend / divisor if divisor else None


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.{1 if count >= 10 * size else 2}f} {unit}"
    return f"{count} bytes"
