"""`fasttok truncate`, `split`, `show` and `count --budget`, as a user runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_support import fasttok as command

import fasttok

TEXT = "Grüße, dear readers.\r\nA second line, 中文字符。\n\nThe end of it\n"


def test_truncate_prints_what_fits_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode())
    expected = fasttok.truncate(TEXT, 7)
    for result in (command("truncate", "-n", "7", path), command("truncate", "-n", "7", stdin=TEXT.encode())):
        assert (result.code, result.out, result.err) == (0, expected.text, "")
    left = command("truncate", "-n", "7", "-", "--side", "left", "-e", "cl100k_base", "--json", stdin=TEXT.encode())
    expected = fasttok.truncate(TEXT, 7, "cl100k_base", side="left")
    assert left.json() == {"text": expected.text, "tokens": expected.tokens, "truncated": True}
    out = tmp_path / "b.txt"
    assert command("truncate", path, "--tokens", "1000", "-o", out).code == 0
    assert out.read_bytes() == TEXT.encode()


def test_split_prints_json_lines_or_the_slices(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode())
    slices = fasttok.split(TEXT, 10, boundary="line")
    rows = [json.loads(line) for line in command("split", "-n", "10", "--boundary", "line", path).out.splitlines()]
    enc = fasttok.get_encoding("o200k_base")
    assert rows == [{"index": i, "tokens": enc.count(text), "text": text} for i, text in enumerate(slices)]
    assert command("split", "-n", "10", "--boundary", "line", "-0", path).out == "".join(f"{s}\0" for s in slices)
    rows = [json.loads(line) for line in command("split", "-n", "10", "--overlap", "3", path).out.splitlines()]
    assert [row["text"] for row in rows] == fasttok.split(TEXT, 10, overlap=3)
    assert command("split", "-n", "10", stdin=b"").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("truncate",), 2, "Missing option '-n'"),
        (("truncate", "-n", "-1"), 2, "-1 is not in the range"),
        (("truncate", "-n", "5", "none.txt"), 1, "none.txt: No such file"),
        (("split", "-n", "3", "--overlap", "3"), 2, "--overlap must be less than -n"),
        (("split", "-n", "0"), 1, "the character at offset 0 has 1 tokens"),
        (("split", "-n", "3", "-e", "o300k"), 2, "o300k"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = command(*arguments, stdin=b"a text")
    assert (result.code, result.out) == (code, "")
    assert message.lower() in result.err.lower()


def test_bytes_that_are_no_text_are_refused() -> None:
    result = command("truncate", "-n", "5", stdin=b"ab\xff")
    assert result.code == 1 and result.err == "fasttok: standard input is not UTF-8 at byte 2\n"


def test_a_budget_has_an_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one two three", encoding="utf-8")
    within = command("count", path, "--budget", "3")
    assert (within.code, within.rows()) == (0, command("count", path).rows())
    over = command("count", path, "--budget", "2")
    assert (over.code, over.rows()) == (4, within.rows())
    assert "3 tokens of o200k_base, 1 more than the budget of 2" in over.err
    # One of several encodings is enough, and nothing else is said with --quiet.
    assert command("count", path, "--budget", "2", "-e", "o200k_base,r50k_base", "--quiet").code == 4
    assert command("count", path, "--budget", "-1").code == 2


ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_show_has_a_line_for_each_token_or_colours(tmp_path: Path) -> None:
    text = "Hello wörld\n\x1b[31m red 🦣"
    plain = command("show", text)
    enc = fasttok.get_encoding("o200k_base")
    rows = [line.split("\t") for line in plain.out.splitlines()]
    assert [int(i) for row in rows for i in row[2].split(",")] == enc.encode(text).tolist()
    assert [int(row[1]) for row in rows][:-1] == [int(row[0]) for row in rows][1:]
    assert rows[0][3] == "Hello" and rows[-1][3].endswith("🦣") and "\x1b" not in plain.out
    assert plain.err == f"{enc.count(text)} tokens of o200k_base in {len(text)} characters\n"
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    for result in (
        command("show", path),
        command("show", stdin=text.encode()),
        command("show", "-", stdin=text.encode()),
    ):
        assert result.out == plain.out
    coloured = command("show", path, "--color", "always").out
    assert len(ESCAPES.findall(coloured)) >= 2 * len(rows)
    assert ESCAPES.sub("", coloured) == f"Hello wörld↵\n\\u001b[31m red 🦣×{rows[-1][2].count(',') + 1}\n"
    assert command("show", path, "--color", "always", NO_COLOR="1").out == coloured


def test_show_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for text in ("a <b>\n中", "another"):
        # A page of before is written over.
        done = command("show", text, "--html", page)
        assert (done.code, done.out) == (0, "")
        written = page.read_text(encoding="utf-8")
        assert written.startswith("<!DOCTYPE html>") and written == fasttok.show(text).to_html()
        assert written.count("<span") == len(fasttok.show(text).spans) and "<b>" not in written
    page.write_text("<!DOCTYPE html> of somebody else")
    assert command("show", "text", "--html", page).code == 1
    assert page.read_text() == "<!DOCTYPE html> of somebody else"


def test_show_says_that_no_such_file_was_shown(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    for text, is_meant in (
        ("b.txt", True),
        ("sub/b", True),
        ("a.txt", False),
        ("Hello there.", False),
        ("end.", False),
    ):
        assert ("there is no such file" in command("show", text, cwd=tmp_path).err) == is_meant, text


def test_show_in_a_notebook() -> None:
    view = fasttok.show("a <b>\n中", "cl100k_base")
    page = view._repr_html_()
    assert "<b>" not in page and "&lt;" in page and page.count("<span") == len(view.spans)
    assert view.tokens == fasttok.get_encoding("cl100k_base").count("a <b>\n中")
