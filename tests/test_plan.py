"""A dry run lists what a run would read, and counts nothing."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import jsonschema
import pytest
from cli_support import fasttok as run
from cli_support import on_terminal, write_jsonl

import fasttok as library


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "some words"}] * 50)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "packed"}\n'))
    (tmp_path / "c.txt").write_text("a text", encoding="utf-8")
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"packed and no records"))
    (tmp_path / "e.bin").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "f.jsonl.xz").write_bytes(b"this is no xz")
    return tmp_path


def test_what_is_planned_is_what_is_read(corpus: Path) -> None:
    plan = library.plan_corpus(corpus)
    report = library.count_corpus(corpus)
    said = {Path(file.file).name: (file.format, file.compression, file.reason) for file in plan}
    assert said == {
        "a.jsonl": ("jsonl", None, None),
        "b.jsonl.gz": ("jsonl", "gzip", None),
        "c.txt": ("text", None, None),
        "d.txt.gz": (None, "gzip", "compressed"),
        "e.bin": (None, None, "binary"),
        "f.jsonl.xz": (None, None, "corrupt"),
    }
    assert len(plan.read) + 1 == report.manifest["files"]
    assert plan.totals()["files_passed_by"] == report.manifest["files_ignored"] + 1
    assert plan.totals()["bytes"] == sum(path.stat().st_size for path in corpus.iterdir() if path.name[0] in "abc")
    assert plan.seconds is not None
    assert plan.seconds > 0


def test_the_command_counts_nothing_and_tells_of_what_cannot_be_read(corpus: Path) -> None:
    done = run("count", "--plan", corpus, "--json")
    assert done.code == 3
    assert "cannot be read: " in done.err
    assert "f.jsonl.xz: " in done.err
    jsonschema.Draft202012Validator(library.schema("plan")).validate(done.json())
    rows = list(csv.DictReader(io.StringIO(run("count", "--plan", corpus, "--csv").out)))
    assert len(rows) == 6
    table = on_terminal("count", "--plan", corpus, width=80)
    lines = table.out.splitlines()
    # Lines break between words, and a path is one.
    assert max(len(line) for line in lines if " " in line.strip()) <= 80
    assert "nothing was counted" in " ".join(table.out.split())


def test_a_plan_of_what_can_be_read_ends_well(corpus: Path) -> None:
    (corpus / "f.jsonl.xz").unlink()
    # What is passed by is no fault.
    assert run("count", "--plan", corpus).code == 0
    missing = run("count", "--plan", corpus / "a.jsonl", corpus / "missing.jsonl", "-q")
    assert (missing.code, missing.err) == (3, "")


def test_standard_input_is_not_read() -> None:
    done = run("count", "--plan", "-", "--json", stdin=b"text")
    (file,) = done.json()["files"]
    assert (file["file"], file["bytes"]) == ("-", None)
    assert done.json()["seconds"] is None


def test_many_files_are_listed_and_the_largest_are_shown(tmp_path: Path) -> None:
    for i in range(300):
        (tmp_path / f"{i}.txt").write_text("x" * i, encoding="utf-8")
    plan = library.plan_corpus(tmp_path)
    assert len(plan) == 300
    text = str(plan)
    assert "The 20 largest of 300 files" in text
    assert "299.txt" in text
    assert "/9.txt" not in text
