"""Time of `encode` and `encode_batch` by the drop-in of tokenizers and by tokenizers itself, on one thread: `python -m
benches.dropins TOKENIZER.json`."""

from __future__ import annotations

import os

# Before the library is imported.
os.environ |= {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "FASTTOK_NUM_THREADS": "1"}

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tokenizers

from benches.compare import machine, text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level
from fasttok.compat import tokenizers as compat

ROOT = Path(__file__).parents[2]
MB = 1_000_000
SHAPES = ("encode_batch, ids", "encode, ids", "encode_batch, ids, tokens and offsets")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.dropins", description=__doc__)
    parser.add_argument("tokenizer", type=Path, help="a tokenizer.json")
    parser.add_argument("--languages", default="eng_Latn,zho_Hans,jpn_Jpan,rus_Cyrl,hin_Deva,code", metavar="CODE,...")
    parser.add_argument("--slices", type=int, default=5, help="of each text, for each shape (default: %(default)s)")
    parser.add_argument("--mb", type=float, default=0.3, help="of each slice (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "dropins", help="text made ready")
    arguments = parser.parse_args()
    corpora = text.corpora_folder(arguments.data, ROOT)
    theirs: Any = tokenizers.Tokenizer.from_file(str(arguments.tokenizer))
    ours: Any = compat.Tokenizer.from_file(str(arguments.tokenizer))
    print(f"{arguments.tokenizer.name}, tokenizers {version('tokenizers')}, {simd_level()}, ", end="")
    print(f"load average {machine.load_average()}\n")
    print(f"|  | {' | '.join(SHAPES)} |\n|{' --- |' * (len(SHAPES) + 1)}")
    for name in arguments.languages.split(","):
        size = arguments.mb * MB
        # A slice to get warm, then others, each of which is read once for each shape.
        # The last document of a slice may be long.
        enough = 1.4 * (1 + arguments.slices * len(SHAPES)) * size
        packed = text.prepare(name, corpora, arguments.cache, enough)
        part = packed.first(enough)
        slices = in_slices(documents.read(packed.path, part.first, part.last), size)
        cells = measured(ours, theirs, next(slices), [next(slices) for _ in range(arguments.slices * len(SHAPES))])
        print(f"| {text.LANGUAGES[name]} | {' | '.join(cells)} |", flush=True)


def in_slices(texts: list[str], size: float) -> Iterator[list[str]]:
    """Whole texts of at least `size` bytes together, and what is left."""
    found: list[str] = []
    have = 0
    for each in texts:
        found.append(each)
        have += len(each.encode())
        if have >= size:
            yield found
            found, have = [], 0
    yield found


def measured(ours: Any, theirs: Any, warm: list[str], slices: list[list[str]]) -> list[str]:
    """For each shape how many times as fast `ours` is, median of slices, with MB per CPU second of both."""
    for each in (ours, theirs):
        each.encode_batch(warm)
    cells = []
    for i in range(len(SHAPES)):
        rates: dict[bool, list[float]] = {True: [], False: []}
        for turn, texts in enumerate(slices[i :: len(SHAPES)]):
            found = []
            for is_ours in (True, False) if turn % 2 else (False, True):
                made, seconds = timed(partial(run, ours if is_ours else theirs, texts, i))
                found.append(made)
                rates[is_ours].append(sum(len(each.encode()) for each in texts) / seconds / MB)
            assert found[0] == found[1], "the drop-in differs"
        ratio = statistics.median(a / b for a, b in zip(rates[True], rates[False], strict=True))
        cells.append(f"{ratio:.1f} [{statistics.median(rates[True]):.1f}, {statistics.median(rates[False]):.1f}]")
    return cells


def run(tokenizer: Any, texts: list[str], shape: int) -> Any:
    """The result of a shape, as lists of Python."""
    if shape == 1:
        return [tokenizer.encode(each).ids for each in texts]
    encodings = tokenizer.encode_batch(texts)
    if shape == 0:
        return [each.ids for each in encodings]
    return [(each.ids, each.tokens, each.offsets) for each in encodings]


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the CPU seconds that it took."""
    begin = time.process_time()
    made = call()
    return made, time.process_time() - begin


if __name__ == "__main__":
    main()
