"""Errors are typed and say where and what to do."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fasttok


@pytest.fixture(scope="module")
def enc() -> fasttok.Encoding:
    return fasttok.get_encoding("cl100k_base")


LONG = "a word, " * 200_000


def test_hierarchy() -> None:
    values = ["UnknownEncodingError", "UnknownModelError", "SpecialTokenError", "InvalidUtf8Error",
              "UnknownTokenError", "TokenizerFileError", "UnsupportedTokenizerError",
              "InputError", "SimdLevelError"]  # fmt: skip
    for name in values:
        error = getattr(fasttok, name)
        assert issubclass(error, fasttok.FasttokError)
        assert issubclass(error, ValueError)
    assert issubclass(fasttok.UnknownModelError, KeyError)
    assert issubclass(fasttok.FileError, OSError)
    assert issubclass(fasttok.NotFoundError, FileNotFoundError)
    assert issubclass(fasttok.NotFoundError, fasttok.FileError)


def test_errors_survive_pickling() -> None:
    for error in (
        fasttok.SpecialTokenError("message", token="<|x|>", offset=3, index=1),
        fasttok.FileError("message"),
        fasttok.NotFoundError("message"),
        fasttok.UnknownModelError("message", name="x"),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == "message"
        assert copy.__dict__ == error.__dict__


def test_unknown_encoding() -> None:
    with pytest.raises(fasttok.UnknownEncodingError, match="o200k_base") as caught:
        fasttok.get_encoding("o200k-base")
    assert caught.value.name == "o200k-base"
    assert caught.value.nearest[0] == "o200k_base"


def test_list_encodings() -> None:
    names = fasttok.list_encodings()
    assert {"o200k_base", "o200k_harmony", "cl100k_base", "p50k_base", "p50k_edit", "r50k_base", "gpt2"} <= set(names)
    for name in names:
        # An alias gives the encoding it stands for.
        assert fasttok.get_encoding(name).name == {"gpt2": "r50k_base"}.get(name, name)
    assert fasttok.get_encoding("gpt2") == fasttok.get_encoding("r50k_base")


def test_models_are_those_of_tiktoken() -> None:
    model = pytest.importorskip("tiktoken.model")
    names = [*model.MODEL_TO_ENCODING, *model.MODEL_PREFIX_TO_ENCODING]
    names += [prefix + "2024-05-13" for prefix in model.MODEL_PREFIX_TO_ENCODING]
    names += ["gpt-4o-mini", "gpt-4-32k", "ft:gpt-4o-mini:org", "ft:gpt-4:org", "gpt-5.1", "o1-mini", "o3-pro"]
    for name in names:
        assert fasttok.encoding_name_for_model(name) == model.encoding_name_for_model(name)
        assert fasttok.encoding_for_model(name) == fasttok.get_encoding(model.encoding_name_for_model(name))


def test_unknown_model() -> None:
    pytest.importorskip("tiktoken")
    import tiktoken

    for name in ("gpt4", "gpt-6", "llama", "", "GPT-4o"):
        with pytest.raises(KeyError):
            tiktoken.encoding_name_for_model(name)
        with pytest.raises(fasttok.UnknownModelError) as caught:
            fasttok.encoding_for_model(name)
        assert caught.value.name == name
    with pytest.raises(fasttok.UnknownModelError, match="did you mean gpt-4o") as caught:
        fasttok.encoding_name_for_model("gpt4o")
    assert caught.value.nearest[0] == "gpt-4o"


@pytest.mark.parametrize(
    "name",
    [
        "claude-3-opus-20240229",
        "claude-sonnet-4-5",
        "anthropic/claude-opus-4",
        "gemini-2.5-pro",
        "models/gemini-1.5-flash",
    ],
)
def test_models_whose_tokenizer_is_not_public(name: str) -> None:
    with pytest.raises(fasttok.UnknownModelError, match="not public"):
        fasttok.encoding_for_model(name)


@pytest.mark.parametrize("before", ["", "héllo ", "字" * 700_000 + " ", LONG])
def test_special_token(enc: fasttok.Encoding, before: str) -> None:
    text = before + "<|endoftext|> after"
    for form, offset in ((text, len(before)), (text.encode(), len(before.encode()))):
        for call in (enc.count, enc.encode):
            with pytest.raises(fasttok.SpecialTokenError, match="endoftext") as caught:
                call(form, special="error")
            assert (caught.value.token, caught.value.offset, caught.value.index) == ("<|endoftext|>", offset, None)
        for threads in (1, 2, 3):
            with pytest.raises(fasttok.SpecialTokenError, match=r"^text 1 holds") as caught:
                enc.count_batch(["fine", form, form], special="error", threads=threads)
            assert (caught.value.offset, caught.value.index) == (offset, 1)


@pytest.mark.parametrize("before", ["", "héllo ", LONG, "字" * 700_000])
def test_invalid_utf8(enc: fasttok.Encoding, before: str) -> None:
    data = before.encode() + b"\xff\xe5\xad"
    for threads in (1, 2, 3):
        with pytest.raises(fasttok.InvalidUtf8Error) as caught:
            enc.count_batch([b"fine", data], threads=threads)
        assert (caught.value.index, caught.value.offset) == (1, len(before.encode()))
    with pytest.raises(fasttok.InvalidUtf8Error) as caught:
        enc.count(data)
    assert (caught.value.index, caught.value.offset) == (None, len(before.encode()))
    expected = len(enc.encode(data.decode(errors="replace")))
    assert enc.count(data, errors="replace") == expected
    assert enc.count_batch([data], errors="replace", threads=2).tolist() == [expected]


def test_the_first_error_wins(enc: fasttok.Encoding) -> None:
    batch = ["fine"] * 5_000
    for i in (4_999, 2_500, 1_234):
        batch[i] = "lone \ud800"
        for threads in (1, 2, 4):
            with pytest.raises(fasttok.InvalidUtf8Error) as caught:
                enc.count_batch([text * 100 for text in batch], threads=threads)
            assert (caught.value.index, caught.value.offset) == (i, 5)


def test_invalid_parts_in_a_long_text(enc: fasttok.Encoding) -> None:
    """Cutting for the threads changes nothing about what is replaced."""
    data = (b"some words, \xe5\xad \xf0\x9f\x90 \x80\x80\x80\x80\x80 \xff" + "字，é 🐈".encode()) * 40_000
    expected = len(enc.encode(data.decode(errors="replace")))
    for threads in (1, 2, 3):
        assert enc.count_batch([data], errors="replace", threads=threads).tolist() == [expected]
    text = "some words, \ud83d \ude00 \ud83d\ude00字，é 🐈 and more" * 40_000
    for form in (text, text.replace("🐈", "")):
        lossy = form.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        expected = len(enc.encode(lossy))
        for threads in (1, 2, 3):
            assert enc.count_batch([form], errors="replace", threads=threads).tolist() == [expected]


def test_unknown_token(enc: fasttok.Encoding) -> None:
    for id in (10**6, 2**31, 2**32, 2**70, -1):
        with pytest.raises(fasttok.UnknownTokenError, match=str(id)):
            enc.decode([id])
    with pytest.raises(TypeError):
        enc.decode(["a"])
    with pytest.raises(TypeError):
        enc.decode(5)


def test_decode(enc: fasttok.Encoding) -> None:
    ids = enc.encode("字é🐈 text")
    for form in (ids, ids.tolist(), tuple(ids.tolist()), ids.astype(np.int64), ids[::1], iter(ids.tolist())):
        assert enc.decode(form) == "字é🐈 text"
    both = np.stack([ids, ids], axis=1)
    assert enc.decode(both[:, 0]) == "字é🐈 text"
    half = enc.encode("𠮷")[:1]
    assert enc.decode(half) == enc.decode_bytes(half).decode(errors="replace")
    with pytest.raises(UnicodeDecodeError):
        enc.decode(half, errors="strict")


def test_arguments(enc: fasttok.Encoding) -> None:
    for special in ("Text", "", "all"):
        with pytest.raises(ValueError, match="special"):
            enc.count("a", special=special)
    with pytest.raises(ValueError, match="errors"):
        enc.count("a", errors="ignore")
    for threads in (0, -1):
        with pytest.raises(ValueError, match="threads"):
            enc.count_batch(["a"], threads=threads)
    for text in (None, 5, ["a"], bytearray(b"a")):
        with pytest.raises(TypeError, match="str or bytes"):
            enc.count(text)
        with pytest.raises(TypeError, match="str or bytes"):
            enc.encode(text)
