"""What the same content costs in other languages: the premium, on parallel text alone.

This module measures. Reading parallel text is `fasttok.inputs.parallel`'s, what was found is kept by
`fasttok.reports.premium`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fasttok._fasttok import Progress
from fasttok._util.types import OnProgress, Special
from fasttok.errors import NotParallelError, Remedy, TextLimitError
from fasttok.inputs.documents import limit_of
from fasttok.inputs.parallel import Normalization, Parallel, ParallelText, open_parallel
from fasttok.inputs.paths import as_names
from fasttok.measures.bootstrap import CONFIDENCE, RESAMPLES, SEED, Resampling, bootstrap_manifest, gini, interval
from fasttok.measures.words import single_token_retention
from fasttok.reports.ledger import Ledger, LedgerEntry
from fasttok.reports.manifest import LISTED, run_manifest
from fasttok.reports.premium import (
    DEFINITIONS,
    PIVOT,
    Definition,
    EncodingSummary,
    LanguagePremium,
    PremiumReport,
    own_varieties,
)
from fasttok.reports.presenters import shown
from fasttok.tokenizers.resolve import Spec, resolve_all

if TYPE_CHECKING:
    import numpy.typing as npt

    from fasttok._fasttok import Encoding


_BATCH_BYTES = 8 << 20
"""Counted in one call."""


def premium(
    parallel: Parallel,
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = "o200k_base",
    *,
    pivot: str = PIVOT,
    languages: str | Iterable[str] = (),
    definition: Definition = "sums",
    normalize: Normalization = "none",
    strip: bool = False,
    special: Special = "text",
    source_language: str = "en",
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int | None = None,
    progress: bool = False,
    on_progress: OnProgress | None = None,
) -> PremiumReport:
    """The tokens of each language relative to the pivot's, on text that says the same in every language.

    parallel: a folder or files, ``ParallelText``, or lists of units by language; see :func:`read_parallel`.
    encodings: names, tokenizer files or encodings; a mapping gives them labels of its own.
    pivot: the language that others are compared with: its code, or another code of the same language.
    languages: compare these alone; the pivot is always among them.
    definition: `"sums"`, the ratio of sums over units; `"mean"`, the mean of the ratios of units; `"joined"`, the
        ratio of the tokens of the whole text, its units joined by spaces; `"stripped"`, the ratio of sums over
        units without the white space around them.
    normalize: `"nfc"` brings every unit into that form before it is counted.
    strip: take away the white space around every unit before it is counted.
    special: what a special token in the text is; see :class:`Encoding`.
    source_language: the language of the messages of PO files.
    confidence, resamples, seed: of the percentile bootstrap interval over units. `"joined"` has no interval: the
        whole text is one unit.

    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second.
    on_progress: a callable that is told now and then of the bytes counted, bytes in all and units, of all encodings.

    A unit that is beyond a limit of a tokenizer in one language is left out of all, and is in the ledger. The whole
    text of `"joined"` is refused then, with ``TextLimitError``.

    Raises ``NotParallelError`` and ``MisalignedError`` (a ``ValueError``) for text that is not parallel.
    """
    if definition not in DEFINITIONS:
        raise ValueError(f"definition is one of {', '.join(DEFINITIONS)}, not {definition!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, not at {confidence!r}")
    if resamples < 1:
        raise ValueError("resamples must be at least 1")
    loaded = resolve_all(encodings)
    wanted = as_names(languages)
    source = open_parallel(parallel, source_language=source_language, named=[pivot, *wanted])
    base = source.find(pivot)
    text = source.text([base, *wanted] if wanted else [])
    if len(text.languages) < 2:
        raise NotParallelError(f"one language alone, {base}: a premium compares languages")
    stripped = strip or definition == "stripped"
    text = text.prepared(normalize, stripped)

    codes = text.languages
    at = codes.index(base)
    ledger = Ledger(len(text), len(text), 0, {}, [], True)

    def measured(text: ParallelText) -> tuple[list[list[float | None]], _Sizes, dict[str, npt.NDArray[np.int64]]]:
        # A language at once: thousands of units one by one take longer to hand over than to measure. What a word is
        # told by leaves the UTF-8 behind, which is measured then.
        whole = [" ".join(units) for units in text.units.values()]
        shares = single_token_retention(whole, list(loaded.values()), threads)
        counted = text if definition != "joined" else _joined(text)
        sizes = _sizes(whole, 0 if definition == "joined" else len(text) - 1)
        with shown(progress, on_progress) as told:
            return shares, sizes, _count(counted, loaded, sizes, special, threads, told)

    try:
        shares, sizes, tokens = measured(text)
    except TextLimitError:
        if definition == "joined":
            raise _whole_text_refused(text, loaded, special) from None
        text, ledger = _within_limits(text, loaded, special)
        shares, sizes, tokens = measured(text)

    resampling = Resampling(len(text), resamples=resamples, seed=seed)
    rows: list[LanguagePremium] = []
    summaries: list[EncodingSummary] = []
    for label, strr in zip(loaded, shares, strict=True):
        statistics = _measure(tokens[label], at, definition, resampling)
        bounds = None if statistics.resampled is None else interval(statistics.resampled, confidence)
        sums = tokens[label].sum(axis=1)
        ranks = np.argsort(np.argsort(statistics.premium, kind="stable"), kind="stable") + 1
        density = sizes.bytes / sums
        for i, code in enumerate(codes):
            rows.append(
                LanguagePremium(
                    language=code,
                    name=text.names.get(code),
                    encoding=label,
                    units=len(text),
                    bytes=int(sizes.bytes[i]),
                    chars=int(sizes.chars[i]),
                    tokens=int(sums[i]),
                    premium=float(statistics.premium[i]),
                    low=None if bounds is None else float(bounds[0, i]),
                    high=None if bounds is None else float(bounds[1, i]),
                    byte_premium=float(sizes.bytes[i] / sizes.bytes[at]),
                    bytes_per_token=float(density[i]),
                    density_ratio=float(density[at] / density[i]),
                    strr=strr[i],
                    rank=int(ranks[i]),
                )
            )
        summaries.append(_summary(label, codes, base, sums, statistics, confidence))

    manifest = {
        **run_manifest(loaded),
        "pivot": base,
        "definition": definition,
        "definition_in_words": DEFINITIONS[definition],
        "special": special,
        "normalize": normalize,
        "stripped": stripped,
        "layout": text.layout,
        "inputs": list(text.inputs),
        "languages_compared": len(codes),
        "units": len(text),
        "units_dropped": {**text.dropped, **ledger.by_reason},
        "columns_passed_over": list(text.passed_over),
        "bootstrap": None
        if definition == "joined"
        else bootstrap_manifest("units", confidence=confidence, resamples=resamples, seed=seed),
    }
    return PremiumReport(manifest, rows, summaries, tokens, ledger)


@dataclass(frozen=True)
class _Statistics:
    premium: npt.NDArray[np.float64]
    """Of shape (languages,)."""
    resampled: npt.NDArray[np.float64] | None
    """The same of each resample: shape (resamples, languages)."""
    resampled_sums: npt.NDArray[np.float64] | None


def _measure(tokens: npt.NDArray[np.int64], at: int, definition: Definition, resampling: Resampling) -> _Statistics:
    """The premiums of `tokens`, of shape (languages, units), over those of language `at`."""
    sums = tokens.sum(axis=1)
    if definition == "joined":
        return _Statistics(sums / sums[at], None, None)
    drawn = resampling.sums(tokens)
    if definition == "mean":
        ratios = tokens / tokens[at]
        resampled = resampling.sums(ratios) / tokens.shape[1]
        return _Statistics(ratios.mean(axis=1), resampled, drawn)
    return _Statistics(sums / sums[at], drawn / drawn[:, at : at + 1], drawn)


def _summary(
    label: str,
    codes: Sequence[str],
    pivot: str,
    sums: npt.NDArray[np.int64],
    statistics: _Statistics,
    confidence: float,
) -> EncodingSummary:
    drawn = statistics.resampled_sums
    bounds = None if drawn is None else interval(gini(drawn), confidence)
    own = own_varieties(pivot, codes)
    others = [code not in own for code in codes]
    low, high = int(statistics.premium.argmin()), int(statistics.premium.argmax())
    return EncodingSummary(
        encoding=label,
        gini=float(gini(sums)),
        gini_low=None if bounds is None else float(bounds[0]),
        gini_high=None if bounds is None else float(bounds[1]),
        min=float(statistics.premium[low]),
        min_language=codes[low],
        max=float(statistics.premium[high]),
        max_language=codes[high],
        median=float(np.median(statistics.premium[others] if any(others) else statistics.premium)),
    )


@dataclass(frozen=True)
class _Sizes:
    bytes: npt.NDArray[np.int64]
    chars: npt.NDArray[np.int64]


def _sizes(languages: Sequence[str], spaces: int) -> _Sizes:
    """Bytes and characters of the text of each language, without so many spaces."""
    return _Sizes(
        np.array([len(text.encode()) - spaces for text in languages], dtype=np.int64),
        np.array([len(text) - spaces for text in languages], dtype=np.int64),
    )


def _joined(text: ParallelText) -> ParallelText:
    return replace(text, units={code: [" ".join(units)] for code, units in text.units.items()})


def _whole_text_refused(text: ParallelText, encodings: Mapping[str, Encoding], special: Special) -> TextLimitError:
    """The error for text that is beyond a limit once its units are joined, or where one of them is already."""
    for code, units in _joined(text).units.items():
        for label, encoding in encodings.items():
            try:
                encoding.count(units[0], special=special)
            except TextLimitError as error:
                return TextLimitError(
                    f"{text.files.get(code, code)}: the whole text in {code}, its units joined, cannot be counted with "
                    f"{label}: {limit_of(error)[1]}",
                    remedy=Remedy(
                        ". A ratio over units leaves out those that cannot be counted: give {option} another value "
                        "than 'joined'",
                        argument="definition",
                    ),
                    component=error.component,
                )
    raise AssertionError("what was refused before is counted now")


def _within_limits(
    text: ParallelText, encodings: Mapping[str, Encoding], special: Special
) -> tuple[ParallelText, Ledger]:
    """The text without the units that are beyond a limit of one of the tokenizers, and the account of them."""
    entries: dict[int, LedgerEntry] = {}
    for code, units in text.units.items():
        for encoding in encodings.values():
            start = 0
            while start < len(units):
                try:
                    encoding.count_batch(units[start:], special=special)
                    break
                except TextLimitError as error:
                    assert error.index is not None
                    index = start + error.index
                    reason, detail = limit_of(error)
                    entry = LedgerEntry(
                        text.files.get(code, code), None, reason, f"unit {index + 1:,} in {code}: {detail}"
                    )
                    entries.setdefault(index, entry)
                    start = index + 1
    kept = [index for index in range(len(text)) if index not in entries]
    if not kept:
        raise NotParallelError(f"every unit is beyond a limit of a tokenizer: {next(iter(entries.values()))}")
    reasons = Counter(entry.reason for entry in entries.values())
    listed = [entries[index] for index in sorted(entries)][:LISTED]
    ledger = Ledger(len(text), len(kept), len(entries), dict(reasons), listed, len(listed) == len(entries))
    return replace(text, units={code: [units[i] for i in kept] for code, units in text.units.items()}), ledger


def _count(
    text: ParallelText,
    encodings: Mapping[str, Encoding],
    sizes: _Sizes,
    special: Special,
    threads: int | None,
    on_progress: OnProgress | None,
) -> dict[str, npt.NDArray[np.int64]]:
    """Tokens of each unit by encoding: shape (languages, units)."""
    total = int(sizes.bytes.sum()) * len(encodings)
    done = units = 0
    counts = {}
    for label, encoding in encodings.items():
        parts = []
        batch: list[str] = []
        size = 0
        for bytes_of_language, language in zip(sizes.bytes, text.units.values(), strict=True):
            batch += language
            size += int(bytes_of_language)
            # A call costs more than a language does, and progress is to be seen.
            if size >= _BATCH_BYTES:
                parts.append(encoding.count_batch(batch, special=special, threads=threads))
                done, units = done + size, units + len(batch)
                batch, size = [], 0
                if on_progress is not None:
                    on_progress(Progress(done, total, units, 0))
        parts.append(encoding.count_batch(batch, special=special, threads=threads))
        done, units = done + size, units + len(batch)
        if on_progress is not None:
            on_progress(Progress(done, total, units, 0))
        counts[label] = np.concatenate(parts).reshape(len(text.units), -1)
    return counts
