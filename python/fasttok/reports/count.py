"""Counting a corpus, and the report that comes of it.

This module knows how a report is named, ordered and written. It does not know how tokens are counted
(`fasttok._fasttok` does) nor how a terminal shows a table (`fasttok.render.table` does).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

import fasttok._fasttok as _fasttok
from fasttok.reports.base import BaseReport
from fasttok.reports.groups import check_order, in_order, noted_top
from fasttok.reports.ledger import Ledger
from fasttok.reports.tabular import AT_ONCE, Items, Kind

if TYPE_CHECKING:
    from typing_extensions import Self

MEASURES = ("tokens", "tokens_per_char", "chars_per_token", "bytes_per_token")

_RATIOS = {
    "tokens_per_char": ("tokens", "chars"),
    "chars_per_token": ("chars", "tokens"),
    "bytes_per_token": ("bytes", "tokens"),
}
"""Of which sums each measure is the ratio."""

QUANTILES = ("p50", "p90", "p99", "max")

SORT_KEYS = ("key", "documents", "bytes", "chars", *MEASURES, *QUANTILES)

HEADERS = {"docs": "documents", "tok/char": "tokens_per_char", "B/tok": "bytes_per_token"}
"""What tables call some of these: their headers are short."""

_COLUMNS: dict[str, Kind] = {
    "encoding": "string",
    "documents": "integer",
    "bytes": "integer",
    "chars": "integer",
    "tokens": "integer",
    "tokens_per_char": "real",
    "chars_per_token": "real",
    "bytes_per_token": "real",
}
"""What `Report.rows()` has for a group or the totals, after the key."""

ESTIMATED = ("documents", "bytes", "chars")
"""The sums that have an interval beside them, where they are estimates, besides tokens."""


Interval: TypeAlias = "tuple[int, int] | None"
"""The least and the most of what an estimate is of, with 95 % confidence; None where too little was drawn to say."""


@dataclass(frozen=True)
class Intervals:
    """The 95 % intervals of estimated sums. None where documents of fewer than 10 units of the sample are in them."""

    documents: Interval
    bytes: Interval
    chars: Interval
    tokens: Mapping[str, Interval]


@dataclass(frozen=True)
class Asked:
    """What a count was asked for: what its sums are named by."""

    encodings: Sequence[str]
    by: Sequence[str]
    quantiles: bool
    limits: Sequence[int]
    sample: bool = False

    def columns(self) -> list[tuple[str, Kind]]:
        """The columns of `Report.rows()` after the key."""
        columns = list(_COLUMNS.items())
        if self.quantiles:
            columns += [(f"tokens_{name}", "integer") for name in QUANTILES]
        if self.sample:
            columns += [("tokens_low", "integer"), ("tokens_high", "integer")]
        return columns + [(f"documents_over_{limit}", "integer") for limit in self.limits]


@dataclass(frozen=True)
class DocumentLengths:
    """How long documents are, in tokens of one encoding. All None or empty where no document was counted.

    p50, p90, p99: the least number of tokens that at least 50, 90, 99 % of the documents do not exceed (the quantile
        that numpy calls ``inverted_cdf``): exact below 65,536, and within 1/256 of it from there on.
    max: the most tokens of a document, exactly.
    histogram: documents by tokens: from each number on, which is 0 or a power of two, to the next.
    counts: documents by tokens in narrow buckets, by the least number of each: below 65,536 each number has one, and a
        power of two 128 from there on.
    """

    p50: int | None
    p90: int | None
    p99: int | None
    max: int | None
    histogram: Mapping[int, int]
    counts: Mapping[int, int]

    @classmethod
    def _from_raw(cls, raw: _fasttok.DocumentLengths | None) -> DocumentLengths:
        if raw is None:
            return cls(None, None, None, None, {}, {})
        return cls(raw.p50, raw.p90, raw.p99, raw.max, dict(raw.histogram), dict(raw.counts))

    def to_dict(self) -> dict[str, Any]:
        """The lengths as the report's JSON has them."""
        return {
            **{name: getattr(self, name) for name in QUANTILES},
            "histogram": _by_text(self.histogram),
            "counts": _by_text(self.counts),
        }


