"""Random encodings against tiktoken: ids and counts are equal, or the pattern or the text is refused."""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter

import pytest
from references import LONG
from tiktoken_encodings import families, random_pattern, random_ranks, random_special, random_text, random_texts

import fasttok

tiktoken = pytest.importorskip("tiktoken")

ENCODINGS = 5_000 if LONG else 200
SEED = int(os.environ.get("FASTTOK_SEED", "20_261_127"))


def reference_ids(encode: object, *args: object, **options: object) -> list[int] | None:
    """What tiktoken gives; None where it panics (an empty match, a pattern that gives up)."""
    try:
        return encode(*args, **options)  # type: ignore[operator,no-any-return]
    except BaseException as error:
        if type(error).__name__ != "PanicException" and not isinstance(error, ValueError):
            raise
        return None


def test_random_encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    # tiktoken panics often, and says where at length.
    monkeypatch.setenv("RUST_BACKTRACE", "0")
    refused: Counter[str] = Counter()
    compared = given_up = scanners = 0
    for number in range(ENCODINGS):
        seed = SEED + number
        rng = random.Random(seed)
        pattern = random_pattern(rng)
        ranks = random_ranks(rng, [random_text(rng) for _ in range(20)])
        special = random_special(rng, max(ranks.values()) + 1)
        where = f"seed {seed}, {pattern}"
        try:
            reference = tiktoken.Encoding("random", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special)
        except ValueError:
            refused["tiktoken refuses the pattern"] += 1
            continue
        try:
            encoding = fasttok.load(reference)
        except fasttok.UnsupportedTokenizerError as error:
            refused[str(error)[:60]] += 1
            continue
        scanners += encoding.pretokenizer != "general"
        for text in random_texts(rng, special, list(ranks), 30):
            for mode, ids in (
                ("text", reference_ids(reference.encode_ordinary, text)),
                ("token", reference_ids(reference.encode, text, allowed_special="all")),
            ):
                if ids is None:
                    given_up += 1
                    with contextlib.suppress(fasttok.TextLimitError):
                        assert encoding.count(text, special=mode) == len(encoding.encode(text, special=mode))
                    continue
                assert encoding.encode(text, special=mode).tolist() == ids, (where, mode, text)
                assert encoding.count(text, special=mode) == len(ids), (where, mode, text)
                assert encoding.decode_bytes(ids) == reference.decode_bytes(ids), (where, mode, text)
                compared += 1
    loaded = ENCODINGS - sum(refused.values())
    print(
        f"{ENCODINGS} encodings, {loaded} loaded, {scanners} of them with a scanner; {compared} texts, "
        f"{given_up} that tiktoken gives up; refused: {dict(refused)}"
    )
    assert loaded >= ENCODINGS // 2, refused
    assert scanners


def test_a_pattern_named_as_a_family_is_a_pattern() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for name in ("gpt2", "cl100k", "o200k"):
        reference = tiktoken.Encoding("x", pat_str=name, mergeable_ranks=ranks, special_tokens={})
        encoding = fasttok.load(reference)
        for text in ("gpt2 cl100k", "some o200k words"):
            assert encoding.encode(text).tolist() == reference.encode_ordinary(text), (name, text)


def test_families_are_recognised() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for pattern in families():
        reference = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        assert fasttok.load(reference).pretokenizer != "general", pattern
