"""Time of counting with fewer and more threads than cores: `python -m benches.threads --help`."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import fasttok
from benches.compare import machine, text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level

ROOT = Path(__file__).parents[2]
MB = 1_000_000


@dataclass(frozen=True)
class Times:
    """Seconds of one call."""

    wall: float
    cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.threads", description=__doc__)
    parser.add_argument("--encoding", default="o200k_base", help="default: %(default)s")
    parser.add_argument("--languages", default="eng_Latn,zho_Hans,code,mixed", metavar="CODE,...")
    parser.add_argument("--threads", default="1,2,4,8,16", metavar="N,...", help="the first is the measure of the rest")
    parser.add_argument("--mb", type=float, default=20, help="of each text (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of all numbers of threads, alternately")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "threads", help="text made ready")
    parser.add_argument("--memory", type=int, metavar="N", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        print(resident(arguments.encoding, arguments.memory))
        return 0
    threads = [int(number) for number in arguments.threads.split(",")]
    corpora = text.corpora_folder(arguments.data, ROOT)
    encoding = fasttok.get_encoding(arguments.encoding)
    cores, load = len(machine.available_cores()), machine.load_average()
    print(f"{arguments.encoding}, {simd_level()}, {cores} cores, load average {load}\n")
    rows = {}
    for name in arguments.languages.split(","):
        packed = text.prepare(name, corpora, arguments.cache, arguments.mb * MB)
        part = packed.first(arguments.mb * MB)
        batch = documents.read(packed.path, part.first, part.last)
        for shape, texts in (("documents", batch), ("one string", [documents.joined(batch)])):
            calls = {number: counting(encoding, texts, number) for number in threads}
            rows[f"{text.LANGUAGES[name]}, {shape}"] = in_turns(calls, arguments.rounds)
    print(table(rows))
    print("\n| workers | resident, MB |\n|---|---|")
    for number in (1, 2, 3, 4):
        command = [sys.executable, "-m", "benches.threads", "--encoding", arguments.encoding, "--memory", str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        print(f"| {number} | {int(done.stdout) / MB:.1f} |")
    return 0


def counting(encoding: fasttok.Encoding, texts: list[str], threads: int) -> Callable[[], int]:
    """Counts all of `texts` with that many threads."""
    return lambda: int(encoding.count_batch(texts, threads=threads).sum())


def in_turns(calls: Mapping[int, Callable[[], int]], rounds: int) -> dict[int, list[Times]]:
    """Each call once a round, after one round that is not timed; all must give the same."""
    answers = {call() for call in calls.values()}
    found: dict[int, list[Times]] = {number: [] for number in calls}
    for _ in range(rounds):
        for number, call in calls.items():
            wall, cpu = time.perf_counter(), time.process_time()
            answers.add(call())
            found[number].append(Times(time.perf_counter() - wall, time.process_time() - cpu))
    if len(answers) != 1:
        raise SystemExit(f"the count depends on the number of threads: {sorted(answers)}")
    return found


def table(rows: Mapping[str, Mapping[int, Sequence[Times]]]) -> str:
    """Medians over the rounds of each time over that of the first number of threads in the same round."""
    numbers = list(next(iter(rows.values())))
    lines = [
        "| | " + " | ".join(f"{number}: wall / CPU" for number in numbers) + " |",
        "|---" * (len(numbers) + 1) + "|",
    ]
    for label, row in rows.items():
        first = row[numbers[0]]
        cells = []
        for number in numbers:
            pairs = list(zip(row[number], first, strict=True))
            wall = statistics.median(times.wall / base.wall for times, base in pairs)
            cpu = statistics.median(times.cpu / base.cpu for times, base in pairs)
            cells.append(f"{wall:.2f} / {cpu:.2f}")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def resident(name: str, workers: int) -> int:
    """Bytes resident in this process once `workers` workers have counted."""
    encoding = fasttok.get_encoding(name)
    encoding.count_batch(["some words and 一些汉字 " * 4_000] * 400, threads=workers)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    raise SystemExit(main())
