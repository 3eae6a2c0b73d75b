"""The table of documents: a row for each that was counted, as other libraries read it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import fasttok as run
from cli_support import write_jsonl
from references import References

import fasttok

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

WORDS = ["the", "of", "Straße", "中文字", "한국어", "नमस्ते", "русский", "x=f(y);", "12345"]


def text(i: int) -> str:
    return " ".join(WORDS[(i * k) % len(WORDS)] for k in range(1, 2 + i % 17))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A file of each kind of position, with rows that are skipped among the others."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    records = [{"text": text(i), "id": f"r{i}", "source": "ab"[i % 2]} for i in range(60)]
    lines = [json.dumps(each) for each in records]
    (folder / "a.jsonl").write_text("\n".join([*lines[:7], "broken", "", *lines[7:]]) + "\n")
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write("\n".join(lines))
    (folder / "c.json").write_text(json.dumps([*records, {"text": None}]))
    table = pa.table({"text": [None, *(each["text"] for each in records)], "id": [17, *range(60)]})
    parquet.write_table(table, folder / "d.parquet", row_group_size=25)
    (folder / "e.txt").write_text(text(33))
    (folder / "f.csv").write_text("id,text\n1,one\n2\n" + '3,"two\nlines"\n')
    warc = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 11\r\n\r\nplain words\r\n\r\n"
    (folder / "g.wet").write_bytes(warc * 2)
    (folder / "bad.txt").write_bytes(b"\xff not UTF-8")
    return folder


def test_each_counted_document_has_its_row(corpus: Path, tmp_path: Path, references: References) -> None:
    out = tmp_path / "rows.parquet"
    report = fasttok.count_corpus(
        corpus, {"o200k_base": "o200k_base", "mine": "gpt2"}, by="source", per_document=out, id_field="id"
    )
    table = parquet.read_table(out)
    position = ["member", "line", "element", "row_group", "row", "byte"]
    assert table.column_names == ["file", *position, "id", "source", "bytes", "chars", "o200k_base", "mine"]
    rows = table.to_pylist()
    assert len(rows) == report.totals.documents == report.ledger.counted
    assert report.ledger.skipped == 5
    assert sum(row["bytes"] for row in rows) == report.totals.bytes
    assert sum(row["chars"] for row in rows) == report.totals.chars
    for name in report.encodings:
        assert sum(row[name] for row in rows) == report.totals.tokens[name]
    for group in report.groups:
        of_group = [row for row in rows if row["source"] == group.key["source"]]
        assert (len(of_group), sum(row["mine"] for row in of_group)) == (group.documents, group.tokens["mine"])

    reference = {"o200k_base": references["o200k_base"], "mine": references["gpt2"]}
    read = list(fasttok.documents(corpus))
    assert len(read) == len(rows)
    for row, document in zip(rows, read, strict=True):
        at = {name: row[name] for name in position if row[name] is not None}
        assert (row["file"], at) == (document.file, dict(document.position))
        assert (row["bytes"], row["chars"]) == (len(document.text.encode()), len(document.text))
        for name, encoding in reference.items():
            assert row[name] == len(encoding.encode(document.text, disallowed_special=()))
    ids = {Path(file).name: [row["id"] for row in rows if row["file"] == file] for file in {r["file"] for r in rows}}
    assert ids["a.jsonl"] == ids["b.jsonl.gz"] == ids["c.json"] == [f"r{i}" for i in range(60)]
    assert ids["d.parquet"] == [str(i) for i in range(60)]
    assert (ids["e.txt"], ids["f.csv"], ids["g.wet"]) == ([None], ["1", "3"], [None, None])
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "rows.parquet"}


def test_other_readers_read_it(corpus: Path, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    out = tmp_path / "rows.parquet"
    report = fasttok.count_corpus(corpus, per_document=out, id_field="id")
    expected = report.totals.tokens["o200k_base"]
    assert polars.read_parquet(out)["o200k_base"].sum() == expected
    assert duckdb.sql(f"SELECT sum(o200k_base), count(id) FROM '{out}'").fetchall() == [(expected, 242)]


def test_many_rows_are_several_row_groups(tmp_path: Path) -> None:
    path, out = tmp_path / "many.jsonl", tmp_path / "rows.parquet"
    n = 300_000
    with path.open("w") as file:
        file.writelines(f'{{"text":"{i} {text(i % 50)}","n":{i}}}\n' for i in range(n))
    reports = []
    for threads in (1, 3):
        report = fasttok.count_corpus(path, per_document=out, id_field="n", threads=threads)
        reports.append((hashlib.sha256(out.read_bytes()).hexdigest(), report.totals))
    assert reports[0] == reports[1]
    found = parquet.ParquetFile(out)
    assert found.metadata.num_row_groups == 3
    table = found.read()
    assert table["line"].to_pylist() == list(range(1, n + 1))
    assert table["id"].to_pylist() == [str(i) for i in range(n)]
    assert sum(table["o200k_base"].to_pylist()) == reports[0][1].tokens["o200k_base"]


def test_density_and_labels(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    report = fasttok.density(corpus, per_document=out, detect_language=True)
    table = parquet.read_table(out)
    assert set(table["language"].to_pylist()) == {group.key["language"] for group in report.groups}
    assert table.num_rows == report.ledger.counted


def test_names_that_are_taken(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "one two", "bytes": "x", "mine": "y"}])
    out = tmp_path / "rows.parquet"
    fasttok.count_corpus(path, {"mine": "gpt2", "line": "r50k_base"}, by=["bytes", "mine"], per_document=out)
    (row,) = parquet.read_table(out).to_pylist()
    assert (row["key.bytes"], row["bytes"], row["key.mine"], row["mine"]) == ("x", 7, "y", 2)
    assert (row["line"], row["tokens.line"]) == (1, 2)


def test_what_would_be_replaced_is_refused(corpus: Path, tmp_path: Path) -> None:
    path = str(corpus / "a.jsonl")
    out = tmp_path / "rows.parquet"
    for name in ("rows.csv", "rows", "rows.arrow"):
        with pytest.raises(ValueError, match="must end in .parquet"):
            fasttok.count_corpus(path, per_document=tmp_path / name)
    with pytest.raises(ValueError, match="per_document says where"):
        fasttok.count_corpus(path, id_field="id")
    table = str(corpus / "d.parquet")
    for paths in (table, corpus):
        with pytest.raises(fasttok.OverwriteError, match="nothing was written"):
            fasttok.count_corpus(paths, per_document=table)
    with pytest.raises(fasttok.OverwriteError, match="same file"):
        fasttok.count_corpus(path, per_document=out, ledger_path=out)
    for _ in range(2):
        # Its own table it may replace.
        fasttok.count_corpus(path, per_document=out)
    inside = corpus / "rows.parquet"
    documents = [fasttok.count_corpus(corpus, per_document=inside).totals.documents for _ in range(2)]
    assert documents[0] == documents[1], "a table in a folder that is counted is left out"
    result = run("count", path, "--per-document", str(out), "-o", str(out))
    assert (result.code, "same file" in result.err) == (1, True), result
    result = run("count", path, "--per-document", str(tmp_path / "x.csv"))
    assert result.code in (1, 2) and ".parquet" in result.err and "Traceback" not in result.err, result
    with pytest.raises(fasttok.UnknownFieldError, match="no record has the field 'nr'"):
        fasttok.count_corpus(path, per_document=out, id_field="nr")


def test_what_ends_early_leaves_no_table(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    with pytest.raises(fasttok.CancelledError):
        fasttok.count_corpus(corpus, per_document=out, cancel=lambda: True)
    with pytest.raises(fasttok.TooManySkippedError):
        fasttok.count_corpus(corpus, per_document=out, max_errors=0)
    assert os.listdir(tmp_path) == ["corpus"]

    def small_files() -> None:
        # A write beyond this fails, as on a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    command = [sys.executable, "-m", "fasttok", "count", str(corpus), "--per-document", str(out), "--id-field", "id"]
    full = subprocess.run(command, capture_output=True, check=False, text=True, preexec_fn=small_files)
    assert full.returncode == 1 and "Traceback" not in full.stderr, full
    assert "rows.parquet" in full.stderr and "too large" in full.stderr, full.stderr
    assert os.listdir(tmp_path) == ["corpus"]


def test_files_are_hashed(corpus: Path, tmp_path: Path) -> None:
    report = fasttok.count_corpus([corpus, corpus / "a.jsonl"], hash_inputs=True)
    found = report.manifest["input_files"]
    files = sorted(corpus.iterdir())
    assert (found["count"], found["bytes"]) == (len(files), sum(file.stat().st_size for file in files))
    digest = 0
    for file, listed in zip(files, sorted(found["listed"], key=lambda each: each["file"]), strict=True):
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        assert (listed["file"], listed["size"], listed["sha256"]) == (str(file), file.stat().st_size, sha256)
        changed = file.stat().st_mtime_ns
        parts = f"{file}\0{file.stat().st_size}\0{changed}\0{sha256}\0"
        digest += int(hashlib.sha256(parts.encode()).hexdigest(), 16)
        assert listed["modified"].endswith("+00:00")
    assert found["digest"] == f"{digest % 2**256:064x}"
    again = fasttok.count_corpus(corpus).manifest["input_files"]
    assert again["digest"] != found["digest"]
    assert {each["sha256"] for each in again["listed"]} == {None}
    piped = run("count", "-", "--hash-inputs", "--json", stdin=b"one two").json()
    (listed,) = piped["manifest"]["input_files"]["listed"]
    assert listed == {"file": "-", "size": None, "modified": None, "sha256": None}


def test_of_many_files_the_first_are_listed(tmp_path: Path) -> None:
    for i in range(1_003):
        (tmp_path / f"{i:04}.txt").write_text("x")
    whole = fasttok.count_corpus(tmp_path).manifest["input_files"]
    assert (whole["count"], whole["bytes"], len(whole["listed"])) == (1_003, 1_003, 1_000)
    parts = [fasttok.count_corpus([tmp_path / f"{i:04}.txt" for i in some]) for some in (range(500), range(500, 1_003))]
    merged = fasttok.merge_reports(parts).manifest["input_files"]
    names = [each["file"] for each in merged.pop("listed")]
    assert names == [str(tmp_path / f"{i:04}.txt") for i in range(1_000)]
    del whole["listed"]
    assert merged == whole
