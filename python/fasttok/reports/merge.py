"""Count reports of parts of a corpus as the report of one run over all of them.

Sums are whole numbers, so merging them is adding. What this module decides is whether that is what one run would have
counted: the same encodings and options, nothing estimated, nothing counted twice. It reads no corpus.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain, combinations
from typing import Any, NamedTuple

import fasttok._fasttok as _fasttok
from fasttok._util.paths import STDIN, PathLike
from fasttok._util.types import OnProgress
from fasttok.errors import MergeError, Remedy
from fasttok.reports.count import Asked, Groups, Report, Tally
from fasttok.reports.ledger import Ledger, merged, moved
from fasttok.reports.manifest import LISTED, SUMMED, added_input_files, describe_messages
from fasttok.reports.presenters import shown

_MEMBERS = {"schema", "manifest", "totals", "groups", "ledger"}

_ALLOWED = Remedy("; {option} merges them all the same", "allow_overlap")


class _Part(NamedTuple):
    """A report before it is merged: all but its totals and groups."""

    name: str
    path: str | None
    text: bytes | None
    manifest: Mapping[str, Any]
    ledger: Mapping[str, Any]


def merge_reports(
    reports: Iterable[PathLike | Report], *, allow_overlap: bool = False, progress: bool = False
) -> Report:
    """The report of one run over all that several runs of :func:`count_corpus` counted: reports, or files with their
    JSON.

    Totals, groups, quantiles, histograms and ledger are those of one run over the inputs of all reports, one after the
    other, byte for byte. In the manifest, sizes and rows are sums; of `run`, `seconds` is the sum, `time` the
    earliest, `peak_memory_bytes` the largest, and what is said of the machine is what the first report says.

    allow_overlap: merge reports that name the same input too, where it was not the same files: on two machines, say.
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.

    Raises ``MergeError`` where the reports do not add up to one: other encodings or options, an estimate, the same
    input twice, another kind of report, a damaged one; and ``TooManyGroupsError``.
    """
    given = [reports] if isinstance(reports, (str, os.PathLike, Report)) else list(reports)
    if not given:
        raise ValueError("no reports to merge")
    with shown(progress, None) as told:
        return _merged_parts([_part(report, i) for i, report in enumerate(given)], allow_overlap, told)


def merge_shares(reports: Sequence[bytes], lines_before: Sequence[int]) -> Report:
    """The report of a run of which these are the JSON of the reports of all shares, in their order: they name the same
    inputs, and have no record in common. `lines_before`: how many lines of its file each does not know of. Raises as
    :func:`merge_reports`."""
    parts = [_part(report, i) for i, report in enumerate(reports)]
    return _merged_parts([_moved(*part) for part in zip(parts, lines_before, strict=True)], allow_overlap=True)


def _moved(part: _Part, lines: int) -> _Part:
    if not lines:
        return part
    entries = [moved(entry, lines) for entry in part.ledger["entries"]]
    return part._replace(ledger={**part.ledger, "entries": entries})


def _merged_parts(parts: Sequence[_Part], allow_overlap: bool, told: OnProgress | None = None) -> Report:
    first = parts[0]
    for part in parts[1:]:
        _refuse_difference(first, part)
    if not allow_overlap:
        for one, other in combinations(parts, 2):
            _refuse_overlap(one, other)

    manifest = _merged_manifest([part.manifest for part in parts])
    asked = Asked(
        [encoding["label"] for encoding in manifest["encodings"]],
        manifest["by"],
        manifest["quantiles"],
        manifest["limits"],
    )
    sums = _fasttok.ReportSums(
        asked.by,
        asked.encodings,
        asked.limits,
        histograms=asked.quantiles,
        max_groups=manifest["max_groups"],
        distinct=asked.by.index("file") if "file" in asked.by and not allow_overlap else None,
    )
    done, documents, size = 0, 0, sum(map(_size, parts))
    for part in parts:
        if told is not None:
            told(_fasttok.Progress(done, size, documents, 0))
        done, documents = done + _size(part), documents + part.ledger["counted"]
        try:
            sums.add(part.path, part.text)
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            raise MergeError(f"{part.name} cannot be merged: {error}", files=[part.name]) from None
    totals = Tally._from_sums(sums.totals, asked)
    ledger = merged([Ledger.from_dict(part.ledger) for part in parts])
    if ledger.counted != totals.documents or ledger.seen != ledger.counted + ledger.skipped:
        raise MergeError("the ledgers of these reports do not add up to their documents", files=[p.name for p in parts])
    if len(parts) > 1:
        seconds = manifest["run"]["seconds"]
        manifest["run"]["mb_per_second"] = totals.bytes / seconds / 1e6 if seconds else None
    return Report(manifest, totals, Groups(sums.groups(), asked), ledger)


def _size(part: _Part) -> int:
    return len(part.text or b"") if part.path is None else os.path.getsize(part.path)


def _part(report: PathLike | Report | bytes, index: int) -> _Part:
    if isinstance(report, bytes):
        name, path, text = f"report {index}", None, report
    elif isinstance(report, Report):
        name, path, text = f"report {index}", None, "".join(report.text("json")).encode()
    else:
        path, text = os.fspath(report), None
        name = _fasttok._path_name(path)
    try:
        said = json.loads(_fasttok._report_outline(path, text))
    except ValueError as error:
        raise MergeError(f"{name} is no report: {error}", files=[name]) from None
    except OSError as error:
        # The compiled part does not know the name.
        error.filename = path
        raise
    schema = said.get("schema")
    if schema != Report.schema:
        kind = f"a report {schema}" if isinstance(schema, str) and schema.startswith("fasttok.") else "no report"
        why = "only those of 'fasttok count --json' add up" if kind != "no report" else f"it is not {Report.schema}"
        raise MergeError(f"{name} is {kind}: {why}", files=[name])
    if unknown := sorted(said.keys() - _MEMBERS):
        raise MergeError(f"{name} cannot be merged: it has {', '.join(unknown)}", option=unknown[0], files=[name])
    manifest, ledger = said.get("manifest"), said.get("ledger")
    is_whole = _is_whole(manifest, _IN_MANIFEST) and _is_whole(ledger, _IN_LEDGER)
    if not is_whole or not _is_whole(manifest["run"], _IN_RUN) or not _is_whole(manifest["input_files"], _IN_FILES):
        raise MergeError(f"{name} is damaged: its manifest or its ledger is not whole", files=[name])
    if manifest.get("top") is not None:
        raise MergeError(f"{name} has some of its groups alone: count again without --top", option="top", files=[name])
    if manifest.get("sample") is not None:
        raise MergeError(f"{name} is an estimate from a sample: only counts add up", option="sample", files=[name])
    return _Part(name, path, text, manifest, ledger)


_JOINED = ("inputs", "input_files", "files_from", "unchecked")
_IN_MANIFEST: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys((*SUMMED, "max_groups"), int),
    **dict.fromkeys(("inputs", "unchecked", "encodings", "by", "limits"), list),
    "files_from": (str, type(None)),
    "run": dict,
    "input_files": dict,
    "rows": dict,
    "quantiles": bool,
}
_IN_RUN: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("python", "platform", "cpus", "simd", "threads", "mb_per_second"), object),
    "time": str,
    "seconds": (int, float),
    "peak_memory_bytes": (int, type(None)),
}
_IN_FILES: dict[str, type | tuple[type, ...]] = {"count": int, "bytes": int, "digest": str, "listed": list}
_IN_LEDGER: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("seen", "counted", "skipped"), int),
    **dict.fromkeys(("by_reason", "unsupported"), dict),
    "entries": list,
}
_FREE = {*SUMMED, *_JOINED, "messages", "batch", "run", "rows"}
"""What may differ from one report to the next. All else must not, whatever a later version records."""


def _is_whole(said: Any, types: Mapping[str, type | tuple[type, ...]]) -> bool:
    """Whether it has all that is merged."""
    return isinstance(said, dict) and all(
        name in said and isinstance(said[name], expected) for name, expected in types.items()
    )


def _refuse_difference(one: _Part, other: _Part) -> None:
    for member in dict.fromkeys([*one.manifest, *other.manifest]):
        if member in _FREE:
            continue
        if found := _difference(one.manifest.get(member), other.manifest.get(member), member):
            path, a, b = found
            said = f"{path} is {json.dumps(a)} in {one.name} and {json.dumps(b)} in {other.name}"
            raise MergeError(
                f"these were not counted in the same way: {said}", option=member, files=[one.name, other.name]
            )


def _difference(a: Any, b: Any, path: str) -> tuple[str, Any, Any] | None:
    """The first difference between two values of JSON: where it is, and what is there."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        inner = ((f"{path}.{name}", a[name], b[name]) for name in a)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        inner = ((f"{path}[{i}]", *pair) for i, pair in enumerate(zip(a, b, strict=True)))
    else:
        return None if a == b and type(a) is type(b) else (path, a, b)
    return next(filter(None, (_difference(x, y, name) for name, x, y in inner)), None)


