"""Premiums by language and encoding: what a comparison found. Measures and draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from fasttok._util.languages import find_language, of_language, same_language
from fasttok._util.nearest import nearest
from fasttok.errors import UnknownGroupError
from fasttok.reports.base import BaseReport
from fasttok.reports.ledger import NOTHING_READ, Ledger
from fasttok.reports.presenters import presenter_of
from fasttok.reports.tabular import Kind

if TYPE_CHECKING:
    import altair
    import numpy as np
    import numpy.typing as npt


Definition = Literal["sums", "mean", "joined", "stripped"]

DEFINITIONS: dict[str, str] = {
    "sums": "tokens of all units of the language / tokens of all units of the pivot",
    "mean": "mean over units of: tokens of the unit in the language / tokens of the unit in the pivot",
    "joined": "tokens of the language's units joined by a space into one text / tokens of the pivot's, so joined",
    "stripped": "as sums, each unit without the white space around it",
}

PIVOT = "eng_Latn"
"""The language that others are compared with, where none is named."""

SORT_KEYS = ("premium", "bytes", "tokens", "byte_premium", "bytes_per_token", "strr", "language")

HEADERS = {"B/tok": "bytes_per_token", "STRR": "strr"}
"""What tables call some of these: their headers are short."""


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
    """Bytes per token of the pivot / bytes per token of the language. Ratio of sums = byte_premium * density_ratio."""
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
    """Of the premiums of the other languages: without the pivot and its varieties."""


def own_varieties(pivot: str, languages: Sequence[str]) -> set[str]:
    """The pivot, and those of `languages` that are varieties of it (`eng-GB` of `eng_Latn`)."""
    return {pivot, *of_language(pivot, languages)}


@dataclass(frozen=True, repr=False)
class PremiumReport(BaseReport):
    """What the same content costs in each language under each encoding, relative to the pivot."""

    kind = "premium"
    schema = "fasttok.premium/1"

    manifest: Mapping[str, Any]
    premiums: Sequence[LanguagePremium]
    summaries: Sequence[EncodingSummary]
    unit_tokens: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """Tokens of each unit by encoding: shape (languages, units), languages as in the text. Not in the JSON."""
    ledger: Ledger = NOTHING_READ
    """The units: those beyond a limit of a tokenizer are skipped, in all languages."""

    @property
    def pivot(self) -> str:
        """The language that others are compared with."""
        pivot: str = self.manifest["pivot"]
        return pivot

    @property
    def pivot_name(self) -> str:
        """What that language is called, where the source gives names; of the language of the source itself, which is
        English as a rule, it gives none."""
        names = {row.language: row.name for row in self.premiums if row.name}
        given = "English" if names and same_language(self.pivot, "en") else self.pivot
        return names.get(self.pivot, given)

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

    def content(self) -> dict[str, Any]:
        """Encodings, premiums and ledger: see docs/premium.md."""
        return {
            "encodings": [dict(vars(summary)) for summary in self.summaries],
            "premiums": [dict(vars(row)) for row in self.premiums],
            "ledger": self.ledger.to_dict(),
        }

    def plot(self, encoding: str | None = None) -> altair.LayerChart:
        """The premiums with their intervals, under one encoding or all. Needs the extra `plot`."""
        chart: altair.LayerChart = presenter_of(self.kind).plot(self, encoding=encoding)
        return chart

    def __repr__(self) -> str:
        manifest = self.manifest
        languages, units = manifest["languages_compared"], manifest["units"]
        return f"<fasttok.PremiumReport of {languages:,} languages, {units:,} units each, compared with {self.pivot}>"
