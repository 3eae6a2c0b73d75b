"""Texts that have to fit: truncate, split, limited counts, growing texts, counts of slices and offsets, each against
counting every possibility."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nasty
import pytest
from references import ROOT
from sentencepiece_models import random_model

import fasttok
from fasttok._fasttok import Encoding

FILES = ROOT.parent / "shared" / "tokenizers"
NAMES = ["o200k_base", "cl100k_base", "r50k_base"]
SLOW = "a tokenizer of another kind: ../shared/tokenizers is not there"
OF_FILES = [
    "llama2.model.zst",
    "llama2.json.zst",
    "mistral-v3.model.zst",
    "gemma3.json.zst",
    "qwen2.5.json.zst",
    "llama3.1.json.zst",
    "deepseek-v3.json.zst",
    "falcon-7b.json.zst",
    "phi-4.json.zst",
    "kimi-k2.tiktoken.zst",
]
EXTRA = [
    "<|endoftext|>",
    "<tool_call>",
    "👩‍👩‍👧‍👦",
    "e\u0301",
    "\u2581",
    "don't",
    "，",
    "中文字符",
    " " * 9,
    "\n \n",
    "1234567",
]


@pytest.fixture(scope="module", params=NAMES + OF_FILES)
def enc(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoding:
    name = request.param
    if name in NAMES:
        return fasttok.get_encoding(name)
    if not (FILES / name).is_file():
        pytest.skip(SLOW)
    import zstandard

    path = tmp_path_factory.mktemp("tokenizers") / Path(name).stem
    with zstandard.open(FILES / name, "rb") as file:
        path.write_bytes(file.read())
    return fasttok.load(path)


def texts(seed: int, n: int) -> Iterator[str]:
    rng = random.Random(seed)
    for text in nasty.texts(seed, n):
        parts = [text, *rng.choices(EXTRA, k=rng.randrange(3))]
        rng.shuffle(parts)
        yield "".join(parts)[:60]


def counts(enc: Encoding, parts: list[str]) -> list[int]:
    return [int(n) for n in enc.count_batch(parts)]


def check_truncate(enc: Encoding, text: str, rng: random.Random) -> None:
    ends = range(len(text) + 1)
    prefixes = counts(enc, [text[:i] for i in ends])
    suffixes = counts(enc, [text[i:] for i in ends])
    for n in {0, 1, *(rng.randrange(max(prefixes) + 2) for _ in range(3))}:
        # Some tokenizers have tokens for an empty text.
        longest = max((i for i in ends if prefixes[i] <= n), default=0)
        result = enc.truncate(text, n)
        assert (result.text, result.truncated) == (text[:longest], longest < len(text)), (enc, text, n)
        assert result.tokens == (prefixes[longest] if longest else 0)
        first = min((i for i in ends if suffixes[i] <= n), default=len(text))
        result = enc.truncate(text, n, side="left")
        assert (result.text, result.truncated) == (text[first:], first > 0), (enc, text, n)
        limited = enc.count_up_to(text, n)
        whole = prefixes[-1]
        assert (limited.tokens, limited.exceeded) == ((None, True) if whole > n else (whole, False)), (enc, text, n)


def test_truncate_is_the_longest_that_fits(enc: Encoding) -> None:
    rng = random.Random(15)
    for text in texts(15, 700):
        check_truncate(enc, text, rng)


def test_slices_fit_and_leave_nothing_out(enc: Encoding) -> None:
    rng = random.Random(16)
    done = 0
    for boundary in ("char", "word", "line", "sentence", "paragraph"):
        for _ in range(25):
            text = "".join(texts(rng.randrange(1 << 30), 6))
            n = rng.randrange(6, 40)
            try:
                slices = enc.split(text, n, boundary=boundary)  # type: ignore[arg-type]
            except fasttok.CharacterTooLongError as error:
                assert error.offset is not None and enc.count(text[error.offset]) == error.tokens > n
                continue
            done += 1
            assert "".join(slices) == text
            sizes = counts(enc, slices)
            assert not slices or max(sizes) <= n
            if boundary == "char":
                at = 0
                for part in slices:
                    fits = [i for i in range(at, len(text) + 1) if enc.count(text[at:i]) <= n]
                    assert at + len(part) == max(fits), (enc, text, n)
                    at += len(part)
    assert done > 60


def test_overlap_is_an_upper_bound(enc: Encoding) -> None:
    rng = random.Random(17)
    # Each character once, so that a slice is in one place.
    letters = [chr(c) for first in (0x41, 0xC0, 0x410, 0x4E00, 0x1F600) for c in range(first, first + 50)]
    for _ in range(40):
        text = "".join(rng.sample(letters, len(letters)))
        n, overlap = rng.randrange(12, 40), rng.randrange(1, 11)
        slices = enc.split(text, n, overlap=overlap)
        last, end = -1, 0
        for part in slices:
            start = text.index(part)
            assert last < start <= end < start + len(part)
            assert enc.count(text[start:end]) <= overlap and enc.count(part) <= n
            last, end = start, start + len(part)
        assert end == len(text)


def test_a_growing_text_has_the_count_of_the_whole(enc: Encoding) -> None:
    rng = random.Random(18)
    for i in range(60):
        text = "".join(texts(rng.randrange(1 << 30), 8))
        counter = enc.counter()
        data, at = text.encode(), 0
        as_text = i % 2
        whole: str | bytes = text if as_text else data
        while at < len(whole):
            end = at + rng.choice((1, 1, 2, 3, 7, 30))
            counter.append(whole[at:end])
            at = min(end, len(whole))
            so_far = text[:at] if as_text else data[:at].decode("utf-8", "ignore")
            assert counter.count() == enc.count(so_far), (enc, so_far)
            assert counter.pending == (0 if as_text else at - len(so_far.encode()))


def test_a_slice_of_an_index_has_its_own_count(enc: Encoding) -> None:
    rng = random.Random(19)
    text = "".join(texts(19, 150))
    index = enc.index(text)
    assert (len(index), index.tokens) == (len(text), enc.count(text))
    assert index.count() == index.tokens
    for _ in range(150):
        start, stop = (rng.randrange(-len(text) - 5, len(text) + 5) for _ in range(2))
        assert index.count(start, stop) == enc.count(text[start:stop]), (enc, text[start:stop])


def test_tokenizers_without_cuts() -> None:
    """sentencepiece models that rewrite the text: short texts are tried through, long ones are refused."""
    refused = 0
    rng = random.Random(20)
    for seed in range(25):
        data, _ = random_model(random.Random(seed))
        try:
            enc = Encoding._from_file_bytes(data, "random")
        except fasttok.FasttokError:
            continue
        for text in texts(seed, 12):
            check_truncate(enc, text, rng)
            counter = enc.counter()
            for i, c in enumerate(text):
                counter.append(c)
                assert counter.count() == enc.count(text[: i + 1]), (seed, text[: i + 1])
        long = "one two three, " * 4000
        assert enc.index(long).count(7, 30_011) == enc.count(long[7:30_011])
        try:
            result = enc.truncate(long, 500)
        except fasttok.NoCutError as error:
            assert error.offset is not None and "cannot be told by this tokenizer" in str(error)
            refused += 1
        else:
            n = len(result.text)
            assert enc.count(result.text) == result.tokens <= 500
            assert all(enc.count(long[:k]) > 500 for k in range(n + 1, n + 60))
    assert refused


LONG_TEXT = "The quick brown fox, jumping. Über 12 lazy dogs 中文字符。\n" * 3000


@pytest.mark.parametrize("name", NAMES)
def test_long_texts(name: str) -> None:
    enc = fasttok.get_encoding(name)
    for n in (1, 100, 5000):
        result = enc.truncate(LONG_TEXT, n)
        k = len(result.text)
        assert enc.count(result.text) == result.tokens <= n
        assert all(enc.count(LONG_TEXT[:i]) > n for i in range(k + 1, k + 80))
        result = enc.truncate(LONG_TEXT, n, side="left")
        assert enc.count(result.text) == result.tokens <= n and LONG_TEXT.endswith(result.text)
        k = len(LONG_TEXT) - len(result.text)
        assert all(enc.count(LONG_TEXT[i:]) > n for i in range(max(k - 80, 0), k))


@pytest.mark.parametrize("unit", ["a", " ", "\n", "😀", "-"])
def test_long_runs(unit: str) -> None:
    """No cut is near: what grows evenly is counted by its prefixes, in time that is linear."""
    enc = fasttok.get_encoding("o200k_base")
    text = unit * 60_000
    result = enc.truncate(text, 200)
    assert enc.count(result.text) == result.tokens <= 200 < enc.count(result.text + unit)
    slices = enc.split(text[:20_000], 64)
    assert "".join(slices) == text[:20_000] and max(counts(enc, slices)) <= 64
    counter = enc.counter()
    for i in range(3000):
        counter.append(unit)
        assert counter.count() == enc.count(unit * (i + 1))


def test_boundaries() -> None:
    enc = fasttok.get_encoding("o200k_base")
    text = "First one. And a second.\nA line\n\nAnother paragraph, longer than that.\n"
    assert enc.split(text, 100, boundary="paragraph") == [text]
    assert enc.split(text, 12, boundary="paragraph") == [
        "First one. And a second.\nA line\n\n",
        "Another paragraph, longer than that.\n",
    ]
    assert enc.split(text, 8, boundary="line")[:2] == ["First one. And a second.\n", "A line\n\n"]
    assert enc.split("First one. And a second.", 5, boundary="sentence") == ["First one. ", "And a second."]
    assert enc.split("internationalization of it", 3, boundary="word") == ["internationalization of", " it"]
    assert enc.split("internationalization of it", 1, boundary="word") == ["international", "ization", " of", " it"]
    assert enc.split("", 5) == []


def test_what_is_refused() -> None:
    enc = fasttok.get_encoding("o200k_base")
    calls: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: enc.truncate("a", -1), ValueError, "n must be at least 0"),
        (lambda: enc.truncate("a", 1, side="top"), ValueError, "side must be"),  # type: ignore[arg-type]
        (lambda: enc.truncate(b"a", 1), TypeError, "must be str, not bytes"),  # type: ignore[arg-type]
        (lambda: enc.truncate("ab\ud800", 1), fasttok.InvalidUtf8Error, "character 2"),
        (lambda: enc.truncate("é\ud83d\ude00", 1), fasttok.InvalidUtf8Error, "character 1"),
        (lambda: enc.split("a", 3, overlap=3), ValueError, "overlap must be less than n"),
        (lambda: enc.split("a", 3, boundary="page"), ValueError, "boundary must be one of"),  # type: ignore[arg-type]
        (lambda: enc.split("aé \U0001f9a3", 1), fasttok.CharacterTooLongError, "character"),
        (lambda: enc.split("a", 0), fasttok.CharacterTooLongError, "1 tokens"),
        (lambda: enc.count_up_to("a", -1), ValueError, "limit must be at least 0"),
        (lambda: enc.counter().append(5), TypeError, "must be str"),  # type: ignore[arg-type]
        (lambda: enc.counter().append(b"ab\xff"), fasttok.InvalidUtf8Error, "byte 2"),
        (lambda: enc.counter().append("\ud800"), fasttok.InvalidUtf8Error, "character 0"),
        (lambda: enc.encode_with_offsets("a", unit="word"), ValueError, "unit must be"),  # type: ignore[call-overload]
        (lambda: enc.token_bytes([10**6]), fasttok.UnknownTokenError, "1000000"),
    ]
    for call, error, message in calls:
        with pytest.raises(error, match=message):
            call()


def test_functions_by_name() -> None:
    assert fasttok.truncate("Hello world, hello", 2, "cl100k_base").text == "Hello world"
    assert fasttok.truncate("Hello world", 1, side="left").text == " world"
    assert fasttok.split("one two three", 2) == ["one two", " three"]
    assert fasttok.count_up_to("one two three", 3).tokens == 3
    assert repr(fasttok.truncate("a\nb c", 2)) == "TruncatedText(text='a\\n', tokens=2, truncated=True)"
    assert fasttok.count_up_to("a b", 1) == fasttok.count_up_to("c d e", 1)


def test_offsets_against_tiktoken(references: Any) -> None:
    for name in NAMES:
        enc, reference = fasttok.get_encoding(name), references[name]
        for text in texts(21, 400):
            ids, offsets = enc.encode_with_offsets(text)
            assert ids.tolist() == reference.encode_ordinary(text)
            assert offsets.shape == (len(ids), 2) and offsets.dtype == "int64"
            if len(ids):
                assert offsets[:, 0].tolist() == reference.decode_with_offsets(ids.tolist())[1]
            ids, in_bytes = enc.encode_with_offsets(text, unit="byte")
            data, tokens = text.encode(), enc.token_bytes(ids)
            assert tokens == [reference.decode_single_token_bytes(i) for i in ids.tolist()]
            for (start, stop), (first, last), token in zip(in_bytes.tolist(), offsets.tolist(), tokens, strict=True):
                assert data[start:stop] == token
                # The characters that hold a byte of it.
                assert token in text[first:last].encode() and len(text[first:last].encode()) < len(token) + 7


def test_offsets_of_other_tokenizers(enc: Encoding) -> None:
    tokens = refused = 0
    for text in texts(22, 200):
        try:
            ids, offsets = enc.encode_with_offsets(text, unit="byte")
        except fasttok.UnsupportedTokenizerError:
            refused += 1
            continue
        assert ids.tolist() == enc.encode(text).tolist()
        ends = [0, *offsets[:, 1].tolist()]
        assert offsets[:, 0].tolist() == ends[:-1] and ends[-1] == len(text.encode())
        tokens += len(ids)
    assert tokens
    if enc.name in NAMES:
        assert not refused


def test_results_are_values() -> None:
    result = fasttok.truncate("a b", 1)
    assert result == fasttok.truncate("a b c", 1) and result != fasttok.truncate("b b", 1)
