"""Percentile bootstrap intervals of ratios of sums, over units drawn with replacement.

Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7 (1979). The draws are those of
`scipy.stats.bootstrap(..., method="percentile", paired=True, rng=seed)`, so that its intervals are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Real = npt.NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 0

_DRAWN_AT_ONCE = 1 << 22
"""Units drawn before they are summed: 32 MB of indices, whatever the text."""


def resampled_sums(values: npt.ArrayLike, *, resamples: int = RESAMPLES, seed: int = SEED) -> Real:
    """Sums of `values` over resampled units: see :meth:`Resampling.sums`."""
    matrix = np.asarray(values)
    return Resampling(matrix.shape[1], resamples=resamples, seed=seed).sums(matrix)


class Resampling:
    """Units drawn with replacement, the same for all sums that are taken."""

    def __init__(self, units: int, *, resamples: int = RESAMPLES, seed: int = SEED) -> None:
        self._units = units
        self._resamples = resamples
        self._seed = seed
        self._step = max(1, _DRAWN_AT_ONCE // max(1, units))
        # Drawing takes longer than summing, and here it is kept where it is not much.
        self._kept: list[Real] | None = None

    def sums(self, values: npt.ArrayLike) -> Real:
        """Sums of `values` over the resampled units.

        values: float64 or integers, of shape (series, units). All series are drawn together: what is unit i in one is
            unit i in all.

        Returns float64 of shape (resamples, series). Sums of integers are exact below 2**53.
        """
        matrix = np.ascontiguousarray(np.asarray(values, dtype=np.float64).T)
        if self._kept is None and self._resamples <= self._step:
            self._kept = list(self._times())
        parts = [times @ matrix for times in (self._times() if self._kept is None else self._kept)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _times(self) -> Iterator[Real]:
        """How often each unit was drawn, a row a resample, some resamples at once."""
        units = self._units
        generator = np.random.default_rng(self._seed)
        for start in range(0, self._resamples, self._step):
            count = min(self._step, self._resamples - start)
            drawn = generator.integers(0, units, (count, units))
            drawn += (np.arange(count) * units)[:, None]
            times = np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units)
            yield times.astype(np.float64)


def interval(statistics: Real, confidence: float = CONFIDENCE) -> Real:
    """The percentile interval of resampled `statistics` of shape (resamples, ...): shape (2, ...), low and high."""
    tail = (1 - confidence) / 2
    bounds: Real = np.percentile(statistics, [100 * tail, 100 * (1 - tail)], axis=0)
    return bounds


def bootstrap_manifest(
    over: str, *, confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Any]:
    """What a manifest says of intervals; `over` is what was drawn."""
    return {"method": "percentile", "confidence": confidence, "resamples": resamples, "seed": seed, "over": over}


def gini(costs: npt.ArrayLike) -> Real:
    """The Gini coefficient of `costs` along the last axis: half the mean absolute difference over the mean.

    0 where all are equal; at most 1 - 1/n.
    """
    ordered = np.sort(np.asarray(costs, dtype=np.float64), axis=-1)
    n = ordered.shape[-1]
    weights = 2 * np.arange(1, n + 1) - n - 1
    # Not `@`: for so little, the threads of a BLAS wait longer than they work.
    coefficient: Real = (ordered * weights).sum(axis=-1) / (n * ordered.sum(axis=-1))
    return coefficient
