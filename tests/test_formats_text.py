"""Formats that are streams of bytes (JSON arrays, tables), held against Python's own readers and tiktoken."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from references import References

import fasttok

TEXTS = [
    "",
    "plain words",
    "a, b; c\td",
    'she said "no, {never}" [and left],',
    "two\nlines\r\nand \\ a third",
    "Größe 中文 😀 नमस्ते",
    '}, {"text": "x"}, ]',
    "x" * 3000 + "\n" * 40,
]

Write = Callable[[Sequence[str]], bytes]


def table(delimiter: str, **style: object) -> Write:
    def write(texts: Sequence[str]) -> bytes:
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter, **style)  # type: ignore[arg-type]
        writer.writerow(["id", "text", "lang"])
        writer.writerows([i, text, "en" if i % 3 else "de"] for i, text in enumerate(texts))
        return file.getvalue().encode()

    return write


def array(**style: object) -> Write:
    def write(texts: Sequence[str]) -> bytes:
        rows = [{"id": {"n": [i, {}]}, "text": t, "lang": "en" if i % 3 else "de"} for i, t in enumerate(texts)]
        return json.dumps(rows, **style).encode()  # type: ignore[arg-type]

    return write


def objects(texts: Sequence[str]) -> bytes:
    rows = ({"text": t, "lang": "en" if i % 3 else "de"} for i, t in enumerate(texts))
    return "\n".join(json.dumps(row, indent=2) for row in rows).encode()


FORMATS: dict[str, tuple[str, Write]] = {
    "array": ("a.json", array()),
    "pretty": ("a.json", array(indent=4, ensure_ascii=False)),
    "compact": ("part-0", array(separators=(",", ":"))),
    "objects": ("a.json", objects),
    "csv": ("a.csv", table(",")),
    "csv quoted": ("a.csv", table(",", quoting=csv.QUOTE_ALL, lineterminator="\n")),
    "tsv": ("a.tsv", table("\t")),
}


def texts(seed: int, n: int) -> list[str]:
    generator = random.Random(seed)
    return [generator.choice(TEXTS) + generator.choice(["", " é", '"', "\n"]) for _ in range(n)]


@pytest.mark.parametrize("name", FORMATS)
def test_totals_are_those_of_python_and_tiktoken(tmp_path: Path, references: References, name: str) -> None:
    file, write = FORMATS[name]
    written = texts(7, 400)
    path = tmp_path / file
    path.write_bytes(write(written))
    reference = references["o200k_base"]
    report = fasttok.count_corpus(path, encodings=["o200k_base"], by=["lang"])
    counts = [len(reference.encode_ordinary(text)) for text in written]
    data = json.loads(report.to_json())
    assert data["totals"]["documents"] == len(written)
    assert data["totals"]["encodings"]["o200k_base"]["tokens"] == sum(counts)
    assert data["totals"]["bytes"] == sum(len(text.encode()) for text in written)
    assert data["ledger"]["skipped"] == 0


@pytest.mark.parametrize("name", FORMATS)
def test_every_command_reads_them(tmp_path: Path, name: str) -> None:
    file, write = FORMATS[name]
    path = tmp_path / file
    path.write_bytes(write(texts(3, 30)))
    assert json.loads(fasttok.density(path, by=["lang"]).to_json())["totals"]["documents"] == 30


def damaged(seed: int, data: bytes) -> bytes:
    generator = random.Random(seed)
    at = generator.randrange(len(data))
    if seed % 2:
        return data[:at]
    return data[:at] + bytes([data[at] ^ 1 << generator.randrange(8)]) + data[at + 1 :]


def careful(file: str, data: bytes) -> int | None:
    """How many records a reader that refuses all damage finds; None where it refuses."""
    try:
        text = data.decode().removeprefix("\ufeff")
        if not file.endswith("sv"):
            if not text.lstrip().startswith("{"):
                return len(json.loads(text))
            decoder, n, rest = json.JSONDecoder(), 0, text.strip()
            while rest:
                _, end = decoder.raw_decode(rest)
                n, rest = n + 1, rest[end:].strip()
            return n
        delimiter = "," if file.endswith("csv") else "\t"
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
        return None if any(len(row) != len(rows[0]) for row in rows) else len(rows) - 1
    except (ValueError, csv.Error, IndexError):
        return None


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_never_silent(tmp_path: Path, name: str) -> None:
    """200 cuts and 200 flipped bits: what a careful reader refuses has a row in the ledger, and what it reads has the
    documents that it finds."""
    file, write = FORMATS[name]
    data = write(texts(11, 12))
    path = tmp_path / file
    kind = "json" if not file.endswith("sv") else file[-3:]
    for seed in range(400):
        bad = damaged(seed, data)
        path.write_bytes(bad)
        try:
            report = json.loads(
                fasttok.count_corpus(path, encodings=["r50k_base"], format=kind, threads=1 + seed % 2).to_json()
            )
        except fasttok.FasttokError as error:
            assert "text" in str(error), (seed, error)
            continue
        ledger = report["ledger"]
        assert ledger["seen"] == ledger["counted"] + ledger["skipped"]
        found = careful(file, bad)
        if found is None:
            assert ledger["skipped"] > 0 or is_reading_of_python(file, bad, ledger["counted"]), seed
        else:
            assert ledger["seen"] >= found, seed
            assert ledger["skipped"] > 0 or ledger["counted"] == found, seed


def is_reading_of_python(file: str, data: bytes, counted: int) -> bool:
    """Whether Python's lenient reader of tables, which takes text behind a closing quote, finds as many whole rows."""
    if not file.endswith("sv"):
        return False
    delimiter = "," if file.endswith("csv") else "\t"
    reader = csv.reader(io.StringIO(data.decode(errors="replace"), newline=""), delimiter=delimiter)
    rows = [row for row in reader if row]
    return all(len(row) == len(rows[0]) for row in rows) and counted == len(rows) - 1


def test_parts_of_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\nand\n \n\ntwo<|endoftext|><|endoftext|>\nthree\n")
    for options, parts in (
        ({"paragraphs": True}, ["one\nand", "two<|endoftext|><|endoftext|>\nthree"]),
        ({"separator": "<|endoftext|>"}, ["one\nand\n \n\ntwo", "\nthree\n"]),
    ):
        report = json.loads(fasttok.count_corpus(path, encodings=["o200k_base"], **options).to_json())  # type: ignore[arg-type]
        encoding = fasttok.get_encoding("o200k_base")
        assert report["totals"]["documents"] == len(parts)
        assert report["totals"]["encodings"]["o200k_base"]["tokens"] == sum(encoding.count(part) for part in parts)
    with pytest.raises(ValueError, match="only be one"):
        fasttok.count_corpus(path, paragraphs=True, lines=True)
