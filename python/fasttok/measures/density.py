"""What text costs, by group and encoding: density of any corpus, with bootstrap intervals over documents.

This module measures; `fasttok.reports.density` holds what was found. Density says what this text costs. What the same
content costs in another language is `fasttok.premium`'s to say, on parallel text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

import fasttok._fasttok as _fasttok
from fasttok._util.languages import same_language
from fasttok._util.paths import PathLike
from fasttok.errors import InputError, TooManyGroupsError
from fasttok.inputs.labels import undetermined
from fasttok.measures.bootstrap import CONFIDENCE, RESAMPLES, SEED, bootstrap_manifest, interval, resampled_sums
from fasttok.measures.corpus import CorpusRun, run_corpus
from fasttok.options import LANGUAGE, CorpusOptions, EstimatingKeywords, documented, given
from fasttok.reports.count import Asked, Tally
from fasttok.reports.density import (
    ALWAYS,
    TO_BASE,
    WITH_GRAPHEMES,
    WITH_PARTIAL,
    WITH_WORDS,
    Density,
    DensityGroup,
    DensityReport,
    Estimate,
)
from fasttok.reports.groups import named, unknown_group
from fasttok.tokenizers.resolve import Spec

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack

    Real = npt.NDArray[np.float64]


MAX_GROUPS = 10_000
"""A group's intervals take some 100 kB while they are made."""

RATIOS: dict[str, tuple[str, str]] = {
    "tokens_per_char": ("tokens", "chars"),
    "chars_per_token": ("chars", "tokens"),
    "bytes_per_token": ("bytes", "tokens"),
    "tokens_per_grapheme": ("tokens", "graphemes"),
    "tokens_per_word": ("tokens", "words"),
    "single_token_word_share": ("single_token_words", "words"),
    "partial_token_share": ("partial_tokens", "tokens"),
}
"""Each measure as dividend and divisor, both sums over documents."""


