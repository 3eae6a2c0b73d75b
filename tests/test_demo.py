"""The demonstration and its sample."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

from cli_support import fasttok, on_terminal
from rich.cells import cell_len

from fasttok.render.text.demo import LANGUAGES


def sample() -> list[dict[str, str]]:
    text = (files("fasttok") / "demo" / "sample.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_sentence_stands_in_every_language() -> None:
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for record in sample():
        assert record.keys() == {"id", "language", "text"}
        assert record["id"] not in texts[record["language"]]
        texts[record["language"]][record["id"]] = record["text"]
    assert texts.keys() == LANGUAGES.keys()
    assert {len(sentences) for sentences in texts.values()} == {40}
    assert len({tuple(sentences) for sentences in texts.values()}) == 1


def test_sentences_are_clean() -> None:
    records = sample()
    for text in (record["text"] for record in records):
        assert text == text.strip() != ""
        assert unicodedata.is_normalized("NFC", text)
    assert len({(record["language"], record["text"]) for record in records}) == len(records)


def test_translations_keep_what_is_not_translated() -> None:
    """Addresses, code and emoji are the same in every language."""
    by_id: dict[str, list[str]] = defaultdict(list)
    for record in sample():
        by_id[record["id"]].append(record["text"])
    for kept in ("https://example.com/docs/start?lang=", "git pull --rebase", "parse_date()", "🎂🎉", "+1 555 0100"):
        (texts,) = [texts for texts in by_id.values() if all(kept in text for text in texts)]
        assert len(texts) == len(LANGUAGES)


def test_terminal() -> None:
    result = on_terminal("demo")
    assert result.code == 0
    assert max(cell_len(line) for line in result.out.splitlines()) <= 80
    for name in LANGUAGES.values():
        assert result.out.count(f"\n{name}") >= 2
    assert "too few, and of too many kinds, to be\nevidence" in result.out.replace(" \n", "\n")


def test_the_readme_shows_what_is_printed() -> None:
    root = Path(__file__).parent.parent
    shown = (root / "README.md").read_text(encoding="utf-8").split("```console\n$ fasttok count")[1].split("```")[0]
    command, *expected = shown.splitlines()
    printed = fasttok("count", *command.split(), "--table", cwd=root).out
    assert [line.rstrip() for line in printed.splitlines()] == expected


def test_pipe_and_json() -> None:
    piped = fasttok("demo")
    assert piped.code == 0
    assert {row["language"] for row in piped.rows()} == LANGUAGES.keys()
    assert "evidence" in piped.err
    report = json.loads(fasttok("demo", "--json").out)
    assert report["totals"]["documents"] == 40 * len(LANGUAGES)
