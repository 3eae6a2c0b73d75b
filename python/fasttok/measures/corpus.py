"""A run over a corpus, for whatever report: options checked, encodings loaded, the compiled part called.

Knows nothing of reports but the ledger, nor how tokens are counted (`fasttok._fasttok` does).
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, cast

import fasttok._fasttok as _fasttok
from fasttok._util.escapes import escaped
from fasttok._util.files import LEDGER, refuse_overwriting, replacing
from fasttok._util.paths import PathLike
from fasttok._util.types import Progress
from fasttok.inputs.labels import LabelSources
from fasttok.inputs.paths import as_names, as_paths, require_existing
from fasttok.options import CorpusOptions, Errors, FileFormat, OnError, Special
from fasttok.reports.ledger import Ledger
from fasttok.reports.manifest import describe_encoding
from fasttok.tokenizers.resolve import Spec, resolve_all

_ENDED = (KeyboardInterrupt,)
"""What ends a run before its end and leaves the ledger as far as it went."""


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
        from fasttok.render.progress import ProgressBar

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
        "fasttok": _fasttok.__version__,
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
        "simd": _fasttok.simd_level(),
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
