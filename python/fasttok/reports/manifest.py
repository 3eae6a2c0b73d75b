"""What every result says about the run it came from. Knows no report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Account, Encoding
from fasttok.options import CorpusOptions


def run_manifest(encodings: Mapping[str, Encoding]) -> dict[str, Any]:
    """What ran, when, and with which encodings (by the labels that they have in the result)."""
    return {
        "fasttok": _fasttok.__version__,
        "python": sys.version.split()[0],
        "platform": f"{sys.platform}-{_machine()}",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "simd": _fasttok.simd_level(),
        "unicode": _fasttok.UNICODE_VERSION,
        "encodings": [describe_encoding(label, encoding) for label, encoding in encodings.items()],
    }


def _machine() -> str:
    """The processor. `platform` takes longer to import than a small file to be counted."""
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()


def describe_encoding(label: str, encoding: Encoding) -> dict[str, Any]:
    """What a manifest says of an encoding: as the engine knows it, not as anybody assumes.

    `normalization` lists what is done to text before it is split; `normalization_unicode` is the version of the
    Unicode tables by which normalization forms are made, None where none is.
    """
    steps = encoding.normalization
    by_tables = not _BY_TABLES.isdisjoint(steps)
    return {
        "label": label,
        "name": encoding.name,
        "hash": encoding.hash,
        "pretokenizer": encoding.pretokenizer,
        "normalization": steps,
        "normalization_unicode": _fasttok.NORMALIZATION_UNICODE_VERSION if by_tables else None,
    }


LISTED = 10_000
"""How many files or rows a report lists."""

SUMMED = ("files", "files_ignored", "files_packed", "files_unchecked", "inputs_repeated", "bytes_read")
"""Numbers of files that add up over several runs."""


def describe_inputs(paths: Iterable[str]) -> list[str]:
    """What a manifest says of paths that were given: a name that is not UTF-8 as the ledger writes it."""
    return [_fasttok._path_name(path) for path in paths]


def describe_sources(paths: Iterable[str], options: CorpusOptions) -> dict[str, Any]:
    """What a manifest says of where paths came from: those that were given, and the list of more."""
    listed = options.files_from
    return {
        "inputs": describe_inputs(paths),
        "files_from": None if listed is None else _fasttok._path_name(os.fspath(listed)),
    }


def describe_account(*accounts: Account) -> dict[str, Any]:
    """What a manifest says of the files of a run, or of several: how many were read, left out and found again.

    `unchecked` names the first 10,000 of the `files_unchecked` in whose compressed data damage cannot be seen.
    """
    unchecked = [{"file": name, "checksum": "none"} for account in accounts for name in account.unchecked]
    return {
        **{name: sum(getattr(account, name) for account in accounts) for name in SUMMED},
        "unchecked": unchecked[:LISTED],
    }


_BY_TABLES = frozenset({"NFC", "NFD", "NFKC", "NFKD", "StripAccents"})
