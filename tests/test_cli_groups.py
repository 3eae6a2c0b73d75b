"""Groups of a report: fields that no record has, more groups than allowed, many groups, outputs in a counted folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from cli_support import FASTTOK, environment, fasttok, write_jsonl

import fasttok as library
from fasttok.errors import FasttokError, TooManyGroupsError, UnknownFieldError
from fasttok.reports.count import MEASURES, QUANTILES, SORT_KEYS, Report


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
        result = fasttok("count", ".", "--text-field", "body", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "no record has the field 'body'; there are id, language" in result.err

    def test_plain_text_has_no_fields(self, folder: Path) -> None:
        (folder / "x.txt").write_text("words")
        result = fasttok("count", "x.txt", "--by", "language", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "no field 'language': plain text has no fields" in result.err
        assert "did you mean" not in result.err
        assert fasttok("count", ".", "--by", "language", cwd=folder).code == 0

    def test_one_record_that_has_it_is_enough(self, folder: Path) -> None:
        assert fasttok("count", ".", "--by", "meta.n", cwd=folder).code == 0

    def test_in_the_library(self, folder: Path) -> None:
        with pytest.raises(UnknownFieldError) as raised:
            library.count_corpus(folder, by="meta.m")
        assert raised.value.name == "meta.m" and "meta.n" in (raised.value.nearest or ())
        assert raised.value.fields == ["id", "language", "meta", "meta.n", "text"]
        # Of a record that is read in parts the names are known too.
        long = folder / "long.jsonl"
        long.write_text(json.dumps({"id": 1, "meta": {"n": 1}, "text": "word " * 2_000_000, "tags": [{"x": 1}]}) + "\n")
        with pytest.raises(UnknownFieldError) as raised:
            library.count_corpus(long, by="meta.m")
        assert raised.value.fields == ["id", "meta", "meta.n", "tags", "text"]
        assert issubclass(UnknownFieldError, FasttokError) and issubclass(UnknownFieldError, ValueError)


class TestManyGroups:
    def test_more_than_allowed(self, folder: Path) -> None:
        result = fasttok("count", ".", "--by", "id", "--max-groups", "59", cwd=folder)
        assert (result.code, result.out) == (1, "")
        assert "more than 59 groups by id" in result.err and "--max-groups N allows more" in result.err
        assert fasttok("count", ".", "--by", "id", "--max-groups", "61", cwd=folder).code == 0
        with pytest.raises(TooManyGroupsError) as raised:
            library.count_corpus(folder, by="id", max_groups=3)
        assert (raised.value.by, raised.value.max_groups) == (["id"], 3)
        with pytest.raises(ValueError, match="at least 1"):
            library.count_corpus(folder, max_groups=0)

    @pytest.mark.parametrize("key", SORT_KEYS)
    @pytest.mark.parametrize("reverse", [False, True])
    def test_the_order_is_that_of_objects(self, folder: Path, key: str, reverse: bool) -> None:
        report = library.count_corpus(folder, by=["language", "id"], quantiles=key in QUANTILES)
        objects = Report(report.manifest, report.totals, list(report.groups), report.ledger)
        one, two = report.sorted_by(key, reverse=reverse), objects.sorted_by(key, reverse=reverse)
        assert [dict(group.key) for group in one.groups] == [dict(group.key) for group in two.groups]
        assert one.to_json() == two.to_json() and one.to_csv() == two.to_csv()
        assert key in ("key", "documents", "bytes", "chars", *MEASURES, *QUANTILES)

    def test_json_is_that_of_objects(self, tmp_path: Path) -> None:
        """What is written without objects is what `json.dumps` makes of them, to the byte."""
        texts = ["", "a", "中文 text", "a" * 30_000, "👍🏽", "\0" * 3, " " * 70_000 + "a"]
        model = {"type": "BPE", "vocab": {"a": 0}, "merges": []}
        file = {"model": model, "pre_tokenizer": {"type": "WhitespaceSplit"}}
        words = library.Encoding._from_file_bytes(json.dumps(file).encode(), "words")
        ids = [None, "", 'a"b\\c', "\n\t\r\b\f\x01\x1f\x7f", "é中👍", "\u2028", *map(str, range(2_500))]
        rows = [{"id": id, "text": texts[i % len(texts)], "b": i % 3} for i, id in enumerate(ids)]
        write_jsonl(tmp_path / "x.jsonl", rows)
        for by in (["id"], ["file", "id"]):
            report = library.count_corpus(tmp_path / "x.jsonl", {"o200k": "o200k_base", "é": words}, by=by)
            for ordered in (report, report.sorted_by("tokens_per_char")):
                whole = json.dumps(ordered.to_dict(), indent=2, ensure_ascii=False) + "\n"
                assert ordered.to_json() == whole
        small = [ratio for group in report.groups for ratio in group.tokens_per_char.values() if ratio]
        assert min(small) < 1e-4, "ratios of all sizes are written"
        assert library.count_corpus(tmp_path / "x.jsonl").to_dict()["groups"] == []

    @pytest.mark.parametrize("shape", ["--json", "--csv"])
    def test_ctrl_c_while_the_report_is_written(self, tmp_path: Path, shape: str) -> None:
        """The signal comes when a part was read and the rest has no room in the pipe."""
        write_jsonl(tmp_path / "x.jsonl", [{"id": str(i), "text": "a"} for i in range(50_000)])
        arguments = ["count", str(tmp_path / "x.jsonl"), "--by", "id", shape]
        with subprocess.Popen(
            [*FASTTOK, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.read(1) in b"{i"
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert process.stderr.read().decode() == "fasttok: interrupted\n"

    def test_a_report_is_written_in_small_parts(self, folder: Path) -> None:
        """Between two of them Python looks for signals."""
        write_jsonl(folder / "b.jsonl", [{"id": f"b{i}", "text": "a"} for i in range(5_000)])
        report = library.count_corpus(folder, by="id")
        for shape in ("json", "csv", "tsv"):
            parts = list(report.text(shape))
            assert len(parts) > 5
            assert max(map(len, parts)) < 2 * len("".join(parts)) / 5

    def test_ctrl_c_while_a_table_is_made(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_jsonl(folder / "b.jsonl", [{"id": f"b{i}", "text": "a"} for i in range(5_000)])
        report = library.count_corpus(folder, by="id")
        made = 0

        def printable(value: str | None) -> str:
            nonlocal made
            made += 1
            if made == 100:
                os.kill(os.getpid(), signal.SIGINT)
            return str(value)

        monkeypatch.setattr("fasttok.render.format.key", printable)
        with pytest.raises(KeyboardInterrupt):
            str(report)
        assert made < 200

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
