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

_NUMBERS = ("documents", "bytes", "chars", "mixed_script_documents", "graphemes", "words")
"""What is summed of a unit, and after it, each by encoding, what is in `_BY_ENCODING`. What was not measured is 0."""

_BY_ENCODING = ("tokens", "single_token_words", "partial_tokens")

Real = npt.NDArray[np.float64]

_Tally = TypeVar("_Tally", bound=Tally)


class _Cell:
    """The sums of a group by unit."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.units: list[int] = []
        self.sums: list[list[int]] = []
        self.certain: list[list[int]] = []
        self.scripts: defaultdict[str, float] = defaultdict(float)

    @classmethod
    def exact(cls, sums: _fasttok.CorpusSums) -> _Cell:
        """That of sums of all that there is."""
        numbers = _numbers(sums)
        cell = cls(len(numbers))
        cell.certain.append(numbers)
        return cell


def _numbers(sums: _fasttok.CorpusSums) -> list[int]:
    """What is summed of a unit."""
    numbers = [getattr(sums, name) or 0 for name in _NUMBERS]
    for name in _BY_ENCODING:
        numbers += getattr(sums, name) or [0] * len(sums.tokens)
    return numbers


class Estimates(NamedTuple):
    """What a run over a sample says of its corpus."""

    totals: Tally
    groups: list[Group]


class Ratio(NamedTuple):
    """A ratio of two estimated sums of a group, and its 95 % interval; None where too little was drawn to say."""

    value: float
    interval: tuple[float, float] | None


class Sums:
    """What a run over a sample says of the corpus: of all of it, which is the group 0, and then of each group."""

    def __init__(self, result: _fasttok.CorpusResult, asked: Asked) -> None:
        self._asked = asked
        self._drawn = None if result.sample is None else _Drawn(result.sample)
        self._exact = []
        if result.sample is None:
            # All was read.
            self._exact = [result.totals, *_all(result.groups)]
            cells = {sums.key: _Cell.exact(sums) for sums in self._exact[1:]}
            whole = _Cell.exact(result.totals)
        else:
            whole, cells = _cells(result, result.sample)
        self.keys = [dict(zip(asked.by, key, strict=True)) for key in cells] if asked.by else []
        self._cells = [whole, *cells.values()][: 1 + len(self.keys)]
        self._sums = [_sums(cell, self._drawn) for cell in self._cells]

    def tally(self, group: int, kind: type[_Tally], **more: Any) -> _Tally:
        """The sums of a group, with their intervals, as `kind`, which takes `more`."""
        if self._drawn is None:
            return _exactly(kind._from_sums(self._exact[group], self._asked, **more))
        return kind(**self._drawn.estimate(self._cells[group], self._asked), **more)

    def value(self, group: int, name: str, encoding: str | None = None) -> float:
        """The estimate of one sum of a group, not rounded."""
        return float(self._sums[group].values[self._column(name, encoding)])

    def ratio(self, group: int, dividend: str, divisor: str, encoding: str) -> Ratio | None:
        """The ratio of two sums of a group; None where the divisor is zero."""
        found = self._linear(group, dividend, divisor, encoding)
        if found is None:
            return None
        value, units, residuals = found
        return Ratio(value, self._interval(value, units, residuals))

    def ratio_to(self, group: int, base: int, dividend: str, divisor: str, encoding: str) -> Ratio | None:
        """The same relative to that of the group `base`; None where a divisor is zero."""
        found, of_base = (self._linear(each, dividend, divisor, encoding) for each in (group, base))
        if found is None or of_base is None or not of_base[0]:
            return None
        value = found[0] / of_base[0]
        if group == base:
            return Ratio(value, (value, value))
        if self._drawn and any(len(np.unique(units)) < LEAST_UNITS for _, units, _ in (found, of_base)):
            return Ratio(value, None)
        # What documents of both are in one unit have in common takes from the variance, or adds to it.
        residuals = np.concatenate([found[2] / of_base[0], -of_base[2] * value / of_base[0]])
        return Ratio(value, self._interval(value, np.concatenate([found[1], of_base[1]]), residuals))

    def _column(self, name: str, encoding: str | None) -> int:
        if name in _NUMBERS:
            return _NUMBERS.index(name)
        encodings = self._asked.encodings
        return len(_NUMBERS) + _BY_ENCODING.index(name) * len(encodings) + encodings.index(str(encoding))

    def _linear(
        self, group: int, dividend: str, divisor: str, encoding: str
    ) -> tuple[float, npt.NDArray[np.int64], Real] | None:
        """A ratio, and by how much each unit draws it up or down: its linearization, of which the total has the
        variance of the ratio."""
        sums = self._sums[group]
        above, below = (self._column(name, encoding) for name in (dividend, divisor))
        if not sums.values[below]:
            return None
        value = float(sums.values[above] / sums.values[below])
        return value, sums.units, (sums.by_unit[:, above] - value * sums.by_unit[:, below]) / sums.values[below]

    def _interval(self, value: float, units: npt.NDArray[np.int64], residuals: Real) -> tuple[float, float] | None:
        if self._drawn is None:
            return value, value
        if len(np.unique(units)) < LEAST_UNITS:
            return None
        half = float(self._drawn.half_widths(units, residuals[:, None])[0])
        return max(value - half, 0.0), value + half


def estimates(result: _fasttok.CorpusResult, asked: Asked) -> Estimates:
    """The totals and groups of the corpus that `result` is a run over a sample of."""
    sums = Sums(result, asked)
    return Estimates(sums.tally(0, Tally), [sums.tally(i, Group, key=key) for i, key in enumerate(sums.keys, 1)])


def _cells(
    result: _fasttok.CorpusResult, sample: _fasttok.CorpusSample
) -> tuple[_Cell, dict[tuple[str | None, ...], _Cell]]:
    """The sums of all units, and of those of each group, in the order of their keys."""
    index = {name: i for i, name in enumerate(sample.units)}
    weights = _Drawn(sample).weights
    width = len(_numbers(result.totals))
    cells: defaultdict[tuple[str | None, ...], _Cell] = defaultdict(lambda: _Cell(width))
    whole = _Cell(width)
    for sums in _all(result.groups):
        name, *key = sums.key
        numbers = _numbers(sums)
        weight = 1.0 if name == _CERTAIN else float(weights[index[str(name)]])
        for cell in (whole, cells[tuple(key)]):
            if name == _CERTAIN:
                cell.certain.append(numbers)
            else:
                cell.units.append(index[str(name)])
                cell.sums.append(numbers)
            for script, chars in sums.scripts.items():
                cell.scripts[script] += weight * chars
    return whole, dict(sorted(cells.items(), key=lambda item: [(value is None, value or "") for value in item[0]]))


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


class _CellSums(NamedTuple):
    """The estimated sums of a group: float64 of shape (columns,), and those of its units, of shape (rows, columns)."""

    values: Real
    seen: Real
    units: npt.NDArray[np.int64]
    by_unit: Real


def _sums(cell: _Cell, drawn: _Drawn | None) -> _CellSums:
    """The estimates of the sums of `cell`."""
    counted = np.array(cell.certain, dtype=np.float64).reshape(-1, cell.width).sum(axis=0)
    by_unit = np.array(cell.sums, dtype=np.float64).reshape(-1, cell.width)
    units = np.array(cell.units, dtype=np.int64)
    seen = counted + by_unit.sum(axis=0)
    values = seen if drawn is None else np.maximum(counted + drawn.weights[units] @ by_unit, seen)
    return _CellSums(values, seen, units, by_unit)


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
        # Words and what else a count has not are not among them.
        told = [*range(4), *range(len(_NUMBERS), len(_NUMBERS) + len(asked.encodings))]
        found = _sums(cell, self)
        values, seen, by_unit = found.values[told], found.seen[told], found.by_unit[:, told]
        intervals: list[Interval] = [None] * len(told)
        if len(np.unique(found.units)) >= LEAST_UNITS:
            halves = self.half_widths(found.units, by_unit)
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
            "tokens": dict(zip(names, numbers[4:], strict=True)),
            "scripts": scripts,
            "intervals": Intervals(
                documents=intervals[0],
                bytes=intervals[1],
                chars=intervals[2],
                tokens=dict(zip(names, intervals[4:], strict=True)),
            ),
        }

    def half_widths(self, units: npt.NDArray[np.int64], sums: Real) -> Real:
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
