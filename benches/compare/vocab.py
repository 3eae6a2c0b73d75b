"""Vocabulary files in the forms that the rivals read, all made of the official rank files in this repository.

- the plain rank file;
- a folder for `TIKTOKEN_CACHE_DIR`, where a file is named by the SHA-1 of its address;
- a `tokenizer.json` with the same merges, for the libraries that read nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

ENCODINGS = ("o200k_base", "cl100k_base")

RANK_SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}

RANK_URL = "https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
"""Where tiktoken believes a rank file to be; only the SHA-1 of this address is used."""

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "cl100k_base": "|".join(
        [
            CONTRACTIONS,
            r"[^\r\n\p{L}\p{N}]?\p{L}+",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    "o200k_base": "|".join(
        [
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + "?",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS + "?",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
}
"""The split patterns without possessive quantifiers, which Oniguruma reads as something else. Same matches."""


@dataclass(frozen=True)
class VocabularyFiles:
    """Where the files of one encoding are."""

    encoding: str
    ranks: Path
    tokenizer_json: Path
    tiktoken_cache: Path


def prepare(encoding: str, data: Path, cache: Path) -> VocabularyFiles:
    """Write every form of `encoding` under `cache` unless it is there; `data` holds `NAME.tiktoken.zst`."""
    files = VocabularyFiles(
        encoding=encoding,
        ranks=cache / f"{encoding}.tiktoken",
        tokenizer_json=cache / f"{encoding}.tokenizer.json",
        tiktoken_cache=cache / "tiktoken",
    )
    by_address = files.tiktoken_cache / hashlib.sha1(RANK_URL.format(name=encoding).encode()).hexdigest()
    if not (files.ranks.exists() and files.tokenizer_json.exists() and by_address.exists()):
        files.tiktoken_cache.mkdir(parents=True, exist_ok=True)
        raw = zstandard.ZstdDecompressor().stream_reader((data / f"{encoding}.tiktoken.zst").open("rb")).read()
        found = hashlib.sha256(raw).hexdigest()
        if found != RANK_SHA256[encoding]:
            raise ValueError(f"{encoding}: the rank file has SHA-256 {found}, not {RANK_SHA256[encoding]}")
        files.tokenizer_json.write_text(json.dumps(tokenizer_json(encoding, raw), ensure_ascii=False), encoding="utf-8")
        files.ranks.write_bytes(raw)
        by_address.write_bytes(raw)
    return files


def read_ranks(raw: bytes) -> dict[bytes, int]:
    """Token bytes to rank, from the text of a rank file."""
    ranks = {}
    for line in raw.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


def merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Every way to make a token of two others, in the order in which rank BPE would take them.

    Rank BPE joins the neighbours whose concatenation has the lowest rank, whatever the two parts are. A merge list says
    the same when it holds all splits of each token, tokens by rank; the order among splits of one token never matters
    to the result but must be fixed, and is that of the parts' ranks.
    """
    result: list[tuple[bytes, bytes]] = []
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        splits = [
            (ranks[token[:cut]], ranks[token[cut:]], cut)
            for cut in range(1, len(token))
            if token[:cut] in ranks and token[cut:] in ranks
        ]
        result.extend((token[:cut], token[cut:]) for _, _, cut in sorted(splits))
    return result


def byte_alphabet() -> list[str]:
    """The printable character that byte-level BPE files write for each byte."""
    plain = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) if byte in plain else chr(256 + others.index(byte)) for byte in range(256)]


def tokenizer_json(encoding: str, raw: bytes) -> dict[str, Any]:
    """A Hugging Face tokenizer that gives the ids of tiktoken's `encode_ordinary`."""
    alphabet = byte_alphabet()

    def written(token: bytes) -> str:
        return "".join(alphabet[byte] for byte in token)

    ranks = read_ranks(raw)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[encoding]}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {written(token): rank for token, rank in ranks.items()},
            "merges": [f"{written(left)} {written(right)}" for left, right in merges(ranks)],
        },
    }
