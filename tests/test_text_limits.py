"""Texts that a tokenizer itself cannot take: an error for the text, a row of the ledger in a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import fasttok

RUNS = "a" * 50 + "!"


def load(folder: Path, normalizer: dict[str, Any] | None, *steps: dict[str, Any]) -> fasttok.Encoding:
    from tokenizers import Tokenizer, models

    vocab = {c: i for i, c in enumerate("abcdefgh!")}
    made = json.loads(Tokenizer(models.BPE(vocab, [])).to_str())
    made["normalizer"] = normalizer
    made["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": list(steps)} if steps else None
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(made))
    return fasttok.load(path)


def split(regex: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
CASES = {
    "split": (None, [split("(a+)+$")], "the split pattern"),
    "byte-level split": (None, [split("(a+)+$"), BYTE_LEVEL], "the split pattern"),
    "replace": (replace({"Regex": "(a+)+$"}, "b"), [], "the normalizer Replace of"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pattern_that_gives_up(case: str, tmp_path: Path) -> None:
    normalizer, steps, step = CASES[case]
    encoding = load(tmp_path, normalizer, *steps)
    for call in (
        lambda: encoding.count(RUNS),
        lambda: encoding.encode(RUNS),
        lambda: encoding.count_batch(["ab", RUNS, "b"]),
        lambda: encoding.encode_batch(["ab", RUNS, "b"]),
    ):
        with pytest.raises(fasttok.TextLimitError, match="gives this text up") as caught:
            call()
        assert caught.value.component == f'{step} "(a+)+$"'
        assert caught.value.index in (None, 1)
    assert encoding.count("ab") == len(encoding.encode("ab"))

    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in ("ab", RUNS, "b")))
    report = fasttok.count_corpus(tmp_path / "a.jsonl", encodings=encoding)
    assert report.ledger.by_reason == {"pattern_limit": 1}
    assert [(entry.line, entry.reason) for entry in report.ledger.entries] == [(2, "pattern_limit")]
    assert report.ledger.counted == 2


def test_the_limit_of_fancy_regex(tmp_path: Path) -> None:
    from base64 import b64encode

    ranks = tmp_path / "x.tiktoken"
    ranks.write_text("".join(f"{b64encode(bytes([byte])).decode()} {byte}\n" for byte in range(256)))
    encoding = fasttok.load(ranks, pattern="(a|b|ab)+(?=c)|.")
    assert encoding.count("abc") == 3
    with pytest.raises(fasttok.TextLimitError, match="the split pattern") as caught:
        encoding.count_batch(["a", "ab" * 50])
    assert caught.value.index == 1


@pytest.mark.parametrize(
    "normalizer",
    [
        replace({"String": "a"}, "b" * 2_000),
        replace({"Regex": "a"}, "b" * 2_000),
        {"type": "Sequence", "normalizers": [replace({"String": "a"}, "a" * 60)] * 6},
    ],
    ids=["string", "regex", "again and again"],
)
def test_a_text_that_is_multiplied_without_bounds(normalizer: dict[str, Any], tmp_path: Path) -> None:
    encoding = load(tmp_path, normalizer)
    with pytest.raises(fasttok.TextLimitError, match="makes more than"):
        encoding.count("a" * 50_000)
    (tmp_path / "a.txt").write_text("a" * 50_000)
    report = fasttok.count_corpus(tmp_path / "a.txt", encodings=encoding)
    assert report.ledger.by_reason == {"normalized_too_large": 1}


def test_a_text_that_is_multiplied_within_bounds(tmp_path: Path) -> None:
    encoding = load(tmp_path, replace({"String": "a"}, "b" * 100))
    assert encoding.count("a" * 1_000) == 100_000
