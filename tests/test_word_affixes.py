"""BPE whose words end with a suffix or go on with a prefix (CLIP, GPT-1 and their like), against HF tokenizers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import nasty
import pytest
from references import LONG
from training import WORDS, byte_level, corpus, split, steps

import fasttok
from fasttok._fasttok import Encoding

tokenizers = pytest.importorskip("tokenizers")

CLIP_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
#: The pipelines of CLIP and of GPT-1, and what one would make oneself.
PIPELINES: dict[str, dict[str, Any]] = {
    "clip": {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFC"},
                {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
                {"type": "Lowercase"},
            ],
        },
        "pre_tokenizer": steps(split(CLIP_SPLIT, "Removed", invert=True), byte_level(use_regex=True)),
        "decoder": byte_level(),
    },
    "gpt-1": {
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
    },
    "words": {
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
    },
    "blanks": {
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    },
    "one piece": {"normalizer": None, "pre_tokenizer": None, "decoder": None},
}
AFFIXES = {
    "suffix": {"end_of_word_suffix": "</w>"},
    "prefix": {"continuing_subword_prefix": "##"},
    "both": {"end_of_word_suffix": "</w>", "continuing_subword_prefix": "##"},
    "empty": {"end_of_word_suffix": "", "continuing_subword_prefix": ""},
}
EDGES = [
    "", " ", "a", "ab", "A", "hello</w> world", "##a", "a##b", "</w>", "<unk>", "don't stop", "x" * 300, "é", "e\u0301",
    "字", "数据处理", "🎉🎉", "a🎉b", "ÀÉ", "1234", "...", "a\n\nb", "\u0130stanbul", "\u200b", "!?!?",
]  # fmt: skip


def trained(pipeline: str, affixes: dict[str, str], **options: Any) -> dict[str, Any]:
    """A ``tokenizer.json`` as a dict."""
    skeleton = json.loads(tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", **affixes)).to_str())
    skeleton.update(PIPELINES[pipeline])
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(skeleton))
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet() if pipeline == "clip" else []
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=900,
        show_progress=False,
        special_tokens=["<unk>"],
        initial_alphabet=alphabet,
        limit_alphabet=150,
        **affixes,
    )
    lines = (line for line in corpus() if pipeline != "one piece" or len(line) < 60)
    tokenizer.train_from_iterator(lines, trainer)
    made: dict[str, Any] = json.loads(tokenizer.to_str())
    made["model"].update(options)
    return made


def texts(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)
    yield from EDGES
    yield from nasty.texts(seed, count // 2)
    for _ in range(count // 2):
        yield " ".join(rng.choices([*WORDS, *EDGES[2:]], k=rng.randrange(1, 20)))


def compare(made: dict[str, Any], cases: Iterator[str], where: str) -> None:
    data = json.dumps(made)
    reference = tokenizers.Tokenizer.from_str(data)
    encoding = Encoding._from_file_bytes(data.encode(), "made")
    for text in cases:
        ids = reference.encode(text, add_special_tokens=False).ids
        assert encoding.encode(text, special="token").tolist() == ids, (where, text)
        assert encoding.count(text, special="token") == len(ids), (where, text)
        assert encoding.decode(ids) == reference.decode(ids, skip_special_tokens=False), (where, text)


@pytest.mark.parametrize("affixes", AFFIXES)
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_trained_vocabularies(pipeline: str, affixes: str) -> None:
    made = trained(pipeline, AFFIXES[affixes])
    compare(made, texts(3, 20_000 if LONG else 300), f"{pipeline} {affixes}")


def test_long_texts() -> None:
    """Long enough to be cut for the threads, if there were a safe boundary."""
    made = trained("clip", AFFIXES["suffix"])
    data = json.dumps(made)
    text = "some words, and 123 more!\n" * 40_000
    expected = len(tokenizers.Tokenizer.from_str(data).encode(text, add_special_tokens=False).ids)
    encoding = Encoding._from_file_bytes(data.encode(), "made")
    for threads in (1, 2):
        assert encoding.count_batch([text], threads=threads).tolist() == [expected]


def random_model(rng: random.Random) -> dict[str, Any]:
    """Vocabularies that no trainer makes: symbols without the affix, merges of any two tokens."""
    prefix = rng.choice(["", "##", "@", "##", "é"])
    suffix = rng.choice(["", "</w>", "</w>", "$", "字"])
    vocab = {"<unk>": 0}
    inner = rng.choices("abcdé字 ", k=7)
    for c in inner:
        for form in (c, prefix + c, c + suffix, prefix + c + suffix):
            if rng.random() < 0.85:
                vocab.setdefault(form, len(vocab))
    merges: list[list[str]] = []
    for _ in range(rng.randrange(0, 60)):
        left, right = rng.choice([*vocab]), rng.choice([*vocab])
        if not right.startswith(prefix) or (suffix and left.endswith(suffix)) or "<unk>" in (left, right):
            continue
        joined = left + right.removeprefix(prefix)
        if len(joined) < 24:
            vocab.setdefault(joined, len(vocab))
            merges.append([left, right])
    if rng.random() < 0.3:
        for byte in range(256):
            vocab.setdefault(f"<0x{byte:02X}>", len(vocab))
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": rng.choice(["<unk>", "<unk>", None]),
        "continuing_subword_prefix": rng.choice([prefix, prefix or None]),
        "end_of_word_suffix": rng.choice([suffix, suffix or None]),
        "fuse_unk": rng.random() < 0.5,
        "byte_fallback": rng.random() < 0.4,
        "ignore_merges": rng.random() < 0.3,
        "vocab": vocab,
        "merges": merges,
    }


def test_random_vocabularies() -> None:
    models = 5_000 if LONG else 200
    refused = 0
    for seed in range(models):
        rng = random.Random(seed)
        made: dict[str, Any] = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": rng.choice([None, {"type": "WhitespaceSplit"}, {"type": "BertPreTokenizer"}]),
            "post_processor": None,
            "decoder": rng.choice([None, {"type": "BPEDecoder", "suffix": "</w>"}]),
            "model": random_model(rng),
        }
        try:
            compare(
                made, ("".join(rng.choices("abcdé字 x", k=rng.randrange(0, 20))) for _ in range(20)), f"seed {seed}"
            )
        except fasttok.UnsupportedTokenizerError:
            refused += 1
    print(f"{models} models, {refused} refused")
    assert refused < models // 2
