"""A dry run: what a run over files would read, and how long it might take. Counts nothing but a piece of one file."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Encoding
from fasttok._util.paths import PathLike
from fasttok.inputs.paths import as_names, given_paths
from fasttok.options import CorpusKeywords, documented, given
from fasttok.reports.manifest import describe_sources, run_manifest
from fasttok.reports.plan import Plan, PlannedFile
from fasttok.tokenizers.resolve import Spec, resolve_all

if TYPE_CHECKING:
    from typing_extensions import Unpack

PIECE = 1_000_000
"""Bytes by which the rate is measured."""

UNPACKED = 3
"""What is compressed is taken to be so many times as large once it is unpacked."""

_PLAIN = ("text", "lines", "jsonl", "paragraphs", "separated", "json", "csv", "tsv")


@documented(CorpusKeywords)
def plan_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    **options: Unpack[CorpusKeywords],
) -> Plan:
    """List what `count_corpus` would read of the same paths, and what it would pass by and why. Only the first bytes of
    files are read, and nothing of a pipe.

    paths, by: as for :func:`count_corpus`.
    encodings: those that the time is expected for.
    {options}

    The expected time is that of counting the first megabyte of the largest uncompressed text file, in proportion to all
    bytes and shared by all workers; compressed ones count threefold. It says hours or minutes, no more.
    """
    taken = given("plan_corpus", options, CorpusKeywords)
    inputs = given_paths(paths, taken)
    keys = taken.keys(as_names(by))
    loaded = resolve_all(encodings)
    manifest = run_manifest(loaded)
    found = _fasttok.plan_corpus(inputs, keys, taken)
    files = [_planned(file) for file in found.files]
    files += [PlannedFile(row.file, None, None, None, row.reason, row.detail) for row in found.bad]
    measured = _rate(files, list(loaded.values()))
    manifest |= {
        **describe_sources(inputs, taken),
        "by": keys,
        **taken.manifest(),
        "files_ignored": found.files_ignored,
        "inputs_repeated": found.inputs_repeated,
        "rate": None if measured is None else {"file": measured[0], "mb_per_second": measured[1] / 1e6},
    }
    seconds = None
    if measured is not None:
        size = sum((file.bytes or 0) * (UNPACKED if file.compression else 1) for file in files if file.reason is None)
        seconds = size / measured[1] / (taken.threads or os.cpu_count() or 1)
    return Plan(files, manifest, seconds)


def _planned(file: _fasttok.PlannedFile) -> PlannedFile:
    reason = "compressed" if file.passed_by == "packed" else file.passed_by
    return PlannedFile(file.file, file.bytes, None if reason else file.format, file.packed, reason, None)


def _rate(files: Iterable[PlannedFile], encodings: Iterable[Encoding]) -> tuple[str, float] | None:
    """The file by which it was measured, and the bytes that a worker counts in a second; None where there is none."""
    plain = [file for file in files if file.format in _PLAIN and file.compression is None and file.bytes]
    if not plain:
        return None
    largest = max(plain, key=_size)
    try:
        with open(largest.file, "rb") as opened:
            text = opened.read(PIECE).decode("utf-8", "replace")
    except OSError:
        return None
    size = len(text.encode())
    clock = time.perf_counter()
    for encoding in encodings:
        encoding.count(text)
    return largest.file, size / max(time.perf_counter() - clock, 1e-9)


def _size(file: PlannedFile) -> Any:
    return file.bytes
