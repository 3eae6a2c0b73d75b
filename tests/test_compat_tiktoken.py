"""``fasttok.compat.tiktoken`` beside tiktoken itself: results, errors by type and words, and the surface."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fasttok
import fasttok.compat.tiktoken as ours
from fasttok.compat.tiktoken import registry
from tests.references import LONG, References

tiktoken = pytest.importorskip("tiktoken", reason="tiktoken is what is compared with")

NAMES = ["gpt2", "r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony"]
PARTS = [
    *(
        "hello",
        " world",
        "Grüße",
        "中文字",
        "日本語です",
        "한국어",
        "नमस्ते",
        "ภาษาไทย",
        "👩\u200d👩\u200d👧",
        "é",
        "e\u0301",
    ),
    *("\ud83d\udc4d", "\ud83d", "\udc4d", "'s", "'LL", " ", "  ", "\n", "\r\n", "\t", " \n \n", "123", "1234567"),
    *("!?", "/*", "x" * 40, "\x85", "\u3000", "\x00", "ſ", "İ", "<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"),
    *("<|end", "|>"),
]
SPECIALS = ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>"]


def texts(seed: int, count: int) -> list[str]:
    choose = random.Random(seed)
    made = ["", *PARTS]
    for _ in range(count):
        parts = choose.choices(PARTS, k=choose.randint(1, 8))
        if choose.random() < 0.3:
            parts.append("".join(chr(choose.randrange(0x20, 0x3000)) for _ in range(choose.randint(1, 12))))
        choose.shuffle(parts)
        made.append("".join(parts))
    return made


def outcome(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a call gives, or the type and the words of its error."""
    try:
        result = call(*arguments, **named)
    except Exception as error:
        return type(error), str(error)
    return (result.tolist(), result.dtype, result.flags.writeable) if isinstance(result, np.ndarray) else result


@pytest.fixture(params=NAMES, scope="module")
def pair(request: pytest.FixtureRequest, references: References) -> tuple[Any, Any]:
    theirs = references.make(request.param) if request.param != "gpt2" else references["gpt2"]
    return ours.get_encoding(request.param), theirs


def test_the_vocabulary(pair: tuple[Any, Any]) -> None:
    mine, theirs = pair
    for name in ("name", "_pat_str", "_special_tokens", "_mergeable_ranks", "max_token_value", "n_vocab", "eot_token"):
        assert getattr(mine, name) == getattr(theirs, name), name
    assert mine.special_tokens_set == theirs.special_tokens_set and repr(mine) == repr(theirs)
    assert mine.token_byte_values() == theirs.token_byte_values()
    for id in [*range(0, theirs.n_vocab, 7), *range(theirs.n_vocab - 1200, theirs.n_vocab + 3)]:
        one, other = (outcome(e.decode_single_token_bytes, id) for e in pair)
        assert one == other, id
        assert mine.is_special_token(id) == theirs.is_special_token(id)


def calls(text: str, ids: list[int], how: dict[str, Any]) -> list[Callable[[Any], Any]]:
    """Every method that takes a text or ids."""
    return [
        lambda e: e.encode(text),
        lambda e: e.encode(text, **how),
        lambda e: e.encode_ordinary(text),
        lambda e: e.encode_to_numpy(text, **how),
        lambda e: e.encode_batch([text, "hello", text], **how),
        lambda e: e.encode_ordinary_batch(iter([text, "", text])),
        lambda e: e.encode_single_token(text),
        lambda e: e.decode(ids),
        lambda e: e.decode(ids[1:]),
        lambda e: e.decode(tuple(ids[:-1]), errors="strict"),
        lambda e: e.decode_bytes(np.array(ids, dtype=np.int64)),
        lambda e: e.decode_tokens_bytes(ids),
        lambda e: e.decode_with_offsets(ids),
        lambda e: e.decode_with_offsets(ids[2:]),
        lambda e: e.decode_batch([ids, ids[1:]], errors="ignore"),
        lambda e: e.decode_bytes_batch([ids, ids[1:]]),
        lambda e: e._encode_bytes(text.encode("utf-8", "replace")[1:-1]),
        lambda e: e._encode_single_piece(text.encode("utf-8", "replace") or b"a"),
    ]


