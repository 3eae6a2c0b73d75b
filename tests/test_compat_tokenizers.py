"""``fasttok.compat.tokenizers`` beside the library ``tokenizers``: ids, and all that an encoding tells."""

from __future__ import annotations

import copy
import json
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
from nasty import texts
from training import byte_level, trained

import fasttok
from fasttok.compat import tokenizers as ours
from tests.references import LONG, ROOT

tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is what is compared with")

SHARED = ROOT.parent / "shared" / "tokenizers"
TOLD = (
    *("ids", "tokens", "offsets", "attention_mask", "type_ids", "special_tokens_mask", "word_ids", "sequence_ids"),
    "n_sequences",
)
PROCESSORS: list[Any] = [
    None,
    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    {"type": "RobertaProcessing", "sep": ["</s>", 7], "cls": ["<s>", 5], "trim_offsets": True}
    | {"add_prefix_space": False},
    {"type": "BertProcessing", "sep": ["</s>", 7], "cls": ["<s>", 5]},
    {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 1}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [5, 6], "tokens": ["<s>", "<t>"]}},
    },
]  # fmt: skip
PROCESSORS.append({"type": "Sequence", "processors": [PROCESSORS[1], PROCESSORS[4]]})


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    added = [{"content": "<tool>"}, {"content": "<|end|>", "special": True}]
    return trained(600, added_tokens=added, pre_tokenizer=byte_level(use_regex=True), decoder=byte_level())


def pair(file: dict[str, Any]) -> tuple[ours.Tokenizer, Any]:
    content = json.dumps(file)
    return ours.Tokenizer.from_str(content), tokenizers.Tokenizer.from_str(content)


def told(encoding: Any) -> list[Any]:
    overflowing = [part.ids for part in encoding.overflowing]
    return [*(getattr(encoding, name) for name in TOLD), overflowing, len(encoding), repr(encoding)]


def outcome(call: Any, *arguments: Any, **named: Any) -> Any:
    try:
        return call(*arguments, **named)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("processor", PROCESSORS)
def test_an_encoding_tells_what_the_librarys_does(file: dict[str, Any], processor: Any) -> None:
    mine, theirs = pair({**file, "post_processor": processor})
    some = [*texts(3, 300 if LONG else 60), "a<tool>b<|end|>", ""]
    for add_special_tokens in (True, False):
        one = mine.encode_batch(some, add_special_tokens=add_special_tokens)
        other = theirs.encode_batch(some, add_special_tokens=add_special_tokens)
        assert all(type(encoding) is ours.Encoding for encoding in one)
        for text, a, b in zip(some, one, other, strict=True):
            c = mine.encode(text, add_special_tokens=add_special_tokens)
            assert type(c) is ours.Encoding and told(a) == told(c) == told(b), text
            assert mine.decode(a.ids) == theirs.decode(b.ids)
            assert a.char_to_token(0) == b.char_to_token(0)


def test_processors_that_both_add_ids_are_the_librarys(file: dict[str, Any]) -> None:
    both = {"type": "Sequence", "processors": [PROCESSORS[4], PROCESSORS[3]]}
    mine, theirs = pair({**file, "post_processor": both})
    assert told(mine.encode("a b")) == told(theirs.encode("a b"))


def test_what_the_library_does_itself(file: dict[str, Any]) -> None:
    mine, theirs = pair({**file, "post_processor": PROCESSORS[4]})
    for change in (
        lambda t: t.enable_truncation(5, stride=2),
        lambda t: t.enable_padding(length=9, pad_id=3),
        lambda t: t.no_truncation(),
        lambda t: t.no_padding(),
        lambda t: t.add_tokens(["hello"]),
        lambda t: t.add_special_tokens(["<|new|>"]),
        lambda t: setattr(t, "encode_special_tokens", True),
        lambda t: setattr(t, "encode_special_tokens", False),
        lambda t: setattr(t, "normalizer", tokenizers.normalizers.Lowercase()),
        lambda t: setattr(t.pre_tokenizer, "add_prefix_space", True),
    ):
        one, other = change(mine), change(theirs)
        assert one == other
        for text in ("Say HELLO, hello <|new|> and <|end|> to the world of tokens", "a", ""):
            assert told(mine.encode(text)) == told(theirs.encode(text)), text
            assert [e.ids for e in mine.encode_batch([text, "b"])] == [e.ids for e in theirs.encode_batch([text, "b"])]
    assert told(mine.encode("one", "two")) == told(theirs.encode("one", "two"))
    assert told(mine.encode(["one", "two"], is_pretokenized=True)) == told(
        theirs.encode(["one", "two"], is_pretokenized=True)
    )
    for wrong in (5, None, b"a", "\ud800"):
        assert outcome(mine.encode, wrong) == outcome(theirs.encode, wrong)
        assert outcome(mine.encode_batch, ["a", wrong]) == outcome(theirs.encode_batch, ["a", wrong])


