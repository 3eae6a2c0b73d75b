"""Random sentencepiece models against sentencepiece: ids, counts and texts are equal, or the model is refused."""

from __future__ import annotations

import os
import random
import re
from collections import Counter

import pytest
from references import LONG
from sentencepiece_models import (
    BYTE,
    CONTROL,
    META,
    NORMAL,
    UNKNOWN,
    UNUSED,
    USER_DEFINED,
    Piece,
    charsmap,
    model,
    random_model,
    random_texts,
)

import fasttok
from fasttok._fasttok import Encoding

spm = pytest.importorskip("sentencepiece")

MODELS = 5_000 if LONG else 200
SEED = int(os.environ.get("FASTTOK_SEED", "20_261_126"))


BYTES: list[Piece] = [(f"<0x{byte:02X}>", 0.0, BYTE) for byte in range(256)]
LETTERS: list[Piece] = [("<unk>", 0.0, UNKNOWN), (META, -9.0, NORMAL), ("b", -9.0, NORMAL)]
CASES: dict[str, tuple[list[Piece], dict[str, bool | bytes]]] = {
    "unused character": ([*LETTERS, ("a", -9.0, UNUSED)], {}),
    "unused character, bytes": ([*LETTERS, ("a", -9.0, UNUSED), *BYTES], {"byte_fallback": True}),
    "unused character that merges": ([*LETTERS, ("a", -9.0, UNUSED), ("ab", -1.0, NORMAL)], {}),
    "control character that merges": (
        [*LETTERS, ("a", -9.0, CONTROL), ("ab", -1.0, NORMAL), *BYTES],
        {"byte_fallback": True},
    ),
    "no character at all that merges": ([*LETTERS, ("aé", -1.0, NORMAL), ("aéb", -2.0, NORMAL)], {}),
    "unused pieces": (
        [*LETTERS, ("a", -9.0, NORMAL), ("ab", -1.0, UNUSED), ("aab", -2.0, UNUSED), ("ba", -1.5, NORMAL)],
        {},
    ),
    "pieces of equal score": ([*LETTERS, ("a", -9.0, NORMAL), ("ab", -1.0, NORMAL), ("ba", -1.0, NORMAL)], {}),
    "no blank": ([("<unk>", 0.0, UNKNOWN), ("a", -9.0, NORMAL)], {}),
    "control first": ([*LETTERS, ("<s>", 0.0, CONTROL), ("a", -9.0, NORMAL)], {"remove_extra": False}),
    "user-defined blank": ([*LETTERS, (META + "a", 0.0, USER_DEFINED)], {"dummy_prefix": False}),
    "denormalizer": ([*LETTERS, ("a", -9.0, NORMAL)], {"denormalizer": charsmap("user")}),
}


@pytest.mark.parametrize("case", CASES)
def test_pieces_of_every_type(case: str) -> None:
    pieces, options = CASES[case]
    data = model(pieces, **options)  # type: ignore[arg-type]
    reference = spm.SentencePieceProcessor(model_proto=data)
    encoding = Encoding._from_file_bytes(data, case)
    for text in ("", "a", "aa", "ab", "aab", "ba b", " ", "  a", "aé", "aéb aé", "bb", META, "a" * 40 + "b" * 40):
        ids = reference.encode(text)
        assert encoding.encode(text).tolist() == ids, text
        assert encoding.count(text) == len(ids), text
        assert encoding.decode(ids) == reference.decode(ids), text
    for ids in (
        [],
        [0],
        *([one, two, one] for one in range(len(pieces)) for two in range(len(pieces)) if len(pieces) < 20),
    ):
        assert encoding.decode(ids) == reference.decode(ids), ids


def test_random_models() -> None:
    refused: Counter[str] = Counter()
    compared = 0
    for number in range(MODELS):
        seed = SEED + number
        rng = random.Random(seed)
        data, alphabet = random_model(rng)
        try:
            reference = spm.SentencePieceProcessor(model_proto=data)
        except RuntimeError as error:
            refused[f"sentencepiece: {str(error)[-60:]}"] += 1
            continue
        try:
            encoding = Encoding._from_file_bytes(data, "random")
        except (fasttok.UnsupportedTokenizerError, fasttok.TokenizerFileError) as error:
            refused[re.sub(r'"[^"]*"|\([^)]*\)|, such as .*', "…", str(error))] += 1
            continue
        for text in random_texts(rng, alphabet, 30):
            ids = reference.encode(text)
            where = f"seed {seed}, {text!r}"
            assert encoding.encode(text).tolist() == ids, where
            assert encoding.count(text) == len(ids), where
            assert encoding.decode(ids) == reference.decode(ids), where
            compared += 1
    loaded = MODELS - sum(refused.values())
    print(f"{MODELS} models, {loaded} loaded, {compared} texts; refused: {dict(refused)}")
    assert loaded >= MODELS // 2, refused