@dataclass(frozen=True)
class Tally:
    """Sums over documents, and their ratios. Ratios are ratios of sums; None where the divisor is zero.

    scripts: characters by script (ISO 15924), none of them zero; they add up to `chars`.
    mixed_script_documents: documents with more than a tenth of their characters in another writing system
        than the first. Both as docs/definitions.md defines them.
    tokens_per_document: how long documents are, by encoding; empty where quantiles were not asked for.
    documents_over: documents with more tokens than each limit, by encoding and limit; empty where there are no limits.
    intervals: where sums are estimates, their intervals.
    """

    documents: int
    bytes: int
    chars: int
    tokens: Mapping[str, int]
    scripts: Mapping[str, int] = field(kw_only=True)
    mixed_script_documents: int = field(kw_only=True)
    tokens_per_document: Mapping[str, DocumentLengths] = field(kw_only=True, default_factory=dict)
    documents_over: Mapping[str, Mapping[int, int]] = field(kw_only=True, default_factory=dict)
    intervals: Intervals | None = field(kw_only=True, default=None)

    @classmethod
    def _from_sums(cls, sums: _fasttok.CorpusSums, asked: Asked, **key: Any) -> Self:
        lengths: dict[str, DocumentLengths] = {}
        if asked.quantiles:
            lengths = {name: DocumentLengths._from_raw(sums.lengths(i)) for i, name in enumerate(asked.encodings)}
        over: dict[str, Mapping[int, int]] = {}
        if asked.limits:
            numbers = iter(sums.documents_over)
            over = {name: {limit: next(numbers) for limit in asked.limits} for name in asked.encodings}
        return cls(
            sums.documents,
            sums.bytes,
            sums.chars,
            dict(zip(asked.encodings, sums.tokens, strict=True)),
            scripts=sums.scripts,
            mixed_script_documents=sums.mixed_script_documents,
            tokens_per_document=lengths,
            documents_over=over,
            **key,
        )

    @property
    def tokens_per_char(self) -> dict[str, float | None]:
        """Tokens a character, by encoding."""
        return {name: _ratio(tokens, self.chars) for name, tokens in self.tokens.items()}

    @property
    def chars_per_token(self) -> dict[str, float | None]:
        """Characters a token, by encoding."""
        return {name: _ratio(self.chars, tokens) for name, tokens in self.tokens.items()}

    @property
    def bytes_per_token(self) -> dict[str, float | None]:
        """UTF-8 bytes per token, by encoding."""
        return {name: _ratio(self.bytes, tokens) for name, tokens in self.tokens.items()}

    def measures(self, encoding: str) -> dict[str, Any]:
        """Tokens and ratios under one encoding."""
        tokens = self.tokens[encoding]
        return {
            "tokens": tokens,
            "tokens_per_char": _ratio(tokens, self.chars),
            "chars_per_token": _ratio(self.chars, tokens),
            "bytes_per_token": _ratio(self.bytes, tokens),
        }

    def to_dict(self) -> dict[str, Any]:
        """The sums and ratios as the report's JSON has them."""
        intervals = self.intervals
        estimated: dict[str, Any] = {}
        if intervals is not None:
            estimated = {f"{name}_interval": as_list(getattr(intervals, name)) for name in ESTIMATED}
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "chars": self.chars,
            **estimated,
            "scripts": dict(self.scripts),
            "mixed_script_documents": self.mixed_script_documents,
            "encodings": {name: {**self.measures(name), **self._lengths(name)} for name in self.tokens},
        }

    def _lengths(self, encoding: str) -> dict[str, Any]:
        """What the JSON has of the lengths of documents."""
        said: dict[str, Any] = {}
        if self.intervals is not None:
            said["tokens_interval"] = as_list(self.intervals.tokens[encoding])
        if encoding in self.documents_over:
            said["documents_over"] = _by_text(self.documents_over[encoding])
        if encoding in self.tokens_per_document:
            said["tokens_per_document"] = self.tokens_per_document[encoding].to_dict()
        return said

    def _row(self, encoding: str) -> tuple[Any, ...]:
        """The row of `Report.rows()` after the key."""
        row = [encoding, self.documents, self.bytes, self.chars, *self.measures(encoding).values()]
        if encoding in self.tokens_per_document:
            row += [getattr(self.tokens_per_document[encoding], name) for name in QUANTILES]
        if self.intervals is not None:
            row += self.intervals.tokens[encoding] or (None, None)
        return (*row, *self.documents_over.get(encoding, {}).values())


