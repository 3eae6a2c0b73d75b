"""Totals of a corpus estimated from a sample of it, with 95 % intervals.

The compiled part draws bytes at random, two in each stratum, and counts the unit (block of lines, row group, file) that
holds each (`rust/corpus/src/sampling.rs`). Here are the formulas: docs/definitions.md has them with their
sources. Reads nothing and draws nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

import fasttok._fasttok as _fasttok
from fasttok.reports.count import Asked, Group, Interval, Intervals, Tally

CONFIDENCE = 0.95
LEAST_UNITS = 10
"""With documents from fewer units there is no interval."""

_CERTAIN = "certain"
"""The unit of documents that were counted whatever was drawn: `rust/corpus/src/sampling.rs` names it."""

_DRAWS = 2
"""Draws in a stratum."""

_NORMAL = 1.959963984540054
_STUDENT = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
"""The 97.5 % quantiles of Student's t with 1 to 10 degrees of freedom."""

_NUMBERS = 4
"""Documents, bytes, characters and documents of several scripts come before the tokens of each encoding."""

Real = npt.NDArray[np.float64]

_Tally = TypeVar("_Tally", bound=Tally)


class _Cell:
    """The sums of a group by unit."""

    def __init__(self) -> None:
        self.units: list[int] = []
        self.sums: list[list[int]] = []
        self.certain: list[list[int]] = []
        self.scripts: defaultdict[str, float] = defaultdict(float)


class Estimates(NamedTuple):
    """What a run over a sample says of its corpus."""

    totals: Tally
    groups: list[Group]


def estimates(result: _fasttok.CorpusResult, asked: Asked) -> Estimates:
    """The totals and groups of the corpus that `result` is a run over a sample of."""
    sample = result.sample
    if sample is None:
        exact = [Group._from_sums(s, asked, key=dict(zip(asked.by, s.key, strict=True))) for s in _all(result.groups)]
        totals = Tally._from_sums(result.totals, asked)
        return Estimates(_exactly(totals), [_exactly(group) for group in exact])
    drawn = _Drawn(sample)
    index = {name: i for i, name in enumerate(sample.units)}
    cells: defaultdict[tuple[str | None, ...], _Cell] = defaultdict(_Cell)
    whole = _Cell()
    for sums in _all(result.groups):
        name, *key = sums.key
        numbers = [sums.documents, sums.bytes, sums.chars, sums.mixed_script_documents, *sums.tokens]
        weight = 1.0 if name == _CERTAIN else float(drawn.weights[index[str(name)]])
        for cell in (whole, cells[tuple(key)]):
            if name == _CERTAIN:
                cell.certain.append(numbers)
            else:
                cell.units.append(index[str(name)])
                cell.sums.append(numbers)
            for script, chars in sums.scripts.items():
                cell.scripts[script] += weight * chars
    totals = Tally(**drawn.estimate(whole, asked))
    ordered = sorted(cells.items(), key=lambda item: [(value is None, value or "") for value in item[0]])
    groups = [Group(**drawn.estimate(cell, asked), key=dict(zip(asked.by, key, strict=True))) for key, cell in ordered]
    return Estimates(totals, groups if asked.by else [])


def _all(groups: _fasttok.CorpusGroups) -> Iterator[_fasttok.CorpusSums]:
    return (groups[i] for i in range(len(groups)))


def sample_manifest(fraction: float, seed: int, sample: _fasttok.CorpusSample | None) -> dict[str, Any]:
    """What a manifest says of the sample."""
    return {
        "fraction": fraction,
        "seed": seed,
        "exact": sample is None,
        "confidence": CONFIDENCE,
        "strata": None if sample is None else len(sample.strata),
        "draws": None if sample is None else len(sample.draw_units),
        "units": None if sample is None else len(sample.units),
    }


