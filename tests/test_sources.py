"""Where the files of a run come from: lists of paths, and one file that is reached in several ways."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from cli_support import FASTTOK, environment, fasttok
from test_accounts import PRICES
from test_options import byte_ranks

import fasttok as library
from fasttok.verify.compare import verify_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "sub" / "b.txt").write_text("two words")
    (folder / "with space\nand line.txt").write_text("three more words")
    return folder


def test_a_list_gives_what_the_paths_in_it_give(folder: Path) -> None:
    names = ["a.txt", "sub", "with space\nand line.txt"]
    expected = library.count_corpus([folder / name for name in names], "r50k_base", by="file")
    terminated = folder.parent / "terminated"
    terminated.write_bytes(b"".join(os.fsencode(folder / name) + b"\0" for name in names))
    found = library.count_corpus([], "r50k_base", by="file", files_from=terminated)
    assert (found.totals, found.groups, found.ledger) == (expected.totals, expected.groups, expected.ledger)
    assert found.totals.documents == 3
    assert (found.manifest["inputs"], found.manifest["files_from"]) == ([], str(terminated))
    assert expected.manifest["files_from"] is None

    lines = folder.parent / "lines"
    lines.write_bytes(f"\n{folder / 'a.txt'}\r\n{folder / 'sub'}".encode())
    # Beside paths that are given, after them.
    found = library.count_corpus(folder / names[2], "r50k_base", by="file", files_from=str(lines))
    assert found.totals == expected.totals


def test_a_list_on_standard_input(folder: Path) -> None:
    for names in (b"a.txt\nsub\n", b"a.txt\0sub\0"):
        result = fasttok("count", "-e", "r50k_base", "--files-from", "-", "--json", stdin=names, cwd=folder)
        assert result.code == 0, result.err
        assert result.json()["totals"]["documents"] == 2
        assert result.json()["manifest"]["files_from"] == "-"
    result = fasttok("count", "--files-from", "-", "-", stdin=b"a.txt\n", cwd=folder)
    assert result.code == 1 and "both a list of paths and a document" in result.err


def test_what_a_list_names_and_is_not_there_is_a_skipped_row(folder: Path) -> None:
    (folder / "list").write_text("a.txt\ngone.txt\n*.txt\n")
    result = fasttok("count", "-e", "r50k_base", "--files-from", "list", "--json", cwd=folder)
    ledger = result.json()["ledger"]
    assert (result.code, ledger["seen"], ledger["counted"], ledger["by_reason"]) == (3, 3, 1, {"not_found": 2})
    assert [entry["file"] for entry in ledger["entries"]] == ["*.txt", "gone.txt"]
    assert "1 counted, 2 skipped" in result.last_line
    # What is named beside it is a typing mistake, and so is the list itself.
    for arguments in (["gone.txt", "--files-from", "list"], ["--files-from", "lists"]):
        result = fasttok("count", *arguments, cwd=folder)
        assert result.code == 1 and "no such file or folder" in result.err
    result = fasttok("count", "--files-from", "list", "--on-error", "fail", cwd=folder)
    assert result.code == 1 and "gone.txt" in result.err


def test_an_empty_list_is_an_error_and_so_is_utf_16(folder: Path) -> None:
    (folder / "list").write_text("\n\n")
    with pytest.raises(library.FileError, match="no paths in this list"):
        library.count_corpus([], "r50k_base", files_from=folder / "list")
    (folder / "list").write_text("a.txt\n", encoding="utf-16")
    with pytest.raises(library.InputError, match="UTF-16"):
        library.count_corpus([], "r50k_base", files_from=folder / "list")
    with pytest.raises(ValueError, match="no paths"):
        library.count_corpus([], "r50k_base")


def test_every_command_that_takes_paths_takes_a_list(folder: Path) -> None:
    listed = folder.parent / "list"
    listed.write_text(f"{folder / 'a.txt'}\n{folder / 'sub'}\n")
    prices = folder.parent / "prices.json"
    prices.write_text(json.dumps(PRICES))
    for arguments in (
        ["count", "-e", "r50k_base"],
        ["density", "-e", "r50k_base", "--by", "file"],
        ["cost", "-m", "m", "--prices", prices],
    ):
        result = fasttok(*arguments, "--files-from", listed, "--json")
        assert result.code == 0, result.err
        assert (result.json()["ledger"]["counted"], result.json()["manifest"]["inputs"]) == (2, [])
        assert result.json()["manifest"]["files_from"] == str(listed)
    pytest.importorskip("tiktoken", reason="verify needs the reference")
    encoding = library.load(byte_ranks(folder.parent), pattern="gpt2")
    report = verify_files(encoding, [], built_in=0, files_from=listed)
    assert (report.documents, report.manifest["files_from"]) == (2, str(listed))


def test_a_list_and_what_it_names_are_not_written_over(folder: Path) -> None:
    listed = folder.parent / "list.json"
    listed.write_text(f"{folder / 'a.txt'}\n")
    before = (folder / "a.txt").read_text()
    for output in (listed, folder / "a.txt"):
        result = fasttok("count", "--files-from", listed, "--json", "-o", output)
        assert result.code == 1 and "would replace" in result.err, result.err
    assert (folder / "a.txt").read_text() == before


def test_a_list_that_does_not_end_can_be_interrupted(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    held = os.open(folder / "fifo", os.O_RDWR)
    try:
        process = subprocess.Popen(
            [*FASTTOK, "count", "--files-from", str(folder / "fifo")], env=environment(), stderr=subprocess.PIPE
        )
        time.sleep(1)
        process.send_signal(2)
        assert process.wait(30) == 130 or process.returncode == -2
    finally:
        os.close(held)


REACHED = ("path", "folder", "dots", "link", "linked_folder", "hard_link", "glob", "list")


@pytest.mark.parametrize("way", REACHED)
def test_a_file_that_is_reached_twice_is_counted_once_and_it_is_said(way: str, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("one")
    (tmp_path / "link.txt").symlink_to("x/a.txt")
    (tmp_path / "linked").symlink_to("x")
    os.link(tmp_path / "x" / "a.txt", tmp_path / "hard.txt")
    (tmp_path / "list").write_text("x/a.txt\n")
    ways: dict[str, list[str]] = dict(
        zip(
            REACHED,
            (
                ["x/a.txt"],
                ["x"],
                ["x/../x/a.txt"],
                ["link.txt"],
                ["linked"],
                ["hard.txt"],
                ["x/*.txt"],
                ["--files-from", "list"],
            ),
            strict=True,
        )
    )
    for first in REACHED:
        if first == way == "list":
            continue
        result = fasttok("count", "-e", "r50k_base", "--table", *ways[first], *ways[way], cwd=tmp_path)
        assert result.code == 0
        assert "1 file was found again under another path or name; each file is counted once" in result.err
        assert "1 counted, 0 skipped" in result.last_line
    found = fasttok("count", "-e", "r50k_base", "--json", *ways["path"], *ways[way], cwd=tmp_path).json()
    assert (found["totals"]["documents"], found["manifest"]["inputs_repeated"]) == (1, 1)
