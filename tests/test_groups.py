"""What counts are summed by besides fields and languages: folders, and the script of a document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_support import fasttok, write_jsonl
from test_accounts import PRICES

import fasttok as library


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("top.txt", "en/a.txt", "en/web/b.txt", "en/web/c.txt", "de/web/d.txt"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("word")
    return tmp_path / "data"


def documents(report: Any) -> dict[Any, int]:
    keys = [tuple(group.key.values()) for group in report.groups]
    return {key[0] if len(key) == 1 else key: group.documents for key, group in zip(keys, report.groups, strict=True)}


LEVELS = [
    ("", "folder:1", {".": 1, "en": 3, "de": 1}),
    ("", "folder:2", {".": 1, "en": 1, "en/web": 2, "de/web": 1}),
    ("", "folder:9", {".": 1, "en": 1, "en/web": 2, "de/web": 1}),
    ("en", "folder:1", {".": 1, "web": 2}),
    ("*/web", "folder:1", {"en": 2, "de": 1}),
    ("en/web/b.txt", "folder:1", {".": 1}),
]


@pytest.mark.parametrize(("path", "by", "expected"), LEVELS)
def test_levels_are_counted_from_what_was_named(folder: Path, path: str, by: str, expected: dict[str, int]) -> None:
    named = str(folder / path) if path else str(folder)
    assert documents(library.count_corpus(named, "r50k_base", by=by)) == expected
    # The reader of documents makes the same groups.
    assert documents(library.cost(named, "m", by=by, prices=PRICES)) == expected


def test_a_folder_is_the_one_that_a_file_is_in(folder: Path) -> None:
    expected = {str(folder): 1, f"{folder}/en": 1, f"{folder}/en/web": 2, f"{folder}/de/web": 1}
    assert documents(library.count_corpus(folder, "r50k_base", by="folder")) == expected
    result = fasttok("count", "-e", "r50k_base", "--by", "folder,folder:1", "--sort", "key", ".", cwd=folder)
    keys = [(row["folder"], row["folder:1"]) for row in result.rows()]
    assert keys == [(".", "."), ("de/web", "de"), ("en", "en"), ("en/web", "en")]
    # Two folders that were named are one, as far as their levels are.
    both = library.count_corpus([folder / "en", folder / "de"], "r50k_base", by="folder:1")
    assert documents(both) == {".": 1, "web": 3}
    result = fasttok("count", "-e", "r50k_base", "--by", "folder", "--json", "-", stdin=b"word")
    assert result.json()["groups"][0]["key"] == {"folder": None}


def test_by_script(tmp_path: Path) -> None:
    texts = ["English words", "русский text", "中文 a", "12 34", "", "中文字 and more Latin"]
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": text, "language": "x"} for text in texts])
    expected = {"Latn": 2, "Cyrl": 1, "Hani": 1, "Zyyy": 1, None: 1}
    assert documents(library.count_corpus(path, "r50k_base", by="script")) == expected
    assert documents(library.cost(path, "m", by="script", prices=PRICES)) == expected
    # With a language that is detected later than the rest of the key is known, in any order.
    for by in (["script", "language", "extension"], ["extension", "script", "language"]):
        given: dict[str, Any] = {"by": by, "detect_language": lambda found: ["de"] * len(found)}
        for report in (
            library.count_corpus(path, "r50k_base", **given),
            library.cost(path, "m", prices=PRICES, **given),
        ):
            assert {group.key["script"]: group.documents for group in report.groups} == expected
            assert {(group.key["language"], group.key["extension"]) for group in report.groups} == {("de", "jsonl")}


def test_a_long_document_has_a_script_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("русский текст " * 500_000)
    (tmp_path / "b.jsonl").write_text('{"text":"' + "русский текст " * 500_000 + '"}\n')
    assert documents(library.count_corpus(tmp_path, "r50k_base", by="script")) == {"Cyrl": 2}


def test_fields_with_such_names(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "a", "script": "s", "folder": "f", "role": "user"}])
    by = ["field:script", "field:folder", "role"]
    (group,) = library.count_corpus(path, "r50k_base", by=by).groups
    assert list(group.key.values()) == ["s", "f", "user"]
