"""What the command writes, where, and over what: formats by name, inputs that stay as they are, terminals that are not
steered by data, exit codes where nobody reads."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import click
import pytest
from cli_support import FASTTOK, environment, fasttok, on_terminal, write_jsonl
from training import trained

import fasttok as library
from fasttok._escapes import escaped, escaped_lines
from fasttok._util.files import refuse_foreign
from fasttok.cli.app import COMMANDS, app
from fasttok.cli.options import Command
from fasttok.errors import FasttokError, NotFoundError, OverwriteError
from fasttok.reports.tabular import json_parts

HIDDEN = "x\x1b]0;owned\x07\x7f\x9b31m\u202egnp.\u2066y"


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files of data, of a kind that an output might be too."""
    for name in ("a", "b", "c"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"text": f"{name} words", "language": name}])
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class TestRepeatedOptions:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["count", "--text-field", "prompt", "--text-field", "completion"],
            ["density", "--text-field", "prompt", "--text-field", "completion"],
            ["count", "--threads", "1", "--threads", "2"],
            ["count", "-o", "a.json", "--output", "b.json"],
            ["cost", "-m", "gpt-4o", "--text-field", "prompt", "--text-field", "completion"],
            ["claims", "--text", "en=a.jsonl", "--text-field", "prompt", "--text-field", "completion"],
            ["premium", ".", "--pivot", "en", "--pivot", "de"],
            ["verify", "o200k_base", "--text-field", "prompt", "--text-field", "completion"],
        ],
    )
    def test_two_values_where_one_is_taken_are_refused(self, folder: Path, arguments: list[str]) -> None:
        result = fasttok(*arguments, cwd=folder)
        assert (result.code, result.out) == (2, "")
        assert f"takes one value, and is given {arguments[-3]} and {arguments[-1]}" in result.err

    def test_the_same_value_twice_is_that_value(self, folder: Path) -> None:
        assert fasttok("count", "a.jsonl", "--text-field", "text", "--text-field", "text", cwd=folder).code == 0

    def test_every_command_refuses(self) -> None:
        context = click.Context(app)
        for name in COMMANDS:
            assert isinstance(app.get_command(context, name), Command), name

    def test_pairs_that_contradict_each_other(self, folder: Path) -> None:
        result = fasttok("claims", "--text", "en=a.jsonl", "--text", "en=b.jsonl", cwd=folder)
        assert result.code == 2
        assert "en is given both a.jsonl and b.jsonl" in result.err


