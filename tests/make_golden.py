"""Makes `golden.json`: for every pretokenizer family what the reference library gives for the same texts.

    python tests/make_golden.py

One small vocabulary serves all families: merges are trained on whole lines, so that tokens reach over every boundary
that some family has, and a wrong boundary changes ids. What a tokenizer.json describes is counted by HF
tokenizers, families of rank files by tiktoken. fasttok only tells patterns; it makes none of the numbers.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import tiktoken
from test_families import CONFIGURATIONS
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from fasttok._fasttok import _family_pattern

GOLDEN = Path(__file__).parent.parent / "rust" / "engine" / "tests" / "golden.json"
SIZE = 700
RANK_FAMILIES = ("gpt2", "cl100k", "llama3", "qwen2", "o200k", "tekken", "kimi")

LINES = [
    "The quick brown fox doesn't jump over 1234567 lazy dogs; we'll see, they'Ve SAID it's 3.14!\n",
    "def main(argv):\n\treturn  {'a': 1, \"b\": [2, 3]}  # TODO: fix  \n\n\n    x += 0x1F // 7\r\n",
    "Größe, naïve café, Ελληνικά, Русский текст и ещё 2024 год.\n",
    "数据处理的方法，使用API接口2024年第3章。こんにちは世界、カタカナ。한국어 문장입니다.\n",
    "नमस्ते दुनिया १२३ สวัสดีชาวโลก ๔๕๖ مرحبا بالعالم ١٢٣\n",
    "👩\u200d💻 emoji ✨✨ → €5 ½ Ⅷ ª º ǅ ſ K’s\u3000full　width\u00a0space\u2028line\u0085end\n",
    "CamelCaseHTTPServer snake_case kebab-case path/to/file.rs https://a.b/c?d=e&f=g#h\n",
    "   leading\t\ttabs   and trailing   \n \n  \n",
]

EXTRA = [
    "",
    " ",
    "  ",
    "\n",
    "\r\n\r\n",
    "a",
    "'s",
    "x'LLy 'ſ it''s",
    " " * 70 + "x",
    "✨" + " " * 70 + "\nend",
    "1" * 40,
    "e\u0301" * 30,
    "\u0301\u0301 \u0301a\u0301",
    "中文" * 30 + "abc" + "かな" * 20,
    "ab" * 60,
    "!?" * 50 + "\n\n//",
    "\t \n \t\r \n",
    "\u0000\u007f\u00ad\ue000\U0010ffff",
]


def texts() -> list[str]:
    """The lines, the extra texts, and both cut and put together by chance."""
    chance = random.Random(7)
    made = LINES + EXTRA
    for _ in range(30):
        parts = []
        for _ in range(chance.randint(1, 6)):
            line = chance.choice(LINES + EXTRA)
            start = chance.randint(0, len(line))
            parts.append(line[start : start + chance.randint(1, 30)])
        made.append("".join(parts))
    return made


def vocabulary() -> dict[str, Any]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(LINES * 4, trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def by_tiktoken(model: dict[str, Any], pattern: str, texts: list[str]) -> list[list[int]]:
    byte_of = {char: byte for byte, char in enumerate(_byte_chars())}
    ranks = {bytes(byte_of[c] for c in token): rank for token, rank in model["vocab"].items()}
    encoding = tiktoken.Encoding("golden", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return [encoding.encode_ordinary(text) for text in texts]


def _byte_chars() -> list[str]:
    """The character that stands for each byte in byte-level vocabularies: itself where it is printable, else the
    next one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def main() -> None:
    model, wanted = vocabulary(), texts()
    cases: list[dict[str, Any]] = []
    for name, (family, components) in CONFIGURATIONS.items():
        file = {"version": "1.0", "added_tokens": [], **components, "model": {**model, **components.get("model", {})}}
        tokenizer = Tokenizer.from_str(json.dumps(file))
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in wanted]
        # A general pretokenizer runs the reference's own regex engine: counts suffice, and the file stays small.
        found = {"counts": [len(one) for one in ids]} if family == "general" else {"ids": ids}
        cases.append({"name": name, "family": family, "components": components, **found})
    for name in RANK_FAMILIES:
        ids = by_tiktoken(model, _family_pattern(name) or "", wanted)
        cases.append({"name": f"rank file, {name}", "family": name, "components": None, "ids": ids})
    golden = {
        "vocab": sorted(model["vocab"], key=model["vocab"].__getitem__),
        "merges": model["merges"],
        "texts": wanted,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in golden.items()]
    rows = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    GOLDEN.write_text("{\n" + ",\n".join(lines) + ',\n"cases": [\n' + rows + "\n]\n}\n")


if __name__ == "__main__":
    main()
