"""Random ``tokenizer.json`` files, the same for the same seed, and texts that try them.

Small vocabularies of everything that the format allows: any normalizers, pretokenizers, decoders and added tokens,
bytes or characters, with gaps, doubles and tokens that no merge makes. What is common in the files of vendors is
likelier than the rest, so that all paths of the engine are taken.
"""

from __future__ import annotations

import base64
import random
from typing import Any

import nasty
from sentencepiece_models import charsmap
from training import byte_level, literal, split

META = "\u2581"
PARTS = [
    "a", "b", "ab", "abc", "A", "AB", "e\u0301", "é", "É", "ß", "İ", "x", "xy", "the", "The", "don't", "'s", "1", "12",
    "123", "٣", "½", "Ⅷ", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", META, META * 2, ".", "!",
    "...", "<", ">", "|", "<|", "中", "日本", "中文字", "ﬁ", "ｶﾞ", "👍", "👩\u200d👩", "ก็", "\u0301", "\u093c", "\u200b",
    "\ufeff", "\0", "\x07", "\x85", "Ġ", "Ã", "ÃĢ", "Č", "-", "_", "a-b", "x.y", "q", "\ufffd", "가", "각",
]  # fmt: skip
REGEXES = [
    r"\s+", r"\d+", r"\d", r"\w+|[^\w\s]+", r"[aeiou]", r"(?=a)", r"(?<=b)", r"^", r"$", r"\b", r"a|ab", r" ?\p{L}+",
    r"\p{N}{1,3}", r"", r".", r"(?i:A)", r"\p{M}", r"[^a]*", r"x?", r"aa?", r"\Z", r"^\s+", r"\s+$", " ", "é", r"\n",
    r"(?<=^)a", r"\G.", META, r"[\r\n]+",
]  # fmt: skip
STRINGS = ["", " ", "a", "ab", "b", "é", META, "\n", ".", "中", "  ", "x", "1", "\u0301", "Ġ"]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
BYTE_CHARACTERS = [
    *range(33, 127),
    *range(161, 173),
    *range(174, 256),
    *range(256, 324),
]
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


def chance(rng: random.Random, p: float) -> bool:
    return rng.random() < p


def pattern(rng: random.Random) -> dict[str, str]:
    return {"Regex": rng.choice(REGEXES)} if chance(rng, 0.6) else {"String": rng.choice(STRINGS)}


