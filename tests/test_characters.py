"""BPE over characters, against sentencepiece and HF tokenizers: models trained here, and real ones."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nasty
import pytest
from references import LONG, ROOT, corpus_files, documents

from fasttok._fasttok import Encoding

spm = pytest.importorskip("sentencepiece")
tokenizers = pytest.importorskip("tokenizers")

TOKENIZERS = ROOT.parent / "shared" / "tokenizers"
META = "\u2581"

#: What only these tokenizers get wrong.
PARTS = [
    " ", "  ", "   ", " " * 15, " " * 16, " " * 17, " " * 31, " " * 33, "\n", "\n\n", "\n" * 33, "\t", "\t" * 9,
    "\r\n", "\0", "\x07", "\x7f", META, META * 2, " " + META, "<s>", "</s>", "<unk>", "<0x0A>", "<0xE4>", "[INST]",
    "<h1>", "<unused3>", "a", "the", "Hello", "don't", "...", "1", "1234", "日本", "中文字符", "。", "，", "】",
    "한국어", "Привет", "ไทยภาษา", "हिन्दी", "e\u0301", "\u0301", "\u093c", "🎉", "👩\u200d👩", "𠀀", "\u3000", "\u00a0",
    "\u200b", "\ufeff", "ﬁ", "㍿", "①", "مرحبا", "豈", "\U0010ffff", "\ue000", ">", "</", "```", "---", "<!--",
    "ក", "မြန်မာ", "ሀ", "☃", "☃☃", "ab", "abc", "xyz", "Ａ", "ｶﾞ", "½",
]  # fmt: skip


def texts(seed: int, n: int) -> Iterator[str]:
    rng = random.Random(seed)
    yield from ("", *PARTS, *nasty.texts(seed, n // 2))
    for _ in range(n // 2):
        few = rng.choices(PARTS, k=rng.randrange(1, 9))
        parts = []
        for _ in range(rng.randrange(1, 40)):
            part = rng.choice(few) if rng.random() < 0.7 else rng.choice(PARTS)
            parts.append(part * rng.randrange(2, 60) if rng.random() < 0.03 else part)
            if rng.random() < 0.1:
                parts.append(rng.choice("abcXYZ ,.\n"))
        yield "".join(parts)


def training_text() -> list[str]:
    """Sentences of made-up words of many scripts: enough for some hundred merges."""
    rng = random.Random(7)
    scripts = (
        "latin",
        "latin accented",
        "greek",
        "cyrillic",
        "devanagari",
        "thai",
        "hangul",
        "hiragana",
        "han",
        "digits",
    )
    words = [
        "".join(rng.choices(nasty.SCRIPTS[script], k=rng.randrange(1, 6))) for script in scripts for _ in range(30)
    ]
    words += [word for word in nasty.WORDS if "\n" not in word] + [
        "(x)",
        "x.y",
        "a,b",
        "!!",
        "--",
        "...",
        "A",
        "ab",
        "abc",
    ]
    return [" ".join(rng.choices(words, k=12)) for _ in range(1500)]


def trained(**options: Any) -> bytes:
    model = io.BytesIO()
    settings: dict[str, Any] = {
        "vocab_size": 1100,
        "model_type": "bpe",
        "character_coverage": 0.995,
        "minloglevel": 2,
        "num_threads": 1,
        **options,
    }
    spm.SentencePieceTrainer.train(sentence_iterator=iter(training_text()), model_writer=model, **settings)
    return model.getvalue()


def load(data: bytes, name: str = "model") -> Encoding:
    return Encoding._from_file_bytes(data, name)


def check(
    encoding: Encoding, reference: Callable[[str], Sequence[int]], cases: Iterator[str], special: str = "text"
) -> None:
    for text in cases:
        expected = list(reference(text))
        assert encoding.encode(text, special=special).tolist() == expected, text
        assert encoding.count(text, special=special) == len(expected), text


def every_character(step: int = 1) -> Iterator[str]:
    for code in itertools.chain(range(0x3000), range(0x3000, 0x110000, step)):
        if not 0xD800 <= code < 0xE000:
            c = chr(code)
            yield f"{c} a{c}b {c}{c}日{c}1 {c}"


USER = ["abc", "☃", "<h1>", "\n", META * 2, META * 3, "x y", "】", "\t", "--"]
CONFIGURATIONS = {
    "identity": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False, "byte_fallback": True},
    "no-prefix": {
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "byte_fallback": True,
        "add_dummy_prefix": False,
    },
    "defaults": {},
    "defaults-bytes": {"byte_fallback": True},
    "nfkc": {"normalization_rule_name": "nfkc", "remove_extra_whitespaces": False},
    "casefold": {"normalization_rule_name": "nmt_nfkc_cf", "byte_fallback": True},
    "unknown": {"normalization_rule_name": "identity", "remove_extra_whitespaces": False},
    "suffix": {"treat_whitespace_as_suffix": True, "byte_fallback": True},
    "suffix-identity": {
        "treat_whitespace_as_suffix": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
    },
    "user": {
        "user_defined_symbols": USER,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "byte_fallback": True,
    },
    "user-no-prefix": {
        "user_defined_symbols": USER,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "add_dummy_prefix": False,
        "byte_fallback": True,
    },
    "user-defaults": {"user_defined_symbols": USER, "control_symbols": ["[INST]"]},
    "user-defaults-bytes": {"user_defined_symbols": USER, "byte_fallback": True, "split_digits": True},
    "across-blanks": {"split_by_whitespace": False, "normalization_rule_name": "identity", "byte_fallback": True},
    "across-scripts": {
        "split_by_unicode_script": False,
        "split_by_number": False,
        "allow_whitespace_only_pieces": True,
        "remove_extra_whitespaces": False,
        "normalization_rule_name": "identity",
        "byte_fallback": True,
    },
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_trained_models(name: str) -> None:
    data = trained(**CONFIGURATIONS[name])
    reference = spm.SentencePieceProcessor(model_proto=data)
    encoding = load(data)
    check(encoding, reference.encode, texts(1, 100_000 if LONG else 2_000))
    check(encoding, reference.encode, every_character(1 if LONG else 211))
    long = [part * (20_000 // len(part)) for part in ("a", " ", "日", "ab ", "xQ", "\n", "日本語", "กขค", "é", META)]
    check(encoding, reference.encode, iter(long))


def test_special_tokens() -> None:
    data = trained(control_symbols=["[INST]"], byte_fallback=True)
    reference = spm.SentencePieceProcessor(model_proto=data)
    encoding = load(data)
    ids = encoding.encode("Hello [INST] abc", special="token").tolist()
    # The parts are texts of their own.
    assert ids == [*reference.encode("Hello "), reference.piece_to_id("[INST]"), *reference.encode(" abc")]
    assert encoding.count("Hello [INST] abc", special="token") == len(ids)
    with pytest.raises(ValueError, match=r"\[INST\]"):
        encoding.count("[INST]", special="error")


@pytest.mark.parametrize("name", ["identity", "no-prefix", "user", "user-no-prefix"])
def test_decode(name: str) -> None:
    data = trained(**CONFIGURATIONS[name])
    encoding = load(data)
    for text in texts(2, 500):
        if META not in text:
            assert encoding.decode(encoding.encode(text)) == text


@pytest.mark.parametrize("kind", ["unigram", "word", "char"])
def test_other_models_are_refused(kind: str) -> None:
    options: dict[str, Any] = {"vocab_size": 400} if kind == "unigram" else {"hard_vocab_limit": False}
    with pytest.raises(ValueError, match=f"(?i)sentencepiece model {kind}"):
        load(trained(model_type=kind, **options))


def test_damaged_models() -> None:
    """No panic and no runaway memory, whatever is cut off or changed."""
    data = trained(user_defined_symbols=USER)
    rng = random.Random(3)
    for _ in range(300):
        broken = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(len(data))] = rng.randrange(256)
        bad = bytes(broken) if rng.random() < 0.7 else data[: rng.randrange(len(data))]
        with contextlib.suppress(ValueError):
            load(bad).count("abc  日本 ☃ é")


def hf(
    normalizer: Any = None,
    pre_tokenizer: Any = None,
    added: Sequence[Any] = (),
    meta: bool = True,
    **model: Any,
) -> str:
    """A tokenizer.json. It is trained on words after U+2581 (``meta``), or cut by its own pretokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    t = Tokenizer(models.BPE(**{"unk_token": "<unk>", **model}))
    if normalizer is not None:
        t.normalizer = normalizer
    if pre_tokenizer is not None:
        t.pre_tokenizer = pre_tokenizer
    training = Tokenizer(models.BPE(unk_token="<unk>"))
    training.pre_tokenizer = pre_tokenizers.Metaspace() if meta else pre_tokenizer
    special = ["<unk>", "<s>"]
    if model.get("byte_fallback"):
        special += [f"<0x{byte:02X}>" for byte in range(256)]
    training.train_from_iterator(
        training_text(),
        trainers.BpeTrainer(vocab_size=1500, limit_alphabet=350, special_tokens=special, show_progress=False),
    )
    made = json.loads(training.to_str())["model"]
    described = json.loads(t.to_str())
    described["model"]["vocab"], described["model"]["merges"] = made["vocab"], made["merges"]
    if model.get("unk_token", "") is None:
        described["model"]["unk_token"] = None
    for option in ("byte_fallback", "fuse_unk", "ignore_merges"):
        described["model"][option] = model.get(option, False)
    t = Tokenizer.from_str(json.dumps(described))
    for token in added:
        (t.add_special_tokens if token.special else t.add_tokens)([token])
    return t.to_str()


