"""Quick micro-benchmarks: what a call costs, and whether a change made it cost more. `make bench-quick`.

They compare fasttok with itself, before and after a change, on one machine: `--benchmark-save` and
`--benchmark-compare` of pytest-benchmark do that. They are no evidence of speed against others (`benches.compare` is):
the same text comes again and again, but where a benchmark says that its text is new in each round.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

import fasttok

SHORT = {
    "english": "The quick brown fox.",
    "chinese": "敏捷的棕色狐狸跳过那只懒狗",
    "code": "for i in range(n): x",
}
WORDS = {
    kind: text.split() if " " in text else list(text)
    for kind, text in {
        "latin": "the of and to in is that for with as on was be by this are from at not or an which token",
        "cyrillic": "и в не на что он как это по но из мы она так они же все был уже если когда нет",
        "han": "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动",
    }.items()
}

_SEEDS = itertools.count(1)


def fresh(kind: str, size: int) -> str:
    """About `size` characters that no round has had before: known words, and one in eight made of random letters."""
    chance = random.Random(next(_SEEDS))
    known = WORDS[kind]
    letters = "".join(known)
    parts = []
    total = 0
    while total < size:
        word = chance.choice(known)
        if chance.random() < 0.125:
            word = "".join(chance.choices(letters, k=chance.randint(3, 9)))
        parts.append(word)
        total += len(word) + 1
    return ("" if kind == "han" else " ").join(parts)


@pytest.fixture(scope="module")
def encoding() -> fasttok.Encoding:
    return fasttok.get_encoding("o200k_base")


@pytest.mark.parametrize("kind", SHORT)
def test_count_of_a_short_text(benchmark: Any, encoding: fasttok.Encoding, kind: str) -> None:
    assert benchmark(encoding.count, SHORT[kind]) == len(encoding.encode(SHORT[kind]))


@pytest.mark.parametrize("kind", WORDS)
def test_count_of_new_text(benchmark: Any, encoding: fasttok.Encoding, kind: str) -> None:
    counted = benchmark.pedantic(encoding.count, setup=lambda: ((fresh(kind, 100_000),), {}), rounds=40)
    assert counted > 0


def test_count_batch_of_a_thousand_short_texts(benchmark: Any, encoding: fasttok.Encoding) -> None:
    texts = [f"{SHORT['english']} {i}" for i in range(1000)]
    counts = benchmark(encoding.count_batch, texts, threads=1)
    assert counts.shape == (1000,)


@pytest.mark.parametrize("kind", WORDS)
def test_encode_of_new_text(benchmark: Any, encoding: fasttok.Encoding, kind: str) -> None:
    ids = benchmark.pedantic(encoding.encode, setup=lambda: ((fresh(kind, 20_000),), {}), rounds=40)
    assert len(ids) > 0


def test_decode(benchmark: Any, encoding: fasttok.Encoding) -> None:
    text = fresh("latin", 20_000)
    assert benchmark(encoding.decode, encoding.encode(text)) == text


def test_count_corpus_of_jsonl(benchmark: Any, tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    file.write_text("".join(json.dumps({"text": fresh("latin", 2_000)}) + "\n" for _ in range(500)))
    report = benchmark(fasttok.count_corpus, file, ["o200k_base"], threads=1)
    assert report.totals.documents == 500