def test_all_methods(pair: tuple[Any, Any]) -> None:
    mine, theirs = pair
    choose = random.Random(5)
    for text in texts(len(mine.name), 2000 if LONG else 300):
        allowed: Any = choose.choice(["all", set(), set(choose.sample(SPECIALS, 2)), frozenset({"nothing"})])
        disallowed: Any = choose.choice(["all", (), set(SPECIALS[:1]), ["hello"], frozenset(SPECIALS[1:])])
        how = {"allowed_special": allowed, "disallowed_special": disallowed}
        for n, call in enumerate(calls(text, theirs.encode_ordinary(text), how)):
            assert outcome(call, mine) == outcome(call, theirs), (n, text, how)
        assert all(type(id) is int for id in mine.encode_ordinary(text))


UNSTABLE = ["", "hello fanta", "a\n\n", "x  ", "  !", "中", "hi<|endoftext|>", "<|endoftext|>a "]


def test_text_that_is_not_stable(references: References) -> None:
    for name in ("gpt2", "cl100k_base"):
        mine, theirs = ours.get_encoding(name), references[name]
        for text in (*UNSTABLE, *texts(9, 12)):
            got = outcome(mine.encode_with_unstable, text, allowed_special="all")
            expected = outcome(theirs.encode_with_unstable, text, allowed_special="all")
            if isinstance(expected[0], list):
                assert (got[0], {*map(tuple, got[1])}) == (expected[0], {*map(tuple, expected[1])}), (name, text)
            else:
                assert got == expected, (name, text)


WRONG: list[Callable[[Any], Any]] = [
    lambda e: e.encode(1),
    lambda e: e.encode(b"a"),
    lambda e: e.encode(None, disallowed_special=()),
    lambda e: e.encode_ordinary(b"a"),
    lambda e: e.encode_ordinary(None),
    lambda e: e.encode_to_numpy(1, disallowed_special=()),
    lambda e: e.decode([1.5]),
    lambda e: e.decode("abc"),
    lambda e: e.decode(5),
    lambda e: e.decode(None),
    lambda e: e.decode([-1]),
    lambda e: e.decode([2**40]),
    lambda e: e.decode([2**70]),
    lambda e: e.decode([65, 99_999_999]),
    lambda e: e.decode(iter([1])),
    lambda e: e.decode({1, 2}),
    lambda e: e.decode(range(65, 70)),
    lambda e: e.decode(b"abc"),
    lambda e: e.decode(["a"]),
    lambda e: e.decode([None]),
    lambda e: e.decode([True, np.int64(65)]),
    lambda e: e.decode([65], errors="nothing"),
    lambda e: e.decode_single_token_bytes(99_999_999),
    lambda e: e.decode_single_token_bytes(-1),
    lambda e: e.decode_single_token_bytes("a"),
    lambda e: e.decode_tokens_bytes([65, 99_999_999]),
    lambda e: e.decode_tokens_bytes("a"),
    lambda e: e.decode_tokens_bytes(5),
    lambda e: e.decode_with_offsets([]),
    lambda e: e.decode_batch([[65], [99_999_999]]),
    lambda e: e.decode_batch(5),
    lambda e: e.decode_bytes_batch([[65], "a"]),
    lambda e: e.decode_batch([[65]], num_threads=0),
    lambda e: e.encode_single_token("no token at all"),
    lambda e: e.encode_single_token(b"\xff\xfe\xfd"),
    lambda e: e.encode_single_token(5),
    lambda e: e.encode_single_token(bytearray(b"a")),
    lambda e: e.encode_single_token("\ud800"),
    lambda e: e.encode_batch(["a"], num_threads=0),
    lambda e: e.encode_batch("ab"),
    lambda e: e.encode_batch(5),
    lambda e: e.encode_batch(["a", 5]),
    lambda e: e.encode_batch(["a", b"b"], disallowed_special=()),
    lambda e: e.encode_batch(["a", "b<|endoftext|>", 5]),
    lambda e: e.encode_ordinary_batch(["a", 5]),
    lambda e: e.encode("a", allowed_special=["a"]),
    lambda e: e.encode("a", allowed_special=None),
    lambda e: e.encode("a", allowed_special=("x",), disallowed_special=()),
    lambda e: e.encode("a", allowed_special={1}, disallowed_special=()),
    lambda e: e.encode("a", disallowed_special={1}),
    lambda e: e.encode("a", disallowed_special=None),
    lambda e: e.encode("zz", disallowed_special="zz"),
    lambda e: e.encode("<|endoftext|>", allowed_special={"<|endoftext|>"}, disallowed_special={"<|endoftext|>"}),
    lambda e: e.is_special_token("a"),
    lambda e: e.is_special_token(True),
]


