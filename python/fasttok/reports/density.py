"""Densities by group and encoding, with their intervals: what a run found. Measures and draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from fasttok.reports.base import BaseReport
from fasttok.reports.count import ESTIMATED, Intervals, as_list
from fasttok.reports.groups import check_order, in_order, noted_top, unknown_group
from fasttok.reports.ledger import Ledger
from fasttok.reports.tabular import Kind

NOTE = (
    "Density is what this text costs, not what the same content costs in another language: texts of two groups say "
    "different things, and scripts put different amounts into a character. For that there is `fasttok premium`, on "
    "parallel text."
)

ALWAYS = ("tokens_per_char", "chars_per_token", "bytes_per_token")

WITH_GRAPHEMES = ("tokens_per_grapheme",)

WITH_WORDS = ("tokens_per_word", "single_token_word_share")

WITH_PARTIAL = ("partial_token_share",)

TO_BASE = ("tokens_per_char_to_base", "bytes_per_token_to_base")

SUMS = ("documents", "bytes", "chars", "tokens")

HEADERS = {
    "docs": "documents",
    "tok/char": "tokens_per_char",
    "chars/tok": "chars_per_token",
    "B/tok": "bytes_per_token",
    "tok/graph": "tokens_per_grapheme",
    "tok/word": "tokens_per_word",
    "1-tok words": "single_token_word_share",
    "partial": "partial_token_share",
}
"""What tables call some of what groups are sorted by: their headers are short."""


@dataclass(frozen=True)
class Estimate:
    """A ratio of sums with its interval: of a bootstrap over documents, or of a sample, where the sums are estimates.

    `value` is None where the divisor is zero; `low` and `high` where there are fewer than two documents, or documents
    of fewer than 10 units of a sample.
    """

    value: float | None
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """As the report's JSON has it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Density:
    """One group under one encoding: its tokens, and estimates by name of the measure."""

    tokens: int
    estimates: Mapping[str, Estimate]

    def __getitem__(self, measure: str) -> Estimate:
        return self.estimates[measure]

    def to_dict(self) -> dict[str, Any]:
        """As the report's JSON has it."""
        return {"tokens": self.tokens, **{name: estimate.to_dict() for name, estimate in self.estimates.items()}}


@dataclass(frozen=True)
class DensityGroup:
    """The documents that share a key. `graphemes` and `words` are None where they were not asked for.

    intervals: where sums are estimates, their intervals.
    """

    key: Mapping[str, str | None]
    documents: int
    bytes: int
    chars: int
    graphemes: int | None
    words: int | None
    scripts: Mapping[str, int]
    mixed_script_documents: int
    encodings: Mapping[str, Density]
    intervals: Intervals | None = None

    @property
    def script_shares(self) -> dict[str, float]:
        """The share of each script (ISO 15924) in the characters, the largest first."""
        shares = {script: chars / self.chars for script, chars in self.scripts.items()}
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))

    @property
    def mixed_script_share(self) -> float | None:
        """The share of documents that mix scripts."""
        return self.mixed_script_documents / self.documents if self.documents else None

    def to_dict(self) -> dict[str, Any]:
        """As the report's JSON has it."""
        estimated = {}
        by_encoding = {name: each.to_dict() for name, each in self.encodings.items()}
        if self.intervals is not None:
            estimated = {f"{name}_interval": as_list(getattr(self.intervals, name)) for name in ESTIMATED}
            for name, said in by_encoding.items():
                said["tokens_interval"] = as_list(self.intervals.tokens[name])
        return {
            "documents": self.documents,
            "bytes": self.bytes,
            "chars": self.chars,
            **estimated,
            "graphemes": self.graphemes,
            "words": self.words,
            "scripts": dict(self.scripts),
            "script_shares": self.script_shares,
            "mixed_script_documents": self.mixed_script_documents,
            "mixed_script_share": self.mixed_script_share,
            "encodings": by_encoding,
        }