def hf_cases() -> dict[str, Callable[[], str]]:
    from tokenizers import AddedToken, Regex
    from tokenizers import normalizers as n
    from tokenizers import pre_tokenizers as p

    llama = n.Sequence([n.Prepend(META), n.Replace(" ", META)])
    gemma = n.Replace(" ", META)
    special = AddedToken("<s>", special=True, normalized=False)
    all_bytes: dict[str, Any] = {"byte_fallback": True, "added": [special]}

    def raw(*contents: str) -> list[Any]:
        return [*(AddedToken(content, normalized=False) for content in contents), special]

    normalized = [AddedToken("<s>", special=True, normalized=True), AddedToken("abc", normalized=True)]
    stripping = [AddedToken("<|x|>", rstrip=True, normalized=False), special]
    digits = p.Sequence([p.Split(Regex(f"{META}?[a-z]+"), "isolated"), p.Digits(individual_digits=True)])
    strip = n.Sequence([n.Strip(), n.Replace(Regex(" {2,}"), " "), n.Prepend(META), gemma])
    at_blanks = p.Split(" ", "merged_with_previous")
    return {
        "llama": lambda: hf(llama, fuse_unk=True, **all_bytes),
        "llama-normalized": lambda: hf(llama, added=normalized, byte_fallback=True),
        "phi-3": lambda: hf(llama, added=stripping, byte_fallback=True),
        "gemma": lambda: hf(gemma, at_blanks, raw("\n", "\n\n", "<h1>", "ab", META * 2), byte_fallback=True),
        "gemma-overlap": lambda: hf(gemma, added=raw("a<", "<s", "\n"), byte_fallback=True),
        "no-meta": lambda: hf(gemma, at_blanks, meta=False, byte_fallback=True),
        "metaspace": lambda: hf(pre_tokenizer=p.Metaspace(), **all_bytes),
        "metaspace-first": lambda: hf(pre_tokenizer=p.Metaspace(prepend_scheme="first"), **all_bytes),
        "metaspace-never": lambda: hf(pre_tokenizer=p.Metaspace(prepend_scheme="never"), added=[special]),
        "metaspace-whole": lambda: hf(pre_tokenizer=p.Metaspace(prepend_scheme="first", split=False), **all_bytes),
        "metaspace-nfkc": lambda: hf(n.Sequence([n.NFKC(), n.Lowercase()]), p.Metaspace(), byte_fallback=True),
        "fused": lambda: hf(llama, fuse_unk=True),
        "unfused": lambda: hf(llama, fuse_unk=False),
        "dropped": lambda: hf(llama, unk_token=None),
        "ignore-merges": lambda: hf(gemma, ignore_merges=True, byte_fallback=True),
        "plain": lambda: hf(fuse_unk=True),
        "words": lambda: hf(n.NFC(), p.WhitespaceSplit(), meta=False, fuse_unk=True),
        "digits": lambda: hf(llama, digits, byte_fallback=True),
        "strip": lambda: hf(strip, byte_fallback=True),
    }


