"""Token ids and counts are those of tiktoken."""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from nasty import texts
from references import LONG, References, corpus_files, documents

import fasttok

if TYPE_CHECKING:
    import tiktoken

MAIN = ["o200k_base", "cl100k_base", "r50k_base", "p50k_base"]
ALL = [*MAIN, "p50k_edit", "o200k_harmony", "gpt2"]

#: Planes 0 to 2, the start of 3, the tags and variation selectors: all that has a meaning, one by one.
ASSIGNED = [chr(c) for c in (*range(0xD800), *range(0xE000, 0x32400), *range(0xE0000, 0xE0200))]
#: The rest of the code space, which is unassigned or private: many in a text.
REST = [chr(c) for c in (*range(0x32400, 0xE0000), *range(0xE0200, sys.maxunicode + 1))]

#: Between them, these contexts try a character in each alternative of the patterns.
CONTEXTS: dict[str, Callable[[str], str]] = {
    "alone": lambda c: c,
    "doubled": lambda c: c + c,
    "between letters": lambda c: f"a{c}b A{c}B a{c}B",
    "between digits": lambda c: f"1{c}2 12{c}34",
    "between spaces": lambda c: f" {c} {c}{c}  {c}\n{c}",
    "between punctuation": lambda c: f"!{c}? '{c}' '{c}s",
    "next to others": lambda c: f"字{c}语 а{c}б é{c}\u0301",
}


def diverge(ours: fasttok.Encoding, theirs: tiktoken.Encoding, text: str) -> bool:
    return ours.encode(text).tolist() != theirs.encode_ordinary(text)


def shortest(ours: fasttok.Encoding, theirs: tiktoken.Encoding, text: str) -> str:
    """A shortest part of ``text`` that still shows the difference."""
    step = len(text) // 2
    while step:
        at = 0
        while at < len(text):
            rest = text[:at] + text[at + step :]
            if diverge(ours, theirs, rest):
                text = rest
            else:
                at += step
        step //= 2
    return text


def explain(ours: fasttok.Encoding, theirs: tiktoken.Encoding, text: str) -> str:
    text = shortest(ours, theirs, text)
    got = [ours.decode_bytes([i]) for i in ours.encode(text).tolist()]
    expected = theirs.decode_tokens_bytes(theirs.encode_ordinary(text))
    return f"{ours.name} on {text!r} ({text!a}):\n  expected {expected}\n  got      {got}"


def assert_same(ours: fasttok.Encoding, theirs: tiktoken.Encoding, batch: list[str]) -> None:
    """The ids are tiktoken's; the counts are their number, for each text and in a batch."""
    ids, offsets = ours.encode_batch(batch)
    # Without the wrapper: it hands texts to a pool of threads, which for short ones takes all the time.
    expected = list(map(theirs._core_bpe.encode_ordinary, batch))
    lengths = np.fromiter(map(len, expected), dtype=np.int64, count=len(expected))
    flat = np.fromiter(itertools.chain.from_iterable(expected), dtype=np.uint32, count=lengths.sum())
    if not (np.array_equal(np.diff(offsets), lengths) and np.array_equal(ids, flat)):
        wrong = [text for text in batch if diverge(ours, theirs, text)]
        pytest.fail(f"{len(wrong)} of {len(batch)} texts; {explain(ours, theirs, min(wrong, key=len))}")
    counts = ours.count_batch(batch)
    if not np.array_equal(counts, lengths):
        i = int(np.flatnonzero(counts != lengths)[0])
        pytest.fail(f"{ours.name}: count {counts[i]}, but {lengths[i]} tokens in {batch[i]!r}")


def in_batches(items: Iterable[str], characters: int = 2_000_000) -> Iterable[list[str]]:
    batch: list[str] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item)
        if size > characters:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", MAIN)