@dataclass(frozen=True, repr=False)
class DensityReport(BaseReport):
    """Density by group and encoding.

    `undetermined_documents` have no language; None where there are no language labels. Everything but `manifest`
    is equal for two runs over the same files with the same settings, whatever the number of threads.
    """

    kind = "density"
    schema = "fasttok.density/1"

    manifest: Mapping[str, Any]
    totals: DensityGroup
    groups: Sequence[DensityGroup]
    ledger: Ledger
    undetermined_documents: int | None

    @property
    def by(self) -> list[str]:
        """What the documents are grouped by."""
        return list(self.manifest["by"])

    @property
    def encodings(self) -> list[str]:
        """The names of the encodings."""
        return list(self.totals.encodings)

    @property
    def is_estimate(self) -> bool:
        """Whether the sums are estimates from a sample, or were asked for as such."""
        return self.manifest.get("sample") is not None

    @property
    def base(self) -> Mapping[str, str | None] | None:
        """The key of the group that the others are divided by."""
        return cast("Mapping[str, str | None] | None", self.manifest["base"])

    @property
    def measures(self) -> list[str]:
        """The names of the estimates of a group, those relative to the base last."""
        return [*self.manifest["measures"], *(TO_BASE if self.base is not None else ())]

    def get(self, *key: str | None, encoding: str | None = None) -> Density:
        """The density of the group with this key, under the first encoding unless another is named.

        Raises ``UnknownGroupError``.
        """
        for group in self.groups:
            if tuple(group.key.values()) == key:
                return group.encodings[encoding or self.encodings[0]]
        raise unknown_group(",".join(str(value) for value in key), [group.key for group in self.groups])

    def sorted_by(self, key: str, *, reverse: bool = False) -> DensityReport:
        """The same report with its groups in another order, as :meth:`Report.sorted_by` has it."""
        check_order(key, self.sort_keys())

        def value(group: DensityGroup) -> float | None:
            first = group.encodings[self.encodings[0]]
            if key in first.estimates:
                return first[key].value
            size: float | None = first.tokens if key == "tokens" else getattr(group, key)
            return size

        return replace(self, groups=in_order(self.groups, key, value, reverse=reverse))

    def top(self, most: int) -> DensityReport:
        """The same report with the first groups alone, as :meth:`Report.top` has it."""
        return replace(self, manifest=noted_top(self.manifest, most, len(self.groups)), groups=self.groups[:most])

    def sort_keys(self) -> list[str]:
        """What `sorted_by` takes."""
        return ["key", *SUMS, *self.measures]

    def fields(self) -> list[tuple[str, Kind]]:
        sums = ["documents", "bytes", "chars"]
        sums += [name for name in ("graphemes", "words") if getattr(self.totals, name) is not None]
        fixed: list[tuple[str, Kind]] = [
            ("encoding", "string"),
            *_of_kind("integer", (*sums, "tokens", *(("tokens_low", "tokens_high") if self.is_estimate else ()))),
            *_of_kind("real", [name + end for name in self.measures for end in ("", "_low", "_high")]),
            ("script", "string"),
            ("script_share", "real"),
            ("mixed_script_share", "real"),
        ]
        names = {name for name, _ in fixed}
        return [(f"key.{key}" if key in names else key, "string") for key in self.by] + fixed

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per group and encoding; one row per encoding, of the totals, where nothing is grouped."""
        for group in self.groups if self.by else [self.totals]:
            for name in self.encodings:
                each = group.encodings[name]
                sums = [group.documents, group.bytes, group.chars]
                sums += [value for value in (group.graphemes, group.words) if value is not None]
                estimates = [each.estimates.get(measure, Estimate(None, None, None)) for measure in self.measures]
                values = [value for e in estimates for value in (e.value, e.low, e.high)]
                script, share = next(iter(group.script_shares.items()), (None, None))
                key = group.key.values() if self.by else ()
                tokens: tuple[int | None, ...] = (each.tokens,)
                if group.intervals is not None:
                    tokens += group.intervals.tokens[name] or (None, None)
                yield (*key, name, *sums, *tokens, *values, script, share, group.mixed_script_share)

    def content(self) -> dict[str, Any]:
        """A note, totals, groups and ledger: see docs/density.md."""
        return {
            "note": NOTE,
            "totals": self.totals.to_dict(),
            "groups": [{"key": dict(group.key), **group.to_dict()} for group in self.groups],
            "undetermined_documents": self.undetermined_documents,
            "ledger": self.ledger.to_dict(),
        }

    def __repr__(self) -> str:
        return f"<fasttok.DensityReport of {self.totals.documents:,} documents in {len(self.groups):,} groups>"


def _of_kind(kind: Kind, names: Iterable[str]) -> list[tuple[str, Kind]]:
    return [(name, kind) for name in names]
