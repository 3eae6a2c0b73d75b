"""Records of any length: counted as short ones are, and in bounded memory."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_the_memory_of_a_long_record_is_bounded(form: str) -> None:
    pytest.importorskip("resource", reason="the peak memory of a process is not known here")
    block = json.dumps(prose(random.Random(4), 1 << 20), ensure_ascii=False)[1:-1].encode()
    peaks = []
    for blocks in (20, 400):
        process = subprocess.Popen(
            [sys.executable, "-c", MEASURED, form], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b'[{"text": "' if form == "json" else b'{"text": "')
        for _ in range(blocks):
            process.stdin.write(block)
        process.stdin.write(b'", "lang": "en"}]' if form == "json" else b'", "lang": "en"}\n')
        process.stdin.close()
        size, documents, peak = json.loads(process.stdout.read())
        assert process.wait() == 0
        assert documents == 1 and size > blocks * (1 << 20)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + (60 << 20), peaks
