"""Cells of any length in tables, Parquet and Arrow: counted as short ones are, and in bounded memory."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from peak_memory import PEAK
from test_long_records import prose

import fasttok

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ENCODING = fasttok.get_encoding("r50k_base")
LONG = 9 << 20
"""Longer than what is held of a record."""

Row = tuple[str | None, str | None]


@cache
def rows(seed: int) -> list[Row]:
    """Texts with values of `lang`: short ones, long ones of any length, and none."""
    rng = random.Random(seed)
    return [
        ("short", "de"),
        (prose(rng, LONG + rng.randrange(1 << 20)), "en"),
        (None, "en"),
        *((prose(rng, rng.randrange(300)), rng.choice(["de", None])) for _ in range(rng.randrange(1, 40))),
        ("中" * (LONG // 3 + rng.randrange(1 << 18)), None),
        ("", "zh"),
        ("after", "en") if seed % 2 else (prose(rng, LONG), "en"),
    ]


def tallies(path: Path, **options: Any) -> tuple[dict[str | None, list[int]], dict[str, int]]:
    report = fasttok.count_corpus(path, encodings=[ENCODING], by=["lang"], threads=2, **options)
    data = json.loads(report.to_json())
    return {
        group["key"]["lang"]: [group["documents"], group["chars"], group["encodings"]["r50k_base"]["tokens"]]
        for group in data["groups"]
    }, dict(report.ledger.by_reason)


@cache
def tokens(text: str) -> int:
    return ENCODING.count(text)


def check(path: Path, rows: Sequence[Row], **options: Any) -> None:
    expected: dict[str | None, list[int]] = {}
    for text, lang in rows:
        if text is not None:
            sums = expected.setdefault(lang, [0, 0, 0])
            sums[0] += 1
            sums[1] += len(text)
            sums[2] += tokens(text)
    nulls = sum(text is None for text, _ in rows)
    assert tallies(path, **options) == (expected, {"null_field": nulls} if nulls else {})
    # Whoever is handed the documents holds them.
    texts = [document.text for document in fasttok.documents(path, **options)]
    assert texts == [text for text, _ in rows if text is not None]


def table(rows: Sequence[Row], kind: Any) -> Any:
    """Groups before the text and after it."""
    langs = pa.array([lang for _, lang in rows])
    return pa.table({"lang": langs, "text": pa.array([text for text, _ in rows], kind), "n": list(range(len(rows)))})


CODECS = ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]


@pytest.mark.parametrize("encoding", ["dictionary", "PLAIN", "DELTA_LENGTH_BYTE_ARRAY"])
@pytest.mark.parametrize("codec", CODECS)
def test_long_cells_of_parquet(tmp_path: Path, codec: str, encoding: str) -> None:
    seed = CODECS.index(codec)
    values = rows(seed % 2)
    how: dict[str, Any] = {"use_dictionary": True}
    if encoding != "dictionary":
        how = {"use_dictionary": False, "column_encoding": {"text": encoding}}
    path = tmp_path / "a.parquet"
    version = ["1.0", "2.0"][(seed + len(encoding)) % 2]
    level = {"compression_level": 1} if codec in ("gzip", "brotli") else {}
    groups = random.Random(seed).choice([3, 1000])
    pq.write_table(
        table(values, pa.string()),
        path,
        compression=codec,
        data_page_version=version,
        row_group_size=groups,
        **level,
        **how,
    )
    check(path, values)


def test_cells_that_a_dictionary_has_once(tmp_path: Path) -> None:
    """The same long value in several rows, and in pages that are plain after it."""
    rng = random.Random(1)
    long, other = prose(rng, LONG), prose(rng, LONG + 5)
    values: list[Row] = [(long, "a"), ("b", "a"), (long, "b"), (None, "a"), (other, "b"), (long, "a")]
    path = tmp_path / "a.parquet"
    for limit in (1 << 30, 1 << 20):
        written = table(values, pa.string())
        pq.write_table(written, path, use_dictionary=True, dictionary_pagesize_limit=limit, write_batch_size=1)
        check(path, values)


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("form", ["file", "stream"])
def test_long_cells_of_arrow(tmp_path: Path, form: str, codec: str | None, kind: str) -> None:
    values = rows(len(kind) % 2)
    path = tmp_path / "a.arrow"
    written = table(values, getattr(pa, kind)())
    options = pa.ipc.IpcWriteOptions(compression=codec)
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as sink, new(sink, written.schema, options=options) as writer:
        writer.write_table(written, max_chunksize=random.Random(len(kind)).choice([4, 1000]))
    check(path, values)


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_long_cells_of_tables(tmp_path: Path, quoting: int) -> None:
    values = [(text, lang or "") for text, lang in rows(0) if text is not None]
    # Of the long ones some are on one line.
    values += [(text.replace("\n", " "), lang) for text, lang in values if len(text) > LONG]
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=quoting)  # type: ignore[arg-type]
        writer.writerows([("lang", "text", "n"), *((lang, text, str(i)) for i, (text, lang) in enumerate(values))])
    check(path, values, format="csv")


@pytest.mark.parametrize("bad", ["quote", "cut", "fields", "bytes"])
def test_a_long_cell_that_is_none(tmp_path: Path, bad: str) -> None:
    """Parts of it were counted before that was known: they count for nothing, and the other rows for once."""
    rng = random.Random(5)
    line = prose(rng, LONG).replace("\n", " ").replace('"', "'").replace(",", ";")
    row = {
        # Closed on another line, where text follows.
        "quote": f'en,"{line}\nde,next\nde,"then"\n',
        "cut": f'en,"{line}\nde,next\nde,then\n',
        "fields": f"en,{line},{line}\nde,next\nde,then\n",
        "bytes": f"en,{line}\udcff{line}\nde,next\nde,then\n",
    }[bad]
    path = tmp_path / "a.csv"
    path.write_bytes(f"lang,text\nde,first\n{row}".encode(errors="surrogateescape"))
    reason = {"fields": "wrong_field_count", "bytes": "invalid_utf8"}.get(bad, "unterminated_quote")
    expected = ["first", "next", "then"]
    sums = [3, sum(map(len, expected)), sum(map(ENCODING.count, expected))]
    assert tallies(path, format="csv") == ({"de": sums}, {reason: 1})
    assert [document.text for document in fasttok.documents(path, format="csv")] == expected


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_damage_in_a_long_cell_is_told(tmp_path: Path, codec: str, damage: str) -> None:
    values = [(prose(random.Random(i), LONG), "en") for i in range(2)]
    path = tmp_path / "a.parquet"
    pq.write_table(table(values, pa.string()), path, compression=codec, row_group_size=1, use_dictionary=False)
    data = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    middle = column.data_page_offset + column.total_compressed_size // 2
    if damage == "flipped":
        data[middle] ^= 0xFF
    else:
        end = column.data_page_offset + column.total_compressed_size
        data[middle:end] = bytes(end - middle)
    path.write_bytes(data)
    report = fasttok.count_corpus(path, encodings=[ENCODING], threads=2)
    ledger = report.ledger
    assert ledger.seen == 2 == ledger.counted + ledger.skipped
    if codec == "none" and damage == "cut":
        assert ledger.counted == 2, "zeros are text"
    elif codec == "zstd":
        # What is packed by it is seen to be damaged, or has become other text.
        assert ledger.counted in (1, 2)
    else:
        assert ledger.counted >= 1


MEASURED = f"""
{PEAK}
import json, sys, fasttok
report = fasttok.count_corpus(sys.argv[1], encodings=["r50k_base"], threads=2)
data = json.loads(report.to_json())
print(json.dumps([data["totals"]["bytes"], data["totals"]["documents"], peak_bytes()]))
"""


def write(kind: str, cell: str, path: Path) -> None:
    """Writes a table of one cell."""
    form, _, codec = kind.partition(" ")
    column = pa.table({"text": pa.array([cell], pa.large_string())})
    if form == "csv":
        path.write_text(f"text,n\n{cell},1\n")
    elif form == "quoted":
        path.write_text(f'text,n\n"{cell}",1\n')
    elif form == "parquet":
        level = {"compression_level": 1} if codec in ("gzip", "brotli") else {}
        pq.write_table(column, path, compression=codec, **level)
    else:
        options = pa.ipc.IpcWriteOptions(compression=None if codec == "none" else codec)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, column.schema, options=options) as writer:
            writer.write_table(column)


KINDS = ["csv", "quoted", *(f"parquet {c}" for c in CODECS), *(f"arrow {c}" for c in ("none", "lz4", "zstd"))]


@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_of_a_long_cell_is_bounded(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("resource", reason="the peak memory of a process is not known here")
    block = prose(random.Random(4), 1 << 20).translate({ord(c): " " for c in '\n",\\'})
    suffix = {"parquet": "parquet", "arrow": "arrow"}.get(kind.split()[0], "csv")
    path = tmp_path / f"a.{suffix}"
    peaks = []
    for blocks in (16, 96):
        write(kind, block * blocks, path)
        output = subprocess.check_output([sys.executable, "-c", MEASURED, str(path)])
        size, documents, peak = json.loads(output)
        assert documents == 1 and size > blocks * (1 << 20)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + (60 << 20), peaks
