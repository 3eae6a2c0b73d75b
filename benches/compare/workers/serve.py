"""The worker side of the benchmark: one process, one tokenizer, JSON lines in and out.

A worker script defines an `Adapter` and calls `serve`. Everything that is not counting stays outside the clock:
documents are read from a packed file and decoded to `list[str]` before it starts, and counts are turned into plain
integers after it stops. Only the standard library is imported here, so that "cold" times begin before the rival's own
imports. This module must not know any rival, nor how results are compared.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import resource
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import documents


@dataclass(frozen=True)
class Vocabulary:
    """Where the vocabulary files of one encoding are."""

    encoding: str
    ranks: Path
    tokenizer_json: Path


class Adapter(ABC):
    """How one tokenizer is driven through its public interface. Special tokens in the text are ordinary text."""

    @abstractmethod
    def load(self, vocabulary: Vocabulary, threads: int) -> None:
        """Import the library and make the tokenizer ready; `threads` is what later calls may use."""

    @abstractmethod
    def count_batch(self, documents: list[str]) -> Iterable[int]:
        """Tokens of each document, in order."""

    @abstractmethod
    def count_text(self, text: str) -> int:
        """Tokens of one string: the call that a user with a single string makes."""

    def count_lines(self, lines: list[str]) -> Iterable[int]:
        """Tokens of each of very many short strings."""
        return self.count_batch(lines)

    def count_string(self, text: str) -> int:
        """Tokens of one very large string, on all threads that the tokenizer can use."""
        return self.count_text(text)

    def count_jsonl(self, path: str) -> Iterable[int]:
        """Tokens of each record's `text` in a JSONL file.

        A library without a file interface is used as its users do: read, parse, count the batch.
        """
        with open(path, encoding="utf-8") as lines:
            return self.count_batch([json.loads(line)["text"] for line in lines])

    def ids_batch(self, documents: list[str]) -> Iterable[int]:
        """Numbers of ids of each document, the ids made in the form that the library has for a batch."""
        raise NotImplementedError("makes no ids")

    def list_batch(self, documents: list[str]) -> list[list[int]]:
        """The ids of each document as a list of Python integers."""
        raise NotImplementedError("makes no ids")

    def list_text(self, text: str) -> list[int]:
        """The ids of one string as a list of Python integers."""
        raise NotImplementedError("makes no ids")


class Worker:
    """Executes the driver's requests against one adapter."""

    def __init__(self, adapter: Adapter, vocabulary: Vocabulary, threads: int) -> None:
        self._adapter = adapter
        self._vocabulary = vocabulary
        self._threads = threads

    def load(self) -> dict[str, Any]:
        """Import the library and load the vocabulary, timed to the first count of one word.

        Some libraries put work off until they are first used; it is loading all the same.
        """
        clock = Clock()
        self._adapter.load(self._vocabulary, self._threads)
        list(self._adapter.count_batch(["word"]))
        cpu, wall = clock.read()
        return {"load_cpu_s": cpu, "load_wall_s": wall, "load_rss_bytes": resident_bytes()}

    def count(self, shape: str, text: dict[str, Any], again: dict[str, Any] | None, load: bool) -> dict[str, Any]:
        """Count `text` in the given shape, timed.

        With `load` the library is imported and loaded first, timed on its own. `again` is text that this process has
        counted before: it is counted once more just before the clock starts, because the others' turns emptied this
        core's caches and branch predictors, which no user's running process would find empty.
        """
        shaped = self._shaped(shape, text)
        timing = self.load() if load else {}
        if again is not None:
            self._counts(shape, self._shaped(shape, again))
        gc.collect()
        before = resident_bytes()
        reset_peak()
        clock = Clock()
        counts = self._counts(shape, shaped)
        cpu, wall = clock.read()
        peak = peak_bytes()
        return {
            **timing,
            "cpu_s": cpu,
            "wall_s": wall,
            "bytes": self._size(shape, shaped),
            "counts": [int(count) for count in counts],
            "added_peak_bytes": max(0, peak - before),
            "peak_bytes": peak,
        }

    @staticmethod
    def _shaped(shape: str, text: dict[str, Any]) -> Any:
        if shape == "jsonl":
            return text["path"]
        texts = documents.read(Path(text["path"]), int(text["first"]), int(text["last"]))
        if shape == "string":
            return documents.joined(texts)
        if shape in ("lines", "calls"):
            return documents.lines(texts)
        return texts

    @staticmethod
    def _size(shape: str, shaped: Any) -> int | None:
        if shape == "jsonl":
            return None  # the driver knows: the file holds more than the text
        if shape == "string":
            return len(shaped.encode("utf-8"))
        return sum(len(unit.encode("utf-8")) for unit in shaped)

    def _counts(self, shape: str, shaped: Any) -> Iterable[int]:
        adapter = self._adapter
        if shape == "string":
            return [adapter.count_string(shaped)]
        if shape == "jsonl":
            return adapter.count_jsonl(shaped)
        if shape == "lines":
            return adapter.count_lines(shaped)
        if shape == "calls":
            count_text = adapter.count_text
            return [count_text(text) for text in shaped]
        if shape == "ids":
            return adapter.ids_batch(shaped)
        if shape == "lists":
            return [len(ids) for ids in adapter.list_batch(shaped)]
        if shape == "list":
            list_text = adapter.list_text
            return [len(list_text(text)) for text in shaped]
        return adapter.count_batch(shaped)


class Clock:
    """CPU seconds of the whole process (every thread) and wall seconds, since construction."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def read(self) -> tuple[float, float]:
        """`(cpu, wall)` so far."""
        return time.process_time() - self._cpu, time.perf_counter() - self._wall


def resident_bytes() -> int:
    """Resident memory now (0 where the system does not tell)."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Highest resident memory since the last `reset_peak`.

    `ru_maxrss` is the fallback only: Linux carries it over `exec`, so a small worker would report its parent's peak.
    """
    peak = _status("VmHWM")
    if peak:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak() -> None:
    """Start a new high-water mark, so that each slice's own memory can be told (Linux)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as control:
        control.write("5")


def _status(field: str) -> int:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def serve(adapter: Adapter) -> None:
    """Read requests from stdin until it closes; answer each with one JSON line."""
    options = _options()
    if options.cores and hasattr(os, "sched_setaffinity"):
        # Before the library is imported: thread pools size themselves by what they see.
        os.sched_setaffinity(0, {int(core) for core in options.cores.split(",")})
    # Whatever a library prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(adapter, Vocabulary(options.encoding, options.ranks, options.tokenizer_json), options.threads)
    operations: dict[str, Callable[..., dict[str, Any]]] = {"load": worker.load, "count": worker.count}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": True, **operations[request.pop("op")](**request)}
        except BaseException as error:  # a Rust panic is a BaseException; the driver decides what to do
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoding", required=True)
    parser.add_argument("--ranks", type=Path, required=True)
    parser.add_argument("--tokenizer-json", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cores", default="")
    return parser.parse_args()
