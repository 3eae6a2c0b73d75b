"""Groups of a report: fields that no record has, more groups than allowed, many groups, outputs in a counted folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cli_support import FASTTOK, environment, fasttok, write_jsonl

import fasttok as library
from fasttok.errors import FasttokError, TooManyGroupsError, UnknownFieldError
from fasttok.reports.count import MEASURES, SORT_KEYS, Report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"text": f"text {i} 文" * (i % 7), "language": f"l{i % 5}", "id": i, "meta": {"n": None}} for i in range(60)
    ]
    write_jsonl(tmp_path / "a.jsonl", [*rows, {"text": "no keys"}])
    return tmp_path


class TestUnknownFields:
    @pytest.mark.parametrize(
        "options", [["--by", "langauge"], ["--by", "file,langauge"], ["--language-field", "langauge"]]
    )
    @pytest.mark.parametrize("command", ["count", "density"])
    def test_a_field_that_no_record_has(self, folder: Path, command: str, options: list[str]) -> None:
        result = fasttok(command, ".", *options, cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert result.err == (
            "fasttok: no record has the field 'langauge'; did you mean language? "
            "(there are id, language, meta, meta.n, text)\n"
        )

    def test_the_text(self, folder: Path) -> None:
        result = fasttok("count", ".", "--field", "body", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "no record has the field 'body'; there are id, language" in result.err

    def test_plain_text_has_no_fields(self, folder: Path) -> None:
        (folder / "x.txt").write_text("words")
        result = fasttok("count", "x.txt", "--by", "language", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "no field 'language': plain text has no fields" in result.err
        assert fasttok("count", ".", "--by", "language", cwd=folder).code == 0

    def test_one_record_that_has_it_is_enough(self, folder: Path) -> None:
        assert fasttok("count", ".", "--by", "meta.n", cwd=folder).code == 0

    def test_in_the_library(self, folder: Path) -> None:
        with pytest.raises(UnknownFieldError) as raised:
            library.count_corpus(folder, by="meta.m")
        assert raised.value.name == "meta.m" and "meta.n" in (raised.value.nearest or ())
        assert raised.value.fields == ["id", "language", "meta", "meta.n", "text"]
        assert issubclass(UnknownFieldError, FasttokError) and issubclass(UnknownFieldError, ValueError)


class TestManyGroups:
    def test_more_than_allowed(self, folder: Path) -> None:
        result = fasttok("count", ".", "--by", "id", "--max-groups", "59", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "more than 59 groups by id" in result.err and "max_groups" in result.err
        assert fasttok("count", ".", "--by", "id", "--max-groups", "61", cwd=folder).code == 0
        with pytest.raises(TooManyGroupsError) as raised:
            library.count_corpus(folder, by="id", max_groups=3)
        assert (raised.value.by, raised.value.max_groups) == (["id"], 3)
        with pytest.raises(ValueError, match="at least 1"):
            library.count_corpus(folder, max_groups=0)

    @pytest.mark.parametrize("key", SORT_KEYS)
    @pytest.mark.parametrize("reverse", [False, True])
    def test_the_order_is_that_of_objects(self, folder: Path, key: str, reverse: bool) -> None:
        report = library.count_corpus(folder, by=["language", "id"])
        objects = Report(report.manifest, report.totals, list(report.groups), report.ledger)
        one, two = report.sorted_by(key, reverse=reverse), objects.sorted_by(key, reverse=reverse)
        assert [dict(group.key) for group in one.groups] == [dict(group.key) for group in two.groups]
        assert one.to_json() == two.to_json() and one.to_csv() == two.to_csv()
        assert key in ("key", "documents", "bytes", "chars", *MEASURES)

    def test_groups_are_a_sequence(self, folder: Path) -> None:
        groups = library.count_corpus(folder, by="id").groups
        assert len(groups) == 61 and groups[-1].key == {"id": None} and groups[:2] == list(groups)[:2]
        assert repr(groups) == "<61 groups by id>"
        with pytest.raises(IndexError):
            groups[61]


class TestOutputsInTheFolder:
    def test_they_are_not_counted(self, folder: Path) -> None:
        options = ["count", ".", "--ledger", "rows.jsonl", "-o", "o.json"]
        assert fasttok(*options, cwd=folder).last_line.startswith("61 rows seen")
        assert fasttok(*options, cwd=folder).last_line.startswith("61 rows seen")

    def test_nor_is_what_the_shell_writes(self, folder: Path) -> None:
        line = f"{' '.join(FASTTOK)} count . > out.tsv"
        done = subprocess.run(line, shell=True, cwd=folder, env=environment(), capture_output=True)
        assert done.stderr.splitlines()[-1].startswith(b"61 rows seen")
