"""What is kept of every measurement, and how figures are made of it. Knows neither processes nor Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

DISTURBED = 1.15
"""A one-thread sample whose wall time is this many times its CPU time shared its core with something."""


@dataclass(frozen=True)
class Setting:
    """What is the same for all rivals of one table."""

    encoding: str
    shape: str
    threads: int


@dataclass(frozen=True)
class Sample:
    """One rival on one slice, and tiktoken on the same slice just before or after."""

    encoding: str
    shape: str
    threads: int
    phase: str
    """`fresh` or `cold`."""
    language: str
    rival: str
    round: int
    first: int
    last: int
    bytes: int
    units: int
    """Strings that were counted."""
    cpu_s: float
    wall_s: float
    reference_cpu_s: float
    reference_wall_s: float
    load_cpu_s: float
    load_wall_s: float
    reference_load_cpu_s: float
    reference_load_wall_s: float
    tokens: int
    reference_tokens: int
    compared: int
    """Numbers that were compared with tiktoken's: one a string, or the total alone."""
    differing: int
    load_rss_bytes: int
    """Resident memory once loaded (of a cold process: with its text)."""
    added_peak_bytes: int
    """How far resident memory rose above what it was before this count. Freed memory is reused, so that only the first
    count of a process tells all of it."""
    peak_bytes: int

    @property
    def setting(self) -> Setting:
        """The table that this sample belongs to."""
        return Setting(self.encoding, self.shape, self.threads)


@dataclass(frozen=True)
class Problem:
    """A cell without a figure, and why."""

    encoding: str
    shape: str
    threads: int
    phase: str
    language: str
    rival: str
    reason: str

    @property
    def setting(self) -> Setting:
        """The table that this cell belongs to."""
        return Setting(self.encoding, self.shape, self.threads)


@dataclass(frozen=True)
class Spread:
    """A median and the extremes around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Over at least one value."""
        seen = sorted(values)
        return cls(statistics.median(seen), seen[0], seen[-1])


@dataclass(frozen=True)
class Fresh:
    """A warm process on text that it has never seen."""

    ratio: Spread
    """tiktoken's time over this rival's, slice by slice: CPU time with one thread, wall time with more."""
    cpu_mb_s: Spread
    wall_mb_s: Spread
    call_ns: Spread
    """Nanoseconds of CPU a string."""
    samples: int
    slice_bytes: int
    compared: int
    differing: int
    token_difference: int
    load_rss_bytes: int
    """Resident memory of the process once the vocabulary was loaded."""
    peak_bytes: int
    """Resident memory of the process at its highest, the text of a slice included."""


@dataclass(frozen=True)
class Cold:
    """A new process."""

    ratio: Spread
    """tiktoken's CPU time over this rival's, import and vocabulary included."""
    mb_s: Spread
    """MB per CPU second, import and vocabulary included."""
    mb_s_without_load: Spread
    load_cpu_s: Spread
    load_wall_s: Spread
    samples: int
    bytes: int
    added_bytes: int
    """Memory that counting `bytes` of text took at its highest, over what text and vocabulary had taken before."""


def fresh(samples: Sequence[Sample]) -> Fresh | None:
    """The figures of one rival on one language; None without samples."""
    if not samples:
        return None
    wall = samples[0].threads > 1
    unique = list({(sample.first, sample.last): sample for sample in samples}.values())
    return Fresh(
        ratio=Spread.of(s.reference_wall_s / s.wall_s if wall else s.reference_cpu_s / s.cpu_s for s in samples),
        cpu_mb_s=Spread.of(s.bytes / s.cpu_s / 1e6 for s in samples),
        wall_mb_s=Spread.of(s.bytes / s.wall_s / 1e6 for s in samples),
        call_ns=Spread.of(s.cpu_s / s.units * 1e9 for s in samples),
        samples=len(samples),
        slice_bytes=round(statistics.median(s.bytes for s in samples)),
        compared=sum(s.compared for s in unique),
        differing=sum(s.differing for s in unique),
        token_difference=sum(s.tokens - s.reference_tokens for s in unique),
        load_rss_bytes=max(s.load_rss_bytes for s in samples),
        peak_bytes=max(s.peak_bytes for s in samples),
    )


def cold(samples: Sequence[Sample]) -> Cold | None:
    """The figures of one rival on one language; None without samples."""
    if not samples:
        return None
    return Cold(
        ratio=Spread.of((s.reference_load_cpu_s + s.reference_cpu_s) / (s.load_cpu_s + s.cpu_s) for s in samples),
        mb_s=Spread.of(s.bytes / (s.load_cpu_s + s.cpu_s) / 1e6 for s in samples),
        mb_s_without_load=Spread.of(s.bytes / s.cpu_s / 1e6 for s in samples),
        load_cpu_s=Spread.of(s.load_cpu_s for s in samples),
        load_wall_s=Spread.of(s.load_wall_s for s in samples),
        samples=len(samples),
        bytes=round(statistics.median(s.bytes for s in samples)),
        added_bytes=round(statistics.median(s.added_peak_bytes for s in samples)),
    )


def disturbed(samples: Iterable[Sample]) -> tuple[int, int]:
    """How many one-thread samples were disturbed, of how many."""
    single = [sample for sample in samples if sample.threads == 1]
    return sum(sample.wall_s > DISTURBED * sample.cpu_s for sample in single), len(single)


def compare(counts: Sequence[int], reference: Sequence[int]) -> tuple[int, int]:
    """`(compared, differing)`. A rival that reports only a total is held to the total."""
    if len(counts) == len(reference):
        return len(counts), sum(a != b for a, b in zip(counts, reference, strict=True))
    if len(counts) == 1:
        return 1, int(counts[0] != sum(reference))
    raise ValueError(f"{len(counts)} counts for {len(reference)} strings")


class Results:
    """Everything that a run found, in the form that is written and read as JSON."""

    def __init__(self, samples: Iterable[Sample] = (), problems: Iterable[Problem] = ()) -> None:
        self.samples = list(samples)
        self.problems = list(problems)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Results:
        """From the lists that `to_json` made; unknown fields of later versions are ignored."""
        return cls(
            (Sample(**_known(Sample, entry)) for entry in data["samples"]),
            (Problem(**_known(Problem, entry)) for entry in data["problems"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists of samples and problems."""
        return {
            "samples": [asdict(sample) for sample in self.samples],
            "problems": [asdict(problem) for problem in self.problems],
        }

    def settings(self) -> list[Setting]:
        """Every table, in order of measurement."""
        return list(dict.fromkeys([*(s.setting for s in self.samples), *(p.setting for p in self.problems)]))

    def languages(self, setting: Setting) -> set[str]:
        """The texts of one table."""
        samples = {s.language for s in self.samples if s.setting == setting}
        return samples | {p.language for p in self.problems if p.setting == setting}

    def pick(self, setting: Setting, phase: str, language: str, rival: str) -> list[Sample]:
        """The samples of one cell."""
        return [
            s
            for s in self.samples
            if s.setting == setting and (s.phase, s.language, s.rival) == (phase, language, rival)
        ]

    def problem(self, setting: Setting, phase: str, language: str, rival: str) -> Problem | None:
        """Why a cell has no figure."""
        for problem in self.problems:
            where = (problem.setting, problem.phase, problem.language, problem.rival)
            if where == (setting, phase, language, rival):
                return problem
        return None


def _known(kind: type[Any], entry: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in entry.items() if name in names}