@pytest.mark.parametrize("n", range(len(WRONG)))
def test_errors_are_tiktokens(references: References, n: int) -> None:
    mine, theirs = ours.get_encoding("cl100k_base"), references["cl100k_base"]
    assert outcome(WRONG[n], mine) == outcome(WRONG[n], theirs)


RANKS = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"abc": 257, b"cd": 258, "é".encode(): 259}


def test_an_encoding_of_ones_own() -> None:
    for pattern in (r"\w+|\W+", r"\p{L}+", r".", "abc", r"(?i:a)b|\s+(?!\S)"):
        made = {
            library: library.Encoding(
                "mine", pat_str=pattern, mergeable_ranks=RANKS, special_tokens={"<a>": 300, "<b>": 301}
            )
            for library in (ours, tiktoken)
        }
        for text in ("abcd", "ab cd\n é", "<a>ab<b>", "ABab", ""):
            for how in ({"allowed_special": "all"}, {"disallowed_special": ()}, {"allowed_special": {"<a>"}}):
                mine, theirs = (outcome(e.encode, text, **how) for e in made.values())
                assert mine == theirs, (pattern, text, how)
        mine, theirs = made.values()
        assert mine.n_vocab == theirs.n_vocab == 302
        assert outcome(getattr, mine, "eot_token") == outcome(getattr, theirs, "eot_token")


def test_encodings_that_cannot_be() -> None:
    def both(**given: Any) -> tuple[Any, Any]:
        how = {"pat_str": "a", "mergeable_ranks": RANKS, "special_tokens": {}, **given}
        return outcome(ours.Encoding, "x", **how), outcome(tiktoken.Encoding, "x", **how)

    mine, theirs = both(mergeable_ranks={})
    assert mine == theirs
    mine, theirs = both(explicit_n_vocab=9)
    assert mine == theirs and mine[0] is AssertionError
    # tiktoken panics, which no `except Exception` stops; the words are the same.
    with pytest.raises(ValueError, match="Maybe you had duplicate token indices in your encoder"):
        ours.Encoding("x", pat_str="a", mergeable_ranks={b"a": 0, b"b": 0}, special_tokens={})
    with pytest.raises(ValueError):
        ours.Encoding("x", pat_str="(", mergeable_ranks=RANKS, special_tokens={})
    with pytest.raises(fasttok.UnsupportedTokenizerError, match="no characters"):
        ours.Encoding("x", pat_str="a", mergeable_ranks=RANKS, special_tokens={"": 300})


def test_what_tiktoken_does_not_define_is_refused() -> None:
    # tiktoken panics at a byte that is no token.
    with pytest.raises(fasttok.UnsupportedTokenizerError, match="byte 0x00"):
        ours.Encoding("few", pat_str=r"\w+", mergeable_ranks={b"a": 0, b"b": 1, b"ab": 2}, special_tokens={})
    tokens = {"<a": 300, "<ab": 301, "<ac": 302, "<b": 303}
    alike = ours.Encoding("alike", pat_str=r"\w+|\W+", mergeable_ranks=RANKS, special_tokens=tokens)
    assert alike.encode("<a<b", allowed_special="all") == [300, 303]
    assert alike.encode("<ac", disallowed_special=()) == alike.encode_ordinary("<ac")
    for call in (alike.encode, alike.encode_to_numpy, lambda text, **how: alike.encode_batch([text], **how)):
        with pytest.raises(fasttok.UnsupportedTokenizerError, match="'<ac'"):
            call("a<ac", allowed_special="all")


def test_copies_and_pickles(references: References) -> None:
    for encoding in (ours.get_encoding("r50k_base"), custom := ours.Encoding(
        "custom", pat_str=r"\w+|\W+", mergeable_ranks=RANKS, special_tokens={"<|pickle|>": 100_000}
    )):  # fmt: skip
        for other in (pickle.loads(pickle.dumps(encoding)), copy.copy(encoding), copy.deepcopy(encoding)):
            assert other.name == encoding.name
            assert other.encode("ab cd<|pickle|>", allowed_special="all") == encoding.encode(
                "ab cd<|pickle|>", allowed_special="all"
            )
    assert len(pickle.dumps(ours.get_encoding("r50k_base"))) < 200 < len(pickle.dumps(custom))
    assert fasttok.load(custom).count("abcd") == 2
    assert fasttok.load(ours.get_encoding("r50k_base")).hash == fasttok.get_encoding("r50k_base").hash


