"""Every way to cut and merge bytes that files of tokenizers have, against HF `tokenizers`: vocabularies trained here,
and the vendors' own files where there are any.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nasty import texts
from references import LONG, ROOT, corpus_files, documents
from training import byte_level, corpus, literal, split, steps, trained

import fasttok
from fasttok._fasttok import Encoding, _family_pattern
from fasttok.verify.compare import verify

tokenizers = pytest.importorskip("tokenizers")

DEEPSEEK_V3 = steps(
    split(r"\p{N}{1,3}"),
    split("[一-龥\u3040-ゟ゠-ヿ]+"),
    split(
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
        " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
    ),
    byte_level(),
)
DEEPSEEK_CODER = steps(
    split("[\r\n]"),
    split(r"\s?\p{L}+"),
    split(r"\s?\p{P}+"),
    split("[一-龥ࠀ-一가-\ud7ff]+"),
    {"type": "Digits", "individual_digits": True},
    byte_level(),
)
DEEPSEEK_V2 = steps(
    split("[\r\n]"),
    split(
        r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-"
        r"ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ"
        r"-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+"
    ),
    split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"),
    split(r"\s+$"),
    split("[一-龥ࠀ-一가-\ud7ff]+"),
    {"type": "Digits", "individual_digits": True},
    byte_level(),
)
FALCON = steps(
    {"type": "Punctuation", "behavior": "Contiguous"},
    byte_level(use_regex=True),
    {"type": "Digits", "individual_digits": False},
    split("[0-9][0-9][0-9]"),
)
DIGITS = {"type": "Digits", "individual_digits": True}


def family(name: str) -> dict[str, Any]:
    pattern = _family_pattern(name)
    assert pattern is not None
    return {"pre_tokenizer": steps(split(pattern), byte_level())}


#: What a file says, and the path that has to be taken for it.
CONFIGURATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {"pre_tokenizer": byte_level(use_regex=True)}),
    "neox": ("gpt2", {"normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level(use_regex=True)}),
    "claude": ("gpt2", {"normalizer": {"type": "NFKC"}, "pre_tokenizer": byte_level(use_regex=True)}),
    "starcoder": ("gpt2-digits", {"pre_tokenizer": steps(DIGITS, byte_level(use_regex=True))}),
    "llama3": ("llama3", family("llama3")),
    "llama3 removed inverted": (
        "llama3",
        {"pre_tokenizer": steps(split(_family_pattern("llama3") or "", "Removed", True), byte_level())},
    ),
    "qwen2": ("qwen2", {"normalizer": {"type": "NFC"}, **family("qwen2")}),
    "qwen3.5": ("qwen3.5", family("qwen3.5")),
    "o200k": ("o200k", family("o200k")),
    "tekken": ("tekken", family("tekken")),
    "kimi": ("kimi", family("kimi")),
    "deepseek v3": ("deepseek-v3", {"pre_tokenizer": DEEPSEEK_V3}),
    "deepseek coder": ("deepseek-coder", {"pre_tokenizer": DEEPSEEK_CODER}),
    "deepseek v2": ("deepseek-v2", {"pre_tokenizer": DEEPSEEK_V2}),
    "falcon": ("general", {"pre_tokenizer": FALCON}),
    "one byte-level step": ("general", {"pre_tokenizer": byte_level()}),
    "prefix space": ("general", {"pre_tokenizer": byte_level(add_prefix_space=True, use_regex=True)}),
    "prefix space after a split": (
        "general",
        {"pre_tokenizer": steps(split(r"\p{N}"), byte_level(add_prefix_space=True, use_regex=True))},
    ),
    "an unknown pattern": ("general", {"pre_tokenizer": steps(split(r"\p{Lu}?\p{Ll}*|\d\d|."), byte_level())}),
    "look-behind": ("general", {"pre_tokenizer": steps(split(r"(?<=\d)(?=(\d{3})+\b)|\s(?=\w)"), byte_level())}),
    "white space": ("general", {"pre_tokenizer": steps({"type": "Whitespace"}, byte_level())}),
    "white space split": ("general", {"pre_tokenizer": steps({"type": "WhitespaceSplit"}, byte_level())}),
    "bert": ("general", {"pre_tokenizer": steps({"type": "BertPreTokenizer"}, byte_level())}),
    "char delimiter": (
        "general",
        {"pre_tokenizer": steps({"type": "CharDelimiterSplit", "delimiter": "e"}, byte_level(use_regex=True))},
    ),
    "fixed length": ("general", {"pre_tokenizer": steps({"type": "FixedLength", "length": 5}, byte_level())}),
    "digits together": (
        "general",
        {"pre_tokenizer": steps({"type": "Digits", "individual_digits": False}, byte_level(use_regex=True))},
    ),
    "nested sequences": (
        "gpt2-digits",
        {"pre_tokenizer": steps(steps(DIGITS), steps(steps(byte_level(use_regex=True))))},
    ),
    "lowercase and strip": (
        "gpt2",
        {
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Strip", "strip_left": True, "strip_right": True},
                    {"type": "Lowercase"},
                    {"type": "Replace", "pattern": {"String": "  "}, "content": " "},
                    {"type": "Prepend", "prepend": "_"},
                ],
            },
            "pre_tokenizer": byte_level(use_regex=True),
        },
    ),
    "replace by a pattern": (
        "llama3",
        {"normalizer": {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, **family("llama3")},
    ),
    **{
        f"punctuation {behavior}": (
            "general",
            {"pre_tokenizer": steps({"type": "Punctuation", "behavior": behavior}, byte_level(use_regex=True))},
        )
        for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
    },
    **{
        f"split {behavior}{' inverted' * invert}": (
            "general",
            {"pre_tokenizer": steps(split(r"[aeiou\s]+", behavior, invert), byte_level(use_regex=True))},
        )
        for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
        for invert in (False, True)
    },
    **{
        f"literal {behavior}": ("general", {"pre_tokenizer": steps(literal("th", behavior), byte_level())})
        for behavior in ("Removed", "Isolated", "MergedWithNext")
    },
}


def loaded(made: dict[str, Any]) -> tuple[Encoding, Any]:
    data = json.dumps(made, ensure_ascii=False)
    return fasttok.load(data.encode()), tokenizers.Tokenizer.from_str(data)


def assert_same(made: dict[str, Any], some: list[str]) -> Encoding:
    ours, theirs = loaded(made)
    for special in ("text", "token"):
        theirs.encode_special_tokens = special == "text"
        expected = theirs.encode_batch_fast(some, add_special_tokens=False)
        ids, offsets = ours.encode_batch(some, special=special)
        counts = ours.count_batch(some, special=special)
        for i, (text, right) in enumerate(zip(some, expected, strict=True)):
            assert ids[offsets[i] : offsets[i + 1]].tolist() == right.ids, (special, text)
            assert counts[i] == len(right.ids), (special, text)
    # Counting and encoding have nothing in common but the tables: a compiled encoding has the same.
    compiled = ours._compiled()
    assert compiled is not None
    again = Encoding._from_file_bytes(compiled, "again")
    assert again.count_batch(some, special="token").tolist() == counts.tolist()
    return ours


CONTEXTS = ["{0}", "a{0}b", " {0}1", "中{0}.", "{0}{0} ", "!{0}'s", "1{0}1", "\n{0}\n"]
CHARACTERS = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]


def characters(every: int) -> Iterator[str]:
    for i, c in enumerate(CHARACTERS[::1] if LONG else CHARACTERS[:600] + CHARACTERS[600::every]):
        yield CONTEXTS[i % len(CONTEXTS)].format(c) if not LONG else "".join(x.format(c) for x in CONTEXTS)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_pretokenizers_and_normalizers(name: str) -> None:
    path, pipeline = CONFIGURATIONS[name]
    made = trained(700, **pipeline)
    enc = assert_same(
        made, ["", *texts(51, 20_000 if LONG else 500), *characters(197), *itertools.islice(corpus(), 50)]
    )
    assert enc.pretokenizer == path


class TestMerging:
    @pytest.fixture(scope="class", params=["gpt2", "llama3"])
    @classmethod
    def made(cls, request: pytest.FixtureRequest) -> dict[str, Any]:
        return trained(1_500, **CONFIGURATIONS[request.param][1])

    def some(self) -> list[str]:
        return list(texts(52, 20_000 if LONG else 800))

    @pytest.mark.parametrize("ignore_merges", [False, True])
    def test_tokens_that_merging_does_not_reach(self, made: dict[str, Any], ignore_merges: bool) -> None:
        merges = [merge for i, merge in enumerate(made["model"]["merges"]) if i % 5]
        vocab = made["model"]["vocab"]
        # A merge whose parts are no longer made stays: it can never be used.
        made = {**made, "model": {**made["model"], "merges": merges, "ignore_merges": ignore_merges, "vocab": vocab}}
        assert_same(made, self.some())

    def test_merges_in_another_order(self, made: dict[str, Any]) -> None:
        merges = list(made["model"]["merges"])
        random.Random(1).shuffle(merges)
        for ignore_merges in (False, True):
            model = {**made["model"], "merges": merges, "ignore_merges": ignore_merges}
            assert_same({**made, "model": model}, self.some())

    def test_merges_that_are_there_twice(self, made: dict[str, Any]) -> None:
        merges = made["model"]["merges"]
        for doubled in (merges + merges[:200], merges[300:500] + merges, merges[::-1] + merges[::2]):
            assert_same({**made, "model": {**made["model"], "merges": doubled}}, self.some())

    def test_merges_as_text_and_as_pairs(self, made: dict[str, Any]) -> None:
        merges = [" ".join(merge) for merge in made["model"]["merges"]]
        assert_same({**made, "model": {**made["model"], "merges": merges}}, self.some()[:300])

    def test_ids_in_another_order(self, made: dict[str, Any]) -> None:
        ids = list(range(0, 3 * len(made["model"]["vocab"]), 3))
        random.Random(2).shuffle(ids)
        vocab = dict(zip(made["model"]["vocab"], ids, strict=True))
        assert_same({**made, "model": {**made["model"], "vocab": vocab}}, self.some())

    @pytest.mark.parametrize("fuse_unk", [False, True])
    @pytest.mark.parametrize("unk_token", [None, "<unk>"])
    @pytest.mark.parametrize("ignore_merges", [False, True])
    def test_bytes_that_are_missing(self, unk_token: str | None, fuse_unk: bool, ignore_merges: bool) -> None:
        made = trained(
            600,
            alphabet=False,
            unk_token=unk_token,
            pre_tokenizer=byte_level(use_regex=True),
            model={"fuse_unk": fuse_unk, "ignore_merges": ignore_merges},
        )
        assert_same(made, [*self.some(), *characters(297)])


FLAGS = ("lstrip", "rstrip", "single_word", "normalized", "special")


@pytest.mark.parametrize("normalizer", [None, {"type": "Lowercase"}, {"type": "NFC"}], ids=str)
@pytest.mark.parametrize("combination", range(32))
def test_added_tokens(combination: int, normalizer: dict[str, Any] | None) -> None:
    flags = {flag: bool(combination >> bit & 1) for bit, flag in enumerate(FLAGS)}
    contents = ["<|a|>", "<|A|>", "tool", "é", "  ", "<|a", "\n\n", "TOOL x", "1", "中文"]
    if flags["rstrip"]:
        # The reference panics where one token takes the white space that another is made of.
        contents = [content for content in contents if content.strip()]
    if normalizer == {"type": "Lowercase"}:
        # Which of two that are the same in lower case is found is chance in the reference.
        contents = [content for content in contents if content not in ("<|A|>", "TOOL x")]
    added = [{"content": content, **flags} for content in contents]
    # Others beside them, whose flags are not theirs.
    added += [{"content": "<s>", "special": True}, {"content": "word", "single_word": True, "lstrip": True}]
    made = trained_once(normalizer)
    plain = dict.fromkeys(FLAGS, False)
    # The reference gives them ids of its own, whatever the file says.
    made = {**made, "added_tokens": [{**plain, **token, "id": 7 * i} for i, token in enumerate(added)]}
    rng = random.Random(combination)
    parts = [
        *contents,
        "<s>",
        "word",
        " ",
        "  ",
        "\n",
        "a",
        "Word",
        "e\u0301",
        "TOOL",
        "_",
        ".",
        "\u0338",
        "\u3000",
        "xtool",
    ]
    some = ["".join(rng.choices(parts, k=rng.randrange(1, 9))) for _ in range(8_000 if LONG else 300)]
    assert_same(made, some)


_once: dict[str, dict[str, Any]] = {}


def trained_once(normalizer: dict[str, Any] | None) -> dict[str, Any]:
    key = json.dumps(normalizer)
    if key not in _once:
        _once[key] = trained(400, normalizer=normalizer, pre_tokenizer=byte_level(use_regex=True))
    return _once[key]


@pytest.mark.parametrize("name", ["cl100k", "llama3", "qwen2", "qwen3.5", "o200k", "tekken", "kimi", "gpt2"])
def test_rank_files(name: str) -> None:
    """Families as rank files have them, against tiktoken."""
    tiktoken = pytest.importorskip("tiktoken")
    made = trained(900, pre_tokenizer=byte_level(use_regex=True))
    symbols = {v: k for k, v in byte_symbols().items()}
    ranks = {bytes(symbols[c] for c in token): rank for token, rank in made["model"]["vocab"].items()}
    special = {"<|endoftext|>": 2_000, "<|end|>": 2_001}
    theirs = tiktoken.Encoding(name, pat_str=_family_pattern(name), mergeable_ranks=ranks, special_tokens=special)
    data = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())
    ours = fasttok.load(data, pattern=name, special_tokens=special)
    assert ours == fasttok.load(theirs, name=ours.name) or ours.hash != fasttok.load(theirs).hash
    assert ours.pretokenizer == fasttok.load(theirs).pretokenizer == name
    for text in [*texts(53, 20_000 if LONG else 800), *characters(297)]:
        assert ours.encode(text).tolist() == theirs.encode_ordinary(text), text
        expected = theirs.encode(text, allowed_special="all")
        assert ours.encode(text, special="token").tolist() == expected
        assert ours.count(text, special="token") == len(expected)


def byte_symbols() -> dict[int, str]:
    """The character that stands for each byte in byte-level vocabularies: itself where it is printable."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {**{byte: chr(byte) for byte in printable}, **{byte: chr(256 + i) for i, byte in enumerate(others)}}


