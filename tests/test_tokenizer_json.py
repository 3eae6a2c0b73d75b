"""What a ``tokenizer.json`` may say and few do: each against HF tokenizers, ids, counts and decoded text."""

from __future__ import annotations

import base64
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from sentencepiece_models import charsmap
from training import byte_level, literal, split, steps

import fasttok

tokenizers = pytest.importorskip("tokenizers")

META = "\u2581"
BYTES = [chr(byte) for byte in (*range(33, 127), *range(161, 173), *range(174, 256))] + [
    chr(256 + i) for i in range(68)
]
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]


def made(vocab: list[str] | dict[str, int], merges: list[str] = [], **parts: Any) -> dict[str, Any]:  # noqa: B006
    """A file with this vocabulary; `parts` are those of the model or of the file."""
    model = {
        "type": "BPE",
        "unk_token": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": vocab if isinstance(vocab, dict) else {token: i for i, token in enumerate(vocab)},
        "merges": [merge.split(" ") for merge in merges],
    }
    file = {"added_tokens": [], "normalizer": None, "pre_tokenizer": None, "decoder": None}
    for name, value in parts.items():
        (model if name in model else file)[name] = value
    return {"version": "1.0", **file, "model": model}


def token(content: str, **flags: bool) -> dict[str, Any]:
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return {"id": 0, "content": content, **plain, **flags}


def replace(pattern: str, content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def metaspace(scheme: str = "always", split: bool = True) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": META, "prepend_scheme": scheme, "split": split}


def same(file: dict[str, Any], *texts: str, special: tuple[str, ...] = ("text", "token")) -> fasttok.Encoding:
    data = json.dumps(file)
    ours, theirs = fasttok.load(data.encode()), tokenizers.Tokenizer.from_str(data)
    for text, mode in itertools.product(texts, special):
        theirs.encode_special_tokens = mode == "text"
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert ours.encode(text, special=mode).tolist() == ids, (text, mode)  # type: ignore[arg-type]
        assert ours.count(text, special=mode) == len(ids), (text, mode)  # type: ignore[arg-type]
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False), (text, mode)
    return ours


