"""Counting a corpus: sums of tokens by group and encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fasttok._util.paths import PathLike
from fasttok.errors import InputError, TooManyGroupsError
from fasttok.measures.corpus import CorpusRun, run_corpus
from fasttok.options import CorpusOptions, SamplingKeywords, documented, given
from fasttok.reports.count import Asked, Groups, Report, Tally
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    from typing_extensions import Unpack

MAX_LIMIT = 2**53 - 1
"""The largest whole number that every reader of JSON takes exactly."""


@documented(SamplingKeywords)
def count_corpus(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    quantiles: bool = False,
    limits: int | Iterable[int] = (),
    progress: bool = False,
    **options: Unpack[SamplingKeywords],
) -> Report:
    """Count the tokens of files, folders, globs and standard input (`"-"`), exactly and in parallel.

    paths: one path or several, URLs (`s3://bucket/folder/`, `https://…`) too. Folders are walked as ripgrep walks
        them: hidden files, binary files and what `.gitignore` names are left out (`hidden=True`,
        `ignore_files=False` change that).
    encodings: names of encodings, tokenizer files, names on the Hugging Face hub (see `fasttok.load`), encodings,
        or a mapping of what they are called in the report to these. All are counted in one pass over the files.
    by: what the counts are grouped by: `"file"`, `"folder"`, `"folder:N"` (N levels below what was named),
        `"extension"`, `"script"` (of most characters), `"language"` where labels are asked for, or a field of records.
    quantiles: also tell how long documents are in tokens: p50, p90, p99, the longest, and a histogram
        (:attr:`Tally.tokens_per_document`). Takes some 80 bytes more of each group.
    limits: numbers of tokens, such as context windows: also count the documents that have more
        (:attr:`Tally.documents_over`).
    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    {options}
    """
    numbers = as_limits(limits)
    taken = given("count_corpus", options, SamplingKeywords)
    if taken.sample is not None:
        _refuse_with_sample(
            quantiles=quantiles,
            limits=bool(numbers),
            checkpoint=taken.checkpoint is not None,
            per_document=taken.per_document is not None,
        )
    run = run_corpus(paths, encodings, by, taken, progress, histograms=quantiles, limits=numbers)
    return report_of(run, quantiles, numbers) if taken.sample is None else _estimate_of(run, taken, taken.sample)


def _estimate_of(run: CorpusRun, taken: CorpusOptions, fraction: float) -> Report:
    """The report of a run over a sample."""
    from fasttok.measures.sampling import estimates, sample_manifest

    asked = Asked(run.encodings, run.by, False, [], True)
    sample = sample_manifest(fraction, taken.seed, run.result.sample)
    manifest = {**run.manifest, "quantiles": False, "limits": [], "sample": sample}
    estimated = estimates(run.result, asked)
    if len(estimated.groups) > taken.max_groups:
        error = TooManyGroupsError(
            f"more than {taken.max_groups} groups by {', '.join(run.by)} in the sample; raise max_groups"
        )
        error.by, error.max_groups = run.by, taken.max_groups
        raise error
    return Report(manifest, estimated.totals, estimated.groups, run.ledger)


def report_of(run: CorpusRun, quantiles: bool, numbers: list[int]) -> Report:
    """The report of a run that was asked for `quantiles` and the limits `numbers`."""
    asked = Asked(run.encodings, run.by, quantiles, numbers)
    manifest = {**run.manifest, "quantiles": quantiles, "limits": numbers}
    return Report(manifest, Tally._from_sums(run.result.totals, asked), Groups(run.result.groups, asked), run.ledger)


def as_limits(limits: int | Iterable[int]) -> list[int]:
    """Numbers of tokens in order, each once."""
    numbers = [limits] if isinstance(limits, int) else list(limits)
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int):
            raise TypeError(f"a limit is a whole number of tokens, not {type(number).__name__}")
        if not 1 <= number <= MAX_LIMIT:
            raise ValueError(f"a limit is from 1 to {MAX_LIMIT:,} tokens, not {number:,}")
    return sorted(set(numbers))


def _refuse_with_sample(**asked: bool) -> None:
    """Raise for what cannot be estimated, or not be kept."""
    for name, is_asked in asked.items():
        if is_asked:
            raise InputError(f"{name} and sample do not go together: leave out one of them")