class _Drawn:
    """The draws of a sample, in the order in which they are in the corpus."""

    def __init__(self, sample: _fasttok.CorpusSample) -> None:
        self.unit = np.array(sample.draw_units, dtype=np.int64)
        strata = np.array(sample.strata, dtype=np.float64)
        self.bytes = np.array(sample.unit_bytes, dtype=np.float64)
        # Of each draw: the bytes that it stands for.
        self.stands_for: Real = strata[np.array(sample.draw_strata, dtype=np.int64)] / _DRAWS
        hit = self.unit >= 0
        self.weights: Real = np.zeros(len(self.bytes))
        np.add.at(self.weights, self.unit[hit], self.stands_for[hit] / self.bytes[self.unit[hit]])

    def estimate(self, cell: _Cell, asked: Asked) -> dict[str, Any]:
        """The arguments of a tally of the sums of `cell`."""
        width = _NUMBERS + len(asked.encodings)
        counted = np.array(cell.certain, dtype=np.float64).reshape(-1, width).sum(axis=0)
        sums = np.array(cell.sums, dtype=np.float64).reshape(-1, width)
        units = np.array(cell.units, dtype=np.int64)
        seen = counted + sums.sum(axis=0)
        values = np.maximum(counted + self.weights[units] @ sums, seen)
        intervals: list[Interval] = [None] * width
        if len(np.unique(units)) >= LEAST_UNITS:
            halves = self._half_widths(units, sums)
            intervals = [
                (max(math.floor(value - half), int(least)), math.ceil(value + half))
                for value, half, least in zip(values, halves, seen, strict=True)
            ]
        numbers = [round(value) for value in values]
        scripts = _adding_up(cell.scripts, numbers[2])
        names = asked.encodings
        return {
            "documents": numbers[0],
            "bytes": numbers[1],
            "chars": numbers[2],
            "mixed_script_documents": numbers[3],
            "tokens": dict(zip(names, numbers[_NUMBERS:], strict=True)),
            "scripts": scripts,
            "intervals": Intervals(
                documents=intervals[0],
                bytes=intervals[1],
                chars=intervals[2],
                tokens=dict(zip(names, intervals[_NUMBERS:], strict=True)),
            ),
        }

    def _half_widths(self, units: npt.NDArray[np.int64], sums: Real) -> Real:
        """Half of the 95 % interval of each estimate."""
        by_unit = np.zeros((len(self.bytes) + 1, sums.shape[1]))
        np.add.at(by_unit, units, sums)
        sizes = np.append(self.bytes, 1.0)
        # A draw that hit no unit has the last row, which is zero.
        rates = by_unit[self.unit] / sizes[self.unit][:, None]
        weights = self.stands_for[:, None] ** 2
        within = weights[::2] * (rates[::2] - rates[1::2]) ** 2
        draws = len(rates)
        steps = (weights[1:] + weights[:-1]) / 2 * np.diff(rates, axis=0) ** 2 / 2 * draws / (draws - 1)
        halves = np.zeros(sums.shape[1])
        for column in range(sums.shape[1]):
            terms = max((within[:, column], steps[:, column]), key=lambda terms: float(terms.sum()))
            if (variance := float(terms.sum())) > 0:
                halves[column] = student(_degrees(terms, draws // _DRAWS)) * math.sqrt(variance)
        return halves


def _degrees(terms: Real, strata: int) -> float:
    """Degrees of freedom of a sum of terms with one each: Satterthwaite's, without its bias where these are few."""
    return float(min(max(3 * terms.sum() ** 2 / (terms**2).sum() - 2, 1), strata))


def student(degrees: float) -> float:
    """The 97.5 % quantile of Student's t, of whole degrees of freedom: at 10 and below from the table, above by the
    expansion at the normal quantile (Abramowitz and Stegun 26.7.5), which is right to four digits there."""
    whole = int(degrees)
    if whole <= len(_STUDENT):
        return _STUDENT[whole - 1]
    z = float(_NORMAL)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / float(whole) ** (i + 1) for i, term in enumerate(terms))


def _adding_up(scripts: dict[str, float], chars: int) -> dict[str, int]:
    """Characters by script, rounded so that they add up to `chars`: the largest remainders are rounded up."""
    total = sum(scripts.values())
    if not total:
        return {}
    exact = {script: value / total * chars for script, value in sorted(scripts.items())}
    rounded = {script: math.floor(value) for script, value in exact.items()}
    missing = chars - sum(rounded.values())
    for script in sorted(exact, key=lambda script: rounded[script] - exact[script])[:missing]:
        rounded[script] += 1
    return {script: count for script, count in rounded.items() if count}


def _exactly(tally: _Tally) -> _Tally:
    """The same tally, with intervals of one number: all was read."""

    def only(number: int) -> Interval:
        return (number, number)

    intervals = Intervals(
        documents=only(tally.documents),
        bytes=only(tally.bytes),
        chars=only(tally.chars),
        tokens={name: only(tokens) for name, tokens in tally.tokens.items()},
    )
    return replace(tally, intervals=intervals)
