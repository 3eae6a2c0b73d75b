"""Random encodings as tiktoken takes them: patterns from a grammar of what such patterns use, families' patterns and
mutations of them; ranks whose tokens begin and end inside characters; special tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator

import nasty

CLASSES = [
    r"\p{L}", r"\p{N}", r"\p{Lu}", r"\p{Ll}", r"\p{M}", r"\p{P}", r"\p{S}", r"\p{Han}", r"\s", r"\S", r"\d", r"\w",
    r"\W", "[a-z]", "[A-Za-z]", "[0-9]", "[^a]", ".", r"[^\r\n\p{L}\p{N}]", r"[^\s\p{L}\p{N}]", r"[\p{L}\p{M}]",
    r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{L}&&[^\p{Han}]]", r"[\r\n]", r"[\r\n/]", "[ \t]", "[一-龥]", r"\p{Greek}",
    r"\p{Alphabetic}", r"(?s:.)", r"\x{e9}", r"[^\x00-\x7f]",
]  # fmt: skip
QUANTIFIERS = ["", "", "?", "+", "*", "?+", "++", "*+", "+?", "{1,3}", "{1,3}+", "{2}", "{2,}"]
LITERALS = [" ", "'", "-", "a", "é", "字", "\n", r"\.", "ab", " ?", r"\r?\n"]
WHOLE = [
    r"'(?:[sdmt]|ll|ve|re)", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"'(?i:[sdmt]|ll|ve|re)", "(?i)AB", r" ?\p{L}+",
    r" ?\p{N}+",
    r" ?[^\s\p{L}\p{N}]+", r"\s+(?!\S)", r"\s+", r"\s", r"\s++$", r"\s*[\r\n]+", r"[^\r\n\p{L}\p{N}]?+\p{L}++",
    r"\p{N}{1,3}",
    r"\b\w+\b", r"^.", r".$", r"(?<=\s)\S+", r"(?<!a)b", r"(?=\p{L}).{1,2}", r"(?>a|ab)c?", r"(a|b)\1",
]  # fmt: skip


def families() -> list[str]:
    """The patterns that tiktoken ships, and those that its users have."""
    from tiktoken_ext import openai_public as public

    return [
        public.r50k_pat_str,
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",  # noqa: E501
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",  # noqa: E501
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",  # noqa: E501
        "|".join(
            [
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
                r"\p{N}{1,3}",
                r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
                r"\s*[\r\n]+",
                r"\s+(?!\S)",
                r"\s+",
            ]
        ),
    ]


def alternative(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(WHOLE)
    atoms = []
    for _ in range(rng.randrange(1, 4)):
        atom = rng.choice(CLASSES) if rng.random() < 0.75 else rng.choice(LITERALS)
        atoms.append(atom + (rng.choice(QUANTIFIERS) if atom in CLASSES else ""))
    if rng.random() < 0.15:
        atoms.append(rng.choice([r"(?!\S)", r"(?=\s)", r"(?!a)", "$", r"\b", r"(?=\p{L})"]))
    return "".join(atoms)


def split_alternatives(pattern: str) -> list[str]:
    """At the bars that stand in no group."""
    parts, depth = [""], 0
    for c in pattern:
        depth += (c in "([") - (c in ")]")
        if c == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


#: What a typo, or another version of the same pattern, changes.
CHANGES = [
    ("++", "+"), ("?+", "?"), ("*+", "*"), ("+", "*"), ("{1,3}", "{1,2}"), ("{1,3}", ""), (r"\p{L}", r"\p{Lu}"),
    (r"\p{N}", r"\d"), (r"(?i:", "(?:"), (r"[\r\n]", r"\n"), (" ?", " "), (" ?", r"\s?"), ("(?!", "(?="), (r"\s", " "),
    ("'", "’"), (r"\p{M}", ""), ("$", ""), ("/", ""), ("{1,3}", "{1,3}+"), ("re", "r"), ("*", "+"),
]  # fmt: skip


def random_pattern(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(families())
    if kind < 0.5:
        parts = split_alternatives(rng.choice(families()))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(parts))
            match rng.randrange(5):
                case 0 if len(parts) > 1:
                    del parts[at]
                case 1:
                    rng.shuffle(parts)
                case 2:
                    parts.insert(at, alternative(rng))
                case _:
                    possible = [change for change in CHANGES if change[0] in parts[at]]
                    if possible:
                        old, new = rng.choice(possible)
                        parts[at] = parts[at].replace(old, new, 1)
        return "|".join(part for part in parts if part)
    parts = [alternative(rng) for _ in range(rng.randrange(1, 6))]
    if rng.random() < 0.5:
        parts += [r"\s+", r"(?s:.)"][: rng.randrange(1, 3)]
    prefix = rng.choice(["", "", "", "", "(?i)", "(?s)"])
    return prefix + "|".join(parts)


PARTS = [
    *nasty.CONTRACTIONS[:8],
    " ",
    "  ",
    "\n",
    "\r\n",
    "a",
    "ab",
    "abc",
    "B",
    "é",
    "É",
    "字",
    "数据",
    "ж",
    "🎉",
    "1",
    "123",
    "!",
    "--",
    "/",
    "\u0301",
]


def random_ranks(rng: random.Random, texts: list[str]) -> dict[bytes, int]:
    """All bytes, pieces of `texts` cut anywhere, tokens joined of others, and some that no merge makes."""
    tokens = dict.fromkeys(bytes([byte]) for byte in range(256))
    made = [*tokens]
    for _ in range(rng.randrange(0, 300)):
        source = rng.random()
        if source < 0.5:
            data = rng.choice(texts).encode()
            start = rng.randrange(len(data) + 1)
            token = data[start : start + rng.choice([2, 2, 2, 3, 4, 6, 9])]
        elif source < 0.95:
            token = rng.choice(made[256:] or made) + rng.choice(made[256:] or made)
        else:
            token = rng.randbytes(rng.randrange(2, 5))
        if 1 < len(token) < 40 and token not in tokens:
            tokens[token] = None
            made.append(token)
    order = list(tokens)
    if rng.random() < 0.3:
        rng.shuffle(order)
    step = rng.choice([1, 1, 1, 3])
    return {token: rank * step for rank, token in enumerate(order)}


SPECIAL = ["<|endoftext|>", "<|a|>", "[x]", " <s>", "字字", "ab ", "\n\n\n", "<|end"]


def random_special(rng: random.Random, first: int) -> dict[str, int]:
    """None begins with another one: which of such tiktoken takes depends on the order of a hash table."""
    chosen: list[str] = []
    for token in rng.sample(SPECIAL, rng.randrange(0, 5)):
        if not any(token.startswith(other) or other.startswith(token) for other in chosen):
            chosen.append(token)
    return {token: first + 2 * at for at, token in enumerate(chosen)}


def random_text(rng: random.Random) -> str:
    match rng.randrange(6):
        case 0:
            return "".join(nasty.part(rng) for _ in range(rng.randrange(1, 8)))
        case 1:
            return rng.choice(PARTS) * rng.randrange(1, 80)
        case _:
            return "".join(rng.choices(PARTS, k=rng.randrange(1, 30)))


def random_texts(rng: random.Random, special: dict[str, int], tokens: list[bytes], count: int) -> Iterator[str]:
    """Of many kinds, among them some made of the tokens themselves."""
    yield ""
    for _ in range(count):
        text = random_text(rng)
        if rng.random() < 0.3:
            text += b"".join(rng.choices(tokens, k=12)).decode(errors="ignore")
        if special and rng.random() < 0.4:
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(list(special)) + text[at:]
        yield text
