"""Every tokenizer file in a folder, compared with the library that defines it. Writes docs/tokenizers.md.

    python -m benches.tokenizers [--every N] [--built-in N] [FILE...]

Ids: a fixed part of the corpora (every N-th document of each file) and generated text, with special tokens as text and
as tokens. Speed: one thread, CPU time, fresh text: documents that the process has not seen, after it has counted
others of the same language. The reference gets a smaller part of the same documents.
"""

from __future__ import annotations

import os

# Before the library starts its threads.
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse
import io
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

import fasttok
from benches.compare.text import LANGUAGES as TEXTS
from fasttok.verify.compare import verify
from fasttok.verify.references import Reference, reference_of

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FASTTOK_DATA", ROOT.parent / "shared" / "corpora"))
TOKENIZERS = DATA.parent / "tokenizers"
PAGE = ROOT / "docs" / "tokenizers.md"
LANGUAGES = {code: name for code, name in TEXTS.items() if code != "mixed"}
OUR_BYTES, THEIR_BYTES = 1_500_000, 80_000


@dataclass
class Row:
    """What is known of a file after the run."""

    file: str
    hash: str = ""
    reference: str = ""
    path: str = ""
    documents: int = 0
    comparisons: int = 0
    differences: int = 0
    load: float = 0.0
    again: float = 0.0
    speed: dict[str, tuple[float, float]] | None = None
    refused: str = ""


def documents(file: Path) -> Iterator[str]:
    with zstandard.open(file, "rb") as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)["text"]


def sample(every: int) -> Iterator[tuple[str, str]]:
    for file in sorted(DATA.glob("*.jsonl.zst")):
        for i, text in enumerate(islice(documents(file), 0, None, every)):
            yield f"{file.name} {i * every}", text


def take(texts: Iterator[str], size: int) -> list[str]:
    """Texts until there are `size` bytes."""
    found: list[str] = []
    while size > 0:
        text = next(texts, None)
        if text is None:
            break
        found.append(text)
        size -= len(text.encode())
    return found


def unpacked(file: Path, folder: str) -> Path:
    if file.suffix != ".zst":
        return file
    target = Path(folder, file.name.removesuffix(".zst"))
    with open(file, "rb") as source, open(target, "wb") as out:
        zstandard.ZstdDecompressor(max_window_size=1 << 31).copy_stream(source, out)
    return target


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def speed(encoding: fasttok.Encoding, reference: Reference) -> dict[str, tuple[float, float]]:
    """MB of UTF-8 per CPU second by language: ours, the reference's."""
    found = {}
    for code in LANGUAGES:
        texts = documents(DATA / f"{code}.jsonl.zst")
        warm, fresh = take(texts, OUR_BYTES), take(texts, OUR_BYTES)
        few = take(iter(fresh), THEIR_BYTES)
        encoding.count_batch(warm, threads=1)
        reference.encode(few[:1], "text")
        ours = seconds(lambda fresh=fresh: encoding.count_batch(fresh, threads=1))  # type: ignore[misc]
        theirs = seconds(lambda few=few: reference.encode(few, "text"))  # type: ignore[misc]
        found[code] = (_size(fresh) / ours / 1e6, _size(few) / theirs / 1e6)
    return found


def _size(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def row(file: Path, folder: str, every: int, built_in: int) -> Row:
    path = unpacked(file, folder)
    found = Row(path.name)
    os.environ["FASTTOK_CACHE"] = "0"
    start = time.process_time()
    try:
        encoding = fasttok.load(path)
    except fasttok.UnsupportedTokenizerError as error:
        found.refused = str(error).removeprefix(f"{path}: ").partition(";")[0]
        return found
    found.load = time.process_time() - start
    if encoding._has_compiled:
        os.environ.pop("FASTTOK_CACHE")
        os.environ["FASTTOK_CACHE_DIR"] = folder
        fasttok.load(path, name="first")
        start = time.process_time()
        fasttok.load(path, name="second")
        found.again = time.process_time() - start
    checked = verify(encoding, sample(every), built_in)
    for difference in checked.first:
        print(path.name, difference, file=sys.stderr)
    found.hash, found.path = encoding.hash, encoding.pretokenizer
    found.reference = f"{checked.reference} {checked.reference_version}"
    found.documents = checked.documents + checked.built_in
    found.comparisons, found.differences = checked.comparisons, checked.differences
    found.speed = speed(encoding, reference_of(encoding))
    return found


def page(rows: list[Row], every: int, built_in: int) -> str:
    counted = [row for row in rows if not row.refused]
    lines = [
        "# Tokenizers",
        "",
        "> Generated by `python -m benches.tokenizers`: change the program, not this page.",
        "",
        "The files that vendors ship, compared with the library that defines each. [The guide](guide.md#tokenizers) "
        "says how to load them.",
        "",
        f"Run on {datetime.now(timezone.utc):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, fasttok {fasttok.__version__}.",
        "",
        "## Ids",
        "",
        f"Every {every}th document of thirteen corpora (twelve languages and code) and {built_in:,} generated texts "
        "that tokenizers get wrong, with special tokens as plain text and, where the reference can, as tokens; every "
        "id is compared, and the count, which is found in another way. *Path* is the pretokenizer: the name of a "
        "scanner, `general` for regular expressions, `characters` for sentencepiece and its like.",
        "",
        "| file | SHA-256 | path | reference | texts | comparisons | differences |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for one in counted:
        lines.append(
            f"| {one.file} | `{one.hash[:12]}` | {one.path} | {one.reference} | {one.documents:,} | "
            f"{one.comparisons:,} | {one.differences:,} |"
        )
    lines += ["", "Refused, because no count of them would be exact:", "", "| file | reason |", "|---|---|"]
    lines += [f"| {one.file} | {one.refused} |" for one in rows if one.refused]
    lines += [
        "",
        "## Speed",
        "",
        "MB of UTF-8 per CPU second on one thread, fresh text after warming up on other text of the language; after "
        "the slash the reference, which makes ids, on a part of the same text. The machine was not idle: ratios are "
        "more reliable than figures, and the last digit of neither is.",
        "",
        "| file | " + " | ".join(LANGUAGES.values()) + " |",
        "|---|" + "---:|" * len(LANGUAGES),
    ]
    for one in counted:
        assert one.speed is not None
        cells = [f"{ours:.0f} / {theirs:.1f}" for ours, theirs in one.speed.values()]
        lines.append(f"| {one.file} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Loading",
        "",
        "CPU seconds to load: from the file, and again from the compiled copy in the cache (the file's hash included).",
        "",
        "| file | from the file | again |",
        "|---|---:|---:|",
    ]
    lines += [f"| {one.file} | {one.load:.2f} | {f'{one.again:.3f}' if one.again else ''} |" for one in counted]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benches.tokenizers", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="tokenizer files (all of ../shared/tokenizers)")
    parser.add_argument("--every", type=int, default=100, help="compare on every N-th document")
    parser.add_argument("--built-in", type=int, default=5_000, help="and on N generated texts")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    given = parser.parse_args()
    rows = []
    for file in given.files or sorted(TOKENIZERS.glob("*.zst")):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(file, folder, given.every, given.built_in))
        print(rows[-1].file, rows[-1].path or rows[-1].refused, rows[-1].differences, file=sys.stderr, flush=True)
        # After each, so that a run that is stopped has told what it found.
        given.output.write_text(page(rows, given.every, given.built_in), "utf-8")
    return 1 if any(one.differences for one in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