class TestFormats:
    @pytest.mark.parametrize("command", [["count", "--by", "language"], ["density", "--by", "language"]])
    def test_the_suffix_is_the_format(self, folder: Path, command: list[str]) -> None:
        import pyarrow.feather
        import pyarrow.parquet

        rows = fasttok(*command, "a.jsonl", "b.jsonl", cwd=folder).rows()
        for name in ("o.parquet", "o.arrow", "o.feather", "o.csv", "o.tsv", "o.json", "o.txt", "o"):
            result = fasttok(*command, "a.jsonl", "b.jsonl", "-o", name, cwd=folder)
            assert (result.code, result.out) == (0, ""), result.err
        for table in (
            pyarrow.parquet.read_table(folder / "o.parquet"),
            pyarrow.feather.read_table(folder / "o.arrow"),
            pyarrow.feather.read_table(folder / "o.feather"),
        ):
            assert table.column_names == list(rows[0])
            assert [str(n) for n in table.column("tokens").to_pylist()] == [row["tokens"] for row in rows]
        assert [row["tokens"] for row in csv.DictReader(io.StringIO((folder / "o.csv").read_text()))] == [
            row["tokens"] for row in rows
        ]
        assert (folder / "o.tsv").read_text() == (folder / "o").read_text()
        assert len(json.loads((folder / "o.json").read_text())["groups"]) == 2
        assert "─" in (folder / "o.txt").read_text()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["count", "a.jsonl", "-o", "x.xlsx"], "fasttok cannot write .xlsx; it writes .json, .csv"),
            (["count", "a.jsonl", "-o", "x.jsonl"], "cannot write .jsonl"),
            (["count", "a.jsonl", "-o", "x.html"], "--html x.html writes that"),
            (["merge", "a.json", "-o", "x.html"], "cannot write .html"),
            (["count", "a.jsonl", "-o", "x.md"], "cannot write .md"),
            (["count", "a.jsonl", "--csv", "-o", "x.json"], "--csv does not go with -o x.json"),
            (["count", "a.jsonl", "--json", "-o", "x.parquet"], "--json does not go with -o x.parquet"),
            (["density", "a.jsonl", "--table", "-o", "x.tsv"], "--table does not go with -o x.tsv"),
            (["cost", "a.jsonl", "-m", "gpt-4o", "-o", "x.html"], "--html x.html writes that"),
            (["premium", ".", "-o", "x.svg"], "--svg x.svg writes that"),
            (["claims", "--text", "en=a.jsonl", "-o", "x.pdf"], "cannot write .pdf"),
            (["encodings", "-o", "x.parquet"], "cannot write .parquet"),
            (["verify", "o200k_base", "-o", "x.csv"], "cannot write .csv"),
            (["demo", "-o", "x.doc"], "cannot write .doc"),
        ],
    )
    def test_what_is_not_written_is_refused(self, folder: Path, arguments: list[str], message: str) -> None:
        before = contents(folder)
        result = fasttok(*arguments, cwd=folder)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
        assert contents(folder) == before

    def test_flags_decide_where_the_name_says_nothing(self, folder: Path) -> None:
        for name in ("o", "o.txt", "o.dat"):
            assert fasttok("count", "a.jsonl", "--csv", "-o", name, cwd=folder).code == 0
            assert (folder / name).read_text().startswith("encoding,")

    def test_a_dash_is_standard_output(self, folder: Path) -> None:
        assert fasttok("count", "a.jsonl", "-o", "-", cwd=folder).out == fasttok("count", "a.jsonl", cwd=folder).out
        assert not (folder / "-").exists()

    def test_json_in_parts_is_json(self) -> None:
        document = {"a": {}, "b": [], "c": [1, [2, {"d": "é\n"}], {}], "e": None, "f": {"g": {"h": 1.5}, "i": True}}
        text = json.dumps({**document, "groups": [{"x": 1}, {"y": {"z": 2}}], "none": []}, ensure_ascii=False, indent=2)
        parts = json_parts({**document, "groups": iter([{"x": 1}, {"y": {"z": 2}}]), "none": iter(())})
        assert "".join(parts) == text + "\n"


