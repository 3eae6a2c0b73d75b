"""The command line as people use it day by day: model names, one number, several files, trees, globs, completion."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import environment, on_terminal
from cli_support import fasttok as run

import fasttok
from fasttok.cli.app import COMMANDS
from fasttok.cli.commands.count import _are_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "README.md": "A short text.\n",
        "src/app.py": "print('hello')\n" * 40,
        "src/deep/er/mod.py": "x = 1\n" * 30,
        "src/deep/lib.rs": "fn main() {}\n" * 20,
        "docs/guide.md": "words and words\n" * 10,
        "docs/.hidden.md": "hidden\n",
    }
    for name, text in files.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "tree"


def tokens(encoding: str, *paths: Path) -> int:
    return sum(fasttok.get_encoding(encoding).count(path.read_text()) for path in paths)


class TestModels:
    def test_models_count_as_their_encodings(self, folder: Path) -> None:
        file = folder / "src/app.py"
        done = run("count", file, "-m", "gpt-5.5,openai/gpt-4", "--model", "ft:gpt-4o:my-org::id")
        counted = {row["encoding"]: int(row["tokens"]) for row in done.rows()}
        assert counted == {
            "gpt-5.5": tokens("o200k_base", file),
            "openai/gpt-4": tokens("cl100k_base", file),
            "ft:gpt-4o:my-org::id": tokens("o200k_base", file),
        }

    @pytest.mark.parametrize(
        "model", ["gpt-4o", "gpt-4o-2024-05-13", "o3-mini", "text-embedding-3-small", "gpt-4.1-nano"]
    )
    def test_a_model_where_an_encoding_is_asked_for(self, folder: Path, model: str) -> None:
        file = folder / "README.md"
        expected = fasttok.encoding_for_model(model).count(file.read_text())
        (row,) = run("count", file, "-e", model).rows()
        assert (row["encoding"], int(row["tokens"])) == (model, expected)
        assert fasttok.count_corpus(file, model).totals.tokens == {model: expected}

    def test_models_beside_encodings_in_every_command(self, folder: Path) -> None:
        for command in ("count", "density"):
            done = run(command, folder / "docs", "-e", "gpt2", "-m", "gpt-4", "--json").json()
            labels = [(each["label"], each["name"]) for each in done["manifest"]["encodings"]]
            assert labels == [("gpt2", "r50k_base"), ("gpt-4", "cl100k_base")]
        pair = folder / "pair.tsv"
        pair.write_text("eng\tdeu\n" + "a house\tein Haus\n" * 3)
        done = run("premium", pair, "--pivot", "eng", "-m", "gpt-4o", "--json")
        assert done.code == 0, done.err
        assert [each["label"] for each in done.json()["manifest"]["encodings"]] == ["gpt-4o"]
        done = run("claims", "--text", f"eng={folder / 'docs/guide.md'}", "-m", "gpt-4", "--json")
        assert [each["label"] for each in done.json()["manifest"]["encodings"]] == ["gpt-4"]

    @pytest.mark.parametrize("option", ["-m", "-e", "--model"])
    def test_models_for_a_single_text(self, option: str) -> None:
        text = "one two three four five"
        done = run("truncate", "-n", "2", option, "gpt-4", stdin=text.encode())
        assert (done.code, done.out) == (0, fasttok.get_encoding("cl100k_base").truncate(text, 2).text)

    @pytest.mark.parametrize("option", ["-m", "-e"])
    def test_closed_models_are_refused(self, folder: Path, option: str) -> None:
        for model, api in (("claude-opus-4-7", "count_tokens"), ("gemini-3-pro", "countTokens")):
            done = run("count", folder, option, model)
            assert done.code == 2
            assert "is not public" in done.err and api in done.err
            assert "did you mean" not in done.err and done.out == ""

    def test_unknown_models_and_the_nearest(self, folder: Path) -> None:
        done = run("count", folder, "-m", "gpt5o")
        assert done.code == 2
        assert "not known" in done.err and "did you mean gpt-5" in done.err
        assert "did you mean" not in run("count", folder, "-m", "nothing-like-it").err


class TestTotal:
    def test_what_is_piped_in_is_one_number(self) -> None:
        text = "+ a line of a diff\n" * 3
        for arguments in ((), ("-",)):
            done = run("count", *arguments, "--total", stdin=text.encode())
            expected = fasttok.get_encoding("o200k_base").count(text)
            assert (done.code, done.out, done.err) == (0, f"{expected}\n", "")

    def test_of_files_and_folders(self, folder: Path) -> None:
        files = [folder / "README.md", folder / "src/app.py"]
        assert run("count", *files, "--total").out == f"{tokens('o200k_base', *files)}\n"
        done = run("count", *files, "--total", "-e", "gpt2,gpt-4")
        assert done.out == f"{tokens('gpt2', *files)}\tgpt2\n{tokens('cl100k_base', *files)}\tgpt-4\n"

    def test_what_is_skipped_is_told(self, folder: Path) -> None:
        (folder / "bad.txt").write_bytes(b"\xff\xfe\xff")
        (folder / "bad.jsonl").write_text("{nothing\n")
        done = run("count", folder / "bad.jsonl", "--total")
        assert (done.code, done.out) == (3, "0\n")
        assert "skipped" in done.err

    @pytest.mark.parametrize("other", [["--json"], ["--csv"], ["--by", "file"], ["--plan"], ["--top", "3"]])
    def test_goes_with_no_other_form(self, folder: Path, other: list[str]) -> None:
        done = run("count", folder, "--total", *other)
        assert done.code == 2 and "--total" in done.err


class TestSeveralFiles:
    def test_are_several_rows_with_a_total_in_the_order_given(self, folder: Path) -> None:
        named = ["src/app.py", "README.md", "docs/guide.md"]
        done = run("count", *named, cwd=folder)
        assert [row["file"] for row in done.rows()] == named
        shown = run("count", *named, "--table", cwd=folder).out.splitlines()
        assert [line.split()[0] for line in shown if line.strip()][2:] == [*named, "total"]
        by_size = run("count", *named, "--sort", "tokens", cwd=folder)
        assert [row["file"] for row in by_size.rows()] == ["src/app.py", "docs/guide.md", "README.md"]

    def test_not_where_groups_are_asked_for_or_in_json(self, folder: Path) -> None:
        named = ["README.md", "src/app.py"]
        assert [row["extension"] for row in run("count", *named, "--by", "extension", cwd=folder).rows()] == [
            "py",
            "md",
        ]
        assert run("count", *named, "--json", cwd=folder).json()["manifest"]["by"] == []
        assert "file" not in run("count", "src", "docs", cwd=folder).rows()[0]

    def test_one_that_is_missing_does_not_stop_the_others(self, folder: Path) -> None:
        for command in ("count", "density"):
            done = run(command, "README.md", "gone.md", "src/app.py", cwd=folder)
            assert done.code == 3
            assert "skipped gone.md: there is no such file or folder" in done.err
            assert done.last_line.startswith("3 rows seen, 2 counted, 1 skipped")
        assert run("count", "README.md", "gone.md", "--total", cwd=folder).code == 3

    def test_none_at_all_is_an_error(self, folder: Path) -> None:
        for named in (["REDME.md"], ["REDME.md", "gone.md"]):
            done = run("count", *named, cwd=folder)
            assert done.code == 1
            assert "no such file or folder: REDME.md; did you mean README.md?" in done.err
        with pytest.raises(fasttok.NotFoundError):
            fasttok.count_corpus([folder / "README.md", folder / "gone.md"])

    def test_folders_of_a_store_are_no_files(self) -> None:
        nothing = dict.fromkeys(("language_field", "language_from_path", "detect_language"))
        assert _are_files(["s3://bucket/a.txt", "s3://bucket/b.txt"], [], nothing)
        assert not _are_files(["s3://bucket/a.txt", "s3://bucket/folder/"], [], nothing)


class TestGroups:
    def test_top(self, folder: Path) -> None:
        done = run("count", folder, "--by", "file", "--top", "2", "--json")
        report = done.json()
        assert [Path(group["key"]["file"]).name for group in report["groups"]] == ["app.py", "mod.py"]
        assert report["manifest"]["top"] == {"groups": 2, "of": 5}
        assert report["totals"]["documents"] == 5
        assert "the first 2 of 5 groups" in done.last_line
        assert len(run("density", folder, "--by", "file", "--top", "2").rows()) == 2

    def test_a_part_of_the_groups_is_not_merged(self, folder: Path) -> None:
        for name in "ab":
            run("count", folder / "src", "--by", "file", "--top", "1", "-o", folder / f"{name}.json")
        done = run("merge", folder / "a.json", folder / "b.json")
        assert done.code == 1 and "--top" in done.err

    def test_all_groups_are_no_part_of_them(self, folder: Path) -> None:
        report = fasttok.count_corpus(folder, by="file").sorted_by("tokens")
        assert report.top(5).manifest == report.manifest and "top" not in report.manifest
        assert report.top(4).top(2).manifest["top"] == {"groups": 2, "of": 5}

    @pytest.mark.parametrize(
        ("command", "header", "column"),
        [
            ("count", "docs", "documents"),
            ("count", "B/tok", "bytes_per_token"),
            ("count", "tok/char", "tokens_per_char"),
            ("count", "extension", "key"),
            ("density", "chars/tok", "chars_per_token"),
            ("density", "extension", "key"),
        ],
    )
    def test_sort_takes_headers_of_the_table(self, folder: Path, command: str, header: str, column: str) -> None:
        asked = (command, folder, "--by", "extension")
        assert header in run(*asked, "--table", "-o", folder / "t.txt").out + (folder / "t.txt").read_text()
        assert run(*asked, "--sort", header).out == run(*asked, "--sort", column).out

    def test_sort_takes_the_headers_of_files_and_quantiles(self, folder: Path) -> None:
        named = ["src/app.py", "README.md", "docs/guide.md"]
        rows = run("count", "--sort", "file", *named, cwd=folder).rows()
        assert [row["file"] for row in rows] == sorted(named)
        assert run("count", *named, "--by", "extension", "--sort", "file", cwd=folder).code == 2
        for header in ("p50", "max"):
            rows = run("count", folder, "--by", "file", "--quantiles", "--sort", header).rows()
            lengths = [int(row[f"tokens_{header}"]) for row in rows]
            assert len(lengths) == 5 and lengths == sorted(lengths, reverse=True)
            refused = run("count", folder, "--by", "file", "--sort", header)
            assert refused.code == 2 and f"--sort {header} needs --quantiles" in refused.err
        with pytest.raises(ValueError, match="no quantiles"):
            fasttok.count_corpus(folder, by="file").sorted_by("p99")

    @pytest.mark.parametrize("width", [60, 80, 120])
    def test_a_tree_of_folders(self, folder: Path, width: int) -> None:
        shown = on_terminal("count", ".", "--by", "folder", "--depth", "2", width=width, cwd=folder)
        lines = shown.out.splitlines()
        assert all(len(line) <= width for line in lines)
        rows = [line for line in lines if "%" in line]
        assert [re.split(r"\s\s+\d", row)[0].strip("│├└─ ") for row in rows] == [".", "src", "deep", "docs"]
        numbers = [int(row.split("%")[0].split()[-2].replace(",", "")) for row in rows]
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".hidden.md"]
        below = [
            files,
            *([path for path in files if str(folder / each) in str(path)] for each in ("src", "src/deep", "docs")),
        ]
        assert numbers == [tokens("o200k_base", *paths) for paths in below]
        assert rows[0].rstrip().endswith("█" * 18)

    def test_depth_in_data_and_without_folders(self, folder: Path) -> None:
        done = run("count", ".", "--by", "folder", "--depth", "1", cwd=folder)
        assert {row["folder:1"] for row in done.rows()} == {".", "src", "docs"}
        assert "--by folder" in run("count", ".", "--depth", "1", cwd=folder).err


class TestGlobsAndTypes:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (["-g", "*.py"], {"app.py", "mod.py"}),
            (["-g", "*.{py,rs}", "-g", "!mod.*"], {"app.py", "lib.rs"}),
            (["-g", "!*.py"], {"README.md", "lib.rs", "guide.md"}),
            (["-t", "py,rust"], {"app.py", "mod.py", "lib.rs"}),
            (["-T", "py"], {"README.md", "lib.rs", "guide.md"}),
            (["-t", "py", "--exclude", "deep"], {"app.py"}),
            (["--exclude", "src", "--exclude", "*.rs"], {"README.md", "guide.md"}),
        ],
    )
    def test_leave_files_out(self, folder: Path, options: list[str], expected: set[str]) -> None:
        rows = run("count", ".", "--by", "file", *options, cwd=folder).rows()
        assert {Path(row["file"]).name for row in rows} == expected

    def test_as_ripgrep_has_them(self, folder: Path) -> None:
        if shutil.which("rg") is None:
            pytest.skip("needs ripgrep")
        (folder / ".ignore").write_text("*.log\n")
        (folder / "src/x.log").write_text("log")
        for options in (["-g", "*.md"], ["-g", "src/**"], ["-g", "*.log"], ["-t", "md"], ["-T", "py", "-g", "!docs"]):
            found = subprocess.run(["rg", "--files", *options], cwd=folder, capture_output=True, text=True).stdout
            rows = run("count", ".", "--by", "file", *options, cwd=folder).rows()
            assert {row["file"] for row in rows} == set(found.splitlines()), options

    def test_in_python_and_in_the_manifest(self, folder: Path) -> None:
        report = fasttok.count_corpus(folder, by="file", types="py", exclude=["mod.py", "*.md"])
        assert [Path(group.key["file"] or "").name for group in report.groups] == ["app.py"]
        asked = {name: report.manifest[name] for name in ("globs", "types", "not_types", "exclude")}
        assert asked == {"globs": [], "types": ["py"], "not_types": [], "exclude": ["mod.py", "*.md"]}
        with fasttok.documents(folder, types=["rust"]) as documents:
            assert [Path(document.file).name for document in documents] == ["lib.rs"]

    def test_named_files_are_read_whatever_they_are(self, folder: Path) -> None:
        assert run("count", folder / "README.md", "-t", "py").rows()[0]["documents"] == "1"

    def test_what_is_none(self, folder: Path) -> None:
        for call, said in (
            ({"types": "pyton"}, "no type of files 'pyton'; did you mean python"),
            ({"globs": "["}, "globs|unclosed|error parsing glob"),
            ({"exclude": "!a"}, "begins with !"),
        ):
            with pytest.raises(fasttok.FasttokError, match=said):
                fasttok.count_corpus(folder, **call)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="globs holds strings, not int"):
            fasttok.count_corpus(folder, globs=[1])  # type: ignore[list-item]
        done = run("count", folder, "-t", "zig")
        assert done.code == 1 and "names and types that are asked for" in done.err

    def test_a_checkpoint_is_of_one_choice(self, folder: Path) -> None:
        state = folder.parent / "state"
        assert run("count", folder, "-t", "py", "--checkpoint", state).code == 0
        done = run("count", folder, "-t", "rust", "--checkpoint", state)
        assert done.code == 1 and "types" in done.err

    def test_the_list_of_types(self) -> None:
        done = run("count", "--type-list")
        assert done.code == 0
        assert "rust: *.rs" in done.out.splitlines()


class TestLastLine:
    def test_says_what_the_bar_says(self, folder: Path) -> None:
        path = folder / "records.jsonl"
        path.write_text("".join(json.dumps({"text": "word " * 10, "other": "x" * 40}) + "\n" for _ in range(100)))
        done = run("count", path)
        size = path.stat().st_size
        assert f"; {size / 1000:.1f} kB read, 5.00 kB of text in " in done.last_line
        assert "MB/s" not in done.last_line
        plain = run("count", folder / "README.md")
        assert "; 14 bytes in " in plain.last_line


class TestBeginning:
    def test_the_name_alone_prints_two_examples(self) -> None:
        done = run()
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        assert len(lines) < 10 and all(len(line) <= 80 for line in lines)
        assert sum("fasttok count" in line and line.startswith("    ") for line in lines) == 2

    def test_both_names_of_the_command(self) -> None:
        from importlib.metadata import distribution

        scripts = {each.name: each.value for each in distribution("fasttok-engine").entry_points}
        assert scripts["fasttok"] == scripts["fasttok-engine"] == "fasttok.cli:main"


class TestHelp:
    @pytest.mark.parametrize("command", ["", *COMMANDS])
    def test_fits_80_columns(self, command: str) -> None:
        lines = run(*command.split(), "--help", COLUMNS="80").out.splitlines()
        assert [line for line in lines if len(line) > 80] == []


class TestCompletion:
    @pytest.fixture
    def command(self, tmp_path: Path) -> Path:
        path = tmp_path / "fasttok"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fasttok "$@"\n')
        path.chmod(0o755)
        return path

    def completed(self, command: Path, *words: str) -> list[str]:
        """What bash is told for these words, of which the last is being typed."""
        told = subprocess.run(
            [command],
            env=environment(
                COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1), _FASTTOK_COMPLETE="bash_complete"
            ),
            capture_output=True,
            text=True,
        )
        return told.stdout.splitlines()

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_scripts(self, shell: str) -> None:
        done = run("completions", shell)
        assert done.code == 0 and "_FASTTOK_COMPLETE" in done.out
        assert re.search(
            r"_completion fasttok fasttok-engine$|-command fasttok --command fasttok-engine ", done.out, re.M
        )
        if shutil.which(shell) is None:
            pytest.skip(f"needs {shell}")
        checked = subprocess.run([shell, "-n"], input=done.out, text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")

    def test_unknown_shell(self) -> None:
        assert run("completions", "tcsh").code == 2
        assert "Choose from: bash, zsh, fish\n" in run("completions").err

    def test_what_is_offered(self, command: Path) -> None:
        assert "plain,count" in self.completed(command, "fasttok", "co")
        assert self.completed(command, "fasttok", "count", "READ") == ["file,READ"]
        assert self.completed(command, "fasttok", "count", "-o", "x") == ["file,x"]
        assert "plain,o200k_base" in self.completed(command, "fasttok", "count", "-e", "o2")
        assert self.completed(command, "fasttok", "count", "-e", "gpt2,cl1") == ["plain,gpt2,cl100k_base"]
        assert self.completed(command, "fasttok", "count", "-e", "./tok") == ["file,./tok"]
        assert "plain,gpt-5.5" in self.completed(command, "fasttok", "count", "-m", "gpt-5")
        assert "plain,claude-opus-4-7" in self.completed(command, "fasttok", "cost", "-m", "claude-opus-4-7")
        assert "plain,--total" in self.completed(command, "fasttok", "count", "--to")

    def test_bash_completes(self, command: Path) -> None:
        if shutil.which("bash") is None:
            pytest.skip("needs bash")
        script = run("completions", "bash").out + (
            f"\nCOMP_WORDS=(fasttok count -m gpt-5.)\nCOMP_CWORD=3\n_fasttok_completion {command}\n"
            'printf "%s\\n" "${COMPREPLY[@]}"\ncomplete -p fasttok fasttok-engine\n'
        )
        done = subprocess.run(["bash", "--norc", "-c", script], env=environment(), capture_output=True, text=True)
        *offered, registered, other = done.stdout.splitlines()
        assert other.endswith(" fasttok-engine")
        assert "gpt-5.5" in offered and all(name.startswith("gpt-5.") for name in offered)
        assert "_fasttok_completion" in registered
