"""Where the weights of instructions come from: samples of time by `perf`, or counted instructions by callgrind.

Both give weights by the address of an instruction in a program that is linked to fixed addresses.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

SOURCES = {
    "perf-cycles": "CPU cycles, sampled by perf",
    "perf-clock": "CPU time, sampled by perf's clock (this machine shows no cycles)",
    "callgrind": "instructions, counted by callgrind (waits for memory do not show; without AVX-512)",
}


class NoSourceError(Exception):
    """Nothing on this machine tells where the time goes; the message says what to install."""


def choose(wanted: str | None = None) -> str:
    """The best source that works here, or `wanted` if that does."""
    names = [wanted] if wanted else list(SOURCES)
    for name in names:
        if shutil.which("addr2line") and _works(name):
            return name
    raise NoSourceError(
        f"none of {', '.join(names)} works here: install binutils (addr2line) and either perf, with "
        "kernel.perf_event_paranoid at most 2, or valgrind"
    )


RUNS = {"callgrind": 1}
"""How often a program is run; samples of time need more than one."""


def weights(source: str, command: list[str]) -> Counter[int]:
    """Run `command` and weigh its instructions."""
    return sum((_weights(source, command) for _ in range(RUNS.get(source, 5))), Counter())


def _weights(source: str, command: list[str]) -> Counter[int]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        if source == "callgrind":
            _run(["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-strings=no", "--compress-pos=no",
                  f"--callgrind-out-file={data}", *command])  # fmt: skip
            with data.open(encoding="utf-8", errors="replace") as lines:
                return parse_callgrind(lines, command[0])
        _run([*_record(source), "-o", str(data), "--", *command])
        return parse_perf(_run(["perf", "script", "-i", str(data), "-F", "ip"]).splitlines())


def parse_perf(lines: Iterable[str]) -> Counter[int]:
    """One sample a line: its address."""
    return Counter(int(line, 16) for line in lines if line.strip())


def parse_callgrind(lines: Iterable[str], program: str) -> Counter[int]:
    """Self costs of the instructions in `program`, and at address 0 those of everything else."""
    found: Counter[int] = Counter()
    inside = call = False
    for line in lines:
        if line.startswith("ob="):
            inside = line[3:].strip() == program
        elif line.startswith("calls="):
            call = True  # the next line is what the callee cost
        elif line.startswith("0x"):
            address, _, cost = line.split()[:3]
            if not call:
                found[int(address, 16) if inside else 0] += int(cost)
            call = False
    return found


def _record(source: str) -> list[str]:
    event = "cycles:u" if source == "perf-cycles" else "cpu-clock:u"
    return ["perf", "record", "--quiet", "-e", event, "-F", "5000"]


def _works(source: str) -> bool:
    program = "valgrind" if source == "callgrind" else "perf"
    if not shutil.which(program):
        return False
    if source == "callgrind":
        return True
    if source == "perf-cycles":
        # Without counters `perf record` takes the clock instead and does not say so.
        command = ["perf", "stat", "-e", "cycles:u", "true"]
        counted = subprocess.run(command, capture_output=True, text=True, check=False)
        if counted.returncode or "<not " in counted.stderr:
            return False
    with tempfile.TemporaryDirectory() as folder:
        command = [*_record(source), "-o", f"{folder}/data", "--", "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stderr.strip()[-500:] or done.returncode}")
    return done.stdout