def test_a_method_that_was_kept_changes_it_too(file: dict[str, Any]) -> None:
    mine, theirs = pair(file)
    add = mine.add_tokens
    before = mine.encode("xyzzy")
    add(["xyzzy"])
    theirs.add_tokens(["xyzzy"])
    assert mine.encode("xyzzy").ids == theirs.encode("xyzzy").ids != before.ids
    with pytest.raises(fasttok.InputError, match="encode the text again"):
        before.tokens  # noqa: B018


def test_copies_and_pickles(file: dict[str, Any]) -> None:
    mine, theirs = pair(file)
    for other in (pickle.loads(pickle.dumps(mine)), copy.deepcopy(mine), ours.Tokenizer(mine), ours.Tokenizer(theirs)):
        assert type(other) is ours.Tokenizer and other.encode("a b").ids == theirs.encode("a b").ids
    assert told(pickle.loads(pickle.dumps(mine.encode("a b")))) == told(theirs.encode("a b"))
    assert repr(mine) == repr(theirs) and set(dir(theirs)) <= set(dir(mine))
    assert fasttok.load(mine).encode("a b").tolist() == theirs.encode("a b").ids


def test_what_is_not_byte_pair_encoding_is_refused() -> None:
    unigram = tokenizers.Tokenizer(tokenizers.models.Unigram([("a", 0.0), ("b", -1.0)], 0, False))
    with pytest.raises(fasttok.UnsupportedTokenizerError):
        ours.Tokenizer(unigram).encode("a")


def test_patching_is_undone_exactly(file: dict[str, Any]) -> None:
    before = dict(vars(tokenizers))
    ours.patch()
    ours.patch()
    assert tokenizers.Tokenizer is ours.Tokenizer
    assert type(tokenizers.Tokenizer.from_str(json.dumps(file)).encode("a")) is ours.Encoding
    assert tokenizers.Tokenizer(tokenizers.models.BPE()).get_vocab_size() == 0
    ours.unpatch()
    ours.unpatch()
    assert dict(vars(tokenizers)) == before
    with ours.patch():
        pass
    assert dict(vars(tokenizers)) == before


SOME = ("llama3.1", "qwen2.5", "gemma3", "deepseek-v3")
FILES = [
    path
    for path in sorted(SHARED.glob("*.json.zst"))
    if not path.name.startswith("tekken") and (LONG or path.name.removesuffix(".json.zst") in SOME)
]


@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path and path.name.removesuffix(".json.zst"))
def test_published_tokenizers(path: Path | None) -> None:
    """A few of them, and all in a long run."""
    if path is None:
        pytest.skip("no folder ../shared/tokenizers")
    zstandard = pytest.importorskip("zstandard")
    with zstandard.open(path, "rb") as stream:
        content = stream.read().decode()
    mine, theirs = ours.Tokenizer.from_str(content), tokenizers.Tokenizer.from_str(content)
    choose = random.Random(1)
    some = list(texts(4, 400))
    some += ["".join(choose.choices(some, k=3)) for _ in range(100)]
    try:
        mine.encode("a")
    except fasttok.UnsupportedTokenizerError:
        assert theirs.model.__class__.__name__ in ("Unigram", "WordPiece", "WordLevel")
        return
    # What the file has of these is the library's to do.
    for t in (mine, theirs):
        t.no_truncation()
        t.no_padding()
    differing = []
    fast = 0
    for text, a, b in zip(some, mine.encode_batch(some), theirs.encode_batch(some), strict=True):
        fast += type(a) is ours.Encoding
        if (a.ids, a.tokens, a.offsets) != (b.ids, b.tokens, b.offsets):
            differing.append(text)
    assert not differing and fast == len(some)