ACGT = made(["A", "C", "G", "T", "AC", "ACGT", "GT"], ["A C", "G T", "AC GT"])


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("behavior", ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"])
def test_a_split_by_nothing(behavior: str, invert: bool) -> None:
    pre = {**literal("", behavior), "invert": invert}
    enc = same({**ACGT, "pre_tokenizer": pre}, "ACGT", "")
    assert enc.count("ACGT") == (0 if behavior == "Removed" and invert else 4)


@pytest.mark.parametrize("version", ["2.0", "1.1", 1.0, ""])
def test_a_format_of_another_version_is_refused(version: object) -> None:
    """In version 2.0, which tokenizers 1.0 pickles, a byte-level model says so itself and has no step for it."""
    file = made(["a", "b"], version=version)
    with pytest.raises(fasttok.UnsupportedTokenizerError, match='"1.0" is what can be read'):
        fasttok.load(json.dumps(file).encode())
    same(made(["a", "b"], version="1.0"), "ab")


def test_two_byte_level_steps() -> None:
    step = byte_level(use_regex=True)
    enc = same(made(BYTES, pre_tokenizer=steps(step, step)), "hello world", "é", "")
    assert enc.count("é") == 4


@pytest.mark.parametrize("scheme", ["always", "first", "never"])
@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_metaspace_without_its_sign_in_the_vocabulary(scheme: str, byte_fallback: bool, split: bool) -> None:
    vocab = ["<unk>", "a", "b", "ab", *(BYTE_TOKENS if byte_fallback else [])]
    pre = metaspace(scheme, split)
    for fuse_unk in (False, True):
        file = made(
            vocab, ["a b"], unk_token="<unk>", fuse_unk=fuse_unk, byte_fallback=byte_fallback, pre_tokenizer=pre
        )
        same(file, "ab ab", "a  b", "!", "", " ", META, f"a{META}b !!")


def test_a_prefix_that_is_not_in_the_vocabulary() -> None:
    file = made([c for c in BYTES if c != "Ġ"], pre_tokenizer=byte_level(add_prefix_space=True, use_regex=True))
    assert same(file, "a", " a", "a b").count("a") == 1


def test_ids_with_holes() -> None:
    vocab = {c: 2 * i for i, c in enumerate([*BYTES, "ab", "<unk>"])}
    added = [token("<unk>", special=True), token(""), token("<m>", normalized=True), token("ab"), token("<n>")]
    file = made(vocab, ["a b"], added_tokens=added, pre_tokenizer=byte_level(use_regex=True))
    enc = same(file, "<unk>ab<m> x<n>", "<m>", "abab")
    assert enc.added_tokens == {"<unk>": 514, "<m>": 258, "ab": 512, "<n>": 259}


MOVED = [
    (replace(r"\d+", "0"), ["99", "9", "a99", " 99"]),
    (replace("aa", "b"), ["aab", "ab", "aaab"]),
    (replace("a", ""), ["ab", "aab", "ba"]),
    (replace("^", "x"), ["ab", ""]),
    ({"type": "Strip", "strip_left": True, "strip_right": False}, [" ab", "ab", "  "]),
    ({"type": "Prepend", "prepend": "ab"}, ["ab", "b"]),
    ({"type": "StripAccents"}, ["\u0301ab", "a\u0301b"]),
    ({"type": "Nmt"}, ["\x01ab", "ab", "\x01"]),
    ({"type": "NFC"}, ["e\u0301b", "\u0301a"]),
    ({"type": "NFKD"}, ["\ufb01b", "éa"]),
    ({"type": "Lowercase"}, ["İa", "AB"]),
]


@pytest.mark.parametrize(("normalizer", "texts"), MOVED, ids=str)
def test_metaspace_at_the_first_part(normalizer: dict[str, Any], texts: list[str]) -> None:
    """The first part is the one at offset 0 of the text that was given, before it was normalized."""
    vocab = ["<unk>", META, *"abx09fie\u0301é\u0307", f"{META}a", "ab"]
    for pre in (metaspace("first"), metaspace("first", split=False), steps(split("b"), metaspace("first"))):
        added = [token("ab", normalized=True), token("9")]
        file = made(vocab, [f"{META} a", "a b"], unk_token="<unk>", normalizer=normalizer, pre_tokenizer=pre)
        same(file, *texts)
        same({**file, "added_tokens": added}, *texts)


@pytest.mark.parametrize("rules", ["user", "nmt_nfkc"])
def test_metaspace_at_the_first_part_behind_compiled_rules(rules: str) -> None:
    pytest.importorskip("sentencepiece")
    compiled = base64.b64encode(charsmap(rules)).decode()
    normalizer = {"type": "Precompiled", "precompiled_charsmap": compiled}
    vocab = ["<unk>", META, *"abdXfix☃", f"{META}a", "ab"]
    for before in (
        [],
        [{"type": "Prepend", "prepend": "x"}],
        [{"type": "Strip", "strip_left": True, "strip_right": False}],
    ):
        normalizers = {"type": "Sequence", "normalizers": [*before, normalizer]}
        for pre in (metaspace("first"), steps(split("b"), metaspace("first"))):
            file = made(vocab, [f"{META} a", "a b"], unk_token="<unk>", normalizer=normalizers, pre_tokenizer=pre)
            for text in ("aab", "ABab", "☃ab", "あb", "xyzab", "bcab", "\ufb01ab", " dab", "ba", "Ab", "①b", "\x01ab"):
                same(file, text)


def test_whole_parts_between_added_tokens() -> None:
    added = [token("<|x|>"), token("<|y|>", special=True)]
    file = made([*"<unk>|xy", "<unk>"], ignore_merges=True, added_tokens=added)
    assert same(file, "<unk><|x|>", "<unk>", "x<|y|><unk>").count("<unk><|x|>") == 2


def test_an_added_token_of_characters_that_are_left_out() -> None:
    file = made(["a", "b", "ab"], ["a b"], added_tokens=[token("\u3000"), token("aé")])
    assert same(file, "\u3000", "a\u3000b", "aéb", "aüb").count("a\u3000b") == 3


@pytest.mark.parametrize("flag", ["single_word", "lstrip", "rstrip", "normalized", "special"])
def test_an_added_token_that_is_there_twice(flag: str) -> None:
    for first, last in itertools.product([False, True], repeat=2):
        twice = [token("<x>", **{flag: first}), token("y"), token("<x>", **{flag: last})]
        file = made(BYTES, added_tokens=twice, pre_tokenizer=byte_level(use_regex=True), normalizer={"type": "NFC"})
        same(file, "<x>", "a<x>", " <x> ", "y<x>y <x> y")


@pytest.mark.parametrize("fuse_unk", [False, True])
@pytest.mark.parametrize("pre", [byte_level(use_regex=True), byte_level(), None], ids=str)
def test_an_unknown_token_that_takes_part_in_merges(fuse_unk: bool, pre: Any) -> None:
    vocab = [*(c for c in BYTES if c not in "qz"), "<unk>", "<unk>a", "<unk><unk>", "ab"]
    file = made(vocab, ["a b", "<unk> a", "<unk> <unk>"], unk_token="<unk>", fuse_unk=fuse_unk, pre_tokenizer=pre)
    same(file, "qa", "qzab", "qqqqa", "ab", "zqz")


@pytest.mark.parametrize("pattern", ["^", "$", "", r"\b", "x?"])
def test_a_replacement_of_nothing(pattern: str) -> None:
    file = made(["a", "b", "-"], normalizer=replace(pattern, "-"))
    assert same(file, "", "a", "ab", "b a").count("") == 0
    string = {"type": "Replace", "pattern": {"String": ""}, "content": "-"}
    same({**file, "normalizer": string}, "", "ab")


def test_a_replacement_of_nothing_that_the_reference_fails_on() -> None:
    """What is put before the text has no offset there, and the next step writes it twice or panics."""
    pre = byte_level(use_regex=True)
    enc = fasttok.load(json.dumps(made(BYTES, normalizer=replace("^|b", "-"), pre_tokenizer=pre)).encode())
    with pytest.raises(fasttok.TextLimitError, match="finds nothing at the beginning"):
        enc.count("ab")
    with pytest.raises(fasttok.TextLimitError):
        enc.encode("ab")
    nothing = {"type": "Prepend", "prepend": ""}
    with pytest.raises(fasttok.UnsupportedTokenizerError, match="Prepend of nothing"):
        fasttok.load(json.dumps(made(BYTES, normalizer=nothing, pre_tokenizer=pre)).encode())
    assert same(made(["a"], normalizer=nothing), "a", "").count("a") == 1


def test_added_tokens_of_white_space() -> None:
    for flags in ({"lstrip": True, "rstrip": True}, {"lstrip": True}, {"rstrip": True}):
        file = made(["a", " "], added_tokens=[token("  ", **flags), token("a ", **flags)])
        same(file, "    ", "   ", "a  a", "  a    a  ")
    assert same(made(["a", " "], added_tokens=[token("  ", lstrip=True, rstrip=True)]), "    ").count("    ") == 1


def test_an_added_token_that_normalizes_to_nothing() -> None:
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    with pytest.raises(fasttok.UnsupportedTokenizerError, match='added token " "'):
        fasttok.load(json.dumps(made(["a"], normalizer=strip, added_tokens=[token(" ", normalized=True)])).encode())


@pytest.mark.parametrize("pre", [None, metaspace(), literal(" ", "MergedWithPrevious")], ids=str)
def test_a_byte_token_that_no_text_needs(pre: Any) -> None:
    """As in Gemma 1 and 2: the tabulator is a token itself."""
    gemma = {"type": "Replace", "pattern": {"String": " "}, "content": META}
    vocab = ["<unk>", "\t", META, "a", *(token for token in BYTE_TOKENS if token != "<0x09>")]
    file = made(vocab, unk_token="<unk>", byte_fallback=True, fuse_unk=True, normalizer=gemma, pre_tokenizer=pre)
    assert same(file, "\t", "a\t\t é", "字\n").pretokenizer == "characters"


def test_byte_tokens_that_are_needed_and_missing() -> None:
    vocab = ["<unk>", "a", *(token for token in BYTE_TOKENS if token not in ("<0x09>", "<0xE5>"))]
    for unk_token, fuse_unk in itertools.product([None, "<unk>"], [False, True]):
        file = made(vocab, unk_token=unk_token, byte_fallback=True, fuse_unk=fuse_unk)
        same(file, "\t", "a\t\té字字é", "字é字", "字a字")


def test_an_unknown_token_that_is_not_in_the_vocabulary() -> None:
    full = made(BYTES, unk_token="<unk>", pre_tokenizer=byte_level(use_regex=True))
    assert same(full, "any text", "字").pretokenizer == "gpt2"
    enc = same(made(["a"], unk_token="<unk>"), "a", "aa")
    with pytest.raises(fasttok.UnsupportedTokenizerError, match='"<unk>".*not in the vocabulary, and "b" needs it'):
        enc.count("ab")


def test_two_tokens_with_one_id() -> None:
    file = made({"a": 0, "b": 1, "ab": 2, "c": 2, "abc": 3}, ["a b", "ab c"])
    data = json.dumps(file)
    ours, theirs = fasttok.load(data.encode()), tokenizers.Tokenizer.from_str(data)
    for text in ("ab", "c", "abc", "cc", "cab", "abab"):
        assert ours.encode(text).tolist() == theirs.encode(text).ids, text


def test_decoders() -> None:
    byte_fallback, fuse, strip = (
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    )
    blanks = {"type": "Replace", "pattern": {"String": META}, "content": " "}
    sequences = [[byte_fallback, metaspace()], [blanks, byte_fallback, fuse, strip], [fuse], []]
    decoders = [None, metaspace(), metaspace("never"), {"type": "BPEDecoder", "suffix": "d"}, byte_level(), *sequences]
    prepend = {"type": "Prepend", "prepend": META}
    normalizer = {"type": "Sequence", "normalizers": [prepend, {**blanks, "pattern": {"String": " "}, "content": META}]}
    vocab = ["<unk>", META, *"Helowrd", f"{META}H", *BYTE_TOKENS]
    for decoder in decoders:
        decoder = {"type": "Sequence", "decoders": decoder} if isinstance(decoder, list) else decoder
        file = made(vocab, [f"{META} H"], byte_fallback=True, normalizer=normalizer, decoder=decoder)
        added = [token("<x>", normalized=True), token("wo", special=True)]
        enc = same({**file, "added_tokens": added}, "Hello world", "é字", "<x> Hello<x>", "wo", "")
        theirs = tokenizers.Tokenizer.from_str(json.dumps(file))
        half = enc.encode("字").tolist()[:-1]
        assert enc.decode(half) == theirs.decode(half, skip_special_tokens=False)


def test_a_blank_put_before_a_normalized_added_token_is_no_text() -> None:
    prepend = {"type": "Prepend", "prepend": META}
    blanks = {"type": "Replace", "pattern": {"String": " "}, "content": META}
    back = {"type": "Replace", "pattern": {"String": META}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    file = made(
        ["<unk>", META, *"Helowrd"],
        normalizer={"type": "Sequence", "normalizers": [prepend, blanks]},
        decoder={"type": "Sequence", "decoders": [back, {"type": "Fuse"}, strip]},
        added_tokens=[token("<x>", normalized=True)],
    )
    enc = same(file, "Hello world", "<x> Hello")
    assert enc.decode(enc.encode("Hello world")) == "Hello world"


def test_the_bytes_of_a_part_of_a_character() -> None:
    fallback = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    enc = fasttok.load(json.dumps(made([*BYTE_TOKENS], byte_fallback=True, decoder=fallback)).encode())
    half = enc.encode("字")[:2]
    assert enc.decode_bytes(half) == "字".encode()[:2]
    # The reference has a sign for each byte.
    assert enc.decode(half) == "\ufffd\ufffd"
    with pytest.raises(UnicodeDecodeError):
        enc.decode(half, errors="strict")


def test_an_unknown_decoder_does_not_keep_from_counting() -> None:
    enc = fasttok.load(json.dumps(made(["a"], decoder={"type": "New"})).encode())
    assert enc.count("aa") == 2
    with pytest.raises(fasttok.InputError, match="the decoder New is not known"):
        enc.decode([0])
    with pytest.raises(fasttok.InputError):
        enc.decode_bytes([0])


def test_bert_normalizer() -> None:
    texts = ["É\x01\t字é", "\ufffd\0a", "ÀB  c", "\u200bx\u0301", "한국"]
    for flags in itertools.product([False, True], [False, True], [None, False, True], [False, True]):
        names = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        normalizer = {"type": "BertNormalizer", **dict(zip(names, flags, strict=True))}
        same(made(BYTES, normalizer=normalizer, pre_tokenizer=byte_level()), *texts)


def test_a_folder_with_another_file_that_can_be_counted(tmp_path: Path) -> None:
    spm = pytest.importorskip("sentencepiece")
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram", "unk_id": 0, "vocab": []}}))
    with pytest.raises(fasttok.UnsupportedTokenizerError) as alone:
        fasttok.load(tmp_path)
    assert "beside it" not in str(alone.value)
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g h"] * 20),
        model_prefix=str(tmp_path / "tokenizer"),
        model_type="bpe",
        vocab_size=20,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    with pytest.raises(fasttok.UnsupportedTokenizerError, match=r"Unigram.*tokenizer\.model beside it can"):
        fasttok.load(tmp_path)
    assert fasttok.load(tmp_path / "tokenizer.model").count("a b") > 0


def test_scripts_of_all_characters() -> None:
    """What is unknown is one token a piece, so that pieces are counted."""
    file = made(["<unk>"], unk_token="<unk>", fuse_unk=True, pre_tokenizer={"type": "UnicodeScripts"})
    data = json.dumps(file)
    ours, theirs = fasttok.load(data.encode()), tokenizers.Tokenizer.from_str(data)
    rng = random.Random(11)
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for beside in ("", "a", "1", "中", " ", "\u0301"):
        some = rng.sample(characters, len(characters) if beside in ("", "a") else 50_000)
        for at in range(0, len(some), 64):
            text = beside.join(some[at : at + 64])
            assert ours.count(text) == len(theirs.encode(text, add_special_tokens=False).ids), text
    for text in ("", " ", "\u0378", " \u0378a", "a \u0378 中", "ひらカタ漢字ー", "ー"):
        same(file, text)


@pytest.mark.parametrize("doublings", [12, 13, 17])
@pytest.mark.parametrize("alphabet", [["a", "b"], BYTES])
def test_a_long_token(alphabet: list[str], doublings: int) -> None:
    """The tables hold tokens of up to 4,096 bytes; a file with a longer one is followed without them."""
    tokens = ["a" * 2**i for i in range(1, doublings + 1)]
    merges = ["a a", *(f"{token} {token}" for token in tokens[:-1])]
    pre = byte_level() if alphabet is BYTES else None
    file = made([*alphabet, *tokens], merges, pre_tokenizer=pre, decoder=pre)
    longest = tokens[-1]
    ours = same(file, longest, longest + "b", longest[1:], "ab" + longest * 2, special=("text",))
    assert ours.count(longest) == 1


def test_a_long_token_of_a_rank_file() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"a" * 5_000: 256}
    lines = [f"{base64.b64encode(token).decode()} {rank}" for token, rank in ranks.items()]
    with pytest.raises(fasttok.UnsupportedTokenizerError, match="a token of 5000 bytes .* at most 4096 bytes"):
        fasttok.load("\n".join(lines).encode(), pattern=".+")


def test_the_decoder_of_ctc() -> None:
    for cleanup in (True, False):
        decoder = {"type": "CTC", "pad_token": "p", "word_delimiter_token": "|", "cleanup": cleanup}
        file = made(["a", "p", "|", "pa", " .", "b", "é"], decoder=decoder)
        same(file, "aab", "apab", "a|b", "ppp", "a||p|b", "pa.", "abbé|")
