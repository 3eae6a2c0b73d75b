"""The driver's end of a worker process: start it, ask it, survive it.

A worker may crash, hang or print; none of that may end the run. Every failure becomes a `WorkerError` with a reason
that fits into a table.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any

from .envs import Environment
from .vocab import VocabularyFiles


class WorkerError(Exception):
    """Why a rival gave no figure."""


class WorkerProcess:
    """One rival's process, pinned to `cores`."""

    def __init__(
        self, environment: Environment, files: VocabularyFiles, threads: int, cores: list[int], timeout: float
    ) -> None:
        rival = environment.rival
        command = [str(environment.python), str(rival.script), "--encoding", files.encoding]
        command += ["--ranks", str(files.ranks), "--tokenizer-json", str(files.tokenizer_json)]
        command += ["--threads", str(threads), "--cores", ",".join(map(str, cores))]
        self._timeout = timeout
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._pending = b""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **rival.environment(files, threads)},
            )
        except OSError as error:
            self._errors.close()
            raise WorkerError(f"could not be started: {error}") from error
        assert self._process.stdout is not None
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise WorkerError(self._death()) from None
        answer: dict[str, Any] = json.loads(self._line())
        if not answer.pop("ok"):
            raise WorkerError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the process, by force if it does not go when its input closes."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        self._errors.close()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        deadline = time.monotonic() + self._timeout
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                self._process.kill()
                raise WorkerError(f"no answer within {self._timeout:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise WorkerError(self._death())
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _death(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{how}: {said[-1][:300]}" if said else how
