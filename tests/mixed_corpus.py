"""A small corpus that has some of everything: formats, compressions, languages, bad rows, binary files, broken links.
For tests that count the same files in several ways. Knows nothing of who counts."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = ["the", "of", "and", "Grüße", "größer", "слово", "мир", "你好", "世界", "こんにちは", "हिन्दी", "สวัสดี", "مرحبا"]
WORDS += ["🙂👩\u200d👩\u200d👧", "x1", "fn(x);", "\n\n", "", "don't", "12345"]


def text(rng: random.Random, most: int = 60) -> str:
    """Some words of many scripts."""
    return " ".join(rng.choices(WORDS, k=rng.randrange(most)))


def make(folder: Path, files: int = 12, seed: int = 1) -> Path:
    """The corpus, in `folder`: `files` files with records and some others."""
    rng = random.Random(seed)
    for i in range(files):
        inner = folder / f"part{i % 3}" / "deep"
        inner.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        for _ in range(rng.randrange(1, 60)):
            rows.append({"text": text(rng), "lang": rng.choice(["en", "de", None])})
        if i % 4 == 0:
            # A document of many tokens, beyond the lengths that are counted one by one.
            rows.append({"text": text(rng, 200) * 600, "lang": "long"})
        rows.append({"text": None, "lang": "en"})
        rows.append({"text": "", "lang": "en"})
        if i % 3 == 2:
            pq.write_table(pa.Table.from_pylist(rows), inner / f"{i}.parquet", row_group_size=7)
            continue
        lines = "\n".join(json.dumps(row, ensure_ascii=i % 2 == 0) for row in rows).encode()
        lines += b'\n{"no text": 1, "lang": "en"}\nno json\n{"text": "\xff", "lang": "en"}\n'
        if i % 3 == 0:
            (inner / f"{i}.jsonl").write_bytes(lines)
        else:
            (inner / f"{i}.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "binary").write_bytes(bytes(range(256)) * 20)
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"no records"))
    (folder / "broken").symlink_to("nowhere")
    (folder / "link").symlink_to("binary")
    return folder
