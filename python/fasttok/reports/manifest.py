"""What every result says about the run it came from. Knows no report."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Account, Encoding
from fasttok.options import CorpusOptions


def run_manifest(encodings: Mapping[str, Encoding], threads: int | None = None) -> dict[str, Any]:
    """What ran, and with which encodings (by the labels that they have in the result).

    `run` alone is of the clock and the machine: equal runs have all else in common. `threads` is how many workers were
    asked for.
    """
    return {
        "fasttok": _fasttok.__version__,
        "run": {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "python": sys.version.split()[0],
            "platform": f"{sys.platform}-{_machine()}",
            "cpus": os.cpu_count(),
            "simd": _fasttok.simd_level(),
            "threads": threads,
        },
        "unicode": _fasttok.UNICODE_VERSION,
        "encodings": [describe_encoding(label, encoding) for label, encoding in encodings.items()],
    }


def describe_work(seconds: float, mb_per_second: float | None) -> dict[str, Any]:
    """What the member `run` of a manifest says of a run that is done."""
    return {"seconds": seconds, "mb_per_second": mb_per_second, "peak_memory_bytes": _peak_memory()}


def _peak_memory() -> int | None:
    """The most memory that this process has held so far, in bytes; None where the system does not say."""
    try:
        # Of itself alone: what `getrusage` says on Linux may be the peak of whoever started it.
        with open("/proc/self/status", "rb", buffering=0) as status:
            return int(status.read().partition(b"VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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

FILES_LISTED = 1_000
"""How many input files a manifest lists."""

SUMMED = (
    "files",
    "files_ignored",
    "files_packed",
    "members",
    "members_ignored",
    "files_unchecked",
    "inputs_repeated",
    "bytes_read",
)
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

    `input_files` says what they were known by: how many and how large, a digest of all, and the first 1,000 of them.
    `unchecked` names the first 10,000 of the `files_unchecked` in whose compressed data damage cannot be seen.
    """
    unchecked = [{"file": name, "checksum": "none"} for account in accounts for name in account.unchecked]
    return {
        **{name: sum(getattr(account, name) for account in accounts) for name in SUMMED},
        "unchecked": unchecked[:LISTED],
        "input_files": added_input_files([_input_files(account) for account in accounts]),
        **describe_messages(dict(zip(MESSAGES, account.messages, strict=True)) for account in accounts),
        **_batch(accounts),
    }


def _batch(accounts: Sequence[Account]) -> dict[str, Any]:
    """What a manifest says of requests and answers of batches, of which one run knows alone; nothing where there were
    none."""
    if len(accounts) != 1:
        return {}
    (account,) = accounts
    if account.batch_is_beyond:
        return {"batch": None}
    if account.batch is None:
        return {}
    numbers, named = account.batch
    return {"batch": {**{name: numbers[name] for name in BATCH}, "named": named}}


BATCH = ("joined", "failed", "without_answer", "without_request", "ambiguous")
"""How requests and answers of batches go together, by custom_id."""


def batch_in_words(manifest: Mapping[str, Any]) -> str | None:
    """What is said of the requests and answers of batches in a run; None where there were none."""
    if "batch" not in manifest:
        return None
    batch = manifest["batch"]
    if batch is None:
        return "requests of batches: more ids than are kept, so that requests and answers are not joined"
    said = []
    for name in BATCH:
        if batch[name]:
            ids = batch["named"].get(name, [])
            shown = [*ids[:_NAMED], *["…"][: len(ids) > _NAMED]]
            said.append(f"{batch[name]:,} {name.replace('_', ' ')}" + (f" ({', '.join(shown)})" if ids else ""))
    return f"requests of batches, by custom_id: {', '.join(said)}"


_NAMED = 3
"""So many ids are said in words."""


MESSAGES = ("records", "not_counted")
"""What a manifest says of conversations, each by kind."""


def describe_messages(parts: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, Any]:
    """What a manifest says of the conversations of several runs; nothing where there were none."""
    sums: dict[str, Counter[str]] = {name: Counter() for name in MESSAGES}
    for part in parts:
        for name, numbers in part.items():
            sums[name].update(numbers)
    return {"messages": {name: dict(sorted(sums[name].items())) for name in MESSAGES}} if any(sums.values()) else {}


def added_input_files(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a manifest says of the input files of several runs, one after the other."""
    digest = sum(int(part["digest"], 16) for part in parts) % 2**256
    return {
        "count": sum(part["count"] for part in parts),
        "bytes": sum(part["bytes"] for part in parts),
        "digest": f"{digest:064x}",
        "listed": [file for part in parts for file in part["listed"]][:FILES_LISTED],
    }


def _input_files(account: Account) -> dict[str, Any]:
    count, size, digest = account.input_files
    listed = [
        {
            "file": name,
            "size": size,
            "modified": None if modified is None else _utc(modified),
            "sha256": None if sha256 is None else sha256.hex(),
        }
        for name, size, modified, sha256 in account.input_files_listed
    ]
    return {"count": count, "bytes": size, "digest": digest.hex(), "listed": listed}


def _utc(nanoseconds: int) -> str:
    """A time since 1970 as ISO 8601, to the microsecond."""
    time = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=nanoseconds // 1000)
    return time.isoformat(timespec="microseconds")


_BY_TABLES = frozenset({"NFC", "NFD", "NFKC", "NFKD", "StripAccents"})