@documented(EstimatingKeywords, max_groups=MAX_GROUPS)
def density(
    paths: PathLike | Iterable[PathLike],
    encodings: Spec | Iterable[Spec] | Mapping[str, Spec] = ("o200k_base",),
    *,
    by: str | Iterable[str] = (),
    base: str | None = None,
    graphemes: bool = False,
    words: bool = False,
    partial_tokens: bool = False,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    progress: bool = False,
    **options: Unpack[EstimatingKeywords],
) -> DensityReport:
    """Tokens a character, bytes a token and the like, by group and encoding, with bootstrap intervals.

    paths, encodings, by, progress: as for :func:`count_corpus`.
    base: a group, by its key (several keys joined by commas), that the others are divided by. A language may
        be written in any form: ``eng``, ``en``, ``eng_Latn``.
    graphemes: count extended grapheme clusters (UAX #29).
    words: count words (UAX #29), and those that are one token by themselves or after a space.
    partial_tokens: count tokens that are not whole characters. Texts are encoded for it, which takes several
        times as long as counting.
    confidence: the share of the intervals; 0.95 unless said otherwise.
    resamples, seed: of the bootstrap, or `seed` alone of the sample. The result does not depend on the number of
        threads.
    {options}

    With `sample`, all sums are estimates, and the intervals of ratios are those of the estimate: 95 %, and without a
    bootstrap.

    Raises ``UnknownGroupError`` where `base` is no group, and what :func:`count_corpus` raises.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    taken = replace(given("density", options, EstimatingKeywords, max_groups=MAX_GROUPS), seed=seed)
    if taken.sample is not None:
        _check_sample(taken, confidence)
    if taken.detect_language is None and not by and not taken.is_labelled:
        taken = replace(taken, detect_language=True)
    run = run_corpus(
        paths,
        encodings,
        by,
        taken,
        progress,
        graphemes=graphemes,
        words=words,
        partial_tokens=partial_tokens,
        bootstrap=taken.sample is None,
    )
    measures = ALWAYS + WITH_GRAPHEMES * graphemes + WITH_WORDS * words + WITH_PARTIAL * partial_tokens
    if taken.sample is not None:
        return _estimated(run, taken, taken.sample, base, graphemes, words, measures)
    all_sums = [run.result.totals, *(run.result.groups[i] for i in range(len(run.result.groups)))]
    keys = [dict(zip(run.by, sums.key, strict=True)) for sums in all_sums[1:]]
    samples = [_Sample.of(sums, run.encodings) for sums in all_sums]
    bootstrap = _resampled(samples, resamples, seed)

    based: _Based | None = None
    if base is not None:
        place = _base_group(base, keys)
        # Drawn apart from the other groups: the two sides of a ratio are different documents.
        (drawn,) = _resampled([samples[place + 1]], resamples, seed + 1)
        based = _Based(place, samples[place + 1], drawn)

    def group(i: int, sums: _fasttok.CorpusSums, key: Mapping[str, str | None]) -> DensityGroup:
        by_encoding = {}
        for name in run.encodings:
            estimates = {m: _estimate(m, name, samples[i], bootstrap[i], confidence) for m in measures}
            if based is not None and keys:
                estimates |= _to_base(name, i - 1, samples[i], bootstrap[i], based, confidence)
            by_encoding[name] = Density(sums.tokens[run.encodings.index(name)], estimates)
        return DensityGroup(
            key=key,
            documents=sums.documents,
            bytes=sums.bytes,
            chars=sums.chars,
            graphemes=sums.graphemes if graphemes else None,
            words=sums.words if words else None,
            scripts=sums.scripts,
            mixed_script_documents=sums.mixed_script_documents,
            encodings=by_encoding,
        )

    totals = group(0, all_sums[0], {})
    groups = [group(i, sums, key) for i, (sums, key) in enumerate(zip(all_sums[1:], keys, strict=True), 1)]
    drawn_of = bootstrap_manifest(
        f"{'records' if taken.format == 'messages' else 'documents'}, or 1024 random parts of a group with more",
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    based_on = None if based is None else keys[based.place]
    return _report(run, taken, measures, based_on, drawn_of, totals, groups)


def _report(
    run: CorpusRun,
    taken: CorpusOptions,
    measures: Sequence[str],
    base: Mapping[str, str | None] | None,
    bootstrap: Mapping[str, Any] | None,
    totals: DensityGroup,
    groups: Sequence[DensityGroup],
    **more: Any,
) -> DensityReport:
    manifest = {
        **run.manifest,
        "unicode_segmentation": _fasttok.SEGMENTATION_UNICODE_VERSION,
        "base": base,
        "measures": list(measures),
        "bootstrap": bootstrap,
        **more,
    }
    documents = [group.documents for group in groups]
    unlabelled = undetermined([group.key for group in groups], documents) if taken.is_labelled else None
    return DensityReport(manifest, totals, groups, run.ledger, unlabelled).sorted_by("tokens")


def _check_sample(taken: CorpusOptions, confidence: float) -> None:
    """Raise for what an estimate has not."""
    asked = {
        "confidence": confidence != CONFIDENCE,
        "checkpoint": taken.checkpoint is not None,
        "per_document": taken.per_document is not None,
    }
    for name, is_asked in asked.items():
        if is_asked:
            raise InputError(f"{name} and sample do not go together: leave out one of them")


def _estimated(
    run: CorpusRun,
    taken: CorpusOptions,
    fraction: float,
    base: str | None,
    graphemes: bool,
    words: bool,
    measures: Sequence[str],
) -> DensityReport:
    """The report of a run over a sample."""
    from fasttok.measures.sampling import Sums, sample_manifest

    sums = Sums(run.result, Asked(run.encodings, run.by, False, [], True))
    if len(sums.keys) > taken.max_groups:
        error = TooManyGroupsError(
            f"more than {taken.max_groups} groups by {', '.join(run.by)} in the sample; raise max_groups"
        )
        error.by, error.max_groups = run.by, taken.max_groups
        raise error
    place = None if base is None else _base_group(base, sums.keys)

    def group(i: int) -> DensityGroup:
        tally = sums.tally(i, Tally)
        by_encoding = {}
        for name in run.encodings:
            ratios = {measure: sums.ratio(i, *RATIOS[measure], name) for measure in measures}
            if place is not None and i > 0:
                of_base = {measure: RATIOS[measure.removesuffix("_to_base")] for measure in TO_BASE}
                ratios |= {m: sums.ratio_to(i, place + 1, *ratio, name) for m, ratio in of_base.items()}
            estimates = {
                measure: Estimate(None, None, None)
                if ratio is None
                else Estimate(ratio.value, *(ratio.interval or (None, None)))
                for measure, ratio in ratios.items()
            }
            by_encoding[name] = Density(tally.tokens[name], estimates)
        return DensityGroup(
            key=sums.keys[i - 1] if i else {},
            documents=tally.documents,
            bytes=tally.bytes,
            chars=tally.chars,
            graphemes=round(sums.value(i, "graphemes")) if graphemes else None,
            words=round(sums.value(i, "words")) if words else None,
            scripts=tally.scripts,
            mixed_script_documents=tally.mixed_script_documents,
            encodings=by_encoding,
            intervals=tally.intervals,
        )

    groups = [group(i) for i in range(1, 1 + len(sums.keys))]
    sample = sample_manifest(fraction, taken.seed, run.result.sample)
    return _report(
        run, taken, measures, None if place is None else sums.keys[place], None, group(0), groups, sample=sample
    )


@dataclass(frozen=True)
class _Sample:
    """Sums of documents, or of parts of a group, that are drawn from: float64 of shape (series, units)."""

    values: Real
    series: Mapping[str, int]

    @classmethod
    def of(cls, sums: _fasttok.CorpusSums, encodings: Sequence[str]) -> _Sample:
        names = ["bytes", "chars", "graphemes", "words"]
        by_encoding = {
            "tokens": sums.tokens,
            "single_token_words": sums.single_token_words,
            "partial_tokens": sums.partial_tokens,
        }
        for name, values in by_encoding.items():
            names += [f"{name} {encodings[i]}" for i in range(len(values))]
        units = np.frombuffer(sums.bootstrap, dtype=np.uint64).reshape(-1, sums.bootstrap_columns or len(names))
        return cls(units.T.astype(np.float64), {name: i for i, name in enumerate(names)})

    def ratio(self, measure: str, encoding: str, sums: Real) -> Real:
        """The measure of each row of sums; NaN where the divisor is zero."""
        dividend, divisor = (
            sums[..., self.series[name if name in self.series else f"{name} {encoding}"]] for name in RATIOS[measure]
        )
        return np.divide(dividend, divisor, out=np.full_like(dividend, np.nan), where=divisor != 0)

    def total(self) -> Real:
        """The sums over all units, of shape (1, series)."""
        return cast("Real", self.values.sum(axis=1)[None, :])


def _resampled(samples: Sequence[_Sample], resamples: int, seed: int) -> list[Real | None]:
    """Sums over resampled units of each sample, of shape (resamples, series); None where there are fewer than two.

    Samples of as many units are drawn together: that is what takes the time.
    """
    sums: list[Real | None] = [None] * len(samples)
    by_units: dict[int, list[int]] = {}
    for i, sample in enumerate(samples):
        by_units.setdefault(sample.values.shape[1], []).append(i)
    for units, places in by_units.items():
        if units >= 2:
            stacked = np.concatenate([samples[i].values for i in places])
            drawn = resampled_sums(stacked, resamples=resamples, seed=seed)
            for i, part in zip(places, np.split(drawn, len(places), axis=1), strict=True):
                sums[i] = part
    return sums


@dataclass(frozen=True)
class _Based:
    place: int
    sample: _Sample
    sums: Real | None


def _estimate(measure: str, encoding: str, sample: _Sample, sums: Real | None, confidence: float) -> Estimate:
    value = sample.ratio(measure, encoding, sample.total())
    return _with_interval(value, None if sums is None else sample.ratio(measure, encoding, sums), confidence)


def _to_base(
    encoding: str, place: int, sample: _Sample, sums: Real | None, base: _Based, confidence: float
) -> dict[str, Estimate]:
    estimates = {}
    for name in TO_BASE:
        measure = name.removesuffix("_to_base")
        value = sample.ratio(measure, encoding, sample.total())
        value = value / base.sample.ratio(measure, encoding, base.sample.total())
        if place == base.place:
            one = None if np.isnan(value[0]) else 1.0
            estimates[name] = Estimate(one, one, one)
            continue
        drawn = None
        if sums is not None and base.sums is not None:
            drawn = sample.ratio(measure, encoding, sums) / base.sample.ratio(measure, encoding, base.sums)
        estimates[name] = _with_interval(value, drawn, confidence)
    return estimates


def _with_interval(value: Real, drawn: Real | None, confidence: float) -> Estimate:
    """`drawn` without the resamples that had no divisor."""
    if not np.isfinite(value[0]):
        return Estimate(None, None, None)
    drawn = None if drawn is None else drawn[np.isfinite(drawn)]
    if drawn is None or not drawn.size:
        return Estimate(float(value[0]), None, None)
    low, high = interval(drawn, confidence)
    return Estimate(float(value[0]), float(low), float(high))


def _base_group(base: str, keys: Sequence[Mapping[str, str | None]]) -> int:
    """The place of the group that `base` names."""
    for i, key in enumerate(keys):
        if named(key) == base:
            return i
    for i, key in enumerate(keys):
        parts = base.split(",")
        if len(parts) == len(key) and all(
            same_language(part, value) if name == LANGUAGE else part == value
            for part, (name, value) in zip(parts, key.items(), strict=True)
        ):
            return i
    raise unknown_group(base, keys)