def test_every_code_point(references: References, name: str, context: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    place = CONTEXTS[context]
    assert_same(ours, theirs, [place(c) for c in ASSIGNED])
    assert_same(ours, theirs, ["".join(map(place, REST[i : i + 64])) for i in range(0, len(REST), 64)])


@pytest.mark.parametrize("name", ["p50k_edit", "o200k_harmony", "gpt2"])
def test_encodings_that_share_a_vocabulary(references: References, name: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    assert_same(ours, theirs, [CONTEXTS["between letters"](c) for c in ASSIGNED[::7]])
    assert_same(ours, theirs, list(texts(7, 2_000)))


@pytest.mark.parametrize("name", ALL)
def test_tables(references: References, name: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    assert ours.n_vocab == theirs.n_vocab
    assert ours.special_tokens == theirs._special_tokens
    for id in [*range(0, theirs.n_vocab, 97), *theirs._special_tokens.values()]:
        try:
            expected = theirs.decode_single_token_bytes(id)
        except KeyError:
            with pytest.raises(fasttok.UnknownTokenError):
                ours.decode_bytes([id])
        else:
            assert ours.decode_bytes([id]) == expected


@pytest.mark.skipif(not corpus_files(), reason="no corpora: set FASTTOK_DATA to a folder of .jsonl.zst")
@pytest.mark.parametrize("name", MAIN)
@pytest.mark.parametrize("file", corpus_files(), ids=lambda file: file.name.partition(".")[0])
def test_corpora(references: References, file: Path, name: str) -> None:
    pytest.importorskip("zstandard")
    ours, theirs = fasttok.get_encoding(name), references[name]
    for batch in in_batches(documents(file, every=1 if LONG else 10)):
        assert_same(ours, theirs, batch)


@pytest.mark.parametrize("name", MAIN)
def test_nasty_text(references: References, name: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    cases = 1_000_000 if LONG else 20_000
    for batch in in_batches(texts(len(name), cases)):
        assert_same(ours, theirs, batch)


def test_nasty_text_comes_back() -> None:
    for name in MAIN:
        enc = fasttok.get_encoding(name)
        for text in texts(3, 3_000):
            assert enc.decode(enc.encode(text), errors="strict") == text


def allowed(special: str) -> dict[str, object]:
    """tiktoken's arguments for a special mode."""
    if special == "text":
        return {"disallowed_special": ()}
    return {"allowed_special": "all"}


@pytest.mark.parametrize("special", ["text", "token"])
@pytest.mark.parametrize("name", ALL)
def test_special_tokens(references: References, name: str, special: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    rng = random.Random(5)
    tokens = list(theirs._special_tokens)
    cases = [*tokens, *(t + t for t in tokens), *(f" {t} " for t in tokens), *(f"a{t}b{t}" for t in tokens)]
    for text in texts(11, 2_000):
        at = rng.randrange(len(text) + 1)
        cases.append(text[:at] + rng.choice(tokens) + text[at:])
        cases.append(text + rng.choice(tokens)[:-1])
    counts = ours.count_batch(cases, special=special)
    for text, count in zip(cases, counts.tolist(), strict=True):
        expected = theirs.encode(text, **allowed(special))
        assert ours.encode(text, special=special).tolist() == expected, repr(text)
        assert count == ours.count(text, special=special) == len(expected), repr(text)


def test_counts_of_one_text_and_of_a_batch_agree() -> None:
    for name in MAIN:
        enc = fasttok.get_encoding(name)
        batch = list(texts(13, 5_000))
        counts = enc.count_batch(batch).tolist()
        for text, count in zip(batch, counts, strict=True):
            assert count == enc.count(text) == len(enc.encode(text)) == enc.count(text.encode())


def random_text(characters: str, n: int) -> str:
    return "".join(random.Random(1).choices(characters, k=n))


def between(first: int, end: int) -> str:
    return "".join(map(chr, range(first, end)))


MONOTONOUS: dict[str, Callable[[int], str]] = {
    "a": lambda n: "a" * n,
    "spaces": lambda n: " " * n,
    "newlines": lambda n: "\n" * n,
    "crlf": lambda n: "\r\n" * (n // 2),
    "tabs and spaces": lambda n: "\t " * (n // 2),
    "random letters": lambda n: random_text("abcdefghijklmnopqrstuvwxyz", n),
    "random capitals": lambda n: random_text("abAB", n),
    "digits": lambda n: "1234567890" * (n // 10),
    "one mark": lambda n: "\u0301" * n,
    "han": lambda n: random_text(between(0x4E00, 0x9FA5), n),
    "common han": lambda n: random_text("的一是不了人我在有他这为之大来以个中上们", n),
    "hangul": lambda n: random_text(between(0xAC00, 0xD7A3), n),
    "thai": lambda n: random_text(between(0x0E01, 0x0E3A), n),
    "emoji": lambda n: "🐈" * n,
    "family": lambda n: "👩‍👩‍👧" * (n // 5),
    "exclamation": lambda n: "!" * n,
    "slashes": lambda n: "/" * n,
    "apostrophes": lambda n: "'" * n,
    "contractions": lambda n: "'s" * (n // 2),
    "nul": lambda n: "\0" * n,
    "special token": lambda n: "<|endoftext|>" * (n // 13),
}


#: tiktoken's pattern engine panics on white space that is this long.
BEYOND_TIKTOKEN = {"spaces", "newlines", "crlf", "tabs and spaces"}


@pytest.mark.parametrize("kind", MONOTONOUS)
@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base", "r50k_base"])
def test_monotonous_text(references: References, name: str, kind: str) -> None:
    ours, theirs = fasttok.get_encoding(name), references[name]
    assert_same(ours, theirs, [MONOTONOUS[kind](10_000)])
    for n in (100_000, 1_000_000):
        text = MONOTONOUS[kind](n)
        count = ours.count(text)
        assert count == len(ours.encode(text)) == ours.count_batch([text, "x"], threads=2)[0]
        if n == 100_000 and kind not in BEYOND_TIKTOKEN:
            assert count == len(theirs.encode_ordinary(text))


@pytest.mark.parametrize("special", ["text", "token", "error"])
@pytest.mark.parametrize("name", MAIN)
def test_a_long_text_is_the_sum_of_its_parts(name: str, special: str) -> None:
    """Long texts are cut for the threads; nothing of that shows."""
    enc = fasttok.get_encoding(name)
    pieces = [t for t in texts(17, 60_000) if special == "text" or "<|" not in t]
    if special == "token":
        pieces.insert(len(pieces) // 2, "<|endoftext|>")
    text = "".join(pieces)
    assert len(text) > 2 << 19
    whole = enc.encode(text, special=special)
    for form in (text, text.encode()):
        for threads in (1, 2, 3):
            assert enc.count_batch([form, form], special=special, threads=threads).tolist() == [len(whole)] * 2
        assert enc.count(form, special=special) == len(whole)
    assert enc.decode(whole) == text


def test_a_long_text_has_the_ids_of_tiktoken(references: References) -> None:
    for name in MAIN:
        ours, theirs = fasttok.get_encoding(name), references[name]
        assert_same(ours, theirs, ["".join(texts(19, 50_000))])