@dataclass(frozen=True)
class Group(Tally):
    """The sums of the documents that share a key."""

    key: Mapping[str, str | None]

    def to_dict(self) -> dict[str, Any]:
        return {"key": dict(self.key), **super().to_dict()}


class Groups(Sequence[Group]):
    """The groups of a report. Each is made when it is asked for, so that a million of them are no million objects."""

    def __init__(self, raw: _fasttok.CorpusGroups, asked: Asked, order: Sequence[int] | None = None) -> None:
        self._raw = raw
        self._asked = asked
        self._order: Sequence[int] = range(len(raw)) if order is None else order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Group: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Group]: ...
    def __getitem__(self, index: int | slice) -> Group | Sequence[Group]:
        if isinstance(index, slice):
            return Groups(self._raw, self._asked, self._order[index])
        sums = self._raw[self._order[index]]
        return Group._from_sums(sums, self._asked, key=dict(zip(self._asked.by, sums.key, strict=True)))

    def __iter__(self) -> Iterator[Group]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} groups by {', '.join(self._asked.by)}>"

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of `Report.rows()`, without an object for each group."""
        asked, limits = self._asked, len(self._asked.limits)
        for index in self._order:
            sums = self._raw[index]
            key, documents, size, chars, over = sums.key, sums.documents, sums.bytes, sums.chars, sums.documents_over
            for i, (name, count) in enumerate(zip(asked.encodings, sums.tokens, strict=True)):
                ratios = _ratio(count, chars), _ratio(chars, count), _ratio(size, count)
                lengths = sums.lengths(i) if asked.quantiles else None
                quantiles = (getattr(lengths, each) for each in QUANTILES) if lengths else ()
                row = (*key, name, documents, size, chars, count, *ratios, *quantiles)
                yield (*row, *over[i * limits : (i + 1) * limits])

    def items(self) -> Items:
        """The groups as `to_dict()` has them, in JSON."""
        starts = range(0, len(self), AT_ONCE)
        indices = (list(self._order[start : start + AT_ONCE]) for start in starts)
        asked = self._asked
        return Items(self._raw.json(some, asked.by, asked.encodings, asked.limits) for some in indices)

    def _sorted_by(self, key: str, reverse: bool) -> Groups:
        order: Sequence[int]
        if key == "key":
            # As they come.
            order = range(len(self._raw))
            order = order[::-1] if reverse else order
        else:
            name, divisor = _RATIOS.get(key, (key, None))
            ranked = self._raw.ranked(name, divisor, ascending=reverse)
            order = cast("Sequence[int]", memoryview(ranked).cast("I"))
        return Groups(self._raw, self._asked, order)


@dataclass(frozen=True, repr=False)
class Report(BaseReport):
    """What a run counted, how, and what it had to leave out.

    `manifest` alone depends on the clock and the machine: `totals`, `groups` and `ledger` of two runs over
    the same files with the same settings are equal, whatever the number of threads.
    """

    kind = "count"
    schema = "fasttok.report/1"

    manifest: Mapping[str, Any]
    totals: Tally
    groups: Sequence[Group]
    ledger: Ledger

    @property
    def encodings(self) -> list[str]:
        """The names of the encodings that were counted with."""
        return list(self.totals.tokens)

    @property
    def by(self) -> list[str]:
        """What the counts are grouped by."""
        return list(self.manifest["by"])

    @property
    def asked(self) -> Asked:
        """What was asked for."""
        manifest = self.manifest
        is_sample = manifest.get("sample") is not None
        return Asked(self.encodings, self.by, manifest.get("quantiles", False), manifest.get("limits", ()), is_sample)

    def sorted_by(self, key: str, *, reverse: bool = False) -> Report:
        """The same report with its groups in another order.

        `"key"` is the order of the names. `"documents"`, `"bytes"`, `"chars"`, `"tokens"` and the ratios put
        the largest first, and so do `"p50"`, `"p90"`, `"p99"` and `"max"` where quantiles were asked for; tokens,
        ratios and quantiles are those of the first encoding. Equal ones are in the order of their names.
        """
        check_order(key, SORT_KEYS)
        if key in QUANTILES and not self.asked.quantiles:
            raise ValueError(f"groups cannot be sorted by {key}, for no quantiles were asked for")
        if isinstance(self.groups, Groups) and key not in QUANTILES:
            return replace(self, groups=self.groups._sorted_by(key, reverse))
        encoding = self.encodings[0]

        def value(group: Group) -> float | None:
            if key in QUANTILES:
                quantile: float | None = getattr(group.tokens_per_document[encoding], key)
                return quantile
            size: float | None = group.measures(encoding)[key] if key in MEASURES else getattr(group, key)
            return size

        return replace(self, groups=in_order(self.groups, key, value, reverse=reverse))

    def in_order_of(self, names: Sequence[str]) -> Report:
        """The same report with its groups, which have one key, in the order of these values of it; others come last."""
        position = {name: i for i, name in enumerate(names)}

        def place(group: Group) -> int:
            (value,) = group.key.values()
            return position.get(value or "", len(position))

        return replace(self, groups=sorted(self.groups, key=place))

    def top(self, most: int) -> Report:
        """The same report with the first groups alone, `most` of them, in the order that it has: see :meth:`sorted_by`.

        Totals are still those of all groups, and `manifest["top"]` says of how many these are the first.
        """
        return replace(self, manifest=noted_top(self.manifest, most, len(self.groups)), groups=self.groups[:most])

    def content(self) -> dict[str, Any]:
        """Totals, groups and ledger: see docs/report.md."""
        return self._content([group.to_dict() for group in self.groups])

    def document(self) -> Mapping[str, Any]:
        groups = self.groups
        listed = groups.items() if isinstance(groups, Groups) else (group.to_dict() for group in groups)
        return {**self._envelope(), **self._content(listed)}

    def _content(self, groups: Iterable[Any] | Items) -> dict[str, Any]:
        return {"totals": self.totals.to_dict(), "groups": groups, "ledger": self.ledger.to_dict()}

    def fields(self) -> list[tuple[str, Kind]]:
        """The columns of `rows()`: name and kind. A key that has the name of a measure (`--by bytes`) stands under
        `key.bytes`."""
        fixed = dict(self.asked.columns())
        return [(f"key.{key}" if key in fixed else key, "string") for key in self.by] + list(fixed.items())

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per group and encoding; one row per encoding, of the totals, where nothing is grouped."""
        if self.by and isinstance(self.groups, Groups):
            yield from self.groups.rows()
            return
        tallies: Sequence[Tally] = self.groups if self.by else [self.totals]
        for tally in tallies:
            key = tuple(tally.key.values()) if isinstance(tally, Group) else ()
            for name in self.encodings:
                yield (*key, *tally._row(name))

    def __repr__(self) -> str:
        tokens = ", ".join(f"{name}: {count:,}" for name, count in self.totals.tokens.items())
        return f"<fasttok.Report of {self.totals.documents:,} documents, tokens {{{tokens}}}>"


def as_list(interval: Interval) -> list[int] | None:
    return None if interval is None else list(interval)


def _by_text(numbers: Mapping[int, int]) -> dict[str, int]:
    """As JSON has numbers by numbers."""
    return {str(name): number for name, number in numbers.items()}


def _ratio(dividend: int, divisor: int) -> float | None:
    return dividend / divisor if divisor else None
