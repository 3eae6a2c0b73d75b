"""The measurement: who counts what, when, against which run of tiktoken. Results go to `samples`, never to a screen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .envs import Environment
from .process import WorkerError, WorkerProcess
from .rivals import REFERENCE
from .samples import Problem, Results, Sample, Setting, compare
from .text import Slice, Text
from .vocab import VocabularyFiles

T = TypeVar("T")

AGAIN_BYTES = 500_000
"""How much of the warm-up text is counted once more before each slice, to bring back what the others' turns evicted."""

CALLS_SLICE_BYTES = 1_000_000
SLOW_SLICE_BYTES = 1_500_000


@dataclass(frozen=True)
class Options:
    """Sizes of a run."""

    rounds: int
    passes: int
    slice_bytes: float
    warm_bytes: float
    cold_bytes: float
    cold_rounds: int
    core: int
    cores: tuple[int, ...]
    timeout: float


@dataclass(frozen=True)
class Entrant:
    """An installed rival with the vocabulary files of the encoding at hand."""

    environment: Environment
    files: VocabularyFiles

    @property
    def name(self) -> str:
        """The rival's name."""
        return self.environment.rival.name

    @property
    def slow(self) -> bool:
        """Whether it is given shorter slices."""
        return self.environment.rival.slow


class Measurement:
    """All rivals on one language in one setting."""

    def __init__(
        self, setting: Setting, text: Text, entrants: Sequence[Entrant], options: Options, results: Results
    ) -> None:
        self._setting = setting
        self._text = text
        self._options = options
        self._results = results
        self._reference = next(entrant for entrant in entrants if entrant.name == REFERENCE)
        self._others = [entrant for entrant in entrants if entrant.name != REFERENCE]

    def fresh(self) -> None:
        """Warmed processes on slices that they have never seen; every pass begins with new processes."""
        size = self._options.slice_bytes
        if self._setting.shape == "calls":
            size = min(size, CALLS_SLICE_BYTES)
        plan = self._text.plan(self._options.warm_bytes, size, self._options.rounds)
        again = self._text.head(plan.warm, AGAIN_BYTES)
        for number in range(self._options.passes):
            with ExitStack() as stack:
                running = {
                    entrant.name: process
                    for entrant in (self._reference, *self._others)
                    if (process := self._warmed(stack, entrant, plan.warm))
                }
                reference = running.pop(REFERENCE, None)
                if reference is None:
                    return
                for index, part in enumerate(plan.slices):
                    self._round(number * len(plan.slices) + index, part, again, reference, running)

    def cold(self) -> None:
        """New processes: import, load, and the first text that they ever see."""
        part = self._text.first(self._options.cold_bytes)
        for number in range(self._options.cold_rounds):
            reference = self._cold_answer(self._reference, part)
            if reference is None:
                return
            self._keep("cold", REFERENCE, number, part, reference, reference)
            for entrant in _rotated(self._others, number):
                if entrant.slow and number:
                    continue
                answer = self._cold_answer(entrant, part)
                if answer is not None:
                    self._keep("cold", entrant.name, number, part, answer, reference)

    def _round(
        self,
        number: int,
        part: Slice,
        again: Slice,
        reference: _Running,
        running: dict[str, _Running],
    ) -> None:
        """Every rival in turn on one slice, each next to a run of tiktoken; who of the two begins alternates."""
        if not running:
            answer = self._ask(reference, part, again)
            self._keep("fresh", REFERENCE, number, part, answer, answer)
        for turn, name in enumerate(_rotated(list(running), number)):
            rival = running[name]
            own = self._text.head(part, SLOW_SLICE_BYTES) if rival.entrant.slow else part
            reference_first = (number + turn) % 2 == 0
            try:
                if reference_first:
                    expected = self._ask(reference, own, again)
                    answer = self._ask(rival, own, again)
                else:
                    answer = self._ask(rival, own, again)
                    expected = self._ask(reference, own, again)
            except _Failed as failed:
                self._problem("fresh", failed.name, str(failed))
                if failed.name == REFERENCE:
                    return
                del running[name]
                continue
            self._keep("fresh", name, number, own, answer, expected)
            if not rival.entrant.slow:
                self._keep("fresh", REFERENCE, number, own, expected, expected)

    def _warmed(self, stack: ExitStack, entrant: Entrant, warm: Slice) -> _Running | None:
        try:
            process = stack.enter_context(self._start(entrant))
            loaded = process.ask("load")
            process.ask("count", **self._request(warm, None))
        except WorkerError as error:
            self._problem("fresh", entrant.name, str(error))
            return None
        return _Running(entrant, process, loaded)

    def _ask(self, rival: _Running, part: Slice, again: Slice) -> dict[str, Any]:
        try:
            return {**rival.loaded, **rival.process.ask("count", **self._request(part, again))}
        except WorkerError as error:
            raise _Failed(rival.entrant.name, str(error)) from error

    def _cold_answer(self, entrant: Entrant, part: Slice) -> dict[str, Any] | None:
        if self._results.problem(self._setting, "cold", self._text.language, entrant.name):
            return None  # it failed in an earlier round
        try:
            with self._start(entrant) as process:
                return process.ask("count", **self._request(part, None, load=True))
        except WorkerError as error:
            self._problem("cold", entrant.name, str(error))
            return None

    def _start(self, entrant: Entrant) -> WorkerProcess:
        options, threads = self._options, self._setting.threads
        cores = [options.core] if threads == 1 else list(options.cores[-threads:])
        return WorkerProcess(entrant.environment, entrant.files, threads, cores, options.timeout)

    def _request(self, part: Slice, again: Slice | None, load: bool = False) -> dict[str, Any]:
        return {
            "shape": self._setting.shape,
            "text": self._source(part),
            "again": None if again is None else self._source(again),
            "load": load,
        }

    def _source(self, part: Slice) -> dict[str, Any]:
        if self._setting.shape == "jsonl":
            return {"path": str(self._text.jsonl(part))}
        return {"path": str(self._text.path), "first": part.first, "last": part.last}

    def _keep(
        self, phase: str, rival: str, number: int, part: Slice, answer: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        try:
            compared, differing = compare(answer["counts"], expected["counts"])
        except ValueError as error:
            self._problem(phase, rival, str(error))
            return
        setting = self._setting
        self._results.samples.append(
            Sample(
                encoding=setting.encoding,
                shape=setting.shape,
                threads=setting.threads,
                phase=phase,
                language=self._text.language,
                rival=rival,
                round=number,
                first=part.first,
                last=part.last,
                bytes=expected["bytes"] or self._text.size(part),
                units=len(expected["counts"]),
                cpu_s=answer["cpu_s"],
                wall_s=answer["wall_s"],
                reference_cpu_s=expected["cpu_s"],
                reference_wall_s=expected["wall_s"],
                load_cpu_s=answer["load_cpu_s"],
                load_wall_s=answer["load_wall_s"],
                reference_load_cpu_s=expected["load_cpu_s"],
                reference_load_wall_s=expected["load_wall_s"],
                tokens=sum(answer["counts"]),
                reference_tokens=sum(expected["counts"]),
                compared=compared,
                differing=differing,
                load_rss_bytes=answer["load_rss_bytes"],
                added_peak_bytes=answer["added_peak_bytes"],
                peak_bytes=answer["peak_bytes"],
            )
        )

    def _problem(self, phase: str, rival: str, reason: str) -> None:
        setting = self._setting
        self._results.problems.append(
            Problem(setting.encoding, setting.shape, setting.threads, phase, self._text.language, rival, reason)
        )


@dataclass(frozen=True)
class _Running:
    """A loaded and warmed process."""

    entrant: Entrant
    process: WorkerProcess
    loaded: dict[str, Any]


class _Failed(Exception):
    """A rival that gave no answer for a slice."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def _rotated(items: Sequence[T], by: int) -> list[T]:
    """The same order, begun elsewhere each time."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]


def remove_jsonl(folder: Path) -> None:
    """Drop the slices that were written as JSONL files."""
    for path in folder.glob("*.jsonl"):
        path.unlink()
