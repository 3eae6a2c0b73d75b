"""What the same content costs in other languages: the premium, on parallel text alone.

This module measures. Reading parallel text is `fasttok.parallel`'s, showing a result `fasttok._premium_table`'s and
`fasttok.page`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fasttok._bootstrap import CONFIDENCE, RESAMPLES, SEED, gini, interval, resampled_sums
from fasttok._encodings import Spec, resolve_all
from fasttok._inputs import PathLike, as_names, nearest
from fasttok._languages import find_language
from fasttok._manifest import run_manifest
from fasttok._progress import shown
from fasttok._tabular import Kind, Tabular
from fasttok._words import single_token_retention
from fasttok.errors import NotParallelError, UnknownGroupError
from fasttok.parallel import Normalization, Parallel, ParallelText, open_parallel

if TYPE_CHECKING:
    import altair
    import numpy.typing as npt

    from fasttok import Encoding
    from fasttok.report import Progress

__all__ = ["Definition", "EncodingSummary", "LanguagePremium", "PremiumReport", "premium"]

SCHEMA = "fasttok.premium/1"
PIVOT = "eng_Latn"
_BATCH_BYTES = 8 << 20
"""Counted in one call."""

Definition = Literal["sums", "mean", "joined", "stripped"]
DEFINITIONS: dict[str, str] = {
    "sums": "tokens of all units of the language / tokens of all units of the pivot",
    "mean": "mean over units of: tokens of the unit in the language / tokens of the unit in the pivot",
    "joined": "tokens of the language's units joined by a space into one text / tokens of the pivot's, so joined",
    "stripped": "as sums, each unit without the white space around it",
}
SORT_KEYS = ("premium", "bytes", "tokens", "byte_premium", "bytes_per_token", "strr", "language")


def premium(
    parallel: Parallel,
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = "o200k_base",
    *,
    pivot: str = PIVOT,
    languages: str | Iterable[str] = (),
    definition: Definition = "sums",
    normalize: Normalization = "none",
    strip: bool = False,
    special: Literal["text", "token", "error"] = "text",
    source_language: str = "en",
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    threads: int | None = None,
    progress: bool | Progress = False,
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

    progress: `True` shows a bar on standard error when that is a terminal and the work takes over a second. A callable
        gets bytes counted, bytes in all and units, of all encodings, now and then.

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
    counted = text if definition != "joined" else _joined(text)
    sizes = _sizes(counted)
    shares = single_token_retention(list(text.units.values()), list(loaded.values()), threads)
    with shown(progress) as told:
        tokens = _count(counted, loaded, sizes, special, threads, told)

    rows: list[LanguagePremium] = []
    summaries: list[EncodingSummary] = []
    for label, strr in zip(loaded, shares, strict=True):
        statistics = _measure(tokens[label], at, definition, resamples, seed)
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
        summaries.append(_summary(label, codes, sums, statistics, confidence))

    manifest = {
        **run_manifest(loaded),
        "pivot": base,
        "definition": definition,
        "definition_in_words": DEFINITIONS[definition],
        "special": special,
        "normalization": normalize,
        "stripped": stripped,
        "layout": text.layout,
        "inputs": list(text.inputs),
        "languages": len(codes),
        "units": len(text),
        "units_dropped": dict(text.dropped),
        "columns_passed_over": list(text.passed_over),
        "interval": None
        if definition == "joined"
        else {
            "method": "percentile bootstrap over units",
            "confidence": confidence,
            "resamples": resamples,
            "seed": seed,
        },
    }
    return PremiumReport(manifest, rows, summaries, tokens)


@dataclass(frozen=True)
class LanguagePremium:
    """One language under one encoding, compared with the pivot."""

    language: str
    name: str | None
    """The name of the language, where the source gives it."""
    encoding: str
    units: int
    bytes: int
    """UTF-8 bytes of what was counted."""
    chars: int
    tokens: int
    premium: float
    """The tokens of the language relative to the pivot's, by the definition of the report."""
    low: float | None
    high: float | None
    """The interval of the premium."""
    byte_premium: float
    """Bytes of the language / bytes of the pivot."""
    bytes_per_token: float
    density_ratio: float
    """Bytes a token of the pivot / bytes a token of the language. Ratio of sums = byte_premium * density_ratio."""
    strr: float | None
    """Single-token retention rate: the share of running words that are one token. None without spaces."""
    rank: int
    """1 is the language with the lowest premium under this encoding."""


