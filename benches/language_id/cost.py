"""What the script histogram and the detector cost beside counting: `python -m benches.language_id.cost [--data DIR]`.

CPU time of one thread on documents that the process has not seen, after others of the same file: counting with
o200k_base, the histogram of scripts, and the detector on the first bytes of each document. In turns, five rounds, each
on documents of its own; the sums of the rounds are compared.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zstandard

import fasttok
from fasttok._fasttok import _scripts_of
from fasttok.inputs.labels import DETECT_BYTES

ROOT = Path(__file__).parent.parent.parent
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("FASTTOK_DATA", ROOT.parent / "shared" / "corpora"))
    parser.add_argument("--detect-bytes", type=int, default=DETECT_BYTES)
    given = parser.parse_args()
    encoding = fasttok.get_encoding("o200k_base")
    columns = "KB per document | counting, MB/s | scripts, MB/s | of counting | detector, µs per document | of counting"
    print(f"| | {columns} |")
    print("|---|---|---|---|---|---|---|")
    for file in sorted(Path(given.data).glob("*.jsonl.zst")):
        with zstandard.open(file, "rb") as stream:
            documents = [json.loads(line)["text"] for line in io.TextIOWrapper(stream, encoding="utf-8")]
        warm, fresh = documents[::3], [d for i, d in enumerate(documents) if i % 3]
        encoding.count_batch(warm, threads=1)
        counting = scripts = detecting = 0.0
        for i in range(ROUNDS):
            part = fresh[i::ROUNDS]
            counting += seconds(lambda part=part: encoding.count_batch(part, threads=1))
            # The first call makes the UTF-8 of a str, which is no part of the histogram.
            _scripts_of(part)
            scripts += min(seconds(lambda part=part: _scripts_of(part)) for _ in range(3))
            detecting += detector_seconds(part, given.detect_bytes)
        size = sum(len(text.encode()) for text in fresh)
        print(
            f"| {file.name.split('.')[0]} | {size / len(fresh) / 1e3:.1f} | {size / counting / 1e6:.0f} "
            f"| {size / scripts / 1e6:,.0f} | {scripts / counting:.1%} "
            f"| {detecting / len(fresh) * 1e6:.1f} | {detecting / counting:.0%} |",
            flush=True,
        )


def detector_seconds(documents: list[str], size: int) -> float:
    """CPU time of the detector: the difference of two runs over a file of beginnings, with and without it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "beginnings.jsonl"
        beginnings = [text.encode()[:size].decode(errors="ignore") for text in documents]
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in beginnings), encoding="utf-8")

        def run(detect: bool) -> float:
            return seconds(
                lambda: fasttok.count_corpus(path, "r50k_base", detect_language=detect, detect_bytes=size, threads=1)
            )

        run(True)
        return max(0.0, min(run(True) for _ in range(3)) - min(run(False) for _ in range(3)))


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
