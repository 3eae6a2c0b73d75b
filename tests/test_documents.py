"""`fasttok.documents`: the documents that are counted, one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fasttok


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"text": f"record {i}", "source": f"s{i % 3}"} for i in range(10)]
    lines = [json.dumps(row) for row in rows]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines[:4], "broken", *lines[4:]]) + "\n")
    (tmp_path / "b.json").write_text(json.dumps(rows[:3], indent=1))
    (tmp_path / "c.csv").write_text('source,text\nx,one\ny,"two\nlines"\n')
    (tmp_path / "d.txt").write_text("plain")
    return tmp_path


def test_they_are_those_that_are_counted(folder: Path) -> None:
    report = fasttok.count_corpus(folder, by="source")
    documents = fasttok.documents(folder, by="source")
    with pytest.raises(RuntimeError, match="known when the last document"):
        _ = documents.ledger
    found = list(documents)
    assert len(found) == report.totals.documents == 16
    encoding = fasttok.get_encoding("o200k_base")
    assert sum(encoding.count(document.text) for document in found) == report.totals.tokens["o200k_base"]
    assert documents.ledger == report.ledger
    assert documents.ledger.skipped == 1
    last = found[3]
    assert (last.text, last.line, last.position, last.key) == ("record 3", 4, {"line": 4}, ("s0",))
    assert found[10].position == {"element": 0}
    assert (found[14].text, found[14].key, found[15].key) == ("two\nlines", ("y",), (None,))
    assert next(documents, None) is None


def test_reading_ends_when_it_is_closed(folder: Path) -> None:
    with fasttok.documents(folder) as documents:
        assert next(documents).text == "record 0"
    assert list(documents) == []


def test_lists_and_ledgers_are_those_of_a_count(folder: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    earlier = {"file": "of an earlier run", "line": 1, "reason": "null_field", "detail": ""}
    ledger.write_text(json.dumps(earlier) + "\n")
    (tmp_path / "list").write_text(f"{folder / 'a.jsonl'}\n")
    with fasttok.documents(files_from=tmp_path / "list", by=["folder"], ledger_path=ledger) as documents:
        assert {document.key for document in documents} == {(str(folder),)}
    (row,) = ledger.read_text().splitlines()
    assert json.loads(row)["line"] == 5
    with pytest.raises(fasttok.OverwriteError):
        list(fasttok.documents(folder / "a.jsonl", ledger_path=folder / "a.jsonl"))


def test_errors(folder: Path) -> None:
    with pytest.raises(fasttok.NotFoundError):
        next(fasttok.documents(folder / "no.txt"))
    with pytest.raises(TypeError, match="did you mean text_field"):
        fasttok.documents(folder, textfield="x")
    with pytest.raises(fasttok.InputError, match="a.jsonl:5"):
        list(fasttok.documents(folder / "a.jsonl", on_error="fail"))
