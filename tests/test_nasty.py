"""The generated texts of `fasttok verify`: those made of a vocabulary's tokens that begin or end inside a character."""

import random
from itertools import islice

import fasttok
from fasttok.verify.adversarial import completed, is_partial, token_texts
from fasttok.verify.compare import adversarial as nasty


def partial_tokens(encoding: fasttok.Encoding) -> list[bytes]:
    return [token for id in range(199_000) if is_partial(token := encoding.decode_bytes([id]))]


def test_tokens_that_are_parts_of_characters_stand_in_the_texts() -> None:
    encoding = fasttok.get_encoding("o200k_base")
    tokens = partial_tokens(encoding)
    assert b"\x95\n\n" in tokens
    rng = random.Random(1)
    missing = [token for token in tokens if token not in completed(rng, token).encode()]
    # Bytes that no text has: C0, C1, F5-FF.
    assert len(missing) < 30, missing
    texts = list(islice(token_texts(2, tokens), 2_000))
    assert texts == list(islice(token_texts(2, tokens), 2_000))
    _, offsets = encoding.encode_batch(texts)
    assert encoding.count_batch(texts).tolist() == [b - a for a, b in zip(offsets, offsets[1:], strict=False)]
    # Pieces that may be cut, some of them where such a token goes on in ASCII.
    assert sum(len(text.encode()) > 32 for text in texts) > 1_000


def test_half_of_the_built_in_texts_are_of_tokens() -> None:
    encoding = fasttok.get_encoding("o200k_base")
    named = dict(nasty(encoding, 40))
    ours = list(islice(token_texts(2026, partial_tokens(encoding)), 20))
    assert sum(text in named.values() for text in ours) >= 10


def test_tokens_that_no_text_has_give_texts_too() -> None:
    assert all(islice(token_texts(3, [b"\xff", b"\xc0"]), 200))