def _refuse_overlap(one: _Part, other: _Part) -> None:
    """Refuse what was counted twice, as far as reports can tell."""
    files = [one.name, other.name]
    for a in one.manifest["inputs"]:
        for b in other.manifest["inputs"]:
            if STDIN not in (a, b) and (_holds(a, b) or _holds(b, a)):
                inputs = f"the input {a}" if a == b else f"the inputs {a} and {b}"
                raise _overlap(f"{' and '.join(files)} have {inputs}, which may be counted twice", files)
    listed = one.manifest["files_from"]
    if listed not in (None, STDIN) and listed == other.manifest["files_from"]:
        raise _overlap(f"{' and '.join(files)} both have the files that {listed} names", files)
    skipped = {entry["file"] for entry in one.ledger["entries"]} - {STDIN}
    if both := sorted(skipped.intersection(entry["file"] for entry in other.ledger["entries"])):
        raise _overlap(f"{both[0]} has skipped rows in both {' and '.join(files)}", files)


def _overlap(message: str, files: list[str]) -> MergeError:
    error = MergeError(message, option="inputs", files=files)
    error.remedy = _ALLOWED
    return error


def _holds(pattern: str, path: str) -> bool:
    """Whether a file, a folder or a glob has the other in it, or may have."""
    own, others = (os.path.normpath(each).split(os.sep) for each in (pattern, path))
    if own == ["."]:
        return not os.path.isabs(path) and others[0] != os.pardir
    beginning = others[: len(own)]
    return own == beginning or (len(own) <= len(others) and all(map(fnmatchcase, beginning, own)))


def _merged_manifest(manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = manifests[0]

    def values(member: str) -> list[Any]:
        return [manifest[member] for manifest in manifests]

    runs = values("run")
    peaks = [run["peak_memory_bytes"] for run in runs if run["peak_memory_bytes"] is not None]
    lists = list(dict.fromkeys(name for name in values("files_from") if name is not None))
    # Of which requests and answers of several runs belong together, nobody knows.
    return {
        **{member: value for member, value in first.items() if member != "batch"},
        **{member: sum(values(member)) for member in SUMMED},
        "inputs": list(dict.fromkeys(chain.from_iterable(values("inputs")))),
        "input_files": added_input_files(values("input_files")),
        **describe_messages(manifest.get("messages", {}) for manifest in manifests),
        "files_from": ", ".join(lists) or None,
        "unchecked": list(chain.from_iterable(values("unchecked")))[:LISTED],
        "run": {
            **first["run"],
            "time": min(run["time"] for run in runs),
            "seconds": sum(run["seconds"] for run in runs),
            "peak_memory_bytes": max(peaks, default=None),
        },
        "rows": {name: sum(rows[name] for rows in values("rows")) for name in first["rows"]},
    }
