"""A run over a corpus, for whatever report: encodings loaded, the compiled part called, the manifest made.

Knows nothing of reports but the ledger, nor how tokens are counted (`fasttok._fasttok` does).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fasttok._fasttok as _fasttok
from fasttok._fasttok import Encoding
from fasttok._util.paths import PathLike
from fasttok.inputs.outputs import outputs_written, watched
from fasttok.inputs.paths import as_names, given_paths
from fasttok.options import CorpusOptions
from fasttok.reports.ledger import Ledger
from fasttok.reports.manifest import describe_account, describe_sources, describe_work, run_manifest
from fasttok.tokenizers.resolve import Spec, resolve_all


@dataclass(frozen=True, eq=False, repr=False)
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
    by: str | Iterable[str],
    options: CorpusOptions,
    progress: bool,
    **more: Any,
) -> CorpusRun:
    """Count a corpus for whatever report. `more` is what is measured besides: see the compiled `count_corpus`."""
    inputs = given_paths(paths, options)
    keys = options.keys(as_names(by))
    return count_inputs(inputs, resolve_all(encodings), keys, options, progress, **more)


def count_inputs(
    inputs: Sequence[str],
    loaded: Mapping[str, Encoding],
    keys: list[str],
    options: CorpusOptions,
    progress: bool,
    **more: Any,
) -> CorpusRun:
    """The same, where inputs, encodings and keys are known."""
    manifest = run_manifest(loaded, options.threads)
    clock = time.perf_counter()
    with watched(progress, options) as watched_options, outputs_written(inputs, watched_options) as run_options:
        counted = list(loaded.values())
        result = _fasttok.count_corpus(inputs, counted, keys, run_options, labels=list(loaded), **more)
    seconds = time.perf_counter() - clock

    account = result.account
    rate = result.totals.bytes / result.seconds / 1e6 if result.seconds else None
    manifest["run"] |= describe_work(seconds, rate)
    manifest |= {
        "unicode_scripts": _fasttok.SCRIPTS_UNICODE_VERSION,
        **describe_sources(inputs, options),
        "by": keys,
        **options.manifest(),
        **describe_account(account),
        "rows": {"seen": account.seen, "counted": account.counted, "skipped": account.skipped},
    }
    return CorpusRun(result, manifest, Ledger._from_account(account), list(loaded), keys)
