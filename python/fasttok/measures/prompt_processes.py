"""Processes that render and count conversations: a template is a program of Python, and one process runs one at a time.

Each is an interpreter of its own that is told what to do over its standard input. It neither imports the caller's main
module nor inherits its threads. Also the module that such a process runs.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from fasttok._fasttok import Document
from fasttok.errors import FasttokError
from fasttok.measures.prompt import Prompts
from fasttok.measures.prompt_sums import Counted, counted

if TYPE_CHECKING:
    from typing_extensions import Self

BEFORE = 8 << 20
"""So many characters of records are done in this process, before others are begun: these take 0.2 s to begin."""

COMMAND = f"import {__name__} as p; p.work()"
"""What such a process runs."""


class Pool:
    """Counts batches of conversations, in their order: the first ones here, more of them in other processes."""

    def __init__(self, prompts: Prompts, threads: int | None) -> None:
        self._prompts = prompts
        self._threads = threads
        self._processes = (threads or os.cpu_count() or 1) if _has_interpreter() else 1
        self._workers: list[_Worker] = []
        self._told = b""
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._helpers = ThreadPoolExecutor(max(self._processes, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.close(kill=error is not None)
        self._helpers.shutdown(cancel_futures=True)

    def each(self, batches: Iterable[list[Document]]) -> Iterator[tuple[list[Document], Counted]]:
        """Each batch and its sums. At most one batch more than there are processes waits."""
        under_way: deque[tuple[list[Document], Future[Counted]]] = deque()
        here = 0
        for batch in batches:
            records = [document.text for document in batch]
            here += sum(map(len, records))
            if here <= BEFORE or not self._begun():
                yield batch, counted(self._prompts, records, self._threads)
                continue
            under_way.append((batch, self._helpers.submit(self._elsewhere, records)))
            if len(under_way) > self._processes:
                done, sums = under_way.popleft()
                yield done, sums.result()
        for done, sums in under_way:
            yield done, sums.result()

    def _begun(self) -> bool:
        """Begin one process more, unless that is all; whether there are any."""
        if self._processes < 2:
            return False
        if len(self._workers) < self._processes:
            try:
                self._told = self._told or pickle.dumps(self._prompts)
            except Exception:  # Of what a caller gave, anything may be in the way.
                self._processes = 1
                return False
            worker = _Worker(self._told)
            self._workers.append(worker)
            self._idle.put(worker)
        return True

    def _elsewhere(self, records: Sequence[str]) -> Counted:
        worker = self._idle.get()
        try:
            return worker.counted(records)
        finally:
            self._idle.put(worker)


class _Worker:
    def __init__(self, prompts: bytes) -> None:
        path = os.pathsep.join(each for each in sys.path if each)
        options: dict[str, Any] = {}
        if sys.platform == "win32":
            options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
        else:
            # Ctrl-C is for the process that began it.
            options["start_new_session"] = True
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            **options,
        )
        self._told = prompts

    def counted(self, records: Sequence[str]) -> Counted:
        """The sums of records. Raises ``FasttokError`` where the process ended."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            if self._told:
                process.stdin.write(self._told)
                self._told = b""
            pickle.dump(records, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            done = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            code = process.wait()
            raise FasttokError(f"a process that renders conversations ended with code {code}") from error
        if isinstance(done, BaseException):
            raise done
        assert isinstance(done, Counted)
        return done

    def close(self, kill: bool) -> None:
        """End the process, which has nothing to do; or whatever it does."""
        process = self._process
        if kill:
            process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                _quietly(stream.close)
        process.wait()


def _quietly(close: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        close()


def _has_interpreter() -> bool:
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def work() -> None:
    """Do what comes over standard input, until it ends."""
    told, answers = sys.stdin.buffer, sys.stdout.buffer
    # What a template prints is no answer.
    sys.stdout = sys.stderr
    _work(told, answers)


def _work(told: IO[bytes], answers: IO[bytes]) -> None:
    prompts: Prompts | None = None
    while True:
        try:
            prompts = prompts or pickle.load(told)
            records = pickle.load(told)
        except EOFError:
            return
        try:
            done: Counted | Exception = counted(prompts, records, 1)
        except Exception as error:
            done = error
        pickle.dump(done, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()
