"""The command as a user sees it: output by destination, options, exit codes, interruptions."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from cli_support import FASTTOK, environment, fasttok, on_terminal, without_manifest, write_jsonl
from rich.cells import cell_len

import fasttok as library

HEADER = ["encoding", "documents", "bytes", "chars", "tokens", "tokens_per_char", "chars_per_token", "bytes_per_token"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_jsonl(
        folder / "a.jsonl",
        [
            {"text": "The quick brown fox jumps over the lazy dog. " * 40, "language": "eng_Latn"},
            {"text": "敏捷的棕色狐狸跳过懒狗。" * 40, "language": "zho_Hans"},
        ],
    )
    (folder / "b.md").write_text("# Title\n\nSome words.\n")
    return folder


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.jsonl"
    path.write_text('{"text": "good"}\n' + "".join('{"text": "' + "a" * i + "\n" for i in range(25)))
    return path


def count(text: str, encoding: str = "o200k_base") -> int:
    return library.get_encoding(encoding).count(text)


class TestDestinations:
    def test_a_pipe_gets_tab_separated_data_and_nothing_else(self, corpus: Path) -> None:
        result = fasttok("count", corpus, "--by", "extension")
        assert result.code == 0
        rows = result.rows()
        assert list(rows[0]) == ["extension", *HEADER]
        by_extension = {row["extension"].lstrip("."): row for row in rows}
        assert by_extension.keys() == {"jsonl", "md"}
        assert int(by_extension["md"]["tokens"]) == count("# Title\n\nSome words.\n")
        assert "\x1b" not in result.out + result.err

    def test_the_last_line_of_standard_error_tells(self, corpus: Path) -> None:
        assert fasttok("count", corpus).last_line.startswith(
            "3 rows seen, 3 counted, 0 skipped; 3.33 kB read, 3.26 kB of text in "
        )

    def test_quiet(self, corpus: Path) -> None:
        assert fasttok("count", corpus, "-q").err == ""

    def test_json(self, corpus: Path) -> None:
        result = fasttok("count", corpus, "--json", "--by", "language", "-e", "o200k_base,cl100k_base")
        report = result.json()
        jsonschema.Draft202012Validator(library.schema()).validate(report)
        assert report["schema"] == "fasttok.report/1"
        assert {group["key"]["language"] for group in report["groups"]} == {"eng_Latn", "zho_Hans", None}
        assert list(report["totals"]["encodings"]) == ["o200k_base", "cl100k_base"]

    def test_csv(self, corpus: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(fasttok("count", corpus, "--csv", "--by", "language").out)))
        assert [row["language"] for row in rows] == ["zho_Hans", "eng_Latn", ""]

    def test_table_on_a_pipe(self, corpus: Path) -> None:
        result = fasttok("count", corpus, "--table")
        assert "tok/char" in result.out and "\x1b" not in result.out

    def test_only_one_format(self, corpus: Path) -> None:
        result = fasttok("count", corpus, "--json", "--csv")
        assert (result.code, result.out) == (2, "")
        assert "exclude each other" in result.err

    @pytest.mark.parametrize("name", ["out.json", "out.csv", "out.tsv", "out"])
    def test_the_name_of_the_output_file_says_its_format(self, corpus: Path, tmp_path: Path, name: str) -> None:
        result = fasttok("count", corpus, "-o", tmp_path / name)
        assert (result.code, result.out) == (0, "")
        text = (tmp_path / name).read_text()
        if name.endswith("json"):
            assert json.loads(text)["totals"]["documents"] == 3
        else:
            assert text.splitlines()[0].split("," if name.endswith("csv") else "\t") == HEADER

    def test_the_output_file_replaces_the_old_one_and_keeps_its_mode(self, corpus: Path, tmp_path: Path) -> None:
        real, link = tmp_path / "real.json", tmp_path / "link.json"
        assert fasttok("count", corpus / "b.md", "-o", real).code == 0
        real.chmod(0o640)
        link.symlink_to(real)
        assert fasttok("count", corpus, "-o", link).code == 0
        assert json.loads(real.read_text())["totals"]["documents"] == 3
        assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640

    def test_special_files_are_written_to(self, corpus: Path) -> None:
        assert fasttok("count", corpus, "-o", "/dev/null").code == 0
        assert fasttok("count", corpus, "-o", "/dev/stdout").out.startswith("encoding\t")


class TestTerminal:
    def assert_fits(self, shown: str, width: int = 80) -> None:
        assert max(map(cell_len, shown.splitlines())) <= width, shown

    def test_table(self, corpus: Path) -> None:
        result = on_terminal("count", corpus, "--by", "language")
        self.assert_fits(result.out)
        lines = result.out.splitlines()
        assert lines[0].split() == ["language", "docs", "bytes", "chars", "tokens", "tok/char", "B/tok"]
        assert lines[2].split()[:3] == ["zho_Hans", "1", "1,440"]
        assert [line.split()[0] for line in lines[3:-1] if line.strip()] == ["eng_Latn", "(none)", "total"]
        assert lines[-1].startswith("3 rows seen")

    def test_numbers_stand_right(self, corpus: Path) -> None:
        lines = on_terminal("count", corpus, "--by", "language").out.splitlines()
        assert len({len(line.rstrip()) for line in lines[:5]}) == 1

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_long_names_many_encodings_and_wide_characters(self, tmp_path: Path, width: int) -> None:
        long = tmp_path / ("long_" * 30 + "end.jsonl")
        write_jsonl(
            long,
            [
                {"text": "x " * 500_000, "来源": "中文维基百科的一个非常长的来源名称，长到放不下", "kind": "a"},
                {"text": "y", "来源": "短", "kind": "emoji 👩‍👩‍👧 kind " * 5},
                {"text": "z", "来源": "control\x1b[31m\n\u202e", "kind": None},
            ],
        )
        result = on_terminal(
            "count", tmp_path, "--by", "file,来源,kind", "-e", "o200k_base,cl100k_base,r50k_base", width=width
        )
        self.assert_fits(result.out, width)
        assert ".jsonl" in result.out
        assert "短" in result.out
        assert "…" in result.out
        assert "500,00" in result.out
        assert "o200k_base" in result.out
        assert "\x1b" not in result.out and "\u202e" not in result.out

    def test_columns_that_do_not_fit_are_named(self, corpus: Path) -> None:
        wide = on_terminal("count", corpus, "--by", "file,language,extension", "-e", "o200k_base,r50k_base", width=60)
        self.assert_fits(wide.out, 60)
        assert "not shown for lack of width" in wide.out

    @pytest.mark.parametrize("width", [40, 60, 80])
    def test_what_is_told_below_breaks_between_words(self, corpus: Path, width: int) -> None:
        (corpus / "给人看的很长的文件名.jsonl").write_text("{broken\n")
        asked = ("count", "*", "gone.md", "--by", "extension", "--top", "1")
        shown = on_terminal(*asked, width=width, cwd=corpus).out
        self.assert_fits(shown, width)
        words = shown.split()
        for line in fasttok(*asked, cwd=corpus).err.splitlines():
            said = re.sub(r" in [\d.]+ s;.*", "", line).split()
            assert any(words[i : i + len(said)] == said for i in range(len(words))), line
        self.assert_fits(on_terminal("count", "-m", "claude-opus-4-7", width=width).out, width)

    @pytest.mark.parametrize("command", ["encodings", "models gpt-4", "demo", "count . --quantiles", "density ."])
    def test_no_table_is_cut_in_silence(self, corpus: Path, command: str) -> None:
        wide = on_terminal(*command.split(), width=200, cwd=corpus).out.splitlines()
        rule = next(i for i, line in enumerate(wide) if line.startswith("──"))
        names = [name.strip() for name in wide[rule - 1].split("  ") if name.strip()]
        for width in (24, 60):
            shown = on_terminal(*command.split(), width=width, cwd=corpus).out
            self.assert_fits(shown, width)
            found = " ".join(shown.split())
            # Keys may be shortened, headers and all.
            short = [word[:-1] for word in found.split() if word.endswith("…")]
            assert all(name in found or any(map(name.startswith, short)) for name in names), shown

    def test_without_a_path_the_current_folder_is_counted(self, corpus: Path) -> None:
        result = on_terminal("count", cwd=corpus)
        assert result.code == 0
        assert "3 rows seen" in result.out

    def test_no_bar_for_short_work(self, corpus: Path) -> None:
        assert "/s" not in on_terminal("count", corpus).out.replace("MB/s)", "")


class TestInputs:
    def test_stdin(self) -> None:
        for arguments in (["count"], ["count", "-"]):
            result = fasttok(*arguments, stdin="Grüße aus Köln".encode())
            assert int(result.rows()[0]["tokens"]) == count("Grüße aus Köln")

    def test_stdin_jsonl(self) -> None:
        result = fasttok(
            "count", "--format", "jsonl", "--text-field", "body", stdin=b'{"body": "one"}\n{"body": "two"}\n'
        )
        assert result.rows()[0]["documents"] == "2"

    def test_without_a_path_and_without_stdin_the_current_folder_is_counted(self, corpus: Path) -> None:
        assert fasttok("count", cwd=corpus).rows()[0]["documents"] == "3"

    def test_lines(self, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_text("one\ntwo\nthree\n")
        assert fasttok("count", tmp_path / "x.txt").rows()[0]["documents"] == "1"
        assert fasttok("count", tmp_path / "x.txt", "--lines").rows()[0]["documents"] == "3"

    def test_glob(self, corpus: Path) -> None:
        result = fasttok("count", corpus / "*.md")
        assert int(result.rows()[0]["tokens"]) == count("# Title\n\nSome words.\n")

    def test_folders_are_walked_as_ripgrep_walks_them(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".gitignore").write_text("ignored/\n*.log\n")
        (tmp_path / "ignored").mkdir()
        for name in ("seen.txt", "ignored/x.txt", "y.log", ".hidden.txt"):
            (tmp_path / name).write_text("word\n")
        (tmp_path / "binary.bin").write_bytes(b"\x00\x01\x02" * 100)

        def counted(*options: str) -> set[str]:
            rows = fasttok("count", tmp_path, "--by", "file", "-q", *options).rows()
            return {Path(row["file"]).name for row in rows}

        assert counted() == {"seen.txt"}
        assert {"seen.txt", "x.txt", "y.log"} <= counted("--no-ignore")
        assert ".hidden.txt" not in counted("--no-ignore")
        assert {"seen.txt", ".hidden.txt"} <= counted("--hidden")

    def test_a_file_that_is_named_is_counted_even_if_ignored(self, tmp_path: Path) -> None:
        (tmp_path / ".gitignore").write_text("*.txt\n")
        (tmp_path / "x.txt").write_text("word")
        assert fasttok("count", tmp_path / "x.txt").rows()[0]["documents"] == "1"

    def test_sort(self, corpus: Path) -> None:
        def languages(*options: str) -> list[str]:
            return [row["language"] for row in fasttok("count", corpus, "--by", "language", *options).rows()]

        assert languages() == ["zho_Hans", "eng_Latn", ""]
        assert languages("--reverse") == ["", "eng_Latn", "zho_Hans"]
        assert languages("--sort", "key") == ["eng_Latn", "zho_Hans", ""]
        assert languages("--sort", "bytes") == ["eng_Latn", "zho_Hans", ""]
        assert languages("--sort", "tokens_per_char")[0] == "zho_Hans"

    def test_options_repeat_and_take_lists(self, corpus: Path) -> None:
        one = fasttok("count", corpus, "-e", "o200k_base,cl100k_base", "--by", "file,language")
        two = fasttok("count", corpus, "-e", "o200k_base", "-e", "cl100k_base", "--by", "file", "--by", "language")
        assert one.out == two.out

    def test_output_does_not_depend_on_threads(self, corpus: Path) -> None:
        for i in range(200):
            write_jsonl(corpus / f"{i:03}.jsonl", [{"text": f"Document {i} 文档 {i}", "language": f"l{i % 7}"}, {}])
        one, two = (
            fasttok("count", corpus, "--json", "--by", "language,file", "--threads", threads, cwd=corpus)
            for threads in ("1", "2")
        )
        assert one.code == two.code == 3
        assert without_manifest(one.json()) == without_manifest(two.json())
        assert one.json()["ledger"]["skipped"] == 200

    def test_special_tokens_in_the_text(self, tmp_path: Path) -> None:
        path = tmp_path / "x.txt"
        path.write_text("a<|endoftext|>b")

        def total(*options: str) -> int:
            return int(fasttok("count", path, *options).rows()[0]["tokens"])

        assert total() == total("--special", "text") == count("a<|endoftext|>b") > 3
        assert total("--special", "token") == 3
        refused = fasttok("count", path, "--special", "error")
        assert refused.code == 3
        assert "<|endoftext|>" in refused.err


class TestSkipped:
    def test_the_first_ten_are_listed(self, broken: Path) -> None:
        result = fasttok("count", broken)
        assert result.code == 3
        lines = result.err.splitlines()
        assert [line.split(": ")[0] for line in lines[:10]] == [f"skipped {broken}:{i}" for i in range(2, 12)]
        assert lines[10].startswith("skipped 15 more: ")
        assert lines[11].startswith("26 rows seen, 1 counted, 25 skipped")

    def test_json_has_all(self, broken: Path) -> None:
        ledger = fasttok("count", broken, "--json").json()["ledger"]
        assert (ledger["seen"], ledger["counted"], ledger["skipped"]) == (26, 1, 25)
        assert len(ledger["entries"]) == 25 and ledger["entries_complete"]
        assert sum(ledger["by_reason"].values()) == 25
        assert {entry["file"] for entry in ledger["entries"]} == {str(broken)}

    def test_ledger_file(self, broken: Path, tmp_path: Path) -> None:
        ledger = tmp_path / "skipped.jsonl"
        result = fasttok("count", broken, "--ledger", ledger)
        assert len(ledger.read_text().splitlines()) == 25
        assert str(ledger) in result.err

    def test_a_ledger_in_the_folder_that_is_counted_is_not_counted(self, broken: Path) -> None:
        result = fasttok("count", broken.parent, "--ledger", broken.parent / "ledger.jsonl")
        assert result.last_line.startswith("26 rows seen")

    def test_fail(self, broken: Path) -> None:
        result = fasttok("count", broken, "--on-error", "fail")
        assert (result.code, result.out) == (1, "")
        assert f"{broken}:2" in result.err
        assert len(result.err.splitlines()) == 1

    def test_failing_leaves_no_file(self, broken: Path, tmp_path: Path) -> None:
        before = set(os.listdir(tmp_path))
        arguments = ["--on-error", "fail", "-o", tmp_path / "o.json", "--ledger", tmp_path / "l.jsonl"]
        assert fasttok("count", broken, *arguments).code == 1
        assert set(os.listdir(tmp_path)) == before


class TestMistakes:
    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (["cuont", "x"], 2, "did you mean 'fasttok count'?"),
            (["."], 2, "fasttok count ."),
            (["zzz"], 2, "no such command: zzz; there are count"),
            (["count", "--encodng", "x", "."], 2, "--encoding"),
            (["count", "--threads", "0", "."], 2, "0 is not in the range x>=1"),
            (["count", "--special", "no", "."], 2, "'text', 'token', 'error'"),
            (["count", "-e", "", "."], 2, "an empty name"),
            (["count", "--by", "a,,b", "."], 2, "an empty name"),
            (["count", "-e", "o200k_bas", "."], 2, "o200k_base"),
            (["count", "/nowhere/at/all"], 1, "no such file or folder: /nowhere/at/all (/nowhere does not exist)"),
            (["count", ""], 1, "an empty path"),
            (["count", ".", "-o", "/nowhere/x.json"], 1, "there is no folder /nowhere"),
            (["count", ".", "-o", "/"], 1, "it is a folder"),
            (["count", ".", "--ledger", "/nowhere/x.json"], 1, "there is no folder /nowhere"),
        ],
    )
    def test_are_explained(self, corpus: Path, arguments: list[str], code: int, message: str) -> None:
        result = fasttok(*arguments, cwd=corpus)
        assert (result.code, result.out) == (code, "")
        assert message in result.err
        assert result.err.startswith("fasttok: ")
        assert len(result.err.splitlines()) <= 2

    def test_a_missing_path_names_its_neighbours(self, corpus: Path) -> None:
        assert "did you mean a.jsonl?" in fasttok("count", "A.JSON", cwd=corpus).err
        assert "did you mean ./corpus?" in fasttok("count", "./corpsu/a.jsonl", cwd=corpus.parent).err

    def test_one_path_that_is_missing_is_a_skipped_row(self, corpus: Path) -> None:
        result = fasttok("count", corpus, corpus / "nothing")
        assert (result.code, result.rows()[0]["documents"]) == (3, "3")
        assert "nothing: there is no such file or folder" in result.err

    def test_a_folder_without_files(self, tmp_path: Path) -> None:
        result = fasttok("count", tmp_path)
        assert (result.code, result.out) == (1, "")
        assert str(tmp_path) in result.err


class TestEnds:
    def test_closed_pipe(self, corpus: Path) -> None:
        for i in range(3000):
            (corpus / f"{i}.txt").write_text("x")
        process = subprocess.Popen(
            [*FASTTOK, "count", corpus, "--by", "file"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(60) == 0
        assert "Error" not in err and "rror:" not in err and "Broken" not in err

    def test_closed_standard_error(self, corpus: Path) -> None:
        command = " ".join([*FASTTOK, "count", str(corpus), "2>&-"])
        done = subprocess.run(command, shell=True, capture_output=True, env=environment())
        assert done.stdout.startswith(b"encoding\t")

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
    def test_full_disk(self, corpus: Path) -> None:
        result = fasttok("count", corpus, "-o", "/dev/full")
        assert result.code == 1
        assert "/dev/full: No space left on device" in result.err
        with open("/dev/full", "w") as full:
            done = subprocess.run([*FASTTOK, "count", corpus], stdout=full, stderr=subprocess.PIPE, env=environment())
        assert done.returncode == 1
        assert b"No space left on device" in done.stderr
        assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr

    def test_a_disk_that_fills_leaves_the_old_file(self, corpus: Path, tmp_path: Path) -> None:
        output = tmp_path / "out.json"
        assert fasttok("count", corpus / "b.md", "-o", output).code == 0
        old = output.read_text()
        before = set(os.listdir(tmp_path))
        code = (
            "import resource, signal, sys; from fasttok.cli import main;"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100));"
            f"sys.exit(main(['count', {str(corpus)!r}, '-o', {str(output)!r}]))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
        assert done.returncode == 1
        assert f"cannot write {output}: File too large" in done.stderr
        assert output.read_text() == old
        assert set(os.listdir(tmp_path)) == before

    def test_interrupt(self, tmp_path: Path) -> None:
        # Reading a pipe that never ends, so that the run lasts until it is interrupted.
        fifo = tmp_path / "endless"
        os.mkfifo(fifo)
        process = subprocess.Popen(
            [*FASTTOK, "count", "--lines", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdin is not None
        process.stdin.write(b"Some words on a line.\n" * 10_000)
        # It is more than a pipe holds: when all of it is written, some was read, and the run is under way.
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
        out, err = process.stdout.read(), process.stderr.read()  # type: ignore[union-attr]
        process.stdin.close()
        assert (code, out) == (130, b"")
        assert err.decode().strip() == "fasttok: interrupted"


class TestOtherCommands:
    def test_version(self) -> None:
        assert fasttok("--version").out == f"fasttok {library.__version__}\n"

    def test_the_help_has_examples(self) -> None:
        assert "git diff | fasttok count" in fasttok("--help").out

    def test_no_word_of_the_list_of_commands_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        lines = fasttok("--help").out.partition("Commands:")[2].splitlines()
        assert len(lines) > 8
        assert [line for line in lines if line.endswith("...")] == []

    def test_help(self) -> None:
        result = fasttok("--help")
        assert result.code == 0
        assert [line.split()[0] for line in result.out.split("Commands:\n")[1].splitlines()] == [
            "count",
            "merge",
            "density",
            "premium",
            "cost",
            "prompts",
            "usage",
            "claims",
            "truncate",
            "split",
            "show",
            "encodings",
            "models",
            "verify",
            "demo",
            "completions",
        ]
        text = fasttok("count", "--help").out
        assert "Exit codes: 0 all rows counted" in text
        assert max(map(len, text.splitlines())) <= 80

    def test_encodings(self) -> None:
        rows = {row["name"]: row for row in fasttok("encodings").rows()}
        assert {"o200k_base", "cl100k_base", "p50k_base", "r50k_base"} <= rows.keys()
        assert rows["o200k_base"]["hash"] == library.get_encoding("o200k_base").hash
        listed = json.loads(fasttok("encodings", "--json").out)
        assert [row["name"] for row in listed["encodings"]] == list(rows)
        assert listed["manifest"]["fasttok"] == library.__version__
        shown = on_terminal("encodings").out
        assert max(map(len, shown.splitlines())) <= 80
        assert "o200k_base" in shown

    def test_the_command_is_installed(self) -> None:
        from importlib.metadata import entry_points

        (entry,) = entry_points(group="console_scripts", name="fasttok")
        assert entry.value == "fasttok.cli:main"
