"""`fasttok density` as a user runs it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from cli_support import fasttok, on_terminal, write_jsonl

ENGLISH = "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised by it."
RUSSIAN = "Быстрая коричневая лиса прыгает через ленивую собаку, и никто в деревне этому не удивился."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    records = [
        {"text": f"{text} {i}", "lang": code}
        for code, text in (("en", ENGLISH), ("rus_Cyrl", RUSSIAN))
        for i in range(9)
    ]
    write_jsonl(tmp_path / "traffic.jsonl", records)
    return tmp_path


def test_detects_languages_where_nothing_is_said(folder: Path) -> None:
    result = fasttok("density", "traffic.jsonl", cwd=folder)
    assert result.code == 0
    rows = {row["language"]: row for row in result.rows()}
    assert rows.keys() == {"en", "ru"}
    assert rows["ru"]["documents"] == "9"
    assert float(rows["ru"]["tokens_per_char_low"]) <= float(rows["ru"]["tokens_per_char"])
    assert result.last_line.startswith("18 rows seen, 18 counted, 0 skipped")


def test_fits_a_terminal_and_says_what_density_is_not(folder: Path) -> None:
    result = on_terminal(
        "density", "traffic.jsonl", "-e", "o200k_base,cl100k_base", "--base", "eng", "--words", cwd=folder
    )
    assert result.code == 0
    assert all(len(line) <= 80 for line in result.out.splitlines())
    words = " ".join(result.out.split())
    assert "95 % interval" in words and "× en" in words and "Cyrl" in words
    assert "not what the same content costs in another language" in words
    assert "Language not determined (und): 0 of 18 documents, 0 % (detector: cld2)." in words


def test_json_csv_and_files(folder: Path) -> None:
    data = fasttok("density", "traffic.jsonl", "--json", "--language-field", "lang", "--base", "en", cwd=folder).json()
    assert data["schema"] == "fasttok.density/1"
    assert data["manifest"]["base"] == {"language": "en"}
    assert fasttok("density", "traffic.jsonl", "-o", "out.csv", cwd=folder).code == 0
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        assert {row["language"] for row in csv.DictReader(file)} == {"en", "ru"}
    assert fasttok("density", "traffic.jsonl", "--table", "-o", "out.txt", cwd=folder).code == 0
    assert "tok/char" in (folder / "out.txt").read_text(encoding="utf-8")


def test_labels_of_count(folder: Path) -> None:
    result = fasttok("count", "traffic.jsonl", "--language-field", "lang", "--by", "language,extension", cwd=folder)
    assert [(row["language"], row["extension"]) for row in result.rows()] == [("ru", "jsonl"), ("en", "jsonl")]
    (folder / "deu").mkdir()
    (folder / "deu" / "a.txt").write_text("Wort")
    result = fasttok("count", ".", "--language-from-path", cwd=folder)
    assert {row["language"] for row in result.rows()} == {"de", "und"}


def test_rows_that_cannot_be_counted(folder: Path) -> None:
    with (folder / "traffic.jsonl").open("a") as file:
        file.write("broken\n")
    result = fasttok("density", "traffic.jsonl", cwd=folder)
    assert result.code == 3
    assert "traffic.jsonl:19" in result.err
    assert result.last_line.startswith("19 rows seen, 18 counted, 1 skipped")


def test_standard_input(folder: Path) -> None:
    result = fasttok("density", "--format", "lines", "-q", stdin=f"{ENGLISH}\n{RUSSIAN}\n".encode())
    assert {row["language"] for row in result.rows()} == {"en", "ru"}
    assert result.err == ""


def test_mistakes(folder: Path) -> None:
    result = fasttok("density", "trafic.jsonl", cwd=folder)
    assert result.code == 1 and "did you mean traffic.jsonl?" in result.err
    result = fasttok("density", "traffic.jsonl", "--base", "rus_Cyr", "--language-field", "lang", cwd=folder)
    assert result.code == 1 and "no group 'rus_Cyr'" in result.err
    result = fasttok("density", "traffic.jsonl", "--sort", "tokens_per_word", cwd=folder)
    assert result.code == 2 and "needs --words" in result.err
    result = fasttok("density", "traffic.jsonl", "--sort", "tokens_per_char_to_base", cwd=folder)
    assert result.code == 2 and "needs --base" in result.err
    result = fasttok("density", "traffic.jsonl", "--detect-bytes", "0", cwd=folder)
    assert result.code == 2