def normalizer(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(
        ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel", "Strip", "Prepend", "Prepend"]
        + ["Replace"] * 5
        + ["BertNormalizer"] * 2
        + ["Precompiled"] * 2
    )
    made: dict[str, Any] = {"type": kind}
    if kind == "Strip":
        made |= {"strip_left": chance(rng, 0.5), "strip_right": chance(rng, 0.5)}
    elif kind == "Precompiled":
        rules = charsmap(rng.choice(["nmt_nfkc", "nmt_nfkc_cf", "user"]))
        made["precompiled_charsmap"] = base64.b64encode(rules).decode()
    elif kind == "Prepend":
        made["prepend"] = rng.choice([META, META, " ", "x", "ab", ""])
    elif kind == "Replace" and chance(rng, 0.4):
        made |= {"pattern": {"String": " "}, "content": META}
    elif kind == "Replace":
        made |= {"pattern": pattern(rng), "content": rng.choice(["", " ", META, "a", "xy", "é", "中", "0"])}
    elif kind == "BertNormalizer":
        made |= {flag: chance(rng, 0.5) for flag in ("clean_text", "handle_chinese_chars", "lowercase")}
        made["strip_accents"] = rng.choice([None, True, False])
    return made


def metaspace(rng: random.Random) -> dict[str, Any]:
    return {
        "type": "Metaspace",
        "replacement": META if chance(rng, 0.9) else rng.choice("_aé"),
        "prepend_scheme": rng.choice(["always", "first", "never"]),
        "split": chance(rng, 0.5),
    }


def pretokenizer(rng: random.Random, depth: int = 0) -> dict[str, Any]:
    kind = rng.choice(
        ["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "CharDelimiterSplit", "FixedLength", "Sequence"]
        + ["Digits", "Punctuation", "ByteLevel", "Metaspace", "Metaspace"]
        + ["Split"] * 4
        + ["UnicodeScripts"]
    )
    if kind == "ByteLevel":
        return byte_level(add_prefix_space=chance(rng, 0.4), use_regex=chance(rng, 0.6))
    if kind == "Metaspace":
        return metaspace(rng)
    if kind == "Split":
        made = split("", rng.choice(BEHAVIORS), chance(rng, 0.3)) | {"pattern": pattern(rng)}
        return literal(" ", rng.choice(BEHAVIORS)) if chance(rng, 0.1) else made
    made = {"type": kind}
    if kind == "Sequence":
        steps = [] if depth > 1 else [pretokenizer(rng, depth + 1) for _ in range(rng.randrange(3))]
        made["pretokenizers"] = steps
    elif kind == "Digits":
        made["individual_digits"] = chance(rng, 0.5)
    elif kind == "Punctuation":
        made["behavior"] = rng.choice(BEHAVIORS)
    elif kind == "CharDelimiterSplit":
        made["delimiter"] = rng.choice(" abé▁.")
    elif kind == "FixedLength":
        made["length"] = rng.choice([1, 2, 3, 7])
    return made


def decoder(rng: random.Random, depth: int = 0) -> dict[str, Any] | None:
    kind = rng.choice(
        ["", "ByteLevel", "ByteLevel", "ByteFallback", "Metaspace", "Replace", "Strip", "Fuse", "BPEDecoder", "CTC"]
        + ["Sequence"] * 4
        + ["WordPiece"] * chance(rng, 0.1)
    )
    if not kind:
        return None if depth == 0 else {"type": "Fuse"}
    made: dict[str, Any] = {"type": kind}
    if kind == "ByteLevel":
        return byte_level()
    if kind == "Metaspace":
        return metaspace(rng)
    if kind == "Replace":
        made |= {"pattern": {"String": META}, "content": " "} if chance(rng, 0.5) else {
            "pattern": pattern(rng),
            "content": rng.choice(["", " ", "x"]),
        }  # fmt: skip
    elif kind == "Strip":
        made |= {"content": rng.choice([" ", META, "a"]), "start": rng.randrange(3), "stop": rng.randrange(2)}
    elif kind == "BPEDecoder":
        made["suffix"] = rng.choice(["</w>", "b", ""])
    elif kind == "CTC":
        made |= {"pad_token": rng.choice(["a", "<unk>", "", "b"]), "word_delimiter_token": rng.choice([META, "|", "b"])}
        made["cleanup"] = chance(rng, 0.5)
    elif kind == "WordPiece":
        made |= {"prefix": "##", "cleanup": True}
    elif kind == "Sequence":
        llama = [{"type": "Replace", "pattern": {"String": META}, "content": " "}, {"type": "ByteFallback"}]
        llama += [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
        random_ones = [] if depth > 1 else [decoder(rng, depth + 1) for _ in range(rng.randrange(4))]
        made["decoders"] = llama if chance(rng, 0.4) else random_ones
    return made


def merged(rng: random.Random, texts: list[str], alphabet: set[str]) -> tuple[list[str], list[list[str]]]:
    """Tokens and merges that fit the texts: pairs of neighbours in them, in no sensible order."""
    words = [[c for c in text if c in alphabet] for text in texts]
    words = [word for word in words if len(word) > 1]
    tokens = sorted(alphabet)
    merges: list[list[str]] = []
    for _ in range(rng.randrange(60) if words else 0):
        word = rng.choice(words)
        if len(word) < 2:
            continue
        at = rng.randrange(len(word) - 1)
        left, right = word[at : at + 2]
        if len(left + right) > 12:
            continue
        if left + right not in tokens:
            tokens.append(left + right)
        merges.append([left, right])
        for i, other in enumerate(words):
            out: list[str] = []
            for symbol in other:
                if out and out[-1] == left and symbol == right:
                    out[-1] = left + right
                else:
                    out.append(symbol)
            words[i] = out
    if chance(rng, 0.3):
        # Other ways to the same tokens.
        known = set(tokens)
        for token in rng.sample(tokens, min(len(tokens), 20)):
            ways = [[token[:i], token[i:]] for i in range(1, len(token)) if token[:i] in known and token[i:] in known]
            merges.extend(ways)
    if chance(rng, 0.2):
        rng.shuffle(merges)
    if chance(rng, 0.2):
        merges = [merge for merge in merges if chance(rng, 0.8)]
    return tokens, merges


def byte_text(text: str) -> str:
    """`text` as byte-level vocabularies write it."""
    printable = set(BYTE_CHARACTERS[:188])
    others = {byte: chr(256 + i) for i, byte in enumerate(b for b in range(256) if b not in printable)}
    return "".join(others.get(byte, chr(byte)) for byte in text.encode())


def tokenizer(seed: int) -> dict[str, Any]:
    """The file of that seed."""
    rng = random.Random(seed)
    of_bytes = chance(rng, 0.5)
    some = texts(rng, [], 30)
    if of_bytes:
        alphabet = {chr(c) for c in BYTE_CHARACTERS}
        if chance(rng, 0.3):
            alphabet -= set(rng.sample(sorted(alphabet), rng.choice([1, 3, 40])))
            alphabet -= {"Ġ"} if chance(rng, 0.3) else set()
        some = [byte_text(text) for text in some]
    else:
        some = [text.replace(" ", META) if chance(rng, 0.7) else text for text in some]
        alphabet = {c for text in some for c in text if chance(rng, 0.9)}
        alphabet |= {META} if chance(rng, 0.7) else set()
        alphabet -= {META} if chance(rng, 0.1) else set()
    tokens, merges = merged(rng, some, alphabet)
    tokens += [text for text in rng.sample(some, 5) if text not in tokens and (text or chance(rng, 0.1))]
    byte_fallback = chance(rng, 0.1 if of_bytes else 0.5)
    if byte_fallback or chance(rng, 0.05):
        byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
        if chance(rng, 0.2):
            byte_tokens = [token for token in byte_tokens if chance(rng, 0.98)]
        tokens += byte_tokens if chance(rng, 0.9) else []
    unk_token = rng.choice([None, "<unk>", "<unk>"])
    if unk_token and chance(rng, 0.85):
        tokens.insert(0, unk_token)
        if chance(rng, 0.1):
            other = rng.choice(tokens)
            tokens += [token for token in [unk_token + other] if token not in tokens]
            merges.insert(rng.randrange(len(merges) + 1), [unk_token, other])
    elif unk_token and chance(rng, 0.3):
        unk_token = rng.choice([*tokens, "a"])
    ids = list(range(len(tokens)))
    if chance(rng, 0.2):
        ids = sorted(rng.sample(range(2 * len(tokens)), len(tokens)))
    if chance(rng, 0.2):
        rng.shuffle(ids)
    if chance(rng, 0.05):
        ids[rng.randrange(len(ids))] = rng.choice(ids)
    normalizers = [normalizer(rng) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    pretokenizers = [pretokenizer(rng) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
    if of_bytes and chance(rng, 0.85):
        pretokenizers = [step for step in pretokenizers if step["type"] != "ByteLevel"][:2]
        pretokenizers.append(byte_level(add_prefix_space=chance(rng, 0.3), use_regex=chance(rng, 0.5)))
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens(rng, tokens),
        "normalizer": component(rng, "normalizers", normalizers),
        "pre_tokenizer": component(rng, "pretokenizers", pretokenizers),
        "post_processor": None,
        "decoder": decoder(rng),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unk_token,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": chance(rng, 0.5),
            "byte_fallback": byte_fallback,
            "ignore_merges": chance(rng, 0.3),
            "vocab": dict(zip(tokens, ids, strict=True)),
            "merges": merges,
        },
    }


def component(rng: random.Random, name: str, steps: list[dict[str, Any]]) -> dict[str, Any] | None:
    if len(steps) == 1 and chance(rng, 0.7):
        return steps[0]
    return {"type": "Sequence", name: steps} if steps else None


def added_tokens(rng: random.Random, tokens: list[str]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for i in range(rng.choice([0, 0, 1, 2, 3, 6])):
        contents = ["<|x|>", "<|x", "ab", "a", " ", "  ", "\n", META, "é", "e\u0301", "AB", "<unk>", "x y", " a", "1"]
        contents += [rng.choice(tokens), rng.choice(PARTS), ""]
        content = rng.choice(made)["content"] if made and chance(rng, 0.1) else rng.choice(contents)
        plain = chance(rng, 0.4)
        flags = {flag: not plain and chance(rng, 0.4) for flag in FLAGS}
        made.append({"id": len(tokens) + i, "content": content, **flags})
    return made


def texts(rng: random.Random, others: list[str], n: int) -> list[str]:
    """Texts of `others`, of what tokenizers of this kind get wrong, and of anything."""
    made = ["", " ", "a"]
    for _ in range(n):
        few = rng.choices(PARTS, k=rng.randrange(1, 7))
        parts = []
        for _ in range(rng.choice([1, 2, 3, 5, 9, 20])):
            kind = rng.random()
            part = rng.choice(few if kind < 0.6 else PARTS)
            if others and kind > 0.75:
                part = rng.choice(others)
            elif kind > 0.97:
                part = nasty.part(rng)
            parts.append(part * rng.randrange(2, 40) if chance(rng, 0.03) else part)
        made.append("".join(parts))
    return made