@pytest.mark.parametrize("special", ["text", "token"])
@pytest.mark.parametrize("name", hf_cases())
def test_tokenizer_json(name: str, special: str) -> None:
    data = hf_cases()[name]()
    encoding = load(data.encode())
    reference = tokenizers.Tokenizer.from_str(data)
    reference.encode_special_tokens = special == "text"

    def ids(text: str) -> list[int]:
        return reference.encode(text, add_special_tokens=False).ids

    check(encoding, ids, texts(4, 50_000 if LONG else 1_000), special)
    check(encoding, ids, every_character(1 if LONG else 997), special)


@pytest.mark.parametrize("kind", ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Strip"])
def test_normalizers(kind: str) -> None:
    """Before byte-level BPE of all bytes, so that nothing hides behind unknown characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    t = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    t.normalizer = getattr(normalizers, kind)()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoding = load(t.to_str().encode())
    marks = ["", "\u0301", "\u0323\u0301", "\u093c\u3099\u11a8"]
    # Many characters per text: the reference is slow.
    for mark in marks:
        for start in range(0, 0x110000 if LONG else 0x20000, 0x80):
            text = "".join(f"a{chr(c)}{mark} " for c in range(start, start + 0x80) if not 0xD800 <= c < 0xE000)
            assert encoding.encode(text).tolist() == t.encode(text).ids, hex(start)
    for text in texts(5, 500):
        assert encoding.encode(text).tolist() == t.encode(text).ids, text


def mistral_models() -> list[Path]:
    """What mistral-common ships."""
    spec = find_spec("mistral_common")
    folder = Path(spec.origin).parent / "data" if spec and spec.origin else Path("absent")
    return sorted(folder.glob("*.model*"))


@pytest.mark.skipif(not mistral_models(), reason="mistral-common is not installed")
@pytest.mark.parametrize("file", mistral_models(), ids=lambda file: file.name)
def test_mistral_models(file: Path) -> None:
    data = file.read_bytes()
    reference = spm.SentencePieceProcessor(model_proto=data)
    encoding = load(data, file.name)
    check(encoding, reference.encode, texts(6, 20_000 if LONG else 500))
    check(encoding, reference.encode, every_character(1 if LONG else 997))


REAL = [
    "llama2.model",
    "mistral-v1.model",
    "mistral-v3.model",
    "gemma2.model",
    "gemma3.model",
    "yi.model",
    "llama2.json",
    "gemma3.json",
]


@pytest.mark.skipif(not TOKENIZERS.is_dir() or not corpus_files(), reason="no real tokenizers and text here")
@pytest.mark.parametrize("name", REAL)
def test_real_tokenizers(name: str, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    with zstandard.open(
        TOKENIZERS / f"{name}.zst", "rb", dctx=zstandard.ZstdDecompressor(max_window_size=1 << 31)
    ) as file:
        data = file.read()
    encoding = load(data, name)
    reference: Callable[[str], Sequence[int]]
    if name.endswith(".model"):
        reference = spm.SentencePieceProcessor(model_proto=data).encode
    else:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
        tokenizer.encode_special_tokens = True
        reference = lambda text: tokenizer.encode(text, add_special_tokens=False).ids  # noqa: E731
    check(encoding, reference, texts(8, 50_000 if LONG else 300))
    check(encoding, reference, every_character(1 if LONG else 4999))
    for file in corpus_files():
        check(encoding, reference, documents(file, 1 if LONG else 300))