@dataclass(frozen=True)
class EncodingSummary:
    """How unequal languages are under one encoding."""

    encoding: str
    gini: float
    """Of the tokens of the languages, the pivot included."""
    gini_low: float | None
    gini_high: float | None
    min: float
    """The lowest premium."""
    min_language: str
    max: float
    """The highest premium."""
    max_language: str
    median: float


@dataclass(frozen=True, repr=False)
class PremiumReport(Tabular):
    """What the same content costs in each language under each encoding, relative to the pivot."""

    manifest: Mapping[str, Any]
    premiums: Sequence[LanguagePremium]
    summaries: Sequence[EncodingSummary]
    unit_tokens: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """Tokens of each unit by encoding: shape (languages, units), languages as in the text. Not in the JSON."""

    @property
    def pivot(self) -> str:
        """The language that others are compared with."""
        pivot: str = self.manifest["pivot"]
        return pivot

    @property
    def encodings(self) -> list[str]:
        """The labels of the encodings."""
        return [summary.encoding for summary in self.summaries]

    @property
    def languages(self) -> list[str]:
        """The codes of the languages, in the order of the rows of the first encoding."""
        return [row.language for row in self.of(self.encodings[0])]

    def of(self, encoding: str) -> list[LanguagePremium]:
        """The rows of one encoding. Raises ``UnknownGroupError`` (a ``KeyError``)."""
        self.summary_of(encoding)
        return [row for row in self.premiums if row.encoding == encoding]

    def get(self, language: str, encoding: str) -> LanguagePremium:
        """The row of one language, in whatever form it is named (`de`, `deu_Latn`), under one encoding.

        Raises ``UnknownGroupError`` (a ``KeyError``) with the nearest codes.
        """
        rows = {row.language: row for row in self.of(encoding)}
        code = find_language(
            language,
            list(rows),
            "the report",
            lambda message, near: UnknownGroupError(message, name=language, nearest=near),
        )
        return rows[code]

    def summary_of(self, encoding: str) -> EncodingSummary:
        """The summary of one encoding. Raises ``UnknownGroupError`` (a ``KeyError``)."""
        for summary in self.summaries:
            if summary.encoding == encoding:
                return summary
        near = nearest(encoding, self.encodings)
        raise UnknownGroupError(
            f"there is no encoding {encoding!r} in the report; it has {', '.join(self.encodings)}",
            name=encoding,
            nearest=near,
        )

    def sorted_by(self, key: str = "premium", *, reverse: bool = False) -> PremiumReport:
        """The same report, its languages ordered by a measure under the first encoding, the largest first.

        `"language"` is the order of the codes. A language without the measure comes last.
        """
        if key not in SORT_KEYS:
            raise ValueError(f"languages cannot be sorted by {key!r}; choose one of {', '.join(SORT_KEYS)}")
        first = sorted(self.of(self.encodings[0]), key=lambda row: row.language)
        if key == "language":
            order = [row.language for row in first]
            if reverse:
                order.reverse()
        else:
            known = [row for row in first if getattr(row, key) is not None]
            known.sort(key=lambda row: getattr(row, key), reverse=not reverse)
            order = [row.language for row in known] + [row.language for row in first if getattr(row, key) is None]
        place = {language: i for i, language in enumerate(order)}
        rank = {encoding: i for i, encoding in enumerate(self.encodings)}
        rows = sorted(self.premiums, key=lambda row: (rank[row.encoding], place[row.language]))
        return replace(self, premiums=rows)

    def fields(self) -> Sequence[tuple[str, Kind]]:
        return [
            ("language", "string"),
            ("name", "string"),
            ("encoding", "string"),
            ("units", "integer"),
            ("bytes", "integer"),
            ("chars", "integer"),
            ("tokens", "integer"),
            ("premium", "real"),
            ("low", "real"),
            ("high", "real"),
            ("byte_premium", "real"),
            ("bytes_per_token", "real"),
            ("density_ratio", "real"),
            ("strr", "real"),
            ("rank", "integer"),
        ]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for row in self.premiums:
            yield tuple(vars(row)[name] for name in self.columns())

    def to_dict(self) -> dict[str, Any]:
        """The report as the JSON has it: see docs/premium.md."""
        return {
            "schema": SCHEMA,
            "manifest": dict(self.manifest),
            "encodings": [dict(vars(summary)) for summary in self.summaries],
            "premiums": [dict(vars(row)) for row in self.premiums],
        }

    def to_html(self, path: PathLike | None = None) -> str:
        """One page with everything, that needs no network. With `path`, also written there. Needs the extra `plot`."""
        from fasttok._tabular import written
        from fasttok.page import premium_page

        return written(premium_page(self), path, self._inputs())

    def plot(self, encoding: str | None = None) -> altair.LayerChart:
        """The premiums with their intervals, under one encoding or all. Needs the extra `plot`."""
        from fasttok._charts import premium_chart

        return premium_chart(self, encoding)

    def summary(self) -> str:
        """One line: what was compared with what."""
        manifest = self.manifest
        line = f"{manifest['languages']:,} languages, {manifest['units']:,} units each, compared with {self.pivot}"
        dropped = sum(manifest["units_dropped"].values())
        if dropped:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in manifest["units_dropped"].items())
            line += f"; left out: {reasons}"
        if manifest["columns_passed_over"]:
            line += f"; no languages: {', '.join(manifest['columns_passed_over'])}"
        return line

    def __repr__(self) -> str:
        return f"<fasttok.PremiumReport of {self.summary()}>"

    def __str__(self) -> str:
        from fasttok._premium_table import render_text

        return render_text(self) + "\n" + self.summary()

    def _repr_html_(self) -> str:
        from fasttok._premium_table import render_html

        return render_html(self)


