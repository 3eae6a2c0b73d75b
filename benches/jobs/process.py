"""Runs a command and tells what it cost: wall time, CPU time, and the most memory that it and its children held."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.01
"""Seconds between two looks at the memory."""


@dataclass(frozen=True)
class Cost:
    """What a command cost, and what it printed."""

    wall: float
    cpu: float
    """Of all its processes."""
    peak: int
    """Bytes: the sum over its processes, of pages that they share the fraction of each."""
    output: str


class FailedError(Exception):
    """The command did not end well; the message is the last that it said."""


def run(command: Sequence[str], environment: Mapping[str, str], timeout: float) -> Cost:
    """Raises :class:`FailedError`."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        # A session of its own: its processes are known by it.
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, env={**os.environ, **environment}, start_new_session=True
        )
        watch = Watch(process.pid)
        if sys.platform == "linux":
            watch.start()
        killer = threading.Timer(timeout, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if watch.is_alive():
            watch.end()
        errors.seek(0)
        if process.returncode:
            said = errors.read().decode(errors="replace").strip().splitlines()
            raise FailedError(said[-1] if said else f"exit code {process.returncode}")
        output.seek(0)
        cpu = max(usage.ru_utime + usage.ru_stime, watch.cpu)
        return Cost(wall, cpu, watch.peak, output.read().decode())


class Watch(threading.Thread):
    """Looks at the processes of a session until it is told to end."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._ended = threading.Event()
        self._seconds: dict[int, float] = {}
        self.peak = 0

    @property
    def cpu(self) -> float:
        """Seconds of all processes as they were last seen: also of those that nobody waited for."""
        return sum(self._seconds.values())

    def run(self) -> None:
        while not self._ended.wait(INTERVAL):
            held = 0
            for process in map(int, filter(str.isdecimal, os.listdir("/proc"))):
                with contextlib.suppress(OSError, IndexError):  # it ended meanwhile
                    if os.getsid(process) == self._session:
                        held += _held(process)
                        self._seconds[process] = _seconds(process)
            self.peak = max(self.peak, held)

    def end(self) -> None:
        self._ended.set()
        self.join()


def _held(process: int) -> int:
    """Bytes, shared ones by the fraction that is this process's."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(rollup.split("\nPss:")[1].split()[0]) * 1024


def _seconds(process: int) -> float:
    """CPU time."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
