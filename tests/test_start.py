"""What a new process imports before it has answered: libraries that take longer than the answer stay out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("numpy", "rich", "html", "pathlib", "pickle", "tempfile", "csv", "decimal", "fasttok.tokenizers.load")
"""Each takes milliseconds to import, and none is needed to count a file."""

CODE = """
import sys
from fasttok.cli import main
code = main(sys.argv[1:])
print(code, [module for module in {heavy!r} if module in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["count", "--help"],
        ["premium", "--help"],
        ["count", "x.txt"],
        ["count", "x.txt", "-e", "o200k_base,cl100k_base"],
        ["count", "x.txt", "-e", "o200k_base,cl100k_base", "--by", "file", "--sort", "bytes_per_token", "--json"],
    ],
    ids=" ".join,
)
def test_a_command_imports_what_it_needs(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "x.txt").write_text("How many tokens is this?")
    command = [sys.executable, "-c", CODE.format(heavy=HEAVY), *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == "0 []", result.stderr
    assert result.stdout


def test_a_table_imports_rich_and_no_numpy(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("How many tokens is this?")
    code = CODE.format(heavy=("numpy", "rich"))
    result = subprocess.run(
        [sys.executable, "-c", code, "count", "x.txt", "--table"], cwd=tmp_path, capture_output=True
    )
    assert result.stderr.splitlines()[-1] == b"0 ['rich']"


def test_a_small_count_imports_no_json(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("How many tokens is this?")
    code = CODE.format(heavy=("json",))
    result = subprocess.run([sys.executable, "-c", code, "count", "x.txt"], cwd=tmp_path, capture_output=True)
    assert result.stderr.splitlines()[-1] == b"0 []"


COLLECTIONS = """
import gc, sys
from fasttok.cli import main
before = gc.get_stats()[0]["collections"], gc.get_threshold()
code = main(sys.argv[1:])
after = gc.get_stats()[0]["collections"], gc.get_threshold()
# One may be due when it begins.
print(code, after[0] - before[0] <= 1, after[1] == before[1], file=sys.stderr)
"""


def test_a_small_count_looks_for_no_garbage(tmp_path: Path) -> None:
    """The objects that imports make are no garbage, and looking through them took a tenth of the time."""
    (tmp_path / "x.txt").write_text("How many tokens is this?")
    command = [sys.executable, "-c", COLLECTIONS, "count", "x.txt"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == "0 True True"