def tekken_files() -> list[Path]:
    try:
        import mistral_common
    except ModuleNotFoundError:
        return []
    return sorted((Path(mistral_common.__file__).parent / "data").glob("tekken*.json"))


@pytest.mark.parametrize("file", tekken_files(), ids=lambda file: file.stem)
def test_tekken(file: Path) -> None:
    found = verify(fasttok.load(file), built_in=20_000 if LONG else 2_000)
    assert found.reference == "mistral-common"
    assert found.differences == 0, found.first
    assert found.built_in >= 2_000


TOKENIZERS = ROOT.parent / "shared" / "tokenizers"
REFUSED = {"t5-small.json": "Unigram", "bert-cased.json": "WordPiece", "rwkv-world.txt": "this file"}


@pytest.fixture
def unpacked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    zstandard = pytest.importorskip("zstandard")
    packed: Path = request.param
    file = tmp_path / packed.name.removesuffix(".zst")
    with open(packed, "rb") as source, open(file, "wb") as target:
        zstandard.ZstdDecompressor(max_window_size=1 << 31).copy_stream(source, target)
    return file


def sample() -> Iterator[tuple[str, str]]:
    """A fixed part of the corpora; in a long run all of them."""
    for file in corpus_files():
        for i, text in enumerate(documents(file, every=1 if LONG else 900)):
            yield f"{file.name} {i}", text


@pytest.mark.skipif(not TOKENIZERS.is_dir(), reason="no folder ../shared/tokenizers")
@pytest.mark.parametrize(
    "unpacked", sorted(TOKENIZERS.glob("*.zst")), ids=lambda file: file.name.removesuffix(".zst"), indirect=True
)
def test_the_files_of_vendors(unpacked: Path, tiktoken_cache: Path) -> None:
    if unpacked.name in REFUSED:
        with pytest.raises(fasttok.UnsupportedTokenizerError, match=REFUSED[unpacked.name]):
            fasttok.load(unpacked)
        return
    found = verify(fasttok.load(unpacked), sample(), built_in=100_000 if LONG else 500)
    assert found.differences == 0, found.first
    points = verify(fasttok.load(unpacked), ((f"U+{ord(c[0]):04X}", c) for c in characters(4_999)), built_in=0)
    assert points.differences == 0, points.first
