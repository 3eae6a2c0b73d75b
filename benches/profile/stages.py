"""From instruction addresses to the stages of counting.

The compiler inlines nearly all of the counter into a few functions, so symbols say little. The line tables of the
program say for each instruction through which functions it was inlined; the innermost of them that belongs to a stage
decides.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

STAGES = {
    "scan": "classes of 64 bytes as masks",
    "boundary": "piece starts out of the masks; cuts of long pieces",
    "look-up": "keys, hashes, the queues and the cache",
    "merge": "merging what the cache does not know",
    "East Asian": "counting Han, kana and Hangul by the block",
    "tally": "the walk over the pieces and their sum",
    "other": "special tokens looked for, the C library",
}

ENGINE = "rust/engine/src/"

Frame = tuple[str, str]
"""A function's name and its source file."""

BOUNDARY_IN_BLOCK = re.compile(r"contraction|flood|digit_groups|with_white_space|byte_of")
LOOK_UP_IN_COUNTER = re.compile(r"look_up|drain|Queue|push|pop|insert_queued|DrainLong")
MERGE_IN_COUNTER = re.compile(r"Merge|merge_long|count_repeated")


PROBE = "outside"
"""What the probe does before it counts: checking that its file is UTF-8. It is in no table."""


def stage(frames: Iterable[Frame]) -> str:
    """The stage of an instruction, given the functions that it is inlined in, innermost first."""
    outside = "other"
    for function, file in frames:
        if function.endswith("run_utf8_validation"):
            outside = PROBE
        _, found, path = file.partition(ENGINE)
        if not found:
            continue  # kernels and tables (rust/simd) and libraries serve every stage: who called them decides
        if path == "pretokenize/block.rs":
            return "boundary" if BOUNDARY_IN_BLOCK.search(function) else "scan"
        if path == "classes.rs":
            return "scan"
        if path.startswith("pretokenize/") or path in ("bpe/alphabetic_segments.rs", "bpe/whole_chars.rs"):
            return "boundary"
        if path == "bpe/cache.rs":
            return "look-up"
        if path == "bpe/east_asian.rs":
            return "East Asian"
        if path.startswith("bpe/"):
            return "merge"
        if path.startswith("counter"):
            if LOOK_UP_IN_COUNTER.search(function):
                return "look-up"
            return "merge" if MERGE_IN_COUNTER.search(function) else "tally"
        return "other"
    return outside


def shares(weights: Mapping[int, float], loading: Mapping[int, float], program: Path) -> dict[str, float]:
    """The part of each stage in `weights`, which are by address in `program`, less those of `loading`."""
    found = frames(sorted({*weights, *loading}), program)
    sums: dict[str, float] = dict.fromkeys([*STAGES, PROBE], 0)
    for run, sign in ((weights, 1), (loading, -1)):
        for address, weight in run.items():
            sums[stage(found.get(address, []))] += sign * weight
    parts = {name: max(0.0, sums[name]) for name in STAGES}
    total = sum(parts.values())
    if not total:
        raise ValueError("counting took no longer than loading: take more text")
    return {name: part / total for name, part in parts.items()}


def frames(addresses: list[int], program: Path) -> dict[int, list[Frame]]:
    """The functions that each address belongs to, by binutils' `addr2line`."""
    command = ["addr2line", "-e", str(program), "--inlines", "--functions", "--demangle", "--addresses"]
    text = "\n".join(f"{address:#x}" for address in addresses)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return parse_frames(done.stdout)


def parse_frames(text: str) -> dict[int, list[Frame]]:
    """The answer of `addr2line`: an address, then a function and its source line alternately, innermost first."""
    found: dict[int, list[Frame]] = {}
    stack: list[Frame] = []
    function = None
    for line in text.splitlines():
        if function is None and re.fullmatch(r"0x[0-9a-f]+", line):
            stack = found.setdefault(int(line, 16), [])
        elif function is None:
            function = line
        else:
            stack.append((function, line.rpartition(":")[0]))
            function = None
    return found
