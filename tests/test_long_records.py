"""Records of any length: counted as short ones are, and in bounded memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peak_memory import PEAK

import fasttok

ENCODING = fasttok.get_encoding("r50k_base")
LONG = 9 << 20
"""Longer than what is held of a record."""


def prose(rng: random.Random, size: int) -> str:
    words = ["the", " quick", "\n", "Straße ", "中文字", ' "so"', " 12345", "😀", "\t", " नमस्ते", " x = f(y);", "\\ "]
    block = "".join(rng.choice(words) for _ in range(5000))
    return (block * (1 + size // len(block)))[:size]


def records() -> list[tuple[bytes, str | None, str | None]]:
    """Each as it is written, its text and its `lang`; no text where it is no record."""
    rng = random.Random(3)
    text, other = prose(rng, LONG), prose(rng, LONG)
    plain = lambda **fields: json.dumps(fields, ensure_ascii=False).encode()  # noqa: E731
    escaped = lambda **fields: json.dumps(fields).encode()  # noqa: E731
    return [
        (plain(text="short", lang="de"), "short", "de"),
        (plain(text=text, lang="en"), text, "en"),
        (escaped(lang="zh", text=text, more=[1, {"text": "no"}]), text, "zh"),
        (plain(other=other, text="short after long"), "short after long", None),
        (plain(text=[other, "", "last"], lang=1.5), f"{other}\n\nlast", "1.5"),
        (plain(text=text)[:-1] + b',"text":"the last holds"}', "the last holds", None),
        (plain(text=text)[:-1], None, None),
        (plain(text=text)[:-1] + b', "score": NaN}', None, None),
        (plain(text=text).replace(b"quick", b"qui\xffck", 1), None, None),
        (escaped(text=text)[:-2] + b'\\ud83d"}', None, None),
        (plain(text=[text, None]), None, None),
        (json.dumps(text).encode(), None, None),
        (plain(text=text, lang="en") + b"\r", text, "en"),
    ]


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_long_records_are_counted_as_short_ones_are(tmp_path: Path, form: str) -> None:
    rows = records()
    path = tmp_path / f"a.{form}"
    if form == "jsonl":
        path.write_bytes(b"\n".join(row for row, _, _ in rows))
    else:
        # Elements whose brackets are closed, for what is after another is not read.
        rows = [row for row in rows if row[0].rstrip().endswith(b"}") or row[0].startswith(b'"')]
        path.write_bytes(b"[" + b",\n".join(row for row, _, _ in rows) + b"]")
    report = fasttok.count_corpus(path, encodings=[ENCODING], by=["lang"], threads=2, format=form)
    expected: dict[str | None, list[int]] = {}
    for _, text, lang in rows:
        if text is not None:
            sums = expected.setdefault(lang, [0, 0, 0])
            sums[0] += 1
            sums[1] += len(text)
            sums[2] += ENCODING.count(text)
    data = json.loads(report.to_json())
    found = {
        group["key"]["lang"]: [group["documents"], group["chars"], group["encodings"]["r50k_base"]["tokens"]]
        for group in data["groups"]
    }
    assert found == expected
    assert report.ledger.skipped == sum(text is None for _, text, _ in rows)
    # Whoever is handed the documents sees the same.
    texts = [document.text for document in fasttok.documents(path, format=form)]
    assert texts == [text for _, text, _ in rows if text is not None]


MEASURED = f"""
{PEAK}
import json, sys, fasttok
report = fasttok.count_corpus("-", encodings=["r50k_base"], threads=2, format=sys.argv[1], by=["lang"])
data = json.loads(report.to_json())
print(json.dumps([data["totals"]["bytes"], data["totals"]["documents"], peak_bytes()]))
"""


def fed(command: list[str], parts: Iterable[bytes]) -> Any:
    """What a process writes, as JSON, that is given `parts`."""
    process = subprocess.Popen(
        [sys.executable, "-c", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    for part in parts:
        process.stdin.write(part)
    process.stdin.close()
    output = process.stdout.read()
    assert process.wait() == 0
    return json.loads(output)


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_the_memory_of_a_long_record_is_bounded(form: str) -> None:
    pytest.importorskip("resource", reason="the peak memory of a process is not known here")
    block = json.dumps(prose(random.Random(4), 1 << 20), ensure_ascii=False)[1:-1].encode()
    peaks = []
    before, after = (b'[{"text": "', b'", "lang": "en"}]') if form == "json" else (b'{"text": "', b'", "lang": "en"}\n')
    for blocks in (20, 400):
        size, documents, peak = fed([MEASURED, form], [before, *[block] * blocks, after])
        assert documents == 1 and size > blocks * (1 << 20)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + (60 << 20), peaks


MOST = 4 << 20
TOO_LONG = f"""
{PEAK}
import json, sys, fasttok
report = fasttok.count_corpus("-", encodings=["r50k_base"], threads=2, format=sys.argv[1], max_record_bytes={MOST})
totals = json.loads(report.to_json())["totals"]
print(json.dumps([totals["documents"], report.ledger.by_reason, totals["bytes"], peak_bytes()]))
"""


def warc(blocks: int, block: bytes) -> Iterator[bytes]:
    """A short record, one of so many blocks, and another short one."""
    for body in ([b"short"], [block] * blocks, [b"after"]):
        head = "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n"
        yield f"{head}Content-Length: {sum(map(len, body))}\r\n\r\n".encode()
        yield from body
        yield b"\r\n\r\n"


def utf16(parts: Iterable[bytes]) -> Iterator[bytes]:
    yield b"\xff\xfe"
    for part in parts:
        yield part.decode().encode("utf-16-le")


WORDS = b"many words of it, and no line ends in them; " * 25_000
LONG_ONES: dict[str, tuple[str, Callable[[int], Iterable[bytes]], int, dict[str, int]]] = {
    "csv": ("tsv", lambda n: [b"text\nshort\n", *[WORDS] * n, b"\nafter\n"], 2, {"record_too_large": 1}),
    "quoted csv": ("csv", lambda n: [b'text\nshort\n"', *[WORDS] * n, b'"\nafter\n'], 2, {"record_too_large": 1}),
    "open quote": ("csv", lambda n: [b'text\nshort\n"', *[WORDS] * n, b"\nafter\n"], 2, {"record_too_large": 1}),
    "warc": ("warc", lambda n: warc(n, WORDS), 2, {"record_too_large": 1}),
    "utf-16 tsv": (
        "tsv",
        lambda n: utf16([b"text\nshort\n", *[WORDS] * n, b"\nafter\n"]),
        2,
        {"record_too_large": 1},
    ),
    "utf-16 text": ("text", lambda n: utf16([WORDS] * n), 1, {}),
}


@pytest.mark.parametrize("name", LONG_ONES)
def test_what_is_longer_than_the_limit_is_told_and_not_held(name: str) -> None:
    pytest.importorskip("resource", reason="the peak memory of a process is not known here")
    form, parts, documents, reasons = LONG_ONES[name]
    peaks = []
    for blocks in (20, 200):
        found, by_reason, _, peak = fed([TOO_LONG, form], parts(blocks))
        assert (found, by_reason) == (documents, reasons)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + (60 << 20), peaks
