"""How often the intervals of `--sample` hold the truth: corpora whose totals are known, sampled again and again.

`python tests/sampling_trials.py [TRIALS] [MEGABYTES]` prints the table of docs/definitions.md; `test_sampling.py` runs
fewer trials on smaller corpora. Texts are sentences of the sample that ships inside, put together at random.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import NamedTuple

import fasttok

FRACTION = 0.01


class Trials(NamedTuple):
    """What came of many samples of a corpus."""

    corpus: str
    trials: int
    covered: dict[str, int]
    """In how many of them the interval held the truth, by sum."""
    width: float
    """Median width of the interval of tokens, of the tokens."""
    read: float
    """Median part of the bytes that was read."""
    seconds: float
    """Median time of a sample, of the time of counting all."""


def sentences() -> dict[str, list[str]]:
    """Sentences by language."""
    found: dict[str, list[str]] = {}
    text = (files("fasttok") / "demo" / "sample.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        record = json.loads(line)
        found.setdefault(record["language"], []).append(record["text"])
    return found


def document(rng: random.Random, known: list[str], size: float) -> str:
    """A text of about so many bytes."""
    parts: list[str] = []
    while size > 0:
        parts.append(rng.choice(known))
        size -= len(parts[-1].encode()) + 1
    return " ".join(parts)


def documents(rng: random.Random, total: int, heavy: bool = False) -> Iterator[tuple[str, str]]:
    """Language and text of documents that have so many bytes together. `heavy`: 1 % of them hold half the tokens."""
    by_language = sentences()
    languages = sorted(by_language)
    mean = 1500
    while total > 0:
        language = rng.choice(languages)
        size = mean * math.exp(rng.gauss(-0.5, 1))
        if heavy and rng.random() < 0.01:
            language = rng.choice(languages[:3])
            size = 99 * mean * rng.uniform(0.5, 1.5)
        text = document(rng, by_language[language], size)
        total -= len(text.encode())
        yield language, text


def jsonl(some: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> bytes:
    lines = (json.dumps({"language": language, "text": text}, ensure_ascii=False) for language, text in some)
    return "".join(f"{line}\n" for line in lines).encode()


def mixed(folder: Path, rng: random.Random, total: int) -> None:
    (folder / "a.jsonl").write_bytes(jsonl(documents(rng, total)))


def in_order(folder: Path, rng: random.Random, total: int) -> None:
    (folder / "a.jsonl").write_bytes(jsonl(sorted(documents(rng, total), key=lambda each: each[0])))


def heavy(folder: Path, rng: random.Random, total: int) -> None:
    (folder / "a.jsonl").write_bytes(jsonl(documents(rng, total, heavy=True)))


def small_files(folder: Path, rng: random.Random, total: int) -> None:
    for i, (language, text) in enumerate(documents(rng, total)):
        (folder / language).mkdir(exist_ok=True)
        (folder / language / f"{i}.txt").write_text(text, encoding="utf-8")


def packed(folder: Path, rng: random.Random, total: int) -> None:
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(documents(rng, total)), 1))


CORPORA: dict[str, Callable[[Path, random.Random, int], None]] = {
    "documents in any order": mixed,
    "sorted by language": in_order,
    "1 % of documents hold half the tokens": heavy,
    "small files, by language": small_files,
    "gzip": packed,
}


def trials(name: str, number: int, total: int, by: tuple[str, ...] = ()) -> Trials:
    """Samples the corpus of this name."""
    with tempfile.TemporaryDirectory() as folder:
        CORPORA[name](Path(folder), random.Random(name), total)
        start = time.perf_counter()
        truth = fasttok.count_corpus(folder, by=by)
        whole = time.perf_counter() - start
        (tokens,) = truth.totals.tokens.values()
        covered = dict.fromkeys(("tokens", "documents", "bytes", "chars"), 0)
        widths, read, seconds = [], [], []
        for seed in range(number):
            start = time.perf_counter()
            found = fasttok.count_corpus(folder, sample=FRACTION, seed=seed, by=by)
            seconds.append(time.perf_counter() - start)
            intervals = found.totals.intervals
            assert intervals is not None
            (of_tokens,) = intervals.tokens.values()
            assert of_tokens is not None
            widths.append((of_tokens[1] - of_tokens[0]) / tokens)
            read.append(found.manifest["bytes_read"] / truth.manifest["bytes_read"])
            for sum_of in covered:
                interval = of_tokens if sum_of == "tokens" else getattr(intervals, sum_of)
                right = tokens if sum_of == "tokens" else getattr(truth.totals, sum_of)
                covered[sum_of] += interval[0] <= right <= interval[1]
        return Trials(name, number, covered, median(widths), median(read), median(seconds) / whole)


class RatioTrials(NamedTuple):
    """What came of the densities of many samples of a corpus."""

    covered: dict[str, int]
    """In how many of them the interval held the truth, by measure."""
    width: float
    """Median width of the interval of tokens per character, of the truth."""


def ratio_trials(name: str, number: int, total: int) -> RatioTrials:
    """Samples the corpus of this name for the ratios of all of it, and of one language to another."""
    # Paths have the languages of small files, records have those of others.
    labels = {"language_from_path": True} if name.startswith("small files") else {"language_field": "language"}
    with tempfile.TemporaryDirectory() as folder:
        CORPORA[name](Path(folder), random.Random(name), total)

        def of(sample: float | None, seed: int) -> dict[str, fasttok.Estimate]:
            found = fasttok.density(
                folder,
                by="language",
                base="en",
                sample=sample,
                seed=seed,
                resamples=1,
                **labels,
            )
            of_all = found.totals.encodings["o200k_base"]
            of_one = found.get("de")
            names = ("tokens_per_char", "chars_per_token", "bytes_per_token")
            return {each: of_all[each] for each in names} | {
                "tokens_per_char of a language": of_one["tokens_per_char"],
                "tokens_per_char_to_base": of_one["tokens_per_char_to_base"],
            }

        truth = of(None, 0)
        covered = dict.fromkeys(truth, 0)
        widths = []
        for seed in range(number):
            found = of(FRACTION, seed)
            for each, estimate in found.items():
                right = truth[each].value
                assert right is not None
                # Too little was drawn of a language to say is no promise that is broken.
                covered[each] += estimate.low is None or estimate.low <= right <= estimate.high
            whole = found["tokens_per_char"]
            widths.append((whole.high - whole.low) / truth["tokens_per_char"].value)
        return RatioTrials(covered, median(widths))


def main(number: int = 200, megabytes: int = 60) -> None:
    print(f"{number} samples of 1 %, {megabytes} MB, o200k_base")
    print("| corpus | tokens in the interval | documents | median width | bytes read | time, of counting all |")
    print("|---|---|---|---|---|---|")
    for name in CORPORA:
        found = trials(name, number, megabytes * 1_000_000)
        covered = f"{found.covered['tokens']} of {number} | {found.covered['documents']} of {number}"
        cost = f"{100 * found.read:.1f} % | {100 * found.seconds:.0f} %"
        print(f"| {name} | {covered} | {100 * found.width:.1f} % | {cost} |", flush=True)
    print("| corpus | tokens per character | bytes per token | of a language | to that of another | median width |")
    print("|---|---|---|---|---|---|")
    for name in CORPORA:
        ratios = ratio_trials(name, number, megabytes * 1_000_000)
        least = " | ".join(
            f"{count} of {number}" for each, count in ratios.covered.items() if each != "chars_per_token"
        )
        print(f"| {name} | {least} | {100 * ratios.width:.1f} % |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