@dataclass(frozen=True)
class _Statistics:
    premium: npt.NDArray[np.float64]
    """Of shape (languages,)."""
    resampled: npt.NDArray[np.float64] | None
    """The same of each resample: shape (resamples, languages)."""
    resampled_sums: npt.NDArray[np.float64] | None


def _measure(tokens: npt.NDArray[np.int64], at: int, definition: Definition, resamples: int, seed: int) -> _Statistics:
    """The premiums of `tokens`, of shape (languages, units), over those of language `at`."""
    sums = tokens.sum(axis=1)
    if definition == "joined":
        return _Statistics(sums / sums[at], None, None)
    drawn = resampled_sums(tokens, resamples=resamples, seed=seed)
    if definition == "mean":
        ratios = tokens / tokens[at]
        resampled = resampled_sums(ratios, resamples=resamples, seed=seed) / tokens.shape[1]
        return _Statistics(ratios.mean(axis=1), resampled, drawn)
    return _Statistics(sums / sums[at], drawn / drawn[:, at : at + 1], drawn)


def _summary(
    label: str, codes: Sequence[str], sums: npt.NDArray[np.int64], statistics: _Statistics, confidence: float
) -> EncodingSummary:
    drawn = statistics.resampled_sums
    bounds = None if drawn is None else interval(gini(drawn), confidence)
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
        median=float(np.median(statistics.premium)),
    )


@dataclass(frozen=True)
class _Sizes:
    bytes: npt.NDArray[np.int64]
    chars: npt.NDArray[np.int64]


def _sizes(text: ParallelText) -> _Sizes:
    """Bytes and characters of each language."""
    return _Sizes(
        np.array([sum(len(unit.encode()) for unit in units) for units in text.units.values()], dtype=np.int64),
        np.array([sum(map(len, units)) for units in text.units.values()], dtype=np.int64),
    )


def _joined(text: ParallelText) -> ParallelText:
    return replace(text, units={code: [" ".join(units)] for code, units in text.units.items()})


def _count(
    text: ParallelText,
    encodings: Mapping[str, Encoding],
    sizes: _Sizes,
    special: Literal["text", "token", "error"],
    threads: int | None,
    progress: Progress | None,
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
                if progress is not None:
                    progress(done, total, units)
        parts.append(encoding.count_batch(batch, special=special, threads=threads))
        done, units = done + size, units + len(batch)
        if progress is not None:
            progress(done, total, units)
        counts[label] = np.concatenate(parts).reshape(len(text.units), -1)
    return counts
