"""Time of splitting a text into slices of at most so many tokens: `python -m benches.slices --help`.

Beside `Encoding.split` stand semantic-text-splitter and semchunk, both with tiktoken, where they are installed. What
each gives is counted again: whether a slice is over the limit, and whether the slices joined are the text.
semchunk remembers what it was asked before: only the first of its rounds says what it takes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import fasttok
from benches.compare import machine, text
from benches.compare.workers import documents
from fasttok._fasttok import simd_level

ROOT = Path(__file__).parents[2]
Split = Callable[[str], Sequence[str]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.slices", description=__doc__)
    parser.add_argument("--encoding", default="o200k_base", help="default: %(default)s")
    parser.add_argument("--language", default="eng_Latn", help="default: %(default)s")
    parser.add_argument("--kb", type=int, default=600, help="of text (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=512, help="in a slice at most (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each, alternately (default: %(default)s)")
    parser.add_argument("--only", metavar="WORD", default="", help="those whose name has WORD")
    parser.add_argument("--data", type=Path, help="folder of LANGUAGE.jsonl.zst (default: as benches.compare)")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench-envs" / "slices", help="text made ready")
    arguments = parser.parse_args()
    size = arguments.kb * 1000
    packed = text.prepare(arguments.language, text.corpora_folder(arguments.data, ROOT), arguments.cache, size)
    part = packed.first(size)
    whole = documents.joined(documents.read(packed.path, part.first, part.last))
    encoding = fasttok.get_encoding(arguments.encoding)
    calls = ours(encoding, arguments.tokens) | rivals(arguments.encoding, arguments.tokens)
    calls = {name: call for name, call in calls.items() if arguments.only in name}
    size = len(whole.encode())
    print(
        f"{arguments.language}, {size / 1e6:.1f} MB in one text, {arguments.encoding}, at most {arguments.tokens} "
        f"tokens, {simd_level()}, {len(machine.available_cores())} cores, load average {machine.load_average()}\n\n"
        "| | seconds | MB/s | slices | over the limit | joined |\n|---|---|---|---|---|---|"
    )
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    slices: dict[str, Sequence[str]] = {}
    for _ in range(arguments.rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            slices[name] = call(whole)
            seconds[name].append(time.perf_counter() - start)
    for name, times in seconds.items():
        took = statistics.median(times)
        shown = f"| {name} | {took:.3f} | {size / took / 1e6:.1f} |"
        if name in ("encode", "count"):
            print(f"{shown} | | |")
            continue
        counts = encoding.count_batch(slices[name])
        over = int((counts > arguments.tokens).sum())
        joined = "the text" if "".join(slices[name]) == whole else "something else"
        print(f"{shown} {len(counts):,} | {over:,} | {joined} |")
    return 0


def ours(encoding: fasttok.Encoding, tokens: int) -> dict[str, Split]:
    boundaries = ("char", "word", "sentence", "paragraph")
    split: dict[str, Split] = {
        f"fasttok, {each}": partial(encoding.split, n=tokens, boundary=each)  # type: ignore[arg-type]
        for each in boundaries
    }
    return {"encode": lambda text: encoding.encode(text), "count": lambda text: str(encoding.count(text)), **split}


def rivals(name: str, tokens: int) -> dict[str, Split]:
    found: dict[str, Split] = {}
    try:
        import semchunk
        import tiktoken
        from semantic_text_splitter import TextSplitter
    except ImportError as error:
        print(f"not installed: {error.name}\n")
        return found
    model = {"o200k_base": "gpt-4o", "cl100k_base": "gpt-4"}[name]
    splitter = TextSplitter.from_tiktoken_model(model, tokens, trim=False)
    version = importlib.metadata.version("semantic-text-splitter")
    found[f"semantic-text-splitter {version}"] = splitter.chunks
    chunker = semchunk.chunkerify(tiktoken.get_encoding(name), tokens)
    found[f"semchunk {importlib.metadata.version('semchunk')}"] = lambda text: chunker(text)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
