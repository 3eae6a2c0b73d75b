"""Random ``tokenizer.json`` files: what HF tokenizers makes of them, or a typed refusal; never anything else.

``python tests/test_generated_json.py SEED`` runs one file and shows it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from collections import Counter
from typing import Any

import generate_tokenizers as generate
import pytest
from references import LONG

import fasttok
from fasttok._fasttok import Encoding

tokenizers = pytest.importorskip("tokenizers")

FILES = 5_000 if LONG else 200
TEXTS = 20
FIRST = int(os.environ.get("FASTTOK_SEED", "1"))


class ReferenceFailedError(Exception):
    """The reference panics, or raises."""


def of_reference(call: Any, *arguments: Any, **options: Any) -> Any:
    try:
        return call(*arguments, **options)
    except KeyboardInterrupt:
        raise
    # A panic of its Rust is no Exception.
    except BaseException as error:
        raise ReferenceFailedError(str(error)) from None


def without_chance(made: dict[str, Any]) -> dict[str, Any]:
    """`made` without added tokens that are the same or nothing once normalized.

    Which of two wins is chance in the reference.
    """
    theirs = of_reference(tokenizers.Tokenizer.from_str, json.dumps(made))
    # Of the same content the last flags win.
    is_normalized = {token["content"]: token["normalized"] for token in made["added_tokens"]}
    seen: dict[str, str] = {}
    kept = []
    for token in made["added_tokens"]:
        content = token["content"]
        normalized = of_reference(theirs.normalizer.normalize_str, content) if theirs.normalizer else content
        if is_normalized[content] and seen.setdefault(normalized, content) != content:
            continue
        if content and not normalized:
            # The reference looks for the empty text then, and may never end.
            continue
        kept.append(token)
    return {**made, "added_tokens": kept}


def check(seed: int, found: Counter[str]) -> list[str]:
    """Compares the file of `seed`; counts what became of it. Returns what differs."""
    try:
        made = without_chance(generate.tokenizer(seed))
        data = json.dumps(made, ensure_ascii=False)
        theirs = of_reference(tokenizers.Tokenizer.from_str, data)
    except ReferenceFailedError:
        found["refused by the reference"] += 1
        return []
    try:
        ours = Encoding._from_file_bytes(data.encode(), "generated")
    except fasttok.FasttokError as error:
        found[f"refused: {str(error)[:60]}"] += 1
        return []
    found["loaded"] += 1
    found[f"by {ours.pretokenizer}"] += 1
    compiled = ours._compiled()
    both = [ours] if compiled is None else [ours, Encoding._from_file_bytes(compiled, "again")]
    rng = random.Random(seed)
    contents = [token["content"] for token in made["added_tokens"]]
    some = generate.texts(rng, [*contents, *rng.sample(list(made["model"]["vocab"]), 5)], TEXTS)
    ids_are_unique = len(set(made["model"]["vocab"].values())) == len(made["model"]["vocab"])
    wrong = []
    for special in ("text", "token"):
        theirs.encode_special_tokens = special == "text"
        expected = {}
        for text in some:
            try:
                expected[text] = of_reference(theirs.encode, text, add_special_tokens=False).ids
            except ReferenceFailedError:
                found["texts that the reference fails on"] += 1
        for text in list(expected):
            try:
                ours.count(text, special=special)
            except fasttok.TextLimitError:
                # What is put before a text in the place of nothing, and changed afterwards.
                del expected[text]
                found["texts refused"] += 1
        for encoding in both:
            counts = encoding.count_batch(list(expected), special=special).tolist()
            for (text, ids), count in zip(expected.items(), counts, strict=True):
                got = encoding.encode(text, special=special).tolist()
                if got != ids or count != len(ids) or encoding.count(text, special=special) != len(ids):
                    wrong.append(f"{special} {text!r}: {got} and {count}, not {ids}")
        found["texts"] += len(expected)
        if not ids_are_unique:
            continue
        for text, ids in expected.items():
            try:
                right = of_reference(theirs.decode, ids, skip_special_tokens=False)
            except ReferenceFailedError:
                found["decodings that the reference fails on"] += 1
                continue
            try:
                if (decoded := ours.decode(ids)) != right:
                    wrong.append(f"decode {text!r} {ids}: {decoded!r}, not {right!r}")
                found["decodings"] += 1
            except fasttok.InputError:
                found["decodings refused"] += 1
    if wrong:
        found["different"] += 1
    return [f"seed {seed}: {line}" for line in wrong]


def test_random_files() -> None:
    found: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in range(FIRST, FIRST + FILES):
        wrong += check(seed, found)
    summary = "\n".join(f"{count:8} {what}" for what, count in sorted(found.items()))
    print(summary)
    assert not wrong, "\n".join([f"{len(wrong)} differences", *wrong[:20], summary])
    # What refuses everything differs in nothing.
    assert found["loaded"] > FILES // 2, summary
    assert found["decodings"] > FILES * TEXTS // 4, summary
    assert found["texts refused"] < found["texts"] // 100, summary


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    counted: Counter[str] = Counter()
    for one in given if len(given) < 2 else range(*given):
        lines = check(one, counted)
        if len(given) < 2:
            shown = generate.tokenizer(one)
            with contextlib.suppress(ReferenceFailedError):
                shown = without_chance(shown)
            print(json.dumps(shown, ensure_ascii=False))
        print("\n".join(lines[: 3 if len(given) > 1 else None]), end="\n" if lines else "")
    print("\n".join(f"{count:8} {what}" for what, count in sorted(counted.items())))