class TestNothingIsOverwritten:
    @pytest.mark.parametrize(
        "arguments",
        [
            # What the shell makes of `--ledger *.jsonl` and `-o *.jsonl`: the first file is the option's.
            ["count", "--ledger", "a.jsonl", "b.jsonl", "c.jsonl"],
            ["count", "--table", "-o", "a.jsonl", "b.jsonl", "c.jsonl"],
            ["count", "--ledger", "a.jsonl", "a.jsonl"],
            ["count", "--ledger", "./a.jsonl", "a.jsonl"],
            ["count", "--ledger", "link.jsonl", "a.jsonl"],
            ["count", "--ledger", "hard.jsonl", "a.jsonl"],
            ["count", "--ledger", "a.jsonl", "*.jsonl"],
            ["count", "--ledger", "a.jsonl"],
            ["count", "--ledger", "a.jsonl", "."],
            ["count", "--json", "-o", "a.jsonl", "a.jsonl"],
            ["count", "--ledger", "new.json", "-o", "new.json", "a.jsonl"],
            ["count", "--ledger", "new.json", "-o", "./new.json", "a.jsonl"],
            ["density", "--ledger", "a.jsonl", "b.jsonl"],
            ["density", "--ledger", "new.json", "-o", "new.json", "a.jsonl"],
            ["cost", "-m", "gpt-4o", "a.jsonl", "--json", "-o", "a.jsonl"],
            ["cost", "-m", "gpt-4o", "a.jsonl", "--html", "a.jsonl"],
            ["cost", "-m", "gpt-4o", "a.jsonl", "--svg", "o.x", "--png", "o.x"],
            ["claims", "--text", "en=a.jsonl", "--csv", "-o", "a.jsonl"],
            ["claims", "--text", "en=a.jsonl", "--csv", "-o", "b.jsonl"],
            ["premium", "en=a.jsonl", "de=b.jsonl", "--csv", "-o", "b.jsonl"],
            ["verify", "o200k_base", "a.jsonl", "--json", "-o", "a.jsonl"],
            ["demo", "--csv", "-o", "a.jsonl"],
            ["encodings", "--csv", "-o", "a.jsonl"],
        ],
        ids=" ".join,
    )
    def test_neither_inputs_nor_what_is_not_ours(self, folder: Path, arguments: list[str]) -> None:
        (folder / "link.jsonl").symlink_to("a.jsonl")
        os.link(folder / "a.jsonl", folder / "hard.jsonl")
        before = contents(folder)
        result = fasttok(*arguments, cwd=folder)
        assert (result.code, result.out) == (1, ""), result.err
        assert "nothing was written" in result.err
        assert contents(folder) == before

    def test_an_input_on_standard_input(self, folder: Path) -> None:
        with open(folder / "a.jsonl", "rb") as file:
            done = subprocess.run(
                [*FASTTOK, "count", "-", "--ledger", "a.jsonl"], stdin=file, capture_output=True, cwd=folder
            )
        assert done.returncode == 1
        assert b"standard input" in done.stderr
        assert (folder / "a.jsonl").stat().st_size > 0

    def test_a_ledger_that_was_an_output_before_is_replaced(self, folder: Path) -> None:
        write_jsonl(folder / "bad.jsonl", [{"none": 1, "text": 2}])
        for _ in range(2):
            result = fasttok("count", "bad.jsonl", "--ledger", "rows.jsonl", "-o", "o.csv", cwd=folder)
            assert result.code == 3, result.err
        (folder / "rows.jsonl").write_text("")
        assert fasttok("count", "bad.jsonl", "--ledger", "rows.jsonl", cwd=folder).code == 3

    @pytest.mark.parametrize("name", ["o.json", "o.csv", "o.tsv", "o.txt", "o.parquet", "o.arrow", "o"])
    def test_every_report_is_known_as_one(self, folder: Path, name: str) -> None:
        for command in (
            ["count", "a.jsonl"],
            ["density", "a.jsonl", "--by", "language"],
            ["cost", "a.jsonl", "-m", "gpt-4o"],
            ["claims", "--text", "en=a.jsonl"],
            ["demo"],
            ["encodings"],
            ["models", "gpt-4o"],
        ):
            if command == ["encodings"] and name in ("o.parquet", "o.arrow"):
                continue
            assert fasttok(*command, "-o", name, cwd=folder).code == 0
            refuse_foreign("-o", folder / name)

    def test_other_reports_are_known(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text(json.dumps(trained(pre_tokenizer=BYTE_LEVEL)))
        for command in (
            ["claims", "--text", "en=a.jsonl", "-o", "o.md"],
            ["verify", "tokenizer.json", "a.jsonl", "--built-in", "0", "-o", "o.txt"],
            ["verify", "tokenizer.json", "a.jsonl", "--built-in", "0", "-o", "o.json"],
        ):
            result = fasttok(*command, cwd=folder)
            assert result.code == 0, result.err
            refuse_foreign("-o", folder / command[-1])

    def test_of_a_library_call(self, folder: Path) -> None:
        path = folder / "a.jsonl"
        before = contents(folder)
        with pytest.raises(OverwriteError, match="ledger_path would replace"):
            library.count_corpus(path, ledger_path=path)
        with pytest.raises(OverwriteError, match="holds something else than a list of skipped rows"):
            library.count_corpus(path, ledger_path=folder / "b.jsonl")
        report = library.count_corpus(path, by="language")
        for write in (report.to_csv, report.to_tsv, report.to_json, report.to_parquet, report.to_arrow_file):
            with pytest.raises(OverwriteError, match="which is an input"):
                write(path)
        with pytest.raises(OverwriteError, match="holds something else"):
            library.count_corpus(folder).to_csv(folder / "b.jsonl")
        with pytest.raises(OverwriteError):
            library.density(path).to_csv(path)
        assert contents(folder) == before
        for _ in range(2):
            report.to_csv(folder / "out.csv")
        assert issubclass(OverwriteError, FasttokError) and issubclass(OverwriteError, FileExistsError)


class TestSkippedRows:
    def test_rows_that_say_the_same_are_one_line(self, tmp_path: Path) -> None:
        rows = [{"body": 1, "text": 2}] * 3 + [{"text": "good"}] + [{"text": 3}] * 6 + [{"text": None}]
        write_jsonl(tmp_path / "x.jsonl", rows)
        for command in ("count", "density"):
            result = fasttok(command, "x.jsonl", cwd=tmp_path)
            assert result.code == 3
            assert result.err.splitlines()[:-1] == [
                'skipped 9 rows of x.jsonl (lines 1-3, 5-10): field "text" is a number, not a string (not_a_string)',
                'skipped x.jsonl:11: field "text" is null (null_field)',
            ]

    def test_many_spans_are_cut_short(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "x.jsonl", [{"text": "good" if i % 2 else i} for i in range(20)])
        assert "10 rows of x.jsonl (lines 1, 3, 5, 7, …): " in fasttok("count", "x.jsonl", cwd=tmp_path).err


class TestEscapes:
    def test_what_is_escaped(self) -> None:
        assert escaped(HIDDEN) == r"x\u001b]0;owned\u0007\u007f\u009b31m\u202egnp.\u2066y"
        assert escaped("a\nb\tc\rd") == r"a\nb\tc\rd"
        assert escaped("\udcff \U000e0041") == r"\udcff \udb40\udc41"
        for text in ("中文 ไทย नमस्ते 👩‍👩‍👧 é Ж", "می‌خواهم", "\u00a0\u3000"):
            assert escaped(text) == text
        assert escaped_lines('{\n\t"a": "\x9b"}') == '{\n\t"a": "\\u009b"}'
        assert json.loads(escaped_lines(json.dumps(HIDDEN, ensure_ascii=False))) == HIDDEN

    def test_names_and_values(self, tmp_path: Path) -> None:
        folder = tmp_path / "d"
        folder.mkdir()
        (folder / HIDDEN).symlink_to("nowhere")
        write_jsonl(folder / "x.jsonl", [{"text": "a", HIDDEN: HIDDEN}, {"text": 1}])
        hidden = set(HIDDEN) - set(escaped(HIDDEN))
        for arguments in (
            ["count", "d"],
            ["density", "d"],
            ["count", "d", "--by", f"file,{HIDDEN}"],
            ["density", "d", "--by", HIDDEN],
            ["count", "d", "--by", HIDDEN, "--csv"],
            ["count", "d", "--by", HIDDEN, "--json"],
            ["count", f"d/{HIDDEN}"],
            ["count", f"d/{HIDDEN}2"],
            ["count", "d", "-o", f"{HIDDEN}/x"],
            ["count", "d", "--on-error", "fail"],
            ["count", "d", f"--{HIDDEN}"],
            ["count", "d", "-e", HIDDEN],
            [HIDDEN],
            ["cost", "d", "-m", HIDDEN],
            ["premium", f"d/{HIDDEN}"],
        ):
            shown = on_terminal(*arguments, cwd=tmp_path).out
            assert not hidden & set(shown), arguments
            assert r"\u" in shown, arguments
            err = fasttok(*arguments, cwd=tmp_path).err
            assert not hidden & set(err), arguments

    def test_machines_get_the_truth(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "x.jsonl", [{"text": "a", "k": HIDDEN}])
        assert fasttok("count", "x.jsonl", "--by", "k", cwd=tmp_path).rows()[0]["k"] == HIDDEN
        (group,) = fasttok("count", "x.jsonl", "--by", "k", "--json", cwd=tmp_path).json()["groups"]
        assert group["key"] == {"k": HIDDEN}

    def test_json_on_a_terminal_is_the_same_json(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "x.jsonl", [{"text": "a", "k": HIDDEN}])
        shown = on_terminal("count", "x.jsonl", "--by", "k", "--json", "-q", cwd=tmp_path, width=4000).out
        assert json.loads(shown)["groups"][0]["key"] == {"k": HIDDEN}

    def test_messages_of_the_library(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError) as raised:
            library.count_corpus(tmp_path / HIDDEN)
        assert escaped(HIDDEN) in str(raised.value) and HIDDEN not in str(raised.value)


class TestExitCodes:
    @pytest.mark.parametrize(
        "command",
        [
            "count bad.jsonl -o o.tsv 2>&1 | true",
            "count bad.jsonl | head -c 0",
            "count bad.jsonl 2>&1 | head -c 0",
            "count bad.jsonl 2>&- | head -c 0",
            "count bad.jsonl --json --by n | head -c 1",
            "density bad.jsonl | head -c 0",
            "cost bad.jsonl -m gpt-4o | head -c 0",
        ],
    )
    def test_skipped_rows_are_told_though_nobody_reads(self, tmp_path: Path, command: str) -> None:
        rows = [{"text": "x" * 10, "n": i} for i in range(3000 if "--by n" in command else 1)]
        write_jsonl(tmp_path / "bad.jsonl", [*rows, {"text": 1}])
        # The reader is gone before the first byte is there.
        wait = "sleep 0.1; " if "true" in command or "-c 0" in command else ""
        line = f"{{ {wait}{' '.join(FASTTOK)} {command.replace(' |', '; echo $? >code; } |', 1)}"
        subprocess.run(line, shell=True, cwd=tmp_path, env=environment(), capture_output=True, timeout=120)
        assert (tmp_path / "code").read_text().strip() == "3"

    def test_those_who_read_standard_error_are_told_though_nobody_reads_the_data(self, tmp_path: Path) -> None:
        write_jsonl(tmp_path / "bad.jsonl", [{"text": 1}, {"text": "a"}])
        line = f"{{ sleep 0.1; {' '.join(FASTTOK)} count bad.jsonl; }} | true"
        done = subprocess.run(line, shell=True, cwd=tmp_path, env=environment(), capture_output=True, timeout=120)
        assert b"skipped bad.jsonl:1" in done.stderr and b"2 rows seen, 1 counted, 1 skipped" in done.stderr

    def test_an_error_is_an_error_though_nobody_reads(self, tmp_path: Path) -> None:
        line = f"{{ sleep 0.1; {' '.join(FASTTOK)} count nothing 2>&1; echo $? >code; }} | true"
        subprocess.run(line, shell=True, cwd=tmp_path, env=environment(), timeout=120)
        assert (tmp_path / "code").read_text().strip() == "1"


class TestSignals:
    @pytest.mark.parametrize(
        ("number", "code", "told"),
        [
            (signal.SIGINT, 130, "interrupted"),
            (signal.SIGTERM, 143, "terminated"),
            (signal.SIGHUP, 129, "terminated"),
        ],
    )
    def test_the_ledger_stays_as_far_as_it_went(
        self, tmp_path: Path, number: signal.Signals, code: int, told: str
    ) -> None:
        arguments = ["count", "--format", "jsonl", "-", "--ledger", "rows.jsonl", "-o", "o.json"]
        with subprocess.Popen(
            [*FASTTOK, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=environment(),
        ) as process:
            assert process.stdin is not None and process.stderr is not None
            # More than is read at a time, so that some of it was counted while the pipe stays open.
            process.stdin.write(b'{"text": 1}\n' * 200_000)
            process.stdin.flush()
            wait_for(lambda: any(path.stat().st_size for path in tmp_path.glob(".rows.jsonl.*")))
            process.send_signal(number)
            assert process.wait(60) == code
            assert process.stderr.read().decode() == (
                f"fasttok: {told}; the rows skipped until then are in rows.jsonl\n"
            )
        assert sorted(os.listdir(tmp_path)) == ["rows.jsonl"]
        first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
        assert (first["line"], first["reason"]) == (1, "not_a_string")

    def test_what_is_ignored_stays_ignored(self, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_text("words")
        line = f"trap '' TERM HUP; {' '.join(FASTTOK)} count x.txt"
        assert subprocess.run(line, shell=True, cwd=tmp_path, env=environment(), capture_output=True).returncode == 0


def wait_for(happened: object, seconds: float = 60) -> None:
    assert callable(happened)
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class TestFrames:
    def test_a_frame_is_told_what_to_call(self) -> None:
        import pandas as pd
        import polars as pl
        import pyarrow as pa

        texts = {"text": ["a", "b"]}
        for frame in (pd.DataFrame(texts), pl.DataFrame(texts), pa.table(texts), pl.LazyFrame(texts)):
            for call in (library.count_corpus, library.density):
                with pytest.raises(TypeError, match=r'to count texts call Encoding.count_batch\(frame\["text"\]\)'):
                    call(frame)  # type: ignore[operator]
        for series in (pd.Series(texts["text"]), pl.Series(texts["text"]), pa.array(texts["text"])):
            with pytest.raises(TypeError, match=r"to count texts call Encoding.count_batch\(texts\)"):
                library.count_corpus(series)

    def test_texts_are_not_taken_for_paths(self) -> None:
        with pytest.raises(NotFoundError, match=r"to count texts call Encoding.count_batch\(texts\)"):
            library.count_corpus(["a text\nof two lines"])
        with pytest.raises(TypeError, match="paths are strings"):
            library.count_corpus([1, 2])  # type: ignore[list-item]