def test_names_and_models() -> None:
    assert ours.list_encoding_names() == tiktoken.list_encoding_names() == NAMES
    assert ours.__version__ == tiktoken.__version__
    for model in [*tiktoken.model.MODEL_TO_ENCODING, "gpt-5.5", "gpt-4o-2024", "ft:gpt-4:x", "nothing", "", 5]:
        mine, theirs = (outcome(lib.encoding_name_for_model, model) for lib in (ours, tiktoken))
        assert mine == theirs, model
    for name in ("nothing", 5):
        assert outcome(ours.get_encoding, name) == outcome(tiktoken.get_encoding, name)
    assert ours.encoding_for_model("gpt-4o") is ours.get_encoding("o200k_base")


def test_the_surface_is_tiktokens() -> None:
    assert {name for name in dir(tiktoken.Encoding) if not name.startswith("__")} <= set(dir(ours.Encoding))
    public = {"Encoding", "encoding_for_model", "encoding_name_for_model", "get_encoding", "list_encoding_names"}
    assert public < set(dir(ours)) & set(dir(tiktoken))


def test_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = types.ModuleType("tiktoken_ext.mine")
    plugin.ENCODING_CONSTRUCTORS = {  # type: ignore[attr-defined]
        "mine": lambda: {"name": "mine", "pat_str": ".", "mergeable_ranks": RANKS, "special_tokens": {"<e>": 300}}
    }
    monkeypatch.setitem(sys.modules, "tiktoken_ext.mine", plugin)
    monkeypatch.setattr(registry, "_available_plugin_modules", lambda: [registry._OWN, "tiktoken_ext.mine"])
    monkeypatch.setattr(registry, "_constructors", None)
    monkeypatch.setattr(registry, "ENCODINGS", {})
    assert ours.list_encoding_names() == [*NAMES, "mine"]
    assert ours.get_encoding("mine").encode("ab<e>", allowed_special="all") == [97, 98, 300]
    del plugin.ENCODING_CONSTRUCTORS
    monkeypatch.setattr(registry, "_constructors", None)
    with pytest.raises(ValueError, match="does not define ENCODING_CONSTRUCTORS"):
        ours.list_encoding_names()


def test_patching_is_undone_exactly() -> None:
    modules = [tiktoken, tiktoken.core, tiktoken.registry, tiktoken.model]
    before = [dict(vars(module)) for module in modules]
    ours.patch()
    ours.patch()
    assert tiktoken.get_encoding("o200k_base") is ours.get_encoding("o200k_base")
    assert tiktoken.encoding_for_model("gpt-4").name == tiktoken.model.encoding_name_for_model("gpt-4") == "cl100k_base"
    assert tiktoken.Encoding is tiktoken.core.Encoding is ours.Encoding
    with ours.patch():
        pass
    assert tiktoken.Encoding is ours.Encoding
    ours.unpatch()
    ours.unpatch()
    assert [dict(vars(module)) for module in modules] == before
    with pytest.raises(KeyError), ours.patch():
        tiktoken.encoding_for_model("nothing")
    assert [dict(vars(module)) for module in modules] == before


def test_there_is_nothing_to_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(fasttok.MissingExtraError, match="pip install tiktoken"):
        ours.patch()


def test_a_library_without_one_of_the_names_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tiktoken.model, "encoding_for_model")
    before = dict(vars(tiktoken))
    with pytest.raises(AttributeError):
        ours.patch()
    assert dict(vars(tiktoken)) == before


def test_rank_files(tmp_path: Any) -> None:
    from fasttok.compat.tiktoken import load

    file = str(tmp_path / "x.tiktoken")
    load.dump_tiktoken_bpe(RANKS, file)
    assert load.load_tiktoken_bpe(file) == RANKS
    with pytest.raises(ValueError, match="Hash mismatch"):
        load.load_tiktoken_bpe(file, expected_hash="00")
    with pytest.raises(fasttok.NotFoundError):
        load.load_tiktoken_bpe("https://example.org/x.tiktoken")


def test_it_needs_no_tiktoken_and_is_imported_when_asked_for() -> None:
    code = (
        "import sys; sys.modules.update(tiktoken=None, tiktoken_ext=None, regex=None, tokenizers=None);"
        "import fasttok; fasttok.get_encoding('gpt2').count('a'); assert 'fasttok.compat' not in sys.modules;"
        "import fasttok.compat.tiktoken as t;"
        "assert t.get_encoding('o200k_base').encode('hello world') == [24912, 2375];"
        "assert t.encoding_for_model('gpt-4').name == 'cl100k_base' and len(t.list_encoding_names()) == 7"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
