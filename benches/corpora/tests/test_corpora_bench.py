"""The inputs of the program are what they are said to be, and its processes measure."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import pytest

import fasttok
from benches.corpora.__main__ import (
    MB,
    MEMORY,
    columns,
    count,
    many,
    measure,
    one_element,
    one_record,
    peaks,
    piped,
    write,
)

TEXTS = ["one two\nthree", "vier fünf", 'it\'s "six"'] * 50


@pytest.mark.parametrize("name", ["jsonl", "jsonl.zst", "jsonl.gz", "jsonl.bz2", "jsonl.xz", "parquet"])
def test_every_form_holds_the_same_text(tmp_path: Path, name: str) -> None:
    encoding = fasttok.get_encoding("r50k_base")
    path = write(TEXTS, name, tmp_path)
    assert count(encoding, path, 2) == encoding.count_batch(TEXTS).sum()


def test_large_records_are_json() -> None:
    for parts, is_list in ((one_record, False), (one_element, True)):
        pipe = io.BytesIO()
        piped(parts(3 * MB))(pipe)
        value = json.loads(pipe.getvalue())
        record = value[0] if is_list else value
        assert 2 * MB < len(record["text"]) <= 3 * MB


def test_peaks_are_measured(tmp_path: Path) -> None:
    found = dict(peaks(argparse.Namespace(record_mb=1, input_mb=4), tmp_path))
    assert len(found) == 8
    assert all(most > 10 * MB and size > 0.5 * MB for most, size, _ in found.values())


def test_one_column_of_many_is_read(tmp_path: Path) -> None:
    read, size = columns(tmp_path)
    assert size <= read < 1.2 * size


def test_many_texts_are_measured(tmp_path: Path) -> None:
    assert [seconds > 0 and most > 10 * MB for _, (seconds, most) in many(1200, tmp_path)] == [True, True]


def test_a_process_measures_one_form(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write([f"{i} {text}" for i, text in enumerate(TEXTS)], "jsonl.zst", data).rename(data / "eng_Latn.jsonl.zst")
    arguments = argparse.Namespace(
        languages="eng_Latn", data=data, cache=tmp_path / "cache", rounds=2, round=1, encoding="r50k_base", threads=2
    )
    for name in (MEMORY, "jsonl"):
        arguments.measure = name
        assert measure(arguments)["rate"] > 0
    arguments.measure = "jsonl.gz"
    assert measure(arguments)["decoder"] > 0
